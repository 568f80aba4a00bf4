"""Tells people what waits or has stopped: once each, many in one message.

Nothing here stops the work. What could not be told is tried again later, and `tieout status`
says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import structlog

from tieout.config.notifications import Event
from tieout.connectors.channels import Channel, Message
from tieout.errors import StoreError, TieoutError
from tieout.store import held, locks, notes, outbox, told
from tieout.store.core import Tx
from tieout.store.outbox import OutboxState
from tieout.store.runs import RunState
from tieout.store.told import Occurrence
from tieout.sync.engine import Engine
from tieout.sync.owners import this_process
from tieout.sync.status import CUT_OFF, Ran, Status, status
from tieout.sync.subjects import subject_of
from tieout.sync.tally import keep_counts

#: After a channel failed, how long it is left alone.
TRY_AGAIN = timedelta(minutes=5)
#: Seconds one process may take to tell everybody, before another one tells.
LEASE_S = 300.0
#: Lines of one kind in a message; the rest is counted.
LINES = 10
#: Characters of a line; a vendor's words may be long.
LINE_LENGTH = 400

_FAILED = "notify/"
_TITLES = {
    Event.HELD: ("held", "held"),
    Event.UNKNOWN: ("write in doubt", "writes in doubt"),
    Event.STOPPED: ("connection stopped", "connections stopped"),
    Event.FAILED: ("run failed", "runs failed"),
}
_WHAT_TO_DO = {
    Event.HELD: "See each with its reason: tieout held",
    Event.UNKNOWN: "Nothing is sent twice; each is looked for first: tieout status",
    Event.STOPPED: "Put a valid credential in place, then: tieout connect",
    Event.FAILED: "See how it stands now: tieout status, and what is wrong: tieout doctor",
}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that people should know, as it stands now."""

    event: Event
    subject: str  # which one, and since when: another one when it comes back
    line: str  # those alike are told in one line, with their count

    @property
    def key(self) -> Occurrence:
        return Occurrence(self.event.value, self.subject)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one channel."""

    channel: str
    told: int  # happenings
    error: str = ""  # why it failed, "" when it did not


def tell(engine: Engine) -> list[Outcome]:
    """Tell every channel what it was not told yet. Never raises a TieoutError."""
    keep_counts(engine.transport)
    if not engine.channels:
        return []
    log = structlog.get_logger("tieout.notify")
    try:
        with engine.store.begin() as tx:
            fence = locks.acquire(tx, "notify", this_process(), LEASE_S)
        if fence is None:  # another process is telling now
            return []
        try:
            return [_told(engine, channel) for channel in engine.channels]
        finally:
            with engine.store.begin() as tx:
                locks.release(tx, "notify", fence)
    except StoreError as problem:
        log.warning("nobody was told", error=str(problem))
        return []


def test(engine: Engine) -> list[Outcome]:
    """Send every channel a message that says it is a test."""
    text = f"This is a test. {engine.name} can be told of what waits or has stopped."
    title = f"{engine.name}: test"
    message = Message(title=title, text=text, data={"firm": engine.name, "test": True})
    return [_sent(engine, channel, message, 0) for channel in engine.channels]


def failing(tx: Tx, names: Iterable[str]) -> dict[str, notes.Note]:
    """The channels that could not be used the last time, and why."""
    found = notes.below(tx, _FAILED)
    return {name: found[name] for name in names if name in found}


def happenings(engine: Engine, tx: Tx) -> list[Happening]:
    """Everything that is worth telling now, of the events that were asked for."""
    asked = engine.workspace.notifications.events
    found = status(engine, tx)
    return [one for one in _all(engine, tx, found) if one.event in asked]


# -- telling ----------------------------------------------------------------------------
def _told(engine: Engine, channel: Channel) -> Outcome:
    with engine.store.begin() as tx:
        there = {one.key: one for one in happenings(engine, tx)}
        fresh = told.untold(tx, channel.name, there)
        last = failing(tx, [channel.name]).get(channel.name)
    if not fresh:
        return Outcome(channel=channel.name, told=0)
    if last is not None and engine.now() - last.changed_at < TRY_AGAIN:
        return Outcome(channel=channel.name, told=0, error=last.value)
    ordered = [one for key, one in there.items() if key in fresh]
    outcome = _sent(engine, channel, message_of(engine.name, ordered), len(ordered))
    if not outcome.error:
        with engine.store.begin() as tx:
            told.note(tx, channel.name, fresh)
    return outcome


def _sent(engine: Engine, channel: Channel, message: Message, count: int) -> Outcome:
    name = f"{_FAILED}{channel.name}"
    try:
        channel.send(message)
    except TieoutError as problem:
        with engine.store.begin() as tx:
            notes.put(tx, name, str(problem))
        return Outcome(channel=channel.name, told=0, error=str(problem))
    with engine.store.begin() as tx:
        notes.forget(tx, name)
    return Outcome(channel=channel.name, told=count)


def message_of(firm: str, found: list[Happening]) -> Message:
    """One message about everything that is new."""
    counts = Counter(one.event for one in found)
    parts = [f"{counts[event]} {_TITLES[event][counts[event] != 1]}" for event in counts]
    title = f"{firm}: {', '.join(parts)}"
    text, events = [title, ""], []
    for event in counts:
        alike = Counter(one.line for one in found if one.event is event)
        lines = [
            f"{count} x {line}"[:LINE_LENGTH] if count > 1 else line[:LINE_LENGTH]
            for line, count in alike.items()
        ]
        if len(lines) > LINES:
            lines = [*lines[:LINES], f"... and {len(lines) - LINES} more"]
        text += [*(f"- {line}" for line in lines), f"  {_WHAT_TO_DO[event]}", ""]
        events.append({"event": event.value, "count": counts[event], "lines": lines})
    return Message(title=title, text="\n".join(text), data={"firm": firm, "events": events})


# -- what there is ----------------------------------------------------------------------
def _all(engine: Engine, tx: Tx, found: Status) -> Iterator[Happening]:
    yield from _held(tx)
    patience = timedelta(minutes=engine.workspace.notifications.unknown_after_minutes)
    for doubt in found.unknown:
        row = doubt.row
        if doubt.age >= patience:
            yield Happening(
                event=Event.UNKNOWN,
                subject=f"{row.id} {row.sent_at}",
                line=f"{subject_of(tx, row)} to {row.connection}: {row.error_text}",
            )
    for one in found.stopped:
        yield Happening(
            event=Event.STOPPED,
            subject=f"{one.connection} {one.since}",
            line=f"{one.connection}: {one.why}",
        )
    for ran in (*found.runs, *found.steps):
        # A push that stopped early goes on by itself; what it left is told of as doubts and holds.
        in_part = ran.state == RunState.PARTIAL and ran.verb != "push"
        if in_part or ran.state in (RunState.FAILED, CUT_OFF):
            yield _failed(ran)


def _held(tx: Tx) -> Iterator[Happening]:
    for row in outbox.list_rows(tx, states=[OutboxState.HELD]):
        yield Happening(
            event=Event.HELD,
            subject=f"{row.id} {row.settled_at}",
            line=f"{subject_of(tx, row)} to {row.connection}: {row.error_text}",
        )
    for one in held.open_held(tx):
        place = one.held.connection or one.held.scope.partition(":")[0]
        # Its own text may name people; the reason is enough to go and look.
        yield Happening(
            event=Event.HELD,
            subject=f"{one.held.scope} {one.held.subject} {one.held.reason} {one.first_seen}",
            line=f"{place}: {one.held.reason.replace('_', ' ')}",
        )


def _failed(ran: Ran) -> Happening:
    """A run that fails again and again is one occurrence, until one succeeds."""
    what = f"{ran.verb} of {ran.connection}" if ran.connection else f"the scheduled {ran.verb}"
    in_part = " in part" if ran.state == RunState.PARTIAL else ""
    ended = "was cut off" if ran.state == CUT_OFF else f"failed{in_part}"
    return Happening(
        event=Event.FAILED,
        subject=f"{ran.verb}/{ran.connection or 'schedule'}",
        line=f"{what} {ended}: {ran.text}",
    )
