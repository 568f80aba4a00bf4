"""The rules of names, lists and the chart of accounts (Intuit: Customer, Item, Account ...)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.indexes import RECEIVABLES
from tieout.sandbox.quickbooks.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft

_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_SUFFIX = " (deleted)"
#: Sub-customers may be this deep below the top customer.
_DEEPEST = 4
CURRENCY_NAMES = {
    "USD": "United States Dollar", "EUR": "Euro", "GBP": "British Pound Sterling",
    "CAD": "Canadian Dollar", "AUD": "Australian Dollar", "JPY": "Japanese Yen",
    "CHF": "Swiss Franc", "NZD": "New Zealand Dollar", "SEK": "Swedish Krona",
}  # fmt: skip
_CLASSIFICATIONS = {
    "Bank": "Asset", "Accounts Receivable": "Asset", "Other Current Asset": "Asset",
    "Fixed Asset": "Asset", "Other Asset": "Asset", "Accounts Payable": "Liability",
    "Credit Card": "Liability", "Other Current Liability": "Liability",
    "Long Term Liability": "Liability", "Equity": "Equity", "Income": "Revenue",
    "Other Income": "Revenue", "Expense": "Expense", "Other Expense": "Expense",
    "Cost of Goods Sold": "Expense",
}  # fmt: skip


def currency_reference(code: str) -> Row:
    return {"value": code, "name": CURRENCY_NAMES.get(code, code)}


# -- names ------------------------------------------------------------------------
def person(books: Books, draft: Draft) -> None:
    """What customers, vendors and employees share: one name, used once among all of them."""
    row = draft.row
    if not row.get("DisplayName"):
        built = " ".join(row[part] for part in _NAME_PARTS if row.get(part))
        if draft.old and "DisplayName" in draft.old:
            built = draft.old["DisplayName"]
        if not built:
            raise faults.ApiFault(
                6080,
                "Name required",
                "At least one of Title, GivenName, MiddleName, FamilyName, Suffix or "
                "DisplayName is required.",
            )
        row["DisplayName"] = built
    _switch_name(draft, "DisplayName")
    for entity, other in sorted(books.indexes.named(draft.entity, row["DisplayName"])):
        if (entity, other) != (draft.entity, row.get("Id")):
            raise faults.name_taken(entity)
    row.setdefault("PrintOnCheckName", row["DisplayName"])
    if draft.entity == "Vendor":
        row.setdefault("Balance", ZERO)


def _switch_name(draft: Draft, name: str) -> None:
    """QuickBooks Online renames a row when it is switched off, which frees the name."""
    was_active = draft.old is None or draft.old.get("Active", True)
    if was_active and draft.row["Active"] is False:
        draft.row[name] = draft.row[name].removesuffix(_SUFFIX) + _SUFFIX


def customer(books: Books, draft: Draft) -> None:
    row, old = draft.row, draft.old
    person(books, draft)
    _customer_currency(books, draft)
    parent = books.get("Customer", row["ParentRef"]["value"]) if row.get("ParentRef") else None
    if row.get("Job") and parent is None:
        raise faults.ApiFault(6150, "Parent required", "A job must have a ParentRef.")
    row["Job"] = parent is not None
    row.setdefault("BillWithParent", False)
    row["Level"] = 0 if parent is None else parent["Level"] + 1
    if row["Level"] > _DEEPEST:
        raise faults.ApiFault(6180, "Too many levels", "Sub-customers can be 4 levels deep.")
    if parent is not None and _is_own_ancestor(books, row, parent):
        raise faults.rule("A customer cannot be a sub-customer of itself")
    row["FullyQualifiedName"] = row["DisplayName"]
    if parent is not None:
        row["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{row['DisplayName']}"
    row.setdefault("Taxable", books.settings.using_sales_tax)
    if books.settings.us and books.settings.automated_sales_tax:
        # The system sets it, whatever was sent.
        row["DefaultTaxCodeRef"] = {"value": books.automatic_tax_code}
    row.setdefault("PreferredDeliveryMethod", "Print")
    row.setdefault("IsProject", False)
    if old is None:
        return
    if draft.changed("BillWithParent") and _has_documents(books, row["Id"]):
        raise faults.ApiFault(
            6130, "Bill with parent", "BillWithParent cannot change with linked transactions."
        )
    if draft.changed("Active") and row["Active"] is False:
        _may_switch_off(books, row)


def _customer_currency(books: Books, draft: Draft) -> None:
    home = books.settings.home_currency
    row = draft.row
    code = row.get("CurrencyRef", {}).get("value", home)
    if draft.old is not None and code != draft.old["CurrencyRef"]["value"]:
        raise faults.rule("The currency of a customer cannot be changed")
    if code != home and not books.settings.multicurrency:
        raise faults.rule("Multicurrency is not enabled for this company")
    row["CurrencyRef"] = currency_reference(code)


def _is_own_ancestor(books: Books, row: Row, parent: Row) -> bool:
    above: Row | None = parent
    while above is not None:
        if above["Id"] == row.get("Id"):
            return True
        reference = above.get("ParentRef")
        above = books.find("Customer", reference["value"]) if reference else None
    return False


def _has_documents(books: Books, customer_id: str) -> bool:
    return any(books.indexes.of_customer(entity, customer_id) for entity in RECEIVABLES)


def _may_switch_off(books: Books, row: Row) -> None:
    if books.family_balance(row["Id"]) != ZERO:
        raise faults.ApiFault(
            6220, "Open balance", "A customer with an open balance cannot be made inactive."
        )
    for activity in books.of_customer("TimeActivity", row["Id"]):
        if activity["BillableStatus"] == "Billable":
            raise faults.ApiFault(
                6280, "Unbilled charges", "A customer with unbilled charges cannot be inactive."
            )


def after_customer(books: Books, draft: Draft, row: Row) -> None:
    """List a new currency with the company's; carry a new name down to the sub-customers."""
    code = row["CurrencyRef"]["value"]
    foreign = books.settings.multicurrency and code != books.settings.home_currency
    if foreign and all(code != listed["Code"] for listed in books.rows("CompanyCurrency")):
        books.create("CompanyCurrency", {"Code": code})
    if draft.old and draft.old["FullyQualifiedName"] != row["FullyQualifiedName"]:
        _rename_below(books, row)


