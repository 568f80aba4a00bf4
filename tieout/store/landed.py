"""Records as the vendors gave them: every version kept, the newest one marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieout.model.ids import digest
from tieout.store.codec import payload_of, payload_text
from tieout.store.core import Tx
from tieout.store.rows import chunks
from tieout.store.tables import landed as t

#: Complete sweeps in a row that must miss a record before it counts as deleted.
SWEEPS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedRecord:
    """One record as it came off the wire."""

    remote_id: str
    revision: str = ""  # the vendor's version or change time, "" when it has none
    payload: dict[str, Any] | list[Any] | None  # JSON values; None keeps the last payload
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """One stored version of a record."""

    id: int
    connection: str
    stream: str
    remote_id: str
    version: int  # 1, 2, ... in the order they landed
    revision: str
    payload: Any  # numbers with a fraction are Decimal
    deleted: bool
    is_current: bool
    run_id: str
    landed_at: datetime


@dataclass(frozen=True, slots=True)
class LandResult:
    """What a landing changed. `older` records were behind what we have and were not stored."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    older: int = 0

    def __add__(self, other: LandResult) -> LandResult:
        return LandResult(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.older + other.older,
        )


def land(
    tx: Tx, connection: str, stream: str, records: Iterable[LandedRecord], run_id: str
) -> LandResult:
    """Store records of one stream; landing the same ones again changes nothing.

    Where both revisions are whole numbers, or both instants, a lower one never
    replaces a higher one. Otherwise the last to arrive is the newest.
    """
    result = LandResult()
    for chunk in chunks(records):
        result += _land(tx, connection, stream, chunk, run_id)
    return result


def current(
    tx: Tx, connection: str, stream: str, *, since_id: int = 0, with_deleted: bool = True
) -> Iterator[Landed]:
    """The newest version of every record of a stream, in the order they landed."""
    query = sa.select(t).where(_of(connection, stream), t.c.is_current, t.c.id > since_id)
    if not with_deleted:
        query = query.where(~t.c.deleted)
    return (_landed(row) for row in tx.stream(query.order_by(t.c.id)))


_CURRENT = (
    t.c.connection == sa.bindparam("connection"),
    t.c.stream == sa.bindparam("stream"),
    t.c.is_current,
)
_NEWS = sa.select(t.c.id).where(*_CURRENT, t.c.id > sa.bindparam("since_id")).limit(1)
_NEWEST = sa.select(t).where(*_CURRENT, t.c.remote_id.in_(sa.bindparam("ids", expanding=True)))


def has_news(tx: Tx, connection: str, stream: str, since_id: int) -> bool:
    """Whether a version landed after the one of that id."""
    return tx.first(_NEWS, connection=connection, stream=stream, since_id=since_id) is not None


def by_id(tx: Tx, landed_id: int) -> Landed | None:
    """One stored version."""
    row = tx.first(sa.select(t).where(t.c.id == landed_id))
    return row and _landed(row)


def by_remote_id(tx: Tx, connection: str, stream: str, remote_id: str) -> Landed | None:
    """The newest version of one record."""
    row = tx.first(
        sa.select(t).where(_of(connection, stream), t.c.remote_id == remote_id, t.c.is_current)
    )
    return row and _landed(row)


def versions(tx: Tx, connection: str, stream: str, remote_id: str) -> list[Landed]:
    """Every version of one record, oldest first."""
    query = sa.select(t).where(_of(connection, stream), t.c.remote_id == remote_id)
    return [_landed(row) for row in tx.execute(query.order_by(t.c.version))]


