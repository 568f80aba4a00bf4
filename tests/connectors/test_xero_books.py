"""Xero through the door, against the stand-in: what a bookkeeper would see there."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from tests.connectors.xero_desk import CLIENT, Desk, context, document, key, line
from tieout.connectors.base import LineCodes
from tieout.errors import Conflict, Rejected
from tieout.model.money import Money


@pytest.fixture
def desk():
    return Desk()


# -- once, and only once ----------------------------------------------------------------
def test_a_client_and_an_invoice_reach_the_ledger_once(desk):
    client = context(1, display_name="O'Hara & Söhne: West 🚀")
    contact = desk.send(CLIENT, client, "customer")
    assert desk.send(CLIENT, client, "customer") == contact
    assert contact.number == "O'Hara & Söhne: West 🚀"
    for by in ("key", "name"):
        assert desk.find(by, CLIENT, client, "customer") == [(contact.remote_id, key(1))]
    around = context(2, customer_id=contact.remote_id)
    made = desk.send(document(), around)
    assert desk.send(document(), around) == made
    for by in ("key", "number"):
        assert desk.find(by, document(), around) == [(made.remote_id, key(2))]
    fact = desk.invoice("INV-2026-0007")
    assert (fact.key, fact.customer_id) == (key(2), contact.remote_id)
    assert fact.total - fact.tax == Money.of("1875.00", "NZD")
    row = desk.books.get("Invoices", made.remote_id)
    assert (row["Status"], row["SentToContact"]) == ("AUTHORISED", False)


@pytest.mark.parametrize("name", ['Kim "Kit" Lee', "A\\B, C", "R&D (50%) = ok?", "名古屋"])
def test_a_client_of_any_name_is_found_again(desk, name):
    around = context(1, display_name=name)
    made = desk.send(CLIENT, around, "customer")
    assert desk.find("name", CLIENT, around, "customer") == [(made.remote_id, key(1))]


def test_an_answer_that_was_lost_is_found(desk):
    around = desk.about(1)
    assert desk.find("key", document(), around) == []
    desk.lose("timeout_after_commit", document(), around)
    ((remote_id, carried),) = desk.find("key", document(), around)
    assert carried == key(1)
    assert desk.find("number", document(), around) == [(remote_id, key(1))]
    # Sent again within six minutes under its key, it is the same invoice.
    assert desk.send(document(), around).remote_id == remote_id
    assert desk.count("INV-2026-0007") == 1


def test_what_never_arrived_is_not_found_and_goes_again(desk):
    around = desk.about(1)
    desk.lose("timeout_before_commit", document(), around)
    assert desk.find("key", document(), around) == []
    assert desk.find("number", document(), around) == []
    desk.clock.advance(150)
    desk.send(document(), around)
    assert desk.count("INV-2026-0007") == 1


def test_a_repeat_after_the_key_has_expired_is_a_conflict_and_no_second_invoice(desk):
    around = desk.about(1)
    desk.lose("timeout_after_commit", document(), around)
    desk.clock.advance(361)
    refused = desk.refusal(document(), around)
    assert isinstance(refused, Conflict)
    assert refused.text == "Invoice # must be unique."
    ((_, carried),) = desk.find("key", document(), around)
    assert carried == key(1)
    assert desk.count("INV-2026-0007") == 1


def test_a_key_used_for_another_call_is_looked_after(desk):
    """A part of a batch in doubt goes again under the batch's key, with fewer items."""
    pairs = [(document(number=f"N-{n}"), desk.about(n)) for n in (1, 2)]
    desk.vendor.plan_cached_crash(method="PUT")
    with pytest.raises(Exception, match="An error occurred in Xero"):
        desk.send_batch(pairs, "call-1")
    refused = desk.refusal(*pairs[0], call_key="call-1")
    assert isinstance(refused, Conflict)
    assert "different request" in refused.text
    assert desk.find("number", *pairs[0]) == []
    desk.send(*pairs[0])


