"""Bringing the tables to this version, without a configuration file."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tieout.errors import StoreError

#: The newest migration under `migrations/versions`.
HEAD = "0008"

# Any number: it only has to be the same in every process that migrates.
_LOCK = 7_431_689


def upgrade(sql: Connection, where: str) -> None:
    """Run the missing migrations inside the caller's transaction. Raises StoreError."""
    # Alembic is needed here only; starting a worker should not wait for it.
    from alembic import command
    from alembic.config import Config

    if sql.dialect.name == "postgresql":
        sql.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    found = version(sql)
    if found is not None and found > HEAD:
        raise _newer(found, where)
    config = Config()
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = sql
    command.upgrade(config, "head")


def version(sql: Connection) -> str | None:
    """The last migration that ran, None for a database without tables."""
    if not sa.inspect(sql).has_table("alembic_version"):
        return None
    found: str | None = sql.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check(sql: Connection, where: str) -> None:
    """Raise StoreError unless the tables are of this version."""
    found = version(sql)
    if found == HEAD:
        return
    if found is None:
        raise StoreError(
            f"The database {where} has no tables yet. Run `tieout status` in its workspace: "
            "opening it makes them."
        )
    if found > HEAD:
        raise _newer(found, where)
    raise StoreError(
        f"The database {where} is at version {found}, this Tieout needs {HEAD}. "
        "Make a backup, then run `tieout status` in its workspace: opening it brings the tables "
        "up to date."
    )


def _newer(found: str, where: str) -> StoreError:
    return StoreError(
        f"The database {where} is at version {found}, newer than this Tieout ({HEAD}). "
        "Install the Tieout that wrote it, or a newer one."
    )
