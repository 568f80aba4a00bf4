"""Estimate: how many calls a push takes, and how long at the remote company's limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tieout.connectors.base import Limit, Request, Writer
from tieout.connectors.connection import Connection
from tieout.connectors.limits import limits_of
from tieout.connectors.pace import room
from tieout.store import batches
from tieout.store.core import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls of one kind that are to be made."""

    count: int
    seconds: float = 0.0  # what the vendor takes for one, 0.0 when not known
    limits: tuple[Limit, ...] = ()  # those that count them


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a push is expected to take."""

    records: int
    calls: int  # that write
    seconds: int  # about, at the company's limits


def seconds_for(
    work: Iterable[Calls], at_once: int, *, attended: bool = False, fresh: bool = True
) -> float:
    """How long calls take at best: the slowest limit decides, or the vendor's own time.

    `at_once` calls are on their way together, 0 = one. `fresh`: nobody has called for a
    while, so that the first windows are empty; else every window is as full as it may be.
    """
    kinds = [kind for kind in work if kind.count]
    counted: dict[str, tuple[Limit, int]] = {}
    for kind in kinds:
        for limit in kind.limits:
            before = counted[limit.name][1] if limit.name in counted else 0
            counted[limit.name] = limit, before + kind.count
    waits = [0.0]
    for limit, count in counted.values():
        fits = room(limit, attended=attended)
        waits.append((count - 1) // fits * limit.per_s if fresh else count * limit.per_s / fits)
    longest = max((kind.seconds for kind in kinds), default=0.0)
    busy = sum(kind.count * kind.seconds for kind in kinds) / max(at_once, 1)
    return max(max(waits) + longest, busy)


def estimate(
    tx: Tx,
    connection: Connection,
    records: Mapping[str, int],
    pushers: int = 0,
    *,
    fresh: bool = True,
) -> Estimate:
    """What pushing so many records of each writer takes, by what was learned so far.

    `pushers` is how many work on it, 0 = as many as the company takes at once.
    """
    work = []
    for writer in connection.connector.writers:
        count = records.get(writer.name, 0)
        most = writer.batch.size if writer.batch else 1
        known = batches.learned(tx, connection.pace_key, writer.name, most)
        size = min(known.size, max(count, 1))
        work.append(
            Calls(
                count=-(-count // size),
                seconds=known.item_micros * size / 1_000_000,
                limits=_limits_of(connection, writer, size),
            )
        )
    at_once = pushers or connection.at_once
    seconds = seconds_for(work, at_once, attended=connection.attended, fresh=fresh)
    return Estimate(
        records=sum(records.values()),
        calls=sum(kind.count for kind in work),
        seconds=-int(-seconds // 1),
    )


def _limits_of(connection: Connection, writer: Writer, size: int) -> tuple[Limit, ...]:
    """The limits that count a writer's calls: found out with a call that is never made."""
    settings = connection.settings
    request: Request
    if writer.batch is not None and size > 1:
        request = writer.batch.send([], "estimate", settings)
    else:
        request = writer.send(b"{}", "estimate", settings)
    limits = limits_of(connection.connector.pace, settings)
    return tuple(limit for limit in limits if limit.applies(request))


def in_words(seconds: int) -> str:
    """`45 s`, `12 min`, `3 h`: rounded up to what a person wants to know."""
    if seconds <= 90:
        return f"{seconds} s"
    if seconds <= 90 * 60:
        return f"{-(-seconds // 60)} min"
    return f"{-(-seconds // 3600)} h"
