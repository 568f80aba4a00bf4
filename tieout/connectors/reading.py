"""How a vendor is read: windows of time, ways of paging, cursors and feeds of changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tieout.connectors.call import Request

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """The window a stream is asked for. Instants are UTC."""

    start: datetime | None  # closed; None = from the beginning
    end: datetime  # what happens after it belongs to the next pull
    from_date: date | None = None  # for sweeps over a period of work days, closed
    to_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnePage:
    """The whole answer at once."""

    rows: Callable[[Any], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLink:
    """Each page names the next one by a link; None ends the walk."""

    rows: Callable[[Any], list[Row]]
    link: Callable[[Any], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """Ask for `size` rows from a position; a page that is not full ends the walk.

    `at(request, position)` is the call for the page that starts after `position` rows.
    """

    rows: Callable[[Any], list[Row]]
    size: int
    at: Callable[[Request, int], Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorToken:
    """Each page carries a token for the next; "" or None ends the walk."""

    rows: Callable[[Any], list[Row]]
    token: Callable[[Any], str | None]
    at: Callable[[Request, str], Request]


Pages = OnePage | NextLink | Offset | CursorToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Ask for what changed since the last pull, less an overlap.

    `of(row)` is the row's own change instant: the saved mark is the latest one
    seen. `answered(answer)` is the vendor's clock in an answer, for feeds that tell it.
    """

    of: Callable[[Row], datetime | None]
    overlap_s: float = 300.0
    lag_s: float = 0.0  # the freshest seconds the vendor may still hide
    answered: Callable[[Any], datetime | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScan:
    """Everything, every time; what is absent from two complete scans is gone.

    `answered(answer)` is the vendor's clock in an answer: as of when a list that has a Feed
    is known.
    """

    answered: Callable[[Any], datetime | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One call that tells which of several lists changed: the others are not read again.

    `streams` names the lists, which are read whole. `request(names, since, settings)` asks
    what changed of some of them since `since.start`; `changed(answer)` names those of which
    it tells anything. Either raises FeedFull where the feed cannot tell: then all are read.
    `answered(answer)` is the vendor's clock.
    """

    streams: tuple[str, ...]
    request: Callable[[Iterable[str], Since, Any], Request]
    changed: Callable[[Any], set[str]]
    answered: Callable[[Any], datetime | None]
    overlap_s: float = 300.0
