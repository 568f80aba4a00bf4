"""What every verb is given: the workspace, the store, the way out, and somebody to tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from tieout.config.workspace import Workspace
from tieout.connectors.base import Family
from tieout.connectors.channels import Channel
from tieout.connectors.transport import Connection, Transport
from tieout.errors import Misconfigured
from tieout.store.core import Store

#: Told after each piece of long work: (what, done, total); total is None when not known.
#: `what` may end with a remark in brackets that changes: `ledger: invoice (about 4 min left)`.
Progress = Callable[[str, int, int | None], None]


def silent(what: str, done: int, total: int | None) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One workspace, opened. `connections` are the workspace's, by name."""

    workspace: Workspace
    store: Store
    transport: Transport
    connections: Mapping[str, Connection]
    actor: str = "tieout"  # who is at work, for the audit log
    progress: Progress = silent
    channels: tuple[Channel, ...] = ()  # by which people are told

    @property
    def name(self) -> str:
        """The workspace's name in keys: the firm's."""
        return self.workspace.firm.name

    def now(self) -> datetime:
        """The current instant, UTC."""
        return self.store.clock.now()

    def today(self) -> date:
        """The current day where the firm is."""
        return self.store.clock.today(self.workspace.firm.time_zone)

    def connection(self, name: str) -> Connection:
        """The connection of that name. Raises Misconfigured naming those there are."""
        found = self.connections.get(name)
        if found is None:
            there = ", ".join(self.connections) or "none"
            raise Misconfigured(
                f"There is no connection {name!r} in tieout.yaml (there are: {there})."
            )
        return found

    def of_family(self, *families: Family) -> list[Connection]:
        """The connections on these sides of the firm, in the order of tieout.yaml."""
        return [c for c in self.connections.values() if c.connector.family in families]

    def ledger(self) -> Connection:
        """The one ledger. Raises Misconfigured when there is none, or more than one."""
        ledgers = self.of_family(Family.LEDGER)
        if len(ledgers) == 1:
            return ledgers[0]
        names = ", ".join(c.name for c in ledgers) or "none"
        raise Misconfigured(
            f"tieout.yaml needs exactly one ledger connection; it has: {names}. "
            "Add one under `connections:`, or remove the others."
        )
