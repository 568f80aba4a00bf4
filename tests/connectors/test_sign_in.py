"""Signing in at a page by values alone: a vendor with PKCE and several companies on one token.

The vendor is the stand-in of Xero's sign-in; the connector is nobody's, made here.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.connectors.hostile import NOON, HostileSettings
from tieout.cli.connect import _chooser, _Way
from tieout.clock import VirtualClock
from tieout.connectors import sign_in
from tieout.connectors.auth import from_stored, token_for
from tieout.connectors.base import (
    Auth,
    Browser,
    Code,
    Company,
    Connector,
    Family,
    Request,
    Response,
    Token,
    VendorError,
)
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.transport import Transport
from tieout.errors import AuthExpired, BadInput, Misconfigured, RemoteError
from tieout.sandbox.xero import Xero

HOST = "http://xero.local"
SCOPES = ("offline_access", "accounting.invoices", "accounting.settings.read")


# -- a connector of values -------------------------------------------------------------------
def _ask(secrets: Mapping[str, str], **form: str) -> Request:
    pair = base64.b64encode(f"{secrets['client_id']}:{secrets['client_secret']}".encode())
    return Request(
        method="POST",
        path=f"{HOST}/connect/token",
        headers=(("Authorization", f"Basic {pair.decode()}"),),
        body=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="sign in",
    )


def _grant(settings: Any, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    return _ask(secrets, grant_type="refresh_token", refresh_token=refresh)


def _exchange(settings: Any, secrets: Mapping[str, str], code: Code) -> Request:
    known = {"code": code.code, "redirect_uri": code.redirect, "code_verifier": code.verifier}
    return _ask(secrets, grant_type="authorization_code", **known)


def _token(answer: Any, now: datetime) -> Token:
    return Token(
        access=answer["access_token"],
        refresh=answer["refresh_token"],
        expires_at=now + timedelta(seconds=int(answer["expires_in"])),
    )


def _headers(settings: Any, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    assert token is not None
    return {"Authorization": f"Bearer {token.access}", "xero-tenant-id": token.company}


def _errors(answer: Response) -> list[VendorError]:
    said = answer.json()
    return [VendorError(text=str(said["error"]))] if "error" in said else []


def _listed(answer: Any) -> tuple[Company, ...]:
    return tuple(Company(company=one["tenantId"], name=one["tenantName"]) for one in answer)


CONNECTOR = Connector(
    slug="several",
    title="Several",
    family=Family.LEDGER,
    settings=HostileSettings,
    base_url=lambda settings: HOST,
    company=lambda settings: settings.company,
    errors=_errors,
    auth=Auth(
        headers=_headers,
        grant=_grant,
        read=_token,
        secrets=("client_id", "client_secret"),
        browser=Browser(
            page=lambda settings: f"{HOST}/identity/connect/authorize",
            scopes=lambda settings: SCOPES,
            exchange=_exchange,
            pkce=True,
            companies=lambda settings: Request(
                method="GET", path="/connections", purpose="list companies"
            ),
            listed=_listed,
            setting="tenant_id",
        ),
    ),
)
LISTS = "/api.xro/2.0/Organisation"


class Bench:
    """The stand-in with two organisations, and a connection that belongs to neither yet."""

    def __init__(self, company: str = "", **settings: Any) -> None:
        self.clock = VirtualClock(NOON)
        self.vendor = Xero(self.clock, **settings)
        self.other = self.vendor.add_organisation("Second Ltd")
        self.keeper = MemoryKeeper()
        adapter = WsgiAdapter(self.vendor, self.clock)
        self.transport = Transport(self.clock, mounts={HOST: adapter})
        self.session = requests.Session()
        self.session.mount(HOST, adapter)
        self.connection = Connection(
            name="books",
            connector=CONNECTOR,
            settings=HostileSettings(company=company),
            secrets={
                "client_id": self.vendor.sign_in.client_id,
                "client_secret": self.vendor.sign_in.client_secret,
            },
            keeper=self.keeper,
            governor=MemoryGovernor(),
        )

    def walked(self, started: sign_in.Started) -> str:
        """Where the vendor's page leads the browser."""
        answer = self.session.get(started.url, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def signs_in(self, choose: sign_in.Choose) -> Token:
        started = sign_in.start(self.connection)
        answer = sign_in.answered(self.connection, started, self.walked(started))
        return sign_in.complete(self.connection, self.transport, answer, choose)


def nobody(found: tuple[Company, ...]) -> str:
    raise AssertionError("nobody is to be asked")


# -- the page's address --------------------------------------------------------------------------
def test_the_page_is_asked_with_all_that_the_vendor_needs() -> None:
    bench = Bench()
    started = sign_in.start(bench.connection)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(started.url).query).items()}
    assert asked == {
        "client_id": bench.vendor.sign_in.client_id,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "redirect_uri": "http://localhost:8400/callback",
        "state": started.state,
        "code_challenge": sign_in.challenge(started.verifier),
        "code_challenge_method": "S256",
    }
    assert len(started.state) == 64
    assert sign_in.start(bench.connection).state != started.state
    for secret in (started.state, started.verifier):
        assert secret not in repr(started)


