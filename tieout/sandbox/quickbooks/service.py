"""The accounting service: one method for each kind of call (Intuit: REST API features).

Answers are `(status, body)`; the vendor adds time and headers. The service
knows nothing of tokens and limits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Request

from tieout.sandbox.quickbooks import company, faults, files, query, reports, taxservice
from tieout.sandbox.quickbooks.books import Books
from tieout.sandbox.quickbooks.indexes import PEOPLE
from tieout.sandbox.quickbooks.replay import Replays, check_batch_ids, check_request_id
from tieout.sandbox.quickbooks.shapes import LISTS, TRANSACTIONS, clean
from tieout.sandbox.quickbooks.wire import Row, decode, moment, to_instant

_PATHS = {name.lower(): name for name in (*LISTS, *TRANSACTIONS, "Attachable", "TaxAgency")}
_READ_ONLY = {"TaxCode", "TaxRate"}
#: What change data capture covers (Intuit: change data capture).
_CAPTURED = (LISTS | TRANSACTIONS | {"Attachable"}) - {"TimeActivity", "TaxCode", "TaxRate"}
_LOOK_BACK = timedelta(days=30)
_MOST_CHANGES = 1000


class Service:
    """Turns calls into operations on the books."""

    def __init__(self, books: Books, replays: Replays) -> None:
        self.books = books
        self.replays = replays

    # -- entry points -----------------------------------------------------------
    def read(self, request: Request, parts: list[str]) -> Row:
        """Answer a GET."""
        books = self.books
        match parts:
            case ["query"]:
                return self.queried(request.args.get("query", ""))
            case ["cdc"]:
                return self.changed(request)
            case ["companyinfo", _]:
                return {"CompanyInfo": company.company_info(books)}
            case ["preferences"]:
                return {"Preferences": company.preferences(books)}
            case ["exchangerate"]:
                return {"ExchangeRate": self._rate(request)}
            case ["reports", name]:
                return reports.run(books, name, request.args)
            case [path, row_id] if path in _PATHS:
                entity = _PATHS[path]
                if not row_id.isdigit() and entity != "TaxCode":
                    raise faults.bad_id(row_id)
                return {entity: books.present(entity, books.get(entity, row_id))}
        raise faults.unsupported("/".join(parts))

    def write(
        self, request: Request, parts: list[str], *, in_flight: bool = False
    ) -> tuple[int, Row]:
        """Answer a POST that is not a query, once for each `requestid`.

        `in_flight`: a call with the same id is still worked on.
        """
        request_id = request.args.get("requestid", "")
        try:
            check_request_id(request_id)
            if parts == ["batch"]:
                return 200, self.batch(request_id, self._json(request), in_flight=in_flight)
            stored = self.replays.recall(request_id)
            if stored is not None:
                return stored.status, stored.body
            if in_flight:
                # Not stored: the answer to keep is that of the first call.
                return 400, {"Fault": faults.in_flight().body()}
            status, body = 200, self._written(request, parts)
        except faults.ApiFault as fault:
            status, body = fault.status, {"Fault": fault.body()}
        # The stored answer keeps the time of the first one.
        body["time"] = self.books.stamp_now()
        self.replays.keep(request_id, "", status, body)
        return status, body

    def queried(self, text: str) -> Row:
        """Answer a query statement."""
        return {"QueryResponse": query.run(self.books, text, self._candidates)}

    # -- writes --------------------------------------------------------------------
    def _written(self, request: Request, parts: list[str]) -> Row:
        books = self.books
        match parts:
            case ["upload"]:
                content = request.headers.get("Content-Type", "")
                return {"AttachableResponse": files.upload(books, content, request.get_data())}
            case ["exchangerate"]:
                return {"ExchangeRate": self._set_rate(self._json(request))}
            case ["taxservice", "taxcode"]:
                return taxservice.create(books, self._json(request))
            case ["invoice" | "creditmemo" as path, row_id, "send"]:
                entity = _PATHS[path]
                row = books.send(entity, row_id, request.args.get("sendTo", ""))
                return {entity: books.present(entity, row)}
            case [path] if path in _PATHS:
                operation = request.args.get("operation", "")
                include = request.args.get("include", "")
                return self.operate(_PATHS[path], operation, include, self._json(request))
        raise faults.unsupported("/".join(parts))

    def operate(self, entity: str, operation: str, include: str, payload: Any) -> Row:
        """Carry out one create, update, delete or void."""
        books = self.books
        if not isinstance(payload, dict):
            raise faults.bad_value(entity, payload)
        if entity in _READ_ONLY:
            raise faults.unsupported(f"write {entity}")
        options = tuple(include.split(","))
        if operation not in ("", "create", "update", "delete", "void"):
            raise faults.unsupported(operation)
        if operation == "delete":
            return {entity: books.delete(entity, payload)}
        if operation == "void" or "void" in options:
            return {entity: books.present(entity, books.void(entity, payload))}
        if operation == "update" and not payload.get("Id"):
            raise faults.required("Id")
        save = books.update if payload.get("Id") else books.create
        return {entity: books.present(entity, save(entity, payload, options))}

    def batch(self, request_id: str, payload: Any, *, in_flight: bool = False) -> Row:
        """Answer a batch: every item for itself, in order, always HTTP 200."""
        items = payload.get("BatchItemRequest") if isinstance(payload, dict) else None
        if not isinstance(items, list) or not items:
            raise faults.required("BatchItemRequest")
        if len(items) > self.books.settings.batch_size:
            raise faults.ApiFault(
                1040,
                "Batch size exceeds allowed limit",
                f"The batch has {len(items)} items; the limit is {self.books.settings.batch_size}.",
            )
        check_batch_ids(request_id, [str(item.get("bId", "")) for item in items])
        answers = [self._item(request_id, item, in_flight) for item in items]
        if self.books.settings.batch_answers == "reversed":
            answers.reverse()
        return {"BatchItemResponse": answers}

    def _item(self, request_id: str, item: Row, in_flight: bool) -> Row:
        item_id = str(item.get("bId", ""))
        if isinstance(item.get("Query"), str):
            return {"bId": item_id, **_guarded(lambda: self.queried(item["Query"]))}
        stored = self.replays.recall(request_id, item_id)
        if stored is not None:
            return stored.body
        if in_flight:
            return {"bId": item_id, "Fault": faults.in_flight().body()}
        body = {"bId": item_id, **_guarded(lambda: self._item_operation(item))}
        self.replays.keep(request_id, item_id, 200, body)
        return body

    def _item_operation(self, item: Row) -> Row:
        entity = next((name for name in item if name in _PATHS.values()), None)
        if entity is None:
            raise faults.unsupported("batch item without an entity")
        operation = str(item.get("operation", ""))
        return self.operate(entity, operation, str(item.get("optionsData") or ""), item[entity])

    # -- reads ------------------------------------------------------------------------
    def changed(self, request: Request) -> Row:
        """Answer change data capture: whole rows, and stubs of what was deleted."""
        since = self._since(request.args.get("changedSince", ""))
        answers: list[Row] = []
        room = _MOST_CHANGES
        for name in request.args.get("entities", "").split(","):
            entity = name.strip()
            if entity not in _CAPTURED:
                raise faults.unsupported(f"change data capture of {entity}")
            found = self._changes_of(entity, since)[:room]
            room -= len(found)
            answer: Row = {}
            if found:
                answer = {entity: found, "startPosition": 1, "maxResults": len(found)}
            answers.append(answer)
        return {"CDCResponse": [{"QueryResponse": answers}]}

    def _since(self, text: str) -> Any:
        try:
            since = to_instant(text)
        except ValueError:
            raise faults.bad_date("changedSince", text) from None
        if self.books.clock.now() - since > _LOOK_BACK:
            raise faults.bad_date("changedSince (more than 30 days ago)", text)
        return since

    def _changes_of(self, entity: str, since: Any) -> list[Row]:
        books = self.books
        found = [
            (row["_updated"], books.present(entity, row)) for row in books.since(entity, since)
        ]
        found += [
            (gone.at, _stub(gone.id, moment(gone.at)))
            for gone in books.deleted
            if gone.entity == entity and gone.at >= since
        ]
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]

    def _candidates(self, statement: query.Statement) -> list[Row]:
        """The rows a query may find: by id or number at once, else the whole table."""
        books, entity = self.books, statement.entity
        if entity == "CompanyInfo":
            return [company.company_info(books)]
        if entity == "Preferences":
            return [company.preferences(books)]
        if entity == "ExchangeRate":
            return self._rates(statement)
        looked_up = (self._looked_up(entity, each) for each in statement.where)
        found = next((rows for rows in looked_up if rows is not None), None)
        rows = list(books.rows(entity)) if found is None else found
        if entity == "Customer" and any(each.name == "Balance" for each in statement.where):
            rows = [{**row, "Balance": books.open_balance(row["Id"])} for row in rows]
        return rows

    def _looked_up(self, entity: str, condition: query.Condition) -> list[Row] | None:
        """The rows that can meet a condition, None when there is no index for it."""
        books, name = self.books, condition.name
        unique = dict.fromkeys(condition.values)
        if name == "MetaData.LastUpdatedTime" and condition.operator in (">", ">="):
            return books.since(entity, query.instant(name, condition.values[0]))
        if condition.operator not in ("=", "IN") or any(not each.strip() for each in unique):
            return None
        if name == "Id":
            return [row for each in unique if (row := books.find(entity, each))]
        if name == "DocNumber":
            named = [each for text in unique for each in books.numbered(entity, text)]
        elif name == "CustomerRef":
            named = [each for text in unique for each in books.indexes.of_customer(entity, text)]
        elif name == "DisplayName" and entity in PEOPLE:
            named = [
                each
                for text in unique
                for kind, each in books.indexes.named(entity, text)
                if kind == entity
            ]
        else:
            return None
        return [books.get(entity, each) for each in dict.fromkeys(named)]

    def _rates(self, statement: query.Statement) -> list[Row]:
        days = [each.values[0][:10] for each in statement.where if each.name == "AsOfDate"]
        day = days[0] if days else self.books.today()
        known = sorted({code for code, since in self.books.rates if since <= day})
        return [{"Id": code, **self.books.rate_on(code, day)} for code in known]

    def _rate(self, request: Request) -> Row:
        self._need_currencies()
        day = request.args.get("asofdate") or self.books.today()
        return self.books.rate_on(request.args.get("sourcecurrencycode", ""), day[:10])

    def _set_rate(self, payload: Any) -> Row:
        self._need_currencies()
        sent, _ = clean("ExchangeRate", payload)
        for name in ("SourceCurrencyCode", "Rate"):
            if name not in sent:
                raise faults.required(name)
        day = to_instant(sent.get("AsOfDate") or self.books.today()).date()
        return self.books.set_rate(sent["SourceCurrencyCode"], sent["Rate"], day)

    def _need_currencies(self) -> None:
        if not self.books.settings.multicurrency:
            raise faults.not_in_plan("Multicurrency")

    @staticmethod
    def _json(request: Request) -> Any:
        try:
            return decode(request.get_data().decode("utf-8"))
        except UnicodeDecodeError:
            raise faults.unsupported("a body that is not UTF-8") from None
        except ValueError:
            raise faults.bad_value("request body", "not JSON") from None


def _guarded(work: Callable[[], Row]) -> Row:
    try:
        return work()
    except faults.ApiFault as fault:
        return {"Fault": fault.body()}


def _stub(row_id: str, at: str) -> Row:
    return {
        "domain": "QBO",
        "status": "Deleted",
        "Id": row_id,
        "MetaData": {"LastUpdatedTime": at},
    }
