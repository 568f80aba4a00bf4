"""Runs queries: rows, parents, child sets, pages and their locators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tieout.sandbox.salesforce import soql
from tieout.sandbox.salesforce.errors import ApiError, malformed_query
from tieout.sandbox.salesforce.filters import Filters, getter, unknown_child
from tieout.sandbox.salesforce.ids import full_id, make_id
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.schema import ObjectDef
from tieout.sandbox.salesforce.soql import Chain, Compare, Select
from tieout.sandbox.salesforce.values import Record, render

#: How long the rest of a long answer can be fetched. From memory of the vendor's
#: documents; older ones say 15 minutes idle.
LOCATOR_LIFE = timedelta(days=2)

Renderer = Callable[[Record], Any]


@dataclass
class Cursor:
    """The rest of an answer, kept for its locator."""

    rows: list[dict[str, Any]]
    page_size: int
    made_at: datetime
    total: int


class Queries:
    """The query resource of one org."""

    def __init__(self, org: Org, page_size: int) -> None:
        self.org = org
        self.page_size = page_size  # most rows on a page, whatever is asked for
        self.child_page_size = page_size  # most rows of a nested set
        self.timeouts = 0  # how many of the next queries end in QUERY_TIMEOUT
        self._cursors: dict[str, Cursor] = {}
        self._made = 0

    def run(self, text: str, version: str, *, deleted: bool, batch: int | None) -> dict[str, Any]:
        """Answer one query; `deleted` adds rows in the recycle bin. Raises ApiError."""
        if self.timeouts > 0:
            self.timeouts -= 1
            raise ApiError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
        query = soql.parse(text)
        target = self.org.schema.find(query.source)
        rows = self._rows(query, target, deleted)
        if query.count:
            return {"totalSize": len(rows), "done": True, "records": []}
        renderer = self._renderer(query, target, version, deleted)
        size = min(self.page_size, batch or self.page_size)
        return self._paged([renderer(row) for row in rows], size, version)

    def rows(self, query: Select, target: ObjectDef, *, deleted: bool) -> list[Record]:
        """The records a query finds, in its order. Raises ApiError."""
        return self._rows(query, target, deleted)

    def more(self, locator: str, version: str) -> dict[str, Any]:
        """The next page for a locator `01g...-2000`. Raises INVALID_QUERY_LOCATOR."""
        name, _, offset = locator.rpartition("-")
        cursor = self._cursors.get(name)
        expired = cursor and self.org.clock.now() - cursor.made_at > LOCATOR_LIFE
        if cursor is None or expired or not offset.isdigit() or int(offset) > cursor.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(cursor, name, int(offset), version)

    def expire_locators(self) -> None:
        """Forget every open answer: following a page then fails."""
        self._cursors.clear()

    # -- rows -----------------------------------------------------------------
    def _rows(
        self,
        query: Select,
        target: ObjectDef,
        deleted: bool,
        source: Iterable[Record] | None = None,
    ) -> list[Record]:
        filters = Filters(self.org, target, lambda inner: self._column(inner, deleted))
        test = filters.compile(query.where)
        found = self._candidates(target, query.where) if source is None else source
        rows = [row for row in found if (deleted or not row["IsDeleted"]) and test(row)]
        for path, descending, nulls_last in reversed(query.order):
            read, _ = getter(self.org, target, path)
            rows = _sorted(rows, read, descending, nulls_last)
        rows = rows[query.offset :]
        return rows if query.limit is None else rows[: query.limit]

    def _candidates(self, target: ObjectDef, where: Any) -> Iterable[Record]:
        """The rows that can meet a condition, in the order they were made; all without an index."""
        parts = where.parts if isinstance(where, Chain) and where.operator == "and" else (where,)
        for each in parts:
            keys = self._keys(target, each) if isinstance(each, Compare) else None
            if keys is not None:
                seen = (self.org.visible(target.name, key) for key in sorted(keys))
                return [row for row in seen if row is not None]
        return self.org.every_visible(target.name)

    def _keys(self, target: ObjectDef, condition: Compare) -> set[str] | None:
        """Short ids of the rows that can meet a condition, None when there is no index for it."""
        if condition.operator not in ("=", "in") or "." in condition.path:
            return None
        values = condition.value if condition.operator == "in" else (condition.value,)
        if isinstance(values, Select) or not all(isinstance(each, str) and each for each in values):
            return None
        definition = target.find(condition.path)
        if definition.type == "id":
            return {each[:15] for each in values}
        if definition.type == "reference":
            values = [full_id(each) for each in values]
        return self.org.indexed(target.name, definition, values)

    def _column(self, query: Select, deleted: bool) -> set[Any]:
        target = self.org.schema.find(query.source)
        if len(query.fields) != 1 or not isinstance(query.fields[0], str):
            raise malformed_query("a semi join sub-select selects exactly one field")
        read, _ = getter(self.org, target, query.fields[0])
        return {read(row) for row in self._rows(query, target, deleted)}

    # -- records --------------------------------------------------------------
    def _renderer(self, query: Select, target: ObjectDef, version: str, deleted: bool) -> Renderer:
        parts: list[tuple[str, Renderer]] = []
        parents: dict[str, Select] = {}
        chosen: set[str] = set()
        for each in query.fields:
            if isinstance(each, Select):
                parts.append(self._child(each, target, version, deleted))
                continue
            if each.lower() in chosen:
                raise ApiError(400, "INVALID_FIELD", f"duplicate field selected: {each}")
            chosen.add(each.lower())
            head, _, rest = each.partition(".")
            if not rest:
                parts.append(_plain(target.find(head).name))
            elif head.lower() in parents:
                parents[head.lower()].fields.append(rest)
            else:
                getter(self.org, target, each)  # an unknown path is refused here
                parents[head.lower()] = Select(fields=[rest])
                parts.append((head.lower(), lambda row: None))
        made = [
            self._parent(name, parents[name], target, version, deleted)
            if name in parents
            else (name, renderer)
            for name, renderer in parts
        ]

        def render_row(row: Record) -> dict[str, Any]:
            shown: dict[str, Any] = {"attributes": attributes(target.name, row["Id"], version)}
            return shown | {name: renderer(row) for name, renderer in made}

        return render_row

    def _parent(
        self, name: str, query: Select, target: ObjectDef, version: str, deleted: bool
    ) -> tuple[str, Renderer]:
        link = target.parent(name)
        if link is None:
            raise malformed_query(f"unknown relationship {name}")
        parent = self.org.schema.find(link.reference_to)
        renderer = self._renderer(query, parent, version, deleted)

        def render_parent(row: Record) -> Any:
            found = self.org.visible(parent.name, row[link.name]) if row.get(link.name) else None
            return renderer(found) if found else None

        return link.relationship, render_parent

    def _child(
        self, query: Select, target: ObjectDef, version: str, deleted: bool
    ) -> tuple[str, Renderer]:
        found = next(
            (
                (child, link)
                for child, link in self.org.schema.children(target.name)
                if link.children and link.children.lower() == query.source.lower()
            ),
            None,
        )
        if found is None:
            raise unknown_child(query.source, target.name)
        child, link = found
        renderer = self._renderer(query, child, version, deleted)
        self._rows(
            query, child, deleted, ()
        )  # bad fields are refused even when no row has children

        def render_children(row: Record) -> Any:
            mine = self.org.children_seen(child.name, link.name, row["Id"])
            rows = self._rows(query, child, deleted, mine)
            if not rows:
                return None
            return self._paged([renderer(each) for each in rows], self.child_page_size, version)

        return link.children, render_children

    # -- pages ----------------------------------------------------------------
    def _paged(self, rows: list[dict[str, Any]], size: int, version: str) -> dict[str, Any]:
        if len(rows) <= size:
            return {"totalSize": len(rows), "done": True, "records": rows}
        self._made += 1
        name = make_id("01g", self._made)
        cursor = Cursor(rows, size, self.org.clock.now(), len(rows))
        self._cursors[name] = cursor
        return self._page(cursor, name, 0, version)

    @staticmethod
    def _page(cursor: Cursor, name: str, offset: int, version: str) -> dict[str, Any]:
        end = offset + cursor.page_size
        answer: dict[str, Any] = {"totalSize": cursor.total, "done": end >= cursor.total}
        if end < cursor.total:
            answer["nextRecordsUrl"] = f"/services/data/{version}/query/{name}-{end}"
        return answer | {"records": cursor.rows[offset:end]}


def attributes(object_name: str, record_id: str, version: str) -> dict[str, str]:
    """What every record in an answer says about itself."""
    return {
        "type": object_name,
        "url": f"/services/data/{version}/sobjects/{object_name}/{record_id}",
    }


def _plain(name: str) -> tuple[str, Renderer]:
    return name, lambda row: render(row.get(name))


def _sorted(
    rows: list[Record], read: Callable[[Record], Any], descending: bool, nulls_last: bool
) -> list[Record]:
    empty = [row for row in rows if read(row) is None]
    full = [row for row in rows if read(row) is not None]
    full.sort(key=lambda row: _order_key(read(row)), reverse=descending)
    return full + empty if nulls_last else empty + full


def _order_key(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold() if not value.isalnum() or len(value) != 18 else value
    if isinstance(value, bool | int | Decimal | datetime | date):
        return value
    return str(value)
