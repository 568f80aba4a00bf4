"""Xero: credit notes, what sets them against invoices, voids and corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.connectors.xero_desk import Desk, context, document, key, line, settings
from tieout.connectors.exact import decode, encode
from tieout.connectors.xero import CONNECTOR
from tieout.errors import Conflict, Misconfigured, Rejected, Unknown
from tieout.model.document import DocumentKind, Order, Section
from tieout.model.money import Money
from tieout.sync.echo import agrees

DUE = date(2026, 4, 15)
NOTE = replace(
    document(),
    id="doc_2",
    kind=DocumentKind.CREDIT_NOTE,
    number="CN-2026-0001",
    issue_date=date(2026, 2, 2),
    due_date=None,
    memo="Credit for INV-2026-0007: wrong rate",
    credits="doc_1",
)


@pytest.fixture
def desk():
    return Desk()


def pushed(desk, *lines, **more):
    """An invoice of ours over there: its id."""
    subject = document(*lines, **more)
    return desk.send(subject, desk.about(1, lines=len(subject.lines), tax="NONE")).remote_id


def seen(desk, around):
    """What is known of an invoice once it was looked at."""
    look = CONNECTOR.writer("void").look
    record = look.pick(desk.call(look.request(document(), around, desk.connection.settings)).json())
    return replace(around, stands=record, settings=desk.connection.settings), record


def told(desk, name, subject, around):
    """One write about what is there: its record, agreed with what was sent."""
    writer = CONNECTOR.writer(name)
    body = encode(writer.build(subject, around))
    around = replace(around, sent=decode(body))
    request = writer.send(body, around.key, desk.connection.settings)
    record = writer.record(desk.call(request).json())
    assert agrees(writer.expect(subject, around), writer.digest(record))
    return record, around


def corrected(desk, invoice_id, subject=None, **order):
    subject = subject or document()
    wanted = Order(document_id="doc_1", writer="correction", revision=1, **order)
    around, _ = seen(desk, desk.about(9, invoice_id=invoice_id, order=wanted))
    told(desk, "correction", subject, around)
    desk.clock.advance(361)  # one key serves for all
    return desk.books.get("Invoices", invoice_id)


def credited(desk, **more):
    """A credit note of ours over there, and all that its allocation needs."""
    note = desk.send(NOTE, desk.about(2, tax="NONE"), "credit_note").remote_id
    return desk.about(3, credit_id=note, amount=Decimal("1875.00"), **more)


# -- credit notes -----------------------------------------------------------------------
def test_a_credit_note_as_xero_is_sent_it():
    (row,) = CONNECTOR.writer("credit_note").build(NOTE, context(2))["CreditNotes"]
    assert row == {
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": "CN-2026-0001",
        "Reference": f"[tieout:{key(2)}]",
        "Contact": {"ContactID": context().customer_id},
        "Date": "2026-02-02",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "NZD",
        "Status": "AUTHORISED",
        "SentToContact": False,
        "LineItems": [
            {
                "Description": "Design",
                "Quantity": Decimal("12.5"),
                "UnitAmount": Decimal("150"),
                "LineAmount": Decimal("1875.00"),
                "ItemCode": "DESIGN",
            },
            {"Description": "Credit for INV-2026-0007: wrong rate"},
        ],
    }


@pytest.mark.parametrize(
    ("subject", "around", "why"),
    [
        (replace(NOTE, number=""), context(2), "number of the credit note is not known"),
        (NOTE, context(2, customer_id=""), "customer of credit note CN-2026-0001 is not known"),
        (NOTE, context(2, item=""), "item of line L001"),
        (NOTE, context(2, department_id="7"), "no tracking option"),
    ],
)
def test_what_xero_could_not_hold_is_refused_before_the_call(subject, around, why):
    with pytest.raises(Misconfigured, match=why):
        CONNECTOR.writer("credit_note").build(subject, around)


def test_a_credit_note_is_made_once_and_found_by_key_and_by_number(desk):
    around = desk.about(2, tax="NONE")
    made = desk.send(NOTE, around, "credit_note")
    assert desk.send(NOTE, around, "credit_note") == made
    for by in ("key", "number"):
        assert desk.find(by, NOTE, around, "credit_note") == [(made.remote_id, key(2))]
    desk.clock.advance(361)  # Xero has forgotten the key
    refused = desk.refusal(NOTE, around, "credit_note")
    assert isinstance(refused, Conflict)
    assert refused.text == "Credit Note # must be unique."
    assert sum(r["CreditNoteNumber"] == "CN-2026-0001" for r in desk.books.rows("CreditNotes")) == 1


def test_a_number_that_somebody_took_by_hand_is_not_ours(desk):
    theirs = desk.books.add_credit_note(desk.contact_id(), "10.00", CreditNoteNumber=NOTE.number)
    around = desk.about(2, tax="NONE")
    assert isinstance(desk.refusal(NOTE, around, "credit_note"), Conflict)
    assert desk.find("key", NOTE, around, "credit_note") == []
    assert desk.find("number", NOTE, around, "credit_note") == [(theirs["CreditNoteID"], "")]


def test_a_number_with_a_quote_is_not_put_into_a_filter():
    by_number = CONNECTOR.writer("credit_note").finds[1]
    assert by_number.by == "number"
    assert by_number.request(replace(NOTE, number='CN "1"'), context(2), settings()) is None


def test_a_foreign_credit_note_goes_at_the_rate_of_its_own_day(desk):
    subject = replace(
        NOTE, currency="EUR", sections=document(line(1, currency="EUR"), currency="EUR").sections
    )
    around = desk.about(2, tax="NONE", exchange_rate=Decimal("1.6"))
    made = desk.send(subject, around, "credit_note").remote_id
    assert desk.books.get("CreditNotes", made)["CurrencyRate"] == Decimal("0.625000")
    (fact,) = (one for one in desk.pull("credit_notes")[0] if one.key == key(2))
    assert fact.total == fact.balance == Money.of("1875.00", "EUR")


# -- allocations ------------------------------------------------------------------------
def test_a_credit_note_is_set_against_its_invoice(desk):
    invoice_id = pushed(desk)
    around = credited(desk, invoice_id=invoice_id)
    writer = CONNECTOR.writer("allocation")
    call = writer.send(encode(writer.build(NOTE, around)), "key", settings())
    assert (call.method, call.path) == ("PUT", f"/CreditNotes/{around.credit_id}/Allocations")
    assert dict(call.params) == {"summarizeErrors": "false"}
    assert dict(call.headers) == {"Idempotency-Key": "key"}
    record, _ = told(desk, "allocation", NOTE, around)
    assert record["Amount"] == Decimal("1875.00")
    assert desk.books.get("Invoices", invoice_id)["Status"] == "PAID"
    assert desk.books.get("CreditNotes", around.credit_id)["RemainingCredit"] == 0


def found(desk, around):
    """The allocations that a look takes for the one in doubt."""
    writer = CONNECTOR.writer("allocation")
    (find,) = writer.finds
    answer = desk.call(find.request(NOTE, around, desk.connection.settings)).json()
    return [writer.read(row).remote_id for row in find.pick(answer, NOTE, around)]


def test_an_allocation_is_found_by_what_it_sets_against_what(desk):
    invoice_id = pushed(desk)
    around = credited(desk, invoice_id=invoice_id)
    sent = CONNECTOR.writer("allocation").build(NOTE, replace(around, amount=Decimal("100.00")))
    around = replace(around, amount=Decimal("100.00"), sent=sent)
    other = desk.books.add_invoice(desk.contact_id(), "100.00")["InvoiceID"]
    desk.books.apply_credit(around.credit_id, other, "100.00")  # against another invoice
    desk.books.apply_credit(around.credit_id, invoice_id, "99.00")  # over another amount
    taken_off = desk.books.apply_credit(around.credit_id, invoice_id, "100.00")
    assert found(desk, around) == [taken_off["AllocationID"]]
    desk.books.unapply_credit(around.credit_id, taken_off["AllocationID"])
    assert found(desk, around) == []
    record, _ = told(desk, "allocation", NOTE, around)
    assert found(desk, around) == [record["AllocationID"]]


def test_an_allocation_that_was_taken_off_is_not_taken_for_ours():
    """Xero's specification has a flag for it, wherever it is shown."""
    around = context(3, invoice_id="i1", credit_id="n1", amount=Decimal("5.00"))
    around = replace(around, sent=CONNECTOR.writer("allocation").build(NOTE, around))
    use = {"AllocationID": "a1", "Amount": Decimal("5.00"), "Invoice": {"InvoiceID": "i1"}}
    (find,) = CONNECTOR.writer("allocation").finds
    for gone, picked in ((False, [use | {"IsDeleted": False}]), (True, [])):
        answer = {"CreditNotes": [{"Allocations": [use | {"IsDeleted": gone}]}]}
        assert find.pick(answer, NOTE, around) == picked


