"""The memory behind `requestid` (Intuit: learn basic field definitions).

A repeated id gets the stored first answer and nothing is done again; the body
of the repeat is not compared. How long ids are remembered is not documented,
so it is a setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.wire import Row

_LONGEST, _LONGEST_BATCH, _LONGEST_ITEM = 50, 36, 10


@dataclass(frozen=True)
class Answer:
    """A stored answer: the HTTP status and the body without its time."""

    status: int
    body: Row
    at: datetime


class Replays:
    """Answers by request id, or by request id and batch item id."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._answers: dict[tuple[str, str], Answer] = {}
        self.replayed = 0

    def share(self, memo: dict[int, Any]) -> None:
        """Prepare the memo of a deep copy: stored answers never change and are shared."""
        memo[id(self._answers)] = dict(self._answers)

    def recall(self, request_id: str, item_id: str = "") -> Answer | None:
        """The stored answer, None when there is none or it is too old."""
        if not request_id:
            return None
        answer = self._answers.get((request_id, item_id))
        if answer is None:
            return None
        age = self._clock.now() - answer.at
        if age > timedelta(seconds=self._settings.replay_ttl_s):
            del self._answers[(request_id, item_id)]
            return None
        self.replayed += 1
        return answer

    def keep(self, request_id: str, item_id: str, status: int, body: Row) -> None:
        """Remember a success, and a validation fault when the settings say so."""
        fault = body.get("Fault")
        lasting = fault is None or (
            fault["type"] == "ValidationFault" and self._settings.replay_faults
        )
        if request_id and lasting:
            self._answers[(request_id, item_id)] = Answer(status, body, self._clock.now())


def check_request_id(request_id: str) -> None:
    """Raises 6000 for an id of more than 50 characters, 2130 for one that is not plain text."""
    if len(request_id) > _LONGEST:
        raise _too_long()
    if not (request_id.isascii() and request_id.isprintable()):
        raise faults.bad_request_id(request_id)


def check_batch_ids(request_id: str, item_ids: list[str]) -> None:
    """With a request id, batch items are kept under both ids joined, so both are shorter."""
    if not request_id:
        return
    if len(request_id) > _LONGEST_BATCH or any(len(each) > _LONGEST_ITEM for each in item_ids):
        raise _too_long()


def _too_long() -> faults.ApiFault:
    return faults.rule("You cannot enter more than 50 characters in the request_id field")
