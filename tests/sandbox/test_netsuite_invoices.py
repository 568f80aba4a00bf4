"""The rules of invoices, credit memos and what they refer to, in the NetSuite sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.books import Draft
from tieout.sandbox.netsuite.errors import user_error

Row = dict[str, Any]
OUTSIDE = (
    "Error while accessing a resource. The transaction date you specified is not within the date"
    " range of your accounting period."
)


class Desk(Caller):
    """A bookkeeper's program with a customer and a service."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.item = next(row["id"] for row in self.acts.rows("serviceSaleItem"))
        self.acme = self.customer("Acme")

    def customer(self, name: str, **more: Any) -> str:
        home = {"subsidiary": {"id": "1"}} if self.vendor.settings.one_world else {}
        return self.make("POST", "customer", {"companyName": name, **home, **more})

    def line(self, amount: str, **more: Any) -> Row:
        return {"item": {"id": self.item}, "quantity": 1, "rate": Decimal(amount),
                "amount": Decimal(amount), **more}  # fmt: skip

    def body(self, *amounts: str, **more: Any) -> Row:
        lines = [self.line(amount) for amount in amounts]
        return {"entity": {"id": self.acme}, "item": {"items": lines}, **more}

    def invoice(self, *amounts: str, **more: Any) -> str:
        return self.make("POST", "invoice", self.body(*amounts, **more))

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> str:
        """The sentence a business rule is told in."""
        status, answer = self.call(method, path, body, **options)
        assert status == 400, answer
        detail = answer["o:errorDetails"][0]
        assert detail["o:errorCode"] in ("USER_ERROR", "INVALID_CONTENT")
        return str(detail["detail"])

    def id_of(self, kind: str, field: str, value: str) -> str:
        return next(row["id"] for row in self.acts.rows(kind) if row[field] == value)


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- amounts ---------------------------------------------------------------------------
def test_amount_is_quantity_times_rate_unless_it_is_sent(desk: Desk) -> None:
    lines = [
        {"item": desk.item, "quantity": Decimal("7.33"), "rate": Decimal("33.35")},
        {"item": desk.item, "amount": Decimal("99.99")},
        {"item": desk.item, "quantity": 3, "amount": 100},
    ]
    body = {"entity": desk.acme, "item": {"items": lines}}
    row = desk.get("invoice/" + desk.make("POST", "invoice", body), expandSubResources="true")
    found = row["item"]["items"]
    assert [line["amount"] for line in found] == [Decimal("244.46"), Decimal("99.99"), 100]
    assert found[2]["rate"] == Decimal("33.33333333")
    assert row["total"] == row["subtotal"] == Decimal("444.45")


def test_an_amount_that_is_not_the_product_is_kept_with_a_warning(desk: Desk) -> None:
    body = desk.body("100")
    body["item"]["items"][0] |= {"quantity": 3, "rate": 40, "amount": Decimal("119.99")}
    answer = desk.send("POST", "record/v1/invoice", body)
    assert answer.status_code == 204
    assert (
        "The line total amount is not equal to the item price times the quantity."
        in (answer.headers["X-NetSuite-Warning"])
    )
    assert desk.get("invoice/1201")["total"] == Decimal("119.99")


def test_a_line_needs_an_item_and_a_price(desk: Desk) -> None:
    body = {"entity": desk.acme, "item": {"items": [{"amount": 1}]}}
    assert "Please enter value(s) for: Items" in desk.refused("POST", "invoice", body)
    body = {"entity": desk.acme, "item": {"items": [{"item": desk.item, "quantity": 1}]}}
    assert "Please enter value(s) for: Amount" in desk.refused("POST", "invoice", body)
    assert "Customer" in desk.refused("POST", "invoice", {"item": {"items": []}})


def test_negative_totals_are_refused_and_zero_is_paid_at_once(desk: Desk) -> None:
    assert "negative" in desk.refused("POST", "invoice", desk.body("100", "-100.01"))
    row = desk.get("invoice/" + desk.invoice("100", "-100"))
    assert (row["total"], row["status"]["refName"]) == (0, "Paid In Full")


def test_yen_have_no_cents(desk: Desk) -> None:
    yen = desk.id_of("currency", "symbol", "JPY")
    desk.acme = desk.customer("Kyoto", currency={"id": yen})
    body = desk.body("1")
    body["item"]["items"] = [{"item": desk.item, "quantity": Decimal("1.5"), "rate": 33}]
    assert desk.get("invoice/" + desk.make("POST", "invoice", body))["total"] == 50


