"""What the ledger says: its lists, its documents, its payments. Copied, never computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tieout.model.document import Document, DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money


class ListKind(StrEnum):
    """The ledger's lists that documents point to."""

    CUSTOMER = "customer"
    ITEM = "item"
    ACCOUNT = "account"
    TERM = "term"
    TAX_CODE = "tax_code"
    CLASS = "class"
    DEPARTMENT = "department"
    COMPANY = "company"
    PREFERENCES = "preferences"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One row of a ledger's list: a customer, an item, an account ..."""

    source: SourceRef
    kind: ListKind
    remote_id: str
    name: str
    full_name: str = ""  # "Parent:Child" where the ledger nests names
    parent_id: str = ""
    active: bool = True
    currency: str = ""
    details: Mapping[str, str | int | bool | Decimal | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLine:
    """One line of a ledger's document that carries money."""

    description: str
    quantity: Decimal | None
    rate: Decimal | None
    amount: Decimal
    item_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteInvoice:
    """An invoice, or a credit note, as it stands in the ledger now."""

    source: SourceRef
    remote_id: str
    revision: str
    number: str
    customer_id: str
    issue_date: date
    due_date: date | None
    total: Money  # with tax
    tax: Money
    balance: Money  # still open; of a credit note: not used yet
    lines: tuple[RemoteLine, ...]
    key: str = ""  # our idempotency key, when the record carries it
    voided: bool = False
    linked_payments: tuple[str, ...] = ()
    kind: DocumentKind = DocumentKind.INVOICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The part of a payment set against one document."""

    remote_document_id: str
    document_type: str  # the ledger's own word: Invoice, CreditMemo ...
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money received, as the ledger recorded it."""

    source: SourceRef
    remote_id: str
    revision: str
    customer_id: str
    paid_on: date
    total: Money
    unapplied: Money
    allocations: tuple[Allocation, ...]
    reference: str = ""
    voided: bool = False

    @property
    def is_credit(self) -> bool:
        """Whether no money came: it sets a credit note against an invoice."""
        return not self.total.amount

    def settles(self, document: RemoteInvoice) -> Decimal:
        """How much of a document it settles, or uses up of a credit note."""
        for_invoice = document.kind is DocumentKind.INVOICE
        amounts = (
            each.amount
            for each in self.allocations
            if each.remote_document_id == document.remote_id
            and (each.document_type == "Invoice") == for_invoice
        )
        return Decimal(0) if self.voided else sum(amounts, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRef:
    """The ledger's handle on something we wrote."""

    remote_id: str
    number: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What must agree after a write: compared with ours to the cent."""

    number: str
    currency: str
    net: Decimal  # without tax
    tax: Decimal | None  # None: not compared, as for the ledger to say
    lines: int  # lines that carry money
    customer_id: str = ""
    issue_date: date | None = None
    key: str = ""  # our idempotency key as the record carries it, "" when it does not
    due_date: date | None = None  # None: not compared, as for the memo
    memo: str | None = None


#: A line as both sides say it: quantity, rate, amount.
LineFigures = tuple[Decimal, Decimal, Decimal]


def figures(quantity: Decimal | None, rate: Decimal | None, amount: Decimal) -> LineFigures:
    """A line to compare. One without quantity or rate is one unit at its amount; below zero
    counts as the rate's, for not every ledger takes such a quantity."""
    if not quantity or rate is None:
        return Decimal(1), amount.normalize(), amount.normalize()
    if quantity < 0:
        quantity, rate = -quantity, -rate
    return quantity.normalize(), rate.normalize(), amount.normalize()


def our_lines(document: Document) -> Counter[LineFigures]:
    """The lines of our document, to compare."""
    return Counter(figures(each.quantity, each.rate, each.amount.amount) for each in document.lines)


def their_lines(remote: RemoteInvoice) -> Counter[LineFigures]:
    """The lines of the ledger's record, to compare."""
    return Counter(figures(each.quantity, each.rate, each.amount) for each in remote.lines)


def edited(document: Document, remote: RemoteInvoice) -> str:
    """What somebody changed in the ledger's record of our document, "" for nothing."""
    net = remote.total - remote.tax
    if net != document.total:
        return f"its total is {document.total} here and {net} there"
    if our_lines(document) != their_lines(remote):
        return "its lines are not those that were approved"
    if remote.number != document.number:
        return f"its number is {document.number} here and {remote.number} there"
    return ""
