"""To the ledger and back, and the proof that both sides agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode, code_of
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.cli.work import PULLED, pulled_rows
from tieout.reconcile.report import as_json, can_be_signed
from tieout.reconcile.run import Reconciled
from tieout.steps import pullback_outcome, push_outcome, push_words, reconciled
from tieout.store import outbox
from tieout.sync.estimate import Estimate, in_words
from tieout.sync.plan import plan as look_ahead
from tieout.sync.pullback import pullback as pull_back
from tieout.sync.push import AT_ONCE
from tieout.sync.push import push as push_due
from tieout.sync.subjects import subject_of


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
_BESIDES = (
    Column("tax", "Tax", right=True),
    Column("memo_lines", "Lines of its timesheet", right=True),
    Column("link", "Link back"),
)
_LINKS = (Column("client", "Client"), Column("record", "Their record"))


def plan(context: typer.Context, json: Json = False) -> None:
    """Show exactly what the next push would make. Sends nothing."""
    with engine_of(context) as engine, engine.store.read() as tx:
        planned = look_ahead(engine, tx)
    if json:
        show.emit(planned)
    else:
        more = [c for c in _BESIDES if any(getattr(w, c.key) for w in planned.writes)]
        columns = (*_WRITES, *more)
        writes = [{name: getattr(w, name) for name, *_ in columns} for w in planned.writes]
        links = [
            {"client": one.client, "record": f"{one.remote.number} ({one.remote.remote_id})"}
            for one in planned.links
        ]
        show.table("Will be made", columns, writes)
        if links:
            show.table("Will be linked, they are there already", _LINKS, links)
        calls = estimate_words(planned.estimate)
        doubts = show.count(planned.doubts, "row")
        show.say(
            f"{calls}. {doubts} in doubt: looked for first." if planned.doubts else f"{calls}."
        )
        show.say(planned.taxes)
        for text in planned.left_out:
            show.say(f"Left out: {text}")
        for problem in planned.problems:
            show.say(f"Cannot go: {problem}")
    if planned.problems:
        finish(ExitCode.PROBLEMS)


# -- push -------------------------------------------------------------------------------
_HELD = (Column("what", "What"), Column("why", "Held because"))


def push(context: typer.Context, json: Json = False) -> None:
    """Send what is approved to the ledger, once. Safe to repeat, also after a crash."""
    with engine_of(context) as engine:
        say = _silence if json else _say_estimate
        pushed = push_due(engine, pushers=AT_ONCE, begun=say)
        with engine.store.read() as tx:
            found = [outbox.get(tx, row_id) for row_id in pushed.held]
            held = [{"what": subject_of(tx, r), "why": r.error_text} for r in found if r]
    if json:
        show.emit({**show.plain(pushed), "held_rows": held})
    else:
        show.say(push_words(pushed))
        if held:
            show.table("Held", _HELD, held)
    finish(code_of(push_outcome(pushed)))


def estimate_words(expected: Estimate) -> str:
    """What a push is expected to take: `1,200 records: 40 calls, about 60 s at ... limit`."""
    about = f", about {in_words(expected.seconds)} at this company's limit"
    records = f"{expected.records:,} record{'' if expected.records == 1 else 's'}"
    calls = f"{expected.calls:,} writing call{'' if expected.calls == 1 else 's'}"
    return f"{records}: {calls}{about if expected.seconds else ''}"


def _silence(expected: Estimate) -> None:
    """What is expected stands in the JSON."""


def _say_estimate(expected: Estimate) -> None:
    if expected.records:
        show.say(f"{estimate_words(expected)}.", err=True)


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
    finish(code_of(pullback_outcome(told)))


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
    if any(one.needs_action for one in done.comparison.discrepancies):
        finish(ExitCode.PROBLEMS)


def _balance_words(control: list[dict[str, Any]], done: Reconciled) -> str:
    parts = [f"{one['unexplained']} {one['currency']}" for one in control]
    signable = "can" if can_be_signed(done.report) else "cannot"
    return f"Unexplained: {', '.join(parts) or 'nothing'}. The report {signable} be signed."