def _rename_below(books: Books, row: Row) -> None:
    for child in books.children(row["Id"]):
        renamed = dict(child)
        renamed["FullyQualifiedName"] = f"{row['FullyQualifiedName']}:{child['DisplayName']}"
        renamed["Level"] = row["Level"] + 1
        _rename_below(books, books.put("Customer", renamed))


def merge(books: Books, gone_id: str, kept_id: str) -> Row:
    """Make one customer of two, as people do by giving both the same name.

    The first id disappears; its documents, payments, time and sub-customers name the second
    from then on, each with its next revision. Raises 6000 for two currencies or a customer
    merged into its own family.
    """
    gone, kept = books.get("Customer", gone_id), books.get("Customer", kept_id)
    if gone["CurrencyRef"]["value"] != kept["CurrencyRef"]["value"]:
        raise faults.rule("Customers of different currencies cannot be merged")
    if gone_id == kept_id or _is_own_ancestor(books, gone, kept):
        raise faults.rule("A customer cannot be merged into itself or its sub-customer")
    reference = {"value": kept_id, "name": kept["FullyQualifiedName"]}
    for entity in (*RECEIVABLES, "TimeActivity"):
        for row in books.of_customer(entity, gone_id):
            books.put(entity, {**row, "CustomerRef": reference})
    for entry in list(books.rows("JournalEntry")):
        if gone_id in entry["_owed"]:
            books.put("JournalEntry", _renamed_entry(entry, gone_id, kept_id))
    for child in books.children(gone_id):
        moved = {**child, "ParentRef": reference, "Level": kept["Level"] + 1}
        moved["FullyQualifiedName"] = f"{kept['FullyQualifiedName']}:{child['DisplayName']}"
        _rename_below(books, books.put("Customer", moved))
    books.discard("Customer", gone_id)
    return books.put("Customer", dict(kept), "Merge", gone_id)


