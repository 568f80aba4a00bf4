"""The metadata catalogue: which record types and fields there are (Oracle: REST metadata).

A small document: the types kept here, with the account's custom fields, as OpenAPI or as
JSON Schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.netsuite import errors, show
from tieout.sandbox.netsuite.fields import BY_PATH, MEMBERS, TYPES, Field, RecordType
from tieout.sandbox.netsuite.wire import Row, encode

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

_SWAGGER = "application/swagger+json"
_SCHEMA = "application/schema+json"
_JSON_TYPES: dict[str, Row] = {
    "text": {"type": "string"},
    "number": {"type": "number", "format": "double"},
    "integer": {"type": "integer", "format": "int64"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "duration": {"type": "string"},
    "address": {"type": "object"},
}


def answer(books: Books, request: Request, parts: list[str]) -> Response:
    """Answer a call below `/record/v1/metadata-catalog`."""
    if request.method != "GET":
        raise errors.wrong_method(request.method)
    accept = request.headers.get("Accept", "")
    if parts:
        record = _visible(books, parts[0])
        return Response(encode(schema(books, record)), content_type=_SCHEMA)
    chosen = [name for name in request.args.get("select", "").split(",") if name]
    if chosen or _SWAGGER in accept:
        records = [_visible(books, name) for name in chosen] or _all(books)
        return Response(encode(_openapi(books, records)), content_type=_SWAGGER)
    base = f"{books.settings.rest}/record/v1/metadata-catalog"
    items = [
        {"name": each.name, "links": [{"rel": "canonical", "href": f"{base}/{each.name}",
                                       "mediaType": "application/json"}]}
        for each in _all(books)
    ]  # fmt: skip
    body = {"links": [{"rel": "self", "href": base}], "items": items}
    return Response(encode(body), content_type="application/json")


def schema(books: Books, record: RecordType) -> Row:
    """The JSON Schema of a record type."""
    properties: Row = {each.name: _field(each) for each in record.fields.values()}
    prefixes = {"transaction": "custbody_", "entity": "custentity_", "item": "custitem_"}
    for name in _custom(books, prefixes.get(record.group, "\x00")):
        properties[name] = {"type": "string", "x-ns-custom-field": True, "x-ns-filterable": True}
    for sublist in record.sublists:
        inner: Row = {each.name: _field(each) for each in sublist.fields.values()}
        if sublist.name == "item":
            for name in _custom(books, "custcol_"):
                inner[name] = {"type": "string", "x-ns-custom-field": True}
        items = {"type": "array", "items": {"type": "object", "properties": inner}}
        properties[sublist.name] = {"type": "object", "properties": {"items": items}}
    return {"type": "object", "properties": properties, "x-ns-filterable": sorted(properties)}


def options(books: Books, record: RecordType) -> Row:
    """What may be chosen in the reference fields of a record type."""
    found: Row = {}
    for each in record.fields.values():
        kinds = MEMBERS.get(each.target, (each.target,))
        if each.kind != "ref" or kinds[0] not in TYPES or each.derived:
            continue
        items = [
            {"id": row["id"], "refName": show.name_of(books, kind, row["id"])}
            for kind in kinds
            for row in books.rows(kind)
            if not row.get("isInactive") and kind not in books.settings.denied
        ]
        found[each.name] = {"items": items, "totalResults": len(items)}
    return found


def _openapi(books: Books, records: list[RecordType]) -> Row:
    schemas = {each.name: schema(books, each) for each in records}
    paths: Row = {f"/{each.name}": {"get": {}, "post": {}} for each in records}
    info = {"title": "NetSuite REST Record API", "version": "1.0"}
    servers = [{"url": f"{books.settings.rest}/record/v1"}]
    return {"openapi": "3.0.1", "info": info, "servers": servers, "paths": paths,
            "components": {"schemas": schemas}}  # fmt: skip


def _all(books: Books) -> list[RecordType]:
    denied = books.settings.denied
    return [each for name, each in sorted(TYPES.items()) if name not in denied]


def _visible(books: Books, name: str) -> RecordType:
    record = BY_PATH.get(name.strip().lower())
    if record is None or record.name in books.settings.denied:
        raise errors.unknown_type(name)
    return record


def _custom(books: Books, prefix: str) -> list[str]:
    return [name for name in books.settings.custom_fields if name.startswith(prefix)]


def _field(field: Field) -> Row:
    if field.kind in ("ref", "refs"):
        shape: Row = {"type": "object", "properties": {"id": {"type": "string"}}}
    elif field.kind in ("enum", "flag"):
        codes = {"type": "string", "enum": list(field.codes) or ["T", "F"]}
        shape = {"type": "object", "properties": {"id": codes}}
    else:
        shape = dict(_JSON_TYPES[field.kind])
    return {**shape, "title": field.name, "readOnly": field.derived, "nullable": True,
            "x-ns-filterable": True, "x-ns-custom-field": False}  # fmt: skip
