"""The demo firm on paper: who works there, what was sold, who worked on what.

Nothing here knows a vendor. Everything follows from numbers by arithmetic and a
hash, so the same firm comes out every time; money is in whole cents and time in
quarter hours, so what the invoices must come to is exact however lines are grouped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

FIRM = "Fernhill Partners"
#: What an hour of each role costs the client, whole dollars: a quarter hour is whole cents.
RATES = {"Partner": "320.00", "Senior": "240.00", "Consultant": "185.00", "Analyst": "140.00"}
#: Of ten people, in this order.
_ROLES = ("Partner", *["Senior"] * 2, *["Consultant"] * 4, *["Analyst"] * 3)
INTERNAL = "Internal"
#: The tasks time is booked on; only the last is not billable.
TASKS = ("Design", "Build", "Workshop", "Project Management", INTERNAL)
MOST_PEOPLE, MOST_PROJECTS = 400, 280
QUARTER_S = 900

_FIRST = (
    "Ana", "Ben", "Clara", "Dev", "Elena", "Femi", "Grace", "Hugo", "Ines", "Jonas",
    "Kay", "Lin", "Maya", "Noah", "Olga", "Priya", "Quinn", "Rosa", "Sven", "Tara",
)  # fmt: skip
_LAST = (
    "Abbott", "Bianchi", "Castro", "Dubois", "Eriksen", "Fischer", "Gupta", "Hassan", "Ivanova",
    "Jensen", "Kim", "Lopez", "Moreau", "Novak", "Okafor", "Petrov", "Reyes", "Silva", "Tanaka",
    "Weber",
)  # fmt: skip
CLIENTS = (
    "Alder Health", "Birch & Bay Foods", "Calloway Insurance", "Delphine Hotels", "Eastgate Rail",
    "Fairmont Schools", "Granite Mutual", "Harbor Logistics", "Ironbridge Steel", "Juniper Retail",
    "Kestrel Aviation", "Lakeshore Clinics", "Meridian Energy", "Northfield Dairy",
    "Orchard Bank", "Pinecrest Realty", "Quarry Media", "Redwood Pharma", "Saltmarsh Fisheries",
    "Thornbury Council", "Umber Ceramics", "Valley Water", "Westmoor Brewing", "Xenia Labs",
    "Yarrow Textiles", "Zephyr Wind, LLC", "Ashdown Motors", "Brightwell Telecom",
    "Copperline Mining", "Dunmore Publishing", "Elmhurst Credit Union", "Foxglove Cosmetics",
    "Glenrock Cement", "Hawthorn Legal, LLP", "Søndergaard & Søn",
)  # fmt: skip
_ENGAGEMENTS = (
    "Data warehouse", "ERP rollout", "Portal redesign", "Cloud migration", "Process audit",
    "Mobile app", "CRM clean-up", "Reporting pack", "Integration hub", "Security review",
    "Training programme", "Pricing study", "Data governance", "Replatforming",
    "Claims automation", "Operating model",
)  # fmt: skip

#: What a deal holds: hours, hours and a fee, or a fee alone.
Kind = Literal["time", "both", "fee"]


@dataclass(frozen=True)
class Person:
    """One of the firm's people."""

    number: int
    first_name: str
    last_name: str
    role: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        return f"{self.first_name}.{self.last_name}@fernhill.example".lower()

    @property
    def quarter_cents(self) -> int:
        """What a quarter hour costs the client, in cents."""
        return cents_of(RATES[self.role]) // 4


@dataclass(frozen=True)
class Deal:
    """A won deal and the project it became."""

    number: int
    code: str
    client: str
    name: str
    kind: Kind
    fee_cents: int  # 0 without a fee; always even, so half of it is whole
    created: date
    closed: date


@dataclass(frozen=True)
class Work:
    """A time entry to be made: person and deal by their numbers."""

    person: int
    deal: int
    task: str
    day: date
    quarters: int
    approved: bool


