"""The servers and the firm that all scenarios copy, started once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import psycopg
import pytest

from tests.processes.office import Office, Template, make_template, opened
from tests.servers import Postgres, Redis, postgres, redis


@pytest.fixture(scope="package")
def database_server() -> Iterator[Postgres]:
    with postgres() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
            # The machine does not crash, only the server: nothing needs to reach the disk.
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="package")
def broker() -> Iterator[Redis]:
    with redis() as server:
        yield server


@pytest.fixture(scope="package")
def templates(
    tmp_path_factory: pytest.TempPathFactory, database_server: Postgres
) -> Callable[[str], Template]:
    """The template of a ledger, made when it is first asked for."""

    @cache
    def template(ledger: str) -> Template:
        folder = tmp_path_factory.mktemp(ledger) / "firm"
        return make_template(folder, database_server, ledger, people=6, projects=62)

    return template


@pytest.fixture
def open_office(
    templates: Callable[[str], Template],
    tmp_path: Path,
    database_server: Postgres,
    broker: Redis,
) -> Iterator[Callable[..., Office]]:
    """Opens the scenario's office; `service_s` is the time its ledger takes for a call."""
    with ExitStack() as stack:

        def open_(ledger: str = "quickbooks", **details: float) -> Office:
            return stack.enter_context(
                opened(templates(ledger), tmp_path, database_server, broker, **details)
            )

        yield open_
