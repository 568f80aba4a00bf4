"""Tax of a document in each of an account's modes: none, legacy codes, SuiteTax.

SuiteTax takes the details that come with an override, or calculates by itself; legacy tax
has a code on each line, or one for the document and lines marked taxable.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import checks, errors
from tieout.sandbox.netsuite.wire import ZERO, Row, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft

_AUTOMATIC = "AUTO_"


def reckon(books: Books, draft: Draft) -> None:
    """Fill in taxTotal, the tax of the lines, and `_taxes`: one entry for each tax code."""
    mode = books.settings.tax
    row = draft.row
    if mode == "none":
        _refuse(draft)
        row["taxTotal"], row["_taxes"] = ZERO, []
    elif mode == "legacy":
        _legacy(books, draft)
    else:
        _suite(books, draft)


def _refuse(draft: Draft) -> None:
    row = draft.row
    used = row.get("taxItem") or row.get("taxDetails") or row.get("taxDetailsOverride")
    if used or any(line.get("taxCode") for line in row["item"]):
        raise errors.user_error("Tax is not enabled in this account.", "taxDetails")


def rate_of(books: Books, row: Row, line: Row) -> Decimal:
    """The percentage that is going to be put on a line, as far as a code says it."""
    code = books.settings.default_tax_code
    if books.settings.tax == "legacy":
        code = line.get("taxCode") or (row.get("taxItem", "") if line.get("isTaxable") else "")
    if books.settings.tax == "none" or not code or row.get("taxDetailsOverride"):
        return ZERO
    return Decimal(books.get("salesTaxItem", code)["rate"])


# -- legacy --------------------------------------------------------------------------
def _legacy(books: Books, draft: Draft) -> None:
    row = draft.row
    coded = [line for line in row["item"] if line.get("taxCode")]
    if (coded or row.get("taxItem")) and not books.settings.legacy_over_rest:
        raise errors.user_error("Legacy tax is not supported by REST web services.", "taxItem")
    if row.get("taxDetails"):
        raise errors.user_error("Tax details need the SuiteTax feature.", "taxDetails")
    places = checks.places(books, row["currency"])
    exact: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    for line in row["item"]:
        code = line.get("taxCode") or (row.get("taxItem") if line.get("isTaxable") else None)
        if not code:
            continue
        rate = line.get("taxRate1") if line.get("taxCode") else None
        rate = Decimal(books.get("salesTaxItem", code)["rate"]) if rate is None else rate
        tax = line["amount"] * rate / 100
        line["tax1Amt"] = rounded(tax, places)
        if line.get("taxCode"):
            line["taxRate1"] = rate
        kept = line["tax1Amt"] if books.settings.tax_rounding == "per_line" else tax
        _, basis, so_far = exact.get(code, (rate, ZERO, ZERO))
        exact[code] = (rate, basis + line["amount"], so_far + kept)
    _sum(row, exact, places)


# -- SuiteTax ------------------------------------------------------------------------
def _suite(books: Books, draft: Draft) -> None:
    row = draft.row
    places = checks.places(books, row["currency"])
    if row.get("taxDetailsOverride"):
        _overridden(books, row, draft.sent.lists.get("taxDetails", []), places)
        return
    if draft.sent.lists.get("taxDetails"):
        raise errors.user_error("Tax details can only be set with the override.", "taxDetails")
    row["taxDetails"] = []
    code = books.settings.default_tax_code
    exact: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    customer = books.customer_of(row["entity"]) or {}
    if code and not customer.get("taxExempt"):
        rate = Decimal(books.get("salesTaxItem", code)["rate"])
        for line in row["item"]:
            line.setdefault("taxDetailsReference", f"{_AUTOMATIC}{line['line']}")
            exact[code] = _calculated(books, row, line, (code, rate), exact.get(code), places)
    _sum(row, exact, places)


def _calculated(
    books: Books,
    row: Row,
    line: Row,
    tax: tuple[str, Decimal],
    so_far: tuple[Decimal, Decimal, Decimal] | None,
    places: int,
) -> tuple[Decimal, Decimal, Decimal]:
    code, rate = tax
    amount = line["amount"] * rate / 100
    line["taxAmount"] = rounded(amount, places)
    row["taxDetails"].append(
        {
            "taxDetailsReference": line["taxDetailsReference"],
            "taxCode": code,
            "taxType": str(books.get("salesTaxItem", code).get("taxType", "")),
            "taxRate": rate,
            "taxBasis": line["amount"],
            "taxAmount": line["taxAmount"],
        }
    )
    _, basis, before = so_far or (rate, ZERO, ZERO)
    kept = line["taxAmount"] if books.settings.tax_rounding == "per_line" else amount
    return rate, basis + line["amount"], before + kept


def _overridden(books: Books, row: Row, sent: list[Row], places: int) -> None:
    """The details as they were sent; each must belong to a line."""
    references = {line.get("taxDetailsReference") for line in row["item"]}
    exact: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    details = []
    named = {each.get("taxDetailsReference") for each in sent}
    for index, each in enumerate(row.get("taxDetails", ())):
        path = f"taxDetails.items[{index}]"
        reference = each.get("taxDetailsReference")
        if reference not in references and reference not in named:
            continue  # a line that is gone takes its details with it
        if reference not in references:
            raise errors.user_error(
                "The tax details reference does not match a line of this transaction.",
                f"{path}.taxDetailsReference",
            )
        if not each.get("taxCode"):
            raise errors.missing("Tax Code", f"{path}.taxCode")
        rate = each.get("taxRate", Decimal(books.get("salesTaxItem", each["taxCode"])["rate"]))
        basis = each.get("taxBasis", ZERO)
        amount = rounded(each.get("taxAmount", basis * rate / 100), places)
        details.append({**each, "taxRate": rate, "taxBasis": basis, "taxAmount": amount})
        _, so_far, tax = exact.get(each["taxCode"], (rate, ZERO, ZERO))
        exact[each["taxCode"]] = (rate, so_far + basis, tax + amount)
    row["taxDetails"] = details
    _sum(row, exact, places)


def _sum(row: Row, exact: dict[str, tuple[Decimal, Decimal, Decimal]], places: int) -> None:
    row["_taxes"] = [
        {"code": code, "rate": rate, "basis": basis, "amount": rounded(tax, places)}
        for code, (rate, basis, tax) in exact.items()
    ]
    row["taxTotal"] = sum((each["amount"] for each in row["_taxes"]), ZERO)
