"""What waits for a person, with the reason in a bookkeeper's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import upsert
from tieout.store.tables import held as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing that waits, and why."""

    scope: str  # who holds it: `map/harvest/time_entries`, `bill`
    subject: str  # what: `harvest/time_entries/77`
    reason: str  # a short word: `no_rate`
    text: str
    what_to_do: str = ""
    connection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """One thing that waits, since when; resolved ones stay as history."""

    held: Held
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    age: timedelta  # until now, or until it was resolved


def put(tx: Tx, held: Held) -> bool:
    """Hold something; returns whether it is new. One that was resolved starts anew."""
    query = sa.select(t.c.first_seen, t.c.resolved_at)
    before = tx.first(query.where(_is(held.scope, held.subject, held.reason)))
    is_new = before is None or before.resolved_at is not None
    row = {
        "scope": held.scope,
        "subject": held.subject,
        "reason": held.reason,
        "text": held.text,
        "what_to_do": held.what_to_do,
        "connection": held.connection,
        "first_seen": tx.now() if before is None or is_new else before.first_seen,
        "last_seen": tx.now(),
        "resolved_at": None,
    }
    upsert(tx, t, [row])
    return is_new


def settle(tx: Tx, scope: str, now_held: Iterable[Held]) -> tuple[int, int]:
    """Replace all that a scope holds; returns how many are new and how many are resolved."""
    new, still = 0, set()
    for held in now_held:
        if held.scope != scope:
            raise ValueError(f"{held.subject} is of the scope {held.scope!r}, not {scope!r}")
        new += put(tx, held)
        still.add((held.subject, held.reason))
    gone = [
        row
        for row in open_held(tx, scope=scope)
        if (row.held.subject, row.held.reason) not in still
    ]
    for row in gone:
        resolve(tx, scope, row.held.subject, row.held.reason)
    return new, len(gone)


def resolve(tx: Tx, scope: str, subject: str, reason: str | None = None) -> int:
    """Note that it waits no more, for one reason or for all; returns how many did."""
    update = t.update().where(t.c.scope == scope, t.c.subject == subject, t.c.resolved_at.is_(None))
    if reason is not None:
        update = update.where(t.c.reason == reason)
    return tx.execute(update.values(resolved_at=tx.now())).rowcount


def open_held(
    tx: Tx,
    *,
    scope: str | None = None,
    connection: str | None = None,
    subject: str | None = None,
    with_resolved: bool = False,
) -> list[HeldRow]:
    """What waits, the oldest first."""
    query = sa.select(t).order_by(t.c.first_seen, t.c.scope, t.c.subject, t.c.reason)
    if not with_resolved:
        query = query.where(t.c.resolved_at.is_(None))
    for column, value in ((t.c.scope, scope), (t.c.connection, connection), (t.c.subject, subject)):
        if value is not None:
            query = query.where(column == value)
    now = tx.now()
    return [_row(row, now) for row in tx.execute(query)]


def _is(scope: str, subject: str, reason: str) -> sa.ColumnElement[bool]:
    return sa.and_(t.c.scope == scope, t.c.subject == subject, t.c.reason == reason)


def _row(row: sa.Row[Any], now: datetime) -> HeldRow:
    return HeldRow(
        held=Held(
            scope=row.scope,
            subject=row.subject,
            reason=row.reason,
            text=row.text,
            what_to_do=row.what_to_do,
            connection=row.connection,
        ),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        resolved_at=row.resolved_at,
        age=(row.resolved_at or now) - row.first_seen,
    )
