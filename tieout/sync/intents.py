"""Intents: the writes that a document makes, each under a key of its own."""

from __future__ import annotations

from tieout.connectors.base import (
    ALLOCATION,
    CORRECTION,
    CREDIT_NOTE,
    CUSTOMER,
    INVOICE,
    PROJECT,
    TIMESHEET,
    VOID,
)
from tieout.errors import NotAllowed
from tieout.model.ids import idempotency_key
from tieout.store import outbox
from tieout.store.core import Tx
from tieout.store.outbox import Intent, OutboxRow, OutboxState
from tieout.sync.engine import Engine

#: What the subject of each writer is called in the outbox.
SUBJECTS = {
    CUSTOMER: "client",
    PROJECT: "project",
    INVOICE: "document",
    CREDIT_NOTE: "document",
    ALLOCATION: "document",
    VOID: "document",
    CORRECTION: "document",
    TIMESHEET: "document",
}
#: Writers of which a subject may have one besides the write that made it.
_BESIDES = (ALLOCATION, VOID, CORRECTION, TIMESHEET)


def key_of(
    engine: Engine,
    connection: str,
    writer: str,
    subject_id: str,
    revision: int = 1,
    generation: int = 1,
) -> str:
    """The idempotency key of one write of a subject."""
    what = f"{subject_id}/{writer}" if writer in _BESIDES else subject_id
    return idempotency_key(engine.name, connection, what, revision, generation)


def intend(
    engine: Engine,
    tx: Tx,
    writer: str,
    subject_id: str,
    *,
    revision: int = 1,
    generation: int = 1,
    after: OutboxRow | None = None,
) -> OutboxRow:
    """Write down that the ledger is to be told; `after` is what must be there first."""
    connection = engine.ledger().name
    waits = after is not None and after.state is not OutboxState.CONFIRMED
    return outbox.add(
        tx,
        Intent(
            connection=connection,
            writer=writer,
            subject_kind=SUBJECTS[writer],
            subject_id=subject_id,
            revision=revision,
            generation=generation,
            key=key_of(engine, connection, writer, subject_id, revision, generation),
            depends_on=after.id if after and waits else None,
        ),
    )


def newest(engine: Engine, tx: Tx, writer: str, subject_id: str) -> OutboxRow | None:
    """The newest row of a writer about a subject, None when there is none."""
    subject = SUBJECTS[writer], subject_id
    rows = outbox.list_rows(tx, connection=engine.ledger().name, subject=subject)
    mine = [row for row in rows if row.writer == writer]
    return max(mine, key=lambda row: (row.generation, row.revision)) if mine else None


def need_writer(engine: Engine, writer: str) -> None:
    """Raises NotAllowed when the ledger cannot be told such a thing."""
    ledger = engine.ledger()
    if not ledger.connector.writes(writer):
        raise NotAllowed(_CANNOT[writer].format(ledger=ledger.connector.title))


_CANNOT = {
    INVOICE: "{ledger} takes no invoices from Tieout.",
    CREDIT_NOTE: "{ledger} takes no credit notes from Tieout; enter the credit there.",
    VOID: "{ledger} cannot be told by Tieout to void an invoice; credit it instead.",
    CORRECTION: "{ledger} cannot be told by Tieout to correct an invoice; correct it there.",
}
