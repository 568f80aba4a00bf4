"""Asks a connection who it is, signed: the cheapest call that proves a credential."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime

from tieout.connectors.base import Response
from tieout.connectors.transport import Connection
from tieout.sync.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Who answered."""

    company: str  # its id there
    name: str  # as it calls itself
    warnings: tuple[str, ...]  # what the sign-in may not see or do, for a person
    drift: timedelta | None  # our clock less theirs; None when they told no time


def identify(engine: Engine, connection: Connection) -> Identified | None:
    """Ask; None for a connection that has nobody to ask, such as files. Raises RemoteError,
    Misconfigured."""
    connection = replace(connection, attended=True)
    identity, settings = connection.connector.identity, connection.settings
    if identity is None:
        return None
    response = engine.transport.call(connection, identity.request(settings))
    drift = _drift(engine, response)
    told, called = identity.read(response.json())
    warnings: list[str] = []
    if identity.rights is not None:
        rights = engine.transport.call(connection, identity.rights(settings)).json()
        warnings = identity.warnings(rights)
    return Identified(
        company=told or connection.connector.company(settings),
        name=called,
        warnings=tuple(warnings),
        drift=drift,
    )


def _drift(engine: Engine, response: Response) -> timedelta | None:
    """From the Date header (RFC 9110, 6.6.1), which counts whole seconds."""
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    return engine.now() - theirs if theirs.tzinfo else None
