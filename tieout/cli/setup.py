"""Setting up: a workspace, its check, its connections."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tieout.bootstrap import known_connectors, read_workspace
from tieout.cli import show
from tieout.cli.session import engine_of, session_of
from tieout.cli.show import Column, Json
from tieout.config.init import create_workspace
from tieout.store import runs


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(init)
    app.command()(check)
    app.command()(connections)


def init(
    path: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    firm: Annotated[str, typer.Option(help="The firm's name, as it signs invoices.")] = "My firm",
    time_zone: Annotated[
        str, typer.Option(help="Decides which day it is, such as Europe/Berlin.")
    ] = "America/New_York",
    currency: Annotated[str, typer.Option(help="Of the firm's own books.")] = "USD",
    country: Annotated[str, typer.Option(help="Two letters.")] = "US",
) -> None:
    """Make a new workspace from the shipped templates."""
    written = create_workspace(
        path, name=firm, time_zone=time_zone, currency=currency, country=country
    )
    for file in written:
        show.say(f"wrote {file}")
    show.say(f"Next: edit {path / 'tieout.yaml'}, then `tieout --workspace {path} check`.")


_CHECKED = (
    Column("name", "Connection"),
    Column("connector", "System"),
    Column("missing", "Variables not set"),
)


def check(context: typer.Context, json: Json = False) -> None:
    """Check the workspace without calling anybody. Tells every problem at once."""
    workspace = read_workspace(session_of(context).settings().workspace)
    rows = [
        {
            "name": name,
            "connector": said.connector,
            "missing": [v for v in said.secrets.values() if not os.environ.get(v)],
        }
        for name, said in workspace.connections.items()
    ]
    if json:
        show.emit(
            {
                "firm": workspace.firm.name,
                "folder": workspace.folder,
                "connections": rows,
                "deal_rules": len(workspace.deals.rules),
                "rate_cards": workspace.rate_cards,
                "rates": len(workspace.rates),
                "problems": [],
            }
        )
        return
    show.say(
        f"{workspace.firm.name}: no problems. "
        f"{show.count(len(workspace.deals.rules), 'deal rule')}, "
        f"{show.count(len(workspace.rate_cards), 'rate card')}, "
        f"{show.count(len(workspace.rates), 'rate')}."
    )
    show.table("Connections", _CHECKED, rows)


_CONNECTIONS = (
    Column("name", "Connection"),
    Column("system", "System"),
    Column("family", "Side"),
    Column("company", "Company"),
    Column("last_pull", "Last pull"),
    Column("state", "Ended"),
    Column("error", "Why"),
)


def connections(context: typer.Context, json: Json = False) -> None:
    """List the connections, their companies and last pulls."""
    with engine_of(context) as engine, engine.store.read() as tx:
        rows = []
        for one in engine.connections.values():
            last = next(iter(runs.latest(tx, verb="pull", connection=one.name, limit=1)), None)
            rows.append(
                {
                    "name": one.name,
                    "system": known_connectors()[one.connector.slug].title,
                    "family": one.connector.family,
                    "company": one.company or None,
                    "last_pull": last.started_at if last else None,
                    "state": last.state if last else None,
                    "error": last.error_text if last else "",
                }
            )
    show.listing("Connections", _CONNECTIONS, rows, json)
