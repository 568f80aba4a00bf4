"""The only source of the time of day and of waiting.

Instants are aware datetimes in UTC; dates are local to a named time zone.
Everything that needs the time is given a `Clock`, so a year of billing runs
in a test in seconds.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...

    def today(self, time_zone: str) -> date:
        """The current date in an IANA time zone such as `America/New_York`."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds; zero or less returns at once."""
        ...

    def monotonic(self) -> float:
        """Seconds from an unnamed start, never going back: for measuring durations."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self, time_zone: str) -> date:
        return self.now().astimezone(ZoneInfo(time_zone)).date()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def monotonic(self) -> float:
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until it is moved: waiting moves it. Safe between threads."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._start = self._now
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._now

    def today(self, time_zone: str) -> date:
        return self._now.astimezone(ZoneInfo(time_zone)).date()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move forward by a number of seconds."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Jump to an instant, forward or back."""
        with self._lock:
            self._now = instant.astimezone(UTC)

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()


class OffsetClock(SystemClock):
    """The machine's clock moved by a settable offset: real waiting, chosen date."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def set(self, instant: datetime) -> None:
        """Choose what time it is now; the clock keeps running from there."""
        self.offset = instant.astimezone(UTC) - datetime.now(UTC)
