"""Reports: control totals over rounded hours, with at most a year of days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.invoices import is_open_entry, is_open_expense
from tieout.sandbox.harvest.lists import day, flag
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import Entry, Expense, Row
from tieout.sandbox.harvest.show import Viewer

_CENT = Decimal("0.01")
_ZERO = Decimal("0.00")
_MOST_DAYS = 365


def report(viewer: Viewer, parts: list[str], query: Mapping[str, str]) -> list[Row]:
    """The rows of the report named by the path after `/reports/`. Raises `Invalid`."""
    if not viewer.is_manager:
        raise Invalid("You are not allowed to do this.", 403)
    if parts == ["uninvoiced"]:
        return _uninvoiced(viewer, query)
    if parts == ["project_budget"]:
        return _budgets(viewer)
    if len(parts) == 2 and parts[0] == "time" and parts[1] in _TIME_KEYS:
        return _time(viewer, parts[1], query)
    if len(parts) == 2 and parts[0] == "expenses" and parts[1] in _EXPENSE_KEYS:
        return _expenses(viewer, parts[1], query)
    raise Invalid("Not Found", 404)


def _span(query: Mapping[str, str]) -> tuple[date, date]:
    if "from" not in query or "to" not in query:
        raise Invalid("from and to are required")
    first, last = day(query["from"]), day(query["to"])
    if last < first or (last - first).days > _MOST_DAYS:
        raise Invalid("The timeframe can't exceed 1 year (365 days)")
    return first, last


def _uninvoiced(viewer: Viewer, query: Mapping[str, str]) -> list[Row]:
    books = viewer.account
    first, last = _span(query)
    fixed = flag(query.get("include_fixed_fee", "true"))
    time = _by_project(each for each in books.entries.values() if first <= each.spent_date <= last)
    bought = _by_project(
        each for each in books.expenses.values() if first <= each.spent_date <= last
    )
    led = viewer.led()
    rows = []
    for project in books.projects.values():
        if project["id"] not in led or (project["is_fixed_fee"] and not fixed):
            continue
        worked = time.get(project["id"], [])
        entries = [each for each in worked if is_open_entry(books, each)]
        expenses = [each for each in bought.get(project["id"], []) if is_open_expense(each)]
        if not worked and not expenses:
            continue
        spent = sum((each.total_cost for each in expenses), _ZERO)
        client = books.clients[project["client_id"]]
        rows.append(
            {
                "client_id": client["id"],
                "client_name": client["name"],
                "project_id": project["id"],
                "project_name": project["name"],
                "currency": client["currency"],
                "total_hours": _hours(books, worked),
                "uninvoiced_hours": _hours(books, entries),
                "uninvoiced_expenses": spent,
                "uninvoiced_amount": _amount(books, entries) + spent,
            }
        )
    return rows


def _by_project(records: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for each in records:
        found.setdefault(each.project_id, []).append(each)
    return found


def _client_key(books: Account, each: Entry | Expense) -> Row:
    client = books.clients[books.projects[each.project_id]["client_id"]]
    return {"client_id": client["id"], "client_name": client["name"]}


def _project_key(books: Account, each: Entry | Expense) -> Row:
    project = books.projects[each.project_id]
    return {
        "project_id": project["id"],
        "project_name": project["name"],
        **_client_key(books, each),
    }


def _task_key(books: Account, each: Entry | Expense) -> Row:
    assert isinstance(each, Entry)
    return {"task_id": each.task_id, "task_name": books.tasks[each.task_id]["name"]}


def _person_key(books: Account, each: Entry | Expense) -> Row:
    user = books.users[each.user_id]
    name = f"{user['first_name']} {user['last_name']}"
    return {"user_id": each.user_id, "user_name": name, "is_contractor": user["is_contractor"]}


def _category_key(books: Account, each: Entry | Expense) -> Row:
    assert isinstance(each, Expense)
    name = books.categories[each.category_id]["name"]
    return {"expense_category_id": each.category_id, "expense_category_name": name}


_Key = Callable[[Account, Entry | Expense], Row]
_TIME_KEYS: dict[str, _Key] = {
    "clients": _client_key,
    "projects": _project_key,
    "tasks": _task_key,
    "team": _person_key,
}
_EXPENSE_KEYS: dict[str, _Key] = {
    "clients": _client_key,
    "projects": _project_key,
    "categories": _category_key,
    "team": _person_key,
}


def _grouped(viewer: Viewer, records: list[Any], key: _Key) -> list[tuple[Row, list[Any]]]:
    """The records by key and currency, in order of first appearance."""
    groups: dict[tuple[Any, ...], tuple[Row, list[Any]]] = {}
    books = viewer.account
    for each in records:
        currency = books.clients[books.projects[each.project_id]["client_id"]]["currency"]
        start = {**key(books, each), "currency": currency}
        groups.setdefault(tuple(start.values()), (start, []))[1].append(each)
    return list(groups.values())


def _time(viewer: Viewer, name: str, query: Mapping[str, str]) -> list[Row]:
    books = viewer.account
    first, last = _span(query)
    seen = [
        each for each in viewer.visible(books.entries.values()) if first <= each.spent_date <= last
    ]
    rows = []
    for start, entries in _grouped(viewer, seen, _TIME_KEYS[name]):
        billable = [each for each in entries if books.is_billable(each)]
        row = start | {
            "total_hours": _hours(books, entries),
            "billable_hours": _hours(books, billable),
        }
        rows.append(row | {"billable_amount": _amount(books, billable)})
    return rows


def _expenses(viewer: Viewer, name: str, query: Mapping[str, str]) -> list[Row]:
    first, last = _span(query)
    seen = [
        each
        for each in viewer.visible(viewer.account.expenses.values())
        if first <= each.spent_date <= last
    ]
    return [
        start
        | {
            "total_amount": sum((each.total_cost for each in expenses), _ZERO),
            "billable_amount": sum((each.total_cost for each in expenses if each.billable), _ZERO),
        }
        for start, expenses in _grouped(viewer, seen, _EXPENSE_KEYS[name])
    ]


def _budgets(viewer: Viewer) -> list[Row]:
    books = viewer.account
    time, led = _by_project(books.entries.values()), viewer.led()
    rows = []
    for project in books.projects.values():
        if project["id"] not in led:
            continue
        entries = time.get(project["id"], [])
        in_money = project["budget_by"] in ("project_cost", "task_fees")
        spent = _amount(books, entries) if in_money else _hours(books, entries)
        client = books.clients[project["client_id"]]
        budget = project["budget"]
        rows.append(
            {
                "client_id": client["id"],
                "client_name": client["name"],
                "project_id": project["id"],
                "project_name": project["name"],
                "budget_is_monthly": project["budget_is_monthly"],
                "budget_by": project["budget_by"],
                "is_active": project["is_active"],
                "budget": budget,
                "budget_spent": spent,
                "budget_remaining": None if budget is None else budget - spent,
            }
        )
    return rows


def _hours(books: Account, entries: list[Entry]) -> Decimal:
    return sum((books.rounded_hours(each) for each in entries), _ZERO)


def _amount(books: Account, entries: list[Entry]) -> Decimal:
    exact = sum((books.rounded_hours(each) * (books.rate(each) or 0) for each in entries), _ZERO)
    return exact.quantize(_CENT, ROUND_HALF_UP)
