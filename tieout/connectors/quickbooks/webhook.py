"""Intuit's notifications, as CloudEvents and in the older form (Intuit: webhooks)."""

from __future__ import annotations

import json

from tieout.connectors.webhook import Hint, Webhook, among, hmac_sha256

_STREAMS = {
    "customer": "customers", "invoice": "invoices", "payment": "payments", "item": "items",
    "account": "accounts", "term": "terms", "class": "classes", "department": "departments",
    "preferences": "preferences",
}  # fmt: skip


def refs(body: bytes) -> list[Hint]:
    """What changed; companies may share a message. What it says of a record is not read."""
    told = json.loads(body)
    if isinstance(told, list):  # the type is `qbo.invoice.updated.v1`
        return among(_STREAMS, ((e["intuitaccountid"], e["type"].split(".")[1]) for e in told))
    companies = [(one["realmId"], one["dataChangeEvent"]) for one in told["eventNotifications"]]
    return among(_STREAMS, ((c, e["name"]) for c, event in companies for e in event["entities"]))


WEBHOOK = Webhook(
    secrets=("verifier_token",),
    verify=hmac_sha256("intuit-signature", "verifier_token"),
    refs=refs,
    register="developer.intuit.com: the app, Webhooks; the verifier token is shown there",
    answer_within_s=3,
)
