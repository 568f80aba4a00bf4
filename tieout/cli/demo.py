"""The demo: a services firm's two months, against stand-ins of its three systems."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tieout.billing.inputs import Period
from tieout.bootstrap import open_engine
from tieout.clock import OffsetClock
from tieout.config import settings_from
from tieout.model.discrepancy import DiscrepancyClass
from tieout.model.document import Document, DocumentStatus
from tieout.model.money import Money, total
from tieout.reconcile.run import Reconciled, reconcile
from tieout.sandbox import firm as acts
from tieout.sandbox.firm import FirmFacts, demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.world import World, describe, serve, shell_exports
from tieout.store import documents
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.engine import Engine
from tieout.sync.plan import plan
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.push import push
from tieout.sync.translate import translate

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
FEBRUARY = Period(date(2026, 2, 1), date(2026, 2, 28))


@dataclass
class Story:
    """What the demo did, for its summary."""

    console: Console
    engine: Engine
    world: World
    facts: FirmFacts
    faults: list[tuple[str, str, str]] = field(default_factory=list)  # what, class, said

    def say(self, title: str) -> None:
        self.console.print(f"[bold]{title}[/bold]")

    def note(self, text: str) -> None:
        self.console.print(f"  {text}")


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the stand-ins and the workspace up to play with.")
    ] = False,
    people: Annotated[int, typer.Option(help="How many people work at the firm.")] = 60,
    projects: Annotated[int, typer.Option(help="How many won deals there are.")] = 80,
    out: Annotated[Path | None, typer.Option(help="Where the workspace and the report go.")] = None,
) -> None:
    """Bill a services firm's two months, with four things going wrong, and find them all.

    No account is needed: Salesforce, Harvest and QuickBooks are stand-ins on this machine.
    """
    console = Console(highlight=False)
    started = time.perf_counter()
    folder = out or Path(tempfile.mkdtemp(prefix="tieout-demo-"))
    with _story(console, folder, people, projects) as story:
        done = _tell(story, folder)
        _summary(story, done, time.perf_counter() - started)
        if keep:
            _keep(story, folder)
    if not _all_named(story, done):
        raise typer.Exit(1)


@contextmanager
def _story(console: Console, folder: Path, people: int, projects: int) -> Iterator[Story]:
    clock = OffsetClock()
    clock.set(NOW)
    with ExitStack() as stack:
        world = World(clock, preset="empty")
        facts = demo_firm(world, people=people, projects=projects)
        serving = stack.enter_context(serve(world))
        described = describe(serving)
        write_workspace(folder, described, facts.rates, facts.instalment_days)
        (folder / "secrets.sh").write_text(shell_exports(described), encoding="utf-8")
        engine = stack.enter_context(
            open_engine(
                settings_from({"TIEOUT_WORKSPACE": str(folder)}),
                clock=clock,
                environment=secrets_for(described),
                actor="nora",
            )
        )
        console.print(f"[bold]Fernhill Partners[/bold]: {people} people, {projects} won deals")
        for name, one in described.items():
            console.print(f"  {name:<11} {one['base_url']}")
        yield Story(console=console, engine=engine, world=world, facts=facts)


def _tell(story: Story, folder: Path) -> Reconciled:
    _pull(story)
    story.say("January: bill, approve, push")
    act = acts.lose_next_answer(story.world, "batch")
    _expect(story, act.said, "recovered")
    _month(story, JANUARY)
    story.note(acts.pay_some(story.world, story.facts, "0.5").said)
    late = acts.late_entry(story.world, story.facts)
    _expect(story, late.said, DiscrepancyClass.R18)
    _pull(story)
    story.say("February: bill, approve, push")
    second = _month(story, FEBRUARY)
    edited = acts.edit_invoice_behind(story.world, second[0].number)
    _expect(story, edited.said, DiscrepancyClass.R04)
    unapplied = acts.unapplied_payment(story.world)
    _expect(story, unapplied.said, DiscrepancyClass.R10)
    return _reconcile(story, folder)


def _expect(story: Story, said: str, cls: str) -> None:
    story.faults.append((said, str(cls), ""))
    story.console.print(f"  [yellow]goes wrong:[/yellow] {said}")


def _pull(story: Story) -> None:
    story.say("Pull: deals from Salesforce, time from Harvest, lists from QuickBooks")
    pulled = [*pull(story.engine), *pullback(story.engine).pulled]
    for one in pulled:
        if one.error:
            raise typer.BadParameter(f"{one.connection} {one.stream}: {one.error}")
    changed = sum(one.landed.new + one.landed.changed for one in pulled)
    translate(story.engine)
    made = project(story.engine)
    story.note(f"{changed:,} records landed; {len(made.new)} projects appeared from won deals")


def _month(story: Story, period: Period) -> tuple[Document, ...]:
    engine = story.engine
    billed = bill(engine, period)
    worth = total((d.total for d in billed.drafts), "USD")
    expected = Money(story.facts.month_total(period.start), "USD")
    agrees = "agrees with" if worth == expected else f"DIFFERS FROM {expected:}:"
    story.note(
        f"{len(billed.drafts)} drafts over {worth.amount:,} USD, which {agrees} the firm's sums; "
        f"{len(billed.result.held)} entries held with a reason"
    )
    approved = approve(engine, everything=True).documents
    story.note(f"approved: {approved[0].number} to {approved[-1].number}")
    with engine.store.read() as tx:
        planned = plan(engine, tx)
    story.note(f"plan: {len(planned.writes)} records to write in {planned.calls} calls")
    done = push(engine)
    story.note(
        f"pushed: {len(done.confirmed)} confirmed, {len(done.recovered)} of them found again after "
        f"a lost answer, {len(done.held)} held"
    )
    return approved


def _reconcile(story: Story, folder: Path) -> Reconciled:
    story.say("Pull payments back, reconcile")
    back = pullback(story.engine)
    engine = story.engine
    with engine.store.read() as tx:
        paid = documents.list_documents(tx, statuses=[DocumentStatus.PAID])
    story.note(f"{back.payments} payments copied; {len(paid)} invoices are paid in full")
    return reconcile(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        folder / "reports",
    )


def _named(story: Story, done: Reconciled, cls: str) -> str:
    """What the report says of a fault, "" when it does not name it."""
    if cls == "recovered":
        found = [f"{r.number}: {r.settled}" for r in done.comparison.books.recoveries]
    else:
        found = [one.title for one in done.comparison.discrepancies if one.cls == cls]
    return found[0] if found else ""


def _all_named(story: Story, done: Reconciled) -> bool:
    return all(_named(story, done, cls) for _, cls, _ in story.faults)


def _summary(story: Story, done: Reconciled, seconds: float) -> None:
    table = Table(title="What went wrong, and what the report says", title_justify="left")
    table.add_column("What happened")
    table.add_column("In the report")
    for said, cls, _ in story.faults:
        named = _named(story, done, cls)
        mark = f"[green]{cls}[/green] {named}" if named else "[red]not named[/red]"
        table.add_row(said, mark)
    story.console.print(table)
    with story.engine.store.read() as tx:
        ours = documents.list_documents(tx)
    live = [i for i in story.world.quickbooks.books.live("Invoice") if i.get("DocNumber")]
    numbers = {str(invoice["DocNumber"]) for invoice in live}
    figures = Table(show_header=False)
    figures.add_row("Documents here", str(len(ours)))
    figures.add_row("Invoices in QuickBooks", str(len(live)))
    figures.add_row("Numbers used twice", str(len(live) - len(numbers)))
    for control in done.comparison.control:
        figures.add_row(f"Open here, {control.currency}", f"{control.ours.open:,}")
        figures.add_row(f"Open there, {control.currency}", f"{control.theirs.open:,}")
    figures.add_row("Differences named", str(len(done.comparison.discrepancies)))
    figures.add_row("Time", f"{seconds:.1f} s")
    story.console.print(figures)
    story.console.print(f"Report: {done.html}")


def _keep(story: Story, folder: Path) -> None:
    story.console.print(
        f"\nThe stand-ins stay up until Ctrl-C. In another terminal:\n"
        f"  . {folder}/secrets.sh\n  tieout --workspace {folder} status"
    )
    try:
        while True:
            time.sleep(3600)  # noqa: TID251 - a person ends it
    except KeyboardInterrupt:
        story.console.print("Stopped.")
