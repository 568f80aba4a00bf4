"""The desk: what waits, why, and where a figure comes from."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps as json_text
from typing import Annotated, Any

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.cli.session import engine_of, finish
from tieout.cli.show import Column, Json
from tieout.store import audit, outbox, work
from tieout.store import held as holds
from tieout.store.core import Tx
from tieout.store.outbox import OutboxState
from tieout.sync.doctor import note_check
from tieout.sync.explain import Explained, ExplainedLine
from tieout.sync.explain import explain as explain_document
from tieout.sync.retry import retry_row
from tieout.sync.subjects import subject_of

audit_app = typer.Typer(help="Who did what.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(held)
    app.command()(retry)
    app.command()(explain)
    app.add_typer(audit_app, name="audit")


# -- held -------------------------------------------------------------------------------
_HELD = (
    Column("age_s", "Age", right=True),
    Column("where", "Where"),
    Column("subject", "What"),
    Column("id", "Id"),
    Column("reason", "Reason"),
    Column("text", "Text"),
    Column("what_to_do", "What to do"),
)


def held(context: typer.Context, json: Json = False) -> None:
    """List what waits for a person: why, and what to do."""
    with engine_of(context) as engine, engine.store.read() as tx:
        rows = [*_held_writes(tx), *_held_work(tx)]
    show.listing("Held", _HELD, rows, json)


def _held_writes(tx: Tx) -> Iterator[dict[str, Any]]:
    for row in outbox.list_rows(tx, states=[OutboxState.HELD]):
        yield {
            "age_s": tx.now() - (row.settled_at or row.created_at),
            "where": row.connection,
            "subject": subject_of(tx, row),
            "id": row.id,
            "reason": row.error_class,
            "text": row.error_text,
            "what_to_do": f"Correct it as the text says, then `tieout retry {row.id}`.",
        }


def _held_work(tx: Tx) -> Iterator[dict[str, Any]]:
    waiting = holds.open_held(tx)
    items = work.get_many(tx, {row.held.subject for row in waiting})
    for row in waiting:
        item = items.get(row.held.subject)
        parts = (item.person, str(item.work_date), item.task) if item else ()
        yield {
            "age_s": row.age,
            "where": row.held.connection or row.held.scope,
            "subject": ", ".join(part for part in parts if part),
            "id": row.held.subject,
            "reason": row.held.reason,
            "text": row.held.text,
            "what_to_do": row.held.what_to_do,
        }


# -- retry ------------------------------------------------------------------------------
def retry(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NUMBER|ID", help="An invoice, or a row of `tieout held`.")
    ],
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build it anew, under the rules as they are now.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Make it a second time: it was deleted in the ledger."),
    ] = False,
    json: Json = False,
) -> None:
    """Let a held write try again with the next push."""
    with engine_of(context) as engine:
        row = retry_row(engine, name, rebuild=rebuild, again=again)
        with engine.store.read() as tx:
            subject = subject_of(tx, row)
    if json:
        show.emit({"id": row.id, "subject": subject, "state": row.state, "key": row.key})
        return
    first = " It is looked for first." if row.state is OutboxState.UNKNOWN else ""
    show.say(f"{subject} goes with the next push.{first}")


# -- explain ----------------------------------------------------------------------------
def explain(
    context: typer.Context,
    invoice: Annotated[str, typer.Argument(help="An invoice by number or id.")],
    line: Annotated[int | None, typer.Option(metavar="N", help="One line, counted from 1.")] = None,
    json: Json = False,
) -> None:
    """Show the way from an invoice line to its raw records."""
    with engine_of(context) as engine:
        found = explain_document(engine, invoice, line=line)
    if json:
        show.emit({**show.plain(found), "total": show.plain(found.document.total)})
        return
    for text in _explained(found, line):
        show.say(text)


def _explained(found: Explained, only: int | None) -> Iterator[str]:
    document = found.document
    yield (
        f"{document.number or document.id}  {show.money(document.total)}  "
        f"{show.as_text(document.status)}"
    )
    yield from found.about
    shown = (("History", found.history), ("Ledger", found.outbox), ("Tax", found.taxes))
    for title, lines in shown:
        if lines:
            yield title
        yield from (f"  {text}" for text in lines)
    for position, one in enumerate(found.lines, start=only or 1):
        yield from _explained_line(position, one)


def _explained_line(position: int, one: ExplainedLine) -> Iterator[str]:
    line = one.line
    yield f"Line {position}: {line.description}"
    yield f"  {line.quantity} x {line.rate} = {show.money(line.amount)}"
    yield f"  rate: {one.rate or 'none'}"
    for item in one.work:
        yield f"  from {item.what}"
        if item.source:
            yield f"    record {item.source}"
        yield from (f"    landed: {text}" for text in item.landed)
        yield from (f"    mapped: {text}" for text in item.mapping)
        if isinstance(item.payload, dict):
            yield from (f"    raw {name}: {_raw(value)}" for name, value in item.payload.items())


def _raw(value: Any) -> str:
    """A value of a raw record, written as the vendor's JSON has it."""
    plain = show.plain(value)
    return plain if isinstance(plain, str) else json_text(plain, ensure_ascii=False)


# -- audit ------------------------------------------------------------------------------
@audit_app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Check that the log of who did what is whole and unchanged."""
    with engine_of(context) as engine:
        with engine.store.read() as tx:
            broken = audit.verify(tx)
        note_check(engine, broken)
    if json:
        show.emit({"holds": broken is None, "broken": broken})
    elif broken is None:
        show.say("The audit log is whole and unchanged.")
    else:
        show.say(f"The audit log is broken at entry {broken.seq}: {broken.text}")
    if broken is not None:
        finish(ExitCode.PROBLEMS)
