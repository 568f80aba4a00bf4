"""Our own figure of a document's tax: both roundings, several codes, documents that mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tieout.billing.rounding import percent_parts
from tieout.billing.taxes import DocumentTax, NoRates, Part, tax_day, tax_of
from tieout.config import TaxRules
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.money import Money, total
from tieout.model.project import Rounding

DAY = date(2026, 3, 2)


def rules(rounding: str = "line", **charged: str) -> TaxRules:
    rates = {
        code: [{"from": date(2020, 1, 1), "percent": Decimal(percent)}]
        for code, percent in charged.items()
    }
    return TaxRules.model_validate({"rounding": rounding, "rates": rates})


def document(amounts: Sequence[Decimal], currency: str = "USD") -> Document:
    lines = tuple(
        Line(
            id=f"L{number:03}",
            kind=LineKind.TIME,
            budget_id="b1",
            description="Design",
            quantity=Decimal(1),
            rate=amount,
            amount=Money(amount, currency),
            project_id="p1",
        )
        for number, amount in enumerate(amounts, 1)
    )
    return Document(
        id="doc_1",
        kind=DocumentKind.INVOICE,
        number="INV-2026-0001",
        client_id="c1",
        currency=currency,
        issue_date=DAY,
        due_date=None,
        period_from=DAY,
        period_to=DAY,
        sections=(Section(project_id="p1", budget_id="b1", title="Atlas", lines=lines),),
    )


def taxed(
    made: Document, codes: Sequence[str], by: TaxRules, mode: Rounding = Rounding.HALF_UP
) -> DocumentTax:
    named = {line.id: code for line, code in zip(made.lines, codes, strict=True)}
    found = tax_of(made, named, day=DAY, rules=by, mode=mode)
    assert isinstance(found, DocumentTax)
    return found


THREE = [Decimal("25.06"), Decimal("25.61"), Decimal("25.63")]


def test_three_lines_at_15_percent_in_both_roundings() -> None:
    """Xero's own example: 3.76 + 3.84 + 3.84 = 11.44; on the sum of 76.30 it is 11.45."""
    by_line = taxed(document(THREE), ["VAT"] * 3, rules("line", VAT="15"))
    assert [tax.plain for tax in by_line.lines.values()] == ["3.76", "3.84", "3.84"]
    assert (by_line.total.plain, by_line.rounded) == ("11.44", "rounded on each line")
    once = taxed(document(THREE), ["VAT"] * 3, rules("document", VAT="15"))
    assert [tax.plain for tax in once.lines.values()] == ["3.76", "3.84", "3.85"]
    assert (once.total.plain, once.rounded) == ("11.45", "rounded once for each code")
    assert [str(code) for code in once.codes] == ["VAT, 15 % of 76.30 USD: 11.45 USD"]


def test_each_code_has_its_rate_and_is_rounded_by_itself() -> None:
    made = document([*THREE, Decimal("0.30")])
    found = taxed(made, ["VAT", "VAT", "VAT", "Low"], rules("document", VAT="15", Low="5"))
    assert [(code.code, code.net.plain, code.tax.plain) for code in found.codes] == [
        ("VAT", "76.30", "11.45"),
        ("Low", "0.30", "0.02"),
    ]
    assert found.parts["L004"] == (Part(Decimal(5), Money.of("0.02", "USD")),)
    assert found.total.plain == "11.47"


def test_a_rate_holds_from_its_first_day_until_the_next() -> None:
    dated = TaxRules.model_validate(
        {
            "rates": {
                "VAT": [
                    {"from": date(2026, 3, 1), "percent": Decimal("19")},
                    {"from": date(2020, 7, 1), "percent": Decimal("16")},
                ]
            }
        }
    )
    days = (date(2020, 6, 30), date(2020, 7, 1), date(2026, 2, 28), date(2026, 3, 1))
    rates = [dated.rate("VAT", day) for day in days]
    assert [rate and rate.percent for rate in rates] == [None, 16, 16, 19]
    assert dated.rate(" vat ", DAY) == rates[-1], "as names are looked up in the ledger"


def test_codes_without_a_rate_are_all_named() -> None:
    named = {"L001": "VAT", "L002": "Odd", "L003": ""}
    found = tax_of(document(THREE), named, day=DAY, rules=rules(VAT="15"))
    assert found == NoRates(codes=("Odd", ""), day=DAY)


