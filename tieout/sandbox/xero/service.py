"""The Accounting API behind the gateway: one call in, one answer out, in JSON or XML."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.xero import extras, routes, xmlform
from tieout.sandbox.xero.call import Answer, Call
from tieout.sandbox.xero.errors import Invalid, Missing, PlainRefusal, Refusal, no_method, problem
from tieout.sandbox.xero.wire import Row, encode, milliseconds
from tieout.sandbox.xero.writing import messages_of

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

PROVIDER = "Tieout sandbox"
NOT_FOUND = "The resource you're looking for cannot be found"
LONGEST_TARGET, LONGEST_FOR_CDN = 8190, 8500
JSON_TYPE = "application/json; charset=utf-8"


def too_long(request: Request) -> Response | None:
    """The front door's answer to an address that is too long: 414, and HTML beyond that."""
    length = len(request.full_path.encode())
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    length = max(length, len(str(raw))) if raw else length
    if length > LONGEST_FOR_CDN:
        page = "<html><head><title>400 Bad Request</title></head></html>"
        return Response(page, status=400, content_type="text/html")
    if length > LONGEST_TARGET:
        return Response(status=414)
    return None


def scopes_of(path: str) -> tuple[str, ...]:
    """The scopes any of which opens a path below the base; () for an unknown path."""
    found = routes.find(path)
    if found is None:
        return ()
    scopes = found[0].scopes
    return scopes + tuple(routes.BROAD[each] for each in scopes if each in routes.BROAD)


def serve(books: Books, request: Request, path: str, mark: str, now: datetime) -> Response:
    """Answer a call that the gateway let through; `mark` is its correlation id."""
    try:
        answer = _handled(books, request, path)
    except PlainRefusal as refusal:
        return Response(refusal.text, status=refusal.status, content_type="text/html")
    except Refusal as refusal:
        return refused(books, request, refusal)
    except Missing:
        return refused(books, request, problem(404, "Not Found", NOT_FOUND, mark))
    except Invalid as trouble:
        body: Row = {"ErrorNumber": 10, "Type": "ValidationException"}
        body["Message"] = "A validation exception occurred"
        body["Elements"] = [{"ValidationErrors": messages_of(trouble.messages)}]
        return refused(books, request, Refusal(400, body))
    if answer.content is not None:
        return Response(answer.content, status=answer.status, content_type=answer.content_type)
    if answer.body is None:
        return Response(status=answer.status)
    return _rendered(books, request, answer, mark, now)


def wants_json(request: Request) -> bool:
    """Only a call that accepts JSON by name gets it."""
    return "json" in request.headers.get("Accept", "").lower()


def refused(books: Books, request: Request, refusal: Refusal) -> Response:
    """An error in the form the caller accepts."""
    if refusal.body is None:
        return Response(status=refusal.status, headers=refusal.headers)
    if wants_json(request):
        text = encode(refusal.body, books.settings.layout)
        return Response(text, refusal.status, refusal.headers, content_type=JSON_TYPE)
    content = xmlform.write(refusal.body).replace(b"Response>", b"ApiException>")
    return Response(content, refusal.status, refusal.headers, content_type="text/xml")


def refused_in_json(layout: str, refusal: Refusal) -> Response:
    """An error of the gateway, which answers JSON whatever the caller accepts."""
    if refusal.body is None:
        return Response(status=refusal.status, headers=refusal.headers)
    text = encode(refusal.body, layout)
    return Response(text, refusal.status, refusal.headers, content_type="application/json")


def _handled(books: Books, request: Request, path: str) -> Answer:
    found = routes.find(path)
    if found is None:
        raise Missing(path)
    route, ids = found
    # Who asks for a printable document gets one.
    printing = "pdf" in request.headers.get("Accept", "") and set(ids) == {"id"}
    handler = route.handlers.get(request.method)
    if handler is None:
        raise no_method()
    call = Call(books, request, route.resource, ids)
    if printing and request.method == "GET" and route.resource in ("Invoices", "CreditNotes"):
        return extras.pdf(call)
    limited = request.method in ("PUT", "POST") and "Attachments" not in path
    if limited and len(request.get_data()) > books.settings.body_bytes:
        raise Refusal(413, None)
    return handler(call)


def _rendered(books: Books, request: Request, answer: Answer, mark: str, now: datetime) -> Response:
    body = answer.body or {}
    json = wants_json(request)
    if answer.enveloped:
        at = f"/Date({milliseconds(now)})/" if json else now
        head: Row = {"Id": mark, "Status": "OK", "ProviderName": PROVIDER, "DateTimeUTC": at}
        body = {**head, **body}
    if json:
        text = encode(body, books.settings.layout)
        return Response(text, status=answer.status, content_type=JSON_TYPE)
    content = xmlform.write(body)
    return Response(content, status=answer.status, content_type="text/xml; charset=utf-8")
