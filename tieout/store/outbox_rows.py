"""Rows of the outbox: their shape, and looking at them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tieout.model.ids import new_id
from tieout.store.core import Tx
from tieout.store.tables import document_projects, documents, refs
from tieout.store.tables import outbox as t


class OutboxState(StrEnum):
    """How far a write has come."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    HELD = "held"


#: The states of a write that is still to be sent for the first time.
TO_COME = (OutboxState.PENDING, OutboxState.CLAIMED)
_TO_COME = [state.value for state in TO_COME]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write that should happen, as `add` takes it."""

    connection: str
    writer: str  # the connector's writer: `invoice`
    subject_kind: str  # `document`, `project` ...
    subject_id: str
    revision: int
    key: str  # the idempotency key: one write for ever
    generation: int = 1
    depends_on: str | None = None  # the row that must be confirmed first
    not_before: datetime | None = None  # None: at once


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One intended write as it stands."""

    id: str
    connection: str
    writer: str
    subject_kind: str
    subject_id: str
    revision: int
    generation: int
    key: str
    call_key: str  # the request's id on the wire, shared by the items of a batch; "" unsent
    item_key: str  # this item's id within the request
    state: OutboxState
    in_doubt: bool  # sent, and nobody knows yet what came of it
    method: str
    path: str
    body: bytes | None  # the exact bytes of the request or item, None until built
    body_hash: str  # SHA-256 of `body`, "" until built
    not_before: datetime
    attempts: int
    finds: int  # how often a look found nothing since it was last sent
    lease_owner: str
    lease_until: datetime | None
    fence: int
    depends_on: str | None
    remote_id: str
    remote_number: str
    remote_revision: str
    error_class: str
    error_text: str
    trace_id: str
    created_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None


def get(tx: Tx, row_id: str) -> OutboxRow | None:
    """One row."""
    row = tx.first(sa.select(t).where(t.c.id == row_id))
    return row and row_of(row)


def by_key(tx: Tx, key: str) -> OutboxRow | None:
    """The row of an idempotency key."""
    row = tx.first(sa.select(t).where(t.c.key == key))
    return row and row_of(row)


def list_rows(
    tx: Tx,
    *,
    connection: str | None = None,
    states: Collection[OutboxState] | None = None,
    subject: tuple[str, str] | None = None,
) -> list[OutboxRow]:
    """Rows in the order they were made; `subject` is (kind, id)."""
    query = sa.select(t).order_by(t.c.created_at, t.c.id)
    if connection is not None:
        query = query.where(t.c.connection == connection)
    if states is not None:
        query = query.where(t.c.state.in_([state.value for state in states]))
    if subject is not None:
        query = query.where(t.c.subject_kind == subject[0], t.c.subject_id == subject[1])
    return [row_of(row) for row in tx.execute(query)]


def without_party(tx: Tx, connection: str, *, customer: str, project: str = "") -> list[OutboxRow]:
    """Rows to come of documents whose client has no record over there yet, oldest first.

    `customer` and `project` are the kinds such records are stored under; with `project`
    also those of which a project has none.
    """

    def has(kind: str, local_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        pair = refs.select().where(refs.c.connection == connection, refs.c.kind == kind)
        return pair.where(refs.c.local_id == local_id).exists()

    lacking = ~has(customer, documents.c.client_id)
    if project:
        on_it = document_projects.select().where(document_projects.c.document_id == documents.c.id)
        lacking |= on_it.where(~has(project, document_projects.c.project_id)).exists()
    query = sa.select(t).join(documents, documents.c.id == t.c.subject_id)
    query = query.where(t.c.connection == connection, t.c.state.in_(_TO_COME), lacking)
    return [row_of(row) for row in tx.execute(query.order_by(t.c.created_at, t.c.id))]


def to_come(tx: Tx, connection: str, *, first: bool = True) -> dict[str, int]:
    """How many rows each writer has still to send; `first=False` leaves out documents that
    nobody has tried."""
    query = sa.select(t.c.writer, sa.func.count().label("rows"))
    query = query.where(t.c.connection == connection, t.c.state.in_(_TO_COME))
    if not first:
        query = query.where((t.c.fence > 0) | (t.c.subject_kind != "document"))
    return {row.writer: row.rows for row in tx.execute(query.group_by(t.c.writer))}


def counts(tx: Tx) -> dict[str, dict[OutboxState, int]]:
    """How many rows each connection has in each state."""
    query = sa.select(t.c.connection, t.c.state, sa.func.count().label("rows"))
    found: dict[str, dict[OutboxState, int]] = {}
    for row in tx.execute(query.group_by(t.c.connection, t.c.state)):
        found.setdefault(row.connection, {})[OutboxState(row.state)] = row.rows
    return found


def new_row(tx: Tx, intent: Intent) -> dict[str, Any]:
    """The columns of an intent that was just made."""
    texts = ("call_key", "item_key", "method", "path", "body_hash", "lease_owner", "trace_id")
    remote = ("remote_id", "remote_number", "remote_revision", "error_class", "error_text")
    return {
        **{f.name: getattr(intent, f.name) for f in fields(intent)},
        **dict.fromkeys((*texts, *remote), ""),
        "id": new_id("out"),
        "not_before": intent.not_before or tx.now(),
        "state": OutboxState.PENDING.value,
        "in_doubt": False,
        "body": None,
        "attempts": 0,
        "finds": 0,
        "lease_until": None,
        "fence": 0,
        "created_at": tx.now(),
        "sent_at": None,
        "settled_at": None,
    }


def withdraw(tx: Tx, row_id: str) -> bool:
    """Take an intent back for ever, if nothing of it can have left: it waits for its first
    call, or was refused and is held. Returns whether that could be said."""
    found = tx.first(sa.select(t).where(t.c.id == row_id).with_for_update())
    waits = (OutboxState.PENDING.value, OutboxState.HELD.value)
    if found is None or found.in_doubt or found.state not in waits:
        return False
    tx.execute(t.delete().where(t.c.id == row_id))
    return True


def row_of(row: sa.Row[Any]) -> OutboxRow:
    """The row as a value."""
    return OutboxRow(**{**row._mapping, "state": OutboxState(row.state)})


def set_row(tx: Tx, row_id: str, **values: Any) -> OutboxRow:
    """Change columns of one row, which must exist; the row as it is then."""
    return row_of(tx.execute(_SET, {"row_id": row_id, **values}).one())


_SET = t.update().where(t.c.id == sa.bindparam("row_id")).returning(*t.c)
