"""The documents we issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from tieout.model.money import Money, total


class DocumentKind(StrEnum):
    """What a document is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class DocumentStatus(StrEnum):
    """Where a document stands. Numbers never change after `draft`."""

    DRAFT = "draft"
    APPROVED = "approved"
    PUSHED = "pushed"
    PART_PAID = "part_paid"
    PAID = "paid"
    CREDITED = "credited"  # settled by credit notes alone
    VOID = "void"


class LineKind(StrEnum):
    """What a line sells."""

    TIME = "time"
    EXPENSE = "expense"
    INSTALMENT = "instalment"


class HoldReason(StrEnum):
    """Why approved-looking work is not on a document; each has words for a bookkeeper."""

    NOT_APPROVED = "not_approved"
    NO_RATE = "no_rate"
    NO_PROJECT = "no_project"
    UNMAPPED = "unmapped"
    BUDGET_CLOSED = "budget_closed"
    CURRENCY_MISSING = "currency_missing"
    RUNNING = "running"
    BILLED_UPSTREAM = "billed_upstream"
    BAD_HOURS = "bad_hours"
    ZERO_TOTAL = "zero_total"
    DISPUTED = "disputed"
    OUTSIDE_PERIOD = "outside_period"
    BAD_TERMS = "bad_terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkShare:
    """One work item on a line: all of it counts there."""

    work_id: str
    seconds: int = 0  # after time rounding; 0 for what is not time


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a document: quantity x rate = amount, to the minor unit."""

    id: str  # stable within the document: `L001`
    kind: LineKind
    budget_id: str
    description: str
    quantity: Decimal  # at most 4 decimals; hours for time
    rate: Decimal  # per unit, in the document's currency
    amount: Money
    project_id: str
    person: str = ""
    task: str = ""
    role: str = ""
    service_date: date | None = None  # the last day of work on it
    item: str = ""  # the ledger item by our name, "" = by the ledger mapping
    rate_origin: str = ""  # which rule gave the rate, and where it is written
    work: tuple[WorkShare, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The lines of one budget, in the order they are printed."""

    project_id: str
    budget_id: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An invoice or a credit note. `total` is the sum of its lines, before the ledger's tax."""

    id: str
    kind: DocumentKind
    number: str  # "" while a draft: numbers are taken by the approval
    client_id: str
    currency: str
    issue_date: date
    due_date: date | None  # None: the ledger computes it from the terms
    period_from: date
    period_to: date
    sections: tuple[Section, ...]
    status: DocumentStatus = DocumentStatus.DRAFT
    revision: int = 1
    terms: str = ""
    po_number: str = ""
    memo: str = ""
    credits: str = ""  # the id of the invoice that a credit note credits
    releases: bool = False  # whether its approval makes the credited work billable again

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for section in self.sections for line in section.lines)

    @property
    def total(self) -> Money:
        return total((line.amount for line in self.lines), self.currency)

    @property
    def project_ids(self) -> tuple[str, ...]:
        """The projects on it, each once, in the order of the sections."""
        return tuple(dict.fromkeys(section.project_id for section in self.sections))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person ordered to be done about an approved document: to void it, or to correct
    what may be corrected. None leaves a field as it is."""

    document_id: str
    writer: str  # the ledger's writer that carries it out: `void`, `correction`
    revision: int  # 1, 2 ... of a document's orders for that writer
    memo: str | None = None
    due_date: date | None = None
    releases: bool = False  # whether a void makes the work billable again
    reason: str = ""
