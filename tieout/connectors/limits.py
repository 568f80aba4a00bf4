"""How much a vendor takes, as values: its limits, and where it tells what is used of a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.connectors.call import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` calls in any `per_s` seconds, for the whole remote company."""

    name: str
    count: int
    per_s: float
    applies: Callable[[Request], bool] = lambda request: True
    kept: int | None = None  # calls of each window that only people may use; None = a tenth


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaHeader:
    """A header in which a vendor tells how much of a budget of calls is used.

    `pattern` is a regular expression with the groups `used` and `total`. Reads that nobody
    waits for go `slow_s` apart from `slow_percent` on; from `stop_percent` on they wait
    `look_again_s` for what is left to grow. Writes and people's calls go on.
    """

    name: str  # for people: `calls a day`
    header: str  # lower case
    pattern: str
    slow_percent: int = 80
    stop_percent: int = 95
    slow_s: float = 10.0
    look_again_s: float = 900.0
