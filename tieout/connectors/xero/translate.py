"""Xero's records as canonical facts. Pure: nothing is worked out that it says itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Held, Row
from tieout.connectors.fields import at
from tieout.connectors.xero import wire
from tieout.model import settlement as books
from tieout.model.document import DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money, is_currency

_LOOK = "look at it in Xero, then pull again"
_GONE = ("VOIDED", "DELETED")
#: Where each kind of credit keeps its id, and what Tieout calls it.
_CREDITS = {
    "CreditNoteID": "CreditNote",
    "OverpaymentID": "Overpayment",
    "PrepaymentID": "Prepayment",
}
#: In a list they are told of by the entry itself.
_SETTLING = ("PaymentID", *_CREDITS)


# -- lists ------------------------------------------------------------------------------
def entry(
    kind: books.ListKind, remote_id: str, code: str = "", **paths: str
) -> Callable[[wire.ListRow, SourceRef, Any], books.ListEntry]:
    """How a list's rows are read: the fields of the id documents are written with, of the code
    that is unique where names are not, and of the details."""

    def read(row: wire.ListRow, source: SourceRef, settings: Any) -> books.ListEntry:
        told = dict(row.model_extra or {}, Name=row.Name, Code=row.Code)
        status = told.get("ContactStatus") or told.get("Status") or "ACTIVE"
        name = row.Name or str(told.get(code) or "")
        return books.ListEntry(
            source=source,
            kind=kind,
            remote_id=str(told[remote_id]),
            name=name,
            full_name=str(told.get(code) or name),
            active=status == "ACTIVE" and told.get("IsSold") is not False,
            currency=str(told.get("DefaultCurrency") or ""),
            details={name: at(told, path) for name, path in paths.items()},
        )

    return read


def organisation(row: wire.ListRow, source: SourceRef, settings: Any) -> books.ListEntry:
    """The company, or how its books are set up: base currency, lock dates, tax."""
    told = row.model_extra or {}
    fields = _COMPANY if told["Part"] == "company" else _PREFERENCES
    details = {name: at(told, path) for name, path in fields.items()}
    for name in ("period_lock_date", "end_of_year_lock_date"):
        if moment := wire.instant(details.get(name)):
            details[name] = day = moment.date().isoformat()
            # Nothing is dated on the later of both, or before.
            details["book_close_date"] = max(day, str(details.get("book_close_date") or ""))
    return books.ListEntry(
        source=source,
        kind=books.ListKind(told["Part"]),
        remote_id=str(told["OrganisationID"]),
        name=row.Name,
        full_name=row.Name,
        currency=str(told["BaseCurrency"]),
        details=details,
    )


_COMPANY = {"country": "CountryCode", "edition": "Edition", "plan": "Class",
            "is_demo": "IsDemoCompany", "time_zone": "Timezone"}  # fmt: skip
_PREFERENCES = {"home_currency": "BaseCurrency", "period_lock_date": "PeriodLockDate",
                "end_of_year_lock_date": "EndOfYearLockDate", "pays_tax": "PaysTax",
                "default_sales_tax": "DefaultSalesTax", "tax_basis": "SalesTaxBasis"}  # fmt: skip


def option(row: wire.ListRow, source: SourceRef, settings: Any) -> books.ListEntry:
    """An option of a tracking category: a class or a department, as the settings say.

    Its remote id is both ids. Options of a category that stands for nothing are inactive.
    """
    told = row.model_extra or {}
    category = str(told["Category"])
    is_department = _same(category, settings.department_category)
    is_class = settings.class_category == "" or _same(category, settings.class_category)
    live = all(told.get(name, "ACTIVE") == "ACTIVE" for name in ("Status", "CategoryStatus"))
    return books.ListEntry(
        source=source,
        kind=books.ListKind.DEPARTMENT if is_department else books.ListKind.CLASS,
        remote_id=f"{told['TrackingCategoryID']}/{told['TrackingOptionID']}",
        name=row.Name,
        full_name=f"{category}:{row.Name}",
        parent_id=str(told["TrackingCategoryID"]),
        active=live and (is_department or is_class),
        details={"category": category},
    )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


# -- documents and money ----------------------------------------------------------------
def invoice(row: wire.Invoice, source: SourceRef, settings: Any) -> books.RemoteInvoice | Held:
    """An invoice as it stands now, with Xero's own tax."""
    settled = (*row.Payments, *row.CreditNotes, *row.Overpayments, *row.Prepayments)
    return _document(
        row,
        source,
        DocumentKind.INVOICE,
        (row.InvoiceID, row.InvoiceNumber),
        row.AmountDue,
        due_date=row.DueDate,
        linked_payments=tuple(_first(each, _SETTLING)[1] for each in settled),
    )


