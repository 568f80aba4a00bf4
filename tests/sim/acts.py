"""What people do in the vendors' books meanwhile, and what must be said of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.sim.kernel import Process
from tieout.connectors.base import CORRECTION, CREDIT_NOTE, VOID
from tieout.errors import TieoutError
from tieout.sandbox.firm import edit_invoice_behind, late_entry, unapplied_payment
from tieout.sandbox.ledgers import CannotBeDone, Invoice
from tieout.sync.approve import approve
from tieout.sync.correct import correct
from tieout.sync.credit import credit
from tieout.sync.engine import Engine
from tieout.sync.void import void

if TYPE_CHECKING:
    from tests.sim.history import History

#: What an act makes the reconciliation say, when the ledger's answer had been heard before.
SAID = {
    "edit": ("R04", "R05"),
    "void": ("R09",),
    "delete": ("R01",),
    "unapplied": (),  # what is left of it at the end is said
    "pay": (),
    "pay part": (),
    "late entry": (),
    "close the books": (),
    # What our own bookkeeper orders is no difference once it is done.
    "credit": (),
    "void here": (),
    "correct": (),
}
#: Acts of our own bookkeeper, and what the ledger must be able to write for them.
OURS = {"credit": CREDIT_NOTE, "void here": VOID, "correct": CORRECTION}
#: Days that a corrected invoice may wait for its money.
LONGER = 45
NAMES = tuple(SAID)


@dataclass
class Touched:
    """An invoice that somebody touched over there."""

    number: str
    act: str
    before: Invoice
    settled: bool  # our side knew it as confirmed


@dataclass
class Acts:
    """The acts of a history."""

    history: History
    touched: dict[str, Touched] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)  # held rows a person has looked at
    closed: bool = False  # whether somebody has closed the books for a while

    def order(self, engine: Engine, names: tuple[str, ...]) -> None:
        """Let our bookkeeper credit, void or correct an invoice that nobody touched; what cannot
        be, is not."""
        ledger = engine.ledger().connector
        for act in (name for name in names if name in OURS and ledger.writes(OURS[name])):
            invoice = self.untouched()
            if invoice is None or self._state_of(invoice.number) != "confirmed":
                continue
            number, release = invoice.number, self.history.chance.random() < 0.5
            # Noted first: whoever is killed in the middle may have ordered it.
            self.touch(act, invoice)
            try:
                if act == "credit":
                    first = ["L001"] if self.history.chance.random() < 0.5 else []
                    credit(engine, number, lines=first, release=release)
                    approve(engine, everything=True)
                elif act == "correct":
                    correct(engine, number, due=invoice.day + timedelta(days=LONGER))
                else:
                    void(engine, number, release=release)
                self.done.append(act)
                self.history.kernel.note(f"bookkeeper: {act} {number}, release {release}")
            except TieoutError as refused:
                self.history.kernel.note(f"bookkeeper: no {act} of {number}: {refused}")

    def _state_of(self, number: str) -> str:
        """How far our side knows an invoice's own write to be."""
        states = self.history.ask(
            "SELECT o.state FROM outbox o JOIN documents d ON d.id = o.subject_id "
            "WHERE d.number = ? AND o.writer = 'invoice'",
            number,
        )
        return str(states[-1][0]) if len(states) == 1 else ""

    def plan(self, names: tuple[str, ...], within: timedelta) -> None:
        """Let each act happen at a moment that the seed chooses; it waits for its occasion."""
        for name in (name for name in names if name not in OURS):
            at_s = self.history.chance.uniform(0.1, 0.9) * within.total_seconds()
            self.history.kernel.spawn(Process(name), name, self._act(name, at_s))

    def _act(self, name: str, at_s: float) -> Callable[[], None]:
        def act() -> None:
            self.history.kernel.sleep(at_s)
            while not self.history.stopping:
                if _ACTS[name](self):
                    self.done.append(name)
                    self.history.kernel.note(f"somebody: {name}")
                    return
                self.history.kernel.sleep(1800)

        return act

    def heal(self) -> None:
        """What somebody would put right in the end, and every vendor on its own."""
        for vendor in self.history.world.vendors.values():
            vendor.faults.clear()
        self.history.world.ledger.close_until(None)

    # -- occasions -------------------------------------------------------------------------
    def untouched(self) -> Invoice | None:
        """An open invoice of ours nobody touched, chosen by the seed; none in closed books."""
        if self.closed:
            return None
        found = [
            each
            for each in self.history.world.ledger.invoices()
            if each.number not in self.touched and each.balance == each.total > 0
        ]
        return self.history.chance.choice(found) if found else None

    def touch(self, act: str, invoice: Invoice) -> None:
        settled = self._state_of(invoice.number) == "confirmed"
        self.touched[invoice.number] = Touched(invoice.number, act, invoice, settled)


def _edit(acts: Acts) -> bool:
    invoice = acts.untouched()
    if invoice is None:
        return False
    acts.touch("edit", invoice)
    edit_invoice_behind(acts.history.world, invoice.number)
    return True


def _void(acts: Acts) -> bool:
    invoice = acts.untouched()
    if invoice is None:
        return False
    acts.touch("void", invoice)
    acts.history.world.ledger.void(invoice.id)
    return True


def _delete(acts: Acts) -> bool:
    invoice = acts.untouched()
    if invoice is None:
        return False
    try:
        acts.history.world.ledger.delete(invoice.id)
    except CannotBeDone:  # nor can anybody else there
        return True
    acts.touch("delete", invoice)
    return True


def _pay(part: str) -> Callable[[Acts], bool]:
    def do(acts: Acts) -> bool:
        invoice = acts.untouched()
        if invoice is None:
            return False
        amount = invoice.balance if part == "all" else Decimal("100.00")
        if amount > invoice.balance:
            return False
        acts.touch("pay" if part == "all" else "pay part", invoice)
        acts.history.world.ledger.pay({invoice.id: amount})
        return True

    return do


def _unapplied(acts: Acts) -> bool:
    if acts.closed:
        return False
    unapplied_payment(acts.history.world)
    return True


def _late_entry(acts: Acts) -> bool:
    if not any(each.kind == "time" for each in acts.history.facts.projects):
        return True
    late_entry(acts.history.world, acts.history.facts)
    return True


def _close_books(acts: Acts) -> bool:
    ledger = acts.history.world.ledger
    ledger.close_until(date(2027, 12, 31))
    acts.closed = True
    acts.history.kernel.sleep(5 * 3600.0)
    ledger.close_until(None)
    acts.closed = False
    return True


_ACTS: dict[str, Callable[[Acts], bool]] = {
    "edit": _edit,
    "void": _void,
    "delete": _delete,
    "pay": _pay("all"),
    "pay part": _pay("some"),
    "unapplied": _unapplied,
    "late entry": _late_entry,
    "close the books": _close_books,
}
