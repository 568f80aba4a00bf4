"""What we do to an invoice that is there: set a credit memo against it, void it, correct its
memo or its due date.

Intuit, API reference: a Payment of 0 with a line for the invoice and one for the credit
memo; `operation=void`; sparse updates, which leave alone what they do not name. An update
or a void of an older SyncToken is refused with 5010.
"""

from __future__ import annotations

from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Request, Row, WriteContext
from tieout.connectors.fields import exact, fits, known, said
from tieout.connectors.quickbooks import build, queries, translate, wire
from tieout.model.document import Document
from tieout.model.settlement import Digest


def allocation(note: Document, context: WriteContext) -> Row:
    """A payment of nothing that uses a credit memo on its invoice, on the credit memo's day."""
    what = f"credit note {note.number}"
    amount = exact(
        known(context.amount, f"amount of {what}"), build.AMOUNT_PLACES, f"amount of {what}"
    )
    sides = (("Invoice", context.invoice_id), ("CreditMemo", context.credit_id))
    return said(
        CustomerRef=build.ref(known(context.customer_id, f"customer of {what}")),
        CurrencyRef=build.ref(note.currency),
        TxnDate=note.issue_date.isoformat(),
        PrivateNote=f"{ledger.mark(context.key)} {note.memo}".rstrip(),
        Line=[
            {"Amount": amount, "LinkedTxn": [{"TxnId": record, "TxnType": kind}]}
            for kind, record in sides
        ],
    ) | {"TotalAmt": 0}


def void(invoice: Document, context: WriteContext) -> Row:
    """The invoice, and the revision of it that may be voided."""
    return {"Id": context.invoice_id, "SyncToken": context.invoice_revision}


def correction(invoice: Document, context: WriteContext) -> Row:
    """A sparse update of exactly what the order names."""
    order = context.order
    assert order is not None  # there is none without an order
    memo = order.memo and fits("memo", order.memo, build.MEMO)
    return {
        **void(invoice, context),
        "sparse": True,
        **said(
            CustomerMemo=build.ref(memo or ""),
            DueDate=order.due_date and order.due_date.isoformat(),
        ),
    }


def send_void(body: bytes, key: str, settings: Any) -> Request:
    """The call that voids an invoice."""
    return build.post("invoice", body, key, settings, "void", operation="void")


def send_correction(body: bytes, key: str, settings: Any) -> Request:
    """The call that corrects an invoice."""
    return build.post("invoice", body, key, settings, "correct")


# -- looking ----------------------------------------------------------------------------
INVOICES = ledger.Invoices(
    # Asked for by query: it answers nothing where a plain read of what is gone is an error.
    ask=lambda subject, context, settings: queries.query(
        "Invoice", settings, queries.among("Id", context.invoice_id)
    ),
    rows=queries.rows("Invoice"),
    wire=wire.Invoice,
    read=translate.invoice,
    worded=translate.worded,
)


# -- what must come back ----------------------------------------------------------------
def expect_allocation(note: Document, context: WriteContext) -> Digest:
    """What the payment must come back as: by the bytes, for what is open changes."""
    sent = wire.Payment.model_validate({"Id": "", **(context.sent or {})})
    return translate.allocation_digest(sent.model_dump())