def _renamed_entry(entry: Row, gone_id: str, kept_id: str) -> Row:
    """A journal entry with one customer in the place of another."""
    owed = dict(entry["_owed"])
    owed[kept_id] = owed.get(kept_id, ZERO) + owed.pop(gone_id)
    lines = []
    for line in entry["Line"]:
        detail = line["JournalEntryLineDetail"]
        named = (detail.get("Entity") or {}).get("EntityRef", {}).get("value")
        if named == gone_id:
            entity = {**detail["Entity"], "EntityRef": {"value": kept_id}}
            line = {**line, "JournalEntryLineDetail": {**detail, "Entity": entity}}
        lines.append(line)
    return {**entry, "Line": lines, "_owed": owed}


# -- lists -------------------------------------------------------------------------
def named(books: Books, draft: Draft) -> None:
    """A list whose names are unique."""
    row = draft.row
    if not row.get("Name"):
        raise faults.required("Name")
    _switch_name(draft, "Name")
    name = row.get("FullyQualifiedName") or row["Name"]
    if any(other != row.get("Id") for _, other in books.indexes.named(draft.entity, name)):
        raise faults.name_taken("")


def tree(books: Books, draft: Draft) -> None:
    """A list with parents: the full name tells the path."""
    row = draft.row
    if not row.get("Name"):
        raise faults.required("Name")
    row["FullyQualifiedName"] = row["Name"]
    sub = {"Class": "SubClass", "Department": "SubDepartment", "Item": "SubItem"}
    parent = row.get("ParentRef")
    row[sub.get(draft.entity, "SubAccount")] = parent is not None
    if parent is not None:
        above = books.get(draft.entity, parent["value"])
        if above["Id"] == row.get("Id"):
            raise faults.rule("A row cannot be its own parent")
        row["FullyQualifiedName"] = f"{above['FullyQualifiedName']}:{row['Name']}"
    named(books, draft)
    if row["Active"] is False and not row["FullyQualifiedName"].endswith(_SUFFIX):
        row["FullyQualifiedName"] += _SUFFIX


def item(books: Books, draft: Draft) -> None:
    row = draft.row
    row.setdefault("Type", "Service")
    tree(books, draft)
    row.setdefault("Taxable", False)
    row.setdefault("UnitPrice", ZERO)
    row.setdefault("TrackQtyOnHand", row["Type"] == "Inventory")
    if row["Type"] in ("Service", "NonInventory", "Inventory") and not row.get("IncomeAccountRef"):
        raise faults.required("IncomeAccountRef")


def account(books: Books, draft: Draft) -> None:
    row = draft.row
    if not row.get("AccountType"):
        raise faults.required("AccountType")
    if row["AccountType"] not in _CLASSIFICATIONS:
        raise faults.bad_enum("AccountType", row["AccountType"])
    tree(books, draft)
    row["Classification"] = _CLASSIFICATIONS[row["AccountType"]]
    row.setdefault("CurrencyRef", {"value": books.settings.home_currency})
    row["CurrencyRef"] = currency_reference(row["CurrencyRef"]["value"])
    row.setdefault("CurrentBalance", ZERO)
    row.setdefault("CurrentBalanceWithSubAccounts", ZERO)


def term(books: Books, draft: Draft) -> None:
    row = draft.row
    named(books, draft)
    if row.get("DayOfMonthDue") is not None:
        row["Type"] = "DATE_DRIVEN"
        return
    row["Type"] = "STANDARD"
    days = row.setdefault("DueDays", 0)
    if not 0 <= days <= 999:
        raise faults.out_of_range("DueDays", Decimal(days))


def agency(books: Books, draft: Draft) -> None:
    if not draft.row.get("DisplayName"):
        raise faults.required("DisplayName")
    draft.row.setdefault("TaxTrackedOnSales", True)


def currency(books: Books, draft: Draft) -> None:
    row = draft.row
    if not books.settings.multicurrency:
        raise faults.not_in_plan("Multicurrency")
    code = row.get("Code")
    if not code:
        raise faults.required("Code")
    row.setdefault("Name", CURRENCY_NAMES.get(code, code))
    for other in books.rows("CompanyCurrency"):
        if other["Code"] == code and other["Id"] != row.get("Id"):
            raise faults.name_taken("")
