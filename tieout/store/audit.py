"""Who did what: a chain in which every entry seals the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tieout.model.ids import digest
from tieout.store.codec import payload_of, payload_text
from tieout.store.core import Tx, insert_into
from tieout.store.tables import audit as t
from tieout.store.tables import audit_head

_START = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing someone did."""

    seq: int  # 1, 2, ... without gaps
    at: datetime
    actor: str
    action: str  # `document.approved`
    subject: str
    detail: Mapping[str, Any]
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the chain does not hold."""

    seq: int
    text: str


def record(
    tx: Tx, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> int:
    """Add an entry, in the transaction of what it tells; returns its sequence number."""
    # Updating the head's one row makes writers queue up until the transaction ends.
    head = tx.execute(_next(tx.is_postgres), {"one": 1, "seq": 1, "hash": _START}).one()
    text, now = payload_text(dict(detail or {})), tx.now()
    seal = _seal(head.hash, head.seq, now, actor, action, subject, text)
    entry = {
        "seq": head.seq,
        "at": now,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": text,
        "prev_hash": head.hash,
        "hash": seal,
    }
    tx.execute(_ENTRY, entry)
    tx.execute(_SEAL, {"hash": seal})
    return int(head.seq)


_ENTRY, _SEAL = t.insert(), audit_head.update()


@cache
def _next(is_postgres: bool) -> sa.UpdateBase:
    """Moves the chain's head on by one; gives its number and the seal before it."""
    head = audit_head.c
    insert = insert_into(audit_head, is_postgres)
    moved = insert.on_conflict_do_update(index_elements=[head.one], set_={"seq": head.seq + 1})
    return moved.returning(head.seq, head.hash)


def verify(tx: Tx) -> Broken | None:
    """Walk the whole chain; None when it holds, else the first entry that does not."""
    last_seq, last_hash = 0, _START
    for row in tx.stream(sa.select(t).order_by(t.c.seq)):
        if row.seq != last_seq + 1:
            return Broken(last_seq + 1, f"Entry {last_seq + 1} is missing: it was removed.")
        if row.prev_hash != last_hash:
            return Broken(row.seq, f"Entry {row.seq} does not follow from entry {last_seq}.")
        seal = _seal(row.prev_hash, row.seq, row.at, row.actor, row.action, row.subject, row.detail)
        if seal != row.hash:
            return Broken(row.seq, f"Entry {row.seq} was changed after it was written.")
        last_seq, last_hash = row.seq, row.hash
    head = tx.first(sa.select(audit_head))
    if (head.seq if head else 0, head.hash if head else _START) != (last_seq, last_hash):
        return Broken(last_seq + 1, f"Entries after {last_seq} are missing: they were removed.")
    return None


def entries(
    tx: Tx,
    *,
    subject: str | None = None,
    action: str | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[Entry]:
    """Entries in their order, `limit` at a time."""
    query = sa.select(t).where(t.c.seq > after).order_by(t.c.seq).limit(limit)
    if subject is not None:
        query = query.where(t.c.subject == subject)
    if action is not None:
        query = query.where(t.c.action == action)
    return [
        Entry(**{**row._mapping, "detail": payload_of(row.detail)}) for row in tx.execute(query)
    ]


def _seal(
    prev: str, seq: int, at: datetime, actor: str, action: str, subject: str, detail: str
) -> str:
    instant = at.astimezone(UTC).isoformat(timespec="microseconds")
    return digest(prev, str(seq), instant, actor, action, subject, detail)
