"""A firm with thousands of approved invoices, for runs on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.sim.kernel import Kernel
from tieout.bootstrap import open_engine
from tieout.config import settings_from
from tieout.connectors.base import INVOICE
from tieout.connectors.inprocess import WsgiAdapter
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import idempotency_key
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Project
from tieout.sandbox.core import Vendor
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.ledgers import LedgerSide
from tieout.sandbox.world import World
from tieout.store import documents, outbox, projects
from tieout.store.outbox import Intent
from tieout.sync.engine import Engine
from tieout.sync.pullback import pullback

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
DAY, DUE = date(2026, 2, 28), date(2026, 3, 30)
#: Invoices of each client.
EACH = 40


@dataclass
class Office:
    """An engine with approved invoices, its ledger, and the time they share."""

    engine: Engine
    side: LedgerSide
    kernel: Kernel

    @property
    def ledger(self) -> Vendor:
        """The ledger's stand-in."""
        return self.side.vendor


@contextmanager
def office(folder: Path, invoices: int, **how: Any) -> Iterator[Office]:
    """An office, see `founded`, that has read its ledger."""
    with founded(folder, invoices, **how) as place:
        failed = [one.error for one in pullback(place.engine).pulled if one.error]
        if failed:
            raise RuntimeError(f"the ledger could not be read: {failed[0]}")
        place.kernel.sleep(120.0)  # the limits are fresh again
        yield place


@contextmanager
def founded(
    folder: Path,
    invoices: int,
    *,
    ledger: str = "quickbooks",
    each: int = EACH,
    item_s: float = 0.0,
) -> Iterator[Office]:
    """A firm with so many approved invoices, `each` for a client; its customers are in the
    ledger already. A folder that was an office before has its invoices already. `item_s`:
    seconds that the ledger takes for an invoice."""
    kernel = Kernel(START, seed=1, yields=0.0)
    vendors = ("salesforce", "harvest", ledger)
    world = World(kernel.clock, preset="empty", vendors=vendors, item_s={ledger: item_s})
    side = world.ledger
    side.set_up("Bench", ("Consulting services",))
    clients = -(-invoices // each)
    for number in range(clients):
        side.add_customer(f"Client {number:04}", f"client{number:04}@example.com")
    described = {
        one.slug: {"base_url": f"http://{one.slug}.local", "credentials": one.credentials}
        for one in world.vendors.values()
    }
    is_new = not (folder / "tieout.yaml").exists()
    if is_new:
        write_workspace(folder, described, {"Partner": "320"}, (DAY, DAY))
    with open_engine(
        settings_from({"TIEOUT_WORKSPACE": str(folder)}),
        clock=kernel.clock,
        mounts={f"http://{ledger}.local": WsgiAdapter(side.vendor, kernel.clock)},
        environment=secrets_for(described),
        actor="bench",
    ) as engine:
        if is_new:
            _fill(engine, clients, invoices)
        yield Office(engine, side, kernel)


def _fill(engine: Engine, clients: int, invoices: int) -> None:
    """Clients, their projects, and approved invoices, straight into the store."""
    ledger = engine.ledger().name
    with engine.store.begin() as tx:
        for number in range(clients):
            client = Client(id=f"c{number}", source=None, name=f"Client {number:04}")
            projects.put_client(tx, client)
            budget = Budget(id=f"b{number}", name="Build", model=BillingModel.TIME_AND_MATERIALS)
            projects.put_project(
                tx,
                Project(
                    id=f"p{number}",
                    source=None,
                    name=f"Project {number}",
                    client_id=client.id,
                    currency="USD",
                    budgets=(budget,),
                ),
            )
        for number in range(invoices):
            draft = _draft(number, number % clients)
            documents.save_draft(tx, draft)
            document = documents.approve(tx, draft.id, engine.actor)
            key = idempotency_key(engine.name, ledger, document.id, document.revision, 1)
            outbox.add(
                tx,
                Intent(
                    connection=ledger,
                    writer=INVOICE,
                    subject_kind="document",
                    subject_id=document.id,
                    revision=document.revision,
                    key=key,
                ),
            )


def _draft(number: int, client: int) -> Document:
    hours, rate = Decimal(number % 37 + 1) / 4, Decimal(180)
    line = Line(
        id="L001",
        kind=LineKind.TIME,
        budget_id=f"b{client}",
        description="Build",
        quantity=hours,
        rate=rate,
        amount=Money(hours * rate, "USD"),
        project_id=f"p{client}",
    )
    section = Section(project_id=f"p{client}", budget_id=f"b{client}", title="Build", lines=(line,))
    return Document(
        id=f"d{number}",
        kind=DocumentKind.INVOICE,
        number="",
        client_id=f"c{client}",
        currency="USD",
        issue_date=DAY,
        due_date=DUE,
        period_from=DAY.replace(day=1),
        period_to=DAY,
        sections=(section,),
    )
