"""From a planned write to all that its connector needs: the ledger's ids for our names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from tieout.connectors.base import (
    ALLOCATION,
    CORRECTION,
    CREDIT_NOTE,
    CUSTOMER,
    INVOICE,
    PROJECT,
    TIMESHEET,
    VOID,
    LineCodes,
    Subject,
    WriteContext,
)
from tieout.mapping import (
    DocumentNames,
    document_names,
    find_customer,
    line_names,
)
from tieout.mapping import Held as Unmapped
from tieout.mapping import Unresolved as NotThere
from tieout.model.document import Document
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import ListEntry, ListKind
from tieout.store import documents, orders, outbox, projects, refs
from tieout.store.core import Tx
from tieout.store.outbox import OutboxRow, OutboxState
from tieout.sync import currencies, taxes, timesheets
from tieout.sync.engine import Engine
from tieout.sync.intents import SUBJECTS
from tieout.sync.ledger_lists import LedgerLists
from tieout.sync.list_ids import ListIds


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A write with everything known."""

    subject: Subject
    context: WriteContext
    about: Document | None = None  # the invoice that a credit note, a void ... is about
    body: bytes = b""  # what goes out, once it is built


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """Why a write cannot be made now. `waits` = for another write; else for a person."""

    text: str
    waits: bool = False


