"""Calls that are being worked on, and writes whose caller is gone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.test import create_environ
from werkzeug.wrappers import Request


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


class Traffic:
    """How many calls to each organisation are being worked on."""

    def __init__(self) -> None:
        self._here: dict[str, int] = {}
        self._lock = Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Traffic:
        return Traffic()

    def enter(self, tenant_id: str) -> int:
        """Count a call in; how many were there before it."""
        with self._lock:
            before = self._here.get(tenant_id, 0)
            self._here[tenant_id] = before + 1
        return before

    def leave(self, tenant_id: str) -> None:
        with self._lock:
            self._here[tenant_id] -= 1


@dataclass(frozen=True)
class LateWrite:
    """A write whose caller is gone and whose work is not done yet."""

    due_at: datetime
    method: str
    path: str
    query: str
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: Request, due_at: datetime) -> LateWrite:
        query = request.query_string.decode("latin-1")
        headers = tuple(request.headers.items())
        return cls(due_at, request.method, request.path, query, request.get_data(), headers)

    @property
    def key(self) -> str:
        return dict((name.lower(), value) for name, value in self.headers).get(
            "idempotency-key", ""
        )

    def request(self) -> Request:
        """The call as it came."""
        environ = create_environ(
            self.path,
            query_string=self.query,
            method=self.method,
            data=self.body,
            headers=list(self.headers),
        )
        return Request(environ)
