"""Credentials, encrypted, for each connection.

What is encrypted names its place: the database, the connection and the secret's name. So
a token that somebody copies into another row, or into another firm's database under the
same key, does not decrypt there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tieout.errors import StoreError
from tieout.model.ids import digest
from tieout.store.core import Tx
from tieout.store.notes import database_id
from tieout.store.rows import by, upsert
from tieout.store.tables import secrets as t

#: Begins what is encrypted; the first release did not bind, and nothing it stored begins so.
_BOUND = "\x00bound:"


def put(tx: Tx, connection: str, name: str, value: str) -> None:
    """Store a secret such as a refresh token. Raises Misconfigured when no key is set."""
    now = tx.now()
    text = f"{_BOUND}{_place(tx, connection, name)}:{value}"
    token = tx.store.cipher.encrypt(text, now)
    row = {"connection": connection, "name": name, "token": token, "changed_at": now}
    upsert(tx, t, [row])


def get(tx: Tx, connection: str, name: str) -> str | None:
    """A secret, None when there is none.

    Raises StoreError when the key is another one, or when it was stored for another place.
    """
    row = tx.first(by(t, "connection", "name"), connection=connection, name=name)
    if row is None:
        return None
    text = tx.store.cipher.decrypt(row.token)
    if not text.startswith(_BOUND):
        return text  # stored by the first release; `rotate` binds it
    place, _, value = text.removeprefix(_BOUND).partition(":")
    if place != _place(tx, connection, name):
        raise StoreError(
            f"The stored credential {name!r} of {connection} was stored for another connection "
            f"or another database, and is not used. Sign in again: `tieout connect {connection}`."
        )
    return value


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


def places(tx: Tx) -> list[tuple[str, str]]:
    """The (connection, name) of every secret."""
    query = sa.select(t.c.connection, t.c.name).order_by(t.c.connection, t.c.name)
    return [(row.connection, row.name) for row in tx.execute(query)]


def rotate(tx: Tx) -> int:
    """Encrypt every secret anew with the first key, bound to its place; returns how many.

    Raises StoreError, and then nothing was changed, when one cannot be read with any key.
    """
    # Held until the end, so that no process stores a token in between that is overwritten.
    tx.execute(t.update().values(name=t.c.name))
    found = [(place, get(tx, *place)) for place in places(tx)]
    for (connection, name), value in found:
        put(tx, connection, name, value or "")
    return len(found)


@dataclass(frozen=True, slots=True)
class Outdated:
    """A secret that is not as `put` would store it now."""

    connection: str
    name: str
    text: str
    readable: bool  # then `rotate` puts it right; else the system must be connected again


def outdated(tx: Tx) -> Iterator[Outdated]:
    """Secrets that cannot be read, were made with an older key, or are not bound."""
    for connection, name in places(tx):
        row = tx.first(by(t, "connection", "name"), connection=connection, name=name)
        assert row is not None  # read in the same view
        try:
            get(tx, connection, name)
        except StoreError as problem:
            yield Outdated(connection, name, str(problem), readable=False)
            continue
        if not tx.store.cipher.is_current(row.token):
            yield Outdated(connection, name, "encrypted with an older key", readable=True)
        elif not tx.store.cipher.decrypt(row.token).startswith(_BOUND):
            yield Outdated(connection, name, "not bound to its connection", readable=True)


def _place(tx: Tx, connection: str, name: str) -> str:
    return digest(database_id(tx), connection, name)[:32]
