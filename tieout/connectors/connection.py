"""A connection as the engine opens it: one connector, its settings and its secrets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from tieout.connectors.base import Connector
from tieout.connectors.pace import Governor


class TokenKeeper(Protocol):
    """Where one connection's token is kept, encrypted, for all processes.

    A stored token has the keys `access`, `refresh`, `expires_at` and
    `refresh_expires_at` (ISO 8601, UTC, "" = not known), `base_url`, `company` and
    `origin`, all texts.
    """

    def lock(self, name: str) -> AbstractContextManager[Any]:
        """Hold the right to refresh the token of that connection, against all processes."""
        ...

    def load(self) -> Mapping[str, str] | None:
        """The stored token; None or empty when there is none."""
        ...

    def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
        """Store a token in the place of `old`, as `load` gave it; a crash cannot lose it then.

        False, and nothing was stored, when another stands there by now.
        """
        ...


class MemoryKeeper:
    """A token kept in memory, safe between threads: for tests and trying things out."""

    def __init__(self, token: Mapping[str, str] | None = None) -> None:
        self._token = dict(token or {})
        self._lock = threading.RLock()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        with self._lock:
            yield

    def load(self) -> Mapping[str, str] | None:
        return dict(self._token)

    def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
        is_same = self._token == dict(old or {})
        if is_same:
            self.save(token)
        return is_same

    def save(self, token: dict[str, str]) -> None:
        """Store a token, whatever is there."""
        self._token = dict(token)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One authorised link to one company in one system.

    `company` is the remote company proven at connect time, "" before that.
    `attended` is True when a person waits for the answer: such calls may use
    the share of the vendor's limits that unattended work leaves.
    """

    name: str
    connector: Connector
    settings: Any
    secrets: Mapping[str, str] = field(repr=False)
    keeper: TokenKeeper = field(repr=False)
    governor: Governor = field(repr=False)
    company: str = ""
    attended: bool = False

    @property
    def pace_key(self) -> str:
        """Whose limits its calls count against: `<connector slug>:<company>`."""
        company = self.company or self.connector.company(self.settings) or self.name
        return f"{self.connector.slug}:{company}"

    @property
    def at_once(self) -> int:
        """How many calls may be on their way at a time; 0 = as many as there are."""
        name = self.connector.at_once_setting
        return int(getattr(self.settings, name)) if name else self.connector.at_once

    def secret_values(self) -> Iterator[str]:
        """Everything that must not be seen in a text: the secrets and the stored tokens.

        Reads them when it is walked: only errors have texts to clean.
        """
        yield from self.secrets.values()
        stored = self.keeper.load() or {}
        yield from (stored.get("access", ""), stored.get("refresh", ""))
