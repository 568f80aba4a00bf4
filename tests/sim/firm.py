"""A small firm drawn from a seed, put into the vendors' stand-ins."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path

from tests.scenarios.firm import hosts
from tieout.sandbox import firm_plan
from tieout.sandbox.firm import FirmFacts, put_firm
from tieout.sandbox.firm_plan import Plan, Work
from tieout.sandbox.firm_workspace import write_workspace
from tieout.sandbox.world import World

#: When a history may begin: an ordinary week, the nights before the clocks change (forward
#: and back), the end of a year. The two months before are there to be billed.
STARTS = (
    datetime(2026, 3, 16, 14, 0, tzinfo=UTC),
    datetime(2026, 3, 7, 20, 0, tzinfo=UTC),
    datetime(2026, 10, 31, 20, 0, tzinfo=UTC),
    datetime(2027, 1, 4, 9, 0, tzinfo=UTC),
)
PEOPLE = 3
#: So that a day has a few of each step.
SCHEDULES = """
schedules:
  pull: every 720 minutes
  push: "22:00"
  pullback: every 480 minutes
  reconcile: "06:00"
"""
SHEETS = """
timesheet:
  lines: true
  file: true
"""


def plan_firm(chance: random.Random, start: datetime) -> Plan:
    """A firm of three with one to four projects and a few weeks' hours, another each time."""
    this_month = start.date().replace(day=1)
    first = firm_plan.month_before(firm_plan.month_before(this_month))
    whole = firm_plan.make_plan(PEOPLE, chance.randint(1, 4), first)
    work = tuple(_some(chance, whole, month) for month in whole.months)
    return Plan(whole.months, whole.people, whole.deals, tuple(w for some in work for w in some))


def _some(chance: random.Random, plan: Plan, month: date) -> list[Work]:
    days = chance.sample(firm_plan.weekdays(month), 4)
    return [
        Work(
            person=chance.randrange(PEOPLE),
            deal=chance.randrange(len(plan.deals)),
            task=chance.choice(firm_plan.TASKS),
            day=day,
            quarters=chance.randint(1, 31),
            approved=chance.random() < 0.9,
        )
        for day in sorted(days * 2)
    ]


def found_firm(folder: Path, world: World, plan: Plan, *, sheets: bool = False) -> FirmFacts:
    """Put the firm into the world and write its workspace into a folder. With `sheets` its
    invoices carry their hours."""
    facts = put_firm(world, plan)
    write_workspace(folder, hosts(world), facts.rates, facts.instalment_days)
    said = folder / "tieout.yaml"
    said.write_text(said.read_text() + SCHEDULES)
    if sheets:
        rules = folder / "mappings" / "ledger.yaml"
        rules.write_text(rules.read_text() + SHEETS)
    return facts
