"""What the ledger says: its lists, its documents, its payments. Copied, never computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

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
    """An invoice as it stands in the ledger now."""

    source: SourceRef
    remote_id: str
    revision: str
    number: str
    customer_id: str
    issue_date: date
    due_date: date | None
    total: Money  # with tax
    tax: Money
    balance: Money  # still open
    lines: tuple[RemoteLine, ...]
    key: str = ""  # our idempotency key, when the record carries it
    voided: bool = False
    linked_payments: tuple[str, ...] = ()


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
    tax: Decimal
    lines: int  # lines that carry money
    customer_id: str = ""
    issue_date: date | None = None
    key: str = ""  # our idempotency key as the record carries it, "" when it does not
