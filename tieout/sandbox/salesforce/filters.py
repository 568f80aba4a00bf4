"""Conditions of a query, checked against the schema and compiled to functions of a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tieout.sandbox.salesforce.errors import ApiError, malformed_query, no_such_column
from tieout.sandbox.salesforce.ids import is_id
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.schema import NUMBERS, FieldDef, ObjectDef
from tieout.sandbox.salesforce.soql import Chain, Compare, Not, RelativeDate, Select
from tieout.sandbox.salesforce.values import Record, is_text

Test = Callable[[Record], bool]
Getter = Callable[[Record], Any]
#: Runs an inner query and gives the values of its only column.
InnerValues = Callable[[Select], set[Any]]


def getter(org: Org, target: ObjectDef, path: str) -> tuple[Getter, FieldDef]:
    """A function that reads `Name` or `Account.Owner.Name` from a record, and the field."""
    head, _, rest = path.partition(".")
    if not rest:
        definition = target.find(head)
        name = definition.name
        return (lambda record: record.get(name)), definition
    link = target.parent(head)
    if link is None:
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"Didn't understand relationship '{head}' in field path. If you are attempting to use "
            "a custom relationship, be sure to append the '__r' after the custom relationship "
            "name. Please reference your WSDL or the describe call for the appropriate names.",
        )
    parent = org.schema.find(link.reference_to)
    inner, definition = getter(org, parent, rest)
    link_name, parent_name = link.name, parent.name

    def read(record: Record) -> Any:
        key = record.get(link_name)
        found = org.visible(parent_name, key) if key else None
        return inner(found) if found else None

    return read, definition


class Filters:
    """Compiles the WHERE part of one query."""

    def __init__(self, org: Org, target: ObjectDef, inner: InnerValues) -> None:
        self._org = org
        self._target = target
        self._inner = inner

    def compile(self, node: Any) -> Test:
        """A test of a record. Raises ApiError for unknown fields and ill-typed values."""
        if node is None:
            return lambda record: True
        if isinstance(node, Not):
            inner = self.compile(node.inner)
            return lambda record: not inner(record)
        if isinstance(node, Chain):
            tests = [self.compile(part) for part in node.parts]
            if node.operator == "and":
                return lambda record: all(test(record) for test in tests)
            return lambda record: any(test(record) for test in tests)
        if isinstance(node, Compare):
            return self._compare(node)
        raise malformed_query("unexpected condition")

    def _compare(self, node: Compare) -> Test:
        read, definition = getter(self._org, self._target, node.path)
        if definition.type == "textarea" and (definition.length == 0 or definition.length > 255):
            raise ApiError(
                400,
                "INVALID_FIELD",
                f"field '{definition.name}' can not be filtered in a query call",
            )
        if node.operator in ("in", "notin"):
            return self._membership(node, read, definition)
        if node.operator == "like":
            return self._like(node, read, definition)
        if isinstance(node.value, RelativeDate):
            return self._relative(node, read, definition)
        _check_type(definition, node.value)
        wanted = _key(definition, node.value)
        return _ordered(node.operator, read, definition, wanted)

    def _membership(self, node: Compare, read: Getter, definition: FieldDef) -> Test:
        if isinstance(node.value, Select):
            wanted = {_key(definition, value) for value in self._inner(node.value)} - {None}
        else:
            for value in node.value:
                _check_type(definition, value)
            wanted = {_key(definition, value) for value in node.value}
        negated = node.operator == "notin"
        return lambda record: (_key(definition, read(record)) in wanted) is not negated

    @staticmethod
    def _like(node: Compare, read: Getter, definition: FieldDef) -> Test:
        if not is_text(definition) or not isinstance(node.value, str):
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on field: LIKE")
        pieces = re.findall(r"\\[_%]|.", node.value, flags=re.DOTALL)
        wild = {"%": ".*", "_": ".", "\\_": "_", "\\%": "%"}
        pattern = "".join(wild.get(piece, re.escape(piece)) for piece in pieces)
        matcher = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        return lambda record: matcher.fullmatch(read(record) or "") is not None

    def _relative(self, node: Compare, read: Getter, definition: FieldDef) -> Test:
        if definition.type not in ("date", "datetime"):
            raise _wrong_type(definition, quoted=is_text(definition))
        first, after = relative_range(node.value.name, self._org.clock.today(self._org.time_zone))
        low: Any = first
        high: Any = after
        if definition.type == "datetime":
            zone = ZoneInfo(self._org.time_zone)
            low = datetime.combine(first, time(), zone).astimezone(UTC)
            high = datetime.combine(after, time(), zone).astimezone(UTC)
        tests: dict[str, Callable[[Any], bool]] = {
            "=": lambda value: low <= value < high,
            "!=": lambda value: not low <= value < high,
            "<": lambda value: bool(value < low),
            "<=": lambda value: bool(value < high),
            ">": lambda value: bool(value >= high),
            ">=": lambda value: bool(value >= low),
        }
        test = tests[node.operator]
        negated = node.operator == "!="
        return lambda record: negated if read(record) is None else test(read(record))


def _ordered(operator: str, read: Getter, definition: FieldDef, wanted: Any) -> Test:
    def both(record: Record) -> Any:
        return _key(definition, read(record))

    if operator == "=":
        return lambda record: both(record) == wanted
    if operator == "!=":
        return lambda record: both(record) != wanted
    if definition.type == "boolean":
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field")
    tests: dict[str, Callable[[Any], bool]] = {
        "<": lambda value: bool(value < wanted),
        "<=": lambda value: bool(value <= wanted),
        ">": lambda value: bool(value > wanted),
        ">=": lambda value: bool(value >= wanted),
    }
    test = tests[operator]

    def passes(record: Record) -> bool:
        value = both(record)
        return value is not None and wanted is not None and test(value)

    return passes


def _key(definition: FieldDef, value: Any) -> Any:
    """The form in which two values of a field compare: text ignores case, ids do not."""
    if value is None:
        return None
    if definition.type in ("id", "reference"):
        return str(value)[:15]
    if isinstance(value, str):
        return value.casefold()
    if definition.type in NUMBERS:
        return Decimal(value)
    return value


def _check_type(definition: FieldDef, value: Any) -> None:
    if value is None:
        return
    kind = definition.type
    if kind in ("id", "reference"):
        if not isinstance(value, str):
            raise _wrong_type(definition, quoted=True)
        if value and not is_id(value):
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")
        return
    day = isinstance(value, date) and not isinstance(value, datetime)
    checks = {
        "boolean": isinstance(value, bool),
        "datetime": isinstance(value, datetime),
        "date": day,
    }
    number = isinstance(value, Decimal)
    right = isinstance(value, str) if is_text(definition) else checks.get(kind, number)
    if not right:
        raise _wrong_type(definition, quoted=is_text(definition))


def _wrong_type(definition: FieldDef, *, quoted: bool) -> ApiError:
    shown = {"datetime": "dateTime", "picklist": "string", "reference": "reference"}.get(
        definition.type, definition.type
    )
    quotes = "should be" if quoted else "should not be"
    return ApiError(
        400,
        "INVALID_FIELD",
        f"value of filter criterion for field '{definition.name}' must be of type {shown} and "
        f"{quotes} enclosed in quotes",
    )


def relative_range(name: str, today: date) -> tuple[date, date]:
    """The first day of a relative date and the day after its last."""
    head, _, number = name.partition(":")
    one = timedelta(days=1)
    month = today.replace(day=1)
    quarter = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
    year = today.replace(month=1, day=1)
    days = int(number or 0)
    ranges: dict[str, tuple[date, date]] = {
        "TODAY": (today, today + one),
        "YESTERDAY": (today - one, today),
        "TOMORROW": (today + one, today + 2 * one),
        "THIS_MONTH": (month, _months(month, 1)),
        "LAST_MONTH": (_months(month, -1), month),
        "NEXT_MONTH": (_months(month, 1), _months(month, 2)),
        "THIS_QUARTER": (quarter, _months(quarter, 3)),
        "THIS_FISCAL_QUARTER": (quarter, _months(quarter, 3)),
        "THIS_YEAR": (year, _months(year, 12)),
        "LAST_YEAR": (_months(year, -12), year),
        "LAST_N_DAYS": (today - days * one, today + one),
        "NEXT_N_DAYS": (today + one, today + (days + 1) * one),
    }
    return ranges[head]


def _months(first: date, count: int) -> date:
    place = first.year * 12 + first.month - 1 + count
    return first.replace(year=place // 12, month=place % 12 + 1)


def unknown_child(name: str, parent: str) -> ApiError:
    """The answer to a subquery on a relationship that does not exist."""
    error = no_such_column(name, parent)
    return ApiError(
        400,
        "INVALID_TYPE",
        f"Didn't understand relationship '{name}' in FROM part of query call. {error.message}",
    )
