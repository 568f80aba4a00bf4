"""SuiteQL made into the dialect of the database underneath (Oracle: SuiteQL syntax).

Oracle's functions become functions of our own; BUILTIN.DF becomes the hidden column beside
a column; ROWNUM becomes a limit. What SuiteQL refuses is refused here: date literals,
brackets, LIMIT, long IN lists, WITH.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tieout.sandbox.netsuite.sqltables import DISPLAY, Column

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^']|'')*')|(?P<quoted>"[^"]*")
    |(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<name>[A-Za-z_][\w$#]*)
    |(?P<mark>\(\+\)|\|\||<=|>=|<>|!=|[-+*/=<>(),.?;\[\]%:])""",
    re.VERBOSE | re.DOTALL,
)
_FUNCTIONS = {
    "nvl": "ifnull", "to_timestamp": "to_date", "to_date": "to_date", "to_char": "to_char",
    "trunc": "ns_trunc", "to_number": "to_number", "decode": "decode", "nvl2": "nvl2",
    "add_months": "add_months", "concat": "concat", "greatest": "max", "least": "min",
}  # fmt: skip
_NOW = ("sysdate", "current_date", "systimestamp", "current_timestamp")
_DATE_CALLS = ("to_date", "to_timestamp", "trunc", "add_months")
_COMPARES = ("=", "<", ">", "<=", ">=", "<>", "!=")
_REFUSED = ("limit", "insert", "update", "delete", "drop", "create", "alter", "pragma", "attach")
MOST_IN_LIST = 1000
_NO_TEXT = "Invalid or unsupported search: dates are compared with TO_DATE"


class BadQuery(Exception):
    """A query that is refused, with what the caller is told."""


@dataclass
class Token:
    kind: str
    text: str

    def __post_init__(self) -> None:
        self.word = self.text.lower() if self.kind == "name" else self.text


@dataclass
class Translation:
    """A query for the database; `now` marks where the time of the query goes."""

    tokens: list[Token]
    params: Sequence[Any]
    shapes: dict[str, tuple[Column, ...]]
    at: int = 0
    bound: int = 0  # bind values seen so far
    depth: int = 0
    limits: dict[int, str] = field(default_factory=dict)  # by depth
    calls: dict[int, str] = field(default_factory=dict)  # what closes a call at a depth
    date_names: set[str] = field(default_factory=set)  # columns that hold dates
    dates: dict[int, int] = field(default_factory=dict)  # where a date call began, by depth


def translate(
    text: str, params: Sequence[Any], shapes: dict[str, tuple[Column, ...]], *, with_allowed: bool
) -> str:
    """The statement for the database. Raises BadQuery."""
    tokens = _tokens(text)
    first = tokens[0].word if tokens else ""
    if first != "select" and not (first == "with" and with_allowed):
        raise BadQuery("Invalid or unsupported search")
    work = Translation(tokens, params, shapes)
    out: list[str] = []
    while work.at < len(tokens):
        _step(work, out)
    if 0 in work.limits:
        out.append(f"LIMIT {work.limits[0]}")
    return " ".join(out)


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadQuery(f"Invalid or unsupported search near '{text[at : at + 10]}'")
        if match.lastgroup and match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group()))
        at = match.end()
    return found


def _peek(work: Translation, ahead: int = 0) -> Token:
    place = work.at + ahead
    return work.tokens[place] if place < len(work.tokens) else Token("end", "")


def _is_date(work: Translation, ahead: int) -> bool:
    """Whether a column that holds dates comes next, perhaps after the alias of its table."""
    name = _peek(work, ahead + 2 if _peek(work, ahead + 1).text == "." else ahead)
    return name.kind == "name" and name.word in _date_columns(work)


def _step(work: Translation, out: list[str]) -> None:
    token = _peek(work)
    text = token.kind == "text" or (token.text == "?" and _is_text(work))
    if text and _peek(work, 1).text in _COMPARES and _is_date(work, 2):
        raise BadQuery(_NO_TEXT)
    if token.kind == "name":
        _name(work, out, token)
    elif token.kind == "mark":
        _mark(work, out, token)
    else:
        work.at += 1
        out.append(token.text)


def _mark(work: Translation, out: list[str], token: Token) -> None:
    if token.text in ("[", "]", ";", "(+)", ":", "%"):
        raise BadQuery(f"Invalid or unsupported search near '{token.text}'")
    work.at += 1
    if token.text == "+" and "text" in (_peek(work).kind, _peek(work, -2).kind):
        raise BadQuery("The operator + cannot join texts, use ||")
    if token.text == "?":
        work.bound += 1
        if _peek(work).word == "between" and _is_date(work, 1):
            out.append("ns_date(?)")
            return
    if token.text == "(":
        work.depth += 1
    if token.text == ")":
        if work.depth in work.limits:
            out.append(f"LIMIT {work.limits.pop(work.depth)}")
        out.append(work.calls.pop(work.depth, ")"))
        begun = work.dates.pop(work.depth, None)
        work.depth -= 1
        if begun is not None:
            _days(work, out, begun)
        return
    out.append(token.text)


