"""Leases on rows of the outbox: taking what is due, ending what ran out, and a look at both."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.outbox_rows import OutboxRow, OutboxState, set_row
from tieout.store.tables import outbox as t

#: What a row without a lease has.
NO_LEASE: dict[str, Any] = {"lease_owner": "", "lease_until": None}

_PENDING, _CLAIMED, _SENT = OutboxState.PENDING, OutboxState.CLAIMED, OutboxState.SENT
_CONFIRMED, _UNKNOWN = OutboxState.CONFIRMED, OutboxState.UNKNOWN
_LEASED = (_CLAIMED.value, _SENT.value, _UNKNOWN.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRows:
    """What one connection's outbox has to do now."""

    connection: str
    rows: dict[str, int]  # rows to take, by writer
    at_work: int  # how many hold rows now


def claim(
    tx: Tx,
    connection: str,
    owner: str,
    lease_s: float,
    limit: int,
    states: Collection[OutboxState] = (_PENDING, _UNKNOWN),
    writer: str | None = None,
    *,
    first: bool = True,
) -> list[OutboxRow]:
    """Take due rows for `lease_s` seconds, the longest due first.

    A pending row becomes claimed; an unknown one stays unknown, because that is what
    must not be forgotten if this worker dies too. Rows of dead workers come back:
    claimed ones as they were before, sent ones as unknown. `first=False` leaves
    documents that nobody has tried yet: they wait for their schedule.
    """
    expire(tx, connection)
    now = tx.now()
    asked = {"states": [state.value for state in states], "most": limit, "writer": writer}
    due = _due(first, any_writer=writer is None)
    rows = tx.execute(due, {"connection": connection, "now": now, **asked}).all()
    return [
        set_row(
            tx,
            row.id,
            state=row.state if row.state == _UNKNOWN.value else _CLAIMED.value,
            lease_owner=owner,
            lease_until=now + timedelta(seconds=lease_s),
            fence=row.fence + 1,
        )
        for row in rows
    ]


def expire(tx: Tx, connection: str, is_dead: Callable[[str], bool] = lambda owner: False) -> int:
    """End the leases that ran out; returns how many. A sent row's outcome becomes unknown.

    `is_dead(owner)` is True for an owner known to be gone: its leases end at once.
    """
    now = tx.now()
    over = [
        row
        for row in tx.execute(_HELD, {"connection": connection})
        if row.lease_until <= now or is_dead(row.lease_owner)
    ]
    for row in over:
        after = _PENDING if row.state == _CLAIMED.value else _UNKNOWN
        set_row(tx, row.id, state=after.value, fence=row.fence + 1, **NO_LEASE)
    return len(over)


def renew(tx: Tx, connection: str, owner: str, lease_s: float) -> int:
    """Hold what an owner holds for another `lease_s` seconds from now; returns how many rows.

    What ran out before stays so: it may be another's already.
    """
    held = (t.c.connection == connection, t.c.lease_owner == owner, t.c.lease_until > tx.now())
    until = tx.now() + timedelta(seconds=lease_s)
    return int(tx.execute(t.update().where(*held).values(lease_until=until)).rowcount)


def due_rows(
    tx: Tx,
    connection: str,
    *,
    first: bool,
    is_dead: Callable[[str], bool] = lambda owner: False,
) -> DueRows:
    """How much a push of a connection would find to do now; changes nothing.

    `first` as in `claim`. A row under a lease counts when the lease ran out or its owner
    `is_dead`.
    """
    now, rows, living = tx.now(), dict[str, int](), set[str]()
    for row in tx.execute(_count_due(first), {"connection": connection, "now": now}):
        rows[row.writer] = row.rows
    for row in tx.execute(_COUNT_HELD, {"connection": connection}):
        if row.lease_until <= now or is_dead(row.lease_owner):
            rows[row.writer] = rows.get(row.writer, 0) + row.rows
        else:
            living.add(row.lease_owner)
    return DueRows(connection=connection, rows=rows, at_work=len(living))


_IS_HELD = (
    t.c.connection == sa.bindparam("connection"),
    t.c.state.in_(_LEASED),
    t.c.lease_until.is_not(None),
)
_HELD = (
    sa.select(t.c.id, t.c.state, t.c.fence, t.c.lease_owner, t.c.lease_until)
    .where(*_IS_HELD)
    .with_for_update(skip_locked=True)
)
_COUNT_HELD = (
    sa.select(t.c.writer, t.c.lease_owner, t.c.lease_until, sa.func.count().label("rows"))
    .where(*_IS_HELD)
    .group_by(t.c.writer, t.c.lease_owner, t.c.lease_until)
)


@cache
def _due(first: bool, any_writer: bool) -> sa.Select[Any]:
    """The rows to take, the longest due first: those nobody else is taking."""
    query = sa.select(t).where(
        t.c.connection == sa.bindparam("connection"),
        t.c.state.in_(sa.bindparam("states", expanding=True)),
        *_is_due(first),
    )
    if not any_writer:
        query = query.where(t.c.writer == sa.bindparam("writer"))
    query = query.order_by(t.c.not_before, t.c.created_at, t.c.id)
    return query.limit(sa.bindparam("most")).with_for_update(skip_locked=True, of=t)


@cache
def _count_due(first: bool) -> sa.Select[Any]:
    query = sa.select(t.c.writer, sa.func.count().label("rows")).where(
        t.c.connection == sa.bindparam("connection"),
        t.c.state.in_([_PENDING.value, _UNKNOWN.value]),
        *_is_due(first),
    )
    return query.group_by(t.c.writer)


def _is_due(first: bool) -> list[sa.ColumnElement[bool]]:
    """Nobody holds it, its time has come, and what it needs is there; or will not come, which
    is then told of it too."""
    before = sa.alias(t)
    settled = before.c.state.in_([_CONFIRMED.value, OutboxState.HELD.value])
    needed = sa.select(before.c.id).where(settled)
    due = [
        t.c.not_before <= sa.bindparam("now"),
        t.c.lease_until.is_(None),
        t.c.depends_on.is_(None) | t.c.depends_on.in_(needed),
    ]
    if not first:
        # Each lease raised the fence: without one, nobody has tried it.
        due.append((t.c.fence > 0) | (t.c.subject_kind != "document"))
    return due
