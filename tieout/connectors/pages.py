"""Walks a listing page by page, whatever way the vendor pages it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tieout.connectors.base import (
    CursorToken,
    NextLink,
    Offset,
    OnePage,
    Pages,
    Request,
    Response,
    Row,
)
from tieout.errors import Transient

T = TypeVar("T")

#: More pages than any firm's listing has: an endless list is a fault, not data.
PAGE_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class PageOfRows:
    """One page: its rows, and the whole parsed answer they came in."""

    rows: list[Row]
    answer: Any
    is_last: bool = False


def walk(
    fetch: Callable[[Request], Response],
    request: Request,
    pages: Pages,
    limit: int = PAGE_LIMIT,
) -> Iterator[PageOfRows]:
    """The pages of a listing, in order, each fetched when it is asked for.

    `limit` is the most pages it may have. Raises what `fetch` raises, and
    Transient when the listing does not end, answers the same place twice, or
    comes in an unknown shape: what was yielded before is not the whole list.
    """
    call: Request | None = pages.at(request, 0) if isinstance(pages, Offset) else request
    seen: set[str] = set()
    position = 0
    last: list[Row] = []
    for number in range(1, limit + 1):
        assert call is not None
        page = understood(fetch(call), request, lambda answer: _page(answer, pages))
        if isinstance(pages, Offset) and page.rows and page.rows == last:
            raise Transient(f"{_name(request)}: page {number} repeats the page before it")
        if isinstance(pages, Offset):
            last = page.rows
            position += len(page.rows)
            call = pages.at(request, position) if len(page.rows) >= pages.size else None
        else:
            call = _next(request, pages, page.answer, seen)
        yield replace(page, is_last=call is None)
        if call is None:
            return
    raise Transient(f"{_name(request)}: the listing has more than {limit} pages")


def _page(answer: Any, pages: Pages) -> PageOfRows:
    return PageOfRows(list(pages.rows(answer)), answer)


def understood(response: Response, request: Request, read: Callable[[Any], T]) -> T:
    """What `read` makes of an answer's JSON. Raises Transient when it has an unknown shape."""
    try:
        return read(response.json())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as problem:
        raise Transient(
            f"{_name(request)}: the answer has an unknown shape ({type(problem).__name__})",
            status=response.status,
        ) from problem


def _next(
    request: Request, pages: OnePage | NextLink | CursorToken, answer: Any, seen: set[str]
) -> Request | None:
    """The call for the page after this answer; None at the end."""
    if isinstance(pages, OnePage):
        return None
    mark = pages.link(answer) if isinstance(pages, NextLink) else pages.token(answer)
    if not mark:
        return None
    if mark in seen:
        raise Transient(f"{_name(request)}: the listing names the same next page twice")
    seen.add(mark)
    if isinstance(pages, CursorToken):
        return pages.at(request, mark)
    # The link carries every parameter already; the first call's would double them.
    return Request(
        method=request.method,
        path=mark,
        headers=request.headers,
        purpose=request.purpose,
    )


def _name(request: Request) -> str:
    return request.purpose or request.path
