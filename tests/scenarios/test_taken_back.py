"""What was billed is credited, voided or corrected: the same story for each ledger that can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    cents,
    classes,
    issued,
    push_until_settled,
    ready_to_push,
    reconciled,
    rows,
    statuses,
    unsettled,
)
from tests.scenarios.credited import pushed
from tests.scenarios.firm import FEBRUARY, Firm, prepared_firm
from tieout.connectors.base import ALLOCATION, CORRECTION, CREDIT_NOTE, VOID, Family
from tieout.connectors.registry import connectors
from tieout.errors import NotAllowed
from tieout.model.document import Document
from tieout.sandbox.ledgers import Invoice
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.correct import correct
from tieout.sync.credit import credit
from tieout.sync.push import push
from tieout.sync.retry import retry_row
from tieout.sync.void import void

#: Those that take credit notes, and of these those that can be told to void, and the others.
LEDGERS = sorted(
    slug
    for slug, one in connectors().items()
    if one.family is Family.LEDGER and one.writes(CREDIT_NOTE)
)
VOIDING = [slug for slug in LEDGERS if connectors()[slug].writes(VOID)]
NOT_VOIDING = [slug for slug in LEDGERS if slug not in VOIDING]
DUE = date(2026, 4, 15)
FIRST, SECOND = "INV-2026-0001", "INV-2026-0002"


@pytest.fixture(params=LEDGERS)
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    """January is in the ledger: two invoices, nothing paid."""
    with prepared_firm(tmp_path, pushed, people=3, projects=2, ledger=request.param) as made:
        yield made


def ours(firm: Firm, number: str) -> Document:
    return next(each for each in issued(firm) if each.number == number)


def there(firm: Firm, number: str) -> Invoice:
    return next(each for each in firm.world.ledger.invoices() if each.number == number)


def notes(firm: Firm) -> list[Invoice]:
    """The credit notes over there that carry a key of ours."""
    return [each for each in firm.world.ledger.credits() if each.key]


def approved_credit(firm: Firm, number: str, **how: Any) -> Document:
    (approved,) = approve(firm.engine, [credit(firm.engine, number, **how).id]).documents
    return approved


def held(firm: Firm) -> dict[str, str]:
    """Why writes are held, by their kind."""
    return {row.writer: row.error_text for row in rows(firm) if row.state is OutboxState.HELD}


# -- moments of a push ---------------------------------------------------------------------
class Killed(BaseException):
    """The worker is gone."""


def once(firm: Firm, writer: str, moment: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Do something once, when a write of that kind has come to a moment of its push."""
    done: list[str] = []
    on_its_way = (OutboxState.CLAIMED, OutboxState.SENT)

    def boundary(name: str) -> None:
        if name != moment or done:
            return
        if any(row.writer == writer and row.state in on_its_way for row in rows(firm)):
            done.append(name)
            act()

    return boundary


def dies() -> None:
    raise Killed


# -- credit notes --------------------------------------------------------------------------
def test_credited_in_full_it_is_settled_and_both_sides_agree(firm: Firm) -> None:
    note = approved_credit(firm, FIRST, reason="wrong project")
    push_until_settled(firm)
    (found,) = notes(firm)
    assert (found.number, found.total, found.balance) == (note.number, note.total.amount, 0)
    assert found.customer_id == there(firm, FIRST).customer_id
    assert [(x.quantity, x.rate, x.amount) for x in found.lines] == [
        (x.quantity, x.rate, x.amount) for x in there(firm, FIRST).lines
    ]
    assert there(firm, FIRST).balance == 0
    assert there(firm, SECOND).balance == there(firm, SECOND).total
    done = reconciled(firm)
    assert classes(done) == []
    (control,) = done.comparison.control
    assert control.unexplained == 0
    assert (control.ours.credited, control.ours.paid) == (note.total.amount, 0)
    assert statuses(firm) == {FIRST: "credited", SECOND: "pushed", note.number: "pushed"}


