"""Keeping it running: where everything stands, what is wrong, who is told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from prometheus_client.exposition import start_wsgi_server

from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.cli.session import engine_of, finish, until_stopped
from tieout.cli.show import Column, Json
from tieout.errors import BadInput
from tieout.store import notes
from tieout.store.core import Tx
from tieout.store.inbox import MessageState, Pile
from tieout.store.outbox import OutboxState
from tieout.sync import notify as notifications
from tieout.sync.doctor import AUDIT_CHECKED, examine
from tieout.sync.engine import Engine
from tieout.sync.findings import Verdict
from tieout.sync.live import live as look_at
from tieout.sync.metrics import as_text, registry_of
from tieout.sync.notify import failing
from tieout.sync.status import Queued, Ran, Status
from tieout.sync.status import status as look
from tieout.sync.subjects import subject_of


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(status)
    app.command()(doctor)
    app.command()(metrics)
    app.command()(notify)


# -- status -----------------------------------------------------------------------------
_STOPPED = (
    Column("connection", "Connection"),
    Column("since", "Since"),
    Column("why", "Their words"),
    Column("what_to_do", "What to do"),
)
_QUEUE = (
    Column("connection", "Connection"),
    Column("state", "State"),
    Column("rows", "Writes", right=True),
    Column("oldest_s", "Oldest", right=True),
    Column("meaning", "It means"),
)
_HELD = (
    Column("where", "Where"),
    Column("reason", "Reason"),
    Column("rows", "How many", right=True),
    Column("oldest_s", "Oldest", right=True),
    Column("text", "For example"),
)
_UNKNOWN = (
    Column("connection", "Connection"),
    Column("subject", "What"),
    Column("age_s", "Sent", right=True),
    Column("looks", "Looks", right=True),
    Column("next_look_at", "Next look"),
    Column("text", "Why it is in doubt"),
)
_RUNS = (
    Column("verb", "Run"),
    Column("connection", "Connection"),
    Column("state", "Ended"),
    Column("started_at", "Started"),
    Column("error", "Why"),
)
_STEPS = (
    Column("verb", "Scheduled step"),
    Column("state", "Ended"),
    Column("started_at", "Started"),
    Column("text", "It said"),
)
_STREAMS = (
    Column("connection", "Connection"),
    Column("streams", "Streams", right=True),
    Column("never", "Never read"),
    Column("stream", "Longest ago"),
    Column("last_success_at", "Read to its end"),
    Column("lag_s", "Ago", right=True),
)
_QUOTAS = (
    Column("connection", "Connection"),
    Column("name", "Budget"),
    Column("left", "Left", right=True),
    Column("total", "Of", right=True),
    Column("source", "According to"),
    Column("as_of", "As of"),
)
_PARKED = (
    Column("company", "Company"),
    Column("until", "Left alone until"),
    Column("why", "Their words"),
)
_INBOX = (
    Column("connection", "Connection"),
    Column("state", "State"),
    Column("messages", "Messages", right=True),
    Column("latest_at", "The last came"),
    Column("oldest_s", "Oldest", right=True),
    Column("meaning", "It means"),
    Column("text", "For example"),
)
#: What a state of a write means, for a person.
_MEANINGS: Mapping[OutboxState, str] = {
    OutboxState.PENDING: "goes with the next push",
    OutboxState.CLAIMED: "a push works on it",
    OutboxState.SENT: "on its way, no answer yet",
    OutboxState.CONFIRMED: "in the ledger, once",
    OutboxState.UNKNOWN: "sent, answer lost: looked for before anything is sent again",
    OutboxState.HELD: "waits for a person: see `tieout held`",
}
#: What a state of a notification means, for a person.
_HEARD: Mapping[MessageState, str] = {
    MessageState.WAITING: "`tieout run` or a worker looks soon",
    MessageState.DONE: "looked into, or nothing of ours",
    MessageState.ODD: "signed but not understood: looked all the same, nothing to do",
}


def status(context: typer.Context, json: Json = False) -> None:
    """Show what waits and for how long, how fresh the data is and how the last runs ended."""
    with engine_of(context) as engine, engine.store.read() as tx:
        found = _status(engine, tx, look(engine, tx))
    if json:
        show.emit(found)
        return
    checked = found["audit_checked"]
    show.say(
        f"{found['firm']}: {found['held']} held, {found['unknown']} unknown. "
        + (f"Audit log checked {show.as_text(checked['at'])}." if checked else "")
    )
    for problem in found["untold"]:
        show.say(f"Notification: {problem}")
    if found["stopped"]:
        show.table("Stopped: credentials are refused", _STOPPED, found["stopped"])
    show.table("Writes", _QUEUE, found["queue"])
    for title, columns, key in (
        ("Held", _HELD, "waiting"),
        ("In doubt", _UNKNOWN, "doubts"),
        ("Left alone", _PARKED, "parked"),
        ("Calls left", _QUOTAS, "quotas"),
        ("Notifications", _INBOX, "inbox"),
    ):
        if found[key]:
            show.table(title, columns, found[key])
    show.table("Read", _STREAMS, _by_connection(found["streams"]))
    show.table("Last runs", _RUNS, found["runs"])
    if found["steps"]:
        show.table("Schedules", _STEPS, found["steps"])


def _status(engine: Engine, tx: Tx, told: Status) -> dict[str, Any]:
    checked = notes.get(tx, AUDIT_CHECKED)
    return {
        "firm": engine.name,
        "at": told.at,
        "held": told.held_count,
        "unknown": len(told.unknown),
        "audit_checked": {"at": checked.changed_at, "result": checked.value} if checked else None,
        "untold": [
            f"{name} does not work since it was last tried at {show.as_text(note.changed_at)}: "
            f"{note.value} It is tried again; `tieout notify --test` tries it now."
            for name, note in failing(tx, [one.name for one in engine.channels]).items()
        ],
        "stopped": [asdict(one) for one in told.stopped],
        "queue": [_queued(one) for one in told.queues],
        "waiting": [
            {
                "where": one.where,
                "reason": one.reason,
                "rows": one.rows,
                "oldest_s": told.at - one.since,
                "text": one.text,
            }
            for one in told.held
        ],
        "doubts": [
            {
                "connection": one.row.connection,
                "subject": subject_of(tx, one.row),
                "age_s": one.age,
                "looks": one.row.finds,
                "next_look_at": one.next_look,
                "text": one.row.error_text,
            }
            for one in told.unknown
        ],
        "parked": [asdict(one) for one in told.parked],
        "quotas": [
            {
                "connection": one.connection,
                "name": one.name,
                "left": one.left,
                "total": one.total,
                "source": "the vendor" if one.told else "our own count",
                "as_of": one.as_of,
            }
            for one in told.quotas
        ],
        "inbox": [_heard(told, one) for one in told.inbox],
        "streams": [
            {
                "connection": one.connection,
                "stream": one.stream,
                "watermark": one.watermark,
                "last_success_at": one.last_success_at,
                "lag_s": one.lag,
            }
            for one in told.streams
        ],
        "runs": [_ran(one) for one in told.runs],
        "steps": [{**_ran(one), "text": one.text} for one in told.steps],
    }


def _by_connection(streams: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each connection: as fresh as its stream that was read longest ago."""
    for name in dict.fromkeys(one["connection"] for one in streams):
        mine = [one for one in streams if one["connection"] == name]
        read = [one for one in mine if one["last_success_at"] is not None]
        oldest = min(read, key=lambda one: one["last_success_at"], default={})
        yield {
            **oldest,
            "connection": name,
            "streams": len(mine),
            "never": [one["stream"] for one in mine if one["last_success_at"] is None],
        }


