"""How much of an invoice may be credited: never more than was invoiced, by line and in total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.money import Money
from tieout.sync.credit import refuse_too_much


def document(*amounts: str, **details: Any) -> Document:
    """A document whose lines L001, L002 ... come to these amounts."""
    lines = tuple(
        Line(
            id=f"L{number:03}",
            kind=LineKind.TIME,
            budget_id="budget_1",
            description="Design",
            quantity=Decimal(1),
            rate=Decimal(amount),
            amount=Money(Decimal(amount), "USD"),
            project_id="project_1",
        )
        for number, amount in enumerate(amounts, start=1)
    )
    section = Section(project_id="project_1", budget_id="budget_1", title="Design", lines=lines)
    plain = Document(
        id="doc_1",
        kind=DocumentKind.INVOICE,
        number="INV-2026-0007",
        client_id="client_1",
        currency="USD",
        issue_date=date(2026, 1, 31),
        due_date=None,
        period_from=date(2026, 1, 1),
        period_to=date(2026, 1, 31),
        sections=(section,),
    )
    return replace(plain, **details)


def note(*amounts: str, name: str = "doc_2") -> Document:
    return document(*amounts, id=name, kind=DocumentKind.CREDIT_NOTE, number="", credits="doc_1")


def refusal(invoice: Document, before: Sequence[Document], one: Document) -> str:
    with pytest.raises(NotAllowed) as refused:
        refuse_too_much(invoice, before, one)
    return str(refused.value)


def test_the_whole_invoice_may_be_credited_once() -> None:
    invoice = document("100.00", "50.00")
    refuse_too_much(invoice, [], note("100.00", "50.00"))
    refuse_too_much(invoice, [note("100.00")], note("100.00"))  # the same draft, looked at again
    before = [note("60.00", name="doc_3")]
    refuse_too_much(invoice, before, note("40.00", "50.00"))


def test_a_line_is_never_credited_by_more_than_it_is() -> None:
    invoice = document("100.00", "50.00")
    assert refusal(invoice, [note("60.00", name="doc_3")], note("40.01")) == (
        "Line L001 of INV-2026-0007 is 100.00 USD, and credit notes over 100.01 USD would be more "
        "than that."
    )
    assert refusal(invoice, [], note("0.00", "0.00", "1.00")).startswith("Line L003 of ")


def test_an_invoice_with_a_discount_is_never_credited_by_more_than_its_total() -> None:
    """One line alone may be more than the invoice, where another took something off."""
    invoice = document("100.00", "-20.00")
    assert refusal(invoice, [], note("100.00")) == (
        "INV-2026-0007 has 80.00 USD left to credit, and 100.00 USD is more than that."
    )
    refuse_too_much(invoice, [], note("100.00", "-20.00"))
