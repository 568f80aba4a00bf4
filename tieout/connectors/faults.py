"""What an answer, or the lack of one, means for the engine: one table for all vendors.

A connector's own fault lines come first, the first match wins; then the verb
decides (`_by_status`). Nothing here waits, retries or logs.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

import requests
from urllib3 import exceptions as wire

from tieout.connectors.base import Connector, Fault, Request, Response, VendorError
from tieout.connectors.redact import secrets_out
from tieout.errors import (
    AuthExpired,
    Conflict,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)

#: Seconds to wait when a vendor asks to wait and does not say how long.
DEFAULT_WAIT_S = 60.0
#: A wait beyond a day is not believed (a vendor sent an epoch second, or a slip of units)...
LONGEST_BELIEVED_S = 86_400.0
#: ... and becomes an hour: asking once an hour hurts nobody.
UNBELIEVABLE_WAIT_S = 3_600.0
#: A wait of nothing would let a loop run hot.
SHORTEST_WAIT_S = 1.0

_REDIRECTS = (301, 302, 303, 307, 308)
_LONGEST_TEXT = 1_000  # characters of a vendor's words that are kept
_ODD_ANSWER = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


def classify(
    connector: Connector,
    request: Request,
    outcome: Response | Exception,
    *,
    now: datetime | None = None,
    secrets: Iterable[str] = (),
) -> RemoteError | None:
    """The error an outcome means, not raised; None when the call did what it should.

    `outcome` is the answer, or the exception that came instead. `now` (UTC)
    places a wait given as a date when the answer has no date of its own.
    `secrets` are values that must not be seen in the error's text.
    """
    if isinstance(outcome, Exception):
        return _without_answer(request, outcome)
    errors = _vendor_errors(connector, outcome)
    trace_id = outcome.headers.get(connector.trace_header, "") if connector.trace_header else ""
    details: dict[str, Any] = {"status": outcome.status, "trace_id": trace_id}
    if not errors and outcome.status < 300:
        problem = _unusable(request, outcome)
        if not problem:
            return None
        doubt = Unknown if request.writes else Transient
        return doubt(problem, **details)
    fault, error = first_match(connector.faults, request, outcome.status, errors)
    then = fault.then if fault else _by_status(outcome.status, request.writes)
    default_s = fault.wait_s if fault else DEFAULT_WAIT_S
    text = secrets_out(_words(errors, outcome), secrets)
    return _made(then, text, error, wait_of(outcome.headers, default_s, now), **details)


def of_item(connector: Connector, request: Request, errors: Sequence[VendorError]) -> RemoteError:
    """The error of one item that a batch refused, while the call itself went through."""
    refusals = list(errors) or [VendorError()]
    fault, error = first_match(connector.faults, request, 200, refusals)
    then = fault.then if fault else Rejected
    text = "; ".join(each.text for each in refusals if each.text) or "refused without a reason"
    wait_s = fault.wait_s if fault else DEFAULT_WAIT_S
    return _made(then, secrets_out(text[:_LONGEST_TEXT]), error, wait_s)


def _made(
    then: type[RemoteError], text: str, error: VendorError, wait_s: float, **details: Any
) -> RemoteError:
    details |= {"code": error.code, "field": error.field}
    if issubclass(then, RateLimited):
        return then(text, wait_s=wait_s, **details)
    if issubclass(then, Conflict):
        return then(text, remote_id=error.remote_id, **details)
    return then(text, **details)


# -- answers ----------------------------------------------------------------------------
def _vendor_errors(connector: Connector, answer: Response) -> list[VendorError]:
    try:
        errors = list(connector.errors(answer))
    except _ODD_ANSWER:
        errors = []  # a body in no shape the connector knows: the status decides
    if not errors and answer.status >= 300:
        return [VendorError(text=_plain(answer.body))]
    return errors


def first_match(
    faults: Iterable[Fault], request: Request, status: int, errors: list[VendorError]
) -> tuple[Fault | None, VendorError]:
    """The first line that one of the errors matches, with that error; (None, the first) else."""
    for fault in faults:
        for error in errors:
            if _matches(fault, request, status, error):
                return fault, error
    return None, errors[0]


def _matches(fault: Fault, request: Request, status: int, error: VendorError) -> bool:
    if fault.status is not None and fault.status != status:
        return False
    if fault.code is not None and fault.code != error.code:
        return False
    if fault.text is not None and fault.text.lower() not in error.text.lower():
        return False
    return fault.writes is None or fault.writes == request.writes


def _by_status(status: int, writes: bool) -> type[RemoteError]:
    if status >= 500 or status == 408:
        return Unknown if writes else Transient
    if status == 303 and writes:
        return Unknown  # `see other` is what a server says after it did the work
    by_number: dict[int, type[RemoteError]] = {
        401: AuthExpired,
        425: Transient,
        429: RateLimited,
    }
    return by_number.get(status, Rejected)


def _unusable(request: Request, answer: Response) -> str:
    """Why a successful answer cannot be read; "" when it can."""
    accepts = dict((name.lower(), value) for name, value in request.headers).get("accept", "json")
    if "json" not in accepts:
        return ""
    if not answer.body:
        empty_is_fine = answer.status in (204, 205) or request.method == "DELETE"
        return "" if empty_is_fine else f"an empty answer (HTTP {answer.status})"
    try:
        answer.json()
    except (ValueError, RecursionError):
        kind = answer.headers.get("content-type", "") or "no content type"
        return f"an answer that is not complete JSON (HTTP {answer.status}, {kind})"
    return ""


def _words(errors: list[VendorError], answer: Response) -> str:
    if answer.status in _REDIRECTS:
        return (
            f"HTTP {answer.status}: the vendor redirects, and redirects are not followed;"
            " check the connection's base_url"
        )
    said = (error.text.strip() for error in errors)
    # A web page may come as the text of an error: only its words are kept.
    texts = list(dict.fromkeys(_plain(t.encode()) if t.startswith("<") else t for t in said if t))
    if not texts:
        codes = ", ".join(error.code for error in errors if error.code)
        return f"HTTP {answer.status}" + (f", code {codes}" if codes else " without a text")
    return "; ".join(texts)[:_LONGEST_TEXT]


def _plain(body: bytes) -> str:
    """The words of an HTML, XML or text body."""
    text = body[: 20 * _LONGEST_TEXT].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", " ", text)
    return " ".join(unescape(text).split())[:_LONGEST_TEXT]


def wait_of(
    headers: Mapping[str, str], default_s: float = DEFAULT_WAIT_S, now: datetime | None = None
) -> float:
    """Seconds the vendor asks us to wait, from `retry-after` (seconds or an HTTP date).

    A missing, negative or unreadable value gives `default_s`; more than a day
    is not believed and gives an hour; less than a second gives a second.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", value):
        wait_s = float(value)
    else:
        until = _http_date(value)
        start = _http_date(headers.get("date", "")) or now
        if until is None or start is None or until < start:
            return default_s
        wait_s = (until - start).total_seconds()
    if wait_s > LONGEST_BELIEVED_S:
        return UNBELIEVABLE_WAIT_S
    return max(wait_s, SHORTEST_WAIT_S)


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# -- no answer --------------------------------------------------------------------------
def _without_answer(request: Request, problem: Exception) -> RemoteError:
    """What a failed call means. The exception's own text is not used: it holds the URL."""
    if _nothing_was_sent(problem):
        return Transient(f"could not connect ({_kind_of(problem)}); nothing was sent")
    if isinstance(problem, requests.Timeout | wire.TimeoutError):
        text = "no answer in time"
    else:
        text = f"the connection was cut ({_kind_of(problem)})"
    if request.writes:
        return Unknown(f"{text}; what was sent may have been done")
    return Transient(text)


def _nothing_was_sent(problem: Exception) -> bool:
    if isinstance(problem, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = _cause(problem)
    if isinstance(cause, wire.NewConnectionError | wire.ConnectTimeoutError):
        return True
    # A certificate is refused in the handshake, before any byte of the request.
    inner = cause.args[0] if isinstance(cause, wire.SSLError) and cause.args else cause
    return isinstance(inner, ssl.SSLCertVerificationError)


def _cause(problem: Exception) -> object:
    inner = problem.args[0] if problem.args else problem
    return getattr(inner, "reason", None) or inner


def _kind_of(problem: Exception) -> str:
    cause = _cause(problem)
    return type(cause if isinstance(cause, Exception) else problem).__name__
