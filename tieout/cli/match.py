"""Who is who in the ledger: clients and customers, confirmed by a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.errors import BadInput
from tieout.sync import link as links
from tieout.sync.engine import Engine
from tieout.sync.match import Candidate, Matched, State, survey
from tieout.sync.match_names import NameMissing, missing


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(match)


_CLIENTS = (
    Column("client", "Client"),
    Column("client_id", "Id"),
    Column("state", "Is"),
    Column("remote", "Their customer"),
    Column("text", "Because"),
    Column("what_to_do", "What to do"),
)
_CANDIDATES = (
    Column("client", "Client"),
    Column("remote_id", "REMOTE_ID"),
    Column("name", "Their customer"),
    Column("email", "E-mail"),
    Column("score", "Likeness", right=True),
    Column("why", "For it"),
    Column("against", "Against it"),
)
_NAMES = (
    Column("kind", "List"),
    Column("name", "Name here"),
    Column("where", "Written in"),
    Column("near", "Nearest there"),
    Column("what_to_do", "What to do"),
)


def match(
    context: typer.Context,
    client: Annotated[
        str, typer.Argument(metavar="[CLIENT]", help="A client by id or name; all when left out.")
    ] = "",
    remote_id: Annotated[
        str, typer.Argument(metavar="[REMOTE_ID]", help="The customer in the ledger that it is.")
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the client's link back.")] = False,
    instead: Annotated[
        bool, typer.Option("--instead", help="Replace a link that still holds.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="List the clients that are linked, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Show which customers of the ledger the clients are, and confirm it. Sends nothing."""
    if undo and (not client or remote_id):
        raise BadInput("say whose link to take back, and no more: tieout match CLIENT --undo")
    with engine_of(context) as engine:
        if undo or remote_id:
            done = (
                links.unlink(engine, client)
                if undo
                else links.link(engine, client, remote_id, instead=instead)
            )
            _tell_one(done, json)
            return
        found, names = _looked(engine, client)
        if client and not json and found[0].candidates and _is_at_a_terminal():
            _confirmed(engine, found[0])
            return
    _tell_all(found, names, everything=everything or bool(client), as_json=json)
    if names or any(one.state in (State.OPEN, State.BROKEN) for one in found):
        finish(ExitCode.HELD)


def _is_at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _looked(engine: Engine, client: str) -> tuple[list[Matched], list[NameMissing]]:
    with engine.store.read() as tx:
        if client:
            return survey(engine, tx, [links.one_client(tx, client)]), []
        return survey(engine, tx), missing(engine, tx)


def _confirmed(engine: Engine, found: Matched) -> None:
    """Let somebody at a terminal choose among the suggestions."""
    show.say(f"{found.client}: {found.text}.")
    choices = [one for one in found.candidates if not one.against]
    for number, one in enumerate(choices, 1):
        show.say(f"{number}. {_candidate_words(one)}")
    for one in found.candidates:
        if one.against:
            show.say(f"-  {_candidate_words(one)}")
    number = int(typer.prompt("Which number is it (0 = none of them)", type=int, default=0))
    if not 0 < number <= len(choices):
        show.say("Nothing was linked.")
        return
    _tell_one(links.link(engine, found.client_id, choices[number - 1].remote_id), False)


def _candidate_words(one: Candidate) -> str:
    parts = [f"{one.name} ({one.remote_id})", one.email, f"likeness {one.score}"]
    return ", ".join(part for part in (*parts, *one.why, *one.against) if part)


def _tell_one(done: Matched, as_json: bool) -> None:
    if as_json:
        show.emit(done)
    elif done.state is State.LINKED:
        show.say(f"{done.client} is {done.remote_name} ({done.remote_id}) in the ledger.")
    else:
        show.say(f"{done.client} is not linked now. {done.what_to_do}")


def _tell_all(
    found: list[Matched], names: list[NameMissing], *, everything: bool, as_json: bool
) -> None:
    if as_json:
        show.emit({"clients": found, "names": names})
        return
    shown = [one for one in found if everything or one.state is not State.LINKED]
    linked = sum(one.state is State.LINKED for one in found)
    show.say(f"{linked} of {show.count(len(found), 'client')} linked.")
    show.table("Clients", _CLIENTS, [_client_row(one) for one in shown])
    suggested = [row for one in shown for row in _candidate_rows(one)]
    if suggested:
        show.table("Could be", _CANDIDATES, suggested)
    if names:
        show.table("Names that the ledger does not have", _NAMES, map(_name_row, names))


def _client_row(one: Matched) -> dict[str, Any]:
    remote = f"{one.remote_name} ({one.remote_id})" if one.remote_id else ""
    return {
        "client": one.client,
        "client_id": one.client_id,
        "state": one.state,
        "remote": remote,
        "text": one.text,
        "what_to_do": one.what_to_do,
    }


def _candidate_rows(one: Matched) -> Iterator[dict[str, Any]]:
    for each in one.candidates:
        yield {"client": one.client, **{key: getattr(each, key) for key, *_ in _CANDIDATES[1:]}}


def _name_row(one: NameMissing) -> dict[str, Any]:
    near = [
        f"{each.name} ({each.score})" + ("" if each.active else ", inactive") for each in one.near
    ]
    return {
        "kind": one.kind.replace("_", " "),
        "name": one.name,
        "where": one.where,
        "near": near,
        "what_to_do": one.what_to_do,
    }
