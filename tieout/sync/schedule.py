"""Schedules are rows, unique by name and period: two loops run a step once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tieout.config import Schedule
from tieout.store import schedules
from tieout.sync.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Due:
    """A step whose turn has come, in one period."""

    name: str
    period: str  # names the turn: `2026-03-01T22:00` in the firm's time zone


def due(engine: Engine) -> list[Due]:
    """The steps whose turn has come and that nobody has taken, in the order of the day's work."""
    said = engine.workspace.schedules
    zone = ZoneInfo(engine.workspace.firm.time_zone)
    now = engine.now().astimezone(zone)
    found = []
    for name in ("pull", "push", "pullback", "reconcile"):
        schedule: Schedule = getattr(said, name)
        period = period_of(schedule, now)
        if period is None:
            continue
        with engine.store.begin() as tx:
            if schedules.take(tx, name, period):
                found.append(Due(name=name, period=period))
    return found


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
