"""Files that are attached to an invoice: how one waits in the outbox, and how it leaves.

The outbox keeps JSON, so a file's bytes stand in it as base64; a connector takes them out again
when the call is made. Pure, and of no vendor.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tieout.connectors.exact import decode


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with its name and its bytes."""

    name: str  # letters, digits, dot, dash and underscore only
    content_type: str  # `text/csv`
    content: bytes


def stored(invoice_id: str, file: File) -> dict[str, Any]:
    """A file for an invoice, as the outbox keeps it; `invoice_id` is the ledger's."""
    return {
        "invoice": invoice_id,
        "name": file.name,
        "type": file.content_type,
        "content": base64.b64encode(file.content).decode(),
    }


def unstored(body: Any) -> tuple[str, File]:
    """The ledger's invoice and the file of a stored body, as bytes or parsed; of an empty one,
    of which only the call is counted, an empty file."""
    row = decode(body) if isinstance(body, bytes) else body
    file = File(
        name=row.get("name", ""),
        content_type=row.get("type", ""),
        content=base64.b64decode(row.get("content", "")),
    )
    return row.get("invoice", ""), file


def multipart(parts: Iterable[tuple[str, File]]) -> tuple[bytes, str]:
    """Named parts as one multipart/form-data body, and its content type.

    The same parts give the same bytes: what separates them is worked out from what they hold.
    """
    kept = list(parts)
    mark = "tieout-" + sha256(b"\n".join(file.content for _, file in kept)).hexdigest()[:32]
    body = b""
    for name, file in kept:
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file.name}"\r\n'
            f"Content-Type: {file.content_type}\r\n\r\n"
        )
        body += head.encode() + file.content + b"\r\n"
    return body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"
