"""Notifications of changes, in both formats, and their signature (Intuit: webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

from tieout.sandbox.quickbooks.store import Change
from tieout.sandbox.quickbooks.wire import Row, encode

#: CloudEvents is the current form; the legacy one was to end in 2026.
Style = Literal["cloudevents", "legacy"]

_PAST = {
    "Create": "created", "Update": "updated", "Delete": "deleted", "Void": "voided",
    "Emailed": "emailed", "Merge": "merged",
}  # fmt: skip
#: No notifications are sent for these.
_SILENT = {"TaxCode", "TaxRate", "TaxAgency", "Attachable", "CompanyInfo", "ExchangeRate"}
#: Entities that notifications call by another name.
_CALLED = {"CompanyCurrency": "Currency"}


def told(change: Change) -> bool:
    """Whether a change is worth a notification."""
    return change.entity not in _SILENT


def webhook_payload(events: Iterable[Change], style: Style, realm_id: str) -> bytes:
    """The body of one notification about changes of one company."""
    return payload([(realm_id, event) for event in events], style)


def payload(events: Iterable[tuple[str, Change]], style: Style) -> bytes:
    """The body of one notification about changes of several companies, as (realm id, change)."""
    kept = [(realm_id, event) for realm_id, event in events if told(event)]
    if style == "cloudevents":
        return encode([_cloud_event(event, realm_id) for realm_id, event in kept]).encode()
    by_realm: dict[str, list[Row]] = {}
    for realm_id, event in kept:
        by_realm.setdefault(realm_id, []).append(_legacy_entity(event))
    notifications = [
        {"realmId": realm_id, "dataChangeEvent": {"entities": entities}}
        for realm_id, entities in by_realm.items()
    ]
    return encode({"eventNotifications": notifications}).encode()


def _legacy_entity(event: Change) -> Row:
    entity = {
        "id": event.id,
        "operation": event.operation,
        "name": _CALLED.get(event.entity, event.entity),
        "lastUpdated": event.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    return entity | {"deletedId": event.gone} if event.gone else entity


def _cloud_event(event: Change, realm_id: str) -> Row:
    text = f"{realm_id} {event.number} {event.entity} {event.id} {event.at.isoformat()}"
    mark = hashlib.sha256(text.encode()).hexdigest()
    source = hashlib.sha256(f"source {realm_id}".encode()).hexdigest()
    name = _CALLED.get(event.entity, event.entity).lower()
    return {
        "specversion": "1.0",
        "id": f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}",
        "source": f"intuit.{source[:32]}",
        "type": f"qbo.{name}.{_PAST[event.operation]}.v1",
        "datacontenttype": "application/json",
        "time": event.at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z"),
        "intuitentityid": event.id,
        "intuitaccountid": realm_id,
        "data": {},
    }


def webhook_headers(body: bytes, style: Style, verifier_token: str) -> dict[str, str]:
    """The headers that go with a body: its type and its signature."""
    kind = "application/json" if style == "legacy" else "application/cloudevents+json"
    signature = webhook_signature(body, verifier_token)
    return {"intuit-signature": signature, "Content-Type": kind}


def webhook_signature(body: bytes, verifier_token: str) -> str:
    """The `intuit-signature` header: base64 of HMAC-SHA256 over the raw body."""
    digest = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
