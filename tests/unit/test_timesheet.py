"""The timesheet of an invoice: its words and its file, by the entries behind its lines."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.billing.rounding import line_amount, round_quantity, spread_hours
from tieout.billing.timesheet import Worked, file, file_name, has_time, summary
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section, WorkShare
from tieout.model.money import Money


def time_line(number: int, seconds: dict[str, int], rate: str = "100.00", **more: Any) -> Line:
    quantity = round_quantity(sum(seconds.values()))
    line = Line(
        id=f"L{number:03}",
        kind=LineKind.TIME,
        budget_id="build",
        description="Design",
        quantity=quantity,
        rate=Decimal(rate),
        amount=line_amount(quantity, Decimal(rate), "USD"),
        project_id="p1",
        work=tuple(WorkShare(work_id=name, seconds=many) for name, many in seconds.items()),
    )
    return replace(line, **more)


FEE = Line(
    id="L009",
    kind=LineKind.INSTALMENT,
    budget_id="fee",
    description="Fee",
    quantity=Decimal(1),
    rate=Decimal("500.00"),
    amount=Money.of("500.00", "USD"),
    project_id="p1",
    work=(WorkShare(work_id="i1"),),
)


def invoice(*lines: Line, number: str = "INV-2026-0007") -> Document:
    budgets = dict.fromkeys(line.budget_id for line in lines)
    return Document(
        id="doc_1",
        kind=DocumentKind.INVOICE,
        number=number,
        client_id="c1",
        currency="USD",
        issue_date=date(2026, 1, 31),
        due_date=None,
        period_from=date(2026, 1, 1),
        period_to=date(2026, 1, 31),
        sections=tuple(
            Section(
                project_id="p1",
                budget_id=budget,
                title=budget,
                lines=tuple(line for line in lines if line.budget_id == budget),
            )
            for budget in budgets
        ),
    )


def said(day: int, person: str, task: str = "Design", notes: str = "") -> Worked:
    return Worked(day=date(2026, 1, day), person=person, task=task, notes=notes)


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


# -- the words ------------------------------------------------------------------------------
def test_each_person_and_task_is_one_line_below_its_budget() -> None:
    worked = {"a": said(2, "Ana"), "b": said(1, "Ben"), "c": said(3, "Ana"), "d": said(3, "", "")}
    lines = (
        time_line(1, {"a": 5400, "b": 3600, "c": 1800}),
        time_line(2, {"d": 1200}, budget_id="care"),
        FEE,
    )
    assert summary(invoice(*lines), worked) == {
        "build": ("Ben, Design, 1.00 h", "Ana, Design, 2.00 h"),
        "care": ("0.3333 h",),
    }


def test_a_line_whose_entries_are_not_known_stands_for_them() -> None:
    line = time_line(1, {"a": 5400, "gone": 1800}, person="Ana", task="Design")
    assert summary(invoice(line), {"a": said(1, "Ana")}) == {"build": ("Ana, Design, 2.00 h",)}
    alone = replace(line, work=(), service_date=date(2026, 1, 9))
    assert table(file(invoice(alone), {}))[1] == [
        *("2026-01-09", "Ana", "Design", "2.00", "100.00", "200.00", "Design"),
    ]


def test_without_time_there_is_nothing_to_show() -> None:
    assert not has_time(invoice(FEE))
    assert summary(invoice(FEE), {}) == {}
    assert has_time(invoice(FEE, time_line(1, {"a": 60})))


# -- the file -------------------------------------------------------------------------------
def test_the_file_lists_the_entries_by_day_and_ends_with_the_lines_total() -> None:
    """Three times twenty minutes are an hour: 33.33 + 33.33 + 33.34 = 100.00."""
    worked = {
        "a": said(3, "Ana"),
        "b": said(1, "Ben", notes="call,\nthen “mail”"),
        "c": said(2, "Ana"),
    }
    document = invoice(time_line(1, {"a": 1200, "b": 1200, "c": 1200}), FEE)
    assert table(file(document, worked)) == [
        ["Date", "Person", "Task", "Hours", "Rate", "Amount (USD)", "Notes"],
        ["2026-01-01", "Ben", "Design", "0.3333", "100.00", "33.33", "call, then “mail”"],
        ["2026-01-02", "Ana", "Design", "0.3333", "100.00", "33.33", ""],
        ["2026-01-03", "Ana", "Design", "0.3334", "100.00", "33.34", ""],
        ["Total", "", "", "1.00", "", "100.00", ""],
    ]


def test_the_same_document_gives_the_same_bytes() -> None:
    worked = {"a": said(3, "Ana"), "b": said(1, "Ben")}
    document = invoice(time_line(1, {"a": 1200, "b": 1200}))
    assert file(document, worked) == file(document, dict(reversed(worked.items())))
    assert file(document, worked).startswith(b"\xef\xbb\xbfDate,")
    assert file(document, worked).endswith(b"\r\n")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t="])
def test_no_cell_is_a_formula(start: str) -> None:
    worked = {
        "a": Worked(day=date(2026, 1, 1), person=f"{start}1+1", task=f"{start}x", notes=f"{start}y")
    }
    row = table(file(invoice(time_line(1, {"a": 3600})), worked))[1]
    for cell in (row[1], row[2], row[6]):
        assert cell.startswith("'")
        assert cell[1] in "=+-@"


def test_its_name_is_the_invoices_and_fits_into_an_address() -> None:
    assert file_name(invoice(FEE)) == "INV-2026-0007-timesheet.csv"
    assert file_name(invoice(FEE, number="A/26 #7")) == "A-26-7-timesheet.csv"


amounts = st.lists(st.integers(0, 12 * 3600), min_size=1, max_size=30)


@given(amounts, st.integers(1, 50_000))
def test_whatever_the_entries_the_rows_add_up_to_the_line(seconds: list[int], rate: int) -> None:
    shares = {f"w{n}": many for n, many in enumerate(seconds)}
    line = time_line(1, shares, rate=str(Decimal(rate).scaleb(-2)))
    worked = {name: said(1 + n % 28, "Ana") for n, name in enumerate(shares)}
    _, *rows, last = table(file(invoice(line), worked))
    assert len(rows) == len(seconds)
    assert sum(Decimal(row[3]) for row in rows) == line.quantity == Decimal(last[3])
    assert sum(Decimal(row[5]) for row in rows) == line.amount.amount == Decimal(last[5])


@given(amounts.filter(any))
def test_hours_are_split_within_a_ten_thousandth_of_what_was_worked(seconds: list[int]) -> None:
    parts = spread_hours(round_quantity(sum(seconds)), seconds)
    for part, many in zip(parts, seconds, strict=True):
        assert abs(part * 3600 - many) < Decimal("0.72")  # two ten-thousandths of an hour
