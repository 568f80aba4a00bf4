"""What ran, when, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
import structlog

from tieout.errors import NotAllowed, StoreError, TieoutError
from tieout.model.ids import new_id
from tieout.store.codec import payload_of, payload_text
from tieout.store.core import Store, Tx
from tieout.store.tables import runs as t

_log = structlog.get_logger("tieout.runs")


class RunState(StrEnum):
    """How a run stands; partial is not done."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a verb."""

    id: str
    verb: str  # `pull`, `bill` ...
    connection: str  # "" when the verb is not about one
    state: RunState
    counts: Mapping[str, int]
    error_text: str
    started_at: datetime
    ended_at: datetime | None
    owner: str = ""  # the process it runs in, `host:pid`; "" when it ends where it begins


@dataclass(kw_only=True)
class Outcome:
    """How a run goes, filled in while it lasts."""

    run_id: str
    state: RunState = RunState.DONE  # what it ends as when nothing is raised
    counts: dict[str, int] = field(default_factory=dict)
    error_text: str = ""


@contextmanager
def running(store: Store, verb: str, connection: str = "", owner: str = "") -> Iterator[Outcome]:
    """A run from its start to its end; every line logged inside carries its id.

    What is raised inside ends it as failed and is raised on. A process that is killed
    leaves it running, under the name of an owner that is gone.
    """
    with store.begin() as tx:
        outcome = Outcome(run_id=start(tx, verb, connection, owner))
    told = {"run_id": outcome.run_id, "run": verb}
    with structlog.contextvars.bound_contextvars(
        **told, **({"connection": connection} if connection else {})
    ):
        _log.info("run started")
        try:
            yield outcome
        except (Exception, KeyboardInterrupt) as problem:
            outcome.state, outcome.error_text = RunState.FAILED, _why(problem)
            with suppress(StoreError):  # what went wrong first is what must be told
                _end(store, outcome)
            raise
        _end(store, outcome)


def _end(store: Store, outcome: Outcome) -> None:
    say = _log.info if outcome.state is RunState.DONE else _log.warning
    say("run ended", state=outcome.state.value, error=outcome.error_text, counts=outcome.counts)
    with store.begin() as tx:
        end(tx, outcome.run_id, outcome.state, outcome.counts, outcome.error_text)


def _why(problem: BaseException) -> str:
    """Our own words for our own errors; of others only the kind: their text may hold anything."""
    if isinstance(problem, KeyboardInterrupt):
        return "Stopped by hand."
    return str(problem) if isinstance(problem, TieoutError) else type(problem).__name__


def start(tx: Tx, verb: str, connection: str = "", owner: str = "") -> str:
    """Note that a run begins; returns its id."""
    run_id = new_id("run")
    row = {"id": run_id, "verb": verb, "connection": connection, "state": RunState.RUNNING.value}
    times = {"started_at": tx.now(), "ended_at": None, "owner": owner}
    tx.execute(t.insert().values({**row, **times, "counts": "{}", "error_text": ""}))
    return run_id


def end(
    tx: Tx,
    run_id: str,
    state: RunState,
    counts: Mapping[str, int] | None = None,
    error_text: str = "",
) -> None:
    """Note how a run ended. Raises NotAllowed unless it is running."""
    update = t.update().where(t.c.id == run_id, t.c.state == RunState.RUNNING.value)
    values = {"state": state.value, "counts": payload_text(dict(counts or {}))}
    if (
        state is RunState.RUNNING
        or not tx.execute(
            update.values(**values, error_text=error_text, ended_at=tx.now())
        ).rowcount
    ):
        raise NotAllowed(f"Run {run_id} is not running, so it cannot end as {state.value}.")


def get(tx: Tx, run_id: str) -> Run | None:
    """One run."""
    row = tx.first(sa.select(t).where(t.c.id == run_id))
    return row and _run(row)


def latest(
    tx: Tx, *, verb: str | None = None, connection: str | None = None, limit: int = 50
) -> list[Run]:
    """Runs, the newest first."""
    query = sa.select(t).order_by(t.c.started_at.desc(), t.c.id).limit(limit)
    if verb is not None:
        query = query.where(t.c.verb == verb)
    if connection is not None:
        query = query.where(t.c.connection == connection)
    return [_run(row) for row in tx.execute(query)]


def last_of_each(tx: Tx) -> list[Run]:
    """The newest run of every verb and connection, by their names."""
    newest = (
        sa.select(t.c.verb, t.c.connection, sa.func.max(t.c.started_at).label("at"))
        .group_by(t.c.verb, t.c.connection)
        .subquery()
    )
    query = sa.select(t).join(
        newest,
        sa.and_(
            t.c.verb == newest.c.verb,
            t.c.connection == newest.c.connection,
            t.c.started_at == newest.c.at,
        ),
    )
    found = {(row.verb, row.connection): _run(row) for row in tx.execute(query.order_by(t.c.id))}
    return [found[key] for key in sorted(found)]


def unfinished(tx: Tx) -> list[Run]:
    """Runs that have not ended, the oldest first."""
    query = sa.select(t).where(t.c.state == RunState.RUNNING.value).order_by(t.c.started_at)
    return [_run(row) for row in tx.execute(query)]


def counts_by_state(tx: Tx) -> dict[tuple[str, str, RunState], int]:
    """How many runs there were, by verb, connection and how they stand."""
    query = sa.select(t.c.verb, t.c.connection, t.c.state, sa.func.count().label("runs"))
    found = tx.execute(query.group_by(t.c.verb, t.c.connection, t.c.state))
    return {(row.verb, row.connection, RunState(row.state)): row.runs for row in found}


def _run(row: sa.Row[Any]) -> Run:
    body = {**row._mapping, "state": RunState(row.state), "counts": payload_of(row.counts)}
    return Run(**body)
