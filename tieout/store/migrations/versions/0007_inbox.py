"""The inbox: vendors' notifications, stored before anybody thinks about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("copies", Big, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("settled_at", Instant, nullable=True),
        sa.UniqueConstraint("connection", "digest", name="inbox_message_unique"),
        sqlite_strict=True,
    )
    op.create_index("inbox_by_state", "inbox", ["state", "settled_at"])
