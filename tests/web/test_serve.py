"""`tieout serve` in a process of its own, fed by the ledger's own notifications on loopback."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.scenarios.books import issued, statuses
from tests.scenarios.desk import Desk
from tests.scenarios.firm import hosts
from tests.web.office import Listening
from tieout.cli import loop
from tieout.sandbox.firm_workspace import secrets_for
from tieout.sync.schedule import REST_S

ROOT = Path(__file__).parents[2]
TOKEN = "TIEOUT_LEDGER_VERIFIER_TOKEN"


@contextmanager
def serving(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen]]:
    """A process that listens, and its address; it is ended as its system would end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tieout", "-w", str(folder), "serve", "--port", "0"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TIEOUT_LOG_LEVEL": "DEBUG", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"listening at (http://127\.0\.0\.1:\d+)", line):
                yield found[1], process
                return
        raise AssertionError(f"it never listened: {process.communicate()}")
    finally:
        process.kill()
        process.communicate()


def token_of(office: Listening) -> dict[str, str]:
    """The one secret that whoever listens needs."""
    return {TOKEN: secrets_for(hosts(office.firm.world))[TOKEN]}


def test_a_payment_in_the_ledger_is_told_over_http_and_seen(billed: Listening) -> None:
    firm, ledger = billed.firm, billed.firm.world.quickbooks
    loop._look(firm.engine)
    firm.clock.advance(REST_S)
    number = issued(firm)[0].number
    with serving(firm.folder, token_of(billed)) as (address, process):
        ledger.hooks.subscribe(f"{address}/webhooks/ledger")
        (invoice_id,) = ledger.books.numbered("Invoice", number)
        ledger.books.pay(invoice_id)
        assert ledger.deliver() == 1
        assert [one.status for one in ledger.hooks.log] == [200]
        assert billed.states() == ["waiting"], "stored before it was answered"
        process.send_signal(signal.SIGTERM)
        told, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "Stopped." in said
    assert "https://YOUR-HOST/webhooks/ledger" in told
    assert "developer.intuit.com" in told
    assert ledger.verifier_token not in told + said
    loop._look(firm.engine)
    assert statuses(firm)[number] == "paid"


def test_killed_after_it_stored_the_vendor_sends_again_and_nothing_is_doubled(
    office: Listening,
) -> None:
    ledger = office.firm.world.quickbooks
    with serving(office.firm.folder, token_of(office)) as (address, process):
        ledger.hooks.subscribe(f"{address}/webhooks/ledger")
        ledger.books.add_customer("Acme")

        def killed_before_the_answer(url: str, body: bytes, headers: dict[str, str]) -> int:
            sent = _post_without_waiting(url, body, headers)
            while not office.messages():  # it is stored; the answer is not read
                pass
            process.kill()
            sent.close()
            return 0

        assert ledger.deliver(killed_before_the_answer) == 0
    with serving(office.firm.folder, token_of(office)) as (address, _):
        ledger.hooks.url = f"{address}/webhooks/ledger"
        office.firm.clock.advance(10)
        assert ledger.deliver() == 1
    assert [(state.value, copies) for state, copies, _ in office.messages()] == [("waiting", 2)]


def _post_without_waiting(url: str, body: bytes, headers: dict[str, str]) -> socket.socket:
    host, port = url.removeprefix("http://").partition("/")[0].split(":")
    said = {**headers, "Host": host, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    sent = socket.create_connection((host, int(port)), timeout=10)
    sent.sendall(f"POST /webhooks/ledger HTTP/1.1\r\n{head}\r\n".encode() + body)
    return sent


def test_no_secret_and_no_body_in_its_logs(office: Listening) -> None:
    ledger = office.firm.world.quickbooks
    with serving(office.firm.folder, token_of(office)) as (address, process):
        ledger.hooks.subscribe(f"{address}/webhooks/ledger")
        ledger.books.add_customer("Acme")
        assert ledger.deliver() == 1
        body, headers = ledger.hooks.log[0].body, ledger.hooks.log[0].headers
        for odd in (b"GET / SMTP\r\n\r\n", b"\x16\x03\x01\x02\x00", b"POST / HTTP/1.1\r\n\r\n"):
            host, port = address.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=10) as rude:
                rude.sendall(odd)
                rude.recv(100)
        forged = {**headers, "intuit-signature": headers["intuit-signature"].swapcase()}
        with _post_without_waiting(f"{address}/", body, forged) as refused:
            assert b" 401 " in refused.recv(1000).partition(b"\r\n")[0]
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "ledger: 1 message refused." in said
    assert "message received" in said
    for secret in (ledger.verifier_token, headers["intuit-signature"], "intuitentityid"):
        assert secret not in told + said


# -- what it says before it serves --------------------------------------------------------
@pytest.fixture
def desk(office: Listening) -> Desk:
    firm = office.firm
    return Desk(firm.folder, firm.world, firm.clock)


def test_without_a_token_it_refuses_and_says_what_to_set(desk: Desk) -> None:
    desk.env[TOKEN] = ""
    result = desk("serve --port 0")
    assert result.exit_code == 2
    assert "ledger (QuickBooks Online): set TIEOUT_LEDGER_VERIFIER_TOKEN." in result.output
    assert "developer.intuit.com: the app, Webhooks" in result.output


def test_without_the_name_of_a_token_it_says_where_to_write_it(desk: Desk) -> None:
    file = desk.folder / "tieout.yaml"
    lines = [line for line in file.read_text().splitlines() if "verifier_token" not in line]
    file.write_text("\n".join(lines))
    result = desk("serve --port 0")
    assert result.exit_code == 2
    assert "name a variable for verifier_token under `secrets` of ledger." in result.output


def test_a_port_that_is_taken_is_said_to_be(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = desk(f"serve --port {taken.getsockname()[1]}")
    assert result.exit_code == 2
    assert "cannot be listened on" in result.output


def test_everything_else_works_without_the_token(desk: Desk) -> None:
    desk.env[TOKEN] = ""
    desk.all_of("connect crm", "connect time", "connect ledger", "pullback", "status")


def test_without_the_packages_it_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tieout.web.serving", raising=False)
    monkeypatch.delattr("tieout.web.serving", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = desk("serve --port 0")
    assert result.exit_code == 2
    assert "Serving needs the package uvicorn: install Tieout as tieout[web]." in result.output
