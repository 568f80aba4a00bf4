"""An invoice carries its hours: as words below its lines, as a file, and a link back."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    assert_each_once,
    billed_and_approved,
    cents,
    classes,
    code_of,
    expected_by_code,
    issued,
    push_until_settled,
    ready_to_push,
    reconciled,
    rows,
    totals_by_code,
    unsettled,
)
from tests.scenarios.firm import FEBRUARY, JANUARY, Firm, opened, small_firm
from tieout.connectors.base import INVOICE, TIMESHEET, VOID, Family
from tieout.connectors.registry import connectors
from tieout.model.document import Document
from tieout.sandbox.ledgers import Invoice
from tieout.sandbox.ledgers.side import Attached
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.correct import correct
from tieout.sync.credit import credit
from tieout.sync.explain import explain
from tieout.sync.plan import plan
from tieout.sync.push import push
from tieout.sync.retry import retry_row
from tieout.sync.status import status
from tieout.sync.void import void

LEDGERS = {slug: one for slug, one in connectors().items() if one.family is Family.LEDGER}
ATTACHING = sorted(slug for slug, one in LEDGERS.items() if one.writes(TIMESHEET))
WORDED = sorted(slug for slug, one in LEDGERS.items() if one.memo_lines)
VOIDING = [slug for slug in ATTACHING if LEDGERS[slug].writes(VOID)]
FIRST, SECOND = "INV-2026-0001", "INV-2026-0002"
RULES = """
timesheet:
  lines: true
  file: true
link: "https://crm.example/opportunity/{project.code}"
"""
#: What nobody reads in a plan when the ledger has a place for it.
LEFT_OUT = {
    "lines": "takes no lines without money: timesheet.lines in mappings/ledger.yaml does nothing.",
    "file": "takes no files from Tieout: timesheet.file in mappings/ledger.yaml does nothing.",
    "link": "has no place for a link: link in mappings/ledger.yaml does nothing.",
}


@contextmanager
def sheeted(folder: Path, ledger: str, rules: str = RULES) -> Iterator[Firm]:
    """January is approved: two invoices, nothing sent."""
    with small_firm(folder, people=3, projects=2, ledger=ledger, rules=rules) as firm:
        ready_to_push(firm)
        yield firm


@pytest.fixture(params=ATTACHING)
def firm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Firm]:
    with sheeted(tmp_path, request.param) as made:
        yield made


def ours(firm: Firm, number: str) -> Document:
    return next(each for each in issued(firm) if each.number == number)


def there(firm: Firm, number: str) -> Invoice:
    return next(each for each in firm.world.ledger.invoices() if each.number == number)


def files(firm: Firm, number: str) -> list[Attached]:
    """What hangs on an invoice over there."""
    invoice = there(firm, number)
    return [each for each in firm.world.ledger.files() if each.invoice_id == invoice.id]


def table(file: Attached) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))


def held(firm: Firm) -> dict[str, str]:
    return {row.writer: row.error_text for row in rows(firm) if row.state is OutboxState.HELD}


def assert_one_file_each(firm: Firm) -> None:
    assert_each_once(firm)
    found = sorted((each.name, each.kind) for each in firm.world.ledger.files())
    assert found == [(f"{each.number}-timesheet.csv", "text/csv") for each in issued(firm)]


# -- moments of a push ---------------------------------------------------------------------
class Killed(BaseException):
    """The worker is gone."""


def dies() -> None:
    raise Killed


def once(firm: Firm, moment: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Do something once, when a file has come to a moment of its push."""
    done: list[str] = []
    on_its_way = (OutboxState.CLAIMED, OutboxState.SENT, OutboxState.UNKNOWN)

    def boundary(name: str) -> None:
        if name != moment or done:
            return
        if any(row.writer == TIMESHEET and row.state in on_its_way for row in rows(firm)):
            done.append(name)
            act()

    return boundary


