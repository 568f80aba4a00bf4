"""The record API: one method for each kind of call (Oracle: SuiteTalk REST web services).

The service knows nothing of tokens and limits. Refusals are raised as `ApiError`; the
vendor turns them into answers.
"""

from __future__ import annotations

import hashlib
from typing import Any

from werkzeug.wrappers import Request, Response

from tieout.sandbox.netsuite import errors, filters, metadata, show
from tieout.sandbox.netsuite.books import Books, Draft
from tieout.sandbox.netsuite.clean import MODES, Cleaner
from tieout.sandbox.netsuite.fields import BY_PATH, RecordType
from tieout.sandbox.netsuite.wire import Row, decode, encode

SINGULAR = "application/vnd.oracle.resource+json; type=singular; charset=UTF-8"
COLLECTION = "application/vnd.oracle.resource+json; type=collection; charset=UTF-8"
_FORMS = ("create-form", "edit-form", "select-options")
_MOST_ON_PAGE = 1000
_MOST_PAGES = 1000


class Service:
    """Turns calls into operations on the books."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._operations = 0

    def record(self, request: Request, parts: list[str]) -> Response:
        """Answer a call below `/record/v1`. Raises ApiError."""
        if parts[:1] == ["metadata-catalog"]:
            return metadata.answer(self.books, request, parts[1:])
        if not parts:
            raise errors.unknown_type("")
        record = self.type_of(parts[0])
        self._check_permission(record)
        match parts[1:]:
            case []:
                return self._collection(request, record)
            case [row]:
                return self._instance(request, record, row)
            case [row, "!transform", target]:
                return self._transform(request, record, row, target)
            case [row, ("!attach" | "!detach") as verb, other, other_id]:
                return self._attach(request, record, row, verb == "!attach", other, other_id)
            case [row, sublist, *line] if len(line) < 2:
                return self._sublist(request, record, row, sublist, line)
        raise errors.bad_request("The URL path is not valid.")

    # -- one operation of each kind, also used by batches -----------------------------
    def create(self, record: RecordType, payload: Any, cleaner: Cleaner) -> Response:
        self._allow(record, "c", "POST")
        return self._saved(record, self.books.create(record.name, payload, cleaner=cleaner))

    def change(self, record: RecordType, row_id: str, payload: Any, request: Request) -> Response:
        self._allow(record, "u", "PATCH")
        draft = self.books.update(
            record.name,
            row_id,
            payload,
            replace=_listed(request, "replace"),
            selected=request.args.get("replaceSelectedFields", "").lower() == "true",
            cleaner=self.cleaner(request),
        )
        return self._saved(record, draft)

    def upsert(
        self, record: RecordType, external_id: str, payload: Any, request: Request
    ) -> Response:
        """Change the record with an external id, or make it."""
        _check_external(external_id)
        found = self.books.by_external(record.name, external_id)
        if found:
            return self.change(record, found, payload, request)
        self._allow(record, "c", "PUT")
        cleaner = self.cleaner(request)
        draft = self.books.create(record.name, payload, external_id=external_id, cleaner=cleaner)
        return self._saved(record, draft)

    def delete(self, record: RecordType, row_id: str) -> Response:
        self._allow(record, "d", "DELETE")
        self.books.delete(record.name, row_id)
        return self.empty()

    def read(self, record: RecordType, row_id: str, request: Request) -> Response:
        row = self.books.get(record.name, row_id)
        return self.shown(show.record(self.books, record.name, row, view_of(request)))

    def item(self, record: RecordType, payload: Any, request: Request) -> Response:
        """One record of a batch: PATCH by id or external id, PUT by external id only."""
        self._check_permission(record)
        if request.method == "POST":
            return self.create(record, payload, self.cleaner(request))
        sent = dict(payload) if isinstance(payload, dict) else {}
        row_id, external_id = sent.pop("id", None), sent.get("externalId")
        if request.method == "PUT":
            if not external_id:
                raise errors.missing("External ID", "externalId")
            return self.upsert(record, str(external_id), sent, request)
        if row_id is None and not external_id:
            raise errors.missing("ID", "id")
        name = str(row_id) if row_id is not None else f"eid:{external_id}"
        return self.change(record, self.row_id(record, name), sent, request)

    def by_id(self, record: RecordType, name: str, request: Request) -> Response:
        """One record of a batch that reads or deletes by ids."""
        self._check_permission(record)
        row_id = self.row_id(record, name)
        return (
            self.delete(record, row_id)
            if request.method == "DELETE"
            else self.read(record, row_id, request)
        )

    def row_id(self, record: RecordType, text: str) -> str:
        """The internal id of a path's id, which may be `eid:` and an external id."""
        if not text.lower().startswith("eid:"):
            if not text.isdigit():
                raise errors.nonexistent()
            return text
        _check_external(text[4:])
        found = self.books.by_external(record.name, text[4:])
        if not found:
            raise errors.nonexistent()
        return found

    def cleaner(self, request: Request) -> Cleaner:
        """Reads bodies in the modes that the request's headers ask for."""
        modes = []
        for name, usual in (("Name", "warning"), ("Value", "error")):
            header = f"X-NetSuite-Property{name}Validation"
            mode = request.headers.get(header, usual).lower()
            if mode not in MODES:
                raise errors.bad_header(header, f"Invalid value '{mode}' of the header {header}.")
            modes.append(mode)
        return Cleaner(self.books, *modes)

    # -- answers ----------------------------------------------------------------------
    def empty(self, status: int = 204) -> Response:
        """An answer without a body, and so without a Content-Type."""
        answer = Response(status=status)
        answer.headers.pop("Content-Type", None)
        return self._marked(answer, wrote=True)

    def shown(self, body: Row, content_type: str = SINGULAR) -> Response:
        return self._marked(Response(encode(body), content_type=content_type))

    def _saved(self, record: RecordType, draft: Draft) -> Response:
        answer = self.empty()
        answer.headers["Location"] = show.link(self.books, record.name, draft.row["id"])["href"]
        for warning in draft.warnings:
            # A header holds one line of plain letters, whatever the field was called.
            plain = warning.encode("ascii", "replace").decode()
            answer.headers.add("X-NetSuite-Warning", " ".join(plain.split()))
        return answer

    def _marked(self, answer: Response, *, wrote: bool = False) -> Response:
        """The headers that real traffic carries."""
        answer.headers["X-N-OperationId"] = self.mark()
        answer.headers["Cache-Control"] = "No-Cache"
        if wrote:
            answer.headers["X-NetSuite-JobId"] = self.mark()
        return answer

    def mark(self) -> str:
        """A fresh UUID, from a counter."""
        self._operations += 1
        text = f"{self.books.settings.account_id} operation {self._operations}"
        found = hashlib.sha256(text.encode()).hexdigest()
        return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:32]))

    # -- paths ------------------------------------------------------------------------
    def _collection(self, request: Request, record: RecordType) -> Response:
        if request.method == "POST":
            payload = json_of(request)
            if wants_form(request):
                return self._form(request, record, payload, None)
            return self.create(record, payload, self.cleaner(request))
        if request.method != "GET":
            raise errors.wrong_method(request.method)
        limit, offset = page_of(request)
        text = request.args.get("q", "").strip()
        test = filters.compile_q(self.books, record.name, text) if text else None
        ids = [row["id"] for row in self.books.rows(record.name) if test is None or test(row)][
            : self.books.settings.most_rows
        ]
        ids.sort(key=int)
        base = show.link(self.books, record.name)["href"]
        items = [
            {"links": [show.link(self.books, record.name, each)], "id": each}
            for each in ids[offset : offset + limit]
        ]
        return self.shown(paged(base, items, len(ids), limit, offset), COLLECTION)

    def _instance(self, request: Request, record: RecordType, text: str) -> Response:
        method = request.method
        if method == "PUT":
            if not text.lower().startswith("eid:"):
                raise errors.bad_request("The PUT method needs an external ID: use eid:.")
            return self.upsert(record, text[4:], json_of(request), request)
        row_id = self.row_id(record, text)
        if method == "GET":
            return self.read(record, row_id, request)
        if method == "DELETE":
            return self.delete(record, row_id)
        if method == "PATCH":
            if wants_form(request):
                row = self.books.get(record.name, row_id)
                return self._form(request, record, json_of(request), row)
            return self.change(record, row_id, json_of(request), request)
        raise errors.wrong_method(method)

    def _transform(self, request: Request, record: RecordType, text: str, target: str) -> Response:
        if request.method != "POST":
            raise errors.wrong_method(request.method)
        found = BY_PATH.get(target.lower())
        if record.name != "invoice" or found is None:
            raise errors.bad_request(
                f"The transformation of {record.name} to {target} is not supported."
            )
        self._check_permission(found)
        draft = self.books.transform(
            self.row_id(record, text),
            found.name,
            json_of(request),
            replace=_listed(request, "replace"),
            cleaner=self.cleaner(request),
        )
        return self._saved(found, draft)

    def _attach(
        self, request: Request, record: RecordType, text: str, attach: bool, kind: str, other: str
    ) -> Response:
        """Contacts and files only (2026.1)."""
        if request.method != "POST":
            raise errors.wrong_method(request.method)
        target = BY_PATH.get(kind.lower())
        if target is None or target.name not in ("contact", "file"):
            raise errors.bad_request(f"A record of type {kind} cannot be attached.")
        owner = (record.name, self.books.get(record.name, self.row_id(record, text))["id"])
        thing = (target.name, self.books.get(target.name, self.row_id(target, other))["id"])
        attached = self.books.attached.setdefault(owner, [])
        if attach and thing not in attached:
            attached.append(thing)
        elif not attach and thing not in attached:
            raise errors.nonexistent()
        elif not attach:
            attached.remove(thing)
        return self.empty()

    def _sublist(
        self, request: Request, record: RecordType, text: str, name: str, line: list[str]
    ) -> Response:
        if request.method != "GET":
            raise errors.wrong_method(request.method)
        row = self.books.get(record.name, self.row_id(record, text))
        shape = record.lists.get(name.lower())
        view = view_of(request)
        if shape is None:
            return self._part(record, row, name, line)
        items = show.lines(self.books, record.name, row, shape, view)
        if line:
            keys = [
                show.key_of(shape, each, index)
                for index, each in enumerate(row.get(shape.name, ()))
            ]
            if line[0] not in keys:
                raise errors.nonexistent()
            return self.shown(items[keys.index(line[0])])
        base = show.link(self.books, record.name, row["id"], shape.name)["href"]
        limit, offset = page_of(request)
        body = paged(base, items[offset : offset + limit], len(items), limit, offset)
        return self.shown(body, COLLECTION)

    def _part(self, record: RecordType, row: Row, name: str, line: list[str]) -> Response:
        """A subrecord or a list of references inside a record."""
        field = record.fields.get(name.lower())
        if line or field is None or field.kind not in ("address", "refs") or field.name not in row:
            raise errors.nonexistent()
        whole = show.record(self.books, record.name, row, show.View(expand=True))
        return self.shown(whole[field.name])

    def _form(
        self, request: Request, record: RecordType, payload: Any, old: Row | None
    ) -> Response:
        """Defaults of a new record, values of an old one, or what may be chosen."""
        if "select-options" in request.headers.get("Accept", ""):
            return self.shown(metadata.options(self.books, record))
        row = self.books.defaults(record.name, payload, old)
        body = {
            name: show.field_value(self.books, record.name, {"id": "", **row}, name, value)
            for name, value in sorted(row.items())
            if name[0] != "_" and name.lower() not in record.lists
        }
        return self.shown(body)

    # -- checks -----------------------------------------------------------------------
    def type_of(self, text: str) -> RecordType:
        """The record type of a path, in any case. Raises 404."""
        record = BY_PATH.get(text.lower())
        settings = self.books.settings
        missing = record is None
        if record is not None and not settings.one_world:
            missing = record.name in ("subsidiary", "customerSubsidiaryRelationship")
        if record is not None and record.name == "job" and not settings.projects:
            missing = True
        if record is None or missing:
            raise errors.unknown_type(text)
        return record

    def _check_permission(self, record: RecordType) -> None:
        settings = self.books.settings
        # A GET loads the record in edit mode, so a role that may only view is refused, too.
        if record.name in settings.denied or record.name in settings.view_only:
            raise errors.forbidden(settings)

    @staticmethod
    def _allow(record: RecordType, verb: str, method: str) -> None:
        if verb not in record.verbs:
            raise errors.wrong_method(method)


