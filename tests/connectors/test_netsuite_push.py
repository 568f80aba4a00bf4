"""A month of invoices into NetSuite, with answers lost, workers gone and numbers taken."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.netsuite_desk import Firm, firm
from tieout.model.document import DocumentStatus
from tieout.store import documents, outbox
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.doubts import LOOK_AGAIN_S
from tieout.sync.push import push
from tieout.sync.retry import retry_row

INVOICES = {"path": "/record/v1/invoice/"}


def rows(office: Firm, writer: str = "invoice") -> list[OutboxRow]:
    with office.engine.store.read() as tx:
        return [row for row in outbox.list_rows(tx) if row.writer == writer]


def states(office: Firm) -> set[OutboxState]:
    return {row.state for row in rows(office)}


def push_until_settled(office: Firm) -> None:
    for _ in range(8):
        push(office.engine)
        if states(office) == {OutboxState.CONFIRMED}:
            return
        office.clock.advance(LOOK_AGAIN_S + 1)
    raise AssertionError([(row.state, row.error_text) for row in rows(office)])


def test_a_month_reaches_netsuite_once(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        done = push(office.engine)
        assert (done.held, done.waiting, done.recovered, done.stopped) == ([], [], [], "")
        assert office.invoices() == office.ours()
        assert len(office.documents) > 2
        puts = [call for call in office.ledger.write_calls if call.method == "PUT"]
        assert len(puts) == done.calls
        # Pushing again finds nothing to do.
        assert push(office.engine).calls == 0


def test_an_answer_is_lost_and_the_invoice_is_found_at_once(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        office.ledger.faults.add("lost_answer", method="PUT", **INVOICES)
        done = push(office.engine)
        assert len(done.recovered) == 1
        assert states(office) == {OutboxState.CONFIRMED}
        assert office.invoices() == office.ours()


def test_it_is_written_but_cannot_be_read_back(tmp_path: Path) -> None:
    """The query after the write fails for minutes: in doubt, then found; never sent again."""
    with firm(tmp_path) as office:
        while_down = {"status": 503, "times": 6, "body": "x.id = ?"}
        office.ledger.faults.add("reply", **while_down)
        office.ledger.faults.add("reply", status=503, times=6, body="t.id = ?")
        push_until_settled(office)
        assert office.invoices() == office.ours()
        puts = [call for call in office.ledger.write_calls if "/invoice/" in call.path]
        assert len(puts) == len(office.documents)


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize(
    "boundary",
    ["sent: after commit", "call: before the first byte", "call: answer in hand",
     "settled: before commit"],
)  # fmt: skip
def test_the_answer_is_lost_and_the_worker_starts_again(tmp_path: Path, boundary: str) -> None:
    """Whenever it dies, exactly one invoice stands there, under the same external id."""
    with firm(tmp_path) as office:
        office.ledger.faults.add("lost_answer", method="PUT", nth=2, **INVOICES)

        def dies(name: str) -> None:
            if name == boundary and any(row.state is OutboxState.SENT for row in rows(office)):
                raise Killed

        with pytest.raises(Killed):
            push(office.engine, boundary=dies, pushers=1)
        office.clock.advance(600)  # longer than a lease
        push_until_settled(office)
        assert office.invoices() == office.ours()
        external = [row["externalId"] for row in office.ledger.acts.rows("invoice")]
        assert len(set(external)) == len(external) == len(office.documents)


def test_netsuite_still_works_on_a_call_that_was_given_up(tmp_path: Path) -> None:
    """It is not there at two looks, is sent again, and then the first one comes through too."""
    with firm(tmp_path) as office:
        office.ledger.plan_late_commit(800, method="PUT", **INVOICES)
        push_until_settled(office)
        office.clock.advance(900)
        office.ledger.catch_up()
        assert office.invoices() == office.ours()


def test_a_racing_writer_made_the_record_first(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        office.ledger.plan_race(method="PUT", **INVOICES)
        push_until_settled(office)
        assert office.invoices() == office.ours()


def test_a_server_fails_after_it_has_done_the_work(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        office.ledger.plan_unexpected(committed=True, method="PUT", **INVOICES)
        push_until_settled(office)
        assert office.invoices() == office.ours()


def _taken(office: Firm) -> tuple[str, str]:
    """Somebody enters an invoice by hand under a number of ours: its number and id."""
    number = office.documents[0].number
    owner = office.ledger.acts.add_customer("Somebody else")["id"]
    by_hand = office.ledger.acts.add_invoice(owner, "1.00", tranId=number)
    return number, by_hand["id"]


def test_a_number_that_was_taken_by_hand_does_not_hide_ours(tmp_path: Path) -> None:
    """NetSuite lets a number stand twice: ours is known by its external id alone."""
    with firm(tmp_path) as office:
        number, by_hand = _taken(office)
        office.ledger.faults.add("lost_answer", method="PUT", body=number, **INVOICES)
        push_until_settled(office)
        refs = {row.remote_id for row in rows(office)}
        assert by_hand not in refs
        assert len(refs) == len(office.documents)


def test_a_number_that_netsuite_refuses_as_taken_is_held_for_a_person(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        number, by_hand = _taken(office)
        office.ledger.plan_refusal(
            400, "USER_ERROR", "A transaction with this number already exists.", times=20,
            method="PUT", body=number,
        )  # fmt: skip
        push(office.engine)
        (held,) = [row for row in rows(office) if row.state is OutboxState.HELD]
        assert f"Record {by_hand} in the ledger stands where ours belongs" in held.error_text


def test_a_closed_period_holds_the_invoices_and_a_retry_sends_them(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        days = {each.issue_date for each in office.documents}
        for day in days:
            office.ledger.acts.lock_period(day)
        done = push(office.engine)
        assert len(done.held) == len(office.documents)
        assert all("accounting period" in row.error_text for row in rows(office))
        assert office.invoices() == []
        for day in days:
            office.ledger.acts.lock_period(day, locked=False)
        for row in rows(office):
            retry_row(office.engine, row.id)
        push_until_settled(office)
        assert office.invoices() == office.ours()


def test_an_inactive_customer_holds_its_invoices_alone(tmp_path: Path) -> None:
    with firm(tmp_path) as office:

        def leaves(name: str) -> None:
            first = next(office.ledger.acts.rows("customer"), None)
            if name == "settled: after commit" and first and not first["isInactive"]:
                office.ledger.acts.inactivate("customer", first["id"])

        push(office.engine, boundary=leaves, pushers=1)
        held = [row for row in rows(office) if row.state is OutboxState.HELD]
        assert held
        assert all("entity" in row.error_text for row in held)
        assert len(office.invoices()) == len(office.documents) - len(held)


@pytest.mark.parametrize(
    "how", [{"override_numbers": False}, {"override_numbers": False, "refuse_numbers": True}]
)
def test_a_number_netsuite_does_not_take_is_told(tmp_path: Path, how: dict[str, Any]) -> None:
    """Allow Override is off though the settings say it is on: nobody is left guessing."""
    with firm(tmp_path, **how) as office:
        push(office.engine)
        told = {row.error_text for row in rows(office)}
        assert states(office) == {OutboxState.HELD}
        assert all("number" in text or "tranId" in text for text in told)


def test_too_many_calls_of_others_only_take_time(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        office.ledger.plan_crowd(nth=4, times=2)
        push_until_settled(office)
        assert office.invoices() == office.ours()
        assert not [row for row in rows(office) if row.attempts > 1]


def test_an_expired_token_is_replaced_in_the_middle(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        office.ledger.plan_expiry(nth=3, method="PUT")
        assert push(office.engine).held == []
        assert office.invoices() == office.ours()


def test_a_script_of_the_account_that_changes_an_amount_is_caught(tmp_path: Path) -> None:
    """NetSuite answers 204; what stands there is read, compared, and held."""
    with firm(tmp_path) as office:

        def dearer(draft: Any) -> None:
            if draft.kind == "invoice":
                draft.row["total"] += Decimal("0.01")

        office.ledger.acts.scripts.append(dearer)
        push(office.engine)
        assert states(office) == {OutboxState.HELD}
        assert all("net " in row.error_text for row in rows(office))


def test_what_is_paid_over_there_is_known_here(tmp_path: Path) -> None:
    with firm(tmp_path) as office:
        push_until_settled(office)
        whole, part, *_ = sorted(rows(office), key=lambda row: row.remote_id)
        office.clock.advance(3600)
        office.ledger.acts.pay(whole.remote_id)
        office.ledger.acts.pay({part.remote_id: "10.00"})
        office.look()
        with office.engine.store.read() as tx:
            known = {row.id: documents.get(tx, row.subject_id) for row in (whole, part)}
        assert [each.status for each in known.values() if each] == [
            DocumentStatus.PAID,
            DocumentStatus.PART_PAID,
        ]
