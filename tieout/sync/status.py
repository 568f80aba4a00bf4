"""Where everything stands: what waits, for how long, how fresh the data is, what ended how.

Read from the rows alone, so it is as true after a crash as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tieout.connectors.base import Family
from tieout.connectors.limits import limits_of
from tieout.connectors.pace import Pace
from tieout.connectors.transport import Connection
from tieout.store import cursors, inbox, outbox, runs, schedules
from tieout.store import pace as paces
from tieout.store.core import Tx
from tieout.store.inbox import Pile
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.store.queues import Queue, Waiting, queues, waiting
from tieout.store.runs import Run, RunState
from tieout.store.schedules import Turn, TurnState
from tieout.sync.engine import Engine
from tieout.sync.owners import is_dead
from tieout.sync.tally import stopped

#: What is said of work whose process is gone.
CUT_OFF = "cut off"
#: Budgets of calls over at least so many seconds are worth a look; shorter ones refill at once.
LONG_WINDOW_S = 3600.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GONE = "Its process ended in the middle. Nothing is lost: the next one goes on from there."


@dataclass(frozen=True, kw_only=True)
class Queued:
    """The writes of a connection in one state."""

    connection: str
    state: OutboxState
    rows: int
    oldest: timedelta | None  # None for confirmed ones: they wait for nothing


@dataclass(frozen=True, kw_only=True)
class InDoubt:
    """A write of which nobody knows yet what came of it."""

    row: OutboxRow
    age: timedelta  # since it was sent
    next_look: datetime


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How far a stream has been read."""

    connection: str
    stream: str
    watermark: str
    last_success_at: datetime | None  # None = never read to its end
    lag: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a run or a turn of a schedule stands; `state` is `cut off` when its process is gone."""

    verb: str
    connection: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What is left of a budget of calls."""

    connection: str
    name: str
    left: int
    total: int
    as_of: datetime
    told: bool  # the vendor said so; else it is our own count


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A connection whose credentials are refused."""

    connection: str
    since: datetime
    why: str
    what_to_do: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where everything stands at one instant."""

    at: datetime
    queues: tuple[Queued, ...]
    held: tuple[Waiting, ...]
    unknown: tuple[InDoubt, ...]
    streams: tuple[Freshness, ...]
    runs: tuple[Ran, ...]
    steps: tuple[Ran, ...]  # the last turn of each schedule
    parked: tuple[paces.Parked, ...]
    quotas: tuple[Quota, ...]
    stopped: tuple[Stopped, ...]
    inbox: tuple[Pile, ...]  # vendors' notifications

    @property
    def held_count(self) -> int:
        """How many things wait for a person."""
        return sum(one.rows for one in self.held)


def status(engine: Engine, tx: Tx) -> Status:
    """Look at everything in one view."""
    now = tx.now()
    return Status(
        at=now,
        queues=tuple(_queued(one, now) for one in queues(tx)),
        held=tuple(waiting(tx)),
        unknown=tuple(_doubts(tx, now)),
        streams=tuple(_streams(engine, tx, now)),
        runs=tuple(_ran(run) for run in runs.last_of_each(tx)),
        steps=tuple(_steps(tx)),
        parked=tuple(paces.parked(tx)),
        quotas=tuple(q for one in engine.connections.values() for q in _quotas(tx, one, now)),
        stopped=tuple(
            Stopped(
                connection=name,
                since=note.changed_at,
                why=note.value,
                what_to_do=f"Put a valid credential in place, then `tieout connect {name}`.",
            )
            for name, note in stopped(tx).items()
            if name in engine.connections
        ),
        inbox=tuple(inbox.piles(tx)),
    )


def _queued(queue: Queue, now: datetime) -> Queued:
    waits = queue.state is not OutboxState.CONFIRMED
    return Queued(
        connection=queue.connection,
        state=queue.state,
        rows=queue.rows,
        oldest=now - queue.since if waits else None,
    )


def _doubts(tx: Tx, now: datetime) -> Iterator[InDoubt]:
    for row in outbox.list_rows(tx, states=[OutboxState.UNKNOWN]):
        age = now - (row.sent_at or row.created_at)
        yield InDoubt(row=row, age=age, next_look=row.not_before)


def _streams(engine: Engine, tx: Tx, now: datetime) -> Iterator[Freshness]:
    for connection in engine.connections.values():
        if connection.connector.family is Family.FILES:
            continue
        for stream in connection.connector.streams:
            read = cursors.get(tx, connection.name, stream.name)
            yield Freshness(
                connection=connection.name,
                stream=stream.name,
                watermark=read.watermark,
                last_success_at=read.last_success_at,
                lag=now - read.last_success_at if read.last_success_at else None,
            )


def _ran(run: Run) -> Ran:
    gone = run.state is RunState.RUNNING and is_dead(run.owner)
    return Ran(
        verb=run.verb,
        connection=run.connection,
        state=CUT_OFF if gone else run.state.value,
        started_at=run.started_at,
        ended_at=run.ended_at,
        text=_GONE if gone else run.error_text,
    )


def _steps(tx: Tx) -> Iterator[Ran]:
    turns = (schedules.last(tx, name) for name in ("pull", "push", "pullback", "reconcile"))
    for turn in turns:
        if turn is not None:
            yield _step(turn)


def _step(turn: Turn) -> Ran:
    gone = turn.state is TurnState.TAKEN and is_dead(turn.owner)
    words = {TurnState.TAKEN: "running", TurnState.DUE: "goes on soon"}
    return Ran(
        verb=turn.name,
        connection="",
        state=CUT_OFF if gone else words.get(turn.state, turn.state.value),
        started_at=turn.taken_at,
        ended_at=turn.ended_at,
        text=_GONE if gone else turn.text,
    )


def _quotas(tx: Tx, connection: Connection, now: datetime) -> Iterator[Quota]:
    pace = Pace.load(paces.state_of(tx, connection.pace_key))
    for quota in connection.connector.quotas:
        said = pace.told.get(quota.name)
        if said is not None:
            yield Quota(
                connection=connection.name,
                name=quota.name,
                left=max(said.total - said.used, 0),
                total=said.total,
                as_of=_EPOCH + timedelta(microseconds=said.at),
                told=True,
            )
    at = (now - _EPOCH) // timedelta(microseconds=1)
    for limit in limits_of(connection.connector.pace, connection.settings):
        if limit.per_s < LONG_WINDOW_S or limit.name not in pace.windows:
            continue
        width, slots = pace.windows[limit.name]
        begin = at - int(limit.per_s * 1_000_000)
        used = sum(count for slot, count in slots.items() if (slot + 1) * width > begin)
        yield Quota(
            connection=connection.name,
            name=limit.name,
            left=max(limit.count - used, 0),
            total=limit.count,
            as_of=now,
            told=False,
        )
