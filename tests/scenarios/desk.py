"""Somebody at a terminal of a firm whose vendors are in process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from requests.adapters import BaseAdapter
from typer.testing import CliRunner, Result

from tests.scenarios import firm as firms
from tieout.cli import app
from tieout.cli.session import Session
from tieout.clock import VirtualClock
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.world import World


@dataclass
class Desk:
    """Types commands; between two of them passes the time that a person needs."""

    folder: Path
    world: World
    clock: VirtualClock
    env: dict[str, str] = field(default_factory=dict)  # besides the vendors' credentials
    mounts: dict[str, BaseAdapter] = field(default_factory=dict)  # instead of, or besides, theirs

    def __call__(self, command: str) -> Result:
        self.clock.advance(120)  # a person types slower than the vendors' limits
        session = Session(
            workspace=self.folder, actor="nora", clock=self.clock, mounts=self.adapters()
        )
        return CliRunner().invoke(app, command.split(), obj=session, env=self.environment())

    def adapters(self) -> Mapping[str, BaseAdapter]:
        hosts = firms.hosts(self.world)
        vendors = {
            hosts[vendor.slug]["base_url"]: WsgiAdapter(vendor)
            for vendor in self.world.vendors.values()
        }
        return vendors | self.mounts

    def environment(self) -> dict[str, str]:
        return dict(secrets_for(firms.hosts(self.world))) | self.env

    def json(self, command: str, code: int = 0) -> Any:
        result = self(f"{command} --json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def all_of(self, *commands: str) -> None:
        """Commands that must end with 0."""
        for command in commands:
            result = self(command)
            assert result.exit_code == 0, f"{command}: {result.output}"


def new_desk(folder: Path, *, people: int = 3, projects: int = 3) -> Desk:
    """A firm with two months of approved time and an empty database."""
    clock = VirtualClock(firms.START)
    world = World(clock, preset="empty")
    facts = demo_firm(world, people=people, projects=projects)
    write_workspace(folder, firms.hosts(world), facts.rates, facts.instalment_days)
    return Desk(folder, world, clock)


def with_january_pushed(desk: Desk) -> Desk:
    """Every system connected, January billed and in the ledger."""
    desk.all_of("connect crm", "connect time", "connect ledger", "pull", "pullback")
    assert desk("bill --month 2026-01").exit_code in (0, 4)
    desk.all_of("approve --all", "push", "pullback")
    return desk
