"""Clients and the ledger's customers: who is linked to whom, and who could be.

A stored link comes first, then the name as the mapping has it; all else is a suggestion,
and a person confirms it (`link`). Reads the ledger's lists as they were last pulled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tieout.connectors.base import CUSTOMER, PROJECT
from tieout.mapping import Unresolved, find_customer
from tieout.mapping.directory import folded
from tieout.mapping.similar import Names, own_domain
from tieout.model.document import DocumentStatus
from tieout.model.party import Client
from tieout.model.settlement import ListEntry, ListKind
from tieout.store import documents, facts, projects, refs
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.ledger_lists import LedgerLists

#: Suggestions shown for one client.
MOST = 5
#: What the same address, and the same domain, are worth beside names that differ.
_SAME_EMAIL, _SAME_DOMAIN, _DOMAIN_ADDS = 95, 60, 10


class State(StrEnum):
    """How a client stands to the ledger's customers."""

    LINKED = "linked"
    BY_NAME = "by name"  # the next push links it
    NEW = "new"  # nobody there is like it: the next push makes it
    OPEN = "open"  # nobody there is it for certain
    BROKEN = "broken"  # it was linked to one that is gone or inactive


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A customer of the ledger that a client could be."""

    remote_id: str
    name: str
    email: str
    currency: str
    score: int  # likeness, 0 to 100
    why: tuple[str, ...]  # what speaks for it
    against: tuple[str, ...]  # why it cannot be linked as it is; () when it can


@dataclass(frozen=True, kw_only=True)
class Matched:
    """One client, and where it is in the ledger."""

    client_id: str
    client: str
    state: State
    text: str
    what_to_do: str
    remote_id: str = ""
    remote_name: str = ""
    candidates: tuple[Candidate, ...] = ()


class Customers:
    """The ledger's customers, and who of ours they are linked to.

    Raises Misconfigured before its lists were read, Transient while they were read in part.
    """

    def __init__(self, engine: Engine, tx: Tx) -> None:
        self.engine, self.tx = engine, tx
        self.connection = engine.ledger().name
        self.home_currency = LedgerLists(tx, engine.ledger()).home_currency
        self.rules = engine.workspace.ledger.customers
        every = facts.every(tx, facts.LIST_ENTRY, connection=self.connection, with_deleted=True)
        rows = [(one.body, one.deleted) for one in every if one.body.kind is ListKind.CUSTOMER]
        self.there = {row.remote_id: row for row, gone in rows if not gone}
        self.gone = {row.remote_id: row for row, gone in rows if gone}
        self.links = {one.local_id: one for one in refs.every(tx, self.connection, CUSTOMER)}
        self.taken = {one.remote.remote_id: one.local_id for one in self.links.values()}
        self.sub_customers = {
            one.remote.remote_id: one.local_id for one in refs.every(tx, self.connection, PROJECT)
        }
        self._rows = [*self.there.values(), *self.gone.values()]
        self._names = Names([row.name for row in self._rows])
        self._by_email: dict[str, list[int]] = {}
        self._by_domain: dict[str, list[int]] = {}
        for place, row in enumerate(self._rows):
            self._by_email.setdefault(folded(email_of(row)), []).append(place)
            self._by_domain.setdefault(own_domain(email_of(row)), []).append(place)

    def matched(self, client: Client) -> Matched:
        """Where a client is: by its link, by its name, or with suggestions."""
        link = self.links.get(client.id)
        if link is not None:
            return self._linked(client, link)
        found = find_customer(client, self.there.values(), self.rules)
        if isinstance(found, Unresolved):
            return self._open(client, found.text, absent=found.absent)
        against = self.against(client, found)
        if against:
            return self._open(client, f"'{found.name}' ({found.remote_id}): {'; '.join(against)}")
        return Matched(
            client_id=client.id,
            client=client.name,
            state=State.BY_NAME,
            text="the same name" if folded(found.name) == folded(client.name) else "by the rules",
            what_to_do="Nothing: the next push links it.",
            remote_id=found.remote_id,
            remote_name=found.full_name or found.name,
        )

    def _linked(self, client: Client, link: refs.Ref) -> Matched:
        remote_id, row = link.remote.remote_id, self.there.get(link.remote.remote_id)
        known = row or self.gone.get(remote_id)
        name = (known.full_name or known.name) if known else link.remote.number
        broken = self.broken_words(remote_id)
        return Matched(
            client_id=client.id,
            client=client.name,
            state=State.BROKEN if broken else State.LINKED,
            text=f"{name} ({remote_id}) {broken}" if broken else "linked",
            what_to_do=mend_words(client.id) if broken else "",
            remote_id=remote_id,
            remote_name=name,
            candidates=tuple(self.candidates(client)) if broken else (),
        )

    def _open(self, client: Client, text: str, *, absent: bool = False) -> Matched:
        candidates = tuple(self.candidates(client))
        makes = absent and self.engine.workspace.policies.create_clients
        todo = f"Say which: `tieout match {client.id} REMOTE_ID`"
        todo += "; else the next push makes it." if makes else ", or create it there and pull back."
        is_new = makes and not candidates
        return Matched(
            client_id=client.id,
            client=client.name,
            state=State.NEW if is_new else State.OPEN,
            text=text,
            what_to_do="Nothing: the next push makes it." if is_new else todo,
            candidates=candidates,
        )

    def broken_words(self, remote_id: str) -> str:
        """What is wrong with a record that is linked; "" when it is there and active."""
        row = self.there.get(remote_id)
        if row is None:
            return "is not in the ledger any more: it was merged into another, or deleted"
        return "" if row.active else "is inactive in the ledger"

    # -- suggestions ------------------------------------------------------------------------
    def candidates(self, client: Client) -> Iterator[Candidate]:
        """Who it could be, those that can be linked first, then by likeness."""
        scores = dict(self._names.like(self.rules.names.get(client.name, client.name)))
        for place in self._by_domain.get(own_domain(client.email) or "-", ()):
            scores[place] = max(scores.get(place, 0) + _DOMAIN_ADDS, _SAME_DOMAIN)
        if client.email:
            for place in self._by_email.get(folded(client.email), ()):
                scores[place] = max(scores.get(place, 0), _SAME_EMAIL)
        found = [self._candidate(client, self._rows[at], min(n, 100)) for at, n in scores.items()]
        order = sorted(found, key=lambda one: (bool(one.against), -one.score, one.name))
        yield from order[:MOST]

    def _candidate(self, client: Client, row: ListEntry, score: int) -> Candidate:
        return Candidate(
            remote_id=row.remote_id,
            name=row.full_name or row.name,
            email=email_of(row),
            currency=row.currency or self.home_currency,
            score=score,
            why=tuple(_why(client, row)),
            against=self.against(client, row),
        )

    def against(self, client: Client, row: ListEntry) -> tuple[str, ...]:
        """Why a client cannot be linked to a customer as both are; () when it can."""
        return tuple(self._against(client, row))

    def _against(self, client: Client, row: ListEntry) -> Iterator[str]:
        if row.remote_id in self.gone and row.remote_id not in self.there:
            yield "merged or deleted over there"
        elif not row.active:
            yield "inactive over there"
        other = self.taken.get(row.remote_id)
        if other is not None and other != client.id:
            yield f"linked to {self._client_name(other)}"
        project = self.sub_customers.get(row.remote_id)
        if project is not None:
            found = projects.get_project(self.tx, project)
            yield f"linked to the project {found.name if found else project}"
        currency = row.currency or self.home_currency
        strange = sorted(self._currencies(client) - {currency})
        if strange:
            yield f"in {currency}, and this client's documents are in {', '.join(strange)}"

    def _currencies(self, client: Client) -> set[str]:
        """Of the client's documents that live; before the first, of the client."""
        found = {
            document.currency
            for document in documents.list_documents(self.tx, client_id=client.id)
            if document.status is not DocumentStatus.VOID
        }
        return found or ({client.currency} if client.currency else set())

    def _client_name(self, client_id: str) -> str:
        other = projects.get_client(self.tx, client_id)
        return f"the client {other.name}" if other else client_id


