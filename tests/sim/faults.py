"""What can go wrong, where, and which of it a history has seen.

A point is a place by name: a call (`quickbooks POST batch`) or a commit
(`commit sync.push.Pusher._settle`). Points make themselves known by being passed.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

#: Whatever the call: nothing arrives, the answer does not, or a process stops around it.
_ANY_CALL = (
    "cut before", "answer lost", "500 before", "truncated", "429 with a wait", "429 bare",
    "crash before", "crash after", "pause before",
)  # fmt: skip
READ = (*_ANY_CALL, "late", "503 before", "429 absurd", "quota gone", "401")
WRITE = (*_ANY_CALL, "late", "503 before", "500 after", "504 after", "429 absurd", "401")
TOKEN = (*_ANY_CALL, "slow", "revoked")
COMMIT = ("crash before", "crash after", "pause before", "pause after")

LEDGERS = ("quickbooks", "xero", "netsuite")
#: Ledgers that give another refresh token for each one that is used.
ROTATING = ("quickbooks", "xero")


@dataclass(frozen=True, order=True)
class Strike:
    """One planned fault: at the nth passing of a point; of any point when it has no name."""

    point: str
    kind: str
    nth: int = 1

    def __str__(self) -> str:
        where = self.point or "any point"
        return f"{self.kind} at {where}, passing {self.nth}"


def kinds_at(point: str) -> tuple[str, ...]:
    """What can happen at a point."""
    if point.startswith("commit "):
        return COMMIT
    slug, _, call = point.partition(" ")
    if call == "token":
        # Only a refresh token can be revoked; the others sign in with what they are given.
        return TOKEN if slug in ROTATING else TOKEN[:-1]
    if slug in LEDGERS and call.startswith(("POST", "PUT", "PATCH")):
        return WRITE
    # The time tool's token is given by a person and never refreshed: see "revoked".
    return tuple(kind for kind in READ if slug != "harvest" or kind != "401")


def every_fault(points: Iterable[str]) -> list[Strike]:
    """Every single fault there is at these points, in a fixed order that mixes them."""
    found = [Strike(point, kind) for point in sorted(points) for kind in kinds_at(point)]
    random.Random(20).shuffle(found)
    return found


@dataclass
class Faults:
    """The strikes still to come, and what was passed and struck."""

    strikes: list[Strike] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    struck: list[Strike] = field(default_factory=list)
    armed: bool = True
    points: set[str] = field(default_factory=set)  # passed while faults could strike

    def at(self, point: str) -> str:
        """What happens at this passing of a point, "" for nothing."""
        self.passed[point] += 1
        self.passed[""] += 1
        if not self.armed:
            return ""
        self.points.add(point)
        for strike in self.strikes:
            if strike.point in ("", point) and self.passed[strike.point] == strike.nth:
                if strike.kind not in kinds_at(point):
                    continue
                self.strikes.remove(strike)
                self.struck.append(Strike(point, strike.kind, self.passed[point]))
                return strike.kind
        return ""


# -- the names of calls -------------------------------------------------------------------
_QUERY = re.compile(r"from\s+(\w+)", re.IGNORECASE)
_WHERE = re.compile(r"where\s+(\w+)", re.IGNORECASE)


def name_of_call(slug: str, method: str, url: str, body: bytes = b"") -> str:
    """The point of a call: vendor, method and what it is about, without any id."""
    parts = urlsplit(url)
    if "token" in parts.path:
        return f"{slug} token"
    told = parse_qs(parts.query)
    text = unquote(next(iter(told.get("query", told.get("q", []))), ""))
    if parts.path.endswith("/suiteql"):
        text = str(json.loads(body)["q"])
    if text:
        entity, field_name = _QUERY.search(text), _WHERE.search(text)
        about = f"query {entity.group(1) if entity else '?'}"
        return f"{slug} {about}" + (f" by {field_name.group(1)}" if field_name else "")
    words = [word for word in parts.path.split("/") if word and not _is_id(word)]
    about = words[-1] if words else "/"
    entities = ",".join(sorted(told.get("entities", [])))
    return f"{slug} {method} {about}" + (f" {entities}" if entities else "")


def _is_id(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
