"""Connectors joined to their sandboxes, and the cases that are recorded and replayed.

A case is one thing a connector does: pull a stream, write a document and find it
again, sign in, be refused. `record.py` runs it against a served sandbox and keeps the
wire as a cassette and the outcome as a golden file; `live.py` does so with a vendor's own
sandbox account; `test_conformance.py` replays them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from tests.connectors import subjects
from tests.connectors.plain import plain, said
from tieout.clock import VirtualClock
from tieout.connectors.base import (
    Connector,
    Offset,
    Request,
    Row,
    Since,
    Stream,
    VendorError,
    Watermark,
    WriteContext,
    Writer,
    item_name,
)
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.exact import decode, encode
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Transport
from tieout.errors import RemoteError
from tieout.model.ids import SourceRef
from tieout.sandbox.core import Vendor
from tieout.sandbox.harvest import Harvest
from tieout.sandbox.netsuite import NetSuite
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.salesforce import Salesforce
from tieout.sandbox.xero import Xero

ROOT = Path(__file__).parents[2]
CASSETTES = ROOT / "cassettes"
GOLDEN = ROOT / "tests" / "connectors" / "golden"

#: When the sandboxes are set up, and when they are called.
MADE = datetime(2026, 3, 2, 17, tzinfo=UTC)
NOW = MADE + timedelta(hours=2)
#: Since when changes are asked for: people edit over there half an hour later.
EDITED = MADE + timedelta(hours=1)


def host(slug: str) -> str:
    """The made-up host a vendor has in cassettes."""
    return f"https://{slug}.sandbox.example"


# -- sandboxes --------------------------------------------------------------------------
@dataclass(frozen=True)
class Rig:
    """What the tests know of one vendor: how to stand it up and how it words a refusal."""

    make: Callable[[VirtualClock], Vendor]
    settings: Callable[[Any], dict[str, Any]]
    secrets: Callable[[Any], dict[str, str]]
    refusal: Callable[[VendorError], bytes]
    edit: Callable[[Any], None]  # what people do over there before changes are pulled
    #: What an item of a batch is called: by its place, or by the key it carries.
    named: Callable[[int, WriteContext], str] = lambda place, context: str(place)


def _salesforce_refusal(error: VendorError) -> bytes:
    return json.dumps([{"errorCode": error.code, "message": error.text}]).encode()


def _harvest_refusal(error: VendorError) -> bytes:
    return json.dumps({"error": error.code, "message": error.text}).encode()


def _quickbooks_refusal(error: VendorError) -> bytes:
    # Faults without a numbered code are told by the type of the whole.
    numbered = error.code.isdigit()
    one = {"Message": error.text, "Detail": error.text}
    one |= {"code": error.code} if numbered else {}
    kind = "ValidationFault" if numbered else error.code
    return json.dumps({"Fault": {"Error": [one], "type": kind}}).encode()


def _xero_refusal(error: VendorError) -> bytes:
    if error.code.isdigit():
        said = {"ErrorNumber": int(error.code), "Type": "Exception", "Message": error.text}
    elif error.code:  # the token service's, and a limit's, which is told in a header
        said = {"error": error.code, "error_description": error.text}
    else:
        said = {"Type": None, "Title": "Bad Request", "Status": 400, "Detail": error.text}
    return json.dumps(said).encode()


def _edit_salesforce(vendor: Salesforce) -> None:
    deal = next(iter(vendor.org.every_visible("Opportunity")))
    vendor.org.win(deal["Id"])
    gone = list(vendor.org.every_visible("OpportunityContactRole"))[-1]
    vendor.org.delete("OpportunityContactRole", gone["Id"])


def _harvest(clock: VirtualClock) -> Harvest:
    vendor = Harvest(clock, page_size=20)
    # A few weeks say all that a quarter says: the plain days, and what bites at the end.
    for entry_id in list(vendor.account.entries)[15:-20]:
        del vendor.account.entries[entry_id]
    return vendor


def _edit_harvest(vendor: Harvest) -> None:
    first, second, *_ = list(vendor.account.entries)
    vendor.account.edit_entry(first, notes="Corrected after the call")
    vendor.account.delete_entry(second)


def _edit_quickbooks(vendor: QuickBooks) -> None:
    books = vendor.books
    unpaid = next(row for row in books.live("Invoice") if row["DocNumber"] == "1015")
    books.pay({unpaid["Id"]: Decimal("1000.00")}, PaymentRefNum="WIRE-NEW")
    gone = next(row for row in books.live("Invoice") if row["DocNumber"] == "1016")
    books.delete("Invoice", gone)
    books.create("Class", {"Name": "Opened today"}, ())


def _edit_xero(vendor: Xero) -> None:
    books = vendor.books
    invoices = {row["InvoiceNumber"]: row for row in books.rows("Invoices")}
    books.overpay(invoices["INV-0013"]["InvoiceID"], "3000.00", Reference="WIRE-NEW")
    contact_id = invoices["INV-0014"]["_contact"]
    note = next(row for row in books.rows("CreditNotes") if row["_contact"] == contact_id)
    books.apply_credit(note["CreditNoteID"], invoices["INV-0014"]["InvoiceID"], "200.00")
    books.void_invoice(invoices["INV-0010"]["InvoiceID"])
    draft = books.add_invoice(contact_id, "10.00", Status="DRAFT")
    books.delete_invoice(draft["InvoiceID"])
    gone = next(row for row in books.rows("Payments") if not row.get("_batch"))
    books.delete_payment(gone["PaymentID"])
    books.prepay(contact_id, "75.00", Reference="ADVANCE-2")
    books.edit_contact(contact_id, EmailAddress="new@cobalt.example")
    books.stop_selling(list(books.rows("Items"))[-1]["ItemID"])
    books.archive_option("Region", "South")
    books.add_invoice(contact_id, "2700.00")
    books.lock_until(date(2025, 12, 31))


def _netsuite_refusal(error: VendorError) -> bytes:
    if error.code.islower():  # of the token service
        return json.dumps({"error": error.code}).encode()
    one = {"detail": error.text, "o:errorCode": error.code}
    return json.dumps({"title": "Bad Request", "status": 400, "o:errorDetails": [one]}).encode()


def _edit_netsuite(vendor: NetSuite) -> None:
    acts, unpaid = vendor.acts, _netsuite_unpaid(vendor)
    acts.pay({unpaid[0]: Decimal("1000.00")}, memo="WIRE-NEW")
    acts.void_invoice(unpaid[1])
    credit = next(row for row in acts.rows("creditMemo"))
    acts.apply_credit(credit["id"], {_netsuite_owed(vendor, credit["entity"]): "100.00"})
    # What was pushed before: an invoice to correct, and a credit memo to set against it.
    hours = {"item": "81", "quantity": "18.1", "rate": "150.1", "amount": "2716.81"}
    acts.add(
        "invoice", entity="604", externalId=subjects.external("doc_4"), tranId=subjects.OPEN.number,
        tranDate=subjects.OPEN.issue_date.isoformat(), item={"items": [hours]}, memo="Design",
    )  # fmt: skip
    acts.add_credit("604", "250.00", externalId=subjects.external("doc_3"), tranId="CN-2026-0000")


def _netsuite_unpaid(vendor: NetSuite) -> list[str]:
    """Invoices of which nothing is paid, oldest first."""
    rows = [row for row in vendor.acts.rows("invoice") if not vendor.acts.applied_to(row["id"])]
    return sorted((row["id"] for row in rows), key=int)


def _netsuite_owed(vendor: NetSuite, customer_id: str) -> str:
    """An invoice on which a customer still owes something."""
    rows = vendor.acts.owned(customer_id, "invoice")
    return str(next(row["id"] for row in rows if vendor.acts.due(row)))


RIGS: dict[str, Rig] = {
    "salesforce": Rig(
        make=lambda clock: Salesforce(clock, page_size=200),
        settings=lambda vendor: {
            "consumer_key": vendor.oauth.client_id,
            "username": vendor.oauth.username,
        },
        secrets=lambda vendor: {"private_key": vendor.oauth.private_pem},
        refusal=_salesforce_refusal,
        edit=_edit_salesforce,
    ),
    "harvest": Rig(
        make=_harvest,
        settings=lambda vendor: {
            "account_id": vendor.credentials["account_id"],
            "contact": "ops@example.com",
        },
        secrets=lambda vendor: {"access_token": vendor.credentials["access_token"]},
        refusal=_harvest_refusal,
        edit=_edit_harvest,
    ),
    "quickbooks": Rig(
        make=lambda clock: QuickBooks(clock, multicurrency=False),
        settings=lambda vendor: {"realm_id": vendor.realm_id},
        secrets=lambda vendor: {
            name: vendor.credentials[name]
            for name in ("client_id", "client_secret", "refresh_token")
        },
        refusal=_quickbooks_refusal,
        edit=_edit_quickbooks,
    ),
    "xero": Rig(
        make=lambda clock: Xero(clock, country="US"),
        settings=lambda vendor: {"tenant_id": vendor.tenant_id},
        secrets=lambda vendor: {
            name: vendor.credentials[name]
            for name in ("client_id", "client_secret", "refresh_token")
        },
        refusal=_xero_refusal,
        edit=_edit_xero,
        named=lambda place, context: item_name(context.key),
    ),
    "netsuite": Rig(
        make=lambda clock: NetSuite(clock, tax="legacy", override_numbers=True),
        settings=lambda vendor: {
            "account_id": vendor.credentials["account_id"],
            "client_id": vendor.credentials["client_id"],
            "certificate_id": vendor.credentials["certificate_id"],
            "algorithm": "ES256",
            "subsidiary_id": "1",
            "currency_ids": {"USD": "1"},
            "own_numbers": True,
            "tax": "legacy_code",
        },
        secrets=lambda vendor: {"private_key": vendor.credentials["private_key"]},
        refusal=_netsuite_refusal,
        edit=_edit_netsuite,
    ),
}


@dataclass
class Stand:
    """One sandbox, set up, edited, and its connector pointed at a base URL."""

    slug: str
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(MADE))

    def __post_init__(self) -> None:
        self.rig = RIGS[self.slug]
        self.connector: Connector = connectors()[self.slug]
        self.vendor = self.rig.make(self.clock)
        self.clock.set(NOW - timedelta(minutes=30))
        self.rig.edit(self.vendor)
        self.clock.set(NOW)

    def connection(self, base_url: str, *, signed_in: bool) -> Connection:
        """The connection; `signed_in` with a token that needs no call, for replays."""
        # Salesforce alone says where it is when somebody signs in.
        own = base_url if self.slug == "salesforce" else ""
        token = {"access": "replayed", "base_url": own}
        settings = self.rig.settings(self.vendor) | {"base_url": base_url}
        return Connection(
            name=self.slug,
            connector=self.connector,
            settings=self.connector.settings(**settings),
            secrets=self.rig.secrets(self.vendor),
            keeper=MemoryKeeper(token if signed_in else None),
            governor=MemoryGovernor(),
        )


# -- cases ------------------------------------------------------------------------------
Outcome = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One recorded thing; `run` gives what the golden file must say."""

    slug: str
    folder: str  # the stream, the writer, `sign_in`, `identity` or `refused`
    name: str
    run: Callable[[Transport, Connection], Outcome]
    signs_in: bool = False  # True when the token call belongs to the case
    faults: tuple[dict[str, Any], ...] = ()  # planned at the sandbox before it runs
    live: bool = False  # True when a vendor's own account answers
    home: Path = ROOT  # the repository, or a copy of it

    @property
    def cassette(self) -> Path:
        return self.home / CASSETTES.relative_to(ROOT) / self._file("yaml")

    @property
    def golden(self) -> Path:
        return self.home / GOLDEN.relative_to(ROOT) / self._file("json")

    def _file(self, kind: str) -> Path:
        whose = LIVE if self.live else ""
        return Path(self.slug, self.folder, f"{self.name}{whose}.{kind}")

    def __str__(self) -> str:
        return f"{self.slug}-{self.folder}-{self.name}{LIVE if self.live else ''}"


