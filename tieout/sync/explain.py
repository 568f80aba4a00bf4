"""Explain: the whole way from a line of an invoice back to the raw records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tieout.errors import NotAllowed
from tieout.mapping import Directory, ResolvedEntry, resolve
from tieout.mapping import explain as trail_text
from tieout.model.document import Document, Line, WorkShare
from tieout.model.work import TimeEntry
from tieout.store import audit, documents, facts, landed, outbox, projects, work
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.intents import SUBJECTS
from tieout.sync.taxes import explained


@dataclass(frozen=True, kw_only=True)
class ExplainedWork:
    """One work item on a line, and where it comes from."""

    work_id: str
    what: str  # `Ana, 2026-03-02, 1 h 52 min, Design`
    source: str  # connection/stream/record, "" for an instalment
    landed: tuple[str, ...]  # each stored version: when it landed, its hash's start
    payload: Any  # the record as the vendor gave it, None for an instalment
    mapping: tuple[str, ...]  # the rules that named project, person, role and task


@dataclass(frozen=True, kw_only=True)
class ExplainedLine:
    """One line and what it is made of."""

    line: Line
    rate: str  # which rule gave the rate, and where it is written
    work: tuple[ExplainedWork, ...]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A document, what happened to it, and its lines."""

    document: Document
    history: tuple[str, ...]  # approvals, pushes, status, from the audit log
    outbox: tuple[str, ...]
    lines: tuple[ExplainedLine, ...]
    about: tuple[str, ...] = ()  # credit notes of an invoice, the invoice of a credit note
    taxes: tuple[str, ...] = ()  # who computes them, each code, our figure and the ledger's


def explain(engine: Engine, name: str, *, line: int | None = None) -> Explained:
    """Explain a document by number or id, all its lines or the one at a position (from 1).

    Raises NotAllowed when there is no such document or line.
    """
    with engine.store.read() as tx:
        document = documents.by_number(tx, name) or documents.get(tx, name)
        if document is None:
            raise NotAllowed(f"There is no document {name}; `tieout invoices` lists them.")
        lines = document.lines
        if line is not None and not 1 <= line <= len(lines):
            raise NotAllowed(f"{name} has {len(lines)} lines; there is no line {line}.")
        chosen = lines if line is None else (lines[line - 1],)
        directory = Directory(
            projects.list_projects(tx), projects.list_clients(tx), facts.bodies(tx, facts.PERSON)
        )
        return Explained(
            document=document,
            history=tuple(_history(tx, document)),
            outbox=tuple(_outbox(tx, document)),
            lines=tuple(
                _line(engine, tx, one, _shares(tx, document, one), directory) for one in chosen
            ),
            about=tuple(_about(tx, document)),
            taxes=explained(engine, tx, document),
        )


def _shares(tx: Tx, document: Document, line: Line) -> tuple[WorkShare, ...]:
    """The work on a line; that of a credited line is on the invoice's line of the same id."""
    invoice = documents.get(tx, document.credits) if document.credits else None
    lines = invoice.lines if invoice else ()
    return next((each.work for each in lines if each.id == line.id), line.work)


def _about(tx: Tx, document: Document) -> list[str]:
    """The other documents that belong to it: the invoice of a credit note, and the reverse."""
    invoice = documents.get(tx, document.credits) if document.credits else None
    if invoice is not None:
        then = "its work is billable again" if document.releases else "its work stays billed"
        return [f"Credits {invoice.number} over {invoice.total}; {then}."]
    return [
        f"Credited over {each.total} by {each.number or f'draft {each.id}'}."
        for each in documents.credits_of(tx, document)
    ]


def _history(tx: Tx, document: Document) -> list[str]:
    return [
        f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.actor}  {entry.action}  "
        + ", ".join(f"{name}={value}" for name, value in entry.detail.items())
        for entry in audit.entries(tx, subject=document.id)
    ]


def _outbox(tx: Tx, document: Document) -> list[str]:
    rows = outbox.list_rows(tx, subject=(SUBJECTS["invoice"], document.id))
    return [
        f"{row.connection}: {row.writer.replace('_', ' ')} {row.state.value}, key {row.key}, "
        f"call {row.call_key or 'none yet'}, record {row.remote_id or 'none yet'}"
        for row in rows
    ]


def _line(
    engine: Engine, tx: Tx, line: Line, shares: tuple[WorkShare, ...], directory: Directory
) -> ExplainedLine:
    items = work.get_many(tx, [share.work_id for share in shares])
    return ExplainedLine(
        line=line,
        rate=line.rate_origin,
        work=tuple(
            _work(engine, tx, items[share.work_id], directory)
            for share in shares
            if share.work_id in items
        ),
    )


def _work(engine: Engine, tx: Tx, item: work.WorkItem, directory: Directory) -> ExplainedWork:
    source = item.source
    versions = (
        landed.versions(tx, source.connection, source.stream, source.remote_id) if source else []
    )
    mapping: tuple[str, ...] = ()
    if isinstance(item.body, TimeEntry):
        found = resolve(item.body, engine.workspace, directory)
        mapping = tuple(trail_text(found.trail)) if isinstance(found, ResolvedEntry) else ()
    return ExplainedWork(
        work_id=item.id,
        what=_what(item),
        source=str(source or ""),
        landed=tuple(
            f"version {one.version}, {one.landed_at:%Y-%m-%d %H:%M:%S} UTC, run {one.run_id}"
            for one in versions
        ),
        payload=versions[-1].payload if versions else None,
        mapping=mapping,
    )


def _what(item: work.WorkItem) -> str:
    if not item.seconds:
        return f"{item.kind.value} of {item.work_date}"
    hours, rest = divmod(item.seconds, 3600)
    return f"{item.person}, {item.work_date}, {hours} h {rest // 60:02} min, {item.task}"
