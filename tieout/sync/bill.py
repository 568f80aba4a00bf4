"""Bill: approved work of a period becomes drafts; everything else gets its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from tieout.billing.draft import draft_invoices
from tieout.billing.fixed_fee import instalment_id
from tieout.billing.holds import HOLD_WORDS
from tieout.billing.inputs import BillableEntry, BillingInput, Period, Policies
from tieout.billing.rates import FIRM_CARD, RateBook
from tieout.billing.results import BillingResult
from tieout.config import due_days
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.model.project import InvoiceBy, Project, RateFact, Rounding
from tieout.model.work import TimeEntry
from tieout.store import audit, documents, facts, held, projects, work
from tieout.store.core import Tx
from tieout.sync.engine import Engine

SCOPE = "work"

_RATES = facts.Kind("rate", RateFact)


@dataclass(frozen=True, kw_only=True)
class Billed:
    """What a billing run made."""

    period: Period
    result: BillingResult

    @property
    def drafts(self) -> tuple[Document, ...]:
        return self.result.documents


def bill(engine: Engine, period: Period, *, issue_date: date | None = None) -> Billed:
    """Make the drafts of a period anew. Approved documents stay; drafts are replaced.

    Everything happens in one transaction: there is no moment at which work is on no
    draft or on two.
    """
    with engine.store.begin() as tx:
        old = [
            document.id
            for document in documents.list_documents(
                tx, statuses=[DocumentStatus.DRAFT], kind=DocumentKind.INVOICE
            )
            if (document.period_from, document.period_to) == (period.start, period.end)
        ]
        known = {project.id: project for project in projects.list_projects(tx)}
        given = _given(engine, tx, period, old, known, issue_date)
        result = draft_invoices(given)
        finished = tuple(_with_due_date(engine, document) for document in result.documents)
        result = replace(result, documents=finished)
        for document_id in old:
            documents.delete_draft(tx, document_id)
        work.put_many(tx, _instalments(known, result))
        for document in result.documents:
            documents.save_draft(tx, document)
        _tell_held(tx, period, result)
        audit.record(
            tx,
            engine.actor,
            "period.billed",
            str(period),
            {"drafts": len(result.documents), "held": len(result.held)},
        )
    return Billed(period=period, result=result)


def _given(
    engine: Engine,
    tx: Tx,
    period: Period,
    old_drafts: list[str],
    known: dict[str, Project],
    issue_date: date | None,
) -> BillingInput:
    policies = engine.workspace.policies
    lasting = [d.id for d in documents.list_documents(tx) if d.id not in set(old_drafts)]
    return BillingInput(
        projects=list(known.values()),
        clients=projects.list_clients(tx),
        entries=list(_entries(tx, period, old_drafts)),
        rates=rate_book(engine, tx),
        period=period,
        policies=Policies(
            invoice_by=InvoiceBy(policies.invoice_by),
            max_hours_per_day=policies.max_hours_per_day or 10**6,
            rounding=Rounding(policies.rounding),
        ),
        issue_date=issue_date,
        already_billed=work.live_ids(tx, work.WorkKind.INSTALMENT, except_on=old_drafts),
        taken=frozenset(lasting),
    )


def rate_book(engine: Engine, tx: Tx) -> RateBook:
    """Every rate: those of rates.yaml and those that came in files."""
    rules = engine.workspace.rate_rules
    from_files = (fact.rate for fact in facts.bodies(tx, _RATES))
    return RateBook(
        [*engine.workspace.rates, *from_files],
        firm_card=rules.default_card or FIRM_CARD,
        use_source_rates=rules.use_source_rates,
    )


def _entries(tx: Tx, period: Period, old_drafts: list[str]) -> Iterator[BillableEntry]:
    for item in work.open_work(tx, period.start, period.end, or_on=old_drafts):
        if isinstance(item.body, TimeEntry):
            yield billable(item)


def billable(item: work.WorkItem) -> BillableEntry:
    """A stored time entry as billing takes it: with the names that mapping gave it."""
    assert isinstance(item.body, TimeEntry)
    return BillableEntry(
        entry=replace(item.body, billable=item.billable, approval=item.approval),
        project_id=item.project_id,
        person=item.person,
        role=item.role,
        task=item.task,
    )


def _with_due_date(engine: Engine, document: Document) -> Document:
    terms = document.terms or engine.workspace.invoices.payment_terms
    days = due_days(terms)
    due = None if days is None else document.issue_date + timedelta(days=days)
    return replace(document, terms=terms, due_date=due)


def _instalments(known: dict[str, Project], result: BillingResult) -> Iterator[work.WorkItem]:
    """The instalments on the drafts, as work items: the index that guards hours guards them."""
    billed = set(result.billed())
    of_budgets = (
        (project, instalment_id(budget.id, number), instalment)
        for project in known.values()
        for budget in project.budgets
        for number, instalment in enumerate(budget.instalments, start=1)
    )
    for project, work_id, instalment in of_budgets:
        if work_id in billed:
            yield work.WorkItem.of_instalment(work_id, instalment, project.id, project.currency)


def _tell_held(tx: Tx, period: Period, result: BillingResult) -> None:
    """Hold what this period left over, and let go what it held before and does not any more."""
    scope = f"{SCOPE}:{period}"
    held.settle(
        tx,
        scope,
        [
            held.Held(
                scope=scope,
                subject=one.work_id,
                reason=one.reason.value,
                text=one.text,
                what_to_do=HOLD_WORDS[one.reason].what_to_do,
            )
            for one in result.held
        ],
    )
