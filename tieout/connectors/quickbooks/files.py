"""The file with an invoice's time entries: how it is attached, and how to look for it.

Intuit, "attach images and notes" and the API reference of Attachable: a multipart upload, whose
answer tells of each of its parts; the files of an invoice are asked for by its id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.attached import File, multipart, unstored
from tieout.connectors.base import Request, Row, WriteContext
from tieout.connectors.exact import encode
from tieout.connectors.quickbooks import build, queries
from tieout.errors import Unknown
from tieout.model.document import Document
from tieout.model.settlement import Digest, RemoteRef


def send(body: bytes, key: str, settings: Any) -> Request:
    """The upload of a stored file; it goes with the invoice when that is mailed."""
    invoice_id, file = unstored(body)
    about = {
        "AttachableRef": [
            {"EntityRef": {"type": "Invoice", "value": invoice_id}, "IncludeOnSend": True}
        ],
        "FileName": file.name,
        "ContentType": file.content_type,
    }
    told = File(name="about.json", content_type="application/json", content=encode(about))
    parts, content_type = multipart((("file_metadata_01", told), ("file_content_01", file)))
    return replace(build.post("upload", parts, key, settings), content_type=content_type)


def record(answer: Any) -> Row:
    """The file in the answer to an upload, or the record itself. Raises Unknown without one."""
    parts = (answer or {}).get("AttachableResponse", [{"Attachable": answer}])
    found = parts[0].get("Attachable") if len(parts) == 1 else None
    if not found or "Id" not in found:
        raise Unknown("QuickBooks answered without the file that was sent")
    return dict(found)


def ref(row: Row) -> RemoteRef:
    """QuickBooks' handle on a file."""
    return RemoteRef(remote_id=str(row["Id"]), number=str(row.get("FileName", "")))


def digest(row: Row) -> Digest:
    """What a file says of itself."""
    return ledger.file_digest(str(row.get("FileName", "")), int(row.get("Size") or 0))


# -- looking ----------------------------------------------------------------------------
def _of_the_invoice(invoice: Document, context: WriteContext) -> tuple[str, ...]:
    of = "AttachableRef.EntityRef"
    return (
        queries.among(f"{of}.Type", "invoice"),
        queries.among(f"{of}.value", ledger.the_file(context)[0]),
    )


def _is_it(row: Row, invoice: Document, context: WriteContext) -> bool:
    return bool(row.get("FileName") == ledger.the_file(context)[1].name)


#: A file has no room for our key: on this invoice, of this name, which has its number.
FIND = (build.find("name", "Attachable", _of_the_invoice, _is_it),)
