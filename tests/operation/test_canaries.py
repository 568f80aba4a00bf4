"""No secret gets out: not into logs, messages, tracebacks, reports, figures, backups or the
database itself, whatever the vendors answer. Vendors here even repeat what they were sent."""

from __future__ import annotations

import base64
import json
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from typer.testing import Result

from tests.operation.test_notify import SAID, TOKEN, URL, Hook
from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.connectors.inprocess import WsgiAdapter
from tieout.store import secrets

#: Shorter pieces occur by chance.
SHORTEST = 12


# -- what must not be seen ----------------------------------------------------------------
def all_secrets(desk: Desk) -> set[str]:
    """Every credential in the environment, every stored token, the key."""
    known = {value for name, value in desk.environment().items() if name != "TIEOUT_LOG_LEVEL"}
    known |= {URL.rpartition("/")[2], TOKEN, *key_of(desk).split(",")}
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        for connection, name in secrets.places(tx):
            if name == "token":
                stored = json.loads(secrets.get(tx, connection, name) or "{}")
                known |= {stored.get("access", ""), stored.get("refresh", "")}
    basic = [
        f"{desk.environment()['TIEOUT_LEDGER_CLIENT_ID']}"
        f":{desk.environment()['TIEOUT_LEDGER_CLIENT_SECRET']}"
    ]
    lines = {line for value in known for line in value.splitlines() if "-----" not in line}
    return {value for value in lines | set(basic) if len(value) >= SHORTEST}


def key_of(desk: Desk) -> str:
    return (desk.folder / ".tieout" / "tieout.db.key").read_text()


def disguises(secret: str) -> Iterator[bytes]:
    """The secret as it is, in a URL, in JSON, and in base64 wherever it begins in a text."""
    yield secret.encode()
    yield from (quote(secret, safe="").encode(), quote_plus(secret).encode())
    yield json.dumps(secret)[1:-1].encode()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Its neighbours change the first and the last characters.
            yield encode(b"\0" * shift + secret.encode())[4:-4]


def leaks(seen: bytes, known: set[str]) -> list[str]:
    return sorted(
        f"{secret[:6]}..."
        for secret in known
        if any(len(form) >= SHORTEST and form in seen for form in disguises(secret))
    )


def all_of(result: Result) -> bytes:
    """Everything a command let somebody see, its traceback too if it had one."""
    text = result.stdout + result.stderr
    if result.exception is not None:
        text += "".join(traceback.format_exception(result.exception))
    return text.encode()


# -- vendors that misbehave ---------------------------------------------------------------
class Echo:
    """Answers every call with what it was sent, under a status."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.calls = 0

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        self.calls += 1
        length = int(environ.get("CONTENT_LENGTH") or 0)
        sent = " ".join(
            (
                environ.get("HTTP_AUTHORIZATION", ""),
                environ.get("QUERY_STRING", ""),
                environ["wsgi.input"].read(length).decode("utf-8", "replace"),
            )
        )
        if self.how == "cut":
            raise ConnectionError(sent)
        if self.how == "malformed":
            start("200 OK", [("Content-Type", "application/json")])
            return [b'{"said": "' + sent.encode() + b'"']
        start(self.how, [("Content-Type", "application/json"), ("Retry-After", "1")])
        said = {"error": "invalid", "error_description": sent, "message": sent}
        fault = {"Fault": {"Error": [{"Message": sent, "Detail": sent, "code": "5000"}]}}
        return [json.dumps(said | fault).encode()]


COMMANDS = ("pull", "pullback", "push", "connect crm", "connect time", "connect ledger", "doctor")
LISTINGS = (
    "status", "doctor", "held", "invoices", "projects", "connections", "plan", "check",
    "explain INV-2026-0001", "audit verify", "reconcile", "notify --test", "map preview",
)  # fmt: skip


@pytest.fixture
def told(desk: Desk) -> Hook:
    """The firm's people are told by a webhook whose address is a secret."""
    hook = Hook()
    with (desk.folder / "tieout.yaml").open("a", encoding="utf-8") as file:
        file.write(SAID)
    desk.env |= {"ALERTS_URL": URL, "ALERTS_TOKEN": TOKEN, "TIEOUT_LOG_LEVEL": "DEBUG"}
    desk.mounts["https://hooks.alerts.example"] = WsgiAdapter(hook)
    return hook