def test_an_answer_without_an_id_is_in_doubt_and_then_found():
    """As in the example of Xero's own specification."""
    desk = Desk(allocation_answer="example")
    around = credited(desk, invoice_id=pushed(desk))
    writer = CONNECTOR.writer("allocation")
    body = encode(writer.build(NOTE, around))
    answer = desk.call(writer.send(body, around.key, desk.connection.settings)).json()
    with pytest.raises(Unknown, match="without the record"):
        writer.record(answer)
    assert len(found(desk, replace(around, sent=decode(body)))) == 1


def test_more_than_is_open_or_left_is_refused_and_nothing_is_set_off(desk):
    invoice_id = pushed(desk)
    around = credited(desk, invoice_id=invoice_id)
    desk.books.pay(invoice_id, "100.00")
    refused = desk.refusal(NOTE, around, "allocation")
    assert isinstance(refused, Rejected)
    assert "exceeds the amount outstanding on this document" in refused.text
    left = desk.books.get("CreditNotes", around.credit_id)
    assert (left["RemainingCredit"], left["_uses"]) == (Decimal("1875.00"), ())
    with pytest.raises(Misconfigured, match="amount of credit note CN-2026-0001"):
        CONNECTOR.writer("allocation").build(NOTE, replace(around, amount=None))


