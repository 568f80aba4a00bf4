"""Every table, the same on both engines."""

from __future__ import annotations

import sqlalchemy as sa

from tieout.store.columns import flag, instant, maybe_text, metadata, only, table, text, whole
from tieout.store.operations import calls, inbox, notes, told
from tieout.store.types import Day, Exact

#: The rest of this module is tables too; these are written down elsewhere.
__all__ = ["calls", "inbox", "metadata", "notes", "told"]

# What other systems told us.

landed = table(
    "landed",
    sa.Column("id", sa.Integer, primary_key=True),
    text("connection"),
    text("stream"),
    text("remote_id"),
    whole("version"),
    text("revision"),
    text("payload"),
    text("hash"),
    flag("deleted"),
    flag("is_current"),
    whole("absent_sweeps"),
    text("absent_run"),
    text("run_id"),
    instant("landed_at"),
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
    **only("is_current"),
)

cursors = table(
    "cursors",
    text("connection", primary_key=True),
    text("stream", primary_key=True),
    text("watermark"),
    instant("last_success_at", nullable=True),
    instant("last_sweep_at", nullable=True),
)

facts = table(
    "facts",
    text("kind", primary_key=True),
    text("id", primary_key=True),
    text("connection"),
    text("stream"),
    text("remote_id"),
    text("body"),
    text("hash"),
    flag("deleted"),
    sa.Column("landed_id", sa.Integer, nullable=True),
    instant("first_seen"),
    instant("changed_at"),
    sa.Index("facts_by_source", "connection", "stream", "remote_id"),
)

work_items = table(
    "work_items",
    text("id", primary_key=True),
    text("kind"),
    text("connection"),
    text("stream"),
    text("remote_id"),
    maybe_text("project_id"),
    sa.Column("work_date", Day, nullable=False),
    text("person"),
    text("task"),
    text("role"),
    whole("seconds"),
    sa.Column("amount", Exact, nullable=True),
    text("currency"),
    flag("billable"),
    text("approval"),
    text("body"),
    text("hash"),
    flag("deleted"),
    sa.Column("landed_id", sa.Integer, nullable=True),
    instant("changed_at"),
    sa.Index("work_by_project", "project_id", "work_date"),
    sa.Index("work_by_date", "work_date"),
    sa.Index("work_by_source", "connection", "stream", "remote_id"),
)

held = table(
    "held",
    text("scope", primary_key=True),
    text("subject", primary_key=True),
    text("reason", primary_key=True),
    text("text"),
    text("what_to_do"),
    text("connection"),
    instant("first_seen"),
    instant("last_seen"),
    instant("resolved_at", nullable=True),
    sa.Index("held_by_connection", "connection"),
)

# What we make of it.

clients = table(
    "clients",
    text("id", primary_key=True),
    text("name"),
    flag("active"),
    text("body"),
    text("hash"),
    instant("created_at"),
    instant("changed_at"),
)

projects = table(
    "projects",
    text("id", primary_key=True),
    sa.Column("client_id", sa.Text, sa.ForeignKey("clients.id"), nullable=False),
    maybe_text("deal_id"),
    text("name"),
    text("code"),
    flag("active"),
    text("body"),
    text("hash"),
    instant("created_at"),
    instant("changed_at"),
    sa.Index("projects_one_per_deal", "deal_id", unique=True),
    sa.Index("projects_by_client", "client_id"),
)

time_projects = table(
    "time_projects",
    text("connection", primary_key=True),
    text("name", primary_key=True),
    sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id"), nullable=False),
    flag("by_hand"),
    sa.Index("time_projects_by_project", "project_id"),
)

documents = table(
    "documents",
    text("id", primary_key=True),
    text("kind"),
    text("entity"),
    maybe_text("number"),
    text("client_id"),
    text("currency"),
    sa.Column("total", Exact, nullable=False),
    sa.Column("issue_date", Day, nullable=False),
    text("status"),
    whole("revision"),
    text("body"),
    text("body_hash"),
    text("approved_by"),
    instant("approved_at", nullable=True),
    instant("created_at"),
    instant("changed_at"),
    sa.Index("documents_number_unique", "entity", "number", unique=True),
    sa.Index("documents_by_client", "client_id"),
    sa.Index("documents_by_status", "status"),
)

document_projects = table(
    "document_projects",
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    text("project_id", primary_key=True),
    sa.Index("document_projects_by_project", "project_id"),
)

billed_work = table(
    "billed_work",
    sa.Column("work_id", sa.Text, sa.ForeignKey("work_items.id"), primary_key=True),
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    text("line_id", primary_key=True),
    whole("seconds"),
    flag("live"),
    sa.Index("billed_work_by_document", "document_id"),
)
#: A work item is on at most one live document.
sa.Index("billed_work_live_unique", billed_work.c.work_id, unique=True, **only("live"))

