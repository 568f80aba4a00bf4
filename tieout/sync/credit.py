"""Credit: an approved invoice, or some of its lines, is taken back by a document of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from tieout.connectors.base import CREDIT_NOTE, VOID
from tieout.errors import NotAllowed
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.model.ids import new_id
from tieout.model.money import Money, total
from tieout.store import audit, documents, outbox
from tieout.store.core import Tx
from tieout.store.outbox import OutboxState
from tieout.sync.engine import Engine
from tieout.sync.intents import need_writer, newest

#: Said wherever somebody wants to change what was approved.
NEVER_CHANGES = (
    "An approved document never changes: only its memo and its due date may be corrected. For "
    "anything else credit it with `tieout credit {number}`, then bill the work again."
)


def credit(
    engine: Engine,
    number: str,
    *,
    lines: Collection[str] = (),
    release: bool = False,
    reason: str = "",
) -> Document:
    """Make a draft credit note over an invoice, or over some of its lines by their ids.

    With `release` the credited work becomes billable again when the credit note is
    approved. Raises NotAllowed when there is nothing of that name to credit, or more would
    be credited than is left of it.
    """
    need_writer(engine, CREDIT_NOTE)
    with engine.store.begin() as tx:
        invoice = the_invoice(tx, number, "credited")
        _refuse_while_voided(engine, tx, invoice)
        before = documents.credits_of(tx, invoice)
        note = _note(engine, invoice, _chosen(invoice, before, lines), release, reason)
        refuse_too_much(invoice, before, note)
        documents.save_draft(tx, note, entity=documents.entity_of(tx, invoice.id) or "main")
        detail = {
            "invoice": invoice.number,
            "total": str(note.total),
            "lines": ", ".join(line.id for line in note.lines),
            "releases": release,
            "reason": reason,
        }
        audit.record(tx, engine.actor, "credit.drafted", note.id, detail)
    return note


def drop(engine: Engine, number: str) -> tuple[Document, ...]:
    """Drop the draft credit notes of an invoice; those that were approved stay.

    Raises NotAllowed when it has none.
    """
    with engine.store.begin() as tx:
        invoice = the_invoice(tx, number, "credited")
        drafts = [
            each
            for each in documents.credits_of(tx, invoice)
            if each.status is DocumentStatus.DRAFT
        ]
        if not drafts:
            raise NotAllowed(f"{invoice.number} has no draft credit note.")
        for draft in drafts:
            documents.delete_draft(tx, draft.id)
            audit.record(tx, engine.actor, "credit.dropped", draft.id, {"invoice": invoice.number})
    return tuple(drafts)


def the_invoice(tx: Tx, number: str, done: str) -> Document:
    """The approved invoice of a number or id, its row locked; `done` is what shall be done.

    Raises NotAllowed when there is none, or it is no approved invoice, or void.
    """
    found = documents.by_number(tx, number) or documents.get(tx, number)
    if found is None:
        raise NotAllowed(f"There is no invoice {number}; `tieout invoices` lists them.")
    invoice = documents.lock(tx, found.id)
    if invoice.kind is not DocumentKind.INVOICE:
        raise NotAllowed(f"{number} is a credit note; only an invoice can be {done}.")
    if invoice.status is DocumentStatus.DRAFT:
        raise NotAllowed(
            f"{number} is a draft; only an approved invoice can be {done}. Bill its period again "
            "to make it anew."
        )
    if invoice.status is DocumentStatus.VOID:
        raise NotAllowed(f"{number} is void; nothing of it can be {done}.")
    return invoice


def refuse_too_much(invoice: Document, before: Iterable[Document], note: Document) -> None:
    """Never more than was invoiced, on any line and in total, drafts counted. Raises NotAllowed."""
    others = [each for each in before if each.id != note.id]
    lines = {line.id: line.amount for line in invoice.lines}
    credited: dict[str, list[Money]] = defaultdict(list)
    for line in (line for each in (*others, note) for line in each.lines):
        credited[line.id].append(line.amount)
    for line_id, amounts in credited.items():
        most = lines.get(line_id, Money.zero(invoice.currency)).amount
        if abs(total(amounts, invoice.currency).amount) > abs(most):
            raise NotAllowed(
                f"Line {line_id} of {invoice.number} is {most:f} {invoice.currency}, and credit "
                f"notes over {total(amounts, invoice.currency)} would be more than that."
            )
    left = invoice.total - total((each.total for each in others), invoice.currency)
    if note.total.amount > left.amount:
        raise NotAllowed(
            f"{invoice.number} has {left} left to credit, and {note.total} is more than that."
        )


def _chosen(invoice: Document, before: list[Document], lines: Collection[str]) -> set[str]:
    """The ids of the lines to credit: those named, or all that are not credited yet."""
    there = [line.id for line in invoice.lines]
    done = {line.id: each for each in before for line in each.lines}
    unknown = [name for name in lines if name not in there]
    if unknown:
        raise NotAllowed(
            f"{invoice.number} has no line {', '.join(unknown)}; its lines are {', '.join(there)}."
        )
    twice = [name for name in lines if name in done]
    if twice:
        where = done[twice[0]].number or f"the draft {done[twice[0]].id}"
        raise NotAllowed(f"Line {twice[0]} of {invoice.number} is credited already, on {where}.")
    chosen = set(lines) or set(there) - set(done)
    if not chosen:
        raise NotAllowed(f"Nothing of {invoice.number} is left to credit.")
    return chosen


def _note(
    engine: Engine, invoice: Document, chosen: set[str], release: bool, reason: str
) -> Document:
    """The credit note: the chosen lines as they were invoiced. Work stays the invoice's."""
    sections = (
        replace(
            section,
            lines=tuple(replace(line, work=()) for line in section.lines if line.id in chosen),
        )
        for section in invoice.sections
    )
    said = f"Credit for {invoice.number}"
    note = replace(
        invoice,
        id=new_id("doc"),
        kind=DocumentKind.CREDIT_NOTE,
        number="",
        status=DocumentStatus.DRAFT,
        revision=1,
        issue_date=max(engine.today(), invoice.issue_date),
        due_date=None,
        terms="",
        sections=tuple(section for section in sections if section.lines),
        memo=f"{said}: {reason}" if reason else said,
        credits=invoice.id,
        releases=release,
    )
    if note.total.amount <= 0:
        raise NotAllowed(
            f"The lines {', '.join(sorted(chosen))} of {invoice.number} come to {note.total}: a "
            "credit note must be of more than nothing."
        )
    return note


def _refuse_while_voided(engine: Engine, tx: Tx, invoice: Document) -> None:
    """A void that is on its way forbids a credit; one that was refused gives way to it."""
    row = newest(engine, tx, VOID, invoice.id)
    if row is None or row.state is OutboxState.CONFIRMED:
        return
    if row.state is not OutboxState.HELD or not outbox.withdraw(tx, row.id):
        raise NotAllowed(
            f"{invoice.number} is being voided. Run `tieout push` to see what comes of it."
        )
    detail = {"invoice": invoice.number, "refused": row.error_text}
    audit.record(tx, engine.actor, "void.withdrawn", invoice.id, detail)


def check_before_approval(engine: Engine, tx: Tx, note: Document) -> Document:
    """The invoice of a draft credit note, when the note may be approved now."""
    need_writer(engine, CREDIT_NOTE)
    invoice = the_invoice(tx, documents.lock(tx, note.credits).number, "credited")
    _refuse_while_voided(engine, tx, invoice)
    # Of two drafts that are too much together the one approved first goes.
    before = documents.credits_of(tx, invoice)
    approved = [each for each in before if each.status is not DocumentStatus.DRAFT]
    refuse_too_much(invoice, approved, note)
    return invoice
