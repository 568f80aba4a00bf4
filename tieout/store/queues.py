"""How many writes stand where, and since when the oldest of them does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.outbox_rows import OutboxState
from tieout.store.tables import held as h
from tieout.store.tables import outbox as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The writes of one connection in one state."""

    connection: str
    state: OutboxState
    rows: int
    since: datetime  # of the oldest: when it came into doubt or was held, else when it was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is held at one place for one reason."""

    where: str  # the connection, or who holds it
    reason: str
    rows: int
    since: datetime  # of the oldest
    text: str  # of one of them


def queues(tx: Tx) -> list[Queue]:
    """Every queue with something in it, by connection and state."""
    since = sa.case(
        (t.c.state == OutboxState.HELD.value, sa.func.coalesce(t.c.settled_at, t.c.created_at)),
        (t.c.state == OutboxState.UNKNOWN.value, sa.func.coalesce(t.c.sent_at, t.c.created_at)),
        else_=t.c.created_at,
    )
    query = sa.select(
        t.c.connection,
        t.c.state,
        sa.func.count().label("rows"),
        sa.func.min(since).label("since"),
    ).group_by(t.c.connection, t.c.state)
    found = [
        Queue(
            connection=row.connection, state=OutboxState(row.state), rows=row.rows, since=row.since
        )
        for row in tx.execute(query)
    ]
    order = list(OutboxState)
    return sorted(found, key=lambda one: (one.connection, order.index(one.state)))


def waiting(tx: Tx) -> list[Waiting]:
    """What is held and why, the oldest first: writes and work together."""
    since = sa.func.coalesce(t.c.settled_at, t.c.created_at)
    writes = (
        sa.select(
            t.c.connection.label("place"),
            t.c.error_class.label("reason"),
            sa.func.count().label("rows"),
            sa.func.min(since).label("since"),
            sa.func.min(t.c.error_text).label("text"),
        )
        .where(t.c.state == OutboxState.HELD.value)
        .group_by(t.c.connection, t.c.error_class)
    )
    place = sa.case((h.c.connection != "", h.c.connection), else_=h.c.scope)
    work = (
        sa.select(
            place.label("place"),
            h.c.reason,
            sa.func.count().label("rows"),
            sa.func.min(h.c.first_seen).label("since"),
            sa.func.min(h.c.text).label("text"),
        )
        .where(h.c.resolved_at.is_(None))
        .group_by(place, h.c.reason)
    )
    found = [
        Waiting(where=row.place, reason=row.reason, rows=row.rows, since=row.since, text=row.text)
        for query in (writes, work)
        for row in tx.execute(query)
    ]
    return sorted(found, key=lambda one: (one.since, one.where, one.reason))