# -- defaults --------------------------------------------------------------------------
def test_terms_drive_the_due_date(desk: Desk) -> None:
    net30 = desk.id_of("term", "name", "Net 30")
    assert desk.get("invoice/" + desk.invoice("1"))["dueDate"] == "2026-03-02"
    row = desk.get("invoice/" + desk.invoice("1", terms={"id": net30}))
    assert row["dueDate"] == "2026-04-01"
    desk.make("PATCH", f"invoice/{row['id']}", {"tranDate": "2026-03-01"})
    assert desk.get(f"invoice/{row['id']}")["dueDate"] == "2026-03-31"
    row = desk.get("invoice/" + desk.invoice("1", terms=net30, dueDate="2026-03-09"))
    assert row["dueDate"] == "2026-03-09"


def test_today_is_the_companys_day(desk: Desk) -> None:
    desk.clock.set(datetime(2026, 3, 3, 3, tzinfo=UTC))  # the evening before in California
    desk.sign_in()
    assert desk.get("invoice/" + desk.invoice("1"))["tranDate"] == "2026-03-02"


def test_numbers_are_automatic_unless_overriding_is_allowed(desk: Desk) -> None:
    assert desk.get("invoice/" + desk.invoice("1", tranId="MINE"))["tranId"] == "INV0001"
    desk.acts.prefer(refuse_numbers=True)
    assert "tranId" in desk.refused("POST", "invoice", desk.body("1", tranId="MINE"))
    desk.acts.prefer(override_numbers=True)
    for _ in range(2):  # a number may be used twice
        assert desk.get("invoice/" + desk.invoice("1", tranId="MINE"))["tranId"] == "MINE"


def test_a_refused_invoice_takes_no_number(desk: Desk) -> None:
    desk.refused("POST", "invoice", desk.body("-1"))
    assert desk.get("invoice/" + desk.invoice("1"))["tranId"] == "INV0001"


# -- who, where, in which currency -----------------------------------------------------
def test_a_subsidiary_the_customer_has_no_part_in(desk: Desk) -> None:
    said = desk.refused("POST", "invoice", desk.body("1", subsidiary={"id": "2"}))
    assert "Invalid Field Value 2 for the following field: subsidiary" in said
    relation = {"entity": {"id": desk.acme}, "subsidiary": {"id": "2"}}
    desk.make("POST", "customerSubsidiaryRelationship", relation)
    assert desk.invoice("1", subsidiary={"id": "2"})


def test_a_department_of_another_subsidiary_looks_as_if_it_were_not_there(desk: Desk) -> None:
    desk.acts.add_subsidiary(desk.acme, "2")
    body = desk.body("1", subsidiary="2")
    body["item"]["items"][0]["department"] = {"id": "1"}
    status, answer = desk.call("POST", "invoice", body)
    detail = answer["o:errorDetails"][0]
    assert (status, detail["o:errorPath"]) == (400, "item.items[0].department")
    assert "Invalid Field Value 1 for the following field: department" in detail["detail"]


def test_a_currency_the_customer_does_not_have(desk: Desk) -> None:
    pounds = desk.id_of("currency", "symbol", "GBP")
    said = desk.refused("POST", "invoice", desk.body("1", currency={"id": pounds}))
    assert "for the following field: currency" in said
    listed = {"currencyList": {"items": [{"currency": {"id": pounds}}]}}
    desk.make("PATCH", f"customer/{desk.acme}", listed)
    row = desk.get("invoice/" + desk.invoice("1", currency={"id": pounds}))
    assert (row["currency"]["refName"], row["exchangeRate"]) == ("British pound", Decimal("1.27"))
    desk.acts.set_rate(pounds, "1.30", date(2026, 3, 1))
    row = desk.get("invoice/" + desk.invoice("1", currency={"id": pounds}))
    assert row["exchangeRate"] == Decimal("1.3")


def test_inactive_records_look_like_bad_references(desk: Desk) -> None:
    desk.acts.inactivate("serviceSaleItem", desk.item)
    said = desk.refused("POST", "invoice", desk.body("1"))
    assert f"Invalid Field Value {desk.item} for the following field: item" in said
    desk.acts.inactivate("serviceSaleItem", desk.item, inactive=False)
    desk.acts.inactivate("customer", desk.acme)
    assert "field: entity" in desk.refused("POST", "invoice", desk.body("1"))


