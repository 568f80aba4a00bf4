"""The records of Xero's Accounting API 2.0 as it sends them.

Names are Xero's own, from its published specification; only what Tieout reads is here. Ids
are guids, amounts exact decimals in the record's currency. A date is a calendar date of the
organisation, sent as midnight UTC: it is never moved to another time zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

_TICKS = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(value: Any) -> datetime | None:
    """An instant from `/Date(milliseconds+0000)/` or ISO text (UTC where it names no offset).

    None when there is none. Raises ValueError for any other text.
    """
    if not value:
        return None
    ticks = _TICKS.fullmatch(str(value))
    if ticks:
        return _EPOCH + timedelta(milliseconds=int(ticks[1]))
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: Any) -> Any:
    moment = instant(value)
    return moment.date() if moment else None


Day = Annotated[date, BeforeValidator(_day)]
MaybeDay = Annotated[date | None, BeforeValidator(_day)]


class Wire(BaseModel):
    """A part of a record: unknown fields are dropped, null means absent.

    Beside `Date` stands a twin `DateString` without ticks, which is preferred.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _tidy(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        said = {name: value for name, value in data.items() if value is not None}
        twins = {name: said.get(f"{name}String") for name in ("Date", "DueDate")}
        return said | {name: value for name, value in twins.items() if value}


class ListRow(Wire):
    """A row of any list; its fields stay as they came."""

    model_config = ConfigDict(extra="allow")

    Name: str = ""
    Code: str = ""  # of items and accounts


class Party(Wire):
    """Whom a document is for."""

    ContactID: str = ""


class Line(Wire):
    """A line of a document; one of words alone has neither account nor amount."""

    Description: str = ""
    Quantity: Decimal | None = None
    UnitAmount: Decimal | None = None
    LineAmount: Decimal = Decimal(0)
    ItemCode: str = ""
    AccountCode: str = ""
    AccountID: str = ""


class Settling(Wire):
    """One of the things an invoice was settled with."""

    PaymentID: str = ""
    CreditNoteID: str = ""
    OverpaymentID: str = ""
    PrepaymentID: str = ""


class Document(Wire):
    """What invoices and credits share."""

    Status: str = ""
    UpdatedDateUTC: str = ""
    Contact: Party = Party()
    CurrencyCode: str = ""
    Date: Day
    Reference: str = ""
    Total: Decimal = Decimal(0)  # with tax
    TotalTax: Decimal = Decimal(0)
    LineItems: tuple[Line, ...] = ()


class Invoice(Document):
    """An invoice to a client."""

    InvoiceID: str
    InvoiceNumber: str = ""
    DueDate: MaybeDay = None
    AmountDue: Decimal = Decimal(0)
    Payments: tuple[Settling, ...] = ()
    CreditNotes: tuple[Settling, ...] = ()
    Overpayments: tuple[Settling, ...] = ()
    Prepayments: tuple[Settling, ...] = ()


class Paid(Wire):
    """The invoice a payment or a credit was set against, as shown inside it."""

    InvoiceID: str = ""
    InvoiceNumber: str = ""
    Contact: Party = Party()
    CurrencyCode: str = ""


class Payment(Wire):
    """Money received for one invoice."""

    PaymentID: str
    Status: str = ""
    UpdatedDateUTC: str = ""
    Date: Day
    Amount: Decimal  # in the invoice's currency
    Reference: str = ""
    Invoice: Paid = Paid()


class Used(Wire):
    """A part of a credit set against an invoice."""

    AllocationID: str = ""
    Amount: Decimal
    Invoice: Paid = Paid()
    IsDeleted: bool = False


class Credit(Document):
    """A credit note, an overpayment or a prepayment."""

    CreditNoteID: str = ""
    CreditNoteNumber: str = ""
    OverpaymentID: str = ""
    PrepaymentID: str = ""
    RemainingCredit: Decimal = Decimal(0)
    Allocations: tuple[Used, ...] = ()
