"""What we do to a record that is there: set a credit memo against its invoice, correct the memo
or the due date of an invoice.

Oracle's REST API Browser and its help on updating records and on sublists: a PATCH leaves alone
what it does not name; a line of `apply` is known by its document, and its amount counts for good,
so the same PATCH twice is as good as once. There is no revision to hand back, and no call that
voids an invoice.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Find, Request, Row, WriteContext
from tieout.connectors.fields import known
from tieout.connectors.netsuite import build, queries, translate
from tieout.connectors.netsuite.wire import Transaction
from tieout.model.document import Document
from tieout.model.settlement import Digest


def allocation(note: Document, context: WriteContext) -> Row:
    """How much of a credit memo counts for its invoice; what it does for others stays."""
    what = f"credit note {note.number}"
    line = {
        "doc": {"id": context.invoice_id},
        "apply": True,
        "amount": known(context.amount, f"amount of {what}"),
    }
    return {**_record(context, what), "apply": {"items": [line]}}


def correction(invoice: Document, context: WriteContext) -> Row:
    """Exactly what the order names; a memo of nothing clears it."""
    order, body = context.order, _record(context, f"invoice {invoice.number}")
    assert order is not None  # there is none without an order
    if order.memo is not None:
        body["memo"] = build.memo(invoice, order.memo, context.settings) or None
    if order.due_date is not None:
        body["dueDate"] = order.due_date.isoformat()
    return body


def _record(context: WriteContext, what: str) -> Row:
    """Which record is meant: the one with this external id, which it keeps."""
    key = known(context.record_key, f"external id of {what}")
    return {"externalId": translate.external_id(key)}


# -- looking ----------------------------------------------------------------------------
def _ask_applied(note: Document, context: WriteContext, settings: Any) -> Request:
    return queries.applied(context.credit_id)


def _set_against(answer: Any, note: Document, context: WriteContext) -> list[Row]:
    """The credit memo where it counts for our invoice, without what it does for others."""
    ours = [
        row | {"lines": [e for e in row["lines"] if str(e.get("invoice")) == context.invoice_id]}
        for row in queries.rows(answer)
    ]
    return [row for row in ours if translate.allocation_digest(row).net]


FIND_ALLOCATION = (Find(by="record", request=_ask_applied, pick=_set_against),)


# -- what must come back ----------------------------------------------------------------
def expect_allocation(note: Document, context: WriteContext) -> Digest:
    """What the credit memo must be set against: by the bytes, for what is open changes."""
    lines = (context.sent or {}).get("apply", {}).get("items", [])
    return Digest(
        number="",
        currency=note.currency,
        net=sum((line["amount"] for line in lines), Decimal(0)),
        tax=Decimal(0),
        lines=len(lines),
        customer_id=context.customer_id,
    )


def expect_correction(invoice: Document, context: WriteContext) -> Digest:
    """What an invoice must come back as once it is corrected: as it was, but for that."""
    digest, order = replace(build.expect_document(invoice, context), key=""), context.order
    assert order is not None  # there is none without an order
    text = None if order.memo is None else build.memo(invoice, order.memo, context.settings)
    return replace(digest, due_date=order.due_date, memo=text)


INVOICES = ledger.Invoices(
    ask=lambda subject, context, settings: build.by("invoice", "id", context.invoice_id, settings),
    rows=queries.rows,
    wire=Transaction,
    read=translate.invoice,
    worded=translate.worded,
    expect=expect_correction,
)
