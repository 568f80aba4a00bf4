"""What is due is found again from the rows alone, whatever was lost of what was said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.scenarios.books import assert_each_once, ready_to_push, unsettled
from tests.scenarios.firm import Firm, small_firm
from tieout import steps
from tieout.errors import StoreError
from tieout.store import schedules
from tieout.sync import owners, schedule
from tieout.sync.doubts import LOOK_AGAIN_S
from tieout.sync.schedule import turn_now
from tieout.sync.sweep import let_go, sweep


def due(firm: Firm) -> tuple[list[str], int]:
    """The turns that are due, and how many pushes would find something to do."""
    work = sweep(firm.engine)
    return [one.name for one in work.turns], sum(one.pushes for one in work.pushes)


def test_a_first_push_waits_for_its_hour_and_what_it_left_does_not(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=3) as firm:
        night = turn_now(firm.engine, "push")
        assert night is not None
        assert steps.run_turn(firm.engine, night) is not None
        ready_to_push(firm)
        assert "push" not in due(firm)[0], "last night's is over"
        assert due(firm)[1] == 0, "what was approved today waits for tonight"
        firm.world.quickbooks.faults.add("cut_before", path="/batch")
        firm.clock.advance(24 * 3600)
        tonight = turn_now(firm.engine, "push")
        assert tonight is not None
        steps.run_turn(firm.engine, tonight)
        assert unsettled(firm), "the batch never arrived, which nobody knows yet"
        firm.clock.advance(LOOK_AGAIN_S + 1)
        turns, pushes = due(firm)
        assert ("push" in turns, pushes) == (False, 1)
        steps.run_push(firm.engine)
        assert unsettled(firm) == []
        assert due(firm)[1] == 0
        assert_each_once(firm)


def test_a_turn_that_died_with_its_process_is_due_again(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        night = turn_now(firm.engine, "push")
        assert night is not None
        with schedule.taken(firm.engine, night) as held:
            assert held is not None
            assert "push" not in due(firm)[0], "somebody is at it"
            assert steps.run_turn(firm.engine, night) is None
        assert "push" in due(firm)[0], "whoever had it is gone, and said nothing"
        assert owners.is_dead(held.turn.owner)


def test_a_turn_that_the_database_failed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> steps.Ended:
        raise StoreError("The database is away.")

    with small_firm(tmp_path, people=3, projects=2) as firm:
        night = turn_now(firm.engine, "push")
        assert night is not None
        with monkeypatch.context() as patch:
            patch.setitem(steps.STEPS, "push", fails)  # type: ignore[arg-type]
            ended = steps.run_turn(firm.engine, night)
        assert ended is not None
        assert "push" not in due(firm)[0]
        firm.clock.advance(steps.DATABASE_BACK_S)
        assert "push" in due(firm)[0]
        assert steps.run_turn(firm.engine, night) is not None
        assert "push" not in due(firm)[0]


def test_work_that_the_database_stopped_is_let_go_when_it_is_back(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        night = turn_now(firm.engine, "push")
        assert night is not None
        with suppress(StoreError), schedule.taken(firm.engine, night):
            raise StoreError("The database is away.")
        assert not seen_from_elsewhere(firm, night), "another process cannot know that it ended"
        let_go(firm.engine)
        assert seen_from_elsewhere(firm, night)
        assert owners.stopped() == frozenset()


def seen_from_elsewhere(firm: Firm, night: schedule.Due) -> bool:
    """Whether another process would take the turn."""
    with firm.engine.store.read() as tx:
        turn = schedules.get(tx, night.name, night.period)
    assert turn is not None
    return turn.is_free(firm.engine.now(), lambda owner: False)


def test_a_stint_ends_between_calls_and_the_turn_goes_on(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=3) as firm:
        ready_to_push(firm)
        night = turn_now(firm.engine, "push")
        assert night is not None
        asked = iter([False, False, False])
        ended = steps.run_turn(firm.engine, night, steps.Stint(enough=lambda: next(asked, True)))
        assert ended is not None
        assert ended.go_on_s == 0
        assert unsettled(firm)
        assert "push" in due(firm)[0]
        while "push" in due(firm)[0]:
            steps.run_turn(firm.engine, night)
        assert unsettled(firm) == []
        assert_each_once(firm)


def test_a_pullback_that_a_vendor_cut_short_goes_on_by_itself(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        firm.world.quickbooks.faults.add("error_before", status=503, path="/query", times=3)
        turn = turn_now(firm.engine, "pullback")
        assert turn is not None
        ended = steps.run_turn(firm.engine, turn)
        assert ended is not None
        assert "customers" in ended.text
        assert "pullback" not in due(firm)[0]
        firm.clock.advance(steps.PULL_AGAIN_S)
        assert "pullback" in due(firm)[0]
        ended = steps.run_turn(firm.engine, turn)
        assert ended is not None
        assert ended.outcome is steps.Outcome.DONE
        assert "pullback" not in due(firm)[0]


def test_a_pull_that_needs_a_person_waits_for_its_next_turn(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        firm.world.quickbooks.revoke_tokens()
        turn = turn_now(firm.engine, "pullback")
        assert turn is not None
        ended = steps.run_turn(firm.engine, turn)
        assert ended is not None
        assert "Sign in again" in ended.text
        firm.clock.advance(steps.PULL_AGAIN_S)
        assert "pullback" not in due(firm)[0]
