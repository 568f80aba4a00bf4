"""Histories keep every promise, and two hundred of them are owed every single fault.

`make test` runs the two hundred after these tests, with `python -m tests.sim.run`, which
fails when one is broken or a fault was never met. More of them: `make sim SEEDS=20000`.
One of them, told: `make sim SEED=123`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sim import run
from tests.sim.faults import every_fault
from tests.sim.run import LEDGERS, faults_of, kept, owed_by, points, run_all, run_one, script, tell

#: How many `make test` runs.
SEEDS = 200
#: A few that are never among those: so a plain `pytest` tries some too.
A_FEW = range(900_001, 900_006)


def test_histories_keep_every_promise_and_meet_their_faults() -> None:
    total = run_all([*A_FEW], processes=2)
    assert total.failures == []
    assert [str(strike) for strike in total.not_struck(A_FEW)] == []


def test_a_long_run_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BLOCK", 1)
    kept_at = tmp_path / "so far.json"
    first = run_all([1, 2], processes=1, kept_at=kept_at)
    monkeypatch.setattr(run, "run_one", None)  # nothing of it is run again
    assert run_all([1, 2], processes=1, kept_at=kept_at).struck == first.struck
    so_far = json.loads(kept_at.read_text())
    assert (so_far["histories"], so_far["failures"]) == (2, [])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", kept())
def test_a_history_that_once_broke_a_promise_keeps_it_now(seed: int) -> None:
    assert run_one(seed).broken == []


def test_the_seeds_share_out_every_single_fault() -> None:
    faults = set(every_fault(points()))
    assert sum(len(faults_of(ledger)) for ledger in LEDGERS) == len(faults)
    owed = {strike for seed in range(1, SEEDS + 1) for strike in owed_by(seed)}
    assert faults <= owed, f"{len(faults)} single faults need more seeds, or more for each"


def test_a_seed_tells_the_same_history_again() -> None:
    assert tell(script(7)).story == tell(script(7)).story
