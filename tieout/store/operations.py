"""Tables of the engine's operation: what was noted, told and counted."""

from __future__ import annotations

from tieout.store.columns import instant, table, text, whole

#: Small facts about this database, one row each.
notes = table(
    "notes",
    text("name", primary_key=True),
    text("value"),
    instant("changed_at"),
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
