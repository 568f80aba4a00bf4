"""What a connector is: values that the engine reads, and pure functions that it calls.

Nothing here does anything. `pages.py` walks listings, `faults.py` classifies
answers, `auth.py` keeps tokens fresh, `transport.py` sends. A connector holds no
loop over pages, no retry, no sleep, no SQL and no clock.

JSON is parsed with exact decimals everywhere; `Row` is one parsed record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from tieout.connectors.attached import File as File
from tieout.connectors.batch import Batch as Batch
from tieout.connectors.batch import ItemAnswer as ItemAnswer
from tieout.connectors.batch import VendorError as VendorError
from tieout.connectors.batch import item_name as item_name
from tieout.connectors.browser import HERE as HERE
from tieout.connectors.browser import Browser as Browser
from tieout.connectors.browser import Code as Code
from tieout.connectors.browser import Company as Company
from tieout.connectors.call import Request as Request
from tieout.connectors.call import Response as Response
from tieout.connectors.codes import LineCodes as LineCodes
from tieout.connectors.layouts import Layout as Layout
from tieout.connectors.layouts import Parsed as Parsed
from tieout.connectors.limits import Limit as Limit
from tieout.connectors.limits import QuotaHeader as QuotaHeader
from tieout.connectors.reading import CursorToken as CursorToken
from tieout.connectors.reading import Feed as Feed
from tieout.connectors.reading import FullScan as FullScan
from tieout.connectors.reading import NextLink as NextLink
from tieout.connectors.reading import Offset as Offset
from tieout.connectors.reading import OnePage as OnePage
from tieout.connectors.reading import Pages as Pages
from tieout.connectors.reading import Row as Row
from tieout.connectors.reading import Since as Since
from tieout.connectors.reading import Watermark as Watermark
from tieout.connectors.webhook import Hint as Hint
from tieout.connectors.webhook import Webhook as Webhook
from tieout.errors import RemoteError
from tieout.model.document import Document, Order
from tieout.model.ids import SourceRef
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import Digest, ListKind, RemoteInvoice, RemoteRef

#: The names of the writers that the engine calls, in the order their records depend on.
CUSTOMER, PROJECT, INVOICE = "customer", "project", "invoice"
#: Those that a ledger may have besides: credit notes, what sets one against its invoice where
#: that takes a call of its own, and what voids an invoice or corrects its memo and due date.
CREDIT_NOTE, ALLOCATION, VOID, CORRECTION = "credit_note", "allocation", "void", "correction"
#: What attaches the file with an invoice's time entries to it.
TIMESHEET = "timesheet"


class Family(StrEnum):
    """Which side of the firm a connector serves."""

    CRM = "crm"
    TIME = "time"
    LEDGER = "ledger"
    FILES = "files"


class Settings(BaseModel):
    """What an operator types in for one connection; each connector has a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = ""  # "" = the vendor's production host
    firm_time_zone: str = "UTC"  # filled from the workspace
    firm_currency: str = ""  # filled from the workspace


# -- faults -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of a fault table: what to conclude when all that is given matches."""

    then: type[RemoteError]
    status: int | None = None
    code: str | None = None
    text: str | None = None  # a part of the vendor's text, without case
    writes: bool | None = None  # only for writes, only for reads, or both
    wait_s: float = 60.0  # for RateLimited, when the vendor names no wait


# -- authentication ---------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What signs calls. Instants are UTC; None = not known."""

    access: str
    refresh: str = ""  # stored before the access token is used
    expires_at: datetime | None = None
    base_url: str = ""  # where the vendor wants data calls sent, "" = the connection's own
    company: str = ""  # the remote company the token belongs to, "" when it does not say
    refresh_expires_at: datetime | None = None  # a person must connect again before it
    origin: str = ""  # digest of the refresh token a person gave, from which it descends


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSign:
    """A call that is about to leave, for a vendor that wants each one signed by itself."""

    method: str
    url: str  # with its query
    at: datetime  # UTC
    nonce: str  # random, for this call alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How calls are signed and how a token is had.

    `headers(settings, secrets, token)` are the headers of every call, `sign(settings,
    secrets, call)` those that depend on the call itself.
    `grant(settings, secrets, refresh, now)` is the token call; None when the
    secret itself signs (an API key). `refresh` is the stored refresh token, ""
    when there is none. `read(answer, now)` reads its answer. With a `browser` a person
    can sign in at the vendor's page; the secret `starts_with` need not be given then.
    """

    headers: Callable[[Any, Mapping[str, str], Token | None], Mapping[str, str]]
    grant: Callable[[Any, Mapping[str, str], str, datetime], Request] | None = None
    read: Callable[[Any, datetime], Token] | None = None
    secrets: tuple[str, ...] = ()  # the names of the secrets an operator must give
    starts_with: str = ""  # which of them is the first refresh token, "" when none is
    one_of: tuple[str, ...] = ()  # secrets of which one is needed; the settings decide which
    takes_token: Callable[[Any], bool] = lambda settings: True  # False: its secrets sign
    sign: Callable[[Any, Mapping[str, str], ToSign], Mapping[str, str]] | None = None
    browser: Browser | None = None

    def at_a_page(self, settings: Any) -> Browser | None:
        """The vendor's page where a person lets us in; None when these settings have none."""
        return self.browser if self.browser and self.browser.applies(settings) else None


