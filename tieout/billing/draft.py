"""From entries, terms and a period to the drafts of invoices."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from tieout.billing import fixed_fee, time_and_materials
from tieout.billing.gates import Engagement, sort_entries
from tieout.billing.inputs import BillingInput
from tieout.billing.results import BillingResult, BudgetResult, Held
from tieout.model.document import (
    Document,
    DocumentKind,
    HoldReason,
    Line,
    Section,
)
from tieout.model.ids import stable_id
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, InvoiceBy, Project


class _InvoiceKey(NamedTuple):
    """What shares one invoice: one client's engagement, in one currency, on one set of terms.

    Projects with different payment terms or purchase orders never share one: the invoice
    could only carry one of the two.
    """

    client_id: str
    project_id: str  # "" when a client's projects share an invoice
    currency: str
    terms: str
    po_number: str


class _Part(NamedTuple):
    """One budget's lines on their way to an invoice."""

    project: Project
    client: Client
    budget: Budget
    lines: tuple[Line, ...]


def draft_invoices(given: BillingInput) -> BillingResult:
    """Bill one period: drafts, and a reason for everything that is on none.

    The order of the input does not matter, and the same input gives the same drafts with
    the same ids. Sections follow the projects by name and the order of each project's
    budgets. An invoice that comes to zero is not issued: its work is held.
    Raises BadInput when ids are not unique.
    """
    gated = sort_entries(given)
    held = list(gated.held)
    invoices: dict[_InvoiceKey, list[_Part]] = {}
    for engagement in gated.engagements:
        for budget in engagement.project.budgets:
            result = _bill_budget(given, engagement, budget)
            held += result.held
            if result.lines and engagement.client is not None:
                part = _Part(engagement.project, engagement.client, budget, result.lines)
                key = _key_of(engagement.project, given.policies.invoice_by)
                invoices.setdefault(key, []).append(part)
    documents: list[Document] = []
    for key, parts in sorted(invoices.items(), key=_in_print_order):
        document = _document(given, key, parts)
        if document.total:
            documents.append(document)
        else:
            held += _held_at_zero(document)
    return BillingResult(
        documents=tuple(documents),
        held=tuple(sorted(held)),
        never_billed=tuple(sorted(gated.never_billed)),
        already_billed=tuple(sorted(gated.already_billed)),
    )


def _bill_budget(given: BillingInput, engagement: Engagement, budget: Budget) -> BudgetResult:
    project, rounding = engagement.project, given.policies.rounding
    if budget.model is BillingModel.FIXED_FEE:
        if engagement.stop is None:
            return fixed_fee.bill(project, budget, given.period, given.already_billed, rounding)
        return fixed_fee.hold_due(budget, given.period, given.already_billed, *engagement.stop)
    work = engagement.work.get(budget.id)
    if not work or engagement.client is None:
        return BudgetResult((), ())
    client_name = engagement.client.name
    return time_and_materials.bill(project, client_name, budget, work, given.rates, rounding)


def _key_of(project: Project, invoice_by: InvoiceBy) -> _InvoiceKey:
    alone = project.id if invoice_by is InvoiceBy.PROJECT else ""
    return _InvoiceKey(project.client_id, alone, project.currency, project.terms, project.po_number)


def _in_print_order(invoice: tuple[_InvoiceKey, list[_Part]]) -> tuple[str, ...]:
    key, parts = invoice
    first = parts[0]
    return (first.client.name, first.project.name, first.project.id, *key)


def _document(given: BillingInput, key: _InvoiceKey, parts: list[_Part]) -> Document:
    return Document(
        id=_free_id(given, key),
        kind=DocumentKind.INVOICE,
        number="",
        client_id=key.client_id,
        currency=key.currency,
        issue_date=given.issue_date or given.period.end,
        due_date=None,
        period_from=given.period.start,
        period_to=given.period.end,
        sections=_sections(parts),
        terms=key.terms,
        po_number=key.po_number,
    )


def _free_id(given: BillingInput, key: _InvoiceKey) -> str:
    """The first id for this invoice in this period that no lasting document has.

    A period is billed again when work was approved late: the second invoice needs an id
    of its own, while a draft that is only made anew keeps its id.
    """
    # A project's own invoice stays the same one when its terms are corrected.
    what = key[:3] if key.project_id else key
    start, end = given.period.start.isoformat(), given.period.end.isoformat()
    return _first_free((*what, start, end), given.taken)


def _first_free(parts: tuple[str, ...], taken: AbstractSet[str]) -> str:
    # One more than the ids taken is enough, so this ends.
    for number in range(1, len(taken) + 2):
        found = stable_id("doc", *parts, str(number))
        if found not in taken:
            return found
    raise AssertionError("more ids are taken than there are")


def _sections(parts: list[_Part]) -> tuple[Section, ...]:
    """Sections with their lines numbered through the document: L001, L002 ..."""
    several = len({part.project.id for part in parts}) > 1
    sections: list[Section] = []
    before = 0
    for part in parts:
        lines = tuple(
            replace(line, id=f"L{number:03d}")
            for number, line in enumerate(part.lines, start=before + 1)
        )
        before += len(lines)
        title = f"{part.project.name} – {part.budget.name}" if several else part.budget.name
        sections.append(
            Section(project_id=part.project.id, budget_id=part.budget.id, title=title, lines=lines)
        )
    return tuple(sections)


def _held_at_zero(document: Document) -> Iterable[Held]:
    """What would stand on an invoice of nothing stays unbilled."""
    text = f"The invoice for {document.period_from} to {document.period_to} would come to zero."
    for line in document.lines:
        for share in line.work:
            yield Held(share.work_id, HoldReason.ZERO_TOTAL, text)
