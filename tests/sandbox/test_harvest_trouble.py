"""The Harvest stand-in: planned trouble, and copies of a prepared account."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest

from tests.sandbox.harvest_desk import START, Firm
from tieout.clock import VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.harvest import Harvest


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def firm(clock):
    return Firm(clock)


def time(firm, hours=1):
    return {"project_id": firm.project, "task_id": firm.task, "spent_date": "2026-04-01",
            "hours": hours}  # fmt: skip


def test_a_throttled_call_is_told_how_long_to_wait(firm):
    firm.vendor.throttle(2, wait_s=7, path="time_entries")
    for _ in range(2):
        refused = firm("POST", "time_entries", time(firm))
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
        assert refused.json["retry_after"] == 7
        assert refused.headers["Date"] == "Thu, 02 Apr 2026 15:00:00 GMT"
    assert firm.books.entries == {}
    assert firm("POST", "time_entries", time(firm)).status_code == 201


@pytest.mark.parametrize(("after", "made"), [(False, 0), (True, 1)])
def test_a_server_error_may_come_before_or_after_the_work_is_done(firm, after, made):
    firm.vendor.break_down(after_commit=after)
    assert firm("POST", "time_entries", time(firm)).status_code == 500
    assert len(firm.books.entries) == made


def test_an_answer_may_be_lost_although_the_work_is_done(firm):
    firm.vendor.lose_answer("POST", "time_entries")
    with pytest.raises(ConnectionCut):
        firm("POST", "time_entries", time(firm))
    assert [each.base_hours for each in firm.books.entries.values()] == [Decimal("1.00")]
    assert [(call.status, call.writes) for call in firm.vendor.calls] == [(0, True)]


def test_a_revoked_token_is_refused_and_the_others_are_not(firm):
    firm.vendor.revoke("member_token")
    assert firm("GET", "company", token="member_token").status_code == 401
    assert firm("GET", "company").status_code == 200


def test_a_person_who_left_is_refused(firm):
    firm.books.change("users", firm.user, is_active=False)
    assert firm("GET", "company", token="member_token").status_code == 403


def test_a_bad_question_is_refused_even_when_there_is_nothing_to_answer(firm):
    for query in ("is_billed=perhaps", "from=yesterday", "updated_since=soon", "user_id=me"):
        assert firm("GET", f"time_entries?{query}").status_code == 422
        assert firm("GET", f"expenses?{query}").status_code == 422


# -- copies -------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [Harvest.copy, copy.deepcopy])
def test_a_prepared_account_is_copied_and_both_go_their_own_way(firm, copied):
    made = firm.entry("1")
    firm.books.start_timer(firm.user, firm.project, firm.task)
    firm.get("company")
    twin = object.__new__(Firm)
    twin.__dict__.update(firm.__dict__)
    twin.vendor = copied(firm.vendor)
    twin.books = twin.vendor.account
    assert twin.vendor.calls == []
    assert twin.get("time_entries") == firm.get("time_entries")
    twin.books.edit_entry(made, hours=9)
    twin.books.change("clients", firm.client, name="Theirs")
    twin.books.add_role("Partner", [firm.user])
    firm.books.add_role("Partner")
    assert firm.get(f"time_entries/{made}")["hours"] == 1
    assert firm.get(f"clients/{firm.client}")["name"] == "Contoso"
    assert firm.get(f"users/{firm.user}")["roles"] == []
    row = twin.get(f"time_entries/{made}")
    assert (row["hours"], row["client"]["name"]) == (9, "Theirs")
    assert firm.entry() == twin.entry()


def test_a_copy_can_live_on_another_clock(firm, clock):
    made = firm.books.start_timer(firm.user, firm.project, firm.task)
    later = VirtualClock(START)
    twin = firm.vendor.copy(later)
    later.advance(7200)
    assert twin.account.hours(twin.account.entries[made]) == 2
    assert firm.books.hours(firm.books.entries[made]) == 0
    clock.advance(3600)
    assert firm.books.hours(firm.books.entries[made]) == 1


def test_the_books_alone_can_be_copied(firm):
    made = firm.entry()
    books = copy.deepcopy(firm.books)
    books.delete_entry(made)
    assert made in firm.books.entries
    assert books.clock is firm.books.clock
