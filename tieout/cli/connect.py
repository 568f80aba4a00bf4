"""Connecting: sign in, at the vendor's page where it has one, and prove which company it is."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from tieout.cli import show
from tieout.cli.callback import is_here, wait_for
from tieout.cli.proof import Proven, prove
from tieout.cli.session import Session, engine_of, session_of
from tieout.cli.show import Column, Json
from tieout.connectors import sign_in
from tieout.connectors.auth import is_given, is_signed_in
from tieout.connectors.base import Company
from tieout.connectors.connection import Connection
from tieout.errors import AuthExpired, BadInput
from tieout.store import audit
from tieout.sync.doctor import clock_findings
from tieout.sync.engine import Engine
from tieout.sync.measure import measure


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(connect)


@dataclass(frozen=True, kw_only=True)
class _Way:
    """How a person wants to sign in."""

    paste: bool
    redirect: str
    company: str
    again: bool


def connect(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A connection of tieout.yaml.")],
    sign_in_again: Annotated[
        bool,
        typer.Option("--sign-in", help="Sign in at the vendor's page, whatever is stored."),
    ] = False,
    paste: Annotated[
        bool,
        typer.Option("--paste", help="Show the page's address, and take the one it leads to."),
    ] = False,
    redirect: Annotated[
        str, typer.Option(metavar="URL", help="Where the page leads back to, as registered there.")
    ] = "",
    company: Annotated[
        str, typer.Option(metavar="ID", help="Which company, when the sign-in reaches several.")
    ] = "",
    json: Json = False,
) -> None:
    """Sign in to a system and prove which company it is."""
    way = _Way(paste=paste, redirect=redirect, company=company, again=sign_in_again or paste)
    with engine_of(context) as engine:
        connection = engine.connection(name)
        proven = None if way.again else _proven(engine, connection)
        if proven is None:
            _sign_in(engine, connection, way, session_of(context))
            proven = prove(engine, name)
        measured = measure(engine, connection)
        clock = list(clock_findings(name, proven.drift))
    if json:
        show.emit({**show.plain(proven), "measured": measured, "clock": clock})
        return
    show.say(f"{name} is connected to {proven.words or 'its files'}.")
    for warning in proven.warnings:
        show.say(f"Note: {warning}")
    for one in clock:
        if one.what_to_do:
            show.say(f"Note: {one.text}. {one.what_to_do}")
    if measured:
        show.table("Before the first push", _MEASURED, [asdict(one) for one in measured])


_MEASURED = (
    Column("what", "Of the company"),
    Column("value", "Is"),
    Column("problem", "Stands in the way"),
    Column("what_to_do", "What to do"),
)


def _proven(engine: Engine, connection: Connection) -> Proven | None:
    """Who answers as things are; None when a person is to sign in at the vendor's page.

    A refresh token that was given by hand is replaced by hand, not by a page.
    """
    if connection.connector.auth.at_a_page(connection.settings) is None:
        return prove(engine, connection.name)
    if not is_signed_in(connection):
        return None
    try:
        return prove(engine, connection.name)
    except AuthExpired as refusal:
        if is_given(connection):
            raise
        show.say(f"{refusal}", err=True)
        return None


def _sign_in(engine: Engine, connection: Connection, way: _Way, session: Session) -> None:
    started = sign_in.start(connection, way.redirect)
    came_back = _walked(connection, started.url, started.redirect, way, session)
    answer = sign_in.answered(connection, started, came_back)
    token = sign_in.complete(connection, engine.transport, answer, _chooser(way))
    with engine.store.begin() as tx:
        detail = {"company": token.company, "ends": show.plain(token.refresh_expires_at) or ""}
        audit.record(tx, engine.actor, "connection.signed_in", connection.name, detail)


def _walked(connection: Connection, url: str, redirect: str, way: _Way, session: Session) -> str:
    """Let a person walk through the vendor's page; the address they were led back to."""
    title = connection.connector.title
    if way.paste or not is_here(redirect):
        show.say(f"Open this address in a browser and sign in to {title}:\n\n{url}\n", err=True)
        show.say(
            f"You are led to {redirect}. Copy the whole address from the browser's address bar,"
            " also when the page there shows nothing.",
            err=True,
        )
        return str(typer.prompt("Address", err=True))

    def ready() -> None:
        show.say(f"Sign in to {title} in the browser; its address is:\n\n{url}\n", err=True)
        browse: Callable[[str], bool] = session.browse or _opened
        if not browse(url):
            show.say(
                "No browser could be opened: open the address in one on this machine. On another"
                " machine, stop here (Ctrl-C) and use --paste.",
                err=True,
            )

    return wait_for(redirect, ready)


def _opened(url: str) -> bool:
    """Open a page beside the terminal; false where only a browser inside it could be had."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, screens)):
        return False
    return webbrowser.open(url)


def _chooser(way: _Way) -> sign_in.Choose:
    def choose(found: tuple[Company, ...]) -> str:
        known = [one.company for one in found]
        shown = ", ".join(map(sign_in.named, found))
        if way.company:
            if way.company not in known:
                raise BadInput(f"--company {way.company}: the sign-in reaches: {shown}.")
            return way.company
        if not sys.stdin.isatty() and not way.paste:
            raise BadInput(f"the sign-in reaches {shown}: say which with --company ID.")
        for number, one in enumerate(found, 1):
            show.say(f"{number}. {sign_in.named(one)}", err=True)
        number = int(typer.prompt("Which number", type=int, err=True))
        if not 1 <= number <= len(found):
            raise BadInput(f"{number} is not on the list. Nothing was changed.")
        return known[number - 1]

    return choose
