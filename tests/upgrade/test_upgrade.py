"""A firm that installs a newer Tieout keeps its books: every kept release is opened again."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests.scenarios.firm import START, Firm, opened
from tests.upgrade.make import CREDENTIAL, KEY, said
from tieout.clock import VirtualClock
from tieout.reconcile.run import reconcile
from tieout.sandbox.world import World
from tieout.store import audit, migrate, secrets
from tieout.sync.plan import plan
from tieout.sync.push import push

RELEASES = sorted(path for path in (Path(__file__).parent / "releases").iterdir() if path.is_dir())


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def folder(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace as that release left it."""
    monkeypatch.setenv("TIEOUT_KEY", KEY)
    shutil.copytree(release / "mappings", tmp_path / "mappings")
    shutil.copy(release / "tieout.yaml", tmp_path)
    (tmp_path / ".tieout").mkdir()
    database = sqlite3.connect(tmp_path / ".tieout" / "tieout.db")
    database.executescript(gzip.decompress((release / "database.sql.gz").read_bytes()).decode())
    found = database.execute("SELECT version_num FROM alembic_version").fetchone()
    database.close()
    assert found == (release.name,)
    return tmp_path


@pytest.fixture
def firm(folder: Path) -> Iterator[Firm]:
    """The workspace opened by the Tieout of today; the vendors' books are empty."""
    world = World(VirtualClock(START + timedelta(minutes=10)), preset="empty")
    with opened(folder, world) as engine:
        # What the firm's people did is in the database; nobody asks for the plan of it.
        yield Firm(engine, world, cast("Any", None), cast("VirtualClock", world.clock), folder)


def test_the_first_release_is_among_those_that_are_kept() -> None:
    assert "0003" in {path.name for path in RELEASES}


def test_nothing_is_lost_and_nothing_changes(firm: Firm, release: Path) -> None:
    with firm.engine.store.read() as tx:
        assert migrate.version(tx.sql) == migrate.HEAD
    expected = json.loads((release / "expected.json").read_text("utf-8"))
    assert expected["documents"]
    assert said(firm) == expected


def test_the_log_of_who_did_what_still_verifies_and_goes_on(firm: Firm) -> None:
    with firm.engine.store.begin() as tx:
        assert audit.verify(tx) is None
        audit.record(tx, "nora", "release.installed", "tieout")
        assert audit.verify(tx) is None


def test_a_stored_credential_can_still_be_read(firm: Firm) -> None:
    with firm.engine.store.read() as tx:
        assert secrets.get(tx, "ledger", "kept") == CREDENTIAL


def test_a_push_writes_nothing(firm: Firm) -> None:
    with firm.engine.store.read() as tx:
        assert plan(firm.engine, tx).writes == ()
    pushed = push(firm.engine)
    assert (pushed.calls, pushed.confirmed, pushed.held, pushed.stopped) == (0, [], [], "")
    assert firm.world.quickbooks.write_calls == []


def test_reconciliation_is_quiet_but_for_what_was_never_read(firm: Firm, tmp_path: Path) -> None:
    engine = firm.engine
    done = reconcile(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        tmp_path / "reports",
    )
    # What that release did not read yet is named until the next pullback has read it.
    found = {one.subject for one in done.comparison.discrepancies}
    assert found <= {"stream:ledger/credit_memos"}
