"""What an account keeps: preferences, time entries and expenses, and how amounts are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

Row = dict[str, Any]
Number = Decimal | int | str
_HUNDREDTH = Decimal("0.01")

#: The vendor names zones as Ruby on Rails does.
ZONES = {
    "Eastern Time (US & Canada)": "America/New_York",
    "Central Time (US & Canada)": "America/Chicago",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Alaska": "America/Anchorage",
    "London": "Europe/London",
    "Berlin": "Europe/Berlin",
    "Nuku'alofa": "Pacific/Tongatapu",
    "UTC": "UTC",
}


@dataclass(frozen=True)
class Settings:
    """The account's preferences. Changing the rounding re-rounds all past time."""

    name: str = "Acme Consulting"
    rounding: Literal["none", "nearest", "up"] = "none"
    rounding_minutes: int = 15  # 6, 15 or 30
    wants_timestamp_timers: bool = False  # entries have start and end times
    clock: Literal["12h", "24h"] = "12h"
    weekly_capacity: int = 126_000  # seconds
    approval_feature: bool = True
    expense_feature: bool = True
    approval_status: bool = True  # entries carry the text field of that name
    approval_touches: bool = True  # approving and invoicing move `updated_at`
    list_assignments: bool = True  # entries in lists carry their assignments


@dataclass
class Entry:
    """A time entry as it is kept; what depends on other records is worked out on reading."""

    id: int
    user_id: int
    project_id: int
    task_id: int
    spent_date: date
    base_hours: Decimal  # hours without the running timer
    created_at: datetime
    updated_at: datetime
    notes: str | None = None
    timer_started_at: datetime | None = None
    started_time: str | None = None
    ended_time: str | None = None
    is_closed: bool = False
    is_submitted: bool = False
    marked_billed: bool = False  # by hand, in the detailed report
    invoice_id: int | None = None
    external_reference: Row | None = None

    @property
    def is_billed(self) -> bool:
        return self.marked_billed or self.invoice_id is not None


@dataclass
class Expense:
    """An expense as it is kept."""

    id: int
    user_id: int
    project_id: int
    category_id: int
    spent_date: date
    total_cost: Decimal
    units: Decimal
    created_at: datetime
    updated_at: datetime
    notes: str | None = None
    billable: bool = True
    is_closed: bool = False
    marked_billed: bool = False
    invoice_id: int | None = None
    receipt: tuple[str, bytes, str] | None = None  # file name, content, content type

    @property
    def is_billed(self) -> bool:
        return self.marked_billed or self.invoice_id is not None


def rate_on(history: list[Row], day: date) -> Decimal | None:
    """The amount whose span covers the day."""
    for each in history:
        after_start = each["start_date"] is None or each["start_date"] <= day
        if after_start and (each["end_date"] is None or day <= each["end_date"]):
            return each["amount"]  # type: ignore[no-any-return]
    return None


def hours_of(hours: Number) -> Decimal:
    """Hours as the vendor keeps them: two decimals, half up. Raises TypeError for a float."""
    if isinstance(hours, float):
        raise TypeError("hours are exact: give a Decimal, an int or a text")
    return Decimal(hours).quantize(_HUNDREDTH, ROUND_HALF_UP)


def money(amount: Number | None) -> Decimal | None:
    if isinstance(amount, float):
        raise TypeError("amounts are exact: give a Decimal, an int or a text")
    return None if amount is None else Decimal(amount).quantize(_HUNDREDTH, ROUND_HALF_UP)
