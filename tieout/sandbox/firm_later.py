"""What happens at the demo firm after the first bills: done by its people, not by Tieout.

Every function does one thing in a vendor's books and returns an `Act` that says
in plain words what was done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from tieout.sandbox import firm_plan
from tieout.sandbox.quickbooks.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.firm import FirmFacts
    from tieout.sandbox.world import World

_CENT = Decimal("0.01")
_MONEY = "{:,.2f}"


@dataclass(frozen=True)
class Act:
    """What was done: `said` for the narration, the vendor's ids, and the money it is about."""

    said: str
    ids: tuple[str, ...] = ()
    amount: Decimal = Decimal(0)

    @property
    def id(self) -> str:
        """The id of what was made or changed; of the first when there are several."""
        return self.ids[0]

    def __str__(self) -> str:
        return self.said


def late_entry(world: World, facts: FirmFacts) -> Act:
    """Time of the first month, entered and approved only now: nobody has billed it.

    The act's id is the entry's; its amount is what the time costs the client.
    """
    account = world.harvest.account
    project = next(each for each in facts.projects if each.kind == "time")
    person = facts.people[-1]
    user = next(key for key, row in account.users.items() if row["email"] == person.email)
    task = next(key for key, row in account.tasks.items() if row["name"] == firm_plan.TASKS[1])
    day = firm_plan.weekdays(facts.months[0])[-1]
    hours = Decimal(6)
    entry = account.add_entry(user, project.harvest_id, task, day, hours, notes="Entered late")
    account.approve([entry])
    amount = hours * Decimal(facts.rates[person.role])
    said = (
        f"{person.name} entered {hours} hours on {project.code} for {day.isoformat()} "
        f"and had them approved after {day:%B} was billed: {_MONEY.format(amount)} nobody billed."
    )
    return Act(said, (str(entry),), amount)


def edit_invoice_behind(world: World, number: str, more: str = "10.00") -> Act:
    """Somebody raises the price of an invoice's first line by `more`, inside QuickBooks Online.

    The act's amount is how much the invoice's total moved. Raises ValueError when no invoice
    has the number or none of its lines is a sale.
    """
    books = world.quickbooks.books
    found = books.numbered("Invoice", number)
    if not found:
        raise ValueError(f"QuickBooks Online has no invoice {number}")
    before = books.get("Invoice", found[0])
    lines = [dict(line) for line in before["Line"]]
    line = next((each for each in lines if each["DetailType"] == "SalesItemLineDetail"), None)
    if line is None:
        raise ValueError(f"invoice {number} has no line that can be edited")
    old = line["Amount"]
    detail = dict(line["SalesItemLineDetail"])
    if detail.get("Qty") and "UnitPrice" in detail:
        detail["UnitPrice"] += Decimal(more)
        line["Amount"] = _cents(detail["Qty"] * detail["UnitPrice"])
    else:
        line["Amount"] = old + Decimal(more)
    line["SalesItemLineDetail"] = detail
    after = books.edit_invoice(found[0], Line=lines)
    said = (
        f"Somebody opened invoice {number} in QuickBooks Online and changed a line from "
        f"{_MONEY.format(old)} to {_MONEY.format(line['Amount'])}."
    )
    return Act(said, (found[0],), after["TotalAmt"] - before["TotalAmt"])


def pay_some(world: World, facts: FirmFacts, share: str | Decimal) -> Act:
    """The firm's clients pay a share (0 to 1) of their open invoices, oldest first.

    One payment covers several invoices of one client when there are any, one invoice is
    paid by half, the others in full. The act's ids are the payments'. Raises ValueError for
    a share out of range.
    """
    part = Decimal(share)
    if not 0 <= part <= 1:
        raise ValueError(f"the share of invoices to pay is between 0 and 1, not {share}")
    open_ones = _open_invoices(world)
    count = int(len(open_ones) * part)
    if not count:
        return Act(f"No client of {facts.name} paid.")
    books = world.quickbooks.books
    together = _of_one_customer(open_ones, count)
    taken = {row["Id"] for row in together}
    single = [row for row in open_ones if row["Id"] not in taken][: count - len(together)]
    paid: list[Row] = []
    told: list[str] = []
    if together:
        paid.append(books.pay({row["Id"]: row["Balance"] for row in together}))
        numbers = ", ".join(_number(row) for row in together)
        told.append(f"one for {numbers} of {together[0]['CustomerRef']['name']} together")
    if single:
        first = single[0]
        paid.append(books.pay({first["Id"]: _cents(first["Balance"] / 2)}))
        told.append(f"one for half of {_number(first)}")
    paid += [books.pay(row["Id"]) for row in single[1:]]
    if single[1:]:
        told.append(f"{len(single) - 1} in full")
    amount = sum((row["TotalAmt"] for row in paid), Decimal(0))
    said = (
        f"{facts.name} received {_payments(len(paid))} of {_MONEY.format(amount)} in all, "
        f"entered in QuickBooks Online: {'; '.join(told)}."
    )
    return Act(said, tuple(row["Id"] for row in paid), amount)


def unapplied_payment(world: World, amount: str = "2500.00") -> Act:
    """A client sends money without saying what for. Raises ValueError without a customer."""
    books = world.quickbooks.books
    owing = [row["CustomerRef"]["value"] for row in _open_invoices(world)]
    customer = next(iter([*owing, *(row["Id"] for row in books.rows("Customer"))]), None)
    if customer is None:
        raise ValueError("QuickBooks Online has no customer who could pay")
    name = books.get("Customer", customer)["DisplayName"]
    made = books.add_payment(customer, amount, PaymentRefNum="WIRE-UNNAMED")
    said = (
        f"{name} paid {_MONEY.format(made['TotalAmt'])} without naming an invoice: "
        "the money is in QuickBooks Online, applied to nothing."
    )
    return Act(said, (made["Id"],), made["TotalAmt"])


def lose_next_answer(world: World, match: str = "") -> Act:
    """The next time invoices are sent to QuickBooks Online, it commits and the line goes dead.

    `match` narrows it to a kind of call, "batch" or "invoice"; empty takes whichever comes.
    """
    ledger = world.quickbooks
    ledger.faults.add(
        "lost_answer",
        method="POST",
        path=f"/v3/company/{ledger.realm_id}/{match}",
        # Only sales have such lines: customers and payments go through unharmed.
        body='"SalesItemLineDetail"',
    )
    kind = f"{match} of invoices" if match == "batch" else "invoices"
    return Act(
        f"The next {kind} sent to QuickBooks Online will be committed there, "
        "but the answer will never arrive."
    )


# -- inside ----------------------------------------------------------------------
def _open_invoices(world: World) -> list[Row]:
    rows = world.quickbooks.books.rows("Invoice")
    return [row for row in rows if row["Balance"] > 0]


def _of_one_customer(invoices: Iterable[Row], most: int) -> list[Row]:
    """Two or three open invoices of the first customer who has as many; else none."""
    found: dict[str, list[Row]] = {}
    for row in invoices:
        found.setdefault(row["CustomerRef"]["value"], []).append(row)
    several = next((rows for rows in found.values() if len(rows) > 1), [])[:3]
    return several if len(several) <= most else []


def _number(row: Row) -> str:
    return str(row.get("DocNumber") or row["Id"])


def _payments(count: int) -> str:
    return "one payment" if count == 1 else f"{count} payments"


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