# -- voids ------------------------------------------------------------------------------
def test_a_void_names_the_invoice_and_can_create_nothing(desk):
    invoice_id = pushed(desk)
    around, record = seen(desk, desk.about(9, invoice_id=invoice_id))
    writer = CONNECTOR.writer("void")
    stands = writer.look.read(record, desk.connection.settings)
    assert (stands.number, stands.balance) == ("INV-2026-0007", Money.of("1875.00", "NZD"))
    void = writer.expect(document(), around)
    assert writer.digest(record) != void, "an answer that is not void is not taken for a void"
    body = encode(writer.build(document(), around))
    assert body == b'{"Invoices":[{"InvoiceID":"%s","Status":"VOIDED"}]}' % invoice_id.encode()
    call = writer.send(body, "key", settings())
    assert (call.method, call.path) == ("POST", f"/Invoices/{invoice_id}")
    told(desk, "void", document(), around)
    assert desk.books.get("Invoices", invoice_id)["Status"] == "VOIDED"
    assert writer.digest(seen(desk, around)[1]) == void
    (find,) = writer.finds
    answer = desk.call(find.request(document(), around, settings())).json()
    assert [row["InvoiceID"] for row in find.pick(answer, document(), around)] == [invoice_id]


@pytest.mark.parametrize("name", ["void", "correction"])
def test_what_is_paid_by_now_is_a_conflict(desk, name):
    invoice_id = pushed(desk)
    order = Order(document_id="doc_1", writer=name, revision=1, memo="too late")
    around, _ = seen(desk, desk.about(9, invoice_id=invoice_id, order=order))
    desk.books.pay(invoice_id)
    refused = desk.refusal(document(), around, name)
    assert isinstance(refused, Conflict)
    assert "not of valid status for modification" in refused.text
    (find,) = CONNECTOR.writer(name).finds
    answer = desk.call(find.request(document(), around, settings())).json()
    assert find.pick(answer, document(), around) == [], "so it is looked at again, and built anew"


def test_a_void_of_what_is_void_is_a_conflict_that_shows_it(desk):
    """As after a lost answer, once the key is forgotten."""
    around, _ = seen(desk, desk.about(9, invoice_id=pushed(desk)))
    told(desk, "void", document(), around)
    desk.clock.advance(361)
    assert isinstance(desk.refusal(document(), around, "void"), Conflict)
    (find,) = CONNECTOR.writer("void").finds
    answer = desk.call(find.request(document(), around, settings())).json()
    assert len(find.pick(answer, document(), around)) == 1


def test_a_locked_period_holds_with_xeros_words(desk):
    around, _ = seen(desk, desk.about(9, invoice_id=pushed(desk)))
    desk.books.lock_until(date(2026, 1, 31))
    refused = desk.refusal(document(), around, "void")
    assert isinstance(refused, Rejected)
    assert "period lock date, currently set at 31-Jan-2026" in refused.text


