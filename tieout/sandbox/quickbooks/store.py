"""The rows of one company: identity, revisions, indexes, and what was deleted.

A row is a dict in the shape QuickBooks Online answers, plus private keys that
start with an underscore and never leave. Rows are replaced, never changed in
place, so a refused operation leaves nothing half done.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tieout.clock import Clock
from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.shapes import ENTITIES, TRANSACTIONS
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents, moment, to_pacific

#: Entities that draw their ids from one sequence.
_SEQUENCES = {
    "Customer": "names", "Vendor": "names", "Employee": "names",
    "Invoice": "txns", "CreditMemo": "txns", "Payment": "txns", "JournalEntry": "txns",
}  # fmt: skip

#: Documents that payments are applied to, as (entity, id).
Document = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One change of one row, oldest first in `Store.changes`."""

    entity: str
    id: str
    operation: str  # Create, Update, Delete, Void, Emailed
    at: datetime


class Store:
    """Tables of one company."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.started = clock.now()
        #: While set, rows are dated here: how a company gets a past.
        self.backdated: datetime | None = None
        self.tables: dict[str, dict[str, Row]] = {entity: {} for entity in ENTITIES}
        self.deleted: list[Change] = []
        self.changes: list[Change] = []
        #: Money applied to a document by each payment, in the document's currency.
        self.applied: dict[Document, dict[str, Decimal]] = {}
        self._last: dict[str, int] = {}
        self._open: dict[str, Decimal] = {}
        self._children: dict[str, set[str]] = {}
        self._numbers: dict[tuple[str, str], list[str]] = {}

    # -- reading --------------------------------------------------------------
    def now(self) -> datetime:
        """The clock at whole seconds: what MetaData can show."""
        return (self.backdated or self.clock.now()).replace(microsecond=0)

    def today(self) -> str:
        """The date where Intuit's servers are, the default of TxnDate."""
        return to_pacific(self.backdated or self.clock.now()).date().isoformat()

    def find(self, entity: str, row_id: str) -> Row | None:
        return self.tables[entity].get(row_id)

    def get(self, entity: str, row_id: str) -> Row:
        """The stored row. Raises fault 610 when there is none."""
        row = self.tables[entity].get(row_id)
        if row is None:
            raise faults.not_found()
        return row

    def rows(self, entity: str) -> Iterator[Row]:
        yield from self.tables[entity].values()

    def live(self, entity: str) -> list[Row]:
        """Copies of all rows of an entity as a read would answer them, oldest first."""
        return [copy.deepcopy(self.present(entity, row)) for row in self.rows(entity)]

    def numbered(self, entity: str, number: str) -> list[str]:
        """Ids of the documents that carry a DocNumber, in upper or lower case."""
        return self._numbers.get((entity, number.casefold()), [])

    def applied_to(self, document: Document) -> Decimal:
        """What payments and credits have settled of a document."""
        return sum(self.applied.get(document, {}).values(), ZERO)

    def open_balance(self, customer_id: str) -> Decimal:
        """What a customer owes: open invoices less open credits and unapplied money."""
        return self._open.get(customer_id, ZERO)

    def family_balance(self, customer_id: str) -> Decimal:
        """The open balance of a customer and all its sub-customers."""
        below = self._children.get(customer_id, set())
        return self.open_balance(customer_id) + sum(
            (self.family_balance(child) for child in below), ZERO
        )

    def present(self, entity: str, row: Row) -> Row:
        """A row as answered: without private keys, with the balances of this moment."""
        shown = {key: value for key, value in row.items() if key[0] != "_"}
        if entity == "Customer":
            shown["Balance"] = cents(self.open_balance(row["Id"]))
            shown["BalanceWithJobs"] = cents(self.family_balance(row["Id"]))
        if entity == "Account" and row.get("AccountType") == "Accounts Receivable":
            balance = sum((self._home_open(each) for each in self._receivables()), ZERO)
            balance += self.posted(row["Id"])
            shown["CurrentBalance"] = shown["CurrentBalanceWithSubAccounts"] = cents(balance)
        return shown

    def posted(self, account_id: str) -> Decimal:
        """What journal entries put on an account, debits less credits, home currency."""
        total = ZERO
        for entry in self.rows("JournalEntry"):
            rate = entry.get("ExchangeRate", Decimal(1))
            for line in entry["Line"]:
                detail = line["JournalEntryLineDetail"]
                if detail["AccountRef"]["value"] == account_id:
                    sign = 1 if detail["PostingType"] == "Debit" else -1
                    total += sign * cents(line["Amount"] * rate)
        return total

    # -- writing ----------------------------------------------------------------
    def next_id(self, entity: str) -> str:
        sequence = _SEQUENCES.get(entity, entity)
        self._last[sequence] = self._last.get(sequence, 0) + 1
        return str(self._last[sequence])

    def put(self, entity: str, row: Row, operation: str = "") -> Row:
        """Store a new row or the next revision of one; returns the stored row."""
        now = self.now()
        row_id = row.get("Id")
        old = self.tables[entity].get(row_id) if row_id else None
        if old is None:
            row["Id"] = row_id or self.next_id(entity)
            row["SyncToken"] = "0"
            row["_created"] = now
        else:
            row["SyncToken"] = str(int(old["SyncToken"]) + 1)
            row["_created"] = old["_created"]
            self._forget(entity, old)
        row["_updated"] = now
        row["MetaData"] = {
            "CreateTime": moment(row["_created"]),
            "LastUpdatedTime": moment(now),
        }
        row["domain"] = "QBO"
        row["sparse"] = False
        self.tables[entity][row["Id"]] = row
        self._remember(entity, row)
        done = operation or ("Update" if old else "Create")
        self.changes.append(Change(entity, row["Id"], done, now))
        return row

    def remove(self, entity: str, row_id: str) -> None:
        row = self.tables[entity].pop(row_id)
        self._forget(entity, row)
        change = Change(entity, row_id, "Delete", self.now())
        self.deleted.append(change)
        self.changes.append(change)

    # -- indexes ------------------------------------------------------------------
    def _remember(self, entity: str, row: Row) -> None:
        self._weigh(entity, row, 1)
        if row.get("DocNumber"):
            key = (entity, row["DocNumber"].casefold())
            self._numbers.setdefault(key, []).append(row["Id"])
        if entity == "Customer" and row.get("ParentRef"):
            self._children.setdefault(row["ParentRef"]["value"], set()).add(row["Id"])

    def _forget(self, entity: str, row: Row) -> None:
        self._weigh(entity, row, -1)
        if row.get("DocNumber"):
            self._numbers[(entity, row["DocNumber"].casefold())].remove(row["Id"])
        if entity == "Customer" and row.get("ParentRef"):
            self._children[row["ParentRef"]["value"]].discard(row["Id"])

    def _weigh(self, entity: str, row: Row, sign: int) -> None:
        if entity not in TRANSACTIONS or entity in ("TimeActivity", "JournalEntry"):
            return
        customer = row["CustomerRef"]["value"]
        self._open[customer] = self._open.get(customer, ZERO) + sign * owed(entity, row)

    def _receivables(self) -> Iterator[tuple[str, Row]]:
        for entity in ("Invoice", "CreditMemo", "Payment"):
            for row in self.rows(entity):
                yield entity, row

    @staticmethod
    def _home_open(each: tuple[str, Row]) -> Decimal:
        entity, row = each
        return cents(owed(entity, row) * row.get("ExchangeRate", Decimal(1)))


def owed(entity: str, row: Row) -> Decimal:
    """What a transaction adds to its customer's balance, in its own currency."""
    if entity == "Invoice":
        return Decimal(row["Balance"])
    if entity == "CreditMemo":
        return -Decimal(row["RemainingCredit"])
    return -Decimal(row["UnappliedAmt"])