def _queued(one: Queued) -> dict[str, Any]:
    return {
        "connection": one.connection,
        "state": one.state,
        "rows": one.rows,
        "oldest_s": one.oldest,
        "meaning": _MEANINGS[one.state],
    }


def _heard(told: Status, pile: Pile) -> dict[str, Any]:
    return {
        "connection": pile.connection,
        "state": pile.state,
        "messages": pile.messages,
        "latest_at": pile.latest,
        "oldest_s": told.at - pile.since if pile.state is MessageState.WAITING else None,
        "meaning": _HEARD[pile.state],
        "text": pile.text if pile.state is MessageState.ODD else "",
    }


def _ran(one: Ran) -> dict[str, Any]:
    return {
        "verb": one.verb,
        "connection": one.connection,
        "state": one.state,
        "started_at": one.started_at,
        "ended_at": one.ended_at,
        "error": one.text,
    }


# -- doctor -----------------------------------------------------------------------------
_FINDINGS = (
    Column("check", "Looked at"),
    Column("where", "Where"),
    Column("verdict", "Verdict"),
    Column("text", "Found"),
    Column("what_to_do", "What to do"),
)


_LEFT = (Column("what", "Not seen on a live account yet"), Column("how", "How to see it"))


def doctor(
    context: typer.Context,
    live: Annotated[
        str,
        typer.Option(
            "--live", metavar="CONNECTION", help="Look at one live account. Writes nothing there."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Look for what would stop the work: connections, clock, database, key, disk, Redis."""
    with engine_of(context) as engine:
        if live:
            found = list(look_at(engine, live))
            left = [asdict(one) for one in engine.connection(live).connector.unverified]
        else:
            found = list(examine(engine, os.environ.get("TIEOUT_BROKER", "")))
    rows = [asdict(one) for one in found]
    if live and json:
        show.emit({"checks": rows, "unverified": left})
    else:
        show.listing("Checked", _FINDINGS, rows, json)
        if live:
            show.table("For you to see", _LEFT, left)
    if any(one.verdict is Verdict.PROBLEM for one in found):
        finish(ExitCode.PROBLEMS)


# -- metrics ----------------------------------------------------------------------------
def metrics(
    context: typer.Context,
    serve: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve them there until Ctrl-C.")
    ] = "",
) -> None:
    """Print figures for Prometheus, or serve them."""
    with engine_of(context) as engine:
        if not serve:
            typer.echo(as_text(engine), nl=False)
            return
        _serve(engine, *_address(serve))


def _serve(engine: Engine, host: str, port: int) -> None:
    server, _ = start_wsgi_server(port, addr=host, registry=registry_of(engine))
    show.say(f"Figures at http://{host}:{server.server_port}/metrics. Ctrl-C stops.")
    try:
        _wait(engine)
    finally:
        server.shutdown()
        server.server_close()


def _wait(engine: Engine) -> None:
    with until_stopped():
        while True:
            engine.store.clock.sleep(60)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadInput(f"{text!r} is not an address; write it as 127.0.0.1:9464.")
    return host.strip("[]"), int(port)


# -- notify -----------------------------------------------------------------------------
_TOLD = (
    Column("channel", "Channel"),
    Column("told", "Told of", right=True),
    Column("error", "Failed because"),
)


def notify(
    context: typer.Context,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message by every channel.")
    ] = False,
    json: Json = False,
) -> None:
    """Tell people what waits or has stopped and was not told yet."""
    with engine_of(context) as engine:
        if not engine.channels:
            raise BadInput("nobody is to be told: add `notifications` to tieout.yaml")
        done = notifications.test(engine) if test else notifications.tell(engine)
    show.listing("Told", _TOLD, [asdict(one) for one in done], json)
    if any(one.error for one in done):
        finish(ExitCode.PROBLEMS)
