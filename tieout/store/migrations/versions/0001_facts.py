"""What other systems told us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Day, Exact, Flag, Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    _landed()
    _cursors()
    _facts()
    _work_items()
    _held()


def _landed() -> None:
    op.create_table(
        "landed",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("version", Big, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("deleted", Flag, nullable=False),
        sa.Column("is_current", Flag, nullable=False),
        sa.Column("absent_sweeps", Big, nullable=False),
        sa.Column("absent_run", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("landed_at", Instant, nullable=False),
        sa.UniqueConstraint(
            "connection", "stream", "remote_id", "version", name="landed_version_unique"
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "landed_current_unique",
        "landed",
        ["connection", "stream", "remote_id"],
        unique=True,
        sqlite_where=sa.text("is_current = 1"),
        postgresql_where=sa.text("is_current"),
    )


def _cursors() -> None:
    op.create_table(
        "cursors",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("watermark", sa.Text, nullable=False),
        sa.Column("last_success_at", Instant, nullable=True),
        sa.Column("last_sweep_at", Instant, nullable=True),
        sqlite_strict=True,
    )


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("deleted", Flag, nullable=False),
        sa.Column("landed_id", sa.Integer, nullable=True),
        sa.Column("first_seen", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("facts_by_source", "facts", ["connection", "stream", "remote_id"])


def _work_items() -> None:
    op.create_table(
        "work_items",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=True),
        sa.Column("work_date", Day, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("seconds", Big, nullable=False),
        sa.Column("amount", Exact, nullable=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("billable", Flag, nullable=False),
        sa.Column("approval", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("deleted", Flag, nullable=False),
        sa.Column("landed_id", sa.Integer, nullable=True),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("work_by_date", "work_items", ["work_date"])
    op.create_index("work_by_project", "work_items", ["project_id", "work_date"])
    op.create_index("work_by_source", "work_items", ["connection", "stream", "remote_id"])


def _held() -> None:
    op.create_table(
        "held",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("what_to_do", sa.Text, nullable=False),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("first_seen", Instant, nullable=False),
        sa.Column("last_seen", Instant, nullable=False),
        sa.Column("resolved_at", Instant, nullable=True),
        sqlite_strict=True,
    )
    op.create_index("held_by_connection", "held", ["connection"])