def test_a_leak_would_be_noticed(desk: Desk, told: Hook) -> None:
    """The search itself: it finds every secret, in each of its disguises."""
    known = all_secrets(desk)
    assert len(known) >= 8
    for secret in known:
        for form in disguises(secret):
            if len(form) >= SHORTEST:
                assert leaks(b"x" + form + b"y", known)
    assert leaks(b"nothing of interest", known) == []
    header = base64.b64encode(b"Bearer, or: " + max(known, key=len).encode())
    assert leaks(header, known)


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_day_that_goes_well(desk: Desk, told: Hook, shape: str, tmp_path: Path) -> None:
    desk.env["TIEOUT_LOG_FORMAT"] = shape
    before, seen = all_secrets(desk), b""
    assert desk("bill --month 2026-02").exit_code in (0, 4)
    desk.clock.advance(2 * 3600)  # tokens expire and are refreshed
    file = tmp_path / "day.zip"
    for command in ("pull --full", "approve --all", "push", "pullback", f"backup {file}"):
        result = desk(command)
        assert result.exit_code == 0, result.output
        seen += all_of(result)
    for command in LISTINGS:
        seen += all_of(desk(command)) + all_of(desk(f"{command} --json"))
    seen += all_of(desk("metrics")) + all_of(desk("export"))
    seen += json.dumps(told.calls).encode()
    known = before | all_secrets(desk)
    assert len(known) > len(before)  # the new tokens are looked for too
    assert seen.count(b"call") > 20  # the logs are in it
    assert leaks(seen, known) == []
    reports = list((desk.folder / "reports").iterdir())
    assert {path.suffix for path in reports} == {".html", ".csv", ".json"}
    assert leaks(b"".join(path.read_bytes() for path in reports), known) == []
    with zipfile.ZipFile(file) as archive:
        assert leaks(b"".join(map(archive.read, archive.namelist())), known) == []
    data = [path for path in (desk.folder / ".tieout").iterdir() if path.suffix != ".key"]
    assert leaks(b"".join(path.read_bytes() for path in data), known) == []


@pytest.mark.parametrize(
    "how", ["401 No", "403 No", "400 Bad", "429 Slow", "500 Oops", "malformed", "cut"]
)
def test_vendors_that_repeat_what_they_were_sent(desk: Desk, told: Hook, how: str) -> None:
    desk.env["TIEOUT_LOG_FORMAT"] = "json" if how < "430" else "text"
    known, seen = all_secrets(desk), b""
    echo = Echo(how)
    for slug in ("salesforce", "harvest", "quickbooks"):
        desk.mounts[f"http://{slug}.local"] = WsgiAdapter(echo)
    desk.clock.advance(2 * 3600)  # so that tokens are asked for anew
    for command in COMMANDS:
        desk.clock.advance(3600)
        result = desk(command)
        assert result.exit_code != 0 or command in ("push", "doctor"), command
        seen += all_of(result)
    for command in ("status", "connections", "held", "notify"):
        seen += all_of(desk(command)) + all_of(desk(f"{command} --json"))
    seen += all_of(desk("metrics")) + json.dumps(told.calls).encode()
    assert echo.calls > 5
    assert leaks(seen, known) == []
    data = [path for path in (desk.folder / ".tieout").iterdir() if path.suffix != ".key"]
    assert leaks(b"".join(path.read_bytes() for path in data), known) == []


@pytest.mark.parametrize(
    "line",
    [
        "url_from: https://hooks.example/T0/canary-in-the-wrong-place",
        "url: https://me:canary-in-the-wrong-place@hooks.example",
        "token_from: canary-in-the-wrong-place",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(desk: Desk, line: str) -> None:
    with (desk.folder / "tieout.yaml").open("a", encoding="utf-8") as file:
        file.write(f"notifications:\n  webhooks:\n    - name: chat\n      {line}\n")
    for command in ("check", "check --json", "status"):
        result = desk(command)
        assert result.exit_code == 2
        assert b"canary" not in all_of(result)


def test_a_wrong_key_is_not_repeated(desk: Desk) -> None:
    desk.env["TIEOUT_KEY"] = "canary-that-is-no-key-at-all"
    result = desk("status")
    assert result.exit_code == 2
    assert b"canary" not in all_of(result)


def test_the_recordings_hold_no_secret_that_works(desk: Desk) -> None:
    """What the repository keeps of talks with vendors: nothing of these worlds' credentials."""
    recorded = b"".join(
        path.read_bytes() for path in (Path(__file__).parents[2] / "cassettes").rglob("*.yaml")
    )
    assert recorded
    assert leaks(recorded, all_secrets(desk)) == []
