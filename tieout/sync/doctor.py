"""Looks for what would stop the work or break a promise, and says what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tieout.connectors.base import Family
from tieout.connectors.transport import Connection
from tieout.errors import AuthExpired, Misconfigured, RemoteError, TieoutError
from tieout.store import audit, health, notes, secrets
from tieout.sync.engine import Engine
from tieout.sync.identify import identify

#: Our clock may differ from a vendor's by so much before it is worth a word, and before
#: signed sign-ins are refused for it.
DRIFT_WORTH_A_WORD = timedelta(seconds=30)
DRIFT_THAT_HURTS = timedelta(minutes=3)
#: Free bytes below which a disk is worth a word, and below which it is about to be full.
LITTLE_SPACE = 2 * 1024**3
NO_SPACE = 200 * 1024**2
#: Seconds to wait for Redis.
REDIS_WAIT_S = 3.0
#: The note of when the audit log was last walked, and what came of it.
AUDIT_CHECKED = "audit_checked"


class Verdict(StrEnum):
    """What a finding means."""

    FINE = "fine"
    WORTH_A_LOOK = "worth a look"  # works now
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str  # `connection`, `disk`
    where: str
    verdict: Verdict
    text: str
    what_to_do: str = ""


def examine(engine: Engine, broker: str = "") -> Iterator[Finding]:
    """Look at everything, one finding after the other; a check that fails is a finding.

    `broker` is the workers' Redis, "" when none is set. Calls every connected vendor, and
    notes when the audit log was walked.
    """
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("database", partial(_database, engine)),
        ("key", partial(_key, engine)),
        ("audit log", partial(_audit, engine)),
        ("disk", partial(_disk, engine)),
        ("temporary folder", _temporary),
    ]
    if broker:
        checks.append(("redis", partial(_redis, broker)))
    checks += [
        ("connection", partial(_connection, engine, one)) for one in engine.connections.values()
    ]
    for name, check in checks:
        try:
            yield from check()
        except (TieoutError, OSError) as problem:
            yield _problem(name, engine.store.where, str(problem), "Do as the text says.")


def _fine(check: str, where: str, text: str) -> Finding:
    return Finding(check=check, where=where, verdict=Verdict.FINE, text=text)


def _look(check: str, where: str, text: str, what_to_do: str) -> Finding:
    verdict = Verdict.WORTH_A_LOOK
    return Finding(check=check, where=where, verdict=verdict, text=text, what_to_do=what_to_do)


def _problem(check: str, where: str, text: str, what_to_do: str) -> Finding:
    verdict = Verdict.PROBLEM
    return Finding(check=check, where=where, verdict=verdict, text=text, what_to_do=what_to_do)


# -- this machine -----------------------------------------------------------------------
def _database(engine: Engine) -> Iterator[Finding]:
    where = engine.store.where
    with engine.store.begin() as tx:
        found = list(health.settings(tx))
    with engine.store.read() as tx:
        damaged = list(health.whole(tx))
    for one in [*found, *damaged]:
        text = f"{one.name} is {one.value}"
        if one.right:
            yield _fine("database", where, text)
        elif one in damaged:
            todo = "Stop all work and put the latest backup back: `tieout restore`."
            yield _problem("database", where, f"{text}: {one.why}", todo)
        else:
            todo = f"Let the database's administrator set {one.name} = {one.wanted}."
            yield _problem("database", where, f"{text}: {one.why}", todo)


def _key(engine: Engine) -> Iterator[Finding]:
    cipher = engine.store.cipher
    with engine.store.read() as tx:
        stored = secrets.places(tx)
        outdated = list(secrets.outdated(tx)) if stored else []
    if not cipher.is_there and not stored:
        if engine.store.is_file:
            yield _fine("key", cipher.source, "no credential is stored yet; a key will be made")
        else:
            text = "no key is set, and credentials are stored encrypted"
            todo = "Put a key into TIEOUT_KEY, the same for all: `tieout secrets key` makes one."
            yield _problem("key", cipher.source, text, todo)
        return
    for one in outdated:
        text = f"{one.connection}/{one.name}: {one.text}"
        if one.readable:
            yield _look("key", cipher.source, text, "Run `tieout secrets rotate`.")
        else:
            todo = f"Restore the key, or connect again: `tieout connect {one.connection}`."
            yield _problem("key", cipher.source, text, todo)
    if not outdated:
        yield _fine("key", cipher.source, f"reads all {len(stored)} stored credentials")


def _audit(engine: Engine) -> Iterator[Finding]:
    with engine.store.read() as tx:
        broken, last = audit.verify(tx), notes.get(tx, AUDIT_CHECKED)
    note_check(engine, broken)
    before = f"; checked before at {last.changed_at:%Y-%m-%d %H:%M} UTC" if last else ""
    if broken is None:
        yield _fine("audit log", engine.store.where, f"whole and unchanged{before}")
        return
    todo = "Stop, keep this database, and compare it with a backup: `tieout audit verify`."
    yield _problem("audit log", engine.store.where, f"{broken.text}{before}", todo)


def note_check(engine: Engine, broken: audit.Broken | None) -> None:
    """Note that the audit log was walked now, and what came of it."""
    with engine.store.begin() as tx:
        notes.put(tx, AUDIT_CHECKED, broken.text if broken else "whole")


def _disk(engine: Engine) -> Iterator[Finding]:
    folders = {"workspace": engine.workspace.folder}
    if engine.store.is_file:
        folders["database"] = Path(engine.store.where).parent
    for name, folder in folders.items():
        free = shutil.disk_usage(folder).free
        text = f"{free // 1024**2:,} MB free for the {name}"
        if free < NO_SPACE:
            yield _problem("disk", str(folder), text, "Free some space now: writes will fail.")
        elif free < LITTLE_SPACE:
            yield _look("disk", str(folder), text, "Free some space before it is needed.")
        else:
            yield _fine("disk", str(folder), text)
        if not os.access(folder, os.W_OK):
            yield _problem("disk", str(folder), "cannot be written to", "Correct its owner.")


def _temporary() -> Iterator[Finding]:
    where = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"tieout")
    except OSError as problem:
        yield _problem("temporary folder", where, f"{problem.strerror}", "Set TMPDIR to another.")
    else:
        yield _fine("temporary folder", where, "can be written to")


def _redis(broker: str) -> Iterator[Finding]:
    """A PING over a plain socket: whether it answers, not what is in it."""
    parts = urlsplit(broker)
    where = f"{parts.hostname or ''}:{parts.port or 6379}"
    todo = (
        "Start it, or correct TIEOUT_BROKER. Nothing is lost: without it the workers look "
        "for themselves, only later."
    )
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        yield _problem("redis", "TIEOUT_BROKER", "is not a redis:// address", todo)
        return
    try:
        address = (parts.hostname, parts.port or 6379)
        with socket.create_connection(address, timeout=REDIS_WAIT_S) as wire:
            if parts.scheme == "rediss":  # its answer is encrypted: that it listens is enough
                yield _fine("redis", where, "accepts connections")
                return
            wire.sendall(b"PING\r\n")
            answer = wire.recv(64)
    except OSError as problem:
        yield _problem("redis", where, f"does not answer ({problem})", todo)
        return
    if answer.startswith((b"+PONG", b"-NOAUTH")):
        yield _fine("redis", where, "answers")
    else:
        yield _problem("redis", where, "something else answers there", todo)


# -- connections ------------------------------------------------------------------------
def _connection(engine: Engine, connection: Connection) -> Iterator[Finding]:
    if connection.connector.family is Family.FILES:
        return
    name = connection.name
    again = f"Put a valid credential in place, then `tieout connect {name}`."
    try:
        found = identify(engine, connection)
    except Misconfigured as problem:
        yield _problem("connection", name, str(problem), "Set what is missing, then look again.")
        return
    except AuthExpired as refusal:
        yield _problem("connection", name, f"signing in is refused: {refusal.text}", again)
        return
    except RemoteError as problem:
        todo = "If it lasts, tell their support" + (
            f" the id {problem.trace_id}." if problem.trace_id else "."
        )
        yield _problem("connection", name, f"{type(problem).__name__}: {problem.text}", todo)
        return
    if found is None:
        return
    who = f"{found.name} ({found.company})" if found.name else found.company
    if not connection.company:
        yield _look("connection", name, f"{who} answers", f"Prove it: `tieout connect {name}`.")
    elif connection.company != found.company:
        text = f"{who} answers, and this connection belongs to {connection.company}"
        yield _problem("connection", name, text, "Correct its settings or its credential.")
    else:
        yield _fine("connection", name, f"{who} answers")
    for warning in found.warnings:
        yield _look("permissions", name, warning, "Give the sign-in this right over there.")
    yield from _clock(name, found.drift)


def _clock(name: str, drift: timedelta | None) -> Iterator[Finding]:
    if drift is None:
        return
    seconds = int(abs(drift).total_seconds())
    way = "ahead of" if drift > timedelta() else "behind"
    text = f"this machine's clock is {seconds} s {way} theirs"
    todo = "Set this machine's clock by a time server."
    if abs(drift) >= DRIFT_THAT_HURTS:
        yield _problem("clock", name, text, todo)
    elif abs(drift) >= DRIFT_WORTH_A_WORD:
        yield _look("clock", name, text, todo)
    else:
        yield _fine("clock", name, text)
