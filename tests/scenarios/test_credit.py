"""A credit note is made once, set against its invoice once, and says which work is free again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    billed_and_approved,
    cents,
    classes,
    push_until_settled,
    ready_to_push,
    reconciled,
    rows,
    unsettled,
)
from tests.scenarios.credited import approved_credit, pushed, status
from tests.scenarios.firm import JANUARY, Firm, opened, small_firm
from tieout.connectors.base import ALLOCATION, CREDIT_NOTE
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.store import documents, outbox, work
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.correct import correct
from tieout.sync.credit import credit, drop
from tieout.sync.explain import explain
from tieout.sync.push import push
from tieout.sync.retry import retry_row
from tieout.sync.void import void


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        yield firm


def memos(firm: Firm) -> list[dict[str, Any]]:
    return list(firm.world.quickbooks.books.rows("CreditMemo"))


def allocations(firm: Firm) -> list[dict[str, Any]]:
    """Payments of nothing over there."""
    return [r for r in firm.world.quickbooks.books.rows("Payment") if r["TotalAmt"] == 0]


def there(firm: Firm, invoice: Document) -> dict[str, Any]:
    books = firm.world.quickbooks.books
    return dict(books.get("Invoice", books.numbered("Invoice", invoice.number)[0]))


def live_work(firm: Firm, document: Document) -> set[str]:
    with firm.engine.store.read() as tx:
        return {b.line_id for b in work.links_of_document(tx, document.id) if b.live}


# -- the story -----------------------------------------------------------------------------
def test_an_invoice_credited_in_full_is_settled_and_both_sides_agree(firm: Firm) -> None:
    invoice, other = pushed(firm)
    note = approved_credit(firm, invoice, reason="wrong project")
    assert (note.number, note.kind) == ("CN-2026-0001", DocumentKind.CREDIT_NOTE)
    assert note.memo == f"Credit for {invoice.number}: wrong project"
    assert note.total == invoice.total
    assert note.issue_date == firm.engine.today()
    push_until_settled(firm)
    (memo,) = memos(firm)
    assert (memo["DocNumber"], cents(memo["TotalAmt"])) == (
        "CN-2026-0001",
        cents(invoice.total.amount),
    )
    assert memo["CustomerRef"] == there(firm, invoice)["CustomerRef"]
    assert memo["RemainingCredit"] == 0
    assert there(firm, invoice)["Balance"] == 0
    assert there(firm, other)["Balance"] == there(firm, other)["TotalAmt"]
    done = reconciled(firm)
    assert classes(done) == []
    (control,) = done.comparison.control
    assert control.unexplained == 0
    assert control.ours.credited == invoice.total.amount
    assert control.ours.paid == 0
    assert status(firm, invoice) is DocumentStatus.CREDITED
    assert live_work(firm, invoice), "nobody said that the work is free again"


def test_one_line_is_credited_then_the_rest(firm: Firm) -> None:
    invoice = max(pushed(firm), key=lambda each: len(each.lines))
    first = invoice.lines[0]
    assert len(invoice.lines) > 1
    part = approved_credit(firm, invoice, lines=[first.id])
    assert part.total == first.amount
    push_until_settled(firm)
    left = there(firm, invoice)["Balance"]
    assert left == invoice.total.amount - first.amount.amount
    assert classes(reconciled(firm)) == []
    assert status(firm, invoice) is DocumentStatus.PUSHED, "nobody has paid a part of it"
    rest = approved_credit(firm, invoice)
    assert [line.id for line in rest.lines] == [line.id for line in invoice.lines[1:]]
    push_until_settled(firm)
    assert there(firm, invoice)["Balance"] == 0
    assert [memo["DocNumber"] for memo in memos(firm)] == ["CN-2026-0001", "CN-2026-0002"]
    assert classes(reconciled(firm)) == []


def test_two_credits_approved_at_once_never_come_to_more_than_the_invoice(firm: Firm) -> None:
    invoice = max(pushed(firm), key=lambda each: len(each.lines))
    credit(firm.engine, invoice.number, lines=[invoice.lines[0].id])
    credit(firm.engine, invoice.number)
    approve(firm.engine, everything=True)
    push_until_settled(firm)
    assert sum(cents(memo["TotalAmt"]) for memo in memos(firm)) == cents(invoice.total.amount)
    assert there(firm, invoice)["Balance"] == 0
    assert classes(reconciled(firm)) == []


def test_with_release_the_work_is_billed_again_and_stands_on_one_live_document(
    firm: Firm,
) -> None:
    invoice, other = pushed(firm)
    note = credit(firm.engine, invoice.number, release=True)
    assert live_work(firm, invoice), "a draft releases nothing"
    approve(firm.engine, [note.id])
    assert live_work(firm, invoice) == set()
    assert live_work(firm, other) == {line.id for line in other.lines if line.work}
    (again,) = billed_and_approved(firm, JANUARY)
    assert again.number not in (invoice.number, other.number)
    assert again.total == invoice.total
    push_until_settled(firm)
    assert there(firm, again)["Balance"] == again.total.amount
    assert there(firm, invoice)["Balance"] == 0
    assert classes(reconciled(firm)) == []


def test_with_release_and_not_billed_yet_the_work_is_named(firm: Firm) -> None:
    invoice = max(pushed(firm), key=lambda each: len(each.lines))
    hours = next(line for line in invoice.lines if line.quantity != 1 and line.work)
    approved_credit(firm, invoice, lines=[hours.id], release=True)
    push_until_settled(firm)
    assert live_work(firm, invoice) == {x.id for x in invoice.lines if x.work} - {hours.id}
    assert set(classes(reconciled(firm))) == {"R18"}


def test_a_credit_of_an_invoice_that_waits_goes_after_it(firm: Firm) -> None:
    invoice, _ = ready_to_push(firm)
    approved_credit(firm, invoice)
    push_until_settled(firm)
    paths = [c.path.rsplit("/", 1)[1] for c in firm.world.quickbooks.write_calls]
    assert paths[-2:] == ["creditmemo", "payment"]
    assert there(firm, invoice)["Balance"] == 0
    assert classes(reconciled(firm)) == []


def test_billing_the_period_again_leaves_the_draft_of_a_credit_note(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = credit(firm.engine, invoice.number)
    assert bill(firm.engine, JANUARY).drafts == ()
    assert status(firm, note) is DocumentStatus.DRAFT
    assert drop(firm.engine, invoice.number) == (note,)
    assert len(credit(firm.engine, invoice.number).lines) == len(invoice.lines)


def test_explain_leads_from_the_credit_to_the_work_and_back(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    told = explain(firm.engine, note.number)
    assert told.about == (f"Credits {invoice.number} over {invoice.total}; its work stays billed.",)
    before = explain(firm.engine, invoice.number)
    assert before.about == (f"Credited over {note.total} by {note.number}.",)
    assert [[w.work_id for w in line.work] for line in told.lines] == [
        [w.work_id for w in line.work] for line in before.lines
    ]
    assert any(line.work for line in told.lines)


# -- refusals ------------------------------------------------------------------------------
def refusal(firm: Firm, number: str, **how: Any) -> str:
    with pytest.raises(NotAllowed) as refused:
        credit(firm.engine, number, **how)
    return str(refused.value)


def test_what_cannot_be_credited_is_refused_in_words(firm: Firm) -> None:
    firm.pull()
    firm.look_at_the_ledger()
    draft = bill(firm.engine, JANUARY).drafts[0]
    assert refusal(firm, "INV-2026-0099") == (
        "There is no invoice INV-2026-0099; `tieout invoices` lists them."
    )
    assert refusal(firm, draft.id) == (
        f"{draft.id} is a draft; only an approved invoice can be credited. Bill its period again "
        "to make it anew."
    )
    first, second = approve(firm.engine, everything=True).documents
    void(firm.engine, first.number)
    assert refusal(firm, first.number) == f"{first.number} is void; nothing of it can be credited."
    lines = ", ".join(line.id for line in second.lines)
    assert refusal(firm, second.number, lines=["L099"]) == (
        f"{second.number} has no line L099; its lines are {lines}."
    )
    one = credit(firm.engine, second.number, lines=["L001"])
    assert refusal(firm, second.number, lines=["L001"]) == (
        f"Line L001 of {second.number} is credited already, on the draft {one.id}."
    )
    drop(firm.engine, second.number)
    whole = approved_credit(firm, second)
    assert refusal(firm, second.number) == f"Nothing of {second.number} is left to credit."
    assert refusal(firm, second.number, lines=["L001"]) == (
        f"Line L001 of {second.number} is credited already, on {whole.number}."
    )
    assert refusal(firm, whole.number) == (
        f"{whole.number} is a credit note; only an invoice can be credited."
    )
    with pytest.raises(NotAllowed, match=f"^{second.number} has no draft credit note.$"):
        drop(firm.engine, second.number)


def test_more_than_was_invoiced_is_refused_at_the_approval_too(firm: Firm) -> None:
    """A draft that somebody made past the command: the numbers decide, not its way here."""
    invoice, _ = pushed(firm)
    note = credit(firm.engine, invoice.number)
    with firm.engine.store.begin() as tx:
        documents.save_draft(tx, replace(note, id="doc_second"))
    approve(firm.engine, [note.id])
    with pytest.raises(NotAllowed, match="would be more than that"):
        approve(firm.engine, ["doc_second"])
    push_until_settled(firm)
    assert len(memos(firm)) == 1


def test_a_ledger_that_takes_no_credit_notes_says_so(firm: Firm) -> None:
    """A connector may lack these writers: then nothing is drafted that could never be sent."""
    invoice, _ = pushed(firm)
    ledger = firm.engine.ledger()
    few = tuple(w for w in ledger.connector.writers if w.name in ("customer", "invoice"))
    poor = replace(ledger, connector=replace(ledger.connector, writers=few))
    engine = replace(firm.engine, connections={**firm.engine.connections, poor.name: poor})
    for order, said in (
        (credit, "takes no credit notes from Tieout; enter the credit there."),
        (void, "cannot be told by Tieout to void an invoice; credit it instead."),
        (correct, "cannot be told by Tieout to correct an invoice; correct it there."),
    ):
        with pytest.raises(NotAllowed) as refused:
            order(engine, invoice.number)
        assert str(refused.value) == f"QuickBooks Online {said}"
    assert unsettled(firm) == []


# -- with tax --------------------------------------------------------------------------------
def test_a_taxed_invoice_is_credited_with_its_tax(tmp_path: Path) -> None:
    """The ledger works out both taxes; the whole credit note settles the whole invoice."""
    with small_firm(tmp_path, people=3, projects=2) as plain:
        rules = tmp_path / "mappings" / "ledger.yaml"
        rules.write_text(rules.read_text().replace("default: NON", "default: TAX"))
        with opened(tmp_path, plain.world) as engine:
            firm = replace(plain, engine=engine)
            firm.world.quickbooks.settings.automated_sales_tax = True
            invoice, _ = pushed(firm)
            record = there(firm, invoice)
            assert record["TotalAmt"] > invoice.total.amount, "there is no tax on it"
            approved_credit(firm, invoice)
            push_until_settled(firm)
            (memo,) = memos(firm)
            assert memo["TotalAmt"] == record["TotalAmt"]
            assert memo["RemainingCredit"] == 0
            assert there(firm, invoice)["Balance"] == 0
            assert classes(reconciled(firm)) == []


# -- calls that go wrong -------------------------------------------------------------------
CALLS = {"the credit memo": "/creditmemo", "the allocation": "/payment"}
MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost": {"kind": "lost_answer"},
    "answer lost for a while": {"kind": "lost_answer", "times": 3},
    "500 after the commit": {"kind": "error_after", "status": 500},
    "503 before the commit": {"kind": "error_before", "status": 503},
    "cut before the commit": {"kind": "cut_before"},
    "cut for a while": {"kind": "cut_before", "times": 3},
    "answer cut in half": {"kind": "truncated"},
    "429": {"kind": "reply", "status": 429},
}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("call", CALLS)
def test_whatever_happens_to_a_call_there_is_one_of_each(
    firm: Firm, call: str, mishap: str
) -> None:
    invoice, _ = pushed(firm)
    approved_credit(firm, invoice)
    details = dict(MISHAPS[mishap])
    kind = details.pop("kind")
    firm.world.quickbooks.faults.add(kind, method="POST", path=CALLS[call], **details)
    push_until_settled(firm)
    assert len(memos(firm)) == 1
    assert len(allocations(firm)) == 1
    assert there(firm, invoice)["Balance"] == 0
    assert classes(reconciled(firm)) == []


def test_an_invoice_paid_in_between_leaves_the_credit_unapplied_and_says_so(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    record = there(firm, invoice)
    firm.world.quickbooks.books.pay({record["Id"]: record["TotalAmt"]})
    done = push(firm.engine)
    (held,) = done.held
    with firm.engine.store.read() as tx:
        row = outbox.get(tx, held)
    assert row is not None
    assert row.writer == ALLOCATION
    assert row.error_text == (
        f"{invoice.number} is settled in the ledger: nothing is open. The credit stays unapplied: "
        "set it against another invoice there, or refund it."
    )
    assert allocations(firm) == []
    (memo,) = memos(firm)
    assert memo["RemainingCredit"] == memo["TotalAmt"]
    found = reconciled(firm).comparison.discrepancies
    assert [(one.cls.value, one.amount) for one in found] == [("R12", note.total.amount)]
    assert row.error_text in found[0].explanation


def test_an_invoice_paid_in_the_very_moment_is_refused_by_the_ledger_itself(firm: Firm) -> None:
    """Between our look and our write: the ledger's word decides, and nothing is over-applied."""
    invoice, _ = pushed(firm)
    approved_credit(firm, invoice)
    record = there(firm, invoice)

    def pays(boundary: str) -> None:
        open_ = there(firm, invoice)["Balance"]
        if boundary == "look: answer in hand" and open_:
            firm.world.quickbooks.books.pay({record["Id"]: open_})

    done = push(firm.engine, boundary=pays)
    (held,) = done.held
    with firm.engine.store.read() as tx:
        row = outbox.get(tx, held)
    assert row is not None
    assert "more than the open balance" in row.error_text
    assert "stays unapplied" in row.error_text
    assert allocations(firm) == []


