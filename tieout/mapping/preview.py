"""What edited rules would change, before they go live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from tieout.config import Workspace
from tieout.config.templates import as_text
from tieout.mapping.deals import project_of
from tieout.mapping.results import Held, Ignored, MappedProject
from tieout.model.project import Deal


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of one deal's project that would come out differently."""

    deal_id: str
    deal: str  # its name
    field: str  # `project.terms`, `budgets[Hours].rate_card`, or `result`
    before: str  # "" = not there
    after: str
    origin: str = ""  # the new rule's line, when the value came from one


def preview(deals: Iterable[Deal], old: Workspace, new: Workspace) -> tuple[Change, ...]:
    """Field by field, what the new rules make of the deals that the old ones do not.

    Deals that come out the same are not in the answer.
    """
    changes: list[Change] = []
    for deal in deals:
        before, after = project_of(deal, old), project_of(deal, new)
        was, will = _flat(before), _flat(after)
        origins = {} if isinstance(after, Ignored) else {s.field: s.origin for s in after.trail}
        changes += [
            Change(
                deal_id=deal.id,
                deal=deal.name,
                field=field,
                before=was.get(field, ""),
                after=will.get(field, ""),
                origin=origins.get(field, ""),
            )
            for field in dict.fromkeys([*was, *will])
            if was.get(field, "") != will.get(field, "")
        ]
    return tuple(changes)


def _flat(result: MappedProject | Held | Ignored) -> dict[str, str]:
    if isinstance(result, Held):
        return {"result": f"held: {result.text}"}
    if isinstance(result, Ignored):
        return {"result": f"ignored: {result.because}"}
    found = {"result": "project", "rule": result.rule}
    found |= dict(_fields_of("client", result.client))
    for name, text in _fields_of("project", result.project):
        found[name.removeprefix("project.") if "budgets[" in name else name] = text
    return found


def _fields_of(prefix: str, value: object) -> list[tuple[str, str]]:
    if is_dataclass(value) and not isinstance(value, type):
        return [
            pair
            for each in fields(value)
            for pair in _fields_of(f"{prefix}.{each.name}", getattr(value, each.name))
        ]
    if isinstance(value, tuple):
        return [
            pair
            for label, item in zip(_labels(value), value, strict=True)
            for pair in _fields_of(f"{prefix}[{label}]", item)
        ]
    if isinstance(value, Mapping):
        return [pair for key, item in value.items() for pair in _fields_of(f"{prefix}.{key}", item)]
    if isinstance(value, Enum):
        return [(prefix, str(value.value))]
    return [(prefix, as_text(value))]  # type: ignore[arg-type]  # scalars are what is left


def _labels(items: tuple[object, ...]) -> list[str]:
    """The items' names where these tell them apart, else their places."""
    names = [str(getattr(item, "name", "")) for item in items]
    if all(names) and len(set(names)) == len(names):
        return names
    return [str(index + 1) for index in range(len(items))]
