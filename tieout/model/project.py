"""Deals that are won, the projects they become, budgets, and rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tieout.model.ids import SourceRef, stable_id
from tieout.model.party import Address, Contact

Scalar = str | int | bool | Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealLine:
    """One product sold with a deal."""

    id: str
    name: str
    product_code: str = ""
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    total: Decimal | None = None
    service_date: date | None = None
    description: str = ""
    fields: Mapping[str, Scalar] = field(default_factory=dict)  # what else the source gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A CRM sale. Winning it creates a project.

    `currency` is None when the CRM has one currency only: the firm's own is meant.
    """

    id: str
    source: SourceRef
    name: str
    client: str  # the account's name
    client_ref: str  # the account's id in the CRM
    amount: Decimal | None
    currency: str | None
    is_won: bool
    is_closed: bool
    close_date: date | None = None
    owner: str = ""
    client_address: Address | None = None
    contacts: tuple[Contact, ...] = ()
    lines: tuple[DealLine, ...] = ()
    fields: Mapping[str, Scalar] = field(default_factory=dict)  # every other field, custom ones too


@dataclass(frozen=True, slots=True, kw_only=True)
class DealLineFact:
    """A product line as it came by itself: it names its deal, and joins it later."""

    deal_ref: str  # the deal's id in the CRM
    line: DealLine
    source: SourceRef

    @property
    def id(self) -> str:
        return self.line.id


@dataclass(frozen=True, slots=True, kw_only=True)
class DealContactFact:
    """A contact of a deal as it came by itself: it names its deal, and joins it later."""

    deal_ref: str  # the deal's id in the CRM
    contact: Contact
    source: SourceRef

    @property
    def id(self) -> str:
        return stable_id("deal_contact", self.source.connection, self.source.remote_id)


class BillingModel(StrEnum):
    """How a budget is billed."""

    TIME_AND_MATERIALS = "time_and_materials"
    FIXED_FEE = "fixed_fee"


class TimeRounding(StrEnum):
    """Which way hours are rounded to whole steps."""

    UP = "up"
    NEAREST = "nearest"
    DOWN = "down"


class Rounding(StrEnum):
    """What becomes of a tie when money is rounded; the workspace chooses once."""

    HALF_UP = "half_up"  # away from zero: 0.225 is 0.23, -0.225 is -0.23
    HALF_EVEN = "half_even"  # to the even neighbour: 0.225 is 0.22


class InvoiceBy(StrEnum):
    """What shares one invoice."""

    PROJECT = "project"
    CLIENT = "client"


class GroupKey(StrEnum):
    """What makes one invoice line of many entries."""

    TASK = "task"
    PERSON = "person"
    ROLE = "role"
    PROJECT = "project"
    BUDGET = "budget"
    DAY = "day"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One part of a fixed fee: a percent of it or an amount, due on a date."""

    on: date
    percent: Decimal | None = None
    amount: Decimal | None = None  # in the project's currency
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One separately priced part of a project, with its own terms."""

    id: str
    name: str
    model: BillingModel
    amount: Decimal | None = None  # the fee, in the project's currency; None for open T&M
    rate_card: str = ""  # a card of the workspace; "" = the client's, then the firm's
    group_by: tuple[GroupKey, ...] = (GroupKey.TASK, GroupKey.PERSON)
    time_rounding_minutes: int = 0  # 0 = none
    time_rounding: TimeRounding = TimeRounding.NEAREST
    instalments: tuple[Instalment, ...] = ()
    tasks: tuple[str, ...] = ()  # the tasks whose time falls here; () = every other task
    item: str = ""  # the ledger item its lines are sold as; "" = by the ledger mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The engagement that a won deal, or an import, made."""

    id: str
    source: SourceRef | None  # the deal's, None when it came from a time tool or a person
    name: str
    client_id: str
    currency: str
    code: str = ""
    budgets: tuple[Budget, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    time_names: tuple[str, ...] = ()  # the project's names or ids in the time tools
    po_number: str = ""
    terms: str = ""  # payment terms by name, "" = the client's or the firm's
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One dated rate per hour. Empty scopes match anything; the ladder decides who wins.

    Dates are closed on both ends; None is open.
    """

    amount: Decimal
    currency: str
    origin: str  # where it is written: `mappings/rates.yaml:14`
    card: str = ""  # the rate card it stands on; "" for an override outside cards
    client: str = ""
    project: str = ""
    task: str = ""
    person: str = ""
    role: str = ""
    from_date: date | None = None
    to_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFact:
    """A rate as it came by itself, from a file."""

    rate: Rate
    source: SourceRef

    @property
    def id(self) -> str:
        return stable_id("rate", self.source.connection, self.source.remote_id)
