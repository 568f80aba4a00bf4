"""What ran, when, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.ids import new_id
from tieout.store.codec import payload_of, payload_text
from tieout.store.core import Tx
from tieout.store.tables import runs as t


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


def start(tx: Tx, verb: str, connection: str = "") -> str:
    """Note that a run begins; returns its id."""
    run_id = new_id("run")
    row = {"id": run_id, "verb": verb, "connection": connection, "state": RunState.RUNNING.value}
    times = {"started_at": tx.now(), "ended_at": None}
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


def _run(row: sa.Row[Any]) -> Run:
    body = {**row._mapping, "state": RunState(row.state), "counts": payload_of(row.counts)}
    return Run(**body)
