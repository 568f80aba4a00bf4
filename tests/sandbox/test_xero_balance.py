"""The books of the stand-in of Xero balance after anything a bookkeeper can do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.xero_desk import NOW
from tieout.clock import VirtualClock
from tieout.sandbox.xero import Xero
from tieout.sandbox.xero.errors import Invalid, Missing, Refusal
from tieout.sandbox.xero.shapes import show

ACTS = (
    "invoice", "foreign", "pay", "several", "overpay", "prepay", "credit", "apply", "unapply",
    "refund", "void", "void credit", "edit", "unpay", "unbatch", "write off", "merge",
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
TABLES = ("Invoices", "CreditNotes", "Overpayments", "Prepayments", "Payments", "BatchPayments")
NOBODY = "00000000-0000-4000-a000-000000000000"
ZERO = Decimal(0)


def pick(books: Any, tables: tuple[str, ...], index: int) -> str:
    ids = [row_id for table in tables for row_id in books.tables[table]]
    return ids[index % len(ids)] if ids else NOBODY


def act(vendor: Xero, step: tuple[str, int, int, Decimal]) -> None:
    name, one, two, amount = step
    books = vendor.books
    contact = pick(books, ("Contacts",), one)
    invoice, other = pick(books, ("Invoices",), one), pick(books, ("Invoices",), two)
    credit = pick(books, ("CreditNotes", "Overpayments", "Prepayments"), two)
    due = books.get("Invoices", invoice)["AmountDue"] if name == "overpay" else ZERO
    acts = {
        "invoice": lambda: books.add_invoice(contact, amount),
        "foreign": lambda: books.add_invoice(contact, amount, CurrencyCode="EUR"),
        "pay": lambda: books.pay(invoice, amount),
        "several": lambda: books.pay_several({invoice: amount, other: amount}),
        "overpay": lambda: books.overpay(invoice, due + amount + 1),
        "prepay": lambda: books.prepay(contact, amount + 1),
        "credit": lambda: books.add_credit_note(contact, amount),
        "apply": lambda: books.apply_credit(credit, invoice, amount),
        "unapply": lambda: unapply(books, two),
        "refund": lambda: books.refund(credit, amount),
        "void": lambda: books.void_invoice(invoice),
        "void credit": lambda: books.void_credit_note(pick(books, ("CreditNotes",), two)),
        "edit": lambda: books.edit_invoice(invoice, amount=amount),
        "unpay": lambda: books.delete_payment(pick(books, ("Payments",), two)),
        "unbatch": lambda: books.delete_batch(pick(books, ("BatchPayments",), two)),
        "write off": lambda: books.write_off(invoice, amount),
        "merge": lambda: merge(books, one),
    }
    acts[name]()


def unapply(books: Any, index: int) -> None:
    uses = [
        (credit["CreditNoteID"], use["AllocationID"])
        for credit in books.live("CreditNotes")
        for use in credit["_uses"]
    ]
    if uses:
        books.unapply_credit(*uses[index % len(uses)])


def merge(books: Any, which: int) -> None:
    """Merge the oldest active contact into another, and let a new one come."""
    ids = [row["ContactID"] for row in books.live("Contacts") if row["ContactStatus"] == "ACTIVE"]
    if len(ids) > 1:
        books.merge_contacts(ids[0], ids[1:][which % (len(ids) - 1)])
    books.add_contact(f"Contact {len(books.changes)}")


def check(vendor: Xero) -> None:
    """Work out every balance from the payments and allocations, as an auditor would."""
    books = vendor.books
    paid: dict[tuple[str, str], Decimal] = {}
    for payment in books.live("Payments"):
        if payment["Status"] == "AUTHORISED":
            paid[payment["_target"]] = paid.get(payment["_target"], ZERO) + payment["Amount"]
    credited: dict[str, Decimal] = {}
    owed: dict[str, Decimal] = {}
    for table in ("CreditNotes", "Overpayments", "Prepayments"):
        for row in books.live(table):
            taken = sum((use["Amount"] for use in row["_uses"]), ZERO)
            for use in row["_uses"]:
                key = use["_invoice"]
                credited[key] = credited.get(key, ZERO) + use["Amount"]
            row_id = row[f"{table[:-1]}ID"]
            left = row["Total"] - taken - paid.pop((table, row_id), ZERO)
            open_ = row["Status"] not in ("VOIDED", "DELETED")
            assert row["RemainingCredit"] == (left if open_ else 0)
            assert left >= 0
            assert (row["Status"] == "PAID") == (open_ and left == 0)
            owe(owed, row, -row["RemainingCredit"])
    for row in books.live("Invoices"):
        taken = paid.pop(("Invoices", row["InvoiceID"]), ZERO)
        used = credited.pop(row["InvoiceID"], ZERO)
        open_ = row["Status"] in ("AUTHORISED", "PAID")
        left = row["Total"] - taken - used
        assert (row["AmountPaid"], row["AmountCredited"]) == (taken, used)
        assert row["AmountDue"] == (left if open_ else 0)
        assert left >= 0
        assert (row["Status"] == "PAID") == (open_ and left == 0)
        assert row["Total"] == row["SubTotal"] + row["TotalTax"]
        shown = show(books, "Invoices", row)
        assert sum((each["Amount"] for each in shown["Payments"]), ZERO) == taken
        lists = ("CreditNotes", "Overpayments", "Prepayments")
        applied = sum((each["AppliedAmount"] for name in lists for each in shown[name]), ZERO)
        assert applied == used
        owe(owed, row, row["AmountDue"])
    assert not paid, "money is paid on a document that is gone"
    assert not credited, "a credit is used on an invoice that is gone"
    for batch in books.live("BatchPayments"):
        members = [books.get("Payments", each) for each in batch["_payments"]]
        assert {each["Status"] for each in members} == {batch["Status"]}
        assert sum(each["Amount"] for each in members) == batch["TotalAmount"]
    for contact in books.live("Contacts"):
        balance = books.balances(contact["ContactID"])["AccountsReceivable"]["Outstanding"]
        expected = owed.get(contact["ContactID"], ZERO)
        assert abs(balance - expected) < Decimal("0.01")


def owe(owed: dict[str, Decimal], row: dict[str, Any], amount: Decimal) -> None:
    if row["Type"].startswith("ACCPAY"):
        return
    contact = row["_contact"]
    owed[contact] = owed.get(contact, ZERO) + amount / row["CurrencyRate"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_books_balance_after_anything(steps: list[tuple[str, int, int, Decimal]]) -> None:
    vendor = Xero(VirtualClock(NOW), preset="empty")
    vendor.books.add_currency("EUR", "0.55")
    for name in ("Acme", "Birch"):
        vendor.books.add_contact(name)
    for step in steps:
        before = [vendor.books.live(table) for table in TABLES]
        try:
            act(vendor, step)
        except (Invalid, Missing, Refusal):
            composed = step[0] in ("overpay", "write off")
            after = [vendor.books.live(table) for table in TABLES]
            assert composed or after == before, "a refusal must change nothing"
        check(vendor)


def test_the_sample_balances_and_is_made_in_no_time() -> None:
    vendor = Xero(VirtualClock(NOW))
    check(vendor)
    books = vendor.books
    assert {row["Status"] for row in books.live("Invoices")} == {"AUTHORISED", "PAID", "VOIDED"}
    assert [row["Type"] for row in books.live("Invoices")].count("ACCPAY") == 1
    assert all(books.live(table) for table in TABLES)
    assert sum(row["ContactStatus"] == "ARCHIVED" for row in books.live("Contacts")) == 2
    for country in ("US", "AU", "GB", "DE"):
        check(Xero(VirtualClock(NOW), country=country))
