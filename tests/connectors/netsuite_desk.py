"""A bookkeeper with a connection to a stand-in of NetSuite, and a firm whose ledger it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.scenarios import firm as firms
from tieout.bootstrap import open_engine
from tieout.clock import VirtualClock
from tieout.config import settings_from
from tieout.connectors.base import LineCodes, Request, Response, Row, Since, WriteContext
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.exact import encode
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.netsuite import CONNECTOR, Settings
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.transport import Transport
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import SourceRef, idempotency_key
from tieout.model.money import Money
from tieout.model.settlement import RemoteRef
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.netsuite import NetSuite
from tieout.sandbox.world import World
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.engine import Engine
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.translate import translate

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
HOST = "http://netsuite.test"
#: Of the stand-in's own lists.
CURRENCIES = {"USD": "1", "GBP": "2", "CAD": "3", "EUR": "4", "JPY": "5"}


def key(number: int) -> str:
    return idempotency_key("Northwind", "ledger", f"doc_{number}", 1, 1)


def line(number: int, hours: str = "12.5", rate: str = "150", amount: str = "1875.00",
         text: str = "Design", currency: str = "USD") -> Line:  # fmt: skip
    return Line(
        id=f"L{number:03}",
        kind=LineKind.TIME,
        budget_id="b1",
        description=text,
        quantity=Decimal(hours),
        rate=Decimal(rate),
        amount=Money.of(amount, currency),
        project_id="p1",
        service_date=date(2026, 2, 15),
    )


def document(*lines: Line, **more: Any) -> Document:
    given = lines or (line(1),)
    section = Section(project_id="p1", budget_id="b1", title="Website", lines=given)
    return Document(
        **{
            "id": "doc_1",
            "kind": DocumentKind.INVOICE,
            "number": "INV-2026-0007",
            "client_id": "c1",
            "currency": "USD",
            "issue_date": date(2026, 2, 28),
            "due_date": date(2026, 3, 30),
            "period_from": date(2026, 2, 1),
            "period_to": date(2026, 2, 28),
            "sections": (section,),
            **more,
        }
    )


def settings(vendor: NetSuite, **more: Any) -> Settings:
    given = vendor.credentials
    return Settings(
        **{
            "base_url": HOST,
            "account_id": given["account_id"],
            "client_id": given["client_id"],
            "certificate_id": given["certificate_id"],
            "algorithm": "ES256",
            "subsidiary_id": "1",
            "currency_ids": CURRENCIES,
            "firm_currency": "USD",
            **more,
        }
    )


class Desk:
    """Somebody with this connection, who can also work in NetSuite by hand (`books`)."""

    def __init__(self, vendor: NetSuite, clock: VirtualClock, **more: Any) -> None:
        self.vendor, self.clock, self.books = vendor, clock, vendor.acts
        self.connection = Connection(
            name="ledger",
            connector=CONNECTOR,
            settings=settings(vendor, **more),
            secrets={
                name: vendor.credentials[name]
                for name in ("private_key", "consumer_secret", "token_secret")
            },
            keeper=MemoryKeeper(),
            governor=MemoryGovernor(),
        )
        self.transport = Transport(clock, mounts={HOST: WsgiAdapter(vendor, clock)})
        self.item = next(row["id"] for row in self.books.rows("serviceSaleItem"))

    def call(self, request: Request) -> Response:
        return self.transport.call(self.connection, request)

    def rows(self, name: str, start: datetime | None = None) -> list[Row]:
        """What a pull lands; `start` is on NetSuite's wall clock, as a mark is."""
        stream = CONNECTOR.stream(name)
        request = stream.request(Since(start=start, end=self.clock.now()), self.connection.settings)
        return [row for page in walk(self.call, request, stream.pages) for row in page.rows]

    def pull(self, name: str, start: datetime | None = None) -> dict[str, Any]:
        """The facts of a stream, by their ids there."""
        stream = CONNECTOR.stream(name)
        return {
            stream.key(row): stream.read(
                stream.wire.model_validate(row),
                SourceRef("ledger", name, stream.key(row)),
                self.connection.settings,
            )
            for row in self.rows(name, start)
        }

    def context(self, number: int, **more: Any) -> WriteContext:
        codes = {f"L{n:03}": LineCodes(item_id=self.item) for n in range(1, 1000)}
        known: dict[str, Any] = {
            "key": key(number), "lines": codes, "home_currency": "USD",
            "settings": self.connection.settings,
        }  # fmt: skip
        return WriteContext(**known | more)

    def send(self, name: str, subject: Any, around: WriteContext) -> Response:
        writer = CONNECTOR.writer(name)
        body = encode(writer.build(subject, around))
        return self.call(writer.send(body, around.key, self.connection.settings))

    def write(self, name: str, subject: Any, around: WriteContext) -> RemoteRef:
        """Write, read back, and see that it is the same over there."""
        writer = CONNECTOR.writer(name)
        answer = self.send(name, subject, around)
        assert (answer.status, answer.body) == (204, b"")
        assert writer.read_back is not None
        back = self.call(writer.read_back(answer, self.connection.settings))
        record = writer.record(back.json())
        theirs, ours = writer.digest(record), writer.expect(subject, around)
        assert replace(theirs, tax=ours.tax) == ours
        return writer.read(record)

    def find(self, name: str, by: str, subject: Any, around: WriteContext) -> list[str]:
        """The ids of what is found in one way."""
        writer = CONNECTOR.writer(name)
        find = next(find for find in writer.finds if find.by == by)
        request = find.request(subject, around, self.connection.settings)
        assert request is not None
        found = find.pick(self.call(request).json(), subject, around)
        return [writer.read(row).remote_id for row in found]

    def customer(self, name: str = "Acme", **more: Any) -> str:
        """A customer made by hand."""
        return str(self.books.add_customer(name, **more)["id"])


