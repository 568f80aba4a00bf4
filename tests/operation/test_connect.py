"""Somebody signs in to QuickBooks at its own page, in a browser or by pasting the address."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from typer.testing import CliRunner, Result

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.bootstrap import COMPANY, StoredTokens
from tieout.cli import app
from tieout.cli.connect import _opened
from tieout.cli.session import Session
from tieout.sandbox.serving import Served
from tieout.store import audit, secrets

GIVEN = "      refresh_token: TIEOUT_LEDGER_REFRESH_TOKEN\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@dataclass
class Browser:
    """Goes where a page leads, as a browser does; `bends` changes the address on the way."""

    bends: Callable[[str], str] = lambda address: address
    seen: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)  # what it showed at the end
    running: list[threading.Thread] = field(default_factory=list)

    def leads(self, url: str) -> str:
        """The address the vendor's page leads to."""
        self.seen.append(url)
        with requests.get(url, allow_redirects=False, timeout=10) as answer:
            assert answer.status_code == 302, answer.text
            return self.bends(answer.headers["Location"])

    def __call__(self, url: str) -> bool:
        back = self.leads(url)

        def go() -> None:
            root = back.split("/callback")[0]
            with requests.get(f"{root}/favicon.ico", timeout=10) as answer:
                assert answer.status_code == 404  # a browser asks for more than it was told
            with requests.get(back, timeout=10) as answer:
                self.pages.append(answer.text)

        thread = threading.Thread(target=go)
        thread.start()
        self.running.append(thread)
        return True


@dataclass
class Office:
    """The desk of a firm whose ledger is served, and nobody has its refresh token."""

    desk: Desk
    browser: Browser = field(default_factory=Browser)
    port: int = field(default_factory=free_port)

    @property
    def back(self) -> str:
        return f"http://127.0.0.1:{self.port}/callback"

    def types(self, command: str, pasted: str = "") -> Result:
        self.desk.clock.advance(120)
        session = Session(
            workspace=self.desk.folder,
            actor="nora",
            clock=self.desk.clock,
            mounts=self.desk.adapters(),
            browse=self.browser,
        )
        env = self.desk.environment()
        result = CliRunner().invoke(app, command.split(), obj=session, env=env, input=pasted)
        for thread in self.browser.running:
            thread.join(10)
        return result

    def connects(self, code: int, more: str = "") -> str:
        """Connect in the browser; what it said of it."""
        result = self.types(f"connect ledger --redirect {self.back} {more}")
        assert result.exit_code == code, result.output
        lines = result.output.splitlines()
        return next(line for line in lines if line.startswith(("ledger is", "Error: ")))

    def stored(self) -> dict[str, str]:
        """The token that is kept, decrypted."""
        with firms.opened(self.desk.folder, self.desk.world) as engine:
            return dict(StoredTokens(engine.store, "ledger").load() or {})


@pytest.fixture
def office(desk: Desk) -> Iterator[Office]:
    """Nothing is stored of the ledger's sign-in, and the environment has no refresh token."""
    with Served(desk.world.quickbooks) as served:
        file = desk.folder / "tieout.yaml"
        text = file.read_text("utf-8").replace("http://quickbooks.local", served.base_url)
        file.write_text(text.replace(GIVEN, ""), encoding="utf-8")
        with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
            secrets.forget(tx, "ledger", "token")
        yield Office(desk)
    desk.world.quickbooks.settings.consents = True


# -- the way through ------------------------------------------------------------------------
def test_a_browser_brings_the_token_and_the_books_answer(office: Office) -> None:
    said = office.connects(0)
    realm = office.desk.world.quickbooks.credentials["realm_id"]
    assert said == f"ledger is connected to Fernhill Partners ({realm})."
    assert office.browser.pages[0].endswith("Close this page and go back to the terminal.")
    asked = parse_qs(urlsplit(office.browser.seen[0]).query)
    assert asked["scope"] == ["com.intuit.quickbooks.accounting"]
    assert asked["redirect_uri"] == [office.back]
    stored = office.stored()
    assert (stored["company"], stored["origin"]) == (realm, "browser")
    assert stored["refresh"].startswith("RT1-")
    # The next command needs no refresh token from anybody.
    assert office.types("pullback").exit_code == 0


