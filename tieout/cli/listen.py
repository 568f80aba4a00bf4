"""`tieout serve`: receives vendors' notifications, so that looks come sooner."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import show
from tieout.cli.session import engine_of, until_stopped
from tieout.errors import BadInput, Misconfigured
from tieout.sync.schedule import turn_now

if TYPE_CHECKING:
    from tieout.web.webhooks import Door

#: Senders that may wait to be let in.
WAITING = 128


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any that is free.")] = 8080,
    url: Annotated[
        str, typer.Option(metavar="HTTPS://HOST", help="Where vendors reach it, for the list.")
    ] = "",
) -> None:
    """Receive vendors' notifications until Ctrl-C. They only make the next look come sooner."""
    try:  # what serves is installed where it is wanted
        from tieout.web import serving, webhooks
    except ModuleNotFoundError as missing:
        raise Misconfigured(
            f"Serving needs the package {missing.name}: install Tieout as tieout[web]."
        ) from missing
    with engine_of(context) as engine, _listening(host, port) as listening:
        reception = webhooks.Reception(engine.store, webhooks.doors(engine, os.environ))
        bound = listening.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        show.say(f"{engine.name}: listening at http://{name}:{bound}. Ctrl-C stops.", err=True)
        _tell(reception.doors, url.rstrip("/"))
        for step in sorted({door.step for door in reception.doors}):
            if turn_now(engine, step) is None:
                show.say(f"  schedules.{step} is off: nothing looks by itself.", err=True)
        with until_stopped():
            serving.serve(reception, listening)
        for connection, count in sorted(reception.refused.items()):
            show.say(f"{connection}: {show.count(count, 'message')} refused.", err=True)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises BadInput when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except OSError as problem:
        raise BadInput(f"{host}:{port} cannot be listened on: {problem.strerror}.") from problem


def _tell(doors: Iterable[Door], url: str) -> None:
    """The addresses to register, and where."""
    for door in doors:
        address = f"{url or 'https://YOUR-HOST'}{door.path}"
        show.say(f"  {door.title}: {address}\n    Register it at {door.webhook.register}.")
    if not url:
        show.say("  YOUR-HOST is the name under which your proxy gives this address to the world.")