class Resolver:
    """Resolves the writes of one ledger connection against its lists, clients and projects, each
    read once."""

    def __init__(self, engine: Engine, tx: Tx, connection: str) -> None:
        self.engine = engine
        self.connection = connection
        self.connector = engine.connection(connection).connector
        self.settings = engine.connection(connection).settings
        self.lists = LedgerLists(tx, engine.connection(connection))
        self._ids = ListIds(self.connector, self.lists)
        self._clients: dict[str, Client | None] = {}
        self._projects: dict[str, Project | None] = {}
        self._customers: dict[tuple[str, str], ListEntry | NotThere] = {}

    def resolve(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        """What a row's call needs. Nothing is written."""
        by_writer: dict[str, Callable[[Tx, OutboxRow], Resolved | Unresolved]] = {
            CUSTOMER: self._customer,
            PROJECT: self._project,
            INVOICE: self._invoice,
            CREDIT_NOTE: self._credit_note,
            ALLOCATION: self._allocation,
            VOID: self._change,
            CORRECTION: self._change,
            TIMESHEET: self._timesheet,
        }
        return by_writer[row.writer](tx, row)

    def client(self, tx: Tx, client_id: str) -> Client | None:
        """A client, read once."""
        if client_id not in self._clients:
            self._clients[client_id] = projects.get_client(tx, client_id)
        return self._clients[client_id]

    def project(self, tx: Tx, project_id: str) -> Project | None:
        """A project, read once."""
        if project_id not in self._projects:
            self._projects[project_id] = projects.get_project(tx, project_id)
        return self._projects[project_id]

    # -- customers --------------------------------------------------------------------------
    def customer(self, client: Client, stored_id: str = "") -> ListEntry | NotThere:
        """The ledger's customer for a client, by its link or by the rules; looked up once."""
        if (client.id, stored_id) not in self._customers:
            self._customers[client.id, stored_id] = find_customer(
                client,
                self.lists.of(ListKind.CUSTOMER),
                self.engine.workspace.ledger.customers,
                stored_id=stored_id,
            )
        return self._customers[client.id, stored_id]

    def customer_name(self, client: Client) -> str:
        """What a client is called in the ledger."""
        rules = self.engine.workspace.ledger.customers
        return rules.names.get(client.name, client.name)

    def project_name(self, client: Client, project: Project) -> str:
        """What a project is called as a sub-customer: names there are unique over all customers."""
        return f"{self.customer_name(client)} - {project.name}"

    def _customer(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        client = self.client(tx, row.subject_id)
        if client is None:
            return Unresolved(text=f"There is no client {row.subject_id} any more.")
        context = self._context(row, email=client.email, display_name=self.customer_name(client))
        # In many ledgers a customer's currency can never be changed: it is said from the start.
        currency = client.currency or self.engine.workspace.firm.currency
        return Resolved(subject=replace(client, currency=currency), context=context)

    def _project(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        project = self.project(tx, row.subject_id)
        client = self.client(tx, project.client_id) if project else None
        if project is None or client is None:
            return Unresolved(text=f"There is no project {row.subject_id} any more.")
        parent = refs.get(tx, self.connection, CUSTOMER, client.id)
        if parent is None:
            return self._missing(tx, CUSTOMER, client.id, f"Customer {client.name}")
        context = self._context(
            row,
            parent_id=parent.remote.remote_id,
            display_name=self.project_name(client, project),
        )
        return Resolved(subject=project, context=context)

    def _missing(self, tx: Tx, writer: str, local_id: str, what: str) -> Unresolved:
        """Not there: because its own write waits, or because nobody has decided about it."""
        subject = SUBJECTS[writer], local_id
        rows = outbox.list_rows(tx, connection=self.connection, subject=subject)
        rows = [row for row in rows if row.writer == writer]
        if any(row.state is OutboxState.HELD for row in rows):
            return Unresolved(text=f"{what} could not be created: see `tieout held`.")
        if rows:
            return Unresolved(text=f"{what} is being created first.", waits=True)
        return Unresolved(
            text=(
                f"{what} is not in the ledger. Create it there and pull, give its name there under "
                "customers.names in mappings/ledger.yaml, or set policies.create_clients."
            )
        )

    # -- invoices ---------------------------------------------------------------------------
    def _invoice(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        document = documents.get(tx, row.subject_id)
        if document is None:
            return Unresolved(text=f"There is no document {row.subject_id} any more.")
        client = self.client(tx, document.client_id)
        if client is None:
            return Unresolved(text=f"There is no client {document.client_id} any more.")
        coded = self.codes(tx, document, client)
        if isinstance(coded, Unresolved):
            return coded
        customer = self._customer_of(tx, document, client, coded.names)
        if isinstance(customer, Unresolved):
            return customer
        context = self._context(
            row,
            customer_id=customer,
            lines=coded.lines,
            term_id=coded.term_id,
            department_id=coded.department_id,
            exchange_rate=coded.exchange_rate,
            email=client.email,
            memo_lines=timesheets.memo_lines(self.engine, tx, document),
            link=coded.names.link if self.connector.links else "",
        )
        now = orders.corrected(document, orders.every(tx, document.id, CORRECTION))
        memo = now.memo or coded.names.memo
        return Resolved(subject=replace(now, memo=memo), context=context)

    def _customer_of(
        self, tx: Tx, document: Document, client: Client, names: DocumentNames
    ) -> str | Unresolved:
        """The remote id the invoice is for: the sub-customer where the firm uses them."""
        if self.uses_sub_customers(document):
            writer, local_id, what = PROJECT, document.project_ids[0], names.sub_customer
        else:
            writer, local_id, what = CUSTOMER, client.id, client.name
        ref = refs.get(tx, self.connection, writer, local_id)
        if ref is None:
            return self._missing(tx, writer, local_id, f"{writer.capitalize()} {what}")
        gone = self.lists.gone(ListKind.CUSTOMER, ref.remote.remote_id)
        if gone is not None:
            return Unresolved(
                text=(
                    f"{what} was {gone.name} ({gone.remote_id}) in the ledger, which was merged or "
                    f"deleted there. Say which it is now: `tieout match {client.id} REMOTE_ID`."
                )
            )
        return ref.remote.remote_id

    # -- about an invoice that is there -----------------------------------------------------
    def _credit_note(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        note = documents.get(tx, row.subject_id)
        invoice = documents.get(tx, note.credits) if note else None
        client = self.client(tx, note.client_id) if note else None
        if note is None or invoice is None or client is None:
            return Unresolved(text=f"There is no document {row.subject_id} any more.")
        there = self._there(tx, invoice)
        if isinstance(there, Unresolved):
            return there
        coded = self.codes(tx, note, client)
        if isinstance(coded, Unresolved):
            return coded
        context = self._context(
            row,
            customer_id=there.digest.customer_id if there.digest else "",
            lines=coded.lines,
            department_id=coded.department_id,
            exchange_rate=coded.exchange_rate,
            email=client.email,
            invoice_id=there.remote.remote_id,
        )
        return Resolved(subject=note, context=context, about=invoice)

    def _allocation(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        note = documents.get(tx, row.subject_id)
        invoice = documents.get(tx, note.credits) if note else None
        if note is None or invoice is None:
            return Unresolved(text=f"There is no document {row.subject_id} any more.")
        there = self._there(tx, invoice)
        if isinstance(there, Unresolved):
            return there
        credit = refs.get(tx, self.connection, CREDIT_NOTE, note.id)
        if credit is None or credit.digest is None:
            return self._missing(tx, CREDIT_NOTE, note.id, f"Credit note {note.number}")
        context = self._context(
            row,
            customer_id=credit.digest.customer_id,
            invoice_id=there.remote.remote_id,
            credit_id=credit.remote.remote_id,
            record_key=credit.digest.key,
            amount=credit.digest.net + (credit.digest.tax or 0),
        )
        return Resolved(subject=note, context=context, about=invoice)

    def _change(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        """What a person ordered to be done to an invoice that is there: a void, a correction."""
        invoice = documents.get(tx, row.subject_id)
        order = orders.get(tx, row.subject_id, row.writer, row.revision)
        if invoice is None or order is None:
            return Unresolved(text=f"There is no document {row.subject_id} any more.")
        there = self._there(tx, invoice)
        if isinstance(there, Unresolved):
            return there
        context = self._context(
            row,
            customer_id=there.digest.customer_id if there.digest else "",
            invoice_id=there.remote.remote_id,
            record_key=there.digest.key if there.digest else "",
            order=order,
        )
        return Resolved(subject=invoice, context=context, about=invoice)

    def _timesheet(self, tx: Tx, row: OutboxRow) -> Resolved | Unresolved:
        """The file with the time entries of an invoice that is there."""
        invoice = documents.get(tx, row.subject_id)
        if invoice is None:
            return Unresolved(text=f"There is no document {row.subject_id} any more.")
        there = self._there(tx, invoice)
        if isinstance(there, Unresolved):
            return there
        file = timesheets.the_file(tx, invoice)
        context = self._context(row, invoice_id=there.remote.remote_id, file=file)
        return Resolved(subject=invoice, context=context, about=invoice)

    def _there(self, tx: Tx, invoice: Document) -> refs.Ref | Unresolved:
        """The invoice's record over there."""
        found = refs.get(tx, self.connection, INVOICE, invoice.id)
        return found or self._missing(tx, INVOICE, invoice.id, f"Invoice {invoice.number}")

    def uses_sub_customers(self, document: Document) -> bool:
        """Whether this invoice goes to a project's sub-customer."""
        wanted = self.engine.workspace.ledger.customers.sub_customers
        return wanted and len(document.project_ids) == 1

    def codes(self, tx: Tx, document: Document, client: Client) -> Codes | Unresolved:
        """The ledger's ids for items, taxes, classes, department and terms, or every problem."""
        home = self.lists.home_currency
        rate = currencies.rate_of(document, home, self.engine.workspace.ledger)
        problem = currencies.needs_a_rate(document, home, rate)
        if not problem and self.connector.one_currency:
            ref = refs.get(tx, self.connection, CUSTOMER, client.id)
            kept = self.customer(client, ref.remote.remote_id if ref else "")
            problem = currencies.kept_in_another(document, kept)
        if problem:
            return Unresolved(text=problem)
        if self.uses_sub_customers(document) and not self.connector.writes(PROJECT):
            return Unresolved(
                text=(
                    f"{self.connector.title} has no sub-customers: set customers.sub_customers to "
                    "false in mappings/ledger.yaml."
                )
            )
        on_it = [p for i in document.project_ids if (p := self.project(tx, i)) is not None]
        names = document_names(
            document, projects=on_it, client=client, workspace=self.engine.workspace
        )
        if isinstance(names, Unmapped):
            return Unresolved(text=names.text)
        problems: list[str] = []
        coded = self._line_codes(document, client, on_it, problems)
        lines = taxes.tell(tx, self.engine, self.lists, document, coded, problems)
        term_id = self._ids.terms(document, names.terms, problems)
        department_id = self._ids.of(ListKind.DEPARTMENT, names.department, problems)
        if problems:
            return Unresolved(text="; ".join(dict.fromkeys(problems)))
        return Codes(
            names=names,
            lines=lines,
            term_id=term_id,
            department_id=department_id,
            exchange_rate=rate,
        )

    def _line_codes(
        self, document: Document, client: Client, on_it: list[Project], problems: list[str]
    ) -> dict[str, LineCodes]:
        budgets = {budget.id: (budget, project) for project in on_it for budget in project.budgets}
        codes = {}
        for line in document.lines:
            budget, project = budgets[line.budget_id]
            names = line_names(
                line,
                budget=budget,
                project=project,
                client=client,
                document=document,
                workspace=self.engine.workspace,
            )
            if isinstance(names, Unmapped):
                problems.append(names.text)
                continue
            if not names.item:
                problems.append(
                    f"line {line.id} ({line.description}) has no item; give items.default in "
                    "mappings/ledger.yaml"
                )
            codes[line.id] = LineCodes(
                item_id=self._ids.of(ListKind.ITEM, names.item, problems),
                tax_code_id=self._ids.tax_code(names.tax_code, problems),
                tax_code=names.tax_code,
                class_id=self._ids.of(ListKind.CLASS, names.class_name, problems),
            )
        return codes

    def _context(self, row: OutboxRow, **known: object) -> WriteContext:
        return WriteContext(
            key=row.key,
            home_currency=self.lists.home_currency,
            country=self.lists.country,
            settings=self.settings,
            **known,  # type: ignore[arg-type]
        )


@dataclass(frozen=True, kw_only=True)
class Codes:
    """The ledger's ids for one document."""

    names: DocumentNames
    lines: dict[str, LineCodes]
    term_id: str
    department_id: str
    exchange_rate: Decimal | None  # home units for one unit of the document's currency
