"""The lines of invoices and credit memos (Intuit: Invoice reference).

`build` turns what was sent into stored lines and their sums. Subtotal lines
are dropped and made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import faults, tax
from tieout.sandbox.quickbooks.shapes import clean
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft

_MOST_TAXED_LINES = 750


@dataclass
class Sums:
    """What the lines of a document add up to, before tax."""

    lines: list[Row] = field(default_factory=list)
    bases: list[tax.Base] = field(default_factory=list)
    subtotal: Decimal = ZERO
    discount: Decimal = ZERO


def build(books: Books, draft: Draft) -> Sums:
    """Check every line of a draft and add them up."""
    sent = draft.row.get("Line")
    if not isinstance(sent, list) or not sent:
        raise faults.required("Line")
    before = {line["Id"]: line for line in (draft.old or {}).get("Line", []) if "Id" in line}
    sums = Sums()
    discounts: list[Row] = []
    for raw in sent:
        if isinstance(raw, dict) and raw.get("DetailType") == "SubTotalLineDetail":
            continue
        line, _ = clean("Line", raw)
        line_id = str(raw.get("Id") or "")
        if line_id in before:
            line = {"Id": line_id, **line}
        _one_line(books, draft, line, before.get(line_id), sums)
        sums.lines.append(line)
        if line["DetailType"] == "DiscountLineDetail":
            discounts.append(line)
    for line in discounts:
        _discount(books, line, sums)
    _identify(draft, sums.lines)
    taxed = any(base.code not in ("", "NON") for base in sums.bases)
    if taxed and len(sums.lines) > _MOST_TAXED_LINES:
        raise faults.rule(f"A taxable transaction can have {_MOST_TAXED_LINES} lines")
    subtotal: Row = {"Amount": sums.subtotal, "DetailType": "SubTotalLineDetail"}
    sums.lines.append(subtotal | {"SubTotalLineDetail": {}})
    return sums


def _one_line(books: Books, draft: Draft, line: Row, old: Row | None, sums: Sums) -> None:
    kind = line.get("DetailType")
    if not kind:
        raise faults.required("Line.DetailType")
    if kind == "SalesItemLineDetail":
        return _sales_line(books, draft, line, old, sums)
    if kind in ("DescriptionOnly", "DescriptionLineDetail"):
        return _text_line(line)
    if kind == "GroupLineDetail":
        return _group_line(books, draft, line, sums)
    if kind != "DiscountLineDetail":
        raise faults.bad_enum("DetailType", kind)
    detail, _ = clean(kind, line.get(kind) or {})
    books.resolve(kind, detail, (old or {}).get(kind))
    line[kind] = detail
    return None


def _text_line(line: Row) -> None:
    detail, _ = clean("DescriptionLineDetail", line.get("DescriptionLineDetail") or {})
    line.pop("Amount", None)
    line["DetailType"] = "DescriptionOnly"
    line["DescriptionLineDetail"] = detail


def _sales_line(books: Books, draft: Draft, line: Row, old: Row | None, sums: Sums) -> None:
    kind = "SalesItemLineDetail"
    detail, _ = clean(kind, line.get(kind) or {})
    if "ItemRef" not in detail:
        # Without an item the line is text and its amount is ignored.
        line.pop(kind, None)
        _text_line(line)
        return
    books.resolve(kind, detail, (old or {}).get(kind))
    item = books.get("Item", detail["ItemRef"]["value"])
    if item["Type"] == "Category":
        raise faults.rule("A line must use a product or service, not a category")
    _track_class(books, detail)
    line["Amount"] = _amount(line, detail)
    code = tax.line_code(books, draft.row, detail, item)
    gross = detail.pop("TaxInclusiveAmt", None)
    if code:
        detail["TaxCodeRef"] = {"value": code}
    base = tax.Base(code, line["Amount"])
    if draft.row.get("GlobalTaxCalculation") == "TaxInclusive":
        base.gross = gross or None
        detail["TaxInclusiveAmt"] = gross or tax.gross_of(books, code, line["Amount"])
    line[kind] = detail
    sums.bases.append(base)
    sums.subtotal += line["Amount"]


def _amount(line: Row, detail: Row) -> Decimal:
    """The amount of a line: half-up of quantity times price when both are given.

    Quantity and price both 0 with an amount is a form that client libraries send
    and QuickBooks Online takes.
    """
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    sent: Decimal | None = line.get("Amount")
    computed: Decimal | None = None
    if quantity is not None and price is not None and (quantity or price):
        computed = cents(quantity * price)
    if sent is None:
        if computed is None:
            raise faults.required("Line.Amount")
        return computed
    if computed is not None and sent != computed:
        raise faults.amount_rule(sent)
    return cents(sent)


def _track_class(books: Books, detail: Row) -> None:
    if "ClassRef" not in detail:
        return
    if not (books.settings.class_per_line or books.settings.class_per_txn):
        raise faults.not_in_plan("Class tracking")
    if not books.settings.class_per_line:
        del detail["ClassRef"]


def _group_line(books: Books, draft: Draft, line: Row, sums: Sums) -> None:
    detail, _ = clean("GroupLineDetail", line.get("GroupLineDetail") or {})
    books.resolve("GroupLineDetail", detail)
    inner: list[Row] = []
    total = ZERO
    for raw in detail.get("Line") or []:
        part, _ = clean("Line", raw)
        _one_line(books, draft, part, None, sums)
        total += part.get("Amount", ZERO)
        inner.append(part)
    detail["Line"] = inner
    line["GroupLineDetail"] = detail
    line["Amount"] = total


def _discount(books: Books, line: Row, sums: Sums) -> None:
    if not books.settings.allow_discount:
        raise faults.rule("Discounts are turned off for this company")
    detail = line["DiscountLineDetail"]
    missing = faults.ApiFault(
        6090, "Discount information missing", "A discount needs a percentage or an amount."
    )
    if detail.get("PercentBased"):
        if not detail.get("DiscountPercent"):
            raise missing
        line["Amount"] = cents(sums.subtotal * detail["DiscountPercent"] / 100)
    elif line.get("Amount") is None:
        raise missing
    detail.setdefault("PercentBased", False)
    line["Amount"] = cents(line["Amount"])
    sums.discount += line["Amount"]


def _identify(draft: Draft, lines: list[Row]) -> None:
    """Lines keep their id only when it was sent; the others get the next numbers."""
    count = draft.row.get("_line_count", 0)
    for index, line in enumerate(lines):
        if "Id" not in line:
            count += 1
            line["Id"] = str(count)
        if line["DetailType"] != "DiscountLineDetail":
            line.setdefault("LineNum", index + 1)
    draft.row["_line_count"] = count
