"""The operations of one company: create, update, delete, void, send.

`Books` checks what is sent against the shapes and the rules of each entity
and keeps the store. Every refusal is an `ApiFault`; after one, nothing has
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from tieout.clock import Clock
from tieout.sandbox.quickbooks import faults, lists, payments, sales, timework
from tieout.sandbox.quickbooks.acts import Acts
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.shapes import LISTS, REFERENCE_KINDS, TRANSACTIONS, clean
from tieout.sandbox.quickbooks.store import Store
from tieout.sandbox.quickbooks.wire import Row


@dataclass
class Draft:
    """A row being made: its next state, its present one, and what the caller said."""

    entity: str
    row: Row
    old: Row | None
    sent: Row  # the cleaned values the caller sent
    include: frozenset[str] = field(default_factory=frozenset)

    def changed(self, name: str) -> bool:
        """Whether a value differs from the stored one."""
        return self.old is None or self.old.get(name) != self.row.get(name)


Prepare = Callable[["Books", Draft], None]
Settle = Callable[["Books", Draft, Row], None]


def _nothing(books: Books, draft: Draft, row: Row) -> None:
    """For entities whose change touches no other row."""


_PREPARE: dict[str, Prepare] = {
    "Customer": lists.customer,
    "Vendor": lists.person,
    "Employee": lists.person,
    "Item": lists.item,
    "Account": lists.account,
    "Term": lists.term,
    "Class": lists.tree,
    "Department": lists.tree,
    "PaymentMethod": lists.named,
    "TaxRate": lists.named,
    "TaxCode": lists.named,
    "TaxAgency": lists.agency,
    "CompanyCurrency": lists.currency,
    "Invoice": sales.prepare,
    "CreditMemo": sales.prepare,
    "Payment": payments.prepare,
    "TimeActivity": timework.prepare,
    "JournalEntry": timework.journal,
    "Attachable": timework.attachable,
}
_SETTLE: dict[str, Settle] = {
    "Customer": lists.after_customer,
    "Invoice": sales.settle,
    "Payment": payments.settle,
}
_NOT_DELETED = LISTS | {"TaxAgency"}
#: Values a full update keeps although the caller did not send them.
_KEPT = ("Id", "SyncToken", "DeliveryInfo", "IsProject", "CurrencyRef", "Active")


class Books(Acts, Store):
    """The books of one company, for the API and for people."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        super().__init__(clock)
        self.settings = settings
        self.closed_until: date | None = None
        self.closed_with_password = False
        self.rates: dict[tuple[str, str], Row] = {}  # (currency, date) -> ExchangeRate
        self.files: dict[str, bytes] = {}  # contents of attachments by id
        self.outbox: list[tuple[str, str, str]] = []  # e-mails: (entity, id, address)
        self.next_number = 1001

    # -- the API's operations ---------------------------------------------------
    def create(self, entity: str, payload: Row, include: Iterable[str] = ()) -> Row:
        """Store a new row; returns it as stored."""
        self._writable(entity)
        sent, _ = clean(entity, payload)
        draft = Draft(entity, dict(sent), None, sent, frozenset(include))
        return self._carried_out(draft)

    def update(self, entity: str, payload: Row, include: Iterable[str] = ()) -> Row:
        """Full update, or sparse when the payload says so; returns the next revision."""
        self._writable(entity)
        old = self.current(entity, payload)
        sent, nulls = clean(entity, payload)
        if entity == "Payment" and self._ignored(old):
            return old
        if str(payload.get("sparse", False)).lower() == "true":
            row = {key: value for key, value in old.items() if key not in nulls}
        else:
            row = {key: old[key] for key in old if key in _KEPT or _private(key)}
        row.update(sent)
        return self._carried_out(Draft(entity, row, old, sent, frozenset(include)))

    def delete(self, entity: str, payload: Row) -> Row:
        """Remove a transaction; returns the stub that is answered."""
        self._writable(entity)
        if entity in _NOT_DELETED:
            raise faults.unsupported("delete")
        old = self.current(entity, payload)
        self.check_open(entity, old)
        self._release(entity, old)
        self.remove(entity, old["Id"])
        return {"domain": "QBO", "status": "Deleted", "Id": old["Id"]}

    def void(self, entity: str, payload: Row) -> Row:
        """Zero a transaction but keep it; returns the next revision."""
        self._writable(entity)
        voiders = {"Invoice": sales.voided, "Payment": payments.voided}
        if entity not in voiders:
            raise faults.unsupported("void")
        old = self.current(entity, payload)
        self.check_open(entity, old)
        self._release(entity, old)
        # Releasing money moves the row on, so the void starts from the latest state.
        return self.put(entity, voiders[entity](self.get(entity, old["Id"])), "Void")

    def send(self, entity: str, row_id: str, address: str) -> Row:
        """E-mail a document to an address, or to its own BillEmail when none is given."""
        self._writable(entity)
        row = dict(self.get(entity, row_id))
        if address:
            row["BillEmail"] = {"Address": address}
        if not row.get("BillEmail"):
            raise faults.ApiFault(6420, "Missing email", "There is no e-mail address to send to.")
        row["EmailStatus"] = "EmailSent"
        row["DeliveryInfo"] = {"DeliveryType": "Email", "DeliveryTime": self.stamp_now()}
        self.outbox.append((entity, row_id, row["BillEmail"]["Address"]))
        return self.put(entity, row, "Emailed")

    # -- checks that many rules share ---------------------------------------------
    def current(self, entity: str, payload: Row) -> Row:
        """The stored row an update speaks of. Raises 2030, 610, 2020 or 5010."""
        row_id = str(payload.get("Id", ""))
        if entity != "TaxCode" and not row_id.isdigit():
            raise faults.bad_id(row_id)
        old = self.get(entity, row_id)
        token = payload.get("SyncToken")
        if token is None or token == "":
            raise faults.required("SyncToken")
        if str(token) != old["SyncToken"]:
            raise faults.stale()
        return old

    def check_open(self, entity: str, *rows: Row) -> None:
        """Raises 6200 or 6210 when a transaction is dated in the closed period."""
        if self.closed_until is None or entity not in TRANSACTIONS or entity == "TimeActivity":
            return
        for row in rows:
            if row.get("TxnDate") and row["TxnDate"] <= self.closed_until.isoformat():
                raise faults.closed_books(self.closed_with_password)

    def resolve(self, shape: str, values: Row, before: Row | None = None) -> None:
        """Check the references of a row or part and fill in their names.

        A reference that is unchanged may point at something inactive.
        """
        for name, kind in REFERENCE_KINDS[shape].items():
            reference = values.get(name)
            if reference is None:
                continue
            target = self.find(kind, reference["value"])
            unchanged = before is not None and _same(before.get(name), reference)
            sales_customer = name == "CustomerRef" and shape != "TimeActivity"
            if target is None:
                raise faults.bad_reference(kind, reference["value"])
            if target.get("Active") is False and not unchanged:
                raise faults.no_customer() if sales_customer else faults.inactive()
            values[name] = {"value": reference["value"], "name": label(target)}

    # -- inside ---------------------------------------------------------------------
    def _writable(self, entity: str) -> None:
        if not self.settings.subscription_active:
            raise faults.read_only_company()

    def _ignored(self, payment: Row) -> bool:
        """Whether an update of a payment in a closed period is answered and not done."""
        if self.settings.closed_payment_update != "ignore" or self.closed_until is None:
            return False
        return str(payment["TxnDate"]) <= self.closed_until.isoformat()

    def _carried_out(self, draft: Draft) -> Row:
        self.resolve(draft.entity, draft.row, draft.old)
        if draft.entity in TRANSACTIONS:
            draft.row.setdefault("TxnDate", self.today())
            self.check_open(draft.entity, draft.row, *([draft.old] if draft.old else []))
        elif draft.entity in LISTS:
            draft.row.setdefault("Active", True)
        _PREPARE[draft.entity](self, draft)
        row = self.put(draft.entity, draft.row)
        _SETTLE.get(draft.entity, _nothing)(self, draft, row)
        return self.get(draft.entity, row["Id"])

    def _release(self, entity: str, row: Row) -> None:
        """Free whatever is linked to a transaction that is about to go."""
        if entity in ("Invoice", "CreditMemo", "JournalEntry"):
            sales.release(self, entity, row)
        if entity == "Payment":
            payments.release(self, row)


def _private(key: str) -> bool:
    """Private keys outlive a full update, except what the caller said about tax."""
    return key[0] == "_" and not key.startswith("_tax")


def _same(before: Row | None, after: Row) -> bool:
    return before is not None and before.get("value") == after["value"]


def label(row: Row) -> str:
    """The name a reference to this row shows."""
    shown = row.get("FullyQualifiedName") or row.get("DisplayName") or row.get("Name")
    return str(shown or row.get("DocNumber") or "")
