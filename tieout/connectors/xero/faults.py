"""What Xero says when it fails, and what to conclude.

Four dialects: validation errors (also inside an answer of success, element by element), the
API's exceptions, the gateway's problems, and the token service's. Texts and codes: Xero,
"response codes" and "limits", and answers shown in public reports.
"""

from __future__ import annotations

import re
from typing import Any

from tieout.connectors.base import Fault, Response, VendorError
from tieout.errors import AuthExpired, Conflict, RateLimited, Rejected

TOO_LARGE = "413"
#: Only answers to writes speak of their elements' success.
_OF_A_WRITE = re.compile(rb'"StatusAttributeString"|Errors"\s*:\s*(?:true|\[\s*\{)')
_WRITTEN = ("Invoices", "CreditNotes", "Allocations", "Contacts")
#: Old answers say `Minute` and `Daily`.
_LIMITS = {"min": "minute", "da": "day", "con": "concurrent", "app": "appminute"}

FAULTS: tuple[Fault, ...] = (
    # The refresh token or the app's keys are dead, or a scope was not granted.
    Fault(then=AuthExpired, code="invalid_grant"),
    Fault(then=AuthExpired, code="invalid_client"),
    Fault(then=AuthExpired, code="unauthorized_client"),
    Fault(then=AuthExpired, code="invalid_scope"),
    # The organisation was disconnected, or reset: then it has another tenant id.
    Fault(then=AuthExpired, status=403),
    # Neither names a wait: five calls were on their way; all organisations' minute is full.
    Fault(then=RateLimited, code="concurrent", wait_s=5),
    Fault(then=RateLimited, code="appminute", wait_s=30),
    # The number of an invoice, the name or the number of a contact is taken, often by our
    # own first attempt.
    Fault(then=Conflict, text="must be unique", writes=True),
    Fault(then=Conflict, text="has this contact number", writes=True),
    # Xero remembers another call under this key: what became of that must be looked at.
    Fault(then=Conflict, text="used with a different request", writes=True),
    # It is void by now, or somebody paid or credited it since it was looked at.
    Fault(then=Conflict, text="not of valid status for modification", writes=True),
    Fault(then=Conflict, text="cannot be edited as it has a payment", writes=True),
    # A method that is not offered is a 501, and changed nothing.
    Fault(then=Rejected, code="20"),
)


def errors(response: Response) -> list[VendorError]:
    """The errors in an answer, [] when there are none; of a write of several, none.

    Raises ValueError when the body starts like JSON and is not.
    """
    if response.status == 429:  # the body may be anything
        problem = response.headers.get("x-rate-limit-problem", "").lower()
        limit = next((name for start, name in _LIMITS.items() if problem.startswith(start)), "")
        if limit:
            return [VendorError(limit, f"the {limit} limit of calls is reached")]
    if response.status == 413:
        return [VendorError(TOO_LARGE, "the call is larger than Xero takes")]
    body = response.body.strip()
    if not body.startswith(b"{"):
        return []
    if response.status < 300:
        if not _OF_A_WRITE.search(body):
            return []
        elements = _elements(response.json())
        return of_element(elements[0]) if len(elements) == 1 else []
    return _refusals(response.json())


def _elements(answer: Any) -> list[Any]:
    return next((answer[name] for name in _WRITTEN if name in answer), [])


def of_element(element: Any) -> list[VendorError]:
    """The errors of one element of a write, its lines' and its contact's among them."""
    parts = [element, element.get("Contact") or {}, *(element.get("LineItems") or ())]
    said = [each.get("Message") for part in parts for each in part.get("ValidationErrors") or ()]
    texts = dict.fromkeys(str(text) for text in said if text)
    failed = (
        element.get("StatusAttributeString") == "ERROR"
        or element.get("HasErrors") is True
        or element.get("HasValidationErrors") is True
    )
    if failed and not texts:
        texts = {"refused without a reason": None}
    return [VendorError("10", text) for text in texts]


def _refusals(answer: Any) -> list[VendorError]:
    found = [error for each in answer.get("Elements") or () for error in of_element(each)]
    return found or [_error({str(name).lower(): text for name, text in answer.items() if text})]


def _error(said: dict[str, Any]) -> VendorError:
    """The token service's error, the API's exception or the gateway's problem."""
    if isinstance(said.get("error"), str):
        return VendorError(said["error"], str(said.get("error_description") or said["error"]))
    code = str(said.get("errornumber") or said.get("title") or said.get("type") or "")
    parts = (said.get("title"), said.get("detail") or said.get("message"))
    return VendorError(code, ": ".join(str(part) for part in parts if part))
