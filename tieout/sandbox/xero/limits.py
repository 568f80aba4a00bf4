"""How many calls may pass: a minute and a day for one organisation, a minute for the app.

Windows are fixed: each organisation's day and minute begin at a moment of its
own, so `Retry-After` is to be obeyed, not computed. `rolling` counts the calls
of the last minute and day instead.
"""

from __future__ import annotations

import hashlib
from collections import deque
from datetime import UTC, datetime, timedelta

from tieout.clock import Clock
from tieout.sandbox.xero.settings import Settings

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
MINUTE_S, DAY_S = 60, 86400


class Window:
    """Counts calls in one window of time."""

    def __init__(self, seconds: int, offset_s: int) -> None:
        self._length = timedelta(seconds=seconds)
        self._offset = timedelta(seconds=offset_s)
        self._start = _EPOCH
        self._count = 0
        self._times: deque[datetime] = deque()

    def used(self, now: datetime, rolling: bool) -> int:
        if rolling:
            while self._times and self._times[0] <= now - self._length:
                self._times.popleft()
            return len(self._times)
        start = now - (now - _EPOCH - self._offset) % self._length
        if start != self._start:
            self._start, self._count = start, 0
        return self._count

    def take(self, now: datetime, rolling: bool) -> None:
        if rolling:
            self._times.append(now)
        else:
            self._count += 1

    def opens_in(self, now: datetime, rolling: bool) -> int:
        """Whole seconds until a call may pass again, at least 1."""
        if rolling:
            opens = self._times[0] + self._length if self._times else now
        else:
            opens = self._start + self._length
        return max(1, -int(-(opens - now).total_seconds() // 1))


class Limits:
    """The windows of one organisation; the one of the app is shared."""

    def __init__(self, clock: Clock, settings: Settings, tenant_id: str, app: Window) -> None:
        mark = int(hashlib.sha256(tenant_id.encode()).hexdigest()[:8], 16)
        self._clock = clock
        self._settings = settings
        self.minute = Window(MINUTE_S, mark % MINUTE_S)
        self.day = Window(DAY_S, mark % DAY_S)
        self.app = app
        self.refused = 0
        self.calls = 0

    def admit(self) -> tuple[str, int] | None:
        """None when a call may pass and is counted, else which limit it breaks and the wait."""
        now, settings = self._clock.now(), self._settings
        rolling = settings.window == "rolling"
        self.calls += 1
        if not settings.limits:
            return None
        for name, window, most in self._windows():
            if window.used(now, rolling) < most:
                continue
            self.refused += 1
            if settings.refused_calls_count:
                self._take(now, rolling)
            return name, window.opens_in(now, rolling)
        self._take(now, rolling)
        return None

    def use(self, calls: int) -> None:
        """Calls that others of this app made meanwhile."""
        for _ in range(calls):
            self._take(self._clock.now(), self._settings.window == "rolling")

    def headers(self) -> dict[str, str]:
        """What is left, as every answer says it."""
        now, rolling = self._clock.now(), self._settings.window == "rolling"
        left = {
            name: str(max(0, most - window.used(now, rolling)))
            for name, window, most in self._windows()
        }
        found = {"X-DayLimit-Remaining": left["day"], "X-MinLimit-Remaining": left["minute"]}
        if self._settings.app_limit_header:
            found["X-AppMinLimit-Remaining"] = left["appminute"]
        return found

    def _windows(self) -> tuple[tuple[str, Window, int], ...]:
        settings = self._settings
        return (
            ("day", self.day, settings.per_day),
            ("minute", self.minute, settings.per_minute),
            ("appminute", self.app, settings.app_per_minute),
        )

    def _take(self, now: datetime, rolling: bool) -> None:
        for _, window, _most in self._windows():
            window.used(now, rolling)
            window.take(now, rolling)
