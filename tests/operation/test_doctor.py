"""The doctor finds what would stop the work, and says where and what to do."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.connectors.inprocess import WsgiAdapter
from tieout.store import secrets
from tieout.store.cipher import new_key


def findings(desk: Desk, check: str, code: int = 1) -> list[dict[str, Any]]:
    return [one for one in desk.json("doctor", code) if one["check"] == check]


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    (one,) = (row for row in found if row["verdict"] != "fine")
    assert one["what_to_do"]
    return one


def test_a_healthy_firm_has_nothing_to_do(desk: Desk) -> None:
    said = desk.json("doctor", 0)
    assert {one["verdict"] for one in said} == {"fine"}
    assert {one["check"] for one in said} >= {
        "database", "key", "audit log", "disk", "temporary folder", "connection", "clock",
    }  # fmt: skip
    assert {one["where"] for one in said if one["check"] == "connection"} == {
        "crm", "time", "ledger",
    }  # fmt: skip


def test_a_refused_credential(desk: Desk) -> None:
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = "no-such-token"
    one = only(findings(desk, "connection"))
    assert (one["where"], one["verdict"]) == ("time", "problem")
    assert one["text"].startswith("signing in is refused: ")
    assert "no-such-token" not in one["text"]


def test_a_variable_that_is_not_set(desk: Desk) -> None:
    desk.env["TIEOUT_TIME_ACCESS_TOKEN"] = ""
    one = only(findings(desk, "connection"))
    assert "TIEOUT_TIME_ACCESS_TOKEN" in one["text"]


def test_another_company_answers(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        secrets.put(tx, "time", "company", "999")
    one = only(findings(desk, "connection"))
    assert one["text"] == (
        "Fernhill Partners (1000001) answers, and this connection belongs to 999"
    )


@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [
        (timedelta(seconds=2), None),
        (timedelta(seconds=45), "worth a look"),
        (timedelta(minutes=4), "problem"),
        (timedelta(minutes=-4), "problem"),
    ],
)
def test_a_clock_that_differs_from_a_vendors(
    desk: Desk, ahead: timedelta, verdict: str | None
) -> None:
    vendor = desk.world.quickbooks

    def application(environ: dict[str, Any], start: Any) -> Any:
        def dated(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            theirs = format_datetime(desk.clock.now() - ahead, usegmt=True)
            kept = [(name, value) for name, value in headers if name.lower() != "date"]
            return start(status, [*kept, ("Date", theirs)], *rest)

        return vendor(environ, dated)

    desk.mounts["http://quickbooks.local"] = WsgiAdapter(application)
    found = [
        one
        for one in findings(desk, "clock", 1 if verdict == "problem" else 0)
        if one["where"] == "ledger"
    ]
    assert [one["verdict"] for one in found] == [verdict or "fine"]
    if verdict:
        way = "ahead of" if ahead > timedelta() else "behind"
        seconds = int(abs(ahead).total_seconds())  # their header counts whole ones
        words = [f"this machine's clock is {seconds - n} s {way} theirs" for n in (0, 1)]
        assert found[0]["text"] in words


def test_a_lost_key(desk: Desk) -> None:
    key = desk.folder / ".tieout" / "tieout.db.key"
    key.unlink()
    # Without the key not even the proven company is known: opening says so.
    refused = desk("doctor")
    assert refused.exit_code == 1
    assert "cannot be read with this key" in refused.stderr


def test_credentials_that_should_be_encrypted_anew(desk: Desk) -> None:
    key = desk.folder / ".tieout" / "tieout.db.key"
    key.write_text(f"{new_key()},{key.read_text()}")
    found = findings(desk, "key", 0)
    assert {one["verdict"] for one in found} == {"worth a look"}
    assert {one["what_to_do"] for one in found} == {"Run `tieout secrets rotate`."}
    desk.all_of("secrets rotate")
    assert {one["verdict"] for one in findings(desk, "key", 0)} == {"fine"}


def test_a_changed_audit_log(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        tx.execute(sa.text("UPDATE audit SET actor = 'eve' WHERE seq = 3"))
    one = only(findings(desk, "audit log"))
    assert one["text"].startswith("Entry 3 was changed after it was written.")


def test_a_disk_that_is_about_to_be_full(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(desk.folder)._replace(free=50 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    found = findings(desk, "disk")
    assert {one["verdict"] for one in found} == {"problem"}
    assert found[0]["text"] == "50 MB free for the workspace"


def test_a_temporary_folder_that_cannot_be_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(desk.folder / "nowhere"))
    one = only(findings(desk, "temporary folder"))
    assert one["where"].endswith("nowhere")


# -- Redis --------------------------------------------------------------------------------
@pytest.fixture
def answers() -> Iterator[tuple[int, list[bytes]]]:
    """Something on a port of this machine that gives the answers in the list, one a call."""
    server, said = socket.create_server(("127.0.0.1", 0)), []
    server.settimeout(10)

    def serve() -> None:
        while True:
            try:
                wire, _ = server.accept()
            except OSError:
                return
            with wire:
                wire.recv(64)
                wire.sendall(said.pop(0))

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1], said
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)


def test_redis(desk: Desk, answers: tuple[int, list[bytes]]) -> None:
    assert findings(desk, "redis", 0) == []  # nobody said there was one
    port, said = answers
    desk.env["TIEOUT_BROKER"] = f"redis://:geheim-geheim@127.0.0.1:{port}/0"
    said += [b"+PONG\r\n", b"-NOAUTH Authentication required.\r\n", b"SSH-2.0-OpenSSH\r\n"]
    for code, text in ((0, "answers"), (0, "answers"), (1, "something else answers there")):
        (one,) = findings(desk, "redis", code)
        assert (one["where"], one["text"]) == (f"127.0.0.1:{port}", text)
        assert "geheim" not in str(one)


def test_redis_that_is_down(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    desk.env["TIEOUT_BROKER"] = f"redis://127.0.0.1:{port}/0"
    one = only(findings(desk, "redis"))
    assert one["text"].startswith("does not answer (")
    assert "Nothing is lost" in one["what_to_do"]
