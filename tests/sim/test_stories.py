"""Single faults whose histories are worth telling by name."""

from __future__ import annotations

import pytest

from tests.sim.faults import Strike
from tests.sim.history import Script
from tests.sim.run import tell

BATCH = "quickbooks POST batch"
#: What goes wrong, by the name of its story; seeds are of firms that meet it.
STORIES: dict[str, tuple[int, tuple[Strike, ...], int]] = {
    "the ledger commits four minutes after everybody gave up": (4, (Strike(BATCH, "late"),), 2),
    "the answer to a batch is lost": (4, (Strike(BATCH, "answer lost"),), 2),
    "a worker is stopped before a batch leaves and wakes when another has looked": (
        4,
        (Strike(BATCH, "pause before"),),
        3,
    ),
    "a worker dies with the answer in its hand": (4, (Strike(BATCH, "crash after"),), 2),
    "a refresh takes long while others need the token": (
        4,
        (Strike("quickbooks token", "slow"),),
        3,
    ),
    "a page of deals does not come through": (
        4,
        tuple(
            Strike("salesforce query Opportunity by SystemModstamp", "503 before", nth)
            for nth in (1, 2, 3)
        ),
        2,
    ),
    "a page of time does not come through": (
        4,
        tuple(Strike("harvest GET time_entries", "cut before", nth) for nth in (1, 2, 3)),
        2,
    ),
    "the token is revoked": (4, (Strike("quickbooks token", "revoked"),), 2),
}


@pytest.mark.parametrize("story", STORIES)
def test_it_comes_to_the_same_end(story: str) -> None:
    seed, strikes, workers = STORIES[story]
    told = tell(Script(seed=seed, strikes=strikes, workers=workers))
    assert told.broken == [], "\n".join(told.story)
    assert {strike.kind for strike in strikes} <= {kind for _, kind in told.struck}
