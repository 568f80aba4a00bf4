"""Heed: notifications that wait make the turn of their step due now, and are done with.

They are hints. A look that was going on when one came may have been too early, so the
message waits until the turn can begin anew; many messages ask for one look.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import structlog

from tieout.connectors.base import Family, Hint
from tieout.connectors.transport import Connection
from tieout.connectors.webhook import hints
from tieout.errors import BadInput
from tieout.store import inbox
from tieout.store.inbox import Message, MessageState
from tieout.sync.engine import Engine
from tieout.sync.schedule import look_sooner, turn_now

#: Messages read in one go.
AT_ONCE = 500
#: Days that settled messages are kept: longer than any vendor repeats one.
KEPT_DAYS = 30

_log = structlog.get_logger("tieout.inbox")


@dataclass(frozen=True, slots=True)
class _Read:
    """What a message came to: the step that should look sooner, "" for none, and why."""

    step: str
    text: str
    state: MessageState = MessageState.DONE


def heed(engine: Engine) -> int:
    """Make due what waiting messages ask for; returns how many messages are done with.

    Reads only, when there is nothing to do. Raises StoreError.
    """
    old = engine.now() - timedelta(days=KEPT_DAYS)
    with engine.store.read() as tx:
        messages = inbox.waiting(tx, AT_ONCE)
        has_old = inbox.has_settled_before(tx, old)
    if not messages and not has_old:
        return 0
    by_end: dict[_Read, list[int]] = defaultdict(list)
    for message in messages:
        by_end[_read(engine, message)].append(message.id)
    done = 0
    with engine.store.begin() as tx:
        # In the same transaction: no message is done with before its look is due.
        ready = {step: look_sooner(engine, tx, step) for step in sorted(_steps(by_end))}
        for end, ids in by_end.items():
            if ready.get(end.step, True):
                done += inbox.settle(tx, ids, end.state, end.text)
        inbox.forget(tx, old)
    return done


def step_of(connection: Connection) -> str:
    """The scheduled step that reads a connection."""
    return "pullback" if connection.connector.family is Family.LEDGER else "pull"


def _steps(ends: dict[_Read, list[int]]) -> set[str]:
    return {end.step for end in ends if end.step}


def _read(engine: Engine, message: Message) -> _Read:
    """What a message asks for. One that is not understood asks for a look all the same."""
    connection = engine.connections.get(message.connection)
    webhook = connection.connector.webhook if connection else None
    if connection is None or webhook is None:
        return _Read("", "The connection is not in tieout.yaml any more.")
    step = step_of(connection)
    by_hand = turn_now(engine, step) is None
    when = f"Left to a person: schedules.{step} is off." if by_hand else "The next look was due."
    try:
        told = [hint for hint in hints(webhook, message.body) if _is_ours(connection, hint)]
    except BadInput as problem:
        _log.warning("message not understood", connection=connection.name, message=message.id)
        return _Read(step, problem.text, MessageState.ODD)
    return _Read(step, when) if told else _Read("", "It tells of nothing that is read.")


def _is_ours(connection: Connection, hint: Hint) -> bool:
    """Whether it is about this company and about something we read."""
    # A vendor may call the company otherwise in its messages than where it is asked who it is.
    known = {connection.company, connection.connector.company(connection.settings), ""}
    streams = {stream.name for stream in connection.connector.streams}
    return hint.stream in streams and (known == {""} or hint.company in known)
