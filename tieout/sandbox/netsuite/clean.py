"""What a caller sends, read against the fields of a record type.

Field names are matched without regard to case; references come as `{"id"}`,
`{"externalId"}` or bare; unknown names and impossible values are refused, reported in a
header or ignored, as two request headers say (Oracle: REST API headers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tieout.sandbox.netsuite import errors
from tieout.sandbox.netsuite.fields import ADDRESS, MEMBERS, TYPES, Field, RecordType, Sublist
from tieout.sandbox.netsuite.store import Store
from tieout.sandbox.netsuite.wire import Row, duration, iso_date, number

MODES = ("error", "warning", "ignore")


@dataclass
class Sent:
    """A request body, read."""

    values: Row = field(default_factory=dict)
    nulls: set[str] = field(default_factory=set)  # body fields to clear
    lists: dict[str, list[Row]] = field(default_factory=dict)  # lines by sublist
    warnings: list[str] = field(default_factory=list)


class Cleaner:
    """Reads bodies for one store; the modes are those of the request's headers."""

    def __init__(self, store: Store, names: str = "warning", values: str = "error") -> None:
        self._store = store
        self._names = names
        self._values = values

    def body(self, record: RecordType, payload: Any) -> Sent:
        """Read a body. Raises ApiError for what its mode refuses."""
        if not isinstance(payload, dict):
            raise errors.bad_request("Invalid request body: a JSON object is expected.")
        sent = Sent()
        for name, value in payload.items():
            known = record.lists.get(name.lower())
            if known is not None:
                sent.lists[known.name] = self._lines(known, value, sent)
                continue
            self._take(record.fields, "custbody_" if record.transaction else "cust", name, value,
                       name, sent.values, sent.nulls, sent.warnings)  # fmt: skip
        return sent

    def _lines(self, sublist: Sublist, value: Any, sent: Sent) -> list[Row]:
        items = value.get("items") if isinstance(value, dict) else value
        if items is None:
            return []
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise errors.bad_request(f"Invalid content of the sublist '{sublist.name}'.")
        lines = []
        for index, each in enumerate(items):
            line: Row = {}
            nulls: set[str] = set()
            for name, part in each.items():
                path = f"{sublist.name}.items[{index}].{name}"
                self._take(sublist.fields, "custcol", name, part, path, line, nulls, sent.warnings)
            lines.append({**line, "_nulls": nulls} if nulls else line)
        return lines

    def _take(
        self,
        fields: dict[str, Field],
        custom: str,
        name: str,
        value: Any,
        path: str,
        into: Row,
        nulls: set[str],
        warnings: list[str],
    ) -> None:
        definition = fields.get(name.lower())
        if definition is None and name.lower() in self._custom(custom):
            definition = Field(name.lower(), "custom")
        if definition is None:
            self._unknown(name, path, warnings)
            return
        if definition.derived:
            return
        if value is None or value == "":
            nulls.add(definition.name)
            return
        try:
            into[definition.name] = self._read(definition, value)
        except ValueError:
            self._impossible(definition.name, value, path, warnings)
        except errors.ApiError:
            # A reference to nothing fails in every mode; only here its path is known.
            raise errors.invalid_value(definition.name, _shown(value), path) from None

    def _custom(self, prefix: str) -> Iterable[str]:
        return [name for name in self._store.settings.custom_fields if name.startswith(prefix)]

    def _unknown(self, name: str, path: str, warnings: list[str]) -> None:
        problem = errors.unknown_field(name, path)
        if self._names == "error":
            raise problem
        if self._names == "warning":
            warnings.append(f"{problem.detail} It was ignored.")

    def _impossible(self, name: str, value: Any, path: str, warnings: list[str]) -> None:
        shown = _shown(value)
        if self._values == "error":
            raise errors.invalid_value(name, shown, path)
        if self._values == "warning":
            warnings.append(errors.invalid_value(name, shown, path).detail)

    # -- values -----------------------------------------------------------------------
    def _read(self, definition: Field, value: Any) -> Any:
        """A value in its stored form. Raises ValueError, or ApiError for a reference to nothing."""
        if definition.kind == "ref":
            return self._reference(definition, value)
        if definition.kind == "refs":
            items = value.get("items", [value]) if isinstance(value, dict) else value
            listed = items if isinstance(items, list) else [items]
            return [self._reference(definition, each) for each in listed]
        if definition.kind == "enum":
            return _enum(definition, value)
        if definition.kind == "address":
            return self._address(value)
        return _PLAIN[definition.kind](value)

    def _reference(self, definition: Field, value: Any) -> str:
        if isinstance(value, dict):
            if value.get("id") not in (None, ""):
                return self._known(definition, str(value["id"]))
            external = value.get("externalId") or value.get("externalid")
            if external and definition.target:
                found = self._store.by_external(definition.target, str(external))
                if found:
                    return found
            raise errors.invalid_value(definition.name, _shown(value))
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError("not a reference")
        return self._known(definition, str(value))

    def _known(self, definition: Field, row_id: str) -> str:
        target = definition.target
        if not target:
            return row_id
        if target in MEMBERS or target in TYPES:
            if row_id.startswith("eid:"):
                row_id = self._store.by_external(target, row_id[4:]) or row_id
            if self._store.find(target, row_id) is None:
                raise errors.invalid_value(definition.name, row_id)
        return row_id

    @staticmethod
    def _address(value: Any) -> Row:
        if not isinstance(value, dict):
            raise ValueError("not an address")
        found: Row = {}
        for name, part in value.items():
            definition = ADDRESS.get(name.lower())
            if definition is not None and part is not None:
                found[definition.name] = part.get("id") if isinstance(part, dict) else part
        return found


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError("not a text")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    found = {"true": True, "t": True, "false": False, "f": False}.get(str(value).lower())
    if found is None:
        raise ValueError("not a boolean")
    return found


