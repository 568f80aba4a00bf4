"""Credit notes as Xero keeps them: with its own tax, voided there, their numbers taken for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import classes, push_until_settled, reconciled, rows
from tests.scenarios.credited import approved_credit, notes, pushed, status, there
from tests.scenarios.firm import Firm, opened, small_firm
from tieout.connectors.base import ALLOCATION, CREDIT_NOTE
from tieout.model.document import Document, DocumentStatus
from tieout.store.outbox import OutboxState
from tieout.sync.push import push
from tieout.sync.retry import retry_row


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=3, projects=2, ledger="xero") as made:
        yield made


def books(firm: Firm) -> Any:
    return firm.world.ledger.vendor.books


def voided_over_there(firm: Firm) -> tuple[Document, Document]:
    """A credited invoice whose credit note somebody took off it and voided."""
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    push_until_settled(firm)
    firm.clock.advance(60)
    (row,) = books(firm).rows("CreditNotes")
    (use,) = row["_uses"]
    books(firm).unapply_credit(row["CreditNoteID"], use["AllocationID"])
    books(firm).void_credit_note(row["CreditNoteID"])
    return invoice, note


def test_a_taxed_invoice_is_credited_with_its_tax(tmp_path: Path) -> None:
    """Xero works out both taxes; the whole credit note settles the whole invoice."""
    with small_firm(tmp_path, people=3, projects=2, ledger="xero") as plain:
        rules = tmp_path / "mappings" / "ledger.yaml"
        untaxed = rules.read_text()
        rules.write_text(untaxed.replace("default: Tax Exempt", "default: Tax on Sales"))
        assert rules.read_text() != untaxed
        with opened(tmp_path, plain.world) as engine:
            firm = replace(plain, engine=engine)
            invoice, _ = pushed(firm)
            assert there(firm, invoice).tax > 0
            approved_credit(firm, invoice)
            push_until_settled(firm)
            (note,) = notes(firm)
            assert note.total == there(firm, invoice).total
            assert note.balance == there(firm, invoice).balance == 0
            assert classes(reconciled(firm)) == []


def test_a_credit_note_that_is_voided_over_there_is_told(firm: Firm) -> None:
    invoice, note = voided_over_there(firm)
    found = reconciled(firm).comparison.discrepancies
    assert [one.cls.value for one in found] == ["R09"]
    assert note.number in found[0].title
    assert status(firm, invoice) is DocumentStatus.PUSHED
    assert there(firm, invoice).balance == there(firm, invoice).total


def test_made_again_it_needs_a_number_that_is_not_taken(firm: Firm) -> None:
    _, note = voided_over_there(firm)
    firm.look_at_the_ledger()
    retry_row(firm.engine, note.number, again=True)
    push(firm.engine)
    push(firm.engine)
    told = {row.writer: row.error_text for row in rows(firm) if row.state is OutboxState.HELD}
    assert f"stands where ours belongs ({note.number})" in told[CREDIT_NOTE]
    assert told[ALLOCATION] == f"Credit note {note.number} could not be created: see `tieout held`."
    assert len(notes(firm)) == 1


def test_made_again_under_a_number_that_was_freed_it_is_there_once(firm: Firm) -> None:
    invoice, note = voided_over_there(firm)
    firm.look_at_the_ledger()
    (row,) = books(firm).rows("CreditNotes")
    books(firm).put("CreditNotes", {**row, "CreditNoteNumber": "old"})
    retry_row(firm.engine, note.number, again=True)
    push_until_settled(firm)
    (made,) = (one for one in notes(firm) if not one.voided)
    assert (made.number, made.balance, there(firm, invoice).balance) == (note.number, 0, 0)
    assert classes(reconciled(firm)) == []
