"""From deals and hours to approved invoices."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tieout.billing.inputs import Period
from tieout.bootstrap import read_workspace
from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.connectors.base import CORRECTION
from tieout.errors import BadInput
from tieout.mapping import Held, Ignored, preview, project_of
from tieout.model.document import Document, DocumentStatus
from tieout.steps import mapped_words
from tieout.store import documents, orders, projects
from tieout.store.core import Tx
from tieout.sync.approve import approve as approve_drafts
from tieout.sync.bill import bill as bill_period
from tieout.sync.engine import Engine
from tieout.sync.project import Made, deals
from tieout.sync.project import project as make_projects
from tieout.sync.pull import Pulled
from tieout.sync.pull import pull as pull_all
from tieout.sync.translate import Translated, translate

map_app = typer.Typer(help="Look at what the rules make of records.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(pull)
    app.add_typer(map_app, name="map")
    app.command("projects")(list_projects)
    app.command()(bill)
    app.command()(invoices)
    app.command()(approve)


# -- pull -------------------------------------------------------------------------------
PULLED = (
    Column("connection", "Connection"),
    Column("stream", "Stream"),
    Column("new", "New", right=True),
    Column("changed", "Changed", right=True),
    Column("unchanged", "Same", right=True),
    Column("deleted", "Deleted", right=True),
    Column("error", "Stopped because"),
)


def pulled_rows(pulled: Iterable[Pulled]) -> list[dict[str, Any]]:
    """What came, a row for each stream."""
    return [
        {
            "connection": one.connection,
            "stream": one.stream,
            "new": one.landed.new,
            "changed": one.landed.changed,
            "unchanged": one.landed.unchanged,
            "deleted": one.landed.deleted + one.gone,
            "error": one.error,
        }
        for one in pulled
    ]


def pull(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Connections; the CRM and time tools when none.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Look for deletions now.")] = False,
    no_map: Annotated[
        bool, typer.Option("--no-map", help="Apply no rules: make no projects, place no time.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch what changed, and apply the rules to it. Safe to repeat."""
    with engine_of(context) as engine:
        pulled = pull_all(engine, names or (), full=full, sweep=sweep)
        translated = translate(engine)
        mapped = None if no_map else (translated, make_projects(engine))
    rows = pulled_rows(pulled)
    if json:
        show.emit({"pulled": rows, "mapped": _mapped(*mapped) if mapped else None})
    else:
        show.table("Pulled", PULLED, rows)
        if mapped:
            show.say(mapped_words(*mapped))
    if any(one.error for one in pulled):
        finish(ExitCode.REFUSED)


def _mapped(translated: Translated, made: Made) -> dict[str, Any]:
    return {
        "facts": translated.facts,
        "held_records": translated.held,
        "deleted": translated.deleted,
        "new_projects": [{"id": one.id, "name": one.name} for one in made.new],
        "held_deals": made.held,
        "placed": made.placed,
        "unplaced": made.unplaced,
    }


# -- map --------------------------------------------------------------------------------
_BECOMES = (
    Column("deal", "Deal"),
    Column("client", "Client"),
    Column("becomes", "Becomes"),
    Column("why", "Rule or reason"),
)
_CHANGES = (
    Column("deal", "Deal"),
    Column("field", "Field"),
    Column("before", "Now"),
    Column("after", "Then"),
    Column("origin", "Because of"),
)


@map_app.command("preview")
def map_preview(
    context: typer.Context,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A copy of the workspace with edited rules."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what stored deals become, or what edited rules would change. Changes nothing."""
    edited = read_workspace(rules) if rules else None
    with engine_of(context) as engine, engine.store.read() as tx:
        if edited is None:
            show.listing("Deals", _BECOMES, _becoming(engine, tx), json)
            return
        changes = preview(deals(tx), engine.workspace, edited)
    rows = [
        {name: getattr(change, name) for name in ("deal", "field", "before", "after", "origin")}
        for change in changes
    ]
    show.listing("Changes", _CHANGES, rows, json)


def _becoming(engine: Engine, tx: Tx) -> list[dict[str, Any]]:
    rows = []
    for deal in deals(tx):
        made = project_of(deal, engine.workspace)
        if isinstance(made, Held):
            becomes, why = "held", made.text
        elif isinstance(made, Ignored):
            becomes, why = "nothing", made.because
        else:
            becomes, why = f"project {made.project.name}", made.rule
        rows.append({"deal": deal.name, "client": deal.client, "becomes": becomes, "why": why})
    return rows


# -- projects ---------------------------------------------------------------------------
_PROJECTS = (
    Column("id", "Id"),
    Column("name", "Project"),
    Column("code", "Code"),
    Column("client", "Client"),
    Column("currency", "Currency"),
    Column("budgets", "Budgets"),
    Column("terms", "Terms"),
)


def list_projects(context: typer.Context, json: Json = False) -> None:
    """List the projects and their budgets."""
    with engine_of(context) as engine, engine.store.read() as tx:
        clients = client_names(tx)
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "code": one.code,
                "client": clients.get(one.client_id, one.client_id),
                "currency": one.currency,
                "budgets": [f"{b.name} ({show.as_text(b.model)})" for b in one.budgets],
                "terms": one.terms,
            }
            for one in projects.list_projects(tx)
        ]
    show.listing("Projects", _PROJECTS, rows, json)


