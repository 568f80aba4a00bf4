"""Values of a body, as JSON or form text, checked and brought into their kept form."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from tieout.sandbox.harvest.lists import day, flag
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import money


def whole(value: Any) -> int:
    """An id; 0, which no record has, for anything else."""
    return int(value) if str(value).isdigit() else 0


def number(value: Any) -> Decimal:
    """A finite number. Raises `Invalid`."""
    try:
        found = Decimal(str(value))
    except InvalidOperation as problem:
        raise Invalid(f"{value} is not a number") from problem
    if not found.is_finite():
        raise Invalid(f"{value} is not a number")
    return found


def amount(value: Any) -> Decimal | None:
    """Money or hours at two decimals, None when nothing is given."""
    return None if _nothing(value) else money(number(value))


def truth(value: Any) -> bool:
    return flag(str(value))


def text(value: Any) -> str:
    return "" if value is None else str(value)


def optional_text(value: Any) -> str | None:
    return None if value is None else str(value)


def optional_day(value: Any) -> date | None:
    return None if _nothing(value) else day(value)


def _nothing(value: Any) -> bool:
    return value is None or value == ""
