"""Several operations in one call: composite, batch and record collections."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tieout.sandbox.salesforce.errors import ApiError, method_not_allowed, not_found
from tieout.sandbox.salesforce.ids import is_id
from tieout.sandbox.salesforce.query import attributes
from tieout.sandbox.salesforce.rest import Ask, Reply, Resources, external_id
from tieout.sandbox.salesforce.schema import ObjectDef
from tieout.sandbox.salesforce.values import render

MAX_SUBREQUESTS = 25
MAX_QUERY_SUBREQUESTS = 5
MAX_RECORDS = 200
_REFERENCE = re.compile(r"@\{([^}]+)\}")


class _RollBack(Exception):
    """Leaves a transaction so that it is undone."""


class Composites:
    """The composite family; `answer` runs one inner call and never raises."""

    def __init__(self, resources: Resources, answer: Callable[[Ask], Reply]) -> None:
        self._resources = resources
        self._org = resources.org
        self._answer = answer

    def handle(self, ask: Ask) -> Reply:
        """Answer one call of the family. Raises ApiError."""
        parts = ask.parts[1:]
        if parts[:1] == ["sobjects"]:
            return self._collections(ask, parts[1:])
        if ask.method != "POST":
            raise method_not_allowed(ask.method, "POST")
        if not isinstance(ask.body, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "a JSON object is required")
        if not parts:
            return self._composite(ask)
        if parts == ["batch"]:
            return self._batch(ask)
        raise not_found()

    # -- composite --------------------------------------------------------------
    def _composite(self, ask: Ask) -> Reply:
        requests = _listed(ask.body, "compositeRequest")
        queries = sum(1 for each in requests if _is_collection(str(each.get("url", ""))))
        if len(requests) > MAX_SUBREQUESTS or queries > MAX_QUERY_SUBREQUESTS:
            raise ApiError(
                400, "LIMIT_EXCEEDED", "The limit of subrequests in a composite call is exceeded."
            )
        names = [each.get("referenceId") for each in requests]
        if None in names or len(set(names)) != len(names):
            raise ApiError(400, "JSON_PARSER_ERROR", "referenceId is required and unique")
        all_or_none = bool(ask.body.get("allOrNone", False))
        answers: list[dict[str, Any]] = []
        try:
            with self._org.transaction():
                self._run_all(ask, requests, answers, all_or_none)
        except _RollBack:
            answers = _halted(requests, answers)
        return Reply(200, {"compositeResponse": answers})

    def _run_all(
        self,
        ask: Ask,
        requests: list[dict[str, Any]],
        answers: list[dict[str, Any]],
        all_or_none: bool,
    ) -> None:
        bodies: dict[str, Any] = {}
        for each in requests:
            name = each["referenceId"]
            try:
                reply = self._answer(_inner(ask, _resolved(each, bodies)))
            except ApiError as error:
                reply = Reply(error.status, error.body())
            if reply.status < 300:
                bodies[name] = reply.body
            answers.append(
                {
                    "body": reply.body,
                    "httpHeaders": reply.headers,
                    "httpStatusCode": reply.status,
                    "referenceId": name,
                }
            )
            if reply.status >= 300 and all_or_none:
                raise _RollBack

    def _batch(self, ask: Ask) -> Reply:
        requests = _listed(ask.body, "batchRequests")
        if len(requests) > MAX_SUBREQUESTS:
            raise ApiError(400, "LIMIT_EXCEEDED", "The limit of subrequests in a batch is exceeded")
        results: list[dict[str, Any]] = []
        failed = False
        for each in requests:
            if failed and ask.body.get("haltOnError"):
                halted = ApiError(
                    412, "BATCH_PROCESSING_HALTED", "Batch processing halted per request"
                )
                results.append({"statusCode": 412, "result": halted.body()})
                continue
            url = "/services/data/" + str(each.get("url", "")).lstrip("/")
            plain = {"method": each.get("method", "GET"), "url": url, "body": each.get("richInput")}
            reply = self._answer(_inner(ask, plain))
            failed = failed or reply.status >= 300
            results.append({"statusCode": reply.status, "result": reply.body})
        return Reply(200, {"hasErrors": failed, "results": results})

    # -- collections --------------------------------------------------------------
    def _collections(self, ask: Ask, parts: list[str]) -> Reply:
        if ask.method == "DELETE" and not parts:
            ids = [each for each in ask.query.get("ids", "").split(",") if each]
            whole = ask.query.get("allOrNone", "false") == "true"
            return self._each(ids, whole, self._delete_one)
        if len(parts) == 1 and ask.method in ("GET", "POST"):
            return self._retrieve(ask, parts[0])
        body = ask.body if isinstance(ask.body, dict) else {}
        records = body.get("records")
        if not isinstance(records, list):
            raise ApiError(400, "JSON_PARSER_ERROR", "records are required")
        whole = bool(body.get("allOrNone", False))
        if ask.method == "PATCH" and len(parts) == 2:
            target = self._org.schema.find(parts[0])
            external_id(target, parts[1])
            return self._each(
                records, whole, lambda record: self._upsert_one(target, parts[1], record)
            )
        if parts or ask.method not in ("POST", "PATCH"):
            raise method_not_allowed(ask.method, "POST,PATCH,DELETE")
        one = self._insert_one if ask.method == "POST" else self._update_one
        return self._each(records, whole, one)

    def _each(self, items: list[Any], whole: bool, one: Callable[[Any], dict[str, Any]]) -> Reply:
        if len(items) > MAX_RECORDS:
            raise ApiError(
                400,
                "EXCEEDED_ID_LIMIT",
                f"record limit reached. cannot submit more than {MAX_RECORDS} records in one call",
            )
        results: list[dict[str, Any]] = []
        try:
            with self._org.transaction():
                results.extend(self._guarded(one, item) for item in items)
                if whole and not all(each["success"] for each in results):
                    raise _RollBack
        except _RollBack:
            undone = ApiError(
                400,
                "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using "
                "AllOrNone header",
            )
            results = [
                {"success": False, "errors": [undone.item()]} if each["success"] else each
                for each in results
            ]
        return Reply(200, results)

    def _guarded(self, one: Callable[[Any], dict[str, Any]], item: Any) -> dict[str, Any]:
        try:
            with self._org.transaction():
                return one(item)
        except ApiError as error:
            return {"success": False, "errors": [error.item()]}

    def _insert_one(self, record: Any) -> dict[str, Any]:
        target, _, values = self._split(record)
        made = self._org.create(target.name, values, self._org.api_user_id)
        return {"id": made, "success": True, "errors": []}

    def _update_one(self, record: Any) -> dict[str, Any]:
        target, record_id, values = self._split(record)
        if not is_id(record_id) or record_id[:3] != target.prefix:
            raise ApiError(
                400,
                "MALFORMED_ID",
                f"{target.label} ID: id value of incorrect type: {record_id}",
                ["Id"],
            )
        found = self._org.find_latest(target.name, record_id)
        if found is None:
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        self._org.change(target.name, record_id, values, self._org.api_user_id)
        return {"id": found["Id"], "success": True, "errors": []}

    def _upsert_one(self, target: ObjectDef, field_name: str, record: Any) -> dict[str, Any]:
        _, _, values = self._split(record)
        definition = external_id(target, field_name)
        key = next((name for name in values if name.lower() == definition.name.lower()), None)
        value = values.pop(key) if key else None
        if not isinstance(value, str) or not value:
            raise ApiError(400, "MISSING_ARGUMENT", f"{definition.name} not specified", [])
        found = self._resources.matches(target, definition, value)
        if len(found) > 1:
            raise ApiError(
                400, "DUPLICATE_EXTERNAL_ID", f"{definition.name}: more than one record found", []
            )
        record_id = self._resources.upsert(target, definition, value, values)
        return {"id": record_id, "success": True, "errors": [], "created": not found}

    def _delete_one(self, record_id: str) -> dict[str, Any]:
        target = self._org.schema.by_prefix(record_id[:3])
        if target is None or not is_id(record_id):
            raise ApiError(400, "MALFORMED_ID", f"malformed id {record_id}", [])
        if self._org.find_latest(target.name, record_id) is None:
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        self._org.remove(target.name, record_id, self._org.api_user_id)
        return {"id": record_id, "success": True, "errors": []}

    def _split(self, record: Any) -> tuple[ObjectDef, str, dict[str, Any]]:
        shape = record.get("attributes") if isinstance(record, dict) else None
        kind = shape.get("type") if isinstance(shape, dict) else None
        if not kind:
            raise ApiError(400, "INVALID_TYPE", "attributes.type is required", [])
        values = {name: value for name, value in record.items() if name.lower() != "id"}
        record_id = next((value for name, value in record.items() if name.lower() == "id"), "")
        values.pop("attributes")
        return self._org.schema.find(kind), str(record_id), values

    def _retrieve(self, ask: Ask, name: str) -> Reply:
        target = self._org.schema.find(name)
        body = ask.body if isinstance(ask.body, dict) else {}
        ids = body.get("ids") or ask.query.get("ids", "").split(",")
        fields = body.get("fields") or ask.query.get("fields", "Id").split(",")
        if len(ids) > (2000 if ask.method == "POST" else MAX_RECORDS):
            raise ApiError(400, "EXCEEDED_ID_LIMIT", "too many ids")
        names = [target.find(each).name for each in fields]
        shown: list[Any] = []
        for each in ids:
            record = self._org.visible(target.name, str(each))
            if record is None or record["IsDeleted"]:
                shown.append(None)
                continue
            start = {"attributes": attributes(target.name, record["Id"], ask.version)}
            shown.append(start | {key: render(record.get(key)) for key in names})
        return Reply(200, shown)


def _inner(ask: Ask, plain: dict[str, Any]) -> Ask:
    url = urlsplit(str(plain.get("url", "")))
    parts = [unquote(part) for part in url.path.split("/") if part]
    if parts[:2] != ["services", "data"] or len(parts) < 3:
        raise not_found()
    headers = {key.lower(): str(value) for key, value in (plain.get("httpHeaders") or {}).items()}
    return Ask(
        method=str(plain.get("method", "GET")).upper(),
        parts=parts[3:],
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
        body=plain.get("body"),
        version=parts[2],
    )


def _listed(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name} must be a list of objects")
    return found


def _is_collection(url: str) -> bool:
    path = urlsplit(url).path
    return "/query" in path or "/composite/sobjects" in path


def _halted(requests: list[dict[str, Any]], answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """After a roll-back only the call that failed shows its own error."""
    halted = ApiError(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
    failed = len(answers) - 1
    return [
        answers[place]
        if place == failed
        else {
            "body": halted.body(),
            "httpHeaders": {},
            "httpStatusCode": 400,
            "referenceId": each["referenceId"],
        }
        for place, each in enumerate(requests)
    ]


def _resolved(node: Any, bodies: dict[str, Any]) -> Any:
    """Put results of earlier calls where `@{name.path}` stands. Raises ApiError."""
    if isinstance(node, dict):
        return {key: _resolved(value, bodies) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolved(value, bodies) for value in node]
    if not isinstance(node, str):
        return node
    whole = _REFERENCE.fullmatch(node)
    if whole:
        return _looked_up(whole[1], bodies)
    return _REFERENCE.sub(lambda match: str(_looked_up(match[1], bodies)), node)


def _looked_up(path: str, bodies: dict[str, Any]) -> Any:
    name, *steps = re.findall(r"[^.\[\]]+", path)
    value = bodies.get(name)
    for step in steps:
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value.get(step)
        else:
            value = None
    if value is None:
        raise ApiError(
            400,
            "PROCESSING_HALTED",
            f"Invalid reference specified. No value for {path} found in {name}",
        )
    return value
