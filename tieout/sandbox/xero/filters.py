"""The `where` and `order` parameters: exactly the forms that are known to be used.

Anything else is a QueryParseException, as the service answers a bad expression.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from tieout.sandbox.xero.errors import bad_query
from tieout.sandbox.xero.wire import Row, to_guid

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*")
    | (?P<call>DateTime\(\s*\d{1,4}\s*,\s*\d{1,2}\s*,\s*\d{1,2}\s*\)
              |[gG]uid\(\s*"[^"]*"\s*\))
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<starts>[A-Za-z_][\w.]*\.StartsWith\(\s*"[^"]*"\s*\))
    | (?P<join>&&|\|\||(?:AND|OR|and|or)\b)
    | (?P<compare>==|!=|>=|<=|>|<|=)
    | (?P<word>[A-Za-z_][\w.]*)
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "=": operator.eq, "!=": operator.ne, ">": operator.gt,
    ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
#: What a filter on Invoices may use when there are too many for any other.
OPTIMISED = {
    "status", "contact.contactid", "contact.name", "contact.contactnumber", "reference", "date",
    "type", "amountdue", "amountpaid", "duedate",
}  # fmt: skip
_FIELDS = {
    "Invoices": "InvoiceID InvoiceNumber Type Status Reference Date DueDate AmountDue AmountPaid "
    "AmountCredited Total SubTotal TotalTax CurrencyCode UpdatedDateUTC SentToContact "
    "FullyPaidOnDate Url",
    "CreditNotes": "CreditNoteID CreditNoteNumber Type Status Reference Date DueDate "
    "RemainingCredit Total CurrencyCode UpdatedDateUTC",
    "Contacts": "ContactID ContactNumber AccountNumber ContactStatus Name FirstName LastName "
    "EmailAddress UpdatedDateUTC IsCustomer IsSupplier",
    "Payments": "PaymentID PaymentType Status Date Amount Reference IsReconciled UpdatedDateUTC",
    "BatchPayments": "BatchPaymentID Status Type Date TotalAmount Reference UpdatedDateUTC",
    "Overpayments": "OverpaymentID Type Status Date RemainingCredit Total UpdatedDateUTC",
    "Prepayments": "PrepaymentID Type Status Date RemainingCredit Total UpdatedDateUTC",
    "Items": "ItemID Code Name UpdatedDateUTC IsSold IsPurchased",
    "Accounts": "AccountID Code Name Type Class Status TaxType SystemAccount "
    "EnablePaymentsToAccount UpdatedDateUTC",
    "TaxRates": "TaxType Name Status EffectiveRate",
    "Currencies": "Code Description",
    "TrackingCategories": "TrackingCategoryID Name Status",
    "Users": "UserID EmailAddress UpdatedDateUTC",
    "BrandingThemes": "BrandingThemeID Name",
}
_NAMES = {key: {name.lower(): name for name in text.split()} for key, text in _FIELDS.items()}
_INSIDE = {
    "Contact": {"contactid": "ContactID", "contactnumber": "ContactNumber", "name": "Name"},
    "Invoice": {"invoiceid": "InvoiceID", "invoicenumber": "InvoiceNumber", "type": "Type"},
    "Account": {"accountid": "AccountID", "code": "Code"},
}
_OWNERS = {
    "Invoices": ("Contact",), "CreditNotes": ("Contact",), "Overpayments": ("Contact",),
    "Prepayments": ("Contact",), "Payments": ("Invoice", "Account"), "BatchPayments": ("Account",),
}  # fmt: skip


def where(books: Books, resource: str, text: str) -> Test:
    """A test for rows from a `where` expression; AND binds tighter. Raises `Refusal`."""
    tokens = _tokens(text)
    either: list[list[Test]] = [[]]
    position = 0
    while True:
        test, position = _condition(books, resource, tokens, position)
        either[-1].append(test)
        if position == len(tokens):
            break
        kind, word = tokens[position]
        if kind != "join":
            raise bad_query()
        if word.lower() in ("or", "||"):
            either.append([])
        position += 1
    return lambda row: any(all(test(row) for test in tests) for tests in either)


def ordered(books: Books, resource: str, rows: Iterable[Row], text: str) -> list[Row]:
    """Rows in the order of an `order` expression: `UpdatedDateUTC ASC, InvoiceId`."""
    keys: list[tuple[Callable[[Row], Any], int]] = []
    for part in text.split(","):
        words = part.split()
        direction = words[1].upper() if len(words) == 2 else "ASC"
        if len(words) not in (1, 2) or direction not in ("ASC", "DESC"):
            raise bad_query()
        keys.append((_getter(books, resource, words[0])[0], 1 if direction == "ASC" else -1))

    def compare(one: Row, other: Row) -> int:
        for value, sign in keys:
            left, right = value(one), value(other)
            if left == right:
                continue
            if left is None or right is None:
                return -sign if left is None else sign
            return -sign if left < right else sign
        return 0

    return sorted(rows, key=cmp_to_key(compare))


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_query()
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        position = match.end()
    if not found:
        raise bad_query()
    return found


def _condition(
    books: Books, resource: str, tokens: list[tuple[str, str]], position: int
) -> tuple[Test, int]:
    if position >= len(tokens):
        raise bad_query()
    kind, word = tokens[position]
    if kind == "starts":
        path, _, rest = word.partition(".StartsWith(")
        start = rest[rest.index('"') + 1 : rest.rindex('"')].casefold()
        get = _getter(books, resource, path)[0]
        return (lambda row: str(get(row) or "").casefold().startswith(start)), position + 1
    if kind != "word" or position + 2 >= len(tokens):
        raise bad_query()
    get, name = _getter(books, resource, word)
    compare_kind, symbol = tokens[position + 1]
    if compare_kind != "compare":
        raise bad_query()
    wanted = _literal(*tokens[position + 2])
    compare = _COMPARE[symbol]

    def test(row: Row) -> bool:
        value = _alike(get(row), wanted)
        if value is None:
            return symbol == "!="
        try:
            return compare(value, wanted)
        except TypeError as problem:
            raise bad_query(f"{name} cannot be compared with that") from problem

    return test, position + 3


def _alike(value: Any, wanted: Any) -> Any:
    """A value in the form of the literal it is compared with."""
    if isinstance(value, datetime) and isinstance(wanted, date):
        return value.date()
    if isinstance(value, str) and isinstance(wanted, str):
        # Xero compares text without regard to case.
        return _Folded(value)
    return value


class _Folded(str):
    """Text that is equal in any case."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self.casefold() == str(other).casefold()

    def __ne__(self, other: object) -> bool:
        return not self == other


