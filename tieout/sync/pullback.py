"""Pullback: copy what the ledger says of our documents. A payment is read, never computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tieout.connectors.base import INVOICE
from tieout.model.document import Document, DocumentStatus
from tieout.model.settlement import RemoteInvoice
from tieout.store import audit, documents, facts, refs
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.merged import follow_merged
from tieout.sync.pull import Pulled, pull_connection
from tieout.sync.translate import translate_connection


@dataclass(frozen=True, kw_only=True)
class PulledBack:
    """What the ledger told."""

    pulled: tuple[Pulled, ...]
    payments: int  # known now, voided ones not counted
    changed: tuple[tuple[str, DocumentStatus], ...]  # document numbers and where they stand now


def pullback(engine: Engine, *, full: bool = False) -> PulledBack:
    """Pull the ledger's lists, documents and payments, and note what our invoices became."""
    connection = engine.ledger()
    pulled = tuple(pull_connection(engine, connection, full=full))
    translate_connection(engine, connection)
    with engine.store.begin() as tx:
        follow_merged(engine, tx, connection.name)
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
    credited = _credited(tx, connection, theirs)
    changed = []
    for ref in refs.every(tx, connection, INVOICE):
        document = documents.get(tx, ref.local_id)
        invoice = theirs.get(ref.remote.remote_id)
        if document is None or invoice is None:
            continue
        status = _status(document, invoice, credited)
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


def _credited(tx: Tx, connection: str, theirs: Mapping[str, RemoteInvoice]) -> dict[str, Decimal]:
    """How much of each invoice was settled by credit notes, by remote id."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for payment in facts.bodies(tx, facts.PAYMENT, connection=connection):
        settled = {each.remote_document_id for each in payment.allocations}
        for remote_id in settled & theirs.keys() if payment.is_credit else ():
            found[remote_id] += payment.settles(theirs[remote_id])
    return found


def _status(
    document: Document, invoice: RemoteInvoice, credited: Mapping[str, Decimal]
) -> DocumentStatus:
    """Where the ledger says the document stands. A void over there is a difference to explain,
    not a void of ours: reconciliation names it."""
    if invoice.voided or document.status is DocumentStatus.VOID:
        return document.status
    settled = (invoice.total - invoice.balance).amount
    paid = settled - credited.get(invoice.remote_id, Decimal(0))
    if not invoice.balance and invoice.total:
        return DocumentStatus.PAID if paid else DocumentStatus.CREDITED
    if paid:
        return DocumentStatus.PART_PAID
    return DocumentStatus.PUSHED
