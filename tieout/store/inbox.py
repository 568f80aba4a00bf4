"""The inbox: vendors' notifications as they came, each once, until somebody has looked.

    waiting -> done    the look it asks for is due, or it asks for none
            -> odd     verified but not understood; kept for a person to read

A message is a hint. What it says is never believed, so nothing here is work that could
be lost; old messages are deleted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import chunks
from tieout.store.tables import inbox as t


class MessageState(StrEnum):
    """How a message stands."""

    WAITING = "waiting"
    DONE = "done"
    ODD = "odd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One verified notification."""

    id: int  # rises in the order of arrival
    connection: str
    headers: Mapping[str, str]  # those that were kept, by lower-case names
    body: bytes
    state: MessageState
    text: str  # why it stands so, for a person
    copies: int  # how often it came
    received_at: datetime  # the first time, or when it was last taken up again


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """The messages of one connection in one state."""

    connection: str
    state: MessageState
    messages: int
    since: datetime  # the oldest was received then
    latest: datetime
    text: str  # of one of them


def receive(
    tx: Tx, connection: str, headers: Mapping[str, str], body: bytes, *, unique: bool
) -> bool:
    """Store a verified message; returns whether it waits to be looked at.

    One whose bytes are there is counted. It waits again, once it was done, unless `unique`
    says that the vendor never means two events by the same bytes.
    """
    mark = sha256(body).hexdigest()
    row = {
        "connection": connection,
        "digest": mark,
        "headers": json.dumps(dict(sorted(headers.items()))),
        "body": body,
        "state": MessageState.WAITING.value,
        "text": "",
        "copies": 1,
        "received_at": tx.now(),
        "settled_at": None,
    }
    new = tx.insert(t).values(row)
    new = new.on_conflict_do_nothing(index_elements=[t.c.connection, t.c.digest])
    if tx.first(new.returning(t.c.id)) is not None:
        return True
    it = (t.c.connection == connection, t.c.digest == mark)
    tx.execute(t.update().where(*it).values(copies=t.c.copies + 1))
    if unique:
        return False
    again = t.update().where(*it, t.c.state != MessageState.WAITING.value)
    values = {name: row[name] for name in ("state", "text", "received_at", "settled_at")}
    return bool(tx.execute(again.values(values)).rowcount)


def waiting(tx: Tx, limit: int) -> list[Message]:
    """Messages that nobody looked at, in the order of arrival."""
    query = sa.select(t).where(t.c.state == MessageState.WAITING.value)
    rows = tx.execute(query.order_by(t.c.id).limit(limit))
    return [
        Message(
            id=row.id,
            connection=row.connection,
            headers=json.loads(row.headers),
            body=bytes(row.body),
            state=MessageState(row.state),
            text=row.text,
            copies=row.copies,
            received_at=row.received_at,
        )
        for row in rows
    ]


def settle(tx: Tx, ids: Collection[int], state: MessageState, text: str) -> int:
    """They wait no more; returns how many did."""
    settled = 0
    for some in chunks(sorted(ids)):
        mine = (t.c.id.in_(some), t.c.state == MessageState.WAITING.value)
        values = {"state": state.value, "text": text, "settled_at": tx.now()}
        settled += tx.execute(t.update().where(*mine).values(values)).rowcount
    return settled


def has_settled_before(tx: Tx, instant: datetime) -> bool:
    """Whether there is something for `forget`."""
    return tx.first(sa.select(t.c.id).where(_older(instant)).limit(1)) is not None


def forget(tx: Tx, instant: datetime) -> int:
    """Delete the messages settled before an instant; returns how many."""
    return tx.execute(t.delete().where(_older(instant))).rowcount


def piles(tx: Tx) -> list[Pile]:
    """All that is there, by connection and state."""
    query = sa.select(
        t.c.connection,
        t.c.state,
        sa.func.count().label("messages"),
        sa.func.min(t.c.received_at).label("since"),
        sa.func.max(t.c.received_at).label("latest"),
        sa.func.max(t.c.text).label("text"),
    ).group_by(t.c.connection, t.c.state)
    found = [
        Pile(
            connection=row.connection,
            state=MessageState(row.state),
            messages=row.messages,
            since=row.since,
            latest=row.latest,
            text=row.text,
        )
        for row in tx.execute(query)
    ]
    return sorted(found, key=lambda one: (one.connection, one.state))


def _older(instant: datetime) -> sa.ColumnElement[bool]:
    ended = (MessageState.DONE.value, MessageState.ODD.value)
    return sa.and_(t.c.state.in_(ended), t.c.settled_at < instant)
