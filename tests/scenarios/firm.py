"""A services firm against the vendors' stand-ins, in process, on a virtual clock."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tieout.billing.inputs import Period
from tieout.bootstrap import open_engine
from tieout.clock import VirtualClock
from tieout.config import settings_from
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.firm import FirmFacts, demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.world import World
from tieout.sync.engine import Engine
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.translate import translate

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
FEBRUARY = Period(date(2026, 2, 1), date(2026, 2, 28))


@dataclass
class Firm:
    """The firm's engine, and the world behind it."""

    engine: Engine
    world: World
    facts: FirmFacts
    clock: VirtualClock
    folder: Path

    def pull(self) -> None:
        """Pull everything and make the projects; nothing may fail."""
        pulled = pull(self.engine)
        assert [one for one in pulled if one.error] == []
        translate(self.engine)
        project(self.engine)

    def look_at_the_ledger(self) -> None:
        """Pull the ledger's side; nothing may fail."""
        assert [one for one in pullback(self.engine).pulled if one.error] == []


def hosts(world: World) -> dict[str, dict[str, Any]]:
    """What the stand-ins say of themselves, at names instead of ports."""
    return {
        vendor.slug: {"base_url": f"http://{vendor.slug}.local", "credentials": vendor.credentials}
        for vendor in world.vendors.values()
    }


@contextmanager
def opened(folder: Path, world: World, **details: Any) -> Iterator[Engine]:
    """The engine of a workspace in a folder, with the world's stand-ins in process."""
    described = hosts(world)
    mounts = {
        described[vendor.slug]["base_url"]: WsgiAdapter(vendor) for vendor in world.vendors.values()
    }
    with open_engine(
        settings_from({"TIEOUT_WORKSPACE": str(folder)}),
        clock=world.clock,
        mounts=mounts,
        environment=secrets_for(described),
        actor="nora",
        **details,
    ) as engine:
        yield engine


@contextmanager
def small_firm(
    folder: Path,
    *,
    people: int = 6,
    projects: int = 8,
    sub_customers: bool = False,
    ledger: str = "quickbooks",
    rules: str = "",
) -> Iterator[Firm]:
    """A firm of some people and projects with two months of approved time.

    With `sub_customers` each project is a sub-customer in the ledger, under its client; `rules`
    stand in `mappings/ledger.yaml` besides.
    """
    clock = VirtualClock(START)
    world = World(clock, preset="empty", vendors=("salesforce", "harvest", ledger))
    facts = demo_firm(world, people=people, projects=projects)
    write_workspace(folder, hosts(world), facts.rates, facts.instalment_days)
    with (folder / "mappings" / "ledger.yaml").open("a", encoding="utf-8") as written:
        written.write("\ncustomers:\n  sub_customers: true\n" if sub_customers else "\n")
        written.write(rules)
    with opened(folder, world) as engine:
        yield Firm(engine=engine, world=world, facts=facts, clock=clock, folder=folder)


@contextmanager
def prepared_firm(
    folder: Path,
    then: Callable[[Firm], object],
    *,
    people: int = 6,
    projects: int = 8,
    ledger: str = "quickbooks",
) -> Iterator[Firm]:
    """A `small_firm` to which this has happened: once, and the firm is copied for each test."""
    kept = _prepared(then, people, projects, ledger)
    shutil.copytree(kept.folder, folder, dirs_exist_ok=True)
    clock = VirtualClock(kept.clock.now())
    world = kept.world.copy(clock)
    with opened(folder, world) as engine:
        yield Firm(engine=engine, world=world, facts=kept.facts, clock=clock, folder=folder)


@cache
def _prepared(then: Callable[[Firm], object], people: int, projects: int, ledger: str) -> Firm:
    folder = Path(tempfile.mkdtemp(prefix="firm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with small_firm(folder, people=people, projects=projects, ledger=ledger) as firm:
        then(firm)
        return firm
