"""Figures and logs: what machines read of the work, and that nobody is named in it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.bootstrap import set_up_logs
from tieout.store import outbox
from tieout.store import runs as stored
from tieout.store.held import Held
from tieout.store.held import put as hold
from tieout.store.outbox import OutboxState
from tieout.sync.metrics import as_text


def figures(text: str) -> dict[tuple[str, ...], Any]:
    """Every sample: (name, label values in the order of their names) -> value."""
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_figures_say_what_the_database_says(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        confirmed = outbox.counts(tx)["ledger"][OutboxState.CONFIRMED]
        row = next(r for r in outbox.list_rows(tx) if r.writer == "invoice")
        outbox.again(tx, row.id, "v1:" + "0" * 32)
        (row,) = outbox.claim(tx, "ledger", "test", 60, 1, (OutboxState.PENDING,))
        outbox.hold(tx, row, row.fence, error_class="Rejected", error_text="Bad tax code")
        for n in range(3):
            hold(tx, Held(scope="bill:2026-02", subject=f"t{n}", reason="no_rate", text="Ann"))
    said = figures(desk("metrics").stdout)
    assert said["tieout_up",] == 1
    assert said["tieout_outbox_rows", "ledger", "confirmed"] == confirmed
    assert said["tieout_outbox_rows", "ledger", "held"] == 1
    assert said["tieout_outbox_rows", "ledger", "unknown"] == 0
    assert said["tieout_outbox_oldest_seconds", "ledger", "held"] == 120
    assert said["tieout_held", "ledger", "Rejected"] == 1
    assert said["tieout_held", "bill", "no_rate"] == 3
    assert said["tieout_held_oldest_seconds", "bill", "no_rate"] == 120
    assert said["tieout_stream_lag_seconds", "time", "time_entries"] > 120
    assert said["tieout_quota_left", "calls a day", "crm"] > 0
    assert said["tieout_connection_stopped", "ledger"] == 0


def test_calls_of_every_process_add_up(desk: Desk) -> None:
    before = figures(desk("metrics").stdout)
    desk.all_of("pull time", "pull time")
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = "no-such-token"
    desk("pull time")
    after = figures(desk("metrics").stdout)
    good, bad = (("tieout_calls_total", "time", how, "list users") for how in ("ok", "AuthExpired"))
    assert after[good] - before[good] == 2
    assert after[bad] - before.get(bad, 0) == 1
    assert after["tieout_connection_stopped", "time"] == 1
    ran = ("tieout_runs", "time", "done", "pull")
    assert after[ran] - before[ran] == 2
    assert after["tieout_runs", "time", "failed", "pull"] == 1


def test_no_label_names_a_client_a_person_or_an_invoice(desk: Desk) -> None:
    text = desk("metrics").stdout
    named = {row["client"] for row in desk.json("invoices")}
    named |= {row["number"] for row in desk.json("invoices")}
    named |= {
        row["person"]
        for row in map(json.loads, desk("export --kind time_entry").stdout.splitlines())
    }
    assert len(named) > 5
    assert [name for name in named if name and name in text] == []


def test_a_database_that_does_not_answer_is_a_figure(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine:
        engine.store.close()
        (desk.folder / ".tieout" / "tieout.db").write_text("no database " * 1000)
        assert figures(as_text(engine)) == {("tieout_up",): 0}


def test_figures_are_served(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tieout", "-w", str(desk.folder)]
    with subprocess.Popen(
        [*command, "metrics", "--serve", f"127.0.0.1:{port}"],
        env={**os.environ, **desk.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert f":{port}/metrics" in server.stdout.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                said = figures(answer.read().decode())
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
    assert said["tieout_up",] == 1


@pytest.mark.parametrize("address", ["9464", "localhost", "localhost:99999", ":9464"])
def test_what_is_no_address(desk: Desk, address: str) -> None:
    refused = desk(f"metrics --serve {address}")
    assert (refused.exit_code, "is not an address" in refused.stderr) == (2, True)


# -- logs -----------------------------------------------------------------------------------
def logged(desk: Desk, command: str) -> list[dict[str, Any]]:
    desk.env["TIEOUT_LOG_LEVEL"] = "DEBUG"
    result = desk(f"--log-json {command}")
    assert result.exit_code == 0, result.output
    # What a push expects is said to people in between.
    return [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]


def test_every_line_of_a_run_carries_its_id(desk: Desk) -> None:
    lines = logged(desk, "pull")
    runs = {one["run_id"]: one for one in lines if one["event"] == "run started"}
    assert {(one["run"], one["connection"]) for one in runs.values()} == {
        ("pull", "crm"),
        ("pull", "time"),
    }
    calls = [one for one in lines if one["event"] == "call"]
    assert len(calls) > 8
    for call in calls:
        assert runs[call["run_id"]]["connection"] == call["connection"]
    ended = [one for one in lines if one["event"] == "run ended"]
    assert {one["run_id"]: one["state"] for one in ended} == {run_id: "done" for run_id in runs}
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        assert all(stored.get(tx, run_id) for run_id in runs)


def test_a_call_carries_the_vendors_own_id(desk: Desk) -> None:
    assert desk("bill --month 2026-02").exit_code in (0, 4)
    desk.all_of("approve --all")
    calls = [one for one in logged(desk, "push") if one["event"] == "call"]
    assert {one["connection"] for one in calls} == {"ledger"}
    # Signing in is a service of its own that gives none.
    ids = [one["trace_id"] for one in calls if one["purpose"] != "sign in"]
    assert all(ids)
    assert ids
    assert len(set(ids)) == len(ids)  # QuickBooks' intuit_tid is new for each call
    assert {one["run"] for one in calls if one["purpose"] != "sign in"} == {"push"}


def test_a_line_for_people(desk: Desk) -> None:
    desk.env["TIEOUT_LOG_LEVEL"] = "INFO"
    lines = desk("pull time").stderr.splitlines()
    assert len(lines) == 2
    assert "event='run started'" in lines[0]
    assert "run='pull'" in lines[0]
    assert "connection='time'" in lines[0]


def test_a_format_that_does_not_exist(desk: Desk) -> None:
    desk.env["TIEOUT_LOG_FORMAT"] = "jsno"
    refused = desk("status")
    assert refused.exit_code == 2
    assert "TIEOUT_LOG_FORMAT: 'jsno' is not a format; did you mean 'json'?" in refused.stderr


def test_a_traceback_in_a_log_is_redacted(
    capsys: pytest.CaptureFixture[str],
) -> None:

    set_up_logs("INFO", as_json=True)
    try:
        raise RuntimeError("Authorization: Bearer canary-canary-canary")
    except RuntimeError:
        structlog.get_logger().error("broken", exc_info=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError" in json.loads(line)["exception"]
    assert "canary" not in line
