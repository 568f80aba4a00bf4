"""Time activities, journal entries and attachments: the smaller records.

Sources: Intuit's TimeActivity, JournalEntry and Attachable references.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.lists import currency_reference
from tieout.sandbox.quickbooks.shapes import clean
from tieout.sandbox.quickbooks.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft


def prepare(books: Books, draft: Draft) -> None:
    """Complete a draft time activity."""
    row, old = draft.row, draft.old
    person = {"Employee": "EmployeeRef", "Vendor": "VendorRef"}.get(row.get("NameOf", ""))
    if not row.get("NameOf"):
        raise faults.required("NameOf")
    if person and not row.get(person):
        raise faults.required(person)
    status = row.setdefault("BillableStatus", "NotBillable")
    billed_before = old is not None and old["BillableStatus"] == "HasBeenBilled"
    if status == "HasBeenBilled" and not billed_before:
        raise faults.bad_enum("BillableStatus", "HAS_BEEN_BILLED")
    if status == "Billable" and not row.get("CustomerRef"):
        raise faults.ApiFault(6310, "Customer required", "Billable time needs a customer.")
    if status == "Billable" and row.get("HourlyRate") is None:
        raise faults.ApiFault(6330, "Rate required", "Billable time needs an hourly rate.")
    spans = "StartTime" in row or "EndTime" in row
    if spans and ("Hours" in draft.sent or "Minutes" in draft.sent):
        raise faults.ApiFault(
            6390, "Time given twice", "Give Hours and Minutes or StartTime and EndTime, not both."
        )
    for name in ("Minutes", "BreakMinutes"):
        if not 0 <= row.get(name, 0) <= 59:
            raise faults.out_of_range(name, Decimal(row[name]))
    if not spans:
        row.setdefault("Hours", 0)
        row.setdefault("Minutes", 0)
    row.setdefault("Taxable", False)


# -- links from invoices ----------------------------------------------------------
def claim(books: Books, draft: Draft) -> None:
    """Note the time activities a draft invoice bills. Raises 610 or 620."""
    row = draft.row
    header = row.pop("LinkedTxn", None)
    links: list[Any] = list(header or []) if "LinkedTxn" in draft.sent else []
    for line in row["Line"]:
        links += line.get("LinkedTxn") or []
    ids = {str(link.get("TxnId")) for link in links if link.get("TxnType") == "TimeActivity"}
    if not ids and "LinkedTxn" not in draft.sent:
        return
    mine = set((draft.old or {}).get("_time", []))
    for activity_id in ids:
        activity = books.get("TimeActivity", activity_id)
        if activity["BillableStatus"] != "Billable" and activity_id not in mine:
            raise faults.ApiFault(
                620,
                "Transaction can not be linked",
                "Transaction can not be linked : the time is not billable or already billed.",
            )
    row["_time"] = sorted(ids, key=int)


def mark(books: Books, draft: Draft, row: Row) -> None:
    """After the commit: linked time is billed, time no longer linked is billable again."""
    now, before = set(row.get("_time", [])), set((draft.old or {}).get("_time", []))
    for activity_id in sorted(now - before, key=int):
        activity = books.get("TimeActivity", activity_id)
        books.put("TimeActivity", {**activity, "BillableStatus": "HasBeenBilled"})
    free(books, sorted(before - now, key=int))


def free(books: Books, activity_ids: list[str]) -> None:
    for activity_id in activity_ids:
        activity = books.find("TimeActivity", activity_id)
        if activity is not None:
            books.put("TimeActivity", {**activity, "BillableStatus": "Billable"})


# -- journal entries -----------------------------------------------------------------
def journal(books: Books, draft: Draft) -> None:
    """Complete a draft journal entry: debits must equal credits."""
    row = draft.row
    if not row.get("Line"):
        raise faults.required("Line")
    sides = {"Debit": ZERO, "Credit": ZERO}
    stored: list[Row] = []
    for index, raw in enumerate(row["Line"]):
        line, _ = clean("Line", raw)
        detail, _ = clean("JournalEntryLineDetail", line.get("JournalEntryLineDetail") or {})
        if "PostingType" not in detail or "AccountRef" not in detail:
            raise faults.required("JournalEntryLineDetail")
        books.resolve("JournalEntryLineDetail", detail)
        line["Amount"] = line.get("Amount", ZERO)
        line["Id"] = str(index)
        line["JournalEntryLineDetail"] = detail
        sides[detail["PostingType"]] += line["Amount"]
        stored.append(line)
    if sides["Debit"] != sides["Credit"]:
        raise faults.rule("Debits and credits must be equal")
    row["Line"] = stored
    row["TotalAmt"] = sides["Debit"]
    _owe(books, row)
    row.setdefault("Adjustment", False)
    row.setdefault("CurrencyRef", {"value": books.settings.home_currency})
    row["CurrencyRef"] = currency_reference(row["CurrencyRef"]["value"])


def _owe(books: Books, row: Row) -> None:
    """Note what an entry puts on a customer's account: lines on receivables that name one.

    Such an entry can be settled by a payment, or settle an invoice, when it is about one
    customer only.
    """
    owed: dict[str, Decimal] = {}
    taken: list[str] = []
    for line in row["Line"]:
        detail = line["JournalEntryLineDetail"]
        account = books.get("Account", detail["AccountRef"]["value"])
        customer = _named_customer(books, detail.get("Entity"))
        if account["AccountType"] != "Accounts Receivable" or not customer:
            continue
        sign = 1 if detail["PostingType"] == "Debit" else -1
        owed[customer] = owed.get(customer, ZERO) + sign * line["Amount"]
        taken.append(line["Id"])
    settled = books.applied_to(("JournalEntry", row.get("Id", "")))
    if settled and (len(owed) != 1 or settled > abs(next(iter(owed.values())))):
        raise faults.rule("The amount is less than what is applied to this transaction")
    row["_owed"], row["_owed_lines"] = owed, taken


def _named_customer(books: Books, entity: Any) -> str:
    """The id of the customer a journal line names, "" for none. Raises 2500."""
    if not isinstance(entity, dict) or entity.get("Type") != "Customer":
        return ""
    customer = str((entity.get("EntityRef") or {}).get("value") or "")
    if books.find("Customer", customer) is None:
        raise faults.bad_reference("Customer", customer)
    return customer


# -- attachments -----------------------------------------------------------------------
def attachable(books: Books, draft: Draft) -> None:
    """Complete a draft note or file; what it hangs on must exist."""
    row = draft.row
    if not row.get("FileName") and not row.get("Note"):
        raise faults.required("Note")
    for link in row.get("AttachableRef") or []:
        reference = link.get("EntityRef") or {}
        kind = str(reference.get("type", "")).casefold()
        entity = next((name for name in books.tables if name.casefold() == kind), "")
        target = str(reference.get("value", ""))
        if entity and books.find(entity, target) is None:
            raise faults.bad_reference(entity, target)
    for name in ("Size", "FileAccessUri"):
        if draft.old and name in draft.old:
            row[name] = draft.old[name]
