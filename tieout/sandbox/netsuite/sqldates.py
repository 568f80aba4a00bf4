"""Dates inside a query: how they are kept, read, written and reckoned with.

A date is kept as `MARK` and `YYYY-MM-DD HH:MM:SS` in the account's query zone. The mark
lets a result tell a date, which is shown in the user's display format, from a text that
TO_CHAR made; it also keeps dates in order.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tieout.sandbox.netsuite.wire import displayed, undisplayed

MARK = "\x01"
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_PARTS = re.compile(
    r'"([^"]*)"|(YYYY|MONTH|MON|MM|DD|HH24|HH12|HH|MI|SS|FF\d?|AM|PM|YY)', re.IGNORECASE
)


class BadDate(ValueError):
    """A text that is no date in the format given."""


def of_day(day: str) -> str:
    """A date column's value from an ISO date."""
    return f"{MARK}{day} 00:00:00"


def of_instant(instant: datetime, zone: str) -> str:
    """A date-time column's value: the wall clock in a zone."""
    return MARK + instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def shown(value: str, style: str) -> str:
    """A date without TO_CHAR: only the day, in the display format."""
    return displayed(value[1:], style)


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or not value.startswith(MARK):
        raise BadDate(str(value))
    return datetime.strptime(value[1:], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - wall clock


def _marked(moment: datetime) -> str:
    return MARK + moment.strftime("%Y-%m-%d %H:%M:%S")


def to_date(text: Any, layout: Any, style: str) -> str | None:
    """TO_DATE; without a layout the text is in the display format. Raises BadDate."""
    if text is None:
        return None
    if str(text).startswith(MARK):
        return str(text)
    if layout is None:
        try:
            return of_day(undisplayed(str(text), style))
        except ValueError:
            raise BadDate(str(text)) from None
    names, pattern = _pattern(str(layout))
    found = re.fullmatch(pattern, str(text).strip(), re.IGNORECASE)
    if found is None:
        raise BadDate(str(text))
    return _marked(_built(dict(zip(names, found.groups(), strict=True)), str(text)))


def read(text: Any, style: str) -> str | None:
    """A bind value that stands for a date: ISO, or in the display format. Raises BadDate."""
    if not isinstance(text, str) or text.startswith(MARK):
        return None if text is None else str(text)
    try:
        return of_day(date.fromisoformat(text).isoformat())
    except ValueError:
        return to_date(text, None, style)


def _pattern(layout: str) -> tuple[list[str], str]:
    names: list[str] = []
    pieces: list[str] = []
    at = 0
    for match in _PARTS.finditer(layout):
        pieces.append(re.escape(layout[at : match.start()]))
        at = match.end()
        if match.group(1) is not None:
            pieces.append(re.escape(match.group(1)))
            continue
        name = match.group(2).upper()
        names.append(name)
        widths = {"YYYY": r"(\d{4})", "MON": r"([A-Z]{3})", "AM": "(AM|PM)", "PM": "(AM|PM)"}
        pieces.append(widths.get(name, r"(\d{1,9})" if name.startswith("FF") else r"(\d{1,2})"))
    return names, "".join(pieces) + re.escape(layout[at:])


def _built(parts: dict[str, str], text: str) -> datetime:
    month = parts.get("MM") or "1"
    if "MON" in parts:
        month = (
            str(_MONTHS.index(parts["MON"].upper()) + 1) if parts["MON"].upper() in _MONTHS else ""
        )
    hour = int(parts.get("HH24") or parts.get("HH12") or parts.get("HH") or 0)
    half = (parts.get("AM") or parts.get("PM") or "").upper()
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    year = int(parts.get("YYYY") or 2000 + int(parts.get("YY") or 0))
    try:
        return datetime(  # noqa: DTZ001 - a wall clock has no zone
            year, int(month), int(parts.get("DD") or 1), hour,
            int(parts.get("MI") or 0), int(parts.get("SS") or 0),
        )  # fmt: skip
    except ValueError:
        raise BadDate(text) from None


def to_char(value: Any, layout: Any) -> str | None:
    """TO_CHAR of a date in a layout; of anything else its text."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith(MARK):
        return str(value)
    moment = _moment(value)

    def written(match: re.Match[str]) -> str:
        if match.group(1) is not None:
            return match.group(1)
        name = match.group(2).upper()
        forms = {
            "YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "HH24": "%H", "HH12": "%I",
            "HH": "%I", "MI": "%M", "SS": "%S", "AM": "%p", "PM": "%p", "MON": "%b",
            "MONTH": "%B",
        }  # fmt: skip
        text = moment.strftime(forms.get(name, "0"))
        return text.upper() if name in ("MON", "MONTH") else text

    return _PARTS.sub(written, str(layout or "YYYY-MM-DD"))


def plus(value: Any, days: Any) -> str | None:
    """A date and a number of days."""
    if value is None or days is None:
        return None
    return _marked(_moment(value) + timedelta(seconds=int(days * 86400)))


def truncated(value: Any, part: Any = None) -> Any:
    """TRUNC: the day of a date, or the first of its month or year; a number's whole part."""
    if value is None or not isinstance(value, str):
        return value if value is None else int(value)
    day = _moment(value).replace(hour=0, minute=0, second=0)
    unit = str(part or "DD").upper()
    if unit in ("MM", "MONTH", "MON"):
        day = day.replace(day=1)
    if unit in ("YYYY", "YEAR", "YY"):
        day = day.replace(month=1, day=1)
    return _marked(day)


def add_months(value: Any, months: Any) -> str | None:
    """ADD_MONTHS; the last day of a month stays the last."""
    if value is None or months is None:
        return None
    moment = _moment(value)
    total = moment.year * 12 + moment.month - 1 + int(months)
    year, month = total // 12, total % 12 + 1
    after = date(year + month // 12, month % 12 + 1, 1)
    before = date(moment.year + moment.month // 12, moment.month % 12 + 1, 1)
    last, was_last = (after - timedelta(days=1)).day, (before - timedelta(days=1)).day
    day = last if moment.day == was_last else min(moment.day, last)
    return _marked(moment.replace(year=year, month=month, day=day))
