"""Notifications of changes, in both formats, and their signature (Intuit: webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal

from tieout.sandbox.quickbooks.store import Change
from tieout.sandbox.quickbooks.wire import Row, encode

_PAST = {
    "Create": "created", "Update": "updated", "Delete": "deleted", "Void": "voided",
    "Emailed": "emailed", "Merge": "merged",
}  # fmt: skip
#: No notifications are sent for these.
_SILENT = {"TaxCode", "TaxRate", "TaxAgency", "Attachable"}


def webhook_payload(
    events: Iterable[Change], style: Literal["cloudevents", "legacy"], realm_id: str
) -> bytes:
    """The body of one notification about changes of one company."""
    told = [event for event in events if event.entity not in _SILENT]
    if style == "cloudevents":
        return encode([_cloud_event(event, realm_id) for event in told]).encode()
    entities = [
        {
            "id": event.id,
            "operation": event.operation,
            "name": event.entity,
            "lastUpdated": event.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        }
        for event in told
    ]
    notification = {"realmId": realm_id, "dataChangeEvent": {"entities": entities}}
    return encode({"eventNotifications": [notification]}).encode()


def _cloud_event(event: Change, realm_id: str) -> Row:
    text = f"{realm_id} {event.entity} {event.id} {event.operation} {event.at.isoformat()}"
    mark = hashlib.sha256(text.encode()).hexdigest()
    return {
        "specversion": "1.0",
        "id": f"{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}",
        "source": f"intuit.{mark[32:]}",
        "type": f"qbo.{event.entity.lower()}.{_PAST[event.operation]}.v1",
        "datacontenttype": "application/json",
        "time": event.at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z"),
        "intuitentityid": event.id,
        "intuitaccountid": realm_id,
        "data": {},
    }


def webhook_signature(body: bytes, verifier_token: str) -> str:
    """The `intuit-signature` header: base64 of HMAC-SHA256 over the raw body."""
    digest = hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
