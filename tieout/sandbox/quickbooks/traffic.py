"""Calls that are being worked on: how many at once, and with which request id.

Intuit allows a number of calls at the same time, and documents code 600 for a
request id that is used again; when it comes is not documented, most likely
while the first call is still running.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from werkzeug.test import create_environ
from werkzeug.wrappers import Request

#: Longest real wait for another call with the same request id, seconds.
_PATIENCE_S = 130.0


class Lock:
    """A lock that a copy of its owner gets anew."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Lock:
        return Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@dataclass(eq=False)
class Arrival:
    """One call from its first byte to its answer."""

    request_id: str
    ahead: int  # calls worked on when this one came
    first: Arrival | None  # the unfinished call with the same request id, if there is one
    thread: int = field(default_factory=threading.get_ident)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def repeats(self) -> bool:
        """Whether the call with the same request id is still worked on."""
        return self.first is not None and not self.first.done.is_set()

    def wait(self) -> None:
        """Wait until the call with the same request id is done."""
        if self.first is not None and self.first.thread != self.thread:
            self.first.done.wait(_PATIENCE_S)


class Traffic:
    """The calls being worked on."""

    def __init__(self) -> None:
        self._here: list[Arrival] = []
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Traffic:
        return Traffic()

    def enter(self, query: str) -> Arrival:
        """Count a call with a query string in."""
        request_id = parse_qs(query).get("requestid", [""])[0] if "requestid=" in query else ""
        with self._lock:
            same = (each for each in self._here if each.request_id == request_id)
            arrival = Arrival(request_id, len(self._here), next(same, None) if request_id else None)
            self._here.append(arrival)
        return arrival

    def leave(self, arrival: Arrival) -> None:
        with self._lock:
            self._here.remove(arrival)
        arrival.done.set()


@dataclass(frozen=True)
class LateWrite:
    """A write whose caller is gone and whose work is not done yet."""

    due_at: datetime
    request_id: str
    path: str
    query: str
    body: bytes
    content_type: str

    @classmethod
    def of(cls, request: Request, due_at: datetime) -> LateWrite:
        return cls(
            due_at,
            request.args.get("requestid", ""),
            request.path,
            request.query_string.decode("latin-1"),
            request.get_data(),
            request.headers.get("Content-Type", ""),
        )

    def request(self) -> Request:
        """The call as it came."""
        environ = create_environ(
            self.path,
            query_string=self.query,
            method="POST",
            data=self.body,
            content_type=self.content_type,
        )
        return Request(environ)
