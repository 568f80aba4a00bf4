"""Orders: what a person wants done about an approved document, before the ledger has done it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("revision", Big, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("given_by", sa.Text, nullable=False),
        sa.Column("given_at", Instant, nullable=False),
        sqlite_strict=True,
    )