def survey(engine: Engine, tx: Tx, clients: Iterable[Client] | None = None) -> list[Matched]:
    """Every active client, or those given, and where it is in the ledger."""
    customers = Customers(engine, tx)
    wanted = projects.list_clients(tx, active_only=True) if clients is None else clients
    return [customers.matched(client) for client in wanted]


@dataclass(frozen=True, kw_only=True)
class BrokenLink:
    """A record of ours whose customer over there does not hold any more."""

    text: str
    what_to_do: str


def broken_links(engine: Engine, tx: Tx) -> list[BrokenLink]:
    """The links of clients and projects to customers that are gone or inactive."""
    customers = Customers(engine, tx)
    found = []
    for local_id, link in customers.links.items():
        words = customers.broken_words(link.remote.remote_id)
        client = projects.get_client(tx, local_id) if words else None
        if words:
            name = client.name if client else local_id
            text = f"{name} is linked to {_linked_words(customers, link)}, which {words}"
            found.append(BrokenLink(text=text, what_to_do=mend_words(local_id)))
    for remote_id, local_id in customers.sub_customers.items():
        words = customers.broken_words(remote_id)
        project = projects.get_project(tx, local_id) if words else None
        if words:
            name = project.name if project else local_id
            text = f"the project {name} is linked to sub-customer {remote_id}, which {words}"
            todo = "Make it active there and pull back: its invoices wait or are refused till then."
            found.append(BrokenLink(text=text, what_to_do=todo))
    return found


def _linked_words(customers: Customers, link: refs.Ref) -> str:
    remote_id = link.remote.remote_id
    row = customers.there.get(remote_id) or customers.gone.get(remote_id)
    return f"{row.full_name or row.name if row else link.remote.number} ({remote_id})"


def client_named(tx: Tx, text: str) -> list[Client]:
    """The clients of an id or a name."""
    exact = projects.get_client(tx, text)
    if exact is not None:
        return [exact]
    return [one for one in projects.list_clients(tx) if folded(one.name) == folded(text)]


def mend_words(client_id: str) -> str:
    """What to do about a link that does not hold."""
    return f"Make it active there and pull, or link another: `tieout match {client_id} REMOTE_ID`."


def email_of(row: ListEntry) -> str:
    """A customer's address, "" when it has none."""
    return str(row.details.get("email") or "")


def _why(client: Client, row: ListEntry) -> Iterator[str]:
    if folded(client.name) == folded(row.name):
        yield "same name"
    if client.email and folded(client.email) == folded(email_of(row)):
        yield "same e-mail"
    elif own_domain(client.email) and own_domain(client.email) == own_domain(email_of(row)):
        yield f"same domain ({own_domain(client.email)})"
    if row.parent_id:
        yield "a sub-customer there"
