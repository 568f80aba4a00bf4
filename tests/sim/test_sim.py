"""Two hundred histories keep every promise, and together meet every single fault.

More of them: `make sim SEEDS=20000`. One of them, told: `make sim SEED=123`.
"""

from __future__ import annotations

import os

import pytest

from tests.sim.faults import every_fault
from tests.sim.run import EACH, Sum, kept, points, run_one, script, tell

SEEDS = int(os.environ.get("TIEOUT_SIM_SEEDS", "200"))
#: Seeds of one test, so that two processes can share them.
CHUNK = 20


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_histories_keep_every_promise(first: int) -> None:
    seeds = list(range(first, min(first + CHUNK, SEEDS + 1)))
    total = Sum()
    for seed in seeds:
        total.add(run_one(seed))
    assert [(one.seed, one.broken) for one in total.failures] == []
    assert [str(strike) for strike in total.not_struck(seeds)] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", kept())
def test_a_history_that_once_broke_a_promise_keeps_it_now(seed: int) -> None:
    assert [one.broken for one in run_one(seed) if one.broken] == []


def test_the_seeds_share_out_every_single_fault() -> None:
    faults = every_fault(points())
    assert len(faults) <= SEEDS * EACH, f"{len(faults)} single faults need more seeds"
    owed = {strike for seed in range(1, SEEDS + 1) for strike in script(seed, faults).strikes}
    assert set(faults) <= owed


def test_a_seed_tells_the_same_history_again() -> None:
    one = script(7, every_fault(points()))
    assert tell(one).story == tell(one).story
