"""What people do inside NetSuite: the same books, without the API.

Tests use these to edit an invoice behind an integration's back, to receive money, to
close a period.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from tieout.sandbox.netsuite import checks, errors, lists, sales, timework
from tieout.sandbox.netsuite.fields import TYPES
from tieout.sandbox.netsuite.wire import ZERO, Row

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

Amounts = str | Mapping[str, Decimal | str]


class Acts:
    """Acts of a bookkeeper. Each returns the record as stored; amounts are in its currency."""

    @property
    def _books(self) -> Books:
        return cast("Books", self)

    # -- any record -------------------------------------------------------------------
    def add(self, kind: str, **values: Any) -> Row:
        """Enter a new record; values are the fields of its type."""
        return self._books.create(kind, values).row

    def edit(self, kind: str, row_id: str, *, replace: tuple[str, ...] = (), **changes: Any) -> Row:
        """Change some fields; the lines of sublists named in `replace` are replaced."""
        return self._books.update(kind, row_id, changes, replace=replace).row

    def inactivate(self, kind: str, row_id: str, inactive: bool = True) -> Row:
        """Make a list record inactive: a customer, an item, a department ..."""
        if "isinactive" not in TYPES[kind].fields:
            raise ValueError(f"a {kind} cannot be made inactive")
        books = self._books
        return books.put(kind, {**books.get(kind, row_id), "isInactive": inactive})

    def lock_by_workflow(self, kind: str, row_id: str, locked: bool = True) -> None:
        """A workflow of the account locks a record, or lets it go."""
        locks = self._books.workflow_locks
        (locks.add if locked else locks.discard)((kind, row_id))

    # -- lists ------------------------------------------------------------------------
    def add_customer(self, name: str, **values: Any) -> Row:
        fields: Row = {"companyName": name}
        if self._books.settings.one_world:
            fields["subsidiary"] = checks.home(self._books)
        return self.add("customer", **fields | values)

    def add_project(self, customer_id: str, name: str, **values: Any) -> Row:
        return self.add("job", **{"companyName": name, "parent": customer_id} | values)

    def add_row(self, kind: str, **values: Any) -> Row:
        """Set up a list record that the API only reads: a department, a term, a tax code ..."""
        return self._books.put(kind, {"isInactive": False, **values})

    def add_subsidiary(self, customer_id: str, subsidiary: str) -> Row:
        """Let a customer trade with a further subsidiary."""
        fields = {"entity": customer_id, "subsidiary": subsidiary}
        return self.add("customerSubsidiaryRelationship", **fields)

    def merge_customers(self, gone_id: str, kept_id: str) -> Row:
        """Merge one customer into another: its id disappears, whatever named it moves over."""
        books = self._books
        books.get("customer", gone_id)
        kept = books.get("customer", kept_id)
        if gone_id == kept_id:
            raise errors.user_error("A record cannot be merged with itself.")
        for each in list(books.of_owner.get(gone_id, ())):
            kind = books.kind_of("transaction", each)
            row = dict(books.get(kind, each))
            row["entity" if "entity" in row else "customer"] = kept_id
            books.put(kind, row)
        for kind, name in (("job", "parent"), ("customer", "parent"), ("timeBill", "customer"),
                           ("contact", "company")):  # fmt: skip
            for row in [each for each in books.rows(kind) if each.get(name) == gone_id]:
                books.put(kind, {**row, name: kept_id})
        currencies = [line["currency"] for line in kept["currencyList"]]
        further = [
            line for line in books.get("customer", gone_id)["currencyList"]
            if line["currency"] not in currencies
        ]  # fmt: skip
        relations = [
            each for each in books.rows("customerSubsidiaryRelationship")
            if each["entity"] == gone_id
        ]  # fmt: skip
        for relation in relations:
            books.remove("customerSubsidiaryRelationship", relation["id"])
        books.remove("customer", gone_id)
        return books.put("customer", {**kept, "currencyList": [*kept["currencyList"], *further]})

    # -- invoices ---------------------------------------------------------------------
    def one_line(self, amount: Decimal | str, item_id: str = "") -> Row:
        """A line of the item named, or of the first service."""
        first = next(
            (each["id"] for each in self._books.rows("serviceSaleItem") if not each["isInactive"]),
            "",
        )
        return {"item": item_id or first, "quantity": 1, "rate": Decimal(amount),
                "amount": Decimal(amount)}  # fmt: skip

    def add_invoice(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Enter an invoice of one line."""
        line = {"items": [self.one_line(amount)]}
        return self.add("invoice", **{"entity": customer_id, "item": line} | values)

    def edit_invoice(self, invoice_id: str, **changes: Any) -> Row:
        """Change an invoice by hand; `amount=` replaces its lines by one line of that amount."""
        amount = changes.pop("amount", None)
        if amount is not None:
            changes["item"] = {"items": [self.one_line(amount)]}
        return self.edit("invoice", invoice_id, replace=("item",), **changes)

    def approve_invoice(self, invoice_id: str, approved: bool = True) -> Row:
        """Decide about an invoice that is pending approval."""
        return self.edit("invoice", invoice_id, approvalStatus="2" if approved else "3")

    def void(self, kind: str, row_id: str) -> Row:
        """Void a transaction: it stays with its number, all its amounts become zero."""
        books = self._books
        row = dict(books.get(kind, row_id))
        sales.check_open(books, row)
        drawn = kind == "customerDeposit" and lists.left_of_deposit(books, row) != row["payment"]
        if books.applied.get(row_id) or drawn:
            raise errors.user_error("This transaction has payments applied and cannot be voided.")
        touched = [line["doc"] for line in row.get("apply", ())]
        zeros = ("subtotal", "taxTotal", "total", "payment", "applied", "unapplied")
        row |= {name: ZERO for name in zeros if name in row}
        row |= {name: [] for name in ("apply", "_taxes") if name in row}
        row |= {"status": "V", "_voided": True, "memo": "VOID"}
        for name in ("item", "time", "taxDetails", "line"):
            if name in row:
                row[name] = [_zeroed(line) for line in row[name]]
        stored = books.put(kind, row)
        books.touch_invoices(touched)
        books.touch_deposit(stored)
        if kind == "invoice":
            timework.release(books, stored)
        return stored

    def void_invoice(self, invoice_id: str) -> Row:
        return self.void("invoice", invoice_id)

    def delete_invoice(self, invoice_id: str) -> None:
        self._books.delete("invoice", invoice_id)

    # -- money ------------------------------------------------------------------------
    def pay(
        self,
        amounts: Amounts,
        *,
        total: Decimal | str | None = None,
        customer_id: str = "",
        **values: Any,
    ) -> Row:
        """Receive one payment for one or several invoices.

        `amounts` is one invoice id (all that is due is paid) or amounts by invoice id.
        `total` is the money received when more than what is applied. `values` are further
        fields of the payment.
        """
        books = self._books
        split = self._split(amounts)
        first = books.get("invoice", next(iter(split)))
        owner = books.customer_of(first["entity"])
        assert owner is not None
        fields: Row = {
            "customer": customer_id or owner["id"],
            "subsidiary": first["subsidiary"],
            "currency": first["currency"],
            "payment": sum(split.values(), ZERO) if total is None else Decimal(total),
            "apply": _applying(split),
        }
        if not books.settings.one_world:
            fields.pop("subsidiary")
        return self.add("customerPayment", **fields | values)

    def add_payment(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Receive money that is not applied to anything."""
        return self.add("customerPayment", customer=customer_id, payment=Decimal(amount), **values)

    def apply_payment(self, payment_id: str, amounts: Amounts) -> Row:
        """Apply more of a payment to invoices, keeping what it settles already."""
        return self._apply("customerPayment", payment_id, amounts)

    def unapply(self, kind: str, row_id: str, invoice_id: str) -> Row:
        """Take a payment or credit off an invoice."""
        line = {"doc": invoice_id, "apply": False}
        return self.edit(kind, row_id, apply={"items": [line]})

    def void_payment(self, payment_id: str) -> Row:
        return self.void("customerPayment", payment_id)

    def delete_payment(self, payment_id: str) -> None:
        self._books.delete("customerPayment", payment_id)

    def bank_payment(self, payment_id: str, account_id: str = "") -> Row:
        """Bring a payment out of undeposited funds to the bank."""
        books = self._books
        account = account_id or sales.account(books, "Bank")["id"]
        row = {**books.get("customerPayment", payment_id), "account": account}
        return books.put("customerPayment", {**row, "undepFunds": False, "status": "C"})

    def add_credit(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Enter a credit memo of one line."""
        line = {"items": [self.one_line(amount)]}
        return self.add("creditMemo", **{"entity": customer_id, "item": line} | values)

    def apply_credit(self, memo_id: str, amounts: Amounts) -> Row:
        """Use a credit memo on invoices."""
        return self._apply("creditMemo", memo_id, amounts)

    def delete_credit(self, memo_id: str) -> None:
        self._books.delete("creditMemo", memo_id)

    def add_deposit(self, customer_id: str, amount: Decimal | str, **values: Any) -> Row:
        """Take a prepayment: a customer deposit."""
        return self.add("customerDeposit", customer=customer_id, payment=Decimal(amount), **values)

    def apply_deposit(self, deposit_id: str, amounts: Amounts, **values: Any) -> Row:
        """Use a customer deposit on invoices: a deposit application."""
        source = self._books.get("customerDeposit", deposit_id)
        fields: Row = {name: source[name] for name in ("customer", "currency")}
        if self._books.settings.one_world:
            fields["subsidiary"] = source["subsidiary"]
        fields |= {"deposit": deposit_id, "apply": _applying(self._split(amounts))}
        return self.add("depositApplication", **fields | values)

    def add_journal(
        self,
        debit_account: str,
        credit_account: str,
        amount: Decimal | str,
        *,
        customer_id: str = "",
        **values: Any,
    ) -> Row:
        """Enter a journal entry between two accounts, by their ids."""
        named = {"entity": customer_id} if customer_id else {}
        lines = [
            {"account": debit_account, "debit": Decimal(amount), **named},
            {"account": credit_account, "credit": Decimal(amount), **named},
        ]
        return self.add("journalEntry", line={"items": lines}, **values)

    # -- the account ------------------------------------------------------------------
    def prefer(self, **changes: Any) -> None:
        """Change fields of `Settings` on the setup pages."""
        for name, value in changes.items():
            if not hasattr(self._books.settings, name):
                raise AttributeError(f"there is no setting {name}")
            setattr(self._books.settings, name, value)

    def lock_period(self, day: date | str, how: str = "arLocked", locked: bool = True) -> Row:
        """Close or lock the period of a day; `how`: closed, allLocked or arLocked."""
        if how not in ("closed", "allLocked", "arLocked"):
            raise ValueError(f"a period is not locked by {how}")
        period = checks.period_of(self._books, str(day))
        if period is None:
            raise errors.outside_period()
        return self._books.put("accountingPeriod", {**period, how: locked})

    def set_rate(self, currency_id: str, rate: Decimal | str, day: date | None = None) -> None:
        """Set a currency's rate (base units for one unit) from a date on."""
        books = self._books
        as_of = day.isoformat() if day else books.today()
        books.rates[currency_id] = sorted(
            [each for each in books.rates.get(currency_id, ()) if each[0] != as_of]
            + [(as_of, Decimal(rate))]
        )
        if as_of <= books.today():
            row = {**books.get("currency", currency_id), "exchangeRate": Decimal(rate)}
            books.put("currency", row)

    # -- inside -----------------------------------------------------------------------
    def _split(self, amounts: Amounts) -> dict[str, Decimal]:
        if isinstance(amounts, str):
            return {amounts: self._books.due(self._books.get("invoice", amounts))}
        return {key: Decimal(amount) for key, amount in amounts.items()}

    def _apply(self, kind: str, row_id: str, amounts: Amounts) -> Row:
        now = {line["doc"]: line["amount"] for line in self._books.get(kind, row_id)["apply"]}
        for invoice_id, amount in self._split(amounts).items():
            now[invoice_id] = now.get(invoice_id, ZERO) + amount
        return self.edit(kind, row_id, apply=_applying(now))


def _applying(split: Mapping[str, Decimal]) -> Row:
    items = [{"doc": key, "apply": True, "amount": amount} for key, amount in split.items()]
    return {"items": items}


def _zeroed(line: Row) -> Row:
    zeros = ("amount", "quantity", "rate", "tax1Amt", "taxAmount", "taxBasis", "debit", "credit")
    return line | {name: ZERO for name in zeros if name in line}
