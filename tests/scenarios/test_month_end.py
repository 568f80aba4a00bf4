"""Two months of a firm from the won deal to the signed proof, and four things that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.books import (
    assert_each_once,
    billed_and_approved,
    cents,
    classes,
    expected_by_code,
    in_the_ledger,
    issued,
    ready_to_push,
    reconciled,
    statuses,
    totals_by_code,
    written,
)
from tests.scenarios.firm import FEBRUARY, JANUARY, Firm, prepared_firm, small_firm
from tieout.model.discrepancy import Discrepancy
from tieout.reconcile.report import can_be_signed
from tieout.sandbox.firm import (
    edit_invoice_behind,
    late_entry,
    lose_next_answer,
    pay_some,
    unapplied_payment,
)
from tieout.sync.bill import bill
from tieout.sync.plan import plan
from tieout.sync.pullback import pullback
from tieout.sync.push import push


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path) as made:
        yield made


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[Firm]:
    """Both months are in the ledger."""
    with prepared_firm(tmp_path, both_months_pushed) as made:
        yield made


def both_months_pushed(firm: Firm) -> None:
    for period in (JANUARY, FEBRUARY):
        ready_to_push(firm, period)
        assert push(firm.engine).stopped == ""


def only(found: list[Discrepancy]) -> Discrepancy:
    (one,) = found
    return one


# -- the quiet story --------------------------------------------------------------------
def test_both_months_come_to_what_the_firm_worked(firm: Firm) -> None:
    for period in (JANUARY, FEBRUARY):
        made = ready_to_push(firm, period)
        assert totals_by_code(firm, made) == expected_by_code(firm, period)
        assert all(document.period_from == period.start for document in made)
        assert push(firm.engine).held == []
    assert_each_once(firm)
    whole = sum(total for _, total in in_the_ledger(firm))
    assert whole == sum(firm.facts.time_cents.values()) + sum(firm.facts.fee_cents.values())
    numbers = [document.number for document in issued(firm)]
    assert numbers == [f"INV-2026-{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_plan_lists_exactly_the_writes_that_the_push_makes(firm: Firm) -> None:
    for period in (JANUARY, FEBRUARY):
        ready_to_push(firm, period)
        ledger = firm.world.quickbooks
        before = len(ledger.write_calls)
        with firm.engine.store.read() as tx:
            planned = plan(firm.engine, tx)
        assert len(ledger.write_calls) == before, "a plan writes nothing"
        assert planned.problems == ()
        done = push(firm.engine)
        calls = ledger.write_calls[before:]
        assert sorted(written(firm, calls)) == sorted((w.writer, w.name) for w in planned.writes)
        assert len(calls) == planned.calls == done.calls
    linked = {link.client for link in planned.links}
    assert linked == set(), "what January linked, February knows"


def test_known_customers_are_linked_and_the_others_made(firm: Firm) -> None:
    ready_to_push(firm)
    with firm.engine.store.read() as tx:
        planned = plan(firm.engine, tx)
    assert {link.client for link in planned.links} == set(firm.facts.known_customers)
    push(firm.engine)
    there = sorted(row["DisplayName"] for row in firm.world.quickbooks.books.rows("Customer"))
    assert there == sorted(firm.facts.clients)


def test_doing_it_all_again_changes_nothing(billed: Firm) -> None:
    ledger = billed.world.quickbooks
    before, calls = in_the_ledger(billed), len(ledger.write_calls)
    billed.clock.advance(3600)
    billed.pull()
    billed.look_at_the_ledger()
    for period in (JANUARY, FEBRUARY):
        assert billed_and_approved(billed, period) == []
    done = push(billed.engine)
    assert (done.calls, done.confirmed, done.waiting) == (0, [], [])
    assert len(ledger.write_calls) == calls
    assert in_the_ledger(billed) == before


def test_quiet_books_give_an_empty_report_that_can_be_signed(billed: Firm) -> None:
    done = reconciled(billed)
    assert done.comparison.discrepancies == ()
    assert can_be_signed(done.report)
    (control,) = done.comparison.control
    assert control.ours == control.theirs
    assert control.ours.invoices == 16
    assert cents(control.ours.open) == sum(total for _, total in in_the_ledger(billed))
    assert all(page.exists() for page in (done.html, done.csv, done.json))


def test_payments_come_back_and_say_where_each_invoice_stands(billed: Firm) -> None:
    pay_some(billed.world, billed.facts, "0.5")
    balances = {
        row["DocNumber"]: (row["TotalAmt"], row["Balance"])
        for row in billed.world.quickbooks.books.rows("Invoice")
    }
    expected = {}
    for number, (total, balance) in balances.items():
        open_part = "part_paid" if balance < total else "pushed"
        expected[number] = open_part if balance else "paid"
    assert set(expected.values()) == {"paid", "part_paid", "pushed"}
    told = pullback(billed.engine)
    assert statuses(billed) == expected
    assert {number: status.value for number, status in told.changed} == {
        number: status for number, status in expected.items() if status != "pushed"
    }
    assert pullback(billed.engine).changed == (), "told once"
    done = reconciled(billed)
    assert done.comparison.discrepancies == ()
    (control,) = done.comparison.control
    paid = sum(total - balance for total, balance in balances.values())
    assert (control.ours.paid, control.theirs.paid) == (paid, paid)
    assert can_be_signed(done.report)


# -- four things that go wrong ------------------------------------------------------------
def test_a_batch_whose_answer_was_lost_is_recovered_and_told(firm: Firm) -> None:
    ready_to_push(firm)
    lose_next_answer(firm.world, "batch")
    done = push(firm.engine)
    assert len(done.recovered) == 8
    assert_each_once(firm)
    proof = reconciled(firm)
    assert proof.comparison.discrepancies == ()
    told = {each.number for each in proof.comparison.books.recoveries}
    assert told == {document.number for document in issued(firm)}
    assert can_be_signed(proof.report)


def test_a_single_invoice_whose_answer_was_lost_is_recovered_and_told(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=1) as firm:
        (document,) = ready_to_push(firm)
        lose_next_answer(firm.world, "invoice")
        assert len(push(firm.engine).recovered) == 1
        assert_each_once(firm)
        proof = reconciled(firm)
        assert proof.comparison.discrepancies == ()
        (recovery,) = proof.comparison.books.recoveries
        assert recovery.number == document.number
        (number,) = firm.world.quickbooks.books.numbered("Invoice", document.number)
        assert recovery.settled == (
            f"found in the ledger by its key as record {number}; not sent again: still one invoice"
        )


def test_an_invoice_edited_over_there_is_named_with_its_difference(billed: Firm) -> None:
    document = issued(billed)[2]
    act = edit_invoice_behind(billed.world, document.number)
    done = reconciled(billed)
    assert classes(done) == ["R04", "R05"]
    total, lines = sorted(done.comparison.discrepancies, key=lambda one: one.cls.value)
    assert total.amount == lines.amount == -act.amount
    assert total.title.startswith(f"{document.number} for ")
    (control,) = done.comparison.control
    assert control.unexplained == -act.amount
    assert not can_be_signed(done.report)


def test_money_applied_to_nothing_is_named(billed: Firm) -> None:
    act = unapplied_payment(billed.world)
    done = reconciled(billed)
    found = only(list(done.comparison.discrepancies))
    assert (found.cls.value, found.amount) == ("R10", act.amount)
    assert found.subject == f"payment:ledger/{act.id}"
    assert can_be_signed(done.report), "the invoices' balances agree all the same"


def test_time_approved_late_is_named_until_it_is_billed(billed: Firm) -> None:
    act = late_entry(billed.world, billed.facts)
    billed.pull()
    found = only(list(reconciled(billed).comparison.discrepancies))
    assert found.cls.value == "R18"
    assert found.title.startswith("6 h by ")
    (draft,) = bill(billed.engine, JANUARY).drafts
    assert draft.total.amount == act.amount
    billed_and_approved(billed, JANUARY)
    assert len(push(billed.engine).confirmed) == 1
    assert reconciled(billed).comparison.discrepancies == ()
    assert_each_once(billed)


# -- behind our back ------------------------------------------------------------------------
def test_an_invoice_voided_over_there_is_r09(billed: Firm) -> None:
    document, books = issued(billed)[4], billed.world.quickbooks.books
    (number,) = books.numbered("Invoice", document.number)
    books.void_invoice(number)
    done = reconciled(billed)
    found = only(list(done.comparison.discrepancies))
    assert (found.cls.value, found.amount) == ("R09", document.total.amount)
    assert (found.ours, found.theirs) == ("live", "void")
    assert not can_be_signed(done.report)


def test_an_invoice_deleted_over_there_is_r01(billed: Firm) -> None:
    document, books = issued(billed)[4], billed.world.quickbooks.books
    (number,) = books.numbered("Invoice", document.number)
    books.delete_invoice(number)
    billed.clock.advance(3600)
    done = reconciled(billed)
    found = only(list(done.comparison.discrepancies))
    assert (found.cls.value, found.amount) == ("R01", document.total.amount)
    assert found.what_to_do == (
        f"Ask who deleted it. If it must stand, `tieout retry {document.number} --again`."
    )
    assert not can_be_signed(done.report)


def test_the_next_report_carries_on_what_stays_and_closes_what_is_gone(billed: Firm) -> None:
    books = billed.world.quickbooks.books
    payment = unapplied_payment(billed.world)
    document = issued(billed)[0]
    (number,) = books.numbered("Invoice", document.number)
    before = books.get("Invoice", number)["Line"]
    edit_invoice_behind(billed.world, document.number)
    first = reconciled(billed)
    assert classes(first) == ["R04", "R05", "R10"]
    assert first.report.closed == ()
    billed.clock.advance(86_400)
    books.edit_invoice(number, Line=before)
    second = reconciled(billed)
    stays = only(list(second.comparison.discrepancies))
    assert stays.subject == f"payment:ledger/{payment.id}"
    assert stays.id in {one.id for one in first.comparison.discrepancies}
    aged = second.report.aged[stays.id]
    assert not aged.is_new
    assert aged.first_seen == first.report.aged[stays.id].first_seen
    assert sorted(second.report.closed) == sorted(
        one.title for one in first.comparison.discrepancies if one.id != stays.id
    )
