"""What every ledger's books have in common, in a bookkeeper's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from tieout.sandbox.core import Vendor


class CannotBeDone(Exception):
    """This ledger does not let anybody do that."""


@dataclass(frozen=True)
class Line:
    """A line that carries money."""

    text: str
    quantity: Decimal
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Invoice:
    """An invoice as it stands in the books. Amounts are in its own currency."""

    id: str
    number: str
    customer_id: str
    day: date
    total: Decimal  # with tax
    tax: Decimal
    balance: Decimal  # still open
    voided: bool
    key: str  # what an integration marked it with, "" for one typed in by hand
    memo: str  # what it says it is for
    lines: tuple[Line, ...]
    due: date | None = None
    currency: str = ""
    rate: Decimal = Decimal(1)  # what one unit of its currency costs in the books' own
    words: tuple[str, ...] = ()  # its lines without money, in their order
    link: str = ""  # where it leads to


@dataclass(frozen=True)
class Attached:
    """A file that hangs on an invoice."""

    invoice_id: str
    name: str
    kind: str  # `text/csv`
    content: bytes


@dataclass(frozen=True)
class Receipt:
    """Money received, and what of it is set against nothing."""

    id: str
    customer_id: str
    total: Decimal
    unapplied: Decimal


class LedgerSide(Protocol):
    """The books of one ledger. Amounts are exact; days are the ledger's own."""

    vendor: Vendor
    title: str  # the ledger's name
    root: str  # where the paths of its calls begin
    invoice_calls: Mapping[str, str]  # by kind, `batch` or `invoice`: where its path begins
    invoice_method: str  # of a call that makes invoices
    invoice_body: str  # what the body of such a call has and no other's has

    # -- what stands there ------------------------------------------------------------------
    def invoices(self) -> list[Invoice]:
        """Every invoice that was not deleted, voided ones too, in the order they were made."""
        ...

    def customers(self) -> dict[str, str]:
        """The names of the customers by id, sub-customers and inactive ones too."""
        ...

    def receipts(self) -> list[Receipt]:
        """Every payment that was neither voided nor deleted."""
        ...

    def credits(self) -> list[Invoice]:
        """Every credit note that was not deleted; its balance is what of it was not used."""
        ...

    def files(self) -> list[Attached]:
        """Every file on an invoice, in the order they came."""
        ...

    # -- setting up -------------------------------------------------------------------------
    def set_up(self, company: str, items: Iterable[str]) -> None:
        """Name the company and give it the services it sells."""
        ...

    def lift_limits(self) -> None:
        """Let calls come as fast as they like, where the ledger limits that."""
        ...

    def keep_in(self, currency: str, worth: Mapping[str, Decimal]) -> None:
        """Keep the books in a currency, and let others be billed: what one unit of each is worth
        in it. Before anything is booked."""
        ...

    def charge(self, tax: str, percent: Decimal) -> None:
        """Have a tax code of this name that charges so much on sales."""
        ...

    def add_customer(self, name: str, email: str, currency: str = "") -> str:
        """A customer who pays within thirty days, "" = in the books' own currency; its id."""
        ...

    def date_back(self, instant: datetime | None) -> None:
        """Let what is made carry an earlier moment; None = the clock's again."""
        ...

    # -- what people do ---------------------------------------------------------------------
    def pay(self, amounts: Mapping[str, Decimal]) -> list[str]:
        """One transfer for one or several invoices; the ids of what the ledger books for it."""
        ...

    def receive(self, customer_id: str, amount: Decimal) -> str:
        """Money that names no invoice; its id."""
        ...

    def take_back(self, receipt_id: str) -> None:
        """Delete money that was received: what it paid is open again."""
        ...

    def credit(self, invoice_id: str, amount: Decimal) -> str:
        """A credit note by hand, set against an invoice; its id."""
        ...

    def type_in(self, customer_id: str, number: str, amount: Decimal) -> str:
        """An invoice of one line without tax, typed in by hand under a number; its id."""
        ...

    def attach(self, invoice_id: str, name: str, content: bytes) -> None:
        """Hang a text file on an invoice by hand. Raises CannotBeDone where that is not known."""
        ...

    def archive_customer(self, customer_id: str) -> None: ...

    def merge_customers(self, gone_id: str, kept_id: str) -> None:
        """Merge one customer into another: its documents move over."""
        ...

    def stop_selling(self, item: str) -> None:
        """Take an item, by its name, off what is sold."""
        ...

    def raise_price(self, invoice_id: str, more: Decimal) -> tuple[Decimal, Decimal]:
        """Raise the price of the first line; its amount before and after."""
        ...

    def void(self, invoice_id: str) -> None: ...

    def delete(self, invoice_id: str) -> None:
        """Raises CannotBeDone where an invoice that was issued can only be voided."""
        ...

    def close_until(self, day: date | None) -> None:
        """Close the books up to a day; None opens them again."""
        ...

    def revoke(self) -> bool:
        """Disconnect the integration; False where its sign-in cannot be revoked from here."""
        ...

    def sign_in_again(self) -> dict[str, str]:
        """The credentials that changed when a person connected the integration again."""
        ...
