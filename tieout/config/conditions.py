"""The one module around the CEL library: conditions are checked when they are read.

A condition answers yes or no about a record; it never computes. So arithmetic is
refused, and decimals are handed over as plain text: CEL has no exact decimals, and
turning money into its doubles could make 0.1 + 0.2 decide where revenue goes. Amounts
are compared with functions that are exact:

    more_than(deal.amount, "10000")   at_least(a, b)   less_than(a, b)
    at_most(a, b)                     same_amount(a, b)

Dates are text such as "2026-03-31": compared as text they sort as dates.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import cel

from tieout.config.located import nearest
from tieout.config.records import Records, with_article

#: Longer conditions are refused: split the rule.
MAX_LENGTH = 500
#: `exists` and `all` walk a list; more than two could be nested into slow rules.
MAX_MACROS = 2
#: The parser recurses; parentheses deeper than this are refused before it starts.
MAX_NESTING = 20

_ARITHMETIC = {"_+_": "+", "_-_": "-", "-_": "-", "_*_": "*", "_/_": "/", "_%_": "%"}
_OPERATORS = frozenset(
    ["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_", "!_", "_?_:_", "_[_]", "@in"]
)
_HELPERS = frozenset(["@not_strictly_false"])
_NAMED = ("size", "contains", "startsWith", "endsWith", "matches", "string")
_AMOUNTS = "amount|total|unit_price|quantity|hours|rate"
_AMOUNT_COMPARED = re.compile(
    rf"\b\w+\.({_AMOUNTS})\s*(?:<=|>=|==|!=|<|>)\s*(?!null\b)"
    rf"|(?<!null)\s*(?:<=|>=|==|!=|<|>)\s*\w+\.({_AMOUNTS})\b"
)
_MACRO = re.compile(r"\.\s*(?:exists|all)\s*\(\s*(\w+)\s*,")
_REFUSED_MACRO = re.compile(r"\.\s*(map|filter|exists_one)\s*\(")
_FIELD = re.compile(r"(?<![\w.])(\w+)\.(\w+)\b(?!\s*\()")
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")

Value = str | int | bool | Decimal | date | None | Mapping[str, "Value"] | list["Value"]


class ConditionFailed(Exception):
    """A condition could not be answered for a record; the text says why."""


def check_condition(expression: str, records: Records) -> None:
    """Raise ValueError, with words for whoever wrote it, unless the condition is usable.

    `records` are what it may ask about, with their fields: `deal`, `line`, `entry` ...
    """
    if not expression.strip():
        raise ValueError("the condition is empty; write `true` for always")
    if len(expression) > MAX_LENGTH:
        raise ValueError(
            f"the condition has {len(expression)} characters, at most {MAX_LENGTH} are allowed;"
            " split the rule"
        )
    bare = _STRINGS.sub('""', expression)
    _check_shape(bare)
    try:
        program = cel.compile(expression)
    except (ValueError, RuntimeError, TypeError) as error:
        raise ValueError(f"the condition cannot be read: {_first_words(str(error))}") from None
    _check_functions(program.functions())
    bound = set(_MACRO.findall(bare))
    for name in program.variables():
        if name not in records and name not in bound:
            hint = nearest(name, list(records)) or f"; known here: {', '.join(records)}"
            raise ValueError(f"unknown name '{name}' in the condition{hint}")
    for name, field in _FIELD.findall(bare):
        if name in records and name not in bound and field not in records[name]:
            hint = nearest(field, records[name]) or _other_field(name, field, records)
            raise ValueError(f"{with_article(name)} has no '{field}'{hint}")


def _other_field(name: str, field: str, records: Records) -> str:
    if "fields" in records[name]:
        return f"; other fields of the source are written {name}.fields.{field}"
    return f"; it has {', '.join(records[name])}"


def _check_shape(bare: str) -> None:
    depth = deepest = 0
    for mark in bare:
        depth += (mark in "([{") - (mark in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING or re.search(rf"(?:[!\-]\s*){{{MAX_NESTING},}}", bare):
        raise ValueError(f"the condition is nested more than {MAX_NESTING} deep")
    refused = _REFUSED_MACRO.search(bare)
    if refused:
        raise ValueError(f"'{refused[1]}' is not available in a condition; use exists or all")
    if len(_MACRO.findall(bare)) > MAX_MACROS:
        raise ValueError(f"at most {MAX_MACROS} of exists and all are allowed in a condition")
    compared = _AMOUNT_COMPARED.search(bare)
    if compared:
        name = compared[1] or compared[2]
        raise ValueError(
            f"'{name}' is an exact decimal and is not compared with an operator;"
            f' write more_than(deal.{name}, "100"), at_least, less_than, at_most or same_amount'
        )


def _check_functions(functions: list[str]) -> None:
    for function in functions:
        if function in _ARITHMETIC:
            raise ValueError(
                f"'{_ARITHMETIC[function]}' is not allowed in a condition: it decides,"
                " it does not compute"
            )
    known = (*_NAMED, *_COMPARISONS)
    for function in functions:
        if function in _OPERATORS or function in _HELPERS or function in known:
            continue
        hint = nearest(function, known) or f"; known: {', '.join(sorted(known))}"
        raise ValueError(f"unknown function '{function}' in the condition{hint}")


def answer(expression: str, records: Mapping[str, Value]) -> bool:
    """Whether the condition holds for the records, by the names it uses.

    Raises ConditionFailed when a field is not there, the types do not fit or the
    result is not yes or no.
    """
    comparisons = _Comparisons()
    context = cel.Context(
        variables={name: _plain(value) for name, value in records.items()},
        functions=comparisons.functions(),
    )
    try:
        result = _compiled(expression).execute(context)
    except KeyError as error:
        field = str(error.args[0]) if error.args else ""
        hint = nearest(field, _fields(records))
        raise ConditionFailed(f"there is no field '{field}'{hint}") from None
    except TypeError:
        raise ConditionFailed(
            "it compares values of different kinds; text stands in quotes, decimals are"
            " compared with more_than and its like"
        ) from None
    except (ValueError, RuntimeError) as error:
        raise ConditionFailed(_first_words(str(error))) from None
    if comparisons.failures:
        raise ConditionFailed(comparisons.failures[0])
    if not isinstance(result, bool):
        raise ConditionFailed(f"it gives {result!r}, not true or false")
    return result


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> cel.Program:
    return cel.compile(expression)


def _fields(records: Mapping[str, Value]) -> list[str]:
    names: list[str] = []
    for value in records.values():
        if isinstance(value, Mapping):
            names.extend(value)
            names.extend(_fields(value))
    return names


def _plain(value: Value) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _first_words(text: str) -> str:
    flat = " ".join(text.split(" | ")[0].split("\n|")[0].split())
    flat = re.sub(r"^Failed to parse expression '.*?': ERROR: <input>:\d+:", "at character ", flat)
    return flat.split(" expecting ")[0][:200]


_COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "more_than": operator.gt,
    "at_least": operator.ge,
    "less_than": operator.lt,
    "at_most": operator.le,
    "same_amount": operator.eq,
}


class _Comparisons:
    """The exact comparisons of one answer. Failures are kept, not raised: the library
    prints what a function raises, and a customer's amounts do not belong on a console."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def functions(self) -> dict[str, Callable[[object, object], bool]]:
        return {name: self._guarded(compare) for name, compare in _COMPARISONS.items()}

    def _guarded(
        self, compare: Callable[[Decimal, Decimal], bool]
    ) -> Callable[[object, object], bool]:
        def compared(left: object, right: object) -> bool:
            amounts = [self._amount(left), self._amount(right)]
            return None not in amounts and compare(*(a for a in amounts if a is not None))

        return compared

    def _amount(self, value: object) -> Decimal | None:
        if value is None:
            self.failures.append("there is no amount to compare")
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            self.failures.append(f"{str(value)[:40]!r} is not an amount")
            return None
        return amount
