"""What pydantic found, in words for whoever wrote the file."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tieout.config.located import nearest
from tieout.config.yaml_lines import Lines, Path_
from tieout.errors import Problem

_WORDS = {
    "string_type": "must be text; put it in quotes",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must be settings written as `name: value`",
    "model_type": "must be settings written as `name: value`",
    "model_attributes_type": "must be settings written as `name: value`",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_too_short": "must not be empty",
    "date_type": "must be a date such as 2026-01-31",
    "date_parsing": "must be a date such as 2026-01-31",
    "date_from_datetime_parsing": "must be a date such as 2026-01-31",
    "decimal_parsing": "must be a number such as 200 or 200.00",
    "decimal_type": "must be a number such as 200 or 200.00",
    "finite_number": "must be a number such as 200 or 200.00",
}
_CHOSEN = ("literal_error", "enum")


def problems_of(
    error: ValidationError, model: type[BaseModel], lines: Lines, at: Path_ = ()
) -> list[Problem]:
    """Every mistake in one validated part, with its line; `at` is where the part stands."""
    return [_problem(detail, model, lines, at) for detail in error.errors(include_url=False)]


def _problem(detail: ErrorDetails, model: type[BaseModel], lines: Lines, at: Path_) -> Problem:
    loc = detail["loc"]
    path = (*at, *loc)
    return Problem(lines.file, lines.at(path), _text(detail, model, loc, at))


def _text(detail: ErrorDetails, model: type[BaseModel], loc: Path_, at: Path_) -> str:
    kind, where = detail["type"], dotted((*at, *loc))
    if kind == "extra_forbidden":
        parent = dotted((*at, *loc[:-1]))
        valid = _names(_annotation_at(model, loc[:-1]))
        hint = nearest(str(loc[-1]), valid) or f"; known here: {', '.join(valid)}"
        return f"unknown setting '{loc[-1]}'{f' in {parent}' if parent else ''}{hint}"
    if kind == "missing":
        return f"{dotted((*at, *loc[:-1])) or 'the file'} needs '{loc[-1]}'"
    prefix = f"{where}: " if where else ""
    if kind == "value_error":
        return f"{prefix}{detail['ctx']['error']}"
    if detail["input"] is None:
        return f"{prefix}is empty; fill it in or remove it"
    if kind in _CHOSEN:
        expected = str(detail["ctx"]["expected"])
        valid = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
        found = str(detail["input"])[:60]
        hint = nearest(found, valid) or f"; use {expected}"
        return f"{prefix}'{found}' is not known{hint}"
    return f"{prefix}{_WORDS.get(kind, detail['msg'])}"


def dotted(path: Path_) -> str:
    """A path as people say it: `rules[1].budgets[2].model`, counting from one."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step + 1}]"
        else:
            text += f".{step}" if text else step
    return text


def _annotation_at(model: type[BaseModel], loc: Path_) -> object:
    current: object = model
    for step in loc:
        current = _step(_bare(current), step)
    return _bare(current)


def _bare(annotation: object) -> object:
    """Without Annotated and Optional around it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(inner[0])
    return annotation


def _step(annotation: object, step: str | int) -> object:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if step in (name, info.alias):
                return info.annotation
        return None
    args: tuple[Any, ...] = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (dict, Mapping) and len(args) == 2:
        return args[1]
    return args[0] if origin is tuple and args else None


def _names(annotation: object) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [info.alias or name for name, info in annotation.model_fields.items()]
    return []
