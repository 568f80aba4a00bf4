"""Runs migrations on the connection it is handed; the caller owns the transaction."""

from __future__ import annotations

from alembic import context

from tieout.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
