"""How fast we may call a customer's company at a vendor, whichever process calls.

Calls are counted in slots of a tenth of each limit's window, and every slot that
touches the window counts: at most ten percent slower than the limit, never faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from tieout.errors import Misconfigured
from tieout.store.core import Tx
from tieout.store.tables import pace as t
from tieout.store.tables import paced_companies

#: A limit: its name, how much fits, and into how many seconds.
Limit = tuple[str, int, float]

_SLOTS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def reserve(tx: Tx, company: str, limits: Sequence[Limit], cost: int = 1) -> float:
    """Count a call of `cost` if every limit has room; returns the seconds to wait, 0.0 = go.

    When there is a wait nothing was counted: wait, then ask again. Raises
    Misconfigured when the call can never fit.
    """
    parked = _lock(tx, company)
    now = tx.now()
    if parked is not None and parked > now:
        return (parked - now).total_seconds()
    at = (now - _EPOCH) // _MICROSECOND
    wait = max((_wait(tx, company, limit, cost, at) for limit in limits), default=0)
    if wait > 0:
        return wait / 1_000_000
    for name, _, per_s in limits:
        slot = at // _width(per_s)
        row = {"company": company, "name": name, "slot": slot, "used": cost}
        insert = tx.insert(t).values(row)
        add = {"used": t.c.used + cost}
        tx.execute(insert.on_conflict_do_update(index_elements=list(t.primary_key), set_=add))
        of_limit = (t.c.company == company, t.c.name == name)
        tx.execute(t.delete().where(*of_limit, t.c.slot < slot - _SLOTS))
    return 0.0


def park(tx: Tx, company: str, until: datetime) -> None:
    """Let no call go before an instant: the vendor said so. Never shortens a longer wait."""
    parked = _lock(tx, company)
    if parked is None or parked < until:
        update = paced_companies.update().where(paced_companies.c.company == company)
        tx.execute(update.values(parked_until=until))


def parked_until(tx: Tx, company: str) -> datetime | None:
    """Until when a company asked us to wait, None when it does not."""
    query = sa.select(paced_companies.c.parked_until).where(paced_companies.c.company == company)
    row = tx.first(query)
    return row.parked_until if row and row.parked_until and row.parked_until > tx.now() else None


def _lock(tx: Tx, company: str) -> datetime | None:
    """Make others wait who count for the company; returns until when it is parked."""
    insert = tx.insert(paced_companies).values(company=company, parked_until=None)
    tx.execute(insert.on_conflict_do_nothing())
    query = sa.select(paced_companies.c.parked_until).where(paced_companies.c.company == company)
    parked: datetime | None = tx.execute(query.with_for_update()).scalar_one()
    return parked


def _width(per_s: float) -> int:
    return max(int(per_s * 1_000_000) // _SLOTS, 1)


def _wait(tx: Tx, company: str, limit: Limit, cost: int, at: int) -> int:
    """Microseconds until the cost fits."""
    name, count, per_s = limit
    if cost > count:
        raise Misconfigured(
            f"A call of {cost} never fits the limit {name!r} of {count} in {per_s:g} s. "
            "Raise the limit or make the batch smaller."
        )
    width = _width(per_s)
    query = sa.select(t.c.slot, t.c.used).where(
        t.c.company == company, t.c.name == name, t.c.slot >= at // width - _SLOTS
    )
    slots = tx.execute(query.order_by(t.c.slot)).all()
    used = sum(slot.used for slot in slots)
    for slot in slots:
        if used + cost <= count:
            return 0
        used -= slot.used
        if used + cost <= count:
            return int((slot.slot + _SLOTS + 1) * width - at)
    return 0