def test_the_challenge_is_the_one_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert sign_in.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


# -- several companies on one token ----------------------------------------------------------------
def test_a_person_is_asked_which_company() -> None:
    bench = Bench()
    asked: list[Company] = []

    def second(found: tuple[Company, ...]) -> str:
        asked.extend(found)
        return next(one.company for one in found if one.name == "Second Ltd")

    token = bench.signs_in(second)
    assert {one.company for one in asked} == {bench.vendor.tenant_id, bench.other}
    assert token.company == from_stored(bench.keeper.load()).company == bench.other
    call = Request(method="GET", path=LISTS, purpose="read")
    told = bench.transport.call(bench.connection, call).json()
    assert told["Organisations"][0]["OrganisationID"] == bench.other


def test_the_setting_chooses_the_company() -> None:
    bench = Bench()
    settings = HostileSettings(company=bench.other)
    bench.connection = replace(bench.connection, settings=settings)
    assert bench.signs_in(nobody).company == bench.other


def test_one_company_is_chosen_without_asking() -> None:
    bench = Bench()
    bench.vendor.disconnect(bench.other)
    assert bench.signs_in(nobody).company == bench.vendor.tenant_id


def test_the_sign_in_does_not_reach_the_company_of_before() -> None:
    bench = Bench()
    old = {"access": "old", "refresh": "old-refresh", "origin": "browser"}
    bench.keeper.save(old)
    bench.connection = replace(bench.connection, company="T-1")
    with pytest.raises(Misconfigured) as caught:
        bench.signs_in(nobody)
    text = str(caught.value)
    assert text.startswith("wrong company: books belongs to T-1, and the sign-in reaches: ")
    assert f"Second Ltd ({bench.other})" in text
    assert text.endswith(
        "Nothing was changed. Sign in there, or correct settings.tenant_id of this connection in "
        "tieout.yaml."
    )
    assert bench.keeper.load() == old  # what was there works on


def test_somebody_who_leaves_instead_of_choosing_changes_nothing() -> None:
    bench = Bench()

    def leaves(found: tuple[Company, ...]) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.signs_in(leaves)
    assert bench.keeper.load() == {}


# -- order, and what goes wrong --------------------------------------------------------------------
def test_the_token_is_stored_before_it_is_used() -> None:
    class Crashes(MemoryKeeper):
        def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
            raise RuntimeError("power cut")

    bench = Bench()
    bench.connection = replace(bench.connection, keeper=Crashes())
    with pytest.raises(RuntimeError, match="power cut"):
        bench.signs_in(nobody)
    assert not [call for call in bench.vendor.calls if call.path == "/connections"]


