"""The tax that we tell QuickBooks of a document: one line for each rate, and their total.

Intuit, API reference of Invoice and TaxCode: outside the United States each line names a tax
code, the code lists its rates, and TxnTaxDetail says what each rate comes to. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tieout.connectors.base import LineCodes, Row, WriteContext
from tieout.connectors.codes import told_tax
from tieout.connectors.fields import exact
from tieout.errors import Misconfigured
from tieout.model.document import Document


def refused(country: str) -> str:
    """Why a company in this country takes no taxes of ours, "" where it does."""
    if country not in ("", "US"):
        return ""
    return (
        "QuickBooks works out the sales tax of a company in the United States by itself, from the "
        "address. Write `mode: ledger` under taxes in mappings/ledger.yaml."
    )


def detail(document: Document, context: WriteContext) -> Row | None:
    """TxnTaxDetail, where we compute the tax. Raises Misconfigured for a code whose rates there
    are others than ours."""
    total = told_tax(context.lines)
    if total is None:
        return None
    by_rate: dict[tuple[str, Decimal], list[tuple[Decimal, Decimal]]] = {}
    for line in document.lines:
        codes = context.lines[line.id]
        for rate_id, percent, tax in _rates(codes):
            by_rate.setdefault((rate_id, percent), []).append((line.amount.amount, tax))
    lines = [
        {
            "Amount": exact(sum((tax for _, tax in each), Decimal(0)), 2, "tax"),
            "DetailType": "TaxLineDetail",
            "TaxLineDetail": {
                "TaxRateRef": {"value": rate_id},
                "PercentBased": True,
                "TaxPercent": percent,
                "NetAmountTaxable": sum((net for net, _ in each), Decimal(0)),
            },
        }
        for (rate_id, percent), each in by_rate.items()
    ]
    return {"TotalTax": exact(total, 2, "tax"), **({"TaxLine": lines} if lines else {})}


def _rates(codes: LineCodes) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Each rate of a line's code: its id, its percent, and its tax."""
    tax = codes.tax
    assert tax is not None  # all of a document's lines tell their tax, or none does
    if not (tax.rate_ids or tax.amount):  # a code without tax, which may have no rate
        return
    if len(tax.rate_ids) != len(tax.parts):
        there = f"{len(tax.rate_ids)} rate{'s' * (len(tax.rate_ids) != 1)}"
        raise Misconfigured(
            f"the tax code '{codes.tax_code}' is made of {there} on sales in QuickBooks, and of "
            f"{len(tax.parts)} in mappings/ledger.yaml: give their percents there, in QuickBooks' "
            "order, as its `parts`. If its rates changed, `tieout pullback --full` reads them"
        )
    for rate_id, (percent, amount) in zip(tax.rate_ids, tax.parts, strict=True):
        yield rate_id, percent, amount
