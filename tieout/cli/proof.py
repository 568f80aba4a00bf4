"""Proving who a connection talks to, before anything else is said to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tieout.bootstrap import COMPANY
from tieout.errors import Misconfigured
from tieout.store import audit, secrets
from tieout.sync.engine import Engine
from tieout.sync.identify import identify

#: Under which the proven company's name is kept, for people.
COMPANY_NAME = "company_name"


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Who answered."""

    connection: str
    company: str  # its id there, "" for files
    name: str  # as it calls itself
    warnings: tuple[str, ...]  # what the sign-in may not see or do, for a person
    drift: timedelta | None = None  # our clock less theirs; None when they told no time

    @property
    def words(self) -> str:
        """The company for a person, "" for files."""
        return _named(self.name, self.company)


def prove(engine: Engine, name: str) -> Proven:
    """Ask a connection who it is, signed, and keep the answer.

    Raises RemoteError, and Misconfigured when it is another company than before: the
    records of one must never reach the books of another.
    """
    found = identify(engine, engine.connection(name))
    if found is None:
        return Proven(connection=name, company="", name="", warnings=())
    company, called = found.company, found.name
    with engine.store.read() as tx:
        before = secrets.get(tx, name, COMPANY)
        before_called = secrets.get(tx, name, COMPANY_NAME) or ""
    if before and before != company:
        raise Misconfigured(
            f"wrong company: {name} belongs to {_named(before_called, before)}, and "
            f"{_named(called, company)} answered. Nothing was changed. Correct the settings and "
            "secrets of this connection, or give the other company a workspace of its own."
        )
    with engine.store.begin() as tx:
        secrets.put(tx, name, COMPANY, company)
        secrets.put(tx, name, COMPANY_NAME, called)
        audit.record(
            tx, engine.actor, "connection.proven", name, {"company": company, "name": called}
        )
    return Proven(
        connection=name,
        company=company,
        name=called,
        warnings=found.warnings,
        drift=found.drift,
    )


def _named(name: str, company: str) -> str:
    return f"{name} ({company})" if name else company
