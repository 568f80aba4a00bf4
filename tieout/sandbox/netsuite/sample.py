"""A small studio that has traded for a year; dates count back from the clock's start."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite.wire import rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

#: (company, e-mail, id of its term)
_CUSTOMERS = (
    ("Amber Analytics", "ap@amber.example", "2"),
    ("Birchwood Schools", "billing@birchwood.example", "4"),
    ("Cobalt Robotics", "finance@cobalt.example", "2"),
    ("Dover & Sons", "office@dover.example", "1"),
    ("Elm Street Clinic", "accounts@elmstreet.example", "3"),
)
_PROJECTS = (("Amber Rollout", "Amber Analytics"), ("Cobalt Website", "Cobalt Robotics"))
_ITEMS = ("Design", "Development", "Project management", "Retainer", "Reimbursable expense")
#: (days ago, customer, project, item, hours, rate, paid share in percent)
_INVOICES = (
    (340, "Amber Analytics", "Amber Rollout", "Design", "32.5", "150", 100),
    (300, "Dover & Sons", "", "Project management", "12.25", "140", 100),
    (250, "Elm Street Clinic", "", "Design", "20", "150", 100),
    (190, "Birchwood Schools", "", "Project management", "16", "140", 100),
    (130, "Cobalt Robotics", "Cobalt Website", "Development", "75.5", "175", 100),
    (100, "Cobalt Robotics", "Cobalt Website", "Development", "41.5", "175", 50),
    (75, "Birchwood Schools", "", "Design", "28", "150", 0),
    (40, "Elm Street Clinic", "", "Project management", "9.5", "140", 50),
    (20, "Amber Analytics", "Amber Rollout", "Design", "18", "150", 0),
    (3, "Dover & Sons", "", "Development", "5", "175", 0),
)


def trade(books: Books) -> None:
    """Enter the lists, then the year, oldest first."""
    for name, email, term in _CUSTOMERS:
        books.add_customer(name, email=email, terms=term)
    customers = {row["companyName"]: row["id"] for row in books.rows("customer")}
    for name, owner in _PROJECTS:
        books.add_project(customers[owner], name)
    projects = {row["companyName"]: row["id"] for row in books.rows("job")}
    income = next(each["id"] for each in books.rows("account") if each["acctType"] == "Income")
    for name in _ITEMS:
        books.add("serviceSaleItem", itemId=name, incomeAccount=income)
    items = {row["itemId"]: row["id"] for row in books.rows("serviceSaleItem")}
    due: list[tuple[int, str, Decimal]] = []
    for ago, customer, project, item, hours, rate, percent in _INVOICES:
        _pay_due(books, due, ago)
        _at(books, ago)
        line = {"item": items[item], "quantity": Decimal(hours), "rate": Decimal(rate)}
        line |= {"job": projects[project]} if project else {}
        invoice = books.add("invoice", entity=customers[customer], item={"items": [line]})
        paid = rounded(invoice["total"] * percent / 100)
        if paid:
            due.append((max(ago - 28, 0), invoice["id"], paid))
    _pay_due(books, due, -1)
    _at(books, 15)
    books.add_deposit(customers["Cobalt Robotics"], "500.00")
    books.add_credit(customers["Cobalt Robotics"], "250.00")
    _at(books, 5)
    robin = next(row["id"] for row in books.rows("employee"))
    books.add(
        "timeBill", employee=robin, customer=projects["Amber Rollout"], item=items["Design"],
        hours="4:00", isBillable=True, supervisorApproval=True, memo="Wireframes",
    )  # fmt: skip


def _at(books: Books, ago: int) -> None:
    books.backdated = books.clock.now() - timedelta(days=ago)


def _pay_due(books: Books, due: list[tuple[int, str, Decimal]], ago: int) -> None:
    """Enter the payments that came in before an invoice of so many days ago."""
    for each in [one for one in due if one[0] > ago]:
        due.remove(each)
        _at(books, each[0])
        books.pay({each[1]: each[2]})
