"""Contacts: creating, changing, archiving, merging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.sandbox.xero import errors, fields, parties
from tieout.sandbox.xero.errors import Invalid, Problems
from tieout.sandbox.xero.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_LONGEST = {
    "Name": 255, "FirstName": 255, "LastName": 255, "EmailAddress": 255, "ContactNumber": 50,
    "AccountNumber": 50, "TaxNumber": 50, "CompanyNumber": 50,
}  # fmt: skip
_TEXTS = (
    *_LONGEST, "BankAccountDetails", "AccountsReceivableTaxType", "AccountsPayableTaxType",
    "DefaultCurrency", "SalesDefaultAccountCode", "PurchasesDefaultAccountCode", "Website",
)  # fmt: skip
_LISTS = ("Addresses", "Phones", "ContactPersons")
_TERMS = ("DAYSAFTERBILLDATE", "DAYSAFTERBILLMONTH", "OFCURRENTMONTH", "OFFOLLOWINGMONTH")
_ADDRESS = {"City": "", "Region": "", "PostalCode": "", "Country": ""}
_PHONE = {"PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}


def taken(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. The contact name must "
        "be unique across all active contacts."
    )


def put(books: Books, sent: Row) -> Row:
    """Create a contact; see `Settings.put_contact_by_name` for a name that exists."""
    name = fields.text(sent, "Name")
    if name and books.settings.put_contact_by_name == "update":
        found = [row for row in books.named("Name", name) if row["ContactStatus"] == "ACTIVE"]
        if found:
            return _write(books, found[0], sent)
    return _write(books, None, sent)


def post(books: Books, sent: Row) -> Row:
    """Create a contact, or change the one that ContactID, ContactNumber or Name names."""
    found = parties.matched(books, sent)
    if found is None and fields.guid(sent, "ContactID") is not None:
        raise Invalid("The contact could not be found")
    return _write(books, found, sent)


def update(books: Books, contact_id: str, sent: Row) -> Row:
    """Change one contact. Raises `Missing` or `Invalid`."""
    return _write(books, books.get("Contacts", contact_id), sent)


def archive(books: Books, contact_id: str, merged_to: str = "") -> Row:
    """Archive a contact, as merged into another when one is named."""
    row = {**books.get("Contacts", contact_id), "ContactStatus": "ARCHIVED"}
    if merged_to:
        row["MergedToContactID"] = merged_to
    return books.put("Contacts", row)


def _write(books: Books, old: Row | None, sent: Row) -> Row:
    problems = Problems()
    row: Row = dict(old) if old else {"ContactStatus": "ACTIVE", "Addresses": [], "Phones": []}
    for message in fields.too_long(sent, _LONGEST):
        problems.add(message)
    for name in _TEXTS:
        value = fields.text(sent, name)
        if value is not None:
            row[name] = value.strip() if name == "Name" else value
    for name in _LISTS:
        entries = fields.parts(sent, name)
        if entries is not None:
            row[name] = [dict(each) for each in entries]
    status = fields.text(sent, "ContactStatus")
    if status is not None and status not in ("ACTIVE", "ARCHIVED", "GDPRREQUEST"):
        problems.add(f"The contact status '{status}' is not valid")
    row["ContactStatus"] = status or row["ContactStatus"]
    _terms(row, sent, problems)
    currency = row.get("DefaultCurrency")
    if currency and books.find("Currencies", currency) is None:
        problems.add(f"Organisation is not subscribed to currency {currency}")
    if not row.get("Name"):
        problems.add("The contact name must be specified." if old else errors.EMPTY_CONTACT)
    _unique(books, row, problems)
    problems.stop()
    row["Addresses"] = _filled(row["Addresses"], "AddressType", ("STREET", "POBOX"), _ADDRESS)
    kinds = ("DDI", "DEFAULT", "FAX", "MOBILE")
    row["Phones"] = _filled(row["Phones"], "PhoneType", kinds, _PHONE)
    return books.put("Contacts", row)


def _terms(row: Row, sent: Row, problems: Problems) -> None:
    terms = fields.part(sent, "PaymentTerms")
    if terms is None:
        return
    row["PaymentTerms"] = {}
    for side in ("Sales", "Bills"):
        term = fields.part(terms, side)
        if term is not None and fields.text(term, "Type") not in _TERMS:
            problems.add("The payment terms type is not valid")
        if term:
            row["PaymentTerms"][side] = dict(term)


def _unique(books: Books, row: Row, problems: Problems) -> None:
    own = row.get("ContactID")

    def others(field: str) -> list[Row]:
        found = books.named(field, row[field]) if row.get(field) else []
        return [each for each in found if each["ContactID"] != own]

    active = row["ContactStatus"] == "ACTIVE"
    if active and any(each["ContactStatus"] == "ACTIVE" for each in others("Name")):
        problems.add(taken(row["Name"]))
    if others("ContactNumber"):
        problems.add(errors.CONTACT_NUMBER_TAKEN)
    if others("AccountNumber"):
        problems.add(
            "Another contact has this account number. Please enter a different account number."
        )


def _filled(given: list[Row], field: str, kinds: tuple[str, ...], blank: Row) -> list[Row]:
    """One entry of each kind, empty where none was given; others stay as they are."""
    known = {fields.text(each, field): each for each in given}
    filled = [{field: kind, **blank, **known.get(kind, {})} for kind in kinds]
    return filled + [each for each in given if each.get(field) not in kinds]


def merge(books: Books, gone_id: str, kept_id: str) -> Row:
    """Merge one contact into another: its documents move over. Returns the one that is gone."""
    books.get("Contacts", kept_id)
    for resource, row_id in list(books.of_contact.get(gone_id, {})):
        row = books.get(resource, row_id)
        books.put(resource, {**row, "_contact": kept_id})
    books.put("Contacts", dict(books.get("Contacts", kept_id)))
    return archive(books, gone_id, merged_to=kept_id)
