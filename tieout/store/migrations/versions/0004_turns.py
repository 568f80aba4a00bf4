"""A turn of a schedule is held under a lease, so that a crash does not lose it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # What was taken before this version ran at once and to its end.
    for column in (
        sa.Column("state", sa.Text, nullable=False, server_default="done"),
        sa.Column("owner", sa.Text, nullable=False, server_default=""),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("fence", Big, nullable=False, server_default="1"),
        sa.Column("not_before", Instant, nullable=True),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("ended_at", Instant, nullable=True),
    ):
        op.add_column("schedules", column)
    op.execute("UPDATE schedules SET ended_at = taken_at")
