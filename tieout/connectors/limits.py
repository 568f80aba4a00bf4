"""How much a vendor takes, as values: its limits, and where it tells what is used of a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tieout.connectors.call import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` calls in any `per_s` seconds, for the whole remote company."""

    name: str
    count: int
    per_s: float
    applies: Callable[[Request], bool] = lambda request: True
    kept: int | None = None  # calls of each window that only people may use; None = a tenth
    setting: str = ""  # the connection's setting that says the count, where a plan decides it


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaHeader:
    """A header in which a vendor tells how much of a budget of calls is used.

    `pattern` is a regular expression with the groups `used` and `total`; or with the group
    `left`, where `total` says the whole. Reads that nobody
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
    total: int = 0  # of a header that tells what is left
    setting: str = ""  # the connection's setting that says the total, where a plan decides it


def limits_of(limits: Iterable[Limit], settings: Any) -> tuple[Limit, ...]:
    """The limits of one connection: the counts that its plan decides are its settings'."""
    return tuple(
        replace(each, count=getattr(settings, each.setting)) if each.setting else each
        for each in limits
    )


def quotas_of(quotas: Iterable[QuotaHeader], settings: Any) -> tuple[QuotaHeader, ...]:
    """The budgets of one connection: the totals that its plan decides are its settings'."""
    return tuple(
        replace(each, total=getattr(settings, each.setting)) if each.setting else each
        for each in quotas
    )