def test_a_line_names_a_project_of_the_customer(desk: Desk) -> None:
    orion = desk.make("POST", "job", {"companyName": "Orion", "parent": {"id": desk.acme}})
    other = desk.make("POST", "job", {"companyName": "Lyra", "parent": desk.customer("Birch")})
    body = desk.body("1")
    body["item"]["items"][0]["job"] = {"id": other}
    assert "field: job" in desk.refused("POST", "invoice", body)
    body["item"]["items"][0]["job"] = {"id": orion}
    assert desk.make("POST", "invoice", body)
    by_project = desk.body("1") | {"entity": {"id": orion}}
    assert desk.make("POST", "invoice", by_project), "a project may be billed itself"


def test_without_oneworld_there_are_no_subsidiaries() -> None:
    desk = Desk(one_world=False)
    assert "subsidiary" not in desk.get("invoice/" + desk.invoice("1"))
    assert desk.call("GET", "subsidiary")[0] == 404
    assert "subsidiary" in desk.refused("POST", "invoice", desk.body("1", subsidiary="1"))


# -- periods ---------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["closed", "allLocked", "arLocked"])
def test_a_locked_period_takes_no_change(desk: Desk, how: str) -> None:
    invoice = desk.invoice("1", tranDate="2026-02-10")
    desk.acts.lock_period("2026-02-10", how)
    assert desk.refused("POST", "invoice", desk.body("1", tranDate="2026-02-28")) == OUTSIDE
    assert desk.refused("PATCH", f"invoice/{invoice}", {"memo": "x"}) == OUTSIDE
    assert desk.refused("DELETE", f"invoice/{invoice}") == OUTSIDE
    assert desk.refused("PATCH", f"invoice/{invoice}", {"tranDate": "2026-03-01"}) == OUTSIDE
    assert desk.invoice("1", tranDate="2026-03-01")
    desk.acts.lock_period("2026-02-10", how, locked=False)
    desk.make("PATCH", f"invoice/{invoice}", {"memo": "x"})


def test_a_date_without_a_period_and_a_period_of_another_date(desk: Desk) -> None:
    assert desk.refused("POST", "invoice", desk.body("1", tranDate="2040-01-01")) == OUTSIDE
    april = desk.id_of("accountingPeriod", "periodName", "Apr 2026")
    body = desk.body("1", postingPeriod={"id": april})
    assert desk.refused("POST", "invoice", body) == OUTSIDE
    desk.acts.prefer(allow_other_period=True)
    row = desk.get("invoice/" + desk.make("POST", "invoice", body))
    assert row["postingPeriod"]["refName"] == "Apr 2026"


# -- the account's own rules -----------------------------------------------------------
def test_a_form_makes_fields_mandatory() -> None:
    forms = {"91": {"invoice": ("location", "item.department")}}
    desk = Desk(forms=forms)
    assert "value(s) for: Location" in desk.refused("POST", "invoice", desk.body("1"))
    there = {"location": {"id": "1"}}
    assert "value(s) for: Department" in desk.refused("POST", "invoice", desk.body("1", **there))
    assert desk.invoice("1", customForm={"id": "92"}), "another form asks for less"


def test_an_invoice_may_wait_for_approval() -> None:
    desk = Desk(approval_routing=True)
    invoice = desk.invoice("100")
    row = desk.get(f"invoice/{invoice}")
    assert (row["status"]["id"], row["status"]["refName"]) == ("D", "Pending Approval")
    assert row["amountRemaining"] == 100
    posted = "SELECT COUNT(*) n FROM transactionaccountingline WHERE transaction = ?"
    assert desk.rows(posted, invoice) == [{"n": "0"}]
    paid = {"customer": desk.acme, "apply": {"items": [{"doc": invoice}]}}
    assert desk.refused("POST", "customerPayment", paid)
    desk.acts.approve_invoice(invoice)
    assert desk.get(f"invoice/{invoice}")["status"]["id"] == "A"
    rejected = desk.invoice("100")
    desk.acts.approve_invoice(rejected, approved=False)
    assert desk.get(f"invoice/{rejected}")["status"]["refName"] == "Rejected"


def test_scripts_change_amounts_and_block_saves(desk: Desk) -> None:
    def surcharge(draft: Draft) -> None:
        if draft.kind == "invoice":
            draft.row["total"] += 5

    def block(draft: Draft) -> None:
        raise user_error("Orders of this customer are blocked.")

    desk.acts.scripts.append(surcharge)
    assert desk.get("invoice/" + desk.invoice("100"))["total"] == 105
    desk.acts.scripts.append(block)
    assert "are blocked" in desk.refused("POST", "invoice", desk.body("1"))


