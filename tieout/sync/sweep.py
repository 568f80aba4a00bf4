"""The sweep: everything that is due now, read from the rows alone.

Whoever runs it, however often, and whatever was lost of what it said: nothing is forgotten,
because the next look finds it again.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.connectors.base import Family
from tieout.connectors.transport import Connection
from tieout.store import batches, outbox, schedules
from tieout.store.core import Tx
from tieout.store.outbox import DueRows
from tieout.sync.engine import Engine
from tieout.sync.owners import forget, is_dead, stopped
from tieout.sync.schedule import Due, due, is_open

#: Pushes at once of a company whose vendor names no number; more would wait for its pace.
PUSHES_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class DuePush:
    """A ledger with writes that should go out now."""

    connection: str
    rows: int
    pushes: int  # how many more may work on them at once


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is due now."""

    turns: tuple[Due, ...]
    pushes: tuple[DuePush, ...]


def sweep(engine: Engine) -> Work:
    """Look at everything in one read; changes nothing. Raises StoreError.

    A company that asked us to wait is left alone: its rows cost no worker meanwhile.
    """
    ledgers = [one for one in engine.of_family(Family.LEDGER) if not _is_parked(engine, one)]
    with engine.store.read() as tx:
        turns = tuple(due(engine, tx))
        # While a push's turn is open anybody may help; the turn itself is whoever takes it.
        first = is_open(engine, tx, "push")
        pushes = [_due_push(tx, one, first) for one in ledgers]
    return Work(turns=turns, pushes=tuple(one for one in pushes if one.pushes > 0))


def let_go(engine: Engine) -> None:
    """Free what this process's own work held when something stopped it, such as a database
    that was away: no other process can tell that it has ended. Raises StoreError.
    """
    gone = stopped()
    if not gone:
        return
    with engine.store.begin() as tx:
        for connection in engine.of_family(Family.LEDGER):
            outbox.expire(tx, connection.name, gone.__contains__)
        schedules.free(tx, gone)
    forget(gone)


def _is_parked(engine: Engine, connection: Connection) -> bool:
    return connection.governor.parked(connection.pace_key, engine.now()) is not None


def _due_push(tx: Tx, connection: Connection, first: bool) -> DuePush:
    found = outbox.due_rows(tx, connection.name, first=first, is_dead=is_dead)
    rows = sum(found.rows.values())
    return DuePush(
        connection=connection.name,
        rows=rows,
        pushes=max(_useful(tx, connection, found) - found.at_work, 0),
    )


def _useful(tx: Tx, connection: Connection, found: DueRows) -> int:
    """How many pushes find work: one for each batch, and one alone while customers are due,
    because the invoices wait for them."""
    writers = [one for one in connection.connector.writers if found.rows.get(one.name)]
    if len(writers) != 1:
        return min(len(writers), 1)
    (writer,) = writers
    most = writer.batch.size if writer.batch else 1
    size = batches.learned(tx, connection.pace_key, writer.name, most).size
    return min(-(-found.rows[writer.name] // size), connection.at_once or PUSHES_AT_ONCE)
