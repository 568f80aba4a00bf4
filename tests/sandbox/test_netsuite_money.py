"""Payments, credits, deposits and journals in the NetSuite sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite

Row = dict[str, Any]
LINKS = (
    "SELECT l.previousdoc invoice, l.nextdoc doc, l.nexttype doctype, l.linktype, l.foreignamount"
    " FROM nexttransactionlinelink l JOIN transaction p ON p.id = l.nextdoc"
    " WHERE l.previousdoc = ? AND l.nexttype IN ('CustPymt','CustCred','DepAppl')"
    " ORDER BY l.nextdoc"
)


class Desk(Caller):
    """A bookkeeper's program with a customer and a service."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.acme = self.acts.add_customer("Acme")["id"]

    def invoice(self, amount: str, **more: Any) -> str:
        return str(self.acts.add_invoice(self.acme, amount, **more)["id"])

    def pay(self, total: Any, *parts: tuple[str, Any], **more: Any) -> Row:
        """The body of a payment."""
        items = [{"doc": {"id": doc}, "apply": True, "amount": amount} for doc, amount in parts]
        paid = {} if total is None else {"payment": total}
        return {"customer": {"id": self.acme}, "apply": {"items": items}, **paid, **more}

    def state(self, invoice: str) -> tuple[Any, Any, str]:
        row = self.get(f"invoice/{invoice}")
        return row["amountPaid"], row["amountRemaining"], row["status"]["id"]

    def refused(self, method: str, path: str, body: Any = None) -> str:
        status, answer = self.call(method, path, body)
        assert status == 400, answer
        return str(answer["o:errorDetails"][0]["detail"])


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_payment_settles_part_of_an_invoice_then_the_rest(desk: Desk) -> None:
    invoice = desk.invoice("1000")
    desk.make("POST", "customerPayment", desk.pay(400, (invoice, 400)))
    assert desk.state(invoice) == (400, 600, "A"), "a part-paid invoice stays open"
    desk.make("POST", "customerPayment", desk.pay(600, (invoice, 600)))
    assert desk.state(invoice) == (1000, 0, "B")
    shown = "SELECT BUILTIN.DF(status) s, foreignamountunpaid u FROM transaction WHERE id = ?"
    assert desk.rows(shown, invoice) == [{"s": "Invoice : Paid In Full", "u": "0"}]


def test_a_payment_changes_when_the_invoice_was_modified(desk: Desk) -> None:
    invoice = desk.invoice("10")
    before = desk.get(f"invoice/{invoice}")["lastModifiedDate"]
    desk.clock.advance(60)
    desk.acts.pay({invoice: 4})
    after = desk.get(f"invoice/{invoice}")["lastModifiedDate"]
    assert (before, after) == ("2026-03-02T17:00:00Z", "2026-03-02T17:01:00Z")
    desk.acts.prefer(touch_on_apply=False)
    desk.clock.advance(60)
    desk.acts.pay({invoice: 6})
    row = desk.get(f"invoice/{invoice}")
    assert (row["lastModifiedDate"], row["status"]["id"]) == (after, "B")


def test_one_payment_for_several_invoices_and_something_over(desk: Desk) -> None:
    first, second = desk.invoice("100"), desk.invoice("200")
    body = desk.pay(350, (first, 100), (second, 200))
    row = desk.get("customerPayment/" + desk.make("POST", "customerPayment", body))
    assert (row["applied"], row["unapplied"], row["balance"]) == (300, 50, 50)
    assert desk.state(first)[2] == desk.state(second)[2] == "B"
    used = "SELECT foreignpaymentamountused u, foreignpaymentamountunused n FROM transaction"
    assert desk.rows(f"{used} WHERE type = 'CustPymt'") == [{"u": "300", "n": "50"}]
    assert desk.get(f"customer/{desk.acme}")["balance"] == -50


