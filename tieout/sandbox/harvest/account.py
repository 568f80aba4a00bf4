"""One Harvest account: its work, time and expenses, and what people do with them.

Hours and money are `Decimal`; dates are the person's local dates; instants are
aware, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any, Literal

from tieout.clock import Clock
from tieout.sandbox.harvest.records import (
    ZONES,
    Entry,
    Expense,
    Number,
    Row,
    hours_of,
    rate_on,
)
from tieout.sandbox.harvest.work import Work

_HUNDREDTH = Decimal("0.01")


@dataclass
class Account(Work):
    """All records of one account. Methods are named after what a person does in the product."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.entries: dict[int, Entry] = {}
        self.expenses: dict[int, Expense] = {}
        self.invoices: dict[int, Row] = {}
        self._timers: dict[int, int] = {}  # person to the entry whose timer runs

    def copy(self, clock: Clock | None = None) -> Account:
        """The same account once more, on its own clock when one is given."""
        twin = object.__new__(type(self))
        twin.__dict__.update({name: _copied(value) for name, value in vars(self).items()})
        twin.clock = clock or self.clock
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Account:
        return self.copy(memo.get(id(self.clock)))

    # -- time -------------------------------------------------------------------
    def add_entry(
        self,
        user_id: int,
        project_id: int,
        task_id: int,
        spent_date: date,
        hours: Number,
        *,
        notes: str | None = None,
        external_reference: Row | None = None,
        started_time: str | None = None,
        ended_time: str | None = None,
    ) -> int:
        """Record time by duration; a missing assignment is made."""
        self._assign(user_id, project_id, task_id)
        now = self._now()
        made = Entry(
            id=self.next_id(),
            user_id=user_id,
            project_id=project_id,
            task_id=task_id,
            spent_date=spent_date,
            base_hours=hours_of(hours),
            created_at=now,
            updated_at=now,
            notes=notes,
            external_reference=external_reference,
            started_time=started_time,
            ended_time=ended_time,
        )
        self.entries[made.id] = made
        return made.id

    def start_timer(self, user_id: int, project_id: int, task_id: int, **more: Any) -> int:
        """Start a timer on the person's own day; hours grow with the clock."""
        zone = ZONES.get(self.users[user_id]["timezone"], "UTC")
        day = more.pop("spent_date", None) or self.clock.today(zone)
        made = self.add_entry(user_id, project_id, task_id, day, 0, **more)
        self.restart_timer(made)
        return made

    def restart_timer(self, entry_id: int) -> None:
        """Run the entry's timer; any other timer of the person stops."""
        entry = self.entries[entry_id]
        other = self._timers.get(entry.user_id)
        if other is not None:
            self.stop_timer(other)
        self._timers[entry.user_id] = entry.id
        entry.timer_started_at = self._now()
        entry.updated_at = self._now()

    def stop_timer(self, entry_id: int) -> None:
        entry = self.entries[entry_id]
        entry.base_hours = self.hours(entry)
        entry.timer_started_at = None
        self._forget_timer(entry)
        entry.updated_at = self._now()

    def edit_entry(self, entry_id: int, **values: Any) -> None:
        """Change an entry as an administrator can, locked or not; `hours` sets its length."""
        entry = self.entries[entry_id]
        self._forget_timer(entry)
        if "hours" in values:
            entry.base_hours = hours_of(values.pop("hours"))
            if entry.timer_started_at is not None:
                entry.timer_started_at = self._now()
        for name, value in values.items():
            if not hasattr(entry, name):
                raise AttributeError(f"a time entry has no {name}")
            setattr(entry, name, value)
        if entry.timer_started_at is not None:
            self._timers[entry.user_id] = entry.id
        self._assign(entry.user_id, entry.project_id, entry.task_id)
        entry.updated_at = self._now()

    def delete_entry(self, entry_id: int) -> None:
        """Remove an entry; nothing tells that it existed."""
        self._forget_timer(self.entries.pop(entry_id))

    def submit(self, entry_ids: Iterable[int]) -> None:
        self._mark(entry_ids, is_submitted=True)

    def approve(self, entry_ids: Iterable[int]) -> None:
        """Approve time: the entries are closed and locked."""
        self._mark(entry_ids, is_submitted=True, is_closed=True)

    def withdraw_approval(self, entry_ids: Iterable[int]) -> None:
        """Open approved time again, for edits."""
        self._mark(entry_ids, is_submitted=False, is_closed=False)

    def mark_billed(self, entry_ids: Iterable[int], billed: bool = True) -> None:
        """Mark time as invoiced by hand; there is no invoice behind it."""
        self._mark(entry_ids, marked_billed=billed)

    # -- expenses -------------------------------------------------------------
    def add_expense(
        self,
        user_id: int,
        project_id: int,
        category_id: int,
        spent_date: date,
        *,
        total_cost: Number | None = None,
        units: Number = 1,
        notes: str | None = None,
        billable: bool = True,
        receipt: tuple[str, bytes, str] | None = None,
    ) -> int:
        """Record an expense in the client's currency; unit-priced categories take `units`."""
        price = self.categories[category_id]["unit_price"]
        cost = Decimal(units) * price if price is not None else Decimal(total_cost or 0)
        now = self._now()
        made = Expense(
            id=self.next_id(),
            user_id=user_id,
            project_id=project_id,
            category_id=category_id,
            spent_date=spent_date,
            total_cost=cost.quantize(_HUNDREDTH, ROUND_HALF_UP),
            units=Decimal(units),
            created_at=now,
            updated_at=now,
            notes=notes,
            billable=billable,
            receipt=receipt,
        )
        self.expenses[made.id] = made
        return made.id

    def edit_expense(self, expense_id: int, **values: Any) -> None:
        """Change an expense, locked or not; a unit-priced category works its cost out again."""
        expense = self.expenses[expense_id]
        for name, value in values.items():
            if not hasattr(expense, name):
                raise AttributeError(f"an expense has no {name}")
            setattr(expense, name, value)
        price = self.categories[expense.category_id]["unit_price"]
        cost = expense.total_cost if price is None else expense.units * price
        expense.total_cost = cost.quantize(_HUNDREDTH, ROUND_HALF_UP)
        expense.updated_at = self._now()

    def delete_expense(self, expense_id: int) -> None:
        """Remove an expense; nothing tells that it existed."""
        del self.expenses[expense_id]

    def approve_expenses(self, expense_ids: Iterable[int]) -> None:
        for expense_id in expense_ids:
            self.expenses[expense_id].is_closed = True
            self.expenses[expense_id].updated_at = self._now()

    # -- projects and invoices ----------------------------------------------------
    def delete_project(self, project_id: int) -> None:
        """Remove a project with all its time and expenses; invoices stay."""
        for entry in [each for each in self.entries.values() if each.project_id == project_id]:
            self.delete_entry(entry.id)
        for expense in [each for each in self.expenses.values() if each.project_id == project_id]:
            self.delete_expense(expense.id)
        for kind in ("task_assignments", "user_assignments"):
            rows: dict[int, Row] = getattr(self, kind)
            for row in [each for each in rows.values() if each["project_id"] == project_id]:
                self.forget(kind, row["id"])
        self.forget("projects", project_id)

    def set_invoice_state(
        self, invoice_id: int, state: Literal["draft", "open", "paid", "closed"]
    ) -> None:
        """Send, reopen, close or settle an invoice made in Harvest; a paid one has nothing due."""
        invoice = self.invoices[invoice_id]
        invoice["state"] = state
        invoice["due_amount"] = Decimal("0.00") if state == "paid" else invoice["amount"]
        invoice["updated_at"] = self._now()

    # -- what is derived --------------------------------------------------------
    def hours(self, entry: Entry) -> Decimal:
        """Hours with the running timer, two decimals."""
        if entry.timer_started_at is None:
            return entry.base_hours
        ran = self.clock.now() - entry.timer_started_at
        seconds = Decimal(ran // timedelta(seconds=1))
        return (entry.base_hours + seconds / 3600).quantize(_HUNDREDTH, ROUND_HALF_UP)

    def rounded_hours(self, entry: Entry) -> Decimal:
        """Hours under the account's rounding, entry by entry, two decimals."""
        hours = self.hours(entry)
        if self.settings.rounding == "none":
            return hours
        step = Decimal(self.settings.rounding_minutes)
        how = ROUND_CEILING if self.settings.rounding == "up" else ROUND_HALF_UP
        steps = (hours * 60 / step).quantize(Decimal(1), how)
        return (steps * step / 60).quantize(_HUNDREDTH, ROUND_HALF_UP)

    def task_assignment(self, entry: Entry) -> Row:
        return self.task_assignments[self._task_pairs[entry.project_id, entry.task_id]]

    def is_billable(self, entry: Entry) -> bool:
        project = self.projects[entry.project_id]
        return bool(project["is_billable"] and self.task_assignment(entry)["billable"])

    def rate(self, entry: Entry) -> Decimal | None:
        """The billable rate on the entry's day, None when nothing gives one."""
        project = self.projects[entry.project_id]
        if not self.is_billable(entry):
            return None
        rates: dict[str, Decimal | None] = {
            "Project": project["hourly_rate"],
            "Tasks": self.task_assignment(entry)["hourly_rate"],
            "People": self._personal_rate(entry),
        }
        return rates.get(project["bill_by"])

    def _personal_rate(self, entry: Entry) -> Decimal | None:
        assignment = self.user_assignment(entry.user_id, entry.project_id)
        if assignment and not assignment["use_default_rates"]:
            return assignment["hourly_rate"]  # type: ignore[no-any-return]
        return rate_on(self.billable_rates.get(entry.user_id, []), entry.spent_date)

    def cost(self, entry: Entry) -> Decimal | None:
        return rate_on(self.cost_rates.get(entry.user_id, []), entry.spent_date)

    # -- inside -----------------------------------------------------------------
    def _forget_timer(self, entry: Entry) -> None:
        if self._timers.get(entry.user_id) == entry.id:
            del self._timers[entry.user_id]

    def touch(self, entry: Entry | Expense) -> None:
        if self.settings.approval_touches:
            entry.updated_at = self._now()

    def _mark(self, entry_ids: Iterable[int], **values: bool) -> None:
        for entry_id in entry_ids:
            entry = self.entries[entry_id]
            for name, value in values.items():
                setattr(entry, name, value)
            self.touch(entry)

    def _assign(self, user_id: int, project_id: int, task_id: int) -> None:
        if self.user_assignment(user_id, project_id) is None:
            self.assign_user(project_id, user_id)
        if (project_id, task_id) not in self._task_pairs:
            self.assign_task(project_id, task_id)


def _copied(value: Any) -> Any:
    """A copy of what can change; sharing the rest is much faster than a deep copy."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, set):
        return set(value)
    if isinstance(value, Entry | Expense):
        twin = object.__new__(type(value))
        twin.__dict__.update(value.__dict__)
        return twin
    return value
