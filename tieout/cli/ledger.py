"""To the ledger and back, and the proof that both sides agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode, worst
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.cli.work import PULLED, pulled_rows
from tieout.reconcile.report import as_json, can_be_signed
from tieout.reconcile.run import Reconciled
from tieout.reconcile.run import reconcile as compare_books
from tieout.store import documents, outbox, projects
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow
from tieout.sync.engine import Engine
from tieout.sync.plan import plan as look_ahead
from tieout.sync.pullback import PulledBack
from tieout.sync.pullback import pullback as pull_back
from tieout.sync.push import Pushed
from tieout.sync.push import push as push_due


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(plan)
    app.command()(push)
    app.command()(pullback)
    app.command()(reconcile)


# -- plan -------------------------------------------------------------------------------
_WRITES = (
    Column("writer", "Makes"),
    Column("name", "Name or number"),
    Column("client", "Client"),
    Column("lines", "Lines", right=True),
    Column("total", "Total before tax", right=True),
)
_LINKS = (Column("client", "Client"), Column("record", "Their record"))


def plan(context: typer.Context, json: Json = False) -> None:
    """Show exactly what the next push would make. Sends nothing."""
    with engine_of(context) as engine, engine.store.read() as tx:
        planned = look_ahead(engine, tx)
    if json:
        show.emit(planned)
    else:
        writes = [{name: getattr(w, name) for name, *_ in _WRITES} for w in planned.writes]
        links = [
            {"client": one.client, "record": f"{one.remote.number} ({one.remote.remote_id})"}
            for one in planned.links
        ]
        show.table("Will be made", _WRITES, writes)
        if links:
            show.table("Will be linked, they are there already", _LINKS, links)
        calls = show.count(planned.calls, "writing call")
        doubts = show.count(planned.doubts, "row")
        show.say(
            f"{calls}. {doubts} in doubt: looked for first." if planned.doubts else f"{calls}."
        )
        for problem in planned.problems:
            show.say(f"Cannot go: {problem}")
    if planned.problems:
        finish(ExitCode.PROBLEMS)


# -- push -------------------------------------------------------------------------------
_HELD = (Column("what", "What"), Column("why", "Held because"))


def push(context: typer.Context, json: Json = False) -> None:
    """Send what is approved to the ledger, once. Safe to repeat, also after a crash."""
    with engine_of(context) as engine:
        pushed = push_due(engine)
        with engine.store.read() as tx:
            found = [outbox.get(tx, row_id) for row_id in pushed.held]
            held = [{"what": subject_of(tx, r), "why": r.error_text} for r in found if r]
    if json:
        show.emit({**show.plain(pushed), "held_rows": held})
    else:
        show.say(push_words(pushed))
        if held:
            show.table("Held", _HELD, held)
    finish(push_code(pushed))


def push_words(pushed: Pushed) -> str:
    """What a push did, in a sentence."""
    parts = [
        f"{len(pushed.confirmed)} confirmed",
        f"{len(pushed.recovered)} of them recovered from a lost answer",
        f"{len(pushed.held)} held",
        f"{len(pushed.waiting)} waiting",
        show.count(pushed.calls, "writing call"),
    ]
    text = ", ".join(part for part in parts if part[:2] != "0 " or "confirmed" in part) + "."
    return f"{text}\nStopped early: {pushed.stopped}" if pushed.stopped else text


def push_code(pushed: Pushed) -> ExitCode:
    """How a push ended."""
    stopped = ExitCode.REFUSED if pushed.stopped else ExitCode.DONE
    return worst(stopped, ExitCode.HELD if pushed.held else ExitCode.DONE)


def subject_of(tx: Tx, row: OutboxRow) -> str:
    """What an outbox row writes, as people call it: `invoice INV-2026-0007`."""
    document = documents.get(tx, row.subject_id)
    client = projects.get_client(tx, row.subject_id)
    project = projects.get_project(tx, row.subject_id)
    name = document.number if document else ""
    name = name or (client.name if client else "") or (project.name if project else "")
    return f"{row.writer} {name or row.subject_id}"


# -- pullback ---------------------------------------------------------------------------
_CHANGED = (Column("number", "Invoice"), Column("status", "Now"))


def pullback(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    json: Json = False,
) -> None:
    """Fetch what the ledger says of invoices and payments."""
    with engine_of(context) as engine:
        told = pull_back(engine, full=full)
    changed = [{"number": number, "status": status} for number, status in told.changed]
    rows = pulled_rows(told.pulled)
    if json:
        show.emit({"pulled": rows, "payments": told.payments, "changed": changed})
    else:
        show.table("Pulled", PULLED, rows)
        show.say(f"{show.count(told.payments, 'payment')} known.")
        if changed:
            show.table("Changed", _CHANGED, changed)
    finish(pullback_code(told))


def pullback_code(told: PulledBack) -> ExitCode:
    """How a pullback ended."""
    return ExitCode.REFUSED if any(one.error for one in told.pulled) else ExitCode.DONE


# -- reconcile --------------------------------------------------------------------------
_FOUND = (
    Column("class", "Class"),
    Column("what", "Kind"),
    Column("title", "What"),
    Column("difference", "Difference", right=True),
    Column("currency", "Currency"),
    Column("age_days", "Days", right=True),
    Column("what_to_do", "What to do"),
)


def reconcile(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the report goes; reports/ when not given."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare both sides as last read, and write the report. Changes neither side."""
    with engine_of(context) as engine:
        done = reconciled(engine, out)
    said = as_json(done.report)
    if json:
        show.emit({**said, "files": [done.html, done.csv, done.json]})
    else:
        show.table("Differences", _FOUND, said["discrepancies"])
        show.say(_balance_words(said["control"], done))
        show.say(f"Report: {done.html}")
    if done.comparison.discrepancies:
        finish(ExitCode.PROBLEMS)


def reconciled(engine: Engine, out: Path | None = None) -> Reconciled:
    """Reconcile into a folder, the workspace's own reports by default."""
    return compare_books(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        out or engine.workspace.folder / "reports",
    )


def _balance_words(control: list[dict[str, Any]], done: Reconciled) -> str:
    parts = [f"{one['unexplained']} {one['currency']}" for one in control]
    signable = "can" if can_be_signed(done.report) else "cannot"
    return f"Unexplained: {', '.join(parts) or 'nothing'}. The report {signable} be signed."
