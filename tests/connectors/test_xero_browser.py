"""Xero: somebody lets Tieout in at Xero's own page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.connectors.xero_desk import HOST, Desk, settings
from tieout.connectors import sign_in
from tieout.connectors.auth import from_stored
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.xero import CONNECTOR
from tieout.errors import AuthExpired, Misconfigured, Rejected

APP = ("client_id", "client_secret")


def nobody(found):
    raise AssertionError("nobody is to be asked: the settings name the organisation")


def walked(desk, started):
    """Where Xero's page leads the browser."""
    session = requests.Session()
    session.mount(HOST, WsgiAdapter(desk.vendor, desk.clock))
    answer = session.get(started.url, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def signs_in(desk, bend=lambda address: address):
    started = sign_in.start(desk.connection)
    answer = sign_in.answered(desk.connection, started, bend(walked(desk, started)))
    return sign_in.complete(desk.connection, desk.transport, answer, nobody)


def test_the_page_is_asked_for_what_tieout_needs_and_no_more():
    desk = Desk(secrets=APP)
    started = sign_in.start(desk.connection)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(started.url).query).items()}
    assert started.url.startswith(f"{HOST}/identity/connect/authorize?")
    assert asked.pop("state") == started.state
    assert asked == {
        "client_id": desk.vendor.sign_in.client_id,
        "response_type": "code",
        "scope": "offline_access accounting.invoices accounting.payments.read accounting.contacts "
        "accounting.settings.read accounting.attachments",
        "redirect_uri": "http://localhost:8400/callback",
        "code_challenge": sign_in.challenge(started.verifier),
        "code_challenge_method": "S256",
    }


def test_the_page_and_the_way_back_are_xeros_unless_the_settings_say_otherwise():
    browser = CONNECTOR.auth.browser
    assert browser.page(settings()) == "https://login.xero.com/identity/connect/authorize"
    assert browser.companies(settings()).path == "https://api.xero.com/connections"
    told = settings(authorize_url="http://page.test", redirect_url="https://firm.test/back")
    assert browser.page(told) == "http://page.test"
    assert browser.redirect(told) == "https://firm.test/back"


@pytest.mark.parametrize("secrets", [APP, ("client_id",)], ids=["web app", "PKCE alone"])
def test_a_browser_brings_a_token_that_is_renewed(secrets):
    desk = Desk(secrets=secrets)
    token = signs_in(desk)
    kept = from_stored(_stored(desk))
    assert (kept.company, kept.refresh) == (desk.vendor.tenant_id, token.refresh)
    assert kept.refresh_expires_at == desk.clock.now() + timedelta(days=60)
    assert {fact.name for fact in desk.pull("organisation")[0]} == {"Northwind Studio"}
    desk.clock.advance(1801)
    desk.pull("items")
    assert _stored(desk)["refresh"] != kept.refresh


def _stored(desk):
    return desk.connection.keeper.load()


def test_before_anybody_signed_in_the_page_is_named_and_nothing_is_called():
    desk = Desk(secrets=APP)
    with pytest.raises(Misconfigured, match="tieout connect ledger opens Xero's page"):
        desk.pull("items")
    assert not desk.vendor.calls


def test_a_consent_for_another_organisation_names_those_it_opens():
    desk = Desk(secrets=APP)
    other = desk.vendor.add_organisation("Second Ltd")
    desk.vendor.disconnect(desk.vendor.tenant_id)
    with pytest.raises(Misconfigured) as caught:
        signs_in(desk)
    text = str(caught.value)
    assert f"the sign-in reaches: Second Ltd ({other})" in text
    assert text.endswith("or correct settings.tenant_id of this connection in tieout.yaml.")
    assert not _stored(desk), "nothing was kept"


def test_a_practice_among_the_connections_is_no_organisation():
    rows = [
        {"tenantId": "p", "tenantType": "PRACTICE", "tenantName": "Advisers"},
        {"tenantId": "o", "tenantType": "ORGANISATION", "tenantName": "Acme (NZ)"},
    ]
    (only,) = CONNECTOR.auth.browser.listed(rows)
    assert (only.company, only.name) == ("o", "Acme (NZ)")


def test_a_person_who_refuses_and_a_code_that_is_too_old():
    desk = Desk(secrets=APP, consents=False)
    with pytest.raises(Rejected, match="access was refused on Xero's page"):
        signs_in(desk)
    late = Desk(secrets=APP)

    def dawdles(address):
        late.clock.advance(301)
        return address

    with pytest.raises(AuthExpired, match="did not accept the code"):
        signs_in(late, dawdles)


def test_a_custom_connection_has_no_page_and_still_needs_its_secret():
    told = {"sign_in": "custom_connection", "tenant_id": ""}
    desk = Desk(secrets=APP, told=told)
    with pytest.raises(Misconfigured, match="Xero is not signed in to with a browser"):
        sign_in.start(desk.connection)
    poor = replace(desk.connection, secrets={"client_id": "x"})
    with pytest.raises(Misconfigured, match="has no client_secret or refresh_token"):
        desk.transport.call(poor, CONNECTOR.identity.request(poor.settings))