def test_credited_in_part_then_the_rest(firm: Firm) -> None:
    invoice = max((ours(firm, FIRST), ours(firm, SECOND)), key=lambda each: len(each.lines))
    number, first = invoice.number, invoice.lines[0]
    assert len(invoice.lines) > 1
    approved_credit(firm, number, lines=[first.id])
    push_until_settled(firm)
    assert there(firm, number).balance == invoice.total.amount - first.amount.amount
    assert classes(reconciled(firm)) == []
    assert statuses(firm)[number] == "pushed", "nobody has paid a part of it"
    approved_credit(firm, number)
    push_until_settled(firm)
    assert there(firm, number).balance == 0
    assert sum(cents(each.total) for each in notes(firm)) == cents(invoice.total.amount)
    assert [each.balance for each in notes(firm)] == [0, 0]
    assert classes(reconciled(firm)) == []


def test_credited_before_it_was_ever_sent_the_invoice_goes_first(firm: Firm) -> None:
    made = ready_to_push(firm, FEBRUARY)
    approved_credit(firm, made[0].number)
    push_until_settled(firm)
    assert there(firm, made[0].number).balance == 0
    assert [each.balance for each in notes(firm)] == [0]
    assert classes(reconciled(firm)) == []


MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost": {"kind": "lost_answer"},
    "500 after the commit": {"kind": "error_after", "status": 500},
    "503 before the commit": {"kind": "error_before", "status": 503},
    "cut before the commit": {"kind": "cut_before"},
    "429": {"kind": "reply", "status": 429},
}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("writer", [CREDIT_NOTE, ALLOCATION])
def test_whatever_happens_to_a_call_there_is_one_note_used_once(
    firm: Firm, writer: str, mishap: str
) -> None:
    note = approved_credit(firm, FIRST)

    def strikes() -> None:
        firm.world.ledger.vendor.faults.add(**MISHAPS[mishap])

    push(
        firm.engine, pushers=1, boundary=once(firm, writer, "call: before the first byte", strikes)
    )
    assert [each.kind for each in firm.world.ledger.vendor.faults.played] == [
        MISHAPS[mishap]["kind"]
    ]
    firm.clock.advance(400)
    push_until_settled(firm)
    (found,) = notes(firm)
    assert (found.number, found.total, found.balance) == (note.number, note.total.amount, 0)
    assert there(firm, FIRST).balance == 0
    assert classes(reconciled(firm)) == []


MOMENTS = [
    (CREDIT_NOTE, "sent: after commit"),
    (CREDIT_NOTE, "call: answer in hand"),
    (CREDIT_NOTE, "settled: before commit"),
    (ALLOCATION, "claimed"),
    (ALLOCATION, "look: answer in hand"),
    (ALLOCATION, "sent: before commit"),
    (ALLOCATION, "sent: after commit"),
    (ALLOCATION, "call: before the first byte"),
    (ALLOCATION, "call: answer in hand"),
    (ALLOCATION, "settled: before commit"),
]


@pytest.mark.parametrize(("writer", "moment"), MOMENTS)
def test_killed_on_the_way_of_a_credit_there_is_one_note_used_once(
    firm: Firm, writer: str, moment: str
) -> None:
    """Whoever starts again makes no second note, and uses the first one up once."""
    approved_credit(firm, FIRST)
    with pytest.raises(Killed):
        push(firm.engine, pushers=1, boundary=once(firm, writer, moment, dies))
    assert len(notes(firm)) == (0 if (writer, moment) == MOMENTS[0] else 1)
    firm.clock.advance(600)  # longer than a lease
    push_until_settled(firm)
    (found,) = notes(firm)
    assert (found.balance, there(firm, FIRST).balance) == (0, 0)
    assert classes(reconciled(firm)) == []


def test_paid_in_between_the_credit_stays_unapplied_and_says_so(firm: Firm) -> None:
    note = approved_credit(firm, FIRST)
    invoice = there(firm, FIRST)
    firm.world.ledger.pay({invoice.id: invoice.total})
    push(firm.engine)
    assert held(firm) == {
        ALLOCATION: (
            f"{FIRST} is settled in the ledger: nothing is open. The credit stays unapplied: set "
            "it against another invoice there, or refund it."
        )
    }
    (found,) = notes(firm)
    assert found.balance == found.total
    told = reconciled(firm).comparison.discrepancies
    assert [(one.cls.value, one.amount) for one in told] == [("R12", note.total.amount)]