def test_it_is_written_down_who_signed_in_and_until_when(office: Office) -> None:
    office.connects(0)
    with firms.opened(office.desk.folder, office.desk.world) as engine:
        with engine.store.read() as tx:
            (entry,) = audit.entries(tx, action="connection.signed_in")
        assert (entry.actor, entry.subject) == ("nora", "ledger")
        assert entry.detail["ends"].startswith("2026-06-")  # 101 days from March


def test_the_token_is_encrypted_and_never_shown(office: Office) -> None:
    result = office.types(f"connect ledger --redirect {office.back} --json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["name"] == "Fernhill Partners"
    assert "our own invoice numbers" in [one["what"] for one in said["measured"]]
    token = office.stored()
    database = (office.desk.folder / ".tieout" / "tieout.db").read_bytes()
    for secret in (token["refresh"], token["access"]):
        assert secret not in result.output
        assert secret.encode() not in database


def test_once_signed_in_connect_asks_nobody(office: Office) -> None:
    office.connects(0)
    before = office.stored()
    assert office.types("connect ledger").exit_code == 0
    assert len(office.browser.seen) == 1
    assert office.stored() == before


def test_signing_in_anew_replaces_the_token(office: Office) -> None:
    office.connects(0)
    before = office.stored()
    office.connects(0, "--sign-in")
    assert office.stored()["refresh"] != before["refresh"]


def test_a_revoked_sign_in_is_walked_again(office: Office) -> None:
    office.connects(0)
    office.desk.world.quickbooks.sign_in.revoke_all()
    result = office.types(f"connect ledger --redirect {office.back}")
    assert result.exit_code == 0
    assert "Sign in again: tieout connect ledger" in result.stderr
    assert len(office.browser.seen) == 2


def test_an_address_is_pasted_where_no_browser_is(office: Office) -> None:
    session = Session(workspace=office.desk.folder, clock=office.desk.clock)
    asked: list[str] = []

    class Keyboard:
        """Somebody who reads the address from the screen, walks it elsewhere and pastes."""

        def prompt(self, text: str, **_: object) -> str:
            asked.append(text)
            return office.browser.leads(self.shown)

        shown = ""

    keyboard = Keyboard()

    def say(text: str, *, err: bool = False) -> None:
        for line in text.splitlines():
            if line.startswith("http://") and "state=" in line:
                keyboard.shown = line

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tieout.cli.connect.typer.prompt", keyboard.prompt)
        patch.setattr("tieout.cli.connect.show.say", say)
        session.mounts = office.desk.adapters()
        command = ["connect", "ledger", "--paste", "--redirect", "https://firm.example/back"]
        env = office.desk.environment()
        result = CliRunner().invoke(app, command, obj=session, env=env)
    assert result.exit_code == 0, result.output
    assert asked == ["Address"]
    assert office.stored()["refresh"].startswith("RT1-")


def test_a_token_given_by_hand_still_works_and_wins(office: Office) -> None:
    """As before there was a page: the refresh token is in the environment."""
    office.connects(0)
    file = office.desk.folder / "tieout.yaml"
    secret = "      client_secret: TIEOUT_LEDGER_CLIENT_SECRET\n"
    file.write_text(file.read_text("utf-8").replace(secret, secret + GIVEN), encoding="utf-8")
    given = office.desk.env["TIEOUT_LEDGER_REFRESH_TOKEN"]
    assert office.types("connect ledger").exit_code == 0
    assert office.stored()["refresh"] == given
    # Taken out again, what is stored is enough; and it is not forgotten whose it was.
    office.desk.env["TIEOUT_LEDGER_REFRESH_TOKEN"] = ""
    office.desk.clock.advance(7200)
    assert office.types("pullback").exit_code == 0
    assert office.stored()["origin"] not in ("", "browser")


# -- what goes wrong ----------------------------------------------------------------------------
def test_nothing_is_signed_in_yet(office: Office) -> None:
    result = office.types("pullback --json")
    assert "ledger is not signed in: tieout connect ledger opens QuickBooks Online's page" in (
        result.output
    )


def test_another_sign_in_answers(office: Office) -> None:
    def bent(address: str) -> str:
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return f"{office.back}?{urlencode(query | {'state': '0' * 64})}"

    office.browser.bends = bent
    assert office.connects(2) == (
        "Error: ledger: this answers another sign-in than the one begun here (its state is not "
        "ours). Nothing was stored. Start again: tieout connect ledger"
    )
    assert office.stored() == {}


def test_the_person_refuses(office: Office) -> None:
    office.desk.world.quickbooks.settings.consents = False
    assert office.connects(3) == (
        "Error: ledger: access was refused on QuickBooks Online's page. Nothing was stored. "
        "Start again: tieout connect ledger"
    )


def test_the_vendor_refuses_the_page(office: Office) -> None:
    def bent(address: str) -> str:
        state = parse_qs(urlsplit(address).query)["state"][0]
        return f"{office.back}?{urlencode({'error': 'invalid_scope', 'state': state})}"

    office.browser.bends = bent
    assert office.connects(3) == (
        "Error: ledger: QuickBooks Online said: invalid_scope. Nothing was stored. Start again: "
        "tieout connect ledger"
    )


def test_a_code_that_was_used_before(office: Office) -> None:
    office.connects(0)
    kept = office.stored()
    vendor = office.desk.world.quickbooks

    def used(address: str) -> str:
        code = parse_qs(urlsplit(address).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": office.back}
        pair = (vendor.sign_in.client_id, vendor.sign_in.client_secret)
        root = office.browser.seen[-1].split("/connect/")[0]
        url = f"{root}/oauth2/v1/tokens/bearer"
        with requests.post(url, data=form, auth=pair, timeout=10) as answer:
            assert answer.status_code == 200
        return address

    office.browser.bends = used
    assert office.connects(3, "--sign-in").startswith(
        "Error: ledger: QuickBooks Online did not accept the code (Incorrect or invalid "
        "authorization code): it lives for minutes and is taken once. Nothing was stored."
    )
    assert office.stored() == kept  # what was there works on


def test_another_company_than_the_settings_say(office: Office) -> None:
    def bent(address: str) -> str:
        return address.replace("realmId=", "realmId=77")

    office.browser.bends = bent
    realm = office.desk.world.quickbooks.credentials["realm_id"]
    assert office.connects(2) == (
        f"Error: wrong company: ledger belongs to {realm}, and the sign-in was for 77{realm}. "
        "Nothing was changed. Sign in there, or correct settings.realm_id of this connection in "
        "tieout.yaml."
    )
    assert office.stored() == {}


def test_another_company_than_before(office: Office) -> None:
    opened = firms.opened(office.desk.folder, office.desk.world)
    with opened as engine, engine.store.begin() as tx:
        secrets.put(tx, "ledger", COMPANY, "123")
    realm = office.desk.world.quickbooks.credentials["realm_id"]
    assert office.connects(2).startswith(
        f"Error: wrong company: ledger belongs to 123, and the sign-in was for {realm}."
    )
    assert office.stored() == {}


def test_a_port_that_somebody_uses(office: Office) -> None:
    with socket.create_server(("127.0.0.1", office.port)):
        said = office.connects(2)
    assert said == (
        f"Error: port {office.port} of this machine is in use, so the browser could not come "
        "back. End what uses it, or register another address at the vendor and give it with "
        "--redirect, or use --paste."
    )
    assert office.browser.seen == []  # nobody was sent to the page in vain


def test_nobody_comes_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tieout.cli.callback.wait_for.__defaults__", (1,))
    monkeypatch.setattr(Browser, "__call__", lambda browser, url: _opened(url))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    result = office.types(f"connect ledger --redirect {office.back}")
    assert result.exit_code == 2
    assert "No browser could be opened" in result.stderr
    assert "nobody came back from the vendor's page in 1 seconds" in result.stderr


def test_what_was_pasted_is_no_address(office: Office) -> None:
    result = office.types("connect ledger --paste", pasted="RT1-something\n")
    assert result.exit_code == 2
    assert "this is not the address that the browser was sent to" in result.stderr


def test_a_system_without_a_page(office: Office) -> None:
    result = office.types("connect time --sign-in")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: time: Harvest is not signed in to with a browser.")


def test_production_keys_cannot_come_back_to_this_machine(office: Office) -> None:
    """With an https address the browser's answer is pasted, without being asked to."""
    file = office.desk.folder / "tieout.yaml"
    text = file.read_text("utf-8")
    realm = 'realm_id: "'
    address = "https://firm.example/back"
    file.write_text(text.replace(realm, f"redirect_url: {address}, {realm}"), encoding="utf-8")
    result = office.types("connect ledger", pasted="\n")
    assert f"You are led to {address}." in result.stderr
