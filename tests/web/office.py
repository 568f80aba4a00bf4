"""A firm that listens: its ledger's stand-in, its inbox, and its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from starlette.applications import Starlette

from tests.scenarios.firm import Firm, hosts
from tests.web.client import Answer, ask
from tieout.sandbox.firm_workspace import secrets_for
from tieout.store.inbox import MessageState
from tieout.store.tables import inbox, metadata
from tieout.web.app import application
from tieout.web.webhooks import Reception, doors

PATH = "/webhooks/ledger"
ADDRESS = f"https://fernhill.example{PATH}"


@dataclass
class Listening:
    """The firm, and an application that receives for its ledger."""

    firm: Firm
    reception: Reception
    app: Starlette
    answers: list[Answer] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """How the stand-in sends: to the address that was registered with it."""
        answer = ask(self.app, url.removeprefix("https://fernhill.example"), body, headers)
        self.answers.append(answer)
        return answer.status

    def told(self) -> tuple[bytes, dict[str, str]]:
        """A notification of a new customer, as the stand-in words and signs it; not yet sent."""
        ledger = self.firm.world.quickbooks
        sent: list[tuple[bytes, dict[str, str]]] = []
        ledger.hooks.subscribe(ADDRESS)
        ledger.books.add_customer(f"Customer {len(ledger.books.changes)}")

        def keep(url: str, body: bytes, headers: dict[str, str]) -> int:
            sent.append((body, headers))
            return 200

        ledger.deliver(keep)
        ((body, headers),) = sent
        return body, headers

    def messages(self) -> list[tuple[MessageState, int, bytes]]:
        """What is in the inbox: state, copies, bytes, in the order of arrival."""
        with self.firm.engine.store.read() as tx:
            rows = tx.execute(sa.select(inbox).order_by(inbox.c.id)).all()
        return [(MessageState(row.state), row.copies, bytes(row.body)) for row in rows]

    def states(self) -> list[str]:
        return [state.value for state, _, _ in self.messages()]

    def everything(self) -> dict[str, int]:
        """How many rows each table holds: what changed nothing leaves this as it was."""
        with self.firm.engine.store.read() as tx:
            return {
                name: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }


def listening(firm: Firm) -> Listening:
    """The firm with its doors open: the verifier token is in its environment."""
    environment = secrets_for(hosts(firm.world))
    reception = Reception(firm.engine.store, doors(firm.engine, environment))
    return Listening(firm, reception, application(reception))