def test_an_amount_left_out_is_what_is_applied(desk: Desk) -> None:
    invoice = desk.invoice("100")
    payment = desk.make("POST", "customerPayment", desk.pay(None, (invoice, 30)))
    assert desk.get(f"customerPayment/{payment}")["payment"] == 30
    more = {"apply": {"items": [{"doc": {"id": invoice}, "amount": 45}]}}
    desk.make("PATCH", f"customerPayment/{payment}", more)
    assert desk.get(f"customerPayment/{payment}")["payment"] == 45


@pytest.mark.parametrize("off", [{"apply": False}, {"amount": 0}])
def test_money_is_taken_off_an_invoice(desk: Desk, off: Row) -> None:
    invoice, other = desk.invoice("100"), desk.invoice("50")
    body = desk.pay(150, (invoice, 100), (other, 50))
    payment = desk.make("POST", "customerPayment", body)
    line = {"doc": {"id": invoice}, **off}
    changes = {"customer": {"id": desk.acme}, "apply": {"items": [line]}}
    desk.make("PATCH", f"customerPayment/{payment}", changes)
    row = desk.get(f"customerPayment/{payment}")
    assert (row["applied"], row["unapplied"]) == (50, 100)
    assert desk.state(invoice) == (0, 100, "A")
    assert desk.state(other)[2] == "B"


def test_what_a_payment_may_not_do(desk: Desk) -> None:
    invoice = desk.invoice("100")
    assert "more than the amount due" in desk.refused(
        "POST", "customerPayment", desk.pay(None, (invoice, Decimal("100.01")))
    )
    assert "more than what there is" in desk.refused(
        "POST", "customerPayment", desk.pay(50, (invoice, 60))
    )
    theirs = desk.acts.add_invoice(desk.acts.add_customer("Birch")["id"], "10")["id"]
    said = desk.refused("POST", "customerPayment", desk.pay(None, (theirs, 10)))
    assert f"Invalid Field Value {theirs} for the following field: doc" in said
    assert "Payment Amount" in desk.refused("POST", "customerPayment", desk.pay(None))
    assert desk.state(invoice) == (0, 100, "A"), "a refusal changes nothing"


def test_a_deleted_payment_opens_the_invoice_again(desk: Desk) -> None:
    invoice = desk.invoice("100")
    payment = desk.acts.pay(invoice)["id"]
    desk.acts.delete_payment(payment)
    assert desk.state(invoice) == (0, 100, "A")
    gone = "SELECT recordid, scriptid FROM deletedrecord"
    assert desk.rows(gone) == [{"recordid": payment, "scriptid": "customerpayment"}]


def test_a_void_payment_stays_with_nothing_on_it(desk: Desk) -> None:
    invoice = desk.invoice("100")
    payment = desk.acts.pay(invoice)["id"]
    desk.acts.void_payment(payment)
    assert desk.state(invoice) == (0, 100, "A")
    row = desk.get(f"customerPayment/{payment}")
    assert (row["payment"], row["applied"]) == (0, 0)
    assert not {"item", "time", "line", "_taxes"} & set(row)
    voided = "SELECT status, voided FROM transaction WHERE id = ?"
    assert desk.rows(voided, payment) == [{"status": "V", "voided": "T"}]


def test_a_payment_waits_in_undeposited_funds_until_it_is_banked(desk: Desk) -> None:
    payment = desk.acts.pay(desk.invoice("100"))["id"]
    shown = "SELECT BUILTIN.DF(status) s FROM transaction WHERE id = ?"
    assert desk.rows(shown, payment) == [{"s": "Payment : Not Deposited"}]
    assert desk.get(f"customerPayment/{payment}")["undepFunds"]["id"] == "T"
    desk.acts.bank_payment(payment)
    assert desk.rows(shown, payment) == [{"s": "Payment : Deposited"}]


def test_automatic_application_takes_the_oldest_first(desk: Desk) -> None:
    newer, older = desk.invoice("100"), desk.invoice("50", tranDate="2026-02-01")
    desk.make("POST", "customerPayment", desk.pay(70, autoApply=True))
    assert (desk.state(older)[1], desk.state(newer)[1]) == (0, 80)