def test_the_day_of_a_credit_note_is_that_of_its_invoice() -> None:
    invoice = document(THREE)
    note = replace(invoice, kind=DocumentKind.CREDIT_NOTE, issue_date=date(2026, 9, 1))
    assert (tax_day(invoice, None), tax_day(note, invoice)) == (DAY, DAY)


def test_each_rate_of_a_code_is_rounded_by_itself() -> None:
    """5 % and 9.975 % of 4,495.16 are 224.76 and 448.39; 14.975 % of it would be 673.15 too."""
    canada = TaxRules.model_validate(
        {
            "rates": {
                "GST/QST": [
                    {
                        "from": date(2013, 1, 1),
                        "percent": Decimal("14.975"),
                        "parts": [Decimal(5), Decimal("9.975")],
                    }
                ]
            }
        }
    )
    found = taxed(document([Decimal("4495.16"), Decimal("0.10")]), ["GST/QST"] * 2, canada)
    first, second = found.parts.values()
    assert [(part.percent, part.tax.plain) for part in first] == [
        (Decimal(5), "224.76"),
        (Decimal("9.975"), "448.39"),
    ]
    # 0.005 and 0.009975 are a cent each; 0.014975 together would be one.
    assert [part.tax.plain for part in second] == ["0.01", "0.01"]
    assert [tax.plain for tax in found.lines.values()] == ["673.15", "0.02"]
    assert str(found.codes[0]) == "GST/QST, 14.975 % of 4495.26 USD: 673.17 USD"


cents = st.integers(-10_000_000, 10_000_000).map(lambda whole: Decimal(whole).scaleb(-2))
percents = st.integers(0, 400_000).map(lambda parts: Decimal(parts).scaleb(-4))
modes = st.sampled_from(Rounding)


@given(st.lists(cents, min_size=1, max_size=30), percents, modes)
def test_parts_of_a_percentage_add_up_and_none_is_a_cent_off(
    amounts: list[Decimal], percent: Decimal, mode: Rounding
) -> None:
    parts = percent_parts([Money(amount, "USD") for amount in amounts], percent, mode)
    whole = sum(amounts) * percent / 100
    assert abs(total(parts, "USD").amount - whole) <= Decimal("0.005")
    assert all(part.is_whole for part in parts)
    for amount, part in zip(amounts, parts, strict=True):
        assert abs(part.amount - amount * percent / 100) < Decimal("0.015")


@given(
    st.lists(st.tuples(cents, st.sampled_from(["VAT", "Low", "None"])), min_size=1, max_size=30),
    st.sampled_from(["line", "document"]),
    modes,
)
def test_lines_and_codes_add_up_and_a_negative_document_mirrors(
    lines: list[tuple[Decimal, str]], rounding: str, mode: Rounding
) -> None:
    """In both roundings: what is taken back is what was charged, line by line."""
    amounts, codes = [amount for amount, _ in lines], [code for _, code in lines]
    by = rules(rounding, VAT="19", Low="8.875", **{"None": "0"})
    there = taxed(document(amounts), codes, by, mode)
    back = taxed(document([-amount for amount in amounts]), codes, by, mode)
    assert total(there.lines.values(), "USD") == there.total
    assert total((code.tax for code in there.codes), "USD") == there.total
    assert total((code.net for code in there.codes), "USD") == document(amounts).total
    assert {line: -tax for line, tax in back.lines.items()} == there.lines
    assert -back.total == there.total
    for code in there.codes:
        exact = code.net.amount * code.percent / 100
        allowed = len(lines) if rounding == "line" else 1
        assert abs(code.tax.amount - exact) <= allowed * Decimal("0.005")
    whole = [isinstance(tax.amount, Decimal) and tax.is_whole for tax in there.lines.values()]
    assert all(whole)


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=12))
def test_yen_have_no_cents(amounts: list[int]) -> None:
    made = document([Decimal(amount) for amount in amounts], "JPY")
    found = taxed(made, ["VAT"] * len(amounts), rules("document", VAT="10"))
    assert all(tax.amount == tax.amount.to_integral_value() for tax in found.lines.values())
    assert total(found.lines.values(), "JPY") == found.total
