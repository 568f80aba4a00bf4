"""Values that fit what a vendor takes, or the reason why they do not.

Pure, and of no vendor: every builder of bodies needs them. Each raises Misconfigured
before anything is sent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tieout.connectors.base import Row
from tieout.errors import Misconfigured


def said(**fields: Any) -> Row:
    """The fields that say something: what is empty is left out. A zero and a no say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def known(value: Any, what: str) -> Any:
    """The value; raises when there is none."""
    if not value:
        raise Misconfigured(f"the {what} is not known; see the ledger mapping, then pull the lists")
    return value


def fits(what: str, text: str, most: int) -> str:
    """The text; raises when it has more than `most` characters."""
    if len(text) > most:
        raise Misconfigured(f"the {what} {text!r} has {len(text)} characters, {most} fit there")
    return text


def exact(value: Decimal, places: int, what: str) -> Decimal:
    """The number; raises when it has more decimals than are kept there: nothing rounds."""
    if value.scaleb(places) % 1:
        raise Misconfigured(f"the {what}, {value}, has more than the {places} decimals kept there")
    return value


def cut(text: str, most: int) -> str:
    """The text, its end left off where it does not fit."""
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def at(row: Any, path: str) -> str | int | bool | Decimal | None:
    """What a record says at a path such as `Contact.Name`; None when it does not."""
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row if isinstance(row, str | int | Decimal) else None
