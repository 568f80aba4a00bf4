"""NetSuite: who signs in, what is sent, and what refusals mean."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from tests.connectors.netsuite_desk import CURRENCIES, Desk, desk, document, key, line
from tieout.connectors import faults as table
from tieout.connectors.base import LineCodes, Request, Response
from tieout.connectors.exact import encode
from tieout.connectors.netsuite import CONNECTOR, Settings
from tieout.connectors.netsuite.translate import external_id, key_of
from tieout.errors import (
    AuthExpired,
    Conflict,
    Misconfigured,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)
from tieout.model.ids import seeded
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.project import Project

CLIENT = Client(id="c1", source=None, name="Acme", email="ap@acme.example")
PROJECT = Project(id="p1", source=None, name="Website", client_id="c1", currency="USD")
READ = Request(method="POST", path="/query/v1/suiteql")
WRITE = Request(method="PUT", path="/record/v1/invoice/eid:x", writes=True)


def ledgers_calls(at: Desk) -> list[str]:
    return [call.path for call in at.vendor.calls]


# -- where it lives, and signing in -----------------------------------------------------
@pytest.mark.parametrize(
    ("account", "host"),
    [
        ("1234567", "1234567"),
        ("1234567_SB1", "1234567-sb1"),
        ("1234567_rp", "1234567-rp"),
        ("TSTDRV1234567", "tstdrv1234567"),
    ],
)
def test_the_host_of_an_account(account: str, host: str) -> None:
    settings = Settings(account_id=account, client_id="x")
    assert (
        CONNECTOR.base_url(settings) == f"https://{host}.suitetalk.api.netsuite.com/services/rest"
    )


@pytest.mark.parametrize("account", ["", "12 34", "evil.example/1"])
def test_what_is_no_account_is_refused(account: str) -> None:
    with pytest.raises(ValidationError):
        Settings(account_id=account, client_id="x")


def test_a_machine_signs_in_once_an_hour() -> None:
    at = desk()
    at.pull("terms")
    at.pull("terms")
    assert len([path for path in ledgers_calls(at) if path.endswith("/token")]) == 1
    at.clock.advance(3600)
    at.pull("terms")
    assert len([path for path in ledgers_calls(at) if path.endswith("/token")]) == 2


@pytest.mark.parametrize("algorithm", ["PS256", "PS512"])
def test_an_rsa_certificate_signs_too(algorithm: str) -> None:
    at = desk()
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    form = serialization.PrivateFormat.PKCS8
    pem = private.private_bytes(
        serialization.Encoding.PEM, form, serialization.NoEncryption()
    ).decode()
    name = at.vendor.sign_in.upload(public.decode())
    more = {"certificate_id": name, "algorithm": algorithm}
    settings = at.connection.settings.model_copy(update=more)
    # Environment variables often have their line breaks written out.
    secrets = {"private_key": pem.replace("\n", "\\n")}
    at.connection = replace(at.connection, settings=settings, secrets=secrets)
    assert at.pull("terms")


def test_a_key_that_does_not_fit_is_told_before_anything_is_sent() -> None:
    at = desk(ours={"algorithm": "PS256"})  # the stand-in's own key is for ES256
    with pytest.raises(Misconfigured, match="set algorithm to what the certificate has"):
        at.pull("terms")
    at.connection = replace(at.connection, secrets={"token_secret": "x"})
    with pytest.raises(Misconfigured, match="private_key"):
        at.pull("terms")
    assert at.vendor.calls == []


def test_a_refreshed_sandbox_asks_a_person_to_sign_in_again() -> None:
    at = desk()
    at.pull("terms")
    at.vendor.sign_in.refresh_sandbox()
    with pytest.raises(AuthExpired, match="tieout connect ledger"):
        at.pull("terms")


def test_tokens_sign_each_call_by_itself() -> None:
    """The stand-in knows each nonce once; a query, a write and a read-back all pass."""
    token = desk().vendor.credentials["token_id"]
    with seeded(4):
        at = desk(ours={"sign_in": "tba", "token_id": token}, override_numbers=True)
        buyer = at.write("customer", CLIENT, at.context(1, display_name="O'Hara & Söhne"))
        at.write("invoice", document(), at.context(2, customer_id=buyer.remote_id))
        assert len(at.pull("invoices")) == 1
    assert not [path for path in ledgers_calls(at) if path.endswith("/token")]


def test_a_token_that_was_revoked_is_not_tried_again() -> None:
    token = desk().vendor.credentials["token_id"]
    at = desk(ours={"sign_in": "tba", "token_id": token})
    at.vendor.sign_in.revoke_tba()
    with pytest.raises(AuthExpired, match="Sign in again"):
        at.pull("terms")
    assert len(at.vendor.calls) == 1


def test_so_many_calls_at_a_time_as_the_settings_say() -> None:
    at = desk(ours={"concurrency": 2})
    turns = [at.transport.wait_turn(at.connection, READ) for _ in range(2)]
    with pytest.raises(RateLimited, match="2 calls of netsuite:1234567_SB1"):
        at.transport.wait_turn(at.connection, READ, patience_s=0)
    at.transport.give_back(at.connection, READ, turns[0])
    at.transport.wait_turn(at.connection, READ, patience_s=0)


# -- what is written --------------------------------------------------------------------
def test_our_key_in_an_external_id() -> None:
    assert external_id("v1:" + "a" * 32) == "tieout-v1-" + "a" * 32
    assert key_of(external_id(key(1))) == key(1)
    assert key_of("their-own-42") == ""
    assert len(external_id(key(1))) <= 60


NAMES = ["O'Hara & Söhne", "Acme: West", "Zoë \U0001f680 Ltd", "100% \\ _wild_ ?", "Two\nlines"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_written_and_found(name: str) -> None:
    at = desk()
    around = at.context(1, display_name=name)
    made = at.write("customer", CLIENT, around)
    assert at.find("customer", "key", CLIENT, around) == [made.remote_id]
    assert at.find("customer", "name", CLIENT, around) == [made.remote_id]
    job = at.context(2, display_name=f"{name} - Website", parent_id=made.remote_id)
    project = at.write("project", PROJECT, job)
    assert at.find("project", "name", PROJECT, job) == [project.remote_id]
    around = at.context(3, customer_id=project.remote_id)
    invoice = at.write("invoice", document(line(1, text=name)), around)
    (read,) = at.pull("invoices")[invoice.remote_id].lines
    assert read.description == " ".join(name.split())


def test_a_name_that_is_taken_is_a_conflict_and_found_by_the_name() -> None:
    at = desk()
    taken = at.customer("acme")
    around = at.context(1, display_name="Acme")
    with pytest.raises(Conflict, match="already exists"):
        at.send("customer", CLIENT, around)
    assert at.find("customer", "key", CLIENT, around) == []
    assert at.find("customer", "name", CLIENT, around) == [taken]


def test_an_invoice_with_everything() -> None:
    ours = {"own_numbers": True, "location_id": "1", "form_id": "91", "tax": "legacy_code"}
    at = desk(tax="legacy", override_numbers=True, ours=ours)
    codes = {"L001": LineCodes(item_id=at.item, tax_code_id="1", class_id="2")}
    around = at.context(
        1, customer_id=at.customer(), lines=codes, term_id="2", department_id="1",
        email="ap@acme.example",
    )  # fmt: skip
    subject = document(po_number="PO-7781", memo="Thank you")
    body = CONNECTOR.writer("invoice").build(subject, around)
    assert set(body) == {
        "externalId", "tranId", "entity", "subsidiary", "currency", "tranDate", "dueDate", "terms",
        "otherRefNum", "memo", "email", "customForm", "department", "location", "item",
    }  # fmt: skip
    made = at.write("invoice", subject, around)
    assert made.number == "INV-2026-0007"
    row = at.books.get("invoice", made.remote_id)
    kept = {name: row[name] for name in ("otherRefNum", "terms", "department", "location")}
    assert kept == {"otherRefNum": "PO-7781", "terms": "2", "department": "1", "location": "1"}
    assert (row["dueDate"], row["memo"]) == ("2026-03-30", "Thank you")


def test_netsuite_numbers_by_itself_and_our_number_opens_the_memo() -> None:
    at = desk()
    around = at.context(1, customer_id=at.customer())
    made = at.write("invoice", document(memo="February"), around)
    assert made.number == "INV0001"
    assert at.books.get("invoice", made.remote_id)["memo"] == "INV-2026-0007 February"
    find = CONNECTOR.writer("invoice").finds[1]
    assert find.request(document(), around, at.connection.settings) is None


def test_the_same_bytes_twice_are_one_invoice_with_its_lines_once() -> None:
    at = desk()
    around = at.context(1, customer_id=at.customer())
    subject = document(line(1), line(2))
    assert at.write("invoice", subject, around) == at.write("invoice", subject, around)
    ((_, found),) = at.pull("invoices").items()
    assert (len(found.lines), found.total) == (2, Money.of("3750.00", "USD"))
    # Sent again under another call's key it is still the same record.
    writer = CONNECTOR.writer("invoice")
    body = encode(writer.build(subject, around))
    calls = [writer.send(body, f"{around.key}{n}", around.settings) for n in ("", ":3")]
    assert calls[0] == calls[1]


def test_four_hundred_lines_agree_to_the_cent() -> None:
    """Hours to four decimals at odd rates: each line as billed, and their sum is NetSuite's."""
    at = desk()
    chance = random.Random(7)
    lines = []
    for number in range(1, 401):
        hours = Decimal(chance.randrange(1, 120_000)).scaleb(-4)
        rate = Decimal(chance.randrange(100, 40_000)).scaleb(-2)
        cents = (hours * rate * 100 + Decimal("0.5")).to_integral_value("ROUND_FLOOR")
        lines.append(line(number, str(hours), str(rate), str(Decimal(cents).scaleb(-2))))
    subject = document(*lines)
    made = at.write("invoice", subject, at.context(1, customer_id=at.customer()))
    found = at.pull("invoices")[made.remote_id]
    assert found.total == subject.total
    ours = [(each.quantity, each.rate, each.amount.amount) for each in subject.lines]
    assert [(each.quantity, each.rate, each.amount) for each in found.lines] == ours


