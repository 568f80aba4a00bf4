"""The query language (Intuit: data queries).

    SELECT * | COUNT(*) FROM Entity [WHERE p op v [AND ...]] [ORDERBY p [ASC|DESC], ...]
           [STARTPOSITION n] [MAXRESULTS n]

`ORDER BY` in two words, the two paging clauses in either order, and column
names beside or instead of `*` are taken as well, as clients send them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.shapes import LISTS
from tieout.sandbox.quickbooks.wire import Row, to_instant

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<op><=|>=|=|<|>)|(?P<mark>[(),*])"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<number>-?\d+(?:\.\d+)?))"
)
_MOST_ROWS = 1000
_DEFAULT_ROWS = 100

_EVERYWHERE = "Id MetaData.CreateTime MetaData.LastUpdatedTime"
_DOCUMENT = "DocNumber TxnDate DueDate CustomerRef Balance TotalAmt ProjectRef"
_NAMED = "Name Active FullyQualifiedName"
#: What may stand in WHERE and ORDERBY. Notes and custom fields may not.
_PROPERTIES: dict[str, str] = {
    "Customer": "DisplayName FullyQualifiedName GivenName MiddleName FamilyName PrimaryEmailAddr "
    "CompanyName Active Job ParentRef Balance",
    "Vendor": "DisplayName GivenName FamilyName PrimaryEmailAddr CompanyName Active",
    "Employee": "DisplayName GivenName FamilyName PrimaryEmailAddr Active",
    "Item": "Name Sku Type Active FullyQualifiedName",
    "Account": "Name Active FullyQualifiedName AccountType AccountSubType Classification AcctNum",
    "Term": _NAMED,
    "Class": _NAMED,
    "Department": _NAMED,
    "PaymentMethod": _NAMED,
    "TaxCode": _NAMED,
    "TaxRate": _NAMED,
    "TaxAgency": "DisplayName",
    "CompanyCurrency": "Code Name Active",
    "ExchangeRate": "SourceCurrencyCode AsOfDate",
    "Invoice": _DOCUMENT,
    "CreditMemo": _DOCUMENT,
    "Payment": "TxnDate CustomerRef TotalAmt PaymentRefNum PaymentMethodRef ProjectRef",
    "TimeActivity": "TxnDate CustomerRef EmployeeRef VendorRef BillableStatus ProjectRef",
    "JournalEntry": "DocNumber TxnDate",
    "Attachable": "FileName AttachableRef.EntityRef.Type AttachableRef.EntityRef.value",
    "CompanyInfo": "",
    "Preferences": "",
}
_INSTANTS = {"MetaData.CreateTime": "_created", "MetaData.LastUpdatedTime": "_updated"}


@dataclass
class Condition:
    """One comparison; `values` has one text unless the operator is IN."""

    name: str
    operator: str
    values: list[str]


@dataclass
class Statement:
    """A parsed query."""

    entity: str
    count: bool = False
    columns: frozenset[str] = frozenset()  # columns named beside or instead of *
    where: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)  # (property, descending)
    start: int = 1
    limit: int = _DEFAULT_ROWS


class _Reader:
    """Walks over the tokens of a statement."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        text = text.strip().rstrip(";").rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise faults.query_fault(4000, f"Lexical error at position {at + 1}")
            kind = str(found.lastgroup)
            self.tokens.append((kind, found.group(kind)))
            at = found.end()
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "<EOF>")

    def word(self) -> str:
        kind, value = self.peek()
        return value.upper() if kind == "word" else ""

    def take(self, kind: str) -> str:
        found, value = self.peek()
        if found != kind:
            raise faults.query_fault(4000, f'Encountered " <{found}> "{value}" at token {self.at}')
        self.at += 1
        return value

    def accept(self, *words: str) -> bool:
        """Take these keywords when they come next."""
        ahead = self.tokens[self.at : self.at + len(words)]
        if [value.upper() for kind, value in ahead if kind == "word"] != list(words):
            return False
        self.at += len(words)
        return True

    def expect(self, keyword: str) -> None:
        if not self.accept(keyword):
            raise faults.query_fault(4000, f'Expected {keyword} but found "{self.peek()[1]}"')

    def mark(self, mark: str) -> bool:
        if self.peek() != ("mark", mark):
            return False
        self.at += 1
        return True


