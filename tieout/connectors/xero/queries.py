"""Calls that read, and the rows in their answers.

Paging, filters and If-Modified-Since: Xero, "requests and responses" and the Accounting API's
specification. A page has at most 1000 rows; lines come only in pages.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tieout.connectors.base import CursorToken, Request, Row, Since
from tieout.connectors.xero import wire

PAGE = 1000
#: Prices come and go rounded to two decimals unless four are asked for.
DECIMALS = {"unitdp": "4"}
#: What has no lines, so no prices.
_WITHOUT_LINES = ("Contacts", "Payments", "Allocations")


def get(path: str, **params: str) -> Request:
    """A read."""
    return Request(
        method="GET", path=f"/{path}", params=tuple(params.items()), purpose=f"read {path}"
    )


def page(resource: str, **params: str) -> Request:
    """The first page of a listing, with prices to four decimals."""
    return get(resource, page="1", pageSize=str(PAGE), **decimals(resource), **params)


def decimals(path: str) -> dict[str, str]:
    """How many decimals of prices a call is to take and give, where there are prices."""
    return {} if path.rsplit("/", 1)[-1] in _WITHOUT_LINES else DECIMALS


def changes(resource: str, key: str, **params: str) -> Callable[[Since, Any], Request]:
    """What to ask for a stream: everything, or what changed since a moment (UTC, whole seconds).

    In the order of ids, which never change: a row that is edited while pages are read does
    not move others over the edge of a page. Rows are never gone: they change their status.
    """

    def request(since: Since, settings: Any) -> Request:
        asked = page(resource, order=f"{key} ASC", **params)
        if since.start is None:
            return asked
        start = since.start.astimezone(UTC).replace(tzinfo=None)
        mark = ("If-Modified-Since", start.isoformat(timespec="seconds"))
        return Request(
            method="GET",
            path=asked.path,
            params=asked.params,
            headers=(mark,),
            purpose=f"changes of {resource}",
        )

    return request


def pages(rows: Callable[[Any], list[Row]]) -> CursorToken:
    """Pages by number. An answer that does not say how many there are is not understood."""

    def after(answer: Any) -> str:
        told = answer["pagination"]
        return str(told["page"] + 1) if told["page"] < told["pageCount"] else ""

    return CursorToken(
        rows=lambda answer: rows(answer) if answer["pagination"]["pageCount"] else [],
        token=after,
        at=lambda request, number: request.with_params(page=number),
    )


def rows(resource: str, *types: str) -> Callable[[Any], list[Row]]:
    """The rows of a resource in an answer, of all types or of some."""

    def read(answer: Any) -> list[Row]:
        return [row for row in answer[resource] if not types or row.get("Type") in types]

    return read


def organisation(answer: Any) -> list[Row]:
    """The organisation as two rows: the company, and how its books are set up."""
    (row,) = answer["Organisations"]
    return [row | {"Part": part} for part in ("company", "preferences")]


def options(answer: Any) -> list[Row]:
    """The options of all tracking categories, each with its category's id, name and status."""
    return [
        option
        | {
            "TrackingCategoryID": category["TrackingCategoryID"],
            "Category": category["Name"],
            "CategoryStatus": category.get("Status"),
        }
        for category in answer["TrackingCategories"]
        for option in category.get("Options") or ()
    ]


def answered(answer: Any) -> datetime | None:
    """Xero's clock when it answered the first page.

    Later pages tell None: what changed while they were read must be asked for again.
    """
    return wire.instant(answer.get("DateTimeUTC")) if answer["pagination"]["page"] == 1 else None
