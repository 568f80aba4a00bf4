"""Throttling and metering (Intuit: limits and throttles, App Partner Program).

Token buckets on the sandbox's clock: 500 calls a minute to a company and 120
batches, of all its apps; 10 calls a second and 40 batches a minute of one app;
800 calls a minute of one app when it uses Intuit's other APIs as well. Besides,
a monthly quota of reads, which answers the very same 429.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tieout.clock import Clock
from tieout.sandbox.quickbooks.settings import Settings

_MICROSECOND = timedelta(microseconds=1)


@dataclass
class _Bucket:
    """Calls that may pass; `level` counts `size` for each microsecond of the period."""

    level: int
    at: datetime

    def refill(self, now: datetime, size: int, seconds: int) -> None:
        passed = max((now - self.at) // _MICROSECOND, 0)
        self.level = min(size * seconds * 1_000_000, self.level + passed * size)
        self.at = now


class Limits:
    """Counts calls; says when one is too many."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._buckets: dict[str, _Bucket] = {}
        self._month = ""
        self._day = ""
        self.reads_this_month = 0
        self.emails_today = 0
        self.refused = 0

    def admits(self, *, batch: bool, read: bool, email: bool = False) -> bool:
        """Whether a call may pass; a refused call uses nothing up."""
        if not self._settings.limits:
            return True
        names = ["second", "minute", "combined"]
        if batch:
            names += ["batches", "company batches"]
        if (read and self._spent()) or (email and self._mailed_out()):
            self.refused += 1
            return False
        if not self._take(names):
            self.refused += 1
            return False
        self.emails_today += email
        return True

    def use(self, *, calls: int = 0, batches: int = 0, other_calls: int = 0) -> None:
        """What others use up: calls and batches of other apps, this app's calls to other APIs."""
        for name, count in (
            ("minute", calls + batches),
            ("company batches", batches),
            ("combined", other_calls),
        ):
            bucket, cost = self._filled(name)
            bucket.level = max(0, bucket.level - count * cost)

    def meter(self, reads: int) -> None:
        """Count successful reads: only those are metered."""
        self._turn_month()
        self.reads_this_month += reads

    # -- inside ---------------------------------------------------------------------
    def _take(self, names: list[str]) -> bool:
        found = [self._filled(name) for name in names]
        if any(bucket.level < cost for bucket, cost in found):
            return False
        for bucket, cost in found:
            bucket.level -= cost
        return True

    def _filled(self, name: str) -> tuple[_Bucket, int]:
        """A bucket as it is now, and what one call takes from it."""
        settings = self._settings
        size, seconds = {
            "second": (settings.per_second, 1),
            "minute": (settings.per_minute, 60),
            "combined": (settings.combined_per_minute, 60),
            "batches": (settings.batches_per_minute, 60),
            "company batches": (settings.company_batches_per_minute, 60),
        }[name]
        now, cost = self._clock.now(), seconds * 1_000_000
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(size * cost, now)
        bucket.refill(now, size, seconds)
        return bucket, cost

    def _spent(self) -> bool:
        self._turn_month()
        quota = self._settings.monthly_quota
        return quota is not None and self.reads_this_month >= quota

    def _turn_month(self) -> None:
        month = self._clock.now().strftime("%Y-%m")
        if month != self._month:
            self._month, self.reads_this_month = month, 0

    def _mailed_out(self) -> bool:
        day = self._clock.now().strftime("%Y-%m-%d")
        if day != self._day:
            self._day, self.emails_today = day, 0
        most = self._settings.emails_per_day
        return most is not None and self.emails_today >= most
