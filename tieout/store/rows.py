"""Small helpers the roles share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from tieout.store.core import Tx, insert_into

T = TypeVar("T")

#: Rows a statement names at once; both engines limit their parameters.
CHUNK = 400


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists of at most CHUNK."""
    source = iter(values)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


@cache
def by(table: sa.Table, *names: str) -> sa.Select[Any]:
    """The rows whose columns of these names equal the parameters of the same names.

    Built once: for what is asked at every call or for every record.
    """
    return sa.select(table).where(*(table.c[name] == sa.bindparam(name) for name in names))


@cache
def by_locked(table: sa.Table, *names: str) -> sa.Select[Any]:
    """The same, held until the transaction ends."""
    return by(table, *names).with_for_update()


def upsert(
    tx: Tx, table: sa.Table, rows: Sequence[Mapping[str, Any]], keep: Sequence[str] = ()
) -> None:
    """Insert rows; one whose primary key exists gets the new values, except those in `keep`."""
    if not rows:
        return
    keys = {column.name for column in table.primary_key}
    fresh = tuple(name for name in rows[0] if name not in keys and name not in keep)
    tx.execute(_upsert(table, fresh, tx.is_postgres), [dict(row) for row in rows])


@cache
def _upsert(table: sa.Table, fresh: tuple[str, ...], is_postgres: bool) -> sqlite.Insert:
    insert = insert_into(table, is_postgres)
    values = {name: insert.excluded[name] for name in fresh}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
