"""A hint that a script of the firm's own account may send: NetSuite itself sends none.

A User Event script posts `{"recordType", "id", "event"}` after a record was saved, with
`x-tieout-signature: sha256=` and the hex HMAC-SHA256 of those bytes under a shared secret.
"""

from __future__ import annotations

import json

from tieout.connectors.webhook import Hint, Webhook, among, hmac_sha256

_STREAMS = {
    "customer": "customers", "job": "projects", "invoice": "invoices",
    "customerpayment": "payments", "creditmemo": "credit_memos",
}  # fmt: skip
#: A credit memo is a document, and what it is set against is read as a payment of nothing.
_SETTLES = {"creditmemo": "payments"}


def refs(body: bytes) -> list[Hint]:
    """One record, of the account that the secret belongs to."""
    told = [("", json.loads(body)["recordType"])]
    return among(_STREAMS, told) + among(_SETTLES, told)


WEBHOOK = Webhook(
    secrets=("hint_secret",),
    verify=hmac_sha256("x-tieout-signature", "hint_secret", "hex", "sha256="),
    refs=refs,
    register="your account: a User Event script that posts to this address",
    answer_within_s=10,
    unique=False,  # the same record saved twice gives the same bytes
)
