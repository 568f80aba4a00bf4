"""Pace: one row for each remote company, and the batch sizes learned from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Instant

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # What was counted before is worth nothing by now: the tables are made anew.
    op.drop_table("pace")
    op.drop_table("paced_companies")
    op.create_table(
        "paced_companies",
        sa.Column("company", sa.Text, primary_key=True),
        sa.Column("parked_until", Instant, nullable=True),
        sa.Column("parked_why", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "batch_sizes",
        sa.Column("company", sa.Text, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("size", Big, nullable=False),
        sa.Column("streak", Big, nullable=False),
        sa.Column("item_micros", Big, nullable=False),
        sqlite_strict=True,
    )
