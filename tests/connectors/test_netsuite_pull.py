"""What people do in NetSuite, as it is read back: payments, credits, voids, changes, clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.connectors.netsuite_desk import Desk, desk
from tieout.connectors.base import Held, Since
from tieout.connectors.netsuite import CONNECTOR, queries
from tieout.connectors.pages import walk
from tieout.errors import Misconfigured, Transient
from tieout.model.money import Money
from tieout.model.settlement import Allocation, Payment, RemoteInvoice

LATER = timedelta(hours=6)


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def split(payment: Payment) -> dict[str, Decimal]:
    """What a payment settles of which invoice."""
    return {
        part.remote_document_id: part.amount
        for part in payment.allocations
        if part.document_type == "Invoice"
    }


@pytest.fixture
def three() -> tuple[Desk, list[str]]:
    """Three invoices of 100 of one customer, and six hours gone by."""
    at = desk()
    buyer = at.customer()
    made = [str(at.books.add_invoice(buyer, "100.00")["id"]) for _ in range(3)]
    at.clock.advance(LATER.total_seconds())
    return at, made


Three = tuple[Desk, list[str]]


def mark(at: Desk) -> datetime:
    """What a pull remembers now: the latest change NetSuite has shown."""
    seen = [queries.moment(row) for row in at.rows("invoices")]
    return max(each for each in seen if each is not None)


def changed(at: Desk, since: datetime) -> dict[str, RemoteInvoice]:
    """The invoices a later pull brings, with its overlap."""
    overlap = CONNECTOR.stream("invoices").cursor.overlap_s  # type: ignore[union-attr]
    return at.pull("invoices", since - timedelta(seconds=overlap))


def test_a_part_payment(three: Three) -> None:
    at, (first, *_) = three
    payment = at.books.pay({first: "33.33"})["id"]
    invoice = at.pull("invoices")[first]
    assert (invoice.total, invoice.balance) == (usd("100.00"), usd("66.67"))
    found = at.pull("payments")[payment]
    assert split(found) == {first: Decimal("33.33")}
    assert (found.total, found.unapplied, found.voided) == (usd("33.33"), usd("0"), False)


def test_one_payment_over_three_invoices_and_something_over(three: Three) -> None:
    at, (a, b, c) = three
    payment = at.books.pay({a: "100.00", b: "50.00", c: "0.01"}, total="200.00")["id"]
    found = at.pull("payments")[payment]
    assert split(found) == {a: Decimal(100), b: Decimal(50), c: Decimal("0.01")}
    assert (found.total, found.unapplied) == (usd("200.00"), usd("49.99"))
    balances = [at.pull("invoices")[each].balance for each in (a, b, c)]
    assert balances == [usd("0"), usd("50.00"), usd("99.99")]


def test_a_deleted_payment_opens_its_invoice_again(three: Three) -> None:
    at, (first, *_) = three
    since = mark(at)
    payment = at.books.pay(first)["id"]
    assert not changed(at, since)[first].balance.amount
    at.books.delete_payment(payment)
    assert payment not in at.pull("payments")
    assert changed(at, since)[first].balance == usd("100.00")


def test_a_credit_settles_an_invoice_and_is_no_money(three: Three) -> None:
    at, (first, *_) = three
    buyer = next(at.books.rows("customer"))["id"]
    credit = at.books.add_credit(buyer, "30.00")["id"]
    at.books.apply_credit(credit, {first: "25.00"})
    found = at.pull("payments")[credit]
    assert found.total == usd("0")
    assert found.allocations == (
        Allocation(remote_document_id=first, document_type="Invoice", amount=Decimal(25)),
        Allocation(remote_document_id=credit, document_type="CreditMemo", amount=Decimal(25)),
    )
    assert at.pull("invoices")[first].balance == usd("75.00")


def test_a_deposit_settles_an_invoice(three: Three) -> None:
    at, (first, *_) = three
    buyer = next(at.books.rows("customer"))["id"]
    deposit = at.books.add_deposit(buyer, "40.00")["id"]
    applied = at.books.apply_deposit(deposit, {first: "40.00"})["id"]
    assert split(at.pull("payments")[applied]) == {first: Decimal(40)}


@pytest.mark.parametrize("sign", [True, False])
def test_the_signs_of_links_and_credits_differ_between_accounts(sign: bool) -> None:
    at = desk(negative_links=sign, negative_credit_totals=sign)
    buyer = at.customer()
    invoice = at.books.add_invoice(buyer, "100.00")["id"]
    payment = at.books.pay({invoice: "60.00"})["id"]
    assert split(at.pull("payments")[payment]) == {invoice: Decimal(60)}


@pytest.mark.parametrize("ids", ["letter", "word"])
def test_voided_edited_and_deleted_invoices(ids: str) -> None:
    at = desk(status_ids=ids)
    buyer = at.customer()
    void, edited, gone = (at.books.add_invoice(buyer, "100.00")["id"] for _ in range(3))
    since = mark(at)
    at.clock.advance(LATER.total_seconds())
    at.books.void_invoice(void)
    at.books.edit_invoice(edited, amount="90.00", memo="Agreed by phone")
    at.books.delete_invoice(gone)
    found = changed(at, since)
    assert (found[void].voided, found[void].total) == (True, usd("0"))
    assert (found[edited].voided, found[edited].total) == (False, usd("90.00"))
    assert gone not in found
    # What is gone is told by the ids of the days, which is how the engine notices.
    stream = CONNECTOR.stream("invoices")
    assert stream.sweep is not None
    days = Since(start=None, end=at.clock.now(), from_date=date(2026, 3, 1),
                 to_date=date(2026, 3, 31))  # fmt: skip
    request = stream.sweep.request(days, at.connection.settings)
    rows = [row for page in walk(at.call, request, stream.pages) for row in page.rows]
    assert {stream.key(row) for row in rows} == {void, edited}
    assert {stream.sweep.day(row) for row in rows} == {date(2026, 3, 2)}


def test_a_payment_is_seen_where_it_does_not_touch_its_invoice() -> None:
    """Nobody documents that it does: the payment's own date counts as well."""
    at = desk(touch_on_apply=False)
    invoice = at.books.add_invoice(at.customer(), "100.00")["id"]
    since = mark(at)
    at.clock.advance(LATER.total_seconds())
    at.books.pay({invoice: "40.00"})
    assert changed(at, since)[invoice].balance == usd("60.00")


