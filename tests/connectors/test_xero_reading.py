"""Xero: what is read of an organisation, and in how many calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.connectors.xero_desk import NOW, Desk, settings
from tieout.clock import VirtualClock
from tieout.connectors.base import Held, Response, Since
from tieout.connectors.exact import encode
from tieout.connectors.pages import walk
from tieout.connectors.xero import CONNECTOR, queries, wire
from tieout.errors import Transient
from tieout.model.document import DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.settlement import Allocation, ListKind

LISTS = ("organisation", "contacts", "items", "accounts", "tax_rates", "tracking")
MONEY = ("payments", "credits_used", "overpayments", "prepayments")


@pytest.fixture
def desk():
    return Desk()


def invoices_of(desk, contact="Cobalt Robotics"):
    contact_id = desk.contact_id(contact)
    return [row for row in desk.books.rows("Invoices") if row["_contact"] == contact_id]


# -- how it is asked --------------------------------------------------------------------
def test_changes_are_asked_for_to_the_second_in_utc_and_in_the_order_of_ids():
    stream = CONNECTOR.stream("invoices")
    start = datetime(2026, 3, 31, 22, 10, 11, 999_999, tzinfo=UTC).astimezone()
    call = stream.request(Since(start=start, end=NOW), settings())
    assert dict(call.headers) == {"If-Modified-Since": "2026-03-31T22:10:11"}
    assert dict(call.params) == {
        "page": "1",
        "pageSize": "1000",
        "unitdp": "4",
        "order": "InvoiceID ASC",
        "where": 'Type=="ACCREC"',
        "includeArchived": "true",
        "Statuses": "AUTHORISED,PAID,VOIDED,DELETED",
    }
    assert stream.request(Since(start=None, end=NOW), settings()).headers == ()


def test_the_next_mark_is_xeros_clock_on_the_first_page():
    told = {"DateTimeUTC": "/Date(1767225600123)/", "pagination": {"page": 1}}
    assert queries.answered(told) == datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)
    assert queries.answered(told | {"pagination": {"page": 2}}) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("/Date(1774915200000+0000)/", date(2026, 3, 31)),
        ("/Date(1774915200000)/", date(2026, 3, 31)),
        ("/Date(-86400000+1300)/", date(1969, 12, 31)),
        ("2026-03-31T00:00:00", date(2026, 3, 31)),
        ("2026-03-31", date(2026, 3, 31)),
    ],
)
def test_a_date_is_the_day_it_says_wherever_we_are(text, day):
    row = {"PaymentID": "p", "Amount": 1, "Date": text}
    assert wire.Payment.model_validate(row).Date == day


def test_the_twin_of_a_date_is_preferred():
    row = {"PaymentID": "p", "Amount": 1, "Date": "/Date(0)/", "DateString": "2026-03-31T00:00:00"}
    assert wire.Payment.model_validate(row).Date == date(2026, 3, 31)


# -- pages ------------------------------------------------------------------------------
def test_two_thousand_paid_invoices_come_whole_and_each_once():
    """Everything Tieout knows of an organisation, read from the beginning."""
    desk = Desk(preset="empty", layout="compact")
    buyer = desk.books.add_contact("Acme")["ContactID"]
    for number in range(2_001):
        made = desk.books.add_invoice(buyer, "12.34", InvoiceNumber=f"N-{number}")
        desk.books.pay(made["InvoiceID"])
    facts = {stream.name: desk.pull(stream.name)[0] for stream in CONNECTOR.streams}
    assert len({fact.remote_id for fact in facts["invoices"]}) == 2_001
    assert len({fact.remote_id for fact in facts["payments"]}) == 2_001
    paid = sum((fact.total.amount for fact in facts["payments"]), Decimal(0))
    assert paid == Decimal("24692.34")
    assert not any(fact.balance for fact in facts["invoices"])
    # One to sign in, one for each list and each kind of credit, one for credit notes as
    # documents, three pages of each of two.
    assert len(desk.vendor.calls) == 1 + len(LISTS) + 3 + 1 + 2 * 3
    assert desk.vendor.limits.refused == 0


def test_ten_thousand_paid_invoices_take_thirty_one_calls():
    calls = []

    def fetch(request):
        calls.append(request)
        many = request.path in ("/Invoices", "/Payments")
        page = int(dict(request.params).get("page", "1"))
        told = {"page": page, "pageCount": -(-(10_000 if many else 1) // queries.PAGE)}
        resource = request.path.strip("/").replace("Organisation", "Organisations")
        answer = {"pagination": told, resource: [{}] if resource == "Organisations" else []}
        return Response(status=200, headers={}, body=encode(answer))

    everything = Since(start=None, end=NOW)
    for stream in CONNECTOR.streams:
        list(walk(fetch, stream.request(everything, settings()), stream.pages))
    assert len(calls) + 1 <= 31, "with the one to sign in"
    asked = [dict(call.params)["page"] for call in calls if call.path == "/Payments"]
    assert asked == [str(number) for number in range(1, 11)]


def test_a_page_that_does_not_say_whether_there_are_more_is_not_taken_for_all(desk):
    read = CONNECTOR.stream("payments").pages.token
    assert read({"pagination": {"page": 2, "pageCount": 2}}) == ""
    assert read({"pagination": {"page": 1, "pageCount": 2}}) == "2"
    assert read({"pagination": {"page": 1, "pageCount": 0}}) == ""
    answer = b'{"Status":"OK","Payments":[]}'
    desk.vendor.faults.add("reply", path="/Payments", status=200, content=answer)
    with pytest.raises(Transient, match="unknown shape"):
        desk.pull("payments")


# -- lists ------------------------------------------------------------------------------
def test_the_lists_of_an_organisation(desk):
    company, books = desk.pull("organisation")[0]
    assert (company.kind, company.name) == (ListKind.COMPANY, "Northwind Studio")
    assert company.details["country"] == "NZ"
    assert (books.kind, books.currency) == (ListKind.PREFERENCES, "NZD")
    assert books.details["default_sales_tax"] == "Tax Exclusive"
    items = {fact.full_name: fact for fact in desk.pull("items")[0]}
    assert (items["DEV"].name, items["DEV"].remote_id) == ("Development", "DEV")
    assert items["CONSULT-SR"].details["unit_price"] == Decimal("180.2550")
    taxes = {fact.name: fact.remote_id for fact in desk.pull("tax_rates")[0]}
    assert taxes["15% GST on Income"] == "OUTPUT2"
    accounts = {fact.details["number"]: fact for fact in desk.pull("accounts")[0]}
    assert (accounts["210"].name, accounts["210"].details["type"]) == ("Consulting", "REVENUE")


def test_what_people_retire_becomes_inactive(desk):
    books = desk.books
    item = next(row for row in books.rows("Items") if row["Code"] == "PM")
    books.stop_selling(item["ItemID"])
    books.archive_account("260")
    books.archive_option("Region", "South")
    retired = {
        fact.name
        for name in ("items", "accounts", "tracking")
        for fact in desk.pull(name)[0]
        if not fact.active
    }
    assert retired == {"Project management", "Other Revenue", "South"}


def test_a_merged_contact_says_into_which(desk):
    merged = next(fact for fact in desk.pull("contacts")[0] if fact.name == "Birchwood School")
    assert not merged.active
    assert merged.details["merged_to"] == desk.contact_id("Birchwood Schools")


def test_tracking_stands_for_what_the_settings_say(desk):
    def kinds(**told):
        connection = replace(desk.connection, settings=settings(**told))
        stream = CONNECTOR.stream("tracking")
        answer = desk.call(stream.request(Since(start=None, end=NOW), connection.settings)).json()
        found = {}
        for row in stream.pages.rows(answer):
            source = SourceRef("ledger", "tracking", stream.key(row))
            fact = stream.read(stream.wire.model_validate(row), source, connection.settings)
            found[fact.full_name] = (fact.kind.value, fact.active)
        return found["Region:North"], found["Project:Amber Rollout"]

    live_class, department = ("class", True), ("department", True)
    assert kinds() == (live_class, live_class)
    assert kinds(department_category="REGION") == (department, live_class)
    assert kinds(class_category="Project") == (("class", False), live_class)
    both = kinds(class_category="Project", department_category="Region")
    assert both == (department, live_class)


# -- documents --------------------------------------------------------------------------
def test_invoices_of_clients_come_and_bills_and_drafts_do_not(desk):
    contact_id = desk.contact_id()
    desk.books.add_invoice(contact_id, "10.00", InvoiceNumber="DRAFT-1", Status="DRAFT")
    numbers = {fact.number for fact in desk.pull("invoices")[0]}
    assert "INV-0001" in numbers
    assert not numbers & {"KITE-7", "DRAFT-1"}


def test_voided_deleted_and_reopened(desk):
    contact_id = desk.contact_id()
    draft = desk.books.add_invoice(contact_id, "10.00", Status="DRAFT")
    first, second = (desk.books.add_invoice(contact_id, "20.00") for _ in range(2))
    payment = desk.books.pay(second["InvoiceID"])
    desk.clock.advance(3600)
    start = desk.clock.now()
    desk.books.delete_invoice(draft["InvoiceID"])
    desk.books.void_invoice(first["InvoiceID"])
    desk.books.delete_payment(payment["PaymentID"])
    facts, gone = desk.pull("invoices", start)
    by_id = {fact.remote_id: fact for fact in facts}
    assert gone == [draft["InvoiceID"]]
    assert set(by_id) == {first["InvoiceID"], second["InvoiceID"]}
    assert by_id[first["InvoiceID"]].voided
    assert by_id[second["InvoiceID"]].balance == Money.of("20.00", "NZD")
    (taken_back,), _ = desk.pull("payments", start)
    assert (taken_back.remote_id, taken_back.voided) == (payment["PaymentID"], True)


def test_lines_of_words_carry_no_money(desk):
    words = {"Description": "Thank you"}
    sold = {"Description": "Work", "Quantity": 2, "UnitAmount": 5, "AccountCode": "200"}
    free = {**sold, "UnitAmount": 0}
    made = desk.books.add_invoice(desk.contact_id(), "0", LineItems=[words, sold, free])
    fact = desk.invoice(made["InvoiceNumber"])
    assert [(each.quantity, each.amount) for each in fact.lines] == [(2, 10), (2, 0)]


# -- money ------------------------------------------------------------------------------
def settled_by(desk, number):
    """What set something against an invoice: by the stream it came in."""
    fact = desk.invoice(number)
    facts = [payment for name in MONEY for payment in desk.pull(name)[0] if not payment.voided]
    found = {
        (payment.source.stream, part.amount)
        for payment in facts
        for part in payment.allocations
        if part.remote_document_id == fact.remote_id
    }
    linked = {payment.remote_id for payment in facts} & set(fact.linked_payments)
    assert len(linked) == len(fact.linked_payments) == len(found)
    return fact, found


def test_whatever_settles_an_invoice_is_a_payment_set_against_it(desk):
    books, contact_id = desk.books, desk.contact_id()
    made = books.add_invoice(contact_id, "100.00", InvoiceNumber="N-1")["InvoiceID"]
    prepaid = books.prepay(contact_id, "30.00")["PrepaymentID"]
    other = books.add_invoice(contact_id, "10.00")["InvoiceID"]
    over = books.overpay(other, "25.00")["OverpaymentID"]
    note = books.add_credit_note(contact_id, "40.00")["CreditNoteID"]
    books.apply_credit(prepaid, made, "30.00")
    books.apply_credit(over, made, "15.00")
    books.apply_credit(note, made, "20.00")
    books.pay(made, "34.00")
    fact, found = settled_by(desk, "N-1")
    assert fact.balance == Money.of("1.00", "NZD")
    assert {(name, int(amount)) for name, amount in found} == {
        ("payments", 34),
        ("prepayments", 30),
        ("overpayments", 15),
        ("credits_used", 20),
    }
    assert sum(amount for _, amount in found) == fact.total.amount - fact.balance.amount


def test_a_credit_note_is_no_money_and_an_overpayment_is(desk):
    books, contact_id = desk.books, desk.contact_id()
    made = books.add_invoice(contact_id, "50.00")["InvoiceID"]
    note = books.add_credit_note(contact_id, "40.00")["CreditNoteID"]
    use = books.apply_credit(note, made, "20.00")
    notes = {fact.remote_id: fact for fact in desk.pull("credits_used")[0]}
    nothing = Money.of("0", "NZD")
    assert (notes[note].total, notes[note].unapplied) == (nothing, nothing)
    assert notes[note].allocations == (
        Allocation(remote_document_id=made, document_type="Invoice", amount=Decimal("20.00")),
        Allocation(remote_document_id=note, document_type="CreditNote", amount=Decimal("20.00")),
    )
    books.unapply_credit(note, use["AllocationID"])
    notes = {fact.remote_id: fact for fact in desk.pull("credits_used")[0]}
    assert notes[note].allocations == ()
    (over,) = desk.pull("overpayments")[0]
    assert over.total == over.unapplied == Money.of("15.00", "NZD")


def test_a_credit_note_is_a_document_too(desk):
    books, contact_id = desk.books, desk.contact_id()
    made = books.add_invoice(contact_id, "50.00")["InvoiceID"]
    first = books.add_credit_note(contact_id, "40.00", Reference="Goodwill [tieout:v1:ab]")
    books.add_credit_note(contact_id, "30.00", Status="DRAFT")
    second = books.add_credit_note(contact_id, "25.00")
    books.apply_credit(first["CreditNoteID"], made, "15.00")
    books.void_credit_note(second["CreditNoteID"])
    mark = desk.clock.now() - timedelta(seconds=60)
    told = {fact.remote_id: fact for fact in desk.pull("credit_notes", mark)[0]}
    assert set(told) == {first["CreditNoteID"], second["CreditNoteID"]}, "no draft among them"
    note = told[first["CreditNoteID"]]
    assert (note.kind, note.number) == (DocumentKind.CREDIT_NOTE, first["CreditNoteNumber"])
    assert (note.total, note.balance) == (Money.of("40.00", "NZD"), Money.of("25.00", "NZD"))
    assert (note.key, note.voided, note.due_date) == ("v1:ab", False, None)
    assert [line.amount for line in note.lines] == [Decimal("40.00")]
    assert told[second["CreditNoteID"]].voided


def test_a_draft_credit_note_that_is_thrown_away_is_told_as_deleted(desk):
    draft = desk.books.add_credit_note(desk.contact_id(), "30.00", Status="DRAFT")
    desk.books.edit_credit_note(draft["CreditNoteID"], Status="DELETED")
    _, gone = desk.pull("credit_notes")
    assert gone == [draft["CreditNoteID"]]


def test_money_paid_back_or_paid_for_a_bill_is_not_money_received(desk):
    before = {fact.remote_id for fact in desk.pull("payments")[0]}
    bill = next(row for row in desk.books.rows("Invoices") if row["Type"] == "ACCPAY")
    desk.books.pay(bill["InvoiceID"], "100.00")
    note = next(row for row in desk.books.rows("CreditNotes"))
    desk.books.refund(note["CreditNoteID"], "50.00")
    assert {fact.remote_id for fact in desk.pull("payments")[0]} == before


def test_one_transfer_for_several_invoices_is_a_payment_of_each(desk):
    rows = invoices_of(desk, "Dover & Sons")
    twins = [row for row in rows if row["Total"] in (Decimal("120.00"), Decimal("80.00"))]
    ids = {row["InvoiceID"] for row in twins}
    payments = [
        fact for fact in desk.pull("payments")[0] if fact.allocations[0].remote_document_id in ids
    ]
    assert sorted(fact.total.amount for fact in payments) == [80, 120]


def test_what_names_no_currency_is_held():
    row = {"PaymentID": "p", "Amount": 1, "Date": "2026-01-01", "Reference": "WIRE"}
    stream = CONNECTOR.stream("payments")
    held = stream.read(wire.Payment.model_validate(row), SourceRef("l", "payments", "p"), None)
    assert isinstance(held, Held)
    assert (held.reason, held.text) == ("currency_missing", "payment WIRE names no currency")


def test_the_overlap_finds_what_changed_while_pages_were_read():
    desk = Desk(VirtualClock(NOW))
    stream = CONNECTOR.stream("payments")
    assert stream.cursor.overlap_s == 300
    desk.books.pay(invoices_of(desk)[-1]["InvoiceID"], "1.00", Reference="LATE")
    desk.clock.advance(200)
    mark = desk.clock.now() - timedelta(seconds=stream.cursor.overlap_s)
    assert [fact.reference for fact in desk.pull("payments", mark)[0]] == ["LATE"]
