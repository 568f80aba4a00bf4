"""What sales documents and payments share: their currency, their balance and links."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.lists import currency_reference
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft


def set_balance(books: Books, entity: str, row: Row) -> None:
    """Balance, home amounts and links of a document, from what is applied to it."""
    document = (entity, row.get("Id", ""))
    balance = row["TotalAmt"] - row.get("Deposit", ZERO) - books.applied_to(document)
    row["Balance"] = balance
    if entity == "CreditMemo":
        row["RemainingCredit"] = balance
    if "ExchangeRate" in row:
        row["HomeTotalAmt"] = cents(row["TotalAmt"] * row["ExchangeRate"])
        row["HomeBalance"] = cents(balance * row["ExchangeRate"])
    links = [{"TxnId": key, "TxnType": "Payment"} for key in books.applied.get(document, {})]
    links += [{"TxnId": key, "TxnType": "TimeActivity"} for key in row.get("_time", [])]
    row["LinkedTxn"] = links


def set_currency(books: Books, draft: Draft, customer: Row) -> None:
    """CurrencyRef and ExchangeRate of a transaction: the customer's currency or nothing.

    `ExchangeRate` is home units for one foreign unit. Left out, a foreign document is booked
    at 1, a reported trap; `Settings.missing_rate` chooses the day's rate instead.
    """
    row, settings = draft.row, books.settings
    theirs = customer["CurrencyRef"]["value"]
    sent = row.get("CurrencyRef", {}).get("value")
    if not settings.multicurrency:
        if sent not in (None, settings.home_currency):
            raise faults.rule("Multicurrency is not enabled for this company")
        row.pop("ExchangeRate", None)
        row["CurrencyRef"] = currency_reference(settings.home_currency)
        return
    if sent is None:
        raise faults.required("CurrencyRef")
    if sent != theirs:
        raise faults.rule("The currency of the transaction is not the currency of the customer")
    row["CurrencyRef"] = currency_reference(theirs)
    if theirs == settings.home_currency:
        row["ExchangeRate"] = Decimal(1)
        return
    rate = row.get("ExchangeRate") or (draft.old or {}).get("ExchangeRate")
    if not rate and settings.missing_rate == "daily":
        rate = books.rate_on(theirs, row["TxnDate"])["Rate"]
    if rate is not None and rate < 0:
        raise faults.out_of_range("ExchangeRate", rate)
    row["ExchangeRate"] = rate or Decimal(1)
