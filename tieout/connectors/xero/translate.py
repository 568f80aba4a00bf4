"""Xero's records as canonical facts. Pure: nothing is worked out that it says itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tieout.connectors.base import Held, Row
from tieout.connectors.xero import wire
from tieout.model import settlement as books
from tieout.model.ids import SourceRef
from tieout.model.money import Money, is_currency

_KEY = re.compile(r"\[tieout:([^\]\s]+)\]")
_GONE = ("VOIDED", "DELETED")
#: Where each kind of credit keeps its id, and what Tieout calls it.
_CREDITS = {
    "CreditNoteID": "CreditNote",
    "OverpaymentID": "Overpayment",
    "PrepaymentID": "Prepayment",
}
#: In a list they are told of by the entry itself.
_SETTLING = ("PaymentID", *_CREDITS)


def mark(key: str) -> str:
    """How our key is written into a reference that people may read."""
    return f"[tieout:{key}]"


def key_in(text: str) -> str:
    """Our key in a reference, "" when there is none."""
    found = _KEY.search(text)
    return found[1] if found else ""


# -- lists ------------------------------------------------------------------------------
Reader = Callable[[wire.ListRow, SourceRef, Any], books.ListEntry]


def entry(kind: books.ListKind, remote_id: str, code: str, paths: dict[str, str]) -> Reader:
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
            details={name: _at(told, path) for name, path in paths.items()},
        )

    return read


def organisation(row: wire.ListRow, source: SourceRef, settings: Any) -> books.ListEntry:
    """The company, or how its books are set up: base currency, lock dates, tax."""
    told = row.model_extra or {}
    fields = _COMPANY if told["Part"] == "company" else _PREFERENCES
    details = {name: _at(told, path) for name, path in fields.items()}
    for name in ("period_lock_date", "end_of_year_lock_date"):
        if moment := wire.instant(details.get(name)):
            details[name] = moment.date().isoformat()
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


def _at(value: Any, path: str) -> str | int | bool | Decimal | None:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str | int | Decimal) else None


# -- documents and money ----------------------------------------------------------------
def invoice(row: wire.Invoice, source: SourceRef, settings: Any) -> books.RemoteInvoice | Held:
    """An invoice as it stands now, with Xero's own tax."""
    if not is_currency(row.CurrencyCode):
        return _no_currency(f"invoice {row.InvoiceNumber or row.InvoiceID}", row.CurrencyCode)
    settled = (*row.Payments, *row.CreditNotes, *row.Overpayments, *row.Prepayments)
    return books.RemoteInvoice(
        source=source,
        remote_id=row.InvoiceID,
        revision=row.UpdatedDateUTC,
        number=row.InvoiceNumber,
        customer_id=row.Contact.ContactID,
        issue_date=row.Date,
        due_date=row.DueDate,
        total=Money(row.Total, row.CurrencyCode),
        tax=Money(row.TotalTax, row.CurrencyCode),
        balance=Money(row.AmountDue, row.CurrencyCode),
        lines=tuple(_money_lines(row)),
        key=key_in(row.Reference),
        voided=row.Status in _GONE,
        linked_payments=tuple(_first(each, _SETTLING)[1] for each in settled),
    )


def _money_lines(row: wire.Invoice) -> Iterator[books.RemoteLine]:
    """Lines that carry money; those of words alone are booked to no account."""
    for line in row.LineItems:
        if line.AccountCode or line.AccountID or line.LineAmount:
            yield books.RemoteLine(
                description=line.Description,
                quantity=line.Quantity,
                rate=line.UnitAmount,
                amount=line.LineAmount,
                item_id=line.ItemCode,
            )


def payment(row: wire.Payment, source: SourceRef, settings: Any) -> books.Payment | Held:
    """Money received for one invoice. One that was taken back keeps its amounts."""
    currency = row.Invoice.CurrencyCode
    if not is_currency(currency):
        return _no_currency(f"payment {row.Reference or row.PaymentID}", currency)
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
        return _no_currency(f"credit {name or remote_id}", row.CurrencyCode)
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


def _no_currency(what: str, code: str) -> Held:
    return Held(
        reason="currency_missing",
        text=f"{what} has the currency {code!r}" if code else f"{what} names no currency",
        what_to_do="look at it in Xero, then pull again",
    )


# -- what we wrote, as it came back -----------------------------------------------------
def ref(row: Row) -> books.RemoteRef:
    """Xero's handle on what we wrote; the number of a contact is its name."""
    return books.RemoteRef(
        remote_id=str(row.get("InvoiceID") or row["ContactID"]),
        number=str(row.get("InvoiceNumber") or row.get("Name") or ""),
        revision=str(row.get("UpdatedDateUTC") or ""),
    )


def invoice_digest(row: Row) -> books.Digest:
    """What an invoice says."""
    record = wire.Invoice.model_validate(row)
    return books.Digest(
        number=record.InvoiceNumber,
        currency=record.CurrencyCode,
        net=record.Total - record.TotalTax,
        tax=record.TotalTax or Decimal(0),
        lines=len(list(_money_lines(record))),
        customer_id=record.Contact.ContactID,
        issue_date=record.Date,
        key=key_in(record.Reference),
    )


def contact_digest(row: Row) -> books.Digest:
    """What a contact says."""
    return name_digest(str(row.get("Name") or ""), str(row.get("ContactNumber") or ""))


def name_digest(name: str, key: str) -> books.Digest:
    """A contact: its name as the number, no money. Its contact number is our key."""
    zero = Decimal(0)
    return books.Digest(number=name, currency="", net=zero, tax=zero, lines=0, key=key)