@pytest.mark.parametrize("rate", [Decimal("1.0825"), None])
def test_a_foreign_invoice_with_our_rate_and_with_netsuites(rate: Decimal | None) -> None:
    at = desk()
    at.books.set_rate(CURRENCIES["EUR"], "1.1200")
    around = at.context(1, display_name="Acme GmbH")
    buyer = at.write("customer", replace(CLIENT, currency="EUR"), around)
    around = at.context(2, customer_id=buyer.remote_id, exchange_rate=rate)
    subject = document(line(1, currency="EUR"), currency="EUR")
    made = at.write("invoice", subject, around)
    row = at.books.get("invoice", made.remote_id)
    assert row["exchangeRate"] == (rate or Decimal("1.12"))
    assert at.pull("invoices")[made.remote_id].total == Money.of("1875.00", "EUR")


def test_a_currency_the_customer_does_not_have_is_refused_over_there() -> None:
    at = desk()
    around = at.context(1, customer_id=at.customer())
    with pytest.raises(Rejected, match="following field: currency"):
        at.send("invoice", document(line(1, currency="EUR"), currency="EUR"), around)


def _refused_here(at: Desk, subject: Any, **more: Any) -> str:
    with pytest.raises(Misconfigured) as told:
        CONNECTOR.writer("invoice").build(subject, at.context(1, **{"customer_id": "601"} | more))
    return str(told.value)


