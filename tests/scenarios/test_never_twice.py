"""Whatever happens to a call on its way, each invoice stands in the ledger once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    assert_each_once,
    in_the_ledger,
    issued,
    push_until_settled,
    ready_to_push,
    rows,
    unsettled,
)
from tests.scenarios.firm import JANUARY, Firm, prepared_firm, small_firm
from tieout.sandbox.firm import edit_invoice_behind
from tieout.store import outbox
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.push import push
from tieout.sync.pusher import LEASE_S

FIRST_BYTE = "call: before the first byte"

#: What can happen to a call, and how the stand-in is told to let it happen.
MISHAPS: dict[str, dict[str, Any]] = {
    "answer lost after the commit": {"kind": "lost_answer"},
    "500 after the commit": {"kind": "error_after", "status": 500},
    "502 after the commit": {"kind": "error_after", "status": 502},
    "504 after the commit": {"kind": "error_after", "status": 504},
    "500 before the commit": {"kind": "error_before", "status": 500},
    "503 before the commit": {"kind": "error_before", "status": 503},
    "cut before the commit": {"kind": "cut_before"},
    "answer cut in half": {"kind": "truncated"},
    "429 with a wait": {"kind": "reply", "status": 429, "headers": {"Retry-After": "30"}},
    "429 without a wait": {"kind": "reply", "status": 429},
    "401 in the middle": {"kind": "401"},
    "every call cut for a while": {"kind": "cut_before", "times": 3},
    "every answer lost for a while": {"kind": "lost_answer", "times": 3},
    "locked, nothing done": {
        "kind": "reply",
        "status": 400,
        "content": b'{"Fault":{"Error":[{"Message":"Company locked","code":"130"}],'
        b'"type":"SystemFault"}}',
        "content_type": "application/json",
    },
}
#: The calls it can happen to: (people, projects) of the firm, what is in the call.
CALLS: dict[str, tuple[tuple[int, int], dict[str, str]]] = {
    "customer": ((6, 8), {"path": "/customer", "body": "DisplayName"}),
    "batch": ((6, 8), {"path": "/batch"}),
    "single invoice": ((3, 1), {"path": "/invoice", "body": "DocNumber"}),
}


def plan_mishap(firm: Firm, mishap: str, where: dict[str, str]) -> None:
    details = dict(MISHAPS[mishap])
    kind = details.pop("kind")
    ledger = firm.world.quickbooks
    if kind == "401":
        ledger.plan_expiry(method="POST", **where)
    else:
        ledger.faults.add(kind, method="POST", **where, **details)


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("call", CALLS)
def test_a_mishap_leaves_each_invoice_once(call: str, mishap: str, tmp_path: Path) -> None:
    (people, projects), where = CALLS[call]
    with prepared_firm(tmp_path, ready_to_push, people=people, projects=projects) as firm:
        made = issued(firm)
        plan_mishap(firm, mishap, where)
        pushes = push_until_settled(firm)
        assert firm.world.quickbooks.faults.played != []
        assert_each_once(firm)
        assert sum(document.total.amount for document in made) == firm.facts.month_total(
            JANUARY.start
        )
        # And it stays so: one more push, much later, sends nothing.
        calls = len(firm.world.quickbooks.write_calls)
        firm.clock.advance(86_400)
        assert push(firm.engine).calls == 0
        assert len(firm.world.quickbooks.write_calls) == calls
        assert [one.held for one in pushes if one.held] == []


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path) as made:
        yield made


def test_a_lost_batch_is_found_at_once_and_never_sent_again(firm: Firm) -> None:
    ready_to_push(firm)
    firm.world.quickbooks.faults.add("lost_answer", path="/batch")
    done = push(firm.engine)
    assert (len(done.recovered), done.waiting, done.held) == (8, [], [])
    batches = [c for c in firm.world.quickbooks.write_calls if c.path.endswith("/batch")]
    assert len(batches) == 1
    assert_each_once(firm)


def test_a_batch_cut_before_the_commit_goes_again_after_two_looks_with_the_same_bytes(
    firm: Firm,
) -> None:
    ready_to_push(firm)
    firm.world.quickbooks.faults.add("cut_before", path="/batch")
    first = push(firm.engine)
    assert len(first.waiting) == 8
    assert push(firm.engine).calls == 0, "too early for the second look"
    firm.clock.advance(151)
    again = push(firm.engine)
    assert len(again.confirmed) == 8
    cut, sent = [c for c in firm.world.quickbooks.write_calls if c.path.endswith("/batch")]
    assert (cut.body, cut.query) == (sent.body, sent.query)
    assert_each_once(firm)


def test_a_worker_that_wakes_behind_its_lease_sends_nothing(firm: Firm) -> None:
    ready_to_push(firm)
    ledger = firm.world.quickbooks
    calls_after: list[tuple[str, int]] = []

    def sleeps_once(boundary: str) -> None:
        calls_after.append((boundary, len(ledger.write_calls)))
        first = [name for name, _ in calls_after].count(FIRST_BYTE) == 1
        if first and boundary == FIRST_BYTE:
            firm.clock.advance(LEASE_S + 1)

    push(firm.engine, boundary=sleeps_once)
    slept = [name for name, _ in calls_after].index(FIRST_BYTE)
    following = calls_after[slept + 1]
    assert following[0] != "call: answer in hand"
    assert following[1] == 0, "somebody else may have sent it meanwhile"
    firm.clock.advance(600)
    push_until_settled(firm)
    assert_each_once(firm)


def test_a_wait_is_kept_and_the_same_push_later_goes_through(firm: Firm) -> None:
    ready_to_push(firm)
    firm.world.quickbooks.settings.retry_after_s = 30
    firm.world.quickbooks.plan_throttle(path="/batch")
    done = push(firm.engine)
    assert "The request limit was reached" in done.stopped
    assert len(done.waiting) == 8
    firm.clock.advance(29)
    assert push(firm.engine).calls == 0
    firm.clock.advance(2)
    assert len(push(firm.engine).confirmed) == 8
    assert_each_once(firm)


def test_a_throttled_batch_may_be_joined_by_new_invoices(firm: Firm) -> None:
    """What was refused unread is grouped anew: another document may be due by then."""
    firm.pull()
    firm.look_at_the_ledger()
    drafts = bill(firm.engine, JANUARY).drafts
    approve(firm.engine, [drafts[6].id, drafts[7].id, drafts[5].id])
    firm.world.quickbooks.plan_throttle(path="/batch")
    assert push(firm.engine).stopped
    approve(firm.engine, everything=True)
    push_until_settled(firm)
    assert_each_once(firm)


def test_a_number_typed_by_hand_before_is_held_and_the_others_go(firm: Firm) -> None:
    made = ready_to_push(firm)
    books = firm.world.quickbooks.books
    taken = made[3].number
    customer = next(iter(books.rows("Customer")))["Id"]
    by_hand = books.add_invoice(customer, "77.00", DocNumber=taken)
    done = push(firm.engine)
    (held,) = done.held
    with firm.engine.store.read() as tx:
        row = outbox.get(tx, held)
    assert row is not None
    assert row.subject_id == made[3].id
    assert row.error_text == (
        f"Record {by_hand['Id']} in the ledger stands where ours belongs ({taken}) and does not "
        "carry our key: somebody else made it. Renumber or remove it there, then `tieout retry`."
    )
    there = in_the_ledger(firm)
    assert len(there) == 8
    assert (taken, 77_00) in there
    # Renumbered there and tried again, it goes too.
    books.edit_invoice(by_hand["Id"], DocNumber="HAND-1")
    with firm.engine.store.begin() as tx:
        outbox.release_held(tx, held)
    push_until_settled(firm)
    assert [number for number, _ in in_the_ledger(firm)] == sorted(
        ["HAND-1", *(document.number for document in made)]
    )


def test_an_item_switched_off_holds_only_its_own_invoices(firm: Firm) -> None:
    made = ready_to_push(firm)
    books = firm.world.quickbooks.books
    item = next(row["Id"] for row in books.rows("Item") if row["Name"] == "Implementation services")
    books.deactivate("Item", item)
    with_fee = {
        document.number
        for document in made
        if any("half" in line.description for line in document.lines)
    }
    done = push(firm.engine)
    assert len(done.held) == len(with_fee) > 0
    held = [row for row in rows(firm) if row.state is OutboxState.HELD]
    words = {row.error_text for row in held}
    assert len(words) == 1
    assert "inactive" in words.pop().lower()
    assert {number for number, _ in in_the_ledger(firm)} == {
        document.number for document in made
    } - with_fee
    assert len(done.confirmed) == len(made) - len(with_fee) + 5
    # Switched on again, the held ones go with a retry.
    books.edit("Item", item, Active=True)
    with firm.engine.store.begin() as tx:
        for row in held:
            outbox.release_held(tx, row.id)
    push_until_settled(firm)
    assert_each_once(firm)


def test_an_echo_that_differs_is_never_confirmed(firm: Firm) -> None:
    """The ledger takes the invoice and changes it on its way in: a person must look."""
    ledger = firm.world.quickbooks
    ready_to_push(firm)
    number = issued(firm)[0].number

    original = ledger.service.batch

    def changed(*call: Any, **details: Any) -> Any:
        answer = original(*call, **details)
        edit_invoice_behind(firm.world, number)
        for item in answer["BatchItemResponse"]:
            if item["Invoice"]["DocNumber"] == number:
                item["Invoice"] = ledger.books.present(
                    "Invoice", ledger.books.get("Invoice", item["Invoice"]["Id"])
                )
        return answer

    ledger.service.batch = changed  # type: ignore[method-assign]
    done = push(firm.engine)
    (held,) = done.held
    with firm.engine.store.read() as tx:
        row = outbox.get(tx, held)
    assert row is not None
    assert row.state is OutboxState.HELD
    record = ledger.books.get("Invoice", ledger.books.numbered("Invoice", number)[0])
    ours = issued(firm)[0].total.amount
    assert row.error_text == (
        f"Record {record['Id']} in the ledger carries our key but differs: net {ours} here, "
        f"{record['TotalAmt']} there. Put it right there, then `tieout retry`: it looks again."
    )
    assert len(done.confirmed) == 7 + 5
    assert {each.split(":")[1].split()[0] for each in unsettled(firm)} == {"held"}
    firm.clock.advance(86_400)
    assert push(firm.engine).calls == 0
