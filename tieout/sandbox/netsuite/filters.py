"""The `q` parameter of a collection: conditions on body fields.

`field OPERATOR value`, joined by AND and OR, AND binding closer, with parentheses. Values
with spaces are quoted, lists stand in brackets, dates are in the user's display format
(Oracle: record collection filtering).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tieout.sandbox.netsuite import show
from tieout.sandbox.netsuite.errors import ApiError, bad_parameter
from tieout.sandbox.netsuite.fields import TYPES, Field
from tieout.sandbox.netsuite.wire import Row, number, undisplayed

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

Test = Callable[[Row], bool]

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([()\[\],])|([^\s()\[\],"]+))')
_NUMBERS = ("EQUAL", "GREATER", "LESS", "GREATER_OR_EQUAL", "LESS_OR_EQUAL", "BETWEEN", "WITHIN",
            "ANY_OF")  # fmt: skip
_TEXTS = ("IS", "CONTAIN", "START_WITH", "END_WITH", "ANY_OF")
_DATES = ("ON", "BEFORE", "AFTER", "ON_OR_BEFORE", "ON_OR_AFTER", "WITHIN")
_OPERATORS = {
    "boolean": ("IS",), "number": _NUMBERS, "integer": _NUMBERS, "date": _DATES,
    "datetime": _DATES, "ref": ("ANY_OF", "EQUAL", "IS"), "enum": ("ANY_OF", "IS", "EQUAL"),
}  # fmt: skip
_LISTS = ("BETWEEN", "WITHIN", "ANY_OF")


def compile_q(books: Books, kind: str, text: str) -> Test:
    """A test of a record. Raises 400 for a condition that cannot be read."""
    tokens = [
        (quoted if quoted is not None else mark or word, quoted is not None)
        for quoted, mark, word in _tokens(text)
    ]
    reader = _Reader(books, kind, tokens)
    test = reader.either()
    reader.end()
    return test


def _tokens(text: str) -> list[tuple[Any, str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _malformed(text[at:])
        found.append((match.group(1), match.group(2) or "", match.group(3) or ""))
        at = match.end()
    return found


def _malformed(near: str) -> ApiError:
    return bad_parameter("q", f"Invalid query parameter. The query is malformed near '{near}'.")


class _Reader:
    """Reads conditions from the left."""

    def __init__(self, books: Books, kind: str, tokens: list[tuple[str, bool]]) -> None:
        self._books = books
        self._kind = kind
        self._tokens = tokens
        self._at = 0

    def either(self) -> Test:
        tests = [self._both()]
        while self._takes("OR"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(each(row) for each in tests)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise _malformed(self._tokens[self._at][0])

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("AND"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda row: all(each(row) for each in tests)

    def _one(self) -> Test:
        if self._takes("("):
            test = self.either()
            if not self._takes(")"):
                raise _malformed(")")
            return test
        shape = self._field(self._next())
        operator = self._next().upper()
        negated = operator.endswith("_NOT")
        plain = operator[: -len("_NOT")] if negated else operator
        if plain == "EMPTY":
            return lambda row: (self._read(shape, row) is None) is not negated
        if plain not in _OPERATORS.get(shape.kind, _TEXTS):
            raise bad_parameter("q", f"Invalid operator {operator} for the field '{shape.name}'.")
        values = self._values(shape, plain)
        test = _compared(plain, values)

        def tested(row: Row) -> bool:
            value = self._read(shape, row)
            return (value is not None and test(value)) is not negated

        return tested

    def _field(self, name: str) -> Field:
        record = TYPES[self._kind]
        found = record.fields.get(name.lower())
        if found is None and name.lower() in self._books.settings.custom_fields:
            return Field(name.lower(), "custom")
        if found is None:
            raise bad_parameter("q", f"Invalid query parameter. Unknown field '{name}'.")
        return found

    def _values(self, shape: Field, operator: str) -> list[Any]:
        if not self._takes("["):
            return [self._value(shape, self._next())]
        if operator not in _LISTS:
            raise _malformed("[")
        values = [self._value(shape, self._next())]
        while self._takes(","):
            values.append(self._value(shape, self._next()))
        if not self._takes("]"):
            raise _malformed("]")
        if operator in ("BETWEEN", "WITHIN") and len(values) != 2:
            raise bad_parameter("q", f"The operator {operator} takes two values.")
        return values

    def _value(self, shape: Field, word: str) -> Any:
        if shape.kind in ("date", "datetime"):
            try:
                return undisplayed(word, self._books.settings.date_format)
            except ValueError:
                raise bad_parameter("q", f"Unparseable date: {word}") from None
        try:
            if shape.kind in ("number", "integer"):
                return number(word)
        except ValueError:
            raise bad_parameter("q", f"Invalid number: {word}") from None
        if shape.kind == "boolean":
            return {"true": "T", "t": "T", "false": "F", "f": "F"}.get(word.lower(), word)
        return word if shape.kind in ("ref", "enum") else word.lower()

    def _read(self, shape: Field, row: Row) -> Any:
        """A field's value in the form it is compared in; None when it is empty."""
        value = row.get(shape.name)
        if value is None or value == "":
            value = show.derived(self._books, self._kind, row).get(shape.name)
        if value is None:
            return None
        if isinstance(value, datetime):
            zone = ZoneInfo(self._books.settings.time_zone)
            return value.astimezone(zone).date().isoformat()
        if shape.kind in ("number", "integer"):
            return Decimal(value)
        text = show.text(value)
        return text if shape.kind in ("ref", "enum", "boolean", "date") else text.lower()

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise _malformed("end")
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _takes(self, word: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (word, False):
            self._at += 1
            return True
        return False


def _compared(operator: str, values: list[Any]) -> Callable[[Any], bool]:
    first = values[0]
    tests: dict[str, Callable[[Any], bool]] = {
        "IS": lambda value: bool(value == first),
        "EQUAL": lambda value: bool(value == first),
        "ON": lambda value: bool(value == first),
        "GREATER": lambda value: bool(value > first),
        "AFTER": lambda value: bool(value > first),
        "LESS": lambda value: bool(value < first),
        "BEFORE": lambda value: bool(value < first),
        "GREATER_OR_EQUAL": lambda value: bool(value >= first),
        "ON_OR_AFTER": lambda value: bool(value >= first),
        "LESS_OR_EQUAL": lambda value: bool(value <= first),
        "ON_OR_BEFORE": lambda value: bool(value <= first),
        "CONTAIN": lambda value: first in value,
        "START_WITH": lambda value: bool(value.startswith(first)),
        "END_WITH": lambda value: bool(value.endswith(first)),
        "ANY_OF": lambda value: value in values,
        "BETWEEN": lambda value: bool(values[0] <= value <= values[-1]),
        "WITHIN": lambda value: bool(values[0] <= value <= values[-1]),
    }
    return tests[operator]
