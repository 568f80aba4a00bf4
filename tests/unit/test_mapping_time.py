"""Time entries find their project, person, role and task."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from tieout.config import Workspace, load_workspace
from tieout.mapping import (
    Directory,
    Held,
    ResolvedEntry,
    resolve,
)
from tieout.model.document import HoldReason
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.party import Client, Person
from tieout.model.project import Project
from tieout.model.work import Approval, TimeEntry

EXAMPLE = Path(__file__).parents[2] / "config"


class AnySettings(BaseModel):
    model_config = ConfigDict(extra="allow")


def load(folder: Path) -> Workspace:
    known = dict.fromkeys(("salesforce", "harvest", "quickbooks"), AnySettings)
    return load_workspace(folder, connectors=known)


EXAMPLE_WORKSPACE = load(EXAMPLE)


@pytest.fixture
def workspace() -> Workspace:
    return EXAMPLE_WORKSPACE


def edited(tmp_path: Path, file: str, *changes: tuple[str, str]) -> Workspace:
    folder = tmp_path / f"edited-{len(list(tmp_path.iterdir()))}"
    shutil.copytree(EXAMPLE, folder)
    path = folder / "mappings" / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return load(folder)


ACME = Client(id="client_a", source=None, name="Acme Corp")
BETA = Client(id="client_b", source=None, name="Beta Ltd")


def project(project_id: str, name: str, client: Client, **changes: object) -> Project:
    made = Project(id=project_id, source=None, name=name, client_id=client.id, currency="USD")
    return replace(made, **changes)  # type: ignore[arg-type]


def hours(**changes: object) -> TimeEntry:
    entry = TimeEntry(
        id="time_1",
        source=SourceRef("time", "entries", "1"),
        person="Jane Doe",
        client="Acme Corp",
        project="Acme website",
        task="Dev",
        work_date=date(2026, 3, 2),
        seconds=3600,
        billable=True,
        approval=Approval.APPROVED,
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


KNOWN = Directory(
    projects=[
        project("p1", "Acme website", ACME, code="AC-1"),
        project("p2", "Portal", BETA, code="BE-1", time_names=("4711",)),
        project("p3", "Support", ACME, code="AC-2"),
        project("p4", "Support", BETA, code="BE-2"),
    ],
    clients=[ACME, BETA],
    people=[
        Person(
            id="h1",
            source=SourceRef("time", "users", "88"),
            name="Sam Poe",
            roles=("Analyst", "Consultant"),
        )
    ],
)


def resolved(entry: TimeEntry, workspace: Workspace) -> ResolvedEntry:
    result = resolve(entry, workspace, KNOWN)
    assert isinstance(result, ResolvedEntry), result
    return result


def no_place(entry: TimeEntry, workspace: Workspace) -> str:
    result = resolve(entry, workspace, KNOWN)
    assert isinstance(result, Held), result
    assert result.reason is HoldReason.NO_PROJECT
    return result.text


class TestTime:
    def test_names_are_ours_afterwards(self, workspace: Workspace) -> None:
        result = resolved(hours(person="j. doe", project="  ACME  website "), workspace)
        assert (result.project_id, result.person, result.role, result.task) == (
            "p1",
            "Jane Doe",
            "Partner",
            "Development",
        )
        assert (result.billable, result.approved) == (True, True)

    def test_the_ways_a_project_is_recognised(self, workspace: Workspace) -> None:
        assert resolved(hours(project="x", project_ref="4711"), workspace).project_id == "p2"
        assert resolved(hours(project="AC-2: Support desk"), workspace).project_id == "p3"
        assert resolved(hours(project="[AC-2] Support desk"), workspace).project_id == "p3"
        assert resolved(hours(project="Acme (2026)", client="?"), workspace).project_id == "p1"
        assert resolved(hours(client="acme corp."), workspace).project_id == "p1"

    def test_a_name_alone_never_bills_another_client(self, workspace: Workspace) -> None:
        assert resolved(hours(project="Support", client="Beta Ltd"), workspace).project_id == "p4"
        assert no_place(hours(client="Acme Corporation"), workspace) == (
            "no project 'Acme website' of client 'Acme Corporation'; the project of that name"
            " belongs to 'Acme Corp': if that is the same client, say so under `clients:` in"
            " time.yaml"
        )

    def test_what_cannot_be_placed(self, workspace: Workspace) -> None:
        assert no_place(hours(project=""), workspace) == "the entry names no project"
        assert no_place(hours(project="Acme websit"), workspace) == (
            "no project 'Acme websit' of client 'Acme Corp'; did you mean 'Acme website'?"
        )
        assert no_place(hours(project="Support", client=""), workspace) == (
            "the project 'Support' could be 'Support' (AC-2), 'Support' (BE-2); add an alias by"
            " code in time.yaml"
        )

    def test_entries_of_another_tool_are_held(self, workspace: Workspace) -> None:
        stray = hours(source=SourceRef("toggl", "entries", "1"))
        result = resolve(stray, workspace, KNOWN)
        assert isinstance(result, Held)
        assert result.reason is HoldReason.UNMAPPED
        assert result.text.startswith("it comes from 'toggl', the rules of time.yaml read only")

    def test_where_a_role_comes_from(self, workspace: Workspace, tmp_path: Path) -> None:
        assert resolved(hours(person="Sam Poe", role="Consultant"), workspace).role == "Consultant"
        assert resolved(hours(person="Sam Poe"), workspace).role == "Analyst"
        assert resolved(hours(person="S.", person_ref="88"), workspace).role == "Analyst"
        assert resolved(hours(person="Nobody"), workspace).role == ""
        table_last = edited(
            tmp_path,
            "time.yaml",
            ("role_from: [table, entry, person]", "role_from: [entry, table]"),
        )
        assert resolved(hours(role="Advisor"), table_last).role == "Advisor"

    def test_billable_by_rule_else_by_the_tools_mark(self, workspace: Workspace) -> None:
        travel = hours(project="Portal", project_ref="4711", client="Beta Ltd", task="Travel")
        assert not resolved(travel, workspace).billable
        assert resolved(hours(task="Travel"), workspace).billable
        assert not resolved(hours(billable=False), workspace).billable

    def test_which_approvals_count(self, workspace: Workspace, tmp_path: Path) -> None:
        assert not resolved(hours(approval=Approval.NONE), workspace).approved
        loose = edited(
            tmp_path, "time.yaml", ("approvals: [approved]", "approvals: [approved, none]")
        )
        assert resolved(hours(approval=Approval.NONE), loose).approved
        assert not resolved(hours(approval=Approval.PENDING), loose).approved

    def test_a_firm_with_only_a_time_report_can_bill(self, tmp_path: Path) -> None:
        rules = edited(tmp_path, "time.yaml", ("create_from_time: false", "create_from_time: true"))
        entry = hours(client="Gamma Inc", project="Audit", rate=Money.of("150.00", "EUR"))
        result = resolve(entry, rules, KNOWN)
        assert isinstance(result, ResolvedEntry)
        made = result.creates
        assert made is not None
        assert (made.client.name, made.project.name, made.project.currency) == (
            "Gamma Inc",
            "Audit",
            "EUR",
        )
        assert [budget.rate_card for budget in made.project.budgets] == ["Standard"]
        assert made.trail[0].origin.startswith("mappings/time.yaml:")
        again = resolve(replace(entry, id="time_2", project=" audit"), rules, KNOWN)
        assert isinstance(again, ResolvedEntry)
        assert again.project_id == result.project_id

        known = Directory(projects=[made.project], clients=[made.client])
        later = resolve(entry, rules, known)
        assert isinstance(later, ResolvedEntry)
        assert (later.creates, later.project_id) == (None, made.project.id)

    def test_a_project_made_from_time_is_found_by_its_id_after_a_rename(
        self, tmp_path: Path
    ) -> None:
        rules = edited(tmp_path, "time.yaml", ("create_from_time: false", "create_from_time: true"))
        entry = hours(client="Gamma Inc", project="Audit", project_ref="9")
        first = resolve(entry, rules, KNOWN)
        assert isinstance(first, ResolvedEntry)
        assert first.creates is not None
        known = Directory(projects=[first.creates.project], clients=[first.creates.client])
        later = resolve(replace(entry, project="Audit 2026"), rules, known)
        assert isinstance(later, ResolvedEntry)
        assert (later.creates, later.project_id) == (None, first.project_id)

    def test_an_existing_client_is_not_made_twice(self, tmp_path: Path) -> None:
        rules = edited(tmp_path, "time.yaml", ("create_from_time: false", "create_from_time: true"))
        result = resolve(hours(project="Brand new"), rules, KNOWN)
        assert isinstance(result, ResolvedEntry)
        assert result.creates is not None
        assert result.creates.client == ACME
        nobody = resolve(hours(project="Brand new", client=""), rules, KNOWN)
        assert isinstance(nobody, Held)
        assert nobody.text.endswith("the entry names no client")
