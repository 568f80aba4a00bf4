"""A void is made once, only where nothing is paid, and only when the ledger has done it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    billed_and_approved,
    classes,
    push_until_settled,
    ready_to_push,
    reconciled,
    rows,
    unsettled,
)
from tests.scenarios.firm import JANUARY, Firm, small_firm
from tests.scenarios.test_credit import live_work, pushed, status, there
from tieout.connectors.base import VOID
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentStatus
from tieout.sandbox.firm import edit_invoice_behind
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.correct import correct
from tieout.sync.credit import credit
from tieout.sync.push import push
from tieout.sync.retry import retry_row
from tieout.sync.void import void


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        yield firm


def is_void(record: dict[str, Any]) -> bool:
    return record["TotalAmt"] == 0 and str(record["PrivateNote"]).startswith("Voided")


def held_void(firm: Firm) -> str:
    """Why the void is held."""
    (row,) = [row for row in rows(firm) if row.state is OutboxState.HELD]
    assert row.writer == VOID
    return row.error_text


def void_calls(firm: Firm) -> int:
    return sum("operation=void" in call.query for call in firm.world.quickbooks.write_calls)


# -- the story -----------------------------------------------------------------------------
def test_an_invoice_is_void_here_once_it_is_void_there(firm: Firm) -> None:
    invoice, other = pushed(firm)
    ordered = void(firm.engine, invoice.number, reason="billed to the wrong client")
    assert ordered.sent
    assert status(firm, invoice) is DocumentStatus.PUSHED, "the ledger has not done it yet"
    assert classes(reconciled(firm)) == []
    push_until_settled(firm)
    assert is_void(there(firm, invoice))
    assert there(firm, invoice)["DocNumber"] == invoice.number
    assert not is_void(there(firm, other))
    assert status(firm, invoice) is DocumentStatus.VOID
    assert live_work(firm, invoice), "nobody said that the work is free again"
    assert classes(reconciled(firm)) == []
    assert void_calls(firm) == 1


def test_with_release_the_work_is_billed_again(firm: Firm) -> None:
    invoice, other = pushed(firm)
    void(firm.engine, invoice.number, release=True)
    assert live_work(firm, invoice), "not before the ledger has done it"
    assert bill(firm.engine, JANUARY).drafts == ()
    push_until_settled(firm)
    assert live_work(firm, invoice) == set()
    (again,) = billed_and_approved(firm, JANUARY)
    assert again.total == invoice.total
    assert again.number not in (invoice.number, other.number)
    push_until_settled(firm)
    assert there(firm, again)["Balance"] == again.total.amount
    assert classes(reconciled(firm)) == []


def test_what_was_never_sent_is_void_at_once_and_never_sent(firm: Firm) -> None:
    invoice, other = ready_to_push(firm)
    done = void(firm.engine, invoice.number, release=True)
    assert not done.sent
    assert done.document.status is DocumentStatus.VOID
    assert live_work(firm, invoice) == set()
    push_until_settled(firm)
    numbers = [row["DocNumber"] for row in firm.world.quickbooks.books.rows("Invoice")]
    assert numbers == [other.number]
    assert set(classes(reconciled(firm))) == {"R18"}, "its work waits to be billed again"


def test_what_was_refused_and_never_arrived_is_void_at_once(firm: Firm) -> None:
    made = ready_to_push(firm)
    books = firm.world.quickbooks.books
    for item in list(books.rows("Item")):
        books.deactivate("Item", item["Id"])
    push(firm.engine)
    assert {row.state for row in rows(firm) if row.writer == "invoice"} == {OutboxState.HELD}
    for invoice in made:
        assert not void(firm.engine, invoice.number).sent
    assert unsettled(firm) == []
    assert list(books.rows("Invoice")) == []


def test_what_may_have_arrived_is_not_voided_before_that_is_known(firm: Firm) -> None:
    invoice, _ = ready_to_push(firm)
    firm.world.quickbooks.faults.add("cut_before", path="/batch")
    push(firm.engine)
    with pytest.raises(NotAllowed) as refused:
        void(firm.engine, invoice.number)
    assert str(refused.value) == (
        f"{invoice.number} is on its way to the ledger and nobody knows yet whether it arrived. "
        "Run `tieout push`, then void it again."
    )
    push_until_settled(firm)
    assert void(firm.engine, invoice.number).sent
    push_until_settled(firm)
    assert is_void(there(firm, invoice))


def test_a_correction_that_waits_is_taken_back_by_the_void(firm: Firm) -> None:
    invoice, other = ready_to_push(firm)
    for memo in ("first", "second"):
        correct(firm.engine, invoice.number, memo=memo)
    assert not void(firm.engine, invoice.number).sent
    push_until_settled(firm)
    correct(firm.engine, other.number, memo="third")
    void(firm.engine, other.number)
    push_until_settled(firm)
    assert {row.writer for row in rows(firm) if row.subject_id == other.id} == {"invoice", "void"}
    assert is_void(there(firm, other))


# -- refusals ------------------------------------------------------------------------------
def refusal(firm: Firm, number: str) -> str:
    with pytest.raises(NotAllowed) as refused:
        void(firm.engine, number)
    return str(refused.value)


def test_a_paid_invoice_is_not_voided_but_credited(firm: Firm) -> None:
    invoice, other = pushed(firm)
    books = firm.world.quickbooks.books
    books.pay({there(firm, invoice)["Id"]: Decimal("10.00")})
    books.pay({there(firm, other)["Id"]: there(firm, other)["TotalAmt"]})
    firm.look_at_the_ledger()
    for one in (invoice, other):
        assert refusal(firm, one.number) == (
            f"{one.number} is paid, in full or in part, so it cannot be voided. Credit it with "
            f"`tieout credit {one.number}`."
        )


def test_a_credited_invoice_is_not_voided(firm: Firm) -> None:
    invoice, other = pushed(firm)
    draft = credit(firm.engine, invoice.number)
    assert refusal(firm, invoice.number) == (
        f"{invoice.number} is credited on draft {draft.id}, so it cannot be voided. Credit what is "
        f"left with `tieout credit {invoice.number}`."
    )
    void(firm.engine, other.number)
    assert refusal(firm, other.number) == (
        f"{other.number} is being voided already. `tieout push` does it; if it is held, "
        f"`tieout retry {other.number}`."
    )
    with pytest.raises(NotAllowed, match=f"^{other.number} is being voided. Run `tieout push`"):
        credit(firm.engine, other.number)
    push_until_settled(firm)
    assert refusal(firm, other.number) == f"{other.number} is void; nothing of it can be voided."
    assert refusal(firm, "INV-1") == "There is no invoice INV-1; `tieout invoices` lists them."


# -- calls that go wrong -------------------------------------------------------------------
MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost": {"kind": "lost_answer"},
    "answer lost for a while": {"kind": "lost_answer", "times": 3},
    "500 after the commit": {"kind": "error_after", "status": 500},
    "503 before the commit": {"kind": "error_before", "status": 503},
    "cut before the commit": {"kind": "cut_before"},
    "cut for a while": {"kind": "cut_before", "times": 3},
    "429": {"kind": "reply", "status": 429},
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_whatever_happens_to_the_call_it_is_void_in_the_end(firm: Firm, mishap: str) -> None:
    invoice, other = pushed(firm)
    void(firm.engine, invoice.number)
    details = dict(MISHAPS[mishap])
    kind = details.pop("kind")
    firm.world.quickbooks.faults.add(kind, method="POST", path="/invoice", **details)
    push_until_settled(firm)
    assert is_void(there(firm, invoice))
    assert not is_void(there(firm, other))
    assert status(firm, invoice) is DocumentStatus.VOID
    assert classes(reconciled(firm)) == []


def between(firm: Firm, invoice: Document, **edit: Any) -> list[str]:
    """Push, while somebody edits the invoice once between our look and our call."""
    passed: list[str] = []

    def edits(boundary: str) -> None:
        passed.append(boundary)
        if boundary == "look: answer in hand" and passed.count(boundary) == 1:
            firm.world.quickbooks.books.edit_invoice(there(firm, invoice)["Id"], **edit)

    push(firm.engine, boundary=edits)
    return passed


def test_an_invoice_that_moved_on_is_read_again_and_voided_if_it_is_still_ours(
    firm: Firm,
) -> None:
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number)
    between(firm, invoice, CustomerMemo={"value": "Please pay soon"})
    assert not is_void(there(firm, invoice))
    assert status(firm, invoice) is DocumentStatus.PUSHED
    push_until_settled(firm)
    assert is_void(there(firm, invoice))
    assert void_calls(firm) == 2
    assert classes(reconciled(firm)) == []


def test_an_invoice_renumbered_in_that_moment_is_held(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    record = there(firm, invoice)["Id"]
    void(firm.engine, invoice.number)
    between(firm, invoice, DocNumber="HAND-7")
    push(firm.engine)
    assert held_void(firm) == (
        f"Somebody edited {invoice.number} in the ledger: its number is {invoice.number} here and "
        f"HAND-7 there. It was not voided. Put it back there, then `tieout retry "
        f"{invoice.number}`; or credit it."
    )
    firm.world.quickbooks.books.edit_invoice(record, DocNumber=invoice.number)
    retry_row(firm.engine, invoice.number)
    push_until_settled(firm)
    assert is_void(there(firm, invoice))


def test_an_invoice_somebody_edited_is_not_voided(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    edit_invoice_behind(firm.world, invoice.number)
    void(firm.engine, invoice.number)
    push(firm.engine)
    said = there(firm, invoice)["TotalAmt"]
    assert held_void(firm).startswith(
        f"Somebody edited {invoice.number} in the ledger: its total is {invoice.total} here and "
        f"{said} USD there."
    )
    assert void_calls(firm) == 0
    assert status(firm, invoice) is DocumentStatus.PUSHED
    # A void that was refused gives way to a credit note.
    credit(firm.engine, invoice.number)
    assert unsettled(firm) == []


def test_an_invoice_paid_in_between_is_not_voided(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number)
    firm.world.quickbooks.books.pay({there(firm, invoice)["Id"]: Decimal("100.00")})
    push(firm.engine)
    assert held_void(firm) == (
        f"100.00 USD of {invoice.number} is settled in the ledger by now. Nothing was done. Credit "
        f"it instead: `tieout credit {invoice.number}`."
    )
    assert void_calls(firm) == 0
    assert not is_void(there(firm, invoice))


def test_an_invoice_paid_in_the_very_moment_is_not_voided(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number)
    record = there(firm, invoice)["Id"]

    def pays(boundary: str) -> None:
        if boundary == "look: answer in hand" and there(firm, invoice)["Balance"]:
            firm.world.quickbooks.books.pay({record: there(firm, invoice)["Balance"]})

    push(firm.engine, boundary=pays)
    push(firm.engine)
    assert "is settled in the ledger by now" in held_void(firm)
    assert not is_void(there(firm, invoice))


def test_a_void_in_a_closed_period_is_held_with_the_ledgers_words(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    books = firm.world.quickbooks.books
    books.close_until(JANUARY.end)
    void(firm.engine, invoice.number)
    push(firm.engine)
    assert "closed" in held_void(firm).lower()
    books.close_until(None)
    retry_row(firm.engine, invoice.number)
    push_until_settled(firm)
    assert is_void(there(firm, invoice))


def test_an_invoice_voided_over_there_meanwhile_is_void_here_without_a_call(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number, release=True)
    firm.world.quickbooks.books.void_invoice(there(firm, invoice)["Id"])
    push_until_settled(firm)
    assert void_calls(firm) == 0
    assert status(firm, invoice) is DocumentStatus.VOID
    assert live_work(firm, invoice) == set()


def test_an_invoice_deleted_over_there_is_held(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number)
    firm.world.quickbooks.books.delete_invoice(there(firm, invoice)["Id"])
    push(firm.engine)
    assert held_void(firm) == (f"{invoice.number} is not in the ledger any more. Nothing was done.")


def test_a_void_here_that_is_undone_over_there_is_told(firm: Firm) -> None:
    """A void over there is for ever, so one that is not there was made by another invoice."""
    invoice, _ = pushed(firm)
    void(firm.engine, invoice.number)
    push_until_settled(firm)
    record = there(firm, invoice)
    books = firm.world.quickbooks.books
    books.edit_invoice(record["Id"], PrivateNote=str(record["PrivateNote"]).removeprefix("Voided "))
    assert classes(reconciled(firm)) == ["R09"]


def test_a_draft_is_not_voided(firm: Firm) -> None:
    firm.pull()
    firm.look_at_the_ledger()
    draft = bill(firm.engine, JANUARY).drafts[0]
    assert refusal(firm, draft.id) == (
        f"{draft.id} is a draft; only an approved invoice can be voided. Bill its period again to "
        "make it anew."
    )
    approve(firm.engine, everything=True)