def test_what_netsuite_could_not_hold_is_refused_before_it_is_sent() -> None:
    at = desk()
    fine = line(1, "1", "0.123456789", "0.12")
    assert "8 decimals" in _refused_here(at, document(fine))
    assert "below zero" in _refused_here(at, document(line(1, "1", "-5", "-5.00")))
    many = [line(number, "1", "1", "1.00") for number in range(1, 902)]
    assert "901 lines" in _refused_here(at, document(*many))
    assert "customer of invoice" in _refused_here(at, document(), customer_id="")
    assert "item of line L001" in _refused_here(at, document(), lines={})
    assert "CHF" in _refused_here(at, document(line(1, currency="CHF"), currency="CHF"))
    taxed = {"L001": LineCodes(item_id="81", tax_code_id="1")}
    assert "has a tax code" in _refused_here(at, document(), lines=taxed)
    legacy = desk(ours={"tax": "legacy_code"})
    assert "tax code of line L001" in _refused_here(legacy, document())
    alone = desk(ours={"currency_ids": {}})
    assert "EUR" in _refused_here(alone, document(line(1, currency="EUR"), currency="EUR"))
    assert at.vendor.calls == []


def test_an_account_with_one_currency_is_not_told_of_it() -> None:
    at = desk(multi_currency=False, one_world=False,
              ours={"currency_ids": {}, "subsidiary_id": ""})  # fmt: skip
    made = at.write("invoice", document(), at.context(1, customer_id=at.customer()))
    assert "currency" not in json.loads(at.vendor.write_calls[-1].body)
    assert at.pull("invoices")[made.remote_id].total == Money.of("1875.00", "USD")


def test_a_field_a_form_asks_for_is_told_in_netsuites_words() -> None:
    at = desk(forms={"91": {"invoice": ("location",)}})
    with pytest.raises(Rejected, match=r"Please enter value\(s\) for"):
        at.send("invoice", document(), at.context(1, customer_id=at.customer()))


