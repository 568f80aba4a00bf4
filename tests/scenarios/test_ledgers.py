"""What happens in a ledger after the push, the same story for each ledger there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.scenarios.books import (
    assert_each_once,
    classes,
    in_the_ledger,
    push_until_settled,
    ready_to_push,
    reconciled,
    rows,
    statuses,
)
from tests.scenarios.firm import FEBRUARY, JANUARY, Firm, opened, prepared_firm, small_firm
from tieout.connectors.base import Family
from tieout.connectors.registry import connectors
from tieout.model.document import Document
from tieout.model.money import Money
from tieout.sandbox.firm import edit_invoice_behind, lose_next_answer
from tieout.sandbox.ledgers import CannotBeDone, Invoice
from tieout.store import documents
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.explain import explain
from tieout.sync.link import link
from tieout.sync.plan import plan
from tieout.sync.push import push
from tieout.sync.retry import retry_row

LEDGERS = sorted(slug for slug, one in connectors().items() if one.family is Family.LEDGER)
#: What an integration is told of books that are closed, by ledger: its own words.
CLOSED = {"quickbooks": "closed", "xero": "lock", "netsuite": "accounting period"}


@pytest.fixture(params=LEDGERS)
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=3, projects=3, ledger=request.param) as made:
        yield made


@pytest.fixture(params=LEDGERS)
def billed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    """January is in the ledger: three invoices of three clients, nothing paid."""
    with prepared_firm(
        tmp_path, pushed_and_seen, people=3, projects=3, ledger=request.param
    ) as made:
        yield made


def pushed_and_seen(firm: Firm) -> None:
    ready_to_push(firm)
    push_until_settled(firm)
    firm.look_at_the_ledger()


def there(firm: Firm) -> dict[str, Invoice]:
    return {invoice.number: invoice for invoice in firm.world.ledger.invoices()}


def two_days_later(firm: Firm) -> list[str]:
    """What a reconciliation says after two nights: what no feed tells, a sweep has found."""
    for _ in range(2):
        firm.clock.advance(25 * 3600)
        firm.pull()
        done = reconciled(firm)
    return classes(done)


FIRST, SECOND, THIRD = (f"INV-2026-000{number}" for number in (1, 2, 3))


# -- going out ------------------------------------------------------------------------------
def test_what_the_plan_says_is_what_arrives_once_with_its_lines(firm: Firm) -> None:
    made = ready_to_push(firm)
    with firm.engine.store.read() as tx:
        planned = plan(firm.engine, tx)
    done = push(firm.engine)
    assert (done.calls, done.held) == (planned.calls, [])
    assert_each_once(firm)
    for document in made:
        over_there = there(firm)[document.number]
        assert [
            (line.text, line.quantity, line.rate, line.amount) for line in over_there.lines
        ] == [
            (line.description, line.quantity, line.rate, line.amount.amount)
            for line in document.lines
        ]
        assert over_there.day == document.issue_date
    assert reconciled(firm).comparison.discrepancies == ()


def test_an_answer_that_was_lost_is_found_by_its_key(firm: Firm) -> None:
    ready_to_push(firm)
    lose_next_answer(firm.world)
    recovered = [one for done in push_until_settled(firm) for one in done.recovered]
    assert recovered
    assert_each_once(firm)
    assert reconciled(firm).comparison.discrepancies == ()


class Died(BaseException):
    """What ends a process."""


def die_when_looking(boundary: str) -> None:
    if boundary == "find: answer in hand":
        raise Died


def test_a_key_that_the_ledger_forgot_makes_no_second_invoice(firm: Firm) -> None:
    """The ledger commits and the answer is lost; the worker dies and nobody looks for a day, so
    the ledger knows the key no more; then two workers look at once."""
    ready_to_push(firm)
    lose_next_answer(firm.world)
    with pytest.raises(Died):
        push(firm.engine, boundary=die_when_looking)
    firm.clock.advance(26 * 3600)
    with opened(firm.folder, firm.world) as one, opened(firm.folder, firm.world) as other:
        for _ in range(4):
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(push, (one, other)))
            firm.clock.advance(400)
    assert {row.state.value for row in rows(firm)} == {"confirmed"}
    assert_each_once(firm)
    told = [explain(firm.engine, number).history for number in (FIRST, SECOND, THIRD)]
    found = [history for history in told if any("invoice.recovered" in one for one in history)]
    assert len(found) == (1 if firm.world.ledger.vendor.slug == "netsuite" else 3), "in the call"
    for history in found:
        approved, sent, recovered = (line.split("  ", 2) for line in history)
        assert approved[2].startswith("document.approved")
        assert sent[2].startswith("invoice.pushed")
        assert recovered[0].startswith("2026-03-03")
        assert "lost=the connection was cut" in recovered[2]
        assert "what was sent may have been done" in recovered[2]


def test_closed_books_hold_the_invoice_with_the_ledgers_words(firm: Firm) -> None:
    documents = ready_to_push(firm)
    firm.world.ledger.close_until(max(document.issue_date for document in documents))
    push(firm.engine)
    assert in_the_ledger(firm) == []
    held = [row for row in rows(firm) if row.writer == "invoice"]
    assert {row.state.value for row in held} == {"held"}
    slug = firm.world.ledger.vendor.slug
    assert all(CLOSED[slug] in row.error_text.lower() for row in held), held[0].error_text


def test_an_item_that_is_not_sold_any_more_is_named_before_anything_is_sent(billed: Firm) -> None:
    billed.world.ledger.stop_selling("Consulting services")
    billed.look_at_the_ledger()
    assert ready_to_push(billed, FEBRUARY)
    with billed.engine.store.read() as tx:
        problems = plan(billed.engine, tx).problems
    assert len(problems) == 3
    # One ledger says inactive, one gives a retired item another name, one does not sell it.
    assert all("item 'Consulting services'" in one for one in problems), problems
    push(billed.engine)
    assert len(in_the_ledger(billed)) == 3


def test_a_number_that_somebody_typed_in_is_not_taken_for_ours(firm: Firm) -> None:
    ready_to_push(firm)
    ledger = firm.world.ledger
    stranger = ledger.add_customer("Somebody Else", "ap@else.example")
    ledger.type_in(stranger, FIRST, Decimal("12.00"))
    for _ in range(3):
        push(firm.engine)
        firm.clock.advance(400)
    waiting = [row for row in rows(firm) if row.state.value != "confirmed"]
    by_hand = [each for each in ledger.invoices() if not each.key]
    assert [(each.number, each.total) for each in by_hand] == [(FIRST, Decimal("12.00"))]
    if ledger.vendor.slug == "netsuite":  # two documents may have one number there
        assert waiting == []
        assert sorted(each.number for each in ledger.invoices() if each.key) == [
            FIRST, SECOND, THIRD,
        ]  # fmt: skip
        return
    (row,) = waiting
    assert row.state.value == "held"
    assert FIRST in row.error_text
    assert sorted(each.number for each in ledger.invoices() if each.key) == [SECOND, THIRD]


# -- coming back ----------------------------------------------------------------------------
def test_a_part_is_paid(billed: Firm) -> None:
    billed.world.ledger.pay({there(billed)[FIRST].id: Decimal("100.00")})
    assert reconciled(billed).comparison.discrepancies == ()
    assert statuses(billed) == {FIRST: "part_paid", SECOND: "pushed", THIRD: "pushed"}


def test_money_that_is_taken_back_opens_the_invoice_again(billed: Firm) -> None:
    ledger, invoice = billed.world.ledger, there(billed)[FIRST]
    (receipt,) = ledger.pay({invoice.id: invoice.balance})
    billed.look_at_the_ledger()
    assert statuses(billed)[FIRST] == "paid"
    billed.clock.advance(60)
    ledger.take_back(receipt)
    # What a feed cannot tell, the sweep finds out within a day or two.
    assert two_days_later(billed) == []
    assert statuses(billed)[FIRST] == "pushed"


def test_one_payment_for_several_invoices_of_a_client(billed: Firm) -> None:
    ready_to_push(billed, FEBRUARY)
    push_until_settled(billed)
    by_client: dict[str, list[Invoice]] = {}
    for invoice in there(billed).values():
        by_client.setdefault(invoice.customer_id, []).append(invoice)
    together = next(some for some in by_client.values() if len(some) > 1)
    billed.world.ledger.pay({invoice.id: invoice.balance for invoice in together})
    assert reconciled(billed).comparison.discrepancies == ()
    paid = {number for number, status in statuses(billed).items() if status == "paid"}
    assert paid == {invoice.number for invoice in together}


def test_money_that_names_no_invoice_is_named(billed: Firm) -> None:
    billed.world.ledger.receive(there(billed)[FIRST].customer_id, Decimal("250.00"))
    assert classes(reconciled(billed)) == ["R10"]


def test_a_credit_by_hand_is_explained_and_no_money(billed: Firm) -> None:
    billed.world.ledger.credit(there(billed)[FIRST].id, Decimal("100.00"))
    billed.world.ledger.credit(there(billed)[SECOND].id, there(billed)[SECOND].balance)
    billed.look_at_the_ledger()
    assert statuses(billed) == {FIRST: "pushed", SECOND: "credited", THIRD: "pushed"}


def test_an_invoice_that_was_edited_is_named_with_its_difference(billed: Firm) -> None:
    act = edit_invoice_behind(billed.world, SECOND)
    done = reconciled(billed)
    assert classes(done) == ["R04", "R05"]
    assert {one.amount for one in done.comparison.discrepancies} == {-act.amount}


def test_an_invoice_that_was_voided_is_named(billed: Firm) -> None:
    billed.world.ledger.void(there(billed)[SECOND].id)
    assert classes(reconciled(billed)) == ["R09"]


def test_an_invoice_that_was_deleted_is_named(billed: Firm) -> None:
    ledger, invoice = billed.world.ledger, there(billed)[SECOND]
    if ledger.vendor.slug == "xero":
        with pytest.raises(CannotBeDone, match="can only be voided"):
            ledger.delete(invoice.id)
        return
    ledger.delete(invoice.id)
    assert two_days_later(billed) == ["R01"]


def test_a_client_that_was_archived_is_named_before_an_invoice_goes_there(billed: Firm) -> None:
    ledger, invoice = billed.world.ledger, there(billed)[FIRST]
    ledger.pay({invoice.id: invoice.balance})  # nobody who still owes can be archived
    ledger.archive_customer(invoice.customer_id)
    billed.look_at_the_ledger()
    documents = ready_to_push(billed, FEBRUARY)
    push(billed.engine)
    billed.clock.advance(400)
    push(billed.engine)
    held = [row for row in rows(billed) if row.state.value == "held"]
    assert len(held) == 1, [
        row.error_text for row in rows(billed) if row.state.value != "confirmed"
    ]
    assert len(in_the_ledger(billed)) == 3 + len(documents) - 1


def test_a_client_that_was_merged_gets_its_invoices_where_they_belong(billed: Firm) -> None:
    """One ledger says into which; where it is only gone, a person does."""
    ledger, invoice = billed.world.ledger, there(billed)[FIRST]
    kept = ledger.add_customer("Brightwater Group", "ap@brightwater.example")
    gone, client_id = ledger.customers()[invoice.customer_id], client_of(billed, FIRST)
    ledger.merge_customers(invoice.customer_id, kept)
    two_days_later(billed)
    new = ready_to_push(billed, FEBRUARY)
    push(billed.engine)
    if ledger.vendor.slug != "xero":
        (row,) = (row for row in rows(billed) if row.state.value == "held")
        assert row.error_text == (
            f"{gone} was {gone} ({invoice.customer_id}) in the ledger, which was merged or deleted "
            f"there. Say which it is now: `tieout match {client_id} REMOTE_ID`."
        )
        link(billed.engine, client_id, kept)
        retry_row(billed.engine, row.id)
        push(billed.engine)
    moved = {each.number for each in ledger.invoices() if each.customer_id == kept}
    assert len(in_the_ledger(billed)) == 3 + len(new)
    assert moved == {FIRST, *(each.number for each in new if each.client_id == client_id)}
    assert reconciled(billed).comparison.discrepancies == ()


def client_of(firm: Firm, number: str) -> str:
    with firm.engine.store.read() as tx:
        found = documents.by_number(tx, number)
    assert found is not None
    return found.client_id


# -- large ----------------------------------------------------------------------------------
#: The lines of an invoice that a ledger takes, where it is known to take no more.
MOST_LINES = {"quickbooks": 750, "netsuite": 900}


def test_an_invoice_of_a_thousand_lines_arrives_whole_or_is_held_before_any_call(
    firm: Firm,
) -> None:
    """Every hour on a line of its own: one ledger takes it, the others are known not to."""
    firm.pull()
    firm.look_at_the_ledger()
    draft = next(one for one in bill(firm.engine, JANUARY).drafts if len(one.sections) == 1)
    with firm.engine.store.begin() as tx:
        documents.save_draft(tx, of_lines(draft, 1000))
    (document,) = approve(firm.engine, [draft.id]).documents
    assert len(document.lines) == 1000
    ledger = firm.world.ledger
    calls = len(ledger.vendor.write_calls)
    push_until_settled(firm) if ledger.vendor.slug == "xero" else push(firm.engine)
    most = MOST_LINES.get(ledger.vendor.slug)
    if most is None:
        (invoice,) = ledger.invoices()
        assert (len(invoice.lines), invoice.total) == (1000, document.total.amount)
        # Both sides have the same invoice; the month's own hours are not on it.
        assert set(classes(reconciled(firm))) == {"R18"}
        return
    (held,) = (row for row in rows(firm) if row.state.value == "held")
    assert f"{document.number} has 1000 lines" in held.error_text
    assert str(most) in held.error_text
    assert ledger.invoices() == []
    assert all(ledger.invoice_body not in c.body for c in ledger.vendor.write_calls[calls:])


def of_lines(draft: Document, count: int) -> Document:
    """The draft with its first line cut into so many, an hour each."""
    (section,) = draft.sections
    line = section.lines[0]
    hour = replace(line, quantity=Decimal(1), amount=Money(line.rate, draft.currency), work=())
    lines = tuple(replace(hour, id=f"L{number:04}") for number in range(1, count + 1))
    return replace(draft, sections=(replace(section, lines=lines),))
