"""Invoices, credit memos and payments in the QuickBooks Online sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


class Desk(Caller):
    """A bookkeeper's program: calls the API and reads the answers with exact numbers."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        options = {"preset": "empty", "limits": False} | settings
        super().__init__(QuickBooks(self.clock, **options))
        self.books = self.vendor.books
        self.item = next(row["Id"] for row in self.books.live("Item") if row["Name"] == "Hours")

    def post(self, entity: str, body: Row, **query: str) -> Row:
        row = super().post(entity, body, **query)
        assert "Fault" not in row, row
        return row

    def refused(self, entity: str, body: Row, **query: str) -> tuple[str, str]:
        status, answer = self.call("POST", entity.lower(), body, **query)
        assert status == 400, answer
        error = answer["Fault"]["Error"][0]
        return error["code"], error["Detail"]

    def get(self, entity: str, row_id: str) -> Row:
        status, answer = self.call("GET", f"{entity.lower()}/{row_id}")
        assert status == 200, answer
        return answer[entity]

    def customer(self, name: str = "Acme", **values: Any) -> str:
        return str(self.post("Customer", {"DisplayName": name, **values})["Id"])

    def line(self, amount: str, *, qty: str = "", price: str = "", tax: str = "NON") -> Row:
        detail: Row = {"ItemRef": {"value": self.item}, "TaxCodeRef": {"value": tax}}
        if qty:
            detail |= {"Qty": qty, "UnitPrice": price}
        return {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }

    def invoice(self, customer: str, amount: str = "100.00", **values: Any) -> Row:
        lines = {"Line": [self.line(amount)]}
        return self.post("Invoice", {"CustomerRef": {"value": customer}, **lines, **values})

    def payment(self, customer: str, total: str, *parts: tuple[str, str, str], **more: Any) -> Row:
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": kind}]}
            for kind, row_id, amount in parts
        ]
        return {"CustomerRef": {"value": customer}, "TotalAmt": total, "Line": lines, **more}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_invoice_comes_back_with_what_quickbooks_adds(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer(), "1875.00", DocNumber="A-1", PrivateNote="sync:1")
    assert (invoice["Id"], invoice["SyncToken"]) == ("1", "0")
    assert invoice["TotalAmt"] == invoice["Balance"] == Decimal("1875.00")
    assert invoice["Line"][0]["Id"] == "1"
    assert invoice["Line"][-1]["DetailType"] == "SubTotalLineDetail"
    assert "Id" not in invoice["Line"][-1]
    assert invoice["TxnTaxDetail"] == {"TotalTax": 0}
    assert invoice["LinkedTxn"] == []
    assert invoice["PrintStatus"] == "NeedToPrint"
    assert invoice["CurrencyRef"] == {"value": "USD", "name": "United States Dollar"}
    assert not [key for key in invoice if key.startswith("_")]


def test_amounts_travel_as_numbers_with_their_own_digits(desk: Desk) -> None:
    desk.invoice(desk.customer(), "1234567.10")
    answer = desk.send("GET", "invoice/1")
    assert '"TotalAmt":1234567.10' in answer.get_data(as_text=True)
    assert answer.headers["intuit_tid"]


@pytest.mark.parametrize(
    ("qty", "price", "amount", "accepted"),
    [
        ("128.350", "14.50", "1861.08", True),
        ("128.350", "14.50", "1861.07", False),
        ("0", "0", "100.00", True),
        ("12.5", "150", "1875", True),
        ("1", "900", "1000", False),
    ],
)
def test_amount_must_be_quantity_times_price_rounded_half_up(
    desk: Desk, qty: str, price: str, amount: str, accepted: bool
) -> None:
    line = desk.line(amount, qty=qty, price=price)
    body = {"CustomerRef": {"value": desk.customer()}, "Line": [line]}
    if accepted:
        assert desk.post("Invoice", body)["TotalAmt"] == Decimal(amount)
        return
    code, detail = desk.refused("Invoice", body)
    assert code == "6070"
    assert detail.startswith("Amount is not equal to UnitPrice * Qty. Supplied value:1,")


def test_a_used_number_names_the_invoice_that_has_it(desk: Desk) -> None:
    customer = desk.customer()
    first = desk.invoice(customer, DocNumber="PRJ-000123")
    body = {
        "CustomerRef": {"value": customer},
        "DocNumber": "PRJ-000123",
        "Line": [desk.line("5")],
    }
    code, detail = desk.refused("Invoice", body)
    assert code == "6140"
    wanted = f"DocNumber=PRJ-000123 is assigned to TxnType=Invoice with TxnId={first['Id']}"
    assert wanted in detail
    assert desk.post("Invoice", body, include="allowduplicatedocnum")["DocNumber"] == "PRJ-000123"


