"""The Harvest stand-in: sign-in, limits, paging, what each token sees, and time."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from werkzeug.test import Client

from tieout.clock import VirtualClock
from tieout.sandbox.harvest import Harvest, Settings

START = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
DAY = date(2026, 3, 31)


class Api:
    def __init__(self, vendor, token="access_token"):
        self.vendor = vendor
        self._client = Client(vendor)
        self.headers = {
            "Authorization": f"Bearer {vendor.credentials[token]}",
            "Harvest-Account-Id": vendor.credentials["account_id"],
            "User-Agent": "Tieout tests (tests@example.com)",
        }

    def __call__(self, method, path, body=None, **query):
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        path = path.removeprefix("http://localhost") if path.startswith("http") else f"/v2/{path}"
        query = {key.rstrip("_"): value for key, value in query.items()}
        return self._client.open(
            path, method=method, headers=headers, query_string=query or None,
            data=None if body is None else json.dumps(body),
        )  # fmt: skip

    def get(self, path, **query):
        answer = self("GET", path, **query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return json.loads(answer.get_data(as_text=True), parse_float=Decimal)

    def ids(self, path, **query):
        return [row["id"] for row in self.get(path, **query)[path.split("/")[-1]]]

    def walk(self, path, **query):
        """All ids, following `links.next` only."""
        page = self.get(path, **query)
        name = path
        ids = [row["id"] for row in page[name]]
        while page["links"]["next"]:
            page = self.get(page["links"]["next"])
            ids += [row["id"] for row in page[name]]
        return ids


class Firm:
    """An empty account with one project: the member, a task, a client."""

    def __init__(self, clock, **more):
        self.vendor = Harvest(clock, preset="empty", **more)
        self.books = self.vendor.account
        self.user = self.vendor.people["member"]
        self.client = self.books.add_client("Contoso")
        self.task = self.books.add_task("Consulting")
        self.project = self.books.add_project(self.client, "Rollout", code="R-1")

    def entry(self, hours="1", day=DAY, **more):
        user = more.pop("user", self.user)
        return self.books.add_entry(user, self.project, self.task, day, hours, **more)


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def firm(clock):
    return Firm(clock)


@pytest.fixture
def api(firm):
    return Api(firm.vendor)


@pytest.fixture
def sample(clock):
    return Api(Harvest(clock, rate_limits=False))


# -- sign-in and limits ----------------------------------------------------------------
def test_a_bad_token_and_a_missing_account_answer_alike(api):
    for name in ("Authorization", "Harvest-Account-Id"):
        kept = api.headers.pop(name)
        answer = api("GET", "company")
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")
        api.headers[name] = kept
    api.headers["Harvest-Account-Id"] = "5"
    assert api("GET", "company").status_code == 403
    assert api("GET", "nothing").status_code == 403


def test_a_call_names_its_application(api):
    api.headers["User-Agent"] = ""
    assert api("GET", "company").status_code == 400


def test_unknown_things_are_not_found(api):
    assert api("GET", "nothing").status_code == 404
    assert api("GET", "time_entries/1").json == {"status": 404, "error": "Not Found"}


def test_oauth_pairs_live_fourteen_days_and_refresh_once(firm, api, clock):
    given = firm.vendor.credentials
    form = {key: given[key] for key in ("client_id", "client_secret", "code")}
    client = Client(firm.vendor)
    pair = client.post(
        "/api/v2/oauth2/token", data={"grant_type": "authorization_code", **form}
    ).json
    assert pair["expires_in"] == 1_209_600
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    accounts = client.get("/api/v2/accounts", headers=bearer).json["accounts"]
    assert [each["product"] for each in accounts] == ["harvest", "forecast"]
    clock.advance(1_209_600)
    assert client.get("/api/v2/accounts", headers=bearer).status_code == 401
    refresh = {**form, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert client.post("/api/v2/oauth2/token", json=refresh).status_code == 200
    again = client.post("/api/v2/oauth2/token", json=refresh)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert firm.vendor.write_calls == []


def test_a_hundred_calls_in_fifteen_seconds(api, clock):
    for _ in range(100):
        assert api("GET", "company").status_code == 200
    clock.advance(4)
    refused = api("GET", "company")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "11")
    clock.advance(11)
    assert api("GET", "company").status_code == 200


def test_reports_have_a_window_of_fifteen_minutes(api, clock):
    query = {"from_": "20260301", "to": "20260331"}
    for _ in range(100):
        assert api("GET", "reports/uninvoiced", **query).status_code == 200
    refused = api("GET", "reports/uninvoiced", **query)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "900")
    assert api("GET", "company").status_code == 200


# -- paging --------------------------------------------------------------------------
def test_numbered_pages_follow_their_links(clock):
    firm = Firm(clock, page_size=2)
    made = [firm.entry(day=DAY - timedelta(days=n)) for n in range(5)]
    api = Api(firm.vendor)
    page = api.get("time_entries", per_page=2000)
    assert (page["per_page"], page["total_pages"], page["total_entries"]) == (2, 3, 5)
    assert (page["page"], page["next_page"], page["previous_page"]) == (1, 2, None)
    assert api.walk("time_entries") == made
    # An entry made between two pages shifts the rows: one is seen twice.
    first = api.get("time_entries")
    firm.entry(day=DAY + timedelta(days=1))
    second = api.get(first["links"]["next"])
    assert first["time_entries"][1]["id"] == second["time_entries"][0]["id"]


def test_cursor_pages_have_no_numbers_in_the_middle(clock):
    firm = Firm(clock, page_size=2)
    for number in range(4):
        firm.books.add_client(f"Client {number}")
    api = Api(firm.vendor)
    first = api.get("clients")
    assert "ref=next_cursor" in first["links"]["next"]
    assert "cursor=" in first["links"]["next"]
    firm.books.add_client("Late")
    second = api.get(first["links"]["next"])
    assert (second["page"], second["next_page"], len(second["clients"])) == (None, None, 2)
    ids = [row["id"] for page in (first, second) for row in page["clients"]]
    assert len(set(ids)) == 4
    back = api.get(second["links"]["previous"])
    assert [row["id"] for row in back["clients"]] == ids[:2]
    # Both given: the cursor wins.
    both = api.get(first["links"]["next"] + "&page=1")
    assert both["clients"] == second["clients"]
    assert api("GET", "clients", cursor="zzz").status_code == 422


@pytest.mark.parametrize("per_page", ["2001", "0", "many"])
def test_pages_have_at_most_2000_rows(api, per_page):
    answer = api("GET", "time_entries", per_page=per_page)
    assert answer.status_code == 422
    assert "message" in answer.json


def test_row_2001_is_on_the_second_page(clock):
    firm = Firm(clock)
    for _ in range(2001):
        firm.entry()
    page = Api(firm.vendor).get("time_entries")
    assert (len(page["time_entries"]), page["total_pages"]) == (2000, 2)


# -- time ------------------------------------------------------------------------------
def test_an_entry_has_the_documented_fields(firm, api):
    made = firm.entry("0.333", notes='Line\n"two" 🚀')
    row = api.get(f"time_entries/{made}")
    assert row["hours"] == row["hours_without_timer"] == row["rounded_hours"] == Decimal("0.33")
    assert row["spent_date"] == "2026-03-31"
    assert row["user"] == {"id": firm.user, "name": "Mia Member"}
    assert row["project"] == {"id": firm.project, "name": "Rollout", "code": "R-1"}
    assert row["client"] == {"id": firm.client, "name": "Contoso"}
    assert row["notes"] == 'Line\n"two" 🚀'
    assert (row["billable"], row["billable_rate"]) == (True, Decimal("150.00"))
    assert row["cost_rate"] == Decimal("60.00")
    assert (row["invoice"], row["locked_reason"], row["external_reference"]) == (None, None, None)
    assert row["approval_status"] == "unsubmitted"
    assert row["created_at"] == "2026-04-02T15:00:00Z"
    firm.books.change_settings(approval_status=False, list_assignments=False)
    listed = api.get("time_entries")["time_entries"][0]
    assert "approval_status" not in listed
    assert "user_assignment" not in listed


def test_locks_say_why(firm, api, clock):
    approved, marked, both, archived = (firm.entry() for _ in range(4))
    clock.advance(60)
    firm.books.approve([approved, both])
    firm.books.mark_billed([marked, both])
    firm.books.change("projects", firm.project, is_active=False)
    reasons = {row["id"]: (row["locked_reason"], row["is_closed"], row["is_billed"])
               for row in api.get("time_entries")["time_entries"]}  # fmt: skip
    period = "and Locked for this Time Period"
    assert reasons[approved] == (f"Item Approved {period}", True, False)
    assert reasons[both] == (f"Item Invoiced and Approved {period}", True, True)
    assert reasons[marked][1:] == (False, True)
    assert "Archived" in reasons[archived][0]
    assert reasons[archived][1] is False
    assert api.get(f"time_entries/{marked}")["invoice"] is None
    # Approval moves updated_at: a pull since then sees it.
    since = "2026-04-02T15:00:30Z"
    assert set(api.ids("time_entries", updated_since=since)) == {approved, marked, both}
    firm.books.withdraw_approval([approved])
    assert api.get(f"time_entries/{approved}")["is_closed"] is False


def test_a_running_timer_grows(firm, api, clock):
    made = firm.books.start_timer(firm.user, firm.project, firm.task)
    clock.advance(20 * 60)
    row = api.get("time_entries", is_running="true")["time_entries"][0]
    assert (row["id"], row["is_running"]) == (made, True)
    assert (row["hours"], row["hours_without_timer"]) == (Decimal("0.33"), Decimal("0.00"))
    stopped = api("PATCH", f"time_entries/{made}/stop").json
    clock.advance(3600)
    assert (stopped["is_running"], api.get(f"time_entries/{made}")["hours"]) == (
        False, Decimal("0.33"))  # fmt: skip
    assert api("PATCH", f"time_entries/{made}/stop").status_code == 422
    assert api("PATCH", f"time_entries/{made}/restart").json["is_running"] is True


def test_changing_the_rounding_rounds_all_history(firm, api):
    for hours in ("0.33", "0.33", "0.33", "0", "7.6"):
        firm.entry(hours)

    def rounded():
        return [str(row["rounded_hours"]) for row in api.get("time_entries")["time_entries"]][::-1]

    assert rounded() == ["0.33", "0.33", "0.33", "0.00", "7.60"]
    firm.books.change_settings(rounding="up", rounding_minutes=30)
    assert rounded() == ["0.50", "0.50", "0.50", "0.00", "8.00"]
    firm.books.change_settings(rounding="nearest", rounding_minutes=15)
    assert rounded() == ["0.25", "0.25", "0.25", "0.00", "7.50"]
    firm.books.change_settings(rounding="nearest", rounding_minutes=6)
    assert rounded() == ["0.30", "0.30", "0.30", "0.00", "7.60"]


def test_report_totals_are_over_rounded_entries(firm, api):
    for _ in range(3):
        firm.entry("0.33")
    firm.books.change_settings(rounding="up", rounding_minutes=30)
    row = api.get("reports/uninvoiced", from_="20260301", to="2026-03-31")["results"][0]
    assert row["uninvoiced_hours"] == Decimal("1.50")
    assert row["uninvoiced_amount"] == Decimal("225.00")
    for kind in ("clients", "projects", "tasks", "team"):
        rows = api.get(f"reports/time/{kind}", from_="20260301", to="20260331")["results"]
        assert rows[0]["total_hours"] == Decimal("1.50")
    assert api("GET", "reports/uninvoiced").status_code == 422
    assert api("GET", "reports/uninvoiced", from_="20250101", to="20260401").status_code == 422


def test_filters(firm, api, clock):
    early = firm.entry(day=date(2026, 3, 1))
    late = firm.entry(day=date(2026, 3, 31), external_reference={"id": "X9", "group_id": "g"})
    assert api.ids("time_entries", from_="2026-03-02") == [late]
    assert api.ids("time_entries", to="20260301") == [early]
    assert api.ids("time_entries", from_="2026-03-01", to="2026-03-31") == [late, early]
    assert api.ids("time_entries", external_reference_id="X9") == [late]
    firm.books.mark_billed([early])
    assert api.ids("time_entries", is_billed="false") == [late]
    firm.books.approve([late])
    assert api.ids("time_entries", approval_status="approved") == [late]
    assert api.ids("time_entries", client_id=firm.client, project_id=firm.project,
                   task_id=firm.task, user_id=firm.user) == [late, early]  # fmt: skip
    assert api.ids("time_entries", user_id=firm.vendor.people["manager"]) == []
    assert api("GET", "time_entries", from_="yesterday").status_code == 422
    # Time entered today for last month comes with updated_since, not with from.
    clock.advance(86_400)
    forgotten = firm.entry(day=date(2026, 2, 27))
    assert api.ids("time_entries", updated_since="2026-04-03T00:00:00Z") == [forgotten]
    assert api.ids("time_entries", from_="2026-04-01") == []


def test_rates_follow_the_day_and_the_project(firm, api):
    firm.books.set_rate(firm.user, "165", date(2026, 3, 16))
    before, after = firm.entry(day=date(2026, 3, 15)), firm.entry(day=date(2026, 3, 16))
    free = firm.entry(user=firm.books.add_user("Zoe", "Zero", rate=0))
    none = firm.entry(user=firm.books.add_user("Nils", "Norate"))
    rates = {row["id"]: row["billable_rate"] for row in api.get("time_entries")["time_entries"]}
    assert rates == {before: 150, after: 165, free: 0, none: None}
    history = api.get(f"users/{firm.user}/billable_rates")["billable_rates"]
    assert [(row["amount"], row["start_date"], row["end_date"]) for row in history] == [
        (165, "2026-03-16", None), (150, None, "2026-03-15")]  # fmt: skip
    firm.books.change("projects", firm.project, is_billable=False)
    row = api.get(f"time_entries/{after}")
    assert (row["billable"], row["billable_rate"]) == (False, None)


# -- who sees what ---------------------------------------------------------------------
def test_each_token_sees_its_part(firm):
    admin, manager, member = (
        firm.entry(user=firm.vendor.people[name]) for name in ("administrator", "manager", "member")
    )
    tokens = ("access_token", "manager_token", "member_token")
    apis = [Api(firm.vendor, token) for token in tokens]
    assert [set(api.ids("time_entries")) for api in apis] == [
        {admin, manager, member}, {manager, member}, {member}]  # fmt: skip
    assert [api.get("users/me")["access_roles"][0] for api in apis] == [
        "administrator", "manager", "member"]  # fmt: skip
    assert apis[2]("GET", "users").status_code == 403
    assert apis[1]("GET", "roles").status_code == 403
    assert apis[2]("GET", f"time_entries/{admin}").status_code == 404
    row = apis[1].get("time_entries")["time_entries"][0]
    assert (row["billable_rate"], row["cost_rate"]) == (None, None)
    firm.books.assign_user(firm.project, firm.vendor.people["manager"], manager=True)
    assert set(apis[1].ids("time_entries")) == {admin, manager, member}


def test_the_lists_of_the_sample(sample):
    for name in ("users", "roles", "clients", "projects", "tasks", "task_assignments",
                 "user_assignments", "expense_categories"):  # fmt: skip
        assert sample.ids(name), name
    assert len(sample.walk("time_entries", per_page=50)) == 121
    users = {row["last_name"]: row for row in sample.get("users")["users"]}
    assert users["Zero"]["timezone"] == "Nuku'alofa"
    assert users["Member"]["weekly_capacity"] == 126_000
    project = sample.get("projects")["projects"][0]
    assert sample.get(f"projects/{project['id']}")["client"]["currency"]
    assert sample.ids(f"projects/{project['id']}/task_assignments")
    assert sample.get("company")["wants_timestamp_timers"] is False
    assert sample.ids("clients", updated_since="2027-01-01T00:00:00Z") == []
    assert len(sample.ids("tasks", is_active="false")) == 1
    assert sample.get("users/me/project_assignments")["project_assignments"]
    assert sample.get("reports/project_budget")["results"]
    billed = sample.get("time_entries", is_billed="true")["time_entries"]
    assert len(billed) == 3
    assert {row["invoice"] for row in billed} == {None}


def test_expenses_and_their_receipts(sample):
    rows = {row["notes"]: row for row in sample.get("expenses")["expenses"]}
    flight = rows["Flight"]
    assert flight["total_cost"] == Decimal("412.80")
    assert flight["receipt"]["file_name"] == "flight.pdf"
    receipt = sample("GET", flight["receipt"]["url"])
    assert (receipt.content_type, receipt.get_data()) == ("application/pdf", b"%PDF-1.4 receipt")
    mileage = next(row for row in rows.values() if row["units"] == 120)
    assert mileage["total_cost"] == Decimal("80.40")
    assert mileage["client"]["currency"] == "USD"
    assert sample.get(f"expenses/{flight['id']}")["id"] == flight["id"]
    totals = sample.get("reports/expenses/clients", from_="20260101", to="20260430")["results"]
    assert sum(row["total_amount"] for row in totals) == Decimal("511.40")


# -- writes ---------------------------------------------------------------------------------
def test_create_change_and_delete(firm, api):
    firm.books.assign_task(firm.project, firm.task)
    body = {"project_id": firm.project, "task_id": firm.task, "spent_date": "2026-03-31",
            "user_id": firm.user, "hours": 1.5, "notes": "x"}  # fmt: skip
    made = api("POST", "time_entries", body)
    assert made.status_code == 201
    path = f"time_entries/{made.json['id']}"
    changed = api("PATCH", path, {"hours": 2, "is_billed": True, "billable": False,
                                  "external_reference": {"id": "1"}}).json  # fmt: skip
    assert (changed["hours"], changed["is_billed"], changed["billable"]) == (2.0, False, True)
    assert changed["external_reference"]["id"] == "1"
    assert api("DELETE", f"{path}/external_reference").status_code == 200
    assert api.get(path)["external_reference"] is None
    assert api("DELETE", path).status_code == 200
    assert api("GET", path).status_code == 404
    running = api("POST", "time_entries", {key: value for key, value in body.items()
                                           if key != "hours"})  # fmt: skip
    assert running.json["is_running"] is True
    for wrong in ({"project_id": 1}, {"task_id": 1}, {"spent_date": ""}, {"hours": -1}):
        answer = api("POST", "time_entries", {**body, **wrong})
        assert answer.status_code == 422
        assert answer.json["message"]
    stranger = {**body, "user_id": firm.vendor.people["administrator"]}
    assert Api(firm.vendor, "member_token")("POST", "time_entries", stranger).status_code == 403


def test_start_and_end_times(clock):
    firm = Firm(clock, settings=Settings(wants_timestamp_timers=True, clock="24h"))
    firm.books.assign_task(firm.project, firm.task)
    api = Api(firm.vendor)
    body = {"project_id": firm.project, "task_id": firm.task, "spent_date": "2026-03-31"}
    row = api("POST", "time_entries", {**body, "started_time": "8:00am", "ended_time": "14:45"})
    assert (row.json["hours"], row.json["started_time"]) == (6.75, "8:00am")
    running = api("POST", "time_entries", body).json
    assert (running["started_time"], running["is_running"]) == ("11:00", True)
    clock.advance(3600)
    stopped = api("PATCH", f"time_entries/{running['id']}/stop").json
    assert (stopped["ended_time"], stopped["hours"]) == ("12:00", 1.0)


def test_closed_time_can_be_deleted_by_an_administrator_only(firm, api):
    one, two, billed = firm.entry(), firm.entry(), firm.entry()
    firm.books.approve([one, two])
    firm.books.mark_billed([billed])
    assert Api(firm.vendor, "member_token")("DELETE", f"time_entries/{one}").status_code == 422
    assert api("PATCH", f"time_entries/{one}", {"hours": 9}).status_code == 422
    assert api("DELETE", f"time_entries/{one}").status_code == 200
    assert api("DELETE", f"time_entries/{billed}").status_code == 422
    firm.books.delete_entry(billed)
    assert api.ids("time_entries") == [two]


def test_an_invoice_in_harvest_marks_its_time(firm, api):
    inside, outside = firm.entry("0.33"), firm.entry(day=date(2026, 4, 1))
    body = {"client_id": firm.client, "line_items_import": {
        "project_ids": [firm.project],
        "time": {"summary_type": "task", "from": "2026-03-01", "to": "2026-03-31"},
        "expenses": {"summary_type": "category"}}}  # fmt: skip
    invoice = api("POST", "invoices", body)
    assert invoice.status_code == 201
    assert (invoice.json["state"], invoice.json["amount"]) == ("draft", 49.5)
    row = api.get(f"time_entries/{inside}")
    assert row["is_billed"] is True
    assert row["invoice"] == {"id": invoice.json["id"], "number": invoice.json["number"]}
    assert api.ids("time_entries", is_billed="false") == [outside]
    again = api("POST", "invoices", body).json
    assert again["line_items"] == []
    assert len(api.ids("invoices")) == 2
    assert api("DELETE", f"invoices/{invoice.json['id']}").status_code == 200
    assert api.get(f"time_entries/{inside}")["is_billed"] is False
    free = {"client_id": firm.client, "line_items": [{"kind": "Service", "quantity": 2,
                                                      "unit_price": 10.25}]}  # fmt: skip
    assert api("POST", "invoices", free).json["amount"] == 20.5
    wrong = {**body, "client_id": firm.books.add_client("Other")}
    assert api("POST", "invoices", wrong).status_code == 422
    assert Api(firm.vendor, "member_token")("POST", "invoices", body).status_code == 403


def test_an_expense_through_the_api(firm, api):
    miles = firm.books.add_category("Mileage", unit_price="0.67", unit_name="mile")
    body = {"project_id": firm.project, "expense_category_id": miles, "spent_date": "2026-03-31"}
    assert api("POST", "expenses", body).status_code == 422
    made = api("POST", "expenses", {**body, "units": 10}).json
    assert (made["total_cost"], made["is_locked"]) == (6.7, False)
    firm.books.approve_expenses([made["id"]])
    assert api.get(f"expenses/{made['id']}")["is_locked"] is True


def test_the_local_day_is_the_persons_own(firm, clock):
    clock.set(datetime(2026, 3, 31, 11, 30, tzinfo=UTC))
    east = firm.books.add_user("Tui", "Tonga", time_zone="Nuku'alofa")
    west = firm.books.add_user("Wes", "West", time_zone="Pacific Time (US & Canada)")
    days = [firm.books.entries[firm.books.start_timer(user, firm.project, firm.task)].spent_date
            for user in (east, west)]  # fmt: skip
    assert days == [date(2026, 4, 1), date(2026, 3, 31)]
