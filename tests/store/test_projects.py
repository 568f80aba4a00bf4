"""Clients and projects: one for each won deal, known to the time tools by name or id."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tieout.errors import NotAllowed, StoreError
from tieout.model.ids import SourceRef
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Instalment, Project
from tieout.store import projects


class Projects:
    CLIENT = Client(id="c1", source=None, name="Brightwater")
    AUDIT = Project(
        id="p1",
        source=SourceRef("sf", "opportunities", "006"),
        name="Audit 2026",
        client_id="c1",
        currency="USD",
        budgets=(
            Budget(
                id="b1",
                name="Fieldwork",
                model=BillingModel.FIXED_FEE,
                amount=Decimal("9000.50"),
                instalments=(Instalment(on=date(2026, 3, 1), percent=Decimal(50)),),
            ),
        ),
        time_names=("14307913", "Audit"),
    )

    def put(self, store, project, deal_id=None):
        with store.begin() as tx:
            projects.put_client(tx, self.CLIENT)
            return projects.put_project(tx, project, deal_id)

    def test_one_project_per_deal_for_ever(self, store):
        assert self.put(store, self.AUDIT, "deal_1")
        assert not self.put(store, self.AUDIT, "deal_1")
        assert not self.put(store, self.AUDIT)
        with pytest.raises(NotAllowed, match="Deal deal_1 has a project already: Audit 2026"):
            self.put(store, replace(self.AUDIT, id="p2", time_names=()), "deal_1")
        with pytest.raises(NotAllowed, match="cannot move to deal deal_2"):
            self.put(store, self.AUDIT, "deal_2")
        with store.read() as tx:
            assert projects.project_for_deal(tx, "deal_1") == self.AUDIT
            assert projects.project_for_deal(tx, "deal_2") is None
            assert projects.deal_of_project(tx, "p1") == "deal_1"
            assert projects.get_budget(tx, "p1", "b1") == self.AUDIT.budgets[0]

    def test_two_workers_make_one_project_of_a_deal(self, store):
        """Both look before either has committed: the second must not get through."""
        in_hand, failed = threading.Event(), []

        def second():
            in_hand.wait(10)
            try:
                with store.begin() as tx:
                    projects.put_project(tx, replace(self.AUDIT, id="p2", time_names=()), "deal_1")
            except (NotAllowed, StoreError) as problem:
                failed.append(problem)

        with store.begin() as tx:
            projects.put_client(tx, self.CLIENT)
        other = threading.Thread(target=second)
        other.start()
        with store.begin() as tx:
            projects.put_project(tx, self.AUDIT, "deal_1")
            in_hand.set()
            other.join(0.5)  # it waits for this commit, or has looked already
        other.join(10)
        assert len(failed) == 1
        with store.read() as tx:
            assert projects.list_projects(tx) == [self.AUDIT]

    def test_lists(self, store):
        self.put(store, self.AUDIT)
        self.put(store, replace(self.AUDIT, id="p2", name="Advice", active=False, time_names=()))
        with store.read() as tx:
            assert projects.list_clients(tx, active_only=True) == [self.CLIENT]
            assert projects.get_client(tx, "c1") == self.CLIENT
            assert [p.name for p in projects.list_projects(tx)] == ["Advice", "Audit 2026"]
            assert projects.list_projects(tx, active_only=True) == [self.AUDIT]
            assert projects.list_projects(tx, client_id="c2") == []

    def test_a_time_tool_names_the_project_by_id_or_name(self, store):
        self.put(store, self.AUDIT)
        other = replace(self.AUDIT, id="p2", name="Tax", time_names=("Tax",))
        self.put(store, other)
        with store.begin() as tx:
            assert projects.project_of_time(tx, "harvest", "14307913") == "p1"
            assert projects.project_of_time(tx, "harvest", "77", "Tax") == "p2"
            assert projects.project_of_time(tx, "harvest", "", "") is None
            projects.map_time_project(tx, "harvest", "77", "p1")
            assert projects.project_of_time(tx, "harvest", "77", "Tax") == "p1"
            assert projects.project_of_time(tx, "toggl", "77", "Tax") == "p2"
            assert projects.unmap_time_project(tx, "harvest", "77")
            assert [n.name for n in projects.time_projects_of(tx, "p2")] == ["Tax"]
        with pytest.raises(NotAllowed, match="'Audit' means project p1 already"):
            self.put(store, replace(other, time_names=("Tax", "Audit")))
        self.put(store, replace(self.AUDIT, time_names=("14307913",)))
        self.put(store, replace(other, time_names=("Tax", "Audit")))
        with store.read() as tx:
            assert projects.project_of_time(tx, "harvest", "", "Audit") == "p2"


class TestSqlite(Projects):
    engine = "sqlite"


class TestPostgres(Projects):
    engine = "postgres"
