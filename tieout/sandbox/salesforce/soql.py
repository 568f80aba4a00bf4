"""A reader of the query language: text into a tree. Evaluation is in `query.py`.

Covers what clients of billing need: parent fields, child subqueries, IN and
semi-joins, NOT, AND, OR, parentheses, comparisons, LIKE, null, date literals,
ORDER BY, LIMIT, OFFSET and COUNT().
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tieout.sandbox.salesforce.errors import ApiError, malformed_query
from tieout.sandbox.salesforce.values import parse_instant

MAX_LENGTH = 100_000  # characters of one query
MAX_OFFSET = 2_000

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')"
    r"|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][\w.]*(?::\d+)?)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))",
    re.DOTALL,
)
_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    "'": "'",
    '"': '"',
    "\\": "\\",
    "_": "\\_",
    "%": "\\%",
}
_RELATIVE = re.compile(
    r"(TODAY|YESTERDAY|TOMORROW|THIS_MONTH|LAST_MONTH|NEXT_MONTH|THIS_YEAR|LAST_YEAR"
    r"|THIS_QUARTER|THIS_FISCAL_QUARTER|LAST_N_DAYS:\d+|NEXT_N_DAYS:\d+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str


@dataclass(frozen=True)
class RelativeDate:
    """A date literal such as `LAST_MONTH`, resolved in the user's time zone."""

    name: str


