"""Push: approved documents reach the ledger once each.

The order of things is the promise. A row is claimed; its key, its bytes and the call they
go in are saved (`sent`); only then does the first byte leave; the answer is settled item by
item. A row that was `sent` and has no answer is `unknown`, and is looked for before
anything is sent again, then with the same key and the same bytes.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tieout.connectors.base import Writer
from tieout.connectors.transport import Connection
from tieout.store import runs
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.estimate import Estimate, estimate, in_words
from tieout.sync.owners import at_work
from tieout.sync.plan import prepare
from tieout.sync.pusher import PATIENCE_S, Pusher
from tieout.sync.resolve import Resolver
from tieout.sync.settle import Boundary, Pushed

__all__ = ["AT_ONCE", "Pushed", "push"]

#: As many pushers as the ledger's company takes calls at once.
AT_ONCE = 0


def push(
    engine: Engine,
    *,
    boundary: Boundary = lambda name: None,
    first: bool = True,
    enough: Callable[[], bool] = lambda: False,
    pushers: int = 1,
    patience_s: float = PATIENCE_S,
    begun: Callable[[Estimate], None] = lambda expected: None,
) -> Pushed:
    """Push what is due to the ledger. Safe to run again at any time, after any crash, and
    several at once.

    `first=False` leaves documents that nobody has tried yet to their schedule; `enough` is
    asked between calls, and a push that is told so ends there. `pushers` work at once, each
    in a thread of its own when there are several; AT_ONCE = as many as the vendor takes.
    `patience_s` is the longest wait for our own pace, in seconds; a longer one ends the push,
    as does a wait that the vendor asks for. `begun` is told what to expect.
    """
    planned = prepare(engine, first=first)
    connection = engine.ledger()
    begun(planned.estimate)
    progress = Progress(engine, connection, planned.records)
    with engine.store.read() as tx:
        resolver = Resolver(engine, tx, connection.name)

    def one() -> Pusher:
        return Pusher(
            engine,
            connection,
            boundary,
            first=first,
            enough=enough,
            patience_s=patience_s,
            resolver=resolver,
            settled=progress.settled,
        )

    wanted = min(pushers or connection.at_once or 1, max(planned.estimate.calls, 1))
    done = Pushed(estimate=planned.estimate)
    with at_work() as owner, runs.running(engine.store, "push", connection.name, owner) as run:
        for pushed in [one().run()] if wanted == 1 else _together([one() for _ in range(wanted)]):
            done.add(pushed)
        run.counts = {
            "confirmed": len(done.confirmed),
            "held": len(done.held),
            "waiting": len(done.waiting),
            "calls": done.calls,
        }
        if done.stopped:
            run.state, run.error_text = runs.RunState.PARTIAL, done.stopped
    return done


def _together(pushers: list[Pusher]) -> list[Pushed]:
    """What several did, each in a thread; an error of one is raised when all have ended."""
    with ThreadPoolExecutor(len(pushers), thread_name_prefix="push") as pool:
        work = [pool.submit(contextvars.copy_context().run, one.run) for one in pushers]
    return [each.result() for each in work]


class Progress:
    """Tells how far a push has come and how long the rest takes. Safe between threads."""

    def __init__(self, engine: Engine, connection: Connection, records: Mapping[str, int]) -> None:
        self._engine = engine
        self._connection = connection
        self._totals = records
        self._done = dict.fromkeys(records, 0)
        self._lock = threading.Lock()
        self._started = engine.store.clock.monotonic()

    def settled(self, writer: Writer, rows: int) -> None:
        """Some rows are settled."""
        with self._lock:
            self._done[writer.name] = self._done.get(writer.name, 0) + rows
            done, total = self._done[writer.name], self._totals.get(writer.name, 0)
            left = {name: max(n - self._done[name], 0) for name, n in self._totals.items()}
        with self._engine.store.read() as tx:
            text = f" (about {in_words(self._left_s(tx, left))} left)" if sum(left.values()) else ""
        what = f"{self._connection.name}: {writer.name}{text}"
        self._engine.progress(what, done, max(total, done))

    def _left_s(self, tx: Tx, left: Mapping[str, int]) -> int:
        """At the company's limits, or at the speed so far, whichever is slower."""
        expected = estimate(tx, self._connection, left, fresh=False).seconds
        passed = int(self._engine.store.clock.monotonic() - self._started)
        done = sum(self._done.values())
        return max(expected, passed * sum(left.values()) // max(done, 1))
