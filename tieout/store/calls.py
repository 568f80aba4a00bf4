"""How many calls went to vendors, and how they ended: counted by all processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache

import sqlalchemy as sa

from tieout.store.core import Tx, insert_into
from tieout.store.operations import calls as t


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Calls that are counted together."""

    connection: str
    purpose: str  # `invoice.create`
    outcome: str  # `ok`, or the class of the error


@dataclass(frozen=True, slots=True)
class Count:
    """How many there were, and the time they took in microseconds."""

    calls: int = 0
    micros: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.calls + other.calls, self.micros + other.micros)


@cache
def _add(is_postgres: bool) -> sa.Insert:
    insert = insert_into(t, is_postgres)
    more = {name: t.c[name] + insert.excluded[name] for name in ("calls", "micros")}
    return insert.on_conflict_do_update(index_elements=list(t.primary_key), set_=more)


def add(tx: Tx, counted: Mapping[Kind, Count]) -> None:
    """Count calls that were made."""
    # In one order everywhere: no two writers wait for each other.
    rows = [asdict(kind) | asdict(counted[kind]) for kind in sorted(counted)]
    tx.execute(_add(tx.is_postgres), rows)


def every(tx: Tx) -> dict[Kind, Count]:
    """All counts, by connection, purpose and outcome."""
    query = sa.select(t).order_by(t.c.connection, t.c.purpose, t.c.outcome)
    return {
        Kind(row.connection, row.purpose, row.outcome): Count(row.calls, row.micros)
        for row in tx.execute(query)
    }