def test_of_three_in_one_call_one_is_refused(desk):
    good, bad, other = (
        (document(number=f"N-{n}"), desk.about(n, item=item))
        for n, item in ((1, "DESIGN"), (2, "NOTHING"), (3, "DEV"))
    )
    told = desk.send_batch([good, bad, other])
    assert told[key(2)].answer is None
    assert told[key(2)].errors[0].text == "Item code 'NOTHING' is not valid."
    assert told[key(1)].answer["InvoiceNumber"] == "N-1"
    assert told[key(3)].answer["InvoiceNumber"] == "N-3"
    assert [desk.count(f"N-{n}") for n in (1, 2, 3)] == [1, 0, 1]


@pytest.mark.parametrize("ids", ["zero", "fresh", "existing"])
@pytest.mark.parametrize("order", ["in_order", "reversed"])
def test_a_number_that_somebody_took_by_hand(ids, order):
    desk = Desk(failed_ids=ids, answer_order=order)
    theirs = desk.books.add_invoice(desk.contact_id(), "10.00", InvoiceNumber="N-1")
    mine, free = (document(number="N-1"), desk.about(1)), (document(number="N-2"), desk.about(2))
    told = desk.send_batch([mine, free])
    assert told[key(2)].answer["InvoiceNumber"] == "N-2"
    if ids == "existing":  # it shows the other invoice, so it says nothing of ours
        assert told[key(1)] is None
    else:
        assert [error.text for error in told[key(1)].errors] == ["Invoice # must be unique."]
    assert isinstance(desk.refusal(*mine), Conflict)
    assert desk.find("key", *mine) == []
    assert desk.find("number", *mine) == [(theirs["InvoiceID"], "")]
    assert desk.books.get("Invoices", theirs["InvoiceID"])["Total"] == Decimal("10.00")


def test_fifty_invoices_travel_in_one_call(desk):
    pairs = [(document(number=f"N-{n}"), desk.about(n)) for n in range(50)]
    before = len(desk.vendor.write_calls)
    told = desk.send_batch(pairs)
    assert len(desk.vendor.write_calls) == before + 1
    assert all(answer.answer and not answer.errors for answer in told.values())


# -- refused ----------------------------------------------------------------------------
def test_a_locked_period(desk):
    desk.books.lock_until(date(2026, 1, 31))
    refused = desk.refusal(document(), desk.about(1))
    assert isinstance(refused, Rejected)
    assert "period lock date, currently set at 31-Jan-2026" in refused.text
    (_, preferences) = desk.pull("organisation")[0]
    assert preferences.details["period_lock_date"] == "2026-01-31"
    assert preferences.details["book_close_date"] == "2026-01-31"
    desk.books.lock_until(date(2025, 12, 31), end_of_year=True)
    (_, preferences) = desk.pull("organisation")[0]
    assert preferences.details["book_close_date"] == "2026-01-31", "the later of the two"


def test_an_archived_contact(desk):
    around = desk.about(1, customer_id=desk.contact_id("Granite Tools"))
    refused = desk.refusal(document(), around)
    assert isinstance(refused, Rejected)
    assert "has been archived" in refused.text
    archived = {fact.name for fact in desk.pull("contacts")[0] if not fact.active}
    assert archived == {"Granite Tools", "Birchwood School"}


def test_a_name_that_is_taken_is_a_conflict(desk):
    around = context(1, display_name="cobalt robotics")
    assert isinstance(desk.refusal(CLIENT, around, "customer"), Conflict)
    assert desk.find("name", CLIENT, around, "customer") == [(desk.contact_id(), "crm-003")]
    # An archived contact holds its name no longer.
    again = context(2, display_name="Granite Tools")
    made = desk.send(CLIENT, again, "customer")
    assert desk.find("name", CLIENT, again, "customer") == [(made.remote_id, key(2))]


def test_a_tax_that_does_not_fit_the_account(desk):
    refused = desk.refusal(document(), desk.about(1, tax="INPUT2"))
    assert isinstance(refused, Rejected)
    assert "'INPUT2' cannot be used with account code '210'" in refused.text