# -- what goes ----------------------------------------------------------------------------
@pytest.mark.parametrize("ledger", sorted(LEDGERS))
def test_the_plan_says_what_goes_with_each_invoice_and_what_cannot(
    ledger: str, tmp_path: Path
) -> None:
    with sheeted(tmp_path, ledger) as firm:
        with firm.engine.store.read() as tx:
            planned = plan(firm.engine, tx)
        assert planned.problems == ()
        one = LEDGERS[ledger]
        takes = {"lines": one.memo_lines, "file": one.writes(TIMESHEET), "link": one.links}
        assert list(planned.left_out) == [
            f"{one.title} {text}" for what, text in LEFT_OUT.items() if not takes[what]
        ]
        invoices = [write for write in planned.writes if write.writer == INVOICE]
        assert len(invoices) == 2
        assert all(bool(write.memo_lines) == one.memo_lines for write in invoices)
        codes = [code_of(firm, ours(firm, write.name)) for write in invoices]
        assert [write.link for write in invoices] == [
            f"https://crm.example/opportunity/{code}" if one.links else "" for code in codes
        ]
        sheets = [write.name for write in planned.writes if write.writer == TIMESHEET]
        assert sorted(sheets) == sorted(
            f"{write.name}-timesheet.csv" for write in invoices if takes["file"]
        )
        push_until_settled(firm)
        assert len(rows(firm)) >= len(planned.writes), "the push did as the plan said"
        assert [bool(each.words) for each in firm.world.ledger.invoices()] == [one.memo_lines] * 2
        assert len(firm.world.ledger.files()) == len(sheets)


@pytest.mark.parametrize("ledger", sorted(LEDGERS))
def test_with_all_of_it_on_no_total_changes_and_both_sides_agree(
    ledger: str, tmp_path: Path
) -> None:
    with sheeted(tmp_path, ledger) as firm:
        assert totals_by_code(firm, issued(firm)) == expected_by_code(firm, JANUARY)
        push_until_settled(firm)
        assert_each_once(firm)
        assert push(firm.engine).calls == 0, "a second push has nothing to do"
        firm.clock.advance(60)
        done = reconciled(firm)
        assert classes(done) == []
        (control,) = done.comparison.control
        assert control.unexplained == 0


def test_an_invoice_arrives_with_the_hours_of_each_person_below_its_lines(firm: Firm) -> None:
    push_until_settled(firm)
    for document in issued(firm):
        invoice = there(firm, document.number)
        words = [text for text in invoice.words if text.startswith("· ")]
        assert words, "nothing is said of the hours"
        assert len(words) == len(set(words)), "a person's task is there twice"
        said = [text.removeprefix("· ").removesuffix(" h").rsplit(", ", 1) for text in words]
        hours = sum(Decimal(many) for _, many in said)
        assert hours == sum(line.quantity for line in document.lines if line.kind.value == "time")
        assert len(invoice.lines) == len(document.lines), "words are no lines of money"


def test_the_file_has_every_entry_of_the_time_tool_and_the_invoices_total(firm: Firm) -> None:
    push_until_settled(firm)
    account, facts = firm.world.harvest.account, firm.facts
    for document in issued(firm):
        (file,) = files(firm, document.number)
        *entries, last = table(file)
        code = code_of(firm, document)
        worked = [
            entry
            for entry in account.entries.values()
            if account.projects[entry.project_id]["code"] == code
            and (entry.spent_date.year, entry.spent_date.month) == (2026, 1)
            and entry.is_closed
            and account.is_billable(entry)
        ]
        assert Counter(row["Date"] for row in entries) == Counter(
            entry.spent_date.isoformat() for entry in worked
        )
        assert sum(cents(Decimal(row["Amount (USD)"])) for row in entries) == cents(
            Decimal(last["Amount (USD)"])
        )
        assert cents(Decimal(last["Amount (USD)"])) == facts.time_cents[code, date(2026, 1, 1)]
        assert last["Date"] == "Total"
        assert sum(Decimal(row["Hours"]) for row in entries) == Decimal(last["Hours"])
    assert_one_file_each(firm)


