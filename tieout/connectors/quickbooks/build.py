"""What we write: bodies of customers, sub-customers, invoices and credit memos, the calls
that carry them, and how to look for one that may be there already.

Lengths, Amount = Qty x UnitPrice and the request id: Intuit, API reference of Customer
and Invoice, "batch operations". Nothing here rounds. `build` functions raise
Misconfigured for what QuickBooks could not hold, before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Batch, Find, ItemAnswer, Request, Row, WriteContext
from tieout.connectors.fields import cut, exact, fits, known, said
from tieout.connectors.quickbooks import faults, queries, taxes
from tieout.errors import Misconfigured, Unknown
from tieout.model.document import Document, DocumentKind, Line
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import Digest

NUMBER, NAME, TEXT, MEMO, EMAIL = 21, 500, 4000, 1000, 100  # characters
MOST_LINES = 750
AMOUNT_PLACES, RATE_PLACES = 2, 5
CALL_KEY, ITEM_KEY = 36, 10  # characters of a batch's request id and of its items' names


def customer(client: Client, context: WriteContext) -> Row:
    """A customer. Its currency can never be changed, so only a foreign one is said."""
    email = context.email or client.email
    return said(
        **_name(context, client.currency),
        PrimaryEmailAddr=email and {"Address": fits("e-mail address", email, EMAIL)},
    )


def sub_customer(project: Project, context: WriteContext) -> Row:
    """A project as a sub-customer ("job") of its client, billed by itself."""
    return _name(context, project.currency) | {
        "Job": True,
        "ParentRef": {"value": known(context.parent_id, f"customer of project {project.name}")},
        "BillWithParent": False,
    }


def _name(context: WriteContext, currency: str | None) -> Row:
    foreign = currency if currency != context.home_currency else ""
    return said(
        DisplayName=display_name(context),
        Notes=ledger.mark(context.key),
        CurrencyRef=foreign and {"value": foreign},
    )


def display_name(context: WriteContext) -> str:
    """The name as QuickBooks takes it: a colon separates levels there, so it becomes a dash."""
    plain = " ".join(context.display_name.replace(":", " -").split())
    return fits("name", known(plain, "name of a customer"), NAME)


def sales_document(document: Document, context: WriteContext) -> Row:
    """An invoice or a credit memo with all its lines, and our key in the note that clients do
    not see. A credit memo's amounts are positive too; it falls due on no day."""
    is_invoice = document.kind is DocumentKind.INVOICE
    what = f"{document.kind.value.replace('_', ' ')} {document.number}"
    key = ledger.mark(context.key)
    lines = [{"LineNum": n, **line} for n, line in enumerate(_lines(document, context), 1)]
    if len(lines) > MOST_LINES:
        words = sum(map(len, context.memo_lines.values()))
        away = f"; {words} are its timesheet's, which timesheet.lines takes away" if words else ""
        raise Misconfigured(f"{what} has {len(lines)} lines, QuickBooks takes {MOST_LINES}{away}")
    foreign = document.currency != context.home_currency
    po_number = document.po_number and f"PO {document.po_number}"
    memo = "\n".join(part for part in (document.memo, po_number) if part)
    return said(
        DocNumber=fits("number", document.number, NUMBER),
        TxnDate=document.issue_date.isoformat(),
        DueDate=document.due_date.isoformat() if is_invoice and document.due_date else None,
        SalesTermRef=ref(context.term_id) if is_invoice else None,
        DepartmentRef=ref(context.department_id),
        CustomerRef=ref(known(context.customer_id, f"customer of {what}")),
        CurrencyRef=ref(document.currency),
        # Without a rate QuickBooks may book a foreign document one to one.
        ExchangeRate=known(context.exchange_rate, f"exchange rate of {what}") if foreign else None,
        BillEmail=context.email and {"Address": fits("e-mail address", context.email, EMAIL)},
        CustomerMemo=ref(cut(memo, MEMO)),
        # The key comes first: a void puts its word before it, and no cut reaches it.
        PrivateNote=cut(f"{key} {memo}".rstrip(), TEXT),
        # Not known in the US, where tax is worked out from the address.
        GlobalTaxCalculation="" if context.country in ("", "US") else "TaxExcluded",
        TxnTaxDetail=taxes.detail(document, context),
        Line=lines,
    )


def _lines(document: Document, context: WriteContext) -> Iterator[Row]:
    for section in document.sections:
        if len(document.sections) > 1:
            yield _words(section.title)
        yield from (_line(line, context) for line in section.lines)
        for text in context.memo_lines.get(section.budget_id, ()):
            yield _words(ledger.bullet(text))


def _words(text: str) -> Row:
    """A line without money."""
    return {
        "DetailType": "DescriptionOnly",
        "Description": cut(text, TEXT),
        "DescriptionLineDetail": {},
    }