def test_an_invoice_with_its_lines_and_tax() -> None:
    at = desk(tax="legacy", date_format="D.M.YYYY")
    buyer, code = at.customer(), "2"
    lines = [
        {"item": at.item, "quantity": Decimal("12.5"), "rate": 160, "description": "Consulting",
         "amount": Decimal(2000), "taxCode": code},
        {"item": at.item, "quantity": 1, "rate": -200, "amount": -200, "description": "Drawdown"},
    ]  # fmt: skip
    made = at.books.add("invoice", entity=buyer, item={"items": lines}, tranDate="2026-02-28")
    found = at.pull("invoices")[made["id"]]
    assert (found.total, found.tax) == (usd("1945.00"), usd("145.00"))
    said = [(each.quantity, each.rate, each.amount, each.description) for each in found.lines]
    assert said == [
        (Decimal("12.5"), Decimal(160), Decimal(2000), "Consulting"),
        (Decimal(1), Decimal(-200), Decimal(-200), "Drawdown"),
    ]
    assert (found.issue_date, found.customer_id) == (date(2026, 2, 28), buyer)


def test_an_invoice_in_a_currency_nobody_knows_is_held() -> None:
    at = desk()
    made = at.books.add_invoice(at.customer(), "1.00")["id"]
    at.books.put("currency", {**at.books.get("currency", "1"), "symbol": "Xyz"})
    found: Any = at.pull("invoices")[made]
    assert isinstance(found, Held)
    assert found.reason == "currency_missing"


# -- clocks -----------------------------------------------------------------------------
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Australia/Sydney", "UTC"])
@pytest.mark.parametrize(
    "at_utc",
    [
        datetime(2026, 6, 15, 23, 59, 30, tzinfo=UTC),  # about midnight, somewhere
        datetime(2026, 11, 1, 8, 55, tzinfo=UTC),  # clocks go back in Los Angeles at 09:00
        datetime(2026, 3, 8, 9, 55, tzinfo=UTC),  # and forward there at 10:00
        datetime(2026, 4, 4, 15, 55, tzinfo=UTC),  # back in Sydney at 16:00
    ],
)
def test_no_change_is_missed_whatever_clock_netsuite_shows(zone: str, at_utc: datetime) -> None:
    """A change every ten minutes for three hours, pulled after each: all of them come.

    When clocks go back NetSuite's wall clock shows an hour twice, and the later change has the
    earlier time: neither the mark nor the revision may hide it.
    """
    at = desk(query_zone=zone, time_zone=zone)
    at.clock.set(at_utc)
    invoice = at.books.add_invoice(at.customer(), "100.00")["id"]
    stream, since, revisions = CONNECTOR.stream("invoices"), mark(at), list[str]()
    for number in range(1, 19):
        at.clock.advance(600)
        at.books.edit_invoice(invoice, amount=str(100 + number))
        overlap = timedelta(seconds=stream.cursor.overlap_s)  # type: ignore[union-attr]
        rows = at.rows("invoices", since - overlap)
        assert [Decimal(row["total"]) for row in rows] == [100 + number]
        seen = queries.moment(rows[0])
        assert seen is not None
        since = max(since, seen)
        revisions.append(stream.revision(rows[0]))
    assert len(set(revisions)) > 12
    with pytest.raises(ValueError, match="Invalid isoformat"):
        datetime.fromisoformat(revisions[0])  # so that the engine takes none for an older one


