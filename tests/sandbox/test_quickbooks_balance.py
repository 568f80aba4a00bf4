"""The sandbox's books balance after anything a bookkeeper can do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks, reports
from tieout.sandbox.quickbooks.caller import Caller
from tieout.sandbox.quickbooks.faults import ApiFault
from tieout.sandbox.quickbooks.indexes import Indexes

ACTS = (
    "invoice",
    "pay",
    "unapplied",
    "apply",
    "credit",
    "use",
    "void",
    "delete",
    "edit",
    "unpay",
    "uncredit",
    "write off",
    "unjournal",
    "merge",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 20),
        st.integers(0, 20),
        st.integers(0, 20_000).map(lambda minor: Decimal(minor) / 100),
    ),
    max_size=25,
)


def pick(ids: list[str], index: int) -> str:
    return ids[index % len(ids)] if ids else "0"


def act(vendor: QuickBooks, step: tuple[str, int, int, Decimal]) -> None:
    name, one, two, amount = step
    books = vendor.books
    customer = pick([row["Id"] for row in books.live("Customer")], one)
    invoice = pick([row["Id"] for row in books.live("Invoice")], one)
    payment = pick([row["Id"] for row in books.live("Payment")], two)
    memo = pick([row["Id"] for row in books.live("CreditMemo")], two)
    entry = pick([row["Id"] for row in books.live("JournalEntry")], two)
    bad_debts = next(row["Id"] for row in books.live("Account") if row["Name"] == "Bad debts")
    acts = {
        "invoice": lambda: books.add_invoice(customer, amount),
        "pay": lambda: books.pay({invoice: amount}, total=amount + two),
        "unapplied": lambda: books.add_payment(customer, amount),
        "apply": lambda: books.apply_payment(payment, {invoice: amount}),
        "credit": lambda: books.add_credit(customer, amount),
        "use": lambda: books.apply_credit(memo, invoice, amount),
        "uncredit": lambda: books.delete_credit(memo),
        "void": lambda: books.void_invoice(invoice),
        "delete": lambda: books.delete_invoice(invoice),
        "edit": lambda: books.edit_invoice(invoice, amount=amount),
        "unpay": lambda: books.delete_payment(payment) if one % 2 else books.void_payment(payment),
    }
    acts |= {
        "write off": lambda: books.settle_by_journal(invoice, bad_debts, amount),
        "unjournal": lambda: books.delete("JournalEntry", books.get("JournalEntry", entry)),
        "merge": lambda: merge(vendor, one),
    }
    acts[name]()


def merge(vendor: QuickBooks, which: int) -> None:
    """Merge the oldest customer into another, and let a new one come."""
    books = vendor.books
    ids = [row["Id"] for row in books.live("Customer")]
    books.merge_customers(ids[0], ids[1:][which % (len(ids) - 1)])
    books.add_customer(f"Customer {len(books.changes)}")


def check(vendor: QuickBooks) -> None:
    """Recompute every balance from the payments, as an auditor would."""
    books = vendor.books
    applied: dict[tuple[str, str], Decimal] = {}
    owed: dict[str, Decimal] = {}
    for payment in books.live("Payment"):
        into = out = Decimal(0)
        for line in payment["Line"]:
            link = line["LinkedTxn"][0]
            key = (link["TxnType"], link["TxnId"])
            applied[key] = applied.get(key, Decimal(0)) + line["Amount"]
            into += line["Amount"] if key[0] == "Invoice" else 0
            out += line["Amount"] if key[0] in ("CreditMemo", "JournalEntry") else 0
        left = payment["TotalAmt"] + out - into
        assert payment["UnappliedAmt"] == left >= 0
        customer = payment["CustomerRef"]["value"]
        owed[customer] = owed.get(customer, Decimal(0)) - left
    for entity, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for row in books.live(entity):
            taken = applied.pop((entity, row["Id"]), Decimal(0))
            assert row["Balance"] == row["TotalAmt"] - taken >= 0
            customer = row["CustomerRef"]["value"]
            owed[customer] = owed.get(customer, Decimal(0)) + sign * row["Balance"]
            assert bool(row["LinkedTxn"]) == bool(taken)
    for entry in books.live("JournalEntry"):
        lines = [line["JournalEntryLineDetail"] for line in entry["Line"]]
        customer = lines[1]["Entity"]["EntityRef"]["value"]
        taken = applied.pop(("JournalEntry", entry["Id"]), Decimal(0))
        assert taken <= entry["TotalAmt"]
        owed[customer] = owed.get(customer, Decimal(0)) - entry["TotalAmt"] + taken
    assert not applied, "money is applied to a document that is gone"
    for customer in books.live("Customer"):
        assert customer["Balance"] == owed.get(customer["Id"], Decimal(0))
    accounts = {row["Name"]: row["CurrentBalance"] for row in books.live("Account")}
    assert accounts["Accounts Receivable (A/R)"] == sum(owed.values())
    report = reports.run(books, "CustomerBalance", {"report_date": "2026-12-31"})
    rows = report["Rows"].get("Row")
    total = rows[-1]["Summary"]["ColData"][-1]["value"] if rows else "0.00"
    assert Decimal(total) == sum(owed.values())


def check_indexes(vendor: QuickBooks) -> None:
    """What is kept with every write is what the rows say."""
    fresh = Indexes()
    for entity, rows in vendor.books.tables.items():
        for row in rows.values():
            fresh.remember(entity, row)
    assert content(fresh) == content(vendor.books.indexes)


def content(indexes: Indexes) -> dict[str, Any]:
    """The indexes without empty places; the order of equal numbers does not matter."""
    kept = {
        name: {key: value for key, value in found.items() if value}
        for name, found in vars(indexes).items()
        if isinstance(found, dict)
    }
    kept["numbers"] = {key: set(value) for key, value in kept["numbers"].items()}
    return {**kept, "receivable": indexes.receivable}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, unlink=st.booleans())
def test_books_balance_after_anything(
    steps: list[tuple[str, int, int, Decimal]], unlink: bool
) -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    vendor = QuickBooks(clock, preset="empty", linked_documents="unlink" if unlink else "refuse")
    for name in ("Acme", "Birch"):
        vendor.books.add_customer(name)
    for step in steps:
        before = [vendor.books.live(entity) for entity in ("Invoice", "Payment", "CreditMemo")]
        try:
            act(vendor, step)
        except ApiFault:
            after = [vendor.books.live(entity) for entity in ("Invoice", "Payment", "CreditMemo")]
            assert after == before, "a refusal must change nothing"
        check(vendor)
    check_indexes(vendor)


@settings(max_examples=20, deadline=None)
@given(
    amounts=st.lists(
        st.integers(1, 20_000).map(lambda c: Decimal(c) / 100), min_size=1, max_size=5
    ),
    told=st.integers(0, 5_000).map(lambda c: Decimal(c) / 100),
)
def test_books_balance_with_a_tax_that_was_told(amounts: list[Decimal], told: Decimal) -> None:
    """What a program says of a rate is what the client owes, and pays, and is credited."""
    vendor = QuickBooks(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)), preset="empty",
                        country="GB")  # fmt: skip
    books = vendor.books
    buyer, item = books.add_customer("Acme")["Id"], books.live("Item")[0]["Id"]
    code = next(row for row in books.rows("TaxCode") if row["Name"] == "20.0% S")
    (rate,) = code["SalesTaxRateList"]["TaxRateDetail"]
    line = {"ItemRef": {"value": item}, "TaxCodeRef": {"value": code["Id"]}}
    detail = {"TaxRateRef": rate["TaxRateRef"], "PercentBased": True}
    body = {
        "CustomerRef": {"value": buyer},
        "Line": [
            {"Amount": amount, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": line}
            for amount in amounts
        ],
        "TxnTaxDetail": {
            "TotalTax": told,
            "TaxLine": [{"Amount": told, "DetailType": "TaxLineDetail", "TaxLineDetail": detail}],
        },
    }
    invoice, memo = (Caller(vendor).post(entity, body) for entity in ("Invoice", "CreditMemo"))
    for row in (invoice, memo):
        assert row["TotalAmt"] == sum(amounts) + told
        assert [each["Amount"] for each in row["TxnTaxDetail"]["TaxLine"]] == [told]
        check(vendor)
    books.apply_credit(memo["Id"], invoice["Id"], memo["TotalAmt"])
    check(vendor)
