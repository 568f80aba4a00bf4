"""The file with an invoice's time entries: how it is attached, and how to look for it.

Xero, Accounting API: attachments of an invoice. The bytes are the whole body; the file's name
stands in the path. At most 10 files on a document.
"""

from __future__ import annotations

from typing import Any

from tieout.connectors import ledger
from tieout.connectors.attached import unstored
from tieout.connectors.base import Find, Request, Row, WriteContext
from tieout.connectors.xero import queries
from tieout.model.document import Document
from tieout.model.settlement import Digest, RemoteRef


def send(body: bytes, key: str, settings: Any) -> Request:
    """The upload of a stored file, by PUT: a POST replaces one of the same name. Clients see it
    with the invoice online."""
    invoice_id, file = unstored(body)
    return Request(
        method="PUT",
        path=f"/Invoices/{invoice_id}/Attachments/{file.name}",
        params=(("IncludeOnline", "true"),),
        headers=(("Idempotency-Key", key),),
        body=file.content,
        content_type=file.content_type,
        purpose="attach a timesheet",
        writes=True,
    )


def ref(row: Row) -> RemoteRef:
    """Xero's handle on a file."""
    return RemoteRef(remote_id=str(row["AttachmentID"]), number=str(row.get("FileName") or ""))


def digest(row: Row) -> Digest:
    """What a file says of itself."""
    return ledger.file_digest(str(row.get("FileName") or ""), int(row.get("ContentLength") or 0))


# -- looking ----------------------------------------------------------------------------
def _ask(invoice_id: str, settings: Any) -> Request:
    return queries.get(f"Invoices/{invoice_id}/Attachments")


def _invoice_id(invoice: Document, context: WriteContext) -> str:
    return ledger.the_file(context)[0]


def _is_it(row: Row, invoice: Document, context: WriteContext) -> bool:
    return bool(row.get("FileName") == ledger.the_file(context)[1].name)


#: A file has no room for our key: on this invoice, of this name, which has its number.
FIND: tuple[Find, ...] = (
    ledger.find("name", _invoice_id, _ask, queries.rows("Attachments"), _is_it),
)
