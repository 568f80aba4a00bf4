"""Each kind of difference, told as a bookkeeper would meet it, on books of one invoice."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tieout.billing.taxes import CodeTax, DocumentTax
from tieout.model.document import (
    Document,
    DocumentKind,
    DocumentStatus,
    Line,
    LineKind,
    Section,
)
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.settlement import Allocation, Payment, RemoteInvoice, RemoteLine
from tieout.reconcile.books import Books, Freshness, Recovery, Sent, Unbilled
from tieout.reconcile.compare import compare
from tieout.reconcile.report import Aged, Report, as_csv, as_html, as_json

NOW = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
PUSHED = NOW - timedelta(days=1)
KEY = "v1:0123456789abcdef0123456789abcdef"


def money(amount: str) -> Money:
    return Money.of(amount, "USD")


def document(number: str = "INV-2026-0001", **changes: Any) -> Document:
    line = Line(
        id="L001",
        kind=LineKind.TIME,
        budget_id="b1",
        description="Design",
        quantity=Decimal("10.00"),
        rate=Decimal("150.00"),
        amount=money("1500.00"),
        project_id="p1",
    )
    made = Document(
        id=f"doc_{number}",
        kind=DocumentKind.INVOICE,
        number=number,
        client_id="c1",
        currency="USD",
        issue_date=date(2026, 2, 28),
        due_date=date(2026, 3, 30),
        period_from=date(2026, 2, 1),
        period_to=date(2026, 2, 28),
        sections=(Section(project_id="p1", budget_id="b1", title="Atlas", lines=(line,)),),
        status=DocumentStatus.PUSHED,
    )
    return replace(made, **changes)


def invoice(remote_id: str = "11", **changes: Any) -> RemoteInvoice:
    made = RemoteInvoice(
        source=SourceRef("ledger", "invoices", remote_id),
        remote_id=remote_id,
        revision="0",
        number="INV-2026-0001",
        customer_id="61",
        issue_date=date(2026, 2, 28),
        due_date=date(2026, 3, 30),
        total=money("1500.00"),
        tax=money("0.00"),
        balance=money("1500.00"),
        lines=(RemoteLine(description="Design", quantity=Decimal(10), rate=Decimal(150),
                          amount=Decimal("1500.00")),),
        key=KEY,
    )  # fmt: skip
    return replace(made, **changes)


def payment(**changes: Any) -> Payment:
    made = Payment(
        source=SourceRef("ledger", "payments", "77"),
        remote_id="77",
        revision="0",
        customer_id="61",
        paid_on=date(2026, 3, 20),
        total=money("1500.00"),
        unapplied=money("0.00"),
        allocations=(
            Allocation(remote_document_id="11", document_type="Invoice", amount=Decimal("1500.00")),
        ),
    )
    return replace(made, **changes)


def books(**changes: Any) -> Books:
    """Quiet books: one invoice, on both sides, read after it was pushed."""
    sent = Sent(state="confirmed", key=KEY, remote_id="11", tax=Decimal("0.00"), settled_at=PUSHED)
    made = Books(
        firm="Fern & Co",
        ledger="ledger",
        company="Fern & Co Books",
        as_of=NOW,
        today=date(2026, 4, 1),
        documents=(document(),),
        sent={"doc_INV-2026-0001": sent},
        remote=(invoice(),),
        payments=(),
        clients={"c1": "Northwind"},
        customers={"61": "c1"},
        invoices_read_at=NOW,
        freshness=(Freshness(connection="ledger", stream="invoices", last_success=NOW),),
    )
    return replace(made, **changes)


def found(given: Books) -> list[str]:
    return [one.cls.value for one in compare(given).discrepancies]


def test_quiet_books_give_nothing_and_can_be_signed() -> None:
    comparison = compare(books())
    assert comparison.discrepancies == ()
    assert [control.unexplained for control in comparison.control] == [Decimal(0)]


def test_r01_an_invoice_deleted_over_there() -> None:
    assert found(books(remote=())) == ["R01"]


def test_r01_says_nothing_of_what_was_pushed_after_the_ledger_was_last_read() -> None:
    early = books(remote=(), invoices_read_at=PUSHED - timedelta(hours=1))
    (one,) = compare(early).discrepancies
    assert (one.cls.value, one.title) == (
        "R20",
        "1 documents were pushed after ledger was last read",
    )


def test_r01_a_refused_push_shows_the_vendors_words() -> None:
    held = Sent(state="held", key=KEY, error="Business Validation Error")
    (one,) = compare(books(remote=(), sent={"doc_INV-2026-0001": held})).discrepancies
    assert "The ledger said: Business Validation Error" in one.explanation


def test_r02_an_invoice_typed_in_by_hand() -> None:
    typed = invoice("12", number="1044", key="")
    assert found(books(remote=(invoice(), typed))) == ["R02"]


def test_r02_leaves_alone_what_was_there_before_our_first_document() -> None:
    older = invoice("12", number="1044", key="", issue_date=date(2026, 1, 5))
    assert found(books(remote=(invoice(), older))) == []


def test_r03_the_same_document_twice() -> None:
    assert found(books(remote=(invoice(), invoice("12")))) == ["R03"]


def test_r04_and_r05_an_edited_line() -> None:
    line = replace(invoice().lines[0], rate=Decimal(160), amount=Decimal("1600.00"))
    edited = invoice(total=money("1600.00"), balance=money("1600.00"), lines=(line,))
    first, second = compare(books(remote=(edited,))).discrepancies
    assert (first.cls.value, first.amount) == ("R04", Decimal("-100.00"))
    assert (second.ours, second.theirs) == ("10 x 150 = 1500", "10 x 160 = 1600")


def test_r05_alone_when_lines_moved_and_the_total_stayed() -> None:
    line = replace(invoice().lines[0], quantity=Decimal(15), rate=Decimal(100))
    assert found(books(remote=(invoice(lines=(line,)),))) == ["R05"]


def test_r06_tax_that_changed_after_the_push() -> None:
    taxed = invoice(total=money("1620.00"), tax=money("120.00"), balance=money("1620.00"))
    (one,) = compare(books(remote=(taxed,))).discrepancies
    assert (one.cls.value, one.ours, one.theirs) == ("R06", "0.00 USD", "120.00 USD")
    assert one.explanation == "At the push the ledger answered another figure."
    assert one.needs_action


def estimate(tax: str, rounding: str = "line") -> dict[str, DocumentTax]:
    code = CodeTax(code="VAT", percent=Decimal("8.250"), net=money("1500.00"), tax=money(tax))
    made = DocumentTax(lines={}, parts={}, codes=(code,), total=money(tax), rounding=rounding)
    return {"doc_INV-2026-0001": made}


def taxed_books(**changes: Any) -> Books:
    """The ledger answered a tax of 123.75 at the push, and it stands there."""
    theirs = invoice(total=money("1623.75"), tax=money("123.75"), balance=money("1623.75"))
    sent = books().sent["doc_INV-2026-0001"]
    sent = replace(sent, tax=Decimal("123.75"))
    return books(remote=(theirs,), sent={"doc_INV-2026-0001": sent}, **changes)


def test_r06_an_estimate_that_differs_names_the_code_and_the_rounding() -> None:
    assert found(taxed_books(taxes=estimate("123.75"))) == []
    (one,) = compare(taxed_books(taxes=estimate("123.74", "document"))).discrepancies
    assert (one.title, one.ours, one.theirs, one.amount) == (
        "INV-2026-0001 for Northwind: the tax differs",
        "123.74 USD",
        "123.75 USD",
        Decimal("-0.01"),
    )
    assert one.explanation == (
        "The ledger computes the tax; ours is an estimate, rounded once for each code. VAT, 8.25 "
        "% of 1500.00 USD: 123.74 USD."
    )
    assert one.needs_action


def test_r06_within_the_tolerance_is_listed_without_anything_to_do() -> None:
    tolerant = taxed_books(taxes=estimate("123.74"), tolerance=Decimal("0.01"))
    (one,) = compare(tolerant).discrepancies
    assert (one.needs_action, one.what_to_do) == (
        False,
        "Nothing: it is within the tolerance of 0.01 USD.",
    )
    far = taxed_books(taxes=estimate("123.73"), tolerance=Decimal("0.01"))
    assert [each.needs_action for each in compare(far).discrepancies] == [True]


def test_r06_what_changed_after_the_push_comes_before_an_estimate() -> None:
    """One difference of a document's tax, not two."""
    edited = invoice(total=money("1620.00"), tax=money("120.00"), balance=money("1620.00"))
    given = replace(taxed_books(taxes=estimate("123.74")), remote=(edited,))
    assert [each.ours for each in compare(given).discrepancies] == ["123.75 USD"]


