"""Reading the fields of a body: absent and null are the same, text may stand for a number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from tieout.sandbox.xero import errors
from tieout.sandbox.xero.wire import Row, to_day, to_flag, to_guid, to_number

_T = TypeVar("_T")


def text(sent: Row, name: str) -> str | None:
    """A text field, None when it is not there. Raises `Refusal` for an object."""
    value = sent.get(name)
    if value is None:
        return None
    if isinstance(value, dict | list):
        raise errors.bad_body(f"The value of {name} could not be read")
    return str(value) if not isinstance(value, bool) else str(value).lower()


def number(sent: Row, name: str) -> Decimal | None:
    """A number, None when it is not there. Raises `Refusal`."""
    return _read(sent, name, to_number)


def flag(sent: Row, name: str) -> bool | None:
    """A boolean, None when it is not there. Raises `Refusal`."""
    return _read(sent, name, to_flag)


def day(sent: Row, name: str) -> date | None:
    """A date, None when it is not there. Raises `Refusal`."""
    if sent.get(name) == "":
        return None
    return _read(sent, name, to_day)


def guid(sent: Row, name: str) -> str | None:
    """A guid in lower case, None when it is not there. Raises `Refusal`."""
    if sent.get(name) == "":
        return None
    return _read(sent, name, to_guid)


def part(sent: Row, name: str) -> Row | None:
    """An object inside, None when it is not there. Raises `Refusal`."""
    value = sent.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise errors.bad_body(f"The value of {name} could not be read")
    return value


def parts(sent: Row, name: str) -> list[Row] | None:
    """A list of objects, None when it is not there. Raises `Refusal`."""
    value = sent.get(name)
    if value is None:
        return None
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise errors.bad_body(f"The value of {name} could not be read")
    return value


def _read(sent: Row, name: str, how: Callable[[Any], _T]) -> _T | None:
    value = sent.get(name)
    if value is None:
        return None
    try:
        return how(value)
    except ValueError as problem:
        raise errors.bad_body(f"The value of {name} could not be read: {problem}") from problem


_NUMBERS = frozenset(
    [
        "Quantity",
        "UnitAmount",
        "LineAmount",
        "TaxAmount",
        "DiscountRate",
        "DiscountAmount",
        "CurrencyRate",
        "Amount",
        "UnitPrice",
        "Rate",
    ]
)
_DAYS = frozenset(["Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"])
_FLAGS = frozenset(
    [
        "SentToContact",
        "IsReconciled",
        "IsSold",
        "IsPurchased",
        "IsCompound",
        "IsNonRecoverable",
        "EnablePaymentsToAccount",
        "ShowInExpenseClaims",
        "AddToWatchlist",
    ]
)
_PARTS = frozenset(
    ["Contact", "Account", "Invoice", "CreditNote", "SalesDetails", "PurchaseDetails"]
)
_LISTS = frozenset(
    ["LineItems", "Tracking", "TaxComponents", "Addresses", "Phones", "ContactPersons"]
)


def check(sent: Row) -> None:
    """Read every field whose type is known, before any work. Raises `Refusal`.

    A body that cannot be read is refused as a whole, so nothing of it may be done.
    """
    for name, value in sent.items():
        if name in _NUMBERS:
            number(sent, name)
        elif name in _DAYS:
            day(sent, name)
        elif name in _FLAGS:
            flag(sent, name)
        elif name in _PARTS:
            check(part(sent, name) or {})
        elif name in _LISTS or (name == "Payments" and isinstance(value, list)):
            for each in parts(sent, name) or []:
                check(each)
        elif name.endswith("ID") and name != "MergedToContactID":
            guid(sent, name)


def too_long(sent: Row, limits: dict[str, int]) -> list[str]:
    """What to say about text fields that are longer than Xero's fields."""
    found = []
    for name, longest in limits.items():
        value = text(sent, name)
        if value is not None and len(value) > longest:
            found.append(f"The field {name} must be {longest} characters or fewer")
    return found
