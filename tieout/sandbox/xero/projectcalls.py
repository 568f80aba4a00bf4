"""A call of the Projects API, and what its handlers share: pages, amounts, instants, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from tieout.sandbox.xero.errors import Missing, Refusal
from tieout.sandbox.xero.wire import Row, cents, decode, to_guid, to_number

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

PAGE_SIZE, LARGEST_PAGE = 50, 500
#: A status and what to answer with it, None for nothing.
Answer = tuple[int, Any]


@dataclass
class ProjectCall:
    """A call on the projects of one organisation."""

    books: Books
    request: Request
    project: str = ""
    row: str = ""

    def body(self) -> Row:
        try:
            sent = decode(self.request.get_data() or b"{}")
        except ValueError as problem:
            raise bad("The request body could not be read") from problem
        if not isinstance(sent, dict):
            raise bad("The request body could not be read")
        return sent


def paged(call: ProjectCall, rows: list[Row], show: Callable[[Row], Row]) -> Answer:
    try:
        page = max(1, int(call.request.args.get("page") or 1))
        size = min(LARGEST_PAGE, max(1, int(call.request.args.get("pageSize") or PAGE_SIZE)))
    except ValueError as problem:
        raise bad("page and pageSize must be whole numbers") from problem
    count = len(rows)
    pages = {"page": page, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
    part = rows[(page - 1) * size : page * size]
    return 200, {"pagination": pages, "items": [show(row) for row in part]}


def of_project(books: Books, table: str, project_id: str) -> list[Row]:
    return [row for row in books.rows(table) if row["projectId"] == project_id]


def inner_row(call: ProjectCall, table: str) -> Row:
    row = call.books.get(table, call.row)
    if row["projectId"] != call.project:
        raise Missing(call.row)
    return row


def listed(call: ProjectCall, name: str) -> list[str]:
    return [each.strip() for each in call.request.args.get(name, "").split(",") if each.strip()]


def bound(call: ProjectCall, name: str) -> datetime | None:
    value = call.request.args.get(name)
    return to_instant(value, name) if value else None


def money(row: Row, value: Decimal) -> Row:
    return {"currency": row["currencyCode"], "value": cents(value)}


def to_amount(value: Any, name: str) -> Decimal:
    """A plain number, or an object with `value` as reads show it. Raises `Refusal`."""
    try:
        return to_number(value.get("value") if isinstance(value, dict) else value)
    except ValueError as problem:
        raise bad("The amount is not valid", name) from problem


def to_id(text: str) -> str:
    try:
        return to_guid(text) if text else ""
    except ValueError as problem:
        raise Missing(text) from problem


def to_instant(value: Any, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as problem:
        raise bad("The date is not valid", name) from problem
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def moment(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bad(message: str, field: str = "") -> Refusal:
    state = {field: [message]} if field else {}
    return Refusal(400, {"message": "The request is invalid." if field else message,
                         "modelState": state})  # fmt: skip