def parse(text: str) -> Statement:
    """A statement as data. Raises 4000 for bad grammar, 4001 for unknown names."""
    reader = _Reader(text)
    reader.expect("SELECT")
    count, columns = _columns(reader)
    reader.expect("FROM")
    entity = reader.take("word")
    if entity not in _PROPERTIES:
        raise faults.query_fault(4001, f"invalid context declaration: {entity}")
    statement = Statement(entity, count, columns)
    if reader.accept("WHERE"):
        statement.where.append(_condition(reader))
        while reader.accept("AND"):
            statement.where.append(_condition(reader))
    _tail(reader, statement)
    if reader.peek()[0] != "end":
        raise faults.query_fault(4000, f'Encountered "{reader.peek()[1]}" at token {reader.at}')
    _check_names(statement)
    return statement


def _columns(reader: _Reader) -> tuple[bool, frozenset[str]]:
    """Whether rows are counted, and the columns that are named."""
    if reader.accept("COUNT"):
        for mark in "(*)":
            if not reader.mark(mark):
                raise faults.query_fault(4000, "Expected COUNT(*)")
        return True, frozenset()
    named: set[str] = set()
    while True:
        if not reader.mark("*"):
            named.add(reader.take("word"))
        if not reader.mark(","):
            return False, frozenset(named)


def _condition(reader: _Reader) -> Condition:
    name = reader.take("word")
    if reader.accept("IN"):
        if not reader.mark("("):
            raise faults.query_fault(4000, "Expected ( after IN")
        values = [_literal(reader)]
        while reader.mark(","):
            values.append(_literal(reader))
        if not reader.mark(")"):
            raise faults.query_fault(4000, "Expected ) after the values of IN")
        return Condition(name, "IN", values)
    if reader.accept("LIKE"):
        return Condition(name, "LIKE", [_literal(reader)])
    return Condition(name, reader.take("op"), [_literal(reader)])


def _literal(reader: _Reader) -> str:
    kind, value = reader.peek()
    if kind == "text":
        reader.at += 1
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    if kind == "number" or (kind == "word" and value.lower() in ("true", "false")):
        reader.at += 1
        return value.lower()
    raise faults.query_fault(4000, f'Expected a value but found "{value}"')


def _tail(reader: _Reader, statement: Statement) -> None:
    while _clause(reader, statement):
        pass


def _clause(reader: _Reader, statement: Statement) -> bool:
    """Take one of the closing clauses; they come in any order."""
    if reader.accept("STARTPOSITION"):
        statement.start = _position(reader, 1)
        return True
    if reader.accept("MAXRESULTS"):
        statement.limit = min(_position(reader, 1), _MOST_ROWS)
        return True
    if not (reader.accept("ORDERBY") or reader.accept("ORDER", "BY")):
        return False
    statement.order.append(_order(reader))
    while reader.mark(","):
        statement.order.append(_order(reader))
    return True


def _order(reader: _Reader) -> tuple[str, bool]:
    name = reader.take("word")
    if reader.accept("DESC"):
        return name, True
    reader.accept("ASC")
    return name, False


def _position(reader: _Reader, least: int) -> int:
    value = int(Decimal(reader.take("number")))
    if value < least:
        text = f"value {value} is too small. Min allowed value is {least}"
        raise faults.query_fault(4001, text)
    return value


def _check_names(statement: Statement) -> None:
    known = {*_EVERYWHERE.split(), *_PROPERTIES[statement.entity].split()}
    for name in [each.name for each in statement.where] + [name for name, _ in statement.order]:
        if name not in known:
            raise faults.query_fault(4001, f"property '{name}' is not queryable")