def client_names(tx: Tx) -> dict[str, str]:
    """The clients' names by id."""
    return {client.id: client.name for client in projects.list_clients(tx)}


# -- invoices ---------------------------------------------------------------------------
#: The columns of documents.
DOCUMENTS = (
    Column("number", "Number"),
    Column("kind", "Kind"),
    Column("id", "Id"),
    Column("client", "Client"),
    Column("issue_date", "Issued"),
    Column("due_date", "Due"),
    Column("period", "Period"),
    Column("lines", "Lines", right=True),
    Column("status", "Status"),
    Column("total", "Total before tax", right=True),
)


def invoice_rows(found: Iterable[Document], clients: Mapping[str, str]) -> list[dict[str, Any]]:
    """Documents, a row each."""
    return [
        {
            "number": one.number,
            "kind": one.kind,
            "id": one.id,
            "client": clients.get(one.client_id, one.client_id),
            "issue_date": one.issue_date,
            "due_date": one.due_date,
            "period": f"{one.period_from} to {one.period_to}",
            "lines": len(one.lines),
            "status": one.status,
            "total": one.total,
        }
        for one in found
    ]


def bill(
    context: typer.Context,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day."),
    ] = None,
    month: Annotated[
        str, typer.Option(metavar="YYYY-MM", help="A whole month instead of --from and --to.")
    ] = "",
    issue_date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="The invoices' date; the period's last day when not given.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make the drafts of a period anew, and say what waits."""
    period = _period(from_, to, month)
    with engine_of(context) as engine:
        issued = issue_date.date() if issue_date else None
        billed = bill_period(engine, period, issue_date=issued)
        with engine.store.read() as tx:
            rows = invoice_rows(billed.drafts, client_names(tx))
    held = billed.result.held
    if json:
        waits = [{"work": h.work_id, "reason": h.reason, "text": h.text} for h in held]
        show.emit({"period": str(period), "drafts": rows, "held": waits})
    else:
        show.table(f"Drafts of {period}", DOCUMENTS[2:], rows)
        for reason, number in Counter(h.reason for h in held).most_common():
            show.say(f"  {number} held: {show.as_text(reason)}")
        if held:
            show.say("See `tieout held` for each of them and what to do.")
    if held:
        finish(ExitCode.HELD)


def _period(from_: datetime | None, to: datetime | None, month: str) -> Period:
    if month and not (from_ or to):
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month) or month.startswith("0000"):
            raise BadInput(f"{month!r} is not a month; write it as 2026-03.")
        year, number = map(int, month.split("-"))
        return Period(date(year, number, 1), date(year, number, monthrange(year, number)[1]))
    if month or not (from_ and to):
        raise BadInput("Say which period: --month 2026-03, or both --from and --to.")
    try:
        return Period(from_.date(), to.date())
    except ValueError as problem:
        raise BadInput(f"{problem}.") from problem


def invoices(
    context: typer.Context,
    status: Annotated[
        list[DocumentStatus] | None, typer.Option(help="Only these; may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """List the invoices and credit notes, and where each stands."""
    with engine_of(context) as engine, engine.store.read() as tx:
        found = documents.list_documents(tx, statuses=status or None)
        corrections = orders.by_document(tx, CORRECTION)
        now = (orders.corrected(one, corrections.get(one.id, [])) for one in found)
        rows = invoice_rows(now, client_names(tx))
    show.listing("Invoices", DOCUMENTS, rows, json)


def approve(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Drafts by id.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every draft.")] = False,
    json: Json = False,
) -> None:
    """Approve drafts: they take numbers and never change again."""
    if bool(ids) == everything:
        raise BadInput("Name the drafts to approve, or say --all; `tieout invoices` lists them.")
    with engine_of(context) as engine:
        approved = approve_drafts(engine, ids or (), everything=everything)
        with engine.store.read() as tx:
            rows = invoice_rows(approved.documents, client_names(tx))
    show.listing("Approved", DOCUMENTS, rows, json)
