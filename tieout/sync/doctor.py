"""Looks for what would stop the work or break a promise, and says what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tieout.connectors.base import CUSTOMER, PROJECT, Family
from tieout.connectors.transport import Connection
from tieout.errors import AuthExpired, Misconfigured, RemoteError, TieoutError, Transient
from tieout.store import audit, health, notes, refs, secrets
from tieout.sync.engine import Engine
from tieout.sync.findings import Finding, fine, worth_a_look, wrong
from tieout.sync.identify import identify
from tieout.sync.match import broken_links
from tieout.sync.measure import measure

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
        ("connection", partial(connection_findings, engine, one))
        for one in engine.connections.values()
    ]
    if len(engine.of_family(Family.LEDGER)) == 1:
        checks.append(("link", partial(_links, engine)))
    for name, check in checks:
        try:
            yield from check()
        except (TieoutError, OSError) as problem:
            yield wrong(name, engine.store.where, str(problem), "Do as the text says.")


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
            yield fine("database", where, text)
        elif one in damaged:
            todo = "Stop all work and put the latest backup back: `tieout restore`."
            yield wrong("database", where, f"{text}: {one.why}", todo)
        else:
            todo = f"Let the database's administrator set {one.name} = {one.wanted}."
            yield wrong("database", where, f"{text}: {one.why}", todo)


def _key(engine: Engine) -> Iterator[Finding]:
    cipher = engine.store.cipher
    with engine.store.read() as tx:
        stored = secrets.places(tx)
        outdated = list(secrets.outdated(tx)) if stored else []
    if not cipher.is_there and not stored:
        if engine.store.is_file:
            yield fine("key", cipher.source, "no credential is stored yet; a key will be made")
        else:
            text = "no key is set, and credentials are stored encrypted"
            todo = "Put a key into TIEOUT_KEY, the same for all: `tieout secrets key` makes one."
            yield wrong("key", cipher.source, text, todo)
        return
    for one in outdated:
        text = f"{one.connection}/{one.name}: {one.text}"
        if one.readable:
            yield worth_a_look("key", cipher.source, text, "Run `tieout secrets rotate`.")
        else:
            todo = f"Restore the key, or connect again: `tieout connect {one.connection}`."
            yield wrong("key", cipher.source, text, todo)
    if not outdated:
        yield fine("key", cipher.source, f"reads all {len(stored)} stored credentials")


def _audit(engine: Engine) -> Iterator[Finding]:
    with engine.store.read() as tx:
        broken, last = audit.verify(tx), notes.get(tx, AUDIT_CHECKED)
    note_check(engine, broken)
    before = f"; checked before at {last.changed_at:%Y-%m-%d %H:%M} UTC" if last else ""
    if broken is None:
        yield fine("audit log", engine.store.where, f"whole and unchanged{before}")
        return
    todo = "Stop, keep this database, and compare it with a backup: `tieout audit verify`."
    yield wrong("audit log", engine.store.where, f"{broken.text}{before}", todo)


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
            yield wrong("disk", str(folder), text, "Free some space now: writes will fail.")
        elif free < LITTLE_SPACE:
            yield worth_a_look("disk", str(folder), text, "Free some space before it is needed.")
        else:
            yield fine("disk", str(folder), text)
        if not os.access(folder, os.W_OK):
            yield wrong("disk", str(folder), "cannot be written to", "Correct its owner.")


def _temporary() -> Iterator[Finding]:
    where = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"tieout")
    except OSError as problem:
        yield wrong("temporary folder", where, f"{problem.strerror}", "Set TMPDIR to another.")
    else:
        yield fine("temporary folder", where, "can be written to")


def _redis(broker: str) -> Iterator[Finding]:
    """A PING over a plain socket: whether it answers, not what is in it."""
    parts = urlsplit(broker)
    where = f"{parts.hostname or ''}:{parts.port or 6379}"
    todo = (
        "Start it, or correct TIEOUT_BROKER. Nothing is lost: without it the workers look "
        "for themselves, only later."
    )
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        yield wrong("redis", "TIEOUT_BROKER", "is not a redis:// address", todo)
        return
    try:
        address = (parts.hostname, parts.port or 6379)
        with socket.create_connection(address, timeout=REDIS_WAIT_S) as wire:
            if parts.scheme == "rediss":  # its answer is encrypted: that it listens is enough
                yield fine("redis", where, "accepts connections")
                return
            wire.sendall(b"PING\r\n")
            answer = wire.recv(64)
    except OSError as problem:
        yield wrong("redis", where, f"does not answer ({problem})", todo)
        return
    if answer.startswith((b"+PONG", b"-NOAUTH")):
        yield fine("redis", where, "answers")
    else:
        yield wrong("redis", where, "something else answers there", todo)


# -- connections ------------------------------------------------------------------------
def connection_findings(engine: Engine, connection: Connection) -> Iterator[Finding]:
    """Whether a connection's sign-in works, whose it is, what it may do, and the clock."""
    if connection.connector.family is Family.FILES:
        return
    name = connection.name
    again = f"Put a valid credential in place, then `tieout connect {name}`."
    try:
        found = identify(engine, connection)
    except Misconfigured as problem:
        yield wrong("connection", name, str(problem), "Set what is missing, then look again.")
        return
    except AuthExpired as refusal:
        yield wrong("connection", name, f"signing in is refused: {refusal.text}", again)
        return
    except RemoteError as problem:
        todo = "If it lasts, tell their support" + (
            f" the id {problem.trace_id}." if problem.trace_id else "."
        )
        yield wrong("connection", name, f"{type(problem).__name__}: {problem.text}", todo)
        return
    if found is None:
        return
    who = f"{found.name} ({found.company})" if found.name else found.company
    if not connection.company:
        yield worth_a_look(
            "connection", name, f"{who} answers", f"Prove it: `tieout connect {name}`."
        )
    elif connection.company != found.company:
        text = f"{who} answers, and this connection belongs to {connection.company}"
        yield wrong("connection", name, text, "Correct its settings or its credential.")
    else:
        yield fine("connection", name, f"{who} answers")
    for warning in found.warnings:
        yield worth_a_look("permissions", name, warning, "Give the sign-in this right over there.")
    yield from clock_findings(name, found.drift)
    yield from _settings(engine, connection)


