"""The Harvest stand-in: expenses through the API, with their receipts."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO

import pytest
from werkzeug.test import Client

from tests.sandbox.harvest_desk import START, Firm
from tieout.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def firm(clock):
    return Firm(clock)


@pytest.fixture
def travel(firm):
    return firm.books.add_category("Travel")


@pytest.fixture
def miles(firm):
    return firm.books.add_category("Mileage", unit_name="mile", unit_price="0.67")


def body(firm, category, **more):
    return {"project_id": firm.project, "expense_category_id": category,
            "spent_date": "2026-03-31", **more}  # fmt: skip


def test_an_expense_with_a_receipt_comes_as_a_form(firm, travel):
    form = {
        **{key: str(value) for key, value in body(firm, travel, total_cost="412.80").items()},
        "notes": "Flight ✈", "billable": "false",
        "receipt": (BytesIO(b"%PDF-1.4 \x00\xff"), "flight.pdf", "application/pdf"),
    }  # fmt: skip
    made = firm("POST", "expenses", form=form)
    assert made.status_code == 201
    row = firm.get(f"expenses/{made.json['id']}")
    assert (row["total_cost"], row["notes"], row["billable"]) == (
        Decimal("412.80"), "Flight ✈", False)  # fmt: skip
    assert row["client"] == {"id": firm.client, "name": "Contoso", "currency": "EUR"}
    assert row["receipt"]["file_size"] == 11
    assert row["receipt"]["file_name"] == "flight.pdf"
    receipt = Client(firm.vendor).get(row["receipt"]["url"].removeprefix("http://localhost"))
    assert (receipt.content_type, receipt.get_data()) == ("application/pdf", b"%PDF-1.4 \x00\xff")


def test_a_receipt_can_be_added_later_replaced_and_taken_away(firm, travel):
    made = firm("POST", "expenses", body(firm, travel, total_cost=10)).json
    assert made["receipt"]["url"] is None
    path = f"expenses/{made['id']}"
    for name in ("one.png", "two.png"):
        form = {"receipt": (BytesIO(name.encode()), name, "image/png")}
        assert firm("PATCH", path, form=form).json["receipt"]["file_name"] == name
    assert firm("PATCH", path, {"notes": "Taxi"}).json["receipt"]["file_name"] == "two.png"
    assert firm("PATCH", path, {"delete_receipt": True}).json["receipt"]["url"] is None


def test_changing_an_expense(firm, travel, miles, clock):
    made = firm("POST", "expenses", body(firm, miles, units=100)).json
    assert made["total_cost"] == 67.0
    path = f"expenses/{made['id']}"
    clock.advance(60)
    changed = firm("PATCH", path, {"units": 101, "spent_date": "2026-03-30"}).json
    assert (changed["total_cost"], changed["spent_date"]) == (67.67, "2026-03-30")
    assert changed["updated_at"] == "2026-04-02T15:01:00Z"
    other = firm.books.add_project(firm.client, "Support")
    moved = firm("PATCH", path, {"expense_category_id": travel, "total_cost": 12.5,
                                 "project_id": other, "is_billed": True}).json  # fmt: skip
    assert (moved["total_cost"], moved["project"]["name"]) == (12.5, "Support")
    assert moved["is_billed"] is False


def test_approved_and_invoiced_expenses_are_locked(firm, travel):
    free, approved, billed = (
        firm("POST", "expenses", body(firm, travel, total_cost=5, user_id=firm.user)).json["id"]
        for _ in range(3)
    )
    firm.books.approve_expenses([approved])
    firm.books.edit_expense(billed, marked_billed=True)
    assert firm.get(f"expenses/{billed}")["locked_reason"] == "Expense is invoiced."
    for locked in (approved, billed):
        refused = firm("PATCH", f"expenses/{locked}", {"notes": "x"})
        assert refused.status_code == 422
        assert refused.json["message"]
    assert firm("DELETE", f"expenses/{approved}", token="member_token").status_code == 422
    assert firm("DELETE", f"expenses/{billed}").status_code == 422
    assert firm("DELETE", f"expenses/{approved}").status_code == 200
    gone = firm("DELETE", f"expenses/{free}", token="member_token")
    assert (gone.status_code, gone.get_data()) == (200, b"")
    assert firm("GET", f"expenses/{free}").status_code == 404
    assert [row["id"] for row in firm.get("expenses")["expenses"]] == [billed]


def test_bad_expenses_are_refused(firm, travel, miles):
    for wrong in (
        body(firm, travel),
        body(firm, miles, total_cost=5),
        body(firm, travel, total_cost="a lot"),
        body(firm, 1, total_cost=5),
        body(firm, travel, total_cost=5, project_id=1),
        body(firm, travel, total_cost=5, spent_date="31/03/2026"),
        body(firm, travel, total_cost=5, user_id=1),
        {"project_id": firm.project, "expense_category_id": travel, "total_cost": 5},
    ):
        answer = firm("POST", "expenses", wrong)
        assert answer.status_code == 422, wrong
        assert answer.json["message"]
    assert firm.get("expenses")["expenses"] == []


def test_a_member_keeps_to_their_own_expenses(firm, travel):
    admin = firm.vendor.people["administrator"]
    others = firm("POST", "expenses", body(firm, travel, total_cost=5)).json["id"]
    assert firm.books.expenses[others].user_id == admin
    for method in ("GET", "PATCH", "DELETE"):
        assert firm(method, f"expenses/{others}", {}, "member_token").status_code == 404
    stranger = body(firm, travel, total_cost=5, user_id=admin)
    assert firm("POST", "expenses", stranger, "member_token").status_code == 403
    mine = firm("POST", "expenses", body(firm, travel, total_cost=5), "member_token").json
    assert mine["user"]["id"] == firm.user


def test_an_invoice_takes_expenses_in_and_its_deletion_frees_them_once(firm, travel):
    made = firm("POST", "expenses", body(firm, travel, total_cost=5)).json["id"]
    wanted = {"client_id": firm.client, "line_items_import": {
        "project_ids": [firm.project], "expenses": {"summary_type": "category"}}}  # fmt: skip
    invoice = firm("POST", "invoices", wanted).json
    assert invoice["currency"] == "EUR"
    row = firm.get(f"expenses/{made}")
    assert row["invoice"] == {"id": invoice["id"], "number": invoice["number"]}
    assert row["is_locked"] is True
    assert firm("DELETE", f"invoices/{invoice['id']}").status_code == 200
    assert firm("DELETE", f"invoices/{invoice['id']}").status_code == 404
    assert firm.get(f"expenses/{made}")["is_billed"] is False
    again = firm("POST", "invoices", wanted).json
    assert [line["amount"] for line in again["line_items"]] == [5.0]


def test_invoices_pass_through_their_states(firm):
    line = {"kind": "Service", "quantity": 2, "unit_price": 10.25}
    made = firm("POST", "invoices", {"client_id": firm.client, "line_items": [line]}).json
    assert (made["state"], made["due_amount"]) == ("draft", 20.5)
    for state, due in (("open", 20.5), ("paid", 0), ("closed", 20.5)):
        firm.books.set_invoice_state(made["id"], state)
        found = firm.get(f"invoices?state={state}")["invoices"]
        assert [(row["id"], row["due_amount"]) for row in found] == [(made["id"], due)]
    assert firm.get("invoices?state=draft")["invoices"] == []
    bad = {"client_id": firm.client, "line_items": [{**line, "quantity": "two"}]}
    assert firm("POST", "invoices", bad).status_code == 422
