"""Two engines, the same promises: every suite runs on a SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.servers import postgres
from tieout.clock import VirtualClock
from tieout.store import Store
from tieout.store.tables import metadata

#: A Monday morning.
START = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


class Databases:
    """Hands out databases: without tables, or with empty ones."""

    def __init__(self, empty: Callable[[], str], filled: Callable[[], str]) -> None:
        self.empty = empty
        self.filled = filled


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    folder, numbers = tmp_path_factory.mktemp("sqlite"), count(1)
    template = folder / "template.db"
    _migrate(f"sqlite:///{template}")

    def path() -> Path:
        place = folder / str(next(numbers))
        place.mkdir()
        return place / "tieout.db"

    def filled() -> str:
        return f"sqlite:///{shutil.copy(template, path())}"

    return Databases(lambda: f"sqlite:///{path()}", filled)


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Databases]:
    with postgres() as server, psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        numbers = count(1)

        def make() -> str:
            name = f"tieout_{next(numbers)}"
            admin.execute(f"CREATE DATABASE {name}")
            return server.url(name).replace("postgresql://", "postgresql+psycopg://")

        # What a crash of the test server would lose does not matter.
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
        url = make()
        _migrate(url)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as cleaner:

            def filled() -> str:
                tables = ", ".join(metadata.tables)
                cleaner.execute(f"TRUNCATE {tables} RESTART IDENTITY")
                return url

            yield Databases(make, filled)


def _migrate(url: str) -> None:
    store = Store.open(url, VirtualClock(START))
    store.migrate()
    store.close()


@contextmanager
def _opened(url: str, clock: VirtualClock) -> Iterator[Store]:
    store = Store.open(url, clock, busy_s=5)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def databases(request: pytest.FixtureRequest) -> Databases:
    """Of the engine that the suite's class names."""
    found: Databases = request.getfixturevalue(f"{request.cls.engine}_databases")
    return found


@pytest.fixture
def store(databases: Databases, clock: VirtualClock) -> Iterator[Store]:
    with _opened(databases.filled(), clock) as opened:
        yield opened
