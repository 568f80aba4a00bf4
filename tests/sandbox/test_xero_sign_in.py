"""Signing in to the stand-in of Xero: consent, tokens, rotation, scopes, organisations."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.sandbox.xero_desk import Row, acme, desk, invoice
from tests.sandbox.xero_spec import FILES, CheckedCaller, check, missing

TARGET = "https://app.test/callback"
SCOPE = "openid offline_access accounting.invoices accounting.settings.read"


def consent(caller: CheckedCaller, **changes: str) -> dict[str, str]:
    """What the consent page sends back to the app."""
    query = {
        "response_type": "code",
        "client_id": caller.vendor.sign_in.client_id,
        "redirect_uri": TARGET,
        "scope": SCOPE,
        "state": "s1",
        **changes,
    }
    response = caller.client.get("/identity/connect/authorize", query_string=query)
    assert response.status_code == 302
    return {key: value[0] for key, value in parse_qs(urlsplit(response.location).query).items()}


def token(caller: CheckedCaller, *, basic: bool = True, **form: str) -> tuple[int, Row]:
    sign_in = caller.vendor.sign_in
    coded = base64.b64encode(f"{sign_in.client_id}:{sign_in.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {coded}"} if basic else {}
    response: TestResponse = caller.client.post("/connect/token", data=form, headers=headers)
    return response.status_code, response.get_json()


def refresh(caller: CheckedCaller, value: str) -> tuple[int, Row]:
    return token(caller, grant_type="refresh_token", refresh_token=value)


def exchange(caller: CheckedCaller, code: str, **more: Any) -> tuple[int, Row]:
    return token(caller, grant_type="authorization_code", code=code, redirect_uri=TARGET, **more)


def test_a_code_becomes_tokens_once_and_within_five_minutes() -> None:
    caller = desk()
    answer = consent(caller)
    assert answer["state"] == "s1"
    status, tokens = exchange(caller, answer["code"])
    assert status == 200
    assert (tokens["expires_in"], tokens["token_type"], tokens["scope"]) == (1800, "Bearer", SCOPE)
    assert tokens["access_token"].count(".") == 2
    assert tokens["id_token"]
    caller.token = tokens["access_token"]
    assert caller.send("GET", "Invoices").status_code == 200
    assert exchange(caller, answer["code"]) == (400, {"error": "invalid_grant"})
    late = consent(caller)["code"]
    caller.vendor.clock.sleep(301)
    assert exchange(caller, late)[0] == 400


def test_an_app_without_a_secret_proves_itself_with_pkce() -> None:
    caller = desk()
    verifier = "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    who = {"client_id": caller.vendor.sign_in.client_id}

    def tried(secret: str) -> int:
        code = consent(caller, code_challenge=challenge, code_challenge_method="S256")["code"]
        return exchange(caller, code, basic=False, code_verifier=secret, **who)[0]

    assert (tried(verifier), tried("w" * 50)) == (200, 400)
    bare = consent(caller)["code"]
    assert exchange(caller, bare, basic=False, **who)[0] == 400


def test_what_the_consent_page_refuses() -> None:
    caller = desk(redirect_uris=(TARGET,))
    assert consent(caller, scope="accounting.transactions")["error"] == "invalid_scope"
    assert "code" in consent(desk(broad_scopes=True), scope="accounting.transactions")
    assert consent(desk(consents=False))["error"] == "access_denied"
    query = {"client_id": caller.vendor.sign_in.client_id, "redirect_uri": TARGET + "/"}
    response = caller.client.get("/identity/connect/authorize", query_string=query)
    assert response.status_code == 400
    wrong = token(caller, basic=False, grant_type="refresh_token", client_id="x")
    assert wrong == (400, {"error": "invalid_client"})


def test_refreshing_rotates_and_the_old_one_has_half_an_hour() -> None:
    caller = desk()
    first = caller.vendor.credentials["refresh_token"]
    second = refresh(caller, first)[1]["refresh_token"]
    assert second != first
    caller.vendor.clock.sleep(29 * 60)
    status, tokens = refresh(caller, first)
    assert status == 200, "the answer to the first refresh may have been lost"
    assert tokens["refresh_token"] not in (first, second)
    caller.vendor.clock.sleep(2 * 60)
    assert refresh(caller, first) == (400, {"error": "invalid_grant"})
    assert refresh(caller, tokens["refresh_token"])[0] == 200


def test_a_refresh_token_nobody_uses_dies_after_sixty_days() -> None:
    caller = desk()
    caller.vendor.clock.sleep(60 * 86400)
    assert refresh(caller, caller.vendor.credentials["refresh_token"])[0] == 400


def test_without_offline_access_there_is_no_refresh_token() -> None:
    caller = desk()
    code = consent(caller, scope="accounting.invoices")["code"]
    assert "refresh_token" not in exchange(caller, code)[1]


def test_tokens_expire_and_are_revoked() -> None:
    caller = desk()
    caller.vendor.clock.sleep(1801)
    status, answer = caller.call("GET", "Invoices")
    assert status == 401
    assert answer["Title"] == "Unauthorized"
    assert answer["Detail"] == "TokenExpired: token expired at 03/31/2026 09:30:00"
    caller.token = "nobody"
    assert caller.call("GET", "Invoices")[1]["Detail"] == "AuthenticationUnsuccessful"
    caller.vendor.revoke_tokens()
    value = caller.vendor.credentials["refresh_token"]
    assert refresh(caller, value) == (400, {"error": "invalid_grant"})
    assert desk(problem_keys="lower").call("GET", "x/y/z", headers={"Authorization": ""})[1][
        "title"
    ] == "Unauthorized"  # fmt: skip


def test_an_app_can_revoke_its_own_token() -> None:
    caller = desk()
    value = caller.vendor.credentials["refresh_token"]
    sign_in = caller.vendor.sign_in
    coded = base64.b64encode(f"{sign_in.client_id}:{sign_in.client_secret}".encode()).decode()
    answer = caller.client.post(
        "/connect/revocation", data={"token": value}, headers={"Authorization": f"Basic {coded}"}
    )
    assert answer.status_code == 200
    assert refresh(caller, value)[0] == 400
    assert caller.send("GET", "Invoices").status_code == 401


# -- scopes --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("accounting.invoices.read", "GET", "Invoices", 200),
        ("accounting.invoices.read", "PUT", "Invoices", 401),
        ("accounting.invoices", "GET", "Payments", 401),
        ("accounting.payments.read", "GET", "Payments", 200),
        ("accounting.transactions", "GET", "Payments", 200),
        ("accounting.settings.read", "GET", "Items", 200),
        ("accounting.invoices", "GET", "Items", 200),
        ("accounting.invoices", "GET", "Accounts", 401),
        ("accounting.reports.aged.read", "GET", "Reports/AgedReceivablesByContact", 200),
        ("accounting.contacts.read", "GET", "Reports/AgedReceivablesByContact", 401),
    ],
)
def test_a_call_needs_its_scope(scope: str, method: str, path: str, status: int) -> None:
    caller = desk()
    caller.token = caller.vendor.sign_in.issue(scope)["access_token"]
    query = {"contactId": acme(caller)} if "Reports" in path else {}
    answered, answer = caller.call(method, path, **query)
    assert answered == status
    if status == 401:
        assert answer["Detail"] == "AuthorizationUnsuccessful"


# -- organisations -----------------------------------------------------------------------------
def test_connections_tell_the_organisations_of_a_consent() -> None:
    caller = desk()
    second = caller.vendor.add_organisation("Second")
    rows = caller.client.get(
        "/connections", headers={"Authorization": f"Bearer {caller.token}"}
    ).get_json()
    assert [row["tenantName"] for row in rows] == ["Northwind Studio", "Second"]
    assert rows[1]["tenantId"] == second
    assert rows[0]["createdDateUtc"] == "2026-03-31T09:00:00.0000000"
    assert len({row["authEventId"] for row in rows}) == 1
    assert {row["tenantType"] for row in rows} == {"ORGANISATION"}


def test_one_token_opens_several_organisations_that_know_nothing_of_each_other() -> None:
    caller = desk()
    row = caller.write("PUT", "Invoices", invoice(caller))[0]
    second = {"xero-tenant-id": caller.vendor.add_organisation("Second").upper()}
    assert caller.rows("Invoices", headers=second) == []
    path = f"Invoices/{row['InvoiceID']}"
    assert caller.send("GET", path, headers=second).status_code == 404


def test_a_call_names_an_organisation_that_is_connected() -> None:
    caller = desk()
    for tenant in ("", "00000000-0000-4000-a000-000000000000"):
        status, answer = caller.call("GET", "Invoices", headers={"xero-tenant-id": tenant})
        assert status == 403
        assert (answer["Title"], answer["Detail"]) == ("Forbidden", "AuthenticationUnsuccessful")


def test_somebody_disconnects_an_organisation() -> None:
    caller = desk()
    headers = {"Authorization": f"Bearer {caller.token}"}
    row = caller.client.get("/connections", headers=headers).get_json()[0]
    gone = f"/connections/{row['id']}"
    assert caller.client.delete(gone, headers=headers).status_code == 204
    assert caller.client.delete(gone, headers=headers).status_code == 404
    assert caller.send("GET", "Invoices").status_code == 403


def test_a_demo_company_that_is_reset_has_another_id() -> None:
    caller = desk(demo_company=True)
    fresh = caller.vendor.reset_organisation()
    assert caller.send("GET", "Contacts").status_code == 403
    caller.tenant_id = fresh
    assert caller.rows("Contacts") == []


def test_a_custom_connection_names_no_organisation() -> None:
    caller = desk()
    status, tokens = token(caller, grant_type="client_credentials")
    assert (status, tokens["expires_in"]) == (200, 1800)
    assert "refresh_token" not in tokens
    caller.token, caller.tenant_id = tokens["access_token"], ""
    assert len(caller.rows("Contacts")) == 1
    assert token(desk(custom_connection=False), grant_type="client_credentials")[0] == 400


@pytest.mark.skipif(missing(), reason="the official files are not beside this checkout")
def test_the_accounting_file_knows_every_resource_that_is_served() -> None:
    caller = desk()
    for path in ("Contacts", "Users", "BrandingThemes", "Organisation"):
        check(FILES["/api.xro/2.0/"], {"Organisation": "Organisations"}.get(path, path),
              caller.call("GET", path)[1])  # fmt: skip