# -- evaluation --------------------------------------------------------------------
def run(books: Books, text: str, rows_of: Callable[[Statement], list[Row]]) -> Row:
    """The `QueryResponse` of a statement; `rows_of` gives the candidates."""
    statement = parse(text)
    rows = rows_of(statement)
    found = [row for row in rows if all(_holds(row, each) for each in statement.where)]
    asks_active = any(each.name == "Active" for each in statement.where)
    if statement.entity in LISTS and not asks_active:
        found = [row for row in found if row.get("Active", True)]
    if statement.count:
        return {"totalCount": len(found)}
    for name, descending in reversed(statement.order or [("Id", False)]):
        found.sort(key=lambda row, name=name: _sort_key(row, name), reverse=descending)  # type: ignore[misc]
    page = _page(statement, found)
    if not page:
        return {}
    shown = [books.present(statement.entity, row) for row in page]
    if books.settings.sku_on_request and "Sku" not in statement.columns:
        shown = [{key: value for key, value in row.items() if key != "Sku"} for row in shown]
    answer: Row = {
        statement.entity: shown,
        "startPosition": statement.start,
        "maxResults": len(page),
    }
    if books.settings.total_count:
        answer["totalCount"] = len(found)
    return answer


def _page(statement: Statement, found: list[Row]) -> list[Row]:
    """The rows of one page.

    The three pseudo codes of an American company come with the first page of tax codes and
    are not counted: MAXRESULTS 1 gives four rows (reported by a public client project).
    """
    if statement.entity == "TaxCode":
        pseudo = [row for row in found if not row["Id"].isdigit()]
        real = [row for row in found if row["Id"].isdigit()]
        page = real[statement.start - 1 :][: statement.limit]
        return [*pseudo, *page] if statement.start == 1 else page
    return found[statement.start - 1 :][: statement.limit]


def _value(row: Row, name: str) -> Any:
    if name in _INSTANTS:
        return row.get(_INSTANTS[name])
    value: Any = row
    for part in name.split("."):
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        # What a file hangs on is asked for by its Type, and shown as its type.
        value = value.get(part, value.get(part.lower()))
    if isinstance(value, dict):
        return value.get("value", value.get("Address"))
    return value


def _holds(row: Row, condition: Condition) -> bool:
    value = _value(row, condition.name)
    if condition.operator == "IN":
        return any(_compared(condition.name, value, "=", text) for text in condition.values)
    return _compared(condition.name, value, condition.operator, condition.values[0])


def _compared(name: str, value: Any, operator: str, text: str) -> bool:
    if value is None:
        return operator == "=" and text.strip() == ""
    if operator == "LIKE":
        pattern = ".*".join(re.escape(part) for part in text.split("%"))
        return re.fullmatch(pattern, str(value), re.IGNORECASE | re.DOTALL) is not None
    left, right = _pair(name, value, text)
    if operator == "=":
        return bool(left == right)
    if operator == "<":
        return bool(left < right)
    if operator == ">":
        return bool(left > right)
    return bool(left <= right) if operator == "<=" else bool(left >= right)


def _pair(name: str, value: Any, text: str) -> tuple[Any, Any]:
    """Both sides in one type: instants, flags, numbers, ids as numbers, or plain text."""
    try:
        if name in _INSTANTS:
            return value, to_instant(text)
        if isinstance(value, bool):
            return value, text.lower() == "true"
        if isinstance(value, Decimal | int):
            return Decimal(value), Decimal(text)
    except (ValueError, InvalidOperation):
        raise faults.query_fault(4001, f"invalid value for property '{name}': {text}") from None
    if name == "Id" and str(value).isdigit() and text.isdigit():
        return int(value), int(text)
    if name in ("TxnDate", "DueDate", "AsOfDate"):
        return value, text[:10]
    return str(value).casefold(), text.casefold()


def instant(name: str, text: str) -> datetime:
    """The instant a condition names. Raises 4001 when it is none."""
    try:
        return to_instant(text)
    except ValueError:
        raise faults.query_fault(4001, f"invalid value for property '{name}': {text}") from None


def _sort_key(row: Row, name: str) -> tuple[int, Any]:
    value = _value(row, name)
    if value is None:
        return (0, 0)
    if name == "Id" and str(value).isdigit():
        return (1, int(value))
    return (2, value.casefold() if isinstance(value, str) else value)
