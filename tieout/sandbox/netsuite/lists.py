"""Customers, projects, people, items: the rules of the records that documents refer to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import checks, errors
from tieout.sandbox.netsuite.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft


def customer(books: Books, draft: Draft) -> None:
    row = draft.row
    row.setdefault("isPerson", False)
    if row["isPerson"]:
        for name, label in (("firstName", "First Name"), ("lastName", "Last Name")):
            if not row.get(name):
                raise errors.missing(label, name)
    elif not row.get("companyName"):
        raise errors.missing("Company Name", "companyName")
    _subsidiary(books, draft)
    if draft.old is None:
        base = checks.base_currency(books, row.get("subsidiary", ""))
        row.setdefault("currency", base)
        row.setdefault("entityStatus", "13")
        row.setdefault("currencyList", [])
    row.setdefault("isInactive", False)
    _number_lines(row, "addressBook")
    _number_lines(row, "taxRegistration")
    if row["currency"] not in {line.get("currency") for line in row["currencyList"]}:
        row["currencyList"] = [{"currency": row["currency"]}, *row["currencyList"]]
    for line in row["currencyList"]:
        if not line.get("currency"):
            raise errors.missing("Currency", "currencyList")
    _named(books, draft, "CUST", str(row.get("companyName") or _full_name(row)))
    if row.get("parent") == row.get("id") and row.get("id"):
        raise errors.not_allowed_value("parent", row["parent"])


def job(books: Books, draft: Draft) -> None:
    row = draft.row
    if not row.get("companyName"):
        raise errors.missing("Project Name", "companyName")
    parent: Row = {}
    if row.get("parent"):
        parent = books.get("customer", row["parent"])
        if draft.changed("parent") and parent.get("isInactive"):
            raise errors.not_allowed_value("parent", row["parent"])
    if draft.old is None:
        if parent.get("subsidiary"):
            row.setdefault("subsidiary", parent["subsidiary"])
        row.setdefault("currency", parent.get("currency") or checks.base_currency(books, ""))
        row.setdefault("entityStatus", "2")
        row.setdefault("startDate", books.today())
        row.setdefault("allowTime", True)
        row.setdefault("allowExpenses", True)
    _subsidiary(books, draft)
    allowed = checks.subsidiaries_of(books, parent) if parent else {row["subsidiary"]}
    if books.settings.one_world and row["subsidiary"] not in allowed:
        raise errors.not_allowed_value("subsidiary", row["subsidiary"])
    row.setdefault("isInactive", False)
    _named(books, draft, "PRJ", str(row["companyName"]))


def person(books: Books, draft: Draft) -> None:
    row = draft.row
    name = row.get("entityId") or _full_name(row)
    if not name:
        raise errors.missing("Name", "entityId")
    row["entityId"] = name
    row.setdefault("isInactive", False)
    if draft.kind == "employee":
        _subsidiary(books, draft)
    _unique_name(books, draft)


def item(books: Books, draft: Draft) -> None:
    row = draft.row
    if not row.get("itemId"):
        raise errors.missing("Item Name/Number", "itemId")
    row.setdefault("isInactive", False)
    row.setdefault("includeChildren", False)
    if books.settings.one_world and not row.get("subsidiary"):
        row["subsidiary"] = [each["id"] for each in books.rows("subsidiary")]
    income = {"incomeAccount": row["incomeAccount"]} if row.get("incomeAccount") else {}
    for subsidiary in row.get("subsidiary", ()):
        checks.segments(books, income, subsidiary, draft.old or {})
    for other in books.rows("serviceSaleItem"):
        if other["id"] != row.get("id") and other["itemId"].lower() == row["itemId"].lower():
            raise errors.user_error("Uniqueness error. That item name already exists.", "itemId")


def relationship(books: Books, draft: Draft) -> None:
    """A further subsidiary of a customer."""
    row = draft.row
    if not books.settings.one_world:
        raise errors.unknown_type("customerSubsidiaryRelationship")
    for name, label in (("entity", "Entity"), ("subsidiary", "Subsidiary")):
        if not row.get(name):
            raise errors.missing(label, name)
    row.setdefault("isInactive", False)
    for other in books.rows("customerSubsidiaryRelationship"):
        same = (other["entity"], other["subsidiary"]) == (row["entity"], row["subsidiary"])
        if same and other["id"] != row.get("id"):
            raise errors.duplicate(books.settings)


# -- inside --------------------------------------------------------------------------
def _subsidiary(books: Books, draft: Draft) -> None:
    row = draft.row
    if not books.settings.one_world:
        if draft.names("subsidiary"):
            raise errors.unknown_field("subsidiary", "subsidiary")
        row.setdefault("subsidiary", checks.home(books))
        return
    if not row.get("subsidiary"):
        raise errors.missing("Primary Subsidiary", "subsidiary")
    if draft.changed("subsidiary"):
        chosen = checks.active(books, "subsidiary", row["subsidiary"], "subsidiary")
        if chosen.get("isElimination"):
            raise errors.not_allowed_value("subsidiary", row["subsidiary"])


def _named(books: Books, draft: Draft, prefix: str, name: str) -> None:
    """Name a customer or project: by itself, or with a number when that is automatic."""
    row = draft.row
    if row.get("autoName"):
        if draft.old is None:
            books.numbers[prefix] = books.numbers.get(prefix, 0) + 1
            row["entityId"] = f"{prefix}{books.numbers[prefix]}"
    else:
        row.setdefault("entityId", name)
    parent = books.find("customer", row.get("parent", "")) or {}
    above = f"{parent['entityId']} : " if parent.get("entityId") else ""
    row["altName"] = name
    row["_fullName"] = above + row["entityId"]
    _unique_name(books, draft)


def _unique_name(books: Books, draft: Draft) -> None:
    if not draft.changed("entityId") and not draft.changed("parent"):
        return
    row = draft.row
    wanted = (row["entityId"].lower(), row.get("parent"))
    for other in books.rows(draft.kind):
        same = (other["entityId"].lower(), other.get("parent")) == wanted
        if same and other["id"] != row.get("id"):
            raise errors.user_error("This entity already exists.")


def _full_name(row: Row) -> str:
    return " ".join(row[name] for name in ("firstName", "lastName") if row.get(name))


def _number_lines(row: Row, name: str) -> None:
    lines = row.get(name)
    if lines is None:
        return
    row[name] = [
        {**line, "id": line.get("id") or str(index)} for index, line in enumerate(lines, 1)
    ]


# -- what is reckoned when a customer is read ----------------------------------------
def balances(books: Books, row: Row, currency: str) -> dict[str, Decimal]:
    """What a customer owes in one currency: open, overdue, and deposits not yet used."""
    today, owed, overdue, deposits = books.today(), ZERO, ZERO, ZERO
    jobs = [each["id"] for each in books.rows("job") if each.get("parent") == row["id"]]
    for owner in (row["id"], *jobs):
        for invoice in _in(books.owned(owner, "invoice"), currency):
            due = books.due(invoice) if invoice["status"] == "A" else ZERO
            owed += due
            overdue += due if invoice.get("dueDate", today) < today else ZERO
        for kind in ("creditMemo", "customerPayment"):
            for settler in _in(books.owned(owner, kind), currency):
                owed -= settler["total"] - settler["applied"]
        for deposit in _in(books.owned(owner, "customerDeposit"), currency):
            deposits += left_of_deposit(books, deposit)
    return {"balance": owed, "overdueBalance": overdue, "depositBalance": deposits}


def left_of_deposit(books: Books, deposit: Row) -> Decimal:
    """What is not yet applied of a customer deposit."""
    used = [each for each in books.rows("depositApplication") if each["deposit"] == deposit["id"]]
    return Decimal(deposit["payment"]) - sum((each["applied"] for each in used), ZERO)


def _in(rows: list[Row], currency: str) -> list[Row]:
    return [row for row in rows if row["currency"] == currency]