#: In the names of what a vendor's own account answered.
LIVE = ".live"

Given = tuple[Any, WriteContext]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the cases of a connector ask for and write."""

    now: datetime
    changed_since: datetime
    days: tuple[date, date]  # of the sweep, closed
    of: Callable[[Writer], Given]  # what is written
    in_batch: Callable[[Writer], Given]
    refused: Callable[[Writer], Given]  # what the vendor must refuse
    writers: tuple[str, ...] = ()  # those it has something for; () = all


def sample(slug: str) -> Asked:
    """What is asked of a sandbox."""
    return Asked(
        now=NOW,
        changed_since=CHANGED_SINCE.get(slug, EDITED),
        days=(date(2026, 2, 16), date(2026, 2, 27)),
        of=partial(subjects.of, slug),
        in_batch=partial(subjects.of, slug),
        refused=partial(subjects.refused, slug),
    )


#: NetSuite tells a wall clock without a zone, and is asked by it: that of Los Angeles here.
CHANGED_SINCE = {"netsuite": EDITED - timedelta(hours=8)}


def cases() -> list[Case]:
    """Every case of every connector that has a sandbox."""
    found = []
    for slug in RIGS:
        if slug in connectors():
            asked = sample(slug)
            found += [*read_cases(slug, asked), *write_cases(slug, asked), *_unlucky(slug)]
    return found


def read_cases(slug: str, asked: Asked) -> Iterator[Case]:
    """Signing in and everything that is read."""
    connector = connectors()[slug]
    everything = Since(start=None, end=asked.now)
    for stream in connector.streams:
        yield Case(slug, stream.name, "all", partial(pull, stream, everything))
        if isinstance(stream.cursor, Watermark):
            changes = Since(start=asked.changed_since, end=asked.now)
            yield Case(slug, stream.name, "changes", partial(pull, stream, changes))
        if stream.sweep is not None:
            first, last = asked.days
            days = Since(start=None, end=asked.now, from_date=first, to_date=last)
            yield Case(slug, stream.name, "sweep", partial(sweep, stream, days))
    if connector.feed is not None:
        since = Since(start=asked.changed_since, end=asked.now)
        yield Case(slug, "feed", "changed", partial(changed, since))
    if connector.identity is not None:
        yield Case(slug, "identity", "company", who)
    if connector.auth.grant is not None:
        yield Case(slug, "sign_in", "first", sign_in, signs_in=True)
    gone = Request(method="GET", path="/no/such/thing", purpose="look for nothing")
    yield Case(slug, "refused", "no_such_path", partial(refused, gone))


def write_cases(slug: str, asked: Asked) -> Iterator[Case]:
    """Everything that is written, what others need first."""
    for writer in connectors()[slug].writers:
        if asked.writers and writer.name not in asked.writers:
            continue
        given = asked.of(writer)
        yield Case(slug, writer.name, "create", partial(create, writer, *given))
        yield Case(slug, writer.name, "repeat", partial(repeat, writer, *given))
        if writer.batch is not None:
            good, bad = asked.in_batch(writer), asked.refused(writer)
            yield Case(slug, writer.name, "batch", partial(send_batch, writer, good, bad))


def _unlucky(slug: str) -> Iterator[Case]:
    """What a vendor answers on a bad day: only a sandbox does so when it is asked to."""
    probe = partial(refused, connectors()[slug].streams[0])
    busy = {"kind": "reply", "status": 429, "headers": {"Retry-After": "20"}, "content": b""}
    yield Case(slug, "refused", "too_many_calls", probe, faults=(busy,))
    page = {"kind": "reply", "status": 503}
    yield Case(slug, "refused", "web_page", probe, faults=(page | {"times": 3},))


# -- what a case does -----------------------------------------------------------------------
def pull(stream: Stream, since: Since, transport: Transport, connection: Connection) -> Outcome:
    """Pull a stream and translate every record."""
    request = stream.request(since, connection.settings)
    pages = list(walk(partial(transport.call, connection), request, stream.pages))
    records = [_record(stream, row, connection) for page in pages for row in page.rows]
    return {"pages": len(pages), "records": records}


def _record(stream: Stream, row: dict[str, Any], connection: Connection) -> Outcome:
    key = stream.key(row)
    told = {"key": key, "revision": stream.revision(row)}
    if stream.deleted(row):
        return told | {"deleted": True}
    source = SourceRef(connection.name, stream.name, key)
    fact = stream.read(stream.wire.model_validate(row), source, connection.settings)
    return told | {"fact": plain(fact)}


def sweep(stream: Stream, days: Since, transport: Transport, connection: Connection) -> Outcome:
    """List what there is in a fortnight, to notice what was deleted."""
    assert stream.sweep is not None
    request = stream.sweep.request(days, connection.settings)
    pages = walk(partial(transport.call, connection), request, stream.pages)
    rows = [row for page in pages for row in page.rows]
    return {"keys": {stream.key(row): plain(stream.sweep.day(row)) for row in rows}}


def changed(since: Since, transport: Transport, connection: Connection) -> Outcome:
    """Ask which lists changed."""
    feed = connection.connector.feed
    assert feed is not None
    request = feed.request(feed.streams, since, connection.settings)
    answer = transport.call(connection, request).json()
    return {"changed": sorted(feed.changed(answer)), "answered": plain(feed.answered(answer))}


def create(
    writer: Writer, subject: Any, context: WriteContext, transport: Transport, link: Connection
) -> Outcome:
    """Write once, then look for it in every way there is."""
    context = replace(context, settings=link.settings)
    request, record, body = _written(writer, subject, context, transport, link)
    context = replace(context, sent=decode(body))
    found = {}
    for find in writer.finds:
        look = find.request(subject, context, link.settings)
        if look is not None:
            answer = transport.call(link, look).json()
            picked = find.pick(answer, subject, context)
            found[find.by] = [plain(writer.read(row)) for row in picked]
    return {
        "request": said(request),
        "ref": plain(writer.read(record)),
        "digest": plain(writer.digest(record)),
        "expected": plain(writer.expect(subject, context)),
        "found": found,
    }


def repeat(
    writer: Writer, subject: Any, context: WriteContext, transport: Transport, link: Connection
) -> Outcome:
    """The same bytes and key twice, as after a lost answer: one record over there."""
    context = replace(context, settings=link.settings)
    records = [_written(writer, subject, context, transport, link)[1] for _ in range(2)]
    return {"refs": [plain(writer.read(record)) for record in records]}


def _written(
    writer: Writer, subject: Any, context: WriteContext, transport: Transport, link: Connection
) -> tuple[Request, Row, bytes]:
    """The call of a write, the vendor's record of what it made, and the body as it was built."""
    body = encode(writer.build(subject, context))
    request = writer.send(body, context.key[: writer.key_length], link.settings)
    answer = transport.call(link, request)
    if writer.read_back is not None:
        answer = transport.call(link, writer.read_back(answer, link.settings))
    return request, writer.record(answer.json()), body


