"""The lists: who may read them, their filters and their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import Entry, Expense, Row
from tieout.sandbox.harvest.show import Viewer, approval_status

Query = Mapping[str, str]
FORBIDDEN = "You are not allowed to do this."


@dataclass(frozen=True)
class Listing:
    """One list: `needs` is "member", "manager" or "administrator"."""

    rows: Callable[[Viewer], list[Row]]
    needs: str
    show: Callable[[Viewer, Row], Row]
    filters: tuple[str, ...]


def _books(name: str) -> Callable[[Viewer], list[Row]]:
    return lambda viewer: list(getattr(viewer.account, name).values())


def _people(viewer: Viewer) -> list[Row]:
    seen = viewer.people()
    return [row for row in viewer.account.users.values() if row["id"] in seen]


def _projects(viewer: Viewer) -> list[Row]:
    seen = viewer.led()
    return [row for row in viewer.account.projects.values() if row["id"] in seen]


def _clients(viewer: Viewer) -> list[Row]:
    seen = {row["client_id"] for row in _projects(viewer)}
    rows = viewer.account.clients.values()
    return [row for row in rows if viewer.is_admin or row["id"] in seen]


def _of_projects(name: str) -> Callable[[Viewer], list[Row]]:
    def rows(viewer: Viewer) -> list[Row]:
        seen = viewer.led()
        found: list[Row] = list(getattr(viewer.account, name).values())
        return [row for row in found if row["project_id"] in seen]

    return rows


def _same(viewer: Viewer, row: Row) -> Row:
    return row


LISTS: dict[str, Listing] = {
    "users": Listing(_people, "manager", Viewer.user, ("is_active",)),
    "roles": Listing(_books("roles"), "administrator", _same, ()),
    "clients": Listing(_clients, "manager", _same, ("is_active",)),
    "projects": Listing(_projects, "manager", Viewer.project, ("is_active", "client_id")),
    "tasks": Listing(_books("tasks"), "manager", _same, ("is_active",)),
    "task_assignments": Listing(
        _of_projects("task_assignments"),
        "manager",
        Viewer.task_assignment,
        ("is_active", "project_id"),
    ),
    "user_assignments": Listing(
        _of_projects("user_assignments"),
        "manager",
        Viewer.user_assignment,
        ("is_active", "project_id", "user_id"),
    ),
    "expense_categories": Listing(_books("categories"), "member", _same, ("is_active",)),
    "invoices": Listing(_books("invoices"), "administrator", _same, ("state",)),
}


def demand(viewer: Viewer, needs: str) -> None:
    """Raises 403 unless the viewer has the standing."""
    standing = {"member": True, "manager": viewer.is_manager, "administrator": viewer.is_admin}
    if not standing[needs]:
        raise Invalid(FORBIDDEN, 403)


def listed(name: str, viewer: Viewer, query: Query) -> list[Row]:
    """The rows of a simple list that pass its filters."""
    listing = LISTS[name]
    demand(viewer, listing.needs)
    rows = listing.rows(viewer)
    for key in listing.filters:
        if key not in query:
            continue
        wanted: Any = query[key]
        if key == "is_active":
            wanted = flag(wanted)
        elif key != "state":
            wanted = number(key, wanted)
        rows = [row for row in rows if row[key] == wanted]
    fresh = _fresh(query)
    return [listing.show(viewer, row) for row in rows if fresh(row)]


def entries(viewer: Viewer, query: Query) -> list[Entry]:
    """Visible time entries that pass the filters, newest day first."""
    tests: list[Callable[[Entry], bool]] = [*_tests(viewer.account, query)]
    if "is_running" in query:
        running = flag(query["is_running"])
        tests.append(lambda each: (each.timer_started_at is not None) == running)
    if "task_id" in query:
        task = number("task_id", query["task_id"])
        tests.append(lambda each: each.task_id == task)
    if "external_reference_id" in query:
        key = query["external_reference_id"]
        tests.append(lambda each: str((each.external_reference or {}).get("id", "")) == key)
    return _newest_first(viewer.visible(viewer.account.entries.values()), tests)


def expenses(viewer: Viewer, query: Query) -> list[Expense]:
    """Visible expenses that pass the filters, newest first."""
    tests = _tests(viewer.account, query)
    return _newest_first(viewer.visible(viewer.account.expenses.values()), tests)


def _newest_first(found: list[Any], tests: list[Callable[[Any], bool]]) -> list[Any]:
    kept = [each for each in found if all(test(each) for test in tests)]
    return sorted(kept, key=lambda each: (each.spent_date, each.created_at, each.id), reverse=True)


def _tests(books: Account, query: Query) -> list[Callable[[Any], bool]]:
    """The filters that time and expenses share, read once for all records."""
    tests: list[Callable[[Any], bool]] = []
    wanted: dict[str, Any] = {}
    for key in ("user_id", "project_id", "client_id"):
        if key in query:
            wanted[key] = number(key, query[key])
    if "user_id" in wanted:
        tests.append(lambda each: each.user_id == wanted["user_id"])
    if "project_id" in wanted:
        tests.append(lambda each: each.project_id == wanted["project_id"])
    if "client_id" in wanted:
        tests.append(
            lambda each: books.projects[each.project_id]["client_id"] == wanted["client_id"]
        )
    if "is_billed" in query:
        wanted["is_billed"] = flag(query["is_billed"])
        tests.append(lambda each: each.is_billed == wanted["is_billed"])
    if "approval_status" in query:
        tests.append(lambda each: approval_status(each) == query["approval_status"])
    if "from" in query:
        wanted["from"] = day(query["from"])
        tests.append(lambda each: each.spent_date >= wanted["from"])
    if "to" in query:
        wanted["to"] = day(query["to"])
        tests.append(lambda each: each.spent_date <= wanted["to"])
    tests.append(_fresh(query))
    return tests


def _fresh(query: Query) -> Callable[[Any], bool]:
    if "updated_since" not in query:
        return lambda each: True
    since = instant(query["updated_since"])
    return lambda each: (each["updated_at"] if isinstance(each, dict) else each.updated_at) >= since


def flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Invalid(f"{text} is not true or false")
    return text.lower() == "true"


def number(name: str, text: Any) -> int:
    if not str(text).isdigit():
        raise Invalid(f"{name} is invalid")
    return int(text)


def day(text: Any) -> date:
    """A date written `2026-01-31` or `20260131`."""
    try:
        return date.fromisoformat(str(text))
    except ValueError as problem:
        raise Invalid(f"{text} is not a valid date") from problem


def instant(text: str) -> datetime:
    """An ISO 8601 date or datetime; UTC when it names no zone."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as problem:
        raise Invalid(f"{text} is not a valid datetime") from problem
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