def test_a_note_that_looks_like_a_formula_is_none_in_the_file(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="xero", rules=RULES) as firm:
        account = firm.world.harvest.account
        for entry_id in list(account.entries):
            account.edit_entry(entry_id, notes="=HYPERLINK(1)")
        firm.clock.advance(60)
        ready_to_push(firm)
        push_until_settled(firm)
        for file in firm.world.ledger.files():
            *entries, _ = table(file)
            assert {row["Notes"] for row in entries} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize("ledger", ATTACHING)
def test_credit_notes_carry_nothing_of_it(ledger: str, tmp_path: Path) -> None:
    with sheeted(tmp_path, ledger) as firm:
        push_until_settled(firm)
        before = len(firm.world.ledger.files())
        approve(firm.engine, [credit(firm.engine, FIRST).id])
        push_until_settled(firm)
        (note,) = [each for each in firm.world.ledger.credits() if each.key]
        assert not [text for text in note.words if text.startswith("· ")]
        assert len(firm.world.ledger.files()) == before
        assert classes(reconciled(firm)) == []


def test_switched_on_later_it_goes_with_what_is_approved_from_then_on(firm: Firm) -> None:
    """The settings that hold at the approval decide; next month is next month."""
    push_until_settled(firm)
    billed_and_approved(firm, FEBRUARY)
    push_until_settled(firm)
    assert_one_file_each(firm)
    assert len(firm.world.ledger.files()) == len(issued(firm)) > 2


@pytest.mark.parametrize("ledger", ATTACHING)
def test_by_itself_nothing_of_it_is_sent(ledger: str, tmp_path: Path) -> None:
    with sheeted(tmp_path, ledger, rules="") as firm:
        push_until_settled(firm)
        assert firm.world.ledger.files() == []
        assert not any(
            text.startswith("· ") for each in firm.world.ledger.invoices() for text in each.words
        )
        assert {row.writer for row in rows(firm)}.isdisjoint({TIMESHEET})


# -- exactly once ---------------------------------------------------------------------------
MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost": {"kind": "lost_answer"},
    "answer lost for a while": {"kind": "lost_answer", "times": 3},
    "500 after the commit": {"kind": "error_after", "status": 500},
    "503 before the commit": {"kind": "error_before", "status": 503},
    "cut before the commit": {"kind": "cut_before"},
    "429": {"kind": "reply", "status": 429},
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_whatever_happens_to_the_call_the_file_is_there_once(firm: Firm, mishap: str) -> None:
    def strikes() -> None:
        firm.world.ledger.vendor.faults.add(**MISHAPS[mishap])

    moment = "call: before the first byte"
    push(firm.engine, pushers=1, boundary=once(firm, moment, strikes))
    assert firm.world.ledger.vendor.faults.played, "nothing happened to it"
    firm.clock.advance(400)
    push_until_settled(firm)
    assert_one_file_each(firm)
    assert classes(reconciled(firm)) == []