def test_r09_voided_over_there() -> None:
    gone = invoice(voided=True, total=money("0.00"), balance=money("0.00"), lines=())
    assert found(books(remote=(gone,))) == ["R09"]


def test_r09_a_balance_no_payment_explains() -> None:
    (one,) = compare(books(remote=(invoice(balance=money("1000.00")),))).discrepancies
    assert (one.cls.value, one.amount) == ("R09", Decimal("-500.00"))


def test_r09_is_content_when_the_payment_is_known() -> None:
    assert found(books(remote=(invoice(balance=money("0.00")),), payments=(payment(),))) == []


def test_r10_cash_without_an_invoice() -> None:
    stray = payment(unapplied=money("1500.00"), allocations=())
    assert found(books(payments=(stray,))) == ["R10"]


def test_r10_leaves_strangers_alone() -> None:
    stray = payment(unapplied=money("1500.00"), allocations=(), customer_id="99")
    assert found(books(payments=(stray,))) == []


def test_r16_a_number_left_out_and_one_used_twice() -> None:
    waiting = {"state": "pending", "key": ""}
    third, twin = document("INV-2026-0003"), document("INV-2026-0003", id="doc_twin")
    sent = {one.id: Sent(**waiting) for one in (third, twin)}
    given = books(documents=(document(), third, twin), sent={**books().sent, **sent})
    titles = [one.title for one in compare(given).discrepancies]
    assert titles == ["Number INV-2026-0003 is used 2 times", "Number INV-2026-0002 is left out"]


