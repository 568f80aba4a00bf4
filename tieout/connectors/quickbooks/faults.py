"""What QuickBooks says when it fails, and what to conclude.

Three dialects: the API's `Fault`, the gateway's lower-case `fault`, and its XML, which
comes even when JSON was asked for. Codes and their meaning: Intuit, "error codes" and
"handle common errors"; texts: answers shown in public reports.
"""

from __future__ import annotations

import html
import re
from typing import Any

from tieout.connectors.base import Fault, Response, VendorError
from tieout.errors import AuthExpired, Conflict, RateLimited, Rejected, Transient, Unknown

_XML_ERROR = re.compile(r"<Error\b([^>]*)>(.*?)</Error>", re.DOTALL)
#: The record a text names: only an invoice can be the one we meant to make.
_HOLDERS = {
    "6140": re.compile(r"\bTxnType=Invoice with TxnId=(\d+)"),
    "6240": re.compile(r"\bId=(\d+)"),
    "630": re.compile(r"\bId=(\d+)"),
}


def _each(then: Any, codes: str, writes: bool | None = None) -> tuple[Fault, ...]:
    return tuple(Fault(then=then, code=code, writes=writes) for code in codes.split())


FAULTS: tuple[Fault, ...] = (
    # The refresh token or the keys are dead; the access token is; then the app, the user or
    # the subscription has no right to this company (any more), or the company was reset.
    *_each(AuthExpired, "invalid_grant invalid_client unauthorized_client 3200 3202 100 110"),
    *_each(AuthExpired, "3100 120 6190 10200 AuthenticationFault AuthorizationFault"),
    *_each(AuthExpired, "AUTHENTICATION AUTHORIZATION"),
    # Too many calls, or the month's quota of reads is used up: the same words for both.
    Fault(then=RateLimited, code="3001", wait_s=60),
    # The company is locked, in maintenance or elsewhere; a batch too large was not begun.
    *_each(Transient, "130 140 150 1040"),
    # It exists already (name, number), or was changed by someone else meanwhile.
    *_each(Conflict, "630 6140 6240 5010"),
    # The first request of this id may still be running.
    *_each(Unknown, "600", writes=True),
    # Code 500 is a bad path or bad bytes when it says so, else a server that failed.
    Fault(then=Rejected, code="500", text="unsupported operation"),
    # Code 6000 tells of a broken rule, and of a server that lost its way.
    Fault(then=Unknown, code="6000", text="unexpected error", writes=True),
    Fault(then=Transient, code="6000", text="unexpected error", writes=False),
    *_each(Unknown, "500 10000 SystemFault SERVICE", writes=True),
    *_each(Transient, "500 10000 SystemFault SERVICE", writes=False),
    # Books closed, records inactive or locked, fields missing or too long, bad queries.
    *_each(Rejected, "6200 6210 610 620 800 6220 6250 6280 6450 6480 6540 2500"),
    *_each(Rejected, "2010 2020 2030 2050 2060 2070 2130 2140 2170 2190 2210 2240 2290"),
    *_each(Rejected, "6000 6030 6070 6080 6090 6100 6130 6150 6160 6170 6180"),
    *_each(Rejected, "6310 6330 6390 6420 4000 4001 4002 5020 5030 10100 ValidationFault"),
    # The gateway's refusal without a code.
    Fault(then=AuthExpired, status=403),
)


def errors(response: Response) -> list[VendorError]:
    """The errors in an answer, [] when there are none; a batch's items are not looked at.

    Raises ValueError when the body starts like JSON and is not.
    """
    body = response.body.strip()
    if not body.startswith(b"{"):
        text = body.decode("utf-8", "replace")
        return [_of_xml(attributes, inner) for attributes, inner in _XML_ERROR.findall(text)]
    if response.status < 300 and b'ault"' not in body:
        return []
    answer = response.json()
    faults = [answer.get("Fault"), answer.get("fault")]
    parts = [*(answer.get("CDCResponse") or ()), *(answer.get("AttachableResponse") or ())]
    faults += [part.get("Fault") for part in parts]
    found = [error for fault in faults for error in of_fault(fault)]
    if found or response.status < 300:
        return found
    if isinstance(answer.get("error"), str):  # the token service
        return [VendorError(answer["error"], str(answer.get("error_description") or ""))]
    return [_error(answer)]


def of_fault(fault: Any) -> list[VendorError]:
    """The errors in a `Fault` or `fault`; one without a code has the fault's type for it."""
    if not fault:
        return []
    kind = str(fault.get("type") or "")
    return [_error(error, kind) for error in fault.get("Error") or fault.get("error") or [{}]]


def _error(error: Any, kind: str = "") -> VendorError:
    said = {str(name).lower(): str(value) for name, value in error.items() if value}
    message, detail = said.get("message", ""), said.get("detail", "")
    text = detail if detail.startswith(message) else f"{message}: {detail}".removesuffix(": ")
    code = said.get("code") or kind
    code = code.lstrip("0") if code.isdigit() else code
    holder = _HOLDERS[code].search(text) if code in _HOLDERS else None
    return VendorError(code, text, said.get("element", ""), holder[1] if holder else "")


def _of_xml(attributes: str, inner: str) -> VendorError:
    """One XML error, by its tags alone: no parser, so no entity is ever expanded."""
    code = re.search(r"""\bcode=["'](\w*)""", attributes)
    tags = re.findall(r"<(Message|Detail)>(.*?)</\1>", inner, re.DOTALL)
    said = {name: html.unescape(text).strip() for name, text in tags}
    return _error({**said, "code": code[1] if code else ""})
