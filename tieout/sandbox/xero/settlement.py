"""Money and credits: payments, batches of them, and credits used on invoices.

Every function raises `Invalid` with what is wrong and changes nothing then.
Amounts are in the currency of the document.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.xero import errors, fields
from tieout.sandbox.xero.documents import check_lock
from tieout.sandbox.xero.errors import Invalid, Problems
from tieout.sandbox.xero.store import ID_FIELDS, Document
from tieout.sandbox.xero.wire import ZERO, Row, cents, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

CREDITS = ("CreditNotes", "Overpayments", "Prepayments")
#: What a payment can pay: the key in its body, the resource, its number, and the payment's type.
_PAYABLE = (
    ("Invoice", "Invoices", "InvoiceNumber"),
    ("CreditNote", "CreditNotes", "CreditNoteNumber"),
    ("Overpayment", "Overpayments", ""),
    ("Prepayment", "Prepayments", ""),
)
PAYMENT_TYPES = {
    "ACCREC": "ACCRECPAYMENT", "ACCPAY": "ACCPAYPAYMENT", "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT", "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "RECEIVE-PREPAYMENT": "ARPREPAYMENTPAYMENT",
}  # fmt: skip
NOT_DELETABLE = "Payment not of valid status for modification"


# -- what follows from payments and credits -------------------------------------------------
def settle(books: Books, resource: str, row_id: str, *, bump: bool = True) -> Row:
    """Store what is due or left of a document now."""
    return books.put(resource, settled(books, resource, books.get(resource, row_id)), bump=bump)


def settled(books: Books, resource: str, row: Row) -> Row:
    """A document with what is due or left of it, and the status that follows."""
    row_id = row.get(ID_FIELDS[resource], "")
    paid = books.paid_on((resource, row_id))
    taken = sum((each["Amount"] for each in paid), ZERO)
    dates = [each["Date"] for each in paid]
    uses = row["_uses"]
    if resource == "Invoices":
        uses = [use for _, _, use in books.used_on(row_id)]
    dates += [use["Date"] for use in uses]
    used = sum((use["Amount"] for use in uses), ZERO)
    left = row["Total"] - taken - used
    shown = cents(left if row["Status"] in _COUNTED else ZERO)
    if resource == "Invoices":
        found = {"AmountPaid": cents(taken), "AmountCredited": cents(used), "AmountDue": shown}
    else:
        found = {"RemainingCredit": shown}
    changed = {**row, **found}
    if row["Status"] in ("AUTHORISED", "PAID"):
        changed["Status"] = "AUTHORISED" if left else "PAID"
        changed["FullyPaidOnDate"] = None if left else max(dates, default=row["Date"])
    return changed


_COUNTED = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID")


# -- payments ----------------------------------------------------------------------------
def pay(books: Books, sent: Row, *, batch: str = "", promised: Decimal = ZERO) -> Row:
    """A payment on one document. Raises `Invalid`.

    `promised` is what the batch that is being made pays on the same document already.
    """
    row = _payment(books, sent, promised)
    if batch:
        row["_batch"] = batch
    stored = books.put("Payments", row)
    books.link(stored)
    bump = books.settings.payments_bump
    settle(books, *row["_target"], bump=bump)
    return stored


def _payment(books: Books, sent: Row, promised: Decimal = ZERO) -> Row:
    """The payment as it would be stored. Raises `Invalid`."""
    problems = Problems()
    target = _target(books, sent)
    if target is None:
        raise Invalid("A valid invoice, credit note, prepayment or overpayment must be specified")
    document = books.get(*target)
    account = paying_account(books, fields.part(sent, "Account") or {}, problems)
    amount = fields.number(sent, "Amount")
    if amount is None or amount <= 0:
        problems.add("Payment amount must be greater than zero")
    amount = cents(amount or ZERO)
    if document["Status"] not in ("AUTHORISED", "PAID"):
        problems.add("Payments can only be made against Authorised documents")
    elif amount + promised > books.outstanding(document):
        problems.add(errors.OVERPAID)
    day = fields.day(sent, "Date") or books.today()
    check_lock(books, problems, day)
    problems.stop()
    rate = _rate(books, document, day, fields.number(sent, "CurrencyRate"))
    return {
        "Date": day,
        "Amount": amount,
        "Reference": fields.text(sent, "Reference") or "",
        "CurrencyRate": rate,
        "BankAmount": _bank_amount(books, account, document, amount, rate),
        "PaymentType": PAYMENT_TYPES[document["Type"]],
        "Status": "AUTHORISED",
        "IsReconciled": fields.flag(sent, "IsReconciled") or False,
        "_account": account["AccountID"],
        "_target": target,
    }


def _target(books: Books, sent: Row) -> Document | None:
    """The document a payment names, None when it names none that is there."""
    for key, resource, number_field in _PAYABLE:
        named = fields.part(sent, key)
        if named is None:
            continue
        row_id = fields.guid(named, ID_FIELDS[resource])
        if row_id is not None:
            return (resource, row_id) if books.find(resource, row_id) else None
        number = fields.text(named, number_field) if number_field else None
        found = books.numbered(resource, number) if number else []
        return (resource, found[-1][ID_FIELDS[resource]]) if found else None
    for _, resource, number_field in _PAYABLE[:2]:
        number = fields.text(sent, number_field)
        found = books.numbered(resource, number) if number else []
        if found:
            return resource, found[-1][ID_FIELDS[resource]]
    return None


def paying_account(books: Books, named: Row, problems: Problems) -> Row:
    """The account money goes to: a bank account, or one that payments are enabled for."""
    account_id, code = fields.guid(named, "AccountID"), fields.text(named, "Code")
    found = books.find("Accounts", account_id) if account_id else books.account(code or "")
    if found is None or found["Status"] != "ACTIVE":
        problems.add("Account must be valid.")
        return {"AccountID": "", "Type": "BANK"}
    if found["Type"] != "BANK" and not found["EnablePaymentsToAccount"]:
        shown = found.get("Code", "")
        problems.add(f"Account code '{shown}' is not a valid code for this document.")
    return found


def _rate(books: Books, document: Row, day: date, sent: Decimal | None) -> Decimal:
    if document["CurrencyCode"] == books.settings.base_currency:
        return Decimal("1.000000")
    return places(sent or books.rate_on(document["CurrencyCode"], day), 6)


def _bank_amount(
    books: Books, account: Row, document: Row, amount: Decimal, rate: Decimal
) -> Decimal:
    held = account.get("CurrencyCode", books.settings.base_currency)
    return amount if held == document["CurrencyCode"] else cents(amount / rate)


def delete_payment(books: Books, payment_id: str, sent: Row, *, of_batch: bool = False) -> Row:
    """Take a payment back: what it paid is due again. Raises `Invalid`."""
    row = books.get("Payments", payment_id)
    if fields.text(sent, "Status") != "DELETED" or row["Status"] == "DELETED":
        raise Invalid(NOT_DELETABLE)
    if row.get("_batch") and not of_batch:
        raise Invalid("A payment that is part of a batch payment cannot be deleted on its own")
    if row["IsReconciled"]:
        raise Invalid("A reconciled payment cannot be deleted")
    problems = Problems()
    check_lock(books, problems, row["Date"])
    problems.stop()
    stored = books.put("Payments", {**row, "Status": "DELETED"})
    settle(books, *row["_target"], bump=books.settings.payments_bump)
    return stored


# -- batch payments ----------------------------------------------------------------------
def pay_batch(books: Books, sent: Row) -> Row:
    """One transfer that pays several invoices. Raises `Invalid`; then none of them is paid."""
    problems = Problems()
    members = fields.parts(sent, "Payments") or []
    if not members:
        problems.add("A batch payment must contain at least one payment")
    account = paying_account(books, fields.part(sent, "Account") or {}, problems)
    day = fields.day(sent, "Date") or books.today()
    check_lock(books, problems, day)
    problems.stop()
    shared = {"Account": {"AccountID": account["AccountID"]}, "Date": day.isoformat()}
    bodies = [{**each, **shared} for each in members]
    promised: dict[Document, Decimal] = {}
    kinds = set()
    for body in bodies:
        row = _payment(books, body, promised.get(_target(books, body) or ("", ""), ZERO))
        promised[row["_target"]] = promised.get(row["_target"], ZERO) + row["Amount"]
        kinds.add(row["PaymentType"])
    if not kinds <= {"ACCRECPAYMENT"} and not kinds <= {"ACCPAYPAYMENT"}:
        raise Invalid("A batch payment can only contain payments of one type")
    batch_id = books.new_id()
    ids = [pay(books, body, batch=batch_id)["PaymentID"] for body in bodies]
    return books.put(
        "BatchPayments",
        {
            "BatchPaymentID": batch_id,
            "Date": day,
            "Reference": fields.text(sent, "Reference") or "",
            "Narrative": fields.text(sent, "Narrative") or "",
            "Type": "RECBATCH" if kinds == {"ACCRECPAYMENT"} else "PAYBATCH",
            "Status": "AUTHORISED",
            "TotalAmount": cents(sum(promised.values(), ZERO)),
            "IsReconciled": False,
            "_account": account["AccountID"],
            "_payments": tuple(ids),
        },
    )


def delete_batch(books: Books, batch_id: str, sent: Row) -> Row:
    """Take a batch and all its payments back. Raises `Invalid`."""
    row = books.get("BatchPayments", batch_id)
    if fields.text(sent, "Status") != "DELETED" or row["Status"] == "DELETED":
        raise Invalid("Batch payment not of valid status for modification")
    members = [books.get("Payments", each) for each in row["_payments"]]
    if row["IsReconciled"] or any(each["IsReconciled"] for each in members):
        raise Invalid("A reconciled payment cannot be deleted")
    problems = Problems()
    check_lock(books, problems, row["Date"])
    problems.stop()
    for each in members:
        delete_payment(books, each["PaymentID"], {"Status": "DELETED"}, of_batch=True)
    return books.put("BatchPayments", {**row, "Status": "DELETED"})


# -- credits -----------------------------------------------------------------------------
def allocate(books: Books, credit: Document, sent: Row) -> Row:
    """Use a credit note, overpayment or prepayment on an invoice. Raises `Invalid`."""
    resource, _credit_id = credit
    row = books.get(*credit)
    named = fields.part(sent, "Invoice") or {}
    found = _target(books, {"Invoice": named}) if named else None
    if found is None:
        raise Invalid("A valid invoice must be specified")
    invoice = books.get(*found)
    problems = Problems()
    amount = fields.number(sent, "Amount")
    if amount is None or amount <= 0:
        problems.add("Allocation amount must be greater than zero")
    amount = cents(amount or ZERO)
    if row["Status"] != "AUTHORISED" or invoice["Status"] not in ("AUTHORISED", "PAID"):
        problems.add("Only authorised documents can be allocated")
    if row["CurrencyCode"] != invoice["CurrencyCode"]:
        problems.add("The credit and the invoice must be in the same currency")
    if row["_contact"] != invoice["_contact"]:
        problems.add("The credit and the invoice must be for the same contact")
    if not problems.messages and amount > row["RemainingCredit"]:
        problems.add("Allocation amount exceeds the remaining credit")
    if not problems.messages and amount > invoice["AmountDue"]:
        problems.add("Allocation amount exceeds the amount outstanding on this document")
    day = fields.day(sent, "Date") or books.today()
    check_lock(books, problems, day)
    problems.stop()
    use = {
        "AllocationID": books.new_id(),
        "Amount": amount,
        "Date": day,
        "_invoice": invoice["InvoiceID"],
    }
    books.put(resource, settled(books, resource, {**row, "_uses": (*row["_uses"], use)}))
    books.link_credit(invoice["InvoiceID"], credit)
    settle(books, "Invoices", invoice["InvoiceID"])
    return use


def unallocate(books: Books, credit: Document, allocation_id: str) -> Row:
    """Take a credit back from an invoice. Raises `Missing` or `Invalid`."""
    resource, _credit_id = credit
    row = books.get(*credit)
    uses: tuple[Row, ...] = row["_uses"]
    use = next((each for each in uses if each["AllocationID"] == allocation_id), None)
    if use is None:
        raise errors.Missing(allocation_id)
    problems = Problems()
    check_lock(books, problems, use["Date"])
    problems.stop()
    kept = tuple(each for each in uses if each is not use)
    books.put(resource, settled(books, resource, {**row, "_uses": kept}))
    settle(books, "Invoices", use["_invoice"])
    return use


def receive_credit(books: Books, resource: str, values: Row) -> Row:
    """An overpayment or a prepayment, as a bank transaction makes it (there is no other way)."""
    kind = {"Overpayments": "RECEIVE-OVERPAYMENT", "Prepayments": "RECEIVE-PREPAYMENT"}[resource]
    amount: Decimal = cents(values["Amount"])
    code = values.get("CurrencyCode", books.settings.base_currency)
    line = {
        "LineItemID": books.new_id(),
        "Description": values.get("Reference") or kind.partition("-")[2].title(),
        "Quantity": Decimal("1.0000"),
        "UnitAmount": amount,
        "LineAmount": amount,
        "TaxAmount": cents(ZERO),
        "TaxType": "NONE",
        "AccountCode": books.system_account("DEBTORS")["Code"],
        "Tracking": [],
    }
    day = values.get("Date") or books.today()
    row: Row = {
        "Type": kind,
        "Status": "AUTHORISED",
        "Date": day,
        "Reference": values.get("Reference", ""),
        "LineAmountTypes": "NoTax",
        "LineItems": [line],
        "SubTotal": amount,
        "TotalTax": cents(ZERO),
        "Total": amount,
        "RemainingCredit": amount,
        "CurrencyCode": code,
        "CurrencyRate": places(books.rate_on(code, day), 6),
        "HasAttachments": False,
        "_contact": values["ContactID"],
        "_uses": (),
    }
    return books.put(resource, row)