# -- requests ------------------------------------------------------------------------
def json_of(request: Request) -> Any:
    """The JSON body, whatever its Content-Type; an empty one is an empty object."""
    text = request.get_data()
    if not text.strip():
        return {}
    try:
        return decode(text.decode("utf-8"))
    except ValueError:
        raise errors.bad_request(
            "Invalid content in the request body. The JSON could not be parsed.",
            code="INVALID_CONTENT",
        ) from None


def view_of(request: Request) -> show.View:
    """How a GET wants a record."""
    fields = frozenset(name.lower() for name in _listed(request, "fields"))
    return show.View(
        expand=request.args.get("expandSubResources", "").lower() == "true",
        fields=fields,
        simple_enums=request.args.get("simpleEnumFormat", "").lower() == "true",
    )


def page_of(request: Request) -> tuple[int, int]:
    """Limit and offset. Raises 400 for a limit over 1000 or an offset it does not divide."""
    numbers = []
    for name, usual in (("limit", _MOST_ON_PAGE), ("offset", 0)):
        text = request.args.get(name, str(usual))
        if not text.isdecimal():
            raise errors.bad_parameter(name, f"Invalid value '{text}' of the parameter {name}.")
        numbers.append(int(text))
    limit, offset = numbers
    if not 0 < limit <= _MOST_ON_PAGE:
        raise errors.bad_parameter("limit", f"The limit must be from 1 to {_MOST_ON_PAGE}.")
    if offset % limit:
        raise errors.bad_parameter("offset", "The offset must be divisible by the limit.")
    if offset // limit >= _MOST_PAGES:
        raise errors.bad_parameter("offset", f"There are at most {_MOST_PAGES} pages.")
    return limit, offset


def paged(base: str, items: list[Row], total: int, limit: int, offset: int) -> Row:
    """One page of a collection."""
    return {
        "links": show.page_links(base, limit, offset, total, ()),
        "count": len(items),
        "hasMore": offset + limit < total,
        "items": items,
        "offset": offset,
        "totalResults": total,
    }


def wants_form(request: Request) -> bool:
    """Whether the call asks for a form or for options instead of saving."""
    accept = request.headers.get("Accept", "")
    return any(f"type={each}" in accept for each in _FORMS)


def _listed(request: Request, name: str) -> list[str]:
    text = request.args.get(name, "")
    return [each.strip() for each in text.split(",") if each.strip()]


def _check_external(external_id: str) -> None:
    # A bar breaks the parsing of the URL: only `q` can name such an id.
    if not external_id or "|" in external_id:
        raise errors.bad_request("The URL path is not valid.")
