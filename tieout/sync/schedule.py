"""Schedules are rows, unique by name and period: however many schedulers, a turn runs once.

A turn is held under a lease while it runs. It is over when its step has ended; what dies
before that, or is given back with more to do, is due again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tieout.config import Schedule
from tieout.store import LostLease, schedules
from tieout.store.core import Tx
from tieout.store.schedules import Turn, TurnState
from tieout.sync.engine import Engine
from tieout.sync.owners import at_work, is_dead

#: The steps that have schedules, in the order of the day's work.
NAMES = ("pull", "push", "pullback", "reconcile")
#: Seconds a process may hold a turn without a sign of life.
LEASE_S = 300.0
#: Seconds between the end of a turn and the same one again, however many hints come.
REST_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Due:
    """A step whose turn has come, in one period."""

    name: str
    period: str  # names the turn: `2026-03-01T22:00` in the firm's time zone

    @property
    def id(self) -> str:
        """What a message about it carries."""
        return f"{self.name}@{self.period}"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A turn this process holds, and the engine to run its step on."""

    turn: Turn
    engine: Engine  # each sign of progress on it renews the lease


def due(engine: Engine, tx: Tx) -> list[Due]:
    """The steps whose turn has come and that nobody holds, in the order of the day's work."""
    found = [one for name in NAMES if (one := turn_now(engine, name)) is not None]
    return [one for one in found if _is_free(engine, tx, one)]


def turn_now(engine: Engine, name: str) -> Due | None:
    """The turn a step is in now; None when it runs only by hand."""
    now = engine.now().astimezone(ZoneInfo(engine.workspace.firm.time_zone))
    period = period_of(getattr(engine.workspace.schedules, name), now)
    return None if period is None else Due(name=name, period=period)


def by_id(engine: Engine, turn_id: str) -> Due | None:
    """The turn of a message; None when it is not that step's turn any more."""
    name = turn_id.partition("@")[0]
    now = turn_now(engine, name) if name in NAMES else None
    return now if now is not None and now.id == turn_id else None


def is_open(engine: Engine, tx: Tx, name: str) -> bool:
    """Whether a step's turn was begun and has not ended."""
    now = turn_now(engine, name)
    turn = schedules.get(tx, now.name, now.period) if now else None
    return turn is not None and turn.is_open


def look_sooner(engine: Engine, tx: Tx, name: str) -> bool:
    """Make a step's turn due now, though it may have ended; whether nothing is left to say.

    False while it runs, or when it ended a moment ago: say it again later. A step that runs
    only by hand is left to people, and there is nothing to say.
    """
    now = turn_now(engine, name)
    return now is None or schedules.again(tx, now.name, now.period, REST_S, is_dead)


@contextmanager
def taken(engine: Engine, one: Due) -> Iterator[Taken | None]:
    """Hold a turn while its step runs; None when another process has it, or it has ended.

    Whoever holds it says how it ended, by `finish` or `go_on`; what is left without a word
    is due again.
    """
    with at_work() as owner:
        with engine.store.begin() as tx:
            turn = schedules.take(tx, one.name, one.period, owner, LEASE_S, is_dead)
        yield Taken(turn=turn, engine=_renewing(engine, turn)) if turn is not None else None


def finish(held: Taken, text: str, *, failed: bool = False) -> None:
    """The turn is over. When another process took it over meanwhile, that one's end counts."""
    with held.engine.store.begin() as tx, _unless_lost():
        schedules.end(tx, held.turn, TurnState.FAILED if failed else TurnState.DONE, text)


def go_on(held: Taken, in_s: float, text: str) -> None:
    """There is more to do in this turn, in so many seconds."""
    later = held.engine.now() + timedelta(seconds=in_s)
    with held.engine.store.begin() as tx, _unless_lost():
        schedules.give_back(tx, held.turn, later, text)


def period_of(schedule: Schedule, now: datetime) -> str | None:
    """The turn a step is in at a local instant; None when it runs only by hand.

    `every N minutes` counts from midnight of the firm's day; a daily time has its turn
    from that time until the next day's.
    """
    if schedule.every_minutes is not None:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        turn = (now - midnight) // timedelta(minutes=schedule.every_minutes)
        return f"{now.date()}#{turn}"
    if schedule.at is None:
        return None
    day = now.date() if now.time() >= schedule.at else now.date() - timedelta(days=1)
    return f"{day}T{schedule.at:%H:%M}"


@contextmanager
def _unless_lost() -> Iterator[None]:
    try:
        yield
    except LostLease:
        return


def _is_free(engine: Engine, tx: Tx, one: Due) -> bool:
    turn = schedules.get(tx, one.name, one.period)
    return turn is None or turn.is_free(engine.now(), is_dead)


def _renewing(engine: Engine, turn: Turn) -> Engine:
    """The engine, on which progress keeps the turn: at most three times in a lease."""
    clock, tell = engine.store.clock, engine.progress
    renewed = [clock.monotonic()]

    def progress(what: str, done: int, total: int | None) -> None:
        if clock.monotonic() - renewed[0] > LEASE_S / 3:
            with engine.store.begin() as tx:
                schedules.renew(tx, turn, LEASE_S)
            renewed[0] = clock.monotonic()
        tell(what, done, total)

    return replace(engine, progress=progress)
