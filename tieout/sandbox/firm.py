"""The demo's world: Fernhill Partners, a services firm with two months to bill.

`demo_firm` puts the firm into the three vendors as if it had worked in them for
months, and says what billing must come to. What happens later in the demo is in
`firm_later`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tieout.sandbox import firm_plan
from tieout.sandbox.firm_build import OTHER_DEALS, ZONE, Crm, TimeTool, fill_ledger, in_the_past
from tieout.sandbox.firm_later import (
    Act,
    edit_invoice_behind,
    late_entry,
    lose_next_answer,
    pay_some,
    unapplied_payment,
)
from tieout.sandbox.firm_plan import Kind, Person, Plan, Totals, instalment_days
from tieout.sandbox.world import World

__all__ = [
    "Act", "FirmFacts", "Project", "demo_firm", "edit_invoice_behind", "late_entry",
    "lose_next_answer", "pay_some", "put_firm", "unapplied_payment",
]  # fmt: skip


@dataclass(frozen=True)
class Project:
    """A won deal and its project, with the ids the vendors gave them."""

    code: str
    name: str
    client: str
    kind: Kind
    fee: Decimal
    opportunity_id: str
    harvest_id: int


@dataclass(frozen=True)
class FirmFacts:
    """What was put in, and what must come out: worked out from the plan, not from the vendors.

    `months` are the first days of the two months; totals are by project code and month,
    in seconds or cents. `instalment_days` are when the halves of every fixed fee fall due.
    """

    name: str
    time_zone: str
    months: tuple[date, date]
    instalment_days: tuple[date, date]
    rates: Mapping[str, str]
    people: tuple[Person, ...]
    projects: tuple[Project, ...]
    clients: tuple[str, ...]
    known_customers: tuple[str, ...]  # the clients that are customers in the ledger already
    won_deals: int
    other_deals: int
    entries: int
    submitted_only: int
    non_billable: int
    billable_seconds: Totals = field(repr=False)
    time_cents: Totals = field(repr=False)
    fee_cents: Totals = field(repr=False)

    def project_total(self, code: str, month: date) -> Decimal:
        """What a project's invoice for a month must come to."""
        return Decimal(self.time_cents[code, month] + self.fee_cents[code, month]) / 100

    def month_total(self, month: date) -> Decimal:
        """What all invoices for a month must come to."""
        return sum((self.project_total(each.code, month) for each in self.projects), Decimal(0))

    def invoices(self, month: date) -> dict[str, Decimal]:
        """The invoices a month must give: total by project code, none of nothing."""
        totals = {each.code: self.project_total(each.code, month) for each in self.projects}
        return {code: total for code, total in totals.items() if total}

    def seconds(self, month: date) -> int:
        """Approved billable seconds of a month."""
        return sum(self.billable_seconds[each.code, month] for each in self.projects)


def demo_firm(
    world: World, *, people: int = 60, projects: int = 80, first_month: date | None = None
) -> FirmFacts:
    """Put the firm into a world of preset "empty".

    `first_month` is any day of the first of two whole months that have passed; the two
    before the clock's month when left out. Raises ValueError when the months are not over,
    when the world is not empty, or for sizes the firm cannot have.
    """
    this_month = world.clock.today(ZONE).replace(day=1)
    start = firm_plan.month_before(firm_plan.month_before(this_month))
    start = start if first_month is None else first_month.replace(day=1)
    plan = firm_plan.make_plan(people, projects, start)
    if firm_plan.next_month(plan.months[1]) > this_month:
        raise ValueError(f"the two months from {start:%B %Y} are not over on the world's clock")
    return put_firm(world, plan)


def put_firm(world: World, plan: Plan) -> FirmFacts:
    """Put a planned firm into a world. Raises ValueError when the world is not empty."""
    if world.salesforce.org.records("Opportunity") or world.harvest.account.projects:
        raise ValueError("the firm needs a world of preset 'empty'")
    start = plan.months[0]
    clients = tuple(dict.fromkeys(deal.client for deal in plan.deals))
    known = clients[::3]
    with in_the_past(world) as past:
        fill_ledger(world, past, start, known)
        opportunities = Crm(world.salesforce.org, past, plan).fill(clients)
        harvest_ids = TimeTool(world, past, plan).fill()
    return _facts(plan, clients, known, opportunities, harvest_ids)


def _facts(
    plan: Plan,
    clients: tuple[str, ...],
    known: tuple[str, ...],
    opportunities: list[str],
    harvest_ids: list[int],
) -> FirmFacts:
    projects = tuple(
        Project(
            code=deal.code,
            name=deal.name,
            client=deal.client,
            kind=deal.kind,
            fee=Decimal(deal.fee_cents) / 100,
            opportunity_id=opportunities[deal.number],
            harvest_id=harvest_ids[deal.number],
        )
        for deal in plan.deals
    )
    return FirmFacts(
        name=firm_plan.FIRM,
        time_zone=ZONE,
        months=plan.months,
        instalment_days=instalment_days(plan.months),
        rates=firm_plan.RATES,
        people=plan.people,
        projects=projects,
        clients=clients,
        known_customers=known,
        won_deals=len(plan.deals),
        other_deals=OTHER_DEALS,
        entries=len(plan.work),
        submitted_only=sum(not each.approved for each in plan.work),
        non_billable=sum(not plan.billable(each) for each in plan.work),
        billable_seconds=firm_plan.billable_seconds(plan),
        time_cents=firm_plan.time_cents(plan),
        fee_cents=firm_plan.fee_cents(plan),
    )
