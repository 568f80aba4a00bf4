"""Rows as the API shows them: which fields, in which order, how much of what they refer to.

`full` is one object, a page, or the answer to a write; `list` is an unpaged
list, without lines; `summary` is `summaryOnly=true`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tieout.sandbox.xero.store import ID_FIELDS, Document
from tieout.sandbox.xero.wire import ZERO, Row, cents, date_twin, instant_twin, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

View = Literal["full", "list", "summary"]

_INVOICE = (
    "Type", "InvoiceID", "InvoiceNumber", "Reference", "Url", "AmountDue", "AmountPaid",
    "AmountCredited", "SentToContact", "CurrencyRate", "HasAttachments",
)  # fmt: skip
_NOTE = (
    "CreditNoteID", "CreditNoteNumber", "Reference", "RemainingCredit", "SentToContact",
    "CurrencyRate", "HasAttachments", "Type",
)  # fmt: skip
_SUMS = ("SubTotal", "TotalTax", "Total", "TotalDiscount")
_LINE = (
    "ItemCode", "Description", "UnitAmount", "TaxType", "TaxAmount", "LineAmount", "AccountCode",
    "AccountID", "Quantity", "DiscountRate", "DiscountAmount", "LineItemID",
)  # fmt: skip
_PAYMENT = (
    "PaymentID", "Date", "BankAmount", "Amount", "Reference", "CurrencyRate", "PaymentType",
    "Status", "UpdatedDateUTC", "IsReconciled",
)  # fmt: skip
_CONTACT = (
    "ContactNumber", "AccountNumber", "ContactStatus", "Name", "FirstName", "LastName",
    "CompanyNumber", "EmailAddress", "BankAccountDetails", "TaxNumber", "Website",
    "AccountsReceivableTaxType", "AccountsPayableTaxType", "SalesDefaultAccountCode",
    "PurchasesDefaultAccountCode", "DefaultCurrency", "MergedToContactID",
)  # fmt: skip
_CONTACT_SUMMARY = (
    "ContactID", "ContactNumber", "AccountNumber", "ContactStatus", "Name", "EmailAddress",
    "UpdatedDateUTC", "MergedToContactID",
)  # fmt: skip


def show(books: Books, resource: str, row: Row, view: View = "full", unitdp: int = 4) -> Row:
    """A row of any resource as it is answered."""
    if resource == "Invoices":
        return invoice(books, row, view, unitdp)
    if resource == "CreditNotes":
        return credit_note(books, row, view, unitdp)
    if resource in ("Overpayments", "Prepayments"):
        return received(books, resource, row, view, unitdp)
    if resource == "Contacts":
        return contact(books, row, view)
    if resource == "Payments":
        return payment(books, row, view, unitdp)
    if resource == "BatchPayments":
        return batch(books, row)
    if resource == "Items":
        return item(row, unitdp)
    return public(row)


def public(row: Row) -> Row:
    """A row without private keys and without empty fields."""
    return {key: value for key, value in row.items() if key[0] != "_" and value is not None}


def _picked(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row[name] for name in names if row.get(name) is not None}


def _updated(row: Row) -> Row:
    instant = row["UpdatedDateUTC"]
    return {"UpdatedDateUTC": instant, "UpdatedDateUTCString": instant_twin(instant)}


def _dates(row: Row, *names: str) -> Row:
    found: Row = {}
    for name in names:
        if row.get(name) is not None:
            found[f"{name}String"] = date_twin(row[name])
            found[name] = row[name]
    return found


# -- documents ---------------------------------------------------------------------------
def invoice(books: Books, row: Row, view: View, unitdp: int) -> Row:
    shown = _picked(row, _INVOICE)
    shown["IsDiscounted"] = "TotalDiscount" in row
    shown["HasErrors"] = False
    shown["Contact"] = _contact_of(books, row, view)
    shown |= _dates(row, "Date", "DueDate", "PlannedPaymentDate", "ExpectedPaymentDate")
    shown |= {"Status": row["Status"], "LineAmountTypes": row["LineAmountTypes"]}
    if view != "summary":
        document = ("Invoices", row["InvoiceID"])
        shown["Payments"] = [_paid(each) for each in books.paid_on(document)]
        shown |= _credits(books, row)
        shown["LineItems"] = lines(books, row, view, unitdp)
        shown["InvoiceAddresses"] = []
    if view == "full":
        shown |= _attachments(books, row, "InvoiceID")
    shown |= _picked(row, (*_SUMS, "CurrencyCode", "BrandingThemeID")) | _updated(row)
    if row.get("FullyPaidOnDate") is not None:
        shown["FullyPaidOnDate"] = row["FullyPaidOnDate"]
    return shown


def credit_note(books: Books, row: Row, view: View, unitdp: int) -> Row:
    shown = _picked(row, _NOTE) | {"ID": row["CreditNoteID"], "HasErrors": False}
    shown["AppliedAmount"] = cents(sum((use["Amount"] for use in row["_uses"]), ZERO))
    return shown | _credit(books, "CreditNotes", row, view, unitdp)


def received(books: Books, resource: str, row: Row, view: View, unitdp: int) -> Row:
    """An overpayment or a prepayment."""
    row_id = row[ID_FIELDS[resource]]
    names = ("Type", "Reference", "RemainingCredit", "CurrencyRate", "HasAttachments")
    shown = {ID_FIELDS[resource]: row_id, "ID": row_id, **_picked(row, names)}
    return shown | _credit(books, resource, row, view, unitdp)


def _credit(books: Books, resource: str, row: Row, view: View, unitdp: int) -> Row:
    document = (resource, row[ID_FIELDS[resource]])
    shown: Row = {"Allocations": [allocation(books, use) for use in row["_uses"]]}
    shown["Payments"] = [_paid(each) for each in books.paid_on(document)]
    shown["Contact"] = _contact_of(books, row, view)
    shown |= _dates(row, "Date", "DueDate")
    shown |= {"Status": row["Status"], "LineAmountTypes": row["LineAmountTypes"]}
    shown["LineItems"] = lines(books, row, view, unitdp)
    if view == "full":
        shown |= _attachments(books, row, ID_FIELDS[resource])
    shown |= _picked(row, (*_SUMS, "CurrencyCode", "BrandingThemeID"))
    if resource == "CreditNotes":  # the others have no such field
        shown |= _picked(row, ("FullyPaidOnDate",))
    return shown | _updated(row)


def lines(books: Books, row: Row, view: View, unitdp: int) -> list[Row]:
    if view != "full":
        return []
    mode = books.settings.rounding_mode
    found = []
    for line in row["LineItems"]:
        shown = _picked(line, _LINE)
        if "UnitAmount" in shown:
            shown["UnitAmount"] = places(shown["UnitAmount"], unitdp, mode)
        shown["Tracking"] = line["Tracking"]
        item_row = books.item(line["ItemCode"]) if line.get("ItemCode") else None
        if item_row is not None:
            shown["Item"] = _picked(item_row, ("ItemID", "Name", "Code"))
        found.append({**shown, "ValidationErrors": []})
    return found


def _attachments(books: Books, row: Row, id_field: str) -> Row:
    found = books.attached.get(row[id_field], ())
    if not found:
        return {}
    return {
        "Attachments": [
            {"AttachmentID": each.id, "FileName": each.name, "MimeType": each.mime,
             "ContentLength": len(each.content)}
            for each in found
        ]
    }  # fmt: skip


def _contact_of(books: Books, row: Row, view: View) -> Row:
    found = books.get("Contacts", row["_contact"])
    if view != "full":
        return {**_picked(found, ("ContactID", "Name")), "HasValidationErrors": False}
    shown = contact(books, found, "summary")
    lists = {"Addresses": found["Addresses"], "Phones": found["Phones"]}
    return {**shown, **lists, "ContactGroups": [], "ContactPersons": []}


def _paid(row: Row) -> Row:
    names = ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")
    shown = _picked(row, names)
    if row.get("_batch"):
        shown["BatchPaymentID"] = row["_batch"]
    return {**shown, "HasAccount": True, "HasValidationErrors": False}


def _credits(books: Books, row: Row) -> Row:
    """The credit notes, overpayments and prepayments that an invoice was paid with."""
    found: Row = {"CreditNotes": [], "Prepayments": [], "Overpayments": []}
    for resource, credit, use in books.used_on(row["InvoiceID"]):
        names = (ID_FIELDS[resource], "CreditNoteNumber", "Type", "Reference", "CurrencyRate")
        shown = _picked(credit, names)
        shown["ID"] = credit[ID_FIELDS[resource]]
        shown |= {"AppliedAmount": use["Amount"], **_dates(use, "Date"), "Total": credit["Total"]}
        found[resource].append({**shown, "LineItems": [], "HasErrors": False})
    return found


def allocation(books: Books, use: Row) -> Row:
    target = books.get("Invoices", use["_invoice"])
    shown = _picked(use, ("AllocationID", "Amount", "Date"))
    named = _picked(target, ("InvoiceID", "InvoiceNumber"))
    return {**shown, "Invoice": named, "IsDeleted": False}


# -- money -------------------------------------------------------------------------------
def payment(books: Books, row: Row, view: View, unitdp: int) -> Row:
    shown = _picked(row, _PAYMENT) | _updated(row)
    account = books.find("Accounts", row["_account"]) or {}
    shown["Account"] = _picked(account, ("AccountID", "Code", "Name"))
    shown |= {"HasAccount": True, "HasValidationErrors": False}
    if row.get("_batch"):
        shown["BatchPaymentID"] = row["_batch"]
        shown["BatchPayment"] = _inner_batch(books, row["_batch"], account)
    shown["Invoice"] = _paid_document(books, row["_target"], view, unitdp)
    return shown


def _paid_document(books: Books, target: Document, view: View, unitdp: int) -> Row:
    """What a payment pays, always under `Invoice`: a refund shows the credit note there."""
    resource, row_id = target
    row = books.get(resource, row_id)
    if resource == "Invoices":
        return invoice(books, row, view, unitdp)
    kinds = {"Overpayments": "AROVERPAYMENT", "Prepayments": "ARPREPAYMENT"}
    shown: Row = {"Type": kinds.get(resource, row["Type"]), "InvoiceID": row_id}
    shown["InvoiceNumber"] = row.get("CreditNoteNumber", "")
    shown |= {"AmountDue": row["RemainingCredit"], "Contact": _contact_of(books, row, "list")}
    shown |= _dates(row, "Date") | _picked(row, ("Status", "LineAmountTypes", *_SUMS))
    return {**shown, "CurrencyCode": row["CurrencyCode"], "CurrencyRate": row["CurrencyRate"]}


def _inner_batch(books: Books, batch_id: str, account: Row) -> Row:
    """The batch inside a payment: its total and flag are text there (Xero's own examples)."""
    row = books.get("BatchPayments", batch_id)
    shown = {"Account": _picked(account, ("AccountID", "Code", "Name")), "BatchPaymentID": batch_id}
    shown |= _dates(row, "Date") | _picked(row, ("Type", "Status"))
    flag = "true" if row["IsReconciled"] else "false"
    shown |= {"TotalAmount": f"{row['TotalAmount']:f}", "IsReconciled": flag}
    return {**shown, "UpdatedDateUTC": row["UpdatedDateUTC"]}


def batch(books: Books, row: Row) -> Row:
    account = books.find("Accounts", row["_account"]) or {}
    shown: Row = {"Account": _picked(account, ("AccountID", "Code", "Name", "CurrencyCode"))}
    shown |= _picked(row, ("Reference", "Narrative", "BatchPaymentID")) | _dates(row, "Date")
    shown["Payments"] = [_member(books, each) for each in row["_payments"]]
    shown |= _picked(row, ("Type", "Status", "TotalAmount", "IsReconciled"))
    return {**shown, "UpdatedDateUTC": row["UpdatedDateUTC"]}


def _member(books: Books, payment_id: str) -> Row:
    row = books.get("Payments", payment_id)
    target = books.get(*row["_target"])
    named = _picked(target, ("InvoiceID", "InvoiceNumber", "CurrencyCode"))
    return {"Invoice": named, **_picked(row, ("PaymentID", "Amount", "BankAmount", "Reference"))}


# -- lists -------------------------------------------------------------------------------
def contact(books: Books, row: Row, view: View) -> Row:
    contact_id = row["ContactID"]
    customer, supplier = books.roles(contact_id)
    computed = {"IsSupplier": supplier, "IsCustomer": customer, "HasValidationErrors": False}
    if view == "summary":
        return _picked(row, _CONTACT_SUMMARY) | computed
    shown = {"ContactID": contact_id, **_picked(row, _CONTACT)}
    shown |= {"Addresses": row["Addresses"], "Phones": row["Phones"], **computed}
    shown |= {"ContactGroups": [], "HasAttachments": contact_id in books.attached}
    shown |= _picked(row, ("PaymentTerms",)) | _updated(row)
    if view == "full":
        shown["ContactPersons"] = row.get("ContactPersons", [])
        shown["Balances"] = books.balances(contact_id)
    return shown


def item(row: Row, unitdp: int) -> Row:
    shown = public(row)
    for side in ("SalesDetails", "PurchaseDetails"):
        if "UnitPrice" in shown.get(side, {}):
            details = shown[side]
            shown[side] = {**details, "UnitPrice": places(details["UnitPrice"], unitdp)}
    return shown
