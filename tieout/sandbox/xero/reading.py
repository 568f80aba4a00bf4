"""Reading lists and single objects: filters, deltas, order, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tieout.sandbox.xero import filters
from tieout.sandbox.xero.call import Answer, Call
from tieout.sandbox.xero.errors import Missing
from tieout.sandbox.xero.shapes import View, show
from tieout.sandbox.xero.store import ID_FIELDS
from tieout.sandbox.xero.wire import Row, to_guid

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

PAGED = ("Invoices", "Contacts", "CreditNotes", "Payments", "Overpayments", "Prepayments")
PAGE_SIZE, LARGEST_PAGE = 100, 1000
_NUMBERED = {"Invoices": "InvoiceNumber", "CreditNotes": "CreditNoteNumber"}
_SEARCHED = {
    "Invoices": ("InvoiceNumber", "Reference"),
    "Contacts": ("Name", "FirstName", "LastName", "ContactNumber", "EmailAddress"),
}

Test = Callable[[Row], bool]


def many(call: Call) -> Answer:
    """A list, as one page when a page is asked for."""
    resource = call.resource
    rows = _chosen(call)
    order = call.request.args.get("order")
    if order:
        rows = filters.ordered(call.books, resource, rows, order)
    page, size = call.whole("page"), call.whole("pageSize")
    body: Row = {}
    paged = resource in PAGED and (page is not None or size is not None)
    if paged:
        size = min(size or PAGE_SIZE, LARGEST_PAGE)
        page = page or 1
        count = len(rows)
        body["pagination"] = {
            "page": page,
            "pageSize": size,
            "pageCount": -(-count // size),
            "itemCount": count,
        }
        rows = rows[(page - 1) * size : page * size]
    view = _view(call, paged)
    unitdp = call.unitdp
    body[resource] = [show(call.books, resource, row, view, unitdp) for row in rows]
    return Answer(body)


def one(call: Call) -> Answer:
    """One object by its id, or by its number. Raises `Missing`."""
    row = found(call.books, call.resource, call.ids["id"])
    return Answer({call.resource: [show(call.books, call.resource, row, "full", call.unitdp)]})


def found(books: Books, resource: str, slot: str) -> Row:
    """The row that the id slot of a path names: an id, a number, a code. Raises `Missing`."""
    try:
        row = books.find(resource, to_guid(slot))
    except ValueError:
        row = books.find(resource, slot)
    if row is not None:
        return row
    by_number = books.numbered(resource, slot) if resource in _NUMBERED else []
    if resource == "Contacts":
        by_number = books.named("ContactNumber", slot)
    if resource == "Items":
        by_number = [each for each in [books.item(slot)] if each is not None]
    if resource == "Invoices":
        by_number = [each for each in by_number if each["Type"] == "ACCREC"]
    if not by_number:
        raise Missing(slot)
    return by_number[-1]


def _view(call: Call, paged: bool) -> View:
    if call.resource not in PAGED:
        return "full"
    if call.resource in ("Invoices", "Contacts") and call.flag("summaryOnly", default=False):
        return "summary"
    if call.resource == "Payments":
        return "list"
    return "full" if paged or call.request.args.get("IDs") else "list"


def _chosen(call: Call) -> list[Row]:
    """The rows that every condition of the call lets through."""
    tests = _tests(call)
    return [row for row in _candidates(call) if all(test(row) for test in tests)]


def _candidates(call: Call) -> Iterable[Row]:
    """The rows that may be meant, found through an index where there is one."""
    books, resource = call.books, call.resource
    ids = call.guids("IDs") if resource in ("Invoices", "Contacts") else None
    if ids is not None:
        return [row for row in (books.find(resource, each) for each in sorted(ids)) if row]
    names = {"Invoices": "InvoiceNumbers", "Prepayments": "InvoiceNumbers"}
    numbers = call.listed(names[resource]) if resource == "Invoices" else None
    if numbers is not None:
        return [row for number in numbers for row in books.numbered(resource, number)]
    return books.rows(resource)


def _tests(call: Call) -> list[Test]:
    books, resource, args = call.books, call.resource, call.request.args
    tests: list[Test] = []
    since = call.since
    if since is not None and resource not in ("Currencies", "TaxRates", "TrackingCategories"):
        tests.append(lambda row: row["UpdatedDateUTC"].replace(microsecond=0) >= since)
    if resource == "Invoices":
        tests += _invoice_tests(call)
    if resource == "Contacts" and not call.flag("includeArchived", default=False):
        tests.append(lambda row: row["ContactStatus"] != "ARCHIVED")
    if resource == "TrackingCategories":
        archived = call.flag("includeArchived", default=False)
        shown = ("ACTIVE", "ARCHIVED") if archived else ("ACTIVE",)
        tests.append(lambda row: row["Status"] in shown)
    if resource in _SEARCHED and args.get("searchTerm"):
        term = args["searchTerm"].casefold()
        tests.append(
            lambda row: any(term in str(row.get(f, "")).casefold() for f in _SEARCHED[resource])
        )
    if resource == "Overpayments" and call.listed("References"):
        references = call.listed("References") or []
        tests.append(lambda row: row["Reference"] in references)
    if args.get("where"):
        tests.append(filters.where(books, resource, args["where"]))
    return tests


def _invoice_tests(call: Call) -> list[Test]:
    tests: list[Test] = []
    contacts, statuses = call.guids("ContactIDs"), call.listed("Statuses")
    if contacts is not None:
        tests.append(lambda row: row["_contact"] in contacts)
    if statuses is not None:
        known = {each.upper() for each in statuses}
        tests.append(lambda row: row["Status"] in known)
    if call.flag("createdByMyApp", default=False):
        tests.append(lambda row: bool(row["_by_app"]))
    return tests


def id_of(resource: str, row: Row) -> str:
    return str(row[ID_FIELDS[resource]])
