"""Whose notification it is, and what it says: signatures over raw bytes, hints without content."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType

import pytest

from tieout.clock import VirtualClock
from tieout.connectors import netsuite, quickbooks, xero
from tieout.connectors.base import Connector, Hint
from tieout.connectors.registry import connectors
from tieout.connectors.webhook import hints, hmac_sha256
from tieout.errors import BadInput
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.webhooks import Style

QUICKBOOKS, XERO = quickbooks.webhook.WEBHOOK, xero.webhook.WEBHOOK
NETSUITE = netsuite.webhook.WEBHOOK
LISTENING = [each for each in connectors().values() if each.webhook is not None]


# -- signatures -------------------------------------------------------------------------
def test_a_hexadecimal_signature_with_a_word_before_it() -> None:
    """A vector worked out with another tool: `openssl dgst -sha256 -hmac secret`."""
    verify = hmac_sha256("x-signature", "key", "hex", "sha256=")
    body = b'{"event_id":1,"payload":"ping"}'
    code = "ffbf91e6dc05ff75360210103e5b33af9266582b98791274354c9fed2e1d5a52"
    assert verify({"x-signature": f"sha256={code}"}, body, {"key": "secret"})
    assert not verify({"x-signature": code}, body, {"key": "secret"})
    assert not verify({"x-signature": f"sha256={code.upper()}"}, body, {"key": "secret"})


def test_the_key_is_its_text_even_where_it_looks_like_base64() -> None:
    key = base64.b64encode(b"a key that looks encoded").decode()
    code = base64.b64encode(hmac.new(key.encode(), b"body", hashlib.sha256).digest()).decode()
    assert hmac_sha256("x", "key")({"x": code}, b"body", {"key": key})


@pytest.mark.parametrize("secrets", [{}, {"key": ""}])
def test_without_a_secret_nothing_is_right(secrets: dict[str, str]) -> None:
    """The signature under an empty key is one that anybody can make."""
    code = base64.b64encode(hmac.new(b"", b"body", hashlib.sha256).digest()).decode()
    assert not hmac_sha256("x", "key")({"x": code}, b"body", secrets)


@pytest.mark.parametrize("given", ["", "é", "\ud800", "=" * 10_000])
def test_any_header_is_answered_with_yes_or_no(given: str) -> None:
    assert not hmac_sha256("x", "key")({"x": given}, b"body", {"key": "secret"})


@pytest.mark.parametrize("connector", LISTENING, ids=lambda each: each.slug)
def test_what_every_connector_that_listens_promises(connector: Connector) -> None:
    webhook = connector.webhook
    assert webhook is not None
    assert webhook.secrets
    assert not set(webhook.secrets) & {*connector.auth.secrets, *connector.auth.one_of}
    assert set(webhook.secrets) <= set(connector.secrets)
    assert webhook.register
    assert webhook.answer_within_s > 0
    assert all(name == name.lower() for name in webhook.headers)
    secrets = dict.fromkeys(webhook.secrets, "a secret")
    assert not webhook.verify({}, b"[]", secrets)
    assert not webhook.verify({}, b"[]", {})


# -- QuickBooks' messages ---------------------------------------------------------------
def sent(style: Style) -> Iterator[tuple[QuickBooks, bytes, dict[str, str]]]:
    """What the stand-in sends of a day's work."""
    vendor = QuickBooks(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)), preset="empty")
    vendor.hooks.subscribe("https://fernhill.example/webhooks/ledger", style)
    customer = vendor.books.add_customer("Acme")["Id"]
    invoice = vendor.books.add_invoice(customer, "100")["Id"]
    vendor.books.pay(invoice)
    vendor.books.delete_invoice(vendor.books.add_invoice(customer, "5")["Id"])
    kept: list[tuple[bytes, dict[str, str]]] = []

    def keep(url: str, body: bytes, headers: dict[str, str]) -> int:
        kept.append((body, headers))
        return 200

    vendor.deliver(keep)
    for body, headers in kept:
        yield vendor, body, {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("style", ["cloudevents", "legacy"])
def test_both_forms_say_the_same(style: Style) -> None:
    said: set[Hint] = set()
    for vendor, body, headers in sent(style):
        assert QUICKBOOKS.verify(headers, body, {"verifier_token": vendor.verifier_token})
        assert not QUICKBOOKS.verify(headers, body + b" ", {"verifier_token": "another"})
        said |= hints(QUICKBOOKS, body)
        realm = vendor.realm_id
    assert said == {Hint(realm, name) for name in ("customers", "invoices", "payments")}


def test_companies_may_share_a_message_and_letters_may_be_large() -> None:
    """Intuit's sample, twice, with a kind that is not read and times to the nanosecond."""

    def event(kind: str, realm: str) -> dict[str, object]:
        return {
            "specversion": "1.0",
            "id": "5f0c1d9e-0000-4000-8000-000000000000",
            "source": "intuit.0a1b",
            "type": kind,
            "datacontenttype": "application/json",
            "time": "2026-11-02T09:15:04.123456789Z",
            "intuitentityid": "130",
            "intuitaccountid": realm,
            "data": {"Balance": "what it says of a record is not read"},
        }

    body = json.dumps(
        [
            event("qbo.Invoice.Updated.v1", "9341450000000001"),
            event("qbo.payment.created.v1", "9341450000000002"),
            event("qbo.estimate.created.v1", "9341450000000001"),
        ]
    ).encode()
    assert hints(QUICKBOOKS, body) == {
        Hint("9341450000000001", "invoices"),
        Hint("9341450000000002", "payments"),
    }


def test_every_stream_it_names_is_there() -> None:
    kinds = ("customer", "invoice", "payment", "item", "account", "term", "class", "department",
             "preferences")  # fmt: skip
    events = [{"type": f"qbo.{kind}.updated.v1", "intuitaccountid": "1"} for kind in kinds]
    named = {hint.stream for hint in hints(QUICKBOOKS, json.dumps(events).encode())}
    assert len(named) == len(kinds)
    assert named <= {stream.name for stream in quickbooks.CONNECTOR.streams}


@pytest.mark.parametrize(
    "body", [b"", b"[", b"7", b"null", b"[null]", b'{"a":1}', b'[{"type":"qbo"}]', b"\xff"]
)
def test_a_strange_shape_is_said_to_be_one(body: bytes) -> None:
    with pytest.raises(BadInput, match="has not the shape this version knows"):
        hints(QUICKBOOKS, body)


# -- the shape fits others --------------------------------------------------------------
def test_an_examination_is_a_message_without_events() -> None:
    """Some are signed one character off: those are refused, the right one is taken."""
    body = b'{"events":[],"firstEventSequence":0,"lastEventSequence":0, "entropy": "FXNGWLCCGVAN"}'
    key = {"webhook_key": "ZdW8="}
    code = base64.b64encode(hmac.new(b"ZdW8=", body, hashlib.sha256).digest()).decode()
    near = ("B" if code[0] == "A" else "A") + code[1:]
    assert XERO.verify({"x-xero-signature": code}, body, key)
    assert not XERO.verify({"x-xero-signature": near}, body, key)
    assert (XERO.taken, XERO.refused) == (200, 401)
    assert hints(XERO, body) == frozenset()
    told = b'{"events":[{"tenantId":"c2c","eventCategory":"INVOICE","resourceId":"0f3"}]}'
    assert hints(XERO, told) == {Hint("c2c", "invoices")}


def test_a_script_of_the_firms_own_hints_at_a_record_of_its_account() -> None:
    body = b'{"recordType":"invoice","id":"88","event":"edit"}'
    assert hints(NETSUITE, body) == {Hint("", "invoices")}
    code = "sha256=" + hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    secret = {"hint_secret": "shared"}
    assert NETSUITE.verify({"x-tieout-signature": code}, body, secret)
    assert not NETSUITE.verify({"x-tieout-signature": code.upper()}, body, secret)
    assert not NETSUITE.verify({"x-tieout-signature": code}, body + b" ", secret)


@pytest.mark.parametrize("vendor", [quickbooks, xero, netsuite], ids=lambda one: one.CONNECTOR.slug)
def test_what_is_hinted_at_is_a_stream_of_the_connector(vendor: ModuleType) -> None:
    streams = {stream.name for stream in vendor.CONNECTOR.streams}
    assert set(vendor.webhook._STREAMS.values()) <= streams