def _name(work: Translation, out: list[str], token: Token) -> None:
    word, after = token.word, _peek(work, 1).text
    if word in _REFUSED or (word == "with" and work.at > 0):
        raise BadQuery(f"Invalid or unsupported search near '{token.text}'")
    if word == "builtin" and after == ".":
        _builtin(work, out)
    elif word == "rownum":
        _rownum(work, out)
    elif word in ("fetch", "top") and _peek(work, -1).text != ".":
        _fetch(work, out, word)
    elif word in _NOW and after != "(":
        work.at += 1
        out.append("ns_now()")
        _days(work, out, len(out) - 1)
    elif after == "(" and (word in _FUNCTIONS or word in ("sum", *_DATE_CALLS)):
        _call(work, out, word)
    elif word == "in" and after == "(":
        _check_list(work)
        work.at += 1
        out.append("IN")
    elif word == "minus":
        work.at += 1
        out.append("EXCEPT")
    else:
        _column_or_word(work, out, token)


def _call(work: Translation, out: list[str], word: str) -> None:
    work.at += 2
    work.depth += 1
    if word in _DATE_CALLS:
        work.dates[work.depth] = len(out)
    if word == "sum":
        # The database would add in binary: our own sum is exact to the last digit.
        out.append("CAST(exact_sum(")
        work.calls[work.depth] = ") AS NUMERIC)"
    else:
        out.append(f"{_FUNCTIONS.get(word, word)}(")


def _days(work: Translation, out: list[str], begun: int) -> None:
    """A date may be followed by a number of days to add or subtract."""
    sign, days = _peek(work).text, _peek(work, 1)
    if sign not in ("+", "-") or days.kind != "number":
        return
    work.at += 2
    whole = " ".join(out[begun:])
    out[begun:] = [f"ns_plus({whole}, {sign}{days.text})"]


def _column_or_word(work: Translation, out: list[str], token: Token) -> None:
    work.at += 1
    word = token.word
    out.append(f'"{word}"' if word in ("transaction", "void", "index") else token.text)
    if word not in _date_columns(work):
        return
    begun = len(out) - 1
    if begun >= 2 and out[begun - 1] == ".":
        begun -= 2
    _days(work, out, begun)
    _check_dates(work, _peek(work), _peek(work, 1))
    if _peek(work).word == "between":
        _check_dates(work, Token("mark", "="), _peek(work, 1))


def _check_dates(work: Translation, compare: Token, other: Token) -> None:
    """A date is compared with a date, never with a text."""
    if compare.text not in _COMPARES:
        return
    if other.kind == "text" or (other.text == "?" and _is_text(work)):
        raise BadQuery(_NO_TEXT)


def _is_text(work: Translation) -> bool:
    """Whether the next bind value is a text."""
    return work.bound < len(work.params) and isinstance(work.params[work.bound], str)


def _date_columns(work: Translation) -> set[str]:
    if not work.date_names:
        every = [each for shape in work.shapes.values() for each in shape]
        work.date_names = {each.name for each in every if each.kind in ("d", "m")}
    return work.date_names


def _check_list(work: Translation) -> None:
    count, depth, place = 1, 0, work.at + 1
    while place < len(work.tokens):
        text = work.tokens[place].text
        depth += {"(": 1, ")": -1}.get(text, 0)
        count += text == "," and depth == 1
        if depth == 0:
            break
        place += 1
    if count > MOST_IN_LIST:
        raise BadQuery(f"The list of an IN condition has more than {MOST_IN_LIST} elements")


def _builtin(work: Translation, out: list[str]) -> None:
    """BUILTIN.DF, CF and CONSOLIDATE of one column."""
    function = _peek(work, 2).word
    if function not in ("df", "cf", "consolidate", "currency") or _peek(work, 3).text != "(":
        raise BadQuery(f"Invalid or unsupported search near 'BUILTIN.{function}'")
    work.at += 4
    inner: list[Token] = []
    depth, first = 1, True
    while depth and work.at < len(work.tokens):
        token = _peek(work)
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        first = first and not (token.text == "," and depth == 1)
        if depth and first:
            inner.append(token)
        work.at += 1
    if not inner or inner[-1].kind not in ("name", "number", "text"):
        raise BadQuery(f"Invalid or unsupported search near 'BUILTIN.{function}'")
    column = inner[-1].word
    shown = {each.name for shape in work.shapes.values() for each in shape if each.target}
    parts = [f'"{each.word}"' if each.word == "transaction" else each.text for each in inner]
    if function == "df" and column in shown:
        parts[-1] = f'"{column}{DISPLAY}"'
    # Made an expression, so that the result has no name of its own.
    whole = "".join(parts)
    out.append(f"({whole} || '')" if function == "df" else f"({whole})")


def _rownum(work: Translation, out: list[str]) -> None:
    compare, count = _peek(work, 1).text, _peek(work, 2)
    most = count.text
    if count.text == "?" and work.bound < len(work.params):
        most = str(work.params[work.bound])
    if compare not in ("<=", "<", "=") or not most.isdigit():
        raise BadQuery("Invalid or unsupported search near 'ROWNUM'")
    work.at += 3
    work.limits[work.depth] = str(int(most) - 1) if compare == "<" else most
    # A bind value stays bound, though nothing depends on it any more.
    if count.text == "?":
        work.bound += 1
        out.append("(? IS NOT NULL)")
    else:
        out.append("(1 = 1)")


def _fetch(work: Translation, out: list[str], word: str) -> None:
    if word == "top" and _peek(work, 1).kind == "number":
        work.limits[work.depth] = _peek(work, 1).text
        work.at += 2
        return
    given = [_peek(work, ahead).word for ahead in range(5)]
    first = word == "fetch" and given[1] in ("first", "next") and given[2].isdigit()
    if first and given[3] in ("row", "rows") and given[4] == "only":
        work.limits[work.depth] = given[2]
        work.at += 5
        return
    _column_or_word(work, out, _peek(work))
