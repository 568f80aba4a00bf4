"""Every refusal of NetSuite's REST services, and the envelope they come in.

Most business rules answer 400 with the code USER_ERROR and an English sentence; the
sentence alone tells them apart (Oracle: REST API errors).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from tieout.sandbox.netsuite.wire import Row, encode

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.settings import Settings

PREFIX = "Error while accessing a resource. "
ERROR_TYPE = "application/vnd.oracle.resource+json; type=error; charset=UTF-8"
_SECTIONS = {
    400: "15.5.1", 401: "15.5.2", 403: "15.5.4", 404: "15.5.5", 405: "15.5.6", 409: "15.5.10",
    429: "", 500: "15.6.1", 503: "15.6.4",
}  # fmt: skip
LOGIN = (
    "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at"
    " Setup > Users/Roles > User Management > View Login Audit Trail."
)


class ApiError(Exception):
    """A refusal: HTTP status, code, sentence, and the JSON path it is about."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        path: str = "",
        query: str = "",
        header: str = "",
        title: str = "",
        location: str = "",
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.path = path
        self.query = query
        self.header = header
        self.title = title or HTTPStatus(status).phrase
        self.location = location

    def body(self) -> Row:
        """The envelope."""
        detail: Row = {"detail": self.detail, "o:errorCode": self.code}
        if self.path:
            detail["o:errorPath"] = self.path
        if self.query:
            detail["o:errorQueryParam"] = self.query
        if self.header:
            detail["o:errorHeader"] = self.header
        section = _SECTIONS.get(self.status, "")
        rfc = "rfc9110.html#section-" + section if section else "rfc6585.html#section-4"
        envelope: Row = {
            "type": f"https://www.rfc-editor.org/rfc/{rfc}",
            "title": self.title,
            "status": self.status,
            "o:errorDetails": [detail],
        }
        if self.status == 429:
            envelope["o:errorCode"] = self.code
        return envelope

    def response(self) -> Response:
        """The envelope as an HTTP answer."""
        answer = Response(encode(self.body()), status=self.status, content_type=ERROR_TYPE)
        if self.location:
            answer.headers["Location"] = self.location
        return answer


# -- business rules ------------------------------------------------------------------
def user_error(detail: str, path: str = "") -> ApiError:
    return ApiError(400, "USER_ERROR", PREFIX + detail, path=path)


def missing(label: str, path: str = "") -> ApiError:
    return user_error(f"Please enter value(s) for: {label}", path)


def invalid_value(name: str, value: object, path: str = "") -> ApiError:
    """A value or reference that cannot be used in a field."""
    shown = value if isinstance(value, str) else encode(value)
    detail = f"You have entered an Invalid Field Value {shown} for the following field: {name}"
    return ApiError(
        400, "INVALID_CONTENT", "Error while accessing resource: " + detail, path=path or name
    )


def not_allowed_value(name: str, value: object, path: str = "") -> ApiError:
    """A reference that exists and may not be used here: it is worded as if it did not."""
    return user_error(
        f"You have entered an Invalid Field Value {value} for the following field: {name}",
        path or name,
    )


def duplicate(settings: Settings) -> ApiError:
    detail = PREFIX + "This record already exists."
    if settings.duplicate_answer == "409":
        return ApiError(409, "USER_ERROR", detail)
    return ApiError(400, settings.duplicate_answer, detail)


def changed(settings: Settings) -> ApiError:
    return ApiError(
        settings.changed_status, "RCRD_HAS_BEEN_CHANGED", PREFIX + "Record has been changed"
    )


def outside_period() -> ApiError:
    return user_error(
        "The transaction date you specified is not within the date range of your accounting period."
    )


def dependent() -> ApiError:
    return user_error("This record cannot be deleted because it has dependent records.")


def locked() -> ApiError:
    return user_error("This record has been locked by a user defined workflow.")


def forbidden(settings: Settings) -> ApiError:
    detail = "Your current role does not have permission to perform this action."
    if settings.permission_answer == "400":
        return user_error(detail)
    return ApiError(403, "INSUFFICIENT_PERMISSION", PREFIX + detail)


# -- the request itself --------------------------------------------------------------
def nonexistent() -> ApiError:
    return ApiError(
        404, "NONEXISTENT_ID", "The record instance does not exist. Record does not exist."
    )


def unknown_type(name: str) -> ApiError:
    return ApiError(404, "NOT_FOUND", f"Record type '{name}' does not exist.", title="Not Found")


def bad_request(detail: str, *, code: str = "INVALID_REQUEST", query: str = "") -> ApiError:
    return ApiError(400, code, detail, query=query)


def bad_header(name: str, detail: str) -> ApiError:
    return ApiError(400, "INVALID_REQUEST", detail, header=name)


def bad_parameter(name: str, detail: str) -> ApiError:
    return ApiError(400, "INVALID_PARAMETER", detail, query=name)


def wrong_method(method: str) -> ApiError:
    return ApiError(405, "METHOD_NOT_ALLOWED", f"Method {method} is not allowed here.")


def unknown_field(name: str, path: str) -> ApiError:
    return ApiError(
        400, "INVALID_CONTENT", PREFIX + f"The field '{name}' does not exist.", path=path
    )


def invalid_login() -> ApiError:
    return ApiError(401, "INVALID_LOGIN", LOGIN)


def too_many(settings: Settings) -> ApiError:
    detail = "Concurrent request limit exceeded. Request blocked."
    if settings.concurrency_status == 400:
        detail += " Reduce the number of requests sent at the same time and try again."
    return ApiError(settings.concurrency_status, "CONCURRENCY_LIMIT_EXCEEDED", detail)


def unexpected(error_id: str) -> ApiError:
    return ApiError(500, "UNEXPECTED_ERROR", f"An unexpected error occurred. Error ID: {error_id}")
