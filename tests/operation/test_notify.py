"""People are told once of what waits or stops, many things in one message, and a channel that
fails stops nothing."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.connectors.inprocess import WsgiAdapter
from tieout.store import outbox, runs
from tieout.store.held import Held, resolve
from tieout.store.held import put as hold
from tieout.store.outbox import OutboxState

SAID = """
notifications:
  webhooks:
    - name: alerts
      url_from: ALERTS_URL
      token_from: ALERTS_TOKEN
  unknown_after_minutes: 30
"""
URL = "https://hooks.alerts.example/services/T000/canary-path-of-the-hook"
TOKEN = "canary-token-of-the-hook"


@dataclass
class Hook:
    """The other end of a webhook."""

    status: str = "200 OK"
    calls: list[dict[str, Any]] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.calls.append(json.loads(body))
        self.seen.append(environ)
        start(self.status, [("Content-Type", "text/plain")])
        return [b"ok"]


@pytest.fixture
def hook(desk: Desk) -> Hook:
    made = Hook()
    with (desk.folder / "tieout.yaml").open("a", encoding="utf-8") as file:
        file.write(SAID)
    desk.env |= {"ALERTS_URL": URL, "ALERTS_TOKEN": TOKEN}
    desk.mounts["https://hooks.alerts.example"] = WsgiAdapter(made)
    desk.all_of("notify")  # what waits already is known
    made.calls.clear()
    made.seen.clear()
    return made


def held(desk: Desk, number: int) -> None:
    """So many entries of February wait for a rate."""
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        for n in range(number):
            one = Held(scope="bill:2026-02", subject=f"t{n}", reason="no_rate", text="for Ann")
            hold(tx, one)


def test_a_hundred_held_entries_are_one_message_and_told_once(desk: Desk, hook: Hook) -> None:
    held(desk, 100)
    assert desk.json("notify") == [{"channel": "webhook alerts", "told": 100, "error": ""}]
    (call,) = hook.calls
    assert call["title"] == "Fernhill Partners: 100 held"
    assert call["events"] == [{"event": "held", "count": 100, "lines": ["100 x bill: no rate"]}]
    assert "See each with its reason: tieout held" in call["text"]
    assert "Ann" not in json.dumps(call)  # nobody's name leaves the house
    assert hook.seen[0]["HTTP_AUTHORIZATION"] == f"Bearer {TOKEN}"
    assert desk.json("notify")[0]["told"] == 0
    assert len(hook.calls) == 1


def test_what_comes_back_is_told_again_and_what_is_new_alone(desk: Desk, hook: Hook) -> None:
    held(desk, 2)
    desk.all_of("notify")
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        resolve(tx, "bill:2026-02", "t0")
    desk.all_of("notify")
    held(desk, 3)  # t0 waits again, t2 is new, t1 was told
    assert desk.json("notify")[0]["told"] == 2
    assert [call["title"] for call in hook.calls] == [
        "Fernhill Partners: 2 held",
        "Fernhill Partners: 2 held",
    ]


def test_a_doubt_is_told_of_only_when_it_lasts(desk: Desk, hook: Hook) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        row = next(r for r in outbox.list_rows(tx) if r.writer == "invoice")
        outbox.again(tx, row.id, "v1:" + "0" * 32)
        (row,) = outbox.claim(tx, "ledger", "test", 60, 1, (OutboxState.PENDING,))
        sent = outbox.mark_sent(tx, row, row.fence, body=b"{}", call_key="k")
        soon = tx.now() + timedelta(minutes=1)
        outbox.to_unknown(
            tx, sent, sent.fence, not_before=soon, error_class="Unknown", error_text="cut off"
        )
    desk.all_of("notify")
    assert hook.calls == []
    desk.clock.advance(27 * 60)
    desk.all_of("notify")
    (call,) = hook.calls
    assert call["title"] == "Fernhill Partners: 1 write in doubt"
    (line,) = call["events"][0]["lines"]
    assert line.startswith("invoice INV-2026-000")
    assert line.endswith(" to ledger: cut off")


def test_a_stopped_connection_and_its_failed_runs(desk: Desk, hook: Hook) -> None:
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = "no-such-token"
    for _ in range(3):  # it fails again and again: one occurrence
        desk("pull time")
        desk.all_of("notify")
    (call,) = hook.calls
    assert call["title"] == "Fernhill Partners: 1 connection stopped, 1 run failed"
    assert [one["event"] for one in call["events"]] == ["stopped", "failed"]
    assert call["events"][1]["lines"][0].startswith("pull of time failed: users: ")
    assert "no-such-token" not in json.dumps(call)


def test_events_that_nobody_asked_for_are_not_told(desk: Desk, hook: Hook) -> None:
    with (desk.folder / "tieout.yaml").open("a", encoding="utf-8") as file:
        file.write("  events: [held]\n")
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        run_id = runs.start(tx, "pull", "crm")
        runs.end(tx, run_id, runs.RunState.FAILED, error_text="down")
    desk.all_of("notify")
    assert hook.calls == []


def test_a_hook_that_fails_stops_nothing_and_is_told_of(desk: Desk, hook: Hook) -> None:
    held(desk, 1)
    hook.status = "500 Oops"
    (failed,) = desk.json("notify", 1)
    assert failed["told"] == 0
    assert failed["error"]
    desk.json("notify", 1)  # left alone for some minutes
    assert len(hook.calls) == 1
    assert desk("push").exit_code == 0
    (said,) = desk.json("status")["untold"]
    assert said.startswith("webhook alerts does not work")
    assert URL not in said
    hook.status = "200 OK"
    desk.clock.advance(600)
    assert desk.json("notify")[0]["told"] == 1  # nothing was lost meanwhile
    assert desk.json("status")["untold"] == []


def test_a_hook_without_its_variable_names_it(desk: Desk, hook: Hook) -> None:
    del desk.env["ALERTS_URL"]
    (failed,) = desk.json("notify --test", 1)
    assert failed["error"] == "the environment variable ALERTS_URL is not set"


def test_a_test_message(desk: Desk, hook: Hook) -> None:
    assert desk.json("notify --test") == [{"channel": "webhook alerts", "told": 0, "error": ""}]
    (call,) = hook.calls
    assert (call["title"], call["test"]) == ("Fernhill Partners: test", True)


def test_the_hooks_address_is_in_no_log(
    desk: Desk, hook: Hook, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.env |= {"TIEOUT_LOG_LEVEL": "DEBUG"}
    held(desk, 1)
    for hook.status in ("200 OK", "403 Forbidden", "429 Slow down"):
        said = desk("notify --test")
        assert "purpose='notify'" in said.stderr
        assert "canary" not in said.stderr + said.stdout


def test_nobody_to_tell(desk: Desk) -> None:
    refused = desk("notify")
    assert refused.exit_code == 2
    assert "add `notifications` to tieout.yaml" in refused.stderr


# -- e-mail -------------------------------------------------------------------------------
class _Letters(socketserver.StreamRequestHandler):
    """As much of a mail server as a letter needs (RFC 5321)."""

    def handle(self) -> None:
        self.wfile.write(b"220 mail.example\r\n")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                self.wfile.write(b"250 mail.example\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                letter = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    letter += part
                self.server.letters.append(letter.decode())  # type: ignore[attr-defined]
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def letters(desk: Desk) -> Iterator[list[str]]:
    """What the mail server of this machine was given."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Letters) as server:
        server.daemon_threads = True
        server.letters = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        with (desk.folder / "tieout.yaml").open("a", encoding="utf-8") as file:
            file.write(
                "notifications:\n  email:\n    host: 127.0.0.1\n"
                f"    port: {server.server_address[1]}\n    security: none\n"
                "    sender: tieout@fernhill.example\n    to: [books@fernhill.example]\n"
            )
        yield server.letters  # type: ignore[attr-defined]
        server.shutdown()
        thread.join(10)


def test_a_letter(desk: Desk, letters: list[str]) -> None:
    held(desk, 5)
    assert desk.json("notify") == [{"channel": "e-mail", "told": 6, "error": ""}]
    (letter,) = letters
    assert "Subject: Fernhill Partners: 6 held" in letter
    assert "To: books@fernhill.example" in letter
    assert "- 5 x bill: no rate" in letter


def test_a_mail_server_that_is_down(desk: Desk, letters: list[str]) -> None:
    file = desk.folder / "tieout.yaml"
    port = next(x for x in file.read_text().splitlines() if "port:" in x)
    file.write_text(file.read_text().replace(port, "    port: 1"))
    held(desk, 1)
    (failed,) = desk.json("notify", 1)
    assert failed["error"].startswith("the mail server 127.0.0.1 did not take it: ")
