"""Invoices made in Harvest itself: they take in uninvoiced time and mark it billed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.fields import number, whole
from tieout.sandbox.harvest.lists import day
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import Entry, Expense, Row

_CENT = Decimal("0.01")


def create(books: Account, body: Mapping[str, Any]) -> Row:
    """Make a draft invoice, free-form or from time and expenses. Raises `Invalid`."""
    client = books.clients.get(whole(body.get("client_id")))
    if client is None:
        raise Invalid("Client can't be blank")
    now = books.clock.now().replace(microsecond=0)
    invoice_id = books.next_id()
    label = str(body.get("number") or 1000 + len(books.invoices) + 1)
    invoice: Row = {
        "id": invoice_id,
        "client": {"id": client["id"], "name": client["name"]},
        "number": label,
        "subject": body.get("subject"),
        "notes": body.get("notes"),
        "currency": body.get("currency") or client["currency"],
        "state": "draft",
        "issue_date": day(body["issue_date"]) if body.get("issue_date") else now.date(),
        "line_items": [],
        "created_at": now,
        "updated_at": now,
    }
    lines = [_free_line(books, each) for each in body.get("line_items") or []]
    taken: list[Entry | Expense] = []
    wanted = body.get("line_items_import")
    if isinstance(wanted, Mapping):
        imported, taken = _imported(books, wanted, client["id"])
        lines += imported
    invoice["line_items"] = lines
    invoice["amount"] = sum((line["amount"] for line in lines), Decimal("0.00"))
    invoice["due_amount"] = invoice["amount"]
    books.invoices[invoice_id] = invoice
    for each in taken:
        each.invoice_id = invoice_id
        books.touch(each)
    return invoice


def delete(books: Account, invoice_id: int) -> None:
    """Remove an invoice; its time and expenses are uninvoiced again."""
    if invoice_id not in books.invoices:
        raise Invalid("Not Found", 404)
    records: list[Entry | Expense] = [*books.entries.values(), *books.expenses.values()]
    for each in records:
        if each.invoice_id == invoice_id:
            each.invoice_id = None
            books.touch(each)
    del books.invoices[invoice_id]


def is_open_entry(books: Account, each: Entry) -> bool:
    """Whether time is billable and not yet invoiced; a running timer is not."""
    return not each.is_billed and each.timer_started_at is None and books.is_billable(each)


def is_open_expense(each: Expense) -> bool:
    """Whether an expense is billable and not yet invoiced."""
    return each.billable and not each.is_billed


def _imported(
    books: Account, wanted: Mapping[str, Any], client_id: int
) -> tuple[list[Row], list[Entry | Expense]]:
    project_ids = wanted.get("project_ids")
    if not isinstance(project_ids, list) or not project_ids:
        raise Invalid("line_items_import project_ids can't be blank")
    lines: list[Row] = []
    taken: list[Entry | Expense] = []
    for project_id in project_ids:
        project = books.projects.get(whole(project_id))
        if project is None or project["client_id"] != client_id:
            raise Invalid("Project is not one of the client's")
        if isinstance(wanted.get("time"), Mapping):
            entries = [
                each
                for each in books.entries.values()
                if each.project_id == project["id"]
                and is_open_entry(books, each)
                and _inside(each, wanted["time"])
            ]
            lines += _time_lines(books, entries, wanted["time"].get("summary_type", "project"))
            taken += entries
        if isinstance(wanted.get("expenses"), Mapping):
            expenses = [
                each
                for each in books.expenses.values()
                if each.project_id == project["id"]
                and is_open_expense(each)
                and _inside(each, wanted["expenses"])
            ]
            lines += [_expense_line(books, each) for each in expenses]
            taken += expenses
    return lines, taken


def _time_lines(books: Account, entries: list[Entry], summary: str) -> list[Row]:
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for each in entries:
        people = books.users[each.user_id]
        names: dict[str, tuple[Any, str]] = {
            "project": (each.project_id, books.projects[each.project_id]["name"]),
            "task": (each.task_id, books.tasks[each.task_id]["name"]),
            "people": (each.user_id, f"{people['first_name']} {people['last_name']}"),
            "detailed": (each.id, each.notes or books.tasks[each.task_id]["name"]),
        }
        if summary not in names:
            raise Invalid("summary_type is invalid")
        groups.setdefault((*names[summary], books.rate(each)), []).append(each)
    return [
        _line(
            books,
            "Service",
            key[1],
            sum((books.rounded_hours(each) for each in group), Decimal(0)),
            key[2] or Decimal("0.00"),
            group[0].project_id,
        )
        for key, group in groups.items()
    ]


def _expense_line(books: Account, expense: Expense) -> Row:
    name = expense.notes or books.categories[expense.category_id]["name"]
    return _line(books, "Product", name, Decimal(1), expense.total_cost, expense.project_id)


def _free_line(books: Account, line: Mapping[str, Any]) -> Row:
    project_id = line.get("project_id")
    quantity = number(line.get("quantity", 1))
    return _line(
        books,
        str(line.get("kind", "Service")),
        str(line.get("description") or ""),
        quantity,
        number(line.get("unit_price", 0)),
        None if project_id is None else whole(project_id),
    )


def _line(
    books: Account,
    kind: str,
    description: str,
    quantity: Decimal,
    price: Decimal,
    project_id: int | None,
) -> Row:
    project = books.projects.get(project_id or 0)
    return {
        "id": books.next_id(),
        "kind": kind,
        "description": description,
        "quantity": quantity,
        "unit_price": price,
        "amount": (quantity * price).quantize(_CENT, ROUND_HALF_UP),
        "taxed": False,
        "taxed2": False,
        "project": None
        if project is None
        else {"id": project["id"], "name": project["name"], "code": project["code"]},
    }


def _inside(each: Entry | Expense, wanted: Mapping[str, Any]) -> bool:
    if wanted.get("from") and each.spent_date < day(wanted["from"]):
        return False
    return not (wanted.get("to") and each.spent_date > day(wanted["to"]))
