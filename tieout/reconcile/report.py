"""The reconciliation report: one HTML file that prints well, CSV for a sheet, JSON for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.money import minor_units
from tieout.reconcile.compare import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """When a discrepancy was first seen; what the last run knew of it."""

    first_seen: datetime
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A comparison with the history of its discrepancies."""

    comparison: Comparison
    run_id: str
    aged: Mapping[str, Aged]  # by discrepancy id
    closed: tuple[str, ...]  # titles of what the last run listed and this one does not
    time_zone: str  # IANA name: times are shown in it


CSV_COLUMNS = (
    "id",
    "class",
    "what",
    "title",
    "ours",
    "theirs",
    "difference",
    "currency",
    "age_days",
    "explanation",
    "what_to_do",
    "evidence",
)


def as_csv(report: Report) -> str:
    """The discrepancies as CSV with a header, one row each; values no sheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for row in _rows(report):
        writer.writerow([_tame(row[column]) for column in CSV_COLUMNS])
    return out.getvalue()


def as_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON-able data; amounts are text with the currency's decimals."""
    books = report.comparison.books
    return {
        "firm": books.firm,
        "ledger": books.ledger,
        "company": books.company,
        "as_of": books.as_of.isoformat(),
        "run": report.run_id,
        "can_be_signed": can_be_signed(report),
        "discrepancies": _rows(report),
        "closed_since_last_run": list(report.closed),
        "recovered": [
            {"number": r.number, "what": r.what, "settled": r.settled} for r in books.recoveries
        ],
        "control": [
            {
                "currency": control.currency,
                "ours": _side(control.ours, control.currency),
                "theirs": _side(control.theirs, control.currency),
                "unexplained": _plain(control.unexplained, control.currency),
            }
            for control in report.comparison.control
        ],
        "ageing": [
            {
                "currency": ageing.currency,
                **{name: _plain(amount, ageing.currency) for name, amount in ageing.buckets},
            }
            for ageing in report.comparison.ageing
        ],
        "freshness": [
            {
                "stream": f"{stream.connection}/{stream.stream}",
                "last_success": stream.last_success.isoformat() if stream.last_success else None,
            }
            for stream in books.freshness
        ],
    }


def as_html(report: Report) -> str:
    """The report as one self-contained page."""
    return _template(report.time_zone).render(
        report=report,
        books=report.comparison.books,
        groups=_by_class(report),
        rows={row["id"]: row for row in _rows(report)},
        signable=can_be_signed(report),
    )


@cache
def _template(time_zone: str) -> Template:
    """The page, read and compiled once for a process."""
    environment = Environment(
        loader=PackageLoader("tieout.reconcile"), autoescape=True, undefined=StrictUndefined
    )
    zone = ZoneInfo(time_zone)
    environment.filters["local"] = lambda at: (
        f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "never"
    )
    environment.filters["money"] = _grouped
    return environment.get_template("report.html")


def can_be_signed(report: Report) -> bool:
    """Whether the open balances of both sides agree to the last cent in every currency."""
    return all(not control.unexplained for control in report.comparison.control)


def _by_class(report: Report) -> list[tuple[DiscrepancyClass, list[Discrepancy]]]:
    found = report.comparison.discrepancies
    return [
        (cls, [discrepancy for discrepancy in found if discrepancy.cls is cls])
        for cls in DiscrepancyClass
        if any(discrepancy.cls is cls for discrepancy in found)
    ]


def _rows(report: Report) -> list[dict[str, Any]]:
    return [_row(report, discrepancy) for discrepancy in report.comparison.discrepancies]


def _row(report: Report, discrepancy: Discrepancy) -> dict[str, Any]:
    aged = report.aged.get(discrepancy.id)
    age = max(0, (report.comparison.books.as_of - aged.first_seen).days) if aged else 0
    amount = discrepancy.amount
    return {
        "id": discrepancy.id,
        "class": discrepancy.cls.value,
        "what": discrepancy.cls.words,
        "title": discrepancy.title,
        "ours": discrepancy.ours,
        "theirs": discrepancy.theirs,
        "difference": "" if amount is None else _plain(amount, discrepancy.currency),
        "currency": discrepancy.currency,
        "age_days": age,
        "is_new": aged is None or aged.is_new,
        "explanation": discrepancy.explanation,
        "what_to_do": discrepancy.what_to_do,
        "evidence": " ".join(discrepancy.evidence),
    }


def _side(side: Any, currency: str) -> dict[str, Any]:
    return {
        "invoices": side.invoices,
        "invoiced": _plain(side.invoiced, currency),
        "credited": _plain(side.credited, currency),
        "paid": _plain(side.paid, currency),
        "open": _plain(side.open, currency),
    }


def _plain(amount: Decimal, currency: str) -> str:
    return f"{amount:.{minor_units(currency)}f}"


def _grouped(amount: Decimal, currency: str) -> str:
    return f"{amount:,.{minor_units(currency)}f}"


def _tame(value: Any) -> str:
    """Text that a spreadsheet shows and does not run: a vendor's words may begin with `=`."""
    text = str(value)
    is_number = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text[:1] in "=+-@\t\r" and text and not is_number else text
