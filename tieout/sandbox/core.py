"""What every vendor stand-in shares: the WSGI shell, the wire log, time taken, and faults.

A vendor is a subclass of `Vendor` with an `answer(request)` method. The shell
around it logs the call, takes the time a vendor takes, and plays the fault
plan. `Vendor` objects are WSGI applications: served on loopback for people
(`serving.py`), called in process by tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock

StartResponse = Callable[..., Any]

#: What a fault does. `lost_answer`: the vendor commits, then the connection is cut.
#: `error_before` / `error_after`: the status is answered before / after the commit.
#: `cut_before`: the connection is cut before anything is done. `truncated`: half of
#: the body arrives. `slow`: the answer takes `seconds`. `reply`: this very answer, nothing done.
#: `call`: run `action` (an edit behind our back, a revoked token ...), then answer normally.
FaultKind = Literal[
    "lost_answer", "error_before", "error_after", "cut_before", "truncated", "slow", "reply", "call"
]


class ConnectionCut(ConnectionError):
    """The vendor closed the connection without answering; servers and clients see a reset."""


@dataclass
class Fault:
    """One planned fault: plays on the `nth` matching call from now, `times` times."""

    kind: FaultKind
    method: str = ""  # "" matches any method
    path: str = ""  # a part of the path; "" matches any
    body: str = ""  # a part of the request body; "" matches any
    nth: int = 1  # 1 = the next matching call
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None  # None: a page in HTML, as gateways answer
    content_type: str = "text/html"
    seconds: float = 0.0
    action: Callable[[], None] | None = None

    def matches(self, request: Request) -> bool:
        if self.method and request.method != self.method:
            return False
        if self.path and self.path not in request.path:
            return False
        return not self.body or self.body in request.get_data(as_text=True)


class FaultPlan:
    """The faults still to come, in the order they were planned."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.played: list[Fault] = []

    def add(self, kind: FaultKind, **details: Any) -> Fault:
        """Plan one fault; details are the fields of `Fault`."""
        fault = Fault(kind, **details)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        self._faults.clear()

    def take(self, request: Request) -> Fault | None:
        """The fault due for this call, or None; counts the call against the waiting faults."""
        for fault in list(self._faults):
            if not fault.matches(request):
                continue
            if fault.nth > 1:
                fault.nth -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
            self.played.append(fault)
            return fault
        return None


@dataclass(frozen=True)
class Call:
    """One call as the vendor saw it."""

    method: str
    path: str
    query: str
    body: str
    status: int  # 0 when the connection was cut before an answer
    writes: bool  # True when the call could change the vendor's books
    fault: str  # the kind of the fault that was played, "" for none


class Vendor:
    """A vendor's HTTP API with its own books.

    Subclasses set `slug` and `service_s` and implement `answer`, `writes` and
    (where the vendor has its own error body) `crash`. Calls are answered one after
    the other, under one lock: the books are never seen half changed.
    """

    slug = ""

    def __init__(self, clock: Clock, *, service_s: float = 0.0, item_s: float = 0.0) -> None:
        self.clock = clock
        self.service_s = service_s  # seconds each call takes
        self.item_s = item_s  # seconds more for each item of a call, see `items_of`
        self.faults = FaultPlan()
        self.calls: list[Call] = []
        self._lock = threading.RLock()

    # -- for subclasses ---------------------------------------------------
    def answer(self, request: Request) -> Response:
        """Answer one call. Raises werkzeug HTTP exceptions for unknown paths."""
        raise NotImplementedError

    def writes(self, request: Request) -> bool:
        """Whether the call can change the books (token calls and queries cannot)."""
        return request.method not in ("GET", "HEAD")

    def items_of(self, request: Request) -> int:
        """How many items the call carries, for the time it takes."""
        return 1

    # -- for people and tests ---------------------------------------------
    def copy(self, clock: Clock | None = None) -> Vendor:
        """The same vendor and its books once more, on its own clock when one is given; its log
        of calls and its fault plan are empty."""
        raise NotImplementedError

    @property
    def write_calls(self) -> list[Call]:
        """The calls that could change the books, oldest first."""
        return [call for call in self.calls if call.writes]

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.get_data(cache=True)
        with self._lock:
            fault = self.faults.take(request)
        # Time passes outside the lock: a vendor works on several calls at once.
        self.clock.sleep(self.service_s + self.item_s * self.items_of(request))
        if fault is not None and fault.kind == "slow":
            self.clock.sleep(fault.seconds)
        with self._lock:
            response = self._played(request, fault)
        return response(environ, start_response)

    # -- the shell ----------------------------------------------------------
    def _played(self, request: Request, fault: Fault | None) -> Response:
        kind = fault.kind if fault else ""
        if fault is None:
            return self._logged(request, self._answered(request), kind)
        if kind == "call" and fault.action:
            fault.action()
        if kind == "cut_before":
            self._log(request, 0, kind)
            raise ConnectionCut
        if kind in ("error_before", "reply"):
            return self._logged(request, self._planned(fault), kind)
        response = self._answered(request)
        if kind == "lost_answer":
            self._log(request, 0, kind)
            raise ConnectionCut
        if kind == "error_after":
            response = self._planned(fault)
        if kind == "truncated":
            body = response.get_data()
            response.set_data(body[: len(body) // 2])
        return self._logged(request, response, kind)

    def _answered(self, request: Request) -> Response:
        try:
            return self.answer(request)
        except HTTPException as problem:
            return Response(response=problem.get_body(), status=problem.code, mimetype="text/html")

    @staticmethod
    def _planned(fault: Fault) -> Response:
        content = fault.content
        if content is None:
            content = b"<html><body>Service unavailable</body></html>"
        return Response(
            content, status=fault.status, headers=fault.headers, content_type=fault.content_type
        )

    def _logged(self, request: Request, response: Response, fault: str) -> Response:
        self._log(request, response.status_code, fault)
        return response

    def _log(self, request: Request, status: int, fault: str) -> None:
        self.calls.append(
            Call(
                method=request.method,
                path=request.path,
                query=request.query_string.decode("latin-1"),
                body=request.get_data(as_text=True),
                status=status,
                writes=self.writes(request),
                fault=fault,
            )
        )
