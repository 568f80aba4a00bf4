"""Creating, changing and deleting clients, projects, tasks, categories and assignments.

What stands in the way of a deletion, and what goes with a project, is from memory
of the vendor's documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.fields import amount, number, optional_day, text, truth, whole
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import Entry, Expense, Row

Reader = Callable[[Any], Any]


def _one_of(*allowed: str) -> Reader:
    def read(value: Any) -> str:
        if value not in allowed:
            raise Invalid(f"{value} is not one of {', '.join(allowed)}")
        return str(value)

    return read


@dataclass(frozen=True)
class Kind:
    """One kind of record: its fields, those it must have, and its parents' books by field."""

    fields: Mapping[str, Reader]
    required: tuple[str, ...] = ("name",)
    parents: Mapping[str, str] | None = None


KINDS: dict[str, Kind] = {
    "clients": Kind({"name": text, "is_active": truth, "address": text, "currency": text}),
    "tasks": Kind(
        {
            "name": text,
            "billable_by_default": truth,
            "default_hourly_rate": amount,
            "is_default": truth,
            "is_active": truth,
        }
    ),
    "expense_categories": Kind(
        {"name": text, "unit_name": text, "unit_price": amount, "is_active": truth}
    ),
    "projects": Kind(
        {
            "client_id": whole,
            "name": text,
            "code": text,
            "is_active": truth,
            "is_billable": truth,
            "is_fixed_fee": truth,
            "bill_by": _one_of("Project", "Tasks", "People", "none"),
            "hourly_rate": amount,
            "budget": amount,
            "budget_by": _one_of("project", "project_cost", "task", "task_fees", "person", "none"),
            "budget_is_monthly": truth,
            "notify_when_over_budget": truth,
            "over_budget_notification_percentage": number,
            "show_budget_to_all": truth,
            "cost_budget": amount,
            "cost_budget_include_expenses": truth,
            "fee": amount,
            "notes": text,
            "starts_on": optional_day,
            "ends_on": optional_day,
        },
        ("client_id", "name"),
        {"client_id": "clients"},
    ),
    "task_assignments": Kind(
        {
            "project_id": whole,
            "task_id": whole,
            "is_active": truth,
            "billable": truth,
            "hourly_rate": amount,
            "budget": amount,
        },
        ("project_id", "task_id"),
        {"project_id": "projects", "task_id": "tasks"},
    ),
    "user_assignments": Kind(
        {
            "project_id": whole,
            "user_id": whole,
            "is_active": truth,
            "is_project_manager": truth,
            "use_default_rates": truth,
            "hourly_rate": amount,
            "budget": amount,
        },
        ("project_id", "user_id"),
        {"project_id": "projects", "user_id": "users"},
    ),
}
_NESTED = ("task_assignments", "user_assignments")
#: Where the account keeps them, when it is not under the name of the list.
_BOOKS = {"expense_categories": "categories"}
#: What an assignment stays tied to.
_FIXED = ("project_id", "task_id", "user_id")


def place(parts: list[str]) -> tuple[str, int | None, Row]:
    """The kind, the record's id and the fields the path gives. Raises 404."""
    if len(parts) in (3, 4) and parts[0] == "projects" and parts[2] in _NESTED:
        given = {"project_id": whole(parts[1])}
        return parts[2], whole(parts[3]) if len(parts) == 4 else None, given
    if len(parts) in (1, 2) and parts[0] in KINDS and parts[0] not in _NESTED:
        return parts[0], whole(parts[1]) if len(parts) == 2 else None, {}
    raise Invalid("Not Found", 404)


def create(books: Account, kind: str, body: Mapping[str, Any]) -> Row:
    """Make a record. Raises `Invalid`."""
    for name in KINDS[kind].required:
        if not body.get(name):
            raise Invalid(f"{_label(name)} can't be blank")
    values = _values(books, kind, body)
    made = _made(books, kind, values)
    rows = _rows(books, kind)
    rows[made].update(values)
    return rows[made]


def change(books: Account, kind: str, row_id: int, body: Mapping[str, Any], more: Row) -> Row:
    """Edit a record; what an assignment is tied to stays. Raises `Invalid`."""
    row = _found(books, kind, row_id, more)
    if kind in _NESTED:
        body = {name: value for name, value in body.items() if name not in _FIXED}
    values = _values(books, kind, body)
    if values.get("name") == "":
        raise Invalid("Name can't be blank")
    books.change(_BOOKS.get(kind, kind), row_id, **values)
    return row


def delete(books: Account, kind: str, row_id: int, more: Row) -> None:
    """Remove a record. Raises `Invalid` while other records need it."""
    row = _found(books, kind, row_id, more)
    if kind == "projects":
        books.delete_project(row_id)
        return
    if _in_use(books, kind, row):
        raise Invalid("This record is in use and can't be deleted")
    books.forget(_BOOKS.get(kind, kind), row_id)


def _in_use(books: Account, kind: str, row: Row) -> bool:
    worked: list[Entry | Expense] = [*books.entries.values(), *books.expenses.values()]
    tests: dict[str, Callable[[], bool]] = {
        "clients": lambda: any(each["client_id"] == row["id"] for each in books.projects.values()),
        "tasks": lambda: any(each.task_id == row["id"] for each in books.entries.values()),
        "expense_categories": lambda: any(
            each.category_id == row["id"] for each in books.expenses.values()
        ),
        "task_assignments": lambda: any(
            (each.project_id, each.task_id) == (row["project_id"], row["task_id"])
            for each in books.entries.values()
        ),
        "user_assignments": lambda: any(
            (each.project_id, each.user_id) == (row["project_id"], row["user_id"])
            for each in worked
        ),
    }
    return tests[kind]()


def _made(books: Account, kind: str, values: Row) -> int:
    if kind == "clients":
        return books.add_client(values["name"])
    if kind == "tasks":
        return books.add_task(values["name"])
    if kind == "expense_categories":
        return books.add_category(values["name"])
    if kind == "projects":
        return books.add_project(values["client_id"], values["name"], bill_by="none")
    if kind == "task_assignments":
        if books.may_use(values["project_id"], values["task_id"]):
            raise Invalid("Task is already assigned to the project")
        return books.assign_task(values["project_id"], values["task_id"])
    if books.user_assignment(values["user_id"], values["project_id"]) is not None:
        raise Invalid("User is already assigned to the project")
    return books.assign_user(values["project_id"], values["user_id"])


def _values(books: Account, kind: str, body: Mapping[str, Any]) -> Row:
    shape = KINDS[kind]
    values = {name: read(body[name]) for name, read in shape.fields.items() if name in body}
    for name, parents in (shape.parents or {}).items():
        if name in values and values[name] not in getattr(books, parents):
            raise Invalid(f"{_label(name)} is invalid")
    return values


def _found(books: Account, kind: str, row_id: int, more: Row) -> Row:
    row = _rows(books, kind).get(row_id)
    if row is None or any(row[name] != value for name, value in more.items()):
        raise Invalid("Not Found", 404)
    return row


def _rows(books: Account, kind: str) -> dict[int, Row]:
    rows: dict[int, Row] = getattr(books, _BOOKS.get(kind, kind))
    return rows


def _label(name: str) -> str:
    return name.removesuffix("_id").removesuffix("s").replace("_", " ").capitalize()
