"""QuickBooks Online's books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, cast

from tieout.sandbox.core import Vendor
from tieout.sandbox.ledgers.side import Attached, Invoice, Line, Receipt
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.taxservice import add_code
from tieout.sandbox.quickbooks.wire import Row

_CENT = Decimal("0.01")
_LONG_AGO = date(2020, 1, 1)


class QuickBooksSide:
    """See `LedgerSide`."""

    title = "QuickBooks Online"
    invoice_method = "POST"
    invoice_body = '"SalesItemLineDetail"'

    def __init__(self, vendor: Vendor) -> None:
        self.vendor: Any = cast(QuickBooks, vendor)
        self.root = f"/v3/company/{self.vendor.realm_id}/"
        self.invoice_calls = {"batch": f"{self.root}batch", "invoice": f"{self.root}invoice"}

    # -- what stands there ------------------------------------------------------------------
    def invoices(self) -> list[Invoice]:
        return [_invoice(row) for row in self.vendor.books.rows("Invoice")]

    def customers(self) -> dict[str, str]:
        return {row["Id"]: row["DisplayName"] for row in self.vendor.books.rows("Customer")}

    def receipts(self) -> list[Receipt]:
        return [
            Receipt(row["Id"], row["CustomerRef"]["value"], row["TotalAmt"], row["UnappliedAmt"])
            for row in self.vendor.books.rows("Payment")
            if not _is_void(row)
        ]

    def credits(self) -> list[Invoice]:
        rows = self.vendor.books.rows("CreditMemo")
        return [_invoice({**row, "Balance": row["RemainingCredit"]}) for row in rows]

    def files(self) -> list[Attached]:
        books = self.vendor.books
        return [
            Attached(
                link["EntityRef"]["value"], row["FileName"], row["ContentType"],
                books.files[row["Id"]],
            )
            for row in books.rows("Attachable")
            if row["Id"] in books.files
            for link in row.get("AttachableRef", ())
            if link["EntityRef"]["type"].lower() == "invoice"
        ]  # fmt: skip

    # -- setting up -------------------------------------------------------------------------
    def set_up(self, company: str, items: Iterable[str]) -> None:
        self.vendor.settings.company_name = company
        books = self.vendor.books
        income = next(row["Id"] for row in books.rows("Account") if row["Name"] == "Services")
        for name in items:
            books.add("Item", Name=name, Type="Service", IncomeAccountRef={"value": income})

    def lift_limits(self) -> None:
        self.vendor.settings.limits = False

    def keep_in(self, currency: str, worth: Mapping[str, Decimal]) -> None:
        settings = self.vendor.settings
        settings.home_currency, settings.multicurrency = currency, bool(worth)
        for code, rate in worth.items():
            self.vendor.books.set_rate(code, rate, _LONG_AGO)

    def charge(self, tax: str, percent: Decimal) -> None:
        books = self.vendor.books
        agency = {"value": next(books.rows("TaxAgency"))["Id"]}
        values = {"Name": tax, "RateValue": percent, "AgencyRef": agency}
        add_code(books, tax, [books.create("TaxRate", values)])

    def add_customer(self, name: str, email: str, currency: str = "") -> str:
        books = self.vendor.books
        net_30 = next(row["Id"] for row in books.rows("Term") if row["Name"] == "Net 30")
        made = books.add_customer(
            name,
            CompanyName=name,
            PrimaryEmailAddr={"Address": email},
            SalesTermRef={"value": net_30},
            **({"CurrencyRef": {"value": currency}} if currency else {}),
        )
        return str(made["Id"])

    def date_back(self, instant: datetime | None) -> None:
        self.vendor.books.backdated = instant

    # -- what people do ---------------------------------------------------------------------
    def pay(self, amounts: Mapping[str, Decimal]) -> list[str]:
        return [self.vendor.books.pay(dict(amounts))["Id"]]

    def receive(self, customer_id: str, amount: Decimal) -> str:
        made = self.vendor.books.add_payment(customer_id, amount, PaymentRefNum="WIRE-UNNAMED")
        return str(made["Id"])

    def take_back(self, receipt_id: str) -> None:
        self.vendor.books.delete_payment(receipt_id)

    def credit(self, invoice_id: str, amount: Decimal) -> str:
        books = self.vendor.books
        customer_id = books.get("Invoice", invoice_id)["CustomerRef"]["value"]
        memo = books.add_credit(customer_id, amount)
        books.apply_credit(memo["Id"], invoice_id, amount)
        return str(memo["Id"])

    def type_in(self, customer_id: str, number: str, amount: Decimal) -> str:
        return str(self.vendor.books.add_invoice(customer_id, amount, DocNumber=number)["Id"])

    def attach(self, invoice_id: str, name: str, content: bytes) -> None:
        books = self.vendor.books
        link = {"EntityRef": {"type": "Invoice", "value": invoice_id}}
        row = books.create(
            "Attachable", {"FileName": name, "ContentType": "text/csv", "AttachableRef": [link]}
        )
        books.files[row["Id"]], row["Size"] = content, len(content)

    def archive_customer(self, customer_id: str) -> None:
        self.vendor.books.deactivate("Customer", customer_id)

    def merge_customers(self, gone_id: str, kept_id: str) -> None:
        self.vendor.books.merge_customers(gone_id, kept_id)

    def stop_selling(self, item: str) -> None:
        books = self.vendor.books
        found = next(row["Id"] for row in books.rows("Item") if row["Name"] == item)
        books.deactivate("Item", found)

    def raise_price(self, invoice_id: str, more: Decimal) -> tuple[Decimal, Decimal]:
        books = self.vendor.books
        lines = [dict(line) for line in books.get("Invoice", invoice_id)["Line"]]
        line = next(each for each in lines if each["DetailType"] == "SalesItemLineDetail")
        old = line["Amount"]
        detail = dict(line["SalesItemLineDetail"])
        if detail.get("Qty") and "UnitPrice" in detail:
            detail["UnitPrice"] += more
            line["Amount"] = (detail["Qty"] * detail["UnitPrice"]).quantize(_CENT, ROUND_HALF_UP)
        else:
            line["Amount"] = old + more
        line["SalesItemLineDetail"] = detail
        books.edit_invoice(invoice_id, Line=lines)
        return old, line["Amount"]

    def void(self, invoice_id: str) -> None:
        self.vendor.books.void_invoice(invoice_id)

    def delete(self, invoice_id: str) -> None:
        self.vendor.books.delete_invoice(invoice_id)

    def close_until(self, day: date | None) -> None:
        self.vendor.books.close_until(day)

    def revoke(self) -> bool:
        self.vendor.revoke_tokens()
        return True

    def sign_in_again(self) -> dict[str, str]:
        return {"refresh_token": self.vendor.sign_in.issue()["refresh_token"]}


def _invoice(row: Row) -> Invoice:
    mark, _, memo = str(row.get("PrivateNote", "")).partition("] ")
    memo = row.get("CustomerMemo", {}).get("value") or memo  # what the client sees
    return Invoice(
        id=row["Id"],
        number=row.get("DocNumber", ""),
        customer_id=row["CustomerRef"]["value"],
        day=date.fromisoformat(str(row["TxnDate"])),
        total=row["TotalAmt"],
        tax=row.get("TxnTaxDetail", {}).get("TotalTax", Decimal(0)),
        balance=row["Balance"],
        voided=_is_void(row),
        key=mark.partition("[tieout:")[2].rstrip("]"),
        memo=memo,
        lines=tuple(_lines(row)),
        due=date.fromisoformat(str(row["DueDate"])) if row.get("DueDate") else None,
        currency=row.get("CurrencyRef", {}).get("value", ""),
        rate=row.get("ExchangeRate", Decimal(1)),
        words=tuple(
            line.get("Description", "")
            for line in row["Line"]
            if line["DetailType"] == "DescriptionOnly"
        ),
    )


def _lines(row: Row) -> Iterable[Line]:
    for line in row["Line"]:
        if line["DetailType"] == "SalesItemLineDetail":
            detail, amount = line["SalesItemLineDetail"], line["Amount"]
            quantity = detail.get("Qty", Decimal(1))
            yield Line(
                line.get("Description", ""), quantity, detail.get("UnitPrice", amount), amount
            )


def _is_void(row: Row) -> bool:
    return str(row.get("PrivateNote", "")).startswith("Voided")
