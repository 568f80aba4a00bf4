"""What NetSuite says when it fails, and what to conclude.

Most refusals are 400 USER_ERROR with an English sentence (Oracle: SuiteTalk REST web
services, error handling): the code alone says little, so texts are matched too. What is not
here follows the table by verb: 5xx in doubt for writes, 401 a dead credential.
"""

from __future__ import annotations

from tieout.connectors.base import Fault, Response, VendorError
from tieout.errors import AuthExpired, Conflict, RateLimited, Rejected

FAULTS: tuple[Fault, ...] = (
    # The certificate, its mapping or the integration is dead (a sandbox refresh clears the
    # mapping), or the access token is; all of token-based signing fails as INVALID_LOGIN.
    *(
        Fault(then=AuthExpired, code=code)
        for code in ("invalid_grant", "invalid_client", "unauthorized_client", "INVALID_LOGIN")
    ),
    # Too many calls at once, of all integrations together. Seen with status 400 as well.
    Fault(then=RateLimited, code="CONCURRENCY_LIMIT_EXCEEDED", wait_s=5),
    # The record is there (by its external id, its name or its number), or was changed or made
    # by a racing call: nobody has shown the REST form of these, so code, text or status will do.
    Fault(then=Conflict, code="DUP_RCRD", writes=True),
    Fault(then=Conflict, code="RCRD_HAS_BEEN_CHANGED", writes=True),
    Fault(then=Conflict, text="record has been changed", writes=True),
    Fault(then=Conflict, text="already exists", writes=True),
    Fault(then=Conflict, text="duplicate", writes=True),
    Fault(then=Conflict, status=409, writes=True),
    # Business rules for a person: a closed or locked period, an inactive or foreign reference,
    # a field the form asks for, a record locked by a workflow, a role without the right.
    *(
        Fault(then=Rejected, code=code, status=status)
        for status, code in (
            (400, "USER_ERROR"),
            (400, "INVALID_CONTENT"),
            (400, "INVALID_REQUEST"),
            (400, "INVALID_PARAMETER"),
            (403, "INSUFFICIENT_PERMISSION"),
            (404, "NONEXISTENT_ID"),
            (404, "NOT_FOUND"),
            (405, "METHOD_NOT_ALLOWED"),
        )
    ),
)


def errors(response: Response) -> list[VendorError]:
    """The errors in an answer, [] when there are none.

    Raises ValueError when the body starts like JSON and is not.
    """
    if response.status < 300 or not response.body.lstrip().startswith(b"{"):
        return []
    answer = response.json()
    if isinstance(answer.get("error"), str):  # the token service
        return [VendorError(answer["error"], str(answer.get("error_description") or ""))]
    details = answer.get("o:errorDetails") or [{}]
    return [_error(detail, answer) for detail in details]


def _error(detail: dict[str, object], whole: dict[str, object]) -> VendorError:
    said = {name: str(value) for name, value in {**whole, **detail}.items() if value}
    places = ("o:errorPath", "o:errorQueryParam", "o:errorHeader")
    return VendorError(
        code=said.get("o:errorCode", ""),
        text=said.get("detail") or said.get("title", ""),
        field=next((said[name] for name in places if name in said), ""),
    )
