"""What we write: bodies of contacts, invoices and credit notes, the calls that carry them, and
how to look for one that may be there already.

Lengths, decimals and the Idempotency-Key: Xero, Accounting API and "rounding in Xero". Nothing
here rounds money. `build` functions raise Misconfigured for what Xero could not hold, before
anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Batch, Find, ItemAnswer, Request, Row, WriteContext, item_name
from tieout.connectors.exact import encode
from tieout.connectors.fields import cut, exact, fits, known, said
from tieout.connectors.xero import faults, queries
from tieout.errors import Misconfigured, Unknown
from tieout.model.document import Document, DocumentKind, Line
from tieout.model.party import Client
from tieout.model.settlement import Digest

NUMBER, NAME, REFERENCE, TEXT, EMAIL = 255, 255, 255, 4000, 255  # characters
PLACES = 4  # decimals of quantities and unit amounts
MOST_BYTES = 3_500_000  # of a call
_HALF_A_CENT = Decimal("0.005")
_NIL = "00000000-0000-0000-0000-000000000000"
#: Where a document goes, what it is called there, and the field of its number.
_PLACES = {
    DocumentKind.INVOICE: ("Invoices", "ACCREC", "InvoiceNumber"),
    DocumentKind.CREDIT_NOTE: ("CreditNotes", "ACCRECCREDIT", "CreditNoteNumber"),
}


def contact(client: Client, context: WriteContext) -> Row:
    """A contact. Its contact number, which only programs can write, is our key."""
    foreign = client.currency if client.currency != context.home_currency else ""
    row = said(
        Name=display_name(context),
        ContactNumber=context.key,
        EmailAddress=fits("e-mail address", context.email or client.email, EMAIL),
        DefaultCurrency=foreign,
    )
    return {"Contacts": [row]}


def display_name(context: WriteContext) -> str:
    """The name as Xero takes it: trimmed, any characters."""
    plain = " ".join(context.display_name.split())
    return fits("name", known(plain, "name of a customer"), NAME)


def sales_document(document: Document, context: WriteContext) -> Row:
    """An approved invoice or credit note with all its lines, and our key in its reference. It is
    not mailed. A credit note's amounts are positive too; it falls due on no day."""
    resource, kind, number_field = _PLACES[document.kind]
    called = document.kind.value.replace("_", " ")
    what = f"{called} {document.number}"
    # Xero approves no invoice without one, and keeps no list of terms to work it out.
    is_invoice = document.kind is DocumentKind.INVOICE
    due = known(document.due_date, f"due date of {what}") if is_invoice else None
    row = said(
        Type=kind,
        Reference=_reference(document, context),
        Url=context.link if is_invoice else "",
        Contact={"ContactID": known(context.customer_id, f"customer of {what}")},
        Date=document.issue_date.isoformat(),
        DueDate=due and due.isoformat(),
        LineAmountTypes="Exclusive",
        CurrencyCode=document.currency,
        CurrencyRate=_rate(document, context, what),
        Status="AUTHORISED",
        LineItems=list(_lines(document, context)),
    )
    number = fits("number", known(document.number, f"number of the {called}"), NUMBER)
    body = {resource: [row | {number_field: number, "SentToContact": False}]}
    if len(encode(body)) > MOST_BYTES:
        raise Misconfigured(f"{what} is larger than the {MOST_BYTES} bytes that Xero takes")
    return body


def _reference(document: Document, context: WriteContext) -> str:
    key = ledger.mark(context.key)
    po_number = document.po_number and f"PO {document.po_number}"
    return f"{cut(po_number, REFERENCE - len(key) - 1)} {key}".lstrip()


def _rate(document: Document, context: WriteContext, what: str) -> Decimal | None:
    """Xero counts foreign units for one home unit, to six decimals. Without one it takes the
    day's own rate from XE."""
    if document.currency == context.home_currency or not context.exchange_rate:
        return None
    rate = Decimal(f"{1 / context.exchange_rate:.6f}")  # a rate, not money
    return Decimal(known(rate, f"exchange rate of {what} in Xero"))


