"""The tax of a document by the firm's own rates: what is sent where Tieout computes taxes, and
where the ledger does, the figure that its own is compared with. Pure; `rounding.py` rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from tieout.billing.rounding import percent_of, percent_parts
from tieout.config import TaxRules, Workspace
from tieout.mapping import Held, line_names
from tieout.model.document import Document, Line
from tieout.model.money import Money, total
from tieout.model.party import Client
from tieout.model.project import Project, Rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTax:
    """One tax code of a document: what it is charged on, and what that comes to."""

    code: str  # its name in the ledger
    percent: Decimal
    net: Money
    tax: Money

    def __str__(self) -> str:
        return f"{self.code}, {percent_text(self.percent)} % of {self.net}: {self.tax}"


class Part(NamedTuple):
    """What one rate comes to on a line. Most codes are made of one."""

    percent: Decimal
    tax: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTax:
    """The tax of a document. That of its lines, and that of its codes, add up to the total."""

    lines: Mapping[str, Money]  # by line id
    parts: Mapping[str, tuple[Part, ...]]  # by line id: what each rate of its code comes to
    codes: tuple[CodeTax, ...]  # in the order of their first lines
    total: Money
    rounding: str  # `line` or `document`: see TaxRules

    @property
    def rounded(self) -> str:
        """How it was rounded, in words."""
        return ROUNDED[self.rounding]


#: How each rounding is said.
ROUNDED = {
    "line": "rounded on each line",
    "document": "rounded once for each code",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRates:
    """Why a tax cannot be computed: codes of which no rate is known on a day."""

    codes: tuple[str, ...]  # by name; "" for lines that have none
    day: date


def tax_of(
    document: Document,
    codes: Mapping[str, str],
    *,
    day: date,
    rules: TaxRules,
    mode: Rounding = Rounding.HALF_UP,
    charged: Mapping[str, tuple[Part, ...]] = MappingProxyType({}),
) -> DocumentTax | NoRates:
    """The tax of a document, given the tax code of each line by its id, at the rates of a day.

    `charged` is what lines bear already, by their ids: see `charged_before`.
    """
    by_code: dict[str, list[Line]] = {}
    for line in document.lines:
        by_code.setdefault(codes.get(line.id, ""), []).append(line)
    known = {code: rules.rate(code, day) for code in by_code}
    rates = {code: rate for code, rate in known.items() if rate is not None}
    if len(rates) < len(known):
        return NoRates(codes=tuple(code for code in known if code not in rates), day=day)
    currency = document.currency
    parts: dict[str, tuple[Part, ...]] = {}
    for code, lines in by_code.items():
        amounts = [line.amount for line in lines]
        columns = [
            _taxes(amounts, percent, rules.rounding, mode)
            for percent in rates[code].parts or (rates[code].percent,)
        ]
        parts |= {line.id: row for line, row in zip(lines, zip(*columns, strict=True), strict=True)}
    parts |= {line: row for line, row in charged.items() if line in parts}
    taxes = {line: total((part.tax for part in row), currency) for line, row in parts.items()}
    return DocumentTax(
        lines=taxes,
        parts=parts,
        codes=tuple(
            CodeTax(
                code=code,
                percent=rates[code].percent,
                net=total((line.amount for line in lines), currency),
                tax=total((taxes[line.id] for line in lines), currency),
            )
            for code, lines in by_code.items()
        ),
        total=total(taxes.values(), currency),
        rounding=rules.rounding,
    )


def _taxes(amounts: Sequence[Money], percent: Decimal, rounding: str, mode: Rounding) -> list[Part]:
    """What one rate comes to on each of the amounts."""
    if rounding == "document":
        taxes: Sequence[Money] = percent_parts(amounts, percent, mode)
    else:
        taxes = [percent_of(amount, percent, mode) for amount in amounts]
    return [Part(percent, tax) for tax in taxes]


def charged_before(
    note: Document, invoice: Document, tax: DocumentTax | NoRates | None
) -> Mapping[str, tuple[Part, ...]]:
    """What the lines of an invoice bear that a credit note takes back whole, by their ids: so
    that notes over some lines each add up to its tax, also where that was rounded once."""
    if not isinstance(tax, DocumentTax):
        return {}
    billed = {line.id: line.amount for line in invoice.lines}
    return {
        line.id: tax.parts[line.id] for line in note.lines if billed.get(line.id) == line.amount
    }


def tax_day(document: Document, credited: Document | None) -> date:
    """The day whose rates count: a credit note takes back the tax that its invoice bore."""
    return credited.issue_date if credited else document.issue_date


def mapped_tax(
    document: Document,
    credited: Document | None,
    *,
    projects: Mapping[str, Project],
    client: Client,
    workspace: Workspace,
) -> DocumentTax | NoRates | None:
    """The tax of a document whose lines get their codes by the ledger mapping; None where the
    mapping cannot be applied. `projects` are known by their ids."""
    budgets = {b.id: (b, project) for project in projects.values() for b in project.budgets}
    codes = {}
    for line in document.lines:
        budget, project = budgets.get(line.budget_id, (None, None))
        if budget is None or project is None:
            return None
        names = line_names(
            line,
            budget=budget,
            project=project,
            client=client,
            document=document,
            workspace=workspace,
        )
        if isinstance(names, Held):
            return None
        codes[line.id] = names.tax_code
    rules = workspace.ledger.taxes
    charged: Mapping[str, tuple[Part, ...]] = {}
    if credited is not None and rules.mode == "ours":  # a ledger computes each note by itself
        whole = mapped_tax(credited, None, projects=projects, client=client, workspace=workspace)
        charged = charged_before(document, credited, whole)
    return tax_of(
        document,
        codes,
        day=tax_day(document, credited),
        rules=rules,
        mode=workspace.policies.rounding,
        charged=charged,
    )


def percent_text(percent: Decimal) -> str:
    """`15`, `8.25`: without zeros that say nothing."""
    return f"{percent.normalize():f}"
