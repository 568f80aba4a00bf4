"""Approve: a draft takes its number and freezes, and its push is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.connectors.base import ALLOCATION, CREDIT_NOTE, INVOICE, TIMESHEET
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.store import documents, work
from tieout.store.core import Tx
from tieout.sync.credit import check_before_approval
from tieout.sync.engine import Engine
from tieout.sync.intents import intend, newest
from tieout.sync.timesheets import is_attached


@dataclass(frozen=True, kw_only=True)
class Approved:
    """What an approval froze."""

    documents: tuple[Document, ...]


def approve(engine: Engine, ids: Iterable[str] = (), *, everything: bool = False) -> Approved:
    """Approve drafts by id, or all of them, in order of issue date and client.

    Number, frozen content, outbox rows and audit entry of a document are one
    transaction; with a credit note that says so, its work becomes billable again in it too.
    Raises NotAllowed for an actor who may not approve, and for
    anything that is not a draft.
    """
    approvers = engine.workspace.policies.approvers
    if approvers and engine.actor not in approvers:
        raise NotAllowed(
            f"{engine.actor} may not approve invoices; policies.approvers in tieout.yaml "
            f"names {', '.join(approvers)}. Say who you are with --as."
        )
    engine.ledger()  # without one nothing could be sent
    wanted = list(ids)
    with engine.store.read() as tx:
        drafts = documents.list_documents(tx, statuses=[DocumentStatus.DRAFT])
        if not everything:
            drafts = [document for document in drafts if document.id in set(wanted)]
        missing = set(wanted) - {document.id for document in drafts}
        if missing and not everything:
            raise NotAllowed(
                f"There is no draft {', '.join(sorted(missing))}; `tieout invoices` lists them."
            )
    approved = []
    for number, draft in enumerate(drafts, start=1):
        approved.append(_approve_one(engine, draft))
        engine.progress("approve", number, len(drafts))
    return Approved(documents=tuple(approved))


def _approve_one(engine: Engine, draft: Document) -> Document:
    numbers = engine.workspace.invoices
    with engine.store.begin() as tx:
        if draft.kind is DocumentKind.INVOICE:
            document = documents.approve(tx, draft.id, engine.actor, pattern=numbers.number)
            made = intend(engine, tx, INVOICE, document.id, revision=document.revision)
            if is_attached(engine, document):
                intend(engine, tx, TIMESHEET, document.id, revision=document.revision, after=made)
        else:
            document = _approve_credit(engine, tx, draft, numbers.credit_number)
    return document


def _approve_credit(engine: Engine, tx: Tx, draft: Document, pattern: str) -> Document:
    """The credit note is to be made in the ledger, then set against its invoice there."""
    invoice = check_before_approval(engine, tx, draft)
    note = documents.approve(tx, draft.id, engine.actor, pattern=pattern)
    made = intend(
        engine,
        tx,
        CREDIT_NOTE,
        note.id,
        revision=note.revision,
        after=newest(engine, tx, INVOICE, invoice.id),
    )
    if engine.ledger().connector.writes(ALLOCATION):
        intend(engine, tx, ALLOCATION, note.id, revision=note.revision, after=made)
    if note.releases:
        work.release(tx, invoice.id, [line.id for line in note.lines])
    return note
