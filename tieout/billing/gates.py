"""Which entries may be billed now, and under which budget. Every other one gets its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tieout.billing.inputs import BillableEntry, BillingInput
from tieout.billing.results import Held, NeverBilled
from tieout.billing.rounding import round_quantity
from tieout.errors import BadInput
from tieout.model.document import HoldReason
from tieout.model.money import is_currency
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Project
from tieout.model.work import Approval

_Stop = tuple[HoldReason, str]
_GONE = (Approval.REJECTED, Approval.WITHDRAWN)


@dataclass(slots=True)
class Engagement:
    """One project while a run bills it: its client, what stops it, and its work by budget."""

    project: Project
    client: Client | None
    stop: _Stop | None  # why nothing of the project can be billed, None when it can
    work: dict[str, list[BillableEntry]] = field(default_factory=lambda: defaultdict(list))
    by_task: dict[str, Budget] = field(default_factory=dict)
    by_id: dict[str, Budget] = field(default_factory=dict)
    other_tasks: Budget | None = None

    def budget_of(self, work: BillableEntry) -> Budget | None:
        """The budget asked for; else one that names the task; else the first open to any task."""
        if work.budget_id:
            return self.by_id.get(work.budget_id)
        return self.by_task.get(work.task or work.entry.task, self.other_tasks)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Every entry given, in one place: with its engagement, or beside it with a reason."""

    engagements: tuple[Engagement, ...]  # by name of the project
    held: tuple[Held, ...]
    never_billed: tuple[NeverBilled, ...]
    already_billed: tuple[str, ...]


def sort_entries(given: BillingInput) -> Sorted:
    """Pass every entry through the gates.

    Raises BadInput when two entries, two projects or two budgets share an id: billing
    them would bill one of them twice.
    """
    entries = tuple(given.entries)
    _refuse_twins("time entry", (work.entry.id for work in entries))
    _refuse_twins("project", (project.id for project in given.projects))
    _refuse_twins("budget", (b.id for project in given.projects for b in project.budgets))
    clients = {client.id: client for client in given.clients}
    engagements = {
        project.id: _engagement(project, clients.get(project.client_id))
        for project in given.projects
    }
    gate = _Gate(given, engagements, _too_long_days(entries, given))
    for work in entries:
        gate.take(work)
    return Sorted(
        tuple(sorted(engagements.values(), key=lambda one: (one.project.name, one.project.id))),
        tuple(gate.held),
        tuple(gate.never),
        tuple(gate.already),
    )


class _Gate:
    def __init__(
        self,
        given: BillingInput,
        engagements: dict[str, Engagement],
        long_days: dict[tuple[str, date], str],
    ) -> None:
        self._given = given
        self._engagements = engagements
        self._long_days = long_days
        self.held: list[Held] = []
        self.never: list[NeverBilled] = []
        self.already: list[str] = []

    def take(self, work: BillableEntry) -> None:
        entry = work.entry
        if entry.id in self._given.already_billed:
            self.already.append(entry.id)
            return
        if not entry.billable:
            self.never.append(NeverBilled(entry.id, "Marked as not billable in the time tool."))
            return
        stop = self._entry_stop(work)
        if stop is not None:
            self.held.append(Held(entry.id, *stop))
            return
        engagement = self._engagements[work.project_id or ""]
        budget = engagement.budget_of(work)
        if budget is None:
            self.held.append(Held(entry.id, HoldReason.UNMAPPED, _no_budget(engagement, work)))
        elif budget.model is BillingModel.FIXED_FEE:
            self.never.append(NeverBilled(entry.id, f"Covered by the fixed fee {budget.name}."))
        else:
            engagement.work[budget.id].append(work)

    def _entry_stop(self, work: BillableEntry) -> _Stop | None:
        """The first gate that the entry does not pass, in the order a person would ask."""
        entry, given = work.entry, self._given
        if entry.running:
            return HoldReason.RUNNING, f"The timer started on {entry.work_date} still runs."
        if entry.billed_upstream:
            return HoldReason.BILLED_UPSTREAM, "The time tool says it is invoiced already."
        if entry.approval is not Approval.APPROVED:
            return HoldReason.NOT_APPROVED, _APPROVAL_WORDS[entry.approval]
        if entry.id in given.disputed:
            return HoldReason.DISPUTED, "The client disputes this work."
        if not given.period.start <= entry.work_date <= given.period.end:
            side = "before" if entry.work_date < given.period.start else "after"
            text = f"Worked on {entry.work_date}, {side} the period {given.period}."
            return HoldReason.OUTSIDE_PERIOD, text
        return self._project_stop(work) or self._hours_stop(work)

    def _project_stop(self, work: BillableEntry) -> _Stop | None:
        if not work.project_id:
            named = work.entry.project or "no project"
            return HoldReason.NO_PROJECT, f"The time tool says {named}; none of ours matches."
        engagement = self._engagements.get(work.project_id)
        if engagement is None:
            text = f"It is mapped to project {work.project_id}, which does not exist."
            return HoldReason.NO_PROJECT, text
        return engagement.stop

    def _hours_stop(self, work: BillableEntry) -> _Stop | None:
        entry = work.entry
        if entry.seconds < 0:
            hours = round_quantity(entry.seconds)
            return HoldReason.BAD_HOURS, f"The entry has {hours} h, below zero."
        text = self._long_days.get((work.person or entry.person, entry.work_date))
        return (HoldReason.BAD_HOURS, text) if text else None