def test_a_code_that_is_too_old() -> None:
    bench = Bench()
    started = sign_in.start(bench.connection)
    answer = sign_in.answered(bench.connection, started, bench.walked(started))
    bench.clock.advance(301)
    with pytest.raises(AuthExpired) as caught:
        sign_in.complete(bench.connection, bench.transport, answer, nobody)
    assert str(caught.value) == (
        "books: Several did not accept the code (invalid_grant): it lives for minutes and is taken "
        "once. Nothing was stored. Start again: tieout connect books"
    )
    assert bench.keeper.load() == {}


def test_a_verifier_of_another_sign_in_is_refused_by_the_vendor() -> None:
    bench = Bench()
    started = sign_in.start(bench.connection)
    back = bench.walked(started)
    bent = replace(started, verifier="0" * 64)
    answer = sign_in.answered(bench.connection, bent, back)
    with pytest.raises(AuthExpired, match="did not accept the code"):
        sign_in.complete(bench.connection, bench.transport, answer, nobody)


@pytest.mark.parametrize("state", ["", "state=", "state=abc", "state=%C3%A9"])
def test_the_way_back_must_carry_our_state(state: str) -> None:
    bench = Bench()
    started = sign_in.start(bench.connection)
    address = f"{started.redirect}?code=c&{state}"
    with pytest.raises(BadInput, match="answers another sign-in than the one begun here"):
        sign_in.answered(bench.connection, started, address)


def test_the_vendors_words_about_a_refusal_hide_what_is_secret() -> None:
    bench = Bench()
    started = sign_in.start(bench.connection)
    secret = bench.connection.secrets["client_secret"]
    said = {
        "error": "server_error",
        "error_description": f"broken {secret}",
        "state": started.state,
    }
    with pytest.raises(RemoteError) as caught:
        sign_in.answered(bench.connection, started, f"{started.redirect}?{urlencode(said)}")
    assert "Several said: broken" in str(caught.value)
    assert secret not in str(caught.value)


def test_without_a_sign_in_the_page_is_named_before_any_call() -> None:
    bench = Bench()
    with pytest.raises(Misconfigured, match="books is not signed in: tieout connect books opens"):
        token_for(bench.connection, bench.transport)
    assert not bench.vendor.calls


def test_settings_that_sign_in_without_a_person_have_no_page() -> None:
    bench = Bench()
    browser = CONNECTOR.auth.browser
    assert browser is not None
    custom = replace(CONNECTOR.auth, browser=replace(browser, applies=lambda settings: False))
    connector = replace(CONNECTOR, auth=custom)
    with pytest.raises(Misconfigured, match="Several is not signed in to with a browser"):
        sign_in.start(replace(bench.connection, connector=connector))


# -- the command's part: which company ---------------------------------------------------------
TWO = (Company(company="T-1", name="Acme NZ"), Company(company="T-2", name="Acme AU"))


def chooser(company: str, *, paste: bool = True) -> sign_in.Choose:
    return _chooser(_Way(paste=paste, redirect="", company=company, again=True))


def test_the_option_names_the_company() -> None:
    assert chooser("T-2")(TWO) == "T-2"
    with pytest.raises(BadInput) as caught:
        chooser("T-3")(TWO)
    assert str(caught.value) == (
        "--company T-3: the sign-in reaches: Acme NZ (T-1), Acme AU (T-2)."
    )


def test_somebody_at_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, chosen in ((1, "T-1"), (2, "T-2")):
        monkeypatch.setattr("tieout.cli.connect.typer.prompt", lambda *a, t=typed, **k: t)
        assert chooser("")(TWO) == chosen
    monkeypatch.setattr("tieout.cli.connect.typer.prompt", lambda *a, **k: 3)
    with pytest.raises(BadInput, match="3 is not on the list"):
        chooser("")(TWO)


def test_a_script_is_told_to_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(BadInput, match="say which with --company ID"):
        chooser("", paste=False)(TWO)