def test_r18_hours_nobody_billed() -> None:
    missed = Unbilled(
        work_id="w1",
        client="Northwind",
        project="Atlas",
        person="Ana",
        task="Design",
        work_date=date(2026, 2, 27),
        seconds=5400,
        reason="approved late.",
    )
    (one,) = compare(books(unbilled=(missed,))).discrepancies
    assert one.title == "1.5 h by Ana for Northwind on 2026-02-27 not billed"


def test_r20_a_stream_that_stopped() -> None:
    old = Freshness(
        connection="time",
        stream="time_entries",
        last_success=NOW - timedelta(days=3),
        last_failure="429",
    )
    (one,) = compare(books(freshness=(old,))).discrepancies
    assert (one.cls.value, one.what_to_do) == (
        "R20",
        "Run `tieout pull time`, then reconcile again.",
    )


def test_the_same_difference_keeps_its_id_from_run_to_run() -> None:
    first = compare(books(remote=())).discrepancies
    second = compare(books(remote=(), as_of=NOW + timedelta(days=1))).discrepancies
    assert [one.id for one in first] == [one.id for one in second]


def report(given: Books) -> Report:
    comparison = compare(given)
    aged = {
        one.id: Aged(first_seen=NOW - timedelta(days=4), is_new=False)
        for one in comparison.discrepancies
    }
    return Report(
        comparison=comparison, run_id="run_1", aged=aged, closed=(), time_zone="Europe/London"
    )


def test_a_vendors_words_are_neither_markup_nor_a_formula() -> None:
    nasty = books(remote=(), clients={"c1": "=cmd()<script>alert(1)</script>"})
    made = report(replace(nasty, documents=(document("=HYPERLINK(1)"),), sent={
        "doc_=HYPERLINK(1)": next(iter(books().sent.values()))}))  # fmt: skip
    assert "<script>alert" not in as_html(made)
    (row,) = csv.DictReader(io.StringIO(as_csv(made)))
    assert row["title"].startswith("'=HYPERLINK(1)")


def test_the_report_tells_age_difference_and_recoveries() -> None:
    lost = Recovery(
        document_id="doc_INV-2026-0001",
        number="INV-2026-0001",
        lost_at=PUSHED,
        what="the connection was cut",
        settled="found by its key",
    )
    made = report(books(remote=(), recoveries=(lost,)))
    data = as_json(made)
    assert data["can_be_signed"] is False
    assert data["discrepancies"][0]["difference"] == "1500.00"
    assert data["discrepancies"][0]["age_days"] == 4
    assert data["recovered"][0]["number"] == "INV-2026-0001"
    assert "found by its key" in as_html(made)
