"""Signing in to the NetSuite sandbox: certificates (M2M) and signed calls (TBA)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode


@pytest.fixture
def caller() -> Caller:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    return Caller(NetSuite(clock, preset="empty"))


def advance(caller: Caller, seconds: float) -> None:
    clock = caller.vendor.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(seconds)


def pems(key: Any) -> tuple[str, str]:
    """A key in PEM: its private and its public part."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, decode(answer.get_data())["error"]


# -- OAuth 2.0 with a certificate ------------------------------------------------------
def test_an_assertion_buys_a_token_for_an_hour(caller: Caller) -> None:
    answer = caller.ask_token(caller.assertion())
    assert answer.status_code == 200
    body = decode(answer.get_data())
    assert (body["expires_in"], body["token_type"]) == (3600, "Bearer")
    assert set(body) == {"access_token", "expires_in", "token_type"}  # no refresh token
    caller.token = body["access_token"]
    assert caller.call("GET", "currency")[0] == 200


def test_some_clients_saw_the_life_of_a_token_as_text(caller: Caller) -> None:
    caller.vendor.acts.prefer(expires_in_text=True)
    assert decode(caller.ask_token(caller.assertion()).get_data())["expires_in"] == "3600"


def test_after_an_hour_the_token_is_refused_and_a_new_assertion_works(caller: Caller) -> None:
    caller.sign_in()
    advance(caller, 3599)
    assert caller.call("GET", "currency")[0] == 200
    advance(caller, 1)
    answer = caller.send("GET", "record/v1/currency")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="1234567_SB1", error="invalid_token",'
        ' error_description="Invalid login attempt."'
    )
    detail = decode(answer.get_data())["o:errorDetails"][0]
    assert detail["o:errorCode"] == "INVALID_LOGIN"
    assert detail["detail"].startswith(
        "Invalid login attempt. For more details, see the Login Audit Trail"
    )
    caller.sign_in()
    assert caller.call("GET", "currency")[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example/token"},
        {"exp": 1},
        {"iat": 9_999_999_999, "exp": 9_999_999_999 + 60},
        {"exp": None},
    ],
)
def test_a_wrong_assertion_is_an_invalid_grant(caller: Caller, changes: dict[str, Any]) -> None:
    claims = {key: value for key, value in caller.claims(**changes).items() if value is not None}
    assert error(caller.ask_token(caller.assertion(claims))) == (400, "invalid_grant")


def test_an_assertion_lives_less_than_an_hour(caller: Caller) -> None:
    issued = caller.claims()["iat"]
    long = caller.claims(exp=issued + 3600)
    assert error(caller.ask_token(caller.assertion(long))) == (400, "invalid_grant")
    short = caller.claims(exp=issued + 3599)
    assert caller.ask_token(caller.assertion(short)).status_code == 200


def test_clocks_may_differ_by_a_minute(caller: Caller) -> None:
    issued = caller.claims()["iat"]
    early = caller.assertion(caller.claims(iat=issued + 60, exp=issued + 600))
    assert caller.ask_token(early).status_code == 200
    late = caller.assertion(caller.claims(iat=issued - 900, exp=issued - 61))
    assert error(caller.ask_token(late)) == (400, "invalid_grant")


@pytest.mark.parametrize("scope", [["rest_webservices"], "rest_webservices,restlets"])
def test_scopes_come_as_a_list_or_with_commas(caller: Caller, scope: Any) -> None:
    assert caller.ask_token(caller.assertion(caller.claims(scope=scope))).status_code == 200
    unknown = caller.assertion(caller.claims(scope="everything"))
    assert error(caller.ask_token(unknown)) == (400, "invalid_scope")


def test_a_token_without_the_scope_cannot_call(caller: Caller) -> None:
    answer = caller.ask_token(caller.assertion(caller.claims(scope=["restlets"])))
    caller.token = decode(answer.get_data())["access_token"]
    assert caller.call("GET", "currency")[0] == 401


def test_another_integration_is_an_invalid_client(caller: Caller) -> None:
    answer = caller.ask_token(caller.assertion(caller.claims(iss="somebody")))
    assert error(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="1234567_SB1"'


def test_the_token_endpoint_knows_one_grant(caller: Caller) -> None:
    answer = caller.ask_token(caller.assertion(), grant_type="refresh_token")
    assert error(answer) == (400, "unsupported_grant_type")
    answer = caller.ask_token(caller.assertion(), client_assertion_type="other")
    assert error(answer) == (400, "invalid_request")


def test_rsa_keys_sign_with_pss_and_never_with_rs256(caller: Caller) -> None:
    private, public = pems(rsa.generate_private_key(public_exponent=65537, key_size=3072))
    kid = caller.vendor.sign_in.upload(public)
    good = caller.assertion(key=private, algorithm="PS256", kid=kid)
    assert caller.ask_token(good).status_code == 200
    bad = caller.assertion(key=private, algorithm="RS256", kid=kid)
    assert error(caller.ask_token(bad)) == (400, "invalid_grant")


def test_the_signature_is_checked_against_the_certificate_named(caller: Caller) -> None:
    private, public = pems(ec.generate_private_key(ec.SECP256R1()))
    assert error(caller.ask_token(caller.assertion(key=private))) == (400, "invalid_grant")
    kid = caller.vendor.sign_in.upload(public)
    assert caller.ask_token(caller.assertion(key=private, kid=kid)).status_code == 200
    assert error(caller.ask_token(caller.assertion(kid="unknown"))) == (400, "invalid_grant")
    with pytest.raises(ValueError, match="serves one"):
        caller.vendor.sign_in.upload(public)


def test_short_keys_and_other_curves_are_not_taken(caller: Caller) -> None:
    for key in (
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP256K1()),
    ):
        with pytest.raises(ValueError, match="RSA 3072"):
            caller.vendor.sign_in.upload(pems(key)[1])


