"""Creating, changing and deleting expenses through the API, with their receipts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.fields import number, optional_text, truth, whole
from tieout.sandbox.harvest.lists import FORBIDDEN, day
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import Expense, Row
from tieout.sandbox.harvest.show import Viewer, expense_lock

Receipt = tuple[str, bytes, str]


def find(viewer: Viewer, expense_id: int) -> Expense:
    """The expense when the viewer may see it. Raises 404."""
    expense = viewer.account.expenses.get(expense_id)
    if expense is None or not viewer.visible([expense]):
        raise Invalid("Not Found", 404)
    return expense


def create(viewer: Viewer, body: Mapping[str, Any], receipt: Receipt | None) -> Expense:
    """Record an expense; unit-priced categories need `units`, others `total_cost`."""
    books = viewer.account
    user_id = whole(body.get("user_id")) or viewer.user_id
    if user_id not in books.users:
        raise Invalid("User is invalid")
    if user_id != viewer.user_id and not viewer.is_admin and user_id not in viewer.people():
        raise Invalid(FORBIDDEN, 403)
    for name in ("project_id", "expense_category_id", "spent_date"):
        if not body.get(name):
            raise Invalid(f"{_label(name)} can't be blank")
    category = _category(books, body["expense_category_id"])
    cost: dict[str, Any] = {}
    needed = "total_cost" if category["unit_price"] is None else "units"
    if body.get(needed) in (None, ""):
        raise Invalid(f"{_label(needed)} can't be blank")
    cost[needed] = number(body[needed])
    made = books.add_expense(
        user_id,
        _project(books, body["project_id"]),
        category["id"],
        day(body["spent_date"]),
        notes=optional_text(body.get("notes")),
        billable=truth(body.get("billable", True)),
        receipt=receipt,
        **cost,
    )
    return books.expenses[made]


def change(
    viewer: Viewer, expense: Expense, body: Mapping[str, Any], receipt: Receipt | None
) -> None:
    """Edit an unlocked expense; `delete_receipt` takes its receipt away (from memory)."""
    _refuse_locked(expense)
    books = viewer.account
    values: dict[str, Any] = {}
    if "project_id" in body:
        values["project_id"] = _project(books, body["project_id"])
    if "expense_category_id" in body:
        values["category_id"] = _category(books, body["expense_category_id"])["id"]
    if "spent_date" in body:
        values["spent_date"] = day(body["spent_date"])
    for name in ("units", "total_cost"):
        if name in body:
            values[name] = number(body[name])
    if "notes" in body:
        values["notes"] = optional_text(body["notes"])
    if "billable" in body:
        values["billable"] = truth(body["billable"])
    if receipt is not None or truth(body.get("delete_receipt", False)):
        values["receipt"] = receipt
    books.edit_expense(expense.id, **values)


def delete(viewer: Viewer, expense: Expense) -> None:
    """Remove an expense. Administrators may remove approved ones; invoiced ones stay."""
    if expense.is_billed or (expense.is_closed and not viewer.is_admin):
        _refuse_locked(expense)
    viewer.account.delete_expense(expense.id)


def _refuse_locked(expense: Expense) -> None:
    reason = expense_lock(expense)
    if reason is not None:
        raise Invalid(reason)


def _project(books: Account, value: Any) -> int:
    project = books.projects.get(whole(value))
    if project is None or not project["is_active"]:
        raise Invalid("Project isn't active or doesn't exist")
    return int(project["id"])


def _category(books: Account, value: Any) -> Row:
    category = books.categories.get(whole(value))
    if category is None or not category["is_active"]:
        raise Invalid("Expense category isn't active or doesn't exist")
    return category


def _label(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ").capitalize()
