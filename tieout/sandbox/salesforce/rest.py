"""The data API's resources, as functions of a parsed call.

A call may come from the wire or from inside a composite request; both are `Ask`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from tieout.sandbox.salesforce.describe import describe, global_entry
from tieout.sandbox.salesforce.errors import ApiError, method_not_allowed, not_found
from tieout.sandbox.salesforce.ids import is_id
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.query import Queries, attributes
from tieout.sandbox.salesforce.schema import FieldDef, ObjectDef
from tieout.sandbox.salesforce.values import Record, coerce, parse_instant, render, render_instant


@dataclass
class Ask:
    """One call: path parts after the version, decoded one by one."""

    method: str
    parts: list[str]
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: Any
    version: str  # "v66.0"

    @property
    def number(self) -> int:
        return int(self.version[1:].split(".")[0])


@dataclass
class Reply:
    status: int
    body: Any = None  # None for an empty body
    headers: dict[str, str] = field(default_factory=dict)
    csv: str | None = None  # a body in CSV


class Resources:
    """Everything below `/services/data/vNN.0/` except the composite family."""

    def __init__(self, org: Org, queries: Queries) -> None:
        self.org = org
        self.queries = queries
        self.most_updated = 600_000  # most ids in a list of what was updated
        self._described = org.schema.revision, org.clock.now()

    def handle(self, ask: Ask) -> Reply:
        """Answer one call. Raises ApiError."""
        head = ask.parts[0] if ask.parts else ""
        if head in ("query", "queryAll"):
            return self._query(ask, deleted=head == "queryAll")
        if head == "sobjects":
            return self._sobjects(ask)
        if not head:
            base = f"/services/data/{ask.version}"
            names = ("sobjects", "query", "queryAll", "limits", "composite")
            return Reply(200, {name: f"{base}/{name}" for name in names})
        raise not_found()

    def _query(self, ask: Ask, *, deleted: bool) -> Reply:
        if ask.method != "GET":
            raise method_not_allowed(ask.method, "HEAD,GET")
        if len(ask.parts) > 1:
            return Reply(200, self.queries.more(ask.parts[1], ask.version))
        if "q" not in ask.query:
            raise ApiError(400, "MALFORMED_QUERY", "SOQL query is missing")
        batch = _batch_size(ask.headers.get("sforce-query-options", ""))
        return Reply(
            200, self.queries.run(ask.query["q"], ask.version, deleted=deleted, batch=batch)
        )

    def _sobjects(self, ask: Ask) -> Reply:
        parts = ask.parts[1:]
        if not parts:
            entries = [global_entry(each, ask.version) for each in self.org.schema.objects.values()]
            return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})
        target = self._target(parts[0])
        if len(parts) == 1:
            return self._collection(ask, target)
        if len(parts) == 2 and parts[1] in ("describe", "updated", "deleted"):
            if ask.method != "GET":
                raise method_not_allowed(ask.method, "HEAD,GET")
            if parts[1] == "describe":
                return self._describe(ask, target)
            return self._replication(ask, target, parts[1])
        if len(parts) == 2:
            return self._record(ask, target, parts[1])
        if len(parts) == 3:
            return self._by_external_id(ask, target, parts[1], parts[2])
        raise not_found()

    def _target(self, name: str) -> ObjectDef:
        if name.lower() not in self.org.schema.objects:
            raise not_found()
        return self.org.schema.find(name)

    def _collection(self, ask: Ask, target: ObjectDef) -> Reply:
        if ask.method == "GET":
            entry = global_entry(target, ask.version)
            return Reply(200, {"objectDescribe": entry, "recentItems": []})
        if ask.method != "POST":
            raise method_not_allowed(ask.method, "HEAD,GET,POST")
        body = _object_body(ask.body)
        with self.org.transaction():
            made = self.org.create(target.name, body, self.org.api_user_id)
        location = f"/services/data/{ask.version}/sobjects/{target.name}/{made}"
        return Reply(201, {"id": made, "success": True, "errors": []}, {"Location": location})

    def _describe(self, ask: Ask, target: ObjectDef) -> Reply:
        if self.org.schema.revision != self._described[0]:
            # When exactly it changed is not kept: the first look since then is late enough.
            self._described = self.org.schema.revision, self.org.clock.now()
        since = _http_date(ask.headers.get("if-modified-since", ""))
        if since is not None and self._described[1].replace(microsecond=0) <= since:
            return Reply(304)
        return Reply(200, describe(self.org.schema, target, ask.version))

    # -- one record -----------------------------------------------------------
    def _record(self, ask: Ask, target: ObjectDef, record_id: str) -> Reply:
        if ask.method not in ("GET", "PATCH", "DELETE"):
            raise method_not_allowed(ask.method, "HEAD,GET,PATCH,DELETE")
        if not is_id(record_id):
            raise not_found(
                "Provided external ID field does not exist or is not accessible: " + record_id
            )
        record = self.org.visible(target.name, record_id)
        if record is None or record_id[:3] != target.prefix:
            raise not_found()
        if record["IsDeleted"]:
            raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        unchanged = _check_conditions(ask, record)
        if ask.method == "GET":
            return Reply(304) if unchanged else Reply(200, self.shown(ask, target, record))
        with self.org.transaction():
            if ask.method == "PATCH":
                body = _object_body(ask.body)
                _refuse_named(body, "Id")
                self.org.change(target.name, record_id, body, self.org.api_user_id)
            else:
                self.org.remove(target.name, record_id, self.org.api_user_id)
        return Reply(204)

    def shown(self, ask: Ask, target: ObjectDef, record: Record) -> dict[str, Any]:
        """A record as GET answers it: all fields, or those named in `fields=`."""
        wanted = ask.query.get("fields")
        names = (
            [each.name for each in target.fields.values()]
            if wanted is None
            else [target.find(name.strip()).name for name in wanted.split(",")]
        )
        if "Id" not in names:
            names.append("Id")
        start = {"attributes": attributes(target.name, record["Id"], ask.version)}
        return start | {name: render(record.get(name)) for name in names}

    def _by_external_id(self, ask: Ask, target: ObjectDef, name: str, value: str) -> Reply:
        definition = external_id(target, name)
        found = self.matches(target, definition, value)
        if len(found) > 1:
            base = f"/services/data/{ask.version}/sobjects/{target.name}/"
            return Reply(300, [base + each["Id"] for each in found])
        if ask.method != "PATCH":
            if not found:
                raise not_found()
            return self._record(ask, target, found[0]["Id"])
        body = _object_body(ask.body)
        _refuse_named(body, definition.name)
        _refuse_named(body, "Id")
        if not found and ask.query.get("updateOnly") == "true":
            raise not_found()
        if found:
            _check_conditions(ask, found[0])
        record_id = self.upsert(target, definition, value, body)
        if found and ask.number < 46:
            return Reply(204)
        answer = {"id": record_id, "success": True, "errors": [], "created": not found}
        return Reply(200 if found else 201, answer)

    def matches(self, target: ObjectDef, definition: FieldDef, value: str) -> list[Record]:
        """The live records with this external id; text compares without case."""
        stored = coerce(definition, value, target.label)
        return (
            []
            if stored is None
            else list(self.org.lookup(target.name, definition.name, str(stored)))
        )

    def upsert(
        self, target: ObjectDef, definition: FieldDef, value: str, body: Mapping[str, Any]
    ) -> str:
        """Change the one record with this external id, or create it; its id is returned."""
        found = self.matches(target, definition, value)
        with self.org.transaction():
            if found:
                record_id = str(found[0]["Id"])
                self.org.change(target.name, record_id, body, self.org.api_user_id)
                return record_id
            return self.org.create(
                target.name, {**body, definition.name: value}, self.org.api_user_id
            )

    # -- what changed -----------------------------------------------------------
    def _replication(self, ask: Ask, target: ObjectDef, kind: str) -> Reply:
        start, end = (_window_end(ask.query.get(name, "")) for name in ("start", "end"))
        now = self.org.clock.now()
        days = 30 if kind == "updated" else 15
        if start >= end or start < now - timedelta(days=days):
            raise ApiError(
                400,
                "INVALID_REPLICATION_DATE",
                "startDate before org replication enabled date"
                if start < end
                else "endDate must be at least one minute greater than startDate",
            )
        covered = min(end, now).replace(second=0, microsecond=0)
        rows = [
            row
            for row in self.org.every_visible(target.name)
            if start <= row["SystemModstamp"] <= end
        ]
        if kind == "updated":
            ids = [row["Id"] for row in rows if not row["IsDeleted"]]
            if len(ids) > self.most_updated:
                raise ApiError(400, "EXCEEDED_ID_LIMIT", "the time span holds too many ids")
            return Reply(200, {"ids": ids, "latestDateCovered": render_instant(covered)})
        kept_from = self.org.delete_log_from
        gone = [
            {"deletedDate": render_instant(row["SystemModstamp"]), "id": row["Id"]}
            for row in rows
            if row["IsDeleted"] and row["SystemModstamp"] >= kept_from
        ]
        return Reply(
            200,
            {
                "deletedRecords": gone,
                "earliestDateAvailable": render_instant(kept_from),
                "latestDateCovered": render_instant(covered),
            },
        )


def external_id(target: ObjectDef, name: str) -> FieldDef:
    """The field of that name when it is an external id. Raises NOT_FOUND."""
    definition = target.fields.get(name.lower())
    if definition is None or not definition.external_id:
        raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
    return definition


def _object_body(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(
            400,
            "JSON_PARSER_ERROR",
            "The HTTP entity body is required, but this request has no entity body.",
        )
    return body


def _refuse_named(body: Mapping[str, Any], name: str) -> None:
    if any(key.lower() == name.lower() for key in body):
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"The {name} field should not be specified in the sobject data.",
        )


def _check_conditions(ask: Ask, record: Record) -> bool:
    """Whether a GET can be answered 304. Raises 412 when a write comes too late."""
    before = _http_date(ask.headers.get("if-unmodified-since", ""))
    if before is not None and record["LastModifiedDate"] > before:
        raise ApiError(
            412,
            "PRECONDITION_FAILED",
            "The request has been refused because the record was modified",
        )
    since = _http_date(ask.headers.get("if-modified-since", ""))
    return since is not None and record["LastModifiedDate"] <= since


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _window_end(text: str) -> datetime:
    # A plus sign that was not encoded arrives as a blank.
    found = parse_instant(text.replace(" ", "+"))
    if found is None:
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"invalid date: {text}")
    return found


def _batch_size(options: str) -> int | None:
    for part in options.split(","):
        name, _, value = part.strip().partition("=")
        if name == "batchSize" and value.isdigit():
            return max(200, min(2000, int(value)))
    return None