def test_a_certificate_ends_after_two_years(caller: Caller) -> None:
    advance(caller, 730 * 86400 - 1)
    assert caller.ask_token(caller.assertion()).status_code == 200
    advance(caller, 1)
    assert error(caller.ask_token(caller.assertion())) == (400, "invalid_grant")


def test_a_sandbox_refresh_clears_the_mapping(caller: Caller) -> None:
    caller.sign_in()
    caller.vendor.sign_in.refresh_sandbox()
    assert caller.call("GET", "currency")[0] == 401
    assert error(caller.ask_token(caller.assertion())) == (400, "invalid_grant")


def test_a_malformed_header_is_a_bad_request(caller: Caller) -> None:
    answer = caller.send("GET", "record/v1/currency", headers={"Authorization": "Basic abc"})
    assert answer.status_code == 400
    assert answer.headers["WWW-Authenticate"].endswith('error="invalid_request"')


# -- OAuth 1.0a ------------------------------------------------------------------------
def signed(caller: Caller, method: str, url: str, query: dict[str, str], **changes: str) -> str:
    """An Authorization header as an OAuth 1.0a client makes it (RFC 5849)."""
    given = caller.vendor.credentials
    now = str(int(caller.vendor.clock.now().timestamp()))
    oauth = {
        "oauth_token": given["token_id"],
        "oauth_consumer_key": given["consumer_key"],
        "oauth_nonce": "n1",
        "oauth_timestamp": now,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_version": "1.0",
    } | changes
    pairs = sorted((quote(k, "~"), quote(v, "~")) for k, v in {**oauth, **query}.items())
    joined = "&".join(f"{k}={v}" for k, v in pairs)
    base = "&".join((method, quote(url, "~"), quote(joined, "~")))
    key = f"{given['consumer_secret']}&{given['token_secret']}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    oauth["oauth_signature"] = base64.b64encode(digest).decode()
    parts = [f'{k}="{quote(v, "~")}"' for k, v in {"realm": "1234567_SB1", **oauth}.items()]
    return "OAuth " + ", ".join(parts)


LIST = "http://localhost/services/rest/record/v1/currency"


def test_a_signed_call_needs_no_token(caller: Caller) -> None:
    header = signed(caller, "GET", LIST, {"limit": "2"})
    query = {"limit": "2"}
    answer = caller.send("GET", "record/v1/currency", headers={"Authorization": header}, **query)
    assert answer.status_code == 200
    again = caller.send("GET", "record/v1/currency", headers={"Authorization": header}, **query)
    assert again.status_code == 401, "a nonce is good once"


def test_a_call_may_be_signed_for_the_accounts_own_host(caller: Caller) -> None:
    url = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/record/v1/currency"
    header = {"Authorization": signed(caller, "GET", url, {})}
    assert caller.send("GET", "record/v1/currency", headers=header).status_code == 200


def test_a_wrong_signature_is_an_invalid_login(caller: Caller) -> None:
    for changes in (
        {"oauth_signature_method": "HMAC-SHA1"},
        {"oauth_timestamp": "1000000000"},
        {"oauth_token": "unknown"},
    ):
        header = {"Authorization": signed(caller, "GET", LIST, {}, **changes)}
        status, body = caller.call("GET", "currency", headers=header)
        assert (status, body["o:errorDetails"][0]["o:errorCode"]) == (401, "INVALID_LOGIN")
    other = {"Authorization": signed(caller, "POST", LIST, {})}
    assert caller.call("GET", "currency", headers=other)[0] == 401


def test_revoked_tokens_and_accounts_without_tba(caller: Caller) -> None:
    header = {"Authorization": signed(caller, "GET", LIST, {})}
    caller.vendor.acts.prefer(tba=False)
    assert caller.call("GET", "currency", headers=header)[0] == 401
    caller.vendor.acts.prefer(tba=True)
    caller.vendor.sign_in.revoke_tba()
    assert caller.call("GET", "currency", headers=header)[0] == 401
