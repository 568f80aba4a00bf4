"""What people do inside QuickBooks Online: the same books, without the API.

Tests use these to edit an invoice behind an integration's back, to receive
money, to close a period.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tieout.sandbox.quickbooks import faults, lists, payments
from tieout.sandbox.quickbooks.wire import SERVER_ZONE, ZERO, Row, stamp

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books


class Acts:
    """Acts of a bookkeeper. Each returns the row as stored; amounts are in its currency."""

    @property
    def _books(self) -> Books:
        return cast("Books", self)

    # -- any row ------------------------------------------------------------------
    def add(self, entity: str, **values: Any) -> Row:
        """Enter a new row; values are the fields of the entity, the currency may be left out."""
        books = self._books
        customer = values.get("CustomerRef")
        if customer and "CurrencyRef" not in values and books.settings.multicurrency:
            theirs = books.get("Customer", str(customer["value"]))["CurrencyRef"]
            values["CurrencyRef"] = theirs
            if "ExchangeRate" not in values and theirs["value"] != books.settings.home_currency:
                day = str(values.get("TxnDate") or books.today())
                values["ExchangeRate"] = books.rate_on(theirs["value"], day)["Rate"]
        return books.create(entity, values)

    def edit(self, entity: str, row_id: str, **changes: Any) -> Row:
        """Change some fields of a row."""
        row = self._books.get(entity, row_id)
        sent = {"Id": row_id, "SyncToken": row["SyncToken"], "sparse": True}
        if "CurrencyRef" in row and entity != "Customer":
            sent["CurrencyRef"] = row["CurrencyRef"]
        return self._books.update(entity, {**sent, **changes}, ("allowduplicatedocnum",))

    def deactivate(self, entity: str, row_id: str) -> Row:
        """Switch a list row off."""
        return self.edit(entity, row_id, Active=False)

    # -- customers ------------------------------------------------------------------
    def add_customer(self, name: str, **values: Any) -> Row:
        return self.add("Customer", DisplayName=name, **values)

    def merge_customers(self, gone_id: str, kept_id: str) -> Row:
        """Merge one customer into another: its id disappears, whatever named it moves over."""
        return lists.merge(self._books, gone_id, kept_id)

    # -- invoices -------------------------------------------------------------------
    def add_invoice(
        self, customer_id: str, amount: Decimal | str, *, item_id: str = "", **values: Any
    ) -> Row:
        """Enter an invoice of one line without tax."""
        line = self._books.one_line(Decimal(amount), item_id)
        return self.add(
            "Invoice", **{"CustomerRef": {"value": customer_id}, "Line": [line]} | values
        )

    def edit_invoice(self, invoice_id: str, **changes: Any) -> Row:
        """Change an invoice by hand; `amount=` replaces its lines by one line of that amount."""
        amount = changes.pop("amount", None)
        if amount is not None:
            changes["Line"] = [self._books.one_line(Decimal(amount), "")]
        return self.edit("Invoice", invoice_id, **changes)

    def void_invoice(self, invoice_id: str) -> Row:
        return self._books.void("Invoice", self._address("Invoice", invoice_id))

    def delete_invoice(self, invoice_id: str) -> Row:
        return self._books.delete("Invoice", self._address("Invoice", invoice_id))

    def send_invoice(self, invoice_id: str, address: str = "") -> Row:
        return self._books.send("Invoice", invoice_id, address)

    # -- money ------------------------------------------------------------------------
    def pay(
        self,
        amounts: str | Mapping[str, Decimal | str],
        *,
        total: Decimal | str | None = None,
        customer_id: str = "",
        **values: Any,
    ) -> Row:
        """Receive a payment for invoices.

        `amounts` is one invoice id (its whole balance is paid) or amounts by invoice id.
        `total` is the money received when more than what is applied. `values` are further
        fields of the Payment.
        """
        books = self._books
        if isinstance(amounts, str):
            amounts = {amounts: books.get("Invoice", amounts)["Balance"]}
        split = {key: Decimal(amount) for key, amount in amounts.items()}
        first = books.get("Invoice", next(iter(split)))
        payer = customer_id or first["CustomerRef"]["value"]
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": key, "TxnType": "Invoice"}]}
            for key, amount in split.items()
        ]
        received = sum(split.values(), ZERO) if total is None else Decimal(total)
        fields = {"CustomerRef": {"value": payer}, "TotalAmt": received, "Line": lines}
        return self.add("Payment", **fields | values)

    def add_payment(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Receive money that is not applied to anything."""
        fields = {"CustomerRef": {"value": customer_id}, "TotalAmt": Decimal(amount)}
        return self.add("Payment", **fields | values)

    def apply_payment(self, payment_id: str, amounts: Mapping[str, Decimal | str]) -> Row:
        """Apply more of a payment to invoices, keeping what it settles already."""
        split = payments.links_of(self._books.get("Payment", payment_id))
        for invoice_id, amount in amounts.items():
            document = ("Invoice", invoice_id)
            split[document] = split.get(document, ZERO) + Decimal(amount)
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
            for (entity, row_id), amount in split.items()
        ]
        return self.edit("Payment", payment_id, Line=lines)

    def void_payment(self, payment_id: str) -> Row:
        return self._books.void("Payment", self._address("Payment", payment_id))

    def delete_payment(self, payment_id: str) -> Row:
        return self._books.delete("Payment", self._address("Payment", payment_id))

    def deposit_payment(self, payment_id: str) -> Row:
        """Put a payment into a bank deposit: from then on it is locked (6540)."""
        return self._lock_payment(payment_id, "_deposited")

    def settle_payment(self, payment_id: str) -> Row:
        """QuickBooks Payments paid the money out: from then on it is locked (6450)."""
        return self._lock_payment(payment_id, "_settled")

    def match_payment(self, payment_id: str) -> Row:
        """Match a payment with a line of the bank: from then on it is locked (6480)."""
        return self._lock_payment(payment_id, "_matched")

    def _lock_payment(self, payment_id: str, how: str) -> Row:
        row = self._books.get("Payment", payment_id)
        return self._books.put("Payment", {**row, how: True})

    def add_credit(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Enter a credit memo of one line without tax."""
        line = self._books.one_line(Decimal(amount), "")
        fields = {"CustomerRef": {"value": customer_id}, "Line": [line]}
        return self.add("CreditMemo", **fields | values)

    def apply_credit(self, memo_id: str, invoice_id: str, amount: Decimal | str) -> Row:
        """Use a credit memo on an invoice: a payment of nothing with two lines."""
        memo = self._books.get("CreditMemo", memo_id)
        lines = [
            {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
            for entity, row_id in (("Invoice", invoice_id), ("CreditMemo", memo_id))
        ]
        payer = {"value": memo["CustomerRef"]["value"]}
        return self.add("Payment", CustomerRef=payer, TotalAmt=ZERO, Line=lines)

    def add_journal(
        self,
        debit_account: str,
        credit_account: str,
        amount: Decimal | str,
        *,
        customer_id: str = "",
        **values: Any,
    ) -> Row:
        """Enter a journal entry between two accounts, by their ids.

        With a customer, the line on receivables is theirs and can be applied like a credit.
        """
        named = {"Entity": {"Type": "Customer", "EntityRef": {"value": customer_id}}}
        lines = [
            {
                "Amount": Decimal(amount),
                "DetailType": "JournalEntryLineDetail",
                "JournalEntryLineDetail": {
                    "PostingType": side,
                    "AccountRef": {"value": account},
                    **(named if customer_id else {}),
                },
            }
            for side, account in (("Debit", debit_account), ("Credit", credit_account))
        ]
        return self.add("JournalEntry", Line=lines, **values)

    def settle_by_journal(self, invoice_id: str, account_id: str, amount: Decimal | str) -> Row:
        """Take an amount off an invoice without money: a journal entry and its application.

        Returns the Payment of nothing that applies the entry.
        """
        books = self._books
        invoice = books.get("Invoice", invoice_id)
        customer = invoice["CustomerRef"]["value"]
        receivable = next(
            row["Id"]
            for row in books.rows("Account")
            if row["AccountType"] == "Accounts Receivable"
        )
        entry = self.add_journal(account_id, receivable, amount, customer_id=customer)
        lines = [
            {"Amount": Decimal(amount), "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
            for entity, row_id in (("Invoice", invoice_id), ("JournalEntry", entry["Id"]))
        ]
        return self.add("Payment", CustomerRef={"value": customer}, TotalAmt=ZERO, Line=lines)

    def delete_credit(self, memo_id: str) -> Row:
        return self._books.delete("CreditMemo", self._address("CreditMemo", memo_id))

    # -- the company ---------------------------------------------------------------
    def prefer(self, **changes: Any) -> None:
        """Change fields of `Settings` on the preferences page: a notification is sent."""
        for name, value in changes.items():
            if not hasattr(self._books.settings, name):
                raise AttributeError(f"there is no setting {name}")
            setattr(self._books.settings, name, value)
        self._books.note("Preferences", "1", "Update")

    def close_until(self, day: date | None, *, password: bool = False) -> None:
        """Close the books up to and including a date; None opens them again."""
        self._books.closed_until = day
        self._books.closed_with_password = password
        self._books.note("Preferences", "1", "Update")

    def set_rate(self, currency: str, rate: Decimal | str, day: date | None = None) -> Row:
        """Set a currency's rate (home units for one foreign unit) from a date on."""
        books = self._books
        as_of = (day or books.clock.today(SERVER_ZONE)).isoformat()
        row = {
            "SourceCurrencyCode": currency,
            "TargetCurrencyCode": books.settings.home_currency,
            "Rate": Decimal(rate),
            "AsOfDate": as_of,
            "MetaData": {"LastUpdatedTime": books.stamp_now()},
        }
        books.rates[(currency, as_of)] = row
        return row

    def rate_on(self, currency: str, day: str) -> Row:
        """The ExchangeRate row in force on a date (ISO). Raises 610 when there is none."""
        books = self._books
        if currency == books.settings.home_currency:
            target = {"SourceCurrencyCode": currency, "TargetCurrencyCode": currency}
            return {**target, "Rate": Decimal(1), "AsOfDate": day}
        days = [known for code, known in books.rates if code == currency and known <= day]
        if not days:
            raise faults.not_found()
        return {**books.rates[(currency, max(days))], "AsOfDate": day}

    # -- small readers -----------------------------------------------------------------
    def stamp_now(self) -> str:
        return stamp(self._books.clock.now())

    def undeposited_funds(self) -> Row:
        """The account payments go to when none is named."""
        for row in self._books.rows("Account"):
            if row.get("AccountSubType") == "UndepositedFunds":
                return row
        raise faults.rule("There is no account for undeposited funds")

    def one_line(self, amount: Decimal, item_id: str) -> Row:
        """A sales line without tax, of the item named or the first service."""
        books = self._books
        chosen = item_id or next(
            row["Id"] for row in books.rows("Item") if row["Type"] == "Service" and row["Active"]
        )
        detail: Row = {"ItemRef": {"value": chosen}}
        if books.settings.us:
            detail["TaxCodeRef"] = {"value": "NON"}
        else:
            detail["TaxCodeRef"] = {"value": books.untaxed_code()}
        return {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": detail,
        }

    def untaxed_code(self) -> str:
        """The id of a tax code without tax, outside the United States."""
        for row in self._books.rows("TaxCode"):
            if not row.get("Taxable", True):
                return str(row["Id"])
        raise faults.rule("There is no tax code without tax")

    @property
    def automatic_tax_code(self) -> str:
        """The code automated sales tax uses for this company's address."""
        for row in self._books.rows("TaxCode"):
            if row.get("SalesTaxRateList"):
                return str(row["Id"])
        return ""

    def _address(self, entity: str, row_id: str) -> Row:
        row = self._books.get(entity, row_id)
        return {"Id": row_id, "SyncToken": row["SyncToken"]}
