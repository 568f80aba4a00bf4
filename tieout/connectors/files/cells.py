"""The text of one cell becomes a value. Raises ValueError in words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from tieout.errors import Problem
from tieout.model.money import is_currency
from tieout.model.work import seconds_of_hours

_BLANKS = re.compile("[\u00a0\u202f' ]")  # people group thousands with these too
_NUMBERLIKE = re.compile(r"[+-]?[\d.,]*\d[\d.,]*")
_NUMBER = {
    mark: re.compile(rf"[+-]?(\d+|\d{{1,3}}(\{group}\d{{3}})+)?(\{mark}\d+)?")
    for mark, group in ((".", ","), (",", "."))
}
_MARK_NAMES = {".": "a decimal point", ",": "a decimal comma"}
_CLOCK = re.compile(r"(\d+):([0-5]\d)(?::([0-5]\d))?")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_YES = frozenset({"yes", "y", "true", "1", "x", "ja", "oui"})
_NO = frozenset({"no", "n", "false", "0", "nein", "non"})


def value(text: str, kind: str, mark: str, order: str) -> Any:
    """What a filled cell says: text, Decimal, whole seconds, date, bool or a currency's code.

    `mark` is the file's decimal mark, `order` that of `Settings.date_order`.
    """
    if kind == "number":
        return _number(text, mark)
    if kind == "hours":
        return _seconds(text, mark)
    if kind == "date":
        return _day(text, order)
    if kind == "yes" and text.casefold() not in _YES | _NO:
        raise ValueError(f"'{text}' is neither yes nor no")
    if kind == "yes":
        return text.casefold() in _YES
    return _currency(text) if kind == "currency" else text


def decimal_mark(name: str, numbers: Iterable[tuple[int, str]]) -> tuple[str, list[Problem]]:
    """The one decimal mark of a file's numbers, each (line, text), and what speaks against it.

    Numbers such as `1,234` alone do not tell it: that is a problem, never a guess.
    """
    shown = [(line, text, _mark_shown(_BLANKS.sub("", text))) for line, text in numbers]
    proofs = [proof for proof in shown if proof[2] in _MARK_NAMES]
    unsure = [proof for proof in shown if proof[2] == "?"]
    if unsure and not proofs:
        text = (
            f"'{unsure[0][1]}' can be read in two ways, and no other number tells which; "
            "write numbers without a mark for thousands, or set decimal_mark"
        )
        return ".", [Problem(name, unsure[0][0], text)]
    at, told, mark = proofs[0] if proofs else (0, "", ".")
    against = f"but '{told}' in line {at} {_MARK_NAMES[mark]}; write all numbers in one way"
    return mark, [
        Problem(name, line, f"'{text}' has {_MARK_NAMES[other]}, {against}")
        for line, text, other in proofs
        if other != mark
    ]


def _mark_shown(text: str) -> str:
    """The decimal mark that one number proves; "?" when it may be either, "" for none."""
    marks = [char for char in text if char in ".,"]
    if not marks or not _NUMBERLIKE.fullmatch(text):
        return ""
    last = marks[-1]
    if len(marks) > 1:  # 1,234.50 ends with it; 1.234.567 groups with the other one
        return last if len(set(marks)) == 2 else {".": ",", ",": "."}[last]
    before, _, after = text.lstrip("+-").partition(last)
    groups = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")
    return "?" if groups else last


def _number(text: str, mark: str) -> Decimal:
    digits = _BLANKS.sub("", text)
    if not digits.strip("+-") or not _NUMBER[mark].fullmatch(digits):
        raise ValueError(f"'{text}' is not a number with {_MARK_NAMES[mark]}")
    return Decimal(digits.replace("," if mark == "." else ".", "").replace(mark, "."))


def _seconds(text: str, mark: str) -> int:
    """Seconds of hours written 1.5 or 1:30:00; more than 24 are for billing to judge."""
    clock = _CLOCK.fullmatch(text)
    if clock:
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0)
    hours = _number(text, mark)
    if hours < 0:
        raise ValueError(f"'{text}' is negative; correct the entry it belongs to")
    return seconds_of_hours(hours)


def _day(text: str, order: str) -> date:
    found = _DAY_FIRST.fullmatch(text)
    order = "dmy" if found and found[2] == "." else order
    if found and not order:
        raise ValueError(f"'{text}' can be read in two ways; write 2026-03-31, or set date_order")
    try:
        if not found:
            return date.fromisoformat(text.replace("/", "-"))
        one, other = int(found[1]), int(found[3])
        return date(int(found[4]), *((other, one) if order == "dmy" else (one, other)))
    except ValueError:
        raise ValueError(f"'{text}' is not a date; write it like 2026-03-31") from None


def _currency(text: str) -> str:
    """A code, also as Harvest writes it: `Pound Sterling - GBP`."""
    code = text.rsplit(" - ", 1)[-1].strip().upper()
    if not is_currency(code):
        raise ValueError(f"'{text}' is not a currency; write a code like USD")
    return code


def plain(number: Decimal | None) -> str | None:
    """A number's one text, `95` for 95.00: an equal number always lands as the same text."""
    text = "" if number is None else f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or None