# -- refusals ---------------------------------------------------------------------------
def refusal(status: int, body: Any, request: Request = WRITE, **headers: str) -> RemoteError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = table.classify(CONNECTOR, request, Response(status=status, headers=headers, body=raw))
    assert found is not None
    return found


def envelope(code: str, detail: str, **more: str) -> dict[str, Any]:
    one = {"detail": detail, "o:errorCode": code} | more
    return {"title": "Bad Request", "status": 400, "o:errorDetails": [one]}


CROWD = "Concurrent request limit exceeded. Request blocked."
PREFIX = "Error while accessing a resource. "


@pytest.mark.parametrize(
    ("status", "code", "detail", "writing", "reading"),
    [
        (429, "CONCURRENCY_LIMIT_EXCEEDED", CROWD, RateLimited, RateLimited),
        (400, "CONCURRENCY_LIMIT_EXCEEDED", CROWD, RateLimited, RateLimited),
        (429, "SOMETHING_NEW", "Slow down.", RateLimited, RateLimited),
        (401, "INVALID_LOGIN", "Invalid login attempt.", AuthExpired, AuthExpired),
        (400, "USER_ERROR", PREFIX + "This record already exists.", Conflict, Rejected),
        (400, "DUP_RCRD", "A record with this id is there.", Conflict, Rejected),
        (409, "USER_ERROR", "Conflict.", Conflict, Rejected),
        (400, "USER_ERROR", PREFIX + "Duplicate transaction number.", Conflict, Rejected),
        (400, "RCRD_HAS_BEEN_CHANGED", PREFIX + "Record has been changed", Conflict, Rejected),
        (409, "RCRD_HAS_BEEN_CHANGED", "Record has been changed", Conflict, Rejected),
        (400, "USER_ERROR", "The transaction date you specified is not within the date range of"
         " your accounting period.", Rejected, Rejected),
        (400, "USER_ERROR", "This record has been locked by a user defined workflow.",
         Rejected, Rejected),
        (400, "INVALID_CONTENT", "You have entered an Invalid Field Value 9 for the following"
         " field: item", Rejected, Rejected),
        (403, "INSUFFICIENT_PERMISSION", "Your current role does not have permission.",
         Rejected, Rejected),
        (400, "USER_ERROR", "Your current role does not have permission.", Rejected, Rejected),
        (404, "NONEXISTENT_ID", "Record does not exist.", Rejected, Rejected),
        (500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: hq7zk", Unknown,
         Transient),
    ],
)  # fmt: skip
def test_what_a_refusal_means(
    status: int, code: str, detail: str, writing: type, reading: type
) -> None:
    assert type(refusal(status, envelope(code, detail), WRITE)) is writing
    assert type(refusal(status, envelope(code, detail), READ)) is reading


@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "unauthorized_client"])
def test_a_dead_certificate_needs_a_person(code: str) -> None:
    assert type(refusal(400, {"error": code}, READ)) is AuthExpired


def test_what_a_refusal_is_about_is_kept() -> None:
    body = envelope("INVALID_CONTENT", "Invalid value", **{"o:errorPath": "item.items[0].item"})
    body["o:errorDetails"].append({"detail": "And another thing."})
    found = refusal(400, body, **{"x-n-operationid": "op-1"})
    assert (found.code, found.field, found.trace_id) == (
        "INVALID_CONTENT", "item.items[0].item", "op-1",
    )  # fmt: skip
    assert found.text == "Invalid value; And another thing."
    top = {"title": "Too Many Requests", "status": 429, "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED"}
    assert type(refusal(429, top)) is RateLimited


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>Bad Gateway</html>"), (503, b""), (504, b"<html/>")]
)
def test_a_gateway_leaves_a_write_in_doubt(status: int, body: bytes) -> None:
    assert type(refusal(status, body, WRITE)) is Unknown
    assert type(refusal(status, body, READ)) is Transient


def test_a_write_without_an_address_is_in_doubt() -> None:
    writer = CONNECTOR.writer("invoice")
    assert writer.read_back is not None
    bare = Response(status=204, headers={}, body=b"")
    with pytest.raises(Unknown, match="without the address"):
        writer.read_back(bare, desk().connection.settings)
    with pytest.raises(Unknown, match="does not show"):
        writer.record({"items": [], "hasMore": False})


def test_one_call_at_a_time_is_the_least() -> None:
    with pytest.raises(ValidationError):
        Settings(account_id="1", client_id="x", concurrency=0)
