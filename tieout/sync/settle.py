"""Settle: what an answer, or none, means for the rows that were in a call.

Each row settles by its own item. What the ledger took is compared with ours to the cent;
what it refused is held with its words; what is not known is looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tieout.connectors.base import (
    ALLOCATION,
    CREDIT_NOTE,
    INVOICE,
    VOID,
    ItemAnswer,
    Request,
    Row,
    Writer,
)
from tieout.connectors.faults import of_item
from tieout.connectors.transport import Connection
from tieout.errors import AuthExpired, Conflict, RateLimited, RemoteError, Transient, Unknown
from tieout.model.document import DocumentStatus
from tieout.model.ids import jitter
from tieout.model.settlement import Digest
from tieout.store import audit, batches, documents, orders, outbox, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow
from tieout.sync.echo import agrees, differs
from tieout.sync.engine import Engine
from tieout.sync.estimate import Estimate
from tieout.sync.resolve import Resolved
from tieout.sync.void import finish

#: Tries of a call that changed nothing before a person is asked.
TRIES = 6
#: Answers that a gateway gives in place of a vendor that took too long.
_TIMED_OUT = (None, 408, 504)

#: What becomes of a credit note that cannot be set against its invoice.
UNAPPLIED = "The credit stays unapplied: set it against another invoice there, or refund it."

Boundary = Callable[[str], None]
#: A row and all that its call needs.
Ready = tuple[OutboxRow, Resolved]


@dataclass(kw_only=True)
class Pushed:
    """What a push did."""

    confirmed: list[str] = field(default_factory=list)  # outbox ids
    recovered: list[str] = field(default_factory=list)  # of these, answers that were lost
    held: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # not due yet, or in doubt
    calls: int = 0  # that could change the ledger
    stopped: str = ""  # why the push of this ledger ended early, "" when it did not
    goes_on_at: datetime | None = None  # when it may be tried again, None = at once or not known
    unfinished: bool = False  # it was asked to end while there may be more to do
    estimate: Estimate | None = None  # what was expected of it when it began

    def add(self, other: Pushed) -> None:
        """Count what another pusher of the same push did."""
        self.confirmed += other.confirmed
        self.recovered += other.recovered
        self.held += other.held
        self.waiting += other.waiting
        self.calls += other.calls
        self.stopped = self.stopped or other.stopped
        self.goes_on_at = self.goes_on_at or other.goes_on_at
        self.unfinished = self.unfinished or other.unfinished


class Settler:
    """Writes down what came of the calls of one pusher."""

    def __init__(
        self, engine: Engine, connection: Connection, done: Pushed, boundary: Boundary
    ) -> None:
        self.engine = engine
        self.connection = connection
        self.done = done
        self.boundary = boundary

    # -- calls ------------------------------------------------------------------------------
    def answered(
        self,
        writer: Writer,
        request: Request,
        sent: Sequence[Ready],
        answers: Mapping[str, ItemAnswer],
        seconds: float,
    ) -> None:
        """The call went through: each row by its own item. `seconds` is what it took."""
        with self.engine.store.begin() as tx:
            for row, resolved in sent:
                answer = answers.get(row.item_key)
                if answer is None:
                    self.doubt(tx, row, Unknown("the answer did not mention this item"))
                elif answer.errors:
                    error = of_item(self.connection.connector, request, answer.errors)
                    self.refused(tx, row, error)
                else:
                    self._accepted(tx, writer, row, resolved, answer.answer)
            batches.went_well(
                tx,
                self.connection.pace_key,
                writer.name,
                writer.batch.size if writer.batch else 1,
                len(sent),
                int(seconds * 1_000_000),
            )
            self.boundary("settled: before commit")
        self.boundary("settled: after commit")

    def failed(self, writer: Writer, sent: Sequence[Ready], error: RemoteError) -> None:
        """The whole call failed: in doubt, refused, or nothing happened."""
        with self.engine.store.begin() as tx:
            for row, _ in sent:
                self.refused(tx, row, error)
            if isinstance(error, Unknown) and error.status in _TIMED_OUT:
                self.too_much(tx, writer, len(sent))
            self.boundary("settled: before commit")
        self.boundary("settled: after commit")

    def too_much(self, tx: Tx, writer: Writer, items: int) -> None:
        """A call of so many was too much for the vendor: smaller ones from now on."""
        if writer.batch is not None:
            size, smallest = writer.batch.size, writer.batch.smallest
            batches.shrink(tx, self.connection.pace_key, writer.name, size, items, smallest)

    # -- one row ----------------------------------------------------------------------------
    def _accepted(
        self, tx: Tx, writer: Writer, row: OutboxRow, resolved: Resolved, answer: Any
    ) -> None:
        try:
            record = writer.record(answer)
        except Unknown as doubt:  # a success without the record: look for it
            self.doubt(tx, row, doubt)
            return
        theirs, ours = writer.digest(record), writer.expect(resolved.subject, resolved.context)
        if not agrees(ours, theirs):
            self.doubt(tx, row, Unknown(f"the ledger's echo differs: {differs(ours, theirs)}"))
            return
        self.confirm(tx, writer, row, record, theirs)

    def confirm(self, tx: Tx, writer: Writer, row: OutboxRow, record: Row, theirs: Digest) -> None:
        """The ledger has it, as this record."""
        ref = writer.read(record)
        outbox.confirm(tx, row, row.fence, ref)
        # What changes a record is told of that record; what was agreed about it stays.
        kind, agreed = (writer.depends_on[0], None) if writer.changes else (writer.name, theirs)
        refs.put(tx, self.connection.name, kind, row.subject_id, ref, digest=agreed)
        if writer.name in (INVOICE, CREDIT_NOTE):
            documents.set_status(tx, row.subject_id, DocumentStatus.PUSHED)
        if writer.name == VOID:
            order = orders.get(tx, row.subject_id, VOID, row.revision)
            assert order is not None  # stored with the row
            finish(self.engine, tx, order)
        audit.record(
            tx,
            self.engine.actor,
            f"{writer.name}.pushed",
            row.subject_id,
            {"remote_id": ref.remote_id, "number": ref.number, "key": row.key},
        )
        self.done.confirmed.append(row.id)

    def refused(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
        """One item's refusal; the call itself went through."""
        if isinstance(error, Unknown) or (isinstance(error, Conflict) and row.attempts < TRIES):
            self.doubt(tx, row, error)
        elif isinstance(error, RateLimited | Transient | AuthExpired):
            self.postpone(tx, row, error)
        else:
            advice = f" {UNAPPLIED}" if row.writer == ALLOCATION else ""
            self.leave(tx, row, type(error).__name__, f"{error.text}{advice}")

    def doubt(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
        """The next step is a look, at once: what is there is found, and nothing is sent."""
        outbox.to_unknown(
            tx,
            row,
            row.fence,
            not_before=self.engine.now(),
            error_class=type(error).__name__,
            error_text=error.text,
            trace_id=error.trace_id,
        )

    def postpone(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
        """Nothing changed over there: wait as told, or longer each time, then ask a person."""
        told = isinstance(error, RateLimited | AuthExpired)
        if not told and row.attempts >= TRIES:
            self.leave(tx, row, type(error).__name__, error.text)
            return
        wait_s = error.wait_s if isinstance(error, RateLimited) else jitter(2.0**row.attempts)
        outbox.postpone(
            tx,
            row,
            row.fence,
            not_before=self.engine.now() + timedelta(seconds=wait_s),
            counts=not told,
            error_class=type(error).__name__,
            error_text=error.text,
            trace_id=error.trace_id,
        )
        self.done.waiting.append(row.id)

    def leave(self, tx: Tx, row: OutboxRow, error_class: str, text: str) -> None:
        """Leave it to a person."""
        outbox.hold(tx, row, row.fence, error_class=error_class, error_text=text)
        self.done.held.append(row.id)
