"""Proof and the engine's own business."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Exact, Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _discrepancies()
    _audit()
    _audit_head()
    _locks()
    _secrets()
    _runs()
    _schedules()
    _paced_companies()
    _pace()


def _discrepancies() -> None:
    op.create_table(
        "discrepancies",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("cls", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("amount", Exact, nullable=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("first_seen", Instant, nullable=False),
        sa.Column("last_seen", Instant, nullable=False),
        sa.Column("first_run", sa.Text, nullable=False),
        sa.Column("last_run", sa.Text, nullable=False),
        sa.Column("closed_at", Instant, nullable=True),
        sqlite_strict=True,
    )
    op.create_index("discrepancies_by_state", "discrepancies", ["state"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("audit_by_subject", "audit", ["subject"])


def _audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("one", Big, primary_key=True, autoincrement=False),
        sa.Column("seq", Big, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def _locks() -> None:
    op.create_table(
        "locks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("fence", Big, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sqlite_strict=True,
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("error_text", sa.Text, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sqlite_strict=True,
    )
    op.create_index("runs_by_start", "runs", ["started_at"])


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("taken_at", Instant, nullable=False),
        sqlite_strict=True,
    )


def _paced_companies() -> None:
    op.create_table(
        "paced_companies",
        sa.Column("company", sa.Text, primary_key=True),
        sa.Column("parked_until", Instant, nullable=True),
        sqlite_strict=True,
    )


def _pace() -> None:
    op.create_table(
        "pace",
        sa.Column("company", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("slot", Big, primary_key=True, autoincrement=False),
        sa.Column("used", Big, nullable=False),
        sqlite_strict=True,
    )
