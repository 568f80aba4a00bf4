"""Puts the demo firm into the three vendors, at the moments things happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tieout.clock import VirtualClock
from tieout.sandbox import firm_plan
from tieout.sandbox.firm_plan import Deal, Person, Plan, Work
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.standard import CUSTOM
from tieout.sandbox.world import World

ZONE = "America/New_York"
#: Where a deal says the code of its project in the time tool.
PROJECT_CODE = "Tieout_Project_Code__c"
#: (name, family, list price)
_PRODUCTS = (
    ("Consulting (T&M)", "Time and materials", "220.00"),
    ("Implementation (fixed fee)", "Fixed fee", "15000.00"),
)
_ITEMS = ("Consulting services", "Implementation services", "Workshops", "Expenses rebilled")
_OPEN_STAGES = ("Qualification", "Proposal/Price Quote", "Negotiation/Review")
#: Deals that never became projects: still open, and lost.
_STILL_OPEN, _LOST = 9, 6
OTHER_DEALS = _STILL_OPEN + _LOST


# -- the past ----------------------------------------------------------------------
class Past:
    """Sets the moment at which records are made, never later than the world's now."""

    def __init__(self, world: World) -> None:
        self._now = world.clock.now()
        self._ledger = world.ledger
        self.clock = VirtualClock(self._now)

    def at(self, day: date, hour: int, minutes: int = 0) -> None:
        """Go to a moment: local day and hour of the firm, and so many minutes later."""
        local = datetime.combine(day, time(hour), ZoneInfo(ZONE)).astimezone(UTC)
        self.clock.set(min(local + timedelta(minutes=minutes), self._now))
        self._ledger.date_back(self.clock.now())


@contextmanager
def in_the_past(world: World) -> Iterator[Past]:
    """Records made inside carry the moment chosen; the world's own clock is not touched."""
    past = Past(world)
    org, account = world.salesforce.org, world.harvest.account
    clocks = org.clock, account.clock
    org.clock = account.clock = past.clock
    try:
        yield past
    finally:
        org.clock, account.clock = clocks
        world.ledger.date_back(None)


# -- the ledger ----------------------------------------------------------------------
def fill_ledger(world: World, past: Past, start: date, known: tuple[str, ...]) -> None:
    """Items and the customers that are there already; the others are for Tieout to make."""
    past.at(start - timedelta(days=240), 9)
    world.ledger.set_up(firm_plan.FIRM, _ITEMS)
    for number, name in enumerate(known):
        past.at(start - timedelta(days=220 - number * 5), 10)
        world.ledger.add_customer(name, payables(name))


def payables(client: str) -> str:
    """Where a client's invoices go."""
    words = "".join(letter if letter.isascii() and letter.isalpha() else " " for letter in client)
    return f"payables@{'-'.join(words.lower().split())}.example"


