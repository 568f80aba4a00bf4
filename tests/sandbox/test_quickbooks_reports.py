"""Reports of the QuickBooks Online sandbox tie to its customers and its receivables account."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


def desk(**settings: Any) -> Caller:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    options = {"preset": "empty", "limits": False} | settings
    return Caller(QuickBooks(clock, **options))


def report(caller: Caller, name: str, **asked: str) -> Row:
    status, body = caller.call("GET", f"reports/{name}", **asked)
    assert status == 200, body
    return body


def cells(row: Row) -> list[str]:
    return [cell["value"] for cell in row["ColData"]]


def leaves(rows: list[Row]) -> list[list[str]]:
    """The rows without others inside, from top to bottom."""
    found = []
    for row in rows:
        found += leaves(row["Rows"]["Row"]) if "Rows" in row else []
        found += [cells(row)] if "ColData" in row else []
    return found


def grand_total(body: Row) -> list[str]:
    last = body["Rows"]["Row"][-1]
    assert last["group"] == "GrandTotal"
    return cells(last["Summary"])


def three_months(caller: Caller) -> dict[str, str]:
    """Acme owes 100 since January, 200 of February half paid, 50 not yet due; a credit of 30."""
    books = caller.vendor.books
    acme = books.add_customer("Acme")["Id"]
    job = books.add_customer("Acme Rollout", Job=True, ParentRef={"value": acme})["Id"]
    old = books.add_invoice(acme, "100", TxnDate="2025-12-01", DueDate="2025-12-31", DocNumber="1")
    half = books.add_invoice(job, "200", TxnDate="2026-01-20", DueDate="2026-02-19", DocNumber="2")
    books.add_invoice(job, "50", TxnDate="2026-02-20", DueDate="2026-03-22", DocNumber="3")
    books.pay({half["Id"]: "100"}, TxnDate="2026-02-25", PaymentRefNum="WIRE-1")
    books.add_credit(acme, "30", TxnDate="2026-02-28", DocNumber="C-1")
    return {"acme": acme, "job": job, "old": old["Id"]}


def test_receivables_are_aged_by_due_date_with_sub_customers_inside() -> None:
    caller = desk()
    three_months(caller)
    body = report(caller, "AgedReceivables", report_date="2026-03-02")
    titles = [column["ColTitle"] for column in body["Columns"]["Column"]]
    assert titles == ["", "Current", "1 - 30", "31 - 60", "61 - 90", "91 and over", "Total"]
    family = body["Rows"]["Row"][0]
    assert cells(family["Header"]) == ["Acme", "", "-30.00", "", "100.00", "", "70.00"]
    inside = ["Acme Rollout", "50.00", "100.00", "", "", "", "150.00"]
    assert [cells(row) for row in family["Rows"]["Row"]] == [inside]
    total = ["50.00", "70.00", "", "100.00", "", "220.00"]
    assert cells(family["Summary"]) == ["Total Acme", *total]
    assert grand_total(body) == ["TOTAL", *total]
    assert body["Header"]["ReportName"] == "AgedReceivables"


def test_a_report_of_an_earlier_day_does_not_know_later_payments() -> None:
    caller = desk()
    three_months(caller)
    body = report(caller, "AgedReceivables", report_date="2026-02-24")
    assert grand_total(body) == ["TOTAL", "50.00", "200.00", "100.00", "", "", "350.00"]
    wide = report(
        caller, "AgedReceivables", report_date="2026-02-24", aging_period="60", num_periods="2"
    )
    assert grand_total(wide) == ["TOTAL", "50.00", "300.00", "", "350.00"]


def test_the_detail_names_every_open_transaction() -> None:
    caller = desk()
    ids = three_months(caller)
    body = report(caller, "AgedReceivableDetail", report_date="2026-03-02")
    rows = leaves(body["Rows"]["Row"])
    assert [(row[1], row[2], row[6]) for row in rows] == [
        ("Invoice", "3", "50.00"),
        ("Invoice", "2", "100.00"),
        ("Credit Memo", "C-1", "-30.00"),
        ("Invoice", "1", "100.00"),
    ]
    assert grand_total(body)[-1] == "220.00"
    mine = report(caller, "CustomerBalanceDetail", customer=ids["acme"])
    assert [row[2] for row in leaves(mine["Rows"]["Row"])] == ["1", "C-1"]


def test_transactions_are_listed_between_two_days() -> None:
    caller = desk()
    three_months(caller)
    asked = {"start_date": "2026-02-01", "end_date": "2026-02-28"}
    body = report(caller, "TransactionList", **asked)
    rows = leaves(body["Rows"]["Row"])
    assert [(row[0], row[1], row[2], row[6]) for row in rows] == [
        ("2026-02-20", "Invoice", "3", "50.00"),
        ("2026-02-25", "Payment", "WIRE-1", "100.00"),
        ("2026-02-28", "Credit Memo", "C-1", "-30.00"),
    ]
    assert (body["Header"]["StartPeriod"], body["Header"]["EndPeriod"]) == tuple(asked.values())


@pytest.mark.parametrize("country", ["US", "GB"])
def test_every_total_ties_to_the_receivables_account(country: str) -> None:
    caller = desk(preset="sample", country=country)
    accounts = caller.vendor.books.live("Account")
    owed = next(row for row in accounts if row["AccountType"] == "Accounts Receivable")
    expected = format(owed["CurrentBalance"], "f")
    assert Decimal(expected) > 0
    for name in (
        "AgedReceivables",
        "AgedReceivableDetail",
        "CustomerBalance",
        "CustomerBalanceDetail",
    ):
        assert grand_total(report(caller, name))[-1] == expected, name


def test_foreign_balances_are_told_in_the_home_currency() -> None:
    caller = desk(multicurrency=True)
    books = caller.vendor.books
    books.set_rate("EUR", "1.08", date(2026, 1, 1))
    customer = books.add_customer("Lyon", CurrencyRef={"value": "EUR"})["Id"]
    books.add_invoice(customer, "100")
    assert grand_total(report(caller, "CustomerBalance")) == ["TOTAL", "108.00"]


def test_empty_books_give_an_empty_report_and_reads_are_metered() -> None:
    caller = desk(limits=True, monthly_quota=2)
    for _ in range(2):
        assert report(caller, "AgedReceivables")["Rows"] == {}
    assert caller.send("GET", "reports/AgedReceivables").status_code == 429


@pytest.mark.parametrize(
    ("path", "asked", "code"),
    [
        ("reports/Weather", {}, "500"),
        ("reports/AgedReceivables", {"report_date": "soon"}, "2190"),
        ("reports/AgedReceivables", {"num_periods": "0"}, "2240"),
        ("reports/TransactionList", {"start_date": "2026-13-01"}, "2190"),
    ],
)
def test_bad_questions(path: str, asked: dict[str, str], code: str) -> None:
    status, body = desk().call("GET", path, **asked)
    assert (status, body["Fault"]["Error"][0]["code"]) == (400, code)
