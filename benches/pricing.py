"""Entries priced per second, beside a loop that only adds up their seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tieout.billing.draft import draft_invoices
from tieout.billing.inputs import BillableEntry, BillingInput, Period
from tieout.billing.rates import RateBook
from tieout.model.ids import SourceRef
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Project, Rate
from tieout.model.work import Approval, TimeEntry

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
ROLES = {"Partner": 320, "Senior": 240, "Consultant": 185, "Analyst": 140}
TASKS = ("Design", "Build", "Workshop", "Project Management")
PROJECTS_OF_A_PERSON = 6


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What was priced, and the best of some rounds."""

    entries: int
    people: int
    projects: int
    invoices: int
    lines: int
    seconds: float
    bare_seconds: float

    @property
    def per_s(self) -> float:
        return self.entries / self.seconds

    @property
    def bare_per_s(self) -> float:
        return self.entries / self.bare_seconds


def measure(*, entries: int, people: int, projects: int, rounds: int) -> Priced:
    """Price a month of a firm of this size. Nothing is held: every entry is on a draft."""
    given = month_of(entries, people, projects)
    result = draft_invoices(given)
    if result.held or len(set(result.billed())) != entries:
        raise RuntimeError(f"{len(result.held)} entries are held; the figure would be false")
    return Priced(
        entries=entries,
        people=people,
        projects=projects,
        invoices=len(result.documents),
        lines=sum(len(document.lines) for document in result.documents),
        seconds=_best(lambda: draft_invoices(given), rounds),
        bare_seconds=_best(lambda: add_up(given), rounds),
    )


def add_up(given: BillingInput) -> dict[tuple[str | None, str], int]:
    """The bare loop: seconds by project and person, no rate, no rule, no document."""
    totals: dict[tuple[str | None, str], int] = {}
    for one in given.entries:
        key = one.project_id, one.entry.person
        totals[key] = totals.get(key, 0) + one.entry.seconds
    return totals


def month_of(entries: int, people: int, projects: int) -> BillingInput:
    """March 2026 of a firm, by arithmetic: the same entries every time, none above 24 h a day."""
    clients = max(1, projects // 5)
    return BillingInput(
        projects=[_project(number, clients) for number in range(projects)],
        clients=[Client(id=f"c{n}", source=None, name=f"Client {n}") for n in range(clients)],
        entries=[_entry(number, people, projects) for number in range(entries)],
        rates=RateBook(
            Rate(amount=Decimal(amount), currency="USD", origin=f"rates.yaml:{line}", role=role)
            for line, (role, amount) in enumerate(ROLES.items(), start=1)
        ),
        period=MARCH,
    )


def _project(number: int, clients: int) -> Project:
    budget = Budget(id=f"b{number}", name="Build", model=BillingModel.TIME_AND_MATERIALS)
    return Project(
        id=f"p{number}",
        source=None,
        name=f"Project {number}",
        client_id=f"c{number % clients}",
        currency="USD",
        budgets=(budget,),
    )


def _entry(number: int, people: int, projects: int) -> BillableEntry:
    person, turn = number % people, number // people
    project = (person * 4 + turn % PROJECTS_OF_A_PERSON) % projects
    role = tuple(ROLES)[person % len(ROLES)]
    entry = TimeEntry(
        id=f"t{number}",
        source=SourceRef("time", "time_entries", str(number)),
        person=f"Person {person}",
        task=TASKS[turn // 7 % len(TASKS)],
        work_date=MARCH.start + timedelta(days=turn % 31),
        seconds=900 * (1 + number % 3),
        billable=True,
        approval=Approval.APPROVED,
    )
    return BillableEntry(entry, f"p{project}", role=role)


def _best(work: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
