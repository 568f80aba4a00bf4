"""Numbers, dates and JSON as NetSuite writes them.

The record API speaks ISO dates and date-times in UTC; SuiteQL speaks strings, dates in
the user's display format and wall-clock times without a zone (Oracle: SuiteTalk REST
web services, SuiteQL).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from json.encoder import encode_basestring as _quoted
from typing import Any

Row = dict[str, Any]

ZERO = Decimal(0)
#: Orders of the parts in each display format, and what stands between them.
_DISPLAYS = {
    "M/D/YYYY": ("mdy", "/"),
    "D/M/YYYY": ("dmy", "/"),
    "D.M.YYYY": ("dmy", "."),
    "YYYY-MM-DD": ("ymd", "-"),
}
#: Numbers with more digits before or after the point are no amounts, rates or quantities.
_MOST_DIGITS = 18
_ISO_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?")
_DURATION = re.compile(r"(\d{1,4}):([0-5]?\d)")


def rounded(amount: Decimal, places: int = 2) -> Decimal:
    """An amount at a number of places, halves away from zero."""
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def encode(value: Any) -> str:
    """A value as JSON text; a `Decimal` becomes a number with its own digits."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is dict:
        return "{" + ",".join(f"{_quoted(key)}:{encode(each)}" for key, each in value.items()) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([encode(each) for each in value]) + "]"
    if kind is Decimal:
        return plain(value)
    if kind is datetime:
        return f'"{stamp(value)}"'
    if value is None or kind in (bool, int):
        return json.dumps(value)
    raise TypeError(f"{kind.__name__} has no JSON form here")


def decode(text: str | bytes) -> Any:
    """Read JSON with exact numbers. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def plain(number: Decimal) -> str:
    """A number without an exponent and without needless zeros: `5`, `0.115`."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def stamp(instant: datetime) -> str:
    """A date-time of the record API: UTC, whole seconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(instant: datetime) -> str:
    """A date-time with milliseconds, as `serverTime` answers."""
    return (
        instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{instant.microsecond // 1000:03d}Z"
    )


def iso_date(value: Any) -> str:
    """The date part of an ISO date or date-time. Raises ValueError."""
    found = _ISO_DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a date")
    return date.fromisoformat(found.group(1)).isoformat()


def number(value: Any) -> Decimal:
    """An exact number from a JSON number or a numeric string. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("not a number")
    try:
        found = Decimal(value)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not found.is_finite() or abs(found.adjusted()) > _MOST_DIGITS:
        raise ValueError("not a number")
    return found


def duration(value: Any) -> str:
    """Hours and minutes as `h:mm`. Raises ValueError."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a duration")
    return f"{int(found.group(1))}:{int(found.group(2)):02d}"


def hours(text: str) -> Decimal:
    """A duration `h:mm` as hours."""
    whole, _, minutes = text.partition(":")
    return Decimal(whole) + Decimal(minutes) / 60


def displayed(day: str, style: str) -> str:
    """An ISO date in a display format: `5/27/2025`, `27.5.2025`."""
    order, between = _DISPLAYS[style]
    year, month, number_ = day[:10].split("-")
    if order == "ymd":
        return f"{year}-{month}-{number_}"
    parts = {"y": year, "m": str(int(month)), "d": str(int(number_))}
    return between.join(parts[each] for each in order)


def undisplayed(text: str, style: str) -> str:
    """An ISO date from a display format. Raises ValueError."""
    order, between = _DISPLAYS[style]
    pieces = text.split(between)
    if len(pieces) != 3:
        raise ValueError("not a date")
    parts = dict(zip(order, pieces, strict=True))
    return date(int(parts["y"]), int(parts["m"]), int(parts["d"])).isoformat()
