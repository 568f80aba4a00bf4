"""The two styles of paging: page numbers over a live list, and cursors after an id."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

Row = dict[str, Any]
MAX_PER_PAGE = 2000


class Invalid(Exception):
    """A refused request: HTTP 422 (or another status) with a message."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def per_page(query: Mapping[str, str], page_size: int) -> int:
    """How many rows a page has: as asked, up to the sandbox's own `page_size`."""
    asked = query.get("per_page", str(MAX_PER_PAGE))
    if not asked.isdigit() or not 1 <= int(asked) <= MAX_PER_PAGE:
        raise Invalid(f"per_page must be between 1 and {MAX_PER_PAGE}")
    return min(int(asked), page_size)


def by_number(rows: Sequence[Row], query: Mapping[str, str], url: str, page_size: int) -> Row:
    """One page by its number: rows that shift between calls are skipped or repeated."""
    size = per_page(query, page_size)
    number = _number(query)
    total = max(1, -(-len(rows) // size))

    def link(page: int) -> str:
        return _url(url, query, page=str(page), per_page=str(size), ref="")

    return {
        "rows": list(rows[(number - 1) * size : number * size]),
        "per_page": size,
        "total_pages": total,
        "total_entries": len(rows),
        "next_page": number + 1 if number < total else None,
        "page": number,
        "previous_page": number - 1 if number > 1 else None,
        "links": {
            "first": link(1),
            "next": link(number + 1) if number < total else None,
            "previous": link(number - 1) if number > 1 else None,
            "last": link(total),
        },
    }


def by_cursor(rows: Sequence[Row], query: Mapping[str, str], url: str, page_size: int) -> Row:
    """One page after a cursor; later pages have no number. Rows are newest first by id."""
    size = per_page(query, page_size)
    rows = sorted(rows, key=lambda row: -int(row["id"]))
    cursor = query.get("cursor")
    number: int | None = None
    if cursor is None:
        number = _number(query)
        start = (number - 1) * size
    else:
        direction, marker = _unpacked(cursor)
        passed = sum(1 for row in rows if row["id"] > marker)
        start = (
            passed if direction == "before" else passed + any(row["id"] == marker for row in rows)
        )
        if direction == "before":
            start = max(0, start - size)
    page = rows[start : start + size]
    more = start + size < len(rows)
    total = max(1, -(-len(rows) // size))

    def link(direction: str, marker: int) -> str:
        ref = "next_cursor" if direction == "after" else "previous_cursor"
        return _url(
            url, query, cursor=_packed(direction, marker), per_page=str(size), ref=ref, page=""
        )

    return {
        "rows": page,
        "per_page": size,
        "total_pages": total,
        "total_entries": len(rows),
        "next_page": number + 1 if number and more else None,
        "page": number,
        "previous_page": number - 1 if number and number > 1 else None,
        "links": {
            "first": _url(url, query, cursor="", page="1", per_page=str(size), ref="first"),
            "next": link("after", page[-1]["id"]) if more and page else None,
            "previous": link("before", page[0]["id"]) if start and page else None,
            "last": _url(url, query, cursor="", page=str(total), per_page=str(size), ref="last"),
        },
    }


def _number(query: Mapping[str, str]) -> int:
    text = query.get("page", "1")
    if not text.isdigit() or int(text) < 1:
        raise Invalid("page must be a positive number")
    return int(text)


def _url(url: str, query: Mapping[str, str], **changes: str) -> str:
    secret = ("access_token", "account_id")
    merged = {key: value for key, value in {**query, **changes}.items() if value}
    return f"{url}?{urlencode({k: v for k, v in merged.items() if k not in secret})}"


def _packed(direction: str, marker: int) -> str:
    return base64.urlsafe_b64encode(f"{direction}:{marker}".encode()).decode()


def _unpacked(cursor: str) -> tuple[str, int]:
    try:
        direction, _, marker = base64.urlsafe_b64decode(cursor).decode().partition(":")
        return direction, int(marker)
    except (binascii.Error, ValueError) as problem:
        raise Invalid("cursor is invalid") from problem