def _line(line: Line, context: WriteContext) -> Row:
    codes, what = context.lines.get(line.id), f"line {line.id} ({cut(line.description, 60)})"
    # Without an item QuickBooks takes a line for text and drops its amount. Without a tax
    # code a US line counts as taxable, elsewhere the invoice is refused.
    item_id = known(codes and codes.item_id, f"item of {what}")
    tax = (codes and codes.tax_code_id) or ("NON" if context.country in ("", "US") else "")
    if context.country == "US" and tax not in ("TAX", "NON"):
        raise Misconfigured(f"the tax code of {what} must be TAX or NON in the US, not {tax}")
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": exact(line.amount.amount, AMOUNT_PLACES, f"amount of {what}"),
        "Description": cut(line.description, TEXT),
        "SalesItemLineDetail": said(
            ItemRef=ref(item_id),
            Qty=exact(line.quantity, RATE_PLACES, f"quantity of {what}"),
            UnitPrice=exact(line.rate, RATE_PLACES, f"rate of {what}"),
            ServiceDate=line.service_date and line.service_date.isoformat(),
            ClassRef=ref(codes.class_id if codes else ""),
            TaxCodeRef=ref(known(tax, f"tax code of {what}")),
        ),
    }


def ref(value: str) -> Row | None:
    """A pointer to a record there, or a text that clients see; None for nothing."""
    return {"value": value} if value else None


# -- the calls --------------------------------------------------------------------------
def sender(entity: str) -> Callable[[bytes, str, Any], Request]:
    """A call that creates one record. A repeat of its key is answered as the first time."""
    return lambda body, key, settings: post(entity, body, key, settings)


def batch(items: Iterable[tuple[str, bytes]], call_key: str, settings: Any) -> Request:
    """Several invoices in one call; the stored bytes of each go in as they are.

    Raises Misconfigured when a key is longer than QuickBooks remembers.
    """
    parts = [
        b'{"bId":%s,"operation":"create","Invoice":%s}'
        % (json.dumps(fits("item key", name, ITEM_KEY)).encode(), body)
        for name, body in items
    ]
    whole = b'{"BatchItemRequest":[%s]}' % b",".join(parts)
    return post("batch", whole, fits("batch key", call_key, CALL_KEY), settings)


def split(answer: Any) -> Mapping[str, ItemAnswer]:
    """Each item's answer by its name; their order says nothing."""
    return {
        item["bId"]: ItemAnswer(
            answer=item.get("Invoice"), errors=tuple(faults.of_fault(item.get("Fault")))
        )
        for item in answer.get("BatchItemResponse", [])
    }


def is_batch(request: Request) -> bool:
    """Whether a call carries several documents."""
    return request.path == "/batch"


BATCH = Batch(size=30, smallest=10, send=batch, split=split, too_large=("1040",))


def record(entity: str) -> Callable[[Any], Row]:
    """The record in the answer to a write, or the record itself. Raises Unknown without one."""

    def read(answer: Any) -> Row:
        found: Row = (answer or {}).get(entity, answer or {})
        if "Id" not in found:
            raise Unknown(f"QuickBooks answered without the {entity}")
        return found

    return read


def post(
    path: str, body: bytes, key: str, settings: Any, verb: str = "create", **params: str
) -> Request:
    """A call that writes; a repeat of its key is answered as the first time."""
    return Request(
        method="POST",
        path=f"/{path}",
        params=(("minorversion", settings.minor_version), ("requestid", key), *params.items()),
        body=body,
        content_type="application/json",
        purpose=f"{verb} {path}",
        writes=True,
    )


# -- looking ----------------------------------------------------------------------------
def find(by: str, entity: str, where: Callable[..., tuple[str, ...]], fits: Any) -> Find:
    """Ask for the records of an entity by conditions, none = this way cannot be used."""

    def ask(conditions: tuple[str, ...], settings: Any) -> Request:
        return queries.query(entity, settings, *conditions)

    return ledger.find(by, where, ask, queries.rows(entity), fits)


def _named(subject: Any, context: WriteContext) -> tuple[str, ...]:
    # Inactive customers hold their names too, and QuickBooks adds a word to some.
    name = display_name(context)
    return queries.among("DisplayName", name, f"{name} (deleted)"), queries.LISTED


def _bears_name(row: Row, subject: Any, context: WriteContext) -> bool:
    same: bool = row["DisplayName"].casefold() == display_name(context).casefold()
    return same or _bears_key(row, subject, context)


def _of_the_day(document: Document, context: WriteContext) -> tuple[str, ...]:
    # Notes cannot be asked for, so the customer's records of the day are looked through.
    day = document.issue_date.isoformat()
    return queries.among("CustomerRef", context.customer_id), queries.among("TxnDate", day)


def _bears_key(row: Row, subject: Any, context: WriteContext) -> bool:
    note = row.get("PrivateNote") or row.get("Notes") or ""
    return ledger.key_in(note) == context.key


def _numbered(document: Document, context: WriteContext) -> tuple[str, ...]:
    return (queries.among("DocNumber", document.number),) if document.number else ()


def _bears_number(row: Row, document: Document, context: WriteContext) -> bool:
    return row.get("DocNumber") == document.number


FIND_NAMES = (find("name", "Customer", _named, _bears_name),)
FIND_ALLOCATIONS = (find("key", "Payment", _of_the_day, _bears_key),)


def find_documents(entity: str) -> tuple[Find, ...]:
    """By our key, then by number."""
    return (
        find("key", entity, _of_the_day, _bears_key),
        find("number", entity, _numbered, _bears_number),
    )


# -- what must come back ----------------------------------------------------------------
def expect_name(subject: Client | Project, context: WriteContext) -> Digest:
    """What a customer or sub-customer must come back as."""
    name, parent_id = display_name(context), context.parent_id
    return ledger.name_digest(name, context.key, parent_id)
