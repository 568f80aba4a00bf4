"""What the page about servers says: its files are well formed, its commands start workers."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery.bin.celery import celery as celery_program
from ruamel.yaml import YAML
from typer.main import get_command

from tests.processes.office import Office, until
from tieout.cli import app
from tieout.config import settings_from

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/deploy.md").read_text("utf-8")
COMPOSE = YAML(typ="safe").load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TYPED = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
pytestmark = pytest.mark.timeout(120)


def file(name: str) -> str:
    """A file that the page writes out."""
    found = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"the page does not write {name}"
    return found[1]


def understood(words: list[str]) -> None:
    """A command line that Tieout or Celery takes apart without a complaint."""
    program, rest = Path(words[0]).name, words[1:]
    if program == "celery":
        assert rest[0] == "-A"
        assert importlib.import_module(rest[1]).app, "the module has an app"
        name, *options = rest[2:]
        celery_program.commands[name].make_context(name, options, resilient_parsing=True)
        return
    assert program == "tieout"
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, rest).close()


@pytest.mark.parametrize("line", [line for line in TYPED if line.startswith("celery")])
def test_a_documented_worker_starts_and_stops(
    open_office: Callable[..., Office], line: str
) -> None:
    """As it is typed, beside real servers: it is ready, pushes what is due, and ends well."""
    office = open_office()
    worker = office.started(shlex.split(line))
    until(lambda: b" ready" in worker.log.read_bytes(), "it does not start", office.logs)
    office.settled(line)
    worker.send(signal.SIGTERM)
    assert worker.ended(30) == 0


def test_the_page_types_only_what_it_can() -> None:
    assert len(TYPED) >= 4
    for line in TYPED:
        understood(shlex.split(line))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_of_the_compose_file_holds(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert ("image" in service) != ("build" in service)
    if "build" in service:
        assert (ROOT / service["build"] / "Dockerfile").exists()
        understood([str(word) for word in service["command"]])


def test_the_compose_file_tells_its_workers_all_they_need() -> None:
    for name in ("worker", "ledger"):
        told = SERVICES[name]["environment"]
        settings = settings_from({**told, "TIEOUT_WORKSPACE": "/workspace"})
        assert "@postgres/" in settings.database
        assert settings.broker.startswith("redis://redis:")
        assert SERVICES[name]["env_file"] == "tieout.env"
        assert SERVICES[name]["stop_grace_period"] == "60s"


def test_the_files_of_the_page_are_read() -> None:
    told = dict(line.split("=", 1) for line in file("tieout.env").splitlines())
    settings = settings_from(told)
    assert settings.database.startswith("postgresql://")
    assert settings.broker == told["TIEOUT_BROKER"]
    unit = configparser.ConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(file("tieout-worker.service"))
    understood(shlex.split(unit["Service"]["ExecStart"]))
    assert unit["Service"]["KillMode"] == "mixed"
