"""Correct: the memo and the due date of an approved invoice, and nothing else of it."""

from __future__ import annotations

from datetime import date

from tieout.connectors.base import CORRECTION, INVOICE, VOID
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentStatus, Order
from tieout.store import audit, orders
from tieout.store.outbox import OutboxState
from tieout.sync.credit import NEVER_CHANGES, the_invoice
from tieout.sync.engine import Engine
from tieout.sync.intents import intend, need_writer, newest


def correct(
    engine: Engine, number: str, *, memo: str | None = None, due: date | None = None
) -> Document:
    """Order the ledger's invoice to get another memo, another due date, or both.

    The approved document stays as it is; the order stands beside it, and the audit log says
    what was before. Raises NotAllowed for anything that may not be corrected.
    """
    need_writer(engine, CORRECTION)
    if memo is None and due is None:
        raise NotAllowed(NEVER_CHANGES.format(number=number))
    with engine.store.begin() as tx:
        invoice = the_invoice(tx, number, "corrected")
        if invoice.status not in (DocumentStatus.APPROVED, DocumentStatus.PUSHED):
            said = invoice.status.value.replace("_", " ")
            raise NotAllowed(
                f"{invoice.number} is {said}: nothing of it is corrected once it is settled."
            )
        if due is not None and due < invoice.issue_date:
            raise NotAllowed(f"{invoice.number} is of {invoice.issue_date}: {due} is before that.")
        voiding = newest(engine, tx, VOID, invoice.id)
        if voiding is not None and voiding.state is not OutboxState.CONFIRMED:
            raise NotAllowed(f"{invoice.number} is being voided.")
        now = orders.corrected(invoice, orders.every(tx, invoice.id, CORRECTION))
        order = Order(
            document_id=invoice.id, writer=CORRECTION, revision=0, memo=memo, due_date=due
        )
        order = orders.add(tx, order, engine.actor)
        row = newest(engine, tx, CORRECTION, invoice.id) or newest(engine, tx, INVOICE, invoice.id)
        intend(engine, tx, CORRECTION, invoice.id, revision=order.revision, after=row)
        after = orders.corrected(now, [order])
        detail = {"number": invoice.number, "before": _said(now), "after": _said(after)}
        audit.record(tx, engine.actor, "document.corrected", invoice.id, detail)
    return after


def _said(document: Document) -> dict[str, str]:
    return {"memo": document.memo, "due_date": str(document.due_date or "")}
