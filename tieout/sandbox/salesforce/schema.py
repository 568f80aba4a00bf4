"""The objects and fields of an org, and the reader of custom ones.

Standard objects follow the public object reference, as far as billing needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tieout.sandbox.salesforce.errors import ApiError, no_such_column
from tieout.sandbox.salesforce.standard import CURRENCY_OBJECTS, CUSTOM, PREFIXES, STANDARD, SYSTEM

NUMBERS = ("currency", "double", "percent", "int")


@dataclass(frozen=True)
class FieldDef:
    """One field. `length` is in characters; `precision` and `scale` are decimal digits."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    external_id: bool = False
    unique: bool = False
    reference_to: str = ""
    relationship: str = ""  # name of the parent in a query
    children: str = ""  # name of this object's rows in a query on the parent
    picklist: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")


@dataclass
class ObjectDef:
    """One object: its three-character key prefix and its fields by lower-case name."""

    name: str
    prefix: str
    label: str = ""
    fields: dict[str, FieldDef] = field(default_factory=dict)

    def add(self, definition: FieldDef) -> None:
        self.fields[definition.name.lower()] = definition

    def find(self, name: str) -> FieldDef:
        """The field, whatever the case of the name. Raises INVALID_FIELD."""
        found = self.fields.get(name.lower())
        if found is None:
            raise no_such_column(name, self.name)
        return found

    def parent(self, relationship: str) -> FieldDef | None:
        """The reference field behind a relationship name such as `Account`."""
        for definition in self.fields.values():
            if definition.relationship.lower() == relationship.lower() and definition.relationship:
                return definition
        return None