def test_a_workflow_locks_a_record(desk: Desk) -> None:
    invoice = desk.invoice("1")
    desk.acts.lock_by_workflow("invoice", invoice)
    said = (
        "Error while accessing a resource. This record has been locked by a user defined workflow."
    )
    assert desk.refused("PATCH", f"invoice/{invoice}", {"memo": "x"}) == said
    assert desk.refused("DELETE", f"invoice/{invoice}") == said


# -- voiding and deleting --------------------------------------------------------------
def test_a_void_invoice_stays_with_nothing_on_it(desk: Desk) -> None:
    invoice = desk.invoice("100")
    desk.acts.void_invoice(invoice)
    row = desk.get(f"invoice/{invoice}")
    assert (row["total"], row["status"]) == (0, {"id": "V", "refName": "Voided"})
    assert desk.rows("SELECT status, voided FROM transaction WHERE id = ?", invoice) == [
        {"status": "V", "voided": "T"}
    ]
    assert "voided" in desk.refused("PATCH", f"invoice/{invoice}", {"memo": "x"})


def test_an_invoice_with_payments_is_not_deleted_or_voided(desk: Desk) -> None:
    invoice = desk.invoice("100")
    payment = desk.acts.pay(invoice)["id"]
    assert "dependent records" in desk.refused("DELETE", f"invoice/{invoice}")
    with pytest.raises(Exception, match="payments applied"):
        desk.acts.void_invoice(invoice)
    assert "dependent records" in desk.refused("DELETE", f"customer/{desk.acme}")
    assert desk.send("DELETE", f"record/v1/customerPayment/{payment}").status_code == 204
    assert desk.send("DELETE", f"record/v1/invoice/{invoice}").status_code == 204


def test_an_invoice_cannot_fall_below_what_is_paid(desk: Desk) -> None:
    invoice = desk.invoice("100")
    desk.acts.pay({invoice: "60"})
    lower = {"item": {"items": [desk.line("59.99")]}}
    assert "already applied" in desk.refused("PATCH", f"invoice/{invoice}", lower, replace="item")
    exact = {"item": {"items": [desk.line("60")]}}
    desk.make("PATCH", f"invoice/{invoice}", exact, replace="item")
    assert desk.get(f"invoice/{invoice}")["status"]["id"] == "B"


def test_status_ids_may_be_words() -> None:
    desk = Desk(status_ids="word")
    row = desk.get("invoice/" + desk.invoice("1"))
    assert row["status"] == {"id": "Open", "refName": "Open"}


# -- transforms ------------------------------------------------------------------------
def test_an_invoice_becomes_a_credit_memo(desk: Desk) -> None:
    invoice = desk.invoice("500", "100")
    path = f"invoice/{invoice}/!transform/creditMemo"
    assert "Apply" in desk.refused("POST", path, {"memo": "no apply line"})
    applied = {"apply": {"items": [{"doc": {"id": invoice}, "line": 0, "apply": True,
                                    "amount": 300}]}}  # fmt: skip
    body = {"externalId": "cm-7", "item": {"items": [desk.line("300")]}, **applied}
    answer = desk.send("POST", f"record/v1/{path}", body, replace="item")
    assert answer.headers["Location"].endswith("/creditmemo/1202")
    memo = desk.get("creditMemo/eid:cm-7")
    assert (memo["total"], memo["applied"], memo["unapplied"]) == (300, 300, 0)
    assert (memo["createdFrom"]["id"], memo["status"]["refName"]) == (invoice, "Fully Applied")
    assert desk.get(f"invoice/{invoice}")["amountRemaining"] == 300
    whole = desk.make("POST", path, {"apply": {"items": [{"doc": {"id": invoice}}]}})
    assert desk.get(f"creditMemo/{whole}")["total"] == 600, "the invoice's lines are copied"


def test_an_invoice_becomes_a_payment(desk: Desk) -> None:
    invoice = desk.invoice("500")
    paid = desk.make("POST", f"invoice/{invoice}/!transform/customerPayment", {"memo": "wire"})
    row = desk.get(f"customerPayment/{paid}")
    assert (row["payment"], row["customer"]["id"]) == (500, desk.acme)
    assert desk.get(f"invoice/{invoice}")["status"]["id"] == "B"
    assert desk.call("POST", f"invoice/{invoice}/!transform/returnAuthorization", {})[0] == 400