def mark_absent(
    tx: Tx,
    connection: str,
    stream: str,
    seen_ids: Collection[str],
    run_id: str,
    covers: Callable[[Landed], bool] | None = None,
) -> list[str]:
    """Tell what a complete sweep saw; returns the remote ids that are deleted by it.

    A record is deleted when two complete sweeps in a row (different runs) did not
    show it. `covers` says whether the sweep could have shown a record, for sweeps
    of a part such as one year; without it the sweep covers the whole stream.
    """
    query = sa.select(t).where(_of(connection, stream), t.c.is_current, ~t.c.deleted)
    missing, again = [], []
    for row in tx.stream(query):
        if row.remote_id in seen_ids:
            if row.absent_sweeps:
                again.append(row.id)
        elif row.absent_run != run_id and (covers is None or covers(_landed(row))):
            missing.append((row.id, row.remote_id, row.absent_sweeps + 1))
    for part in chunks(again):
        tx.execute(t.update().where(t.c.id.in_(part)).values(absent_sweeps=0, absent_run=""))
    if missing:
        tx.execute(
            t.update()
            .where(t.c.id == sa.bindparam("row_id"))
            .values(absent_sweeps=sa.bindparam("sweeps"), absent_run=run_id),
            [{"row_id": row_id, "sweeps": sweeps} for row_id, _, sweeps in missing],
        )
    gone = [remote_id for _, remote_id, sweeps in missing if sweeps >= SWEEPS]
    deletions = (LandedRecord(remote_id=name, payload=None, deleted=True) for name in gone)
    land(tx, connection, stream, deletions, run_id)
    return gone


def _land(
    tx: Tx, connection: str, stream: str, chunk: list[LandedRecord], run_id: str
) -> LandResult:
    asked = {"connection": connection, "stream": stream}
    ids = sorted({record.remote_id for record in chunk})
    # The newest of each by now: a chunk may hold two versions of one record.
    newest: dict[str, dict[str, Any]] = {
        row.remote_id: dict(row._mapping) for row in tx.execute(_NEWEST, {**asked, "ids": ids})
    }
    replaced: list[int] = []
    reset: list[int] = []
    rows: list[dict[str, Any]] = []
    counts = dict.fromkeys(("new", "changed", "unchanged", "deleted", "older"), 0)
    now = tx.now()
    for record in chunk:
        before = newest.get(record.remote_id)
        text = _payload(record, before)
        verdict = _verdict(record, before, digest(text))
        counts[verdict] += 1
        if before is not None and before["absent_sweeps"] and not record.deleted:
            reset.append(before["id"])
        if verdict in ("unchanged", "older"):
            continue
        if before is not None and "id" in before:
            replaced.append(before["id"])
        elif before is not None:
            before["is_current"] = False
        row = {
            "connection": connection,
            "stream": stream,
            "remote_id": record.remote_id,
            "version": before["version"] + 1 if before else 1,
            "revision": record.revision or (before["revision"] if before else ""),
            "payload": text,
            "hash": digest(text),
            "deleted": record.deleted,
            "is_current": True,
            "absent_sweeps": 0,
            "absent_run": "",
            "run_id": run_id,
            "landed_at": now,
        }
        rows.append(row)
        newest[record.remote_id] = row
    if reset:
        tx.execute(t.update().where(t.c.id.in_(reset)).values(absent_sweeps=0, absent_run=""))
    if replaced:
        tx.execute(t.update().where(t.c.id.in_(replaced)).values(is_current=False))
    if rows:
        tx.execute(t.insert(), rows)
    return LandResult(**counts)


def _payload(record: LandedRecord, before: dict[str, Any] | None) -> str:
    if record.payload is not None:
        return payload_text(record.payload)
    return before["payload"] if before else "null"


def _verdict(record: LandedRecord, before: dict[str, Any] | None, hash_: str) -> str:
    if before is None:
        return "deleted" if record.deleted else "new"
    if _is_older(record.revision, before["revision"]):
        return "older"
    if before["hash"] == hash_ and before["deleted"] == record.deleted:
        return "unchanged"
    return "deleted" if record.deleted else "changed"


def _is_older(revision: str, than: str) -> bool:
    left, right = _order(revision), _order(than)
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left < right
    return False


_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$")


def _order(revision: str) -> int | datetime | None:
    if revision.isdecimal():
        return int(revision)
    if not _INSTANT.match(revision):
        return None
    try:
        return datetime.fromisoformat(revision)
    except ValueError:
        return None


def _of(connection: str, stream: str) -> sa.ColumnElement[bool]:
    return sa.and_(t.c.connection == connection, t.c.stream == stream)


def _landed(row: sa.Row[Any]) -> Landed:
    return Landed(
        id=row.id,
        connection=row.connection,
        stream=row.stream,
        remote_id=row.remote_id,
        version=row.version,
        revision=row.revision,
        payload=payload_of(row.payload),
        deleted=row.deleted,
        is_current=row.is_current,
        run_id=row.run_id,
        landed_at=row.landed_at,
    )
