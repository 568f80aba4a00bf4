"""What writing calls carried, by ledger: read from their bytes, past the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

#: By ledger: the field that numbers an invoice, and the one that names a customer.
_FIELDS = {
    "quickbooks": ("DocNumber", "DisplayName"),
    "xero": ("InvoiceNumber", "Name"),
    "netsuite": ("tranId", "companyName"),
}


def records_in(slug: str, body: bytes) -> list[tuple[str, str]]:
    """("customer", name) and ("invoice", number) of each record in a body, in order."""
    number, name = _FIELDS[slug]
    found = []
    for record in _records(json.loads(body)):
        if number in record:
            found.append(("invoice", record[number]))
        elif name in record:
            found.append(("customer", record[name]))
    return found


def documents_in(slug: str, method: str, body: bytes) -> list[str]:
    """The numbers of the documents that a call carries; none for one that does not write."""
    writes = method in ("POST", "PUT", "PATCH")
    if slug not in _FIELDS or not writes or _FIELDS[slug][0].encode() not in body:
        return []
    return [number for kind, number in records_in(slug, body) if kind == "invoice"]


def _records(body: Any) -> Iterator[dict[str, Any]]:
    """The records themselves, out of whatever a batch wraps them in."""
    for item in body.get("BatchItemRequest", [body]):
        item = item.get("Invoice", item)
        yield from item.get("Invoices", item.get("Contacts", [item]))