def desk(preset: str = "empty", *, ours: dict[str, Any] | None = None, **account: Any) -> Desk:
    """A desk before an account; `ours` are the connection's settings."""
    clock = VirtualClock(NOW)
    return Desk(NetSuite(clock, preset=preset, **account), clock, **(ours or {}))


# -- a whole firm -----------------------------------------------------------------------
@dataclass
class Firm:
    """A firm with a month approved, ready to push to NetSuite."""

    engine: Engine
    ledger: NetSuite
    clock: VirtualClock
    documents: list[Document]

    def invoices(self) -> list[tuple[str, Decimal]]:
        """(number, total) of what stands in NetSuite and is not void, sorted."""
        rows = self.ledger.acts.rows("invoice")
        return sorted((row["tranId"], row["total"]) for row in rows if row["status"] != "V")

    def ours(self) -> list[tuple[str, Decimal]]:
        return sorted((each.number, each.total.amount) for each in self.documents)

    def look(self) -> None:
        """Pull the ledger's side; nothing may fail."""
        assert [one for one in pullback(self.engine).pulled if one.error] == []


_LEDGER = """  ledger:
    connector: netsuite
    base_url: {host}
    settings:
      account_id: "{account_id}"
      client_id: "{client_id}"
      certificate_id: "{certificate_id}"
      algorithm: ES256
      subsidiary_id: "1"
      currency_ids: {{ USD: "1" }}
      own_numbers: true
    secrets: {{ private_key: NETSUITE_PRIVATE_KEY }}

policies:
"""


@contextmanager
def firm(folder: Path, **account: Any) -> Iterator[Firm]:
    """A small firm whose ledger is NetSuite, with January approved."""
    clock = VirtualClock(firms.START)
    world = World(clock, preset="empty")
    facts = demo_firm(world, people=4, projects=4)
    ledger = NetSuite(clock, preset="empty", **{"override_numbers": True, **account})
    write_workspace(folder, firms.hosts(world), facts.rates, facts.instalment_days)
    for name in ("Consulting services", "Implementation services"):
        ledger.acts.add("serviceSaleItem", itemId=name)
    given = ledger.credentials
    path = folder / "tieout.yaml"
    before, rest = path.read_text().split("  ledger:\n")
    after = rest.partition("policies:\n")[2]
    path.write_text(before + _LEDGER.format(host=HOST, **given) + after)
    (folder / "mappings" / "ledger.yaml").write_text("items:\n  default: Consulting services\n")
    described = firms.hosts(world)
    mounts = {
        described[vendor.slug]["base_url"]: WsgiAdapter(vendor)
        for vendor in (world.salesforce, world.harvest)
    }
    with open_engine(
        settings_from({"TIEOUT_WORKSPACE": str(folder)}),
        clock=clock,
        mounts=mounts | {HOST: WsgiAdapter(ledger)},
        environment=secrets_for(described) | {"NETSUITE_PRIVATE_KEY": given["private_key"]},
        actor="nora",
    ) as engine:
        found = Firm(engine, ledger, clock, [])
        pull(engine)
        translate(engine)
        project(engine)
        found.look()
        bill(engine, firms.JANUARY)
        found.documents = list(approve(engine, everything=True).documents)
        yield found
