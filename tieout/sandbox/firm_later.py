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
from tieout.sandbox.ledgers import Invoice

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
    """Somebody raises the price of an invoice's first line by `more`, inside the ledger.

    The act's amount is how much the invoice's total moved. Raises ValueError when no invoice
    has the number or none of its lines is a sale.
    """
    ledger = world.ledger
    before = _numbered(world, number)
    if not before.lines:
        raise ValueError(f"invoice {number} has no line that can be edited")
    old, new = ledger.raise_price(before.id, Decimal(more))
    said = (
        f"Somebody opened invoice {number} in {ledger.title} and changed a line from "
        f"{_MONEY.format(old)} to {_MONEY.format(new)}."
    )
    return Act(said, (before.id,), _numbered(world, number).total - before.total)


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
    ledger = world.ledger
    together = _of_one_customer(open_ones, count)
    taken = {each.id for each in together}
    single = [each for each in open_ones if each.id not in taken][: count - len(together)]
    paid: list[str] = []
    told: list[str] = []
    amount = Decimal(0)
    if together:
        paid += ledger.pay({each.id: each.balance for each in together})
        amount += sum((each.balance for each in together), Decimal(0))
        numbers = ", ".join(each.number for each in together)
        name = ledger.customers()[together[0].customer_id]
        told.append(f"one for {numbers} of {name} together")
    for place, each in enumerate(single):
        part = each.balance if place else _cents(each.balance / 2)
        paid += ledger.pay({each.id: part})
        amount += part
    if single:
        told.append(f"one for half of {single[0].number}")
    if single[1:]:
        told.append(f"{len(single) - 1} in full")
    said = (
        f"{facts.name} received {_payments(bool(together) + len(single))} of "
        f"{_MONEY.format(amount)} in all, entered in {ledger.title}: {'; '.join(told)}."
    )
    return Act(said, tuple(paid), amount)


def unapplied_payment(world: World, amount: str = "2500.00") -> Act:
    """A client sends money without saying what for. Raises ValueError without a customer."""
    ledger, customers = world.ledger, world.ledger.customers()
    owing = [each.customer_id for each in _open_invoices(world)]
    customer = next(iter([*owing, *customers]), None)
    if customer is None:
        raise ValueError(f"{ledger.title} has no customer who could pay")
    made = ledger.receive(customer, Decimal(amount))
    said = (
        f"{customers[customer]} paid {_MONEY.format(Decimal(amount))} without naming an invoice: "
        f"the money is in {ledger.title}, applied to nothing."
    )
    return Act(said, (made,), Decimal(amount))


def lose_next_answer(world: World, match: str = "") -> Act:
    """The next time invoices are sent to the ledger, it commits and the line goes dead.

    `match` narrows it to a kind of call, "batch" or "invoice"; empty takes whichever comes.
    """
    ledger = world.ledger
    ledger.vendor.faults.add(
        "lost_answer",
        method=ledger.invoice_method,
        path=ledger.invoice_calls.get(match, ledger.root),
        body=ledger.invoice_body,  # customers and payments go through unharmed
    )
    kind = "batch of invoices" if match == "batch" else "invoices"
    return Act(
        f"The next {kind} sent to {ledger.title} will be committed there, "
        "but the answer will never arrive."
    )


# -- inside ----------------------------------------------------------------------
def _numbered(world: World, number: str) -> Invoice:
    found = [each for each in world.ledger.invoices() if each.number == number]
    if not found:
        raise ValueError(f"{world.ledger.title} has no invoice {number}")
    return found[0]


def _open_invoices(world: World) -> list[Invoice]:
    return [each for each in world.ledger.invoices() if each.balance > 0]


def _of_one_customer(invoices: Iterable[Invoice], most: int) -> list[Invoice]:
    """Two or three open invoices of the first customer who has as many; else none."""
    found: dict[str, list[Invoice]] = {}
    for each in invoices:
        found.setdefault(each.customer_id, []).append(each)
    several = next((some for some in found.values() if len(some) > 1), [])[:3]
    return several if len(several) <= most else []


def _payments(count: int) -> str:
    return "one payment" if count == 1 else f"{count} payments"


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
