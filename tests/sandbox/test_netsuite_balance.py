"""The NetSuite sandbox's books balance after anything a bookkeeper can do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.errors import ApiError
from tieout.sandbox.netsuite.posting import entries

KINDS = (
    "invoice", "creditMemo", "customerPayment", "customerDeposit", "depositApplication",
    "journalEntry", "customer",
)  # fmt: skip
ACTS = (
    "invoice", "pay", "overpay", "unapplied", "apply", "unapply", "credit", "use", "deposit",
    "draw", "journal", "void", "void payment", "delete", "edit", "unpay", "uncredit", "undraw",
    "merge",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 20),
        st.integers(0, 20),
        st.integers(0, 20_000).map(lambda minor: Decimal(minor) / 100),
    ),
    max_size=25,
)


def pick(vendor: NetSuite, kind: str, index: int) -> str:
    ids = [row["id"] for row in vendor.acts.rows(kind)]
    return ids[index % len(ids)] if ids else "0"


def act(vendor: NetSuite, step: tuple[str, int, int, Decimal]) -> None:
    name, one, two, amount = step
    acts = vendor.acts
    customer, invoice = pick(vendor, "customer", one), pick(vendor, "invoice", one)
    payment, memo = pick(vendor, "customerPayment", two), pick(vendor, "creditMemo", two)
    deposit, drawn = pick(vendor, "customerDeposit", two), pick(vendor, "depositApplication", two)
    does = {
        "invoice": lambda: acts.add_invoice(customer, amount),
        "pay": lambda: acts.pay({invoice: amount}),
        "overpay": lambda: acts.pay({invoice: amount}, total=amount + two),
        "unapplied": lambda: acts.add_payment(customer, amount),
        "apply": lambda: acts.apply_payment(payment, {invoice: amount}),
        "unapply": lambda: acts.unapply("customerPayment", payment, invoice),
        "credit": lambda: acts.add_credit(customer, amount),
        "use": lambda: acts.apply_credit(memo, {invoice: amount}),
        "deposit": lambda: acts.add_deposit(customer, amount),
        "draw": lambda: acts.apply_deposit(deposit, {invoice: amount}),
        "void": lambda: acts.void_invoice(invoice),
        "void payment": lambda: acts.void_payment(payment),
        "delete": lambda: acts.delete_invoice(invoice),
        "edit": lambda: acts.edit_invoice(invoice, amount=amount),
        "unpay": lambda: acts.delete_payment(payment),
        "uncredit": lambda: acts.delete_credit(memo),
        "journal": lambda: journal(vendor, amount),
        "undraw": lambda: vendor.books.delete("depositApplication", drawn),
        "merge": lambda: merge(vendor, one),
    }
    does[name]()


def journal(vendor: NetSuite, amount: Decimal) -> None:
    """Move an amount between two accounts that are not receivables."""
    accounts = [row["id"] for row in vendor.acts.rows("account") if row["acctType"] != "AcctRec"]
    vendor.acts.add_journal(accounts[0], accounts[1], amount)


def merge(vendor: NetSuite, which: int) -> None:
    """Merge the oldest customer into another, and let a new one come."""
    ids = [row["id"] for row in vendor.acts.rows("customer")]
    vendor.acts.merge_customers(ids[0], ids[1:][which % (len(ids) - 1)])
    vendor.acts.add_customer(f"Customer {len(vendor.books.changes)}")


def check(caller: Caller) -> None:
    """Reckon every balance anew from the apply lines, as an auditor would."""
    vendor = caller.vendor
    acts = vendor.acts
    settled: dict[str, Decimal] = {}
    owed: dict[str, Decimal] = {}
    for kind in ("customerPayment", "creditMemo", "depositApplication"):
        for row in acts.rows(kind):
            used = sum((line["amount"] for line in row["apply"]), Decimal(0))
            for line in row["apply"]:
                assert line["amount"] > 0
                settled[line["doc"]] = settled.get(line["doc"], Decimal(0)) + line["amount"]
            assert row["applied"] == used <= row["total"]
            assert row["unapplied"] == row["total"] - used
            customer = row.get("customer") or row["entity"]
            owed[customer] = owed.get(customer, Decimal(0)) - row["unapplied"]
    for deposit in acts.rows("customerDeposit"):
        drawn = [row for row in acts.rows("depositApplication") if row["deposit"] == deposit["id"]]
        assert sum((row["total"] for row in drawn), Decimal(0)) <= deposit["payment"]
    for row in acts.rows("invoice"):
        shown = caller.get(f"invoice/{row['id']}")
        paid = settled.pop(row["id"], Decimal(0))
        assert shown["amountPaid"] == paid
        assert shown["amountRemaining"] == shown["total"] - paid >= 0
        wanted = "V" if row["status"] == "V" else "A" if shown["amountRemaining"] else "B"
        assert shown["status"]["id"] == wanted
        owed[row["entity"]] = owed.get(row["entity"], Decimal(0)) + shown["amountRemaining"]
    assert not settled, "money is applied to an invoice that is gone"
    for customer_row in acts.rows("customer"):
        shown = caller.get(f"customer/{customer_row['id']}")
        assert shown["balance"] == owed.get(customer_row["id"], Decimal(0))
    check_ledger(caller, sum(owed.values(), Decimal(0)))


def check_ledger(caller: Caller, receivable: Decimal) -> None:
    """Every entry balances, and the control account is what customers owe."""
    vendor = caller.vendor
    for kind in KINDS[:-1]:
        for row in vendor.acts.rows(kind):
            assert sum(amount for _, _, amount in entries(vendor.books, kind, row)) == 0
    control = (
        "SELECT SUM(l.amount) s FROM transactionaccountingline l JOIN account a"
        " ON a.id = l.account WHERE a.accttype = 'AcctRec'"
    )
    assert Decimal(caller.rows(control)[0].get("s", "0")) == receivable
    unused = "SELECT id, foreignpaymentamountunused n FROM transaction WHERE type = ?"
    for row in caller.rows(unused, "CustDep"):
        deposit = caller.get(f"customerDeposit/{row['id']}")
        assert Decimal(row["n"]) == deposit["unapplied"] >= 0
    unpaid = "SELECT id, foreignamountunpaid u FROM transaction WHERE type = 'CustInvc'"
    for found in caller.rows(unpaid):
        row = vendor.books.get("invoice", found["id"])
        assert Decimal(found["u"]) == vendor.books.due(row)


def snapshot(vendor: NetSuite) -> dict[str, Any]:
    return {kind: dict(vendor.books.tables[kind]) for kind in KINDS}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_books_balance_after_anything(steps: list[tuple[str, int, int, Decimal]]) -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    vendor = NetSuite(clock, preset="empty")
    caller = Caller(vendor)
    for name in ("Acme", "Birch"):
        vendor.acts.add_customer(name)
    for step in steps:
        before = snapshot(vendor)
        try:
            act(vendor, step)
        except ApiError:
            assert snapshot(vendor) == before, "a refusal must change nothing"
        if step[1] % 5 == 0:  # the queries' tables follow the books from any point on
            check(caller)
    check(caller)
    fresh = Caller(vendor.copy())
    check(fresh)


@settings(max_examples=20, deadline=None)
@given(
    amounts=st.lists(
        st.integers(1, 20_000).map(lambda c: Decimal(c) / 100), min_size=1, max_size=5
    ),
    told=st.integers(0, 5_000).map(lambda c: Decimal(c) / 100),
)
def test_books_balance_with_a_tax_that_was_told(amounts: list[Decimal], told: Decimal) -> None:
    """What a program says of a line's tax is what the client owes, and is credited."""
    vendor = NetSuite(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)), preset="empty")
    caller, acts = Caller(vendor), vendor.acts
    acme, code = acts.add_customer("Acme")["id"], next(acts.rows("salesTaxItem"))["id"]
    items = [
        {**acts.one_line("1"), "amount": amount, "taxDetailsReference": f"NEW_ITEM_{number}"}
        for number, amount in enumerate(amounts)
    ]
    details = [
        {
            "taxDetailsReference": {"id": item["taxDetailsReference"]},
            "taxType": "2",
            "taxCode": {"id": code},
            "taxRate": 22,
            "taxBasis": item["amount"],
            "taxAmount": told,
        }
        for item in items
    ]
    body = {
        "entity": acme,
        "item": {"items": items},
        "taxDetailsOverride": True,
        "taxDetails": {"items": details},
    }
    total = sum(amounts) + told * len(amounts)
    for name in ("invoice", "creditMemo"):
        for _ in range(2):  # a repeat under the same external id changes nothing
            sent = {**body, "externalId": f"{name}-7"}
            caller.make("PUT", f"{name}/eid:{name}-7", sent, replace="item,taxDetails")
            check(caller)
        (row,) = acts.rows(name)
        assert (row["total"], row["taxTotal"]) == (total, told * len(amounts))
        assert len(row["taxDetails"]) == len(amounts)
