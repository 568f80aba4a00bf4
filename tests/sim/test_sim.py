"""Histories keep every promise, and two hundred of them are owed every single fault.

`make test` runs the two hundred after these tests, with `python -m tests.sim.run`, which
fails when one is broken or a fault was never met. More of them: `make sim SEEDS=20000`.
One of them, told: `make sim SEED=123`.
"""

from __future__ import annotations

import pytest

from tests.sim.faults import every_fault
from tests.sim.run import EACH, kept, points, run_all, run_one, script, tell

#: How many `make test` runs.
SEEDS = 200
#: A few that are never among those: so a plain `pytest` tries some too.
A_FEW = range(900_001, 900_006)


def test_histories_keep_every_promise_and_meet_their_faults() -> None:
    total = run_all([*A_FEW], processes=2)
    assert total.failures == []
    assert [str(strike) for strike in total.not_struck(A_FEW)] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", kept())
def test_a_history_that_once_broke_a_promise_keeps_it_now(seed: int) -> None:
    assert run_one(seed).broken == []


def test_the_seeds_share_out_every_single_fault() -> None:
    faults = every_fault(points())
    assert len(faults) <= SEEDS * EACH, f"{len(faults)} single faults need more seeds"
    owed = {strike for seed in range(1, SEEDS + 1) for strike in script(seed, faults).strikes}
    assert set(faults) <= owed


def test_a_seed_tells_the_same_history_again() -> None:
    one = script(7, every_fault(points()))
    assert tell(one).story == tell(one).story
