"""Canonical facts: what a record means, by kind and id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from tieout.model.ids import SourceRef, digest, stable_id
from tieout.model.party import Client, Person
from tieout.model.project import Deal, DealContactFact, DealLineFact, Rate
from tieout.model.settlement import ListEntry, Payment, RemoteInvoice
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.rows import chunks, upsert
from tieout.store.tables import facts as t

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of fact: its name in the table and its class."""

    name: str
    cls: type[T]


CLIENT = Kind("client", Client)
PERSON = Kind("person", Person)
DEAL = Kind("deal", Deal)
DEAL_LINE = Kind("deal_line", DealLineFact)
DEAL_CONTACT = Kind("deal_contact", DealContactFact)
RATE = Kind("rate", Rate)
LIST_ENTRY = Kind("list_entry", ListEntry)
REMOTE_INVOICE = Kind("remote_invoice", RemoteInvoice)
REMOTE_CREDIT = Kind("remote_credit", RemoteInvoice)
PAYMENT = Kind("payment", Payment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[T]):
    """A fact and where it came from."""

    id: str
    body: T
    source: SourceRef | None = None
    landed_id: int | None = None  # the stored record it was read from
    deleted: bool = False
    changed_at: datetime | None = None  # set by the store

    @classmethod
    def of(cls, body: T, landed_id: int | None = None) -> Fact[T]:
        """A fact of a model value: its own id, or one made of its source."""
        source: SourceRef | None = getattr(body, "source", None)
        own: str | None = getattr(body, "id", None)
        if own is None and source is None:
            raise ValueError(f"a {type(body).__name__} has no id and no source: give an id")
        return cls(
            id=own if own is not None else source_id(source),  # type: ignore[arg-type]
            body=body,
            source=source,
            landed_id=landed_id,
        )


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a put changed."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: PutResult) -> PutResult:
        return PutResult(
            self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged
        )


def source_id(source: SourceRef) -> str:
    """The id of a fact that has none of its own."""
    return stable_id("fact", source.connection, source.stream, source.remote_id)


def put_many(tx: Tx, kind: Kind[T], facts: Iterable[Fact[T]]) -> PutResult:
    """Store facts; the same ones again change nothing. A deleted one that returns is changed."""
    result = PutResult()
    for chunk in chunks(facts):
        # Of two with one id the last one counts.
        result += _put(tx, kind, {fact.id: fact for fact in chunk})
    return result


def get(tx: Tx, kind: Kind[T], fact_id: str) -> T | None:
    """One fact that is not deleted."""
    fact = record(tx, kind, fact_id)
    return fact.body if fact and not fact.deleted else None


def record(tx: Tx, kind: Kind[T], fact_id: str) -> Fact[T] | None:
    """One fact with its source, deleted or not."""
    row = tx.first(sa.select(t).where(t.c.kind == kind.name, t.c.id == fact_id))
    return _fact(kind, row) if row else None


def every(
    tx: Tx,
    kind: Kind[T],
    *,
    connection: str | None = None,
    stream: str | None = None,
    with_deleted: bool = False,
) -> Iterator[Fact[T]]:
    """All facts of a kind, by id, a page at a time."""
    query = sa.select(t).where(t.c.kind == kind.name).order_by(t.c.id)
    if connection is not None:
        query = query.where(t.c.connection == connection)
    if stream is not None:
        query = query.where(t.c.stream == stream)
    if not with_deleted:
        query = query.where(~t.c.deleted)
    return (_fact(kind, row) for row in tx.stream(query))


def bodies(tx: Tx, kind: Kind[T], *, connection: str | None = None) -> Iterator[T]:
    """The values of all facts of a kind that are not deleted."""
    return (fact.body for fact in every(tx, kind, connection=connection))


def by_source(tx: Tx, kind: Kind[T], source: SourceRef) -> list[Fact[T]]:
    """The facts of a kind that one record gave, deleted ones too."""
    query = sa.select(t).where(
        t.c.kind == kind.name,
        t.c.connection == source.connection,
        t.c.stream == source.stream,
        t.c.remote_id == source.remote_id,
    )
    return [_fact(kind, row) for row in tx.execute(query.order_by(t.c.id))]


def mark_deleted(tx: Tx, kind: Kind[Any], fact_ids: Collection[str]) -> int:
    """Mark facts as deleted at their source; returns how many were not yet."""
    count = 0
    for ids in chunks(fact_ids):
        update = t.update().where(t.c.kind == kind.name, t.c.id.in_(ids), ~t.c.deleted)
        count += tx.execute(update.values(deleted=True, changed_at=tx.now())).rowcount
    return count


def _put(tx: Tx, kind: Kind[T], facts: dict[str, Fact[T]]) -> PutResult:
    query = sa.select(t.c.id, t.c.hash, t.c.deleted, t.c.landed_id, t.c.changed_at)
    known = {
        row.id: row for row in tx.execute(query.where(t.c.kind == kind.name, t.c.id.in_(facts)))
    }
    new = changed = 0
    rows, now = [], tx.now()
    for fact in facts.values():
        text, before = encode(fact.body), known.get(fact.id)
        hash_ = digest(text)
        same = before is not None and (before.hash, before.deleted) == (hash_, fact.deleted)
        if before is not None and same and before.landed_id == fact.landed_id:
            continue
        new += before is None
        changed += before is not None and not same
        rows.append(
            {
                "kind": kind.name,
                "id": fact.id,
                "connection": fact.source.connection if fact.source else "",
                "stream": fact.source.stream if fact.source else "",
                "remote_id": fact.source.remote_id if fact.source else "",
                "body": text,
                "hash": hash_,
                "deleted": fact.deleted,
                "landed_id": fact.landed_id,
                "first_seen": now,
                "changed_at": before.changed_at if before is not None and same else now,
            }
        )
    upsert(tx, t, rows, keep=("first_seen",))
    return PutResult(new, changed, len(facts) - new - changed)


def _fact(kind: Kind[T], row: sa.Row[Any]) -> Fact[T]:
    source = SourceRef(row.connection, row.stream, row.remote_id) if row.connection else None
    return Fact(
        id=row.id,
        body=decode(kind.cls, row.body),
        source=source,
        landed_id=row.landed_id,
        deleted=row.deleted,
        changed_at=row.changed_at,
    )