def _lines(document: Document, context: WriteContext) -> Iterator[Row]:
    for section in document.sections:
        if len(document.sections) > 1 and section.title:
            yield {"Description": cut(section.title, TEXT)}
        yield from (_line(line, context) for line in section.lines)
        for text in context.memo_lines.get(section.budget_id, ()):
            yield {"Description": cut(ledger.bullet(text), TEXT)}
    if document.memo:
        yield {"Description": cut(a_memo(document.memo), TEXT)}


def a_memo(text: str) -> str:
    """The memo, which is the last line of words; raises when it could be taken for another."""
    if ledger.is_bullet(text):
        raise Misconfigured(f"the memo {text!r} begins like a line of a timesheet: change that")
    return text


def _line(line: Line, context: WriteContext) -> Row:
    codes, what = context.lines.get(line.id), f"line {line.id} ({cut(line.description, 60)})"
    tax = codes.tax_code_id if codes else ""
    # A quantity below 0 is refused; a unit amount is not.
    sign = -1 if line.quantity < 0 else 1
    quantity, unit = sign * line.quantity, sign * line.rate
    # All three are sent, so that Xero refuses an amount that it would round another way.
    if abs(quantity * unit - line.amount.amount) > _HALF_A_CENT:
        raise Misconfigured(f"{what}: {quantity} x {unit} is not {line.amount.amount}")
    return said(
        Description=cut(known(line.description, f"description of {what}"), TEXT),
        Quantity=exact(quantity, PLACES, f"quantity of {what}"),
        UnitAmount=exact(unit, PLACES, f"rate of {what}"),
        LineAmount=exact(line.amount.amount, 2, f"amount of {what}"),
        # The item brings the account, and the tax where none is named.
        ItemCode=known(codes and codes.item_id, f"item of {what}"),
        TaxType=tax,
        # In the place of what Xero works out for the line.
        TaxAmount=codes.tax and exact(codes.tax.amount, 2, f"tax of {what}") if codes else None,
        Tracking=list(_tracking(codes.class_id if codes else "", context.department_id, what)),
    )


def _tracking(class_id: str, department_id: str, what: str) -> Iterator[Row]:
    chosen = [each.split("/", 1) for each in (class_id, department_id) if each]
    if any(len(each) != 2 for each in chosen):
        raise Misconfigured(f"the class or department of {what} is no tracking option of Xero's")
    if len({category for category, _ in chosen}) < len(chosen):
        raise Misconfigured(f"class and department of {what} are of one tracking category")
    for category, option in chosen:
        yield {"TrackingCategoryID": category, "TrackingOptionID": option}


# -- the calls --------------------------------------------------------------------------
def sender(resource: str) -> Callable[[bytes, str, Any], Request]:
    """A call that creates one record. PUT, because a POST changes what has the same number."""
    return lambda body, key, settings: write("PUT", resource, body, key, f"create {resource}")


def write(method: str, path: str, body: bytes, key: str, purpose: str) -> Request:
    """A call that writes; for some minutes a repeat of its key is answered as the first time."""
    return Request(
        method=method,
        path=f"/{path}",
        params=(("summarizeErrors", "false"), *queries.decimals(path).items()),
        headers=(("Idempotency-Key", key),),
        body=body,
        content_type="application/json",
        purpose=purpose,
        writes=True,
    )


_OPENS, _CLOSES = b'{"Invoices":[', b"]}"


def _batch(items: Iterable[tuple[str, bytes]], call_key: str, settings: Any) -> Request:
    """Several invoices in one call; the stored bytes of each go in as they are."""
    parts = [body.removeprefix(_OPENS).removesuffix(_CLOSES) for _, body in items]
    return sender("Invoices")(_OPENS + b",".join(parts) + _CLOSES, call_key, settings)


