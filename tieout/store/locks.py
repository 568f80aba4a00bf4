"""Named leases: one process at a time, found out by its fence when it overstays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.failures import LostLease
from tieout.store.tables import locks as t


def acquire(
    tx: Tx,
    name: str,
    owner: str,
    ttl_s: float,
    is_dead: Callable[[str], bool] = lambda owner: False,
) -> int | None:
    """Take a lease for `ttl_s` seconds; its fence, or None while someone holds it.

    Who holds it and `is_dead` loses it at once. Fences of a name only rise. Commit at
    once: the lease holds by its row, not by the transaction.
    """
    now = tx.now()
    row = {"name": name, "owner": owner, "fence": 1, "expires_at": now + timedelta(seconds=ttl_s)}
    insert = tx.insert(t).values(row)
    free = t.c.expires_at <= now
    there = holder(tx, name)
    if there is not None and is_dead(there):
        free = free | (t.c.owner == there)
    taken = insert.on_conflict_do_update(
        index_elements=[t.c.name],
        set_={"owner": owner, "fence": t.c.fence + 1, "expires_at": insert.excluded.expires_at},
        where=free,
    ).returning(t.c.fence)
    fence: int | None = tx.execute(taken).scalar()
    return fence


def renew(tx: Tx, name: str, fence: int, ttl_s: float) -> None:
    """Keep a lease for another `ttl_s` seconds. Raises LostLease when someone else has it."""
    until = tx.now() + timedelta(seconds=ttl_s)
    update = t.update().where(t.c.name == name, t.c.fence == fence, t.c.owner != "")
    if not tx.execute(update.values(expires_at=until)).rowcount:
        raise _lost(name)


def check(tx: Tx, name: str, fence: int) -> None:
    """Raise LostLease unless the fence is still the newest: call it where the result is saved."""
    query = sa.select(t.c.fence).where(t.c.name == name, t.c.fence == fence, t.c.owner != "")
    if tx.first(query.with_for_update() if tx.writing else query) is None:
        raise _lost(name)


def release(tx: Tx, name: str, fence: int) -> bool:
    """Give a lease back; false when it was not ours any more."""
    update = t.update().where(t.c.name == name, t.c.fence == fence, t.c.owner != "")
    return tx.execute(update.values(owner="", expires_at=tx.now())).rowcount > 0


_HOLDER = sa.select(t.c.owner).where(
    t.c.name == sa.bindparam("name"), t.c.expires_at > sa.bindparam("now")
)


def holder(tx: Tx, name: str) -> str | None:
    """Who holds a lease now."""
    row = tx.first(_HOLDER, name=name, now=tx.now())
    return row and row.owner


def _lost(name: str) -> LostLease:
    return LostLease(f"The lease {name!r} ran out and another process took it. Drop this work.")
