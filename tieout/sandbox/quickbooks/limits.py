"""Throttling and metering (Intuit: limits and throttles, App Partner Program).

Token buckets on the sandbox's clock: 500 calls a minute, 10 a second, 40
batches a minute, and optionally a monthly quota of reads, which answers the
very same 429.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tieout.clock import Clock
from tieout.sandbox.quickbooks.settings import Settings


@dataclass
class _Bucket:
    tokens: Fraction
    at: datetime

    def refill(self, now: datetime, size: int, seconds: int) -> None:
        passed = max((now - self.at).total_seconds(), 0.0)
        self.tokens = min(Fraction(size), self.tokens + Fraction(passed) * size / seconds)
        self.at = now


class Limits:
    """Counts calls; says when one is too many."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._buckets: dict[str, _Bucket] = {}
        self._month = ""
        self.reads_this_month = 0
        self.refused = 0

    def admits(self, *, batch: bool, read: bool) -> bool:
        """Whether a call may pass; a refused call uses nothing up."""
        settings = self._settings
        if not settings.limits:
            return True
        sizes = {"second": (settings.per_second, 1), "minute": (settings.per_minute, 60)}
        if batch:
            sizes["batches"] = (settings.batches_per_minute, 60)
        buckets = [self._filled(name, *size) for name, size in sizes.items()]
        if any(bucket.tokens < 1 for bucket in buckets) or (read and self._spent()):
            self.refused += 1
            return False
        for bucket in buckets:
            bucket.tokens -= 1
        return True

    def meter(self, reads: int) -> None:
        """Count successful reads: only those are metered."""
        self._turn_month()
        self.reads_this_month += reads

    def _spent(self) -> bool:
        self._turn_month()
        quota = self._settings.monthly_quota
        return quota is not None and self.reads_this_month >= quota

    def _turn_month(self) -> None:
        month = self._clock.now().strftime("%Y-%m")
        if month != self._month:
            self._month, self.reads_this_month = month, 0

    def _filled(self, name: str, size: int, seconds: int) -> _Bucket:
        now = self._clock.now()
        bucket = self._buckets.setdefault(name, _Bucket(Fraction(size), now))
        bucket.refill(now, size, seconds)
        return bucket
