"""Which record over there is which of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.settlement import Digest, RemoteRef
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.rows import by, upsert
from tieout.store.tables import refs as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """One pair, and what was agreed about it when it was last written or read."""

    connection: str
    kind: str  # `document`, `client` ...
    local_id: str
    remote: RemoteRef
    digest: Digest | None
    changed_at: datetime


def put(
    tx: Tx,
    connection: str,
    kind: str,
    local_id: str,
    remote: RemoteRef,
    digest: Digest | None = None,
) -> None:
    """Store a pair, or its new revision and digest; None keeps the digest that is there.

    Raises NotAllowed when either side is paired with something else already.
    """
    ours, theirs = (
        get(tx, connection, kind, local_id),
        by_remote(tx, connection, kind, remote.remote_id),
    )
    if ours is not None and ours.remote.remote_id != remote.remote_id:
        raise NotAllowed(
            f"{kind} {local_id} is {ours.remote.remote_id} in {connection} already, so it cannot "
            f"be {remote.remote_id} too."
        )
    if theirs is not None and theirs.local_id != local_id:
        raise NotAllowed(
            f"{remote.remote_id} in {connection} belongs to {kind} {theirs.local_id} already, so "
            f"it cannot belong to {local_id} too."
        )
    kept = ours.digest if ours and digest is None else digest
    now = tx.now()
    row = {
        "connection": connection,
        "kind": kind,
        "local_id": local_id,
        "remote_id": remote.remote_id,
        "number": remote.number,
        "revision": remote.revision,
        "digest": kept and encode(kept),
        "created_at": now,
        "changed_at": now,
    }
    upsert(tx, t, [row], keep=("created_at",))


def get(tx: Tx, connection: str, kind: str, local_id: str) -> Ref | None:
    """The record over there of one of ours."""
    query = by(t, "connection", "kind", "local_id")
    row = tx.first(query, connection=connection, kind=kind, local_id=local_id)
    return row and _ref(row)


def by_remote(tx: Tx, connection: str, kind: str, remote_id: str) -> Ref | None:
    """Ours, of a record over there."""
    query = by(t, "connection", "kind", "remote_id")
    row = tx.first(query, connection=connection, kind=kind, remote_id=remote_id)
    return row and _ref(row)


def of_local(tx: Tx, kind: str, local_id: str) -> list[Ref]:
    """Where one of ours is, in every connection."""
    query = sa.select(t).where(t.c.kind == kind, t.c.local_id == local_id)
    return [_ref(row) for row in tx.execute(query.order_by(t.c.connection))]


def every(tx: Tx, connection: str, kind: str) -> list[Ref]:
    """All pairs of a kind, by our id."""
    query = sa.select(t).where(_of(connection, kind)).order_by(t.c.local_id)
    return [_ref(row) for row in tx.execute(query)]


def forget(tx: Tx, connection: str, kind: str, local_id: str) -> bool:
    """Drop a pair, for a record that is gone over there; returns whether there was one."""
    delete = t.delete().where(_of(connection, kind), t.c.local_id == local_id)
    return tx.execute(delete).rowcount > 0


def _of(connection: str, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(t.c.connection == connection, t.c.kind == kind)


def _ref(row: sa.Row[Any]) -> Ref:
    return Ref(
        connection=row.connection,
        kind=row.kind,
        local_id=row.local_id,
        remote=RemoteRef(remote_id=row.remote_id, number=row.number, revision=row.revision),
        digest=row.digest and decode(Digest, row.digest),
        changed_at=row.changed_at,
    )
