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
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.files import temporary_address
from tieout.sandbox.quickbooks.indexes import Indexes
from tieout.sandbox.quickbooks.shapes import ENTITIES
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
    operation: str  # Create, Update, Delete, Void, Emailed, Merge
    at: datetime
    number: int = 0  # counts the changes of a company; two in one second differ in it
    gone: str = ""  # the id that a merge made disappear


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
        self.indexes = Indexes()
        self._last: dict[str, int] = {}
        self._change_count = 0

    def share(self, memo: dict[int, Any]) -> None:
        """Prepare the memo of a deep copy: tables are copied, their rows are shared.

        Rows and changes are never changed once stored, so both sides may hold the same.
        """
        tables = {entity: dict(rows) for entity, rows in self.tables.items()}
        memo[id(self.tables)] = tables
        memo[id(self.deleted)] = list(self.deleted)
        memo[id(self.changes)] = list(self.changes)
        memo[id(self.applied)] = {key: dict(value) for key, value in self.applied.items()}

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
        # A copy: whoever looks on while the vendor is served must not trip over a new row.
        yield from list(self.tables[entity].values())

    def live(self, entity: str) -> list[Row]:
        """Copies of all rows of an entity as a read would answer them, oldest first."""
        return [copy.deepcopy(self.present(entity, row)) for row in self.rows(entity)]

    def numbered(self, entity: str, number: str) -> list[str]:
        """Ids of the documents that carry a DocNumber, in upper or lower case."""
        return self.indexes.numbers.get((entity, number.casefold()), [])

    def of_customer(self, entity: str, customer_id: str) -> list[Row]:
        """A customer's own rows of an entity, oldest first."""
        return [self.get(entity, each) for each in self.indexes.of_customer(entity, customer_id)]

    def since(self, entity: str, instant: datetime) -> list[Row]:
        """The rows changed at an instant or later, oldest change first."""
        return [self.get(entity, each) for each in self.indexes.since(entity, instant)]

    def children(self, customer_id: str) -> list[Row]:
        """The sub-customers directly below a customer, oldest first."""
        below = sorted(self.indexes.children.get(customer_id, ()), key=int)
        return [self.get("Customer", each) for each in below]

    def applied_to(self, document: Document) -> Decimal:
        """What payments and credits have settled of a document."""
        return sum(self.applied.get(document, {}).values(), ZERO)

    def open_balance(self, customer_id: str) -> Decimal:
        """What a customer owes: open invoices less open credits and unapplied money."""
        return self.indexes.open.get(customer_id, ZERO)

    def family_balance(self, customer_id: str) -> Decimal:
        """The open balance of a customer and all its sub-customers."""
        below = self.indexes.children.get(customer_id, set())
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
            balance = self.indexes.receivable + self.posted(row["Id"])
            shown["CurrentBalance"] = shown["CurrentBalanceWithSubAccounts"] = cents(balance)
        if entity == "Attachable" and "FileAccessUri" in row:
            shown["TempDownloadUri"] = temporary_address(self.clock.now(), row["Id"])
        return shown

    def posted(self, account_id: str) -> Decimal:
        """What journal entries put on an account, debits less credits, home currency."""
        return self.indexes.posted.get(account_id, ZERO)

    # -- writing ----------------------------------------------------------------
    def next_id(self, entity: str) -> str:
        sequence = _SEQUENCES.get(entity, entity)
        self._last[sequence] = self._last.get(sequence, 0) + 1
        return str(self._last[sequence])

    def put(self, entity: str, row: Row, operation: str = "", gone: str = "") -> Row:
        """Store a new row or the next revision of one; returns the stored row.

        `gone` is the id that a merge made disappear.
        """
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
            self.indexes.forget(entity, old)
        row["_updated"] = now
        row["MetaData"] = {
            "CreateTime": moment(row["_created"]),
            "LastUpdatedTime": moment(now),
        }
        row["domain"] = "QBO"
        row["sparse"] = False
        self.tables[entity][row["Id"]] = row
        self.indexes.remember(entity, row)
        self.note(entity, row["Id"], operation or ("Update" if old else "Create"), gone, now)
        return row

    def remove(self, entity: str, row_id: str) -> None:
        self.discard(entity, row_id)
        self.deleted.append(self.note(entity, row_id, "Delete"))

    def discard(self, entity: str, row_id: str) -> None:
        """Take a row out without telling anybody."""
        self.indexes.forget(entity, self.tables[entity].pop(row_id))

    def note(
        self, entity: str, row_id: str, operation: str, gone: str = "", at: datetime | None = None
    ) -> Change:
        """Add a change to the list that notifications are made from."""
        self._change_count += 1
        count = self._change_count
        change = Change(entity, row_id, operation, at or self.now(), count, gone)
        self.changes.append(change)
        return change
