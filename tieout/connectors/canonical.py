"""Canonical facts as JSON Lines: what `tieout export` writes and `tieout import` reads back.

One object a line: its kind, the version of the format, then the fields of the canonical
class. Money is text, so that no reader makes a float of it; a number with a fraction
is taken digit for digit too. `docs/reference/schema/canonical.schema.json` is `schema()`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator

from tieout.connectors import exact
from tieout.connectors.base import Row
from tieout.connectors.tables import refused
from tieout.errors import Problem
from tieout.model.ids import SourceRef
from tieout.model.money import is_currency
from tieout.model.party import Client, Person
from tieout.model.project import Deal, Project, Rate, RateFact
from tieout.model.work import Expense, TimeEntry

F = TypeVar("F")

VERSION = 1
KINDS: Mapping[str, type] = {
    "time_entry": TimeEntry,
    "expense": Expense,
    "deal": Deal,
    "project": Project,
    "client": Client,
    "person": Person,
    "rate": Rate,
}

#: More digits than this on either side of the point are a mistake or a trap.
_LONGEST = 60

#: The source of a record that is not placed in a connection yet.
NOWHERE = SourceRef("", "", "")
_UNPLACED = {"id": "", "origin": "", "source": dataclasses.asdict(NOWHERE)}


class Record(BaseModel, Generic[F]):
    """The fields of a canonical class F as JSON has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: F

    @field_validator("record")
    @classmethod
    def _usable(cls, record: F) -> F:
        currency = getattr(record, "currency", None)
        if currency is not None and not is_currency(currency):
            raise ValueError(f"unknown currency '{currency}'")
        instant: datetime | None = getattr(record, "updated_at", None)
        if instant is not None and instant.tzinfo is None:
            raise ValueError("updated_at needs its offset, as in 2026-01-31T09:00:00Z")
        return record


class Landed(Record[F], Generic[F]):
    """One record of a file.

    A file does not know which connection it is imported through: id, source and origin
    may be absent until the record is read.
    """

    key: str  # the record's identity within its stream
    layout: str
    other: dict[str, str] = {}  # what else a row says, by the file's own columns

    @field_validator("record", mode="before")
    @classmethod
    def _unplaced(cls, record: Any) -> Any:
        return _with_place(cls.model_fields["record"].annotation, record)


def _with_place(shape: Any, record: Row) -> Row:
    names = _UNPLACED.keys() & {part.name for part in dataclasses.fields(shape)}
    return {**{name: _UNPLACED[name] for name in names}, **record}


SHAPES: Mapping[str, type[Landed[Any]]] = {
    "time_entry": Landed[TimeEntry],
    "expense": Landed[Expense],
    "deal": Landed[Deal],
    "project": Landed[Project],
    "client": Landed[Client],
    "person": Landed[Person],
    "rate": Landed[Rate],
}
_STRICT: Mapping[str, type[Record[Any]]] = {
    kind: Record[cls]  # type: ignore[valid-type]
    for kind, cls in KINDS.items()
}


# -- out --------------------------------------------------------------------------------
def to_line(fact: Any) -> str:
    """A fact as one line, without its line end. Raises TypeError for a kind not exported."""
    body = fact.rate if isinstance(fact, RateFact) else fact
    kind = next((kind for kind, cls in KINDS.items() if type(body) is cls), None)
    if kind is None:
        raise TypeError(f"a {type(fact).__name__} is not exported")
    fields = exact.encode(_json(body)).decode()
    return f'{{"kind":"{kind}","version":{VERSION},{fields[1:]}'


