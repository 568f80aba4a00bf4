"""What documents refer to: items, accounts, tax rates, tracking, currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.xero import fields, presets
from tieout.sandbox.xero.errors import Invalid, Problems
from tieout.sandbox.xero.wire import Row, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_ITEM_LONGEST = {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000}
_ACCOUNT_LONGEST = {"Code": 10, "Name": 150}
_ACCOUNT_TEXTS = ("Code", "Name", "Description", "BankAccountNumber", "TaxType", "CurrencyCode")


# -- items -----------------------------------------------------------------------------
def put_item(books: Books, sent: Row, unitdp: int) -> Row:
    """A new item. Raises `Invalid`."""
    return _write_item(books, None, sent, unitdp)


def post_item(books: Books, sent: Row, unitdp: int) -> Row:
    """A new item, or the change of the one that ItemID or Code names."""
    item_id = fields.guid(sent, "ItemID")
    found = books.find("Items", item_id) if item_id else books.item(fields.text(sent, "Code") or "")
    return _write_item(books, found, sent, unitdp)


def _write_item(books: Books, old: Row | None, sent: Row, unitdp: int) -> Row:
    problems = Problems()
    for message in fields.too_long(sent, _ITEM_LONGEST):
        problems.add(message)
    row: Row = dict(old) if old else {"IsSold": True, "IsPurchased": False}
    for name in _ITEM_LONGEST:
        value = fields.text(sent, name)
        if value is not None:
            row[name] = value
    for name in ("IsSold", "IsPurchased"):
        flag = fields.flag(sent, name)
        row[name] = row[name] if flag is None else flag
    for side in ("SalesDetails", "PurchaseDetails"):
        details = fields.part(sent, side)
        if details is not None:
            row[side] = _details(books, details, unitdp, problems)
            row["IsPurchased"] |= side == "PurchaseDetails"
    code = row.get("Code")
    if not code:
        problems.add("Item code must be specified")
    twin = books.item(code) if code else None
    if twin is not None and twin["ItemID"] != row.get("ItemID"):
        problems.add(f"Price List Item with Code '{code}' already exists")
    problems.stop()
    row.setdefault("Name", code)
    row["IsTrackedAsInventory"] = False
    return books.put("Items", row)


def _details(books: Books, sent: Row, unitdp: int, problems: Problems) -> Row:
    found: Row = {}
    price = fields.number(sent, "UnitPrice")
    if price is not None:
        found["UnitPrice"] = places(price, unitdp, books.settings.rounding_mode)
    code = fields.text(sent, "AccountCode")
    if code:
        account = books.account(code)
        if account is None or account["Status"] != "ACTIVE" or account["Type"] == "BANK":
            problems.add("Account must be valid.")
        found["AccountCode"] = code
    tax_type = fields.text(sent, "TaxType")
    if tax_type:
        if books.find("TaxRates", tax_type) is None:
            problems.add("Tax rate must be valid.")
        found["TaxType"] = tax_type
    return found


# -- accounts ----------------------------------------------------------------------------
def put_account(books: Books, sent: Row) -> Row:
    """A new account. Raises `Invalid`."""
    kind = fields.text(sent, "Type") or ""
    if kind not in presets.ACCOUNT_TYPES:
        raise Invalid(f"The account type '{kind}' is not valid")
    default = {"TaxType": "NONE"} if kind == "BANK" else {"TaxType": _default_tax(books, kind)}
    return _write_account(books, presets.account(default, kind), sent)


def post_account(books: Books, account_id: str, sent: Row) -> Row:
    """Change or archive an account. Raises `Missing` or `Invalid`."""
    return _write_account(books, dict(books.get("Accounts", account_id)), sent)


def delete_account(books: Books, account_id: str) -> Row:
    """Delete an account that nothing uses. Raises `Missing` or `Invalid`."""
    row = books.get("Accounts", account_id)
    lines = (line for each in ("Invoices", "CreditNotes") for doc in books.rows(each)
             for line in doc["LineItems"])  # fmt: skip
    used = any(line.get("AccountID") == account_id for line in lines)
    used = used or any(each["_account"] == account_id for each in books.rows("Payments"))
    if used or row.get("SystemAccount"):
        raise Invalid("The account cannot be deleted because it is in use")
    return books.put("Accounts", {**row, "Status": "DELETED"})


def _default_tax(books: Books, kind: str) -> str:
    rates = presets.rates_of(books.settings.country)
    sides = {"REVENUE": rates[0][0], "SALES": rates[0][0], "EXPENSE": rates[1][0]}
    return sides.get(kind, "NONE")


def _write_account(books: Books, row: Row, sent: Row) -> Row:
    problems = Problems()
    for message in fields.too_long(sent, _ACCOUNT_LONGEST):
        problems.add(message)
    for name in _ACCOUNT_TEXTS:
        value = fields.text(sent, name)
        if value is not None:
            row[name] = value
    for name in ("EnablePaymentsToAccount", "ShowInExpenseClaims", "AddToWatchlist"):
        flag = fields.flag(sent, name)
        row[name] = row[name] if flag is None else flag
    status = fields.text(sent, "Status") or row["Status"]
    if status not in ("ACTIVE", "ARCHIVED"):
        problems.add(f"The account status '{status}' is not valid")
    if status == "ARCHIVED" and row.get("SystemAccount"):
        problems.add("A system account cannot be archived")
    row["Status"] = status
    if not row.get("Name"):
        problems.add("Account name must be specified")
    code = row.get("Code")
    if not code and row["Type"] != "BANK":
        problems.add("Account code must be specified")
    twin = books.account(code) if code else None
    if twin is not None and twin["AccountID"] != row.get("AccountID"):
        problems.add("Please enter a unique Code.")
    if books.find("TaxRates", row["TaxType"]) is None:
        problems.add("Tax rate must be valid.")
    if row["Type"] == "BANK":
        row.setdefault("CurrencyCode", books.settings.base_currency)
        row.setdefault("BankAccountType", "BANK")
        if not row.get("BankAccountNumber"):
            problems.add("Bank account number must be specified")
    problems.stop()
    return books.put("Accounts", row)


# -- tax rates ---------------------------------------------------------------------------
def put_tax_rate(books: Books, sent: Row) -> Row:
    """A new tax rate of the organisation's own: TAX001, TAX002 ... Raises `Invalid`."""
    name = fields.text(sent, "Name") or ""
    if not name or any(row["Name"] == name for row in books.rows("TaxRates")):
        raise Invalid("A tax rate must have a name of its own")
    number = 1
    while books.find("TaxRates", f"TAX{number:03d}") is not None:
        number += 1
    row = presets.tax_rate(f"TAX{number:03d}", name, _components(sent))
    return books.put("TaxRates", row | _report_type(sent))


