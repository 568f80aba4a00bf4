"""The documents we issue: drafts are replaced, approved ones never change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.model.ids import digest
from tieout.store import audit, work
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.rows import by, upsert
from tieout.store.tables import billed_work, document_projects, numbers
from tieout.store.tables import documents as t

#: How numbers are written when the workspace does not say, by kind.
PATTERNS = {
    DocumentKind.INVOICE: "INV-{year}-{seq:04}",
    DocumentKind.CREDIT_NOTE: "CN-{year}-{seq:04}",
}

_DRAFT, _VOID = DocumentStatus.DRAFT, DocumentStatus.VOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Who froze a document, when, and what exactly."""

    by: str
    at: datetime
    body_hash: str  # SHA-256 of the frozen document's JSON text


def save_draft(tx: Tx, document: Document, *, entity: str = "main") -> None:
    """Store a draft and bill its work items, in place of an earlier draft of the same id.

    `entity` is the firm's legal entity that issues it. Raises NotAllowed when the
    document is no draft any more, or when a work item is on another live document.
    """
    if document.status is not _DRAFT or document.number:
        raise NotAllowed(f"{_name(document)} is not a draft: it takes its number when approved.")
    before = get(tx, document.id)
    if before is not None and before.status is not _DRAFT:
        raise _frozen(before)
    now, body = tx.now(), encode(document)
    row = {
        "id": document.id,
        "kind": document.kind.value,
        "entity": entity,
        "number": None,
        "client_id": document.client_id,
        "currency": document.currency,
        "total": document.total.amount,
        "issue_date": document.issue_date,
        "status": _DRAFT.value,
        "revision": document.revision,
        "body": body,
        "body_hash": digest(body),
        "approved_by": "",
        "approved_at": None,
        "created_at": now,
        "changed_at": now,
    }
    upsert(tx, t, [row], keep=("created_at",))
    _forget_parts(tx, document.id)
    projects = [{"document_id": document.id, "project_id": name} for name in document.project_ids]
    if projects:
        tx.execute(document_projects.insert(), projects)
    work.link(
        tx,
        (
            work.Billed(
                work_id=share.work_id,
                document_id=document.id,
                line_id=line.id,
                seconds=share.seconds,
                live=True,
            )
            for line in document.lines
            for share in line.work
        ),
    )


def approve(tx: Tx, document_id: str, actor: str, *, pattern: str | None = None) -> Document:
    """Give a draft its number and freeze it; returns the frozen document.

    Numbers are gapless per entity, kind and year of the issue date: the number
    is taken in this transaction, and given back when it fails. `pattern` is a format of
    `{year}` and `{seq}`; None means PATTERNS. Raises NotAllowed for anything but a draft.
    """
    # Locked first, so that of two approvals at once the second one sees the first.
    draft = lock(tx, document_id)
    if draft.status is not _DRAFT:
        raise _frozen(draft)
    entity = entity_of(tx, document_id) or "main"
    number = _take_number(tx, entity, draft, pattern or PATTERNS[draft.kind])
    frozen = replace(draft, number=number, status=DocumentStatus.APPROVED)
    body, now = encode(frozen), tx.now()
    tx.execute(
        t.update()
        .where(t.c.id == document_id)
        .values(
            number=number,
            status=frozen.status.value,
            body=body,
            body_hash=digest(body),
            approved_by=actor,
            approved_at=now,
            changed_at=now,
        )
    )
    detail = {"number": number, "total": str(frozen.total), "hash": digest(body)}
    audit.record(tx, actor, "document.approved", document_id, detail)
    return frozen


def set_status(tx: Tx, document_id: str, status: DocumentStatus) -> Document:
    """Note where an approved document stands now. Its content stays as it is.

    Raises NotAllowed for a draft (approve it), for going back to a draft, and for a
    void document. Voiding does not release its work: `work.release` does.
    """
    document = _need(tx, document_id)
    if document.status is status:
        return document
    if document.status is _DRAFT:
        raise NotAllowed(f"{_name(document)} must be approved before it can be {status.value}.")
    if status is _DRAFT or document.status is _VOID:
        raise _frozen(document)
    update = t.update().where(t.c.id == document_id)
    tx.execute(update.values(status=status.value, changed_at=tx.now()))
    return replace(document, status=status)


def delete_draft(tx: Tx, document_id: str) -> None:
    """Drop a draft: its work can be billed again. Raises NotAllowed once approved."""
    document = _need(tx, document_id)
    if document.status is not _DRAFT:
        raise _frozen(document)
    _forget_parts(tx, document_id)
    tx.execute(t.delete().where(t.c.id == document_id))


def get(tx: Tx, document_id: str) -> Document | None:
    """One document, with the status it has now."""
    row = tx.first(by(t, "id"), id=document_id)
    return row and _document(row)


