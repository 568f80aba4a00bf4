"""Builds the application from settings: the one place where the parts meet."""

from __future__ import annotations

import getpass
import json
import logging
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from requests.adapters import BaseAdapter

from tieout import config
from tieout.clock import AgreedClock, Clock, SystemClock
from tieout.config import Settings, Workspace, load_workspace, secrets_of
from tieout.connectors import redact
from tieout.connectors.base import Connector
from tieout.connectors.channels import channels
from tieout.connectors.pace import Governor
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Connection, Transport
from tieout.errors import StoreError
from tieout.store import locks, secrets
from tieout.store.core import Store
from tieout.sync.engine import Engine, Progress, silent
from tieout.sync.owners import at_work, is_dead
from tieout.sync.pace import StoredGovernor
from tieout.sync.tally import Tally, keep_counts

_TOKEN = "token"
#: Under which a connection's proven company is kept.
COMPANY = "company"
#: Seconds a process may take to refresh a token before another one tries.
REFRESH_LEASE_S = 120.0


class StoredTokens:
    """Keeps one connection's token in the store, encrypted, and its refresh under a lease."""

    def __init__(self, store: Store, connection: str) -> None:
        self._store = store
        self._connection = connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the right to refresh; waits for another process. Raises StoreError when it hangs."""
        lease = f"refresh:{name}"
        with at_work() as owner:
            fence = self._acquired(name, lease, owner)
            try:
                yield
            finally:
                with self._store.begin() as tx:
                    locks.release(tx, lease, fence)

    def _acquired(self, name: str, lease: str, owner: str) -> int:
        clock = self._store.clock
        give_up = clock.monotonic() + 2 * REFRESH_LEASE_S
        while clock.monotonic() <= give_up:
            with self._store.begin() as tx:
                fence = locks.acquire(tx, lease, owner, REFRESH_LEASE_S, is_dead)
            if fence is not None:
                return fence
            clock.sleep(0.2)
        raise StoreError(
            f"Another process has been refreshing the token of {name} for too long. "
            "Stop it, then try again."
        )

    def load(self) -> Mapping[str, str] | None:
        """The stored token, or None."""
        with self._store.read() as tx:
            text = secrets.get(tx, self._connection, _TOKEN)
        return json.loads(text) if text else None

    def swap(self, old: Mapping[str, str] | None, token: dict[str, str]) -> bool:
        """Store a token in the place of `old`; False when another stands there by now."""
        with self._store.begin() as tx:
            text = secrets.get(tx, self._connection, _TOKEN)
            if (json.loads(text) if text else None) != old:
                return False
            secrets.put(tx, self._connection, _TOKEN, json.dumps(token))
        return True


class Secrets(Mapping[str, str]):
    """A connection's secrets, read from the environment when the first one is asked for.

    So a workspace can be looked at without them; a call without them raises
    Misconfigured naming every variable that is not set. A first refresh token need not be
    set where a browser can bring one.
    """

    def __init__(
        self,
        name: str,
        said: config.Connection,
        environment: Mapping[str, str],
        spared: Collection[str] = (),
    ) -> None:
        self._name, self._said, self._environment = name, said, environment
        self._spared = spared

    @cached_property
    def _values(self) -> dict[str, str]:
        found = secrets_of(self._name, self._said, self._environment, spared=self._spared)
        return {name: value.get_secret_value() for name, value in found.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values if self._spared else self._said.secrets)

    def __len__(self) -> int:
        return len(self._values if self._spared else self._said.secrets)


def set_up_logs(level: str = "WARNING", *, as_json: bool = False) -> None:
    """Send structured logs to standard error, from a level on, with nothing secret in them."""
    renderer: Any = structlog.processors.KeyValueRenderer(
        key_order=["timestamp", "level", "event"], drop_missing=True
    )
    if as_json:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Before the redaction: a traceback is a text like any other.
            structlog.processors.format_exc_info,
            redact.processor,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def known_connectors() -> dict[str, Connector]:
    """The connectors there are, by slug."""
    return connectors()


def read_workspace(folder: Path) -> Workspace:
    """The workspace in a folder. Raises Misconfigured with every problem."""
    known = known_connectors()
    return load_workspace(
        folder,
        connectors={slug: connector.settings for slug, connector in known.items()},
        secrets={slug: connector.secrets for slug, connector in known.items()},
    )


@contextmanager
def open_engine(
    settings: Settings,
    *,
    clock: Clock | None = None,
    mounts: Mapping[str, BaseAdapter] | None = None,
    progress: Progress = silent,
    actor: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Engine]:
    """Open a workspace with its database, made or brought up to date first.

    `mounts` sends URL prefixes through adapters of one's own; `environment` is where
    secrets are looked up. Raises Misconfigured, StoreError.
    """
    if not structlog.is_configured():
        set_up_logs()
    workspace = read_workspace(settings.workspace)
    _make_folder(settings.database)
    with open_store(settings, clock=clock) as store:
        store.migrate()
        transport = Transport(store.clock, mounts=mounts)
        governor = StoredGovernor(store)
        made = {
            name: _connection(workspace, store, name, governor, environment or os.environ)
            for name in workspace.connections
        }
        transport.listeners.append(Tally(store))
        engine = Engine(
            workspace=workspace,
            store=store,
            transport=transport,
            connections=made,
            actor=actor or getpass.getuser(),
            progress=progress,
            channels=channels(workspace.notifications, transport, environment or os.environ),
        )
        try:
            yield engine
        except Exception:  # a killed process writes nothing more; one that failed does
            keep_counts(transport)
            raise
        keep_counts(transport)


@contextmanager
def open_store(settings: Settings, *, clock: Clock | None = None) -> Iterator[Store]:
    """The database alone, as it is. Raises Misconfigured."""
    key = settings.key.get_secret_value() if settings.key else None
    clock = clock or AgreedClock(SystemClock())
    store = Store.open(settings.database, clock, key=key, key_file=settings.key_file)
    try:
        yield store
    finally:
        store.close()


def _make_folder(database: str) -> None:
    """SQLite makes its file but not the folder it is in."""
    if database.startswith("sqlite:///"):
        folder = Path(database.removeprefix("sqlite:///")).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreError(
                f"The folder {folder} cannot be made: {problem.strerror}."
            ) from problem


def _connection(
    workspace: Workspace,
    store: Store,
    name: str,
    governor: Governor,
    environment: Mapping[str, str],
) -> Connection:
    said = workspace.connections[name]
    connector = known_connectors()[said.connector]
    with store.read() as tx:
        company = secrets.get(tx, name, COMPANY) or ""
    told = {
        "base_url": said.base_url,
        "firm_time_zone": workspace.firm.time_zone,
        "firm_currency": workspace.firm.currency,
    }
    settings = workspace.settings[name].model_copy(update=told)
    spared = (connector.auth.starts_with,) if connector.auth.at_a_page(settings) else ()
    return Connection(
        name=name,
        connector=connector,
        settings=settings,
        secrets=Secrets(name, said.without(connector.heard_with), environment, spared),
        keeper=StoredTokens(store, name),
        governor=governor,
        company=company,
    )
