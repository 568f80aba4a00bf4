"""Reconcile: read both sides out of the store, compare, keep what was found, report."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tieout.billing.taxes import DocumentTax, mapped_tax
from tieout.config.workspace import Workspace
from tieout.connectors.base import ALLOCATION, CREDIT_NOTE, CUSTOMER, INVOICE, PROJECT, Family
from tieout.connectors.transport import Connection
from tieout.model.document import Document, DocumentStatus
from tieout.model.settlement import ListKind, RemoteInvoice
from tieout.model.work import Approval, TimeEntry
from tieout.reconcile import report as pages
from tieout.reconcile.books import Books, Freshness, Recovery, Sent, Unbilled
from tieout.reconcile.compare import Comparison, compare
from tieout.store import (
    audit,
    cursors,
    discrepancies,
    documents,
    facts,
    outbox,
    projects,
    refs,
    runs,
    work,
)
from tieout.store.core import Store, Tx
from tieout.store.outbox import OutboxRow, OutboxState


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """What a reconciliation found, and where its report is."""

    report: pages.Report
    html: Path
    csv: Path
    json: Path

    @property
    def comparison(self) -> Comparison:
        return self.report.comparison


def reconcile(
    workspace: Workspace,
    store: Store,
    connections: Collection[Connection],
    ledger: Connection,
    folder: Path,
) -> Reconciled:
    """Compare both sides as they were last read, and write the report into a folder.

    `connections` are all whose freshness counts; `ledger` is the one compared. Nothing is
    changed on either side. Discrepancies are kept by their stable ids, so a later run
    carries them on and closes those that are gone.
    """
    with store.begin() as tx:
        run_id = runs.start(tx, "reconcile", ledger.name)
        comparison = compare(read_books(workspace, tx, connections, ledger))
        before = {row.discrepancy.id: row for row in discrepancies.list_rows(tx)}
        discrepancies.settle(tx, run_id, comparison.discrepancies)
        known = {row.discrepancy.id: row for row in discrepancies.list_rows(tx)}
        runs.end(tx, run_id, runs.RunState.DONE, {"found": len(comparison.discrepancies)})
    report = pages.Report(
        comparison=comparison,
        run_id=run_id,
        aged={
            key: pages.Aged(first_seen=row.first_seen, is_new=row.first_run == run_id)
            for key, row in known.items()
        },
        closed=tuple(row.discrepancy.title for key, row in before.items() if key not in known),
        time_zone=workspace.firm.time_zone,
    )
    return _write(report, folder)


def _write(report: pages.Report, folder: Path) -> Reconciled:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"reconciliation-{report.comparison.books.today}"
    done = Reconciled(
        report=report,
        html=folder / f"{name}.html",
        csv=folder / f"{name}.csv",
        json=folder / f"{name}.json",
    )
    done.html.write_text(pages.as_html(report), encoding="utf-8")
    # With a byte order mark, so that a spreadsheet reads names with accents.
    done.csv.write_text(pages.as_csv(report), encoding="utf-8-sig", newline="")
    text = json.dumps(pages.as_json(report), indent=2, ensure_ascii=False)
    done.json.write_text(text, encoding="utf-8")
    return done


def read_books(
    workspace: Workspace, tx: Tx, connections: Collection[Connection], ledger: Connection
) -> Books:
    """Both sides, as they stand in the store."""
    name = ledger.name
    ours = [d for d in documents.list_documents(tx) if d.status is not DocumentStatus.DRAFT]
    clients = {client.id: client.name for client in projects.list_clients(tx)}
    return Books(
        firm=workspace.firm.name,
        ledger=name,
        company=_company(tx, name),
        as_of=tx.now(),
        today=tx.clock.today(workspace.firm.time_zone),
        documents=tuple(ours),
        sent=dict(_sent(tx, name)),
        remote=(
            *facts.bodies(tx, facts.REMOTE_INVOICE, connection=name),
            *facts.bodies(tx, facts.REMOTE_CREDIT, connection=name),
        ),
        payments=tuple(facts.bodies(tx, facts.PAYMENT, connection=name)),
        clients=clients,
        customers=dict(_customers(tx, name)),
        unbilled=tuple(_unbilled(tx, ours, clients)),
        recoveries=tuple(_recoveries(tx, ours)),
        invoices_read_at=_invoices_read_at(tx, ledger),
        freshness=tuple(_freshness(tx, connections)),
        tolerance=workspace.policies.tolerance,
        taxes=dict(_taxes(workspace, tx, ours)),
    )


def _taxes(workspace: Workspace, tx: Tx, ours: list[Document]) -> Iterator[tuple[str, DocumentTax]]:
    """Our figure of each document's tax, as far as rates are known; where Tieout computes taxes
    the ledger was told it, and agreed."""
    rules = workspace.ledger.taxes
    if rules.mode == "ours" or not rules.rates:
        return
    every = {project.id: project for project in projects.list_projects(tx)}
    clients = {client.id: client for client in projects.list_clients(tx)}
    issued = {document.id: document for document in ours}
    for document in ours:
        client = clients.get(document.client_id)
        on_it = {i: every[i] for i in document.project_ids if i in every}
        if client is None or document.status is DocumentStatus.VOID:
            continue
        credited = issued.get(document.credits)
        found = mapped_tax(document, credited, projects=on_it, client=client, workspace=workspace)
        if isinstance(found, DocumentTax):
            yield document.id, found


def _company(tx: Tx, ledger: str) -> str:
    """The remote company's name; the connection's own when the ledger does not say."""
    rows = facts.bodies(tx, facts.LIST_ENTRY, connection=ledger)
    return next((row.name for row in rows if row.kind is ListKind.COMPANY), ledger)


def _invoices_read_at(tx: Tx, ledger: Connection) -> datetime | None:
    streams = [s.name for s in ledger.connector.streams if s.yields is RemoteInvoice]
    reads = [cursors.get(tx, ledger.name, name).last_success_at for name in streams]
    return min((at for at in reads if at is not None), default=None)


def _sent(tx: Tx, connection: str) -> Iterator[tuple[str, Sent]]:
    """The newest intent of each document decides; what else was done about it dates it."""
    rows: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in outbox.list_rows(tx, connection=connection):
        rows[row.subject_id].append(row)
    for subject, found in rows.items():
        makes = [row for row in found if row.writer in (INVOICE, CREDIT_NOTE)]
        if not makes:
            continue
        row = max(makes, key=lambda row: row.generation)
        done = [each.settled_at for each in found if each.state is OutboxState.CONFIRMED]
        settled = [at for at in (row.settled_at, *done) if at is not None]
        applied = [each for each in found if each.writer == ALLOCATION]
        set_against = sorted(applied, key=lambda row: row.generation)[-1:]
        ref = refs.get(tx, connection, row.writer, subject)
        yield (
            subject,
            Sent(
                state=row.state.value,
                key=row.key,
                remote_id=ref.remote.remote_id if ref else "",
                tax=ref.digest.tax if ref and ref.digest else None,
                error=row.error_text,
                settled_at=max(settled, default=None),
                allocation=set_against[0].state.value if set_against else "",
                unapplied=set_against[0].error_text if set_against else "",
            ),
        )


def _customers(tx: Tx, connection: str) -> Iterator[tuple[str, str]]:
    for ref in refs.every(tx, connection, CUSTOMER):
        yield ref.remote.remote_id, ref.local_id
    for ref in refs.every(tx, connection, PROJECT):
        project = projects.get_project(tx, ref.local_id)
        if project is not None:
            yield ref.remote.remote_id, project.client_id


def _unbilled(tx: Tx, ours: list[Document], clients: dict[str, str]) -> Iterator[Unbilled]:
    """Approved work inside a period that was billed, on no live document.

    Work without a project counts too: nobody will bill it until somebody places it.
    """
    periods = sorted({(document.period_from, document.period_to) for document in ours})
    if not periods:
        return
    known = {project.id: project for project in projects.list_projects(tx)}
    last = max(end for _, end in periods)
    for item in work.open_work(tx, periods[0][0], last):
        entry = item.body
        period = next((p for p in periods if p[0] <= item.work_date <= p[1]), None)
        ready = item.billable and item.approval is Approval.APPROVED
        if not (ready and period and isinstance(entry, TimeEntry)):
            continue
        if entry.running or entry.billed_upstream:
            continue
        project = known.get(item.project_id or "")
        yield Unbilled(
            work_id=item.id,
            client=clients.get(project.client_id, "") if project else entry.client,
            project=project.name if project else entry.project or "no project",
            person=item.person,
            task=item.task,
            work_date=item.work_date,
            seconds=item.seconds,
            reason=(f"approved, but on no invoice, though {period[0]} to {period[1]} was billed."),
        )


def _recoveries(tx: Tx, ours: list[Document]) -> Iterator[Recovery]:
    numbers = {document.id: document.number for document in ours}
    lost = (
        (writer, entry)
        for writer in (INVOICE, CREDIT_NOTE)
        for entry in audit.entries(tx, action=f"{writer}.recovered", limit=100_000)
    )
    for writer, entry in lost:
        if entry.subject in numbers:
            yield Recovery(
                document_id=entry.subject,
                number=numbers[entry.subject],
                lost_at=entry.at,
                what=str(entry.detail.get("lost", "")),
                settled=(
                    f"found in the ledger by its key as record {entry.detail.get('remote_id', '')};"
                    f" not sent again: still one {writer.replace('_', ' ')}"
                ),
            )


def _freshness(tx: Tx, connections: Collection[Connection]) -> Iterator[Freshness]:
    read = {(cursor.connection, cursor.stream): cursor for cursor in cursors.every(tx)}
    failures = {run.connection: run.error_text for run in reversed(runs.latest(tx, verb="pull"))}
    for connection in connections:
        if connection.connector.family is Family.FILES:
            continue
        for stream in connection.connector.streams:
            cursor = read.get((connection.name, stream.name))
            yield Freshness(
                connection=connection.name,
                stream=stream.name,
                last_success=cursor.last_success_at if cursor else None,
                last_failure=failures.get(connection.name, ""),
            )
