"""The command line: every verb of the engine by hand. Read `tieout --help` first.

A command calls one verb of sync/ or reconcile/ and shows what it answers; it decides
nothing. Errors end in one place, `Commands.invoke`, and are said once.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tieout import __version__
from tieout.bootstrap import set_up_logs
from tieout.cli import (
    connect,
    correct,
    demo,
    desk,
    exits,
    files,
    keep,
    ledger,
    listen,
    loop,
    match,
    operate,
    sandbox,
    setup,
    show,
    work,
)
from tieout.cli.exits import LEGEND, ExitCode, exit_code_of
from tieout.cli.session import Session
from tieout.errors import BadInput, TieoutError

__all__ = ["ExitCode", "app", "exit_code_of", "main"]

#: What typer raises for a wrong argument; it has no public name in every version.
_UsageError: type[Any] = typer.BadParameter.__mro__[1]


class Commands(TyperGroup):
    """The commands, and what becomes of an error in any of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["json"] = "--json" in args
        return list(super().parse_args(ctx, args))

    def invoke(self, ctx: Any) -> Any:
        as_json = bool(ctx.meta["json"])
        try:
            return super().invoke(ctx)
        except TieoutError as error:
            problem: Exception = error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has enough
                raise
            problem = error
        except _UsageError as error:
            if not as_json:
                raise
            problem = BadInput(error.format_message())
        _tell(problem, as_json)
        raise typer.Exit(int(exit_code_of(problem)))


def _tell(error: Exception, as_json: bool) -> None:
    if as_json:
        show.emit(exits.as_json(error))
    else:
        show.say(f"Error: {exits.words_of(error)}", err=True)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Tieout moves won deals and approved hours into ledger invoices, exactly once, "
        "and proves it."
    ),
    epilog=LEGEND,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tieout {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            envvar="TIEOUT_WORKSPACE",
            metavar="FOLDER",
            help="The folder with tieout.yaml; the current folder when not given.",
        ),
    ] = None,
    actor: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who is at work, for the audit log.")
    ] = "",
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log in JSON, for machines (TIEOUT_LOG_FORMAT=json).")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    _log_to_standard_error(log_json)
    session = context.obj if isinstance(context.obj, Session) else Session()
    session.workspace = workspace or session.workspace
    session.actor = actor or session.actor
    context.obj = session


def _log_to_standard_error(as_json: bool) -> None:
    """Standard output is for answers. Errors only, unless TIEOUT_LOG_LEVEL says more."""
    level = os.environ.get("TIEOUT_LOG_LEVEL", "").upper()
    said = os.environ.get("TIEOUT_LOG_FORMAT", "").lower()
    set_up_logs(
        level if level in logging.getLevelNamesMapping() else "ERROR",
        as_json=as_json or said == "json",
    )


setup.register(app)
connect.register(app)
work.register(app)
match.register(app)
correct.register(app)
ledger.register(app)
desk.register(app)
loop.register(app)
listen.register(app)
operate.register(app)
keep.register(app)
files.register(app)
sandbox.register(app)
app.command()(demo.demo)


def main() -> None:
    """Run the command line of this process."""
    app(prog_name="tieout")
