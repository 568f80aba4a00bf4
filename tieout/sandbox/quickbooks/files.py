"""Uploads and printed documents (Intuit: Attachable reference).

Uploads are read leniently: public client libraries send bare line feeds and
base64 contents, others send CRLF and bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.wire import Row, decode

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

#: Temporary addresses start so.
DOWNLOADS = "/files/"
_DOWNLOAD_FOR = timedelta(minutes=15)
_MOST_BYTES = 100 * 1024 * 1024
_NAME = re.compile(rb'name="?([A-Za-z_]+)_(\d+)"?', re.IGNORECASE)


def upload(books: Books, content_type: str, body: bytes) -> list[Row]:
    """Store every file of a multipart body; one response entry each."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if found is None:
        raise faults.unsupported("upload without a boundary")
    parts: dict[str, dict[str, bytes]] = {}
    for chunk in body.split(b"--" + found.group(1).encode()):
        part = _part(chunk)
        if part is not None:
            kind, key, content = part
            parts.setdefault(key, {})[kind] = content
    if not parts:
        raise faults.required("file_content_01")
    return [_stored(books, parts[key]) for key in sorted(parts)]


def _part(chunk: bytes) -> tuple[str, str, bytes] | None:
    chunk = chunk.lstrip(b"\r\n")
    separator = b"\r\n\r\n" if b"\r\n\r\n" in chunk else b"\n\n"
    head, found, content = chunk.partition(separator)
    named = _NAME.search(head)
    if not found or named is None:
        return None
    # The line end before the next boundary belongs to the boundary.
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if b"base64" in head.lower():
        try:
            content = base64.b64decode(content.strip())
        except binascii.Error:
            raise faults.bad_value("file_content", "base64") from None
    return named.group(1).decode().lower(), named.group(2).decode(), content


def _stored(books: Books, part: dict[str, bytes]) -> Row:
    try:
        if "file_content" not in part:
            raise faults.required("file_content")
        content = part["file_content"]
        if len(content) > _MOST_BYTES:
            raise faults.ApiFault(6030, "File too large", "Files can have 100 MB.")
        payload = decode(part.get("file_metadata", b"{}").strip() or b"{}")
        if isinstance(payload, dict):
            payload = {"FileName": "file"} | payload
        row = books.create("Attachable", payload)
    except ValueError:
        return {"Fault": faults.bad_value("file_metadata", "JSON").body()}
    except faults.ApiFault as fault:
        return {"Fault": fault.body()}
    books.files[row["Id"]] = content
    row["Size"] = len(content)
    row["FileAccessUri"] = f"/v3/company/files/{row['Id']}"
    return {"Attachable": books.present("Attachable", row)}


def temporary_address(now: datetime, row_id: str) -> str:
    """Where a file can be fetched without signing in, for a quarter of an hour."""
    end = int((now + _DOWNLOAD_FOR).timestamp())
    return f"{DOWNLOADS}{row_id}?expires={end}&signature={_signature(row_id, end)}"


def download(books: Books, request: Request) -> Response:
    """Answer a temporary address: the bytes, or 403 when its time is over."""
    row_id = request.path.removeprefix(DOWNLOADS)
    end = request.args.get("expires", "")
    if not end.isdigit() or request.args.get("signature") != _signature(row_id, int(end)):
        return Response("Forbidden", status=403)
    if books.clock.now().timestamp() >= int(end):
        return Response("Request has expired", status=403)
    if row_id not in books.files:
        return Response("Not found", status=404)
    return Response(books.files[row_id], mimetype="application/octet-stream")


def _signature(row_id: str, end: int) -> str:
    return hashlib.sha256(f"download {row_id} {end}".encode()).hexdigest()[:32]


def pdf(row: Row) -> bytes:
    """A one-page PDF that shows the number and the total of a document."""
    text = f"{row.get('DocNumber') or row['Id']}  {row['TotalAmt']:f}"
    escaped = re.sub(r"([()\\])", r"\\\1", text).encode("latin-1", "replace")
    drawn = b"BT /F1 18 Tf 72 720 Td (" + escaped + b") Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
