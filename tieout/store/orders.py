"""What people ordered to be done about approved documents: voids and corrections."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from tieout.model.document import Document, Order
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.tables import orders as t


def add(tx: Tx, order: Order, actor: str) -> Order:
    """Store an order as the next one of its document and writer."""
    revision = 1 + len(every(tx, order.document_id, order.writer))
    numbered = replace(order, revision=revision)
    row = {
        "document_id": order.document_id,
        "writer": order.writer,
        "revision": revision,
        "body": encode(numbered),
        "given_by": actor,
        "given_at": tx.now(),
    }
    tx.execute(t.insert().values(row))
    return numbered


def get(tx: Tx, document_id: str, writer: str, revision: int) -> Order | None:
    """One order."""
    found = [each for each in every(tx, document_id, writer) if each.revision == revision]
    return found[0] if found else None


def every(tx: Tx, document_id: str, writer: str) -> list[Order]:
    """A document's orders for one writer, in the order they were given."""
    query = sa.select(t).where(t.c.document_id == document_id, t.c.writer == writer)
    return [decode(Order, row.body) for row in tx.execute(query.order_by(t.c.revision))]


def by_document(tx: Tx, writer: str) -> dict[str, list[Order]]:
    """All orders for one writer, by the document they are about, as they were given."""
    found: dict[str, list[Order]] = {}
    query = sa.select(t).where(t.c.writer == writer).order_by(t.c.document_id, t.c.revision)
    for row in tx.execute(query):
        found.setdefault(row.document_id, []).append(decode(Order, row.body))
    return found


def corrected(document: Document, orders: list[Order]) -> Document:
    """A document with the memo and the due date that orders gave it; all else is frozen."""
    for order in orders:
        document = replace(
            document,
            memo=document.memo if order.memo is None else order.memo,
            due_date=order.due_date or document.due_date,
        )
    return document
