"""Delivery of notifications to the address an app registered.

`deliver` sends what is due: anything but 200 within five seconds is tried again
with falling frequency for a day; then the subscription is switched off until
somebody enables it again. Tests call `deliver` on a virtual clock; `start`
calls it from a thread, for people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from tieout.clock import Clock
from tieout.sandbox.notify import Reply, Runner, post_http
from tieout.sandbox.xero.books import Books
from tieout.sandbox.xero.settings import Settings
from tieout.sandbox.xero.store import Change
from tieout.sandbox.xero.traffic import Lock
from tieout.sandbox.xero.webhooks import webhook_event, webhook_headers, webhook_payload

ANSWER_WITHIN_S = 5.0
#: Seconds until the next try; the last one repeats until a day is over.
LADDER_S = (10, 30, 60, 300, 900, 1800, 3600, 7200, 14400)
GIVE_UP_S = 86400

#: `duplicate`: told once more, `seconds` after the first time. `late`: told `seconds` later.
#: `swap`: told after the next event. `lost`: never told, its number is missing then.
HookFaultKind = Literal["duplicate", "late", "swap", "lost"]


#: Posts (address, body, headers) and gives the status or the reply. Raises OSError when nobody
#: answers.
Post = Callable[[str, bytes, dict[str, str]], "int | Reply"]


@dataclass
class HookFault:
    """One planned irregularity: plays on the `nth` matching event from now, `times` times."""

    kind: HookFaultKind
    category: str = ""  # "" matches any
    operation: str = ""  # "" matches any
    nth: int = 1
    times: int = 1
    seconds: float = 0.0

    def matches(self, change: Change) -> bool:
        return self.category in ("", change.category) and self.operation in ("", change.operation)


@dataclass(eq=False)
class Event:
    """A change of one organisation on its way to the subscriber."""

    tenant_id: str
    change: Change
    due_at: datetime
    number: int


@dataclass(eq=False)
class Notification:
    """One body that is sent until it is taken."""

    events: list[Event]
    body: bytes
    due_at: datetime
    first_at: datetime | None = None
    tries: int = 0


@dataclass(frozen=True)
class Sent:
    """One try: what the subscriber was told and what it answered (0: no answer in time)."""

    at: datetime
    body: bytes
    headers: dict[str, str]
    status: int
    tries: int  # tries of this body before


class Hooks:
    """The subscription of one app. Nothing is queued before `subscribe`."""

    def __init__(
        self, clock: Clock, settings: Settings, key: str, prepare: Callable[[], None]
    ) -> None:
        """`prepare` is called before changes are collected."""
        self.url = ""
        self.key = key
        self.api_base = "https://api.xero.com"
        self.enabled = True
        self.events: list[Event] = []  # not yet part of a notification
        self.waiting: list[Notification] = []
        self.log: list[Sent] = []
        self.faults: list[HookFault] = []
        self._clock = clock
        self._settings = settings
        self._prepare = prepare
        self._lock = Lock()
        self._followed: dict[str, tuple[Books, int]] = {}
        self._swapped: list[Event] = []
        self._number = 0
        self._bodies = 0
        self._running: Runner | None = None

    # -- the app's portal ----------------------------------------------------------------
    def follow(self, tenant_id: str, books: Books) -> None:
        """Tell this organisation's changes, too: one app has one address for all of them."""
        self._followed[tenant_id] = (books, len(books.changes))

    def subscribe(self, url: str, api_base: str = "") -> None:
        """Register the address; changes from now on are told."""
        with self._lock:
            self.url, self.enabled = url, True
            self.api_base = api_base or self.api_base
            for tenant_id, (books, _) in self._followed.items():
                self._followed[tenant_id] = (books, len(books.changes))

    def unsubscribe(self) -> None:
        """Forget the address and everything that waits."""
        with self._lock:
            self.url = ""
            self.events, self.waiting, self._swapped = [], [], []

    def enable(self) -> None:
        """Switch the subscription on again after it was given up."""
        self.enabled = True

    def plan(self, kind: HookFaultKind, **details: Any) -> HookFault:
        """Plan one irregularity; details are the fields of `HookFault`."""
        fault = HookFault(kind, **details)
        self.faults.append(fault)
        return fault

    def intent_to_receive(self, post: Post | None = None) -> bool:
        """Check the address: four posts, three with a wrong signature. True when all are right."""
        passed = True
        for good in (False, True, False, False):
            body = webhook_payload([], 0, 0, self._entropy())
            headers = webhook_headers(body, self.key)
            if not good:
                name = "x-xero-signature"
                first = headers[name][0]
                headers[name] = ("A" if first != "A" else "B") + headers[name][1:]
            status = self._post(body, headers, post, tries=0)
            passed = passed and status == (200 if good else 401)
        return passed

    # -- delivery --------------------------------------------------------------------------
    def deliver(self, post: Post | None = None) -> int:
        """Send what is due now; returns how many notifications were taken."""
        self._prepare()
        with self._lock:
            self._collect()
            due = self._due() if self.enabled else []
        return sum(self._send(each, post) for each in due)

    def next_due(self) -> datetime | None:
        """When `deliver` has something to do again, None while nothing waits."""
        self._prepare()
        with self._lock:
            self._collect()
            waiting = [each.due_at for each in self.waiting]
            waiting += [each.due_at for each in self.events]
            return min(waiting, default=None) if self.enabled else None

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

    # -- inside ----------------------------------------------------------------------------
    def _collect(self) -> None:
        """Take the changes that were made since the last time."""
        if not self.url:
            return
        for tenant_id, (books, seen) in list(self._followed.items()):
            fresh = books.changes[seen:]
            self._followed[tenant_id] = (books, seen + len(fresh))
            for change in fresh:
                if change.category in self._settings.webhook_categories:
                    wait = timedelta(seconds=self._settings.webhook_delay_s)
                    self._number += 1
                    self._queue(Event(tenant_id, change, change.at + wait, self._number))

    def _queue(self, event: Event) -> None:
        fault = self._take_fault(event.change)
        kind = fault.kind if fault else ""
        if kind == "lost":
            return
        if kind == "swap":
            self._swapped.append(event)
            return
        wait = timedelta(seconds=fault.seconds if fault else 0)
        if kind == "duplicate":
            again = Event(event.tenant_id, event.change, event.due_at + wait, event.number)
            self.events.append(again)
        if kind == "late":
            event.due_at += wait
        self.events.append(event)
        for each in self._swapped:
            each.due_at = event.due_at
            self.events.append(each)
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
            self.waiting.append(Notification(part, self._body(part), now))
            ready = rest
        return [each for each in self.waiting if each.due_at <= now]

    def _body(self, events: list[Event]) -> bytes:
        told = [webhook_event(each.change, each.tenant_id, self.api_base) for each in events]
        numbers = [each.number for each in events]
        return webhook_payload(told, min(numbers), max(numbers), self._entropy())

    def _entropy(self) -> str:
        self._bodies += 1
        mark = hashlib.sha256(f"{self.key} {self._bodies}".encode()).digest()
        return "".join(chr(ord("A") + each % 26) for each in mark[:12])

    def _send(self, notification: Notification, post: Post | None) -> bool:
        headers = webhook_headers(notification.body, self.key)
        began = self._clock.now()
        notification.first_at = notification.first_at or began
        status = self._post(notification.body, headers, post, notification.tries)
        now = self._clock.now()
        with self._lock:
            if notification not in self.waiting:
                return False  # unsubscribed meanwhile
            if status == 200:
                self.waiting.remove(notification)
                return True
            step = min(notification.tries, len(LADDER_S) - 1)
            notification.due_at = now + timedelta(seconds=LADDER_S[step])
            notification.tries += 1
            if (notification.due_at - notification.first_at).total_seconds() > GIVE_UP_S:
                self.waiting.remove(notification)
                self.enabled = False
            return False

    def _post(self, body: bytes, headers: dict[str, str], post: Post | None, tries: int) -> int:
        """Send one body; the status that counts, 0 for no proper answer in time."""
        began = self._clock.now()
        try:
            reply = (post or partial(post_http, within_s=ANSWER_WITHIN_S))(self.url, body, headers)
        except OSError:
            reply = 0
        found = reply if isinstance(reply, Reply) else Reply(reply)
        status = found.status
        if self._settings.webhook_strict and (found.body or found.cookies):
            status = 0
        if (self._clock.now() - began).total_seconds() > ANSWER_WITHIN_S:
            status = 0
        with self._lock:
            self.log.append(Sent(began, body, headers, status, tries))
        return status