def post_tax_rate(books: Books, sent: Row) -> Row:
    """Change or delete the tax rate that TaxType or Name names. Raises `Invalid`."""
    tax_type, name = fields.text(sent, "TaxType"), fields.text(sent, "Name")
    found = books.find("TaxRates", tax_type or "")
    for row in books.rows("TaxRates"):
        if found is None and not tax_type and row["Name"] == name:
            found = row
    if found is None:
        return put_tax_rate(books, sent)
    if not found["TaxType"].startswith("TAX"):
        raise Invalid("System tax rates cannot be changed")
    row = dict(found)
    if fields.parts(sent, "TaxComponents"):
        row = presets.tax_rate(found["TaxType"], name or found["Name"], _components(sent))
    row["Name"] = name or row["Name"]
    row["Status"] = fields.text(sent, "Status") or row["Status"]
    if row["Status"] not in ("ACTIVE", "DELETED", "ARCHIVED"):
        raise Invalid("The tax rate status is not valid")
    return books.put("TaxRates", row | _report_type(sent))


def _components(sent: Row) -> list[Row]:
    parts = fields.parts(sent, "TaxComponents") or []
    read = []
    for part in parts:
        rate = fields.number(part, "Rate")
        if rate is None or not fields.text(part, "Name"):
            raise Invalid("A tax component must have a name and a rate")
        flags = {name: fields.flag(part, name) for name in ("IsCompound", "IsNonRecoverable")}
        read.append({"Name": fields.text(part, "Name"), "Rate": rate, **flags})
    if not read:
        raise Invalid("At least one tax component must be specified")
    if sum(bool(part["IsCompound"]) for part in read) > 1:
        raise Invalid("Only one tax component can be compound")
    return read


