"""A services firm whose services bear taxes, in the ledger and by its own rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from tests.scenarios.firm import JANUARY, START, Firm, hosts, opened
from tieout.clock import VirtualClock
from tieout.model.document import Document
from tieout.model.money import Money
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import write_workspace
from tieout.sandbox.world import World
from tieout.store import documents
from tieout.sync.approve import approve
from tieout.sync.bill import bill

CENT = Decimal("0.01")
VAT, REDUCED, EXEMPT = "Goods and services", "Reduced rate", "Zero rated"
#: What the ledger charges.
CHARGED = {VAT: "15", REDUCED: "5", EXEMPT: "0"}


def ours(rounding: str = "line", charged: Mapping[str, str] = CHARGED) -> str:
    """What the mapping says where Tieout computes the taxes, at these rates."""
    return f"\ntaxes:\n  mode: ours{_said(rounding, charged)}"


def estimated(rounding: str = "line", charged: Mapping[str, str] = CHARGED) -> str:
    """What it says where the ledger computes them, and the firm's rates are known."""
    return f"\ntaxes:{_said(rounding, charged)}"


def _said(rounding: str, charged: Mapping[str, str]) -> str:
    rates = "".join(
        f'\n    "{code}": [{{ from: 2020-01-01, percent: {percent} }}]'
        for code, percent in charged.items()
    )
    return f"\n  rounding: {rounding}\n  rates:{rates or ' {}'}"


@contextmanager
def taxed_firm(
    folder: Path,
    ledger: str,
    tax: str,
    percent: str,
    taxes: str = "",
    *,
    rules: str = "",
    country: str = "",
) -> Iterator[Firm]:
    """A firm whose services bear one tax, and whose ledger knows those of `CHARGED` besides.

    `rules` give some lines another code; `taxes` is what the mapping says of who computes.
    """
    # In the United States QuickBooks works taxes out from the address instead.
    country = country or ("GB" if ledger == "quickbooks" else "US")
    clock = VirtualClock(START)
    vendors = ("salesforce", "harvest", ledger)
    world = World(clock, preset="empty", vendors=vendors, country=country)
    world.ledger.keep_in("USD", {})
    own = {} if tax in ("", "TAX") else {tax: percent}  # a word of QuickBooks' is there
    for code, charged in {**CHARGED, **own}.items():
        world.ledger.charge(code, Decimal(charged))
    facts = demo_firm(world, people=3, projects=1)
    write_workspace(folder, hosts(world), facts.rates, facts.instalment_days)
    mapping, root = folder / "mappings" / "ledger.yaml", folder / "tieout.yaml"
    before, _, after = mapping.read_text().partition("tax_codes:\n  default:")
    rest = after[after.index("\n") :]
    mapping.write_text(f'{before}tax_codes:\n  default: "{tax}"{rules}{rest}{taxes}\n')
    # An account of NetSuite says how a tax gets onto its lines.
    by = "tax: legacy_code"
    if "mode: ours" in taxes and ledger == "netsuite":
        world.netsuite.books.prefer(tax="suitetax")
        by = 'tax: suitetax_override\n      tax_type_id: "2"'
    numbers = "own_numbers: true"
    root.write_text(root.read_text().replace(numbers, f"{numbers}\n      {by}"))
    with opened(folder, world) as engine:
        yield Firm(engine=engine, world=world, facts=facts, clock=clock, folder=folder)


def with_lines(
    firm: Firm, amounts: Sequence[tuple[Decimal, Decimal]], tasks: Sequence[str] = ()
) -> Document:
    """January's invoice, approved, with lines of these quantities and rates in place of its own;
    `tasks` are theirs, in turn."""
    firm.pull()
    firm.look_at_the_ledger()
    draft = next(one for one in bill(firm.engine, JANUARY).drafts if len(one.sections) == 1)
    section = draft.sections[0]
    lines = tuple(
        replace(
            section.lines[0],
            id=f"L{number:04}",
            quantity=quantity,
            rate=rate,
            amount=Money((quantity * rate).quantize(CENT, ROUND_HALF_UP), draft.currency),
            task=tasks[(number - 1) % len(tasks)] if tasks else section.lines[0].task,
            work=(),
        )
        for number, (quantity, rate) in enumerate(amounts, 1)
    )
    with firm.engine.store.begin() as tx:
        documents.save_draft(tx, replace(draft, sections=(replace(section, lines=lines),)))
    (document,) = approve(firm.engine, [draft.id]).documents
    return document
