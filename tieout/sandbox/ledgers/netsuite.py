"""NetSuite's books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, cast

from tieout.sandbox.core import Vendor
from tieout.sandbox.ledgers.side import Attached, CannotBeDone, Invoice, Line, Receipt
from tieout.sandbox.netsuite import NetSuite
from tieout.sandbox.netsuite.wire import Row

_LONG_AGO = date(2020, 1, 1)


class NetSuiteSide:
    """See `LedgerSide`. Integrations sign in with a key that no user can revoke."""

    title = "NetSuite"
    root = "/services/rest/record/v1/"
    invoice_calls: ClassVar = dict.fromkeys(("batch", "invoice"), f"{root}invoice")
    invoice_method = "PUT"
    invoice_body = '"tranDate"'

    def __init__(self, vendor: Vendor) -> None:
        self.vendor: Any = cast(NetSuite, vendor)

    # -- what stands there ------------------------------------------------------------------
    def invoices(self) -> list[Invoice]:
        return [self._invoice(row) for row in self.vendor.books.rows("invoice")]

    def customers(self) -> dict[str, str]:
        books = self.vendor.books
        return {
            row["id"]: row["companyName"]
            for kind in ("customer", "job")
            for row in books.rows(kind)
        }

    def receipts(self) -> list[Receipt]:
        return [
            Receipt(row["id"], row["customer"], row["payment"], row["unapplied"])
            for row in self.vendor.books.rows("customerPayment")
            if not row.get("_voided")
        ]

    def credits(self) -> list[Invoice]:
        rows = self.vendor.books.rows("creditMemo")
        return [replace(self._invoice(row), balance=row["unapplied"]) for row in rows]

    def files(self) -> list[Attached]:
        return []  # programs cannot send any

    # -- setting up -------------------------------------------------------------------------
    def set_up(self, company: str, items: Iterable[str]) -> None:
        books = self.vendor.books
        # The firm numbers its invoices itself: the account must allow that.
        books.prefer(company_name=company, override_numbers=True)
        income = next(row["id"] for row in books.rows("account") if row["acctType"] == "Income")
        for name in items:
            books.add("serviceSaleItem", itemId=name, incomeAccount=income)

    def lift_limits(self) -> None:
        """It limits how many calls go at a time, and no rate."""

    def keep_in(self, currency: str, worth: Mapping[str, Decimal]) -> None:
        books = self.vendor.books
        rows = {row["symbol"]: row for row in books.rows("currency")}
        for code, row in rows.items():
            books.put("currency", {**row, "isBaseCurrency": code == currency})
        for code, rate in {currency: Decimal(1), **worth}.items():
            books.set_rate(rows[code]["id"], rate, _LONG_AGO)
        for branch in list(books.rows("subsidiary")):
            books.put("subsidiary", {**branch, "currency": rows[currency]["id"]})

    def charge(self, tax: str, percent: Decimal) -> None:
        books = self.vendor.books
        books.prefer(tax="legacy")
        books.add_row("salesTaxItem", itemId=tax, rate=percent, taxType="2")

    def add_customer(self, name: str, email: str, currency: str = "") -> str:
        books = self.vendor.books
        net_30 = next(row["id"] for row in books.rows("term") if row["name"] == "Net 30")
        rows = {row["symbol"]: row["id"] for row in books.rows("currency")}
        kept = {"currency": rows[currency]} if currency else {}
        return str(books.add_customer(name, email=email, terms=net_30, **kept)["id"])

    def date_back(self, instant: datetime | None) -> None:
        self.vendor.books.backdated = instant

    # -- what people do ---------------------------------------------------------------------
    def pay(self, amounts: Mapping[str, Decimal]) -> list[str]:
        return [self.vendor.books.pay(dict(amounts))["id"]]

    def receive(self, customer_id: str, amount: Decimal) -> str:
        return str(self.vendor.books.add_payment(customer_id, amount, memo="WIRE-UNNAMED")["id"])

    def take_back(self, receipt_id: str) -> None:
        self.vendor.books.delete_payment(receipt_id)

    def credit(self, invoice_id: str, amount: Decimal) -> str:
        books = self.vendor.books
        memo = books.add_credit(books.get("invoice", invoice_id)["entity"], amount)
        books.apply_credit(memo["id"], {invoice_id: amount})
        return str(memo["id"])

    def type_in(self, customer_id: str, number: str, amount: Decimal) -> str:
        return str(self.vendor.books.add_invoice(customer_id, amount, tranId=number)["id"])

    def attach(self, invoice_id: str, name: str, content: bytes) -> None:
        raise CannotBeDone("this stand-in of NetSuite keeps no files of invoices")

    def archive_customer(self, customer_id: str) -> None:
        self.vendor.books.inactivate("customer", customer_id)

    def merge_customers(self, gone_id: str, kept_id: str) -> None:
        self.vendor.books.merge_customers(gone_id, kept_id)

    def stop_selling(self, item: str) -> None:
        books = self.vendor.books
        found = next(row["id"] for row in books.rows("serviceSaleItem") if row["itemId"] == item)
        books.inactivate("serviceSaleItem", found)

    def raise_price(self, invoice_id: str, more: Decimal) -> tuple[Decimal, Decimal]:
        books = self.vendor.books
        line = next(each for each in books.get("invoice", invoice_id)["item"] if each["amount"])
        sent = {"line": line["line"], "rate": line["rate"] + more}
        books.edit("invoice", invoice_id, item={"items": [sent]})
        lines = books.get("invoice", invoice_id)["item"]
        return line["amount"], next(e["amount"] for e in lines if e["line"] == line["line"])

    def void(self, invoice_id: str) -> None:
        self.vendor.books.void_invoice(invoice_id)

    def delete(self, invoice_id: str) -> None:
        self.vendor.books.delete_invoice(invoice_id)

    def close_until(self, day: date | None) -> None:
        for period in list(self.vendor.books.rows("accountingPeriod")):
            if not (period.get("isYear") or period.get("isQuarter")):
                shut = day is not None and str(period["startDate"]) <= day.isoformat()
                self.vendor.books.put("accountingPeriod", {**period, "arLocked": shut})

    def revoke(self) -> bool:
        return False

    def sign_in_again(self) -> dict[str, str]:
        return {}

    def _invoice(self, row: Row) -> Invoice:
        return Invoice(
            id=row["id"],
            number=row["tranId"],
            customer_id=row["entity"],
            day=date.fromisoformat(row["tranDate"]),
            total=row["total"],
            tax=row["taxTotal"],
            balance=self.vendor.books.due(row),
            voided=bool(row.get("_voided")),
            key=row.get("externalId", ""),
            memo=row.get("memo", ""),
            lines=tuple(
                Line(
                    line.get("description", ""),
                    line.get("quantity", Decimal(1)),
                    line.get("rate", line["amount"]),
                    line["amount"],
                )
                for line in row["item"]
            ),
            due=date.fromisoformat(row["dueDate"]) if row.get("dueDate") else None,
            currency=self.vendor.books.get("currency", row["currency"])["symbol"],
            rate=row["exchangeRate"],
        )
