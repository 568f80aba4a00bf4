"""Invoices and credit memos: number, terms, currency, totals, links (Intuit: Invoice reference)."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import faults, lines, payments, tax, timework
from tieout.sandbox.quickbooks.documents import set_balance, set_currency
from tieout.sandbox.quickbooks.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft


def prepare(books: Books, draft: Draft) -> None:
    """Complete a draft invoice or credit memo: everything QuickBooks Online computes."""
    row = draft.row
    if not row.get("CustomerRef"):
        raise faults.required("CustomerRef")
    customer = books.get("Customer", row["CustomerRef"]["value"])
    set_currency(books, draft, customer)
    _tracking(books, row)
    _tax_mode(books, row)
    tax.read_detail(draft)
    sums = lines.build(books, draft)
    row["Line"] = sums.lines
    row.setdefault("ApplyTaxAfterDiscount", False)
    total = sums.subtotal - sums.discount
    total += tax.settle_tax(books, row, sums.bases, sums.discount)
    if total < 0:
        raise faults.rule("Transaction amount must be 0 or greater")
    row["TotalAmt"] = total
    _due(books, draft, customer)
    _numbered(books, draft)
    _contact(draft, customer)
    document = (draft.entity, row.get("Id", ""))
    settled = books.applied_to(document)
    if draft.entity == "Invoice":
        _invoice_only(books, draft)
    if settled > total - row.get("Deposit", ZERO):
        raise faults.rule("The amount is less than the payments applied to this transaction")
    if settled and draft.old and draft.old["CustomerRef"]["value"] != customer["Id"]:
        raise faults.rule("The customer of a transaction with payments cannot be changed")
    set_balance(books, draft.entity, row)


def _invoice_only(books: Books, draft: Draft) -> None:
    row = draft.row
    if not row.get("Deposit"):
        row.pop("Deposit", None)
    elif not books.settings.allow_deposit:
        raise faults.rule("Deposits are turned off for this company")
    elif row["Deposit"] > row["TotalAmt"]:
        raise faults.rule("The deposit is more than the total")
    for name in ("IPN", "Online", "OnlineCreditCard", "OnlineACH"):
        row.setdefault(f"Allow{name}Payment", False)
    if row.get("EmailStatus") == "NeedToSend" and not row.get("BillEmail"):
        raise faults.ApiFault(6420, "Missing email", "NeedToSend needs a BillEmail.")
    timework.claim(books, draft)


def _tracking(books: Books, row: Row) -> None:
    settings = books.settings
    if row.get("ClassRef") and not settings.class_per_txn:
        if not settings.class_per_line:
            raise faults.not_in_plan("Class tracking")
        del row["ClassRef"]
    if row.get("DepartmentRef") and not settings.track_departments:
        raise faults.not_in_plan("Location tracking")


def _tax_mode(books: Books, row: Row) -> None:
    if books.settings.us:
        row.pop("GlobalTaxCalculation", None)
    else:
        row.setdefault("GlobalTaxCalculation", "TaxExcluded")


def _due(books: Books, draft: Draft, customer: Row) -> None:
    row, old = draft.row, draft.old
    if draft.entity == "CreditMemo":
        row.pop("DueDate", None)
        return
    if old is None and "SalesTermRef" not in row and "DueDate" not in row:
        default = customer.get("SalesTermRef")
        if default:
            row["SalesTermRef"] = default
    moved = old is not None and draft.changed("SalesTermRef")
    if "DueDate" in draft.sent or ("DueDate" in row and not moved):
        return
    reference = row.get("SalesTermRef")
    term = books.get("Term", reference["value"]) if reference else {"DueDays": 0}
    row["DueDate"] = due_date(date.fromisoformat(row["TxnDate"]), term).isoformat()


def due_date(issued: date, term: Row) -> date:
    """The day a document falls due under a term: days after issue, or a day of the month."""
    if term.get("DayOfMonthDue") is None:
        return issued + timedelta(days=term.get("DueDays") or 0)
    due = _day_of_month(issued.year, issued.month, term["DayOfMonthDue"])
    if due < issued or (due - issued).days < (term.get("DueNextMonthDays") or 0):
        following = issued.replace(day=28) + timedelta(days=4)
        due = _day_of_month(following.year, following.month, term["DayOfMonthDue"])
    return due


def _day_of_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _numbered(books: Books, draft: Draft) -> None:
    row, settings = draft.row, books.settings
    automatic = row.pop("AutoDocNumber", False) or row.get("DocNumber") == "AUTO_GENERATE"
    given = row.get("DocNumber")
    if automatic or (not given and not settings.custom_txn_numbers and draft.old is None):
        while books.numbered(draft.entity, str(books.next_number)):
            books.next_number += 1
        row["DocNumber"] = str(books.next_number)
        books.next_number += 1
        return
    if not given and draft.old is not None and not settings.custom_txn_numbers:
        row["DocNumber"] = draft.old.get("DocNumber")
        return
    checked = settings.custom_txn_numbers and settings.warn_duplicate_numbers
    if not given or not checked or "allowduplicatedocnum" in draft.include:
        return
    for other in books.numbered(draft.entity, given):
        same = books.get(draft.entity, other)["DocNumber"] == given
        if other != row.get("Id") and same:
            raise faults.duplicate_number(given, draft.entity, other)


def _contact(draft: Draft, customer: Row) -> None:
    row = draft.row
    for name in ("BillAddr", "ShipAddr"):
        if name not in row and name in customer and draft.old is None:
            row[name] = dict(customer[name])
    row.setdefault("PrintStatus", "NeedToPrint")
    row.setdefault("EmailStatus", "NotSet")


# -- after the commit ----------------------------------------------------------------
def settle(books: Books, draft: Draft, row: Row) -> None:
    """Mark linked time as billed; apply old money when the company says so."""
    timework.mark(books, draft, row)
    if draft.old is None:
        payments.auto_apply(books, row)


def release(books: Books, entity: str, row: Row) -> None:
    """Before a void or delete: refuse when money is applied, or take it off again.

    Reports go both ways; `Settings.linked_documents` chooses.
    """
    document = (entity, row["Id"])
    if books.applied.get(document):
        if books.settings.linked_documents == "refuse":
            raise faults.rule(
                "You cannot change this transaction: payments or credits are linked to it. "
                "Unlink them first."
            )
        payments.unlink(books, document)
    timework.free(books, row.get("_time", []))


def voided(row: Row) -> Row:
    """The next revision of an invoice when it is voided: zeros, and a note that says so."""
    void = dict(row)
    void["Line"] = [_zeroed(line) for line in row["Line"]]
    void["TxnTaxDetail"] = {"TotalTax": ZERO}
    for name in ("TotalAmt", "Balance", "HomeTotalAmt", "HomeBalance"):
        if name in row:
            void[name] = ZERO
    void.pop("Deposit", None)
    void["PrivateNote"] = ("Voided " + row.get("PrivateNote", "")).strip()
    void["LinkedTxn"] = []
    void["_time"] = []
    void["_tax_total"] = void["_tax_lines"] = None
    return void


def _zeroed(line: Row) -> Row:
    zeroed = dict(line)
    if "Amount" in line:
        zeroed["Amount"] = ZERO
    detail = line.get("SalesItemLineDetail")
    if detail is not None:
        changed = {name: ZERO for name in ("Qty", "UnitPrice", "TaxInclusiveAmt") if name in detail}
        zeroed["SalesItemLineDetail"] = {**detail, **changed}
    return zeroed
