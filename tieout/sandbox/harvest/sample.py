"""A small consultancy's account: six people, five clients, a quarter of time.

It holds what bites in real accounts: rates that change mid-month, a person without a
rate and one at zero, time on both sides of the date line, an archived task,
hand-marked time, a running timer, and notes with line breaks, quotes and emoji.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from tieout.sandbox.harvest.account import Account

_NOTES = (
    "Workshop with the client",
    'Said "ship it";\nthen fixed\ttabs',
    "Déjà vu 🚀 deployment 👩‍💻",
    None,
    "Review, " * 400,
)
_LENGTHS = ("0.33", "1.00", "7.50", "2.25", "0.02", "4.10", "0.33", "8.00", "0.33")


def add_people(books: Account) -> dict[str, int]:
    """The administrator, a manager without rates, and a member: the owners of the tokens."""
    admin = books.add_user("Ada", "Admin", roles=("administrator",), rate="200", cost_rate="90")
    manager = books.add_user("Max", "Manager", roles=("manager",), rate="180", cost_rate="80")
    member = books.add_user("Mia", "Member", rate="150", cost_rate="60")
    books.manage(manager, [member])
    return {"administrator": admin, "manager": manager, "member": member}


def add_sample(books: Account, people: dict[str, int]) -> None:
    """Fill the account with the three months before the clock's day."""
    today = books.clock.today("America/New_York")
    month = today.replace(day=1)
    users = [*people.values(), *_more_people(books, month)]
    books.add_role("Consultant", users[2:])
    tasks = [
        books.add_task(name, billable=billable)
        for name, billable in (
            ("Consulting", True),
            ("Development", True),
            ("Project management", True),
            ("Internal", False),
            ("Legacy support", True),
        )
    ]
    projects = _projects(books, people["manager"], tasks)
    category = books.add_category("Mileage", unit_name="mile", unit_price="0.67")
    travel = books.add_category("Travel")
    made = _time(books, users, projects, tasks, month)
    books.approve(each for each in made if books.entries[each].spent_date < month)
    books.mark_billed(made[:3])
    books.change("tasks", tasks[4], is_active=False)
    books.start_timer(users[2], projects[0], tasks[1], notes="Still going")
    books.add_expense(
        users[2],
        projects[0],
        travel,
        month - timedelta(days=4),
        total_cost="412.80",
        notes="Flight",
        receipt=("flight.pdf", b"%PDF-1.4 receipt", "application/pdf"),
    )
    books.add_expense(users[3], projects[1], category, month - timedelta(days=9), units=120)
    books.add_expense(users[3], projects[1], travel, month, total_cost="18.20", billable=False)


def _more_people(books: Account, month: date) -> list[int]:
    changed = books.add_user(
        "Rae", "Raised", rate="140", cost_rate="70", time_zone="Pacific Time (US & Canada)"
    )
    books.set_rate(changed, "160", month - timedelta(days=15))
    free = books.add_user("Zoe", "Zero", rate="0", time_zone="Nuku'alofa")
    none = books.add_user("Nils", "Norate", time_zone="Berlin")
    return [changed, free, none]


def _projects(books: Account, manager: int, tasks: list[int]) -> list[int]:
    made = []
    clients = [
        books.add_client(name, currency=currency)
        for name, currency in (
            ("Northwind Traders", "USD"),
            ("Contoso Health", "USD"),
            ("Fabrikam Robotics", "USD"),
            ("Søndergaard & Søn ApS", "DKK"),
            ("Wingtip Legal, LLP", "USD"),
        )
    ]
    made.append(
        books.add_project(
            clients[0], "Data warehouse", code="NW-1", budget="400", budget_by="project"
        )
    )
    made.append(
        books.add_project(
            clients[1], "ERP rollout", code="CH-1", bill_by="Project", hourly_rate="175"
        )
    )
    made.append(books.add_project(clients[2], "Portal redesign", bill_by="Tasks"))
    made.append(books.add_project(clients[3], "Migration", code="SS-1", fee="25000"))
    made.append(books.add_project(clients[4], "Goodwill", is_billable=False, bill_by="none"))
    for project in made:
        for number, task in enumerate(tasks):
            books.assign_task(project, task, rate=Decimal(120 + 15 * number))
    for project in made[:2]:
        books.assign_user(project, manager, manager=True)
    return made


def _time(
    books: Account, users: list[int], projects: list[int], tasks: list[int], month: date
) -> list[int]:
    start = (month - timedelta(days=62)).replace(day=1)
    return [
        books.add_entry(
            users[number % len(users)],
            projects[number % len(projects)],
            tasks[number % len(tasks)],
            start + timedelta(days=number * 3 // 4),
            _LENGTHS[number % len(_LENGTHS)],
            notes=_NOTES[number % len(_NOTES)],
        )
        for number in range(120)
    ]