_APPROVAL_WORDS = {
    Approval.NONE: "Nobody was asked to approve it yet.",
    Approval.PENDING: "It waits for approval.",
    Approval.REJECTED: "The approval was refused.",
    Approval.WITHDRAWN: "The approval was withdrawn.",
}


def _too_long_days(
    entries: Iterable[BillableEntry], given: BillingInput
) -> dict[tuple[str, date], str]:
    """The person-days with more hours than the workspace allows, and the words for it.

    Days are summed rather than entries looked at, so that hours imported twice, or cut
    into pieces, are noticed too. All that was worked counts, billable or not.
    """
    worked: dict[tuple[str, date], int] = defaultdict(int)
    for work in entries:
        entry = work.entry
        if entry.seconds > 0 and not entry.running and entry.approval not in _GONE:
            worked[work.person or entry.person, entry.work_date] += entry.seconds
    limit = Decimal(given.policies.max_hours_per_day)
    most = int(limit * 3600)
    return {
        (person, day): f"{person} has {round_quantity(seconds)} h on {day}; "
        f"at most {limit.normalize():f} h a day are accepted."
        for (person, day), seconds in worked.items()
        if seconds > most
    }


def _engagement(project: Project, client: Client | None) -> Engagement:
    engagement = Engagement(project, client, _project_fault(project, client))
    for budget in project.budgets:
        engagement.by_id[budget.id] = budget
        for task in budget.tasks:
            engagement.by_task.setdefault(task, budget)
    anything = [budget for budget in project.budgets if not budget.tasks]
    priced = [one for one in anything if one.model is BillingModel.TIME_AND_MATERIALS]
    engagement.other_tasks = next(iter(priced or anything), None)
    return engagement


def _project_fault(project: Project, client: Client | None) -> _Stop | None:
    if client is None:
        text = f"Project {project.name} has client {project.client_id}, which does not exist."
        return HoldReason.UNMAPPED, text
    if not is_currency(project.currency):
        found = f"currency {project.currency!r}" if project.currency else "no currency"
        return HoldReason.CURRENCY_MISSING, f"Project {project.name} has {found}."
    if not project.active:
        return HoldReason.BUDGET_CLOSED, f"Project {project.name} is closed."
    return None


def _no_budget(engagement: Engagement, work: BillableEntry) -> str:
    name = engagement.project.name
    if work.budget_id:
        return f"It is mapped to budget {work.budget_id}, which project {name} does not have."
    task = work.task or work.entry.task
    named = f"task {task}" if task else "work without a task"
    return f"No budget of project {name} takes {named}."


def _refuse_twins(what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise BadInput(f"Two of the same {what} were given: {one}. Nothing was billed.")
        seen.add(one)