def lock(tx: Tx, document_id: str) -> Document:
    """One document, whose row nobody else changes before this transaction ends.

    Raises NotAllowed when there is none.
    """
    row = tx.first(sa.select(t).where(t.c.id == document_id).with_for_update())
    if row is None:
        raise NotAllowed(f"There is no document {document_id}.")
    return _document(row)


def credits_of(tx: Tx, invoice: Document) -> list[Document]:
    """The credit notes of an invoice that are not void, drafts too, by number."""
    found = list_documents(tx, kind=DocumentKind.CREDIT_NOTE, client_id=invoice.client_id)
    return [each for each in found if each.credits == invoice.id and each.status is not _VOID]


def by_number(tx: Tx, number: str, *, entity: str = "main") -> Document | None:
    """The document with a number."""
    row = tx.first(sa.select(t).where(t.c.entity == entity, t.c.number == number))
    return row and _document(row)


def entity_of(tx: Tx, document_id: str) -> str | None:
    """The legal entity that issues a document."""
    row = tx.first(sa.select(t.c.entity).where(t.c.id == document_id))
    return row and row.entity


def approval_of(tx: Tx, document_id: str) -> Approved | None:
    """Who froze a document; None for a draft. Raises NotAllowed when it changed since."""
    row = tx.first(sa.select(t).where(t.c.id == document_id))
    if row is None or row.approved_at is None:
        return None
    if digest(row.body) != row.body_hash:
        raise NotAllowed(
            f"{row.number} is not what {row.approved_by} approved: someone changed the database "
            "by hand. Restore it from a backup."
        )
    return Approved(by=row.approved_by, at=row.approved_at, body_hash=row.body_hash)


def list_documents(
    tx: Tx,
    *,
    statuses: Collection[DocumentStatus] | None = None,
    client_id: str | None = None,
    project_id: str | None = None,
    entity: str | None = None,
    kind: DocumentKind | None = None,
) -> list[Document]:
    """Documents by issue date, then number; drafts of a day come last."""
    query = sa.select(t)
    if statuses is not None:
        query = query.where(t.c.status.in_([status.value for status in statuses]))
    if kind is not None:
        query = query.where(t.c.kind == kind.value)
    if client_id is not None:
        query = query.where(t.c.client_id == client_id)
    if entity is not None:
        query = query.where(t.c.entity == entity)
    if project_id is not None:
        on_it = sa.select(document_projects.c.document_id)
        query = query.where(t.c.id.in_(on_it.where(document_projects.c.project_id == project_id)))
    order = (t.c.issue_date, t.c.number.is_(None), t.c.number, t.c.id)
    return [_document(row) for row in tx.execute(query.order_by(*order))]


def last_number(tx: Tx, kind: DocumentKind, year: int, *, entity: str = "main") -> int:
    """The last sequence number taken, 0 when none was."""
    query = sa.select(numbers.c.last).where(
        numbers.c.entity == entity, numbers.c.kind == kind.value, numbers.c.year == year
    )
    row = tx.first(query)
    return row.last if row else 0


def _take_number(tx: Tx, entity: str, document: Document, pattern: str) -> str:
    year = document.issue_date.year
    row = {"entity": entity, "kind": document.kind.value, "year": year, "last": 1}
    insert = tx.insert(numbers).values(row)
    # The row stays locked until the transaction ends: the next approval waits, so a
    # number that is given back is given out again.
    taken = insert.on_conflict_do_update(
        index_elements=list(numbers.primary_key), set_={"last": numbers.c.last + 1}
    ).returning(numbers.c.last)
    number = pattern.format(year=year, seq=tx.execute(taken).scalar_one())
    if by_number(tx, number, entity=entity) is not None:
        raise NotAllowed(
            f"Number {number} exists already: the pattern {pattern!r} repeats itself. "
            "It needs both {year} and {seq}, and its own letters for each kind of document."
        )
    return number


def _forget_parts(tx: Tx, document_id: str) -> None:
    tx.execute(billed_work.delete().where(billed_work.c.document_id == document_id))
    tx.execute(document_projects.delete().where(document_projects.c.document_id == document_id))


def _need(tx: Tx, document_id: str) -> Document:
    document = get(tx, document_id)
    if document is None:
        raise NotAllowed(f"There is no document {document_id}.")
    return document


def _name(document: Document) -> str:
    return document.number or f"Draft {document.id}"


def _frozen(document: Document) -> NotAllowed:
    return NotAllowed(
        f"{_name(document)} is {document.status.value.replace('_', ' ')} and cannot change any "
        "more. Correct it with a credit note and a new document."
    )


def _document(row: sa.Row[Any]) -> Document:
    return replace(decode(Document, row.body), status=DocumentStatus(row.status))
