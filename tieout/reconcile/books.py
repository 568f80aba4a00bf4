"""Both sides of one ledger connection at one moment: all that a reconciliation may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from tieout.billing.taxes import DocumentTax
from tieout.model.document import Document, DocumentKind
from tieout.model.money import Money
from tieout.model.settlement import Payment, RemoteInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Where a document stands in the outbox."""

    state: str  # pending, claimed, sent, unknown, confirmed, held
    key: str
    remote_id: str = ""
    tax: Decimal | None = None  # the tax the ledger answered at the push
    error: str = ""  # the vendor's own words when held
    settled_at: datetime | None = None  # when the last outcome about it was learned, UTC
    allocation: str = ""  # of a credit note: the state of its allocation, "" without one
    unapplied: str = ""  # why the allocation is held, in the vendor's words or ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbilled:
    """Approved, billable work on no live document, in a period that was billed."""

    work_id: str
    client: str
    project: str
    person: str
    task: str
    work_date: date
    seconds: int
    reason: str  # why, in words
    value: Money | None = None  # at the rate it would be billed, None without one


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """A push whose answer was lost, and how it was settled."""

    document_id: str
    number: str
    lost_at: datetime
    what: str  # what happened to the answer
    settled: str  # how the outcome was learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When a stream last came through completely; None = never."""

    connection: str
    stream: str
    last_success: datetime | None
    last_failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Books:
    """What both sides say. Everything is read before the comparison begins."""

    firm: str
    ledger: str  # the connection's name
    company: str  # the remote company, by name
    as_of: datetime  # UTC
    today: date  # in the firm's time zone
    documents: tuple[Document, ...]  # approved and later; never drafts
    sent: Mapping[str, Sent]  # by document id
    # Invoices and credit notes, live and voided ones; deleted ones are absent.
    remote: tuple[RemoteInvoice, ...]
    payments: tuple[Payment, ...]
    clients: Mapping[str, str] = field(default_factory=dict)  # client id -> name
    customers: Mapping[str, str] = field(default_factory=dict)  # remote customer id -> client id
    unbilled: tuple[Unbilled, ...] = ()
    recoveries: tuple[Recovery, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    invoices_read_at: datetime | None = None  # the last complete reading of the ledger's invoices
    stale_after_s: float = 26 * 3600.0
    tolerance: Decimal = Decimal("0.00")
    # By document id: our own figure, where the ledger computes taxes and rates are known.
    taxes: Mapping[str, DocumentTax] = field(default_factory=dict)

    @cached_property
    def matches(self) -> Mapping[str, tuple[Match, ...]]:
        """For each document id, the remote records that are it. First rung that finds wins."""
        return {document.id: _matches(document, self) for document in self.documents}

    @cached_property
    def claimed(self) -> frozenset[str]:
        """The remote ids that some document of ours accounts for."""
        return frozenset(
            match.invoice.remote_id for found in self.matches.values() for match in found
        )

    def read_since(self, sent: Sent) -> bool:
        """Whether the ledger's documents were read after this push was settled: before that,
        nothing can be said of what is there."""
        if self.invoices_read_at is None:
            return False
        return sent.settled_at is None or self.invoices_read_at >= sent.settled_at

    def settled(self, document: RemoteInvoice) -> Decimal:
        """How much of a remote document the payments we copied settle, or use up."""
        return sum((payment.settles(document) for payment in self.payments), Decimal(0))

    def said_of(self, remote: RemoteInvoice) -> str:
        """Where a person finds a remote document: `ledger/invoices/130`."""
        return f"{self.ledger}/{remote.source.stream}/{remote.remote_id}"

    def client_of(self, document: Document) -> str:
        """The client's name, its id when the name is not known."""
        return self.clients.get(document.client_id, document.client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A remote record taken for a document of ours, and the rung of the ladder that says so."""

    invoice: RemoteInvoice
    by: str  # `remote id`, `key`, `number, customer and currency`


def _matches(document: Document, books: Books) -> tuple[Match, ...]:
    sent = books.sent.get(document.id)
    same_kind = [i for i in books.remote if i.kind is document.kind]
    by_id = [i for i in same_kind if sent and sent.remote_id and i.remote_id == sent.remote_id]
    by_key = [i for i in same_kind if sent and sent.key and i.key == sent.key]
    by_number = [
        i
        for i in same_kind
        if i.number == document.number
        and i.total.currency == document.currency
        and books.customers.get(i.customer_id) == document.client_id
        and not i.voided
    ]
    found: dict[str, Match] = {}
    rungs = (
        ("remote id", by_id),
        ("key", by_key),
        ("number, customer and currency", by_number),
    )
    for rung, invoices in rungs:
        for invoice in invoices:
            found.setdefault(invoice.remote_id, Match(invoice=invoice, by=rung))
    return tuple(found.values())


def named(kind: DocumentKind) -> str:
    """What people call a kind of document: `invoice`, `credit note`."""
    return kind.value.replace("_", " ")
