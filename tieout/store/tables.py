"""Every table, the same on both engines."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tieout.store.types import Big, Day, Exact, Flag, Instant

metadata = sa.MetaData()


def _table(name: str, *parts: Any) -> sa.Table:
    return sa.Table(name, metadata, *parts, sqlite_strict=True)


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _maybe_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=True)


def _whole(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, Big, nullable=False, **options)


def _instant(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Instant, nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, Flag, nullable=False)


def _only(condition: str) -> dict[str, Any]:
    """A partial index: `condition` is the name of a flag."""
    return {"sqlite_where": sa.text(f"{condition} = 1"), "postgresql_where": sa.text(condition)}


# What other systems told us.

landed = _table(
    "landed",
    sa.Column("id", sa.Integer, primary_key=True),
    _text("connection"),
    _text("stream"),
    _text("remote_id"),
    _whole("version"),
    _text("revision"),
    _text("payload"),
    _text("hash"),
    _flag("deleted"),
    _flag("is_current"),
    _whole("absent_sweeps"),
    _text("absent_run"),
    _text("run_id"),
    _instant("landed_at"),
    sa.UniqueConstraint(
        "connection", "stream", "remote_id", "version", name="landed_version_unique"
    ),
)
sa.Index(
    "landed_current_unique",
    landed.c.connection,
    landed.c.stream,
    landed.c.remote_id,
    unique=True,
    **_only("is_current"),
)

cursors = _table(
    "cursors",
    _text("connection", primary_key=True),
    _text("stream", primary_key=True),
    _text("watermark"),
    _instant("last_success_at", nullable=True),
    _instant("last_sweep_at", nullable=True),
)

facts = _table(
    "facts",
    _text("kind", primary_key=True),
    _text("id", primary_key=True),
    _text("connection"),
    _text("stream"),
    _text("remote_id"),
    _text("body"),
    _text("hash"),
    _flag("deleted"),
    sa.Column("landed_id", sa.Integer, nullable=True),
    _instant("first_seen"),
    _instant("changed_at"),
    sa.Index("facts_by_source", "connection", "stream", "remote_id"),
)

work_items = _table(
    "work_items",
    _text("id", primary_key=True),
    _text("kind"),
    _text("connection"),
    _text("stream"),
    _text("remote_id"),
    _maybe_text("project_id"),
    sa.Column("work_date", Day, nullable=False),
    _text("person"),
    _text("task"),
    _text("role"),
    _whole("seconds"),
    sa.Column("amount", Exact, nullable=True),
    _text("currency"),
    _flag("billable"),
    _text("approval"),
    _text("body"),
    _text("hash"),
    _flag("deleted"),
    sa.Column("landed_id", sa.Integer, nullable=True),
    _instant("changed_at"),
    sa.Index("work_by_project", "project_id", "work_date"),
    sa.Index("work_by_date", "work_date"),
    sa.Index("work_by_source", "connection", "stream", "remote_id"),
)

held = _table(
    "held",
    _text("scope", primary_key=True),
    _text("subject", primary_key=True),
    _text("reason", primary_key=True),
    _text("text"),
    _text("what_to_do"),
    _text("connection"),
    _instant("first_seen"),
    _instant("last_seen"),
    _instant("resolved_at", nullable=True),
    sa.Index("held_by_connection", "connection"),
)

# What we make of it.

clients = _table(
    "clients",
    _text("id", primary_key=True),
    _text("name"),
    _flag("active"),
    _text("body"),
    _text("hash"),
    _instant("created_at"),
    _instant("changed_at"),
)

projects = _table(
    "projects",
    _text("id", primary_key=True),
    sa.Column("client_id", sa.Text, sa.ForeignKey("clients.id"), nullable=False),
    _maybe_text("deal_id"),
    _text("name"),
    _text("code"),
    _flag("active"),
    _text("body"),
    _text("hash"),
    _instant("created_at"),
    _instant("changed_at"),
    sa.Index("projects_one_per_deal", "deal_id", unique=True),
    sa.Index("projects_by_client", "client_id"),
)

time_projects = _table(
    "time_projects",
    _text("connection", primary_key=True),
    _text("name", primary_key=True),
    sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id"), nullable=False),
    _flag("by_hand"),
    sa.Index("time_projects_by_project", "project_id"),
)

documents = _table(
    "documents",
    _text("id", primary_key=True),
    _text("kind"),
    _text("entity"),
    _maybe_text("number"),
    _text("client_id"),
    _text("currency"),
    sa.Column("total", Exact, nullable=False),
    sa.Column("issue_date", Day, nullable=False),
    _text("status"),
    _whole("revision"),
    _text("body"),
    _text("body_hash"),
    _text("approved_by"),
    _instant("approved_at", nullable=True),
    _instant("created_at"),
    _instant("changed_at"),
    sa.Index("documents_number_unique", "entity", "number", unique=True),
    sa.Index("documents_by_client", "client_id"),
    sa.Index("documents_by_status", "status"),
)

document_projects = _table(
    "document_projects",
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    _text("project_id", primary_key=True),
    sa.Index("document_projects_by_project", "project_id"),
)

billed_work = _table(
    "billed_work",
    sa.Column("work_id", sa.Text, sa.ForeignKey("work_items.id"), primary_key=True),
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    _text("line_id", primary_key=True),
    _whole("seconds"),
    _flag("live"),
    sa.Index("billed_work_by_document", "document_id"),
)
#: A work item is on at most one live document.
sa.Index("billed_work_live_unique", billed_work.c.work_id, unique=True, **_only("live"))

numbers = _table(
    "numbers",
    _text("entity", primary_key=True),
    _text("kind", primary_key=True),
    _whole("year", primary_key=True, autoincrement=False),
    _whole("last"),
)

refs = _table(
    "refs",
    _text("connection", primary_key=True),
    _text("kind", primary_key=True),
    _text("local_id", primary_key=True),
    _text("remote_id"),
    _text("number"),
    _text("revision"),
    _maybe_text("digest"),
    _instant("created_at"),
    _instant("changed_at"),
    sa.UniqueConstraint("connection", "kind", "remote_id", name="refs_remote_unique"),
)

outbox = _table(
    "outbox",
    _text("id", primary_key=True),
    _text("connection"),
    _text("writer"),
    _text("subject_kind"),
    _text("subject_id"),
    _whole("revision"),
    _whole("generation"),
    _text("key"),
    _text("call_key"),
    _text("item_key"),
    _text("state"),
    _flag("in_doubt"),
    _text("method"),
    _text("path"),
    sa.Column("body", sa.LargeBinary, nullable=True),
    _text("body_hash"),
    _instant("not_before"),
    _whole("attempts"),
    _whole("finds"),
    _text("lease_owner"),
    _instant("lease_until", nullable=True),
    _whole("fence"),
    sa.Column("depends_on", sa.Text, sa.ForeignKey("outbox.id"), nullable=True),
    _text("remote_id"),
    _text("remote_number"),
    _text("remote_revision"),
    _text("error_class"),
    _text("error_text"),
    _text("trace_id"),
    _instant("created_at"),
    _instant("sent_at", nullable=True),
    _instant("settled_at", nullable=True),
    sa.UniqueConstraint("key", name="outbox_key_unique"),
    sa.Index("outbox_due", "connection", "state", "not_before"),
    sa.Index("outbox_by_subject", "subject_kind", "subject_id"),
)

# Proof, and the engine's own business.

discrepancies = _table(
    "discrepancies",
    _text("id", primary_key=True),
    _text("cls"),
    _text("subject"),
    sa.Column("amount", Exact, nullable=True),
    _text("currency"),
    _text("body"),
    _text("state"),
    _text("owner"),
    _instant("first_seen"),
    _instant("last_seen"),
    _text("first_run"),
    _text("last_run"),
    _instant("closed_at", nullable=True),
    sa.Index("discrepancies_by_state", "state"),
)

audit = _table(
    "audit",
    _whole("seq", primary_key=True, autoincrement=False),
    _instant("at"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    _text("prev_hash"),
    _text("hash"),
    sa.Index("audit_by_subject", "subject"),
)

audit_head = _table(
    "audit_head",
    _whole("one", primary_key=True, autoincrement=False),
    _whole("seq"),
    _text("hash"),
)

locks = _table(
    "locks",
    _text("name", primary_key=True),
    _text("owner"),
    _whole("fence"),
    _instant("expires_at"),
)

secrets = _table(
    "secrets",
    _text("connection", primary_key=True),
    _text("name", primary_key=True),
    _text("token"),
    _instant("changed_at"),
)

runs = _table(
    "runs",
    _text("id", primary_key=True),
    _text("verb"),
    _text("connection"),
    _text("state"),
    _text("counts"),
    _text("error_text"),
    _instant("started_at"),
    _instant("ended_at", nullable=True),
    sa.Index("runs_by_start", "started_at"),
)

schedules = _table(
    "schedules",
    _text("name", primary_key=True),
    _text("period", primary_key=True),
    _instant("taken_at"),
)

paced_companies = _table(
    "paced_companies",
    _text("company", primary_key=True),
    _instant("parked_until", nullable=True),
)

pace = _table(
    "pace",
    _text("company", primary_key=True),
    _text("name", primary_key=True),
    _whole("slot", primary_key=True, autoincrement=False),
    _whole("used"),
)
