"""What a company's rows are looked up and added up by, kept with every write.

Nothing here is a second truth: each entry follows from the stored rows, so that
no call has to walk through a whole table.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import datetime
from decimal import Decimal
from typing import Any

from tieout.sandbox.quickbooks.shapes import LISTS
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

PEOPLE = ("Customer", "Vendor", "Employee")
#: Transactions that change what a customer owes.
RECEIVABLES = ("Invoice", "CreditMemo", "Payment")
_ONE = Decimal(1)


class Indexes:
    """Rows by number, name, customer and time; balances by customer and account."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], list[str]] = {}
        #: By list ("people" is one list of names) and folded name: (entity, id).
        self.names: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.customers: dict[tuple[str, str], set[str]] = {}
        self.children: dict[str, set[str]] = {}
        self.times: dict[str, list[tuple[datetime, str]]] = {}
        #: What a customer owes, in its currency.
        self.open: dict[str, Decimal] = {}
        #: What all customers owe, in the home currency.
        self.receivable = ZERO
        #: What journal entries put on an account, debits less credits, home currency.
        self.posted: dict[str, Decimal] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Indexes:
        """Copies each collection; what is in them never changes."""
        twin = Indexes()
        twin.receivable = self.receivable
        twin.open, twin.posted = dict(self.open), dict(self.posted)
        twin.numbers = {key: list(value) for key, value in self.numbers.items()}
        twin.times = {key: list(value) for key, value in self.times.items()}
        twin.names = {key: set(value) for key, value in self.names.items()}
        twin.customers = {key: set(value) for key, value in self.customers.items()}
        twin.children = {key: set(value) for key, value in self.children.items()}
        return twin

    # -- reading --------------------------------------------------------------------
    def named(self, entity: str, name: str) -> set[tuple[str, str]]:
        """The (entity, id) of rows with a name, in upper or lower case."""
        return self.names.get((_name_list(entity), name.casefold()), set())

    def of_customer(self, entity: str, customer_id: str) -> list[str]:
        """Ids of a customer's rows, oldest first."""
        return sorted(self.customers.get((entity, customer_id), ()), key=int)

    def since(self, entity: str, instant: datetime) -> list[str]:
        """Ids of the rows changed at an instant or later, oldest change first."""
        times = self.times.get(entity, [])
        return [row_id for _, row_id in times[bisect_left(times, (instant, "")) :]]

    # -- writing --------------------------------------------------------------------
    def remember(self, entity: str, row: Row) -> None:
        row_id = row["Id"]
        self._weigh(entity, row, 1)
        insort(self.times.setdefault(entity, []), (row["_updated"], row_id))
        if row.get("DocNumber"):
            self.numbers.setdefault((entity, row["DocNumber"].casefold()), []).append(row_id)
        name = _name(entity, row)
        if name:
            self.names.setdefault((_name_list(entity), name), set()).add((entity, row_id))
        if row.get("CustomerRef"):
            key = (entity, row["CustomerRef"]["value"])
            self.customers.setdefault(key, set()).add(row_id)
        if entity == "Customer" and row.get("ParentRef"):
            self.children.setdefault(row["ParentRef"]["value"], set()).add(row_id)

    def forget(self, entity: str, row: Row) -> None:
        row_id = row["Id"]
        self._weigh(entity, row, -1)
        times = self.times[entity]
        del times[bisect_left(times, (row["_updated"], row_id))]
        if row.get("DocNumber"):
            self.numbers[(entity, row["DocNumber"].casefold())].remove(row_id)
        name = _name(entity, row)
        if name:
            self.names[(_name_list(entity), name)].discard((entity, row_id))
        if row.get("CustomerRef"):
            self.customers[(entity, row["CustomerRef"]["value"])].discard(row_id)
        if entity == "Customer" and row.get("ParentRef"):
            self.children[row["ParentRef"]["value"]].discard(row_id)

    def _weigh(self, entity: str, row: Row, sign: int) -> None:
        if entity == "JournalEntry":
            self._post(row, sign)
            for customer, amount in journal_owed(row).items():
                self._owe(row, customer, sign * amount)
        if entity in RECEIVABLES:
            self._owe(row, row["CustomerRef"]["value"], sign * owed(entity, row))

    def _owe(self, row: Row, customer: str, amount: Decimal) -> None:
        self.open[customer] = self.open.get(customer, ZERO) + amount
        self.receivable += cents(amount * row.get("ExchangeRate", _ONE))

    def _post(self, entry: Row, sign: int) -> None:
        rate = entry.get("ExchangeRate", _ONE)
        for line in entry["Line"]:
            if line["Id"] in entry["_owed_lines"]:
                continue  # counted as what a customer owes
            detail = line["JournalEntryLineDetail"]
            account = detail["AccountRef"]["value"]
            side = sign if detail["PostingType"] == "Debit" else -sign
            posted = self.posted.get(account, ZERO)
            self.posted[account] = posted + side * cents(line["Amount"] * rate)


def owed(entity: str, row: Row) -> Decimal:
    """What a transaction adds to its customer's balance, in its own currency."""
    if entity == "Invoice":
        return Decimal(row["Balance"])
    if entity == "CreditMemo":
        return -Decimal(row["RemainingCredit"])
    return -Decimal(row["UnappliedAmt"])


def journal_owed(entry: Row) -> dict[str, Decimal]:
    """What a journal entry adds to the balance of customers, less what is settled of it."""
    left = dict(entry["_owed"])
    if entry.get("_settled_amount") and len(left) == 1:
        (customer, amount), settled = next(iter(left.items())), entry["_settled_amount"]
        left[customer] = amount - settled if amount > 0 else amount + settled
    return left


def _name_list(entity: str) -> str:
    return "people" if entity in PEOPLE else entity


def _name(entity: str, row: Row) -> str:
    """The name that must be the only one of its kind in a list, folded; "" for none."""
    if entity in PEOPLE:
        return str(row["DisplayName"]).casefold()
    if entity not in LISTS:
        return ""
    return str(row.get("FullyQualifiedName") or row.get("Name") or "").casefold()