def test_without_own_numbers_quickbooks_counts_and_takes_duplicates() -> None:
    desk = Desk(custom_txn_numbers=False)
    customer = desk.customer()
    assert [desk.invoice(customer)["DocNumber"] for _ in range(2)] == ["1001", "1002"]
    assert desk.invoice(customer, DocNumber="1001")["DocNumber"] == "1001"


def test_with_own_numbers_an_invoice_may_have_none(desk: Desk) -> None:
    assert "DocNumber" not in desk.invoice(desk.customer())


def test_due_date_follows_the_terms(desk: Desk) -> None:
    terms = {row["Name"]: {"value": row["Id"]} for row in desk.books.live("Term")}
    customer = desk.customer(SalesTermRef=terms["Net 15"])
    assert desk.invoice(customer, TxnDate="2026-01-31")["DueDate"] == "2026-02-15"
    other = desk.invoice(customer, TxnDate="2026-01-31", SalesTermRef=terms["Net 60"])
    assert other["DueDate"] == "2026-04-01"
    assert desk.invoice(customer, DueDate="2026-12-24")["DueDate"] == "2026-12-24"


def test_a_payment_moves_the_balance_and_the_revision_of_its_invoices(desk: Desk) -> None:
    customer = desk.customer()
    one, two = desk.invoice(customer, "300"), desk.invoice(customer, "250")
    paid = desk.post(
        "Payment",
        desk.payment(customer, "500", ("Invoice", one["Id"], "300"), ("Invoice", two["Id"], "150")),
    )
    assert paid["UnappliedAmt"] == 50
    assert paid["DepositToAccountRef"]["name"] == "Undeposited Funds"
    one, two = desk.get("Invoice", one["Id"]), desk.get("Invoice", two["Id"])
    assert (one["Balance"], two["Balance"]) == (0, 100)
    assert one["SyncToken"] == "1"
    assert one["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert desk.get("Customer", customer)["Balance"] == 50


def test_payments_cannot_apply_more_than_there_is(desk: Desk) -> None:
    customer, stranger = desk.customer(), desk.customer("Other")
    invoice = desk.invoice(customer, "100")["Id"]
    over = desk.payment(customer, "150", ("Invoice", invoice, "150"))
    assert desk.refused("Payment", over)[0] == "6000"
    beyond = desk.payment(customer, "10", ("Invoice", invoice, "20"))
    assert desk.refused("Payment", beyond)[0] == "6000"
    theirs = desk.payment(stranger, "10", ("Invoice", invoice, "10"))
    assert desk.refused("Payment", theirs)[0] == "620"
    negative = desk.payment(customer, "10", ("Invoice", invoice, "-1"))
    assert desk.refused("Payment", negative)[0] == "2240"
    body = {"CustomerRef": {"value": customer}}
    assert desk.refused("Payment", body)[1].endswith("You must set a transaction amount.")
    assert desk.get("Invoice", invoice)["SyncToken"] == "0"


def test_one_payment_may_span_the_sub_customers_of_a_parent(desk: Desk) -> None:
    parent = desk.customer()
    child = desk.customer("Acme Rollout", Job=True, ParentRef={"value": parent})
    invoice = desk.invoice(child, "80")["Id"]
    desk.post("Payment", desk.payment(parent, "80", ("Invoice", invoice, "80")))
    assert desk.get("Invoice", invoice)["Balance"] == 0


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(desk: Desk) -> None:
    customer = desk.customer()
    invoice = desk.invoice(customer, "100")["Id"]
    body = {"CustomerRef": {"value": customer}, "Line": [desk.line("30")]}
    memo = desk.post("CreditMemo", body)
    assert memo["RemainingCredit"] == 30
    parts = (("Invoice", invoice, "30"), ("CreditMemo", memo["Id"], "30"))
    payment = desk.post("Payment", desk.payment(customer, "0", *parts))
    assert payment["UnappliedAmt"] == 0
    assert desk.get("Invoice", invoice)["Balance"] == 70
    assert desk.get("CreditMemo", memo["Id"])["RemainingCredit"] == 0


def test_unlinking_and_voiding_a_payment_reopens_the_invoice(desk: Desk) -> None:
    customer = desk.customer()
    invoice = desk.invoice(customer, "100")["Id"]
    paid = desk.post("Payment", desk.payment(customer, "100", ("Invoice", invoice, "100")))
    header = {"Id": paid["Id"], "SyncToken": "0", "sparse": True}
    loose = desk.post("Payment", {**header, "Line": []})
    assert (loose["UnappliedAmt"], desk.get("Invoice", invoice)["Balance"]) == (100, 100)
    desk.books.apply_payment(paid["Id"], {invoice: "40"})
    void = desk.post(
        "Payment",
        {"Id": paid["Id"], "SyncToken": "2", "sparse": True},
        operation="update",
        include="void",
    )
    assert (void["TotalAmt"], void["Line"], void["PrivateNote"]) == (0, [], "Voided")
    assert desk.get("Invoice", invoice)["Balance"] == 100


def test_void_keeps_the_number_and_zeroes_the_rest(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer(), "100", DocNumber="A-7", PrivateNote="sync:9")
    void = desk.post("Invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="void")
    assert (void["TotalAmt"], void["Balance"], void["DocNumber"]) == (0, 0, "A-7")
    assert void["PrivateNote"].startswith("Voided")
    assert void["Line"][0]["Amount"] == 0
    assert void["SyncToken"] == "1"


def test_delete_leaves_a_stub_and_then_nothing(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer(), DocNumber="A-8")
    gone = desk.post("Invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="delete")
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": invoice["Id"]}
    status, answer = desk.call("GET", f"invoice/{invoice['Id']}")
    assert (status, answer["Fault"]["Error"][0]["code"]) == (400, "610")
    assert desk.invoice(desk.customer("B"), DocNumber="A-8")["DocNumber"] == "A-8"


@pytest.mark.parametrize("operation", ["void", "delete"])
def test_a_paid_invoice_is_not_taken_away(operation: str) -> None:
    desk = Desk()
    invoice = desk.invoice(desk.customer(), "100")["Id"]
    payment = desk.books.pay(invoice)
    body = {"Id": invoice, "SyncToken": "1"}
    assert desk.refused("Invoice", body, operation=operation)[0] == "6000"
    desk.vendor.settings.linked_documents = "unlink"
    desk.post("Invoice", body, operation=operation)
    assert desk.get("Payment", payment["Id"])["UnappliedAmt"] == 100


def test_an_old_sync_token_is_stale(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer(), "100")
    desk.books.edit_invoice(invoice["Id"], amount="90")
    body = {"Id": invoice["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    assert desk.refused("Invoice", body)[0] == "5010"


def test_sparse_keeps_and_full_clears(desk: Desk) -> None:
    customer = desk.customer()
    invoice = desk.invoice(customer, "100", PrivateNote="keep", CustomerMemo={"value": "hi"})
    header = {"Id": invoice["Id"], "SyncToken": "0"}
    sparse = desk.post("Invoice", {**header, "sparse": True, "CustomerMemo": {"value": "yo"}})
    assert (sparse["PrivateNote"], sparse["TotalAmt"]) == ("keep", 100)
    header["SyncToken"] = "1"
    line = {**sparse["Line"][0], "Amount": "60"}
    full = desk.post(
        "Invoice", {**header, "CustomerRef": {"value": customer}, "Line": [line, desk.line("5")]}
    )
    assert "PrivateNote" not in full
    assert [each.get("Id") for each in full["Line"]] == ["1", "2", None]
    assert full["TotalAmt"] == 65


def test_an_invoice_cannot_fall_below_what_is_paid(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer(), "100")["Id"]
    desk.books.pay({invoice: "60"})
    header = {"Id": invoice, "SyncToken": "1", "sparse": True}
    assert desk.refused("Invoice", {**header, "Line": [desk.line("50")]})[0] == "6000"
    assert desk.post("Invoice", {**header, "Line": [desk.line("70")]})["Balance"] == 10


def test_lines_without_an_item_are_text(desk: Desk) -> None:
    line = {"Amount": 50, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
    body = {"CustomerRef": {"value": desk.customer()}, "Line": [desk.line("10"), line]}
    invoice = desk.post("Invoice", body)
    assert invoice["TotalAmt"] == 10
    assert invoice["Line"][1]["DetailType"] == "DescriptionOnly"


def test_discounts_lower_the_total(desk: Desk) -> None:
    percent = {"PercentBased": True, "DiscountPercent": 10}
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": percent}
    body = {"CustomerRef": {"value": desk.customer()}, "Line": [desk.line("99.95"), discount]}
    invoice = desk.post("Invoice", body)
    assert invoice["TotalAmt"] == Decimal("89.95")
    discount["DiscountLineDetail"] = {"PercentBased": False}
    assert desk.refused("Invoice", body)[0] == "6090"


def test_closed_books_refuse_old_dates(desk: Desk) -> None:
    customer = desk.customer()
    old = desk.invoice(customer, TxnDate="2025-12-31")
    desk.books.close_until(date(2025, 12, 31))
    body = {
        "CustomerRef": {"value": customer},
        "TxnDate": "2025-12-31",
        "Line": [desk.line("1")],
    }
    assert desk.refused("Invoice", body)[0] == "6200"
    move = {"Id": old["Id"], "SyncToken": "0", "sparse": True, "TxnDate": "2026-01-05"}
    assert desk.refused("Invoice", move)[0] == "6200"
    desk.books.close_until(date(2025, 12, 31), password=True)
    assert desk.refused("Invoice", body)[0] == "6210"
    desk.invoice(customer, TxnDate="2026-01-01")


def test_an_ended_subscription_is_read_only(desk: Desk) -> None:
    customer = desk.customer()
    desk.vendor.settings.subscription_active = False
    body = {"CustomerRef": {"value": customer}, "Line": [desk.line("1")]}
    assert desk.refused("Invoice", body)[0] == "6190"
    assert desk.get("Customer", customer)["DisplayName"] == "Acme"


def test_bad_references_and_fields_are_named(desk: Desk) -> None:
    customer = desk.customer()
    line = desk.line("1")
    body: Row = {"CustomerRef": {"value": customer}, "Line": [line]}
    assert desk.refused("Invoice", {**body, "Colour": "red"})[0] == "2010"
    assert '"Colour"' in desk.refused("Invoice", {**body, "Colour": "red"})[1]
    assert desk.refused("Invoice", {**body, "CustomerRef": {"value": "999"}})[0] == "2500"
    assert desk.refused("Invoice", {"CustomerRef": {"value": customer}})[0] == "2020"
    assert desk.refused("Invoice", {**body, "DocNumber": "x" * 22})[0] == "2050"
    assert desk.refused("Invoice", {**body, "BillEmail": {"Address": "nobody"}})[0] == "2210"
    desk.books.deactivate("Item", desk.item)
    assert desk.refused("Invoice", body)[0] == "610"
    desk.books.deactivate("Customer", customer)
    assert desk.refused("Invoice", body)[0] == "6250"


def test_send_mails_and_says_so(desk: Desk) -> None:
    invoice = desk.invoice(desk.customer())["Id"]
    status, answer = desk.call("POST", f"invoice/{invoice}/send", "", sendTo="ap@acme.example")
    assert status == 200
    assert answer["Invoice"]["EmailStatus"] == "EmailSent"
    assert desk.books.outbox == [("Invoice", invoice, "ap@acme.example")]


def test_linked_time_is_billed_and_freed_again(desk: Desk) -> None:
    customer = desk.customer()
    worker = desk.post("Employee", {"DisplayName": "Ada"})["Id"]
    time = {
        "NameOf": "Employee",
        "EmployeeRef": {"value": worker},
        "CustomerRef": {"value": customer},
        "BillableStatus": "Billable",
        "Hours": 2,
    }
    assert desk.refused("TimeActivity", time)[0] == "6330"
    activity = desk.post("TimeActivity", {**time, "HourlyRate": 50})["Id"]
    link = [{"TxnId": activity, "TxnType": "TimeActivity"}]
    invoice = desk.invoice(customer, LinkedTxn=link)
    assert desk.get("TimeActivity", activity)["BillableStatus"] == "HasBeenBilled"
    desk.books.void_invoice(invoice["Id"])
    assert desk.get("TimeActivity", activity)["BillableStatus"] == "Billable"
    billed = {**time, "HourlyRate": 50, "BillableStatus": "HasBeenBilled"}
    assert desk.refused("TimeActivity", billed)[0] == "2170"


def test_old_money_is_applied_by_itself_when_preferred() -> None:
    desk = Desk(auto_apply_payments=True, auto_apply_credit=True)
    customer = desk.customer()
    desk.books.add_payment(customer, "30")
    desk.books.add_credit(customer, "20")
    assert desk.invoice(customer, "100")["Balance"] == 50