def _json(value: Any, *, bare: bool = False) -> Any:
    """A value as JSON can hold it. In `fields` numbers stay numbers, or they would come back
    as texts; everywhere else the field says that its text is a number."""
    if dataclasses.is_dataclass(value):
        names = [part.name for part in dataclasses.fields(value)]
        return {name: _json(getattr(value, name), bare=name == "fields") for name in names}
    if isinstance(value, Mapping):
        return {name: _json(part, bare=bare) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return Decimal(text if "." in text else f"{text}.0") if bare else text
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


# -- in ---------------------------------------------------------------------------------
def read_lines(name: str, data: bytes) -> Iterator[tuple[int, str, Row]]:
    """The records of a file, each (line, kind, its fields); blank lines are left out.

    Raises BadInput with every problem, by line, before it gives the first record.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"the byte 0x{data[error.start]:02X} is not UTF-8; JSON Lines are always UTF-8"
        raise refused(name, [Problem(name, line, what)]) from None
    problems, records = [], []
    for line, written in enumerate(text.split("\n"), 1):
        kind, record, texts = _record(written) if written.strip() else ("", {}, [])
        problems += [Problem(name, line, what) for what in texts]
        records += [(line, kind, record)] if kind else []
    if not records and not problems:
        problems = [Problem(name, 0, "the file is empty; write one JSON object a line")]
    if problems:
        raise refused(name, problems)
    return iter(records)


def _record(written: str) -> tuple[str, Row, list[str]]:
    """The kind and the fields of one line, or what is wrong with it."""
    try:
        whole = json.loads(
            written,
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as error:
        what = f"not JSON at character {error.colno} ({error.msg}); write one object a line"
        return "", {}, [what]
    except (ValueError, RecursionError) as error:
        return "", {}, [str(error)]
    if not isinstance(whole, dict):
        return "", {}, ['not an object; write one as in {"kind": "person", ...}']
    kind, version = whole.pop("kind", None), whole.pop("version", None)
    if not isinstance(kind, str) or kind not in KINDS:
        near = get_close_matches(str(kind), list(KINDS), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(KINDS)}"
        return (
            "",
            {},
            [f"'{kind}' is not a kind of record; {hint}" if kind else f"needs 'kind'; {hint}"],
        )
    if type(version) is not int or version != VERSION:
        found = "needs 'version'" if version is None else f"version {version} is not known"
        return "", {}, [f"{found}; this Tieout reads version {VERSION}"]
    texts = _problems(kind, whole)
    return ("", {}, texts) if texts else (kind, whole, [])


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _LONGEST:
        raise ValueError(f"{text} is not a number that means anything here")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that JSON knows")


def _once(pairs: list[tuple[str, Any]]) -> Row:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"'{twice[0]}' is there twice; keep one")
    return dict(pairs)


def _problems(kind: str, record: Row) -> list[str]:
    """What is wrong with the fields, strictly: `"3600"` is no whole number, 0 is no date."""
    if kind != "rate" and not (isinstance(record.get("id"), str) and record["id"]):
        return ["needs 'id', a text of its own that stays the same when the record changes"]
    # Strict JSON rules know what a text may stand for; numbers go as text to stay exact.
    whole = json.dumps({"record": _with_place(KINDS[kind], record)}, default=str)
    try:
        _STRICT[kind].model_validate_json(whole, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        return [_words(dict(detail), KINDS[kind]) for detail in details]
    return []


def _words(detail: dict[str, Any], shape: Any) -> str:
    where = ".".join(str(step) for step in detail["loc"][1:])
    if detail["type"].startswith("missing"):
        return f"needs '{where}'"
    if detail["type"] == "unexpected_keyword_argument":
        near = get_close_matches(where, [part.name for part in dataclasses.fields(shape)], n=1)
        return f"unknown field '{where}'" + (f"; did you mean '{near[0]}'?" if near else "")
    text = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{where}: {text[0].lower()}{text[1:]}" if where else text


# -- the format, for others -------------------------------------------------------------
def schema() -> Row:
    """The format as JSON Schema (draft 2020-12)."""
    adapters = [(kind, "validation", TypeAdapter[Any](cls)) for kind, cls in KINDS.items()]
    _, whole = TypeAdapter.json_schemas(adapters, title="Tieout canonical records")  # type: ignore[arg-type]
    shapes: dict[str, Row] = whole["$defs"]
    for shape in shapes.values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    for kind, cls in KINDS.items():
        shape = shapes[cls.__name__]
        shape["properties"] = {
            "kind": {"const": kind},
            "version": {"const": VERSION},
            **shape["properties"],
        }
        needed = [name for name in shape["required"] if name not in ("source", "origin")]
        shape["required"] = ["kind", "version", *needed]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tieout canonical records",
        "description": "One object on each line of a JSON Lines file.",
        "oneOf": [{"$ref": f"#/$defs/{cls.__name__}"} for cls in KINDS.values()],
        "$defs": shapes,
    }
