"""Numbers, instants and JSON as QuickBooks Online writes them.

Amounts travel as JSON numbers with exactly the digits the books hold, so the
encoder is our own: the standard one would pass every amount through a binary
float. Instants are written with the offset of US Pacific time, the zone of
Intuit's servers (Intuit: REST API features).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]

SERVER_ZONE = "America/Los_Angeles"
_PACIFIC = ZoneInfo(SERVER_ZONE)
ZERO = Decimal(0)
CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    """An amount at two places, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def rounded(amount: Decimal, places: int) -> Decimal:
    """A number with at most `places` decimals and no needless trailing zeros."""
    short = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP).normalize()
    return short if short.as_tuple().exponent <= 0 else short.quantize(Decimal(1))  # type: ignore[operator]


def encode(value: Any) -> str:
    """A value as JSON text; `Decimal` becomes a number with its own digits."""
    kind = type(value)
    if kind is str:
        return str(_quoted(value))
    if kind is dict:
        return "{" + ",".join([f"{_quoted(key)}:{encode(value[key])}" for key in value]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([encode(item) for item in value]) + "]"
    return _scalar(value)


def decode(text: str | bytes) -> Any:
    """JSON text as Python values; fractions become `Decimal`. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f") if value else "0"
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def to_pacific(instant: datetime) -> datetime:
    """An instant on the wall clock of Intuit's servers."""
    return instant.astimezone(_PACIFIC)


def stamp(instant: datetime) -> str:
    """The envelope's `time`: Pacific, milliseconds, offset."""
    return instant.astimezone(_PACIFIC).isoformat(timespec="milliseconds")


@lru_cache(maxsize=1024)
def moment(instant: datetime) -> str:
    """A MetaData time: Pacific, whole seconds, offset."""
    return instant.astimezone(_PACIFIC).isoformat(timespec="seconds")


def to_instant(text: str) -> datetime:
    """An ISO date or date-time as an instant; without an offset it is read as Pacific time."""
    parsed = datetime.fromisoformat(text.strip().replace(" ", "+"))
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=_PACIFIC)
    return parsed.astimezone(UTC)
