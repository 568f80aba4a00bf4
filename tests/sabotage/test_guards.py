"""The list of guards follows the code: each stands where it says, exactly once."""

from __future__ import annotations

import pytest

from tests.sabotage.guards import GUARDS, Guard
from tests.sabotage.run import ROOT


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_where_it_is_looked_for(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text(encoding="utf-8").count(guard.guard) == 1
    assert guard.instead != guard.guard
    for test in guard.tests:
        path = test.partition("::")[0]
        assert path.startswith("-") or (ROOT / path).exists() or not path.startswith("tests/")


def test_there_are_enough_and_each_has_a_name() -> None:
    assert len(GUARDS) >= 20
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
