"""Pull: land what other systems changed. At least once; the cursor never outruns the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from tieout.connectors.base import (
    Family,
    FullScan,
    Request,
    Response,
    Row,
    Since,
    Stream,
    Watermark,
)
from tieout.connectors.pages import PageOfRows, walk
from tieout.connectors.transport import Connection
from tieout.errors import FeedFull, RateLimited, RemoteError, Transient
from tieout.store import cursors, landed, runs
from tieout.store.cursors import Cursor
from tieout.sync.engine import Engine
from tieout.sync.feed import unchanged
from tieout.sync.owners import at_work

#: How often a stream without tombstones is swept for deletions, in seconds.
SWEEP_EVERY_S = 20 * 3600.0
#: How far back a sweep looks: the open month and the two before it, in days.
SWEEP_DAYS = 93


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What one stream brought."""

    connection: str
    stream: str
    landed: landed.LandResult = field(default_factory=landed.LandResult)
    gone: int = 0  # records that a complete listing no longer showed, twice
    error: str = ""  # why it stopped, "" when it came through completely
    transient: bool = False  # what stopped it may be over soon


def pull(
    engine: Engine, names: Iterable[str] = (), *, full: bool = False, sweep: bool = False
) -> list[Pulled]:
    """Pull the CRM and the time tools, or the named connections. One stream's failure stops
    that stream only, and is told; what had landed of it stays and is not lost.

    `full` ignores the cursors; `sweep` looks for deletions now instead of once a day.
    """
    chosen = [engine.connection(name) for name in names] or engine.of_family(
        Family.CRM, Family.TIME
    )
    return [
        pulled
        for connection in chosen
        for pulled in pull_connection(engine, connection, full=full, sweep=sweep)
    ]


def pull_connection(
    engine: Engine, connection: Connection, *, full: bool = False, sweep: bool = False
) -> list[Pulled]:
    """Pull every stream of one connection, each on its own."""
    if connection.connector.family is Family.FILES:
        return []
    with at_work() as owner, runs.running(engine.store, "pull", connection.name, owner) as run:
        with engine.store.read() as tx:
            known = {one.stream: one for one in cursors.every(tx, connection.name)}
        same = set() if full else unchanged(engine, connection, known)
        ask, outcome = _Asking(engine, connection, known), []
        for stream in connection.connector.streams:
            if stream.name in same:
                outcome.append(Pulled(connection=connection.name, stream=stream.name))
                continue
            fresh = Cursor(connection=connection.name, stream=stream.name)
            cursor = known.get(stream.name, fresh)
            outcome.append(
                _pull_safely(
                    engine, connection, stream, cursor, run.run_id, ask, full=full, sweep=sweep
                )
            )
        failed = [f"{p.stream}: {p.error}" for p in outcome if p.error]
        run.counts = {p.stream: p.landed.new + p.landed.changed for p in outcome}
        run.state = _state(len(failed), len(outcome))
        run.error_text = "; ".join(failed)
    return outcome


def _state(failed: int, streams: int) -> runs.RunState:
    """A run that brought a part is never called done."""
    if not failed:
        return runs.RunState.DONE
    return runs.RunState.FAILED if failed == streams else runs.RunState.PARTIAL


class _Asking:
    """Asks for the pages of a connection's streams in one pull. What several of them begin with,
    because they read the same records in different ways, is asked once."""

    def __init__(self, engine: Engine, connection: Connection, known: Mapping[str, Cursor]) -> None:
        self._call = partial(engine.transport.call, connection)
        self._settings = connection.settings
        begun = Counter[Request]()
        for stream in connection.connector.streams:
            mark = known[stream.name].watermark if stream.name in known else ""
            with suppress(FeedFull):
                begun[stream.request(_since(stream, mark, engine.now()), self._settings)] += 1
        self._shared = {request for request, times in begun.items() if times > 1}
        self._answers: dict[Request, Response] = {}

    def pages(self, stream: Stream, since: Since) -> Iterable[PageOfRows]:
        """The pages of a stream; one of nothing where there is no such list."""
        if not stream.applies(self._settings):
            return [PageOfRows([], None, is_last=True)]
        request = stream.request(since, self._settings)
        return walk(self._once if request in self._shared else self._call, request, stream.pages)

    def _once(self, request: Request) -> Response:
        if request not in self._answers:
            self._answers[request] = self._call(request)
        return self._answers[request]