class Schema:
    """All objects of one org."""

    def __init__(self, custom: Mapping[str, Any] | None = None, *, tieout_fields: bool = True):
        self.objects: dict[str, ObjectDef] = {}
        self.revision = 0  # rises with every change after the org was made
        for name, lines in STANDARD.items():
            self._add_lines(name, (*SYSTEM, *lines))
        if tieout_fields:
            for name, lines in CUSTOM.items():
                self._add_lines(name, lines)
        self._custom_count = 0
        self.load(custom or {})

    def copy(self) -> Schema:
        """The same objects and fields once more; a change on one side stays there."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.objects = {
            name: replace(each, fields=dict(each.fields)) for name, each in self.objects.items()
        }
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Schema:
        return self.copy()

    def load(self, custom: Mapping[str, Any]) -> None:
        """Add objects and fields read from a YAML or JSON file.

        Shape: `{"multi_currency": bool, "objects": {name: {"label", "prefix", "fields":
        [field, ...]}}}`; a field is a mapping with `name` and any of `type, label, length,
        precision, scale, required, externalId, unique, referenceTo, relationshipName,
        childRelationshipName, picklist, restricted, readOnly`, or the short text form
        `"Amount__c currency(18.2) required"`.
        """
        self.revision += 1
        if custom.get("multi_currency"):
            for name in CURRENCY_OBJECTS:
                self._add_lines(name, ("CurrencyIsoCode picklist(3)",))
        for name, details in custom.get("objects", {}).items():
            self._load_object(name, details or {})

    def find(self, name: str) -> ObjectDef:
        """The object, whatever the case of the name. Raises INVALID_TYPE."""
        found = self.objects.get(name.lower())
        if found is None:
            raise ApiError(
                400,
                "INVALID_TYPE",
                f"sObject type '{name}' is not supported. If you are attempting to use a custom "
                "object, be sure to append the '__c' after the entity name.",
            )
        return found

    def by_prefix(self, prefix: str) -> ObjectDef | None:
        return next((each for each in self.objects.values() if each.prefix == prefix), None)

    def children(self, parent: str) -> Iterable[tuple[ObjectDef, FieldDef]]:
        """The child objects of a parent with the field that points at it."""
        for each in self.objects.values():
            for definition in each.fields.values():
                if definition.reference_to == parent:
                    yield each, definition

    def change(self, object_name: str, field_name: str, **details: Any) -> None:
        """Alter one field, such as `updateable=False` for a profile without edit rights."""
        target = self.find(object_name)
        target.add(replace(target.find(field_name), **details))
        self.revision += 1

    def remove(self, object_name: str, field_name: str) -> None:
        """Hide a field, as field-level security does: queries answer INVALID_FIELD."""
        target = self.find(object_name)
        del target.fields[target.find(field_name).name.lower()]
        self.revision += 1

    def _load_object(self, name: str, details: Mapping[str, Any]) -> None:
        if name.lower() not in self.objects:
            self._custom_count += 1
            prefix = str(details.get("prefix") or f"a{self._custom_count:02d}")
            self.objects[name.lower()] = ObjectDef(name, prefix, str(details.get("label", name)))
            self._add_lines(name, (*SYSTEM, "Name string(80)", "OwnerId reference ref=User"))
        entries = details.get("fields", [])
        if isinstance(entries, Mapping):
            entries = [{"name": key, **(value or {})} for key, value in entries.items()]
        target = self.objects[name.lower()]
        for entry in entries:
            target.add(parse_field(entry) if isinstance(entry, str) else _from_mapping(entry))

    def _add_lines(self, name: str, lines: Iterable[str]) -> None:
        target = self.objects.setdefault(
            name.lower(), ObjectDef(name, PREFIXES.get(name, "a00"), name)
        )
        for line in lines:
            target.add(parse_field(line))


@lru_cache(maxsize=1024)  # every org has the same standard fields, and there may be thousands
def parse_field(line: str) -> FieldDef:
    """Read the short form: `Name type(length or digits.scale) flag option=value ...`."""
    name, kind, *flags = line.split()
    found = re.fullmatch(r"(\w+)(?:\((\d+)(?:\.(\d+))?\))?", kind)
    if found is None:
        raise ValueError(f"cannot read the field {line!r}")
    size = int(found[2] or 0)
    options = dict(flag.split("=", 1) for flag in flags if "=" in flag)
    return _sized(
        FieldDef(
            name=name,
            type=found[1],
            label=name.removesuffix("__c").replace("_", " "),
            required="required" in flags,
            createable="readonly" not in flags,
            updateable="readonly" not in flags and "fixed" not in flags,
            external_id="ext" in flags,
            unique="unique" in flags,
            reference_to=options.get("ref", ""),
            relationship=options.get("rel", _relationship(name, options.get("ref", ""))),
            children=options.get("children", ""),
            picklist=tuple(options["values"].split("|")) if "values" in options else (),
            restricted="restricted" in flags,
        ),
        size,
        int(found[3] or 0),
    )


def _from_mapping(entry: Mapping[str, Any]) -> FieldDef:
    name = str(entry["name"])
    reference = entry.get("referenceTo") or ""
    if isinstance(reference, list):
        reference = reference[0] if reference else ""
    read_only = bool(entry.get("readOnly", False))
    definition = FieldDef(
        name=name,
        type=str(entry.get("type", "string")),
        label=str(entry.get("label", name)),
        required=bool(entry.get("required", False)),
        createable=not read_only,
        updateable=not read_only,
        external_id=bool(entry.get("externalId", False)),
        unique=bool(entry.get("unique", False)),
        reference_to=reference,
        relationship=str(entry.get("relationshipName") or _relationship(name, reference)),
        children=str(entry.get("childRelationshipName", "")),
        picklist=tuple(entry.get("picklist", ())),
        restricted=bool(entry.get("restricted", False)),
    )
    size = int(entry.get("precision") or entry.get("length") or 0)
    return _sized(definition, size, int(entry.get("scale", 2 if size else 0)))


def _relationship(name: str, reference: str) -> str:
    if not reference:
        return ""
    return name[:-3] + "__r" if name.endswith("__c") else name.removesuffix("Id")


def _sized(definition: FieldDef, size: int, scale: int) -> FieldDef:
    if definition.type in NUMBERS:
        precision = size or 18
        default_scale = 0 if definition.type == "int" else 2
        return replace(definition, precision=precision, scale=scale if size else default_scale)
    if definition.type in ("id", "reference"):
        return replace(definition, length=18)
    return replace(definition, length=size or (255 if definition.type == "picklist" else 0))