# -- credits and deposits --------------------------------------------------------------
def test_a_credit_memo_reduces_an_invoice(desk: Desk) -> None:
    invoice = desk.invoice("100")
    memo = desk.acts.add_credit(desk.acme, "30")["id"]
    assert desk.get(f"creditMemo/{memo}")["unapplied"] == 30
    sent = {"apply": {"items": [{"doc": {"id": invoice}, "amount": 20}]}}
    desk.make("PATCH", f"creditMemo/{memo}", sent)
    row = desk.get(f"creditMemo/{memo}")
    assert (row["applied"], row["unapplied"], row["status"]["refName"]) == (20, 10, "Open")
    assert desk.state(invoice) == (20, 80, "A")
    assert desk.rows(LINKS, invoice) == [
        {"invoice": invoice, "doc": memo, "doctype": "CustCred", "linktype": "Payment",
         "foreignamount": "20"}
    ]  # fmt: skip
    assert desk.get(f"customer/{desk.acme}")["balance"] == 70
    desk.acts.delete_credit(memo)
    assert desk.state(invoice) == (0, 100, "A")


def test_a_prepayment_is_a_deposit_until_it_is_applied(desk: Desk) -> None:
    deposit = desk.acts.add_deposit(desk.acme, "500")["id"]
    assert desk.get(f"customer/{desk.acme}")["depositBalance"] == 500
    invoice = desk.invoice("300")
    application = desk.acts.apply_deposit(deposit, invoice)["id"]
    assert desk.state(invoice) == (300, 0, "B")
    assert [row["doctype"] for row in desk.rows(LINKS, invoice)] == ["DepAppl"]
    assert desk.get(f"customerDeposit/{deposit}")["unapplied"] == 200
    assert desk.get(f"depositApplication/{application}")["total"] == 300
    left = "SELECT foreignpaymentamountunused n FROM transaction WHERE type = 'CustDep'"
    assert desk.rows(left) == [{"n": "200"}]
    assert desk.send("DELETE", f"record/v1/depositApplication/{application}").status_code == 204
    assert desk.rows(left) == [{"n": "500"}]
    assert desk.state(invoice) == (0, 300, "A")
    assert desk.get(f"customerDeposit/{deposit}")["unapplied"] == 500


def test_a_payment_brings_a_credit_and_a_deposit_along(desk: Desk) -> None:
    first, second = desk.invoice("100"), desk.invoice("100")
    memo = desk.acts.add_credit(desk.acme, "30")["id"]
    deposit = desk.acts.add_deposit(desk.acme, "90")["id"]
    body = desk.pay(80, (first, 100), (second, 100))
    body["credit"] = {"items": [{"doc": {"id": memo}, "apply": True, "amount": 30}]}
    body["deposit"] = {"items": [{"doc": {"id": deposit}, "apply": True, "amount": 90}]}
    payment = desk.get("customerPayment/" + desk.make("POST", "customerPayment", body))
    assert (payment["payment"], payment["applied"], payment["unapplied"]) == (80, 80, 0)
    assert desk.state(first) == desk.state(second) == (100, 0, "B")
    assert desk.get(f"creditMemo/{memo}")["unapplied"] == 0
    assert desk.get(f"customerDeposit/{deposit}")["unapplied"] == 0


def test_the_sign_of_links_may_be_turned(desk: Desk) -> None:
    invoice = desk.invoice("10")
    desk.acts.pay(invoice)
    assert desk.rows(LINKS, invoice)[0]["foreignamount"] == "10"
    desk.acts.prefer(negative_links=True)
    assert desk.rows(LINKS, invoice)[0]["foreignamount"] == "-10"


