"""How many records a call may carry, learned from what a company's calls came to.

A batch that timed out is halved for everybody, at once; it grows again slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import by, by_locked, upsert
from tieout.store.tables import batch_sizes as t

#: Full batches in a row that must go well before the next ones are a quarter larger.
GROW_AFTER = 8
#: The weight of one call in the average time of an item: one in so many.
_MEMORY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What calls of one writer to one company came to."""

    size: int  # records a call may carry now
    item_micros: int  # microseconds that a call takes for each record, 0 when not known


def learned(tx: Tx, company: str, writer: str, most: int) -> Learned:
    """What is known; `most` is what the vendor takes, and where nothing is known."""
    row = _row(tx, company, writer, lock=False)
    if row is None:
        return Learned(size=most, item_micros=0)
    return Learned(size=min(row.size, most), item_micros=row.item_micros)


def went_well(tx: Tx, company: str, writer: str, most: int, items: int, micros: int) -> None:
    """A call of so many items was answered after so many microseconds."""
    row = _row(tx, company, writer)
    size, streak, average = (row.size, row.streak, row.item_micros) if row else (most, 0, 0)
    each = micros // max(items, 1)
    average = each if not average else average + (each - average) // _MEMORY
    if items >= size < most:
        streak += 1
        if streak >= GROW_AFTER:
            size, streak = min(most, size + max(size // 4, 1)), 0
    _put(tx, company, writer, size, streak, average)


def shrink(tx: Tx, company: str, writer: str, most: int, items: int, smallest: int) -> None:
    """A call of so many items was too much: from now on half of them, never below `smallest`.

    Calls that left before the size went down say nothing new and change nothing.
    """
    row = _row(tx, company, writer)
    size, average = (min(row.size, most), row.item_micros) if row else (most, 0)
    half = max(smallest, items // 2)
    if items > smallest and half < size:
        _put(tx, company, writer, half, 0, average)


def _row(tx: Tx, company: str, writer: str, *, lock: bool = True) -> sa.Row[Any] | None:
    query = (by_locked if lock else by)(t, "company", "writer")
    return tx.first(query, company=company, writer=writer)


def _put(tx: Tx, company: str, writer: str, size: int, streak: int, item_micros: int) -> None:
    row = {
        "company": company,
        "writer": writer,
        "size": size,
        "streak": streak,
        "item_micros": item_micros,
    }
    upsert(tx, t, [row])
