"""The only source of the time of day and of waiting.

Instants are aware datetimes in UTC; dates are local to a named time zone.
Everything that needs the time is given a `Clock`, so a year of billing runs
in a test in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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


class AgreedClock:
    """A machine's clock, put right by the one clock that all machines of a firm share.

    Leases, turns and refreshes are held by instants that several machines read: between
    two whose clocks differ by a minute and a half, a lease of two minutes is worth half a
    minute. Durations (`sleep`, `monotonic`) stay the machine's own.
    """

    #: Seconds after which it is to be put right again, and a jump of the machine's clock
    #: that makes it due at once.
    EVERY_S = 60.0
    JUMP_S = 1.0

    def __init__(self, machine: Clock) -> None:
        self.machine = machine
        self._ahead = timedelta()  # how far the shared clock is ahead of the machine's
        self._agreed: tuple[datetime, float] | None = None  # when: by the day, by durations

    def now(self) -> datetime:
        return self.machine.now() + self._ahead

    def today(self, time_zone: str) -> date:
        return self.now().astimezone(ZoneInfo(time_zone)).date()

    def sleep(self, seconds: float) -> None:
        self.machine.sleep(seconds)

    def monotonic(self) -> float:
        return self.machine.monotonic()

    def is_due(self) -> bool:
        """Whether to ask the shared clock: for the first time, again, or after a jump."""
        if self._agreed is None:
            return True
        instant, started = self._agreed
        passed = self.machine.monotonic() - started
        jumped = abs((self.machine.now() - instant).total_seconds() - passed)
        return passed >= self.EVERY_S or jumped >= self.JUMP_S

    def agree(self, ask: Callable[[], datetime | None]) -> None:
        """Ask the shared clock what time it is, and go by it; None = this machine is alone."""
        before = self.machine.now()
        shared = ask()
        after = self.machine.now()
        if shared is not None:
            self._ahead = shared - (before + (after - before) / 2)
        self._agreed = (after, self.machine.monotonic())


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
