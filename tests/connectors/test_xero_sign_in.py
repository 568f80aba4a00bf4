"""Xero: the ways in, and how much may be asked of it."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from tests.connectors.xero_desk import HOST, NOW, Desk, settings
from tieout.connectors.base import Request, Response
from tieout.connectors.limits import limits_of, quotas_of
from tieout.connectors.pace import Ask, MemoryGovernor
from tieout.connectors.xero import CONNECTOR, SCOPES
from tieout.errors import AuthExpired, Misconfigured

READ = Request(method="GET", path="/Invoices")


# -- sign-in ----------------------------------------------------------------------------
def grant(refresh="", given=("client_id", "client_secret", "refresh_token"), **told):
    secrets = {name: name.upper() for name in given}
    request = CONNECTOR.auth.grant(settings(**told), secrets, refresh, NOW)
    form = {name: value for name, (value,) in parse_qs(request.body.decode()).items()}
    return request, form


def test_a_consent_is_refreshed_with_the_newest_token():
    request, form = grant()
    assert request.path == "https://identity.xero.com/connect/token"
    assert form == {"grant_type": "refresh_token", "refresh_token": "REFRESH_TOKEN"}
    pair = base64.b64encode(b"CLIENT_ID:CLIENT_SECRET").decode()
    assert dict(request.headers) == {"Authorization": f"Basic {pair}"}
    assert grant("newer")[1]["refresh_token"] == "newer"


def test_an_app_without_a_secret_names_itself():
    request, form = grant(given=("client_id", "refresh_token"))
    assert (form["client_id"], request.headers) == ("CLIENT_ID", ())


def test_a_custom_connection_signs_in_anew_each_time():
    told = {"sign_in": "custom_connection", "tenant_id": ""}
    _, form = grant(given=("client_id", "client_secret"), **told)
    assert form == {"grant_type": "client_credentials", "scope": SCOPES}
    headers = CONNECTOR.auth.headers(settings(**told), {}, None)
    assert "xero-tenant-id" not in headers
    with pytest.raises(Misconfigured, match="needs the secret client_secret"):
        grant(given=("client_id", "refresh_token"), **told)
    with pytest.raises(Misconfigured, match="needs the secret refresh_token"):
        grant(given=("client_id", "client_secret"))


def test_a_consent_must_name_its_organisation():
    with pytest.raises(ValidationError, match="tenant_id is missing"):
        settings(tenant_id="")
    headers = CONNECTOR.auth.headers(settings(), {}, None)
    assert headers == {"xero-tenant-id": "tenant-1"}


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        (("client_id", "client_secret", "refresh_token"), {}),
        (("client_id", "refresh_token"), {}),
        (("client_id", "client_secret"), {"sign_in": "custom_connection", "tenant_id": ""}),
    ],
)
def test_every_way_in_lasts_longer_than_a_token(secrets, told):
    desk = Desk(secrets=secrets, told=told)
    identity = CONNECTOR.identity
    who = identity.read(desk.call(identity.request(desk.connection.settings)).json())
    assert who == (desk.books.organisation_id, "Northwind Studio")
    first = desk.connection.keeper.load()
    desk.clock.advance(1801)
    desk.pull("items")
    second = desk.connection.keeper.load()
    assert second["access"] != first["access"]
    if "refresh_token" in secrets:
        assert second["refresh"] != first["refresh"]
        ends = datetime.fromisoformat(second["refresh_expires_at"])
        assert ends == desk.clock.now() + timedelta(days=60)
    else:
        assert (second["refresh"], second["refresh_expires_at"]) == ("", "")


def test_a_consent_that_was_withdrawn_stops():
    desk = Desk()
    desk.pull("items")
    desk.vendor.revoke_tokens()
    desk.clock.advance(1801)
    with pytest.raises(AuthExpired, match="tieout connect ledger"):
        desk.pull("items")


def test_an_organisation_that_was_reset_stops():
    desk = Desk(demo_company=True)
    identity = CONNECTOR.identity
    rights = desk.call(identity.rights(desk.connection.settings)).json()
    assert identity.warnings(rights) == [
        "it is the demo company: after a reset it has another tenant_id"
    ]
    desk.vendor.reset_organisation()
    with pytest.raises(AuthExpired, match="Forbidden"):
        desk.pull("items")


# -- limits -----------------------------------------------------------------------------
def test_a_starter_app_has_a_thousand_calls_a_day():
    limits = {each.name: each.count for each in limits_of(CONNECTOR.pace, settings())}
    assert limits == {"calls a minute": 60, "calls a day": 5000}
    small = settings(calls_a_day=1000)
    assert limits_of(CONNECTOR.pace, small)[1].count == 1000
    assert quotas_of(CONNECTOR.quotas, small)[0].total == 1000
    assert CONNECTOR.at_once == 5


def test_what_is_left_of_the_day_is_heeded():
    plan = settings(calls_a_day=1000)
    ask = Ask.of(CONNECTOR, plan, "xero:1", READ, at_once=5, attended=False, lease_s=9)
    governor = MemoryGovernor()
    turn = governor.turn(ask, NOW)
    headers = {"x-daylimit-remaining": "40", "x-minlimit-remaining": "59"}
    governor.ended(ask, turn, Response(status=200, headers=headers, body=b"{}"), NOW)
    later = governor.turn(ask, NOW + timedelta(seconds=60))
    assert later.wait_s == 840
    assert "960 of 1000 calls of the day" in later.why
    person = replace(ask, attended=True)
    assert governor.turn(person, NOW + timedelta(seconds=60)).wait_s == 0


def test_the_host_of_xero_is_the_default():
    assert CONNECTOR.base_url(settings()) == "https://api.xero.com/api.xro/2.0"
    assert CONNECTOR.base_url(settings(base_url=HOST)) == f"{HOST}/api.xro/2.0"
