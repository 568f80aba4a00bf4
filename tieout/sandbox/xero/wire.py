"""Numbers, dates and JSON as Xero writes and reads them.

Amounts travel as JSON numbers with trailing zeros, dates as `/Date(ms+0000)/`,
slashes are escaped and the text is laid out with CRLF, as in recorded answers:
whoever relies on a canonical form learns it here. Bodies may carry numbers and
booleans as text, as other people's clients send them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any

Row = dict[str, Any]

ZERO = Decimal(0)
CENT = Decimal("0.01")
#: Numbers from here on are refused; what two of them make still has exact cents.
LARGEST = Decimal(10**12)
NIL = "00000000-0000-0000-0000-000000000000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_GUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_MS_DATE = re.compile(r"\\?/Date\((-?\d+)([+-]\d{4})?\)\\?/")


def places(amount: Decimal, count: int, mode: str = "half_up") -> Decimal:
    """A number at exactly `count` decimals."""
    rule = ROUND_HALF_EVEN if mode == "half_even" else ROUND_HALF_UP
    return amount.quantize(Decimal(1).scaleb(-count), rule)


def cents(amount: Decimal) -> Decimal:
    """An amount at two decimals."""
    return places(amount, 2)


def milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=4096)
def ms_date(value: date) -> str:
    """A date or an instant as `/Date(ms+0000)/`."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return f"/Date({milliseconds(value)}+0000)/"


def date_twin(day: date) -> str:
    """The `DateString` beside a date."""
    return f"{day.isoformat()}T00:00:00"


def instant_twin(instant: datetime) -> str:
    """The `UpdatedDateUTCString` beside an instant."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def lock_day(day: date) -> str:
    """A lock date as the messages show it: 30-Nov-2025."""
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{day.day:02d}-{months[day.month - 1]}-{day.year}"


# -- reading ---------------------------------------------------------------------------
def decode(text: str | bytes) -> Any:
    """JSON text as Python values; fractions become `Decimal`. Raises ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def to_number(value: Any) -> Decimal:
    """A number, or one written as text. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(f"{value!r} is not a number")
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation as problem:
        raise ValueError(f"{value!r} is not a number") from problem
    if not found.is_finite() or abs(found) >= LARGEST:
        raise ValueError(f"{value!r} is not a number that fits")
    return found


def to_flag(value: Any) -> bool:
    """A boolean, also as text in any case (`False`). Raises ValueError."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise ValueError(f"{value!r} is not true or false")


def to_day(value: Any) -> date:
    """A calendar date from `YYYY-MM-DD`, an ISO date-time or `/Date(ms)/`. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a date")
    found = _MS_DATE.fullmatch(value.strip())
    if found:
        try:
            return (_EPOCH + int(found.group(1)) * _MILLISECOND).date()
        except OverflowError as problem:
            raise ValueError(f"{value!r} is not a date") from problem
    return datetime.fromisoformat(value.strip()).date()


def to_guid(value: Any) -> str:
    """A guid in lower case with hyphens. Raises ValueError."""
    if not isinstance(value, str) or not _GUID.fullmatch(value.strip()):
        raise ValueError(f"{value!r} is not a guid")
    plain = value.strip().lower().replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


# -- writing ---------------------------------------------------------------------------
def encode(value: Any, layout: str = "pretty") -> str:
    """A value as JSON text, laid out as Xero does or `compact`."""
    return _pretty(value, "\r\n") if layout == "pretty" else _compact(value)


def _compact(value: Any) -> str:
    kind = type(value)
    if kind is dict:
        inside = ",".join([f"{_text(key)}:{_compact(value[key])}" for key in value])
        return "{" + inside + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([_compact(item) for item in value]) + "]"
    return _scalar(value)


def _pretty(value: Any, margin: str) -> str:
    kind = type(value)
    deeper = margin + "  "
    if kind is dict and value:
        inside = [f"{deeper}{_text(key)}: {_pretty(value[key], deeper)}" for key in value]
        return "{" + ",".join(inside) + margin + "}"
    if (kind is list or kind is tuple) and value:
        inside = [deeper + _pretty(item, deeper) for item in value]
        return "[" + ",".join(inside) + margin + "]"
    return _compact(value)


@lru_cache(maxsize=8192)
def _text(value: str) -> str:
    return str(_quoted(value)).replace("/", "\\/")


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return _text(ms_date(value))
    raise TypeError(f"{type(value).__name__} has no JSON form here")
