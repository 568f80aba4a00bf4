"""How fast a company is called: no window is ever exceeded, and little of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.connectors.base import Limit, QuotaHeader, Response
from tieout.connectors.pace import Ask, Governor, MemoryGovernor, Pace, Turn, room
from tieout.connectors.registry import connectors

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = Limit(name="calls a minute", count=10, per_s=60)
USAGE = QuotaHeader(
    name="calls a day", header="x-usage", pattern=r"(?P<used>\d+) of (?P<total>\d+)"
)


def ask(*limits: Limit, **details: Any) -> Ask:
    return Ask(company="books:1", limits=limits, **details)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def told(text: str) -> Response:
    return Response(status=200, headers={"x-usage": text}, body=b"")


# -- windows ----------------------------------------------------------------------------
@settings(max_examples=200, deadline=None)
@given(
    limits=st.lists(
        st.builds(
            lambda number, count, per_s: Limit(name=str(number), count=count, per_s=per_s),
            st.uuids(),
            st.integers(1, 60),
            st.sampled_from([0.5, 1.0, 15.0, 60.0, 900.0]),
        ),
        min_size=1,
        max_size=3,
    ),
    pauses=st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=150),
    people=st.lists(st.booleans(), min_size=1, max_size=10),
)
def test_no_window_is_ever_exceeded(
    limits: list[Limit], pauses: list[float], people: list[bool]
) -> None:
    """Callers that wait exactly as they are told, at any instants, people among them."""
    governor, now = MemoryGovernor(), NOON
    gone: list[tuple[datetime, bool]] = []
    for number, pause in enumerate(pauses):
        now += timedelta(seconds=pause)
        attended = people[number % len(people)]
        wanted = ask(*limits, attended=attended)
        while (turn := governor.turn(wanted, now)).wait_s > 0:
            now += timedelta(seconds=turn.wait_s)
        gone.append((now, attended))
    for limit in limits:
        window = timedelta(seconds=limit.per_s)
        for start, _ in gone:
            within = [person for at, person in gone if start <= at < start + window]
            assert len(within) <= limit.count
            if not any(within):
                assert len(within) <= room(limit, attended=False)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 60), per_s=st.sampled_from([1.0, 15.0, 60.0]))
def test_at_most_a_few_percent_are_lost(count: int, per_s: float) -> None:
    limit = Limit(name="calls", count=count, per_s=per_s, kept=0)
    governor, now, calls = MemoryGovernor(), NOON, 8 * count + 1
    for _ in range(calls):
        while (turn := governor.turn(ask(limit), now)).wait_s > 0:
            now += timedelta(seconds=turn.wait_s)
    best = (calls - 1) // count * per_s
    assert best <= (now - NOON).total_seconds() <= 1.03 * best


def test_a_share_of_each_window_is_kept_for_people() -> None:
    governor = MemoryGovernor()
    for _ in range(9):
        assert governor.turn(ask(MINUTE), NOON).wait_s == 0
    waits = governor.turn(ask(MINUTE), NOON)
    assert 60 <= waits.wait_s <= 61.2
    assert waits.why == "10 calls a minute of books:1"
    assert governor.turn(ask(MINUTE, attended=True), NOON).wait_s == 0
    assert governor.turn(ask(MINUTE, attended=True), NOON).wait_s > 0


def test_each_company_has_its_own() -> None:
    governor = MemoryGovernor()
    one = Limit(name="calls", count=1, per_s=60)
    assert governor.turn(ask(one), NOON).wait_s == 0
    assert governor.turn(ask(one), NOON).wait_s > 0
    assert governor.turn(Ask(company="books:2", limits=(one,)), NOON).wait_s == 0


def test_a_daily_budget_is_a_limit_like_any_other() -> None:
    day = Limit(name="calls a day", count=100, per_s=86_400, kept=0)
    governor = MemoryGovernor()
    assert all(governor.turn(ask(day), after(60 * n)).wait_s == 0 for n in range(100))
    wait_s = governor.turn(ask(day), after(6000)).wait_s
    assert 86_400 - 6000 <= wait_s <= 1.02 * 86_400 - 6000
    assert governor.turn(ask(day), after(6000 + wait_s)).wait_s == 0


def test_a_clock_set_back_does_not_stop_the_calls() -> None:
    governor = MemoryGovernor()
    one = Limit(name="calls", count=1, per_s=60)
    assert governor.turn(ask(one), after(86_400)).wait_s == 0
    assert governor.turn(ask(one), NOON).wait_s == 0


def test_calls_of_a_machine_whose_clock_is_ahead_still_count() -> None:
    governor = MemoryGovernor()
    second = Limit(name="calls", count=1, per_s=1)
    assert governor.turn(ask(second), after(20)).wait_s == 0
    assert governor.turn(ask(second), NOON).wait_s > 20


# -- calls on their way -----------------------------------------------------------------
def four(**details: Any) -> Ask:
    return ask(at_once=4, **details)


def taken(governor: Governor, count: int, at: datetime = NOON) -> list[Turn]:
    turns = [governor.turn(four(), at) for _ in range(count)]
    assert [turn.wait_s for turn in turns] == [0] * count
    return turns


def test_as_many_calls_are_on_their_way_as_may_be() -> None:
    governor = MemoryGovernor()
    turns = taken(governor, 4)
    assert governor.turn(four(), NOON).wait_s > 0
    governor.ended(four(), turns[1], None, NOON)
    governor.ended(four(), turns[1], None, NOON)  # a second time frees nothing more
    assert governor.turn(four(), NOON).wait_s == 0
    assert governor.turn(four(), NOON).wait_s > 0


def test_the_place_of_a_caller_that_crashed_comes_back_with_its_lease() -> None:
    governor = MemoryGovernor()
    taken(governor, 4)
    assert governor.turn(four(), after(149)).wait_s > 0
    assert governor.turn(four(), after(150)).wait_s == 0


def test_the_place_of_a_process_that_is_gone_comes_back_at_once() -> None:
    class Host(MemoryGovernor):
        me, dead = "host:1:a", ""

        def owner(self) -> str:
            return self.me

        def is_gone(self, owner: str) -> bool:
            return owner == self.dead

    host = Host()
    taken(host, 4)
    host.me, host.dead = "host:2:b", "host:1:a"
    taken(host, 4)


def test_the_next_free_place_is_a_waiting_persons() -> None:
    governor = MemoryGovernor()
    first, *_ = taken(governor, 4)
    assert governor.turn(four(attended=True), NOON).wait_s > 0
    governor.ended(four(), first, None, NOON)
    assert governor.turn(four(), NOON).wait_s > 0, "a person waits"
    assert governor.turn(four(attended=True), NOON).wait_s == 0
    # A person who gave up does not keep it for ever.
    assert governor.turn(four(attended=True), NOON).wait_s > 0
    taken(governor, 4, after(200))


# -- waits the vendor asks for ------------------------------------------------------------
def test_a_wait_with_a_number_is_kept_by_everybody() -> None:
    governor = MemoryGovernor()
    assert governor.refused(ask(), 45, True, "slow down", NOON) == 45
    for wanted in (ask(), ask(writes=True), ask(attended=True)):
        turn = governor.turn(wanted, after(40))
        assert (turn.wait_s, turn.asked, turn.why) == (5, True, "books:1 asked: slow down")
    assert governor.parked("books:1", after(40)) == (after(45), "slow down")
    assert governor.turn(ask(), after(45)).wait_s == 0
    assert governor.parked("books:1", after(45)) is None


def test_a_wait_without_a_number_doubles_while_it_goes_on() -> None:
    """A month's quota is used up: 429 after 429, in the same words as too many calls."""
    governor, now, waits = MemoryGovernor(), NOON, []
    for _ in range(9):
        waits.append(governor.refused(ask(), 60, False, "limit reached", now))
        now += timedelta(seconds=waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    now += timedelta(days=1)
    assert governor.refused(ask(), 60, False, "limit reached", now) == 60


def test_a_spent_budget_of_reads_does_not_stop_the_writes() -> None:
    governor = MemoryGovernor()
    governor.refused(ask(), 60, False, "limit reached", NOON)
    assert governor.turn(ask(writes=True), after(59)).wait_s > 0
    governor.refused(ask(), 60, False, "limit reached", after(60))
    assert governor.turn(ask(), after(61)).wait_s == 119
    assert governor.turn(ask(writes=True), after(61)).wait_s == 0


def test_refusals_of_calls_that_were_on_their_way_are_one() -> None:
    governor = MemoryGovernor()
    assert [governor.refused(ask(), 60, False, "limit", after(n)) for n in range(3)] == [60, 59, 58]
    assert governor.refused(ask(), 90, True, "limit", after(3)) == 90


@pytest.mark.parametrize("seconds", [86_400.0, 1e6, 31_536_000.0, 1e12])
def test_nobody_is_left_alone_for_more_than_a_day(seconds: float) -> None:
    governor = MemoryGovernor()
    assert governor.refused(ask(), seconds, True, "come back next year", NOON) == 86_400
    assert governor.turn(ask(), after(86_400)).wait_s == 0


def test_a_wait_noted_by_a_clock_that_jumped_is_forgotten() -> None:
    governor = MemoryGovernor()
    governor.refused(ask(), 60, True, "wait", NOON + timedelta(days=365))
    assert governor.turn(ask(), NOON).wait_s == 0
    assert governor.parked("books:1", NOON) is None


# -- budgets that are told ----------------------------------------------------------------
def used(governor: Governor, text: str, at: datetime = NOON) -> Callable[..., float]:
    wanted = ask(quotas=(USAGE,))
    governor.ended(wanted, governor.turn(wanted, at), told(text), at)

    def wait_s(seconds: float, **details: Any) -> float:
        return governor.turn(ask(quotas=(USAGE,), **details), after(seconds)).wait_s

    return wait_s


def test_reads_slow_down_when_most_of_a_budget_is_used() -> None:
    wait_s = used(MemoryGovernor(), "4000 of 5000")
    assert wait_s(1) == 9
    assert wait_s(10) == 0
    assert wait_s(1, writes=True) == 0
    assert wait_s(1, attended=True) == 0
    assert used(MemoryGovernor(), "3999 of 5000")(1) == 0
    assert used(MemoryGovernor(), "no number")(1) == 0


def test_only_writes_and_people_use_the_rest_of_it() -> None:
    governor = MemoryGovernor()
    wait_s = used(governor, "4750 of 5000")
    assert wait_s(1) == 899
    assert wait_s(1, writes=True) == 0
    assert wait_s(1, attended=True) == 0
    assert wait_s(900) == 0, "one look at what is left"
    assert used(governor, "100 of 5000", after(900))(901) == 0


def test_salesforce_tells_its_day_in_every_answer() -> None:
    """The organisation's figure, not the app's: they stand in one header."""
    (quota,) = connectors()["salesforce"].quotas
    governor = MemoryGovernor()
    header = "api-usage=4900/5000; per-app-api-usage=17/250(appName=x)"
    answer = Response(status=200, headers={"sforce-limit-info": header}, body=b"")
    wanted = ask(quotas=(quota,))
    governor.ended(wanted, governor.turn(wanted, NOON), answer, NOON)
    waits = governor.turn(wanted, after(1))
    assert (waits.wait_s, waits.why) == (899, "4900 of 5000 calls a day of books:1 are used")


def test_all_of_it_survives_as_text() -> None:
    governor = MemoryGovernor()
    wanted = ask(MINUTE, at_once=2, quotas=(USAGE,))
    governor.turn(wanted, NOON)
    governor.ended(wanted, governor.turn(wanted, NOON), told("4 of 5"), NOON)
    governor.refused(wanted, 30, False, "limit", NOON)
    with governor.pace("books:1") as pace:
        pace.changed = False
        assert Pace.load(pace.dump()) == pace
    assert Pace.load("") == Pace()
