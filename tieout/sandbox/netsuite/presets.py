"""Accounts as they are set up: periods, currencies, terms, accounts, tax codes, segments.

The ids follow the examples of the documentation where those name some: currency 1 is the
account's own, customer status 13 is Closed Won.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import sample
from tieout.sandbox.netsuite.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

#: (number, name, type)
_ACCOUNTS = (
    ("1000", "Checking", "Bank"),
    ("1010", "Savings", "Bank"),
    ("1100", "Accounts Receivable", "AcctRec"),
    ("1200", "Undeposited Funds", "OthCurrAsset"),
    ("2100", "Customer Deposits", "OthCurrLiab"),
    ("2200", "Sales Taxes Payable", "OthCurrLiab"),
    ("2300", "Deferred Revenue", "OthCurrLiab"),
    ("4000", "Consulting Services", "Income"),
    ("4010", "Reimbursed Expenses", "Income"),
    ("6100", "Bad Debts", "Expense"),
    ("8000", "Realized Gain/Loss", "OthIncome"),
)
#: By country: currency, then tax codes as (name, rate in percent).
_COUNTRIES: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "US": ("USD", (("Exempt", "0"), ("CA_STATE", "7.25"))),
    "GB": ("GBP", (("Z-GB", "0"), ("S-GB", "20"), ("R-GB", "5"))),
    "CA": ("CAD", (("E-CA", "0"), ("HST-ON", "13"), ("GST-CA", "5"))),
    "AU": ("AUD", (("FRE-AU", "0"), ("GST-AU", "10"))),
}
_ELSEWHERE = ("EUR", (("Exempt", "0"), ("Standard", "20")))
#: What one unit of a currency costs in US dollars.
_DOLLARS = {"USD": "1", "EUR": "1.08", "GBP": "1.27", "CAD": "0.73", "AUD": "0.66", "JPY": "0.0067"}
_NAMES = {
    "USD": "US Dollar", "EUR": "Euro", "GBP": "British pound", "CAD": "Canadian Dollar",
    "AUD": "Australian Dollar", "JPY": "Japanese Yen",
}  # fmt: skip
_TERMS = (("Due on receipt", 0), ("Net 30", 30), ("Net 15", 15), ("Net 60", 60))
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def fill(books: Books, preset: str) -> None:
    """Set an account up; the sample also gets a year of trade."""
    books.backdated = books.clock.now() - timedelta(days=400)
    currency, codes = _COUNTRIES.get(books.settings.country, _ELSEWHERE)
    _currencies(books, currency)
    for name, days in _TERMS:
        books.add_row("term", name=name, daysUntilNetDue=days)
    _subsidiaries(books)
    for number, name, kind in _ACCOUNTS:
        books.add_row("account", acctNumber=number, acctName=name, acctType=kind)
    for name, rate in codes:
        books.add_row("salesTaxItem", itemId=name, rate=Decimal(rate), taxType="2")
    for kind, names in (
        ("department", ("Delivery", "Sales")),
        ("classification", ("Services", "Products")),
        ("location", ("Head office", "Branch")),
    ):
        for name in names:
            books.add_row(kind, name=name, subsidiary=["1"])
    for row_id, name in (("6", "Qualified"), ("13", "Closed Won"), ("16", "Renewal")):
        books.add_row("customerStatus", id=row_id, name=name)
    first = books.clock.now().date().year - 2
    for year in range(first, first + 5):
        _periods(books, year)
    # Ids of entities and items do not begin at one: nobody may mix them up with lines.
    books.start_ids("entity", 600)
    books.start_ids("item", 80)
    books.start_ids("transaction", 1200)
    books.add("employee", firstName="Robin", lastName="Vale", **_home(books))
    income = next(each["id"] for each in books.rows("account") if each["acctType"] == "Income")
    books.add("serviceSaleItem", itemId="Consulting", incomeAccount=income)
    if preset == "sample":
        sample.trade(books)
    books.backdated = None
    books.changes.clear()


def _home(books: Books) -> dict[str, str]:
    return {"subsidiary": "1"} if books.settings.one_world else {}


def _currencies(books: Books, own: str) -> None:
    codes = [own, *(code for code in ("USD", "GBP", "CAD", "EUR", "JPY") if code != own)]
    worth = Decimal(_DOLLARS[own])
    for code in codes if books.settings.multi_currency else codes[:1]:
        rate = (Decimal(_DOLLARS[code]) / worth).quantize(Decimal("0.00000001")).normalize()
        books.add_row(
            "currency",
            name=_NAMES[code],
            symbol=code,
            exchangeRate=Decimal(1) if code == own else rate,
            isBaseCurrency=code == own,
            currencyPrecision=0 if code == "JPY" else 2,
        )


def _subsidiaries(books: Books) -> None:
    """The firm itself and, in OneWorld, a second company."""
    settings = books.settings
    parent = {"name": settings.company_name, "legalName": settings.company_name}
    books.add_row("subsidiary", **parent, currency="1", country=settings.country)
    if settings.one_world:
        second = {"name": f"{settings.company_name} West", "parent": "1", "currency": "1"}
        books.add_row("subsidiary", **second, country=settings.country)


def _periods(books: Books, year: int) -> None:
    def add(name: str, start: date, end: date, **more: object) -> Row:
        flags = dict.fromkeys(
            ("closed", "allLocked", "arLocked", "apLocked", "isQuarter", "isYear", "isAdjust"),
            False,
        )
        row = {"periodName": name, "startDate": start.isoformat(), "endDate": end.isoformat()}
        return books.add_row("accountingPeriod", **row, **{**flags, "isPosting": True, **more})

    whole = add(f"FY {year}", date(year, 1, 1), date(year, 12, 31), isYear=True, isPosting=False)
    for quarter in range(4):
        first, last = quarter * 3 + 1, quarter * 3 + 3
        ends = date(year, last, monthrange(year, last)[1])
        above = add(
            f"Q{quarter + 1} {year}", date(year, first, 1), ends,
            isQuarter=True, isPosting=False, parent=whole["id"],
        )  # fmt: skip
        for month in range(first, last + 1):
            ends = date(year, month, monthrange(year, month)[1])
            name = f"{_MONTHS[month - 1]} {year}"
            add(name, date(year, month, 1), ends, parent=above["id"])
