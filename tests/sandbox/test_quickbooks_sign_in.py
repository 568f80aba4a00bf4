"""Codes, tokens, rotation and revocation in the QuickBooks Online sandbox."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


def desk() -> Caller:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    return Caller(QuickBooks(clock, preset="empty", limits=False))


def token_call(caller: Caller, secret: str = "", **form: str) -> tuple[int, Row]:
    keys = caller.vendor.credentials
    pair = f"{keys['client_id']}:{secret or keys['client_secret']}"
    basic = base64.b64encode(pair.encode()).decode()
    response = caller.client.post(
        "/oauth2/v1/tokens/bearer", data=form, headers={"Authorization": f"Basic {basic}"}
    )
    return response.status_code, response.get_json()


def test_a_code_is_exchanged_once() -> None:
    caller = desk()
    keys = caller.vendor.credentials
    target = "http://localhost:8000/callback"
    query = {"client_id": keys["client_id"], "redirect_uri": target, "state": "s1"}
    found = caller.client.get("/connect/oauth2", query_string=query)
    back = parse_qs(urlsplit(found.headers["Location"]).query)
    assert (back["realmId"], back["state"]) == ([keys["realm_id"]], ["s1"])
    form = {
        "grant_type": "authorization_code",
        "code": back["code"][0],
        "redirect_uri": target,
    }
    status, tokens = token_call(caller, **form)
    assert (status, tokens["expires_in"]) == (200, 3600)
    caller.token = tokens["access_token"]
    assert caller.send("GET", "preferences").status_code == 200
    assert token_call(caller, **form)[1]["error"] == "invalid_grant"
    assert caller.send("GET", "preferences").status_code == 401
    assert token_call(caller, secret="wrong", **form)[0] == 401


def test_tokens_expire_and_rotate() -> None:
    caller = desk()
    first = caller.vendor.credentials["refresh_token"]
    caller.vendor.clock.sleep(3600)
    assert caller.send("GET", "preferences").status_code == 401
    same = token_call(caller, grant_type="refresh_token", refresh_token=first)[1]
    assert same["refresh_token"] == first
    caller.token = same["access_token"]
    assert caller.send("GET", "preferences").status_code == 200
    caller.vendor.clock.sleep(86400)
    fresh = token_call(caller, grant_type="refresh_token", refresh_token=first)[1]
    assert fresh["refresh_token"] != first
    status, refused = token_call(caller, grant_type="refresh_token", refresh_token=first)
    assert (status, refused["error"]) == (400, "invalid_grant")
    caller.vendor.settings.strict_rotation = True
    again = token_call(caller, grant_type="refresh_token", refresh_token=fresh["refresh_token"])[1]
    assert again["refresh_token"] != fresh["refresh_token"]
    caller.vendor.clock.sleep(again["x_refresh_token_expires_in"])
    form = {"grant_type": "refresh_token", "refresh_token": again["refresh_token"]}
    assert token_call(caller, **form)[0] == 400


def test_revoking_kills_the_whole_grant() -> None:
    caller = desk()
    keys = caller.vendor.credentials
    basic = base64.b64encode(f"{keys['client_id']}:{keys['client_secret']}".encode()).decode()
    response = caller.client.post(
        "/v2/oauth2/tokens/revoke",
        json={"token": keys["access_token"]},
        headers={"Authorization": f"Basic {basic}"},
    )
    assert (response.status_code, response.get_data()) == (200, b"")
    form = {"grant_type": "refresh_token", "refresh_token": keys["refresh_token"]}
    assert token_call(caller, **form)[1]["error"] == "invalid_grant"


def test_discovery_points_at_this_server() -> None:
    caller = desk()
    found = caller.client.get("/.well-known/openid_sandbox_configuration").get_json()
    assert found["token_endpoint"] == "http://localhost/oauth2/v1/tokens/bearer"


def test_tokens_can_die_in_the_middle_of_a_run() -> None:
    caller = desk()
    caller.vendor.plan_expiry(nth=2)
    statuses = [caller.send("GET", "preferences").status_code for _ in range(3)]
    assert statuses == [200, 401, 401]
    caller.vendor.revoke_tokens()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": caller.vendor.credentials["refresh_token"],
    }
    assert token_call(caller, **form)[0] == 400


def test_a_user_who_refuses_sends_no_code() -> None:
    caller = desk()
    caller.vendor.settings.consents = False
    keys = caller.vendor.credentials
    query = {"client_id": keys["client_id"], "redirect_uri": "http://localhost/x", "state": "s"}
    found = caller.client.get("/connect/oauth2", query_string=query)
    assert found.headers["Location"] == "http://localhost/x?error=access_denied&state=s"


def test_two_refreshes_with_one_token_may_end_the_grant() -> None:
    for revokes in (False, True):
        caller = desk()
        caller.vendor.settings.strict_rotation = True
        caller.vendor.settings.reuse_revokes = revokes
        first = caller.vendor.credentials["refresh_token"]
        fresh = token_call(caller, grant_type="refresh_token", refresh_token=first)[1]
        form = {"grant_type": "refresh_token", "refresh_token": first}
        assert token_call(caller, **form)[1]["error"] == "invalid_grant"
        form["refresh_token"] = fresh["refresh_token"]
        assert token_call(caller, **form)[0] == (400 if revokes else 200)
