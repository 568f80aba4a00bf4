"""How tables are written down, the same for both engines."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tieout.store.types import Big, Flag, Instant

metadata = sa.MetaData()


def table(name: str, *parts: Any) -> sa.Table:
    """A table; strict about types on SQLite."""
    return sa.Table(name, metadata, *parts, sqlite_strict=True)


def text(name: str, **options: Any) -> sa.Column[str]:
    """Text that is always there, "" when there is none."""
    return sa.Column(name, sa.Text, nullable=False, **options)


def maybe_text(name: str) -> sa.Column[str]:
    """Text, or nothing."""
    return sa.Column(name, sa.Text, nullable=True)


def whole(name: str, **options: Any) -> sa.Column[int]:
    """A whole number."""
    return sa.Column(name, Big, nullable=False, **options)


def instant(name: str, nullable: bool = False) -> sa.Column[Any]:
    """An instant in UTC."""
    return sa.Column(name, Instant, nullable=nullable)


def flag(name: str) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, Flag, nullable=False)


def only(condition: str) -> dict[str, Any]:
    """A partial index: `condition` is the name of a flag."""
    return {"sqlite_where": sa.text(f"{condition} = 1"), "postgresql_where": sa.text(condition)}