MOMENTS = (
    "claimed",
    "sent: before commit",
    "sent: after commit",
    "call: before the first byte",
    "call: answer in hand",
    "settled: before commit",
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_on_its_way_the_file_is_there_once(firm: Firm, moment: str) -> None:
    with pytest.raises(Killed):
        push(firm.engine, pushers=1, boundary=once(firm, moment, dies))
    assert len(firm.world.ledger.invoices()) == 2, "the invoices went before"
    firm.clock.advance(600)  # longer than a lease
    push_until_settled(firm)
    assert_one_file_each(firm)
    assert classes(reconciled(firm)) == []


def test_a_file_that_arrived_unheard_is_known_by_what_was_sent(firm: Firm) -> None:
    """Somebody writes other notes in the time tool in between: what is there is still ours."""
    with pytest.raises(Killed):
        push(firm.engine, pushers=1, boundary=once(firm, "call: answer in hand", dies))
    account = firm.world.harvest.account
    for entry_id in list(account.entries):
        account.edit_entry(entry_id, notes="Written anew, and at length, after the fact")
    firm.clock.advance(600)
    firm.pull()
    push(firm.engine)
    assert held(firm) == {}
    push_until_settled(firm)
    assert_one_file_each(firm)
    texts = [file.content.decode() for file in firm.world.ledger.files()]
    assert sorted("after the fact" in text for text in texts) == [False, True]


def test_a_file_of_that_name_which_is_not_ours_is_left_to_a_person(firm: Firm) -> None:
    """The call is cut, and somebody hangs another file there under that very name."""
    struck: list[str] = []

    def strikes() -> None:
        (sent,) = [row for row in rows(firm) if row.state is OutboxState.SENT]
        document = next(each for each in issued(firm) if each.id == sent.subject_id)
        struck.append(document.number)
        firm.world.ledger.vendor.faults.add(kind="cut_before")
        name = f"{document.number}-timesheet.csv"
        firm.world.ledger.attach(there(firm, document.number).id, name, b"Hours by hand")

    push(firm.engine, pushers=1, boundary=once(firm, "call: before the first byte", strikes))
    push(firm.engine)
    assert "stands where ours belongs but differs: number" in held(firm)[TIMESHEET]
    assert "13 bytes there" in held(firm)[TIMESHEET]
    assert [file.content for file in files(firm, struck[0])] == [b"Hours by hand"]


@pytest.mark.parametrize("mishap", ["answer lost", "500 after the commit"])
def test_a_lost_answer_is_found_and_nothing_is_sent_again(firm: Firm, mishap: str) -> None:
    """The look comes before anything else, long after the ledger forgot our key."""

    def strikes() -> None:
        firm.world.ledger.vendor.faults.add(**MISHAPS[mishap])

    push(firm.engine, pushers=1, boundary=once(firm, "call: before the first byte", strikes))
    firm.clock.advance(3 * 86_400)
    push_until_settled(firm)
    calls = firm.world.ledger.vendor.write_calls
    sent = [call for call in calls if "/upload" in call.path or "/Attachments" in call.path]
    assert len(sent) == 2
    assert_one_file_each(firm)


# -- held -----------------------------------------------------------------------------------
def test_a_file_that_is_refused_is_held_and_blocks_nothing(firm: Firm) -> None:
    refusal = {"kind": "reply", "status": 400, "content": b"{}", "times": 2}

    def refuses() -> None:
        firm.world.ledger.vendor.faults.add(**refusal)

    push(firm.engine, pushers=1, boundary=once(firm, "call: before the first byte", refuses))
    assert list(held(firm)) == [TIMESHEET]
    assert {each.status.value for each in issued(firm)} == {"pushed"}
    with firm.engine.store.read() as tx:
        name = firm.engine.ledger().name
        assert [w.rows for w in status(firm.engine, tx).held if w.where == name] == [2]
    assert any("timesheet held" in line for line in explain(firm.engine, FIRST).outbox)
    approve(firm.engine, [credit(firm.engine, FIRST).id])
    correct(firm.engine, SECOND, memo="PO 4711")
    firm.clock.advance(60)
    push(firm.engine)
    assert there(firm, FIRST).balance == 0
    assert there(firm, SECOND).memo == "PO 4711"
    firm.clock.advance(60)
    assert classes(reconciled(firm)) == []
    for number in (FIRST, SECOND):
        assert retry_row(firm.engine, number).writer == TIMESHEET
    push_until_settled(firm)
    assert len(firm.world.ledger.files()) == 2


def test_a_file_waits_for_its_invoice_and_goes_once_that_is_put_right(firm: Firm) -> None:
    firm.world.ledger.close_until(firm.engine.today())
    push(firm.engine)
    push(firm.engine)
    assert set(held(firm)) == {INVOICE, TIMESHEET}
    assert held(firm)[TIMESHEET].endswith("could not be created: see `tieout held`.")
    firm.world.ledger.close_until(None)
    for number in (FIRST, SECOND):
        assert retry_row(firm.engine, number).writer == INVOICE
    push_until_settled(firm)
    assert_one_file_each(firm)


def test_a_consent_without_the_right_to_attach_sends_all_else_and_says_so(tmp_path: Path) -> None:
    """Somebody connected Xero before there were files; the files wait until they sign in again."""
    with sheeted(tmp_path, "xero") as firm:
        granted = firm.world.ledger.vendor.sign_in.grants
        for grant in granted:
            grant.scope = grant.scope.replace("accounting.attachments", "")
        stopped = push(firm.engine)
        assert "tieout connect ledger" in stopped.stopped
        assert_each_once(firm)
        assert firm.world.ledger.files() == []
        assert {row.writer for row in rows(firm) if row.state is not OutboxState.CONFIRMED} == {
            TIMESHEET
        }
        correct(firm.engine, FIRST, memo="PO 4711")
        push(firm.engine)
        assert there(firm, FIRST).memo == "PO 4711"
        for grant in granted:
            grant.scope += " accounting.attachments"
        firm.clock.advance(600)
        push_until_settled(firm)
        assert_one_file_each(firm)


# -- taken back -------------------------------------------------------------------------------
@pytest.mark.parametrize("ledger", WORDED)
@pytest.mark.parametrize("memo", ["{project.name}", ""])
def test_a_memo_is_corrected_and_the_hours_stay(ledger: str, memo: str, tmp_path: Path) -> None:
    """With a memo behind the hours, and with none: the last words are not always the memo."""
    with small_firm(tmp_path, people=3, projects=2, ledger=ledger, rules=RULES) as made:
        rules = tmp_path / "mappings" / "ledger.yaml"
        rules.write_text(rules.read_text().replace('memo: "{project.name}"', f'memo: "{memo}"'))
        with opened(tmp_path, made.world) as engine:
            firm = replace(made, engine=engine)
            ready_to_push(firm)
            push_until_settled(firm)
            before = there(firm, FIRST)
            hours = [text for text in before.words if text.startswith("· ")]
            for words in ("PO 4711", "PO 4712, as agreed"):
                correct(firm.engine, FIRST, memo=words)
                push_until_settled(firm)
                after = there(firm, FIRST)
                assert after.memo == words
                assert [text for text in after.words if text.startswith("· ")] == hours
                assert "PO 4711" not in after.words or words == "PO 4711"
            assert (after.total, after.lines) == (before.total, before.lines)
            assert classes(reconciled(firm)) == []


@pytest.mark.parametrize("ledger", ["quickbooks"])
def test_an_invoice_made_again_has_its_file_again(ledger: str, tmp_path: Path) -> None:
    """Somebody deletes it there; on a person's order both are made once more."""
    with sheeted(tmp_path, ledger) as firm:
        push_until_settled(firm)
        firm.clock.advance(60)
        firm.look_at_the_ledger()
        firm.world.ledger.delete(there(firm, FIRST).id)
        firm.clock.advance(60)
        firm.look_at_the_ledger()
        retry_row(firm.engine, FIRST, again=True)
        push_until_settled(firm)
        assert_each_once(firm)
        (file,) = files(firm, FIRST)
        assert table(file)[-1]["Date"] == "Total"


@pytest.mark.parametrize("ledger", VOIDING)
def test_an_invoice_voided_before_it_was_sent_takes_its_file_along(
    ledger: str, tmp_path: Path
) -> None:
    with sheeted(tmp_path, ledger) as firm:
        assert not void(firm.engine, FIRST).sent
        push_until_settled(firm)
        assert [each.number for each in firm.world.ledger.invoices()] == [SECOND]
        assert len(firm.world.ledger.files()) == 1
        void(firm.engine, SECOND)
        push_until_settled(firm)
        assert there(firm, SECOND).voided
        assert unsettled(firm) == []