def credit_note(row: wire.Credit, source: SourceRef, settings: Any) -> books.RemoteInvoice | Held:
    """A credit note as it stands now; its balance is what no invoice has used yet."""
    named = row.CreditNoteID, row.CreditNoteNumber
    return _document(
        row, source, DocumentKind.CREDIT_NOTE, named, row.RemainingCredit, due_date=None
    )


def _document(
    row: wire.Document,
    source: SourceRef,
    kind: DocumentKind,
    named: tuple[str, str],
    balance: Decimal,
    **more: Any,
) -> books.RemoteInvoice | Held:
    remote_id, number = named
    if not is_currency(row.CurrencyCode):
        what = f"{kind.value.replace('_', ' ')} {number or remote_id}"
        return ledger.no_currency(what, row.CurrencyCode, _LOOK)
    return books.RemoteInvoice(
        kind=kind,
        source=source,
        remote_id=remote_id,
        revision=row.UpdatedDateUTC,
        number=number,
        customer_id=row.Contact.ContactID,
        issue_date=row.Date,
        total=Money(row.Total, row.CurrencyCode),
        tax=Money(row.TotalTax, row.CurrencyCode),
        balance=Money(balance, row.CurrencyCode),
        lines=tuple(_money_lines(row)),
        key=ledger.key_in(row.Reference),
        voided=row.Status in _GONE,
        **more,
    )


def carries_money(line: wire.Line) -> bool:
    """Whether a line is more than words: those are booked to no account."""
    return bool(line.AccountCode or line.AccountID or line.LineAmount)


def is_memo(line: wire.Line) -> bool:
    """Whether a document's last line is its memo: words, but none of a timesheet."""
    return not carries_money(line) and not ledger.is_bullet(line.Description)


def _money_lines(row: wire.Document) -> Iterator[books.RemoteLine]:
    for line in row.LineItems:
        if carries_money(line):
            yield books.RemoteLine(
                description=line.Description,
                quantity=line.Quantity,
                rate=line.UnitAmount,
                amount=line.LineAmount,
                item_id=line.ItemCode,
            )


def payment(row: wire.Payment, source: SourceRef, settings: Any) -> books.Payment | Held:
    """Money received for one invoice. One that was taken back keeps its amounts."""
    currency, what = row.Invoice.CurrencyCode, f"payment {row.Reference or row.PaymentID}"
    if not is_currency(currency):
        return ledger.no_currency(what, currency, _LOOK)
    return books.Payment(
        source=source,
        remote_id=row.PaymentID,
        revision=row.UpdatedDateUTC,
        customer_id=row.Invoice.Contact.ContactID,
        paid_on=row.Date,
        total=Money(row.Amount, currency),
        unapplied=Money(Decimal(0), currency),
        allocations=(_allocation(row.Invoice.InvoiceID, "Invoice", row.Amount),),
        reference=row.Reference,
        voided=row.Status in _GONE,
    )


