"""Somebody who follows a page at a terminal, with stand-ins for the vendors."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from tests.docs.pages import ROOT, Step, words
from tieout.cli import app
from tieout.cli.session import Session
from tieout.clock import VirtualClock
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.world import World

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
#: Seconds between two commands: the stand-ins count calls, as the vendors do.
A_PERSON_TYPES_S = 60
#: Sleeps after which a command that works until it is stopped is sent the signal.
SLEEPS = 2

#: Commands that a test must not run, and who does.
NOT_RUN = {
    "make test": "it is the run of these tests; .ci/run makes it",
    "make check": "it looks at the style of the whole repository; .ci/run makes it",
    "make lock": "it asks a package index, which a test must not",
    "make sim SEEDS=200": "these histories are tests themselves: tests/sim/test_sim.py",
    "make sabotage": "it runs these tests, once for each guard: tests/sabotage/test_guards.py",
    "tieout serve": "it listens until it is stopped: tests/web/test_serve.py",
    "tieout serve --url https://hooks.northwind.example": "tests/web/test_serve.py, likewise",
    **dict.fromkeys(
        (
            "celery -A tieout.worker worker --loglevel INFO --concurrency 4",
            "celery -A tieout.worker worker --loglevel INFO --concurrency 4 -Q ledger",
            "celery -A tieout.worker worker --loglevel INFO --pool threads --concurrency 8",
        ),
        "it needs servers: tests/processes/test_deploy.py starts it beside real ones",
    ),
}
#: Targets that take half a minute: the recipe that make tells is run with this beside it.
SHORTER = {
    "demo": ["--people", "3", "--projects", "3"],
    "bench": ["--quick"],
    # All ledgers: tests/benches/test_bench.py.
    "bench-push": ["--invoices", "60", "--ledger", "xero"],
    "bench-workers": ["--quick"],
}
#: Commands that work until they are stopped.
UNTIL_STOPPED = (["run"], ["sandbox", "serve"], ["metrics", "--serve"])
#: What is copied for `make`, so that it writes beside the repository and not into it.
MAKES = (
    "Makefile", "README.md", "pyproject.toml", "benches", "cassettes", "config", "docs", "tests",
    "tieout", "tools",
)  # fmt: skip


class Stopped:
    """A clock on which the process is asked to end while it sleeps."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock, self._sleeps = clock, 0

    def now(self) -> datetime:
        return self._clock.now()

    def today(self, time_zone: str) -> date:
        return self._clock.today(time_zone)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._sleeps += 1
        if self._sleeps == SLEEPS:
            os.kill(os.getpid(), signal.SIGTERM)
        self._clock.sleep(seconds)


