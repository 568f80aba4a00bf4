"""Delivery of notifications to the address an app registered (Intuit: webhooks, best practices).

Every change is queued. `deliver` sends what is due: an answer other than 200
within three seconds is tried again after 10 s, 20 s, 30 s, 5 min, 20 min, 2 h,
4 h, 6 h and then every 6 h, and later events wait until the first is taken.
Tests call `deliver` on a virtual clock; `start` calls it from a thread, for people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from tieout.clock import Clock
from tieout.sandbox.notify import Runner, post_http
from tieout.sandbox.quickbooks.books import Books
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.store import Change
from tieout.sandbox.quickbooks.traffic import Lock
from tieout.sandbox.quickbooks.webhooks import Style, payload, told, webhook_headers

ANSWER_WITHIN_S = 3.0
#: Seconds until the next try; the last one repeats for ever.
LADDER_S = (10, 20, 30, 300, 1200, 7200, 14400, 21600)

#: Posts (address, body, headers) and gives the HTTP status. Raises OSError when nobody answers.
Post = Callable[[str, bytes, dict[str, str]], int]
#: `duplicate`: told once more, `seconds` after the first time. `late`: told `seconds` later.
#: `swap`: told after the next event. `lost`: never told.
HookFaultKind = Literal["duplicate", "late", "swap", "lost"]


@dataclass
class HookFault:
    """One planned irregularity: plays on the `nth` matching event from now, `times` times."""

    kind: HookFaultKind
    entity: str = ""  # "" matches any
    operation: str = ""  # "" matches any
    nth: int = 1
    times: int = 1
    seconds: float = 0.0

    def matches(self, change: Change) -> bool:
        return self.entity in ("", change.entity) and self.operation in ("", change.operation)


@dataclass(eq=False)
class Event:
    """A change of one company on its way to the subscriber."""

    realm_id: str
    change: Change
    due_at: datetime


@dataclass(eq=False)
class Notification:
    """One body that is sent until it is taken."""

    events: list[Event]
    due_at: datetime
    tries: int = 0


@dataclass(frozen=True)
class Sent:
    """One try: what the subscriber was told and what it answered (0: no answer in time)."""

    at: datetime
    body: bytes
    headers: dict[str, str]
    status: int
    tries: int  # tries of this body before


@dataclass
class _Followed:
    """A company whose changes are told, and how many of them were seen."""

    realm_id: str
    books: Books
    seen: int


class Hooks:
    """The subscription of one app. Nothing is queued before `subscribe`."""

    def __init__(
        self, clock: Clock, settings: Settings, verifier_token: str, prepare: Callable[[], None]
    ) -> None:
        """`prepare` is called before changes are collected."""
        self.url = ""
        self.style: Style = "cloudevents"
        self.verifier_token = verifier_token
        self.events: list[Event] = []  # not yet part of a notification
        self.waiting: list[Notification] = []
        self.log: list[Sent] = []
        self.faults: list[HookFault] = []
        self._clock = clock
        self._settings = settings
        self._prepare = prepare
        self._lock = Lock()
        self._followed: list[_Followed] = []
        self._swapped: list[Event] = []
        self._running: Runner | None = None

    # -- the app's portal ---------------------------------------------------------
    def follow(self, realm_id: str, books: Books) -> None:
        """Tell this company's changes, too: one app has one address for all of them."""
        self._followed.append(_Followed(realm_id, books, len(books.changes)))

    def subscribe(self, url: str, style: Style = "cloudevents") -> None:
        """Register the address; changes from now on are told."""
        with self._lock:
            self.url, self.style = url, style
            for each in self._followed:
                each.seen = len(each.books.changes)

    def unsubscribe(self) -> None:
        """Forget the address and everything that waits."""
        with self._lock:
            self.url = ""
            self.events, self.waiting, self._swapped = [], [], []

    def plan(self, kind: HookFaultKind, **details: Any) -> HookFault:
        """Plan one irregularity; details are the fields of `HookFault`."""
        fault = HookFault(kind, **details)
        self.faults.append(fault)
        return fault

    # -- delivery --------------------------------------------------------------------
    def deliver(self, post: Post | None = None) -> int:
        """Send what is due now; returns how many notifications were taken.

        `post` sends one body; left out, it goes over HTTP.
        """
        done = 0
        self._prepare()
        with self._lock:
            self._collect()
            due = self._due()
        for notification in due:
            taken = self._send(notification, post or _post)
            done += taken
            if not taken and self._settings.webhook_holds_back:
                break
        return done

    def next_due(self) -> datetime | None:
        """When `deliver` has something to do again, None while nothing waits."""
        self._prepare()
        with self._lock:
            self._collect()
            if self.waiting and self._settings.webhook_holds_back:
                # Whatever comes later waits for the first one.
                return self.waiting[0].due_at
            waiting = [each.due_at for each in self.waiting]
            return min(waiting + [each.due_at for each in self.events], default=None)

    def start(self, every_s: float = 1.0, post: Post | None = None) -> None:
        """Deliver from a thread of its own every few seconds of real time, until `stop`."""
        if self._running is None:
            self._running = Runner(lambda: self.deliver(post), every_s)
            self._running.start()

    def stop(self, *, wait: bool = True) -> None:
        """Stop the thread, and wait for its end or not; a second time does nothing."""
        if self._running is not None:
            self._running.stop(wait=wait)
            self._running = None

    # -- inside ---------------------------------------------------------------------
    def _collect(self) -> None:
        """Take the changes that were made since the last time."""
        if not self.url:
            return
        for company in self._followed:
            fresh = company.books.changes[company.seen :]
            company.seen += len(fresh)
            for change in fresh:
                if told(change):
                    self._queue(Event(company.realm_id, change, self._ready_at(change)))

    def _ready_at(self, change: Change) -> datetime:
        return change.at + timedelta(seconds=self._settings.webhook_delay_s)

    def _queue(self, event: Event) -> None:
        fault = self._take_fault(event.change)
        kind = fault.kind if fault else ""
        if kind == "lost":
            return
        if fault is not None and kind == "swap":
            self._swapped.append(event)
            return
        wait = timedelta(seconds=fault.seconds if fault else 0)
        if kind == "duplicate":
            self.events.append(Event(event.realm_id, event.change, event.due_at + wait))
        if kind == "late":
            event.due_at += wait
        self.events.append(event)
        after = [Event(each.realm_id, each.change, event.due_at) for each in self._swapped]
        self.events += after
        self._swapped = []

    def _take_fault(self, change: Change) -> HookFault | None:
        for fault in list(self.faults):
            if not fault.matches(change):
                continue
            if fault.nth > 1:
                fault.nth -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            return fault
        return None

    def _due(self) -> list[Notification]:
        """The notifications to send now, oldest first; due events become notifications."""
        now = self._clock.now()
        ready = [each for each in self.events if each.due_at <= now]
        ready.sort(key=lambda each: each.due_at)
        self.events = [each for each in self.events if each.due_at > now]
        most = self._settings.webhook_events
        while ready:
            # An event never shares a notification with its own duplicate.
            part: list[Event] = []
            rest: list[Event] = []
            for each in ready:
                twin = any(each.change is other.change for other in part)
                (rest if twin or len(part) == most else part).append(each)
            self.waiting.append(Notification(part, now))
            ready = rest
        if self._settings.webhook_holds_back and self.waiting and self.waiting[0].due_at > now:
            return []
        return [each for each in self.waiting if each.due_at <= now]

    def _send(self, notification: Notification, post: Post) -> bool:
        body = payload([(each.realm_id, each.change) for each in notification.events], self.style)
        headers = webhook_headers(body, self.style, self.verifier_token)
        began = self._clock.now()
        try:
            status = post(self.url, body, headers)
        except OSError:
            status = 0
        now = self._clock.now()
        if (now - began).total_seconds() > ANSWER_WITHIN_S:
            status = 0
        with self._lock:
            self.log.append(Sent(began, body, headers, status, notification.tries))
            if notification not in self.waiting:
                return False  # unsubscribed meanwhile
            if status == 200:
                self.waiting.remove(notification)
                return True
            step = min(notification.tries, len(LADDER_S) - 1)
            notification.due_at = now + timedelta(seconds=LADDER_S[step])
            notification.tries += 1
            return False


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    return post_http(url, body, headers, within_s=ANSWER_WITHIN_S).status
