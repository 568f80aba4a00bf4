"""How far each stream has been read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import by, upsert
from tieout.store.tables import cursors as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a stream's next reading starts."""

    connection: str
    stream: str
    watermark: str = ""  # as the stream writes it; "" = from the beginning
    last_success_at: datetime | None = None  # the last complete reading
    last_sweep_at: datetime | None = None  # the last complete sweep for deletions


def get(tx: Tx, connection: str, stream: str) -> Cursor:
    """The cursor; one at the beginning when the stream was never read."""
    row = tx.first(by(t, "connection", "stream"), connection=connection, stream=stream)
    return Cursor(**row._mapping) if row else Cursor(connection=connection, stream=stream)


def put(tx: Tx, connection: str, stream: str, watermark: str) -> None:
    """Move the watermark: in the transaction that lands the records it covers."""
    _put(tx, connection, stream, watermark=watermark)


def succeeded(tx: Tx, connection: str, stream: str, watermark: str, *, whole: bool = False) -> None:
    """Move the watermark, and note that a reading, or a `whole` one, came to its end now."""
    now = tx.now()
    swept = {"last_sweep_at": now} if whole else {}
    _put(tx, connection, stream, watermark=watermark, last_success_at=now, **swept)


def swept(tx: Tx, connection: str, stream: str) -> None:
    """Note that a complete sweep came to its end now."""
    _put(tx, connection, stream, last_sweep_at=tx.now())


def every(tx: Tx, connection: str | None = None) -> list[Cursor]:
    """All cursors, or one connection's, by connection and stream."""
    query = sa.select(t).order_by(t.c.connection, t.c.stream)
    if connection is not None:
        query = query.where(t.c.connection == connection)
    return [Cursor(**row._mapping) for row in tx.execute(query)]


def _put(tx: Tx, connection: str, stream: str, **values: Any) -> None:
    row = {"connection": connection, "stream": stream, "watermark": "", **values}
    upsert(tx, t, [row], keep=() if "watermark" in values else ("watermark",))