def _report_type(sent: Row) -> Row:
    kind = fields.text(sent, "ReportTaxType")
    return {"ReportTaxType": kind} if kind else {}


# -- tracking ----------------------------------------------------------------------------
def put_category(books: Books, sent: Row) -> Row:
    """A new tracking category: at most 2 active and 4 in all. Raises `Invalid`."""
    known = [row for row in books.rows("TrackingCategories") if row["Status"] != "DELETED"]
    active = [row for row in known if row["Status"] == "ACTIVE"]
    if len(active) >= 2 or len(known) >= 4:
        raise Invalid("The organisation has as many tracking categories as it can have")
    name = _new_name(sent, [row["Name"] for row in known], "tracking category")
    return books.put("TrackingCategories", {"Name": name, "Status": "ACTIVE", "Options": []})


def post_category(books: Books, category_id: str, sent: Row) -> Row:
    """Rename or archive a tracking category. Raises `Missing` or `Invalid`."""
    row = dict(books.get("TrackingCategories", category_id))
    return books.put("TrackingCategories", row | _renamed(sent, row))


def delete_category(books: Books, category_id: str) -> Row:
    row = books.get("TrackingCategories", category_id)
    return books.put("TrackingCategories", {**row, "Status": "DELETED"})


def put_option(books: Books, category_id: str, sent: Row) -> Row:
    """A new option of a tracking category. Raises `Missing` or `Invalid`."""
    row = books.get("TrackingCategories", category_id)
    name = _new_name(sent, [each["Name"] for each in row["Options"]], "tracking option")
    option = {"TrackingOptionID": books.new_id(), "Name": name, "Status": "ACTIVE"}
    books.put("TrackingCategories", {**row, "Options": [*row["Options"], option]})
    return option


def post_option(books: Books, category_id: str, option_id: str, sent: Row) -> Row:
    """Rename, archive or delete an option. Raises `Missing` or `Invalid`."""
    row = books.get("TrackingCategories", category_id)
    old = next((each for each in row["Options"] if each["TrackingOptionID"] == option_id), None)
    if old is None:
        books.get("TrackingCategories", option_id)  # raises Missing
        raise AssertionError("an option has an id of its own")
    changed = {**old, **_renamed(sent, old)}
    options = [changed if each is old else each for each in row["Options"]]
    books.put("TrackingCategories", {**row, "Options": options})
    return changed


def _new_name(sent: Row, known: list[str], noun: str) -> str:
    name = fields.text(sent, "Name") or ""
    if not name or len(name) > 100:
        raise Invalid(f"The name of a {noun} must have 1 to 100 characters")
    if name.casefold() in (each.casefold() for each in known):
        raise Invalid(f"A {noun} with the name {name} already exists")
    return name


def _renamed(sent: Row, old: Row) -> Row:
    status = fields.text(sent, "Status") or old["Status"]
    if status not in ("ACTIVE", "ARCHIVED", "DELETED"):
        raise Invalid(f"The status '{status}' is not valid")
    return {"Name": fields.text(sent, "Name") or old["Name"], "Status": status}


# -- currencies --------------------------------------------------------------------------
def put_currency(books: Books, sent: Row) -> Row:
    """Subscribe to a currency. Raises `Invalid`."""
    code = fields.text(sent, "Code") or ""
    if len(code) != 3 or not code.isalpha() or not code.isupper():
        raise Invalid("Currency code must be valid")
    if not books.settings.multicurrency and code != books.settings.base_currency:
        raise Invalid("The plan of the organisation does not include other currencies")
    found = books.find("Currencies", code)
    description = presets.CURRENCY_NAMES.get(code, code)
    return found or books.put("Currencies", {"Code": code, "Description": description})


def add_rate(books: Books, currency: str, rate: Decimal) -> None:
    """From today on one unit of the base currency costs so many units of another."""
    books.rates[(currency, books.today())] = places(rate, 6)
