"""Reports that reconciliation may use as cross-totals (Intuit: run reports).

Amounts are in the home currency and travel as texts, as Intuit's reports do.
A customer's credits and unapplied payments are aged from their own date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.receivables import TYPES, Entry, entries
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents, stamp

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

_MOST_CELLS = 400_000
_MONEY = "Money"
Columns = list[tuple[str, str]]


class Report:
    """One report being made: its parameters and its columns."""

    def __init__(self, books: Books, name: str, asked: Mapping[str, str]) -> None:
        self.books = books
        self.name = name
        self.asked = asked
        self.day = _day(asked, "report_date", books.today())
        self.customers = {each for each in asked.get("customer", "").split(",") if each}

    def number(self, name: str, default: int) -> int:
        """A whole parameter from 1 to 100. Raises 2240."""
        text = self.asked.get(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= 100:
            raise faults.out_of_range(name, Decimal(int(text) if text.isdigit() else 0))
        return int(text)

    def entries(self) -> list[Entry]:
        return entries(self.books, self.day, self.customers)

    def body(self, columns: Columns, rows: list[Row], period: tuple[str, str] | None = None) -> Row:
        """The whole answer. Raises 10100 when it has too many cells."""
        if _count(rows) * len(columns) > _MOST_CELLS:
            raise faults.ApiFault(10100, "Result too big", "The report has more than 400000 cells.")
        start, end = period or (self.day, self.day)
        empty = "false" if rows else "true"
        return {
            "Header": {
                "Time": stamp(self.books.clock.now()),
                "ReportName": self.name,
                "ReportBasis": self.asked.get("accounting_method", "Accrual"),
                "StartPeriod": start,
                "EndPeriod": end,
                "Currency": self.books.settings.home_currency,
                "Option": [
                    {"Name": "report_date", "Value": self.day},
                    {"Name": "NoReportData", "Value": empty},
                ],
            },
            "Columns": {
                "Column": [{"ColTitle": title, "ColType": kind} for title, kind in columns]
            },
            "Rows": {"Row": rows} if rows else {},
        }


def run(books: Books, name: str, asked: Mapping[str, str]) -> Row:
    """Answer a `reports/{name}` call. Raises 500 for an unknown report, 2190 for a bad date."""
    make = _REPORTS.get(name)
    if make is None:
        raise faults.unsupported(f"reports/{name}")
    return make(Report(books, name, asked))


# -- receivables -----------------------------------------------------------------
def _aged(report: Report) -> Row:
    titles, place = _ages(report)
    sums: dict[str, list[Decimal]] = {}
    for entry in report.entries():
        if entry.open:
            row = sums.setdefault(entry.customer_id, [ZERO] * len(titles))
            row[place(entry)] += entry.open
    columns = [("", "Customer"), *((title, _MONEY) for title in titles), ("Total", _MONEY)]
    return report.body(columns, _by_customer(report.books, sums, total=True))


def _aged_detail(report: Report) -> Row:
    titles, place = _ages(report)
    found = [entry for entry in report.entries() if entry.open]
    rows = []
    for index, title in enumerate(titles):
        part = [entry for entry in found if place(entry) == index]
        if part:
            rows.append(_section(report.books, title, part))
    if found:
        rows.append({"Summary": _summed("TOTAL", found), "type": "Section", "group": "GrandTotal"})
    return report.body(_DETAIL, rows)


def _balance(report: Report) -> Row:
    sums: dict[str, list[Decimal]] = {}
    for entry in report.entries():
        sums.setdefault(entry.customer_id, [ZERO])[0] += entry.open
    owing = {key: amounts for key, amounts in sums.items() if amounts[0]}
    rows = _by_customer(report.books, owing, total=False)
    return report.body([("", "Customer"), ("Total", _MONEY)], rows)


def _balance_detail(report: Report) -> Row:
    found = [entry for entry in report.entries() if entry.open]
    rows = []
    for customer_id in dict.fromkeys(entry.customer_id for entry in found):
        part = [entry for entry in found if entry.customer_id == customer_id]
        name = report.books.get("Customer", customer_id)["FullyQualifiedName"]
        rows.append(_section(report.books, name, part))
    if found:
        rows.append({"Summary": _summed("TOTAL", found), "type": "Section", "group": "GrandTotal"})
    return report.body(_DETAIL, rows)


_DETAIL: Columns = [
    ("Date", "Date"), ("Transaction Type", "String"), ("Num", "String"),
    ("Customer", "Customer"), ("Due Date", "Date"), ("Amount", _MONEY), ("Open Balance", _MONEY),
]  # fmt: skip


def _ages(report: Report) -> tuple[list[str], Callable[[Entry], int]]:
    """The titles of the age columns, and which one an entry belongs to."""
    days, periods = report.number("aging_period", 30), report.number("num_periods", 4)
    spans = [f"{index * days + 1} - {(index + 1) * days}" for index in range(periods - 1)]
    titles = ["Current", *spans, f"{(periods - 1) * days + 1} and over"]
    day = date.fromisoformat(report.day)

    def place(entry: Entry) -> int:
        late = (day - date.fromisoformat(entry.due)).days
        return 0 if late <= 0 else min((late - 1) // days + 1, periods)

    return titles, place


def _section(books: Books, title: str, part: list[Entry]) -> Row:
    blank = [{"value": ""}] * (len(_DETAIL) - 1)
    return {
        "Header": {"ColData": [{"value": title}, *blank]},
        "Rows": {"Row": [_detail(books, entry) for entry in part]},
        "Summary": _summed(f"Total for {title}", part),
        "type": "Section",
    }


def _detail(books: Books, entry: Entry) -> Row:
    name = books.get("Customer", entry.customer_id)["FullyQualifiedName"]
    number = entry.row.get("DocNumber") or entry.row.get("PaymentRefNum") or ""
    return {
        "ColData": [
            {"value": entry.date},
            {"value": TYPES[entry.entity], "id": entry.row["Id"]},
            {"value": number},
            {"value": name, "id": entry.customer_id},
            {"value": entry.due},
            {"value": _shown(entry.amount)},
            {"value": _shown(entry.open)},
        ],
        "type": "Data",
    }


def _summed(title: str, part: list[Entry]) -> Row:
    amounts = (sum((each.amount for each in part), ZERO), sum((each.open for each in part), ZERO))
    blank = [{"value": ""}] * (len(_DETAIL) - 3)
    return {"ColData": [{"value": title}, *blank, *({"value": _shown(each)} for each in amounts)]}


def _by_customer(books: Books, sums: dict[str, list[Decimal]], *, total: bool) -> list[Row]:
    """One row for each customer, sub-customers inside their parent, and the grand total."""
    tops = [row["Id"] for row in books.rows("Customer") if not row.get("ParentRef")]
    rows = [row for each in tops if (row := _customer_row(books, each, sums, total=total))]
    if rows:
        grand = _added(sums.values())
        summary = _cells({"value": "TOTAL"}, grand, total=total)
        rows.append({"Summary": summary, "type": "Section", "group": "GrandTotal"})
    return rows


def _customer_row(
    books: Books, customer_id: str, sums: dict[str, list[Decimal]], *, total: bool
) -> Row | None:
    row = books.get("Customer", customer_id)
    below = [
        found
        for child in books.children(customer_id)
        if (found := _customer_row(books, child["Id"], sums, total=total))
    ]
    own = sums.get(customer_id)
    if own is None and not below:
        return None
    width = len(next(iter(sums.values())))
    name = {"value": row["DisplayName"], "id": customer_id}
    shown = _cells(name, own or [ZERO] * width, total=total)
    if not below:
        return shown
    family = _added(sums[each] for each in _family(books, customer_id) if each in sums)
    summary = _cells({"value": f"Total {row['DisplayName']}"}, family, total=total)
    return {"Header": shown, "Rows": {"Row": below}, "Summary": summary, "type": "Section"}


def _family(books: Books, customer_id: str) -> list[str]:
    below = [each for row in books.children(customer_id) for each in _family(books, row["Id"])]
    return [customer_id, *below]


def _added(parts: Iterable[list[Decimal]]) -> list[Decimal]:
    return [sum(column, ZERO) for column in zip(*parts, strict=True)]


def _cells(name: Row, amounts: list[Decimal], *, total: bool) -> Row:
    """A row of amounts; beside a total, columns without an amount stay empty."""
    shown = [{"value": _shown(each) if each or not total else ""} for each in amounts]
    if total:
        shown.append({"value": _shown(sum(amounts, ZERO))})
    return {"ColData": [name, *shown]}


# -- every transaction ---------------------------------------------------------------
def _transactions(report: Report) -> Row:
    books = report.books
    end = _day(report.asked, "end_date", books.today())
    start = _day(report.asked, "start_date", end[:8] + "01")
    found = []
    for entity, title in TYPES.items():
        for row in books.rows(entity):
            customer = row.get("CustomerRef", {}).get("value", "")
            wanted = not report.customers or customer in report.customers
            if start <= row["TxnDate"] <= end and wanted:
                found.append((row["TxnDate"], int(row["Id"]), entity, title, row))
    found.sort(key=lambda each: each[:2])
    rows = [_transaction(books, entity, title, row) for _, _, entity, title, row in found]
    columns = [
        ("Date", "Date"), ("Transaction Type", "String"), ("Num", "String"),
        ("Posting", "Boolean"), ("Name", "String"), ("Memo/Description", "String"),
        ("Amount", _MONEY),
    ]  # fmt: skip
    return report.body(columns, rows, (start, end))


def _transaction(books: Books, entity: str, title: str, row: Row) -> Row:
    sign = -1 if entity == "CreditMemo" else 1
    amount = cents(sign * row["TotalAmt"] * row.get("ExchangeRate", Decimal(1)))
    customer = row.get("CustomerRef", {}).get("value", "")
    name = books.get("Customer", customer)["FullyQualifiedName"] if customer else ""
    return {
        "ColData": [
            {"value": row["TxnDate"]},
            {"value": title, "id": row["Id"]},
            {"value": row.get("DocNumber") or row.get("PaymentRefNum") or ""},
            {"value": "Yes"},
            {"value": name, "id": customer},
            {"value": row.get("PrivateNote") or ""},
            {"value": _shown(amount)},
        ],
        "type": "Data",
    }


# -- small things --------------------------------------------------------------------
def _day(asked: Mapping[str, str], name: str, default: str) -> str:
    text = asked.get(name) or default
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise faults.bad_date(name, text) from None


def _shown(amount: Decimal) -> str:
    return format(cents(amount), "f")


def _count(rows: list[Row]) -> int:
    """Rows with all that is inside them."""
    return sum(1 + _count(row.get("Rows", {}).get("Row", [])) for row in rows)


_REPORTS: dict[str, Callable[[Report], Row]] = {
    "AgedReceivables": _aged,
    "AgedReceivableDetail": _aged_detail,
    "CustomerBalance": _balance,
    "CustomerBalanceDetail": _balance_detail,
    "TransactionList": _transactions,
}
