"""What people do inside Xero: the same books, without the API.

Tests use these to pay, edit or void an invoice behind an integration's back,
to merge contacts, to lock a period. Amounts are in the document's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tieout.sandbox.xero import contacts, documents, lists, settlement
from tieout.sandbox.xero.store import Document
from tieout.sandbox.xero.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

Amount = Decimal | str


class Acts:
    """Acts of a bookkeeper. Each returns the row as stored; raises `Invalid` when refused."""

    @property
    def _books(self) -> Books:
        return cast("Books", self)

    # -- contacts ------------------------------------------------------------------------
    def add_contact(self, name: str, **values: Any) -> Row:
        return contacts.put(self._books, {"Name": name, **values})

    def edit_contact(self, contact_id: str, **changes: Any) -> Row:
        return contacts.update(self._books, contact_id, changes)

    def archive_contact(self, contact_id: str) -> Row:
        return contacts.archive(self._books, contact_id)

    def restore_contact(self, contact_id: str) -> Row:
        return contacts.update(self._books, contact_id, {"ContactStatus": "ACTIVE"})

    def merge_contacts(self, gone_id: str, kept_id: str) -> Row:
        """Merge one contact into another: its documents move over, it is archived."""
        return contacts.merge(self._books, gone_id, kept_id)

    # -- invoices and credit notes ---------------------------------------------------------
    def add_invoice(self, contact_id: str, amount: Amount, **values: Any) -> Row:
        """Enter an approved invoice of one line without tax."""
        return self._document("Invoices", "ACCREC", contact_id, amount, values)

    def add_bill(self, contact_id: str, amount: Amount, **values: Any) -> Row:
        """Enter an approved bill of a supplier."""
        return self._document("Invoices", "ACCPAY", contact_id, amount, values)

    def add_credit_note(self, contact_id: str, amount: Amount, **values: Any) -> Row:
        """Enter an approved credit note of one line without tax."""
        return self._document("CreditNotes", "ACCRECCREDIT", contact_id, amount, values)

    def edit_invoice(self, invoice_id: str, **changes: Any) -> Row:
        """Change an invoice by hand; `amount=` replaces its lines by one line of that amount."""
        return self._edit("Invoices", invoice_id, changes)

    def edit_credit_note(self, credit_note_id: str, **changes: Any) -> Row:
        """Change a credit note by hand, see `edit_invoice`."""
        return self._edit("CreditNotes", credit_note_id, changes)

    def edit_paid_invoice(
        self, invoice_id: str, *, reference: str = "", due: date | None = None, account: str = ""
    ) -> Row:
        """What the screen still lets a user change once money came in, and the API does not.

        The reference, the due date, the account all lines are booked to.
        """
        row = dict(self._books.get("Invoices", invoice_id))
        if reference:
            row["Reference"] = reference
        if due is not None:
            row["DueDate"] = due
        if account:
            found = self._books.account(account) or {}
            booked = {"AccountCode": account, "AccountID": found["AccountID"]}
            row["LineItems"] = [{**line, **booked} for line in row["LineItems"]]
        return self._books.put("Invoices", row)

    def approve_invoice(self, invoice_id: str) -> Row:
        row = self._books.get("Invoices", invoice_id)
        due = {} if row.get("DueDate") else {"DueDate": row["Date"].isoformat()}
        return self._edit("Invoices", invoice_id, {"Status": "AUTHORISED", **due})

    def void_invoice(self, invoice_id: str) -> Row:
        return self._edit("Invoices", invoice_id, {"Status": "VOIDED"})

    def delete_invoice(self, invoice_id: str) -> Row:
        """Delete a draft: it stays to be seen, as DELETED."""
        return self._edit("Invoices", invoice_id, {"Status": "DELETED"})

    def void_credit_note(self, credit_note_id: str) -> Row:
        return self._edit("CreditNotes", credit_note_id, {"Status": "VOIDED"})

    def override_total(self, invoice_id: str, by: Amount) -> Row:
        """Change the total by up to 0.10 against the sum of the lines, as the screen allows."""
        return documents.override_total(self._books, invoice_id, Decimal(by))

    def send_invoice(self, invoice_id: str) -> Row:
        return self._edit("Invoices", invoice_id, {"SentToContact": True})

    # -- money -----------------------------------------------------------------------------
    def pay(self, invoice_id: str, amount: Amount | None = None, **values: Any) -> Row:
        """Receive a payment for an invoice: all that is due when no amount is given."""
        due = self._books.get("Invoices", invoice_id)["AmountDue"]
        body = self._money({"Invoice": {"InvoiceID": invoice_id}}, amount, due, values)
        return settlement.pay(self._books, body)

    def pay_several(self, amounts: Mapping[str, Amount], **values: Any) -> Row:
        """Receive one bank transfer for several invoices; returns the batch payment."""
        members = [
            {"Invoice": {"InvoiceID": key}, "Amount": Decimal(amount)}
            for key, amount in amounts.items()
        ]
        body = {"Account": {"AccountID": self.bank()["AccountID"]}, "Payments": members, **values}
        return settlement.pay_batch(self._books, body)

    def delete_payment(self, payment_id: str) -> Row:
        return settlement.delete_payment(self._books, payment_id, {"Status": "DELETED"})

    def delete_batch(self, batch_id: str) -> Row:
        return settlement.delete_batch(self._books, batch_id, {"Status": "DELETED"})

    def reconcile_payment(self, payment_id: str) -> Row:
        """Match a payment with a line of the bank: from then on it cannot be deleted."""
        row = self._books.get("Payments", payment_id)
        return self._books.put("Payments", {**row, "IsReconciled": True})

    def overpay(self, invoice_id: str, received: Amount, **values: Any) -> Row:
        """Receive more than is due: the invoice is paid, the rest becomes an overpayment."""
        books, invoice = self._books, self._books.get("Invoices", invoice_id)
        rest = Decimal(received) - invoice["AmountDue"]
        if rest <= 0:
            raise ValueError("this pays no more than is due")
        if invoice["AmountDue"]:
            self.pay(invoice_id, **values)
        fields = {"ContactID": invoice["_contact"], "Amount": rest}
        fields["CurrencyCode"] = invoice["CurrencyCode"]
        return settlement.receive_credit(books, "Overpayments", {**fields, **values})

    def prepay(self, contact_id: str, amount: Amount, **values: Any) -> Row:
        """Receive money before there is an invoice."""
        fields = {"ContactID": contact_id, "Amount": Decimal(amount)}
        return settlement.receive_credit(self._books, "Prepayments", {**fields, **values})

    def apply_credit(self, credit_id: str, invoice_id: str, amount: Amount, **values: Any) -> Row:
        """Use a credit note, an overpayment or a prepayment on an invoice."""
        body = {"Invoice": {"InvoiceID": invoice_id}, "Amount": Decimal(amount), **values}
        return settlement.allocate(self._books, self.credit(credit_id), body)

    def unapply_credit(self, credit_id: str, allocation_id: str) -> Row:
        return settlement.unallocate(self._books, self.credit(credit_id), allocation_id)

    def refund(self, credit_id: str, amount: Amount | None = None, **values: Any) -> Row:
        """Pay a credit note, an overpayment or a prepayment back to the client."""
        resource, _ = self.credit(credit_id)
        key = resource[:-1]
        left = self._books.get(resource, credit_id)["RemainingCredit"]
        body = self._money({key: {f"{key}ID": credit_id}}, amount, left, values)
        return settlement.pay(self._books, body)

    def write_off(self, invoice_id: str, amount: Amount | None = None) -> Row:
        """Take an amount off an invoice with a credit note; returns the credit note."""
        books, invoice = self._books, self._books.get("Invoices", invoice_id)
        part = invoice["AmountDue"] if amount is None else Decimal(amount)
        code = {"CurrencyCode": invoice["CurrencyCode"]}
        note = self.add_credit_note(invoice["_contact"], part, Reference="Write-off", **code)
        self.apply_credit(note["CreditNoteID"], invoice_id, part)
        return books.get("CreditNotes", note["CreditNoteID"])

    # -- lists and settings ------------------------------------------------------------------
    def add_item(self, code: str, **values: Any) -> Row:
        return lists.put_item(self._books, {"Code": code, **values}, 4)

    def stop_selling(self, item_id: str) -> Row:
        """Take an item off the list of what is sold; Xero has no other way to retire one."""
        return lists.post_item(self._books, {"ItemID": item_id, "IsSold": False}, 4)

    def delete_item(self, item_id: str) -> None:
        self._books.discard("Items", item_id)

    def archive_account(self, code: str) -> Row:
        account = self._books.account(code) or {}
        return lists.post_account(self._books, account["AccountID"], {"Status": "ARCHIVED"})

    def add_tracking(self, name: str, *options: str) -> Row:
        """A tracking category with its options."""
        row = lists.put_category(self._books, {"Name": name})
        for option in options:
            lists.put_option(self._books, row["TrackingCategoryID"], {"Name": option})
        return self._books.get("TrackingCategories", row["TrackingCategoryID"])

    def archive_option(self, category: str, option: str) -> Row:
        """Archive an option of a tracking category, both by name."""
        row = next(r for r in self._books.rows("TrackingCategories") if r["Name"] == category)
        found = next(each for each in row["Options"] if each["Name"] == option)
        ids = row["TrackingCategoryID"], found["TrackingOptionID"]
        return lists.post_option(self._books, *ids, {"Status": "ARCHIVED"})

    def add_currency(self, code: str, rate: Amount | None = None) -> Row:
        """Subscribe to a currency; `rate` is what one base unit costs in it."""
        row = lists.put_currency(self._books, {"Code": code})
        if rate is not None:
            self.set_rate(code, rate)
        return row

    def set_rate(self, code: str, rate: Amount) -> None:
        lists.add_rate(self._books, code, Decimal(rate))

    def lock_until(self, day: date | None, *, end_of_year: bool = False) -> None:
        """Set a lock date, None for none; documents dated on it or before are refused."""
        if end_of_year:
            self._books.year_lock = day
        else:
            self._books.period_lock = day

    def warn_next(self, message: str) -> None:
        """The next object that is written succeeds with a warning."""
        self._books.warnings.append(message)

    def prefer(self, **changes: Any) -> None:
        """Change fields of `Settings`. Raises AttributeError for an unknown one."""
        for name, value in changes.items():
            if not hasattr(self._books.settings, name):
                raise AttributeError(f"there is no setting {name}")
            setattr(self._books.settings, name, value)

    # -- small readers -----------------------------------------------------------------------
    def bank(self) -> Row:
        """The bank account money comes in on when none is named."""
        return next(
            row
            for row in self._books.rows("Accounts")
            if row["Type"] == "BANK" and row["Status"] == "ACTIVE"
        )

    def credit(self, credit_id: str) -> Document:
        """Which resource a credit belongs to, and its id. Raises `Missing`."""
        for resource in settlement.CREDITS[:2]:
            if self._books.find(resource, credit_id) is not None:
                return resource, credit_id
        self._books.get("Prepayments", credit_id)
        return "Prepayments", credit_id

    # -- inside ------------------------------------------------------------------------------
    def _document(
        self, resource: str, kind: str, contact_id: str, amount: Amount, values: Row
    ) -> Row:
        sale = kind != "ACCPAY"
        line = one_line(Decimal(amount), "200" if sale else "400")
        body = {
            "Type": kind,
            "Contact": {"ContactID": contact_id},
            "LineItems": [line],
            "Status": "AUTHORISED",
            "DueDate": self._books.today().isoformat(),
            **values,
        }
        return documents.create(self._books, documents.KINDS[resource], body, 4, by_app=False)

    def _edit(self, resource: str, row_id: str, changes: Row) -> Row:
        amount = changes.pop("amount", None)
        if amount is not None:
            old = self._books.get(resource, row_id)["LineItems"]
            code = old[0].get("AccountCode", "200") if old else "200"
            changes["LineItems"] = [one_line(Decimal(amount), code)]
        return documents.update(self._books, documents.KINDS[resource], row_id, changes, 4)

    def _money(self, target: Row, amount: Amount | None, due: Decimal, values: Row) -> Row:
        given = due if amount is None else Decimal(amount)
        account = {"AccountID": self.bank()["AccountID"]}
        return {**target, "Account": account, "Amount": given or ZERO, **values}


def one_line(amount: Decimal, account: str) -> Row:
    """A line without tax."""
    return {
        "Description": "Work done",
        "Quantity": 1,
        "UnitAmount": amount,
        "AccountCode": account,
        "TaxType": "NONE",
    }