def test_an_invoice_that_is_not_there_is_no_error(desk):
    _, record = seen(desk, desk.about(9, invoice_id="00000000-0000-4000-8000-000000000077"))
    assert record is None


# -- corrections ------------------------------------------------------------------------
def words_of(row):
    return [each["Description"] for each in row["LineItems"]]


def test_a_due_date_leaves_the_lines_alone(desk):
    invoice_id = pushed(desk, memo="Thank you")
    before = desk.books.get("Invoices", invoice_id)
    after = corrected(desk, invoice_id, due_date=DUE)
    assert after["DueDate"] == DUE
    assert after["LineItems"] == before["LineItems"]


SECTIONS = tuple(
    Section(project_id="p", budget_id="b", title=title, lines=(line(n),))
    for n, title in ((1, "Build"), (2, "Care"))
)


@pytest.mark.parametrize("new_lines", ["in_order", "first"])
@pytest.mark.parametrize("memo", ["", "Thank you"])
def test_another_memo_stands_last_and_nothing_else_moves(new_lines, memo):
    desk = Desk(new_lines=new_lines)
    subject = document(sections=SECTIONS, memo=memo)
    invoice_id = pushed(desk, sections=SECTIONS, memo=memo)
    before = desk.books.get("Invoices", invoice_id)
    after = corrected(desk, invoice_id, subject, memo="PO 4711, as agreed")
    assert words_of(after) == ["Build", "Design", "Care", "Design", "PO 4711, as agreed"]
    assert (after["Total"], after["DueDate"]) == (before["Total"], before["DueDate"])
    again = corrected(desk, invoice_id, subject, memo="second")
    assert words_of(again) == ["Build", "Design", "Care", "Design", "second"]
    kept = [each["LineItemID"] for each in after["LineItems"]]
    assert [each["LineItemID"] for each in again["LineItems"]] == kept
    assert words_of(corrected(desk, invoice_id, subject, memo="")) == words_of(after)[:-1]


def test_what_somebody_gave_on_a_line_stays(desk):
    """A discount, a tracking option and an account of another kind: said again as they stand."""
    books = desk.books
    option = books.find("TrackingCategories", next(books.rows("TrackingCategories"))
                        ["TrackingCategoryID"])  # fmt: skip
    chosen = {
        "TrackingCategoryID": option["TrackingCategoryID"],
        "TrackingOptionID": option["Options"][0]["TrackingOptionID"],
    }
    sold = {
        "Description": "Work", "Quantity": Decimal("7.5"), "UnitAmount": Decimal("180.2550"),
        "DiscountRate": 10, "AccountCode": "260", "TaxType": "OUTPUT2", "Tracking": [chosen],
    }  # fmt: skip
    made = books.add_invoice(
        desk.contact_id(), "0", LineItems=[sold], InvoiceNumber="INV-2026-0007", Date="2026-01-31"
    )
    invoice_id = made["InvoiceID"]
    order = Order(document_id="doc_1", writer="correction", revision=1, memo="Thank you")
    around, _ = seen(desk, desk.about(9, invoice_id=invoice_id, order=order))
    desk_record = CONNECTOR.writer("correction")
    body = encode(desk_record.build(document(), around))
    desk.call(desk_record.send(body, around.key, desk.connection.settings))
    after = books.get("Invoices", invoice_id)
    assert (after["SubTotal"], after["TotalTax"], after["Total"]) == (
        Decimal("1216.72"), Decimal("182.51"), Decimal("1399.23"),
    )  # fmt: skip
    first, words = after["LineItems"]
    assert (first["DiscountRate"], first["AccountCode"]) == (10, "260")
    assert [each["TrackingOptionID"] for each in first["Tracking"]] == [chosen["TrackingOptionID"]]
    assert words["Description"] == "Thank you"


def test_what_xero_could_not_hold_is_not_sent(desk):
    order = Order(document_id="doc_1", writer="correction", revision=1, memo="m" * 4001)
    build = CONNECTOR.writer("correction").build
    stands = {"LineItems": [{"Description": "Work", "AccountCode": "200", "UnitAmount": 1}]}
    with pytest.raises(Misconfigured, match=r"the memo .* has 4001 characters, 4000 fit there"):
        build(document(), context(9, invoice_id="x", order=order, stands=stands))
    with pytest.raises(Misconfigured, match="lines of INV-2026-0007"):
        build(document(), context(9, invoice_id="x", order=order))
