"""Verify and store: what happens to one notification before it is answered.

Nothing is parsed here. A message that is not signed as its vendor signs changes nothing
and is counted; one that is signed is in the database before its vendor is told so.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from tieout.config import Workspace
from tieout.connectors.base import Webhook
from tieout.connectors.transport import Connection
from tieout.errors import Misconfigured
from tieout.store import inbox
from tieout.store.core import Store
from tieout.sync.engine import Engine
from tieout.sync.heed import step_of

#: Seconds between two log lines about refused messages of one connection.
SAY_EVERY_S = 60.0

_log = structlog.get_logger("tieout.web")


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where one connection's notifications come in."""

    connection: str
    title: str  # the system's
    webhook: Webhook
    secrets: Mapping[str, str] = field(repr=False)
    step: str  # the scheduled step that looks sooner

    @property
    def path(self) -> str:
        """The path of its address."""
        return f"/webhooks/{self.connection}"


class Reception:
    """Receives messages for the connections that can verify them; safe between threads."""

    def __init__(self, store: Store, doors: Mapping[str, Door]) -> None:
        self._store = store
        self._doors = dict(doors)
        self._refused: Counter[str] = Counter()
        self._said_at: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def refused(self) -> Mapping[str, int]:
        """How many messages were refused since the start, by connection."""
        return dict(self._refused)

    @property
    def doors(self) -> tuple[Door, ...]:
        """The doors there are."""
        return tuple(self._doors.values())

    def door(self, connection: str) -> Door | None:
        """The door of a connection, None when there is none."""
        return self._doors.get(connection)

    def receive(self, door: Door, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer a message with, once it is stored. Raises StoreError.

        `headers` are by lower-case names, `body` is as it came.
        """
        webhook, name = door.webhook, door.connection
        if not webhook.verify(headers, body, door.secrets):
            self._refuse(name, len(body))
            return webhook.refused
        kept = {key: headers[key] for key in webhook.headers if key in headers}
        with self._store.begin() as tx:
            is_new = inbox.receive(tx, name, kept, body, unique=webhook.unique)
        _log.info("message received", connection=name, size=len(body), repeated=not is_new)
        return webhook.taken

    def answers(self) -> None:
        """Raises StoreError when the database does not answer."""
        with self._store.read() as tx:
            inbox.waiting(tx, 1)

    def _refuse(self, connection: str, size: int) -> None:
        """Count it, and say so now and then: whoever sends rubbish must not fill a disk."""
        now = self._store.clock.monotonic()
        with self._lock:
            self._refused[connection] += 1
            count = self._refused[connection]
            if now - self._said_at.get(connection, now - SAY_EVERY_S) < SAY_EVERY_S:
                return
            self._said_at[connection] = now
        _log.warning("message refused", connection=connection, size=size, so_far=count)


def doors(engine: Engine, environment: Mapping[str, str]) -> dict[str, Door]:
    """The connections whose notifications can be verified, by name.

    Raises Misconfigured, saying what to set, when there is none.
    """
    found, wanting = {}, []
    for name, connection in engine.connections.items():
        webhook = connection.connector.webhook
        if webhook is None:
            continue
        secrets = _secrets(engine.workspace, name, webhook, environment)
        missing = [secret for secret in webhook.secrets if not secrets.get(secret)]
        if missing:
            wanting.append(_what_to_set(engine.workspace, connection, missing))
        else:
            found[name] = Door(
                connection=name,
                title=connection.connector.title,
                webhook=webhook,
                secrets=secrets,
                step=step_of(connection),
            )
    if not found:
        raise Misconfigured(
            "There is nothing to serve: no connection has the secret that proves whose "
            "notifications they are."
            + ("".join(f"\n  {line}" for line in wanting) or " None of these systems sends any.")
        )
    return found


def _secrets(
    workspace: Workspace, name: str, webhook: Webhook, environment: Mapping[str, str]
) -> dict[str, str]:
    """These secrets alone: whoever listens needs no other."""
    said = workspace.connections[name].secrets
    return {one: environment.get(said.get(one, ""), "") for one in webhook.secrets}


def _what_to_set(workspace: Workspace, connection: Connection, missing: list[str]) -> str:
    said = workspace.connections[connection.name].secrets
    unset = [said[secret] for secret in missing if secret in said]
    where = connection.connector.webhook and connection.connector.webhook.register
    unnamed = [secret for secret in missing if secret not in said]
    parts = []
    if unnamed:
        names = ", ".join(unnamed)
        parts.append(f"name a variable for {names} under `secrets` of {connection.name}")
    if unset:
        parts.append(f"set {', '.join(unset)}")
    return f"{connection.name} ({connection.connector.title}): {' and '.join(parts)}. See {where}."