def credit(row: wire.Credit, source: SourceRef, settings: Any) -> books.Payment | Held:
    """What settles invoices besides payments.

    An overpayment or a prepayment is money received. A credit note is not: it is a payment
    of 0, which sets the credit note against invoices.
    """
    field, remote_id = _first(row, tuple(_CREDITS))
    name = row.CreditNoteNumber or row.Reference
    if not is_currency(row.CurrencyCode):
        return ledger.no_currency(f"credit {name or remote_id}", row.CurrencyCode, _LOOK)
    used = [each for each in row.Allocations if not each.IsDeleted]
    allocations = [_allocation(each.Invoice.InvoiceID, "Invoice", each.Amount) for each in used]
    is_money = field != "CreditNoteID"
    if used and not is_money:
        whole = sum((each.Amount for each in used), Decimal(0))
        allocations.append(_allocation(remote_id, _CREDITS[field], whole))
    return books.Payment(
        source=source,
        remote_id=remote_id,
        revision=row.UpdatedDateUTC,
        customer_id=row.Contact.ContactID,
        paid_on=row.Date,
        total=Money(row.Total if is_money else Decimal(0), row.CurrencyCode),
        unapplied=Money(row.RemainingCredit if is_money else Decimal(0), row.CurrencyCode),
        allocations=tuple(allocations),
        reference=name,
        voided=row.Status in _GONE,
    )


def _first(row: wire.Wire, fields: tuple[str, ...]) -> tuple[str, str]:
    """The first of some fields that says something, with its value."""
    return next((name, value) for name in fields if (value := getattr(row, name)))


def _allocation(document: str, kind: str, amount: Decimal) -> books.Allocation:
    return books.Allocation(remote_document_id=document, document_type=kind, amount=amount)


# -- what we wrote, as it came back -----------------------------------------------------
def ref(row: Row) -> books.RemoteRef:
    """Xero's handle on what we wrote; the number of a contact is its name."""
    ids, names = ("InvoiceID", "CreditNoteID", "AllocationID", "ContactID"), (*_NUMBERS, "Name")
    return books.RemoteRef(
        remote_id=next(str(row[name]) for name in ids if row.get(name)),
        number=next((str(row[name]) for name in names if row.get(name)), ""),
        revision=str(row.get("UpdatedDateUTC") or ""),
    )


_NUMBERS = ("InvoiceNumber", "CreditNoteNumber")


def document_digest(row: Row) -> books.Digest:
    """What an invoice or a credit note says."""
    record = wire.Document.model_validate(row)
    return books.Digest(
        number=next((str(row[name]) for name in _NUMBERS if row.get(name)), ""),
        currency=record.CurrencyCode,
        net=record.Total - record.TotalTax,
        tax=record.TotalTax or Decimal(0),
        lines=len(list(_money_lines(record))),
        customer_id=record.Contact.ContactID,
        issue_date=record.Date,
        key=ledger.key_in(record.Reference),
    )


def void_digest(row: Row) -> books.Digest:
    """What an invoice says that was to be void; of one that is not, all that it comes to."""
    digest = document_digest(row)
    return ledger.void(digest) if row.get("Status") in _GONE else digest


def worded(row: Row) -> books.Digest:
    """What an invoice says, with the words and the due date that may be corrected."""
    record = wire.Invoice.model_validate(row)
    last = record.LineItems[-1] if record.LineItems else wire.Line()
    memo = last.Description if is_memo(last) else ""
    return replace(document_digest(row), key="", due_date=record.DueDate, memo=memo)


def allocation_digest(row: Row) -> books.Digest:
    """What an allocation says: how much of a credit note it sets against which invoice."""
    used = wire.Used.model_validate(row)
    return books.Digest(
        number=used.Invoice.InvoiceID,
        currency="",
        net=used.Amount,
        tax=Decimal(0),
        lines=1,
    )


def contact_digest(row: Row) -> books.Digest:
    """What a contact says."""
    return ledger.name_digest(str(row.get("Name") or ""), str(row.get("ContactNumber") or ""))
