"""What a database says of itself: its version, and the settings that promises rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from tieout.store import migrate
from tieout.store.core import Tx

#: PostgreSQL versions before it are not tested and no longer maintained.
OLDEST_SERVER = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it is, and whether it is right."""

    name: str
    value: str
    right: bool
    wanted: str  # "" when any will do
    why: str = ""


def settings(tx: Tx) -> Iterator[Setting]:
    """The settings that matter, wrong ones too, as a writing transaction has them."""
    yield Setting(
        name="migration",
        value=migrate.version(tx.sql) or "none",
        right=migrate.version(tx.sql) == migrate.HEAD,
        wanted=migrate.HEAD,
        why="the tables must be of this version",
    )
    yield from _postgres(tx) if tx.is_postgres else _sqlite(tx)


def _sqlite(tx: Tx) -> Iterator[Setting]:
    for name, wanted, text, why in (
        ("journal_mode", "wal", "WAL", "readers and one writer do not wait for each other"),
        ("synchronous", "2", "FULL", "what was confirmed survives a power cut"),
    ):
        value = str(tx.sql.exec_driver_sql(f"PRAGMA {name}").scalar())
        right = value.lower() == wanted
        shown = text if right else value
        yield Setting(name=name, value=shown, right=right, wanted=text, why=why)


def whole(tx: Tx) -> Iterator[Setting]:
    """Whether a database file is whole; a server sees to that itself."""
    if not tx.is_postgres:
        found = str(tx.sql.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        why = "the file must be whole"
        yield Setting(name="quick_check", value=found, right=found == "ok", wanted="ok", why=why)


def _postgres(tx: Tx) -> Iterator[Setting]:
    version = _shown(tx, "server_version")
    major = int(version.split(".")[0].split()[0])
    yield Setting(
        name="server_version",
        value=version,
        right=major >= OLDEST_SERVER,
        wanted=f"{OLDEST_SERVER} or newer",
        why="older servers get no more corrections",
    )
    for name, wanted, why in (
        ("synchronous_commit", ("on", "remote_apply", "remote_write"), "a key must be saved "
         "before the first byte leaves, also when the power goes"),
        ("fsync", ("on",), "without it a power cut can lose or spoil the database"),
        ("full_page_writes", ("on",), "without it a power cut can spoil the database"),
        ("default_transaction_isolation", ("read committed",), "Tieout names the isolation it "
         "needs; other programs on this database may rely on this one"),
        ("TimeZone", ("UTC",), "instants are read back as they were written"),
    ):  # fmt: skip
        value = _shown(tx, name)
        yield Setting(name=name, value=value, right=value in wanted, wanted=wanted[0], why=why)


def _shown(tx: Tx, name: str) -> str:
    return str(tx.sql.execute(sa.select(sa.func.current_setting(name))).scalar_one())
