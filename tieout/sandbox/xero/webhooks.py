"""What a notification says and how it is signed (Xero: webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime

from tieout.sandbox.xero.store import Change
from tieout.sandbox.xero.wire import Row

HEADER = "x-xero-signature"


def webhook_signature(body: bytes, key: str) -> str:
    """base64(HMAC-SHA256(body)); the key is used as it is given, not decoded."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def webhook_headers(body: bytes, key: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        HEADER: webhook_signature(body, key),
    }


def webhook_payload(events: list[Row], first: int, last: int, entropy: str) -> bytes:
    """The body of a notification; without events it is the intent to receive."""
    body = {
        "events": events,
        "firstEventSequence": first,
        "lastEventSequence": last,
        "entropy": entropy,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def webhook_event(change: Change, tenant_id: str, api_base: str) -> Row:
    """One event: where to look, nothing about amounts."""
    application = change.category == "SUBSCRIPTION"
    event: Row = {
        "resourceUrl": f"{api_base}/api.xro/2.0/{change.resource}/{change.id}",
        "resourceId": change.id,
        "tenantId": tenant_id,
        "tenantType": "APPLICATION" if application else "ORGANISATION",
        "eventCategory": change.category,
        "eventType": change.operation,
        "eventDateUtc": _moment(change.at),
    }
    if change.data:
        event["data"] = dict(change.data)
    return event


def _moment(instant: datetime) -> str:
    """ISO without a zone, to the millisecond."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}"
