"""Project: a won deal makes its client, project and budgets, once; time finds its project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from tieout.mapping import Directory, Ignored, MappedProject, project_of, resolve
from tieout.mapping import Held as Unmapped
from tieout.model.document import HoldReason
from tieout.model.party import Client
from tieout.model.project import Deal, DealContactFact, DealLineFact, Project
from tieout.model.work import Approval, TimeEntry
from tieout.store import audit, facts, held, projects, work
from tieout.store.core import Tx
from tieout.store.facts import Kind
from tieout.sync.engine import Engine

DEALS = "deal"
TIME = "time"

_LINES = Kind("deal_line", DealLineFact)
_CONTACTS = Kind("deal_contact", DealContactFact)
_PROJECTS = Kind("project", Project)
_EVER = (date(1900, 1, 1), date(9999, 12, 31))


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a run of `project` made."""

    new: tuple[Project, ...]
    held: int  # deals that need a person
    placed: int  # time entries that found their project, or another one
    unplaced: int  # time entries without a project


def project(engine: Engine) -> Made:
    """Make the projects of newly won deals, then place the time entries."""
    with engine.store.begin() as tx:
        _take_in_files(engine, tx)
        new, held_deals = _projects_of_deals(engine, tx)
        placed, unplaced = _place(engine, tx)
    return Made(new=tuple(new), held=held_deals, placed=placed, unplaced=unplaced)


def _take_in_files(engine: Engine, tx: Tx) -> None:
    """Projects that came in a file, with their clients: made once, like those of deals."""
    clients = {client.id: client for client in facts.bodies(tx, facts.CLIENT)}
    for one in facts.bodies(tx, _PROJECTS):
        client = clients.get(one.client_id)
        if projects.get_project(tx, one.id) is not None or client is None:
            continue
        if projects.get_client(tx, client.id) is None:
            projects.put_client(tx, client)
        projects.put_project(tx, one)
        audit.record(tx, engine.actor, "project.created", one.id, {"name": one.name})


def deals(tx: Tx) -> Iterator[Deal]:
    """Every deal with its lines and contacts, by id."""
    lines, contacts = defaultdict(list), defaultdict(list)
    for line in facts.bodies(tx, _LINES):
        lines[line.source.connection, line.deal_ref].append(line.line)
    for contact in facts.bodies(tx, _CONTACTS):
        contacts[contact.source.connection, contact.deal_ref].append(contact.contact)
    for deal in facts.bodies(tx, facts.DEAL):
        at = (deal.source.connection, deal.source.remote_id)
        yield replace(
            deal,
            lines=deal.lines or tuple(sorted(lines[at], key=lambda line: line.id)),
            contacts=deal.contacts or tuple(contacts[at]),
        )


def _projects_of_deals(engine: Engine, tx: Tx) -> tuple[list[Project], int]:
    new: list[Project] = []
    waiting: list[held.Held] = []
    for deal in deals(tx):
        known = projects.project_for_deal(tx, deal.id)
        mapped = project_of(deal, engine.workspace)
        if known is not None:
            waiting += _changed_since(deal, known, mapped)
        elif isinstance(mapped, MappedProject):
            projects.put_client(tx, _client(tx, mapped))
            projects.put_project(tx, mapped.project, deal_id=deal.id)
            detail = {"deal": deal.id, "name": mapped.project.name, "rule": mapped.rule}
            audit.record(tx, engine.actor, "project.created", mapped.project.id, detail)
            new.append(mapped.project)
        elif isinstance(mapped, Unmapped):
            waiting.append(
                held.Held(
                    scope=DEALS,
                    subject=deal.id,
                    reason=mapped.reason.value,
                    text=f"{deal.name} for {deal.client}: {mapped.text}",
                    what_to_do="Correct the deal in the CRM or the rules in mappings/deals.yaml.",
                    connection=deal.source.connection,
                )
            )
    held.settle(tx, DEALS, waiting)
    return new, len(waiting)


def _client(tx: Tx, mapped: MappedProject) -> Client:
    """The client as it is known already: a later deal does not rewrite it."""
    return projects.get_client(tx, mapped.client.id) or mapped.client


def _changed_since(
    deal: Deal, known: Project, mapped: MappedProject | Unmapped | Ignored
) -> list[held.Held]:
    """A project is made once. What the deal says differently now is told, not applied."""
    if isinstance(mapped, MappedProject) and mapped.project == known:
        return []
    if isinstance(mapped, MappedProject):
        what = "its terms in the CRM are no longer those its project was made with"
    elif isinstance(mapped, Ignored):
        what = f"it no longer makes a project: {mapped.because}"
    else:
        what = mapped.text
    return [
        held.Held(
            scope=DEALS,
            subject=deal.id,
            reason="changed_after_project",
            text=f"{deal.name} for {deal.client}: {what}",
            what_to_do=f"Project {known.name} stays as made. Correct the deal or the project.",
            connection=deal.source.connection,
        )
    ]


def _place(engine: Engine, tx: Tx) -> tuple[int, int]:
    """Give every open time entry our names. What a live document bills stays where it was."""
    directory = Directory(
        projects.list_projects(tx), projects.list_clients(tx), facts.bodies(tx, facts.PERSON)
    )
    changed: list[work.WorkItem] = []
    waiting: list[held.Held] = []
    for item in list(work.open_work(tx, *_EVER)):
        if not isinstance(item.body, TimeEntry):
            continue
        found = resolve(item.body, engine.workspace, directory)
        if isinstance(found, Unmapped):
            waiting.append(_unplaced(item.body, found))
            after = replace(item, project_id=None)
        else:
            if found.creates is not None:
                _create(engine, tx, directory, found.creates)
            after = replace(
                item,
                project_id=found.project_id,
                person=found.person,
                role=found.role,
                task=found.task,
                billable=found.billable,
                approval=_approval(item.body, found.approved),
            )
        if after != item:
            changed.append(after)
    work.put_many(tx, changed)
    held.settle(tx, TIME, waiting)
    return len(changed), len(waiting)


def _approval(entry: TimeEntry, approved: bool) -> Approval:
    """The rules decide which approvals release time; a refusal stays what it is."""
    if approved:
        return Approval.APPROVED
    return Approval.PENDING if entry.approval is Approval.APPROVED else entry.approval


def _create(engine: Engine, tx: Tx, directory: Directory, made: MappedProject) -> None:
    if projects.get_project(tx, made.project.id) is not None:
        return
    projects.put_client(tx, _client(tx, made))
    projects.put_project(tx, made.project)
    directory.add_client(made.client)
    directory.add_project(made.project)
    detail = {"name": made.project.name, "rule": made.rule}
    audit.record(tx, engine.actor, "project.created", made.project.id, detail)


def _unplaced(entry: TimeEntry, found: Unmapped) -> held.Held:
    return held.Held(
        scope=TIME,
        subject=entry.id,
        reason=found.reason.value,
        text=f"{entry.person}, {entry.work_date}: {found.text}",
        what_to_do=(
            "Name the project in the time tool, or add an alias in mappings/time.yaml."
            if found.reason is HoldReason.NO_PROJECT
            else "Correct the rules in mappings/time.yaml."
        ),
        connection=entry.source.connection,
    )
