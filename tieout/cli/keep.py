"""Keeping it safe: backups, and the key that protects stored credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tieout.bootstrap import open_store
from tieout.cli import show
from tieout.cli.session import engine_of, session_of
from tieout.cli.show import Json
from tieout.errors import NotAllowed
from tieout.store import audit, secrets
from tieout.store.cipher import new_key
from tieout.sync.backup import backup as make_backup
from tieout.sync.backup import restore as put_back

secrets_app = typer.Typer(help="The key of stored credentials.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(backup)
    app.command()(restore)
    app.add_typer(secrets_app, name="secrets")


# -- backups ----------------------------------------------------------------------------
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, such as monday.zip.")],
    json: Json = False,
) -> None:
    """Write a backup of the database and the workspace. Others may go on working."""
    with engine_of(context) as engine:
        done = make_backup(engine, file)
    if json:
        show.emit(done)
        return
    show.say(
        f"{file} holds the database, {show.count(len(done.parts) - 1, 'file')} of the workspace "
        f"and the audit log up to entry {done.audit_seq}."
    )
    if done.left_out:
        show.say(f"Left out: {', '.join(done.left_out)}.")
    show.say(
        "The key of stored credentials is not in it. Keep TIEOUT_KEY or the key file in another "
        "place; without it every system must be connected again."
    )


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    json: Json = False,
) -> None:
    """Put a backup into an empty workspace folder. Overwrites nothing."""
    session = session_of(context)
    settings = session.settings()
    with open_store(settings, clock=session.clock) as store:
        done = put_back(file, settings.workspace, store)
    if json:
        show.emit(done)
        return
    show.say(
        f"{done.firm} as of {done.made_at} is in {done.workspace}, its audit log of "
        f"{done.audit_entries} entries whole."
    )
    if done.in_hand:
        show.say(f"{show.count(done.in_hand, 'write')} in hand at that time: looked for first.")
    show.say(
        "Next: put the key back in its place, then `tieout doctor`, `tieout pullback` and "
        "`tieout reconcile`, and only then approve or push."
    )


# -- the key ----------------------------------------------------------------------------
@secrets_app.command("key")
def key() -> None:
    """Print a fresh key for TIEOUT_KEY. Nothing is stored."""
    typer.echo(new_key())


@secrets_app.command("rotate")
def rotate(
    context: typer.Context,
    new: Annotated[
        bool, typer.Option("--new", help="First put a fresh key into the key file.")
    ] = False,
    forget_old: Annotated[
        bool, typer.Option("--forget-old", help="Then take older keys out of the key file.")
    ] = False,
    json: Json = False,
) -> None:
    """Encrypt every stored credential anew with the first key, in one transaction."""
    if new and forget_old:
        raise NotAllowed(
            "Not both at once: a process that still has the old key may store a token with it. "
            "Run `tieout secrets rotate --new` first, later `tieout secrets rotate --forget-old`."
        )
    with engine_of(context) as engine:
        cipher = engine.store.cipher
        if forget_old:
            cipher.in_file()  # before anything is changed
        if new:
            cipher.add_to_file()
        with engine.store.begin() as tx:
            count = secrets.rotate(tx)
            audit.record(tx, engine.actor, "secrets.rotated", engine.name, {"count": count})
        if forget_old:
            cipher.keep_first_in_file()
    if json:
        show.emit({"rotated": count, "key": cipher.source})
        return
    show.say(f"{show.count(count, 'credential')} encrypted with the first key of {cipher.source}.")
