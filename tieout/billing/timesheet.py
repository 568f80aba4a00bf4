"""The timesheet of an invoice: the entries behind its lines, as words below them and as a file.

Both are made from the approved document and its entries alone, so the same document always gives
the same bytes. A line's hours and its amount are split over its entries: the parts add up to what
was invoiced, to the cent, whatever each entry was rounded from.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tieout.billing.rounding import spread, spread_hours
from tieout.model.document import Document, Line, LineKind
from tieout.model.money import Money, total

#: A cell that begins so is run as a formula by programs that open the file.
_RUNS = ("=", "+", "-", "@")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What one time entry says, by our names."""

    day: date
    person: str
    task: str
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry as it was billed: its share of its line."""

    day: date | None
    person: str
    task: str
    hours: Decimal
    rate: Decimal
    amount: Money
    notes: str = ""


def has_time(document: Document) -> bool:
    """Whether there is anything a timesheet could show."""
    return any(line.kind is LineKind.TIME for line in document.lines)


def summary(document: Document, worked: Mapping[str, Worked]) -> dict[str, tuple[str, ...]]:
    """By budget: `Ana Ruiz, Design, 12.50 h` for each person and task, in the order of the days.

    `worked` is what the entries say, by the id of the work.
    """
    told = {}
    for section in document.sections:
        hours: dict[tuple[str, str], Decimal] = {}
        for row in _in_order(row for line in section.lines for row in _rows(line, worked)):
            who = (row.person, row.task)
            hours[who] = hours.get(who, Decimal(0)) + row.hours
        if hours:
            told[section.budget_id] = tuple(
                ", ".join(part for part in (*who, f"{_hours(many)} h") if part)
                for who, many in hours.items()
            )
    return told


def file(document: Document, worked: Mapping[str, Worked]) -> bytes:
    """Every time entry of the document as CSV, section by section, and a row of totals, which
    are those of the document's time lines."""
    text = io.StringIO()
    table = csv.writer(text)  # RFC 4180: commas, quotes where they are needed, CRLF
    names = ("Date", "Person", "Task", "Hours", "Rate", f"Amount ({document.currency})", "Notes")
    table.writerow(names)
    hours, amounts = Decimal(0), list[Money]()
    for section in document.sections:
        for row in _in_order(row for line in section.lines for row in _rows(line, worked)):
            hours += row.hours
            amounts.append(row.amount)
            table.writerow(_cells(row))
    whole = total(amounts, document.currency)
    table.writerow(("Total", "", "", _hours(hours), "", whole.plain, ""))
    # Without the mark Excel takes the letters of names for others.
    return text.getvalue().encode("utf-8-sig")


def file_name(document: Document) -> str:
    """A name that shows whose it is, with nothing in it that an address could not have."""
    return f"{_NOT_IN_A_NAME.sub('-', document.number)}-timesheet.csv"


def _rows(line: Line, worked: Mapping[str, Worked]) -> Iterator[Row]:
    """The entries of a time line, each with its share; the line itself when none is known."""
    if line.kind is not LineKind.TIME:
        return
    shares = [share for share in line.work if share.work_id in worked]
    if not shares or len(shares) < len(line.work):
        yield Row(
            day=line.service_date,
            person=line.person,
            task=line.task,
            hours=line.quantity,
            rate=line.rate,
            amount=line.amount,
            notes=line.description,
        )
        return
    seconds = [share.seconds for share in shares]
    weights = seconds if any(seconds) else [1] * len(seconds)
    parts = zip(
        shares, spread_hours(line.quantity, weights), spread(line.amount, weights), strict=True
    )
    for share, hours, amount in parts:
        said = worked[share.work_id]
        yield Row(
            day=said.day,
            person=said.person,
            task=said.task,
            hours=hours,
            rate=line.rate,
            amount=amount,
            notes=said.notes,
        )


def _in_order(rows: Iterator[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.day or date.min, row.person, row.task, row.notes))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.day.isoformat() if row.day else "",
        _text(row.person),
        _text(row.task),
        _hours(row.hours),
        Money(row.rate, row.amount.currency).plain,
        row.amount.plain,
        _text(row.notes),
    )


def _text(words: str) -> str:
    """Words as one line of a cell, which is never run as a formula."""
    flat = " ".join(words.split())
    return f"'{flat}" if flat.startswith(_RUNS) else flat


def _hours(hours: Decimal) -> str:
    """At least two decimals: `12.50`, `0.3333`."""
    whole, _, part = f"{hours:.4f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"
