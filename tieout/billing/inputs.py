"""What billing is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tieout.billing.rates import RateBook
from tieout.model.party import Client
from tieout.model.project import InvoiceBy, Project, Rounding
from tieout.model.work import TimeEntry


@dataclass(frozen=True, slots=True)
class Period:
    """Days, closed on both ends. Raises ValueError when it ends before it starts."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"the period ends on {self.end}, before it starts on {self.start}")

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


@dataclass(frozen=True, slots=True)
class BillableEntry:
    """A time entry with the names that mapping gave it. "" keeps what the entry itself says."""

    entry: TimeEntry
    project_id: str | None  # None: mapped to no project
    budget_id: str = ""  # "": found by the task
    person: str = ""
    role: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The workspace's own choices."""

    invoice_by: InvoiceBy = InvoiceBy.PROJECT
    max_hours_per_day: int | Decimal = 24  # of one person, over everything given
    rounding: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingInput:
    """Everything one billing run looks at.

    `already_billed` holds the ids of work items on live documents: of entries, and of
    instalments as `fixed_fee.instalment_id` makes them, from whatever period.
    `taken` holds the ids of documents that exist and are not to be replaced, approved
    and void ones: a draft never takes one of these.
    """

    projects: Sequence[Project]
    clients: Sequence[Client]
    entries: Iterable[BillableEntry]
    rates: RateBook
    period: Period
    policies: Policies = field(default_factory=Policies)
    issue_date: date | None = None  # None: the last day of the period
    already_billed: AbstractSet[str] = frozenset()
    disputed: AbstractSet[str] = frozenset()
    taken: AbstractSet[str] = frozenset()