def test_paid_in_the_very_moment_nothing_is_over_applied(firm: Firm) -> None:
    """Between our look and our write: the ledger's word decides."""
    approved_credit(firm, FIRST)
    invoice = there(firm, FIRST)

    def pays() -> None:
        firm.world.ledger.pay({invoice.id: invoice.total})

    push(firm.engine, pushers=1, boundary=once(firm, ALLOCATION, "look: answer in hand", pays))
    assert list(held(firm)) == [ALLOCATION]
    assert "stays unapplied" in held(firm)[ALLOCATION]
    assert there(firm, FIRST).balance == 0
    assert notes(firm)[0].balance == notes(firm)[0].total


def test_no_more_is_set_against_an_invoice_than_is_open(firm: Firm) -> None:
    note = approved_credit(firm, FIRST)
    firm.world.ledger.pay({there(firm, FIRST).id: Decimal("100.00")})
    push_until_settled(firm)
    assert there(firm, FIRST).balance == 0
    (found,) = notes(firm)
    assert (found.total, found.balance) == (note.total.amount, 100)
    told = reconciled(firm).comparison.discrepancies
    assert [(one.cls.value, one.amount) for one in told] == [("R12", Decimal(100))]
    assert statuses(firm)[FIRST] == "paid", "money came too"


def test_tried_again_it_sets_what_is_open_by_then(firm: Firm) -> None:
    note = approved_credit(firm, FIRST)
    invoice = there(firm, FIRST)

    def pays_a_part() -> None:
        firm.world.ledger.pay({invoice.id: Decimal("100.00")})

    moment = "look: answer in hand"
    push(firm.engine, pushers=1, boundary=once(firm, ALLOCATION, moment, pays_a_part))
    assert list(held(firm)) == [ALLOCATION]
    retry_row(firm.engine, note.number)
    push_until_settled(firm)
    assert there(firm, FIRST).balance == 0
    assert notes(firm)[0].balance == 100


def test_a_credit_in_closed_books_is_held_and_goes_once_they_are_open(firm: Firm) -> None:
    note = approved_credit(firm, FIRST)
    firm.world.ledger.close_until(firm.engine.today())
    push(firm.engine)
    assert held(firm)[CREDIT_NOTE]
    assert held(firm)[ALLOCATION] == (
        f"Credit note {note.number} could not be created: see `tieout held`."
    )
    assert notes(firm) == []
    firm.world.ledger.close_until(None)
    retry_row(firm.engine, note.number)
    push_until_settled(firm)
    assert [each.balance for each in notes(firm)] == [0]
    assert classes(reconciled(firm)) == []


def test_a_credit_made_by_hand_is_seen_and_told(firm: Firm) -> None:
    """The invoice it settles is credited; nobody here made it, so somebody is asked."""
    invoice = there(firm, FIRST)
    made = firm.world.ledger.credit(invoice.id, invoice.total)
    done = reconciled(firm)
    (told,) = done.comparison.discrepancies
    assert (told.cls.value, told.amount) == ("R02", invoice.total)
    assert made in told.evidence[0]
    (control,) = done.comparison.control
    assert control.unexplained == 0
    assert statuses(firm) == {FIRST: "credited", SECOND: "pushed"}


def test_when_all_is_settled_a_push_has_nothing_to_do(firm: Firm) -> None:
    approved_credit(firm, FIRST)
    push_until_settled(firm)
    assert unsettled(firm) == []
    assert push(firm.engine).calls == 0


# -- voids ---------------------------------------------------------------------------------
@pytest.mark.parametrize("firm", VOIDING, indirect=True)
def test_an_invoice_is_void_here_once_it_is_void_there(firm: Firm) -> None:
    assert void(firm.engine, FIRST).sent
    assert statuses(firm)[FIRST] == "pushed", "the ledger has not done it yet"
    push_until_settled(firm)
    assert there(firm, FIRST).voided
    assert not there(firm, SECOND).voided
    assert statuses(firm)[FIRST] == "void"
    assert classes(reconciled(firm)) == []


@pytest.mark.parametrize("firm", NOT_VOIDING, indirect=True)
def test_a_ledger_that_cannot_be_told_to_void_says_so_and_takes_a_credit(firm: Firm) -> None:
    title = firm.engine.ledger().connector.title
    with pytest.raises(NotAllowed) as refused:
        void(firm.engine, FIRST)
    assert str(refused.value) == (
        f"{title} cannot be told by Tieout to void an invoice; credit it instead."
    )
    assert unsettled(firm) == []
    assert not there(firm, FIRST).voided
    approved_credit(firm, FIRST, release=True)
    push_until_settled(firm)
    assert there(firm, FIRST).balance == 0


