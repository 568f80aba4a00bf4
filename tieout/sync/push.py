"""Push: approved documents reach the ledger once each.

The order of things is the promise. A row is claimed; its key, its bytes and the call they
go in are saved (`sent`); only then does the first byte leave; the answer is settled item by
item. A row that was `sent` and has no answer is `unknown`, and is looked for before
anything is sent again, then with the same key and the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tieout.connectors.base import Find, ItemAnswer, Request, Row, Writer
from tieout.connectors.exact import encode
from tieout.connectors.faults import of_item
from tieout.connectors.transport import Connection
from tieout.errors import (
    AuthExpired,
    Conflict,
    Misconfigured,
    RateLimited,
    RemoteError,
    Transient,
    Unknown,
)
from tieout.model.document import DocumentStatus
from tieout.model.ids import jitter
from tieout.model.settlement import Digest
from tieout.store import audit, documents, outbox, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.echo import agrees, differs, taken
from tieout.sync.engine import Engine
from tieout.sync.keys import item_key, key_alone, key_of_batch, key_of_repeat
from tieout.sync.owners import is_dead, this_process
from tieout.sync.plan import prepare
from tieout.sync.resolve import Resolved, Resolver, Unresolved

#: Seconds a worker may hold a row: longer than the longest call.
LEASE_S = 300.0
#: Seconds between two looks for a row nobody found: longer than a vendor still works on it.
LOOK_AGAIN_S = 150.0
#: Looks without a find before the same bytes are sent again.
LOOKS = 2
#: Seconds until a row that waits for its customer is tried again.
WAIT_FOR_OTHERS_S = 60.0
#: Tries of a call that changed nothing before a person is asked.
TRIES = 6

Boundary = Callable[[str], None]


@dataclass(kw_only=True)
class Pushed:
    """What a push did."""

    confirmed: list[str] = field(default_factory=list)  # outbox ids
    recovered: list[str] = field(default_factory=list)  # of these, answers that were lost
    held: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # not due yet, or in doubt
    calls: int = 0  # that could change the ledger
    stopped: str = ""  # why the push of this ledger ended early, "" when it did not


class Pusher:
    """One push of one ledger connection."""

    def __init__(self, engine: Engine, connection: Connection, boundary: Boundary) -> None:
        self.engine = engine
        self.connection = connection
        self.owner = this_process()
        self.done = Pushed()
        with engine.store.read() as tx:
            self.resolver = Resolver(engine, tx, connection.name)
        self.boundary = boundary
        self.sizes = {
            writer.name: writer.batch.size if writer.batch else 1
            for writer in connection.connector.writers
        }

    def run(self) -> Pushed:
        """Settle what is in doubt, push what is due, look at once for what got lost on the way.

        Customers come before invoices.
        """
        with self.engine.store.begin() as tx:
            outbox.expire(tx, self.connection.name, is_dead)
        try:
            for writer in self.connection.connector.writers:
                self._settle_doubts(writer)
                self._push_due(writer)
                self._settle_doubts(writer)
        except (AuthExpired, RateLimited, Misconfigured, Transient) as error:
            self.done.stopped = str(error)
        return self.done

    # -- sending ------------------------------------------------------------------------
    def _push_due(self, writer: Writer) -> None:
        while rows := self._claim(writer, (OutboxState.PENDING,), self.sizes[writer.name]):
            ready = [pair for row in rows if (pair := self._ready(writer, row)) is not None]
            if ready:
                self._send(writer, ready)

    def _claim(
        self, writer: Writer, states: tuple[OutboxState, ...], limit: int
    ) -> list[OutboxRow]:
        with self.engine.store.begin() as tx:
            rows = outbox.claim(
                tx,
                self.connection.name,
                self.owner,
                lease_s=LEASE_S,
                limit=limit,
                states=states,
                writer=writer.name,
            )
        if rows:
            self.boundary("claimed")
        return rows

    def _ready(self, writer: Writer, row: OutboxRow) -> tuple[OutboxRow, Resolved] | None:
        """A claimed row with all it needs; one that lacks something is held for a person."""
        with self.engine.store.read() as tx:
            resolved = self.resolver.resolve(tx, row)
        if not isinstance(resolved, Unresolved):
            resolved = self._built(writer, row, resolved)
        if not isinstance(resolved, Unresolved):
            return row, resolved
        with self.engine.store.begin() as tx:
            if resolved.waits:
                self._postpone(tx, row, RateLimited(resolved.text, wait_s=WAIT_FOR_OTHERS_S))
            else:
                self._leave(tx, row, "Unmapped", resolved.text)
        return None

    def _built(self, writer: Writer, row: OutboxRow, resolved: Resolved) -> Resolved | Unresolved:
        """The row's bytes: those it was built with before, or new ones. What the ledger could
        not hold is this row's trouble and nobody else's."""
        try:
            body = row.body or encode(writer.build(resolved.subject, resolved.context))
        except Misconfigured as problem:
            return Unresolved(text=problem.text)
        return replace(resolved, body=body)

    def _send(self, writer: Writer, ready: list[tuple[OutboxRow, Resolved]]) -> None:
        """Save key and bytes of every item, then make the call, then settle each item."""
        together = writer.batch is not None and len(ready) > 1
        rows = [row for row, _ in ready]
        call_key = key_of_batch(rows) if together else key_alone(rows[0])
        sent = []
        with self.engine.store.begin() as tx:
            for row, resolved in ready:
                saved = outbox.mark_sent(
                    tx,
                    row,
                    row.fence,
                    body=resolved.body,
                    call_key=call_key,
                    item_key=item_key(row) if writer.batch is not None else "",
                )
                sent.append((saved, resolved))
            self.boundary("sent: before commit")
        self.boundary("sent: after commit")
        self._call(writer, sent)

    def _call(self, writer: Writer, sent: list[tuple[OutboxRow, Resolved]]) -> None:
        """One call for rows whose bytes are saved; they all carry the same call key."""
        first = sent[0][0]
        items = [(row.item_key, bytes(row.body or b"")) for row, _ in sent]
        batch = None if first.call_key.startswith(first.key) else writer.batch
        if batch is not None:
            request = batch.send(items, first.call_key, self.connection.settings)
        else:
            request = writer.send(items[0][1], first.call_key, self.connection.settings)
        self.done.calls += 1
        try:
            self.boundary("call: before the first byte")
            answer = self.engine.transport.call(self.connection, request).json()
            self.boundary("call: answer in hand")
        except RemoteError as error:
            self._failed(writer, sent, error)
            return
        answers: Mapping[str, ItemAnswer] = (
            batch.split(answer)
            if batch is not None
            else {first.item_key: ItemAnswer(answer=answer)}
        )
        self._settle(writer, request, sent, answers)

    # -- settling -----------------------------------------------------------------------
    def _settle(
        self,
        writer: Writer,
        request: Request,
        sent: list[tuple[OutboxRow, Resolved]],
        answers: Mapping[str, ItemAnswer],
    ) -> None:
        with self.engine.store.begin() as tx:
            for row, resolved in sent:
                answer = answers.get(row.item_key)
                if answer is None:
                    self._doubt(tx, row, Unknown("the answer did not mention this item"))
                elif answer.errors:
                    error = of_item(self.connection.connector, request, answer.errors)
                    self._refused(tx, row, error)
                else:
                    self._accepted(tx, writer, row, resolved, answer.answer)
            self.boundary("settled: before commit")
        self.boundary("settled: after commit")
        total = len(self.done.confirmed)
        self.engine.progress(f"{self.connection.name}: {writer.name}", total, None)

    def _accepted(
        self, tx: Tx, writer: Writer, row: OutboxRow, resolved: Resolved, answer: Any
    ) -> None:
        try:
            record = writer.record(answer)
        except Unknown as doubt:  # a success without the record: look for it
            self._doubt(tx, row, doubt)
            return
        theirs, ours = writer.digest(record), writer.expect(resolved.subject, resolved.context)
        if not agrees(ours, theirs):
            self._doubt(tx, row, Unknown(f"the ledger's echo differs: {differs(ours, theirs)}"))
            return
        self._confirm(tx, writer, row, record, theirs)

    def _confirm(self, tx: Tx, writer: Writer, row: OutboxRow, record: Row, theirs: Digest) -> None:
        ref = writer.read(record)
        outbox.confirm(tx, row, row.fence, ref)
        refs.put(tx, self.connection.name, writer.name, row.subject_id, ref, digest=theirs)
        if row.subject_kind == "document":
            documents.set_status(tx, row.subject_id, DocumentStatus.PUSHED)
        audit.record(
            tx,
            self.engine.actor,
            f"{writer.name}.pushed",
            row.subject_id,
            {"remote_id": ref.remote_id, "number": ref.number, "key": row.key},
        )
        self.done.confirmed.append(row.id)

    def _refused(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
        """One item's refusal; the call itself went through."""
        if isinstance(error, Unknown) or (isinstance(error, Conflict) and row.attempts < TRIES):
            self._doubt(tx, row, error)
        elif isinstance(error, RateLimited | Transient | AuthExpired):
            self._postpone(tx, row, error)
        else:
            self._leave(tx, row, type(error).__name__, error.text)

    def _failed(
        self, writer: Writer, sent: list[tuple[OutboxRow, Resolved]], error: RemoteError
    ) -> None:
        """The whole call failed: in doubt, refused, or nothing happened."""
        if isinstance(error, Unknown) and writer.batch is not None:
            # A vendor that times out on a large batch gets smaller ones.
            self.sizes[writer.name] = max(writer.batch.smallest, self.sizes[writer.name] // 2)
        with self.engine.store.begin() as tx:
            for row, _ in sent:
                self._refused(tx, row, error)
            self.boundary("settled: before commit")
        self.boundary("settled: after commit")
        if isinstance(error, AuthExpired | RateLimited | Misconfigured):
            raise error

    def _doubt(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
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

    def _postpone(self, tx: Tx, row: OutboxRow, error: RemoteError) -> None:
        """Nothing changed over there: wait as told, or longer each time, then ask a person."""
        told = isinstance(error, RateLimited | AuthExpired)
        if not told and row.attempts >= TRIES:
            self._leave(tx, row, type(error).__name__, error.text)
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

    def _leave(self, tx: Tx, row: OutboxRow, error_class: str, text: str) -> None:
        outbox.hold(tx, row, row.fence, error_class=error_class, error_text=text)
        self.done.held.append(row.id)

    # -- doubts ---------------------------------------------------------------------------
    def _settle_doubts(self, writer: Writer) -> None:
        """Look for every row in doubt; send again only what two looks did not find."""
        again: dict[str, list[tuple[OutboxRow, Resolved]]] = {}
        for row in self._claim(writer, (OutboxState.UNKNOWN,), 1000):
            ready = self._ready(writer, row)
            if ready is None:
                continue
            if self._look(writer, *ready):
                again.setdefault(key_of_repeat(row), []).append(ready)
        for call_key, rows in again.items():
            with self.engine.store.begin() as tx:
                resent = [
                    (
                        outbox.mark_sent(
                            tx,
                            row,
                            row.fence,
                            body=bytes(row.body or b""),
                            call_key=call_key,
                            item_key=row.item_key,
                            looked=True,
                        ),
                        resolved,
                    )
                    for row, resolved in rows
                ]
            self.boundary("sent again: after commit")
            self._call(writer, resent)

    def _look(self, writer: Writer, row: OutboxRow, resolved: Resolved) -> bool:
        """Ask the ledger for one row in doubt; True when it must be sent again."""
        found = list(self._found(writer.finds, resolved))
        self.boundary("find: answer in hand")
        ours = [record for record in found if writer.digest(record).key == row.key]
        with self.engine.store.begin() as tx:
            if ours:
                self._adopt(tx, writer, row, resolved, ours)
            elif found:
                self._leave(tx, row, "Conflict", taken(writer, found[0]))
            elif row.finds + 1 < LOOKS:
                later = self.engine.now() + timedelta(seconds=LOOK_AGAIN_S)
                outbox.postpone(
                    tx,
                    row,
                    row.fence,
                    not_before=later,
                    found_nothing=True,
                    error_class=row.error_class,
                    error_text=row.error_text,
                    trace_id=row.trace_id,
                )
                self.done.waiting.append(row.id)
            self.boundary("found: before commit")
        return not found and row.finds + 1 >= LOOKS

    def _found(self, finds: Iterable[Find], resolved: Resolved) -> Iterable[Row]:
        for find in finds:
            request = find.request(resolved.subject, resolved.context, self.connection.settings)
            if request is None:
                continue
            answer = self.engine.transport.call(self.connection, request).json()
            records = find.pick(answer, resolved.subject, resolved.context)
            if records:
                return records
        return []

    def _adopt(
        self, tx: Tx, writer: Writer, row: OutboxRow, resolved: Resolved, ours: list[Row]
    ) -> None:
        theirs = writer.digest(ours[0])
        expected = writer.expect(resolved.subject, resolved.context)
        if agrees(expected, theirs):
            self._confirm(tx, writer, row, ours[0], theirs)
            detail = {"lost": row.error_text, "remote_id": writer.read(ours[0]).remote_id}
            audit.record(tx, self.engine.actor, f"{writer.name}.recovered", row.subject_id, detail)
            self.done.recovered.append(row.id)
            return
        text = (
            f"Record {writer.read(ours[0]).remote_id} in the ledger carries our key but differs: "
            f"{differs(expected, theirs)}. Put it right there, then `tieout retry`: it looks again."
        )
        self._leave(tx, row, "Conflict", text)


def push(engine: Engine, *, boundary: Boundary = lambda name: None) -> Pushed:
    """Push what is due to the ledger. Safe to run again at any time, after any crash."""
    prepare(engine)
    return Pusher(engine, engine.ledger(), boundary).run()
