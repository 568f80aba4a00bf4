"""A pusher: claims rows, saves what is about to leave, makes the call, has it settled.

Several may work at once, in one process or in many: each claims rows of its own. See
`push` for the promise they keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tieout.connectors.base import ItemAnswer, Request, Response, Writer
from tieout.connectors.exact import decode, encode
from tieout.connectors.pace import Turn
from tieout.connectors.transport import Connection
from tieout.errors import (
    AuthExpired,
    Misconfigured,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)
from tieout.store import LostLease, batches, outbox
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync import doubts, looks
from tieout.sync.engine import Engine
from tieout.sync.keys import item_key, key_alone, key_of_batch, key_of_repeat
from tieout.sync.owners import at_work, is_dead
from tieout.sync.resolve import Resolved, Resolver, Unresolved
from tieout.sync.settle import Boundary, Pushed, Ready, Settler

#: Seconds a worker may hold a row: longer than the longest call.
LEASE_S = 300.0
#: The longest wait for our own pace: longer than any window of a minute, shorter than a lease.
PATIENCE_S = 90.0
#: Seconds until a row that waits for its customer is tried again.
WAIT_FOR_OTHERS_S = 60.0
#: Rows in doubt that are looked for at a time.
_DOUBTS = 1000


class Pusher:
    """One line of work on one ledger connection."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        boundary: Boundary = lambda name: None,
        *,
        first: bool = True,
        enough: Callable[[], bool] = lambda: False,
        patience_s: float = PATIENCE_S,
        resolver: Resolver | None = None,
        settled: Callable[[Writer, int], None] = lambda writer, rows: None,
    ) -> None:
        self.engine = engine
        self.connection = connection
        self.boundary = boundary
        self.first = first
        self.enough = enough
        self.patience_s = patience_s
        self.settled = settled  # told after each call how many rows were in it
        self.owner = ""
        self._has_begun = False
        self.done = Pushed()
        self.settler = Settler(engine, connection, self.done, boundary)
        if resolver is None:
            with engine.store.read() as tx:
                resolver = Resolver(engine, tx, connection.name)
        self.resolver = resolver

    def run(self) -> Pushed:
        """Settle what is in doubt, push what is due, look at once for what got lost on the way.

        Customers come before invoices.
        """
        if self._is_parked():
            return self.done
        with self.engine.store.begin() as tx:
            outbox.expire(tx, self.connection.name, is_dead)
        with at_work() as self.owner:
            try:
                for writer in self.connection.connector.writers:
                    self._settle_doubts(writer)
                    self._push_due(writer)
                    self._settle_doubts(writer)
                if self.done.unfinished:
                    self._let_go()
            except (AuthExpired, RateLimited, Misconfigured, Transient, LostLease) as error:
                self._stop(error)
        return self.done

    # -- stopping ---------------------------------------------------------------------------
    def _is_parked(self) -> bool:
        """Whether the company asked for a wait that is not worth waiting here."""
        now = self.engine.now()
        found = self.connection.governor.parked(self.connection.pace_key, now)
        if found is None:
            return False
        until, why = found
        if until - now <= timedelta(seconds=self.engine.transport.patience_s):
            return False
        self.done.stopped, self.done.goes_on_at = f"{why} {_goes_on(until)}", until
        return True

    def _stop(self, error: Exception) -> None:
        """End early; what is in hand is free for whoever comes next."""
        self._let_go()
        self.done.stopped = str(error)
        if isinstance(error, RateLimited):
            until = self.engine.now() + timedelta(seconds=error.wait_s)
            asked = f" (it asked for a wait of {error.asked})" if error.asked else ""
            self.done.stopped, self.done.goes_on_at = f"{error}{asked} {_goes_on(until)}", until

    def _let_go(self) -> None:
        with self.engine.store.begin() as tx:
            outbox.expire(tx, self.connection.name, lambda owner: owner == self.owner)

    def _enough(self) -> bool:
        """Told to end: what is in hand is settled; the rest is for whoever comes next.

        Not before something was done: else a push that takes long to prepare would come to
        nothing each time.
        """
        self.done.unfinished = self.done.unfinished or (self._has_begun and self.enough())
        return self.done.unfinished

    # -- sending ----------------------------------------------------------------------------
    def _push_due(self, writer: Writer) -> None:
        while rows := self._claim(writer, OutboxState.PENDING):
            if ready := self._ready(writer, rows):
                self._send(writer, ready)

    def _claim(self, writer: Writer, state: OutboxState) -> list[OutboxRow]:
        if self._enough():
            return []
        most = writer.batch.size if writer.batch else 1
        with self.engine.store.begin() as tx:
            size = batches.learned(tx, self.connection.pace_key, writer.name, most).size
            rows = outbox.claim(
                tx,
                self.connection.name,
                self.owner,
                lease_s=LEASE_S,
                limit=size if state is OutboxState.PENDING else _DOUBTS,
                states=(state,),
                writer=writer.name,
                first=self.first,
            )
        if rows:
            self.boundary("claimed")
        return rows

    def _ready(self, writer: Writer, rows: Sequence[OutboxRow]) -> list[Ready]:
        """The claimed rows that have all they need; one that lacks something is held."""
        found: list[Ready] = []
        lacking: list[tuple[OutboxRow, Unresolved]] = []
        with self.engine.store.read() as tx:
            known = [(row, self.resolver.resolve(tx, row)) for row in rows]
        for row, resolved in known:
            ready = (
                resolved if isinstance(resolved, Unresolved) else self._built(writer, row, resolved)
            )
            if isinstance(ready, Unresolved):
                lacking.append((row, ready))
            elif ready is not None:
                found.append((row, ready))
        if lacking:
            with self.engine.store.begin() as tx:
                for row, problem in lacking:
                    self._lacks(tx, row, problem)
        return found

    def _lacks(self, tx: Tx, row: OutboxRow, problem: Unresolved) -> None:
        """A row that cannot go now: it waits for others, or for a person."""
        if problem.waits:
            wait = RateLimited(problem.text, wait_s=WAIT_FOR_OTHERS_S)
            self.settler.postpone(tx, row, wait)
        else:
            self.settler.leave(tx, row, "Unmapped", problem.text)

    def _built(
        self, writer: Writer, row: OutboxRow, resolved: Resolved
    ) -> Resolved | Unresolved | None:
        """The row's bytes: those it was built with before, or new ones. What the ledger could
        not hold is this row's trouble and nobody else's. None: a look found it done."""
        if row.body is None and writer.look is not None:
            looked = looks.before(self.settler, writer, writer.look, row, resolved)
            if not isinstance(looked, Resolved):
                return looked
            resolved = looked
        try:
            body = row.body or encode(writer.build(resolved.subject, resolved.context))
        except Misconfigured as problem:
            return Unresolved(text=problem.text)
        # What may stand there otherwise by now: a repeat is judged by what it says.
        if writer.look is not None or row.body is not None:
            context = replace(resolved.context, sent=decode(body))
            resolved = replace(resolved, context=context)
        return replace(resolved, body=body)

    def _send(self, writer: Writer, ready: Sequence[Ready]) -> None:
        """Wait for a turn, save key and bytes of every item, then make the call."""
        rows = [row for row, _ in ready]
        together = writer.batch is not None and len(ready) > 1
        call_key = key_of_batch(rows) if together else key_alone(rows[0])
        items = [
            (item_key(row) if writer.batch is not None else "", resolved.body)
            for row, resolved in ready
        ]
        self._leave(writer, ready, call_key, items, "sent", looked=False)

    def _leave(
        self,
        writer: Writer,
        ready: Sequence[Ready],
        call_key: str,
        items: Sequence[tuple[str, bytes]],
        boundary: str,
        *,
        looked: bool,
    ) -> None:
        """The way of every call: its turn, what it carries saved, the call, the settling."""
        request = self._request(writer, ready, call_key, items)
        turn = self._turn(ready, request)
        sent: list[Ready] = []
        try:
            with self.engine.store.begin() as tx:
                for (row, resolved), (name, body) in zip(ready, items, strict=True):
                    saved = outbox.mark_sent(
                        tx,
                        row,
                        row.fence,
                        body=body,
                        call_key=call_key,
                        item_key=name,
                        looked=looked,
                        lease_s=LEASE_S,
                    )
                    sent.append((saved, resolved))
                self.boundary(f"{boundary}: before commit")
        except Exception:
            self.engine.transport.give_back(self.connection, request, turn)
            raise
        self.boundary(f"{boundary}: after commit")
        self._call(writer, request, sent, turn)

    def _request(
        self,
        writer: Writer,
        ready: Sequence[Ready],
        call_key: str,
        items: Sequence[tuple[str, bytes]],
    ) -> Request:
        """One call for rows that carry the same call key."""
        alone = call_key.startswith(ready[0][0].key)
        if writer.batch is None or alone:
            return writer.send(items[0][1], call_key, self.connection.settings)
        return writer.batch.send(items, call_key, self.connection.settings)

    def _turn(self, ready: Sequence[Ready], request: Request) -> Turn:
        """Wait until the company may be called; too long a wait gives the rows back."""
        try:
            return self.engine.transport.wait_turn(self.connection, request, self.patience_s)
        except RateLimited as wait:
            with self.engine.store.begin() as tx:
                for row, _ in ready:
                    self.settler.postpone(tx, row, wait)
            raise

    def _call(self, writer: Writer, request: Request, sent: list[Ready], turn: Turn) -> None:
        """The call for rows whose bytes are saved."""
        first = sent[0][0]
        # A process that was stopped for longer than its lease must not send when it wakes.
        request = replace(request, send_by=first.lease_until)
        clock = self.engine.transport.clock
        self.done.calls += 1
        self._has_begun = True
        try:
            self.boundary("call: before the first byte")
            started = clock.monotonic()
            response = self.engine.transport.call(self.connection, request, turn)
            self.boundary("call: answer in hand")
        except RemoteError as error:
            self._failed(writer, sent, error)
            return
        except Misconfigured:  # nothing was called
            with self.engine.store.begin() as tx:
                for row, _ in sent:
                    outbox.take_back(tx, row, row.fence)
            raise
        try:
            answer = self._read_back(writer, response)
        except RemoteError as error:
            # It is done and cannot be read now: in doubt, so that a look comes before all else.
            doubt = Unknown(f"written, and not read back: {error.text}", trace_id=error.trace_id)
            self._failed(writer, sent, doubt)
            return
        answers: Mapping[str, ItemAnswer] = {first.item_key: ItemAnswer(answer=answer)}
        if writer.batch is not None and not first.call_key.startswith(first.key):
            answers = writer.batch.split(answer)
        self.settler.answered(writer, request, sent, answers, clock.monotonic() - started)
        self.settled(writer, len(sent))

    def _read_back(self, writer: Writer, response: Response) -> Any:
        """What the ledger says it wrote: its answer, or a read where it answers without."""
        if writer.read_back is None:
            return response.json()
        request = writer.read_back(response, self.connection.settings)
        return self.engine.transport.call(self.connection, request).json()

    def _failed(self, writer: Writer, sent: list[Ready], error: RemoteError) -> None:
        """The whole call failed. A batch refused for what may be one item's fault is cut in
        two, and so on until it is alone; a batch too large as well."""
        too_large = writer.batch is not None and error.code in writer.batch.too_large
        if len(sent) > 1 and (too_large or isinstance(error, Rejected)):
            with self.engine.store.begin() as tx:
                back = [(outbox.take_back(tx, row, row.fence), known) for row, known in sent]
                if too_large:
                    self.settler.too_much(tx, writer, len(sent))
                self.boundary("cut in two: before commit")
            self.boundary("cut in two: after commit")
            middle = (len(back) + 1) // 2
            self._send(writer, back[:middle])
            self._send(writer, back[middle:])
            return
        self.settler.failed(writer, sent, error)
        if isinstance(error, AuthExpired | RateLimited | Misconfigured):
            raise error

    # -- doubts -----------------------------------------------------------------------------
    def _settle_doubts(self, writer: Writer) -> None:
        """Look for every row in doubt; send again only what two looks did not find."""
        again: dict[str, list[Ready]] = {}
        rows = self._claim(writer, OutboxState.UNKNOWN)
        held_since = self.engine.store.clock.monotonic()
        for row, resolved in self._ready(writer, rows):
            if self._enough():
                break
            held_since = self._hold(held_since)
            self._has_begun = True
            if doubts.look(self.settler, writer, row, resolved):
                again.setdefault(key_of_repeat(row), []).append((row, resolved))
        for call_key, whole in again.items():
            for ready in self._parts(writer, whole):
                items = [(row.item_key, bytes(row.body or b"")) for row, _ in ready]
                self._leave(writer, ready, call_key, items, "sent again", looked=True)

    def _hold(self, since: float) -> float:
        """Keep the leases on rows that wait for their look; each look takes a call or two."""
        now = self.engine.store.clock.monotonic()
        if now - since < LEASE_S / 3:
            return since
        with self.engine.store.begin() as tx:
            outbox.renew(tx, self.connection.name, self.owner, LEASE_S)
        return now

    def _parts(self, writer: Writer, whole: list[Ready]) -> list[list[Ready]]:
        """The calls in which rows of one call go again, in parts that the vendor gets through.

        All with the key they had: it knows each item of that call by the two together, so one
        that it still works on is done once, in whatever company it comes again.
        """
        most = writer.batch.size if writer.batch else 1
        with self.engine.store.read() as tx:
            size = batches.learned(tx, self.connection.pace_key, writer.name, most).size
        return [whole[start : start + size] for start in range(0, len(whole), size)]


def _goes_on(until: datetime) -> str:
    return f"It goes on at {until:%Y-%m-%d %H:%M:%S} UTC."
