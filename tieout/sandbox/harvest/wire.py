"""Bodies: what a call brings, as JSON or a form, and answers in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from tieout.sandbox import exactjson
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.show import plain


def body_of(request: Request) -> Mapping[str, Any]:
    if request.mimetype != "application/json":
        return request.form.to_dict()
    try:
        body = exactjson.loads(request.get_data() or b"{}")
    except ValueError as problem:
        raise Invalid("The request body is not JSON", 400) from problem
    if not isinstance(body, dict):
        raise Invalid("The request body is not an object", 400)
    return body


def file_of(request: Request, name: str) -> tuple[str, bytes, str] | None:
    """A file sent in a multipart body as (name, content, content type), or None."""
    found = request.files.get(name)
    if found is None or not found.filename:
        return None
    content = found.read()
    found.close()
    return found.filename, content, found.mimetype or "application/octet-stream"


def json_answer(status: int, body: Any) -> Response:
    return Response(
        exactjson.dumps(plain(body)),
        status=status,
        content_type="application/json; charset=utf-8",
    )
