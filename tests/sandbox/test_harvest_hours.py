"""The Harvest stand-in: hours that clocks, rounding and second thoughts make difficult."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.sandbox.harvest_desk import START, Firm
from tieout.clock import VirtualClock
from tieout.sandbox.harvest import Settings


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def firm(clock):
    return Firm(clock)


# -- the night the clocks change --------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "started", "ended"),
    [
        # New York, 8 March: 1:30 EST, and an hour later the clock shows 3:30 EDT.
        (datetime(2026, 3, 8, 6, 30, tzinfo=UTC), "1:30am", "3:30am"),
        # 1 November: an hour after 1:30 EDT the clock shows 1:30 EST.
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "1:30am", "1:30am"),
    ],
)
def test_an_hour_is_an_hour_on_the_night_the_clocks_change(clock, start, started, ended):
    firm = Firm(clock, settings=Settings(wants_timestamp_timers=True))
    clock.set(start)
    running = firm("POST", "time_entries", {
        "project_id": firm.project, "task_id": firm.task, "user_id": firm.user,
        "spent_date": start.date().isoformat()}).json  # fmt: skip
    assert (running["started_time"], running["is_running"]) == (started, True)
    clock.advance(3600)
    stopped = firm("PATCH", f"time_entries/{running['id']}/stop").json
    assert (stopped["started_time"], stopped["ended_time"]) == (started, ended)
    # The clock on the wall says two hours, or none: the hours are the truth.
    assert stopped["hours"] == 1.0
    assert stopped["spent_date"] == start.date().isoformat()


def test_midnight_on_the_night_the_clocks_change_is_the_persons_own(firm, clock):
    berlin = firm.books.add_user("Bea", "Berlin", time_zone="Berlin")
    days = []
    # Summer time starts in Berlin on 29 March at 1:00 UTC; its midnights are at 23:00 and 22:00.
    for instant in (
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    ):
        clock.set(instant)
        entry = firm.books.start_timer(berlin, firm.project, firm.task)
        days.append(firm.books.entries[entry].spent_date.day)
    assert days == [28, 29, 29, 30]


def test_an_instant_of_a_change_is_found_whatever_the_zone_of_the_question(firm, clock):
    clock.set(datetime(2026, 3, 8, 7, 0, tzinfo=UTC))
    made = firm.entry()
    for since, found in (
        ("2026-03-08T03:00:00-04:00", [made]),
        ("2026-03-08T02:00:00-05:00", [made]),
        ("2026-03-08T07:00:01Z", []),
    ):
        rows = firm.get(f"time_entries?updated_since={since}")["time_entries"]
        assert [row["id"] for row in rows] == found


# -- lengths ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ran_s", "hours"), [(0, "0.00"), (1, "0.00"), (59, "0.02"), (1200, "0.33"), (90000, "25.00")]
)
def test_a_timer_of_any_length(firm, clock, ran_s, hours):
    made = firm.books.start_timer(firm.user, firm.project, firm.task)
    clock.advance(ran_s)
    assert firm("PATCH", f"time_entries/{made}/stop").status_code == 200
    row = firm.get(f"time_entries/{made}")
    assert str(row["hours"]) == str(row["hours_without_timer"]) == hours


def test_a_person_has_one_timer(firm, clock):
    first = firm.books.start_timer(firm.user, firm.project, firm.task)
    clock.advance(3600)
    second = firm.books.start_timer(firm.user, firm.project, firm.task)
    other = firm.books.start_timer(firm.vendor.people["manager"], firm.project, firm.task)
    clock.advance(3600)
    rows = {row["id"]: row for row in firm.get("time_entries")["time_entries"]}
    assert [rows[each]["is_running"] for each in (first, second, other)] == [False, True, True]
    assert [rows[each]["hours"] for each in (first, second, other)] == [1, 1, 1]
    assert firm("PATCH", f"time_entries/{first}/restart").json["is_running"] is True
    assert firm.get(f"time_entries/{second}")["is_running"] is False
    firm.books.delete_entry(first)
    assert firm("PATCH", f"time_entries/{second}/restart").json["is_running"] is True


@pytest.mark.parametrize("notes", ["", 'Said "yes";\n\tthen\r\nno', "🚀👩‍💻", "x" * 3500])
def test_notes_come_back_as_they_were_written(firm, notes):
    made = firm("POST", "time_entries", {
        "project_id": firm.project, "task_id": firm.task, "spent_date": "2026-04-01",
        "hours": "0.25", "notes": notes})  # fmt: skip
    assert firm.get(f"time_entries/{made.json['id']}")["notes"] == notes


# -- control totals -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rounding", "minutes", "hours", "money"),
    [
        ("none", 15, "1.83", "274.50"),
        ("nearest", 6, "1.70", "255.00"),
        ("nearest", 15, "1.50", "225.00"),
        ("nearest", 30, "2.50", "375.00"),
        ("up", 6, "2.10", "315.00"),
        ("up", 15, "2.50", "375.00"),
        ("up", 30, "2.50", "375.00"),
    ],
)
def test_reports_add_up_rounded_entries_under_each_rule(firm, rounding, minutes, hours, money):
    for length in ("0.33", "0.33", "0.33", "0.84"):
        firm.entry(length)
    firm.books.change_settings(rounding=rounding, rounding_minutes=minutes)
    entries = firm.get("time_entries")["time_entries"]
    assert sum(row["rounded_hours"] for row in entries) == Decimal(hours)
    report = firm.get("reports/uninvoiced?from=20260301&to=20260331")["results"][0]
    assert (report["uninvoiced_hours"], report["uninvoiced_amount"]) == (
        Decimal(hours), Decimal(money))  # fmt: skip
    total = firm.get("reports/time/projects?from=20260301&to=20260331")["results"][0]
    assert total["billable_amount"] == Decimal(money)


def test_an_invoice_keeps_its_hours_when_the_rounding_changes(firm):
    made = firm.entry("0.33")
    invoice = firm("POST", "invoices", {"client_id": firm.client, "line_items_import": {
        "project_ids": [firm.project], "time": {"summary_type": "task"}}}).json  # fmt: skip
    firm.books.change_settings(rounding="up", rounding_minutes=30)
    assert firm.get(f"time_entries/{made}")["rounded_hours"] == Decimal("0.50")
    assert firm.get(f"invoices/{invoice['id']}")["amount"] == Decimal("49.50")


# -- second thoughts ----------------------------------------------------------------------------
def test_approved_time_is_opened_edited_and_approved_again(firm, clock):
    made = firm.entry("2")
    path = f"time_entries/{made}"
    firm.books.approve([made])
    assert firm("PATCH", path, {"hours": 3}).status_code == 422
    clock.advance(60)
    firm.books.withdraw_approval([made])
    assert firm("PATCH", path, {"hours": 3}).status_code == 200
    clock.advance(60)
    firm.books.approve([made])
    row = firm.get(path)
    assert (row["hours"], row["is_closed"], row["updated_at"]) == (3, True, "2026-04-02T15:02:00Z")


def test_billed_time_deleted_over_there_leaves_no_trace(firm, clock):
    made, kept = firm.entry(), firm.entry()
    firm.books.approve([made, kept])
    before = firm.get("time_entries?from=2026-03-01&to=2026-03-31")["total_entries"]
    clock.advance(60)
    firm.books.delete_entry(made)
    since = (clock.now() - timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert firm.get(f"time_entries?updated_since={since}")["time_entries"] == []
    assert firm("GET", f"time_entries/{made}").status_code == 404
    after = firm.get("time_entries?from=2026-03-01&to=2026-03-31")["total_entries"]
    assert (before, after) == (2, 1)
