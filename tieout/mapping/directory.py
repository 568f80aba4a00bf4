"""What is known already when time arrives: projects, clients and people, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from tieout.model.party import Client, Person
from tieout.model.project import Project


@lru_cache(maxsize=16384)
def folded(name: str) -> str:
    """A name as it is compared: without case and without doubled or outer blanks."""
    return " ".join(name.split()).casefold()


class Lookup(Protocol):
    """What resolving time needs to know; `Directory` answers from memory."""

    def projects_by_time_name(self, name: str) -> tuple[Project, ...]:
        """Projects that a person or a rule linked to this name or id of a time tool."""
        ...

    def projects_by_name(self, name: str) -> tuple[Project, ...]: ...

    def projects_by_code(self, name: str) -> tuple[Project, ...]:
        """Projects whose code is the name, or the first word of it."""
        ...

    def client(self, client_id: str) -> Client | None: ...

    def client_by_name(self, name: str) -> Client | None: ...

    def roles_of(self, ref: str, name: str) -> tuple[str, ...]:
        """A person's roles in the time tool; () when it gives none."""
        ...

    def project_names(self) -> list[str]:
        """Every name, for suggestions."""
        ...


class Directory:
    """A lookup over lists in memory. Names are compared without case or doubled blanks."""

    def __init__(
        self,
        projects: Iterable[Project] = (),
        clients: Iterable[Client] = (),
        people: Iterable[Person] = (),
    ) -> None:
        self._by_time_name: dict[str, list[Project]] = {}
        self._by_name: dict[str, list[Project]] = {}
        self._by_code: dict[str, list[Project]] = {}
        self._clients: dict[str, Client] = {}
        self._clients_by_name: dict[str, Client] = {}
        self._roles: dict[str, tuple[str, ...]] = {}
        for client in clients:
            self.add_client(client)
        for project in projects:
            self.add_project(project)
        for person in people:
            if person.source is not None:
                self._roles[f"id {person.source.remote_id}"] = person.roles
            self._roles[folded(person.name)] = person.roles

    def add_client(self, client: Client) -> None:
        """Add a client; of two with one name, the first keeps it."""
        self._clients[client.id] = client
        self._clients_by_name.setdefault(folded(client.name), client)

    def add_project(self, project: Project) -> None:
        """Add a project, such as one just made from time."""
        self._by_name.setdefault(folded(project.name), []).append(project)
        if project.code:
            self._by_code.setdefault(folded(project.code), []).append(project)
        for name in dict.fromkeys(folded(each) for each in project.time_names):
            self._by_time_name.setdefault(name, []).append(project)

    def projects_by_time_name(self, name: str) -> tuple[Project, ...]:
        return tuple(self._by_time_name.get(folded(name), ()))

    def projects_by_name(self, name: str) -> tuple[Project, ...]:
        return tuple(self._by_name.get(folded(name), ()))

    def projects_by_code(self, name: str) -> tuple[Project, ...]:
        whole = self._by_code.get(folded(name))
        if whole:
            return tuple(whole)
        first = re.match(r"\[?\s*([^\s\]:|]+)", folded(name))
        return tuple(self._by_code.get(first[1], ())) if first else ()

    def client(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def client_by_name(self, name: str) -> Client | None:
        return self._clients_by_name.get(folded(name))

    def roles_of(self, ref: str, name: str) -> tuple[str, ...]:
        by_id = self._roles.get(f"id {ref}") if ref else None
        return by_id if by_id is not None else self._roles.get(folded(name), ())

    def project_names(self) -> list[str]:
        return [projects[0].name for projects in self._by_name.values()]