@dataclass(frozen=True)
class Compare:
    """`field operator value`; operators `= != < <= > >= like in notin`."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Not:
    inner: Any


@dataclass(frozen=True)
class Chain:
    """Conditions joined by one operator, `and` or `or`."""

    operator: str
    parts: tuple[Any, ...]


@dataclass
class Select:
    """One query. Subqueries stand in `fields` in their place."""

    fields: list[str | Select] = field(default_factory=list)
    source: str = ""
    where: Any = None
    order: list[tuple[str, bool, bool]] = field(
        default_factory=list
    )  # path, descending, nulls last
    limit: int | None = None
    offset: int = 0
    count: bool = False


def parse(text: str) -> Select:
    """Read one query. Raises ApiError MALFORMED_QUERY."""
    if len(text) > MAX_LENGTH:
        raise ApiError(400, "QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000")
    reader = _Reader(_tokens(text))
    query = reader.select()
    reader.end()
    return query


def _tokens(text: str) -> list[Token]:
    found = []
    place = 0
    stripped = text.rstrip()
    while place < len(stripped):
        match = _TOKEN.match(stripped, place)
        if match is None or match.lastgroup is None:
            raise malformed_query(f"unexpected token: '{stripped[place:].strip()[:20]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0

    # -- tokens -------------------------------------------------------------
    def _peek(self, ahead: int = 0) -> Token:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("end", "<EOF>")

    def _next(self) -> Token:
        token = self._peek()
        self._place += 1
        return token

    def _is(self, text: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token.kind in ("word", "sign") and token.text.lower() == text

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._place += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise malformed_query(
                f"unexpected token: '{self._peek().text}' (expected '{text.upper()}')"
            )

    def _word(self) -> str:
        token = self._next()
        if token.kind != "word":
            raise malformed_query(f"unexpected token: '{token.text}'")
        return token.text

    def _count(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit():
            raise malformed_query(f"unexpected token: '{token.text}'")
        return int(token.text)

    def end(self) -> None:
        if self._peek().kind != "end":
            raise malformed_query(f"unexpected token: '{self._peek().text}'")

    # -- grammar --------------------------------------------------------------
    def select(self) -> Select:
        query = Select()
        self._expect("select")
        if self._is("count") and self._is("(", 1) and self._is(")", 2):
            self._place += 3
            query.count = True
        else:
            self._columns(query)
        self._expect("from")
        query.source = self._word()
        alias = self._alias()
        if self._take("where"):
            query.where = self._condition()
        self._tail(query)
        _drop_alias(query, alias)
        return query

    def _columns(self, query: Select) -> None:
        while True:
            if self._take("("):
                query.fields.append(self.select())
                self._expect(")")
            else:
                query.fields.append(self._word())
            if not self._take(","):
                return

    def _alias(self) -> str:
        stops = ("where", "order", "limit", "offset", "all", "for", "with", "group", "having")
        token = self._peek()
        if token.kind == "word" and token.text.lower() not in stops:
            return self._next().text
        return ""

    def _tail(self, query: Select) -> None:
        if self._take("order"):
            self._expect("by")
            query.order.append(self._order())
            while self._take(","):
                query.order.append(self._order())
        if self._take("limit"):
            query.limit = self._count()
        if self._take("offset"):
            query.offset = self._count()
            if query.offset > MAX_OFFSET:
                raise ApiError(
                    400,
                    "NUMBER_OUTSIDE_VALID_RANGE",
                    "Maximum SOQL offset allowed is 2000",
                )

    def _order(self) -> tuple[str, bool, bool]:
        path = self._word()
        descending = self._take("desc")
        if not descending:
            self._take("asc")
        nulls_last = False
        if self._take("nulls"):
            nulls_last = self._take("last")
            if not nulls_last:
                self._expect("first")
        return path, descending, nulls_last

    def _condition(self) -> Any:
        first = self._factor()
        for operator in ("and", "or"):
            if not self._is(operator):
                continue
            parts = [first]
            while self._take(operator):
                parts.append(self._factor())
            if self._is("and") or self._is("or"):
                # The vendor wants parentheses where AND and OR meet.
                raise malformed_query(f"unexpected token: '{self._peek().text}'")
            return Chain(operator, tuple(parts))
        return first

    def _factor(self) -> Any:
        if self._take("not"):
            return Not(self._factor())
        if self._take("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Compare:
        path = self._word()
        if self._take("not"):
            self._expect("in")
            return Compare(path, "notin", self._list())
        if self._take("in"):
            return Compare(path, "in", self._list())
        if self._take("like"):
            return Compare(path, "like", self._value())
        token = self._next()
        if token.kind != "sign" or token.text in "(),":
            raise malformed_query(f"unexpected token: '{token.text}'")
        operator = "!=" if token.text == "<>" else token.text
        return Compare(path, operator, self._value())

    def _list(self) -> tuple[Any, ...] | Select:
        self._expect("(")
        if self._is("select"):
            inner = self.select()
            self._expect(")")
            return inner
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Any:
        token = self._next()
        if token.kind == "string":
            return _unescape(token.text[1:-1])
        if token.kind == "number":
            return Decimal(token.text)
        if token.kind == "date":
            return _date(token.text)
        if token.kind == "datetime":
            return _datetime(token.text)
        lowered = token.text.lower()
        if token.kind == "word" and lowered in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[lowered]
        if token.kind == "word" and _RELATIVE.fullmatch(token.text):
            return RelativeDate(token.text.upper())
        raise malformed_query(f"unexpected token: '{token.text}'")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise malformed_query(f"Invalid date: {text}") from problem


def _datetime(text: str) -> datetime:
    found = parse_instant(text)
    if found is None:
        raise malformed_query(f"Invalid datetime: {text}")
    return found


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise malformed_query(
                f"Invalid string literal '{text}'. Illegal character sequence "
                f"'\\{match[1]}' in string literal."
            )
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", plain, text, flags=re.DOTALL)


def _drop_alias(query: Select, alias: str) -> None:
    """Take `o.` off `o.Name`, and the object's own name as well."""
    heads = {query.source.lower()} | ({alias.lower()} if alias else set())

    def short(path: str) -> str:
        head, _, rest = path.partition(".")
        return rest if rest and head.lower() in heads else path

    query.fields = [short(each) if isinstance(each, str) else each for each in query.fields]
    query.order = [(short(path), *more) for path, *more in query.order]  # type: ignore[misc]
    query.where = _renamed(query.where, short)


def _renamed(node: Any, short: Any) -> Any:
    if isinstance(node, Compare):
        return Compare(short(node.path), node.operator, node.value)
    if isinstance(node, Not):
        return Not(_renamed(node.inner, short))
    if isinstance(node, Chain):
        return Chain(node.operator, tuple(_renamed(part, short) for part in node.parts))
    return node
