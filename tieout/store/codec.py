"""The model's frozen values as JSON text and back, from their type hints.

Decimals are strings, dates and instants ISO text (instants in UTC), enums their
value, nested values objects, tuples arrays. Where a field may hold several kinds
of scalar, a Decimal is written `{"$dec": "1.5"}` so that it never comes back as
text. Keys are sorted: the same value gives the same text, so a hash of the text
is a hash of the value.

A raw vendor payload is JSON already: `payload_text` and `payload_of` keep its
numbers digit by digit.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, TypeVar, Union

from tieout.errors import StoreError
from tieout.model.ids import digest

T = TypeVar("T")

#: What JSON can hold.
Plain = Any


class _Pair(NamedTuple):
    to_plain: Callable[[Any], Plain]
    from_plain: Callable[[Plain], Any]


def encode(value: object) -> str:
    """The JSON text of a dataclass value. Raises TypeError when a field holds a wrong type."""
    return _dump(_pair(type(value)).to_plain(value))


def decode(cls: type[T], text: str) -> T:
    """The value of class `cls` that `encode` wrote. Raises StoreError when it does not fit."""
    try:
        value: T = _pair(cls).from_plain(json.loads(text))
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise StoreError(
            f"A stored {cls.__name__} cannot be read ({error}). It was written by another "
            "version of Tieout or changed by hand: install the version that wrote it."
        ) from error
    return value


def fingerprint(value: object) -> str:
    """SHA-256 of a value's JSON text: equal values have equal fingerprints."""
    return digest(encode(value))


_MARK = re.compile('"\ue000([0-9.-]+)\ue001"')


def payload_text(payload: Plain) -> str:
    """The canonical text of a vendor's payload; a Decimal stays a number, with all its digits."""
    count = 0

    def mark(value: object) -> str:
        nonlocal count
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"a payload cannot hold {value!r}")
        count += 1
        return f"\ue000{value:f}\ue001"

    text = _dump(payload, mark)
    if not count:
        return text
    text, replaced = _MARK.subn(r"\1", text)
    if replaced != count:
        raise ValueError("the payload holds the characters U+E000 and U+E001 around a number")
    return text


def payload_of(text: str) -> Plain:
    """A payload from its text: whole numbers as int, every other number as an exact Decimal."""
    return json.loads(text, parse_float=Decimal)


def _dump(plain: Plain, default: Callable[[object], str] | None = None) -> str:
    return json.dumps(
        plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=default
    )


def _pair(hint: Any) -> _Pair:
    return _pair_of(hint)


@cache
def _pair_of(hint: Any) -> _Pair:
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast(type, hint))
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _Pair(lambda value: hint(value).value, hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if origin in (Mapping, dict):
        return _mapping(arguments[1])
    raise TypeError(f"no JSON form for {hint!r}")


def _dataclass(cls: type) -> _Pair:
    hints = typing.get_type_hints(cls)
    fields = {f.name: _pair(hints[f.name]) for f in dataclasses.fields(cls)}

    def to_plain(value: Any) -> Plain:
        if type(value) is not cls:
            raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
        return {name: pair.to_plain(getattr(value, name)) for name, pair in fields.items()}

    def from_plain(plain: Plain) -> Any:
        if not isinstance(plain, dict):
            raise TypeError(f"expected {cls.__name__}, got {plain!r}")
        unknown = plain.keys() - fields.keys()
        if unknown:
            raise ValueError(f"unknown field {min(unknown)!r}")
        return cls(**{name: fields[name].from_plain(part) for name, part in plain.items()})

    return _Pair(to_plain, from_plain)


def _exactly(*kinds: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) not in kinds and not (isinstance(value, kinds) and isinstance(value, Enum)):
            names = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"expected {names}, got {type(value).__name__}")
        return value

    return check


def _decimal_text(value: Any) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"expected a finite Decimal, got {value!r}")
    return str(value)


def _instant_text(value: Any) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"expected an aware datetime, got {value!r}")
    return value.astimezone(UTC).isoformat()


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _date_text(value: Any) -> str:
    if type(value) is not date:
        raise TypeError(f"expected a date, got {value!r}")
    return value.isoformat()


_SCALARS: dict[Any, _Pair] = {
    str: _Pair(_exactly(str), _exactly(str)),
    int: _Pair(_exactly(int, bool), _exactly(int, bool)),
    bool: _Pair(_exactly(bool), _exactly(bool)),
    Decimal: _Pair(_decimal_text, Decimal),
    datetime: _Pair(_instant_text, _instant),
    date: _Pair(_date_text, date.fromisoformat),
    type(None): _Pair(_exactly(type(None)), _exactly(type(None))),
}

# Written as they are; the other members of a union of scalars get a tag.
_BARE = (str, int, bool, type(None))
_TAGS: dict[str, Any] = {"$dec": Decimal, "$at": datetime, "$on": date}


def _union(members: tuple[Any, ...]) -> _Pair:
    others = tuple(member for member in members if member is not type(None))
    if len(others) == 1:
        inner = _pair(others[0])
        return _Pair(
            lambda value: None if value is None else inner.to_plain(value),
            lambda plain: None if plain is None else inner.from_plain(plain),
        )
    tags = {kind: tag for tag, kind in _TAGS.items() if kind in members}
    bare = _exactly(*(member for member in members if member in _BARE))
    if len(tags) + sum(member in _BARE for member in members) != len(members):
        raise TypeError(f"no JSON form for a union of {members!r}")

    def to_plain(value: Any) -> Plain:
        kind = type(value)
        return {tags[kind]: _SCALARS[kind].to_plain(value)} if kind in tags else bare(value)

    def from_plain(plain: Plain) -> Any:
        if not isinstance(plain, dict):
            return bare(plain)
        ((tag, text),) = plain.items()
        return _SCALARS[_TAGS[tag]].from_plain(text)

    return _Pair(to_plain, from_plain)


def _tuple(members: tuple[Any, ...]) -> _Pair:
    if len(members) == 2 and members[1] is Ellipsis:
        inner = _pair(members[0])
        return _Pair(
            lambda values: [inner.to_plain(value) for value in values],
            lambda plain: tuple(inner.from_plain(part) for part in plain),
        )
    pairs = tuple(_pair(member) for member in members)
    return _Pair(
        lambda values: [p.to_plain(value) for p, value in zip(pairs, values, strict=True)],
        lambda plain: tuple(p.from_plain(part) for p, part in zip(pairs, plain, strict=True)),
    )


def _mapping(member: Any) -> _Pair:
    inner = _pair(member)
    return _Pair(
        lambda values: {_exactly(str)(name): inner.to_plain(v) for name, v in values.items()},
        lambda plain: {name: inner.from_plain(part) for name, part in plain.items()},
    )
