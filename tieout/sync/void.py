"""Void: an approved invoice that nobody has paid is cancelled, here and in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.connectors.base import CORRECTION, INVOICE, TIMESHEET, VOID
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentStatus, Order
from tieout.model.settlement import RemoteInvoice
from tieout.store import audit, documents, facts, orders, outbox, work
from tieout.store.core import Tx
from tieout.store.outbox import OutboxState
from tieout.sync.credit import the_invoice
from tieout.sync.engine import Engine
from tieout.sync.intents import SUBJECTS, intend, need_writer, newest

_UNPAID = (DocumentStatus.APPROVED, DocumentStatus.PUSHED)


@dataclass(frozen=True, kw_only=True)
class Voided:
    """What became of the order to void an invoice."""

    document: Document
    sent: bool  # whether the ledger must be told first: else it is void already


def void(engine: Engine, number: str, *, release: bool = False, reason: str = "") -> Voided:
    """Void an invoice: at once when nothing of it ever left, else when the ledger has done it.

    With `release` its work becomes billable again in that moment. Raises NotAllowed when
    something was paid or credited on it, or it is not known whether it has arrived.
    """
    with engine.store.begin() as tx:
        invoice = the_invoice(tx, number, "voided")
        _refuse_if_settled(engine, tx, invoice)
        if newest(engine, tx, VOID, invoice.id) is not None:
            raise NotAllowed(
                f"{invoice.number} is being voided already. `tieout push` does it; if it is held, "
                f"`tieout retry {invoice.number}`."
            )
        row = newest(engine, tx, INVOICE, invoice.id)
        order = Order(
            document_id=invoice.id, writer=VOID, revision=0, releases=release, reason=reason
        )
        _withdraw_what_waits(tx, invoice)
        if row is not None and row.state is OutboxState.CONFIRMED:
            need_writer(engine, VOID)
            order = orders.add(tx, order, engine.actor)
            intend(
                engine,
                tx,
                VOID,
                invoice.id,
                revision=order.revision,
                generation=row.generation,
            )
            detail = {"number": invoice.number, "releases": release, "reason": reason}
            audit.record(tx, engine.actor, "void.ordered", invoice.id, detail)
            return Voided(document=invoice, sent=True)
        if row is not None and not outbox.withdraw(tx, row.id):
            raise NotAllowed(
                f"{invoice.number} is on its way to the ledger and nobody knows yet whether it "
                "arrived. Run `tieout push`, then void it again."
            )
        orders.add(tx, order, engine.actor)
        return Voided(document=finish(engine, tx, order), sent=False)


def finish(engine: Engine, tx: Tx, order: Order) -> Document:
    """The invoice is void now; its work is billable again when the order said so."""
    document = documents.set_status(tx, order.document_id, DocumentStatus.VOID)
    released = work.release(tx, document.id) if order.releases else 0
    detail = {"number": document.number, "released": released, "reason": order.reason}
    audit.record(tx, engine.actor, "document.voided", document.id, detail)
    return document


def _withdraw_what_waits(tx: Tx, invoice: Document) -> None:
    """Nobody corrects what is voided, or attaches anything to it; the last correction first, as
    each waits for the one before."""
    rows = outbox.list_rows(tx, subject=(SUBJECTS[CORRECTION], invoice.id))
    waiting = [row for row in rows if row.writer in (CORRECTION, TIMESHEET)]
    for row in sorted(waiting, key=lambda row: -row.revision):
        outbox.withdraw(tx, row.id)


def _refuse_if_settled(engine: Engine, tx: Tx, invoice: Document) -> None:
    notes = documents.credits_of(tx, invoice)
    if notes:
        names = ", ".join(note.number or f"draft {note.id}" for note in notes)
        raise NotAllowed(
            f"{invoice.number} is credited on {names}, so it cannot be voided. Credit what is left "
            f"with `tieout credit {invoice.number}`."
        )
    stands = as_read(engine, tx, invoice)
    if invoice.status not in _UNPAID or (stands is not None and stands.balance != stands.total):
        raise NotAllowed(
            f"{invoice.number} is paid, in full or in part, so it cannot be voided. Credit it with "
            f"`tieout credit {invoice.number}`."
        )


def as_read(engine: Engine, tx: Tx, invoice: Document) -> RemoteInvoice | None:
    """The ledger's invoice as it was last read, None when it never was."""
    connection = engine.ledger().name
    row = newest(engine, tx, INVOICE, invoice.id)
    if row is None or not row.remote_id:
        return None
    known = facts.bodies(tx, facts.REMOTE_INVOICE, connection=connection)
    return next((each for each in known if each.remote_id == row.remote_id), None)