# -- the CRM -------------------------------------------------------------------------
class Crm:
    """Puts the clients and deals into an org."""

    def __init__(self, org: Org, past: Past, plan: Plan) -> None:
        self._org = org
        self._past = past
        self._plan = plan
        self._days = firm_plan.instalment_days(plan.months)
        fields = {name: {"fields": list(lines)} for name, lines in CUSTOM.items()}
        fields["Opportunity"]["fields"].append(f"{PROJECT_CODE} string(40) ext unique")
        org.schema.load({"objects": fields})
        self._accounts: dict[str, str] = {}
        self._contacts: dict[str, str] = {}
        self._entries: list[str] = []

    def fill(self, clients: tuple[str, ...]) -> list[str]:
        """Everything, in the order it happened; the ids of the won deals by number."""
        start = self._plan.months[0]
        self._add_products(start - timedelta(days=150))
        for number, client in enumerate(clients):
            self._past.at(start - timedelta(days=140 - number), 10)
            self._add_client(number, client)
        ids = []
        for deal in self._plan.deals:
            self._past.at(deal.created, 11, deal.number)
            ids.append(self._add_deal(deal))
        for deal in self._plan.deals:
            self._past.at(deal.closed, 15, deal.number)
            self._org.win(ids[deal.number], close_date=deal.closed)
        self._add_others(clients, start)
        return ids

    def _add_products(self, day: date) -> None:
        self._past.at(day, 9)
        book = self._org.insert("Pricebook2", {"Name": "Standard Price Book", "IsActive": True})
        for name, family, price in _PRODUCTS:
            product = {"Name": name, "Family": family, "IsActive": True}
            entry = {
                "Pricebook2Id": book,
                "Product2Id": self._org.insert("Product2", product),
                "UnitPrice": price,
                "IsActive": True,
            }
            self._entries.append(self._org.insert("PricebookEntry", entry))

    def _add_client(self, number: int, name: str) -> None:
        account = self._org.insert(
            "Account", {"Name": name, "AccountNumber": f"C-{number + 1:03d}"}
        )
        person = {
            "FirstName": "Accounts",
            "LastName": "Payable",
            "AccountId": account,
            "Email": payables(name),
        }
        self._accounts[name] = account
        self._contacts[name] = self._org.insert("Contact", person)

    def _add_deal(self, deal: Deal) -> str:
        kind = "fixed_fee" if deal.kind == "fee" else "time_and_materials"
        made = self._org.insert(
            "Opportunity",
            {
                "Name": deal.name,
                "AccountId": self._accounts[deal.client],
                "StageName": "Proposal/Price Quote",
                "CloseDate": deal.closed,
                "Tieout_Billing_Type__c": kind,
                PROJECT_CODE: deal.code,
            },
        )
        role = {"OpportunityId": made, "ContactId": self._contacts[deal.client]}
        self._org.insert("OpportunityContactRole", {**role, "Role": "Billing", "IsPrimary": True})
        if deal.kind != "fee":
            hours = self._plan.planned_hours(deal)
            budget = {"Tieout_Budget_Kind__c": "time_and_materials", "SortOrder": 1}
            self._org.add_line(made, self._entries[0], hours, **budget)
        if deal.kind != "time":
            self._add_fee(made, deal)
        return made

    def _add_fee(self, opportunity: str, deal: Deal) -> None:
        line = self._org.add_line(
            opportunity,
            self._entries[1],
            1,
            Decimal(deal.fee_cents) / 100,
            ServiceDate=self._days[0],
            SortOrder=2,
            Tieout_Budget_Kind__c="fixed_fee",
        )
        half = Decimal(deal.fee_cents // 2) / 100
        for day in self._days:
            part = {"Type": "Revenue", "Revenue": half, "ScheduleDate": day}
            values = {"OpportunityLineItemId": line, **part}
            self._org.insert("OpportunityLineItemSchedule", values)

    def _add_others(self, clients: tuple[str, ...], start: date) -> None:
        """Deals that are still open or were lost: nothing may be made of them."""
        for number in range(OTHER_DEALS):
            self._past.at(start + timedelta(days=number), 14)
            stage = "Closed Lost"
            if number < _STILL_OPEN:
                stage = _OPEN_STAGES[number % len(_OPEN_STAGES)]
            client = clients[(number * 2 + 1) % len(clients)]
            made = self._org.insert(
                "Opportunity",
                {
                    "Name": f"{client} - {firm_plan.engagement(number + 5)} (proposal)",
                    "AccountId": self._accounts[client],
                    "StageName": stage,
                    "CloseDate": start + timedelta(days=45 + number * 3),
                    "Tieout_Billing_Type__c": "time_and_materials",
                },
            )
            self._org.add_line(made, self._entries[0], 100 + 10 * number)


# -- the time tool -------------------------------------------------------------------
class TimeTool:
    """Puts people, projects and time into an account."""

    def __init__(self, world: World, past: Past, plan: Plan) -> None:
        self._account = world.harvest.account
        self._there = list(world.harvest.people.values())
        self._past = past
        self._plan = plan

    def fill(self) -> list[int]:
        """Everything, in the order it happened; the ids of the projects by number."""
        self._account.change_settings(name=firm_plan.FIRM)
        self._past.at(self._plan.months[0] - timedelta(days=200), 9)
        users = [self._add_person(person) for person in self._plan.people]
        for role in firm_plan.RATES:
            holders = [users[each.number] for each in self._plan.people if each.role == role]
            self._account.add_role(role, holders)
        tasks = {
            name: self._account.add_task(name, billable=name != firm_plan.INTERNAL)
            for name in firm_plan.TASKS
        }
        projects = self._add_projects(list(tasks.values()))
        self._add_time(users, projects, tasks)
        return projects

    def _add_person(self, person: Person) -> int:
        rate = firm_plan.RATES[person.role]
        if person.number >= len(self._there):
            return self._account.add_user(
                person.first_name, person.last_name, email=person.email, rate=rate
            )
        # The people the tokens belong to work here as well.
        user = self._there[person.number]
        names = {"first_name": person.first_name, "last_name": person.last_name}
        joined = {"email": person.email, "created_at": self._past.clock.now()}
        self._account.change("users", user, **names, **joined)
        self._account.set_rate(user, rate, None)
        return user

    def _add_projects(self, tasks: list[int]) -> list[int]:
        clients: dict[str, int] = {}
        made = []
        for deal in self._plan.deals:
            self._past.at(deal.closed, 16, deal.number)
            if deal.client not in clients:
                clients[deal.client] = self._account.add_client(deal.client)
            project = self._account.add_project(
                clients[deal.client],
                deal.name,
                code=deal.code,
                bill_by="none" if deal.kind == "fee" else "People",
                # Time under a fee alone is kept for the firm's own eyes.
                is_billable=deal.kind != "fee",
                fee=Decimal(deal.fee_cents) / 100 if deal.kind == "fee" else None,
                starts_on=deal.closed,
            )
            for task in tasks:
                self._account.assign_task(project, task)
            made.append(project)
        return made

    def _add_time(self, users: list[int], projects: list[int], tasks: dict[str, int]) -> None:
        """Day by day; approved on Fridays and on the last working day of the month."""
        waiting: dict[bool, list[int]] = {True: [], False: []}
        done: dict[date, list[Work]] = {}
        for work in self._plan.work:
            done.setdefault(work.day, []).append(work)
        for month in self._plan.months:
            days = firm_plan.weekdays(month)
            for day in days:
                for work in done.get(day, []):
                    place = (users[work.person], projects[work.deal], tasks[work.task])
                    waiting[work.approved].append(self._add_entry(work, place))
                if day.weekday() == 4 or day == days[-1]:
                    self._end_week(day, waiting)

    def _add_entry(self, work: Work, place: tuple[int, int, int]) -> int:
        self._past.at(work.day, 17, work.person)
        hours = Decimal(work.quarters) / 4
        return self._account.add_entry(*place, work.day, hours, notes=work.task)

    def _end_week(self, day: date, waiting: dict[bool, list[int]]) -> None:
        # Later than the last entry of the day, and still that day where the firm is.
        self._past.at(day, 23, 50)
        self._account.approve(waiting[True])
        self._account.submit(waiting[False])
        waiting[True], waiting[False] = [], []
