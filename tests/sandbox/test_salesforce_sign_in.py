"""The Salesforce stand-in: sign-in, versions, limits and the shape of refusals."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from werkzeug.test import Client

from tieout.clock import VirtualClock
from tieout.sandbox.salesforce import Salesforce

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def vendor(clock):
    return Salesforce(clock, preset="empty", daily_limit=5)


def ask_token(vendor, host="http://acme.my.salesforce.com", headers=None, **form):
    return Client(vendor).post(
        "/services/oauth2/token", base_url=host, data=form, headers=headers or {}
    )


def assertion(vendor, clock, minutes=3, **changes):
    given = vendor.credentials
    claims = {
        "iss": given["client_id"],
        "sub": given["username"],
        "aud": "https://login.salesforce.com",
        "exp": int((clock.now() + timedelta(minutes=minutes)).timestamp()),
    }
    return jwt.encode({**claims, **changes}, given["private_key"], algorithm="RS256")


def test_a_signed_assertion_gives_an_opaque_token_for_this_host(vendor, clock):
    answer = ask_token(vendor, grant_type=BEARER, assertion=assertion(vendor, clock))
    assert answer.status_code == 200
    assert answer.json["instance_url"] == "http://acme.my.salesforce.com"
    assert answer.json["access_token"].startswith("00D")
    assert answer.json["issued_at"] == str(int(START.timestamp() * 1000))
    assert "expires_in" not in answer.json
    assert "refresh_token" not in answer.json


@pytest.mark.parametrize(
    ("minutes", "changes", "error"),
    [
        (-1, {}, "invalid_grant"),
        (60, {}, "invalid_grant"),
        (3, {"sub": "nobody@acme.example"}, "invalid_grant"),
        (3, {"aud": "https://evil.example"}, "invalid_grant"),
        (3, {"iss": "another app"}, "invalid_client_id"),
    ],
)
def test_a_wrong_assertion_is_refused(vendor, clock, minutes, changes, error):
    signed = assertion(vendor, clock, minutes, **changes)
    answer = ask_token(vendor, grant_type=BEARER, assertion=signed)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_a_user_not_approved_is_named_as_such(vendor, clock):
    vendor.oauth.approved = False
    answer = ask_token(vendor, grant_type=BEARER, assertion=assertion(vendor, clock))
    assert answer.json == {
        "error": "invalid_grant",
        "error_description": "user hasn't approved this consumer",
    }


def test_client_credentials_in_the_body_or_as_basic(vendor):
    given = vendor.credentials
    pair = {"client_id": given["client_id"], "client_secret": given["client_secret"]}
    assert ask_token(vendor, grant_type="client_credentials", **pair).status_code == 200
    packed = base64.b64encode(":".join(pair.values()).encode()).decode()
    basic = {"Authorization": f"Basic {packed}"}
    assert ask_token(vendor, headers=basic, grant_type="client_credentials").status_code == 200
    at_login = ask_token(
        vendor, "https://login.salesforce.com", grant_type="client_credentials", **pair
    )
    assert at_login.json["error_description"] == "request not supported on this domain"
    vendor.oauth.run_as_user = False
    refused = ask_token(vendor, grant_type="client_credentials", **pair)
    assert refused.json["error_description"] == "no client credentials user enabled"
    wrong = ask_token(vendor, grant_type="client_credentials", **{**pair, "client_secret": "x"})
    assert wrong.json["error"] == "invalid_client"


def test_refresh_answers_no_new_refresh_token_unless_rotation_is_on(vendor):
    given = vendor.credentials
    form = {key: given[key] for key in ("client_id", "client_secret", "refresh_token")}
    assert "refresh_token" not in ask_token(vendor, grant_type="refresh_token", **form).json
    vendor.oauth.rotate_refresh = True
    fresh = ask_token(vendor, grant_type="refresh_token", **form).json["refresh_token"]
    assert fresh != form["refresh_token"]
    assert ask_token(vendor, grant_type="refresh_token", **form).json["error"] == "invalid_grant"


def call(vendor, path, token=None, method="GET", **more):
    headers = {"Authorization": f"Bearer {token or vendor.oauth.issue()}"}
    return Client(vendor).open(path, method=method, headers=headers, **more)


def test_an_expired_session_answers_an_array(vendor, clock):
    token = vendor.oauth.issue()
    assert call(vendor, "/services/data/v66.0/limits/", token).status_code == 200
    vendor.expire_tokens()
    gone = call(vendor, "/services/data/v66.0/limits", token)
    assert gone.status_code == 401
    assert gone.json == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]
    idle = vendor.oauth.issue()
    clock.advance(vendor.oauth.session_s + 1)
    assert call(vendor, "/services/data/v66.0/limits", idle).status_code == 401


@pytest.mark.parametrize(("version", "status"), [("41.0", 200), ("68.0", 200), ("30.0", 410),
                                                 ("69.0", 404), ("66", 404)])  # fmt: skip
def test_versions(vendor, version, status):
    assert call(vendor, f"/services/data/v{version}/limits").status_code == status


def test_the_version_list_needs_no_sign_in(vendor):
    versions = Client(vendor).get("/services/data/").json
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in versions
    assert versions[-1]["label"] == "Winter '27"


def test_calls_are_counted_over_24_hours_and_refused_at_zero(vendor, clock):
    token = vendor.oauth.issue()
    answer = call(vendor, "/services/data/v66.0/limits", token)
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/5"
    assert answer.json["DailyApiRequests"] == {"Max": 5, "Remaining": 4}
    vendor.leave_calls(0)
    refused = call(vendor, "/services/data/v66.0/limits", token)
    assert (refused.status_code, refused.json[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    clock.advance(24 * 3600)
    assert call(vendor, "/services/data/v66.0/limits").status_code == 200


def test_the_date_header_is_the_sandbox_clock(vendor):
    answer = call(vendor, "/services/data/v66.0/limits")
    assert answer.headers["Date"] == "Thu, 15 Jan 2026 09:30:00 GMT"


def test_userinfo_names_the_org(vendor):
    answer = call(vendor, "/services/oauth2/userinfo")
    assert answer.json["organization_id"] == vendor.credentials["organization_id"]
    assert Client(vendor).get("/services/oauth2/userinfo").status_code == 403


def test_a_revoked_token_is_dead(vendor):
    token = vendor.oauth.issue()
    Client(vendor).post("/services/oauth2/revoke", data={"token": token})
    assert call(vendor, "/services/data/v66.0/limits", token).status_code == 401


def test_long_addresses_are_refused(vendor):
    assert call(vendor, "/services/data/v66.0/query?q=" + "x" * 16_384).status_code == 414
