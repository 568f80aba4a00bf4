"""Checks that many record types share: references in use, subsidiaries, currencies, periods."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import errors
from tieout.sandbox.netsuite.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft

#: Fields of documents and lines whose record may belong to some subsidiaries only.
_SEGMENTS = {
    "department": "department",
    "class": "classification",
    "location": "location",
    "item": "item",
    "account": "account",
    "incomeAccount": "account",
}


def active(books: Books, kind: str, row_id: str, name: str, path: str = "") -> Row:
    """The record referred to. Raises for one that is inactive, worded as if it did not exist."""
    row = books.find(kind, row_id)
    if row is None or row.get("isInactive"):
        raise errors.not_allowed_value(name, row_id, path)
    return row


def subsidiaries_of(books: Books, customer: Row) -> set[str]:
    """The subsidiaries a customer may trade with: its own and those related to it."""
    related = {
        each["subsidiary"]
        for each in books.rows("customerSubsidiaryRelationship")
        if each["entity"] == customer["id"] and not each.get("isInactive")
    }
    return related | {str(customer.get("subsidiary", ""))}


def currencies_of(customer: Row) -> set[str]:
    """The currencies a customer may trade in."""
    listed = {line["currency"] for line in customer.get("currencyList", ())}
    return listed | {str(customer.get("currency", ""))}


def segments(books: Books, row: Row, subsidiary: str, before: Row, path: str = "") -> None:
    """Departments, classes, locations, items and accounts must be in use in the subsidiary.

    A reference that is unchanged may point at something inactive.
    """
    for name, kind in _SEGMENTS.items():
        row_id = row.get(name)
        if not isinstance(row_id, str):  # a document's `item` is its list of lines
            continue
        where = f"{path}.{name}" if path else name
        target = books.find(kind, row_id)
        if target is None or (target.get("isInactive") and before.get(name) != row_id):
            raise errors.not_allowed_value(name, row_id, where)
        allowed = target.get("subsidiary")
        if books.settings.one_world and allowed and subsidiary not in allowed:
            raise errors.not_allowed_value(name, row_id, where)


def base_currency(books: Books, subsidiary: str) -> str:
    """The currency a subsidiary keeps its books in."""
    row = books.find("subsidiary", subsidiary)
    if row is not None:
        return str(row["currency"])
    return next(str(each["id"]) for each in books.rows("currency") if each.get("isBaseCurrency"))


def home(books: Books) -> str:
    """The subsidiary used when nothing names one: the oldest."""
    return next((each["id"] for each in books.rows("subsidiary")), "1")


def document_currency(books: Books, draft: Draft, customer: Row) -> None:
    """Fill in and check currency and exchange rate of a transaction."""
    row = draft.row
    base = base_currency(books, row["subsidiary"])
    row.setdefault("currency", str(customer.get("currency") or base))
    active(books, "currency", row["currency"], "currency")
    if books.settings.multi_currency and row["currency"] not in currencies_of(customer):
        raise errors.not_allowed_value("currency", row["currency"])
    if row["currency"] == base:
        row["exchangeRate"] = Decimal(1)
    elif not draft.names("exchangeRate") and (
        draft.changed("currency") or "exchangeRate" not in row
    ):
        row["exchangeRate"] = rate_on(books, row["currency"], row["tranDate"])


def rate_on(books: Books, currency: str, day: str) -> Decimal:
    """Base units for one unit of a currency on a day (ISO)."""
    known = [rate for since, rate in books.rates.get(currency, ()) if since <= day]
    return Decimal(known[-1]) if known else Decimal(books.get("currency", currency)["exchangeRate"])


def places(books: Books, currency: str) -> int:
    """Decimals of a currency's amounts."""
    return int(books.get("currency", currency).get("currencyPrecision", 2))


# -- accounting periods --------------------------------------------------------------
def period_of(books: Books, day: str) -> Row | None:
    """The base period (not a quarter, not a year) that holds a day."""
    for each in books.rows("accountingPeriod"):
        whole = each.get("isQuarter") or each.get("isYear") or each.get("isAdjust")
        if not whole and not each.get("isInactive") and each["startDate"] <= day <= each["endDate"]:
            return each
    return None


def open_period(books: Books, draft: Draft) -> None:
    """Fill in the posting period. Raises when it is closed or locked for receivables."""
    row = draft.row
    by_date = period_of(books, row["tranDate"])
    if draft.changed("tranDate") and not draft.names("postingPeriod"):
        row.pop("postingPeriod", None)
    if by_date is None and not books.settings.allow_other_period:
        raise errors.outside_period()
    chosen = row.get("postingPeriod") or (by_date["id"] if by_date else "")
    period = books.find("accountingPeriod", chosen)
    if period is None or (
        by_date and by_date["id"] != chosen and not books.settings.allow_other_period
    ):
        raise errors.outside_period()
    check_period(period)
    if draft.old is not None and draft.old.get("postingPeriod") != chosen:
        check_period(books.get("accountingPeriod", draft.old["postingPeriod"]))
    row["postingPeriod"] = chosen


def check_period(period: Row) -> None:
    """Raises for a period in which receivables may not be changed."""
    if period.get("closed") or period.get("allLocked") or period.get("arLocked"):
        raise errors.outside_period()
