"""Sales tax of invoices and credit memos.

In the United States a line is `TAX` or `NON` and one code of the transaction
gives the rates; elsewhere each line names its own code (Intuit: manage sales
tax for US locales, Invoice reference). Public reports disagree on whether tax
is rounded per rate on the summed net or per line, so both modes exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.shapes import number
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft

_HUNDRED = Decimal(100)


@dataclass
class Base:
    """The net of one line, its tax code, and its gross when the caller gave one."""

    code: str
    net: Decimal
    gross: Decimal | None = None


def read_detail(draft: Draft) -> None:
    """Take the caller's TxnTaxDetail apart: the code it names and the total it insists on."""
    row = draft.row
    sent = draft.sent.get("TxnTaxDetail")
    if isinstance(sent, dict):
        reference = sent.get("TxnTaxCodeRef") or {}
        row["_tax_code"] = str(reference.get("value") or "")
        total = sent.get("TotalTax")
        total = number("TotalTax", total) if total not in (None, "") else ZERO
        # Client libraries send a bare zero; only a zero with tax lines is meant.
        row["_tax_total"] = cents(total) if total or sent.get("TaxLine") else None
        row["_tax_lines"] = _told(sent.get("TaxLine") or [])
    elif "Line" in draft.sent:
        row["_tax_total"] = row["_tax_lines"] = None
    row.pop("TxnTaxDetail", None)


def _told(sent: list[Row]) -> dict[str, Decimal]:
    """What the caller says of each rate."""
    told: dict[str, Decimal] = {}
    for line in sent:
        detail = line.get("TaxLineDetail") or {}
        rate_id = str((detail.get("TaxRateRef") or {}).get("value") or "")
        told[rate_id] = told.get(rate_id, ZERO) + cents(number("Amount", line.get("Amount", ZERO)))
    return told


def line_code(books: Books, row: Row, detail: Row, item: Row | None) -> str:
    """The tax code of one line. Raises 6100 (US), 2500 or 6000 (elsewhere)."""
    sent = str(detail.get("TaxCodeRef", {}).get("value", ""))
    if books.settings.us:
        if sent and sent not in ("TAX", "NON"):
            raise faults.ApiFault(
                6100, "Invalid Tax Code", "Tax codes of lines are TAX or NON in this company."
            )
        if not books.settings.using_sales_tax:
            return "NON"
        if sent:
            return sent
        buyer = books.get("Customer", row["CustomerRef"]["value"])
        taxable = buyer.get("Taxable", True) and (item is None or item.get("Taxable", False))
        return "TAX" if taxable else "NON"
    if row["GlobalTaxCalculation"] == "NotApplicable":
        return ""
    if not sent:
        raise faults.rule("Make sure all your transactions have a tax rate before you save.")
    if books.find("TaxCode", sent) is None:
        raise faults.bad_reference("TaxCode", sent)
    return sent


def rates_of(books: Books, code: str) -> list[tuple[str, Decimal]]:
    """The (TaxRate id, percent) pairs of a tax code. Raises 2500 for an unknown code."""
    found = books.find("TaxCode", code)
    if found is None:
        raise faults.bad_reference("TaxCode", code)
    details = found.get("SalesTaxRateList", {}).get("TaxRateDetail", [])
    pairs: list[tuple[str, Decimal]] = []
    for detail in details:
        rate_id = str(detail["TaxRateRef"]["value"])
        pairs.append((rate_id, Decimal(books.get("TaxRate", rate_id)["RateValue"])))
    return pairs


def settle_tax(books: Books, row: Row, bases: list[Base], discount: Decimal) -> Decimal:
    """Write TxnTaxDetail into a row; returns its total."""
    if books.settings.us:
        code = _us_code(books, row, bases)
        taxed = [base for base in bases if base.code == "TAX"]
        by_rate = dict.fromkeys(rates_of(books, code) if code else [], taxed)
        spread = bool(row.get("ApplyTaxAfterDiscount"))
    else:
        code = ""
        by_rate = _grouped(books, bases)
        # Outside the US a discount always lowers the base.
        spread = True
        _check_not_applicable(row)
    if spread and discount:
        _spread(bases, discount)
    lines: list[Row] = []
    for (rate_id, percent), taxed in by_rate.items():
        net = sum((base.net for base in taxed), ZERO)
        if taxed:
            amount = _tax(books.settings.tax_rounding, taxed, percent)
            lines.append(_tax_line(rate_id, percent, net, amount))
    total = sum((Decimal(line["Amount"]) for line in lines), ZERO)
    insisted = row.get("_tax_total")
    if insisted is not None:
        told = {} if books.settings.us else row.get("_tax_lines") or {}
        total = _as_told(books, lines, told, insisted) or _prorate(lines, total, insisted)
    detail: Row = {"TotalTax": total}
    if code:
        detail = {"TxnTaxCodeRef": {"value": code}, **detail}
    if lines:
        detail["TaxLine"] = lines
    row["TxnTaxDetail"] = detail
    return total


