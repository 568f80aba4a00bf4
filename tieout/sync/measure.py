"""What must be known of a ledger before the first push, measured on the live company.

`tieout connect` shows it, and `tieout doctor` looks at it again. What a vendor does not
tell is `not told`, which is never taken for `no`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from tieout.connectors.auth import from_stored
from tieout.connectors.base import Since, Stream
from tieout.connectors.transport import Connection
from tieout.errors import Transient
from tieout.model.ids import SourceRef
from tieout.model.settlement import ListEntry, ListKind
from tieout.store import projects
from tieout.sync.engine import Engine

#: A person must sign in again; said so long before.
SAID_BEFORE = timedelta(days=30)
_NOT_TOLD = "not told"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing about the company, and what it means for us."""

    what: str  # `home currency`
    value: str
    problem: str = ""  # why nothing can be pushed as it is; "" when it can
    what_to_do: str = ""


def measure(engine: Engine, connection: Connection) -> list[Fact]:
    """Read the company and its preferences, and compare them with the workspace.

    Only until when the sign-in lasts for a connector that tells nothing `about` its company.
    Raises RemoteError.
    """
    found = {
        entry.kind: entry
        for name in connection.connector.about
        for entry in _entries(engine, connection, connection.connector.stream(name))
    }
    company, books = found.get(ListKind.COMPANY), found.get(ListKind.PREFERENCES)
    facts = list(_company(engine, company)) if company else []
    if books is not None:
        facts += [
            *_currency(engine, books),
            _own_numbers(books),
            *_closed(engine, books),
            *_lists(engine, books),
        ]
    facts += _sign_in(engine, connection)
    return facts


def _entries(engine: Engine, connection: Connection, stream: Stream) -> Iterator[ListEntry]:
    request = stream.request(Since(start=None, end=engine.now()), connection.settings)
    answer = engine.transport.call(replace(connection, attended=True), request)
    try:
        for row in stream.pages.rows(answer.json()):
            source = SourceRef(connection.name, stream.name, stream.key(row))
            read = stream.read(stream.wire.model_validate(row), source, connection.settings)
            if isinstance(read, ListEntry):
                yield read
    except (KeyError, TypeError, AttributeError, ValueError) as odd:  # pydantic's among them
        text = f"{connection.name}: {stream.name} has another shape than expected"
        raise Transient(f"{text} ({type(odd).__name__})") from None


def _company(engine: Engine, company: ListEntry) -> Iterator[Fact]:
    country, firm = str(company.details.get("country") or ""), engine.workspace.firm
    differs = bool(country) and country != firm.country
    yield Fact(
        what="country",
        value=country or _NOT_TOLD,
        problem=f"the books are of {country}, and firm.country is {firm.country}"
        if differs
        else "",
        what_to_do="Correct firm.country in tieout.yaml, or the company." if differs else "",
    )


def _currency(engine: Engine, books: ListEntry) -> Iterator[Fact]:
    home, firm = books.currency, engine.workspace.firm.currency
    told = books.details.get("home_currency")
    differs = bool(told) and home != firm
    yield Fact(
        what="home currency",
        value=home if told else _NOT_TOLD,
        problem=f"the books are in {home}, and firm.currency is {firm}" if differs else "",
        what_to_do="Correct firm.currency in tieout.yaml: no rate is ever guessed."
        if differs
        else "",
    )
    multi = books.details.get("multicurrency")
    with engine.store.read() as tx:
        known = projects.list_clients(tx, active_only=True)
    strange = sorted({one.currency for one in known if one.currency and one.currency != home})
    off = bool(strange) and multi is not None and not multi
    yield Fact(
        what="several currencies",
        value=_yes(multi),
        problem=f"they are off, and clients are billed in {', '.join(strange)}" if off else "",
        what_to_do="Switch them on over there; it cannot be undone." if off else "",
    )


def _own_numbers(books: ListEntry) -> Fact:
    own = books.details.get("own_numbers")
    off = own is not None and not own
    return Fact(
        what="our own invoice numbers",
        value=_yes(own),
        problem="they are off: the ledger would number our invoices by itself" if off else "",
        what_to_do="Switch custom transaction numbers on over there." if off else "",
    )


def _closed(engine: Engine, books: ListEntry) -> Iterator[Fact]:
    told = str(books.details.get("book_close_date") or "")
    try:
        closed = date.fromisoformat(told) if told else None
    except ValueError:
        closed = None
    late = closed is not None and closed >= engine.today()
    yield Fact(
        what="books closed until",
        value=told or _NOT_TOLD,
        problem="an invoice of today would be refused" if late else "",
        what_to_do="Move the closing date over there." if late else "",
    )


def _lists(engine: Engine, books: ListEntry) -> Iterator[Fact]:
    rules = engine.workspace.ledger
    for what, detail, used, section in (
        ("classes on lines", "class_per_line", rules.classes, "classes"),
        ("departments", "departments", rules.departments, "departments"),
    ):
        on = books.details.get(detail)
        wanted = bool(used.default or used.rules)
        off = wanted and on is not None and not on
        yield Fact(
            what=what,
            value=_yes(on),
            problem=f"they are off, and mappings/ledger.yaml gives {section}" if off else "",
            what_to_do=f"Switch them on over there, or take {section} out." if off else "",
        )


def _sign_in(engine: Engine, connection: Connection) -> Iterator[Fact]:
    token = from_stored(connection.keeper.load())
    ends = token.refresh_expires_at
    if ends is None:
        return
    soon = ends - engine.now() < SAID_BEFORE
    yield Fact(
        what="sign-in lasts until",
        value=f"{ends:%Y-%m-%d %H:%M} UTC",
        problem="soon: then nothing goes either way" if soon else "",
        what_to_do=f"Sign in again: `tieout connect {connection.name}`." if soon else "",
    )


def _yes(value: object) -> str:
    return _NOT_TOLD if value is None else "on" if value else "off"
