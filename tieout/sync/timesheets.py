"""Timesheets: what of an invoice's hours goes to the ledger with it, and what cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tieout.billing import timesheet
from tieout.billing.timesheet import Worked
from tieout.connectors.base import TIMESHEET, Connector, File
from tieout.model.document import Document, DocumentKind
from tieout.model.work import TimeEntry
from tieout.store import work
from tieout.store.core import Tx
from tieout.store.work import WorkItem
from tieout.sync.engine import Engine

_RULES = "in mappings/ledger.yaml"


def is_attached(engine: Engine, document: Document) -> bool:
    """Whether a file goes after this invoice."""
    rules, connector = engine.workspace.ledger.timesheet, engine.ledger().connector
    return rules.attached and connector.writes(TIMESHEET) and timesheet.has_time(document)


def the_file(tx: Tx, invoice: Document) -> File:
    """The file with every time entry of an invoice."""
    content = timesheet.file(invoice, _worked(tx, invoice))
    return File(name=timesheet.file_name(invoice), content_type="text/csv", content=content)


def memo_lines(engine: Engine, tx: Tx, document: Document) -> Mapping[str, tuple[str, ...]]:
    """The words below each budget's lines, where the workspace wants them and the ledger takes
    them; a credit note has none."""
    wanted = engine.workspace.ledger.timesheet.lines and engine.ledger().connector.memo_lines
    if not wanted or document.kind is not DocumentKind.INVOICE:
        return {}
    return timesheet.summary(document, _worked(tx, document))


def left_out(engine: Engine) -> tuple[str, ...]:
    """What the workspace wants on its invoices and this ledger has no place for."""
    return tuple(_left_out(engine, engine.ledger().connector))


def _left_out(engine: Engine, connector: Connector) -> Iterator[str]:
    rules, ledger = engine.workspace.ledger, connector.title
    if rules.timesheet.lines and not connector.memo_lines:
        yield f"{ledger} takes no lines without money: timesheet.lines {_RULES} does nothing."
    if rules.timesheet.attached and not connector.writes(TIMESHEET):
        yield f"{ledger} takes no files from Tieout: timesheet.file {_RULES} does nothing."
    if rules.link and not connector.links:
        yield f"{ledger} has no place for a link: link {_RULES} does nothing."


def _worked(tx: Tx, document: Document) -> dict[str, Worked]:
    """What the entries of a document say, by the id of the work; also of those deleted since."""
    ids = [share.work_id for line in document.lines for share in line.work]
    return {
        item.id: _said(item, item.body)
        for item in work.get_many(tx, ids).values()
        if isinstance(item.body, TimeEntry)
    }


def _said(item: WorkItem, entry: TimeEntry) -> Worked:
    return Worked(
        day=item.work_date,
        person=item.person or entry.person,
        task=item.task or entry.task,
        notes=entry.notes,
    )
