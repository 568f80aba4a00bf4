"""Landed records become canonical facts, or are held with their reason. Needs no network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from tieout.connectors.base import Held, Stream
from tieout.connectors.transport import Connection
from tieout.model.ids import SourceRef
from tieout.model.work import Expense, TimeEntry
from tieout.store import cursors, facts, held, landed, work
from tieout.store.core import Tx
from tieout.store.facts import Fact, Kind
from tieout.sync.engine import Engine

SCOPE = "record"


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What a translation changed."""

    facts: int = 0  # facts made or changed
    held: int = 0  # records that could not become one
    deleted: int = 0

    def __add__(self, other: Translated) -> Translated:
        return Translated(
            facts=self.facts + other.facts,
            held=self.held + other.held,
            deleted=self.deleted + other.deleted,
        )


def translate(engine: Engine, *, again: bool = False) -> Translated:
    """Translate every record that landed since the last time; `again` translates all of them."""
    done = Translated()
    for connection in engine.connections.values():
        done += translate_connection(engine, connection, again=again)
    return done


def translate_connection(
    engine: Engine, connection: Connection, *, again: bool = False
) -> Translated:
    """Translate the streams of one connection that have something new."""
    done = Translated()
    with engine.store.read() as tx:
        known = cursors.every(tx, connection.name)
        marks = {} if again else {one.stream: one.watermark for one in known}
        news = [
            stream
            for stream in connection.connector.streams
            if landed.has_news(
                tx, connection.name, stream.name, int(marks.get(mark_of(stream)) or 0)
            )
        ]
    for stream in news:
        done += translate_stream(engine, connection, stream, again=again)
    return done


def translate_stream(
    engine: Engine, connection: Connection, stream: Stream, *, again: bool = False
) -> Translated:
    """Translate one stream: its facts and its mark change in one transaction."""
    mark = mark_of(stream)
    with engine.store.begin() as tx:
        since = 0 if again else int(cursors.get(tx, connection.name, mark).watermark or 0)
        records = list(landed.current(tx, connection.name, stream.name, since_id=since))
        if not records:
            return Translated()
        done = _translate_all(tx, connection, stream, records)
        cursors.put(tx, connection.name, mark, str(max(record.id for record in records)))
    engine.progress(f"{connection.name}: {stream.name} translated", len(records), len(records))
    return done


def mark_of(stream: Stream) -> str:
    """The cursor that says how far a stream's landed records were translated."""
    return f"{stream.name}/translated"


def _translate_all(
    tx: Tx, connection: Connection, stream: Stream, records: list[landed.Landed]
) -> Translated:
    made: list[tuple[Any, int]] = []
    deleted, waiting = 0, 0
    held_before = {
        row.held.subject for row in held.open_held(tx, scope=SCOPE, connection=connection.name)
    }
    for record in records:
        source = SourceRef(connection.name, stream.name, record.remote_id)
        if record.deleted:
            deleted += _mark_deleted(tx, stream, source)
            continue
        outcome = _read(connection, stream, record, source)
        if isinstance(outcome, Held):
            waiting += 1
            held.put(tx, _waiting(outcome, source))
            continue
        made.append((outcome, record.id))
        if str(source) in held_before:
            held.resolve(tx, SCOPE, str(source))
    return Translated(facts=_put(tx, stream, made), held=waiting, deleted=deleted)


def _waiting(outcome: Held, source: SourceRef) -> held.Held:
    return held.Held(
        scope=SCOPE,
        subject=str(source),
        reason=outcome.reason,
        text=outcome.text,
        what_to_do=outcome.what_to_do,
        connection=source.connection,
    )


def _read(connection: Connection, stream: Stream, record: landed.Landed, source: SourceRef) -> Any:
    """The fact of a record, or Held when the record is not what the vendor promises."""
    try:
        wire = stream.wire.model_validate(record.payload)
        return stream.read(wire, source, connection.settings)
    except (ValidationError, ValueError) as problem:
        return Held(
            reason="unreadable",
            text=f"{source} cannot be read: {_short(problem)}",
            what_to_do=(
                f"Look at the record in {connection.connector.title}; correct it there and pull "
                "again. If it looks right there, report it: nothing of it was used or lost."
            ),
        )


def _short(problem: Exception) -> str:
    if isinstance(problem, ValidationError):
        first = problem.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(problem)


def _put(tx: Tx, stream: Stream, made: list[tuple[Any, int]]) -> int:
    """Store what was made: (fact, id of its stored record); returns how many are news."""
    if issubclass(stream.yields, TimeEntry | Expense):
        before = work.get_many(tx, [fact.id for fact, _ in made])
        items = [_work_item(before.get(fact.id), fact, record_id) for fact, record_id in made]
        result = work.put_many(tx, items)
    else:
        kind: Kind[Any] = Kind(stream.kind, stream.yields)
        result = facts.put_many(tx, kind, [Fact.of(fact, record_id) for fact, record_id in made])
    return result.new + result.changed


def _work_item(
    before: work.WorkItem | None, fact: TimeEntry | Expense, landed_id: int
) -> work.WorkItem:
    """The item keeps the project that mapping gave it until mapping looks again."""
    project_id = before.project_id if before else None
    if isinstance(fact, Expense):
        return work.WorkItem.of_expense(fact, project_id, landed_id=landed_id)
    item = work.WorkItem.of_time(fact, project_id, landed_id=landed_id)
    if before is None:
        return item
    return replace(item, person=before.person, task=before.task, role=before.role)


def _mark_deleted(tx: Tx, stream: Stream, source: SourceRef) -> int:
    if issubclass(stream.yields, TimeEntry | Expense):
        item = work.by_source(tx, source)
        return work.mark_deleted(tx, [item.id] if item else [])
    kind: Kind[Any] = Kind(stream.kind, stream.yields)
    return facts.mark_deleted(tx, kind, [fact.id for fact in facts.by_source(tx, kind, source)])
