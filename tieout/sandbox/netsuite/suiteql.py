"""SuiteQL: queries over tables that follow the books.

The tables live in an in-memory database that is filled at the first query and brought up
to date before each. Results are texts: numbers, 'T' and 'F', dates in the display format;
a null column is left out of its row (Oracle: executing SuiteQL queries through REST).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tieout.sandbox.netsuite import sqldates, sqltables
from tieout.sandbox.netsuite.errors import ApiError
from tieout.sandbox.netsuite.fields import TYPES
from tieout.sandbox.netsuite.sqltext import BadQuery, translate
from tieout.sandbox.netsuite.wire import Row, plain

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w$#]*")
_COMPLAINTS = (
    (re.compile(r"no such column: (?:.*\.)?\"?([\w$]+)\"?"), "Field '{}' not found."),
    (re.compile(r"no such table: (?:.*\.)?([\w$]+)"), "Record '{}' was not found."),
    (re.compile(r"no such function: ([\w$]+)"), "Function '{}' is not supported."),
    (re.compile(r"ambiguous column name: ([\w.$]+)"), "Field '{}' is ambiguous."),
)


class _Sum:
    """Adds exactly; the numbers come as texts of at most fifteen digits."""

    def __init__(self) -> None:
        self._total: Decimal | None = None

    def step(self, value: Any) -> None:
        if value is not None:
            self._total = (self._total or Decimal(0)) + Decimal(_number(value))

    def finalize(self) -> str | None:
        return None if self._total is None else plain(self._total)


class Engine:
    """Runs the queries of one account."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._base: sqlite3.Connection | None = None
        self._made_for: tuple[Any, ...] = ()
        self._labels: dict[tuple[str, str], str] = {}
        self._deleted = 0
        self._error: Exception | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Engine:
        """A copy of an account builds its tables anew when it is first asked."""
        twin = Engine.__new__(Engine)
        memo[id(self)] = twin
        Engine.__init__(twin, memo.get(id(self._books), self._books))
        return twin

    def run(self, text: Any, params: Any = None) -> list[Row]:
        """All rows of a query, each a dict of texts. Raises ApiError."""
        if not isinstance(text, str) or not text.strip():
            raise ApiError(400, "INVALID_PARAMETER", "The property 'q' is missing or empty.")
        bound = params if params is not None else []
        if not isinstance(bound, list) or any(each is None for each in bound):
            raise ApiError(400, "INVALID_PARAMETER", "A bind parameter may not be null.")
        shapes = self._shapes()
        try:
            statement = translate(
                text, bound, shapes, with_allowed=self._books.settings.suiteql_with
            )
        except BadQuery as problem:
            raise self._refusal(str(problem)) from None
        return self._rows(statement, [_bindable(each) for each in bound])

    # -- inside -----------------------------------------------------------------------
    def _rows(self, statement: str, bound: Sequence[Any]) -> list[Row]:
        base = self._current()
        self._error = None
        try:
            cursor = base.execute(statement, bound)
            names = [each[0] for each in cursor.description]
            found = cursor.fetchmany(self._books.settings.most_rows)
        except (sqlite3.Error, OverflowError, ValueError) as problem:
            raise self._refusal(self._told(str(problem))) from None
        keys = _keys(names)
        return [self._shown(keys, row) for row in found]

    def _shown(self, keys: list[str], row: Sequence[Any]) -> Row:
        shown = {
            key: self._text(value)
            for key, value in zip(keys, row, strict=True)
            if value is not None and value != "" and not key.endswith(sqltables.DISPLAY)
        }
        return {"links": [], **{key: shown[key] for key in sorted(shown)}}

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            marked = value.startswith(sqldates.MARK)
            return sqldates.shown(value, self._books.settings.date_format) if marked else value
        return plain(Decimal(_number(value)))

    def _told(self, problem: str) -> str:
        if isinstance(self._error, sqldates.BadDate):
            return f"Invalid date '{str(self._error).strip(sqldates.MARK)}'."
        for pattern, words in _COMPLAINTS:
            match = pattern.search(problem)
            if match:
                return words.format(match.group(1).replace(sqltables.DISPLAY, ""))
        return "Invalid or unsupported search"

    def _refusal(self, detail: str) -> ApiError:
        code = self._books.settings.query_error_code
        return ApiError(
            400, code, f"Search error occurred: {detail}", title="Invalid search query."
        )

    # -- the tables -------------------------------------------------------------------
    def _shapes(self) -> dict[str, tuple[sqltables.Column, ...]]:
        """The tables this account and role have, with their columns."""
        settings = self._books.settings
        hidden = {sqltables.OF_TYPE.get(kind, "") for kind in settings.denied}
        if not settings.one_world:
            hidden |= {"subsidiary", "customersubsidiaryrelationship"}
        if not settings.deleted_records:
            hidden.add("deletedrecord")
        if not settings.projects:
            hidden.add("job")
        every = sqltables.columns(tuple(settings.custom_fields))
        return {table: shape for table, shape in every.items() if table not in hidden}

    def _current(self) -> sqlite3.Connection:
        """The database, brought up to date."""
        books, settings = self._books, self._books.settings
        made_for = (
            settings.denied, settings.one_world, settings.deleted_records, settings.projects,
            settings.query_zone, settings.header_subsidiary, settings.negative_credit_totals,
            settings.negative_links, settings.accounting_books, tuple(settings.custom_fields),
        )  # fmt: skip
        renamed = any(self._renamed(kind, row_id) for kind, row_id in books.dirty)
        if self._base is None or made_for != self._made_for or renamed:
            self._made_for = made_for
            self._base = self._built()
        else:
            self._refresh(self._base, list(books.dirty))
        books.dirty.clear()
        self._remember_deleted(self._base)
        return self._base

    def _renamed(self, kind: str, row_id: str) -> bool:
        """Whether other rows show an old name of a record: then every row is made anew."""
        row = self._books.find(kind, row_id)
        before = self._labels.get((kind, row_id))
        return row is not None and before not in (None, sqltables.label(self._books, kind, row))

    def _built(self) -> sqlite3.Connection:
        if self._base is not None:
            self._base.close()
        base = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        base.execute("PRAGMA case_sensitive_like = ON")
        self._register(base)
        for table, shape in self._shapes().items():
            base.execute(sqltables.create(table, shape))
            key = sqltables.KEYS.get(table, shape[0].name)
            base.execute(f'CREATE INDEX "{table} key" ON "{table}" ("{key}")')
        if "nexttransactionlinelink" in self._shapes():
            for side in ("next", "previous"):
                table = f"{side}transactionlinelink"
                base.execute(f'CREATE INDEX "{table} from" ON "{table}" (previousdoc)')
        base.execute("INSERT INTO dual VALUES ('X')")
        self._deleted = 0
        self._labels.clear()
        whole = [(kind, row["id"]) for kind in TYPES for row in self._books.rows(kind)]
        self._refresh(base, whole, fresh=True)
        return base

    def _refresh(
        self, base: sqlite3.Connection, changed: list[tuple[str, str]], *, fresh: bool = False
    ) -> None:
        books, shapes = self._books, self._shapes()
        base.execute("BEGIN")
        for kind, row_id in changed:
            if kind in books.settings.denied:
                continue
            if not fresh:
                self._forget(base, kind, row_id, shapes)
            row = books.find(kind, row_id)
            if row is None:
                continue
            self._labels[(kind, row_id)] = sqltables.label(books, kind, row)
            for table, each in sqltables.rows_of(books, kind, row):
                if table in shapes:
                    statement = sqltables.insert(table, shapes[table])
                    base.execute(statement, sqltables.values(books, shapes[table], each))
        base.execute("COMMIT")

    @staticmethod
    def _forget(
        base: sqlite3.Connection,
        kind: str,
        row_id: str,
        shapes: dict[str, tuple[sqltables.Column, ...]],
    ) -> None:
        tables = [sqltables.OF_TYPE.get(kind, "")]
        if TYPES[kind].transaction:
            tables = ["transaction", *sqltables.KEYS]
        if TYPES[kind].group == "entity":
            tables.append("entity")
        for table in tables:
            if table in shapes:
                key = sqltables.KEYS.get(table, "id")
                base.execute(f'DELETE FROM "{table}" WHERE "{key}" = ?', (row_id,))

    def _remember_deleted(self, base: sqlite3.Connection) -> None:
        shape = self._shapes().get("deletedrecord")
        if shape is None:
            return
        books = self._books
        for each in books.deleted[self._deleted :]:
            row = {
                "deleteddate": each.at, "recordid": each.id, "name": each.name,
                "type": TYPES[each.kind].label, "scriptid": each.kind.lower(),
            }  # fmt: skip
            statement = sqltables.insert("deletedrecord", shape)
            base.execute(statement, sqltables.values(books, shape, row))
        self._deleted = len(books.deleted)

    # -- functions --------------------------------------------------------------------
    def _register(self, base: sqlite3.Connection) -> None:
        style = self._books.settings
        functions: dict[str, Any] = {
            "to_date": lambda text, layout=None: sqldates.to_date(text, layout, style.date_format),
            "to_char": lambda value, layout=None: sqldates.to_char(value, layout),
            "ns_date": lambda text: sqldates.read(text, style.date_format),
            "ns_plus": sqldates.plus,
            "ns_trunc": sqldates.truncated,
            "add_months": sqldates.add_months,
            "ns_now": lambda: sqldates.of_instant(self._books.clock.now(), style.query_zone),
            "to_number": lambda text: None if text is None else _as_number(text),
            "nvl2": lambda value, yes, no: no if value is None else yes,
            "decode": _decode,
            "concat": lambda *parts: "".join(str(each) for each in parts if each is not None),
        }
        for name, function in functions.items():
            base.create_function(name, -1, self._guarded(function))
        base.create_aggregate("exact_sum", 1, _Sum)  # type: ignore[arg-type]

    def _guarded(self, function: Any) -> Any:
        """The database hides why a function failed: keep it for the answer."""

        def called(*values: Any) -> Any:
            try:
                return function(*values)
            except Exception as problem:
                self._error = problem
                raise

        return called


def _keys(names: list[str]) -> list[str]:
    """Names of the columns in lower case; one without a name is called expr and its number."""
    keys, count = [], 0
    for name in names:
        if _PLAIN_NAME.fullmatch(name):
            keys.append(name.lower())
            continue
        count += 1
        keys.append(f"expr{count}")
    return keys


def _number(value: Any) -> str:
    """A number's fifteen digits: those a binary number of the database keeps exactly."""
    return str(value) if isinstance(value, int | str) else f"{value:.15g}"


def _as_number(text: Any) -> Any:
    return int(text) if str(text).lstrip("-").isdigit() else str(Decimal(str(text)))


def _decode(value: Any, *pairs: Any) -> Any:
    for index in range(0, len(pairs) - 1, 2):
        if str(pairs[index]) == str(value):
            return pairs[index + 1]
    return pairs[-1] if len(pairs) % 2 else None


def _bindable(value: Any) -> Any:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, Decimal):
        return plain(value)
    return value if isinstance(value, int | str) else str(value)
