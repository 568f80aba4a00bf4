"""How Xero refuses: validation, query and gateway errors, word for word where they are known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tieout.sandbox.xero.wire import Row

NOT_MODIFIABLE = "not of valid status for modification"
NOT_CREATABLE = "not of valid status for creation"
HAS_SETTLEMENTS = (
    "This document cannot be edited as it has a payment or credit note allocated to it."
)
NO_LINES = "One or more line items must be specified"
NO_CONTACT = "A Contact must be specified for this type of transaction"
EMPTY_CONTACT = (
    "The Contact must contain at least 1 of the following elements to identify the contact: "
    "Name, ContactID, ContactNumber"
)
ARCHIVED_CONTACT = (
    "The contact with the specified contact details has been archived. The contact must be "
    "un-archived before creating new invoices or credit notes."
)
CONTACT_NUMBER_TAKEN = (
    "Another contact has this contact number. Please enter a different contact number."
)
CRASHED = "An error occurred in Xero. Check the API Status page for current service status."
OVERPAID = "Payment amount exceeds the amount outstanding on this document"


class Refusal(Exception):
    """A call that is answered with an error as a whole; `body` None is an empty answer."""

    def __init__(self, status: int, body: Row | None, headers: dict[str, str] | None = None):
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}


class PlainRefusal(Refusal):
    """Refused in text or HTML, whatever the caller accepts."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, None)
        self.text = text


class Invalid(Exception):
    """One element of a call breaks a rule: messages for the element, for its lines, its contact."""

    def __init__(
        self,
        *messages: str,
        lines: dict[int, list[str]] | None = None,
        contact: Iterable[str] = (),
        existing: Row | None = None,
    ) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(dict.fromkeys(messages))
        self.lines = lines or {}
        self.contact = list(contact)
        self.existing = existing


class Problems:
    """Collects what is wrong with an element, so that all of it is told at once."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.lines: dict[int, list[str]] = {}
        self.contact: list[str] = []
        self.existing: Row | None = None

    def add(self, message: str, *, line: int | None = None) -> None:
        self.messages.append(message)
        if line is not None:
            self.lines.setdefault(line, []).append(message)

    def add_contact(self, message: str) -> None:
        self.add(message)
        self.contact.append(message)

    def stop(self) -> None:
        """Raises `Invalid` when anything was wrong."""
        if self.messages:
            raise Invalid(
                *self.messages, lines=self.lines, contact=self.contact, existing=self.existing
            )


def validation(elements: list[Row]) -> Refusal:
    body: Row = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": elements,
    }
    return Refusal(400, body)


def bad_query(message: str = "Expression expected") -> Refusal:
    body = {"ErrorNumber": 16, "Type": "QueryParseException", "Message": message}
    return Refusal(400, body)


def bad_body(message: str) -> Refusal:
    body = {"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": message}
    return Refusal(400, body)


def no_method(status: int = 405) -> Refusal:
    message = "The Api Method called is not implemented"
    body = {"ErrorNumber": 20, "Type": "ApiMethodNotImplementedException", "Message": message}
    return Refusal(status, body)


def problem(status: int, title: str, detail: str, instance: str, **headers: str) -> Refusal:
    """The gateway's form of an error."""
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": instance,
        "Extensions": {},
    }
    return Refusal(status, body, headers)


class Missing(Exception):
    """What was asked for is not there: 404."""


def lower_keys(body: Row) -> Row:
    """The gateway's form with lower-case keys, as some of its answers have."""
    return {key[:1].lower() + key[1:]: value for key, value in body.items()}