# -- other currencies ------------------------------------------------------------------
def test_receivables_are_relieved_at_the_invoices_rate(desk: Desk) -> None:
    pounds = next(row["id"] for row in desk.acts.rows("currency") if row["symbol"] == "GBP")
    desk.acts.set_rate(pounds, "1.25", date(2026, 1, 1))
    desk.acts.set_rate(pounds, "1.30", date(2026, 2, 15))
    desk.acme = desk.acts.add_customer("Leeds Ltd", currency=pounds)["id"]
    invoice = desk.invoice("100", tranDate="2026-02-01")
    desk.acts.pay(invoice, tranDate="2026-03-01")
    accounts = (
        "SELECT a.acctname, SUM(l.amount) s FROM transactionaccountingline l"
        " JOIN account a ON a.id = l.account GROUP BY a.acctname"
    )
    totals = {row["acctname"]: row["s"] for row in desk.rows(accounts)}
    assert totals == {
        "Accounts Receivable": "0",
        "Consulting Services": "-125",
        "Realized Gain/Loss": "-5",
        "Undeposited Funds": "130",
    }


def test_a_payment_in_another_currency_is_refused(desk: Desk) -> None:
    pounds = next(row["id"] for row in desk.acts.rows("currency") if row["symbol"] == "GBP")
    listed = {"items": [{"currency": pounds}]}
    desk.acts.edit("customer", desk.acme, currencyList=listed)
    invoice = desk.invoice("10")
    body = desk.pay(None, (invoice, 10), currency={"id": pounds})
    assert "field: currency" in desk.refused("POST", "customerPayment", body)


# -- journals and merges ---------------------------------------------------------------
def test_a_journal_reaches_the_control_account(desk: Desk) -> None:
    bank = next(row["id"] for row in desk.acts.rows("account") if row["acctType"] == "Bank")
    receivable = next(
        row["id"] for row in desk.acts.rows("account") if row["acctType"] == "AcctRec"
    )
    journal = desk.acts.add_journal(bank, receivable, "12.34")["id"]
    amount = "SELECT amount, credit FROM transactionaccountingline WHERE account = ?"
    assert desk.rows(amount, receivable) == [{"amount": "-12.34", "credit": "12.34"}]
    assert desk.get(f"journalEntry/{journal}", expandSubResources="true")["line"]["count"] == 2
    lines = {"items": [{"account": bank, "debit": 1}, {"account": receivable, "credit": 2}]}
    with pytest.raises(Exception, match="do not balance"):
        desk.acts.add("journalEntry", line=lines)


def test_a_void_journal_posts_nothing(desk: Desk) -> None:
    bank, receivable = (
        next(row["id"] for row in desk.acts.rows("account") if row["acctType"] == kind)
        for kind in ("Bank", "AcctRec")
    )
    desk.acts.void("journalEntry", desk.acts.add_journal(bank, receivable, "5")["id"])
    amount = "SELECT SUM(amount) s FROM transactionaccountingline WHERE account = ?"
    assert desk.rows(amount, receivable) == [{"s": "0"}]


def test_a_deposit_in_use_is_not_voided(desk: Desk) -> None:
    deposit = desk.acts.add_deposit(desk.acme, "50")["id"]
    application = desk.acts.apply_deposit(deposit, {desk.invoice("20"): "20"})["id"]
    with pytest.raises(Exception, match="cannot be voided"):
        desk.acts.void("customerDeposit", deposit)
    desk.vendor.books.delete("depositApplication", application)
    desk.acts.void("customerDeposit", deposit)
    assert desk.get(f"customer/{desk.acme}")["depositBalance"] == 0


def test_merging_customers_moves_what_they_owe(desk: Desk) -> None:
    birch = desk.acts.add_customer("Birch")["id"]
    project = desk.acts.add_project(desk.acme, "Orion")["id"]
    invoice = desk.invoice("100")
    payment = desk.acts.pay({invoice: 40})["id"]
    desk.acts.merge_customers(desk.acme, birch)
    assert desk.call("GET", f"customer/{desk.acme}")[0] == 404
    assert desk.get(f"invoice/{invoice}")["entity"]["id"] == birch
    assert desk.get(f"customerPayment/{payment}")["customer"]["id"] == birch
    assert desk.get(f"job/{project}")["parent"]["id"] == birch
    assert desk.get(f"customer/{birch}")["balance"] == 60
    desk.acts.pay(invoice)
    assert desk.state(invoice)[2] == "B"
