"""Small facts about this database: a name, a text, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tieout.model.ids import new_id
from tieout.store.core import Tx
from tieout.store.operations import notes as t
from tieout.store.rows import by, upsert

_DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note."""

    name: str
    value: str
    changed_at: datetime


def put(tx: Tx, name: str, value: str) -> None:
    """Write a note, in the place of the one of that name."""
    upsert(tx, t, [{"name": name, "value": value, "changed_at": tx.now()}])


def get(tx: Tx, name: str) -> Note | None:
    """A note, None when there is none of that name."""
    row = tx.first(by(t, "name"), name=name)
    return Note(**row._mapping) if row else None


def below(tx: Tx, prefix: str) -> dict[str, Note]:
    """The notes whose names begin with a prefix, by the rest of their names."""
    query = sa.select(t).where(t.c.name.startswith(prefix, autoescape=True)).order_by(t.c.name)
    return {row.name.removeprefix(prefix): Note(**row._mapping) for row in tx.execute(query)}


def forget(tx: Tx, name: str) -> None:
    """Take a note away, when it is there."""
    tx.execute(t.delete().where(t.c.name == name))


def database_id(tx: Tx) -> str:
    """The name of this database, for ever; "" before something needed it.

    It is given by the first transaction that writes.
    """
    found = get(tx, _DATABASE)
    if found is None and tx.writing:
        fresh = {"name": _DATABASE, "value": new_id("db"), "changed_at": tx.now()}
        tx.execute(tx.insert(t).values(fresh).on_conflict_do_nothing())
        found = get(tx, _DATABASE)
    return found.value if found else ""
