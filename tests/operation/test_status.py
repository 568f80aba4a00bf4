"""What the desk sees: what waits and for how long, how fresh the data is, what ended how."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.connectors.connection import Connection
from tieout.connectors.pace import Ask
from tieout.store import notes, outbox, runs
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.engine import Engine
from tieout.sync.status import status


def row_of(desk: Desk, connection: str, state: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = desk.json("status")["queue"]
    return next(r for r in rows if (r["connection"], r["state"]) == (connection, state))


def once_more(engine: Engine) -> OutboxRow:
    """A new write of the first invoice, claimed, of which something is to become."""
    with engine.store.begin() as tx:
        row = next(r for r in outbox.list_rows(tx) if r.writer == "invoice")
        outbox.again(tx, row.id, "v1:" + "0" * 32)
        (claimed,) = outbox.claim(tx, "ledger", "test", 60, 1, (OutboxState.PENDING,))
    return claimed


def test_a_quiet_firm_has_nothing_waiting(desk: Desk) -> None:
    said = desk.json("status")
    assert (said["unknown"], said["doubts"], said["parked"], said["stopped"]) == (0, [], [], [])
    (queue,) = said["queue"]
    assert (queue["state"], queue["oldest_s"]) == ("confirmed", None)
    assert {(run["verb"], run["state"]) for run in said["runs"]} == {
        ("pull", "done"),
        ("push", "done"),
    }
    assert {one["connection"] for one in said["streams"]} == {"crm", "time", "ledger"}
    assert all(one["lag_s"] > 0 for one in said["streams"])


def test_a_held_write_shows_its_age_and_the_ledgers_words(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine:
        row = once_more(engine)
        with engine.store.begin() as tx:
            outbox.hold(tx, row, row.fence, error_class="Rejected", error_text="Bad tax code")
    desk.clock.advance(3 * 3600)
    said = desk.json("status")
    held = next(one for one in said["waiting"] if one["where"] == "ledger")
    assert (held["reason"], held["rows"], held["text"]) == ("Rejected", 1, "Bad tax code")
    assert held["oldest_s"] == 3 * 3600 + 120
    assert row_of(desk, "ledger", "held")["oldest_s"] == 3 * 3600 + 240
    shown = desk("status").stdout
    assert "3 h" in shown
    assert "waits for a person: see `tieout held`" in shown


def test_a_lost_answer_shows_since_when_and_the_next_look(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine:
        row = once_more(engine)
        with engine.store.begin() as tx:
            later = tx.now() + timedelta(minutes=5)
            sent = outbox.mark_sent(tx, row, row.fence, body=b"{}", call_key="k")
            outbox.to_unknown(
                tx, sent, sent.fence, not_before=later, error_class="Unknown", error_text="cut off"
            )
    said = desk.json("status")
    (doubt,) = said["doubts"]
    assert doubt["subject"].startswith("invoice INV-2026-000")
    assert (doubt["age_s"], doubt["looks"], doubt["text"]) == (120, 0, "cut off")
    assert doubt["next_look_at"] == later.isoformat()
    assert said["unknown"] == 1


def test_a_run_that_brought_only_a_part_is_never_called_done(desk: Desk) -> None:
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = "no-such-token"
    assert desk("pull time").exit_code == 3
    run = next(one for one in desk.json("status")["runs"] if one["connection"] == "time")
    assert run["state"] == "failed"
    assert "users: " in run["error"]


def test_a_refused_credential_is_told_with_what_to_do_until_it_works(desk: Desk) -> None:
    good = desk.environment()["TIEOUT_TIME_ACCESS_TOKEN"]
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = "no-such-token"
    desk("pull time")
    since = desk.clock.now()
    desk("pull time")
    (stopped,) = desk.json("status")["stopped"]
    assert stopped["connection"] == "time"
    assert stopped["since"] <= since.isoformat()  # when it began, not when it was seen again
    assert stopped["what_to_do"].endswith("then `tieout connect time`.")
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = good
    desk.all_of("pull time")
    assert desk.json("status")["stopped"] == []


def test_an_expired_token_that_is_refreshed_stops_nothing(desk: Desk) -> None:
    desk.clock.advance(2 * 3600)
    desk.all_of("pullback")
    assert desk.json("status")["stopped"] == []


def test_a_run_whose_process_died_is_said_to_be_cut_off(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        runs.start(tx, "pull", "crm", owner="another-machine:1:1")
        desk.clock.advance(1)
        runs.start(tx, "pull", "time", owner=_a_dead_process())
    found = [one for one in desk.json("status")["runs"] if one["verb"] == "pull"]
    states = {one["connection"]: one["state"] for one in found}
    assert states == {"crm": "running", "time": "cut off", "ledger": "done"}


def _a_dead_process() -> str:
    return f"{socket.gethostname()}:4194305:1"  # above the highest number Linux gives


def test_a_company_that_asked_for_peace_is_listed(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine:
        ledger: Connection = engine.connection("ledger")
        ask = Ask(company=ledger.pace_key)
        ledger.governor.refused(ask, 900.0, True, "ThrottleExceeded", engine.now())
    (parked,) = desk.json("status")["parked"]
    assert parked["company"] == f"quickbooks:{desk.world.quickbooks.realm_id}"
    assert parked["why"] == "ThrottleExceeded"


def test_what_salesforce_says_of_the_days_calls_is_shown(desk: Desk) -> None:
    (quota,) = (one for one in desk.json("status")["quotas"] if one["connection"] == "crm")
    assert (quota["name"], quota["total"], quota["source"]) == ("calls a day", 15000, "the vendor")
    assert 0 < quota["left"] < 15000


def test_the_audit_logs_last_check_is_noted(desk: Desk) -> None:
    assert desk.json("status")["audit_checked"] is None
    desk.all_of("audit verify")
    said = desk.json("status")["audit_checked"]
    assert said["result"] == "whole"
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        assert notes.get(tx, "audit_checked") is not None
        assert status(engine, tx).held_count == desk.json("status")["held"]