def send_batch(
    writer: Writer, good: Given, bad: Given, transport: Transport, link: Connection
) -> Outcome:
    """A good item and one that is refused: each settles by itself."""
    assert writer.batch is not None
    named = RIGS[link.connector.slug].named
    bodies = [
        (named(place, one[1]), encode(writer.build(*one)))
        for place, one in enumerate((good, bad), start=1)
    ]
    request = writer.batch.send(bodies, "batch-1", link.settings)
    items = writer.batch.split(transport.call(link, request).json())
    told: Outcome = {"request": said(request)}
    for name, item in sorted(items.items()):
        ok = item.answer is not None
        told[name] = plain(writer.read(writer.record(item.answer))) if ok else plain(item.errors)
    return told


def who(transport: Transport, connection: Connection) -> Outcome:
    """Who the connection talks to."""
    identity = connection.connector.identity
    assert identity is not None
    answer = transport.call(connection, identity.request(connection.settings)).json()
    company, name = identity.read(answer)
    told: Outcome = {"company": company, "name": name}
    if identity.rights is not None:
        seen = transport.call(connection, identity.rights(connection.settings)).json()
        told["warnings"] = identity.warnings(seen)
    return told


def sign_in(transport: Transport, connection: Connection) -> Outcome:
    """Ask for a token and use it."""
    told = who(transport, connection)
    stored = connection.keeper.load() or {}
    kept = ("expires_at", "refresh_expires_at", "base_url", "company")
    return told | {name: stored.get(name, "") for name in kept}


def refused(what: Stream | Request, transport: Transport, connection: Connection) -> Outcome:
    """A call that fails: what it is taken for."""
    request = what
    if isinstance(what, Stream):
        request = what.request(Since(start=None, end=NOW), connection.settings)
        request = what.pages.at(request, 0) if isinstance(what.pages, Offset) else request
    assert isinstance(request, Request)
    try:
        transport.call(connection, request)
    except RemoteError as error:
        told = {"error": type(error).__name__, "status": error.status, "code": error.code}
        wait_s = getattr(error, "wait_s", None)
        return told | {"text": error.text} | ({"wait_s": str(wait_s)} if wait_s else {})
    return {"error": None}