numbers = table(
    "numbers",
    text("entity", primary_key=True),
    text("kind", primary_key=True),
    whole("year", primary_key=True, autoincrement=False),
    whole("last"),
)

#: What a person ordered about an approved document; `body` is the order.
orders = table(
    "orders",
    sa.Column("document_id", sa.Text, sa.ForeignKey("documents.id"), primary_key=True),
    text("writer", primary_key=True),
    whole("revision", primary_key=True, autoincrement=False),
    text("body"),
    text("given_by"),
    instant("given_at"),
)

refs = table(
    "refs",
    text("connection", primary_key=True),
    text("kind", primary_key=True),
    text("local_id", primary_key=True),
    text("remote_id"),
    text("number"),
    text("revision"),
    maybe_text("digest"),
    instant("created_at"),
    instant("changed_at"),
    sa.UniqueConstraint("connection", "kind", "remote_id", name="refs_remote_unique"),
)

outbox = table(
    "outbox",
    text("id", primary_key=True),
    text("connection"),
    text("writer"),
    text("subject_kind"),
    text("subject_id"),
    whole("revision"),
    whole("generation"),
    text("key"),
    text("call_key"),
    text("item_key"),
    text("state"),
    flag("in_doubt"),
    text("method"),
    text("path"),
    sa.Column("body", sa.LargeBinary, nullable=True),
    text("body_hash"),
    instant("not_before"),
    whole("attempts"),
    whole("finds"),
    text("lease_owner"),
    instant("lease_until", nullable=True),
    whole("fence"),
    sa.Column("depends_on", sa.Text, sa.ForeignKey("outbox.id"), nullable=True),
    text("remote_id"),
    text("remote_number"),
    text("remote_revision"),
    text("error_class"),
    text("error_text"),
    text("trace_id"),
    instant("created_at"),
    instant("sent_at", nullable=True),
    instant("settled_at", nullable=True),
    sa.UniqueConstraint("key", name="outbox_key_unique"),
    sa.Index("outbox_due", "connection", "state", "not_before"),
    sa.Index("outbox_by_subject", "subject_kind", "subject_id"),
)

# Proof, and the engine's own business.

discrepancies = table(
    "discrepancies",
    text("id", primary_key=True),
    text("cls"),
    text("subject"),
    sa.Column("amount", Exact, nullable=True),
    text("currency"),
    text("body"),
    text("state"),
    text("owner"),
    instant("first_seen"),
    instant("last_seen"),
    text("first_run"),
    text("last_run"),
    instant("closed_at", nullable=True),
    sa.Index("discrepancies_by_state", "state"),
)

audit = table(
    "audit",
    whole("seq", primary_key=True, autoincrement=False),
    instant("at"),
    text("actor"),
    text("action"),
    text("subject"),
    text("detail"),
    text("prev_hash"),
    text("hash"),
    sa.Index("audit_by_subject", "subject"),
)

audit_head = table(
    "audit_head",
    whole("one", primary_key=True, autoincrement=False),
    whole("seq"),
    text("hash"),
)

locks = table(
    "locks",
    text("name", primary_key=True),
    text("owner"),
    whole("fence"),
    instant("expires_at"),
)

secrets = table(
    "secrets",
    text("connection", primary_key=True),
    text("name", primary_key=True),
    text("token"),
    instant("changed_at"),
)

runs = table(
    "runs",
    text("id", primary_key=True),
    text("verb"),
    text("connection"),
    text("state"),
    text("counts"),
    text("error_text"),
    text("owner"),
    instant("started_at"),
    instant("ended_at", nullable=True),
    sa.Index("runs_by_start", "started_at"),
)

schedules = table(
    "schedules",
    text("name", primary_key=True),
    text("period", primary_key=True),
    text("state"),
    text("owner"),
    instant("lease_until", nullable=True),
    whole("fence"),
    instant("not_before", nullable=True),
    text("text"),
    instant("taken_at"),
    instant("ended_at", nullable=True),
)

#: How fast each remote company may be called just now; `state` is the governor's own text.
paced_companies = table(
    "paced_companies",
    text("company", primary_key=True),
    instant("parked_until", nullable=True),
    text("parked_why"),
    text("state"),
)

#: How many records a call of a writer may carry, as learned from the company's answers.
batch_sizes = table(
    "batch_sizes",
    text("company", primary_key=True),
    text("writer", primary_key=True),
    whole("size"),
    whole("streak"),
    whole("item_micros"),
)