# -- streams ----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How deletions are noticed where a vendor reports none: list all ids of a period."""

    request: Callable[[Since, Any], Request]
    day: Callable[[Row], date | None]  # the row's work day, to know which rows the sweep covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A record that cannot become a fact; the reason is for a bookkeeper."""

    reason: str
    text: str
    what_to_do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What can be pulled, and how a record becomes a canonical fact.

    `kind` is the canonical kind its facts are stored under: `deal`, `time_entry` ...
    `read(wire, source, settings)` is pure; `wire` validates the row first.
    `request` and `pages.rows` may raise FeedFull when a feed of changes does not reach
    back far enough or was cut off: the stream is then pulled with `since.start` None.
    """

    name: str
    kind: str
    yields: type
    wire: type[BaseModel]
    request: Callable[[Since, Any], Request]
    pages: Pages
    cursor: Watermark | FullScan
    key: Callable[[Row], str]
    read: Callable[[Any, SourceRef, Any], Any]
    revision: Callable[[Row], str] = lambda row: ""
    deleted: Callable[[Row], bool] = lambda row: False
    sweep: Sweep | None = None
    applies: Callable[[Any], bool] = lambda settings: True  # False: there is no such list there


# -- writers ----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContext:
    """All a writer may know besides the document: ids over there, resolved before the call."""

    key: str  # our idempotency key
    customer_id: str = ""  # who the document is for, over there
    parent_id: str = ""  # for a sub-customer
    lines: Mapping[str, LineCodes] = field(default_factory=dict)  # by line id
    term_id: str = ""
    department_id: str = ""
    home_currency: str = ""
    exchange_rate: Decimal | None = None  # home units for one unit of the document's currency
    country: str = ""  # of the ledger's company
    email: str = ""
    display_name: str = ""  # the name a customer or sub-customer is made under
    # What stands below a section's lines, by the section's budget, and a link back: each only
    # where the ledger has a place for it.
    memo_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    link: str = ""
    file: File | None = None  # what is attached to the invoice
    settings: Any = None  # of the connection
    # For what is written about an invoice that is there: a credit note, an allocation ...
    invoice_id: str = ""  # the invoice, over there
    invoice_revision: str = ""  # as it was just read, "" when it was not
    stands: Row | None = None  # the invoice's whole record, as it was just read
    credit_id: str = ""  # the credit note that an allocation sets against the invoice
    record_key: str = ""  # our key as the record that is changed carries it
    amount: Decimal | None = None  # the most that may be set against the invoice now, with tax
    order: Order | None = None  # what a person wants done
    sent: Row | None = None  # the body as it was built, once it was: a repeat says the same


Subject = Document | Client | Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """One way to ask `do you already have it?`.

    `request` gives None when this way cannot be used (no number ...). `pick`
    returns the records of the answer that are ours, or could be.
    """

    by: str  # `key`, `number`, `name`
    request: Callable[[Any, WriteContext, Any], Request | None]  # (subject, context, settings)
    pick: Callable[[Any, Any, WriteContext], list[Row]]  # (answer, subject, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to read the invoice that a write is about, just before the write is built.

    `pick` gives the record in the answer, None when it is not there any more; `read` gives
    what it says (record, settings).
    """

    request: Callable[[Any, WriteContext, Any], Request]  # (subject, context, settings)
    pick: Callable[[Any], Row | None]
    read: Callable[[Row, Any], RemoteInvoice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """What can be pushed. No find, no writer.

    `build(subject, context)` is the JSON-able body of one item, pure. The engine
    encodes it once, stores the bytes and sends only those. `send(body, key,
    settings)` places bytes and key in a call. `record(answer)` is the vendor's
    record in an answer; `read` and `digest` read that record. `expect` is the
    digest our document should come back with. `conflicts` names fields that must
    agree before a found record is taken for ours. Where a write is answered without the
    record, `read_back(answer, settings)` is the read whose answer has it; it raises Unknown
    when the answer does not say what to read.

    `look` reads the invoice it is about before a body is built: the engine decides by what
    stands there, and gives `build` its revision and what is open. A writer that `changes`
    what the first writer it depends on made makes no record: `finds` pick that record only
    when it is as wanted.
    A record that has no room for our key is `keyless`: `finds` pick only what can be nobody
    else's.
    """

    name: str
    takes: type
    depends_on: tuple[str, ...]  # writers whose subjects must be there first
    build: Callable[[Any, WriteContext], Row]
    send: Callable[[bytes, str, Any], Request]
    record: Callable[[Any], Row]
    read: Callable[[Row], RemoteRef]
    digest: Callable[[Row], Digest]
    expect: Callable[[Any, WriteContext], Digest]
    finds: tuple[Find, ...]
    key_length: int = 50  # the vendor's limit for the key on the wire
    batch: Batch | None = None
    read_back: Callable[[Response, Any], Request] | None = None
    look: Look | None = None
    changes: bool = False
    keyless: bool = False


# -- the connector ----------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the connection talks to: proven at connect time, checked ever after.

    An answer that names no company id reads as "": then the settings name it, and
    the vendor refuses a credential of another company (`Connector.company`).
    """

    request: Callable[[Any], Request]
    read: Callable[[Any], tuple[str, str]]  # (company id, company name)
    rights: Callable[[Any], Request] | None = None  # a call that tells what the sign-in may see
    warnings: Callable[[Any], list[str]] = lambda answer: []  # its answer, in words for a person


@dataclass(frozen=True, slots=True)
class Unverified:
    """One thing about a vendor that no live account has shown yet, and how to see it."""

    what: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One vendor. Read its folder's `__init__.py` first."""

    slug: str
    title: str
    family: Family
    settings: type[Settings]
    base_url: Callable[[Any], str]  # where data calls go unless the token says otherwise
    company: Callable[[Any], str]  # the remote company the limits belong to
    auth: Auth
    errors: Callable[[Response], list[VendorError]]
    pace: tuple[Limit, ...] = ()
    at_once: int = 0  # calls on their way at a time, for the whole company; 0 = not bounded
    at_once_setting: str = ""  # the connection's setting that says so, where a contract decides
    quotas: tuple[QuotaHeader, ...] = ()
    faults: tuple[Fault, ...] = ()
    streams: tuple[Stream, ...] = ()
    feed: Feed | None = None
    writers: tuple[Writer, ...] = ()
    layouts: tuple[Layout, ...] = ()
    # (a file's name, its bytes, settings) -> the rows in it; BadInput with every problem.
    parse: Callable[[str, bytes, Any], list[Parsed]] | None = None
    identity: Identity | None = None
    webhook: Webhook | None = None
    trace_header: str = ""  # the vendor's correlation id, lower case
    #: Whether a customer is kept in one currency for ever, and gets documents in no other.
    one_currency: bool = False
    #: Whether an invoice takes lines without money, and whether it has a place for a link.
    memo_lines: bool = False
    links: bool = False
    #: Lists of the ledger that there are not: a name of one cannot be looked up.
    unlisted: tuple[ListKind, ...] = ()
    #: By country of the company: tax codes that are words of the ledger and in no list.
    tax_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: (settings, the company's country) -> why taxes that we compute cannot be sent, and what to
    #: do; "" where they can.
    refuses_taxes: Callable[[Any, str], str] = lambda settings, country: ""
    # Origins (`https://id.vendor.com`) besides the base URL's that signed calls may go to:
    # a credential is never sent to any other, whatever a next link says.
    origins: Callable[[Any], tuple[str, ...]] = lambda settings: ()
    # The lists that tell of the company itself and how its books are set up, each one record.
    about: tuple[str, ...] = ()
    unverified: tuple[Unverified, ...] = ()  # for whoever first connects a live account

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of all the secrets it can be given."""
        return (*self.auth.secrets, *self.auth.one_of, *self.heard_with)

    @property
    def heard_with(self) -> tuple[str, ...]:
        """The names of those that only its notifications need; calls are made without."""
        return self.webhook.secrets if self.webhook else ()

    def stream(self, name: str) -> Stream:
        """The stream of that name. Raises KeyError when there is none."""
        return {stream.name: stream for stream in self.streams}[name]

    def writes(self, name: str) -> bool:
        """Whether it has a writer of that name."""
        return any(writer.name == name for writer in self.writers)

    def writer(self, name: str) -> Writer:
        """The writer of that name. Raises KeyError when there is none."""
        return {writer.name: writer for writer in self.writers}[name]
