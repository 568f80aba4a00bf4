"""What customers owed on a day: the transactions behind the receivables reports."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks.indexes import RECEIVABLES
from tieout.sandbox.quickbooks.payments import left_of, links_of
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

TYPES = {
    "Invoice": "Invoice", "CreditMemo": "Credit Memo", "Payment": "Payment",
    "JournalEntry": "Journal Entry",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One transaction of a customer; amounts in the home currency, credits negative."""

    entity: str
    row: Row
    customer_id: str
    date: str
    due: str  # the date its age counts from
    amount: Decimal
    open: Decimal  # what was left of it on the day


def entries(books: Books, day: str, customers: set[str]) -> list[Entry]:
    """Transactions dated up to a day, oldest first; of some customers, or of all for none."""
    found = [
        entry
        for entity in (*RECEIVABLES, "JournalEntry")
        for row in books.rows(entity)
        if row["TxnDate"] <= day
        for entry in _entries(books, entity, row, day)
        if not customers or entry.customer_id in customers
    ]
    return sorted(found, key=lambda each: (each.date, int(each.row["Id"])))


def _entries(books: Books, entity: str, row: Row, day: str) -> list[Entry]:
    """One entry for each customer of a transaction: journal entries may have several."""
    if entity == "JournalEntry":
        owed: dict[str, Decimal] = row["_owed"]
        settled = _applied(books, (entity, row["Id"]), day)
        return [
            _entry(entity, row, each, amount, amount - (settled if amount > 0 else -settled))
            for each, amount in owed.items()
        ]
    customer = row["CustomerRef"]["value"]
    if entity == "Payment":
        left = -_unapplied(books, row, day)
        return [_entry(entity, row, customer, -row["TotalAmt"], left)]
    sign = 1 if entity == "Invoice" else -1
    amount = sign * (row["TotalAmt"] - row.get("Deposit", ZERO))
    left = amount - sign * _applied(books, (entity, row["Id"]), day)
    return [_entry(entity, row, customer, amount, left)]


def _entry(entity: str, row: Row, customer_id: str, amount: Decimal, left: Decimal) -> Entry:
    rate = row.get("ExchangeRate", Decimal(1))
    due = str(row.get("DueDate") or row["TxnDate"])
    return Entry(
        entity, row, customer_id, row["TxnDate"], due, cents(amount * rate), cents(left * rate)
    )


def _applied(books: Books, document: tuple[str, str], day: str) -> Decimal:
    """What payments dated up to a day settled of a document, in its currency."""
    by_payment = books.applied.get(document, {})
    dated = (
        amount for key, amount in by_payment.items() if books.get("Payment", key)["TxnDate"] <= day
    )
    return sum(dated, ZERO)


def _unapplied(books: Books, payment: Row, day: str) -> Decimal:
    """What a payment had left on a day: documents of a later date did not exist yet."""
    there = {
        document: amount
        for document, amount in links_of(payment).items()
        if (target := books.find(*document)) is not None and target["TxnDate"] <= day
    }
    return left_of(books, payment, there)