def _split(answer: Any) -> Mapping[str, ItemAnswer]:
    """Each item's answer by the key in its reference; their order says nothing.

    One that shows another invoice's reference is left out: it is looked for.
    """
    found: dict[str, ItemAnswer] = {}
    for element in answer.get("Invoices", []):
        key, problems = ledger.key_in(element.get("Reference") or ""), faults.of_element(element)
        if key:
            told = None if problems else element
            found[item_name(key)] = ItemAnswer(answer=told, errors=tuple(problems))
    return found


BATCH = Batch(size=50, smallest=10, send=_batch, split=_split, too_large=(faults.TOO_LARGE,))


def record(resource: str, key: str) -> Callable[[Any], Row]:
    """The record in the answer to a write, or the record itself. Raises Unknown without one."""

    def read(answer: Any) -> Row:
        elements = (answer or {}).get(resource, [answer or {}])
        if len(elements) != 1 or elements[0].get(key) in (None, "", _NIL):
            raise Unknown(f"Xero answered without the record that was sent to {resource}")
        found: Row = elements[0]
        return found

    return read


# -- looking ----------------------------------------------------------------------------
def find(by: str, resource: str, where: Callable[..., dict[str, str]], fits: Any) -> Find:
    """Ask for the records of a resource by parameters, none = this way cannot be used."""
    ask, rows = partial(queries.page, resource), queries.rows(resource)
    return ledger.find(by, where, lambda params, settings: ask(**params), rows, fits)


def _of_the_day(document: Document, context: WriteContext) -> dict[str, str]:
    # A part of a reference cannot be asked for, so the contact's documents of the day are
    # looked through: by fields that stay quick in a large organisation.
    day, customer = document.issue_date, context.customer_id
    where = f"Date==DateTime({day.year},{day.month:02},{day.day:02})"
    if not customer:
        return {}
    if document.kind is DocumentKind.INVOICE:
        return {"ContactIDs": customer, "where": where}
    return {"where": f'Contact.ContactID==guid("{customer}") AND {where}'}


def _numbered(document: Document, context: WriteContext) -> dict[str, str]:
    number = document.number
    if document.kind is DocumentKind.INVOICE:  # the parameter is a list with commas
        return {"InvoiceNumbers": number} if number and "," not in number else {}
    # A quote inside a filter's text cannot be written there.
    return {"where": f'CreditNoteNumber=="{number}"'} if number and '"' not in number else {}


def _same_key(row: Row, subject: Any, context: WriteContext) -> bool:
    key = row.get("ContactNumber") or ledger.key_in(row.get("Reference") or "")
    return bool(key == context.key)


def _same_number(row: Row, document: Document, context: WriteContext) -> bool:
    # A voided one holds its number too. Numbers of bills are the suppliers'.
    _, kind, field = _PLACES[document.kind]
    return bool(row.get("Type") == kind and row.get(field) == document.number)


def _keyed(subject: Any, context: WriteContext) -> dict[str, str]:
    return {"where": f'ContactNumber=="{context.key}"', "includeArchived": "true"}


def _named(subject: Any, context: WriteContext) -> dict[str, str]:
    # Not by a filter: a quote inside its text cannot be written there.
    return {"searchTerm": display_name(context)}


def _same_name(row: Row, subject: Any, context: WriteContext) -> bool:
    # Only active contacts hold their names.
    name = str(row.get("Name") or "").strip().casefold()
    return name == display_name(context).casefold() and row.get("ContactStatus") == "ACTIVE"


FIND_CONTACTS = (
    find("key", "Contacts", _keyed, _same_key),
    find("name", "Contacts", _named, _same_name),
)


def find_documents(resource: str) -> tuple[Find, ...]:
    """By our key, then by number."""
    return (
        find("key", resource, _of_the_day, _same_key),
        find("number", resource, _numbered, _same_number),
    )


# -- what must come back ----------------------------------------------------------------
def expect_contact(client: Client, context: WriteContext) -> Digest:
    """What a contact must come back as."""
    return ledger.name_digest(display_name(context), context.key)
