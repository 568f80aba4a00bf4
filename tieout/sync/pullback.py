"""Pullback: copy what the ledger says of our documents. A payment is read, never computed."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.connectors.base import INVOICE
from tieout.model.document import Document, DocumentStatus
from tieout.model.settlement import RemoteInvoice
from tieout.store import audit, documents, facts, refs
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.pull import Pulled, pull_connection
from tieout.sync.translate import translate_connection


@dataclass(frozen=True, kw_only=True)
class PulledBack:
    """What the ledger told."""

    pulled: tuple[Pulled, ...]
    payments: int  # known now, voided ones not counted
    changed: tuple[tuple[str, DocumentStatus], ...]  # document numbers and where they stand now


def pullback(engine: Engine, *, full: bool = False) -> PulledBack:
    """Pull the ledger's lists, invoices and payments, and note what our documents became."""
    connection = engine.ledger()
    pulled = tuple(pull_connection(engine, connection, full=full))
    translate_connection(engine, connection)
    with engine.store.begin() as tx:
        changed = tuple(_settle(engine, tx, connection.name))
        payments = sum(
            not payment.voided
            for payment in facts.bodies(tx, facts.PAYMENT, connection=connection.name)
        )
    return PulledBack(pulled=pulled, payments=payments, changed=changed)


def _settle(engine: Engine, tx: Tx, connection: str) -> list[tuple[str, DocumentStatus]]:
    theirs = {
        invoice.remote_id: invoice
        for invoice in facts.bodies(tx, facts.REMOTE_INVOICE, connection=connection)
    }
    changed = []
    for ref in refs.every(tx, connection, INVOICE):
        document = documents.get(tx, ref.local_id)
        invoice = theirs.get(ref.remote.remote_id)
        if document is None or invoice is None:
            continue
        status = _status(document, invoice)
        if status is document.status:
            continue
        documents.set_status(tx, document.id, status)
        detail = {
            "from": document.status.value,
            "to": status.value,
            "balance": str(invoice.balance),
        }
        audit.record(tx, engine.actor, "document.status", document.id, detail)
        changed.append((document.number, status))
    return changed


def _status(document: Document, invoice: RemoteInvoice) -> DocumentStatus:
    """Where the ledger says the document stands. A void over there is a difference to explain,
    not a void of ours: reconciliation names it."""
    if invoice.voided or document.status is DocumentStatus.VOID:
        return document.status
    if not invoice.balance and invoice.total:
        return DocumentStatus.PAID
    if invoice.balance < invoice.total:
        return DocumentStatus.PART_PAID
    return DocumentStatus.PUSHED
