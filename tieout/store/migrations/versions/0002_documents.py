"""Clients, projects, documents and their way to the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tieout.store.types import Big, Day, Exact, Flag, Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _clients()
    _projects()
    _time_projects()
    _documents()
    _document_projects()
    _billed_work()
    _numbers()
    _refs()
    _outbox()
    _freeze()


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("active", Flag, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("client_id", sa.Text, sa.ForeignKey("clients.id"), nullable=False),
        sa.Column("deal_id", sa.Text, nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("active", Flag, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("projects_by_client", "projects", ["client_id"])
    op.create_index("projects_one_per_deal", "projects", ["deal_id"], unique=True)


def _time_projects() -> None:
    op.create_table(
        "time_projects",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("by_hand", Flag, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("time_projects_by_project", "time_projects", ["project_id"])


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=True),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total", Exact, nullable=False),
        sa.Column("issue_date", Day, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("revision", Big, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("approved_at", Instant, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("documents_by_client", "documents", ["client_id"])
    op.create_index("documents_by_status", "documents", ["status"])
    op.create_index("documents_number_unique", "documents", ["entity", "number"], unique=True)


def _document_projects() -> None:
    op.create_table(
        "document_projects",
        sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
        sa.Column("project_id", sa.Text, primary_key=True),
        sqlite_strict=True,
    )
    op.create_index("document_projects_by_project", "document_projects", ["project_id"])


def _billed_work() -> None:
    op.create_table(
        "billed_work",
        sa.Column("work_id", sa.Text, sa.ForeignKey("work_items.id"), primary_key=True),
        sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
        sa.Column("line_id", sa.Text, primary_key=True),
        sa.Column("seconds", Big, nullable=False),
        sa.Column("live", Flag, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("billed_work_by_document", "billed_work", ["document_id"])
    op.create_index(
        "billed_work_live_unique",
        "billed_work",
        ["work_id"],
        unique=True,
        sqlite_where=sa.text("live = 1"),
        postgresql_where=sa.text("live"),
    )


def _numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("year", Big, primary_key=True, autoincrement=False),
        sa.Column("last", Big, nullable=False),
        sqlite_strict=True,
    )


def _refs() -> None:
    op.create_table(
        "refs",
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("local_id", sa.Text, primary_key=True),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.UniqueConstraint("connection", "kind", "remote_id", name="refs_remote_unique"),
        sqlite_strict=True,
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("connection", sa.Text, nullable=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("subject_kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("revision", Big, nullable=False),
        sa.Column("generation", Big, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("call_key", sa.Text, nullable=False),
        sa.Column("item_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("in_doubt", Flag, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=True),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("not_before", Instant, nullable=False),
        sa.Column("attempts", Big, nullable=False),
        sa.Column("finds", Big, nullable=False),
        sa.Column("lease_owner", sa.Text, nullable=False),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("fence", Big, nullable=False),
        sa.Column("depends_on", sa.Text, sa.ForeignKey("outbox.id"), nullable=True),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("remote_number", sa.Text, nullable=False),
        sa.Column("remote_revision", sa.Text, nullable=False),
        sa.Column("error_class", sa.Text, nullable=False),
        sa.Column("error_text", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("sent_at", Instant, nullable=True),
        sa.Column("settled_at", Instant, nullable=True),
        sa.UniqueConstraint("key", name="outbox_key_unique"),
        sqlite_strict=True,
    )
    op.create_index("outbox_by_subject", "outbox", ["subject_kind", "subject_id"])
    op.create_index("outbox_due", "outbox", ["connection", "state", "not_before"])


#: What an approval fixes. The status, and when it changed, go on.
_FROZEN = (
    "id",
    "kind",
    "entity",
    "number",
    "client_id",
    "currency",
    "total",
    "issue_date",
    "revision",
    "body",
    "body_hash",
    "approved_by",
    "approved_at",
)
_TEXT = "an approved document cannot change"


def _freeze() -> None:
    """The second lock on approved documents, for whoever gets past the first one."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    differs = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    changed = " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in _FROZEN)
    forbidden = {
        "UPDATE": f"OLD.status <> 'draft' AND ({changed} OR NEW.status = 'draft')",
        "DELETE": "OLD.status <> 'draft'",
    }
    if not is_sqlite:
        op.execute(
            "CREATE FUNCTION documents_frozen() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_TEXT}'; END $$"
        )
    for event, condition in forbidden.items():
        start = f"CREATE TRIGGER documents_frozen_{event.lower()} BEFORE {event} ON documents"
        if is_sqlite:
            op.execute(f"{start} WHEN {condition} BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END")
        else:
            op.execute(
                f"{start} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION documents_frozen()"
            )