def _integer(value: Any) -> int:
    found = number(value)
    if found != int(found):
        raise ValueError("not an integer")
    return int(found)


def _custom_value(value: Any) -> Any:
    """A value of a custom field: a list or record field comes as a reference."""
    if isinstance(value, dict) and "id" in value:
        return {"id": str(value["id"]), "refName": str(value.get("refName", value["id"]))}
    return value


def _enum(definition: Field, value: Any) -> str:
    found = value.get("id") if isinstance(value, dict) else value
    if definition.codes and str(found) not in definition.codes:
        raise ValueError("not one of the ids")
    return str(found)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "boolean": _boolean,
    "integer": _integer,
    "number": number,
    "date": iso_date,
    "datetime": _text,
    "duration": duration,
    "custom": _custom_value,
    "flag": lambda value: _boolean(value.get("id") if isinstance(value, dict) else value),
}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return str(value.get("id") or value.get("externalId") or value.get("refName") or "")
    return value if isinstance(value, str) else str(value)


def merged(sublist: Sublist, old: list[Row], sent: list[Row], *, replaced: bool) -> list[Row]:
    """The lines after a write (Oracle: working with sublists).

    A line whose key matches is updated. Others are added; with `replaced` the stored lines
    that nothing matched are dropped, without it every stored line stays.
    """
    key = sublist.key
    stored = {line[key]: line for line in old if key and line.get(key) is not None}
    result = {} if replaced else dict(enumerate(old))
    places = {id(line): index for index, line in enumerate(old)}
    for count, line in enumerate(sent):
        match = stored.get(line.get(key)) if key and line.get(key) is not None else None
        place = places[id(match)] if match is not None else len(old) + count
        nulls = line.get("_nulls", set())
        kept = {name: value for name, value in (match or {}).items() if name not in nulls}
        fresh = {name: value for name, value in line.items() if name != "_nulls"}
        if match is not None and sublist.name == "item":
            _recompute(kept, fresh)
        result[place] = kept | fresh
    return [result[place] for place in sorted(result)]


def _recompute(kept: Row, fresh: Row) -> None:
    """A changed price or quantity makes a stored amount void, unless one is sent."""
    if "amount" not in fresh and ("rate" in fresh or "quantity" in fresh):
        kept.pop("amount", None)
    if "amount" in fresh and "rate" not in fresh:
        kept.pop("rate", None)
