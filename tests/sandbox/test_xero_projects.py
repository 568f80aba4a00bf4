"""Projects, tasks and time in the stand-in of Xero."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.xero_desk import D, Row, acme, desk
from tests.sandbox.xero_spec import CheckedCaller

BASE = "/projects.xro/2.0/"


def call(
    caller: CheckedCaller, method: str, path: str, body: Any = None, **query: str
) -> tuple[int, Row]:
    return caller.call(method, path, body, base=BASE, **query)


def made(caller: CheckedCaller) -> tuple[str, str, str]:
    """A project with a task of 120.00 an hour, and the user who works on it."""
    body = {"contactId": acme(caller), "name": "Atlas", "estimateAmount": D("10000.00"),
            "deadlineUtc": "2026-09-30T00:00:00Z"}  # fmt: skip
    status, project = call(caller, "POST", "Projects", body)
    assert (status, project["status"]) == (201, "INPROGRESS")
    assert project["estimate"] == {"currency": "NZD", "value": D(10000)}
    path = f"Projects/{project['projectId']}/Tasks"
    task = {"name": "Design", "rate": {"currency": "NZD", "value": D(120)}, "chargeType": "TIME"}
    status, shown = call(caller, "POST", path, task)
    assert (status, shown["rate"]["value"]) == (201, D(120))
    user = call(caller, "GET", "ProjectsUsers")[1]["items"][0]["userId"]
    return project["projectId"], shown["taskId"], user


def log(caller: CheckedCaller, minutes: int, day: str = "2026-03-30") -> Row:
    project, task, user = made(caller)
    body = {"userId": user, "taskId": task, "dateUtc": f"{day}T09:00:00Z", "duration": minutes}
    status, entry = call(caller, "POST", f"Projects/{project}/Time", body)
    assert status == 200
    return entry


def test_time_adds_up_to_money() -> None:
    caller = desk()
    entry = log(caller, 90)
    project = call(caller, "GET", f"Projects/{entry['projectId']}")[1]
    assert project["minutesLogged"] == 90
    assert project["totalTaskAmount"]["value"] == D(180)
    path = f"Projects/{entry['projectId']}/Time/{entry['timeEntryId']}"
    assert call(caller, "GET", path)[1] == entry
    assert call(caller, "DELETE", path) == (204, {})
    assert call(caller, "GET", path)[0] == 404


def test_lists_are_paged_and_filtered() -> None:
    caller = desk()
    entry = log(caller, 60)
    path = f"Projects/{entry['projectId']}/Time"
    for query, count in (
        ({"userId": entry["userId"]}, 1),
        ({"dateAfterUtc": "2026-03-31T00:00:00Z"}, 0),
        ({"dateBeforeUtc": "2026-03-31T00:00:00Z", "states": "ACTIVE"}, 1),
        ({"isChargeable": "False"}, 0),
        ({"contactId": acme(caller)}, 1),
    ):
        answer = call(caller, "GET", path, **query)[1]
        assert (len(answer["items"]), answer["pagination"]["itemCount"]) == (count, count)
    assert call(caller, "GET", "Projects", states="CLOSED")[1]["items"] == []
    assert len(call(caller, "GET", "Projects", states="INPROGRESS,CLOSED")[1]["items"]) == 1
    assert call(caller, "GET", "Projects", page="2", pageSize="1")[1]["items"] == []


def test_a_project_is_changed_and_closed() -> None:
    caller = desk()
    project, task, _ = made(caller)
    path = f"Projects/{project}"
    assert call(caller, "PUT", path, {"name": "Atlas II"}) == (204, {})
    assert call(caller, "PATCH", path, {"status": "CLOSED"}) == (204, {})
    shown = call(caller, "GET", path)[1]
    assert (shown["name"], shown["status"]) == ("Atlas II", "CLOSED")
    fixed = {"name": "Fixed", "rate": 500, "chargeType": "FIXED"}
    assert call(caller, "PUT", f"{path}/Tasks/{task}", fixed, loose=True)[0] == 204  # type: ignore[arg-type]
    assert call(caller, "GET", path)[1]["totalTaskAmount"]["value"] == D(500)
    assert call(caller, "DELETE", f"{path}/Tasks/{task}") == (204, {})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Projects", {"name": "No contact"}),
        ("Projects", {"contactId": "00000000-0000-4000-a000-000000000000", "name": "x"}),
        ("Projects/{}/Tasks", {"name": "x", "rate": 5, "chargeType": "SOMETIMES"}),
        (
            "Projects/{}/Tasks",
            {"name": "x", "rate": 5, "chargeType": "TIME", "estimateMinutes": "soon"},
        ),
        ("Projects/{}/Time", {"userId": "00000000-0000-4000-a000-000000000000", "duration": 5}),
    ],
)
def test_what_is_refused(path: str, body: Row) -> None:
    caller = desk()
    status, answer = call(caller, "POST", path.format(made(caller)[0]), body)
    assert status == 400
    assert answer["message"]


def test_an_organisation_without_projects() -> None:
    assert call(desk(projects=False), "GET", "Projects")[0] == 403
    caller = desk()
    caller.token = caller.vendor.sign_in.issue("accounting.invoices")["access_token"]
    assert call(caller, "GET", "Projects")[0] == 401
    assert call(desk(), "GET", "Nothing")[0] == 404
    assert call(desk(), "DELETE", "Projects")[0] == 405
    caller = desk()
    path = f"Projects/{made(caller)[0]}/Time"
    assert call(caller, "GET", path, isChargeable="perhaps")[0] == 400