# -- money ------------------------------------------------------------------------------
def test_tax_is_rounded_on_each_line(desk):
    """25.06, 25.61 and 25.63 at 15 %: 11.44, where 15 % of the sum would be 11.45."""
    amounts = ("25.06", "25.61", "25.63")
    lines = [line(n, "1", amount, amount) for n, amount in enumerate(amounts, 1)]
    desk.send(document(*lines), desk.about(1, lines=3, tax="OUTPUT2"))
    fact = desk.invoice("INV-2026-0007")
    net = fact.total - fact.tax
    assert [f"{each.amount:f}" for each in (net, fact.tax, fact.total)] == [
        "76.30",
        "11.44",
        "87.74",
    ]


@pytest.mark.parametrize("mode", ["half_up", "half_even"])
def test_four_hundred_lines_agree_to_the_cent(mode):
    desk, chance = Desk(rounding_mode=mode), random.Random(20260202)
    lines, total = [], Decimal(0)
    for number in range(1, 401):
        hours = Decimal(chance.randrange(1, 400_000)).scaleb(-4)
        rate = Decimal(chance.randrange(-9_999, 3_000_000)).scaleb(-4)
        exact = hours * rate
        if not exact.scaleb(3) % 5 and exact.scaleb(2) % 1:  # half a cent: its own test
            rate += Decimal("0.0001")
            exact = hours * rate
        amount = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
        lines.append(line(number, str(hours), str(rate), str(amount)))
        total += amount
    desk.send(document(*lines), desk.about(1, lines=400, tax="NONE"))
    fact = desk.invoice("INV-2026-0007")
    assert fact.total == Money(total, "NZD")
    assert [each.amount for each in fact.lines] == [each.amount.amount for each in lines]


def test_half_a_cent_that_xero_rounds_another_way_is_refused_and_nothing_is_booked():
    subject = document(line(1, "0.5", "0.25", "0.13"))
    desk = Desk(rounding_mode="half_even")
    refused = desk.refusal(subject, desk.about(1))
    assert isinstance(refused, Rejected)
    assert "does not match the expected line total 0.12" in refused.text
    assert desk.count("INV-2026-0007") == 0
    usual = Desk()
    usual.send(subject, usual.about(1))


def test_a_foreign_invoice_at_our_rate_and_at_xeros(desk):
    subject = document(line(1, currency="EUR"), currency="EUR")
    ours = desk.send(subject, desk.about(1, exchange_rate=Decimal("1.6")))
    assert desk.books.get("Invoices", ours.remote_id)["CurrencyRate"] == Decimal("0.625000")
    other = document(line(1, currency="EUR"), currency="EUR", number="INV-2026-0008")
    theirs = desk.send(other, desk.about(2))
    # What one home unit cost that day, told by XE: 1 / 1.82.
    assert desk.books.get("Invoices", theirs.remote_id)["CurrencyRate"] == Decimal("0.549451")
    assert desk.invoice("INV-2026-0008").total.currency == "EUR"


def test_a_currency_the_organisation_does_not_keep(desk):
    subject = document(line(1, currency="CAD"), currency="CAD")
    refused = desk.refusal(subject, desk.about(1, exchange_rate=Decimal("1.2")))
    assert isinstance(refused, Rejected)
    assert "not subscribed to currency CAD" in refused.text


def test_class_and_department_stand_on_every_line():
    desk = Desk(told={"class_category": "Project", "department_category": "region"})
    options = {fact.full_name: fact for fact in desk.pull("tracking")[0]}
    kinds = {name: fact.kind.value for name, fact in options.items()}
    assert kinds["Region:North"] == "department"
    assert kinds["Project:Amber Rollout"] == "class"
    chosen = options["Project:Amber Rollout"].remote_id, options["Region:North"].remote_id
    codes = {"L001": LineCodes(item_id="DEV", class_id=chosen[0])}
    around = replace(desk.about(1), lines=codes, department_id=chosen[1])
    made = desk.send(document(), around)
    (row,) = desk.books.get("Invoices", made.remote_id)["LineItems"]
    told = [(each["Name"], each["Option"]) for each in row["Tracking"]]
    assert told == [("Project", "Amber Rollout"), ("Region", "North")]
