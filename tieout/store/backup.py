"""Copies of a whole database, consistent while others write, and putting one back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from tieout.errors import Misconfigured, NotAllowed, StoreError
from tieout.store import migrate
from tieout.store.core import Store, Tx
from tieout.store.outbox_rows import OutboxState
from tieout.store.runs import RunState
from tieout.store.tables import audit_head, locks, runs
from tieout.store.tables import outbox as t

#: Pages that the online backup copies before it lets a writer in.
_PAGES = 500
_CUT_OFF = "It was running when the backup was made."


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy holds."""

    kind: str  # `sqlite` or `postgresql`
    migration: str
    audit_seq: int  # the last entry of the audit log, 0 when there is none
    audit_hash: str


def file_name(kind: str) -> str:
    """What a copy is called in an archive."""
    return "database.sqlite" if kind == "sqlite" else "database.pgdump"


def copy(store: Store, target: Path) -> Copied:
    """Write a copy of the database into a file that is not there yet.

    Raises StoreError, and Misconfigured when PostgreSQL's own program is not on the PATH.
    """
    return _copy_file(store, target) if store.is_file else _dump(store, target)


def put_back(store: Store, source: Path) -> None:
    """Fill a database from a copy, where `check_place` allows it. Raises as that does."""
    check_place(store, source.name)
    if store.is_file:
        shutil.copyfile(source, store.where)
    else:
        _restore_dump(store, source)


def check_place(store: Store, name: str) -> None:
    """Raise Misconfigured when a copy of that name is of another kind of database than this
    one, NotAllowed when this one is there already: it would be lost."""
    kind = "sqlite" if store.is_file else "postgresql"
    if name != file_name(kind):
        raise Misconfigured(
            f"This backup holds {name}, and TIEOUT_DATABASE names a {kind} database. "
            "Restore it where the same kind of database is set."
        )
    used = Path(store.where).exists()
    if not store.is_file:
        with store.read() as tx:
            used = migrate.version(tx.sql) is not None
    if used:
        raise NotAllowed(
            f"The database {store.where} is there already, and a restore never overwrites one. "
            "Restore into an empty folder, or move the old database away first."
        )


def settle_restored(tx: Tx) -> int:
    """Free what processes of the copied database had in hand; returns how many writes.

    A write that was on its way when the copy was made is in doubt: it is looked for.
    """
    tx.execute(locks.delete())
    free = {"lease_owner": "", "lease_until": None, "not_before": tx.now(), "fence": t.c.fence + 1}
    found = 0
    for before, after in (
        (OutboxState.CLAIMED, OutboxState.PENDING),
        (OutboxState.SENT, OutboxState.UNKNOWN),
    ):
        update = t.update().where(t.c.state == before.value)
        found += tx.execute(update.values(state=after.value, **free)).rowcount
    cut_off = {"state": RunState.FAILED.value, "ended_at": tx.now(), "error_text": _CUT_OFF}
    tx.execute(runs.update().where(runs.c.state == RunState.RUNNING.value).values(**cut_off))
    return found


def head_of(tx: Tx) -> tuple[int, str]:
    """The last entry of the audit log: its number and its seal."""
    row = tx.first(sa.select(audit_head.c.seq, audit_head.c.hash))
    return (int(row.seq), str(row.hash)) if row else (0, "")


# -- SQLite -----------------------------------------------------------------------------
def _copy_file(store: Store, target: Path) -> Copied:
    """By SQLite's online backup (sqlite.org/backup.html): one instant, whoever writes."""
    try:
        with (
            closing(sqlite3.connect(store.where)) as source,
            closing(sqlite3.connect(target)) as copied,
        ):
            source.backup(copied, pages=_PAGES)
            copied.execute("PRAGMA journal_mode = DELETE")
            whole = copied.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.Error, OSError) as problem:
        raise StoreError(f"The database {store.where} cannot be copied: {problem}.") from problem
    if whole != "ok":
        raise StoreError(f"The copy of {store.where} is not whole: {whole}. Nothing was kept.")
    opened = Store.open(f"sqlite:///{target}", store.clock)
    try:
        with opened.read() as tx:
            return _said(tx, "sqlite")
    finally:
        opened.close()
        for tail in ("-wal", "-shm"):
            target.with_name(target.name + tail).unlink(missing_ok=True)


def _said(tx: Tx, kind: str) -> Copied:
    seq, seal = head_of(tx)
    migration = migrate.version(tx.sql) or ""
    return Copied(kind=kind, migration=migration, audit_seq=seq, audit_hash=seal)


# -- PostgreSQL -------------------------------------------------------------------------
def _dump(store: Store, target: Path) -> Copied:
    """By pg_dump, of the same instant that the audit log's end is read at."""
    program = _program("pg_dump", f"pg_dump --format=custom --file={target.name} DATABASE")
    with store.read() as tx:
        snapshot = str(tx.sql.execute(sa.select(sa.func.pg_export_snapshot())).scalar_one())
        said = _said(tx, "postgresql")
        options = ("--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}")
        _run([program, *options], store.engine.url)
    return said


def _restore_dump(store: Store, source: Path) -> None:
    program = _program("pg_restore", f"pg_restore --no-owner --dbname=DATABASE {source.name}")
    store.close()
    name = str(store.engine.url.database)
    options = ("--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={name}")
    _run([program, *options, str(source)], store.engine.url)


def _program(name: str, by_hand: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Misconfigured(
            f"{name} is not on the PATH of this machine. Install PostgreSQL's client programs, "
            f"or run on the server: {by_hand}"
        )
    return found


def _run(command: list[str], url: URL) -> None:
    # In the environment, not among the arguments, which every user of the machine sees.
    said = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": str(url.port) if url.port else url.query.get("port"),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    environment = {**os.environ, **{name: str(value) for name, value in said.items() if value}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise StoreError(f"{Path(command[0]).name} failed: {' '.join(done.stderr.split())}")
