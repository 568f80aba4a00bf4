"""Xero's notifications, and its examination of our address (Xero: webhooks).

Before the first message Xero sends some without events, part of them signed wrong: those
are answered 401, the others 200, as any message is. A payment is told as its invoice's.
"""

from __future__ import annotations

import json

from tieout.connectors.webhook import Hint, Webhook, among, hmac_sha256

_STREAMS = {"contact": "contacts", "invoice": "invoices", "creditnote": "credit_notes"}


def refs(body: bytes) -> list[Hint]:
    """What changed; organisations may share a message."""
    events = json.loads(body)["events"]
    return among(_STREAMS, ((one["tenantId"], one["eventCategory"]) for one in events))


WEBHOOK = Webhook(
    secrets=("webhook_key",),
    verify=hmac_sha256("x-xero-signature", "webhook_key"),  # the key as it is shown
    refs=refs,
    register="developer.xero.com: the app, Webhooks; the webhook key is shown there",
    answer_within_s=5,
)
