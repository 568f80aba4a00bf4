"""Tables of the engine's operation: what was noted, heard, told and counted."""

from __future__ import annotations

import sqlalchemy as sa

from tieout.store.columns import instant, table, text, whole

#: Small facts about this database, one row each.
notes = table(
    "notes",
    text("name", primary_key=True),
    text("value"),
    instant("changed_at"),
)

#: Vendors' notifications as they came: hints to look sooner, each with its raw bytes.
inbox = table(
    "inbox",
    sa.Column("id", sa.Integer, primary_key=True),
    text("connection"),
    text("digest"),
    text("headers"),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text("state"),
    text("text"),
    whole("copies"),
    instant("received_at"),
    instant("settled_at", nullable=True),
    sa.UniqueConstraint("connection", "digest", name="inbox_message_unique"),
    sa.Index("inbox_by_state", "state", "settled_at"),
)

#: What people were told of, so that each occurrence is told once on each channel.
told = table(
    "told",
    text("channel", primary_key=True),
    text("event", primary_key=True),
    text("subject", primary_key=True),
    instant("told_at"),
)

#: Calls to vendors by all processes since the database was made; `micros` is their
#: time in microseconds.
calls = table(
    "calls",
    text("connection", primary_key=True),
    text("purpose", primary_key=True),
    text("outcome", primary_key=True),
    whole("calls"),
    whole("micros"),
)
