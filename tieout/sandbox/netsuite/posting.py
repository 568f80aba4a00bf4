"""What a transaction puts on the accounts, in the subsidiary's base currency.

Debits are positive. Receivables are relieved at the invoice's own exchange rate; the
difference to the payment's rate is a realised gain or loss.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite.sales import account
from tieout.sandbox.netsuite.wire import ZERO, Row, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

#: (line, account id, amount)
Entry = tuple[int, str, Decimal]


def entries(books: Books, kind: str, row: Row) -> list[Entry]:
    """The accounting lines of a transaction; they always sum to zero."""
    if row.get("status") in ("D", "E"):
        return []
    if kind in ("invoice", "creditMemo"):
        return _sale(books, kind, row)
    if kind == "customerPayment":
        return _balanced(books, row, (0, row["account"], _base(row, row["payment"])))
    if kind == "customerDeposit":
        amount = _base(row, row["payment"])
        return [(0, row["account"], amount), (1, _named(books, "Customer Deposits"), -amount)]
    if kind == "depositApplication":
        source = books.get("customerDeposit", row["deposit"])
        taken = rounded(row["applied"] * source["exchangeRate"])
        return _balanced(books, row, (0, _named(books, "Customer Deposits"), taken))
    return [
        (line["line"], line["account"], line.get("debit", ZERO) - line.get("credit", ZERO))
        for line in row.get("line", ())
    ]


def _sale(books: Books, kind: str, row: Row) -> list[Entry]:
    sign = 1 if kind == "invoice" else -1
    found: list[Entry] = []
    for line in row["item"]:
        item = books.find("item", line["item"]) or {}
        income = item.get("incomeAccount") or account(books, "Income")["id"]
        found.append((line["line"], income, -sign * _base(row, line["amount"])))
    last = row.get("_lastLine", 0)
    for index, line in enumerate(row.get("time", ()), last + 1):
        found.append((index, account(books, "Income")["id"], -sign * _base(row, line["amount"])))
    tax = sum((each["amount"] for each in row["_taxes"]), ZERO)
    if tax:
        found.append((-1, _named(books, "Sales Taxes Payable"), -sign * _base(row, tax)))
    if kind == "creditMemo":
        receivable = _relieved(books, row)
    else:
        receivable = _base(row, row["total"])
    found.insert(0, (0, row["account"], sign * receivable))
    return _even(books, found)


def _balanced(books: Books, row: Row, first: Entry) -> list[Entry]:
    """Money in against receivables, and the exchange difference."""
    receivable = row.get("arAcct") or account(books, "AcctRec")["id"]
    return _even(books, [first, (1, receivable, -_relieved(books, row))])


def _relieved(books: Books, row: Row) -> Decimal:
    """What a settling document takes off receivables."""
    found = _base(row, row["total"] - row["applied"])
    for line in row["apply"]:
        invoice = books.find("invoice", line["doc"]) or row
        found += _base(invoice, line["amount"])
    return found


def _even(books: Books, found: list[Entry]) -> list[Entry]:
    left = sum((amount for _, _, amount in found), ZERO)
    return [*found, (-2, _named(books, "Realized Gain/Loss"), -left)] if left else found


def _base(row: Row, amount: Decimal) -> Decimal:
    return rounded(amount * row["exchangeRate"])


def _named(books: Books, name: str) -> str:
    return next(str(each["id"]) for each in books.rows("account") if each["acctName"] == name)
