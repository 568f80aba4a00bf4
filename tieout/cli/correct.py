"""What can still be done about an approved invoice: credit it, void it, correct its wording."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from tieout.cli import show
from tieout.cli.session import engine_of
from tieout.cli.show import Json
from tieout.cli.work import DOCUMENTS, client_names, invoice_rows
from tieout.errors import BadInput, NotAllowed
from tieout.sync.correct import correct as correct_invoice
from tieout.sync.credit import NEVER_CHANGES, drop
from tieout.sync.credit import credit as credit_invoice
from tieout.sync.engine import Engine
from tieout.sync.void import void as void_invoice

Number = Annotated[str, typer.Argument(metavar="INVOICE", help="The invoice's number.")]
Release = Annotated[
    bool, typer.Option("--release", help="Make its work billable again once that is done.")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the client and the audit log.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(credit)
    app.command()(void)
    # What it does not know is not an option that is spelt wrong: it may not be corrected.
    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(context_settings=anything)(correct)


def credit(
    context: typer.Context,
    invoice: Number,
    line: Annotated[
        list[str] | None,
        typer.Option(metavar="L001", help="Only this line; may be repeated. All when not given."),
    ] = None,
    release: Release = False,
    reason: Reason = "",
    drop_drafts: Annotated[
        bool, typer.Option("--drop", help="Drop its draft credit notes instead.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a draft credit note over an approved invoice, or over some of its lines."""
    if drop_drafts and (line or release or reason):
        raise BadInput("--drop drops drafts and makes none; leave the other options out.")
    with engine_of(context) as engine:
        if drop_drafts:
            dropped = drop(engine, invoice)
            _show(engine, "Dropped", dropped, json)
            return
        note = credit_invoice(engine, invoice, lines=line or (), release=release, reason=reason)
        _show(engine, "Draft credit note", [note], json)
    if not json:
        then = "then its work is billable again" if release else "its work stays billed"
        show.say(f"Approve it with `tieout approve {note.id}`; {then}.")


def _show(engine: Engine, title: str, found: Any, json: bool) -> None:
    with engine.store.read() as tx:
        rows = invoice_rows(found, client_names(tx))
    show.listing(title, DOCUMENTS, rows, json)


def void(
    context: typer.Context,
    invoice: Number,
    release: Release = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Void an approved invoice on which nothing was paid or credited."""
    with engine_of(context) as engine:
        done = void_invoice(engine, invoice, release=release, reason=reason)
    number = done.document.number
    if json:
        show.emit({"number": number, "status": done.document.status, "to_be_sent": done.sent})
    elif done.sent:
        show.say(f"{number} is to be voided in the ledger; `tieout push` does it.")
    else:
        show.say(f"{number} is void. Nothing of it was ever sent.")


def correct(
    context: typer.Context,
    invoice: Number,
    memo: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Another text to the client.")
    ] = None,
    due: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Another due date."),
    ] = None,
    json: Json = False,
) -> None:
    """Correct the memo or the due date of an approved invoice; nothing else of it can change."""
    if context.args:
        raise NotAllowed(NEVER_CHANGES.format(number=invoice))
    with engine_of(context) as engine:
        after = correct_invoice(engine, invoice, memo=memo, due=due.date() if due else None)
    if json:
        show.emit({"number": after.number, "memo": after.memo, "due_date": after.due_date})
    else:
        show.say(f"{after.number} is to be corrected in the ledger; `tieout push` does it.")