def _literal(kind: str, word: str) -> Any:
    if kind == "text":
        return word[1:-1]
    if kind == "number":
        return Decimal(word)
    if kind == "word" and word.lower() in ("true", "false"):
        return word.lower() == "true"
    if kind != "call":
        raise bad_query()
    inside = word[word.index("(") + 1 : -1]
    try:
        if word.startswith("DateTime"):
            return date(*(int(part) for part in inside.split(",")))
        return to_guid(inside.strip().strip('"'))
    except ValueError as problem:
        raise bad_query() from problem


def _getter(books: Books, resource: str, path: str) -> tuple[Callable[[Row], Any], str]:
    """How to read a field of a row of a resource, and its name. Raises `Refusal`."""
    if resource == "Invoices" and books.settings.efficient_only:
        _check_efficient(path)
    owner, _, inner = path.partition(".")
    name = _NAMES[resource].get(path.lower())
    if name is not None and name in ("IsCustomer", "IsSupplier"):
        side = name == "IsSupplier"
        return (lambda row: books.roles(row["ContactID"])[side]), name
    if name is not None:
        return (lambda row: row.get(name)), name
    known = _INSIDE.get(owner, {}) if owner in _OWNERS.get(resource, ()) else {}
    field = known.get(inner.lower())
    if field is None:
        raise bad_query(f"No property or field '{path}' exists in type '{resource[:-1]}'")
    return (lambda row: _owned(books, owner, row).get(field)), path


def _owned(books: Books, owner: str, row: Row) -> Row:
    if owner == "Contact":
        return books.get("Contacts", row["_contact"])
    if owner == "Account":
        return books.find("Accounts", row["_account"]) or {}
    return books.get(*row["_target"])


def _check_efficient(path: str) -> None:
    if path.lower() not in OPTIMISED | {"invoiceid", "updateddateutc"}:
        raise bad_query("You are not filtering Invoices efficiently")
