"""What we write: bodies of contacts and invoices, the calls that carry them, and how to look
for one that may be there already.

Lengths, decimals and the Idempotency-Key: Xero, Accounting API and "rounding in Xero". Nothing
here rounds money. `build` functions raise Misconfigured for what Xero could not hold, before
anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tieout.connectors.base import (
    Batch,
    Find,
    ItemAnswer,
    Request,
    Row,
    WriteContext,
    item_name,
)
from tieout.connectors.exact import encode
from tieout.connectors.fields import cut, exact, fits, known, said
from tieout.connectors.xero import faults, queries, translate
from tieout.errors import Misconfigured, Unknown
from tieout.model.document import Document, DocumentKind, Line
from tieout.model.party import Client
from tieout.model.settlement import Digest

NUMBER, NAME, REFERENCE, TEXT, EMAIL = 255, 255, 255, 4000, 255  # characters
PLACES = 4  # decimals of quantities and unit amounts
MOST_BYTES = 3_500_000  # of a call
_HALF_A_CENT = Decimal("0.005")
_NIL = "00000000-0000-0000-0000-000000000000"


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


def invoice(document: Document, context: WriteContext) -> Row:
    """An approved invoice with all its lines, and our key in its reference. It is not mailed."""
    what = f"invoice {document.number}"
    if document.kind is not DocumentKind.INVOICE:
        raise Misconfigured(f"{document.number}: Xero is sent invoices only; enter it there")
    row = said(
        Type="ACCREC",
        InvoiceNumber=fits("number", known(document.number, "number of an invoice"), NUMBER),
        Reference=_reference(document, context),
        Contact={"ContactID": known(context.customer_id, f"customer of {what}")},
        Date=document.issue_date.isoformat(),
        # Xero approves no invoice without one, and keeps no list of terms to work it out.
        DueDate=known(document.due_date, f"due date of {what}").isoformat(),
        LineAmountTypes="Exclusive",
        CurrencyCode=document.currency,
        CurrencyRate=_rate(document, context),
        Status="AUTHORISED",
        LineItems=list(_lines(document, context)),
    )
    body = {"Invoices": [row | {"SentToContact": False}]}
    if len(encode(body)) > MOST_BYTES:
        raise Misconfigured(f"{what} is larger than the {MOST_BYTES} bytes that Xero takes")
    return body


def _reference(document: Document, context: WriteContext) -> str:
    key = translate.mark(context.key)
    po_number = document.po_number and f"PO {document.po_number}"
    return f"{cut(po_number, REFERENCE - len(key) - 1)} {key}".lstrip()


def _rate(document: Document, context: WriteContext) -> Decimal | None:
    """Xero counts foreign units for one home unit, to six decimals. Without one it takes the
    day's own rate from XE."""
    if document.currency == context.home_currency or not context.exchange_rate:
        return None
    rate = Decimal(f"{1 / context.exchange_rate:.6f}")  # a rate, not money
    return Decimal(known(rate, f"exchange rate of invoice {document.number} in Xero"))


def _lines(document: Document, context: WriteContext) -> Iterator[Row]:
    for section in document.sections:
        if len(document.sections) > 1 and section.title:
            yield {"Description": cut(section.title, TEXT)}
        yield from (_line(line, context) for line in section.lines)
    if document.memo:
        yield {"Description": cut(document.memo, TEXT)}


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

    decimals = queries.DECIMALS if resource == "Invoices" else {}

    def send(body: bytes, key: str, settings: Any) -> Request:
        return Request(
            method="PUT",
            path=f"/{resource}",
            params=(("summarizeErrors", "false"), *decimals.items()),
            headers=(("Idempotency-Key", key),),
            body=body,
            content_type="application/json",
            purpose=f"create {resource}",
            writes=True,
        )

    return send


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
        key, problems = translate.key_in(element.get("Reference") or ""), faults.of_element(element)
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
def _find(by: str, resource: str, where: Callable[..., dict[str, str]], fits: Any) -> Find:
    """Ask for the records of a resource by parameters, none = this way cannot be used."""

    def request(subject: Any, context: WriteContext, settings: Any) -> Request | None:
        params = where(subject, context)
        return queries.page(resource, **params) if params else None

    def pick(answer: Any, subject: Any, context: WriteContext) -> list[Row]:
        return [row for row in answer[resource] if fits(row, subject, context)]

    return Find(by=by, request=request, pick=pick)


def _of_the_day(document: Document, context: WriteContext) -> dict[str, str]:
    # A part of a reference cannot be asked for, so the contact's invoices of the day are
    # looked through: by fields that stay quick in a large organisation.
    day = document.issue_date
    where = f"Date==DateTime({day.year},{day.month:02},{day.day:02})"
    return {"ContactIDs": context.customer_id, "where": where} if context.customer_id else {}


def _numbered(document: Document, context: WriteContext) -> dict[str, str]:
    # The parameter is a list with commas.
    usable = document.number and "," not in document.number
    return {"InvoiceNumbers": document.number} if usable else {}


def _same_key(row: Row, subject: Any, context: WriteContext) -> bool:
    key = row.get("ContactNumber") or translate.key_in(row.get("Reference") or "")
    return bool(key == context.key)


def _same_number(row: Row, document: Document, context: WriteContext) -> bool:
    # A voided invoice holds its number too. Numbers of bills are the suppliers'.
    return bool(row.get("Type") == "ACCREC" and row.get("InvoiceNumber") == document.number)


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
    _find("key", "Contacts", _keyed, _same_key),
    _find("name", "Contacts", _named, _same_name),
)
FIND_INVOICES = (
    _find("key", "Invoices", _of_the_day, _same_key),
    _find("number", "Invoices", _numbered, _same_number),
)


# -- what must come back ----------------------------------------------------------------
def expect_contact(client: Client, context: WriteContext) -> Digest:
    """What a contact must come back as."""
    return translate.name_digest(display_name(context), context.key)


def expect_invoice(document: Document, context: WriteContext) -> Digest:
    """What an invoice must come back as. Its tax is Xero's to say: 0 here is no claim."""
    return Digest(
        number=document.number,
        currency=document.currency,
        net=document.total.amount,
        tax=Decimal(0),
        lines=len(document.lines),
        customer_id=context.customer_id,
        issue_date=document.issue_date,
        key=context.key,
    )
