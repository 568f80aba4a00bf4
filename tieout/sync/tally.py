"""Counts the calls of this process, and keeps the counts where every process finds them.

Beside them it keeps which connections' credentials are refused, and since when.
"""

from __future__ import annotations

import threading

import structlog

from tieout.connectors.transport import CallEvent, Transport
from tieout.errors import AuthExpired, Conflict, Rejected, StoreError
from tieout.store import notes
from tieout.store.calls import Count, Kind, add
from tieout.store.core import Store, Tx

#: Seconds between two writings of the counts.
KEEP_EVERY_S = 30.0
#: The outcome of a call that did what it should.
OK = "ok"

_STOPPED = "stopped/"
#: Outcomes that prove a credential is good: the system understood who asked.
_KNOWN = {"", Rejected.__name__, Conflict.__name__}

_log = structlog.get_logger("tieout.tally")


class Tally:
    """A listener of the transport. Safe between threads; never stops the work it counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._counted: dict[Kind, Count] = {}
        self._refused: dict[str, str] = {}  # by connection: why, "" when it is welcome
        self._kept_at = store.clock.monotonic()

    def __call__(self, event: CallEvent) -> None:
        """Count a call. No transaction is open while a vendor is called."""
        kind = Kind(event.connection, event.purpose, event.error or OK)
        count = Count(1, int(event.seconds * 1_000_000))
        refused = event.error == AuthExpired.__name__
        with self._lock:
            self._counted[kind] = self._counted.get(kind, Count()) + count
            if refused or event.error in _KNOWN:
                self._refused[event.connection] = (event.text or event.error) if refused else ""
            due = self._store.clock.monotonic() - self._kept_at >= KEEP_EVERY_S
        # After a refusal the token is refreshed: only what comes of that is worth a note.
        if due and not refused:
            self.keep()

    def keep(self) -> None:
        """Write the counts down. When the database cannot, they stay for the next time."""
        with self._lock:
            counted, self._counted = self._counted, {}
            refused, self._refused = self._refused, {}
            self._kept_at = self._store.clock.monotonic()
        if not counted:
            return
        try:
            with self._store.begin() as tx:
                add(tx, counted)
                for connection in sorted(refused):
                    _note(tx, connection, refused[connection])
        except StoreError as problem:
            _log.warning("calls not counted yet", error=str(problem))
            with self._lock:
                for kind, count in counted.items():
                    self._counted[kind] = self._counted.get(kind, Count()) + count
                self._refused = refused | self._refused


def keep_counts(transport: Transport) -> None:
    """Write down what this process counted until now."""
    for listener in transport.listeners:
        if isinstance(listener, Tally):
            listener.keep()


def stopped(tx: Tx) -> dict[str, notes.Note]:
    """The connections whose credentials are refused, why and since when."""
    return notes.below(tx, _STOPPED)


def _note(tx: Tx, connection: str, why: str) -> None:
    name = f"{_STOPPED}{connection}"
    if not why:
        notes.forget(tx, name)
    elif notes.get(tx, name) is None:  # since when is when it began
        notes.put(tx, name, why)
