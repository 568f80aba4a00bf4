"""A firm's Xero for tests: documents, what is known about them, and a bookkeeper at a desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from tieout.clock import VirtualClock
from tieout.connectors.base import LineCodes, Since, WriteContext, item_name
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.exact import encode
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.transport import Transport
from tieout.connectors.xero import CONNECTOR, Settings
from tieout.errors import RemoteError, Unknown
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import SourceRef, idempotency_key
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.sandbox.xero import Xero

HOST = "http://xero.test"
NOW = datetime(2026, 2, 2, 17, 0, tzinfo=UTC)
CLIENT = Client(id="c1", source=None, name="Acme", email="ap@acme.example")
SECRETS = ("client_id", "client_secret", "refresh_token")


def key(number):
    return idempotency_key("Northwind", "ledger", f"doc_{number}", 1, 1)


def line(number, hours="12.5", rate="150", amount="1875.00", text="Design", currency="NZD", **more):
    return Line(
        **{
            "id": f"L{number:03}",
            "kind": LineKind.TIME,
            "budget_id": "b1",
            "description": text,
            "quantity": Decimal(hours),
            "rate": Decimal(rate),
            "amount": Money.of(amount, currency),
            "project_id": "p1",
            **more,
        }
    )


def document(*lines, **more):
    section = Section(project_id="p1", budget_id="b1", title="Website", lines=lines or (line(1),))
    return Document(
        **{
            "id": "doc_1",
            "kind": DocumentKind.INVOICE,
            "number": "INV-2026-0007",
            "client_id": "c1",
            "currency": "NZD",
            "issue_date": date(2026, 1, 31),
            "due_date": date(2026, 3, 2),
            "period_from": date(2026, 1, 1),
            "period_to": date(2026, 1, 31),
            "sections": (section,),
            **more,
        }
    )


def context(number=1, *, lines=1, tax="", item="DESIGN", **more):
    codes = LineCodes(item_id=item, tax_code_id=tax)
    return WriteContext(
        **{
            "key": key(number),
            "customer_id": "5e7d8c1a-0000-4000-a000-000000000001",
            "lines": {f"L{n:03}": codes for n in range(1, lines + 1)},
            "home_currency": "NZD",
            "country": "NZ",
            **more,
        }
    )


def built(subject=None, around=None):
    """The one invoice in a body."""
    body = CONNECTOR.writer("invoice").build(subject or document(), around or context())
    (row,) = body["Invoices"]
    return row


def settings(**more):
    return Settings(**{"tenant_id": "tenant-1", "firm_currency": "NZD", **more})


class Desk:
    """A connection to an organisation, and the people who work in it by hand (`books`)."""

    def __init__(self, clock=None, *, secrets=SECRETS, told=None, **organisation):
        self.clock = clock or VirtualClock(NOW)
        self.vendor = Xero(self.clock, **{"preset": "sample", **organisation})
        self.books = self.vendor.books
        given = self.vendor.credentials
        said = {"base_url": HOST, "tenant_id": given["tenant_id"], **(told or {})}
        self.connection = Connection(
            name="ledger",
            connector=CONNECTOR,
            settings=settings(**said),
            secrets={name: given[name] for name in secrets},
            keeper=MemoryKeeper(),
            governor=MemoryGovernor(),
        )
        adapter = WsgiAdapter(self.vendor, self.clock)
        self.transport = Transport(self.clock, mounts={HOST: adapter})

    def call(self, request):
        return self.transport.call(self.connection, request)

    def contact_id(self, name="Cobalt Robotics"):
        return next(r["ContactID"] for r in self.books.rows("Contacts") if r["Name"] == name)

    def about(self, number=1, **more):
        return context(number, **{"customer_id": self.contact_id(), **more})

    # -- reading ------------------------------------------------------------------------
    def pull(self, name, start=None):
        """The live facts of a stream, and the keys of what was deleted."""
        stream = CONNECTOR.stream(name)
        request = stream.request(Since(start=start, end=self.clock.now()), self.connection.settings)
        rows = [row for page in walk(self.call, request, stream.pages) for row in page.rows]
        facts = [
            stream.read(
                stream.wire.model_validate(row),
                SourceRef("ledger", name, stream.key(row)),
                self.connection.settings,
            )
            for row in rows
            if not stream.deleted(row)
        ]
        return facts, [stream.key(row) for row in rows if stream.deleted(row)]

    def invoice(self, number):
        return next(fact for fact in self.pull("invoices")[0] if fact.number == number)

    # -- writing ------------------------------------------------------------------------
    def send(self, subject, around, name="invoice", call_key=""):
        """One call; its record, agreed with what was sent but for the tax."""
        writer = CONNECTOR.writer(name)
        body = encode(writer.build(subject, around))
        request = writer.send(body, call_key or around.key, self.connection.settings)
        record = writer.record(self.call(request).json())
        theirs, ours = writer.digest(record), writer.expect(subject, around)
        assert replace(theirs, tax=ours.tax) == ours
        return writer.read(record)

    def refusal(self, subject, around, name="invoice", call_key=""):
        try:
            self.send(subject, around, name, call_key)
        except RemoteError as error:
            return error
        raise AssertionError("it was taken")

    def send_batch(self, pairs, call_key="batch-1"):
        """Several invoices in one call: each one's answer by its key."""
        writer = CONNECTOR.writer("invoice")
        items = [
            (item_name(around.key), encode(writer.build(subject, around)))
            for subject, around in pairs
        ]
        request = writer.batch.send(items, call_key, self.connection.settings)
        told = writer.batch.split(self.call(request).json())
        return {around.key: told.get(item_name(around.key)) for _, around in pairs}

    def find(self, by, subject, around, name="invoice"):
        """What a look finds: remote ids, each with the key it carries."""
        writer = CONNECTOR.writer(name)
        find = next(each for each in writer.finds if each.by == by)
        request = find.request(subject, around, self.connection.settings)
        assert request is not None
        rows = find.pick(self.call(request).json(), subject, around)
        return [(writer.read(row).remote_id, writer.digest(row).key) for row in rows]

    def lose(self, kind, subject, around, **how):
        """Send one whose answer does not come."""
        self.vendor.plan(kind, method="PUT", **how)
        assert isinstance(self.refusal(subject, around), Unknown)

    def count(self, number):
        return sum(row.get("InvoiceNumber") == number for row in self.books.rows("Invoices"))
