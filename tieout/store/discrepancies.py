"""Differences that reconciliation found: opened, carried from run to run, closed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.rows import upsert
from tieout.store.tables import discrepancies as t


class DiscrepancyState(StrEnum):
    """Whether the last run still found it."""

    OPEN = "open"
    CLOSED = "closed"


class Settled(NamedTuple):
    """How many differences a run opened, found again, and no longer found."""

    opened: int
    carried: int
    closed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyRow:
    """One difference and its history."""

    discrepancy: Discrepancy  # as last found
    state: DiscrepancyState
    owner: str  # who looks into it, "" for nobody yet
    first_seen: datetime
    last_seen: datetime
    first_run: str
    last_run: str
    closed_at: datetime | None


def settle(
    tx: Tx,
    run_id: str,
    found: Iterable[Discrepancy],
    classes: Collection[DiscrepancyClass] | None = None,
) -> Settled:
    """Take in what a run found; what it no longer finds is closed.

    `classes` are those the run did check, None for all: what it did not check
    stays open. One that was closed and comes back counts as opened.
    """
    now = tx.now()
    query = sa.select(t.c.id, t.c.cls, t.c.state, t.c.first_seen, t.c.first_run, t.c.owner)
    known = {row.id: row for row in tx.execute(query)}
    rows: dict[str, dict[str, Any]] = {}
    opened = 0
    for one in found:
        before = known.get(one.id)
        goes_on = before is not None and before.state == DiscrepancyState.OPEN.value
        opened += not goes_on and one.id not in rows
        rows[one.id] = {
            "id": one.id,
            "cls": one.cls.value,
            "subject": one.subject,
            "amount": one.amount,
            "currency": one.currency,
            "body": encode(one),
            "state": DiscrepancyState.OPEN.value,
            "owner": before.owner if before else "",
            "first_seen": before.first_seen if before and goes_on else now,
            "last_seen": now,
            "first_run": before.first_run if before and goes_on else run_id,
            "last_run": run_id,
            "closed_at": None,
        }
    upsert(tx, t, list(rows.values()))
    checked = None if classes is None else {cls.value for cls in classes}
    gone = [
        {"row_id": row.id}
        for row in known.values()
        if row.state == DiscrepancyState.OPEN.value
        and row.id not in rows
        and (checked is None or row.cls in checked)
    ]
    if gone:
        update = t.update().where(t.c.id == sa.bindparam("row_id"))
        closed = {"state": DiscrepancyState.CLOSED.value, "closed_at": now, "last_run": run_id}
        tx.execute(update.values(closed), gone)
    return Settled(opened, len(rows) - opened, len(gone))


def get(tx: Tx, discrepancy_id: str) -> DiscrepancyRow | None:
    """One difference, open or closed."""
    row = tx.first(sa.select(t).where(t.c.id == discrepancy_id))
    return row and _row(row)


def list_rows(
    tx: Tx,
    *,
    state: DiscrepancyState | None = DiscrepancyState.OPEN,
    cls: DiscrepancyClass | None = None,
) -> list[DiscrepancyRow]:
    """Differences by class, the oldest first; `state=None` gives closed ones too."""
    query = sa.select(t).order_by(t.c.cls, t.c.first_seen, t.c.id)
    if state is not None:
        query = query.where(t.c.state == state.value)
    if cls is not None:
        query = query.where(t.c.cls == cls.value)
    return [_row(row) for row in tx.execute(query)]


def assign(tx: Tx, discrepancy_id: str, owner: str) -> None:
    """Say who looks into a difference. Raises NotAllowed when there is no such one."""
    update = t.update().where(t.c.id == discrepancy_id)
    if not tx.execute(update.values(owner=owner)).rowcount:
        raise NotAllowed(f"There is no discrepancy {discrepancy_id}.")


def _row(row: sa.Row[Any]) -> DiscrepancyRow:
    return DiscrepancyRow(
        discrepancy=decode(Discrepancy, row.body),
        state=DiscrepancyState(row.state),
        owner=row.owner,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        first_run=row.first_run,
        last_run=row.last_run,
        closed_at=row.closed_at,
    )
