"""Operation: what was noted, told and counted, and whose a run is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "notes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "told",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("event", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("told_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "calls",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("calls", Big, nullable=False),
        sa.Column("micros", Big, nullable=False),
        sqlite_strict=True,
    )
