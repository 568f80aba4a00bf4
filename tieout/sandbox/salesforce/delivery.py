"""Delivery of outbound messages: queued on changes, sent until acknowledged.

No good answer within a minute, and the message is tried again at growing
intervals, up to two hours apart, for a day. Messages may repeat and come out of
order. Tests call `deliver` on a virtual clock; `start` calls it from a thread,
as the page of Setup does for people.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from tieout.clock import Clock
from tieout.sandbox.salesforce.books import Change
from tieout.sandbox.salesforce.ids import make_id
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.outbound import (
    Action,
    Evaluate,
    Notification,
    acknowledged,
    envelope,
)

#: The first interval and how it grows are ours; the longest one and the day are the vendor's.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
KEPT_FOR = timedelta(hours=24)
ANSWER_WITHIN_S = 60
MOST_IN_A_MESSAGE = 100

#: Posts (address, body) as `text/xml` and gives the HTTP status and the answer's text.
#: Raises OSError when nobody answers.
Post = Callable[[str, bytes], tuple[int, str]]


@dataclass(frozen=True)
class Sent:
    """One try: what a receiver was told and what it answered (0: no answer in time)."""

    at: datetime
    url: str
    body: bytes
    status: int
    acknowledged: bool


class OutboundMessages:
    """The outbound messages of one org. Nothing is queued before `add`."""

    def __init__(self, clock: Clock, org: Org, new_session: Callable[[], str]) -> None:
        self.actions: list[Action] = []
        self.waiting: list[Notification] = []
        self.dropped: list[Notification] = []  # not acknowledged within a day
        self.log: list[Sent] = []
        self.instance_url = "https://acme.my.salesforce.com"  # shown to receivers
        self.repeat = False  # send each acknowledged message once more
        self.reverse = False  # send the newest first
        self.batch_size = MOST_IN_A_MESSAGE  # most notifications in a message, 1 to 100
        self._clock = clock
        self._org = org
        self._new_session = new_session
        self._count = 0
        self._action_count = 0
        self._lock = threading.RLock()
        self._running: _Runner | None = None
        org.listeners.append(self._changed)

    def __deepcopy__(self, memo: dict[int, Any]) -> OutboundMessages:
        """A copy has what waits, but no thread."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "_running"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin._running = None
        twin._org.listeners.append(twin._changed)
        return twin

    # -- for people ---------------------------------------------------------------
    def add(
        self,
        url: str,
        object_name: str = "Opportunity",
        fields: tuple[str, ...] = ("Name", "StageName"),
        *,
        where: str = "",
        evaluate: Evaluate = "every_edit",
        session: bool = False,
    ) -> Action:
        """Set up an outbound message; changes from now on are told.

        `where` is a condition as in a query, such as `IsWon = true`. Raises ApiError for an
        object, field or condition that cannot be.
        """
        action_id = make_id("04k", self._action_count + 1)
        made = Action(action_id, url, object_name, fields, where, evaluate, session)
        made.check(self._org)
        self._action_count += 1
        self.actions.append(made)
        return made

    def clear(self) -> None:
        """Take all outbound messages away, and what waits for them."""
        with self._lock:
            self.actions, self.waiting = [], []

    def notify(self, action: Action, record_id: str) -> Notification:
        """Queue a notification, whatever the rule says."""
        return self._queue(action, record_id, self._clock.now())

    # -- delivery -------------------------------------------------------------------
    def deliver(self, post: Post | None = None) -> int:
        """Send what is due now; returns how many notifications were acknowledged.

        `post` sends one message; left out, it goes over HTTP.
        """
        with self._lock:
            batches = self._batches()
        return sum(self._send(batch, post or post_http) for batch in batches)

    def next_due(self) -> datetime | None:
        """When `deliver` has something to do again, None while nothing waits."""
        with self._lock:
            return min((each.due_at for each in self.waiting), default=None)

    def start(self, every_s: float = 1.0, post: Post | None = None) -> None:
        """Deliver from a thread of its own every few seconds of real time, until `stop`."""
        if self._running is None:
            self._running = _Runner(lambda: self.deliver(post), every_s)

    def stop(self, *, wait: bool = True) -> None:
        """Stop the thread, and wait until it has ended; a second time does nothing."""
        if self._running is not None:
            self._running.stop(wait)
            self._running = None

    # -- inside -----------------------------------------------------------------------
    def _changed(self, change: Change) -> None:
        for action in self.actions:
            if action.tells(self._org, change):
                self._queue(action, change.new["Id"], change.visible_at)

    def _queue(self, action: Action, record_id: str, due_at: datetime) -> Notification:
        with self._lock:
            self._count += 1
            made = Notification(
                make_id("04l", self._count), action, record_id, self._clock.now(), due_at
            )
            self.waiting.append(made)
        return made

    def _batches(self) -> list[list[Notification]]:
        now = self._clock.now()
        self.dropped += [each for each in self.waiting if now - each.queued_at > KEPT_FOR]
        self.waiting = [each for each in self.waiting if now - each.queued_at <= KEPT_FOR]
        due = [each for each in self.waiting if each.due_at <= now]
        if self.reverse:
            due.reverse()
        size = self.batch_size
        batches = []
        for action in self.actions:
            mine = [each for each in due if each.action == action]
            batches += [mine[start : start + size] for start in range(0, len(mine), size)]
        return batches

    def _send(self, batch: list[Notification], post: Post) -> int:
        action = batch[0].action
        session_id = self._new_session() if action.session else ""
        body = envelope(self._org, action, batch, self.instance_url, session_id)
        sent = self._posted(action, body, post)
        with self._lock:
            self.log.append(sent)
            if sent.acknowledged:
                self.waiting = [each for each in self.waiting if each not in batch]
            for each in () if sent.acknowledged else batch:
                wait = min(FIRST_WAIT * 2 ** min(each.tries, 10), LONGEST_WAIT)
                each.tries += 1
                each.due_at = self._clock.now() + wait
        if sent.acknowledged and self.repeat:
            self.log.append(self._posted(action, body, post))
        return len(batch) if sent.acknowledged else 0

    def _posted(self, action: Action, body: bytes, post: Post) -> Sent:
        began = self._clock.now()
        try:
            status, answer = post(action.url, body)
        except OSError:
            status, answer = 0, ""
        if (self._clock.now() - began).total_seconds() > ANSWER_WITHIN_S:
            status = 0
        return Sent(began, action.url, body, status, acknowledged(status, answer))


class _Runner:
    """Calls something every few seconds of real time from a thread of its own."""

    def __init__(self, work: Callable[[], object], every_s: float) -> None:
        self._work = work
        self._every_s = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self, wait: bool) -> None:
        self._end.set()
        if wait:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            self._work()


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer other than 200."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post_http(url: str, body: bytes) -> tuple[int, str]:
    """Post over HTTP; status 0 for an answer that is no HTTP. Raises OSError."""
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
    request = Request(url, data=body, headers=headers, method="POST")
    opener = build_opener(ProxyHandler({}), _NoRedirects)
    try:
        with opener.open(request, timeout=ANSWER_WITHIN_S) as answer:
            return int(answer.status), answer.read().decode("utf-8", "replace")
    except HTTPError as refusal:
        refusal.close()
        return refusal.code, ""
    except (HTTPException, ValueError):
        return 0, ""
