"""The books of one organisation: tables, the rules that hold them together, people's acts."""

from __future__ import annotations

from decimal import Decimal

from tieout.sandbox.xero import contacts, settlement
from tieout.sandbox.xero.acts import Acts
from tieout.sandbox.xero.store import Store
from tieout.sandbox.xero.wire import ZERO, Row, cents

_SIDES = ("AccountsReceivable", "AccountsPayable")


class Books(Acts, Store):
    """One organisation."""

    def settled(self, resource: str, row: Row) -> Row:
        """A document with what is due or left of it now."""
        return settlement.settled(self, resource, row)

    def add_unknown_contact(self, sent: Row) -> Row:
        """The contact that a document names and nobody knew yet."""
        return contacts.put(self, sent)

    def balances(self, contact_id: str) -> Row:
        """What a contact owes and is owed, in the base currency; overdue by today."""
        today = self.today()
        sums = {(side, what): ZERO for side in _SIDES for what in ("Outstanding", "Overdue")}
        for resource, row_id in self.of_contact.get(contact_id, {}):
            row = self.tables[resource][row_id]
            if row["Status"] != "AUTHORISED":
                continue
            side = _SIDES[row["Type"].startswith("ACCPAY")]
            left: Decimal = self.outstanding(row) / row["CurrencyRate"]
            sums[side, "Outstanding"] += left if resource == "Invoices" else -left
            if resource == "Invoices" and row.get("DueDate", today) < today:
                sums[side, "Overdue"] += left
        return {
            side: {what: cents(sums[side, what]) for what in ("Outstanding", "Overdue")}
            for side in _SIDES
        }

    def roles(self, contact_id: str) -> tuple[bool, bool]:
        """Whether a contact is a customer and a supplier: has documents of either kind."""
        found = [self.counted.get((contact_id, payable), 0) > 0 for payable in (False, True)]
        return found[0], found[1]
