"""What a write is about, as people call it."""

from __future__ import annotations

from tieout.store import documents, projects
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow


def subject_of(tx: Tx, row: OutboxRow) -> str:
    """What an outbox row writes: `invoice INV-2026-0007`."""
    document = documents.get(tx, row.subject_id)
    client = projects.get_client(tx, row.subject_id)
    project = projects.get_project(tx, row.subject_id)
    name = document.number if document else ""
    name = name or (client.name if client else "") or (project.name if project else "")
    return f"{row.writer.replace('_', ' ')} {name or row.subject_id}"