def test_tried_again_it_sets_what_is_open_by_then(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    record = there(firm, invoice)

    def pays_a_part(boundary: str) -> None:
        untouched = there(firm, invoice)["Balance"] == record["TotalAmt"]
        if boundary == "look: answer in hand" and untouched:
            firm.world.quickbooks.books.pay({record["Id"]: Decimal("100.00")})

    assert push(firm.engine, boundary=pays_a_part).held
    retry_row(firm.engine, note.number)
    push_until_settled(firm)
    (used,) = allocations(firm)
    assert {line["Amount"] for line in used["Line"]} == {note.total.amount - 100}
    assert there(firm, invoice)["Balance"] == 0


def test_no_more_is_set_against_an_invoice_than_is_open(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    record = there(firm, invoice)
    firm.world.quickbooks.books.pay({record["Id"]: Decimal("100.00")})
    push_until_settled(firm)
    (used,) = allocations(firm)
    assert {line["Amount"] for line in used["Line"]} == {note.total.amount - 100}
    (memo,) = memos(firm)
    assert memo["RemainingCredit"] == 100
    found = reconciled(firm).comparison.discrepancies
    assert [(one.cls.value, one.amount) for one in found] == [("R12", Decimal(100))]
    assert status(firm, invoice) is DocumentStatus.PAID, "money came too"


def test_a_credit_in_a_closed_period_is_held_with_the_ledgers_words(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    books = firm.world.quickbooks.books
    books.close_until(firm.engine.today())
    push(firm.engine)
    held = {row.writer: row.error_text for row in rows(firm) if row.state is OutboxState.HELD}
    assert "closed" in held[CREDIT_NOTE].lower()
    assert held[ALLOCATION] == f"Credit note {note.number} could not be created: see `tieout held`."
    assert memos(firm) == []
    books.close_until(None)
    retry_row(firm.engine, note.number)
    push_until_settled(firm)
    assert len(memos(firm)) == len(allocations(firm)) == 1
    assert classes(reconciled(firm)) == []


# -- what people do over there -------------------------------------------------------------
def credited(firm: Firm) -> tuple[Document, Document]:
    invoice, _ = pushed(firm)
    note = approved_credit(firm, invoice)
    push_until_settled(firm)
    return invoice, note


def test_a_credit_memo_deleted_over_there_is_missing_and_can_be_made_again(firm: Firm) -> None:
    invoice, note = credited(firm)
    firm.look_at_the_ledger()
    books = firm.world.quickbooks.books
    books.delete("Payment", allocations(firm)[0])
    books.delete_credit(memos(firm)[0]["Id"])
    assert classes(reconciled(firm)) == ["R01"]
    retry_row(firm.engine, note.number, again=True)
    push_until_settled(firm)
    assert len(memos(firm)) == len(allocations(firm)) == 1
    assert there(firm, invoice)["Balance"] == 0
    assert classes(reconciled(firm)) == []


def test_a_credit_memo_edited_over_there_is_told(firm: Firm) -> None:
    _, note = credited(firm)
    memo = memos(firm)[0]
    line = next(x for x in memo["Line"] if x["DetailType"] == "SalesItemLineDetail")
    more = {**line, "Id": "", "Amount": Decimal("5.00"), "Description": "added by hand"}
    more["SalesItemLineDetail"] = {
        **line["SalesItemLineDetail"], "Qty": Decimal(1), "UnitPrice": Decimal("5.00"),
    }  # fmt: skip
    kept = [x for x in memo["Line"] if x["DetailType"] == "SalesItemLineDetail"]
    firm.world.quickbooks.books.edit("CreditMemo", memo["Id"], Line=[*kept, more])
    found = reconciled(firm).comparison.discrepancies
    assert [one.cls.value for one in found] == ["R04", "R05", "R12"]
    assert {note.number} <= set(found[0].evidence)


def test_a_credit_memo_nobody_here_made_is_told(firm: Firm) -> None:
    invoice, _ = pushed(firm)
    customer = there(firm, invoice)["CustomerRef"]["value"]
    memo = firm.world.quickbooks.books.add_credit(customer, "50.00", DocNumber="HAND-9")
    (found,) = reconciled(firm).comparison.discrepancies
    assert (found.cls.value, found.amount) == ("R02", Decimal("50.00"))
    assert found.title.startswith("HAND-9 for ")
    assert found.evidence == (f"ledger/credit_memos/{memo['Id']}",)


def test_the_same_credit_twice_over_there_is_told(firm: Firm) -> None:
    credited(firm)
    memo = memos(firm)[0]
    customer, said = memo["CustomerRef"]["value"], memo["PrivateNote"]
    firm.world.quickbooks.books.add_credit(customer, "50.00", PrivateNote=said)
    assert "R03" in classes(reconciled(firm))


def test_an_allocation_taken_off_over_there_leaves_a_rest_that_is_named(firm: Firm) -> None:
    invoice, note = credited(firm)
    books = firm.world.quickbooks.books
    books.delete("Payment", allocations(firm)[0])
    found = reconciled(firm).comparison.discrepancies
    assert [(one.cls.value, one.amount) for one in found] == [("R12", note.total.amount)]
    assert status(firm, invoice) is DocumentStatus.PUSHED


def test_the_outbox_is_settled_in_a_quiet_world(firm: Firm) -> None:
    credited(firm)
    assert unsettled(firm) == []
    assert push(firm.engine).calls == 0