def _pull_safely(
    engine: Engine,
    connection: Connection,
    stream: Stream,
    cursor: Cursor,
    run_id: str,
    ask: _Asking,
    *,
    full: bool,
    sweep: bool,
) -> Pulled:
    try:
        try:
            result, gone = _pull_stream(engine, connection, stream, cursor, run_id, ask, full=full)
        except FeedFull:  # the feed was cut off: what it did not tell is read whole
            result, gone = _pull_stream(engine, connection, stream, cursor, run_id, ask, full=True)
        if stream.sweep is not None and (sweep or _sweep_is_due(engine, cursor)):
            gone += _sweep(engine, connection, stream, run_id)
    except RemoteError as error:
        return Pulled(
            connection=connection.name,
            stream=stream.name,
            error=error.text,
            transient=isinstance(error, Transient | RateLimited),
        )
    return Pulled(connection=connection.name, stream=stream.name, landed=result, gone=gone)


def _pull_stream(
    engine: Engine,
    connection: Connection,
    stream: Stream,
    cursor: Cursor,
    run_id: str,
    ask: _Asking,
    *,
    full: bool,
) -> tuple[landed.LandResult, int]:
    """Read a stream from its cursor on; the last page and the new mark are one transaction."""
    since = _since(stream, "" if full else cursor.watermark, engine.now())
    result, seen, latest, gone = landed.LandResult(), set[str](), cursor.watermark, 0
    place = cursor.connection, cursor.stream
    whole = isinstance(stream.cursor, FullScan)
    for page in ask.pages(stream, since):
        records = [_record(stream, row) for row in page.rows]
        if not (whole and seen):  # what changed after a scan's first page is asked for again
            latest = _later(latest, _mark_of(stream, page.rows, page.answer))
        seen.update(record.remote_id for record in records)
        with engine.store.begin() as tx:
            result += landed.land(tx, *place, records, run_id)
            if page.is_last and since.start is None:
                gone = len(landed.mark_absent(tx, *place, seen, run_id))
            if page.is_last:
                cursors.succeeded(tx, *place, latest, whole=whole)
        engine.progress(f"{connection.name}: {stream.name}", len(seen), None)
    return result, gone


def _record(stream: Stream, row: Row) -> landed.LandedRecord:
    gone = stream.deleted(row)
    return landed.LandedRecord(
        remote_id=stream.key(row),
        revision=stream.revision(row),
        # A tombstone carries no content: what we knew of the record stays readable.
        payload=None if gone else row,
        deleted=gone,
    )


def _since(stream: Stream, mark: str, now: datetime) -> Since:
    if not isinstance(stream.cursor, Watermark):
        return Since(start=None, end=now)
    end = now - timedelta(seconds=stream.cursor.lag_s)
    if not mark:
        return Since(start=None, end=end)
    start = datetime.fromisoformat(mark) - timedelta(seconds=stream.cursor.overlap_s)
    return Since(start=start, end=end)


def _mark_of(stream: Stream, rows: list[Row], answer: Any) -> str:
    """The latest instant a page vouches for, as ISO text in UTC; "" for none."""
    instants: list[datetime] = []
    if isinstance(stream.cursor, Watermark):
        instants = [at for row in rows if (at := stream.cursor.of(row)) is not None]
    if stream.cursor.answered is not None and (at := stream.cursor.answered(answer)) is not None:
        instants.append(at)
    return max(instants).isoformat() if instants else ""


def _later(one: str, other: str) -> str:
    if not one or not other:
        return one or other
    return max(one, other, key=datetime.fromisoformat)


def _sweep_is_due(engine: Engine, cursor: Cursor) -> bool:
    last = cursor.last_sweep_at
    return last is None or (engine.now() - last).total_seconds() >= SWEEP_EVERY_S


def _sweep(engine: Engine, connection: Connection, stream: Stream, run_id: str) -> int:
    """List the ids of the open periods; a listing with a failed page proves nothing."""
    sweep = stream.sweep
    assert sweep is not None  # the caller asked
    to_date = engine.today() + timedelta(days=31)  # entries may be dated ahead
    from_date = engine.today() - timedelta(days=SWEEP_DAYS)
    since = Since(start=None, end=engine.now(), from_date=from_date, to_date=to_date)
    request = sweep.request(since, connection.settings)
    seen = {
        stream.key(row)
        for page in walk(partial(engine.transport.call, connection), request, stream.pages)
        for row in page.rows
    }

    def covers(record: landed.Landed) -> bool:
        day: date | None = sweep.day(record.payload)
        return day is not None and from_date <= day <= to_date

    with engine.store.begin() as tx:
        gone = landed.mark_absent(tx, connection.name, stream.name, seen, run_id, covers)
        cursors.swept(tx, connection.name, stream.name)
    return len(gone)
