"""Work items: time entries and expenses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from tieout.model.ids import SourceRef
from tieout.model.money import Money


class Approval(StrEnum):
    """Whether a work item was released for billing in the tool it comes from."""

    NONE = "none"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEntry:
    """Hours by one person on one day, as the time tool tells them.

    Names stand beside ids so that files without ids can be mapped and people
    can read what they see.
    """

    id: str
    source: SourceRef
    person: str  # the person's name there
    person_ref: str = ""  # the person's id there, "" when the source has none
    client: str = ""
    client_ref: str = ""
    project: str = ""
    project_ref: str = ""
    task: str = ""
    role: str = ""  # the role the source gives, "" when it gives none
    work_date: date
    seconds: int  # whole seconds
    billable: bool
    approval: Approval
    running: bool = False  # a timer that has not stopped: never billable
    billed_upstream: bool = False  # the tool itself says it was invoiced
    locked: bool = False
    notes: str = ""
    rate: Money | None = None  # the rate the tool shows; a rate rule may use it
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """Money spent by one person for a project."""

    id: str
    source: SourceRef
    person: str
    person_ref: str = ""
    client: str = ""
    client_ref: str = ""
    project: str = ""
    project_ref: str = ""
    category: str = ""
    spent_on: date
    cost: Money
    billable: bool
    approval: Approval
    billed_upstream: bool = False
    locked: bool = False
    notes: str = ""
    receipt_url: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeProject:
    """A project as a time tool lists it: what its entries point to, not what is billed."""

    id: str
    source: SourceRef
    name: str
    code: str = ""
    client: str = ""
    client_ref: str = ""
    currency: str | None = None  # the client's; None when the source does not say
    active: bool = True
    billable: bool = True
    fixed_fee: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTask:
    """A task as a time tool lists it."""

    id: str
    source: SourceRef
    name: str
    active: bool = True
    billable: bool = True  # whether new work on it is billable unless the project says otherwise


def seconds_of_hours(hours: Decimal) -> int:
    """Whole seconds of decimal hours, a half second away from zero: 0.33 h = 1188 s.

    A duration, not money: decimal hours carry at most a few digits, and
    3600 x hours is nearly always whole already.
    """
    doubled = int(abs(hours) * 7200)
    seconds = (doubled + 1) // 2
    return -seconds if hours < 0 else seconds
