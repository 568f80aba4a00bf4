"""Looks: how an invoice stands in the ledger decides whether a write about it is made at all.

Read just before the write is built: what was copied last night may be hours old, and
somebody may have paid or edited the invoice since.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tieout.connectors.base import ALLOCATION, CREDIT_NOTE, VOID, Look, Writer
from tieout.errors import Rejected
from tieout.model.document import Document
from tieout.model.settlement import RemoteInvoice, edited
from tieout.store.outbox import OutboxRow
from tieout.sync.resolve import Resolved, Unresolved
from tieout.sync.settle import UNAPPLIED, Settler


def before(
    settler: Settler, writer: Writer, look: Look, row: OutboxRow, resolved: Resolved
) -> Resolved | Unresolved | None:
    """The write with what stands there now, or why it is not made; None when a void is done
    already. Raises RemoteError when the ledger cannot be asked."""
    connection = settler.connection
    request = look.request(resolved.subject, resolved.context, connection.settings)
    try:
        answer = settler.engine.transport.call(connection, request).json()
    except Rejected as refusal:
        return Unresolved(text=refusal.text)
    settler.boundary("look: answer in hand")
    record = look.pick(answer)
    stands = look.read(record, connection.settings) if record is not None else None
    if writer.name == VOID and record is not None and stands is not None and stands.voided:
        with settler.engine.store.begin() as tx:
            settler.confirm(tx, writer, row, record, writer.digest(record))
        return None
    assert resolved.about is not None  # every write with a look is about an invoice
    seen = replace(resolved, context=replace(resolved.context, stands=record))
    return _judged(writer.name, resolved.about, stands, seen)


def _judged(
    writer: str, invoice: Document, stands: RemoteInvoice | None, resolved: Resolved
) -> Resolved | Unresolved:
    number = invoice.number
    if writer == CREDIT_NOTE:  # a ledger that sets it against the invoice in the same call
        is_open = stands is not None and not stands.voided
        return _with(resolved, stands, stands.balance.amount if stands and is_open else None)
    rest = UNAPPLIED if writer == ALLOCATION else "Nothing was done."
    if stands is None:
        return Unresolved(text=f"{number} is not in the ledger any more. {rest}")
    if stands.voided:
        return Unresolved(text=f"{number} is void in the ledger. {rest}")
    if writer == ALLOCATION:
        return _to_allocate(number, stands, resolved)
    if stands.balance != stands.total:
        settled = stands.total - stands.balance
        return Unresolved(
            text=(
                f"{settled} of {number} is settled in the ledger by now. Nothing was done. Credit "
                f"it instead: `tieout credit {number}`."
            )
        )
    changed = edited(invoice, stands) if writer == VOID else ""
    if changed:
        return Unresolved(
            text=(
                f"Somebody edited {number} in the ledger: {changed}. It was not voided. Put it "
                f"back there, then `tieout retry {number}`; or credit it."
            )
        )
    return _with(resolved, stands, None)


def _to_allocate(number: str, stands: RemoteInvoice, resolved: Resolved) -> Resolved | Unresolved:
    """Never more than is open, nor than the credit note is worth."""
    credit = resolved.context.amount
    assert credit is not None  # the credit note is there, so its total is known
    amount = min(credit, stands.balance.amount)
    if amount <= 0:
        return Unresolved(text=f"{number} is settled in the ledger: nothing is open. {UNAPPLIED}")
    return _with(resolved, stands, amount)


def _with(resolved: Resolved, stands: RemoteInvoice | None, amount: Decimal | None) -> Resolved:
    revision = stands.revision if stands else ""
    context = replace(resolved.context, invoice_revision=revision, amount=amount)
    return replace(resolved, context=context)
