"""The memory behind `Idempotency-Key`: first answers by key, for six minutes.

A key belongs to one app and one organisation. The query counts as part of the
address; the body counts by its bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Request

from tieout.clock import Clock
from tieout.sandbox.xero.settings import Settings

KEYED = ("PUT", "POST", "PATCH")
#: Refusals that say nothing about the request itself.
_NOT_KEPT = (401, 403, 429, 503)


@dataclass(frozen=True)
class Kept:
    """A first answer."""

    mark: str  # of the request it answered
    at: datetime
    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]


class Keys:
    """First answers by (client, organisation, key)."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._kept: dict[tuple[str, str, str], Kept] = {}
        self.replayed = 0

    def share(self, memo: dict[int, Any]) -> None:
        """Prepare the memo of a deep copy: kept answers never change and are shared."""
        memo[id(self._kept)] = dict(self._kept)

    def recall(self, owner: tuple[str, str], key: str) -> Kept | None:
        """The first answer, None when there is none or it is too old."""
        kept = self._kept.get((*owner, key))
        if kept is None:
            return None
        if self._clock.now() - kept.at >= timedelta(seconds=self._settings.key_life_s):
            del self._kept[(*owner, key)]
            return None
        self.replayed += 1
        return kept

    def keep(
        self,
        owner: tuple[str, str],
        key: str,
        mark: str,
        status: int,
        content: bytes,
        headers: list[tuple[str, str]],
    ) -> None:
        """Remember an answer, errors included, except refusals at the door."""
        if status in _NOT_KEPT:
            return
        now = self._clock.now()
        self._kept[(*owner, key)] = Kept(mark, now, status, content, tuple(headers))


def mark_of(request: Request) -> str:
    """What makes a request the same: method, address with its query, and the bytes of the body."""
    found = hashlib.sha256(request.method.encode())
    for part in (request.path.encode(), request.query_string, request.get_data()):
        found.update(b"\0")
        found.update(part)
    return found.hexdigest()
