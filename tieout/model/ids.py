"""Identifiers, keys and the one seam for randomness."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_random: random.Random = secrets.SystemRandom()

#: Part of every idempotency key. Changing the recipe below without raising it would
#: make every unfinished write look new to the vendors: never do one without the other.
KEY_VERSION = "v1"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make every random choice of the process follow a seed: for tests and simulations."""
    global _random
    before, _random = _random, random.Random(seed)  # noqa: S311 - reproducible on purpose
    try:
        yield
    finally:
        _random = before


def new_id(prefix: str) -> str:
    """A fresh identifier such as `run_9f86d081884c7d65`: 64 random bits."""
    return f"{prefix}_{_random.getrandbits(64):016x}"


def new_token(bits: int = 256) -> str:
    """A fresh secret in hexadecimal digits."""
    return f"{_random.getrandbits(bits):0{bits // 4}x}"


def jitter(seconds: float) -> float:
    """A random share of a wait, between half of it and all of it, so that workers spread out."""
    return seconds * (0.5 + _random.random() / 2)


def stable_id(prefix: str, *parts: str) -> str:
    """The same identifier for the same parts, for ever: `deal_` + 16 hex digits.

    Parts are joined with a separator no part can fake, so ("a", "bc") and
    ("ab", "c") differ.
    """
    return f"{prefix}_{digest(*parts)[:16]}"


def digest(*parts: str) -> str:
    """SHA-256 of the parts, in hexadecimal digits."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()


def idempotency_key(
    workspace: str, connection: str, document: str, revision: int, generation: int
) -> str:
    """The name of one intended write: `v1:` + 32 hex digits (35 characters).

    `generation` rises only when a person orders the document to be made again
    after it was deleted over there.
    """
    what = digest(workspace, connection, document, str(revision), str(generation))
    return f"{KEY_VERSION}:{what[:32]}"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where a fact came from: a connection of the workspace, a stream, the record's id there."""

    connection: str
    stream: str
    remote_id: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.stream}/{self.remote_id}"
