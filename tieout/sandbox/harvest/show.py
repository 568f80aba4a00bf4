"""Records as the API answers them, for the token that asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.records import Entry, Expense, Row

_ASSIGNMENT = ("id", "is_active", "budget", "hourly_rate", "created_at", "updated_at")


@dataclass(frozen=True)
class Viewer:
    """The person behind a token, and what they may see."""

    account: Account
    user_id: int

    @property
    def roles(self) -> list[str]:
        return list(self.account.users[self.user_id]["access_roles"])

    @property
    def is_admin(self) -> bool:
        return "administrator" in self.roles

    @property
    def is_manager(self) -> bool:
        return self.is_admin or "manager" in self.roles

    @property
    def sees_rates(self) -> bool:
        return self.is_admin or "billable_rates_manager" in self.roles

    def people(self) -> set[int]:
        """The people whose records the viewer sees."""
        if self.is_admin:
            return set(self.account.users)
        mine = {self.user_id}
        return mine | self.account.teammates.get(self.user_id, set()) if self.is_manager else mine

    def led(self) -> set[int]:
        """The projects the viewer sees as a whole."""
        if self.is_admin:
            return set(self.account.projects)
        if not self.is_manager:
            return set()
        return {
            each["project_id"]
            for each in self.account.user_assignments.values()
            if each["user_id"] == self.user_id and each["is_project_manager"]
        }

    def visible(self, records: Iterable[Any]) -> list[Any]:
        """Those entries or expenses the viewer sees; the rest is left out in silence."""
        people, led = self.people(), self.led()
        return [each for each in records if each.user_id in people or each.project_id in led]

    # -- records ------------------------------------------------------------------
    def entry(self, entry: Entry, *, listed: bool = False) -> Row:
        """A time entry."""
        books = self.account
        reason = lock_reason(books, entry)
        shown: Row = {
            "id": entry.id,
            "spent_date": entry.spent_date,
            "user": _person(books, entry.user_id),
            "client": _client(books, entry.project_id),
            "project": _project(books, entry.project_id),
            "task": {"id": entry.task_id, "name": books.tasks[entry.task_id]["name"]},
        }
        if books.settings.list_assignments or not listed:
            shown |= self._assignments(entry)
        shown |= {
            "hours": books.hours(entry),
            "hours_without_timer": entry.base_hours,
            "rounded_hours": books.rounded_hours(entry),
            "notes": entry.notes,
            "is_locked": reason is not None,
            "locked_reason": reason,
            "is_closed": entry.is_closed,
            "is_billed": entry.is_billed,
            "timer_started_at": entry.timer_started_at,
            "started_time": entry.started_time,
            "ended_time": entry.ended_time,
            "is_running": entry.timer_started_at is not None,
            "invoice": _invoice(books, entry.invoice_id),
            "external_reference": entry.external_reference,
            "billable": books.is_billable(entry),
            "budgeted": books.projects[entry.project_id]["budget"] is not None,
            "billable_rate": books.rate(entry) if self.sees_rates else None,
            "cost_rate": books.cost(entry) if self.is_admin else None,
            "created_at": entry.created_at,
            "updated_at": entry.updated_at,
        }
        if books.settings.approval_status:
            shown["approval_status"] = approval_status(entry)
        return shown

    def expense(self, expense: Expense, host_url: str) -> Row:
        """An expense; the receipt's link stays on this host."""
        books = self.account
        project = books.projects[expense.project_id]
        currency = books.clients[project["client_id"]]["currency"]
        category = books.categories[expense.category_id]
        assignment = books.user_assignment(expense.user_id, expense.project_id)
        reason = expense_lock(expense)
        receipt: Row = {"url": None, "file_name": None, "file_size": None, "content_type": None}
        if expense.receipt is not None:
            name, content, kind = expense.receipt
            url = f"{host_url.rstrip('/')}/expenses/{expense.id}/receipt"
            receipt = {
                "url": url,
                "file_name": name,
                "file_size": len(content),
                "content_type": kind,
            }
        return {
            "id": expense.id,
            "spent_date": expense.spent_date,
            "user": _person(books, expense.user_id),
            "user_assignment": _user_assignment(assignment) if assignment else None,
            "client": {**_client(books, expense.project_id), "currency": currency},
            "project": _project(books, expense.project_id),
            "expense_category": {
                key: category[key] for key in ("id", "name", "unit_price", "unit_name")
            },
            "receipt": receipt,
            "invoice": _invoice(books, expense.invoice_id),
            "notes": expense.notes,
            "units": expense.units,
            "total_cost": expense.total_cost,
            "billable": expense.billable,
            "is_closed": expense.is_closed,
            "is_locked": reason is not None,
            "is_billed": expense.is_billed,
            "locked_reason": reason,
            "created_at": expense.created_at,
            "updated_at": expense.updated_at,
        }

    def user(self, row: Row) -> Row:
        """A person; rates only for those who may see them."""
        shown = dict(row)
        if not self.sees_rates:
            del shown["default_hourly_rate"]
        if not self.is_admin:
            del shown["cost_rate"]
        return shown

    def project(self, row: Row) -> Row:
        shown = {key: value for key, value in row.items() if key != "client_id"}
        client = self.account.clients[row["client_id"]]
        shown["client"] = {key: client[key] for key in ("id", "name", "currency")}
        if not self.sees_rates:
            for name in ("hourly_rate", "fee", "cost_budget"):
                shown[name] = None
        return shown

    def task_assignment(self, row: Row) -> Row:
        shown = {key: row[key] for key in ("billable", *_ASSIGNMENT)}
        shown["project"] = _project(self.account, row["project_id"])
        task = self.account.tasks[row["task_id"]]
        return shown | {"task": {"id": task["id"], "name": task["name"]}}

    def user_assignment(self, row: Row) -> Row:
        shown = _user_assignment(row) | {"use_default_rates": row["use_default_rates"]}
        shown["project"] = _project(self.account, row["project_id"])
        return shown | {"user": _person(self.account, row["user_id"])}

    def _assignments(self, entry: Entry) -> Row:
        task = self.account.task_assignment(entry)
        user = self.account.user_assignment(entry.user_id, entry.project_id)
        return {
            "user_assignment": _user_assignment(user) if user else None,
            "task_assignment": {key: task[key] for key in ("billable", *_ASSIGNMENT)},
        }


