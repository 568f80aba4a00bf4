"""Plan: exactly the writes that the next push makes, before any is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tieout.billing.timesheet import file_name
from tieout.connectors.base import CREDIT_NOTE, CUSTOMER, INVOICE, PROJECT, TIMESHEET
from tieout.connectors.codes import told_tax
from tieout.mapping import Unresolved as NotThere
from tieout.model.document import Document
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.settlement import RemoteRef
from tieout.store import audit, documents, outbox, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync.engine import Engine
from tieout.sync.estimate import Estimate, estimate
from tieout.sync.intents import SUBJECTS, intend
from tieout.sync.resolve import Resolver, Unresolved
from tieout.sync.taxes import who_computes
from tieout.sync.timesheets import left_out, memo_lines


@dataclass(frozen=True, kw_only=True)
class PlannedWrite:
    """One record that will be made in the ledger, or one change of an invoice there."""

    writer: str
    subject_id: str
    name: str  # the invoice's number, the customer's name there
    client: str
    total: Money | None = None
    lines: int = 0
    tax: Money | None = None  # that we send, None where the ledger computes it
    memo_lines: int = 0  # words of its timesheet below them
    link: str = ""  # leads from it back to us
    needs: tuple[str, str] | None = None  # (writer, subject id) of what must be there first


@dataclass(frozen=True, kw_only=True)
class Link:
    """A client that is in the ledger already, by its name, and will be linked, not made."""

    client_id: str
    client: str
    remote: RemoteRef


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the next push does."""

    writes: tuple[PlannedWrite, ...]
    links: tuple[Link, ...]
    doubts: int  # rows whose outcome is looked for before anything is sent
    left_out: tuple[str, ...]  # what the ledger has no place for
    problems: tuple[str, ...]  # documents that cannot go, and why
    calls: int  # that write
    estimate: Estimate  # of how long that takes
    taxes: str  # who computes them, in words


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a push has before it."""

    records: Mapping[str, int]  # rows to send, by writer
    estimate: Estimate


def plan(engine: Engine, tx: Tx) -> Plan:
    """Look ahead. Nothing is written here or there."""
    connection = engine.ledger()
    rows = outbox.list_rows(tx, connection=connection.name, states=outbox.TO_COME)
    return _planned(engine, tx, Resolver(engine, tx, connection.name), rows)


def _planned(engine: Engine, tx: Tx, resolver: Resolver, rows: Iterable[OutboxRow]) -> Plan:
    connection = engine.ledger()
    place = {writer.name: n for n, writer in enumerate(connection.connector.writers)}
    due = sorted(_documents(tx, resolver, rows), key=lambda each: place.get(each[0], 0))
    writes, problems, stuck = [], [], set()
    for writer, document, client in due:
        write = _planned_write(resolver, writer, document, client)
        if writer in (INVOICE, CREDIT_NOTE):
            coded = resolver.codes(tx, document, client)
            if isinstance(coded, Unresolved):
                problems.append(f"{document.number}: {coded.text}")
                stuck.add(document.id)
                continue
            tax = told_tax(coded.lines)
            if tax is not None:
                write = replace(write, tax=Money(tax, document.currency))
            if writer == INVOICE:
                words = memo_lines(engine, tx, document)
                link = coded.names.link if connection.connector.links else ""
                write = replace(write, memo_lines=sum(map(len, words.values())), link=link)
        if writer != TIMESHEET or document.id not in stuck:  # it goes nowhere without its invoice
            writes.append(write)
    going = {write.subject_id for write in writes if write.writer == INVOICE}
    parties = _Parties(engine, tx, resolver)
    for writer, document, client in due:
        if writer == INVOICE and document.id in going:
            parties.need(document, client)
    ahead = [*parties.customers, *parties.sub_customers]
    doubts = outbox.list_rows(tx, connection=connection.name, states=[OutboxState.UNKNOWN])
    records = Counter(write.writer for write in (*ahead, *writes))
    expected = estimate(tx, connection, records)
    return Plan(
        writes=(*ahead, *writes),
        links=tuple(parties.links),
        doubts=len(doubts),
        left_out=left_out(engine),
        problems=(*parties.problems, *problems),
        calls=expected.calls,
        estimate=expected,
        taxes=who_computes(engine.workspace.ledger.taxes),
    )


def _planned_write(
    resolver: Resolver, writer: str, document: Document, client: Client
) -> PlannedWrite:
    needs = None
    if writer == TIMESHEET:
        name = file_name(document)
        return PlannedWrite(writer=writer, subject_id=document.id, name=name, client=client.name)
    if writer == INVOICE:
        by_project = resolver.uses_sub_customers(document)
        needs = (PROJECT, document.project_ids[0]) if by_project else (CUSTOMER, client.id)
    return PlannedWrite(
        writer=writer,
        subject_id=document.id,
        name=document.number,
        client=client.name,
        total=document.total,
        lines=len(document.lines),
        needs=needs,
    )


def prepare(engine: Engine, *, first: bool = True) -> Prepared:
    """Do the plan's own part: link what is there by name, write down what must be made first.

    Only documents whose customer has no link yet are looked at: a push of thousands begins at
    once. `first=False` leaves out documents that nobody has tried to send yet.
    """
    connection = engine.ledger()
    by_project = PROJECT if engine.workspace.ledger.customers.sub_customers else ""
    with engine.store.read() as tx:
        rows = outbox.without_party(tx, connection.name, customer=CUSTOMER, project=by_project)
        rows = [row for row in rows if first or row.fence]
        if rows:
            resolver = Resolver(engine, tx, connection.name)
            planned = _planned(engine, tx, resolver, rows)
    if rows:
        _write_down(engine, connection.name, planned)
    with engine.store.read() as tx:
        records = outbox.to_come(tx, connection.name, first=first)
        return Prepared(records=records, estimate=estimate(tx, connection, records))


def _write_down(engine: Engine, connection: str, planned: Plan) -> None:
    ahead = [write for write in planned.writes if write.writer in (CUSTOMER, PROJECT)]
    if not planned.links and not ahead:
        return
    with engine.store.begin() as tx:
        for link in planned.links:
            if refs.get(tx, connection, CUSTOMER, link.client_id) is not None:
                continue  # another push was quicker
            refs.put(tx, connection, CUSTOMER, link.client_id, link.remote)
            detail = {"client": link.client, "remote_id": link.remote.remote_id}
            audit.record(tx, engine.actor, "customer.linked", link.client_id, detail)
        rows = {
            (write.writer, write.subject_id): intend(engine, tx, write.writer, write.subject_id)
            for write in ahead
        }
        for write in planned.writes:
            row = rows.get(write.needs) if write.needs else None
            if row is not None:
                subject = SUBJECTS[write.writer], write.subject_id
                outbox.depend(tx, connection, subject, row.id)


def _documents(
    tx: Tx, resolver: Resolver, rows: Iterable[OutboxRow]
) -> Iterator[tuple[str, Document, Client]]:
    """Each row about a document, with its client."""
    for row in rows:
        if row.subject_kind != SUBJECTS[INVOICE]:
            continue
        document = documents.get(tx, row.subject_id)
        client = resolver.client(tx, document.client_id) if document else None
        if document is not None and client is not None:
            yield row.writer, document, client


class _Parties:
    """The customers and sub-customers that the documents need: linked, made, or missing."""

    def __init__(self, engine: Engine, tx: Tx, resolver: Resolver) -> None:
        self.links: list[Link] = []
        self.customers: list[PlannedWrite] = []
        self.sub_customers: list[PlannedWrite] = []
        self.problems: list[str] = []
        self._engine, self._tx, self._resolver = engine, tx, resolver
        self._seen: set[str] = set()

    def need(self, document: Document, client: Client) -> None:
        """Make sure the plan knows where this document's customer comes from."""
        if client.id not in self._seen:
            self._seen.add(client.id)
            self._need_customer(client)
        if self._resolver.uses_sub_customers(document):
            self._need_project(document.project_ids[0], client)

    def _need_customer(self, client: Client) -> None:
        if self._is_coming(CUSTOMER, client.id):
            return
        found = self._resolver.customer(client)
        if not isinstance(found, NotThere):
            remote = RemoteRef(remote_id=found.remote_id, number=found.name)
            self.links.append(Link(client_id=client.id, client=client.name, remote=remote))
        elif not found.absent or not self._engine.workspace.policies.create_clients:
            self.problems.append(found.text)
        else:
            name = self._resolver.customer_name(client)
            self.customers.append(
                PlannedWrite(writer=CUSTOMER, subject_id=client.id, name=name, client=client.name)
            )

    def _need_project(self, project_id: str, client: Client) -> None:
        if project_id in self._seen or self._is_coming(PROJECT, project_id):
            return
        self._seen.add(project_id)
        project = self._resolver.project(self._tx, project_id)
        if project is not None:
            name = self._resolver.project_name(client, project)
            self.sub_customers.append(
                PlannedWrite(
                    writer=PROJECT,
                    subject_id=project_id,
                    name=name,
                    client=client.name,
                    needs=(CUSTOMER, client.id),
                )
            )

    def _is_coming(self, writer: str, local_id: str) -> bool:
        """In the ledger already; or its write is past the plan and will not be made again."""
        connection = self._resolver.connection
        if refs.get(self._tx, connection, writer, local_id) is not None:
            return True
        rows = outbox.list_rows(
            self._tx, connection=connection, subject=(SUBJECTS[writer], local_id)
        )
        return any(row.state not in outbox.TO_COME for row in rows)
