"""Firms with an address for their ledger's notifications."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from tests.scenarios.books import ready_to_push
from tests.scenarios.firm import START, Firm, hosts, opened, small_firm
from tests.web.office import Listening, listening
from tieout.clock import VirtualClock
from tieout.sandbox.firm_workspace import write_workspace
from tieout.sandbox.world import World
from tieout.sync.push import push


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Listening]:
    """A firm on its first day: nothing was sold yet, and its ledger is empty."""
    clock = VirtualClock(START)
    world = World(clock, preset="empty")
    days = date(2026, 1, 31), date(2026, 2, 28)
    write_workspace(tmp_path, hosts(world), {"partner": "300.00"}, days)
    with opened(tmp_path, world) as engine:
        yield listening(Firm(engine, world, cast("Any", None), clock, tmp_path))


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[Listening]:
    """A firm whose January is in its ledger, unpaid."""
    with small_firm(tmp_path, people=3, projects=2) as firm:
        ready_to_push(firm)
        assert push(firm.engine).held == []
        firm.look_at_the_ledger()
        yield listening(firm)