def approval_status(entry: Entry | Expense) -> str:
    if entry.is_closed:
        return "approved"
    submitted = isinstance(entry, Entry) and entry.is_submitted
    return "submitted" if submitted else "unsubmitted"


def lock_reason(books: Account, entry: Entry) -> str | None:
    """Why an entry cannot be edited, None when it can. Locked does not mean approved.

    The wordings for approval are the vendor's; those for archived records are ours.
    """
    if entry.is_billed and entry.is_closed:
        return "Item Invoiced and Approved and Locked for this Time Period"
    if entry.is_billed:
        return "Item Invoiced and Locked for this Time Period"
    if entry.is_closed:
        return "Item Approved and Locked for this Time Period"
    for kind, row in (
        ("Project", books.projects[entry.project_id]),
        ("Task", books.tasks[entry.task_id]),
        ("Person", books.users[entry.user_id]),
    ):
        if not row["is_active"]:
            return f"Item Locked because its {kind} is Archived"
    return None


def expense_lock(expense: Expense) -> str | None:
    """Why an expense cannot be edited, None when it can."""
    if expense.is_billed:
        return "Expense is invoiced."
    return "Item Approved and Locked for this Time Period" if expense.is_closed else None


def plain(value: Any) -> Any:
    """Dates and instants as text, everything else as it is, ready for JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def _person(books: Account, user_id: int) -> Row:
    user = books.users[user_id]
    return {"id": user_id, "name": f"{user['first_name']} {user['last_name']}"}


def _client(books: Account, project_id: int) -> Row:
    client = books.clients[books.projects[project_id]["client_id"]]
    return {"id": client["id"], "name": client["name"]}


def _project(books: Account, project_id: int) -> Row:
    project = books.projects[project_id]
    return {"id": project_id, "name": project["name"], "code": project["code"]}


def _invoice(books: Account, invoice_id: int | None) -> Row | None:
    if invoice_id is None:
        return None
    return {"id": invoice_id, "number": books.invoices[invoice_id]["number"]}


def _user_assignment(row: Row) -> Row:
    return {key: row[key] for key in ("is_project_manager", *_ASSIGNMENT)}
