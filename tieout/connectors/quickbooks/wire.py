"""The records of QuickBooks Online as it sends them: Accounting API v3, minor version 75.

Names are Intuit's own, from its API reference; only what Tieout reads is here. Ids and
SyncToken are strings of digits, amounts exact decimals in the record's currency, dates
the company's local dates.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Wire(BaseModel):
    """A part of a record: unknown fields are dropped, null means absent."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None}


class Ref(Wire):
    """A pointer to another record; only `value` (its Id) counts."""

    value: str = ""


class ListRow(Wire):
    """A row of any list, or a record there is one of; other fields stay as they came."""

    model_config = ConfigDict(extra="allow")

    Id: str = "1"  # preferences and the company are alone
    SyncToken: str = ""
    Name: str = ""
    DisplayName: str = ""  # of customers
    CompanyName: str = ""
    FullyQualifiedName: str = ""  # `Parent:Child`
    Active: bool = True
    ParentRef: Ref = Ref()
    CurrencyRef: Ref = Ref()
    Notes: str = ""


class Link(Wire):
    """The other side of a link between two transactions."""

    TxnId: str = ""
    TxnType: str = ""


class SalesItem(Wire):
    """What was sold on a line."""

    ItemRef: Ref = Ref()
    Qty: Decimal | None = None
    UnitPrice: Decimal | None = None


class Group(Wire):
    """A bundle; the money is on its inner lines."""

    Line: tuple[TxnLine, ...] = ()


class TxnLine(Wire):
    """A line of an invoice; or of a payment, which is set against what the line links to."""

    Amount: Decimal = Decimal(0)
    Description: str = ""
    DetailType: str = ""
    SalesItemLineDetail: SalesItem = SalesItem()
    GroupLineDetail: Group | None = None
    LinkedTxn: tuple[Link, ...] = ()


class Transaction(Wire):
    """What invoices and payments share. SyncToken rises with each change, also its own."""

    Id: str
    SyncToken: str = ""
    TxnDate: date
    CustomerRef: Ref
    CurrencyRef: Ref = Ref()
    TotalAmt: Decimal  # with tax
    PrivateNote: str = ""
    Line: tuple[TxnLine, ...] = ()


class TaxDetail(Wire):
    """The tax QuickBooks worked out."""

    TotalTax: Decimal = Decimal(0)


class Memo(Wire):
    """A text that clients see."""

    value: str = ""


class Document(Transaction):
    """What invoices and credit memos share."""

    DocNumber: str = ""
    DueDate: date | None = None  # of invoices
    Balance: Decimal = Decimal(0)
    CustomerMemo: Memo = Memo()
    TxnTaxDetail: TaxDetail = TaxDetail()
    LinkedTxn: tuple[Link, ...] = ()


class Invoice(Document):
    """An invoice."""

    Balance: Decimal


class CreditMemo(Document):
    """A credit memo; its amounts are positive."""

    RemainingCredit: Decimal


class Payment(Transaction):
    """Money received."""

    UnappliedAmt: Decimal = Decimal(0)
    PaymentRefNum: str = ""
