"""Which periods of a schedule were taken: once each, however many schedulers there are."""

from __future__ import annotations

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.tables import schedules as t


def take(tx: Tx, name: str, period: str) -> bool:
    """Take a period such as `2026-01-31T02`; false when it was taken before."""
    insert = tx.insert(t).values(name=name, period=period, taken_at=tx.now())
    taken = insert.on_conflict_do_nothing(index_elements=[t.c.name, t.c.period])
    return tx.execute(taken.returning(t.c.name)).first() is not None


def last(tx: Tx, name: str) -> str | None:
    """The highest period taken, as text orders it."""
    period: str | None = tx.execute(
        sa.select(sa.func.max(t.c.period)).where(t.c.name == name)
    ).scalar()
    return period
