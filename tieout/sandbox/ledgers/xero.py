"""Xero's books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, cast

from tieout.sandbox.core import Vendor
from tieout.sandbox.ledgers.side import Attached, CannotBeDone, Invoice, Line, Receipt
from tieout.sandbox.xero import Xero
from tieout.sandbox.xero.lists import put_tax_rate
from tieout.sandbox.xero.store import Attached as Kept
from tieout.sandbox.xero.wire import Row

_GONE = ("DELETED", "VOIDED")
_RATE = Decimal("0.0001")


class XeroSide:
    """See `LedgerSide`. A transfer for several invoices is a payment for each."""

    title = "Xero"
    root = "/api.xro/2.0/"
    invoice_calls: ClassVar = dict.fromkeys(("batch", "invoice"), f"{root}Invoices")
    invoice_method = "PUT"
    invoice_body = '"LineItems"'

    def __init__(self, vendor: Vendor) -> None:
        self.vendor: Any = cast(Xero, vendor)

    # -- what stands there ------------------------------------------------------------------
    def invoices(self) -> list[Invoice]:
        rows = self.vendor.books.rows("Invoices")
        return [
            _invoice(row) for row in rows if row["Type"] == "ACCREC" and row["Status"] != "DELETED"
        ]

    def customers(self) -> dict[str, str]:
        return {row["ContactID"]: row["Name"] for row in self.vendor.books.rows("Contacts")}

    def receipts(self) -> list[Receipt]:
        books = self.vendor.books
        found = []
        for row in books.rows("Payments"):
            if row["PaymentType"] == "ACCRECPAYMENT" and row["Status"] not in _GONE:
                owner = books.get(*row["_target"])["_contact"]
                found.append(Receipt(row["PaymentID"], owner, row["Amount"], Decimal(0)))
        for resource, key in (("Overpayments", "OverpaymentID"), ("Prepayments", "PrepaymentID")):
            found += [
                Receipt(row[key], row["_contact"], row["Total"], row["RemainingCredit"])
                for row in books.rows(resource)
                if row["Type"].startswith("RECEIVE") and row["Status"] not in _GONE
            ]
        return found

    def credits(self) -> list[Invoice]:
        rows = self.vendor.books.rows("CreditNotes")
        ours = ("InvoiceID", "InvoiceNumber", "AmountDue")
        theirs = ("CreditNoteID", "CreditNoteNumber", "RemainingCredit")
        return [
            _invoice({**row, **dict(zip(ours, (row[name] for name in theirs), strict=True))})
            for row in rows
            if row["Type"] == "ACCRECCREDIT" and row["Status"] != "DELETED"
        ]

    def files(self) -> list[Attached]:
        books = self.vendor.books
        return [
            Attached(row["InvoiceID"], each.name, each.mime, each.content)
            for row in books.rows("Invoices")
            for each in books.attached.get(row["InvoiceID"], ())
        ]

    # -- setting up -------------------------------------------------------------------------
    def set_up(self, company: str, items: Iterable[str]) -> None:
        self.vendor.settings.company_name = company
        for name in items:
            sold = {"AccountCode": "200", "TaxType": "NONE"}
            # Thirty characters are all that an item's code may have.
            self.vendor.books.add_item(name[:30], Name=name, IsSold=True, SalesDetails=sold)

    def lift_limits(self) -> None:
        self.vendor.settings.limits = False

    def keep_in(self, currency: str, worth: Mapping[str, Decimal]) -> None:
        books = self.vendor.books
        self.vendor.settings.base_currency = currency
        books.add_currency(currency)
        for code, rate in worth.items():
            books.add_currency(code, 1 / rate)

    def charge(self, tax: str, percent: Decimal) -> None:
        rate = {"Name": tax, "Rate": percent}
        put_tax_rate(self.vendor.books, {"Name": tax, "TaxComponents": [rate]})

    def add_customer(self, name: str, email: str, currency: str = "") -> str:
        terms = {"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}}
        kept = {"DefaultCurrency": currency} if currency else {}
        made = self.vendor.books.add_contact(name, EmailAddress=email, PaymentTerms=terms, **kept)
        return str(made["ContactID"])

    def date_back(self, instant: datetime | None) -> None:
        self.vendor.books.backdated = instant

    # -- what people do ---------------------------------------------------------------------
    def pay(self, amounts: Mapping[str, Decimal]) -> list[str]:
        books = self.vendor.books
        if len(amounts) == 1:
            ((invoice_id, amount),) = amounts.items()
            return [books.pay(invoice_id, amount)["PaymentID"]]
        return list(books.pay_several(dict(amounts))["_payments"])

    def receive(self, customer_id: str, amount: Decimal) -> str:
        made = self.vendor.books.prepay(customer_id, amount, Reference="WIRE-UNNAMED")
        return str(made["PrepaymentID"])

    def take_back(self, receipt_id: str) -> None:
        self.vendor.books.delete_payment(receipt_id)

    def credit(self, invoice_id: str, amount: Decimal) -> str:
        return str(self.vendor.books.write_off(invoice_id, amount)["CreditNoteID"])

    def type_in(self, customer_id: str, number: str, amount: Decimal) -> str:
        made = self.vendor.books.add_invoice(customer_id, amount, InvoiceNumber=number)
        return str(made["InvoiceID"])

    def attach(self, invoice_id: str, name: str, content: bytes) -> None:
        books = self.vendor.books
        new = Kept(books.new_id(), name, "text/csv", content, online=False)
        books.attached[invoice_id] = (*books.attached.get(invoice_id, ()), new)

    def archive_customer(self, customer_id: str) -> None:
        self.vendor.books.archive_contact(customer_id)

    def merge_customers(self, gone_id: str, kept_id: str) -> None:
        self.vendor.books.merge_contacts(gone_id, kept_id)

    def stop_selling(self, item: str) -> None:
        books = self.vendor.books
        books.stop_selling(next(r["ItemID"] for r in books.rows("Items") if r["Name"] == item))

    def raise_price(self, invoice_id: str, more: Decimal) -> tuple[Decimal, Decimal]:
        books = self.vendor.books
        lines = [_sent(line) for line in books.get("Invoices", invoice_id)["LineItems"]]
        at = next(number for number, line in enumerate(lines) if "UnitAmount" in line)
        old = books.get("Invoices", invoice_id)["LineItems"][at]["LineAmount"]
        lines[at]["UnitAmount"] += more
        books.edit_invoice(invoice_id, LineItems=lines)
        return old, books.get("Invoices", invoice_id)["LineItems"][at]["LineAmount"]

    def void(self, invoice_id: str) -> None:
        self.vendor.books.void_invoice(invoice_id)

    def delete(self, invoice_id: str) -> None:
        raise CannotBeDone("Xero deletes drafts; an approved invoice can only be voided")

    def close_until(self, day: date | None) -> None:
        self.vendor.books.lock_until(day)

    def revoke(self) -> bool:
        self.vendor.revoke_tokens()
        return True

    def sign_in_again(self) -> dict[str, str]:
        return {"refresh_token": self.vendor.sign_in.issue()["refresh_token"]}


def _invoice(row: Row) -> Invoice:
    _, _, key = str(row.get("Reference") or "").partition("[tieout:")
    texts = [line["Description"] for line in row["LineItems"] if not _carries_money(line)]
    return Invoice(
        id=row["InvoiceID"],
        number=row.get("InvoiceNumber", ""),
        customer_id=row["_contact"],
        day=row["Date"],
        total=row["Total"],
        tax=row["TotalTax"],
        balance=row["AmountDue"],
        voided=row["Status"] == "VOIDED",
        key=key.rstrip("]"),
        memo=texts[-1] if texts else "",
        lines=tuple(
            Line(
                line.get("Description", ""), line["Quantity"], line["UnitAmount"],
                line["LineAmount"],
            )
            for line in row["LineItems"]
            if _carries_money(line)
        ),
        due=row.get("DueDate"),
        currency=row["CurrencyCode"],
        rate=(1 / row["CurrencyRate"]).quantize(_RATE),  # theirs is the other way about
        words=tuple(texts),
        link=row.get("Url") or "",
    )  # fmt: skip


def _carries_money(line: Row) -> bool:
    return bool(line.get("LineAmount") or line.get("UnitAmount"))


#: What a client may say of a line again.
_LINE = (
    "LineItemID",
    "Description",
    "Quantity",
    "UnitAmount",
    "ItemCode",
    "AccountCode",
    "TaxType",
)


def _sent(line: Row) -> Row:
    return {name: line[name] for name in _LINE if name in line and line[name] is not None}
