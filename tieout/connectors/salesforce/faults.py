"""What Salesforce's refusals mean for us.

A data call that fails answers a JSON array of errors; the token call an object; a
load balancer HTML or plain text; an external id that fits several records (300) an
array of their addresses. One HTTP status can mean opposite things (403 is a spent
quota or a missing right), so the error code decides before the status does.
Source: Salesforce's REST guide on status codes and errors, and public clients.
"""

from __future__ import annotations

import re
from typing import Any

from tieout.connectors.base import Fault, Response, VendorError
from tieout.connectors.salesforce.translate import long_id
from tieout.errors import (
    AuthExpired,
    Conflict,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)

_NAMED_ID = re.compile(r"\bid:\s*(\w{18}|\w{15})\b", re.ASCII)
_QUOTA_S = 900.0  # a spent daily quota frees up slowly, over a rolling day
_CONCURRENT_S = 60.0


def errors(response: Response) -> list[VendorError]:
    """The errors of an answer, [] for one that is a success."""
    if 200 <= response.status < 300:
        return []
    try:
        body = response.json()
    except ValueError:
        text = " ".join(response.body.decode(errors="replace").split())
        return [VendorError(text=text[:300])]
    return [_error(item) for item in (body if isinstance(body, list) else [body])]


def _error(item: Any) -> VendorError:
    if isinstance(item, str):  # 300: the address of one of several matching records
        return VendorError(text=item, remote_id=long_id(item.rstrip("/").rsplit("/", 1)[-1]))
    if not isinstance(item, dict):
        return VendorError(text=str(item)[:300])
    text = str(item.get("message") or item.get("error_description") or "")
    return VendorError(
        code=str(item.get("errorCode") or item.get("statusCode") or item.get("error") or ""),
        text=text,
        field=", ".join(str(name) for name in item.get("fields") or ()),
        remote_id=_named(item, text),
    )


def _named(item: dict[str, Any], text: str) -> str:
    """The record an error is about: a duplicate rule lists it, a unique field words it."""
    # The vendor misspells the key in most versions.
    rule = item.get("duplicateResut") or item.get("duplicateResult") or {}
    matches = [
        match["record"]["Id"]
        for result in rule.get("matchResults") or ()
        for match in result.get("matchRecords") or ()
    ]
    worded = _NAMED_ID.findall(text)
    return long_id(next(iter(matches + worded), ""))


def _codes(then: type[RemoteError], *codes: str, writes: bool | None = None) -> tuple[Fault, ...]:
    return tuple(Fault(then=then, code=code, writes=writes) for code in codes)


def _statuses(then: type[RemoteError], *statuses: int) -> tuple[Fault, ...]:
    return tuple(Fault(then=then, status=status) for status in statuses)


FAULTS = (
    # Sign-in. A refused key, user or app does not heal by itself.
    *_codes(AuthExpired, "invalid_grant", "invalid_client", "invalid_client_id"),
    Fault(then=AuthExpired, text="no client credentials user enabled"),
    Fault(then=AuthExpired, text="not supported on this domain"),
    Fault(then=RateLimited, code="rate_limit_exceeded"),
    Fault(then=Transient, code="unknown_error"),
    Fault(then=AuthExpired, status=401),
    # 403 is the quota, or a right that an administrator must give.
    Fault(then=RateLimited, code="REQUEST_LIMIT_EXCEEDED", text="concurrent", wait_s=_CONCURRENT_S),
    Fault(then=RateLimited, code="REQUEST_LIMIT_EXCEEDED", wait_s=_QUOTA_S),
    *_codes(AuthExpired, "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"),
    *_codes(Rejected, "INSUFFICIENT_ACCESS"),  # one object, not the whole connection
    # Somebody else holds the row, or the work took too long: it was rolled back.
    *_codes(Transient, "UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT"),
    Fault(then=Transient, text="UNABLE_TO_LOCK_ROW"),  # also inside a trigger's message
    *_codes(Transient, "REQUEST_RUNNING_TOO_LONG", writes=False),
    *_codes(Unknown, "REQUEST_RUNNING_TOO_LONG", writes=True),
    # The place in a listing is forgotten: the next pull starts at the saved mark.
    *_codes(Transient, "INVALID_QUERY_LOCATOR"),
    # It is there already, or gone.
    *_codes(Conflict, "DUPLICATES_DETECTED", "DUPLICATE_VALUE"),
    *_codes(Conflict, "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"),
    # The organisation's own rules refuse the data.
    *_codes(Rejected, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "REQUIRED_FIELD_MISSING"),
    *_codes(Rejected, "FIELD_INTEGRITY_EXCEPTION", "STRING_TOO_LONG"),
    *_codes(Rejected, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
    *_codes(Rejected, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    # A setting names what the organisation does not have, or hides from this user.
    *_codes(Rejected, "INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY", "MALFORMED_ID"),
    *_codes(Rejected, "JSON_PARSER_ERROR", "INVALID_FIELD_FOR_INSERT_UPDATE"),
    # By status, where no code decided.
    *_statuses(Conflict, 300, 409, 412, 428),
    *_statuses(AuthExpired, 403),
    *_statuses(Rejected, 405, 410, 414, 415, 431),  # 410: the API version is retired
    *_statuses(Transient, 420),  # the edge knows no route to the host
    *(Fault(then=Transient, status=status, writes=False) for status in (500, 502, 503)),
    *(Fault(then=Unknown, status=status, writes=True) for status in (500, 502, 503)),
)
