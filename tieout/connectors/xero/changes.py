"""What we do about an invoice that is there: set a credit note against it, void it, correct it.

Xero, Accounting API: allocations of credit notes; POST to one invoice, which leaves alone what
it does not name, but takes lines for the whole set. There is no revision to name: Xero refuses
to void or to edit what is paid or credited, and nothing else.
"""

from __future__ import annotations

from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Request, Row, WriteContext
from tieout.connectors.exact import decode
from tieout.connectors.fields import exact, fits, known, said
from tieout.connectors.xero import build, queries, translate, wire
from tieout.model.document import Document
from tieout.model.settlement import Digest

#: What of a line is said again when another one is corrected. All else follows from it.
_LINE = ("LineItemID", "Description", "Quantity", "UnitAmount", "DiscountRate", "DiscountAmount",
         "ItemCode", "AccountCode", "TaxType", "TaxAmount")  # fmt: skip
_OPTION = ("TrackingCategoryID", "TrackingOptionID")


def allocation(note: Document, context: WriteContext) -> Row:
    """The part of a credit note that is set against its invoice, on the credit note's day."""
    what = f"credit note {note.number}"
    amount = known(context.amount, f"amount of {what}")
    row = {
        "Invoice": {"InvoiceID": context.invoice_id},
        "CreditNote": {"CreditNoteID": context.credit_id},
        "Amount": exact(amount, 2, f"amount of {what}"),
        "Date": note.issue_date.isoformat(),
    }
    return {"Allocations": [row]}


def void(invoice: Document, context: WriteContext) -> Row:
    """The invoice, void."""
    return {"Invoices": [{"InvoiceID": context.invoice_id, "Status": "VOIDED"}]}


def correction(invoice: Document, context: WriteContext) -> Row:
    """Exactly what the order names; another memo takes the lines as they stand with it."""
    order = context.order
    assert order is not None  # there is none without an order
    row = said(InvoiceID=context.invoice_id, DueDate=order.due_date and order.due_date.isoformat())
    if order.memo is not None:
        lines = known((context.stands or {}).get("LineItems"), f"lines of {invoice.number}")
        row["LineItems"] = _with_memo(lines, fits("memo", build.a_memo(order.memo), build.TEXT))
    return {"Invoices": [row]}


def _with_memo(lines: list[Row], memo: str) -> list[Row]:
    """The lines as they stand, the memo behind them replaced; a timesheet's words stay."""
    kept = [_again(line) for line in lines]
    if translate.is_memo(wire.Line.model_validate(lines[-1])):
        last = kept.pop() | {"Description": memo}
        return [*kept, last] if memo else kept
    # Xero may put a new line before those it knows, so that all are sent as new ones.
    words = [{"Description": memo}] if memo else []
    return [*({k: v for k, v in line.items() if k != "LineItemID"} for line in kept), *words]


def _again(line: Row) -> Row:
    tracking = [{name: each[name] for name in _OPTION} for each in line.get("Tracking") or ()]
    if not translate.carries_money(wire.Line.model_validate(line)):
        return {name: line[name] for name in _LINE[:2]}
    # No discount is said by leaving it out: Xero takes offence at a zero.
    told = {name: line.get(name) for name in _LINE if line.get(name) or "Discount" not in name}
    return said(**told, Tracking=tracking)


# -- the calls --------------------------------------------------------------------------
def send_allocation(body: bytes, key: str, settings: Any) -> Request:
    """The call that sets a credit note against an invoice."""
    note = _row(body, "Allocations").get("CreditNote", {}).get("CreditNoteID", "")
    path = f"CreditNotes/{note}/Allocations"
    return build.write("PUT", path, body, key, "create Allocations")


def send(body: bytes, key: str, settings: Any) -> Request:
    """The call that changes an invoice, named in the path: nothing can be created that way."""
    path = f"Invoices/{_row(body, 'Invoices').get('InvoiceID', '')}"
    return build.write("POST", path, body, key, "change an invoice")


def _row(body: bytes, resource: str) -> Row:
    """The one record in a body; {} when a call without one is only counted."""
    return next(iter(decode(body).get(resource, ())), {})


# -- looking ----------------------------------------------------------------------------
INVOICES = ledger.Invoices(
    ask=lambda subject, context, settings: queries.page("Invoices", IDs=context.invoice_id),
    rows=queries.rows("Invoices"),
    wire=wire.Invoice,
    read=translate.invoice,
    worded=translate.worded,
)


def _uses(answer: Any) -> list[Row]:
    used = (use for note in answer["CreditNotes"] for use in note.get("Allocations") or ())
    return [use for use in used if not use.get("IsDeleted")]


#: An allocation has no room for our key: of this credit note, on this invoice, over this much.
FIND_ALLOCATION = (
    ledger.find(
        "record",
        lambda note, context: context.credit_id,
        lambda note, settings: queries.page("CreditNotes", where=f'CreditNoteID==guid("{note}")'),
        _uses,
        lambda use, note, context: (
            translate.allocation_digest(use) == expect_allocation(note, context)
        ),
    ),
)


# -- what must come back ----------------------------------------------------------------
def expect_allocation(note: Document, context: WriteContext) -> Digest:
    """What the allocation must come back as: by the bytes, for what is open changes."""
    (row,) = (context.sent or {})["Allocations"]
    return translate.allocation_digest(row)
