"""How fast a remote company may be called: one count for all who call it.

`Pace` is what is known of one company: calls of the last seconds, calls on their way, a
wait the vendor asked for, what it told of a budget. It has no clock and no database; a
`Governor` keeps it somewhere and asks it. Calls are counted in slots of a fiftieth of each
limit's window, and every slot that touches the window counts: at most two percent slower
than the limit, never faster.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tieout.connectors.base import Connector, Limit, QuotaHeader, Request, Response
from tieout.connectors.limits import limits_of, quotas_of
from tieout.model.ids import new_id

#: The share of a window that is kept for people where its limit does not say how much.
PEOPLE_PART, OF_WHOLE = 1, 10
#: Into how many slots a window is cut.
SLOTS = 50
#: Seconds between two asks for a place while as many calls as may be are on their way.
ASK_AGAIN_S = 0.25
#: Seconds a person's wait keeps the next free place for people.
PERSON_WAITS_S = 30.0
#: A company is left alone no longer than a day, whatever was asked or the clock did.
LONGEST_PARK_S = 86_400.0
#: Calls counted further ahead were counted by a clock that was set back since. Less than
#: that may be another machine's clock, which is ahead of this one.
LONGEST_AHEAD_S = 300.0
#: Waits that we choose ourselves double up to an hour.
LONGEST_OWN_WAIT_S = 3_600.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call that wants to go."""

    company: str  # `<connector slug>:<company id>`
    limits: tuple[Limit, ...] = ()  # those it counts against
    at_once: int = 0  # calls of the company on their way at a time; 0 = as many as there are
    quotas: tuple[QuotaHeader, ...] = ()
    writes: bool = False
    attended: bool = False  # a person waits for it
    lease_s: float = 150.0  # after which a call of which nothing was heard is over

    @classmethod
    def of(
        cls,
        connector: Connector,
        settings: Any,
        company: str,
        request: Request,
        *,
        at_once: int,
        attended: bool,
        lease_s: float,
    ) -> Ask:
        """What a call of a connection asks."""
        limits = limits_of(connector.pace, settings)
        return cls(
            company=company,
            limits=tuple(limit for limit in limits if limit.applies(request)),
            at_once=at_once,
            quotas=quotas_of(connector.quotas, settings),
            writes=request.writes,
            attended=attended,
            lease_s=lease_s,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer: go when `wait_s` is 0, and the call is counted; else ask again after it."""

    wait_s: float  # seconds; above 0 nothing was counted
    why: str = ""  # what is waited for, in words
    ticket: str = ""  # its place among the calls on their way, "" where they are not counted
    asked: bool = False  # the vendor asked for the wait; else it is our own pace


def room(limit: Limit, *, attended: bool) -> int:
    """How many calls of a window somebody may use: all, or all but the share of people."""
    if attended:
        return limit.count
    kept = limit.count * PEOPLE_PART // OF_WHOLE if limit.kept is None else limit.kept
    return max(1, limit.count - kept)


@dataclass
class _Park:
    until: int
    wait: int  # how long it was meant to last
    why: str


@dataclass
class _Told:
    used: int
    total: int
    at: int


@dataclass
class Pace:
    """What is known of one company. Instants are microseconds since 1970, UTC."""

    #: By limit: the width of its slots, and the calls in each slot.
    windows: dict[str, tuple[int, dict[int, int]]] = field(default_factory=dict)
    #: Calls on their way by ticket: until when they count at most, and whose they are.
    out: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: Waits the vendor asked for: "" for every call, "reads" or "writes" for those alone.
    parks: dict[str, _Park] = field(default_factory=dict)
    #: What the vendor told of its budgets, by their name.
    told: dict[str, _Told] = field(default_factory=dict)
    person_until: int = 0  # a person waits for a place
    changed: bool = False  # since it was read

    def turn(self, ask: Ask, now: datetime, owner: str, is_gone: Callable[[str], bool]) -> Turn:
        """Count a call if there is room for it everywhere. `is_gone(owner)`: it died."""
        at = _micros(now)
        parked, parked_why = self._parked(ask, at)
        wait, why = max((0, ""), self._spared(ask, at), self._crowded(ask, at))
        if max(parked, wait) > 0:
            asked = parked >= wait
            longest = max(parked, wait) / _SECOND
            return Turn(longest, parked_why if asked else why, asked=asked)
        ticket = ""
        if ask.at_once:
            if not self._has_place(ask, at, is_gone):
                return Turn(ASK_AGAIN_S, f"{ask.at_once} calls of {ask.company} are on their way")
            ticket = new_id("call")
            self.out[ticket] = at + _span(ask.lease_s), owner
        for limit in ask.limits:
            width, slots = self._window(limit)
            slots[at // width] = slots.get(at // width, 0) + 1
        self.changed = True
        return Turn(0.0, ticket=ticket)

    def ended(self, ask: Ask, ticket: str, headers: Mapping[str, str], now: datetime) -> None:
        """A call is over: its place is free, and what its answer told is remembered."""
        if self.out.pop(ticket, None) is not None:
            self.changed = True
        for quota in ask.quotas:
            found = re.search(quota.pattern, headers.get(quota.header, ""))
            if found:
                said = found.groupdict()
                total = int(said.get("total") or quota.total)
                used = total - int(said["left"]) if "left" in said else int(said["used"])
                self.told[quota.name] = _Told(used, total, _micros(now))
                self.changed = True

    def refused(self, ask: Ask, wait_s: float, named: bool, why: str, now: datetime) -> float:
        """The vendor asked to wait; the seconds that everybody will.

        A wait that the vendor named is kept. Where it named none (`named` False), one
        that comes right after another is twice as long, up to an hour, and then holds for
        reads or writes alone: a spent budget of reads does not stop writes.
        """
        at, wait = _micros(now), _span(min(wait_s, LONGEST_PARK_S))
        kinds = ("", "writes" if ask.writes else "reads")
        parks = [self.parks[name] for name in kinds if name in self.parks]
        last = max(parks, key=lambda park: park.until, default=None)
        kind = ""
        if last is not None and at < last.until <= at + _span(LONGEST_PARK_S):
            wait = max(wait if named else 0, last.until - at)  # it left before the others came back
        elif last is not None and not named and last.until <= at < last.until + last.wait:
            kind, wait = kinds[1], min(2 * last.wait, _span(LONGEST_OWN_WAIT_S))
        if not any(at + wait <= park.until <= at + _span(LONGEST_PARK_S) for park in parks):
            self.parks[kind] = _Park(at + wait, wait, why)
            self.changed = True
        return wait / _SECOND

    def parked_until(self, now: datetime) -> tuple[datetime, str] | None:
        """Until when the vendor asked that nobody calls, and its words; None when it did not."""
        at = _micros(now)
        park = self.parks.get("")
        if park is None or not at < park.until <= at + _span(LONGEST_PARK_S):
            return None
        return _EPOCH + park.until * _MICROSECOND, park.why

    # -- what a call may have to wait for ---------------------------------------------------
    def _parked(self, ask: Ask, at: int) -> tuple[int, str]:
        longest = 0, ""
        for kind in ("", "writes" if ask.writes else "reads"):
            park = self.parks.get(kind)
            # One beyond a day was set by a clock that jumped.
            if park is not None and park.until - at <= _span(LONGEST_PARK_S):
                longest = max(longest, (park.until - at, f"{ask.company} asked: {park.why}"))
        return longest

    def _spared(self, ask: Ask, at: int) -> tuple[int, str]:
        """Reads that nobody waits for slow down and stop when a budget is nearly used up."""
        longest = 0, ""
        for quota in ask.quotas:
            told = self.told.get(quota.name)
            if told is None or ask.writes or ask.attended or told.at > at or not told.total:
                continue
            if 100 * told.used >= quota.stop_percent * told.total:
                until = told.at + _span(quota.look_again_s)
            elif 100 * told.used >= quota.slow_percent * told.total:
                until = told.at + _span(quota.slow_s)
            else:
                continue
            why = f"{told.used} of {told.total} {quota.name} of {ask.company} are used"
            longest = max(longest, (until - at, why))
        return longest

    def _crowded(self, ask: Ask, at: int) -> tuple[int, str]:
        """Until every window has room."""
        longest = 0, ""
        for limit in ask.limits:
            width, slots = self._window(limit)
            whole = _span(limit.per_s)
            ahead = max(whole, _span(LONGEST_AHEAD_S))
            for slot in list(slots):
                # Those that left the window, and those that a clock set back cannot place.
                if (slot + 1) * width + whole <= at or slot * width > at + ahead:
                    del slots[slot]
            over = sum(slots.values()) - room(limit, attended=ask.attended) + 1
            for slot in sorted(slots):
                if over <= 0:
                    break
                over -= slots[slot]
                why = f"{limit.count} {limit.name} of {ask.company}"
                longest = max(longest, ((slot + 1) * width + whole - at, why))
        return longest

    def _has_place(self, ask: Ask, at: int, is_gone: Callable[[str], bool]) -> bool:
        """Whether one call more may be on its way; the next free place is a waiting person's."""
        lease = _span(ask.lease_s)
        kept = 1 if not ask.attended and at < self.person_until <= at + _span(PERSON_WAITS_S) else 0
        if len(self.out) + kept >= ask.at_once:
            for ticket, (until, owner) in list(self.out.items()):
                if until <= at or until > at + 2 * lease or is_gone(owner):
                    del self.out[ticket]
                    self.changed = True
        has_place = len(self.out) + kept < ask.at_once
        if ask.attended:
            self.person_until = 0 if has_place else at + _span(PERSON_WAITS_S)
            self.changed = True
        return has_place

    def _window(self, limit: Limit) -> tuple[int, dict[int, int]]:
        width = max(_span(limit.per_s) // SLOTS, 1)
        if self.windows.get(limit.name, (0, {}))[0] != width:
            self.windows[limit.name] = width, {}
        return self.windows[limit.name]

    # -- as text ----------------------------------------------------------------------------
    def dump(self) -> str:
        """All of it, to be read by `load`."""
        said = {
            "windows": {name: [width, [*s.items()]] for name, (width, s) in self.windows.items()},
            "out": self.out,
            "parks": {kind: [p.until, p.wait, p.why] for kind, p in self.parks.items()},
            "told": {name: [t.used, t.total, t.at] for name, t in self.told.items()},
            "person_until": self.person_until,
        }
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Pace:
        """What `dump` wrote; nothing is known from "" ."""
        said: dict[str, Any] = json.loads(text) if text else {}
        return cls(
            windows={
                name: (width, {int(slot): used for slot, used in slots})
                for name, (width, slots) in said.get("windows", {}).items()
            },
            out={ticket: (until, owner) for ticket, (until, owner) in said.get("out", {}).items()},
            parks={kind: _Park(*park) for kind, park in said.get("parks", {}).items()},
            told={name: _Told(*told) for name, told in said.get("told", {}).items()},
            person_until=said.get("person_until", 0),
        )


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _span(seconds: float) -> int:
    return int(seconds * _SECOND)


class Governor:
    """Asks a company's pace, wherever it is kept, one at a time. `now` is UTC throughout."""

    def pace(self, company: str) -> AbstractContextManager[Pace]:
        """The pace of a company, nobody else's while it is held; kept when it was changed."""
        raise NotImplementedError

    def turn(self, ask: Ask, now: datetime) -> Turn:
        """Whether a call may go now."""
        with self.pace(ask.company) as pace:
            return pace.turn(ask, now, self.owner(), self.is_gone)

    def ended(self, ask: Ask, turn: Turn, answer: Response | None, now: datetime) -> None:
        """A call that had its turn is over; `answer` None = there was none."""
        headers = answer.headers if answer is not None else {}
        if turn.ticket or any(quota.header in headers for quota in ask.quotas):
            with self.pace(ask.company) as pace:
                pace.ended(ask, turn.ticket, headers, now)

    def refused(self, ask: Ask, wait_s: float, named: bool, why: str, now: datetime) -> float:
        """The vendor asked to wait: the seconds that all will. See `Pace.refused`."""
        with self.pace(ask.company) as pace:
            return pace.refused(ask, wait_s, named, why, now)

    def parked(self, company: str, now: datetime) -> tuple[datetime, str] | None:
        """Until when a company asked that nobody calls, and its words; None when it did not."""
        with self.pace(company) as pace:
            return pace.parked_until(now)

    def owner(self) -> str:
        """Who asks: the process."""
        return ""

    def is_gone(self, owner: str) -> bool:
        """Whether a process that asked is known to have died: its calls are over."""
        return False


class MemoryGovernor(Governor):
    """Counts for one process, safe between threads: for tests and trying things out."""

    def __init__(self) -> None:
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    @contextmanager
    def pace(self, company: str) -> Iterator[Pace]:
        with self._lock:
            yield self._paces.setdefault(company, Pace())