def test_a_paid_invoice_is_not_voided_but_credited(firm: Firm) -> None:
    firm.world.ledger.pay({there(firm, FIRST).id: Decimal("10.00")})
    firm.look_at_the_ledger()
    with pytest.raises(NotAllowed) as refused:
        void(firm.engine, FIRST)
    assert str(refused.value) == (
        f"{FIRST} is paid, in full or in part, so it cannot be voided. Credit it with "
        f"`tieout credit {FIRST}`."
    )
    assert not there(firm, FIRST).voided


@pytest.mark.parametrize("firm", VOIDING, indirect=True)
def test_an_invoice_paid_after_the_order_is_not_voided(firm: Firm) -> None:
    void(firm.engine, FIRST)
    firm.world.ledger.pay({there(firm, FIRST).id: Decimal("100.00")})
    push(firm.engine)
    assert held(firm) == {
        VOID: (
            f"100.00 USD of {FIRST} is settled in the ledger by now. Nothing was done. Credit it "
            f"instead: `tieout credit {FIRST}`."
        )
    }
    assert not there(firm, FIRST).voided


# -- corrections ---------------------------------------------------------------------------
def test_memo_and_due_date_are_put_right_and_nothing_else_changes(firm: Firm) -> None:
    before, beside = there(firm, FIRST), there(firm, SECOND)
    correct(firm.engine, FIRST, memo="PO 4711", due=DUE)
    push_until_settled(firm)
    after = there(firm, FIRST)
    assert (after.memo, after.due) == ("PO 4711", DUE)
    for name in ("number", "customer_id", "day", "total", "balance", "key", "lines"):
        assert getattr(after, name) == getattr(before, name)
    assert there(firm, SECOND) == beside
    assert classes(reconciled(firm)) == []


def test_one_is_corrected_and_the_other_stays(firm: Firm) -> None:
    words = there(firm, FIRST).memo
    correct(firm.engine, FIRST, due=DUE)
    push_until_settled(firm)
    assert (there(firm, FIRST).memo, there(firm, FIRST).due) == (words, DUE)
    correct(firm.engine, FIRST, memo="first")
    correct(firm.engine, FIRST, memo="second")
    push_until_settled(firm)
    assert (there(firm, FIRST).memo, there(firm, FIRST).due) == ("second", DUE)


@pytest.mark.parametrize("mishap", ["answer lost", "503 before the commit", "429"])
def test_whatever_happens_to_a_correction_it_is_made(firm: Firm, mishap: str) -> None:
    correct(firm.engine, FIRST, memo="PO 4711", due=DUE)

    def strikes() -> None:
        firm.world.ledger.vendor.faults.add(**MISHAPS[mishap])

    moment = "call: before the first byte"
    push(firm.engine, pushers=1, boundary=once(firm, CORRECTION, moment, strikes))
    firm.clock.advance(400)
    push_until_settled(firm)
    assert (there(firm, FIRST).memo, there(firm, FIRST).due) == ("PO 4711", DUE)
    assert classes(reconciled(firm)) == []


def test_a_correction_in_closed_books_is_held_and_made_once_they_are_open(firm: Firm) -> None:
    before = there(firm, FIRST)
    correct(firm.engine, FIRST, due=DUE)
    firm.world.ledger.close_until(firm.engine.today())
    push(firm.engine)
    assert list(held(firm)) == [CORRECTION]
    assert there(firm, FIRST).due == before.due
    firm.world.ledger.close_until(None)
    retry_row(firm.engine, FIRST)
    push_until_settled(firm)
    assert there(firm, FIRST).due == DUE


def test_an_invoice_paid_after_the_order_is_not_corrected(firm: Firm) -> None:
    before = there(firm, FIRST)
    correct(firm.engine, FIRST, due=DUE)
    firm.world.ledger.pay({before.id: Decimal("100.00")})
    push(firm.engine)
    assert held(firm)[CORRECTION].startswith(f"100.00 USD of {FIRST} is settled in the ledger")
    assert there(firm, FIRST).due == before.due
