"""The Harvest stand-in: clients, projects, tasks and assignments made through the API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.harvest_desk import DAY, START, Firm
from tieout.clock import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def firm(clock):
    return Firm(clock)


def test_a_project_is_set_up_from_nothing_and_time_recorded_on_it(firm):
    client = firm("POST", "clients", {"name": "Fabrikam", "currency": "USD"})
    assert client.status_code == 201
    task = firm("POST", "tasks", {"name": "Design", "default_hourly_rate": 140.5}).json
    assert (task["default_hourly_rate"], task["billable_by_default"]) == (140.5, True)
    project = firm("POST", "projects", {
        "client_id": client.json["id"], "name": "Portal", "code": "P-1", "is_billable": True,
        "bill_by": "Tasks", "budget": "1200.50", "budget_by": "task_fees",
        "starts_on": "2026-04-01"})  # fmt: skip
    assert project.status_code == 201
    row = firm.get(f"projects/{project.json['id']}")
    assert row["client"] == {"id": client.json["id"], "name": "Fabrikam", "currency": "USD"}
    assert (row["budget"], row["starts_on"], row["is_fixed_fee"]) == (
        Decimal("1200.50"), "2026-04-01", False)  # fmt: skip
    nested = f"projects/{row['id']}"
    time = {"project_id": row["id"], "task_id": task["id"], "spent_date": "2026-04-01", "hours": 2}
    assert firm("POST", "time_entries", time).status_code == 422
    assigned = firm("POST", f"{nested}/task_assignments", {"task_id": task["id"],
                                                           "hourly_rate": 150}).json  # fmt: skip
    person = firm("POST", f"{nested}/user_assignments", {"user_id": firm.user}).json
    assert (person["user"]["id"], person["is_project_manager"]) == (firm.user, False)
    made = firm("POST", "time_entries", time).json
    assert (made["billable_rate"], made["task_assignment"]["id"]) == (150.0, assigned["id"])
    assert firm("POST", f"{nested}/task_assignments", {"task_id": task["id"]}).status_code == 422


def test_changes_reach_the_list_of_what_changed(firm, clock):
    clock.advance(60)
    since = "updated_since=2026-04-02T15:00:30Z"
    for kind, record in (("clients", firm.client), ("projects", firm.project),
                         ("tasks", firm.task)):  # fmt: skip
        assert firm.get(f"{kind}?{since}")[kind] == []
        changed = firm("PATCH", f"{kind}/{record}", {"name": "Renamed", "is_active": False})
        assert (changed.status_code, changed.json["name"]) == (200, "Renamed")
        assert [row["id"] for row in firm.get(f"{kind}?{since}")[kind]] == [record]
        assert firm.get(f"{kind}?is_active=true")[kind] == []
    assert firm("PATCH", f"clients/{firm.client}", {"name": ""}).status_code == 422


def test_archiving_a_task_assignment_stops_new_time_and_turns_nothing_else(firm):
    made = firm.entry()
    assignment = firm.get(f"projects/{firm.project}/task_assignments")["task_assignments"][0]
    path = f"projects/{firm.project}/task_assignments/{assignment['id']}"
    assert firm("PATCH", path, {"billable": False, "task_id": 5}).json["task"]["id"] == firm.task
    # Whether time is billable is read from the assignment: history flips with it.
    assert firm.get(f"time_entries/{made}")["billable"] is False
    assert firm("PATCH", path, {"is_active": False}).status_code == 200
    time = {"project_id": firm.project, "task_id": firm.task, "spent_date": "2026-04-01",
            "hours": 2}  # fmt: skip
    assert firm("POST", "time_entries", time).status_code == 422
    elsewhere = f"projects/{firm.books.add_project(firm.client, 'B')}/task_assignments"
    assert firm("PATCH", f"{elsewhere}/{assignment['id']}", {}).status_code == 404


def test_what_is_in_use_stays(firm):
    made = firm.entry()
    nested = f"projects/{firm.project}"
    task = firm.get(f"{nested}/task_assignments")["task_assignments"][0]["id"]
    user = firm.get(f"{nested}/user_assignments")["user_assignments"][0]["id"]
    paths = (f"clients/{firm.client}", f"tasks/{firm.task}", f"{nested}/task_assignments/{task}",
             f"{nested}/user_assignments/{user}")  # fmt: skip
    for path in paths:
        assert firm("DELETE", path).status_code == 422, path
    # A project goes with all its time, and nothing tells that it existed.
    assert firm("DELETE", nested).status_code == 200
    assert firm("GET", f"time_entries/{made}").status_code == 404
    for path in paths[:2]:
        assert firm("DELETE", path).status_code == 200, path
        assert firm("GET", path).status_code == 404
    assert firm.get("task_assignments")["task_assignments"] == []


def test_expense_categories(firm):
    made = firm("POST", "expense_categories", {"name": "Mileage", "unit_name": "mile",
                                               "unit_price": 0.67}).json  # fmt: skip
    assert made["unit_price"] == 0.67
    used = firm.books.add_expense(firm.user, firm.project, made["id"], DAY, units=3)
    assert firm.books.expenses[used].total_cost == Decimal("2.01")
    assert firm("DELETE", f"expense_categories/{made['id']}").status_code == 422
    firm.books.delete_expense(used)
    assert firm("DELETE", f"expense_categories/{made['id']}").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clients", {}),
        ("tasks", {"name": ""}),
        ("tasks", {"name": "T", "default_hourly_rate": "much"}),
        ("tasks", {"name": "T", "is_active": "perhaps"}),
        ("projects", {"name": "No client"}),
        ("projects", {"name": "P", "client_id": 1}),
        ("projects", {"name": "P", "client_id": "CLIENT", "bill_by": "Moon"}),
        ("projects", {"name": "P", "client_id": "CLIENT", "starts_on": "soon"}),
    ],
)
def test_bad_records_are_refused(firm, path, body):
    body = {key: firm.client if value == "CLIENT" else value for key, value in body.items()}
    before = firm.get(path)["total_entries"]
    answer = firm("POST", path, body)
    assert answer.status_code == 422
    assert answer.json["message"]
    assert firm.get(path)["total_entries"] == before


def test_only_administrators_set_things_up(firm):
    for token in ("manager_token", "member_token"):
        assert firm("POST", "clients", {"name": "C"}, token).status_code == 403
        assert firm("DELETE", f"projects/{firm.project}", token=token).status_code == 403
    assert firm("POST", "users/1", {"name": "x"}).status_code == 404
    assert firm("PUT", f"clients/{firm.client}", {"name": "x"}).status_code == 404
