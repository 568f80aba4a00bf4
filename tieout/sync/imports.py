"""Import and export: files land like pulled records; canonical facts go out as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tieout.connectors.base import Family
from tieout.connectors.canonical import KINDS, to_line
from tieout.connectors.transport import Connection
from tieout.errors import BadInput, Misconfigured
from tieout.model.project import RateFact
from tieout.store import audit, facts, landed, projects, runs, work
from tieout.store.core import Tx
from tieout.store.facts import Kind
from tieout.sync.engine import Engine
from tieout.sync.project import project
from tieout.sync.translate import Translated, translate_stream


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a file brought."""

    path: str
    stream: str  # `time`; several for JSON Lines of several kinds
    layout: str
    landed: landed.LandResult
    facts: int  # made or changed
    held: int


def import_file(engine: Engine, path: Path, connection: str = "") -> Imported:
    """Take in one file, whole or not at all, and place its work on projects.

    The same file again changes nothing; a corrected one changes the rows it corrects.
    Raises BadInput with every problem of the file, Misconfigured without a files connection.
    """
    through = _files_connection(engine, connection)
    parse = through.connector.parse
    assert parse is not None  # a connector of files has one
    parsed = parse(path.name, _bytes(path), through.settings)
    result = landed.LandResult()
    with engine.store.begin() as tx:
        run_id = runs.start(tx, "import", through.name)
        for part in parsed:
            stream = through.connector.stream(part.stream)
            records = [
                landed.LandedRecord(
                    remote_id=stream.key(row), revision=stream.revision(row), payload=row
                )
                for row in part.rows
            ]
            result += landed.land(tx, through.name, stream.name, records, run_id)
        counts = {"new": result.new, "changed": result.changed}
        runs.end(tx, run_id, runs.RunState.DONE, counts)
        audit.record(tx, engine.actor, "file.imported", path.name, counts)
    done = Translated()
    for part in parsed:
        done += translate_stream(engine, through, through.connector.stream(part.stream))
    project(engine)
    return Imported(
        path=str(path),
        stream=", ".join(part.stream for part in parsed),
        layout=", ".join(dict.fromkeys(part.layout for part in parsed)),
        landed=result,
        facts=done.facts,
        held=done.held,
    )


def _files_connection(engine: Engine, name: str) -> Connection:
    if name:
        connection = engine.connection(name)
        if connection.connector.family is Family.FILES:
            return connection
        raise Misconfigured(
            f"{name} is a connection to {connection.connector.title}, not to files."
        )
    there = engine.of_family(Family.FILES)
    if len(there) == 1:
        return there[0]
    if there:
        names = ", ".join(connection.name for connection in there)
        raise Misconfigured(f"There are several files connections ({names}): say --connection.")
    raise Misconfigured(
        "tieout.yaml has no connection for files. Add under `connections:` the line "
        "`files: {connector: files}`."
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(f"{path} cannot be read: {problem.strerror}.") from problem


def export(engine: Engine, kinds: tuple[str, ...] = ()) -> Iterator[str]:
    """Canonical facts as JSON Lines, of all kinds or the named ones, in a stable order.

    Raises BadInput naming the kinds there are for one there is not.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise BadInput(f"There is no kind {unknown[0]!r}; there are: {', '.join(KINDS)}.")
    for kind in kinds or tuple(KINDS):
        with engine.store.read() as tx:
            for fact in _facts(tx, kind):
                yield to_line(fact)


def _facts(tx: Tx, kind: str) -> Iterator[Any]:
    if kind in (work.WorkKind.EXPENSE, "time_entry"):
        wanted = work.WorkKind.TIME if kind == "time_entry" else work.WorkKind.EXPENSE
        yield from (item.body for item in work.all_of(tx, wanted))
    elif kind == "client":
        yield from projects.list_clients(tx)
    elif kind == "project":
        yield from projects.list_projects(tx)
    elif kind == "rate":
        yield from facts.bodies(tx, Kind("rate", RateFact))
    else:
        yield from facts.bodies(tx, Kind(kind, KINDS[kind]))