def test_days_are_the_companys_own_whatever_the_display(three: Three) -> None:
    at, _ = three
    for style in ("M/D/YYYY", "D/M/YYYY", "D.M.YYYY", "YYYY-MM-DD"):
        at.books.prefer(date_format=style)
        assert {each.issue_date for each in at.pull("invoices").values()} == {date(2026, 3, 2)}


# -- many -------------------------------------------------------------------------------
def test_the_payments_of_ten_thousand_invoices_take_at_most_thirty_calls() -> None:
    at = desk()
    buyer = at.customer()
    one = at.books.get("invoice", at.books.add_invoice(buyer, "10.00")["id"])
    paid = at.books.get("customerPayment", at.books.pay(one["id"])["id"])
    for number in range(10_000):  # straight into the books: entering them takes minutes
        invoice = {**one, "id": str(20_000 + number), "tranId": f"INV{number}"}
        at.books.put("invoice", invoice)
        line = {**paid["apply"][0], "doc": invoice["id"]}
        at.books.put("customerPayment", {**paid, "id": str(40_000 + number), "apply": [line]})
    before = len(at.vendor.calls)
    payments = at.pull("payments")
    taken = len(at.vendor.calls) - before
    assert taken <= 30
    found = {doc for payment in payments.values() for doc in split(payment)}
    assert len(found) == 10_001


def test_a_record_a_page_ends_in_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 7)
    at = desk()
    buyer = at.customer()
    made = []
    for count in (3, 1, 6, 2, 5, 1):
        lines = [at.books.one_line("1.00") for _ in range(count)]
        made.append(at.books.add("invoice", entity=buyer, item={"items": lines})["id"])
    found = at.pull("invoices")
    assert [len(found[each].lines) for each in made] == [3, 1, 6, 2, 5, 1]
    lines = [at.books.one_line("1.00") for _ in range(9)]
    at.books.add("invoice", entity=buyer, item={"items": lines})
    with pytest.raises(Transient, match="unknown shape"):
        at.pull("invoices")


# -- lists ------------------------------------------------------------------------------
def test_every_stream_of_a_sample_account_is_read() -> None:
    at = desk("sample", tax="legacy", ours={"tax": "legacy_code"})
    counts = {stream.name: len(at.pull(stream.name)) for stream in CONNECTOR.streams}
    assert all(counts.values()), counts
    (company,) = at.pull("company_info").values()
    assert (company.name, company.currency) == ("Northwind Studio", "USD")
    (project, *_) = at.pull("projects").values()
    assert project.full_name == "Amber Analytics:Amber Rollout"


def test_an_account_without_oneworld_and_without_projects() -> None:
    ours = {"subsidiary_id": "", "without": ("projects", "classes")}
    at = desk("sample", one_world=False, projects=False, ours=ours)
    (books,) = at.pull("preferences").values()
    assert (books.currency, books.name) == ("USD", "1234567_SB1")
    missing = [one.name for one in CONNECTOR.streams if not one.applies(at.connection.settings)]
    assert missing == ["projects", "tax_codes", "classes"], "nobody asks for what is not there"
    assert at.pull("invoices")


@pytest.mark.parametrize("header", [True, False])
def test_another_subsidiarys_books_are_not_ours(header: bool) -> None:
    at = desk(header_subsidiary=header)
    theirs = at.customer("Beta", subsidiary="2")
    at.books.add_invoice(theirs, "5.00")
    mine = at.books.add_invoice(at.customer(), "7.00")["id"]
    assert set(at.pull("invoices")) == {mine}


def test_who_answers() -> None:
    at = desk()
    identity = CONNECTOR.identity
    assert identity is not None
    answer = at.call(identity.request(at.connection.settings)).json()
    assert identity.read(answer) == ("", "Northwind Studio")
    wrong = desk(ours={"subsidiary_id": "77"})
    answer = wrong.call(identity.request(wrong.connection.settings)).json()
    with pytest.raises(Misconfigured, match="subsidiary_id"):
        identity.read(answer)


def test_inactive_rows_are_read_as_inactive() -> None:
    at = desk()
    gone = at.customer("Gone Ltd")
    at.books.inactivate("customer", gone)
    assert not at.pull("customers")[gone].active
