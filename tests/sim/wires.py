"""The way from a process to a vendor, and the database of a process: where faults strike."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from tests.scenarios.carried import documents_in
from tests.sim.faults import ROTATING, name_of_call
from tests.sim.kernel import Process
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.core import Vendor
from tieout.store.core import Store, Tx

if TYPE_CHECKING:
    from tests.sim.history import History

#: Seconds a process is stopped: longer than the longest lease.
PAUSE_S = 1000.0
#: Seconds a late answer takes: longer than any patience, so that the caller gives up
#: while the vendor still works.
LATE_S = 240.0
SLOW_S = 45.0

_STATUS = {"500 before": 500, "503 before": 503, "500 after": 500, "504 after": 504}
_WAITS = {"429 with a wait": "30", "429 absurd": str(10 * 365 * 86_400)}


class Wire(BaseAdapter):
    """Carries one process's calls to one vendor."""

    def __init__(self, history: History, process: Process, vendor: Vendor) -> None:
        super().__init__()
        self._history = history
        self._kernel = history.kernel
        self._process = process
        self._vendor = vendor
        self._inner = WsgiAdapter(vendor)

    def close(self) -> None:
        return

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        about = str(request.method), str(request.url), _body(request)
        point = name_of_call(self._vendor.slug, *about)
        self._history.watch.call(self._process, self._vendor, request)
        kind = self._history.faults.at(point)
        if kind:
            self._kernel.note(f"{kind} at {point}")
        if kind == "crash before":
            self._history.crash(self._process)
        if kind == "pause before":
            self._kernel.pause(self._process, PAUSE_S)
        self._kernel.point()
        with self._history.watch.refresh(self._process, self._vendor, point):
            answer = self._carried(kind, request, timeout)
        if kind == "crash after":
            self._history.crash(self._process)
        self._kernel.point()
        return answer

    def _carried(self, kind: str, request: requests.PreparedRequest, timeout: Any) -> Any:
        if kind == "late":
            return self._late(request, timeout)
        self._plan(kind)
        return self._inner.send(request)

    def _plan(self, kind: str) -> None:
        """Tell the vendor what to do with the very next call, which is this one."""
        vendor, faults = self._vendor, self._vendor.faults
        if kind == "cut before":
            faults.add("cut_before")
        elif kind == "answer lost":
            faults.add("lost_answer")
        elif kind == "truncated":
            faults.add("truncated")
        elif kind == "slow":
            faults.add("slow", seconds=SLOW_S)
        elif kind in _STATUS:
            when = "error_before" if kind.endswith("before") else "error_after"
            faults.add(when, status=_STATUS[kind])  # type: ignore[arg-type]
        elif kind.startswith("429"):
            waits = {"Retry-After": _WAITS[kind]} if kind in _WAITS else {}
            faults.add("reply", status=429, headers=waits)
        elif kind == "quota gone":
            faults.add("reply", **_quota(vendor.slug))
        elif kind == "401":
            faults.add("reply", **_refused(vendor.slug))
        elif kind == "revoked":
            self._history.world.ledger.revoke()

    def _late(self, request: requests.PreparedRequest, timeout: Any) -> Any:
        """The caller gives up; later the vendor does what it was asked all the same."""
        patience = timeout[1] if isinstance(timeout, tuple) else timeout

        def vendor_works() -> None:
            self._kernel.sleep(LATE_S)
            self._inner.send(request)
            self._kernel.note("the vendor did what nobody waits for any more")

        self._kernel.spawn(self._history.vendors, "vendor", vendor_works)
        self._kernel.sleep(patience)
        raise requests.exceptions.ReadTimeout(request=request)


def _quota(slug: str) -> dict[str, Any]:
    if slug == "salesforce":
        text = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
        content = json.dumps(text).encode()
        return {"status": 403, "content": content, "content_type": "application/json"}
    if slug == "xero":
        until_midnight = {"Retry-After": "9000", "X-Rate-Limit-Problem": "day"}
        return {"status": 429, "headers": until_midnight}
    return {"status": 429, "times": 3}


def _refused(slug: str) -> dict[str, Any]:
    if slug == "salesforce":
        text = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
        content = json.dumps(text).encode()
        return {"status": 401, "content": content, "content_type": "application/json"}
    return {"status": 401}


# -- the database ---------------------------------------------------------------------------
def store_class(history: History) -> type[Store]:
    """A Store whose transactions are points: around them others may go first, or all ends."""

    class SimStore(Store):
        @contextmanager
        def begin(self, **options: Any) -> Iterator[Tx]:
            point = f"commit {_caller()}"
            process = history.process()
            kind = history.faults.at(point) if process else ""
            if kind:
                history.kernel.note(f"{kind} at {point}")
            if kind == "pause before":
                history.kernel.pause(process, PAUSE_S)
            history.kernel.point()
            with history.watch.transaction(), super().begin(**options) as tx:
                yield tx
                if kind == "crash before":
                    history.crash(process)
            if kind == "crash after":
                history.crash(process)
            if kind == "pause after":
                history.kernel.pause(process, PAUSE_S)
            history.kernel.point()

        @contextmanager
        def read(self) -> Iterator[Tx]:
            history.kernel.alive()
            with history.watch.transaction(), super().read() as tx:
                yield tx

    return SimStore


def _caller() -> str:
    """The function of ours that opened the transaction, without its package."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("tieout.") and name != "tieout.store.core":
            where = name.removeprefix("tieout.")
            return f"{where}.{frame.f_code.co_qualname}"
        frame = frame.f_back  # type: ignore[assignment]
    return "nobody"


class Watch:
    """What must never be seen on the way, noted the moment it is."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.broken: list[str] = []
        self.refreshing: Counter[str] = Counter()
        self.open: Counter[object] = Counter()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        who = self._history.kernel.current()
        self.open[who] += 1
        try:
            yield
        finally:
            self.open[who] -= 1

    @contextmanager
    def refresh(self, process: Process, vendor: Vendor, point: str) -> Iterator[None]:
        """Two refreshes of one token at once are one too many."""
        if not point.endswith(" token") or vendor.slug not in ROTATING:
            yield
            return
        if self.refreshing[vendor.slug]:
            self.broken.append(f"{process.name} refreshes {vendor.slug} while another does")
        self.refreshing[vendor.slug] += 1
        try:
            yield
        finally:
            self.refreshing[vendor.slug] -= 1

    def call(self, process: Process, vendor: Vendor, request: requests.PreparedRequest) -> None:
        if self.open[self._history.kernel.current()]:
            self.broken.append(f"a transaction is open during {request.method} {vendor.slug}")
        for number in documents_in(vendor.slug, str(request.method), _body(request)):
            if not self._history.is_approved(number):
                self.broken.append(f"{number} was sent before it was approved")


def _body(request: requests.PreparedRequest) -> bytes:
    body: Any = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)
