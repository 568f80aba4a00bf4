"""Text with places to fill in: `{deal.name}`, `{deal.fields.Code?|deal.name}`.

A place names a field of a record. `?` after it says that the record may lack the
field; `|` gives the next field to try when the value is empty. An empty value is "".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from tieout.config.conditions import Value
from tieout.config.located import nearest
from tieout.config.records import Records, with_article

_PLACE = re.compile(r"\{([^{}]*)\}")
_FIELD = re.compile(r"[A-Za-z]\w*(?:\.\w+)+\??")
_LEFT_OVER = re.compile(r"[{}]")


class FieldMissing(Exception):
    """A record lacks a field that a rule asks for; the text names it and the nearest one."""


@dataclass(frozen=True, slots=True)
class Place:
    """One field to read: the record, the steps to the value, whether it may be missing."""

    record: str
    steps: tuple[str, ...]
    optional: bool = False


def check_template(text: str, records: Records) -> None:
    """Raise ValueError unless every place of the template can be read from the records."""
    for inside in _PLACE.findall(text):
        for option in inside.split("|"):
            check_field(option.strip(), records)
    if _LEFT_OVER.search(_PLACE.sub("", text)):
        raise ValueError(f"a brace is not closed in '{text}'")


def check_field(text: str, records: Records) -> None:
    """Raise ValueError unless the text names a field such as `deal.amount`."""
    if not _FIELD.fullmatch(text):
        raise ValueError(f"'{text}' is not a field; write for example {next(iter(records))}.name")
    place = _place(text)
    if place.record not in records:
        hint = nearest(place.record, list(records)) or f"; use one of: {', '.join(records)}"
        raise ValueError(f"unknown record '{place.record}' in '{text}'{hint}")
    valid = records[place.record]
    first = place.steps[0]
    if first not in valid:
        hint = nearest(first, valid) or (
            f"; other fields are written {place.record}.fields.{first}" if "fields" in valid else ""
        )
        raise ValueError(f"{with_article(place.record)} has no '{first}'{hint}")
    if len(place.steps) != (2 if first == "fields" else 1):
        raise ValueError(f"'{text}' does not lead to a value")


def fill(template: str, records: Mapping[str, Value]) -> str:
    """The template with its places filled, trimmed. Raises FieldMissing."""
    return _PLACE.sub(lambda match: _filled(match[1], records), template).strip()


def _filled(inside: str, records: Mapping[str, Value]) -> str:
    for option in inside.split("|"):
        text = as_text(read_field(option.strip(), records))
        if text:
            return text
    return ""


def read_field(text: str, records: Mapping[str, Value]) -> Value:
    """The value of a field such as `line.total`. Raises FieldMissing."""
    place = _place(text)
    value: Value = records.get(place.record)
    for step in place.steps:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif place.optional:
            return None
        else:
            names = list(value) if isinstance(value, Mapping) else []
            raise FieldMissing(f"the {place.record} has no field '{step}'{nearest(step, names)}")
    return value


def as_text(value: Value) -> str:
    """A value as it is written on a document; None is ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


@lru_cache(maxsize=2048)
def _place(text: str) -> Place:
    optional = text.endswith("?")
    record, *steps = text.removesuffix("?").split(".")
    return Place(record, tuple(steps), optional)