class Reader:
    """Types what pages say, in a folder of its own, and remembers what was answered."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, workshop: Workshop) -> None:
        self.clock = VirtualClock(START)
        self.said: dict[str, str] = {}
        self.example_account = False  # True when ids on the page are examples, not the stand-ins'
        self.workshop, self.closes = workshop, ExitStack()
        self._patch = patch
        self._world: World | None = None
        patch.chdir(folder)
        patch.delenv("TIEOUT_WORKSPACE", raising=False)

    # -- the world --------------------------------------------------------------------------
    def meets(self, preset: Literal["sample", "empty"], **details: Any) -> World:
        """Set the vendors up."""
        self._world = World(self.clock, preset=preset, **details)
        return self._world

    @property
    def world(self) -> World:
        assert self._world is not None, "the page's story has no vendors"
        return self._world

    def described(self) -> dict[str, Any]:
        """What the stand-ins say of themselves, at names instead of ports."""
        return {
            slug: {"base_url": f"http://{slug}.local", "credentials": vendor.credentials}  # type: ignore[attr-defined]
            for slug, vendor in self.world.vendors.items()
        }

    def exports(self, variables: Mapping[str, str]) -> None:
        """Put secrets into the environment."""
        for name, value in variables.items():
            self._patch.setenv(name, value)

    # -- what a page asks for ---------------------------------------------------------------
    def follows(self, step: Step, ends: int = 0) -> None:
        """Do one step; a command must end with this code."""
        if step.kind == "write":
            Path(step.title).write_text(step.text, encoding="utf-8")
        elif step.kind == "edit":
            self.edits(step.title, step.text)
        else:
            self.types(step.text, ends)

    def types(self, line: str, ends: int = 0) -> str:
        """Run a command line; its output."""
        assert line not in NOT_RUN, f"{line} is not for a test"
        program, *rest = words(line)
        if program == "cd":
            self._patch.chdir(rest[0])
            return ""
        if program == "make":
            code, output = self.workshop.makes(rest)
        elif program == "cp":
            code, output = run([program, *rest], Path())
        else:
            assert program == "tieout", f"no test can run {line!r}"
            code, output = self._runs(rest)
        assert code == ends, f"{line}\n{output}"
        self.said[line] = output
        return output

    def _runs(self, rest: list[str]) -> tuple[int, str]:
        lasts = any(rest[: len(one)] == one for one in UNTIL_STOPPED) and "--once" not in rest
        self.clock.advance(A_PERSON_TYPES_S)
        mounts = {
            f"http://{slug}.local": WsgiAdapter(vendor)
            for slug, vendor in (self._world.vendors if self._world else {}).items()
        }
        clock = Stopped(self.clock) if lasts else self.clock
        result = CliRunner().invoke(app, rest, obj=Session(clock=clock, mounts=mounts))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if lasts:
            assert result.stderr.endswith("Stopped.\n"), result.output
        return result.exit_code, result.output

    def edits(self, file: str, text: str) -> None:
        """Put settings into a file of the workspace.

        The addresses of connections are those of the stand-ins; so are the accounts, when the
        page shows an example. A connection takes the place of another to the same system.
        """
        yaml = YAML()
        wanted = yaml.load(text)
        there = yaml.load(Path(file).read_text("utf-8"))
        described = self.described()
        connections = dict(there.get("connections") or {})
        for name, said in (wanted.pop("connections", None) or {}).items():
            slug = said["connector"]
            if slug in described:
                said["base_url"] = described[slug]["base_url"]
                if self.example_account:
                    self._has_an_account(said, described[slug]["credentials"])
            others = [n for n, one in connections.items() if one["connector"] == slug]
            connections = {n: one for n, one in connections.items() if n not in others}
            connections[name] = said
        there.update(wanted)
        if connections:
            there["connections"] = connections
        with Path(file).open("w", encoding="utf-8") as out:
            yaml.dump(there, out)

    def _has_an_account(self, said: dict[str, Any], credentials: Mapping[str, str]) -> None:
        """Put the stand-in's ids in the place of a page's examples, and set its secrets."""
        for setting in said["settings"]:
            known = credentials.get({"consumer_key": "client_id"}.get(setting, setting))
            if known is not None:
                said["settings"][setting] = known
        for secret, variable in said["secrets"].items():
            self._patch.setenv(variable, credentials[secret])


class Workshop:
    """A copy of the repository, where targets of the Makefile are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def makes(self, rest: list[str]) -> tuple[int, str]:
        """Run make, with the programs of this test run; its exit code and output."""
        if not (self.folder / "Makefile").exists():
            self._copy()
        # The mark that .venv is ready counts as old, so that nothing is installed.
        make = ["make", "-o", ".venv/.ready", f"BIN={Path(sys.executable).parent}"]
        target = rest[0] if rest else ""
        if target not in SHORTER:
            return run([*make, *rest], self.folder)
        recipe = run([*make, "--dry-run", *rest], self.folder)[1]
        ended = 0, ""
        for line in recipe.splitlines():
            ended = run([*shlex.split(line), *SHORTER[target]], self.folder)
            if ended[0]:
                break
        return ended

    def _copy(self) -> None:
        without = shutil.ignore_patterns("__pycache__", ".*")
        for name in MAKES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=without)
            else:
                shutil.copy(source, self.folder / name)


def run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a program; its exit code and output. A `make` around this run is not its business."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
