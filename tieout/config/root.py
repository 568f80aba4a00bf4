"""The settings of `tieout.yaml`: the firm, its connections, policies and schedules."""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from tieout.config.kinds import (
    Amount,
    Country,
    Currency,
    Name,
    ScheduleText,
    Text,
    TimeZone,
)
from tieout.config.located import Section, nearest
from tieout.config.notifications import Notifications
from tieout.model.project import InvoiceBy, Rounding

#: The longest number that every ledger keeps whole.
MAX_NUMBER = 21
_DAYS = re.compile(r"net\s+(\d{1,3})", re.IGNORECASE)


class Firm(Section):
    """The business whose work is billed."""

    name: Name
    """The firm's name, as it signs invoices."""
    time_zone: TimeZone
    """IANA name: decides which day it is, and when nightly steps run."""
    currency: Currency
    """ISO 4217 code of the firm's own books."""
    country: Country
    """Two capital letters, such as US."""


def _number_pattern(pattern: str) -> str:
    places: list[str] = []
    try:
        for _, name, form, _ in string.Formatter().parse(pattern):
            if name is None:
                continue
            if name not in ("year", "seq"):
                hint = nearest(name, ("year", "seq")) or "; use {year} and {seq:04}"
                raise ValueError(f"unknown place '{{{name}}}' in the number{hint}")
            if not re.fullmatch(r"(0?\d)?", form or ""):
                raise ValueError(f"'{form}' is not a number of digits; write {{seq:04}}")
            places.append(name)
        sample = pattern.format(year=2026, seq=9999)
    except (IndexError, KeyError) as error:
        raise ValueError(f"the number pattern cannot be read: {error}") from None
    if sorted(places) != ["seq", "year"]:
        raise ValueError(
            "the number needs {year} and {seq} once each: counting starts anew each year"
        )
    if len(sample) > MAX_NUMBER:
        raise ValueError(
            f"a number such as '{sample}' has {len(sample)} characters;"
            f" ledgers keep at most {MAX_NUMBER}"
        )
    return pattern


NumberPattern = Annotated[str, AfterValidator(_number_pattern)]


class Invoices(Section):
    """How documents are numbered and when they fall due."""

    number: NumberPattern = "INV-{year}-{seq:04}"
    """Invoice numbers, gapless in each year: {year} and {seq:04} (digits)."""
    credit_number: NumberPattern = "CN-{year}-{seq:04}"
    """Credit note numbers."""
    payment_terms: Name = "Net 30"
    """The firm's usual terms, for projects that have none of their own."""

    def format_number(self, year: int, seq: int, *, credit: bool = False) -> str:
        """The number of the seq-th document of a year: `INV-2026-0007`."""
        return (self.credit_number if credit else self.number).format(year=year, seq=seq)


def due_days(terms: str) -> int | None:
    """Days until a document falls due: `Net 30` = 30, `Due on receipt` = 0, else None."""
    match = _DAYS.fullmatch(terms.strip())
    if match:
        return int(match[1])
    return 0 if terms.strip().casefold() == "due on receipt" else None


class Connection(Section):
    """One authorised link to one company in one system."""

    connector: Name
    """Which system: salesforce, harvest, quickbooks, files ..."""
    base_url: Text = ""
    """Another address than the vendor's own, such as a sandbox on this machine."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What the connector asks for; never a secret."""
    secrets: dict[str, str] = Field(default_factory=dict)
    """For each secret the NAME of the environment variable that holds it."""

    def without(self, names: Collection[str]) -> Connection:
        """The same, less the secrets of these names."""
        kept = {name: said for name, said in self.secrets.items() if name not in names}
        return self.model_copy(update={"secrets": kept})


class Policies(Section):
    """Decisions of the firm that hold everywhere."""

    invoice_by: InvoiceBy = InvoiceBy.PROJECT
    """One invoice for each project, or one for each client with a section per project."""
    max_hours_per_day: Amount | None = None
    """A person's day with more hours is held for a look; null = no limit."""
    create_clients: bool = True
    """Create a client in the ledger when it is not there; else its invoices are held."""
    rounding: Rounding = Rounding.HALF_UP
    """How half a cent is rounded on a line."""
    approvers: tuple[Name, ...] = ()
    """Who may approve invoices; empty = anyone who may run Tieout."""
    tolerance: Amount = Field(default="0.00", validate_default=True)
    """Differences up to this amount are listed by reconciliation but need no action."""


class Schedules(Section):
    """When each step runs on its own: `every 5 minutes`, "22:00" (firm's time) or `off`."""

    pull: ScheduleText = Field(default="every 5 minutes", validate_default=True)
    """Fetch deals and time."""
    push: ScheduleText = Field(default="22:00", validate_default=True)
    """Send approved documents to the ledger."""
    pullback: ScheduleText = Field(default="every 60 minutes", validate_default=True)
    """Fetch payments and changes from the ledger."""
    reconcile: ScheduleText = Field(default="06:00", validate_default=True)
    """Compare both sides."""


class Root(Section):
    """The workspace's own file, `tieout.yaml`."""

    firm: Firm
    invoices: Invoices = Field(default_factory=Invoices)
    connections: dict[str, Connection] = Field(default_factory=dict)
    """Each under a name of your choice; mappings refer to it."""
    policies: Policies = Field(default_factory=Policies)
    schedules: Schedules = Field(default_factory=Schedules)
    notifications: Notifications = Field(default_factory=Notifications)
