"""Calls that read, and the rows in their answers.

Grammar and limits: Intuit, "data queries" (pages of at most 1000, positions count from
1, lists hide inactive rows unless asked) and "change data capture" (30 days back, at
most 1000 objects in one answer, no next page, stubs for what was deleted).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from quickbooks.utils import build_choose_clause, build_where_clause

from tieout.connectors.base import Request, Row, Since
from tieout.errors import FeedFull

PAGE = 1000
FEED_MOST = 1000
#: A day less than Intuit's 30, for clocks that differ and calls that wait.
LOOK_BACK = timedelta(days=29)
LISTED = "Active IN (true, false)"

_PAGING = re.compile(r" STARTPOSITION \d+ MAXRESULTS \d+$")
#: Intuit does not say how a backslash is escaped, so it is never sent.
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]")


def get(path: str, settings: Any, purpose: str, **params: str) -> Request:
    """A read of the company, with the minor version every call carries."""
    named = (*params.items(), ("minorversion", settings.minor_version))
    return Request(method="GET", path=path, params=named, purpose=purpose)


def query(entity: str, settings: Any, *where: str, columns: str = "*") -> Request:
    """The first page of a query, in the order of Ids."""
    clause = f" WHERE {' AND '.join(where)}" if where else ""
    # QuickBooks' query language; values in conditions are quoted by `among`.
    statement = " ".join(("SELECT", columns, "FROM", f"{entity}{clause}", "ORDERBY Id ASC"))
    paged = f"{statement} STARTPOSITION 1 MAXRESULTS {PAGE}"
    return get("/query", settings, f"query {entity}", query=paged)


def at(request: Request, position: int) -> Request:
    """The same query from behind `position` rows; any other read has one page."""
    if request.path != "/query":
        return request
    statement = _PAGING.sub("", dict(request.params)["query"])
    return request.with_params(query=f"{statement} STARTPOSITION {position + 1} MAXRESULTS {PAGE}")


def changes(entity: str) -> Callable[[Since, Any], Request]:
    """What to ask for a stream with a feed of changes: everything by query, or the feed.

    A query does not tell what was deleted, the feed does. The call raises FeedFull when
    the start lies further back than the feed reaches.
    """

    def request(since: Since, settings: Any) -> Request:
        return query(entity, settings) if since.start is None else feed((entity,), since, settings)

    return request


def feed(entities: Iterable[str], since: Since, settings: Any) -> Request:
    """What changed of some entities. Raises FeedFull when that is too long ago."""
    assert since.start is not None  # without one there is nothing to ask the feed
    if since.end - since.start > LOOK_BACK:
        raise FeedFull(f"the feed of changes reaches {LOOK_BACK.days} days back")
    names, start = ",".join(entities), since.start.isoformat(timespec="seconds")
    return get("/cdc", settings, f"changes of {names}", entities=names, changedSince=start)


def rows(entity: str) -> Callable[[Any], list[Row]]:
    """The records of one entity in the answer of a query, a feed or a plain read.

    A query without a match has no key of that name. Raises FeedFull when a feed holds
    as many objects as fit: it may have been cut.
    """

    def read(answer: Any) -> list[Row]:
        if "CDCResponse" in answer:
            return fed(answer).get(entity, [])
        return _list(answer.get("QueryResponse", answer).get(entity, []))

    return read


def fed(answer: Any) -> dict[str, list[Row]]:
    """The records in a feed's answer by entity, those that have any.

    Raises FeedFull when it holds as many objects as fit, of all entities together: it may
    have been cut.
    """
    found: dict[str, list[Row]] = {}
    for part in (part for feed in answer["CDCResponse"] for part in feed["QueryResponse"]):
        for entity, rows in part.items():
            if isinstance(rows, list | dict) and rows:
                found.setdefault(entity, []).extend(_list(rows))
    if sum(map(len, found.values())) >= FEED_MOST:
        raise FeedFull(f"the feed of changes is full at {FEED_MOST} objects")
    return found


def answered(answer: Any) -> datetime | None:
    """QuickBooks' clock when it answered a feed or the first page of a query.

    Later pages tell None: what changed while they were read must be asked for again.
    """
    first = "CDCResponse" in answer or answer.get("QueryResponse", {}).get("startPosition") == 1
    return clock(answer) if first else None


def clock(answer: Any) -> datetime | None:
    """QuickBooks' clock in any answer."""
    return instant(answer.get("time"))


def instant(text: Any) -> datetime | None:
    """An instant; None when there is none, or it names no offset."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) and text else None
    return moment if moment and moment.tzinfo else None


def among(field: str, *values: str) -> str:
    """A condition on a text, safe for any text; it may find more, so look at what it finds.

    python-quickbooks escapes the apostrophe. A backslash or a control character becomes
    a wildcard: then the first value's beginning is asked for, so put the shortest first.
    """
    if any(_UNSAFE.search(value) for value in values):
        pattern = _UNSAFE.sub("%", values[0]).replace("'", r"\'")
        return f"{field} LIKE '{pattern}%'"
    if len(values) == 1:
        return str(build_where_clause(**{field: values[0]}))
    return str(build_choose_clause(values, field))


def _list(value: Any) -> list[Row]:
    return value if isinstance(value, list) else [value]
