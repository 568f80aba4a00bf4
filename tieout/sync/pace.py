"""The governor that keeps each company's pace in the database, for all processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from tieout.connectors.pace import Governor, Pace
from tieout.store import pace as kept
from tieout.store.core import Store
from tieout.sync.owners import is_dead, this_process


class StoredGovernor(Governor):
    """Each question is one short transaction of its own; none is open during a call.

    It does not wait for the disk: after a crash of the machine the last seconds' calls are
    forgotten, and the vendor's own limit is a moment away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owner = this_process()

    @contextmanager
    def pace(self, company: str) -> Iterator[Pace]:
        with self._store.begin(durable=False) as tx:
            pace = Pace.load(kept.hold(tx, company))
            yield pace
            if pace.changed:
                until, why = pace.parked_until(tx.now()) or (None, "")
                kept.keep(tx, company, pace.dump(), until, why)

    def parked(self, company: str, now: datetime) -> tuple[datetime, str] | None:
        """As every governor answers; it only looks, and keeps nobody waiting."""
        with self._store.read() as tx:
            return Pace.load(kept.state_of(tx, company)).parked_until(now)

    def owner(self) -> str:
        return self._owner

    def is_gone(self, owner: str) -> bool:
        return is_dead(owner)
