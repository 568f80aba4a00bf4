"""Checks the stand-in of Xero against Xero's published OpenAPI files, where they are at hand.

The files are looked for in `shared/specs/xero` beside the checkout; without them
nothing is checked and `missing()` says so. Fields the files do not know are
refused, too, because a misspelt field would pass otherwise; what is known to be
missing there is listed in `MORE`, each with its reason.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft4Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from werkzeug.test import TestResponse

from tieout.sandbox.xero import Xero
from tieout.sandbox.xero.caller import Caller
from tieout.sandbox.xero.wire import decode

Schema = dict[str, Any]

FOLDER = Path(__file__).parents[3] / "shared" / "specs" / "xero"
FILES = {
    "/api.xro/2.0/": "xero_accounting.yaml",
    "/projects.xro/2.0/": "xero-projects.yaml",
}

_TWINS = ("DateString", "DueDateString", "PlannedPaymentDateString", "ExpectedPaymentDateString")
_MARKS = ("StatusAttributeString", "HasErrors", "HasValidationErrors", "ValidationErrors",
          "Warnings")  # fmt: skip
#: Fields that the service answers and the schemas do not list, by schema, with the reason.
MORE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Invoice": (
        "date twins are in the examples of the file; Details is in no schema",
        (*_TWINS, *_MARKS),
    ),
    "CreditNote": ("date twins and `ID` are in the examples of the file", (*_TWINS, *_MARKS, "ID")),
    "Overpayment": ("as for credit notes", (*_TWINS, *_MARKS, "ID")),
    "Prepayment": ("as for credit notes", (*_TWINS, *_MARKS, "ID")),
    "Payment": ("date twins are answered, elements carry their status", (*_TWINS, *_MARKS)),
    "BatchPayment": ("elements carry their status", (*_TWINS, *_MARKS)),
    "Contact": ("a twin of the instant; elements carry their status",
                (*_MARKS, "UpdatedDateUTCString")),
    "LineItem": ("nested errors are shown where they arise", ("ValidationErrors",)),
    "Allocation": ("elements carry their status", (*_TWINS, *_MARKS)),
    "Account": ("elements carry their status", _MARKS),
    "Item": ("elements carry their status", _MARKS),
    "TaxRate": ("elements carry their status; the service tells when it changed",
                (*_MARKS, "UpdatedDateUTC")),
    "TrackingCategory": ("as for tax rates", (*_MARKS, "UpdatedDateUTC")),
    "TrackingOption": ("flags are in the example of the file",
                       (*_MARKS, "IsDeleted", "IsArchived", "IsActive")),
    "Currency": ("as for tax rates", (*_MARKS, "UpdatedDateUTC")),
    "BrandingTheme": ("as for tax rates", ("UpdatedDateUTC",)),
    "HistoryRecord": ("the twin is in the example of the file", ("DateUTCString",)),
    "Element": ("an element of an error echoes what was sent", ("*",)),
}  # fmt: skip
_ENVELOPE = ("Id", "Status", "ProviderName", "DateTimeUTC", "pagination")
#: Where the schemas contradict the examples or the service, by schema and field.
OTHERWISE: dict[tuple[str, str], tuple[str, Schema]] = {
    ("BatchPayment", "TotalAmount"): (
        "a payment's inner batch has it as text in the examples",
        {"type": ["number", "string"]},
    ),
    ("BatchPayment", "IsReconciled"): (
        "a payment's inner batch has it as text in the examples",
        {"type": ["boolean", "string"]},
    ),
    ("Error", "Type"): ("the gateway's form of an error has null", {"type": ["string", "null"]}),
    # Tasks and projects show {currency, value}; the file says number beside the reference.
    ("TaskCreateOrUpdate", "rate"): ("a plain number is taken on write", {}),
    ("Allocation", "Date"): ("left out, it is today's date", {"type": "string"}),
}
#: Fields the files require and the service does not.
NOT_REQUIRED = {"Allocation": ("Date",), "Item": ()}


def missing() -> bool:
    """Whether the official files are not at hand."""
    return not (FOLDER / FILES["/api.xro/2.0/"]).is_file()


@lru_cache(maxsize=4)
def spec(name: str) -> Schema:
    """An official file, its schemas made strict; read once."""
    with (FOLDER / name).open(encoding="utf-8") as stream:
        loaded: Schema = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for title, schema in loaded["components"]["schemas"].items():
        _strict(title, schema)
    return loaded


def _strict(title: str, schema: Schema) -> None:
    fields = schema.get("properties")
    _plain(schema)
    if not fields:
        return
    extra = MORE.get(title, ("", ()))[1]
    for name in (*extra, *(_ENVELOPE if title[-1:] == "s" or title == "Error" else ())):
        fields.setdefault(name, {})
    for (owner, name), (_, instead) in OTHERWISE.items():
        if owner == title:
            fields[name] = instead
    if title in NOT_REQUIRED and "required" in schema:
        kept = [name for name in schema["required"] if name not in NOT_REQUIRED[title]]
        schema["required"] = kept
        if not kept:
            del schema["required"]
    schema["additionalProperties"] = "*" in extra


def _plain(schema: Any) -> None:
    """Turn what only OpenAPI knows into JSON Schema: `nullable`, a type beside a reference."""
    if isinstance(schema, list):
        for each in schema:
            _plain(each)
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        for key in [key for key in schema if key != "$ref"]:
            del schema[key]
        return
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if schema.get("type") == "string":
        schema.pop("maximum", None)
    for key in ("example", "examples", "externalDocs", "xml"):
        schema.pop(key, None) if not isinstance(schema.get(key), dict) else None
    for value in list(schema.values()):
        _plain(value)


@lru_cache(maxsize=256)
def validator(file: str, title: str) -> Draft4Validator:
    """A validator for one schema of a file, formats of guids included."""
    whole = spec(file)
    resource = Resource(contents=whole, specification=DRAFT4)
    registry: Registry[Any] = Registry().with_resource("urn:spec", resource)
    formats = FormatChecker(formats=())
    guid = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
    formats.checks("uuid")(lambda text: not isinstance(text, str) or bool(guid.fullmatch(text)))
    formats.checks("date-time")(
        lambda text: not isinstance(text, str) or bool(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text))
    )
    reference = {"$ref": f"urn:spec#/components/schemas/{title}"}
    return Draft4Validator(reference, registry=registry, format_checker=formats)


def check(file: str, title: str, body: Any) -> None:
    """Raises AssertionError, naming the field, when a body is not what the file says."""
    problem: ValidationError | None = next(validator(file, title).iter_errors(body), None)
    if problem is not None:
        where = "/".join(str(part) for part in problem.absolute_path)
        raise AssertionError(f"{title}: {where}: {problem.message[:300]}")


@lru_cache(maxsize=512)
def operation(file: str, method: str, path: str) -> tuple[str, Schema] | None:
    """The operation of a path without its base; a fixed part is preferred to a parameter."""
    best = None
    for template, operations in spec(file)["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if not re.fullmatch(pattern, "/" + path) or method.lower() not in operations:
            continue
        if best is None or template.count("{") < best[0].count("{"):
            best = (template, operations[method.lower()])
    return best


def _schema_name(content: Schema) -> str:
    schema = content.get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


class CheckedCaller(Caller):
    """A caller that holds every request and every answer against the official files.

    `loose=True` for a call that is meant to be off the specification.
    """

    def __init__(self, vendor: Xero) -> None:
        super().__init__(vendor)
        self.checked: list[tuple[str, str, int]] = []

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        loose = options.pop("loose", False)
        base = options.get("base", "/api.xro/2.0/")
        response = super().send(method, path, body, **options)
        if not loose and not missing() and base in FILES:
            self._check(FILES[base], method, path, body, options, response)
        return response

    def _check(
        self, file: str, method: str, path: str, body: Any, options: Any, response: TestResponse
    ) -> None:
        found = operation(file, method, path)
        if response.status_code in (404, 405, 401, 403, 413, 414, 415, 429, 500, 501):
            return
        assert found is not None, f"the specification has no {method} {path}"
        template, details = found
        self._check_query(file, template, details, options)
        named = _schema_name(details.get("requestBody", {}).get("content", {}))
        if named and isinstance(body, dict | list) and response.status_code < 300:
            check(file, named, self._as_sent(named, body))
        self._check_answer(file, details, response)
        self.checked.append((method, template, response.status_code))

    @staticmethod
    def _as_sent(named: str, body: Any) -> Any:
        """Where the file has a bare object and the body an envelope, the object inside."""
        plural = {"Account": "Accounts", "Payment": "Payments", "Currency": "Currencies",
                  "TrackingCategory": "TrackingCategories", "TrackingOption": "Options",
                  "PaymentDelete": "Payments", "BatchPaymentDelete": "BatchPayments",
                  "BatchPaymentDeleteByUrlParam": "BatchPayments"}.get(named)  # fmt: skip
        inside = body.get(plural) if plural and isinstance(body, dict) else None
        if isinstance(inside, list):
            return decode_again(inside[0])
        return decode_again(body)

    @staticmethod
    def _check_query(file: str, template: str, details: Schema, options: Any) -> None:
        known = set()
        whole = spec(file)
        shared = whole["paths"][template].get("parameters", [])
        for each in [*details.get("parameters", []), *shared]:
            named = each
            if "$ref" in each:
                named = whole["components"]["parameters"][each["$ref"].rpartition("/")[2]]
            known.add(named["name"].lower())
        query = set(options) - {"headers", "kind", "base"}
        # Sent with every write here; where the file lacks it, the service ignores it.
        unknown = {name for name in query if name.lower() not in known | {"summarizeerrors"}}
        assert not unknown, f"{template} has no parameter {unknown}"

    @staticmethod
    def _check_answer(file: str, details: Schema, response: TestResponse) -> None:
        if "json" not in response.content_type:
            return
        content = decode(response.get_data()) if response.get_data() else None
        if response.status_code == 400:
            if file == FILES["/api.xro/2.0/"] and "ErrorNumber" in content:
                check(file, "Error", content)
            return
        answers = details["responses"].get(str(response.status_code))
        assert answers is not None, f"{response.status_code} is not in the specification"
        named = _schema_name(answers.get("content", {}))
        if named:
            check(file, named, content)


def decode_again(value: Any) -> Any:
    """A body as it is after it went through JSON."""
    from tieout.sandbox.xero.wire import encode

    return decode(encode(value, "compact"))
