"""Client libraries that were not written here work against the sandbox over loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
import requests
from requests_oauthlib import OAuth1, OAuth1Session

from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.netsuite import NetSuite
from tieout.sandbox.netsuite.sign_in import JWT_BEARER, TOKEN_PATH
from tieout.sandbox.serving import Served
from tieout.sandbox.world import World, describe, serve


@pytest.fixture
def vendor() -> NetSuite:
    return NetSuite(SystemClock(), preset="empty")


@pytest.fixture
def base(vendor: NetSuite) -> Iterator[str]:
    with Served(vendor) as served:
        yield served.base_url


@pytest.fixture
def signed(vendor: NetSuite) -> Iterator[requests.Session]:
    """A session that signs every call as token-based authentication asks."""
    given = vendor.credentials
    with requests.Session() as session:
        session.auth = OAuth1(
            given["consumer_key"],
            client_secret=given["consumer_secret"],
            resource_owner_key=given["token_id"],
            resource_owner_secret=given["token_secret"],
            signature_method="HMAC-SHA256",
            realm=given["account_id"],
        )
        yield session


def invoice(vendor: NetSuite) -> dict[str, Any]:
    acme = vendor.acts.add_customer("Acme")["id"]
    item = next(row["id"] for row in vendor.acts.rows("serviceSaleItem"))
    line = {"item": {"id": item}, "quantity": 12.5, "rate": 160.0, "amount": 2000.0}
    return {"entity": {"id": acme}, "item": {"items": [line]}, "toBeEmailed": "False"}


def test_a_machine_signs_in_with_its_certificate(vendor: NetSuite, base: str) -> None:
    given = vendor.credentials
    now = int(vendor.clock.now().timestamp())
    claims = {"iss": given["client_id"], "scope": ["rest_webservices"], "aud": base + TOKEN_PATH,
              "iat": now, "exp": now + 600, "jti": "1"}  # fmt: skip
    kid = {"kid": given["certificate_id"]}
    assertion = jwt.encode(claims, given["private_key"], algorithm="ES256", headers=kid)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": assertion,
    }
    token = requests.post(base + TOKEN_PATH, data=form, timeout=10).json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    clock = requests.get(f"{base}/services/rest/system/v1/serverTime", headers=bearer, timeout=10)
    assert clock.json()["serverTime"].endswith("Z")


def test_a_world_has_it_when_it_is_asked_for() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    assert "netsuite" not in World(clock, preset="empty").vendors
    world = World(clock, vendors=["harvest", "netsuite"], service_s={"netsuite": 34.0})
    assert (world.netsuite.slug, world.netsuite.service_s) == ("netsuite", 34.0)
    with serve(world) as serving:
        told = describe(serving)["netsuite"]
        answer = requests.post(told["credentials"]["token_url"], data={}, timeout=10)
    assert (told["name"], told["kind"]) == ("NetSuite", "ledger")
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert "BEGIN PRIVATE KEY" in told["credentials"]["private_key"]


def test_an_invoice_by_signed_calls(vendor: NetSuite, base: str, signed: requests.Session) -> None:
    url = f"{base}/services/rest/record/v1/invoice/eid:inv-1"
    made = signed.put(url, params={"replace": "item"}, json=invoice(vendor), timeout=10)
    assert (made.status_code, made.content) == (204, b"")
    # The address names the account's own host: a client takes only the id from it.
    assert made.headers["Location"].startswith("https://1234567-sb1.suitetalk.api.netsuite.com/")
    row = signed.get(url, params={"fields": "total,tranId"}, timeout=10).json()
    assert (row["total"], row["tranId"]) == (2000, "INV0001")
    query = {"q": "SELECT id, foreigntotal FROM transaction WHERE externalid = ?",
             "params": ["inv-1"]}  # fmt: skip
    found = signed.post(
        f"{base}/services/rest/query/v1/suiteql",
        params={"limit": 1000, "offset": 0},
        json=query,
        headers={"Prefer": "transient"},
        timeout=10,
    ).json()
    assert found["items"] == [{"links": [], "foreigntotal": "2000", "id": "1201"}]


def test_query_texts_with_blanks_and_signs_are_signed_right(
    vendor: NetSuite, base: str, signed: requests.Session
) -> None:
    url = f"{base}/services/rest/record/v1/customer"
    vendor.acts.add_customer("Müller & Söhne")
    q = 'companyName IS "Müller & Söhne" AND email EMPTY'
    found = signed.get(url, params={"q": q, "limit": 5}, timeout=10)
    assert (found.status_code, found.json()["totalResults"]) == (200, 1)


def test_a_body_in_chunks(vendor: NetSuite, base: str, signed: requests.Session) -> None:
    text = json.dumps(invoice(vendor)).encode()
    pieces = (text[start : start + 40] for start in range(0, len(text), 40))
    url = f"{base}/services/rest/record/v1/invoice"
    answer = signed.post(
        url, data=pieces, headers={"Content-Type": "application/json; charset=utf-8"}, timeout=10
    )
    assert answer.status_code == 204, answer.text


def test_an_answer_lost_on_the_wire_is_a_broken_connection(
    vendor: NetSuite, base: str, signed: requests.Session
) -> None:
    vendor.faults.add("lost_answer", method="POST")
    with pytest.raises(requests.ConnectionError):
        signed.post(f"{base}/services/rest/record/v1/invoice", json=invoice(vendor), timeout=10)
    assert len(list(vendor.acts.rows("invoice"))) == 1


def test_a_session_of_another_make(vendor: NetSuite, base: str) -> None:
    given = vendor.credentials
    with OAuth1Session(
        given["consumer_key"],
        client_secret=given["consumer_secret"],
        resource_owner_key=given["token_id"],
        resource_owner_secret="wrong",
        signature_method="HMAC-SHA256",
        realm=given["account_id"],
    ) as session:
        answer = session.get(f"{base}/services/rest/record/v1/currency", timeout=10)
    assert answer.status_code == 401
    assert answer.json()["o:errorDetails"][0]["o:errorCode"] == "INVALID_LOGIN"
