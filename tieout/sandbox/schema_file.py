"""Reads the file that adds custom objects and fields to the Salesforce stand-in.

The shape is that of `salesforce.schema.Schema.load`. A mistake here would only show
as a query that finds nothing, so every name is checked and all problems are told at once.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tieout.sandbox.salesforce.schema import Schema, parse_field

_TOP = ("multi_currency", "objects")
_OBJECT = ("label", "prefix", "fields")
_FIELD = (
    "name", "type", "label", "length", "precision", "scale", "required", "externalId", "unique",
    "referenceTo", "relationshipName", "childRelationshipName", "picklist", "restricted",
    "readOnly",
)  # fmt: skip
_TYPES = (
    "boolean", "currency", "date", "datetime", "double", "email", "id", "int", "percent", "phone",
    "picklist", "reference", "string", "textarea", "url",
)  # fmt: skip
_FLAGS = ("ext", "fixed", "readonly", "required", "restricted", "unique")
_OPTIONS = ("children", "ref", "rel", "values")
_NAME = re.compile(r"[A-Za-z]\w*")
_SIZES = ("length", "precision", "scale")


def load_schema(path: Path | str) -> dict[str, Any]:
    """The custom objects and fields of a YAML or JSON file, for `World(schema=...)`.

    Raises ValueError that names the file and every problem in it.
    """
    file = Path(path)
    document = _read(file)
    problems = list(_problems(document))
    if problems:
        raise ValueError("\n".join([f"{file}: the schema has problems:", *problems]))
    return dict(document or {})


def _read(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is not text in UTF-8"
        raise ValueError(f"{file}: cannot read the schema: {why}") from problem
    try:
        if file.suffix.lower() == ".json":
            return json.loads(text)
        return YAML(typ="safe", pure=True).load(text)
    except json.JSONDecodeError as problem:
        raise ValueError(f"{file}:{problem.lineno}: not JSON: {problem.msg}") from problem
    except YAMLError as problem:
        raise ValueError(f"{file}{_marked(problem)}") from problem


def _marked(problem: YAMLError) -> str:
    if isinstance(problem, MarkedYAMLError) and problem.problem_mark is not None:
        return f":{problem.problem_mark.line + 1}: not YAML: {problem.problem}"
    return f": not YAML: {problem}"


def _problems(document: Any) -> Iterator[str]:
    if document is None:
        return
    if not isinstance(document, Mapping):
        yield "the file must hold a mapping with 'objects'"
        return
    yield from _unknown("the file", document, _TOP)
    if not isinstance(document.get("multi_currency", False), bool):
        yield "multi_currency: must be true or false"
    objects = document.get("objects") or {}
    if not isinstance(objects, Mapping):
        yield "objects: must be a mapping from an object's name to its fields"
        return
    known = {each.name for each in Schema().objects.values()} | {str(name) for name in objects}
    for name, details in objects.items():
        yield from _object_problems(str(name), details, known)


def _object_problems(name: str, details: Any, known: set[str]) -> Iterator[str]:
    standard = [each.name for each in Schema().objects.values()]
    found = next((each for each in standard if each.lower() == name.lower()), None)
    if not _NAME.fullmatch(name) or (found is None and not name.endswith("__c")):
        yield (
            f"objects.{name}: not a standard object of this sandbox, and the name of a custom one "
            f"ends with __c{_nearest(name, standard)}"
        )
    if details is None:
        return
    if not isinstance(details, Mapping):
        yield f"objects.{name}: must be a mapping with 'fields'"
        return
    yield from _unknown(f"objects.{name}", details, _OBJECT)
    prefix = details.get("prefix")
    if prefix is not None and not re.fullmatch(r"[0-9A-Za-z]{3}", str(prefix)):
        yield f"objects.{name}.prefix: {prefix!r} is not three letters or digits"
    fields = details.get("fields") or []
    if not isinstance(fields, Mapping | list):
        yield f"objects.{name}.fields: must be a list of fields or a mapping by name"
        return
    for number, entry in enumerate(_entries(fields), start=1):
        yield from _field_problems(f"objects.{name}.fields[{number}]", entry, known)


def _entries(fields: Mapping[Any, Any] | list[Any]) -> list[Any]:
    if isinstance(fields, list):
        return fields
    return [
        {"name": name, **value} if isinstance(value, Mapping) else {"name": name, "": value}
        if value is not None else {"name": name}
        for name, value in fields.items()
    ]  # fmt: skip


def _field_problems(place: str, entry: Any, known: set[str]) -> Iterator[str]:
    if isinstance(entry, str):
        yield from _line_problems(place, entry, known)
        return
    if not isinstance(entry, Mapping):
        yield f"{place}: must be a text such as 'Region__c string(40)' or a mapping with 'name'"
        return
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield f"{place}: 'name' is missing or not a field name: {name!r}"
        return
    place = f"{place} {name}"
    if "" in entry:
        yield f"{place}: must be a mapping such as {{type: string, length: 40}}"
        return
    yield from _unknown(place, entry, _FIELD)
    kind = entry.get("type", "string")
    if kind not in _TYPES:
        yield f"{place}: there is no type {kind!r}{_nearest(str(kind), _TYPES)}"
    for size in _SIZES:
        if type(entry.get(size, 0)) is not int or entry.get(size, 0) < 0:
            yield f"{place}: '{size}' must be a whole number, not {entry[size]!r}"
    parents = entry.get("referenceTo") or []
    for parent in parents if isinstance(parents, list) else [parents]:
        yield from _parent_problems(place, str(parent), known)
    values = entry.get("picklist", [])
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        yield f"{place}: 'picklist' must be a list of texts"


def _line_problems(place: str, line: str, known: set[str]) -> Iterator[str]:
    words = line.split()
    if len(words) < 2 or not _NAME.fullmatch(words[0]):
        yield f"{place}: cannot read {line!r}; write it like 'Region__c string(40) required'"
        return
    place = f"{place} {words[0]}"
    for word in words[2:]:
        option, has_value, _ = word.partition("=")
        names = _OPTIONS if has_value else _FLAGS
        if option not in names:
            yield f"{place}: there is no option {option!r}{_nearest(option, names)}"
    try:
        definition = parse_field(line)
    except ValueError as problem:
        yield f"{place}: {problem}"
        return
    if definition.type not in _TYPES:
        yield f"{place}: there is no type {definition.type!r}{_nearest(definition.type, _TYPES)}"
    if definition.reference_to:
        yield from _parent_problems(place, definition.reference_to, known)


def _parent_problems(place: str, parent: str, known: set[str]) -> Iterator[str]:
    if parent not in known:
        yield f"{place}: there is no object {parent!r} to refer to{_nearest(parent, known)}"


def _unknown(place: str, given: Mapping[Any, Any], names: Iterable[str]) -> Iterator[str]:
    for key in given:
        if key not in names:
            yield f"{place}: there is no key {str(key)!r}{_nearest(str(key), names)}"


def _nearest(name: str, names: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
