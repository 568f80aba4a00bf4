"""The error answers of the data API."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refused call: HTTP status, error code, message and the fields concerned.

    The data API answers errors as a JSON array of `{message, errorCode, fields}`;
    collections show the same error per item with the code under `statusCode`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: list[str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.extra = extra or {}

    def body(self) -> list[dict[str, Any]]:
        """The body of a single call's refusal."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = self.fields
        return [{**entry, **self.extra}]

    def item(self) -> dict[str, Any]:
        """The error as one item of a collection answer shows it."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


def malformed_query(message: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", message)


def no_such_column(name: str, object_name: str) -> ApiError:
    return ApiError(
        400,
        "INVALID_FIELD",
        f"No such column '{name}' on sobject of type {object_name}",
    )


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    return ApiError(404, "NOT_FOUND", message)


def method_not_allowed(method: str, allowed: str) -> ApiError:
    return ApiError(
        405,
        "METHOD_NOT_ALLOWED",
        f"HTTP Method '{method}' not allowed. Allowed are {allowed}",
    )
