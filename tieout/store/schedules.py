"""Turns of schedules: one row each, held under a lease until it has ended.

    due -> taken -> done | failed
     ^        |
     +--------+   given back with more to do, or its lease ran out

A turn that ended can be made due again: something happened that it should see at once.
A turn that nobody ever took has no row. One that was taken by a process that died is due
again when its lease runs out, or at once when that process is known to be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.failures import LostLease
from tieout.store.rows import by, by_locked
from tieout.store.tables import schedules as t

#: Whether the owner of a lease is known to be gone.
IsDead = Callable[[str], bool]


class TurnState(StrEnum):
    """How a turn stands."""

    DUE = "due"  # given back: more of it is to do
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of one schedule."""

    name: str  # the step: `push`
    period: str  # unique for the step: `2026-03-01T22:00`
    state: TurnState
    owner: str
    lease_until: datetime | None  # None unless taken
    fence: int  # rises each time it is taken
    not_before: datetime | None  # when it goes on, None = at once
    text: str  # what it did, or why it failed
    taken_at: datetime  # the last time
    ended_at: datetime | None

    def is_free(self, now: datetime, is_dead: IsDead) -> bool:
        """Whether somebody may take it now."""
        if self.state is TurnState.DUE:
            return self.not_before is None or self.not_before <= now
        if self.state is TurnState.TAKEN:
            return self.lease_until is None or self.lease_until <= now or is_dead(self.owner)
        return False

    @property
    def is_open(self) -> bool:
        """Whether it was begun and has not ended."""
        return self.state in (TurnState.DUE, TurnState.TAKEN)


def take(
    tx: Tx,
    name: str,
    period: str,
    owner: str,
    lease_s: float,
    is_dead: IsDead = lambda owner: False,
) -> Turn | None:
    """Take a turn for `lease_s` seconds; None when another has it, or it has ended.

    Commit at once: the lease holds by its row, not by the transaction.
    """
    now = tx.now()
    held: dict[str, Any] = {
        "state": TurnState.TAKEN.value,
        "owner": owner,
        "lease_until": now + timedelta(seconds=lease_s),
        "taken_at": now,
    }
    first = {"name": name, "period": period, "fence": 1, "text": "", **held}
    new = tx.insert(t).values(**first, not_before=None, ended_at=None)
    new = new.on_conflict_do_nothing(index_elements=[t.c.name, t.c.period])
    row = tx.first(new.returning(*t.c))
    if row is not None:
        return _turn(row)
    there = tx.first(by_locked(t, "name", "period"), name=name, period=period)
    if there is None or not _turn(there).is_free(now, is_dead):
        return None
    again = t.update().where(t.c.name == name, t.c.period == period)
    again = again.values(**held, fence=there.fence + 1)
    return _turn(tx.execute(again.returning(*t.c)).one())


def renew(tx: Tx, turn: Turn, lease_s: float) -> None:
    """Hold it for another `lease_s` seconds from now. Raises LostLease when another took it."""
    _change(tx, turn, lease_until=tx.now() + timedelta(seconds=lease_s))


def again(
    tx: Tx, name: str, period: str, rest_s: float, is_dead: IsDead = lambda owner: False
) -> bool:
    """Make a turn due once more that ended at least `rest_s` seconds ago.

    True when it is due from now on, or soon, whether or not it was before; False while it
    runs or rests: what came up meanwhile needs a turn that begins later, so ask again.
    """
    row = tx.first(by_locked(t, "name", "period"), name=name, period=period)
    if row is None:
        return True
    turn, now = _turn(row), tx.now()
    if turn.is_open:
        return turn.state is TurnState.DUE or turn.is_free(now, is_dead)
    if turn.ended_at is not None and turn.ended_at + timedelta(seconds=rest_s) > now:
        return False
    due = t.update().where(t.c.name == name, t.c.period == period, t.c.fence == turn.fence)
    tx.execute(due.values(state=TurnState.DUE.value, not_before=None, ended_at=None))
    return True


def give_back(tx: Tx, turn: Turn, not_before: datetime, text: str) -> None:
    """There is more to do, from an instant on. Raises LostLease when another took it."""
    free = {"owner": "", "lease_until": None}
    _change(tx, turn, state=TurnState.DUE.value, not_before=not_before, text=text, **free)


def end(tx: Tx, turn: Turn, state: TurnState, text: str) -> None:
    """It is over, as done or failed. Raises LostLease when another took it."""
    free = {"owner": "", "lease_until": None}
    _change(tx, turn, state=state.value, text=text, ended_at=tx.now(), **free)


def free(tx: Tx, owners: Collection[str]) -> None:
    """Let others take what these owners held: they are gone without a word."""
    held = (t.c.state == TurnState.TAKEN.value, t.c.owner.in_(owners))
    values = {"state": TurnState.DUE.value, "owner": "", "lease_until": None, "not_before": None}
    tx.execute(t.update().where(*held).values(**values))


def get(tx: Tx, name: str, period: str) -> Turn | None:
    """One turn, None when nobody took it yet."""
    row = tx.first(by(t, "name", "period"), name=name, period=period)
    return row and _turn(row)


def last(tx: Tx, name: str) -> Turn | None:
    """The turn of a step that was taken last, None when there was none."""
    query = sa.select(t).where(t.c.name == name).order_by(t.c.taken_at.desc(), t.c.period.desc())
    row = tx.first(query.limit(1))
    return row and _turn(row)


def _turn(row: sa.Row[Any]) -> Turn:
    return Turn(**{**row._mapping, "state": TurnState(row.state)})


def _change(tx: Tx, turn: Turn, **values: Any) -> None:
    mine = (
        t.c.name == turn.name,
        t.c.period == turn.period,
        t.c.fence == turn.fence,
        t.c.state == TurnState.TAKEN.value,
    )
    if not tx.execute(t.update().where(*mine).values(**values)).rowcount:
        raise LostLease(
            f"The turn {turn.name} {turn.period} was taken over by another process. "
            "What that one does counts."
        )