def _settings(engine: Engine, connection: Connection) -> Iterator[Finding]:
    """How the company's books are set up, as far as it matters to us."""
    name = connection.name
    try:
        measured = measure(engine, connection)
    except RemoteError as problem:
        text = f"{type(problem).__name__}: {problem.text}"
        yield wrong("setting", name, text, "Give the sign-in the right to read the settings.")
        return
    for one in measured:
        if one.problem:
            text = f"{one.what}: {one.value}; {one.problem}"
            yield wrong("setting", name, text, one.what_to_do)
        else:
            yield fine("setting", name, f"{one.what}: {one.value}")


def _links(engine: Engine) -> Iterator[Finding]:
    """Clients and projects whose record in the ledger was merged away, deleted or closed."""
    connection = engine.ledger().name
    with engine.store.read() as tx:
        count = sum(len(refs.every(tx, connection, kind)) for kind in (CUSTOMER, PROJECT))
        try:
            broken = broken_links(engine, tx) if count else []
        except (Misconfigured, Transient):
            return  # its lists were not read yet: nothing can be said
    for one in broken:
        yield wrong("link", connection, one.text, one.what_to_do)
    if count and not broken:
        yield fine("link", connection, f"all {count} linked customers are there")


def clock_findings(name: str, drift: timedelta | None) -> Iterator[Finding]:
    """What a difference between our clock and a vendor's means; nothing when they told none."""
    if drift is None:
        return
    seconds = int(abs(drift).total_seconds())
    way = "ahead of" if drift > timedelta() else "behind"
    text = f"this machine's clock is {seconds} s {way} theirs"
    todo = "Set this machine's clock by a time server."
    if abs(drift) >= DRIFT_THAT_HURTS:
        yield wrong("clock", name, text, todo)
    elif abs(drift) >= DRIFT_WORTH_A_WORD:
        yield worth_a_look("clock", name, text, todo)
    else:
        yield fine("clock", name, text)
