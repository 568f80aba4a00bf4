"""Clients, projects with their budgets, and what the time tools call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tieout.errors import NotAllowed
from tieout.model.ids import digest
from tieout.model.party import Client
from tieout.model.project import Budget, Project
from tieout.store.codec import decode, encode
from tieout.store.core import Tx
from tieout.store.rows import by, upsert
from tieout.store.tables import clients, projects, time_projects

#: Stands for every time tool in `map_time_project` and in `Project.time_names`.
ANY_CONNECTION = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeName:
    """A name or id in a time tool that means one of our projects."""

    connection: str  # ANY_CONNECTION for every tool
    name: str
    project_id: str
    by_hand: bool  # a person said so; otherwise the project's own names did


def put_client(tx: Tx, client: Client) -> bool:
    """Store a client; returns whether anything changed."""
    return _put(tx, clients, client, {"name": client.name, "active": client.active})


def get_client(tx: Tx, client_id: str) -> Client | None:
    """One client."""
    row = tx.first(sa.select(clients.c.body).where(clients.c.id == client_id))
    return row and decode(Client, row.body)


def list_clients(tx: Tx, *, active_only: bool = False) -> list[Client]:
    """Clients by name."""
    query = sa.select(clients.c.body).order_by(clients.c.name, clients.c.id)
    if active_only:
        query = query.where(clients.c.active)
    return [decode(Client, row.body) for row in tx.execute(query)]


def put_project(tx: Tx, project: Project, deal_id: str | None = None) -> bool:
    """Store a project with its budgets and time-tool names; returns whether anything changed.

    `deal_id` names the won deal it comes from and never changes afterwards; None
    leaves it as it is. Raises NotAllowed when the deal has another project, when the
    project has another deal, or when one of the names means another project.
    """
    known = deal_of_project(tx, project.id)
    deal_id = deal_id or known
    if known is not None and known != deal_id:
        raise NotAllowed(
            f"Project {project.name} was made by deal {known}; it cannot move to deal {deal_id}."
        )
    if deal_id is not None:
        other = project_for_deal(tx, deal_id)
        if other is not None and other.id != project.id:
            raise NotAllowed(f"Deal {deal_id} has a project already: {other.name} ({other.id}).")
    columns = {
        "client_id": project.client_id,
        "deal_id": deal_id,
        "name": project.name,
        "code": project.code,
        "active": project.active,
    }
    changed = _put(tx, projects, project, columns)
    if changed:
        _replace_names(tx, project)
    return changed


def get_project(tx: Tx, project_id: str) -> Project | None:
    """One project."""
    row = tx.first(sa.select(projects.c.body).where(projects.c.id == project_id))
    return row and decode(Project, row.body)


def project_for_deal(tx: Tx, deal_id: str) -> Project | None:
    """The one project of a deal."""
    row = tx.first(by(projects, "deal_id"), deal_id=deal_id)
    return row and decode(Project, row.body)


def deal_of_project(tx: Tx, project_id: str) -> str | None:
    """The id of the deal that made a project, None when no deal did."""
    row = tx.first(sa.select(projects.c.deal_id).where(projects.c.id == project_id))
    return row and row.deal_id


def list_projects(
    tx: Tx, *, client_id: str | None = None, active_only: bool = False
) -> list[Project]:
    """Projects by name."""
    query = sa.select(projects.c.body).order_by(projects.c.name, projects.c.id)
    if client_id is not None:
        query = query.where(projects.c.client_id == client_id)
    if active_only:
        query = query.where(projects.c.active)
    return [decode(Project, row.body) for row in tx.execute(query)]


def get_budget(tx: Tx, project_id: str, budget_id: str) -> Budget | None:
    """One budget of a project."""
    project = get_project(tx, project_id)
    budgets = project.budgets if project else ()
    return next((budget for budget in budgets if budget.id == budget_id), None)


def map_time_project(tx: Tx, connection: str, name: str, project_id: str) -> None:
    """Let a name or id in a time tool mean a project, by a person's decision: replaces another."""
    row = {"connection": connection, "name": name, "project_id": project_id, "by_hand": True}
    upsert(tx, time_projects, [row])


def unmap_time_project(tx: Tx, connection: str, name: str) -> bool:
    """Forget what a name in a time tool means; returns whether it meant anything."""
    at = (time_projects.c.connection == connection, time_projects.c.name == name)
    return tx.execute(time_projects.delete().where(*at)).rowcount > 0


def project_of_time(tx: Tx, connection: str, ref: str, name: str = "") -> str | None:
    """The id of the project a time tool means: its id there first, then its name.

    What is said for the connection wins over what holds for every connection.
    """
    known = {
        (row.connection, row.name): row.project_id
        for row in tx.execute(
            sa.select(time_projects).where(
                time_projects.c.connection.in_([connection, ANY_CONNECTION]),
                time_projects.c.name.in_([ref, name]),
            )
        )
    }
    for where in (connection, ANY_CONNECTION):
        for what in (ref, name):
            if what and (where, what) in known:
                return str(known[where, what])
    return None


def time_projects_of(tx: Tx, project_id: str | None = None) -> list[TimeName]:
    """What the time tools call a project, or all projects."""
    query = sa.select(time_projects).order_by(time_projects.c.connection, time_projects.c.name)
    if project_id is not None:
        query = query.where(time_projects.c.project_id == project_id)
    return [TimeName(**row._mapping) for row in tx.execute(query)]


def _put(tx: Tx, table: sa.Table, value: Client | Project, columns: dict[str, Any]) -> bool:
    body = encode(value)
    hash_ = digest(body, *map(str, columns.values()))
    before = tx.first(sa.select(table.c.hash).where(table.c.id == value.id))
    if before is not None and before.hash == hash_:
        return False
    now = tx.now()
    row = {**columns, "id": value.id, "body": body, "hash": hash_}
    upsert(tx, table, [{**row, "created_at": now, "changed_at": now}], keep=("created_at",))
    return True


def _replace_names(tx: Tx, project: Project) -> None:
    own = (time_projects.c.project_id == project.id, ~time_projects.c.by_hand)
    tx.execute(time_projects.delete().where(*own))
    names: Sequence[str] = tuple(dict.fromkeys(name for name in project.time_names if name))
    if not names:
        return
    query = sa.select(time_projects).where(
        time_projects.c.connection == ANY_CONNECTION, time_projects.c.name.in_(names)
    )
    taken = {row.name: row.project_id for row in tx.execute(query)}
    for name, project_id in taken.items():
        if project_id != project.id:
            raise NotAllowed(
                f"The time-tool name {name!r} means project {project_id} already, so it cannot "
                f"mean {project.name} too. Give one of them another name, or map it by hand."
            )
    rows = [
        {"connection": ANY_CONNECTION, "name": name, "project_id": project.id, "by_hand": False}
        for name in names
        if name not in taken
    ]
    if rows:
        tx.execute(time_projects.insert(), rows)
