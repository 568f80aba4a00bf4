"""How fast a remote company may be called: sliding windows shared by all who call it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from tieout.connectors.base import Limit, Request

#: The share of each limit that unattended work may use; the rest is kept for people.
UNATTENDED_SHARE = (9, 10)


class Governor(Protocol):
    """Counts calls for each remote company, for all processes that call it.

    `company` is `<connector slug>:<company id>`.
    """

    def wait_before(
        self, company: str, limits: Iterable[Limit], request: Request, now: datetime
    ) -> float:
        """Seconds to wait before this call; 0 = go, and the call is counted.

        Above 0 nothing was counted: ask again after the wait.
        """
        ...

    def park(self, company: str, until: datetime) -> None:
        """Let nobody call the company before an instant: the vendor asked for it."""
        ...


def unattended(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """The limits less the share kept for people; never below one call."""
    part, whole = UNATTENDED_SHARE
    return tuple(replace(limit, count=max(1, limit.count * part // whole)) for limit in limits)


class MemoryGovernor:
    """Counters of one process, safe between threads: for the embedded engine and tests."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], deque[datetime]] = {}
        self._parked: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def wait_before(
        self, company: str, limits: Iterable[Limit], request: Request, now: datetime
    ) -> float:
        with self._lock:
            parked = self._parked.get(company, now)
            waits = [(parked - now).total_seconds()]
            windows = []
            for limit in limits:
                if not limit.applies(request):
                    continue
                window = self._windows.setdefault((company, limit.name), deque())
                waits.append(_wait_in(window, limit, now))
                windows.append(window)
            wait_s = max(waits)
            if wait_s > 0:
                return wait_s
            for window in windows:
                window.append(now)
            return 0.0

    def park(self, company: str, until: datetime) -> None:
        with self._lock:
            self._parked[company] = max(until, self._parked.get(company, until))


def _wait_in(window: deque[datetime], limit: Limit, now: datetime) -> float:
    """Seconds until the window has room; forgets the calls that left it."""
    oldest = now - timedelta(seconds=limit.per_s)
    # A call later than now means the clock was set back: such calls cannot be placed.
    kept = [call for call in window if oldest < call <= now]
    window.clear()
    window.extend(kept)
    if len(kept) < limit.count:
        return 0.0
    frees = kept[len(kept) - limit.count] + timedelta(seconds=limit.per_s)
    return max((frees - now).total_seconds(), 0.0)
