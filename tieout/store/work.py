"""Work items (time, expenses, instalments) and the documents that bill them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.ids import SourceRef, digest
from tieout.model.project import Instalment
from tieout.model.work import Approval, Expense, TimeEntry
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.facts import PutResult
from tieout.store.rows import chunks, upsert
from tieout.store.tables import billed_work, documents
from tieout.store.tables import work_items as t


class WorkKind(StrEnum):
    """What a work item is."""

    TIME = "time"
    EXPENSE = "expense"
    INSTALMENT = "instalment"


_CLASSES: dict[WorkKind, type[TimeEntry] | type[Expense] | type[Instalment]] = {
    WorkKind.TIME: TimeEntry,
    WorkKind.EXPENSE: Expense,
    WorkKind.INSTALMENT: Instalment,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """One thing that can be billed, with what it is found by."""

    id: str
    kind: WorkKind
    body: TimeEntry | Expense | Instalment
    source: SourceRef | None  # None for an instalment
    project_id: str | None  # None while no project is known for it
    work_date: date
    person: str = ""
    task: str = ""
    role: str = ""
    seconds: int = 0  # 0 for what is not time
    amount: Decimal | None = None  # what was spent, or a fixed instalment
    currency: str = ""
    billable: bool = True
    approval: Approval = Approval.NONE
    deleted: bool = False
    landed_id: int | None = None

    @classmethod
    def of_time(
        cls,
        entry: TimeEntry,
        project_id: str | None,
        *,
        role: str | None = None,
        landed_id: int | None = None,
    ) -> WorkItem:
        """The item of a time entry; `role` is the mapped one, None for the tool's own."""
        return cls(
            id=entry.id,
            kind=WorkKind.TIME,
            body=entry,
            source=entry.source,
            project_id=project_id,
            work_date=entry.work_date,
            person=entry.person,
            task=entry.task,
            role=entry.role if role is None else role,
            seconds=entry.seconds,
            billable=entry.billable,
            approval=entry.approval,
            landed_id=landed_id,
        )

    @classmethod
    def of_expense(
        cls, expense: Expense, project_id: str | None, *, landed_id: int | None = None
    ) -> WorkItem:
        """The item of an expense."""
        return cls(
            id=expense.id,
            kind=WorkKind.EXPENSE,
            body=expense,
            source=expense.source,
            project_id=project_id,
            work_date=expense.spent_on,
            person=expense.person,
            task=expense.category,
            amount=expense.cost.amount,
            currency=expense.cost.currency,
            billable=expense.billable,
            approval=expense.approval,
            landed_id=landed_id,
        )

    @classmethod
    def of_instalment(
        cls, item_id: str, instalment: Instalment, project_id: str, currency: str
    ) -> WorkItem:
        """The item of one instalment of a fixed fee: agreed, hence approved."""
        return cls(
            id=item_id,
            kind=WorkKind.INSTALMENT,
            body=instalment,
            source=None,
            project_id=project_id,
            work_date=instalment.on,
            amount=instalment.amount,
            currency=currency,
            approval=Approval.APPROVED,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A work item on a line of a document."""

    work_id: str
    document_id: str
    line_id: str
    seconds: int
    live: bool  # false once the document was voided or credited


def put_many(tx: Tx, items: Iterable[WorkItem]) -> PutResult:
    """Store work items; the same ones again change nothing."""
    result = PutResult()
    for chunk in chunks(items):
        result += _put(tx, {item.id: item for item in chunk})
    return result


def get(tx: Tx, work_id: str) -> WorkItem | None:
    """One item, deleted or not."""
    row = tx.first(sa.select(t).where(t.c.id == work_id))
    return row and _item(row)


def get_many(tx: Tx, work_ids: Iterable[str]) -> dict[str, WorkItem]:
    """Items by id, deleted ones too; unknown ids are left out."""
    found = {}
    for ids in chunks(work_ids):
        found.update(
            {row.id: _item(row) for row in tx.execute(sa.select(t).where(t.c.id.in_(ids)))}
        )
    return found


def by_source(tx: Tx, source: SourceRef) -> WorkItem | None:
    """The item that one record of a tool gave."""
    query = sa.select(t).where(
        t.c.connection == source.connection,
        t.c.stream == source.stream,
        t.c.remote_id == source.remote_id,
    )
    row = tx.first(query)
    return row and _item(row)


def mark_deleted(tx: Tx, work_ids: Iterable[str]) -> int:
    """Mark items as deleted at their source; returns how many were not yet."""
    count = 0
    for ids in chunks(work_ids):
        update = t.update().where(t.c.id.in_(ids), ~t.c.deleted)
        count += tx.execute(update.values(deleted=True, changed_at=tx.now())).rowcount
    return count


def assign(tx: Tx, work_ids: Iterable[str], project_id: str | None) -> int:
    """Put items on a project, or on none; returns how many moved."""
    count = 0
    for ids in chunks(work_ids):
        update = t.update().where(t.c.id.in_(ids), t.c.project_id.is_distinct_from(project_id))
        count += tx.execute(update.values(project_id=project_id, changed_at=tx.now())).rowcount
    return count


def open_work(
    tx: Tx,
    from_date: date,
    to_date: date,
    project_ids: Collection[str] | None = None,
    *,
    or_on: Collection[str] = (),
) -> Iterator[WorkItem]:
    """Items dated in the period (both ends in) that no live document bills, by date and id.

    Work without a project comes with them unless `project_ids` narrows it, and so
    does work that is not approved or not billable: billing says why it waits.
    `or_on` names drafts about to be made again: their work counts as open.
    """
    taken = sa.select(billed_work.c.work_id).where(
        billed_work.c.work_id == t.c.id, billed_work.c.live
    )
    if or_on:
        taken = taken.where(billed_work.c.document_id.not_in(list(or_on)))
    query = sa.select(t).where(t.c.work_date.between(from_date, to_date), ~t.c.deleted)
    if project_ids is not None:
        query = query.where(t.c.project_id.in_(list(project_ids)))
    query = query.where(~taken.exists()).order_by(t.c.work_date, t.c.id)
    return (_item(row) for row in tx.stream(query))


def every(
    tx: Tx, from_date: date, to_date: date, *, with_deleted: bool = False
) -> Iterator[WorkItem]:
    """All items dated in the period (both ends in), billed or not, by date and id."""
    query = sa.select(t).where(t.c.work_date.between(from_date, to_date))
    if not with_deleted:
        query = query.where(~t.c.deleted)
    return (_item(row) for row in tx.stream(query.order_by(t.c.work_date, t.c.id)))


def all_of(tx: Tx, kind: WorkKind) -> Iterator[WorkItem]:
    """All items of a kind that are not deleted, by date and id."""
    query = sa.select(t).where(t.c.kind == kind.value, ~t.c.deleted)
    return (_item(row) for row in tx.stream(query.order_by(t.c.work_date, t.c.id)))


def link(tx: Tx, billed: Iterable[Billed]) -> None:
    """Bill work items. Raises NotAllowed when one is on a live document already."""
    for chunk in chunks(billed):
        rows = [
            {
                "work_id": one.work_id,
                "document_id": one.document_id,
                "line_id": one.line_id,
                "seconds": one.seconds,
                "live": True,
            }
            for one in chunk
        ]
        # The unique index decides, also between two processes; the answer names who lost.
        insert = tx.insert(billed_work).on_conflict_do_nothing().returning(billed_work.c.work_id)
        done = {row.work_id for row in tx.execute(insert, rows)}
        twice = sorted({one.work_id for one in chunk} - done)
        if twice or len({one.work_id for one in chunk}) != len(chunk):
            raise NotAllowed(_double(tx, chunk, twice))


def live_ids(tx: Tx, kind: WorkKind, *, except_on: Collection[str] = ()) -> frozenset[str]:
    """The ids of all items of a kind on live documents, those on `except_on` left out."""
    query = sa.select(billed_work.c.work_id).join(t, t.c.id == billed_work.c.work_id)
    query = query.where(billed_work.c.live, t.c.kind == kind.value)
    if except_on:
        query = query.where(billed_work.c.document_id.not_in(list(except_on)))
    return frozenset(row.work_id for row in tx.execute(query))


def release(tx: Tx, document_id: str, lines: Collection[str] | None = None) -> int:
    """Make the work of a document, or of some of its lines, billable again; returns how many
    items. The history stays."""
    update = billed_work.update().where(
        billed_work.c.document_id == document_id, billed_work.c.live
    )
    if lines is not None:
        update = update.where(billed_work.c.line_id.in_(list(lines)))
    return tx.execute(update.values(live=False)).rowcount


def links_of_document(tx: Tx, document_id: str) -> list[Billed]:
    """What a document bills, or billed, by line and work item."""
    query = sa.select(billed_work).where(billed_work.c.document_id == document_id)
    query = query.order_by(billed_work.c.line_id, billed_work.c.work_id)
    return [Billed(**row._mapping) for row in tx.execute(query)]


def documents_of_work(tx: Tx, work_id: str) -> list[Billed]:
    """The documents a work item is or was on, the live one first."""
    query = sa.select(billed_work).where(billed_work.c.work_id == work_id)
    query = query.order_by(billed_work.c.live.desc(), billed_work.c.document_id)
    return [Billed(**row._mapping) for row in tx.execute(query)]


def _double(tx: Tx, chunk: list[Billed], twice: list[str]) -> str:
    if not twice:
        return "A work item stands twice on one document. All of it counts on one line."
    query = (
        sa.select(billed_work.c.document_id, documents.c.number)
        .join(documents, documents.c.id == billed_work.c.document_id)
        .where(billed_work.c.work_id == twice[0], billed_work.c.live)
    )
    row = tx.first(query)
    where = (row.number or f"draft {row.document_id}") if row else "another document"
    more = f" (and {len(twice) - 1} more)" if len(twice) > 1 else ""
    return (
        f"Work item {twice[0]}{more} is billed on {where} already, so {chunk[0].document_id} "
        "cannot bill it again. Void or credit that document first, or leave the item out."
    )


def _put(tx: Tx, items: dict[str, WorkItem]) -> PutResult:
    query = sa.select(t.c.id, t.c.hash, t.c.project_id, t.c.deleted, t.c.landed_id)
    query = query.where(t.c.id.in_(items))
    known = {row.id: row for row in tx.execute(query)}
    new = changed = 0
    rows, now = [], tx.now()
    for item in items.values():
        row, before = _row(item), known.get(item.id)
        # `assign` and `mark_deleted` change what the hash leaves out.
        same = before is not None and (before.hash, before.project_id, before.deleted) == (
            row["hash"],
            item.project_id,
            item.deleted,
        )
        if before is not None and same and before.landed_id == item.landed_id:
            continue
        new += before is None
        changed += before is not None and not same
        rows.append({**row, "changed_at": now})
    upsert(tx, t, rows)
    return PutResult(new, changed, len(items) - new - changed)


def _row(item: WorkItem) -> dict[str, Any]:
    row = {
        "id": item.id,
        "kind": item.kind.value,
        "connection": item.source.connection if item.source else "",
        "stream": item.source.stream if item.source else "",
        "remote_id": item.source.remote_id if item.source else "",
        "work_date": item.work_date,
        "person": item.person,
        "task": item.task,
        "role": item.role,
        "seconds": item.seconds,
        "amount": item.amount,
        "currency": item.currency,
        "billable": item.billable,
        "approval": item.approval.value,
        "body": encode(item.body),
    }
    return {
        **row,
        "hash": digest(*map(str, row.values())),
        "project_id": item.project_id,
        "deleted": item.deleted,
        "landed_id": item.landed_id,
    }


def _item(row: sa.Row[Any]) -> WorkItem:
    kind = WorkKind(row.kind)
    return WorkItem(
        id=row.id,
        kind=kind,
        body=decode(_CLASSES[kind], row.body),
        source=SourceRef(row.connection, row.stream, row.remote_id) if row.connection else None,
        project_id=row.project_id,
        work_date=row.work_date,
        person=row.person,
        task=row.task,
        role=row.role,
        seconds=row.seconds,
        amount=row.amount,
        currency=row.currency,
        billable=row.billable,
        approval=Approval(row.approval),
        deleted=row.deleted,
        landed_id=row.landed_id,
    )