def gross_of(books: Books, code: str, net: Decimal) -> Decimal:
    """A net with the tax of its code, for TaxInclusiveAmt."""
    percent = sum((rate for _, rate in rates_of(books, code)), ZERO)
    return net + cents(net * percent / _HUNDRED)


def _us_code(books: Books, row: Row, bases: list[Base]) -> str:
    if not books.settings.using_sales_tax:
        return ""
    if books.settings.automated_sales_tax:
        # Automated sales tax overrides whatever code was sent.
        automatic = books.automatic_tax_code
        return automatic if any(base.code == "TAX" for base in bases) else ""
    return str(row.get("_tax_code") or "")


def _grouped(books: Books, bases: list[Base]) -> dict[tuple[str, Decimal], list[Base]]:
    by_rate: dict[tuple[str, Decimal], list[Base]] = {}
    for base in bases:
        for pair in rates_of(books, base.code) if base.code else []:
            by_rate.setdefault(pair, []).append(base)
    return by_rate


def _check_not_applicable(row: Row) -> None:
    if row["GlobalTaxCalculation"] == "NotApplicable" and row.get("_tax_total"):
        raise faults.ApiFault(
            6170,
            "Tax detail not allowed",
            "TxnTaxDetail cannot be given when GlobalTaxCalculation is NotApplicable.",
        )


def _spread(bases: list[Base], discount: Decimal) -> None:
    whole = sum((base.net for base in bases), ZERO)
    if not whole:
        return
    left = discount
    for index, base in enumerate(bases):
        last = index == len(bases) - 1
        share = left if last else cents(discount * base.net / whole)
        base.net -= share
        base.gross = None
        left -= share


def _tax(mode: str, taxed: list[Base], percent: Decimal) -> Decimal:
    if any(base.gross is not None for base in taxed):
        return sum((_given(base, percent) for base in taxed), ZERO)
    if mode == "per_line":
        return sum((cents(base.net * percent / _HUNDRED) for base in taxed), ZERO)
    return cents(sum((base.net for base in taxed), ZERO) * percent / _HUNDRED)


def _given(base: Base, percent: Decimal) -> Decimal:
    if base.gross is not None:
        return base.gross - base.net
    return cents(base.net * percent / _HUNDRED)


def _as_told(
    books: Books, lines: list[Row], told: dict[str, Decimal], insisted: Decimal
) -> Decimal | None:
    """The amounts of the rates as the caller gave them, where they are those of the lines and add
    up; None to share the total out instead. Raises 2500 for a rate that there is not."""
    for rate_id in told:
        if rate_id and books.find("TaxRate", rate_id) is None:
            raise faults.bad_reference("TaxRate", rate_id)
    rates = [line["TaxLineDetail"]["TaxRateRef"]["value"] for line in lines]
    if sorted(told) != sorted(rates) or sum(told.values(), ZERO) != insisted:
        return None
    for rate_id, line in zip(rates, lines, strict=True):
        line["Amount"] = told[rate_id]
    return insisted


def _prorate(lines: list[Row], computed: Decimal, insisted: Decimal) -> Decimal:
    left = insisted
    for index, line in enumerate(lines):
        last = index == len(lines) - 1
        share = left if last or not computed else cents(insisted * line["Amount"] / computed)
        line["Amount"] = share
        left -= share
    return insisted


def _tax_line(rate_id: str, percent: Decimal, net: Decimal, amount: Decimal) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate_id},
            "PercentBased": True,
            "TaxPercent": percent,
            "NetAmountTaxable": net,
        },
    }
