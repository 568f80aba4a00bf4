"""Credentials, encrypted, for each connection."""

from __future__ import annotations

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import upsert
from tieout.store.tables import secrets as t


def put(tx: Tx, connection: str, name: str, value: str) -> None:
    """Store a secret such as a refresh token. Raises Misconfigured when no key is set."""
    now = tx.now()
    token = tx.store.cipher.encrypt(value, now)
    row = {"connection": connection, "name": name, "token": token, "changed_at": now}
    upsert(tx, t, [row])


def get(tx: Tx, connection: str, name: str) -> str | None:
    """A secret, None when there is none. Raises StoreError when the key is another one."""
    row = tx.first(sa.select(t.c.token).where(t.c.connection == connection, t.c.name == name))
    return None if row is None else tx.store.cipher.decrypt(row.token)


def names(tx: Tx, connection: str) -> list[str]:
    """Which secrets a connection has."""
    query = sa.select(t.c.name).where(t.c.connection == connection).order_by(t.c.name)
    return list(tx.execute(query).scalars())


def forget(tx: Tx, connection: str, name: str | None = None) -> int:
    """Delete one secret of a connection, or all of them; returns how many."""
    delete = t.delete().where(t.c.connection == connection)
    if name is not None:
        delete = delete.where(t.c.name == name)
    return tx.execute(delete).rowcount
