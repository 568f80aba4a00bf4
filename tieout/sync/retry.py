"""A person's order to try a write again, and its trace in the audit log."""

from __future__ import annotations

from tieout.connectors.base import (
    ALLOCATION,
    CREDIT_NOTE,
    CUSTOMER,
    INVOICE,
    PROJECT,
    TIMESHEET,
)
from tieout.errors import NotAllowed
from tieout.model.document import DocumentStatus
from tieout.model.ids import SourceRef
from tieout.model.settlement import RemoteInvoice
from tieout.store import audit, documents, facts, outbox, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.engine import Engine
from tieout.sync.intents import intend, key_of, newest

#: Writers that make a document.
_MADE = (INVOICE, CREDIT_NOTE)
#: Writers whose bytes depend on our own records alone.
_PLAIN = (CUSTOMER, PROJECT, *_MADE)


def retry_row(
    engine: Engine, name: str, *, rebuild: bool = False, again: bool = False
) -> OutboxRow:
    """Release the held write of an invoice's number or id, or of an outbox row's id.

    `again` makes a confirmed write a second time, one generation later. Raises NotAllowed
    when there is nothing of that name, or it is not held.
    """
    if rebuild and again:
        raise NotAllowed("--again builds it anew anyway; leave --rebuild out.")
    with engine.store.begin() as tx:
        row = _row(tx, name, OutboxState.CONFIRMED if again else OutboxState.HELD)
        if again:
            after = _again(engine, tx, row)
        else:
            # What is about an invoice is built from how that stands now, not then.
            anew = rebuild or (row.writer not in _PLAIN and not row.in_doubt)
            after = outbox.release_held(tx, row.id, rebuild=anew)
            _release_followers(tx, row)
        action = "outbox.again" if again else "outbox.retried"
        detail = {"row": after.id, "key": after.key, "rebuild": rebuild}
        audit.record(tx, engine.actor, action, row.subject_id, detail)
    return after


def _release_followers(tx: Tx, row: OutboxRow) -> None:
    """What was held because this was: the allocation of a credit note, an invoice's correction or
    its file."""
    for other in outbox.list_rows(tx, subject=(row.subject_kind, row.subject_id)):
        waited = other.depends_on == row.id and other.body is None
        if waited and other.state is OutboxState.HELD:
            outbox.release_held(tx, other.id)


def _again(engine: Engine, tx: Tx, row: OutboxRow) -> OutboxRow:
    """One generation later, and only when the ledger itself says that the record is gone."""
    if row.writer not in _MADE:
        raise NotAllowed(
            "Only invoices and credit notes are made again; other records stay as they are."
        )
    if row.state is OutboxState.CONFIRMED and not _is_gone(engine, tx, row):
        raise NotAllowed(
            f"As last read, {row.connection} still has it as record {row.remote_id}. Void or "
            "delete it there, run `tieout pullback`, then order it again."
        )
    generation = row.generation + 1
    key = key_of(engine, row.connection, row.writer, row.subject_id, row.revision, generation)
    after = outbox.again(tx, row.id, key)
    refs.forget(tx, row.connection, row.writer, row.subject_id)
    if row.writer == CREDIT_NOTE and engine.ledger().connector.writes(ALLOCATION):
        _follow(engine, tx, ALLOCATION, after)
    attached = newest(engine, tx, TIMESHEET, row.subject_id)
    if attached is not None:
        outbox.withdraw(tx, attached.id)  # if it never came to it, it is not wanted there any more
        _follow(engine, tx, TIMESHEET, after)
    documents.set_status(tx, row.subject_id, DocumentStatus.APPROVED)
    return after


def _follow(engine: Engine, tx: Tx, writer: str, made: OutboxRow) -> None:
    """What goes with a document goes with it again."""
    refs.forget(tx, made.connection, writer, made.subject_id)
    intend(
        engine,
        tx,
        writer,
        made.subject_id,
        revision=made.revision,
        generation=made.generation,
        after=made,
    )


def _is_gone(engine: Engine, tx: Tx, row: OutboxRow) -> bool:
    """Whether the record was read since the push, and then as deleted or void."""
    streams = engine.connection(row.connection).connector.streams
    read = [
        fact
        for stream in streams
        if stream.yields is RemoteInvoice
        for fact in facts.by_source(
            tx,
            facts.Kind(stream.kind, RemoteInvoice),
            SourceRef(row.connection, stream.name, row.remote_id),
        )
    ]
    return bool(read) and all(fact.deleted or fact.body.voided for fact in read)


def _row(tx: Tx, name: str, state: OutboxState) -> OutboxRow:
    """The newest generation of what is named."""
    row = outbox.get(tx, name)
    if row is not None:
        return row
    document = documents.by_number(tx, name) or documents.get(tx, name)
    subject = document.id if document else name
    rows = [row for row in outbox.list_rows(tx) if row.subject_id == subject]
    if state is OutboxState.CONFIRMED:  # what is made again is the document itself
        rows = [row for row in rows if row.writer in _MADE] or rows
    if rows:
        # Of several that are held, the document itself: the others wait for it.
        return max(rows, key=lambda row: (row.generation, row.state is state, row.writer in _MADE))
    if document is not None:
        raise NotAllowed(f"{name} was not sent yet; approve it, then `tieout push`.")
    raise NotAllowed(
        f"There is no write called {name}. `tieout held` lists what waits: what is not a write "
        "goes on by itself once its cause is corrected."
    )
