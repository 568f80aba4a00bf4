"""Approve: a draft takes its number and freezes, and its push is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.connectors.base import INVOICE
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentStatus
from tieout.model.ids import idempotency_key
from tieout.store import documents, outbox
from tieout.store.outbox import Intent
from tieout.sync.engine import Engine
from tieout.sync.resolve import SUBJECTS


@dataclass(frozen=True, kw_only=True)
class Approved:
    """What an approval froze."""

    documents: tuple[Document, ...]


def approve(engine: Engine, ids: Iterable[str] = (), *, everything: bool = False) -> Approved:
    """Approve drafts by id, or all of them, in order of issue date and client.

    Number, frozen content, outbox row and audit entry of a document are one
    transaction. Raises NotAllowed for an actor who may not approve, and for
    anything that is not a draft.
    """
    approvers = engine.workspace.policies.approvers
    if approvers and engine.actor not in approvers:
        raise NotAllowed(
            f"{engine.actor} may not approve invoices; policies.approvers in tieout.yaml "
            f"names {', '.join(approvers)}. Say who you are with --as."
        )
    ledger = engine.ledger().name
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
        approved.append(_approve_one(engine, draft.id, ledger))
        engine.progress("approve", number, len(drafts))
    return Approved(documents=tuple(approved))


def _approve_one(engine: Engine, document_id: str, ledger: str) -> Document:
    with engine.store.begin() as tx:
        document = documents.approve(
            tx, document_id, engine.actor, pattern=engine.workspace.invoices.number
        )
        outbox.add(
            tx,
            Intent(
                connection=ledger,
                writer=INVOICE,
                subject_kind=SUBJECTS[INVOICE],
                subject_id=document.id,
                revision=document.revision,
                key=idempotency_key(engine.name, ledger, document.id, document.revision, 1),
            ),
        )
    return document