@dataclass(frozen=True)
class Plan:
    """The whole firm. `months` are first days; `work` is in the order it was done."""

    months: tuple[date, date]
    people: tuple[Person, ...]
    deals: tuple[Deal, ...]
    work: tuple[Work, ...]

    def billable(self, work: Work) -> bool:
        """Whether the client pays for the hours: not internal, and not under a fee alone."""
        return work.task != INTERNAL and self.deals[work.deal].kind != "fee"

    def planned_hours(self, deal: Deal) -> int:
        """Hours sold on a deal: comfortably more than what is worked in the two months."""
        worked = sum(each.quarters for each in self.work if each.deal == deal.number)
        return (worked * 3 // 8 // 50 + 2) * 50


def make_plan(people: int, projects: int, first_month: date) -> Plan:
    """A firm of so many people and projects with time in two months.

    Raises ValueError for sizes the names do not suffice for.
    """
    if not 3 <= people <= MOST_PEOPLE:
        raise ValueError(f"the firm has 3 to {MOST_PEOPLE} people, not {people}")
    if not 1 <= projects <= MOST_PROJECTS:
        raise ValueError(f"the firm has 1 to {MOST_PROJECTS} projects, not {projects}")
    months = (first_month, next_month(first_month))
    staff = tuple(_person(number) for number in range(people))
    deals = tuple(_deal(number, projects, first_month) for number in range(projects))
    return Plan(months, staff, deals, tuple(_work(people, projects, months)))


# -- what must come out ----------------------------------------------------------
Totals = dict[tuple[str, date], int]


def billable_seconds(plan: Plan) -> Totals:
    """Approved billable seconds by project code and month; both months of every project."""
    totals = {(deal.code, month): 0 for deal in plan.deals for month in plan.months}
    for work in plan.work:
        if work.approved and plan.billable(work):
            code = plan.deals[work.deal].code
            totals[code, work.day.replace(day=1)] += work.quarters * QUARTER_S
    return totals


def time_cents(plan: Plan) -> Totals:
    """What that time costs at the rates of the people's roles, in cents."""
    totals = {(deal.code, month): 0 for deal in plan.deals for month in plan.months}
    for work in plan.work:
        if work.approved and plan.billable(work):
            amount = work.quarters * plan.people[work.person].quarter_cents
            totals[plan.deals[work.deal].code, work.day.replace(day=1)] += amount
    return totals


def fee_cents(plan: Plan) -> Totals:
    """The instalments of fixed fees: half in each month, in cents."""
    return {(deal.code, month): deal.fee_cents // 2 for deal in plan.deals for month in plan.months}


# -- dates and amounts -----------------------------------------------------------
def instalment_days(months: tuple[date, date]) -> tuple[date, date]:
    """When the halves of a fixed fee fall due: the middle of each month."""
    return months[0].replace(day=15), months[1].replace(day=15)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_before(day: date) -> date:
    """The first day of the month before."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def weekdays(month: date) -> list[date]:
    """Mondays to Fridays of a month."""
    days = [month + timedelta(days=count) for count in range((next_month(month) - month).days)]
    return [day for day in days if day.weekday() < 5]


def cents_of(amount: str) -> int:
    """Whole cents of an amount written with two decimals."""
    return int(amount.replace(".", ""))


def pick(*key: object) -> int:
    """A number that looks like chance and is the same every time."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:6], "big")


# -- inside ----------------------------------------------------------------------
def _person(number: int) -> Person:
    # Twenty people on, the first name comes again with the next last name.
    last = _LAST[(number * 7 + number // len(_FIRST)) % len(_LAST)]
    return Person(number, _FIRST[number % len(_FIRST)], last, _ROLES[number % len(_ROLES)])


def _deal(number: int, projects: int, first_month: date) -> Deal:
    kind: Kind = "time"
    if number % 3 == 1:
        kind = "fee" if number % 9 == 4 else "both"
    client = CLIENTS[number % len(CLIENTS)]
    return Deal(
        number=number,
        code=f"P-{number + 1:04d}",
        client=client,
        name=f"{client} - {engagement(number)}",
        kind=kind,
        fee_cents=0 if kind == "time" else 1_200_000 + 150_000 * (number % 11),
        created=first_month - timedelta(days=90 - number * 30 // projects),
        closed=first_month - timedelta(days=55 - number * 50 // projects),
    )


def engagement(number: int) -> str:
    """What is sold; a client's first eight deals have different ones."""
    return _ENGAGEMENTS[(number + number // len(CLIENTS) * 3) % len(_ENGAGEMENTS)]


def _work(people: int, projects: int, months: tuple[date, date]) -> Iterator[Work]:
    window = max(6, -(-projects // people))
    days = [day for month in months for day in weekdays(month)]
    for day in days:
        for person in range(people):
            yield from _day_of(person, day, projects, window)


def _day_of(person: int, day: date, projects: int, window: int) -> Iterator[Work]:
    """What a person books on a day: nothing on a day off, else two or three entries."""
    chance = pick(person, day.isoformat())
    if chance % 11 == 0:
        return
    for step in range(3 if chance % 8 == 0 else 2):
        chance = pick(person, day.isoformat(), step)
        # Everybody works on a few neighbouring projects, so each has a small team.
        deal = (person * 4 + chance % window) % projects
        yield Work(
            person=person,
            deal=deal,
            task=INTERNAL if chance // 7 % 15 == 0 else TASKS[chance // 105 % 4],
            day=day,
            quarters=6 + chance // 420 % 13,
            approved=chance // 5460 % 600 != 0,
        )
