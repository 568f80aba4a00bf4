"""The memo and the due date of an approved invoice can be put right, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import classes, push_until_settled, ready_to_push, reconciled, rows
from tests.scenarios.firm import Firm, small_firm
from tests.scenarios.test_credit import pushed, there
from tieout.errors import NotAllowed
from tieout.store import audit, documents
from tieout.store.outbox import OutboxState
from tieout.sync.correct import correct
from tieout.sync.push import push
from tieout.sync.void import void

DUE = date(2026, 4, 15)


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        yield firm


def test_memo_and_due_date_are_put_right_and_nothing_else_changes(firm: Firm) -> None:
    invoice, other = pushed(firm)
    before, beside = there(firm, invoice), there(firm, other)
    correct(firm.engine, invoice.number, memo="PO 4711", due=DUE)
    push_until_settled(firm)
    after = there(firm, invoice)
    assert (after["CustomerMemo"], after["DueDate"]) == ({"value": "PO 4711"}, "2026-04-15")
    moves = {"CustomerMemo", "DueDate", "SyncToken", "MetaData"}
    assert {k: v for k, v in after.items() if k not in moves} == {
        k: v for k, v in before.items() if k not in moves
    }
    assert there(firm, other) == beside
    assert classes(reconciled(firm)) == []
    with firm.engine.store.read() as tx:
        frozen = documents.get(tx, invoice.id)
        (told,) = audit.entries(tx, action="document.corrected")
        assert documents.approval_of(tx, invoice.id) is not None
    assert frozen is not None
    assert (frozen.memo, frozen.due_date) == (invoice.memo, invoice.due_date)
    assert told.detail["before"] == {"memo": invoice.memo, "due_date": str(invoice.due_date)}
    assert told.detail["after"] == {"memo": "PO 4711", "due_date": "2026-04-15"}


def test_one_is_corrected_and_the_other_stays_then_again(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    memo = there(firm, invoice).get("CustomerMemo")
    correct(firm.engine, invoice.number, due=DUE)
    push_until_settled(firm)
    assert there(firm, invoice).get("CustomerMemo") == memo
    correct(firm.engine, invoice.number, memo="first")
    correct(firm.engine, invoice.number, memo="second")
    push_until_settled(firm)
    assert there(firm, invoice)["CustomerMemo"] == {"value": "second"}
    assert there(firm, invoice)["DueDate"] == "2026-04-15"


def test_a_correction_of_an_invoice_that_waits_goes_after_it(firm: Firm) -> None:
    invoice, _ = ready_to_push(firm)
    correct(firm.engine, invoice.number, memo="PO 4711")
    push_until_settled(firm)
    assert there(firm, invoice)["CustomerMemo"] == {"value": "PO 4711"}
    assert classes(reconciled(firm)) == []


@pytest.mark.parametrize("kind", ["lost_answer", "cut_before"])
def test_a_lost_call_is_looked_for(firm: Firm, kind: Any) -> None:
    invoice, _ = pushed(firm)
    correct(firm.engine, invoice.number, due=DUE)
    firm.world.quickbooks.faults.add(kind, method="POST", path="/invoice")
    push_until_settled(firm)
    assert there(firm, invoice)["DueDate"] == "2026-04-15"


def test_an_invoice_paid_in_between_is_left_alone(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    correct(firm.engine, invoice.number, due=DUE)
    firm.world.quickbooks.books.pay({there(firm, invoice)["Id"]: Decimal("100.00")})
    push(firm.engine)
    (held,) = [row for row in rows(firm) if row.state is OutboxState.HELD]
    assert held.error_text.startswith(f"100.00 USD of {invoice.number} is settled in the ledger")
    assert there(firm, invoice)["DueDate"] == str(invoice.due_date)


def test_everything_else_is_refused_in_words(firm: Firm) -> None:
    invoice, other = pushed(firm)

    def refusal(number: str, **how: Any) -> str:
        with pytest.raises(NotAllowed) as refused:
            correct(firm.engine, number, **how)
        return str(refused.value)

    assert refusal(invoice.number) == (
        "An approved document never changes: only its memo and its due date may be corrected. For "
        f"anything else credit it with `tieout credit {invoice.number}`, then bill the work again."
    )
    early = date(2026, 1, 1)
    assert refusal(invoice.number, due=early) == (
        f"{invoice.number} is of {invoice.issue_date}: 2026-01-01 is before that."
    )
    assert refusal("INV-1", memo="x").startswith("There is no invoice INV-1")
    void(firm.engine, other.number)
    assert refusal(other.number, memo="x") == f"{other.number} is being voided."
    push_until_settled(firm)
    assert refusal(other.number, memo="x") == (
        f"{other.number} is void; nothing of it can be corrected."
    )
    record = there(firm, invoice)
    firm.world.quickbooks.books.pay({record["Id"]: record["TotalAmt"]})
    firm.look_at_the_ledger()
    assert refusal(invoice.number, memo="x") == (
        f"{invoice.number} is paid: nothing of it is corrected once it is settled."
    )
