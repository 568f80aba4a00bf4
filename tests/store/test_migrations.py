"""Tables: made from nothing, equal to what the code believes, exact about money."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tieout.clock import VirtualClock
from tieout.errors import Misconfigured, StoreError
from tieout.store import Store, cursors, migrate
from tieout.store.tables import audit_head, discrepancies, metadata


class Migrations:
    def test_from_nothing_to_exactly_the_tables_of_this_version(self, databases, clock):
        store = Store.open(databases.empty(), clock)
        store.migrate()
        store.migrate()
        store.check_version()
        with store.read() as tx:
            context = MigrationContext.configure(tx.sql, opts={"compare_type": True})
            differences = compare_metadata(context, metadata)
        store.close()
        assert differences == []

    def test_a_database_without_tables_says_what_to_do(self, databases, clock):
        store = Store.open(databases.empty(), clock)
        with pytest.raises(StoreError, match="has no tables yet"):
            store.check_version()
        with (
            pytest.raises(StoreError, match=r"lacks tables .* Run `tieout status`"),
            store.read() as tx,
        ):
            cursors.every(tx)
        store.close()

    def test_a_database_of_another_version_says_what_to_do(self, databases, clock):
        store = Store.open(databases.empty(), clock)
        store.migrate()
        with store.begin() as tx:
            tx.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(
            StoreError, match=f"is at version 0001, this Tieout needs {migrate.HEAD}"
        ):
            store.check_version()
        with store.begin() as tx:
            tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="newer than this Tieout"):
            store.check_version()
        with pytest.raises(StoreError, match="newer than this Tieout"):
            store.migrate()
        store.close()

    @pytest.mark.parametrize(
        "digits",
        ["0.4525", "12.50", "1.005", "0", "-3.10", "1234567890123456789012345.678", "1E+3"],
    )
    def test_amounts_keep_every_digit(self, store, digits):
        amount = Decimal(digits)
        with store.begin() as tx:
            tx.execute(discrepancies.insert().values(_discrepancy(tx.now(), amount)))
        with store.read() as tx:
            back = tx.execute(sa.select(discrepancies.c.amount)).scalar_one()
        assert back == amount
        assert f"{back:f}" == f"{amount:f}"

    def test_a_float_is_not_an_amount(self, store):
        with (
            pytest.raises(Exception, match="exact amount is a finite Decimal"),
            store.begin() as tx,
        ):
            tx.execute(discrepancies.insert().values(_discrepancy(tx.now(), 0.1)))

    def test_instants_come_back_in_utc(self, store):
        new_york = datetime(2026, 3, 8, 1, 30, 0, 123456, timezone(timedelta(hours=-5)))
        with store.begin() as tx:
            tx.execute(discrepancies.insert().values(_discrepancy(new_york, None)))
        with store.read() as tx:
            back = tx.execute(sa.select(discrepancies.c.first_seen)).scalar_one()
        assert back.isoformat() == "2026-03-08T06:30:00.123456+00:00"

    def test_what_fails_leaves_nothing(self, store):
        def breaks() -> None:
            with store.begin() as tx:
                cursors.put(tx, "harvest", "time_entries", "2026-01-31")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            breaks()
        with store.read() as tx:
            assert cursors.get(tx, "harvest", "time_entries").watermark == ""

    def test_a_view_cannot_write(self, store):
        with pytest.raises(StoreError, match="can only be read"), store.read() as tx:
            cursors.put(tx, "harvest", "time_entries", "2026-01-31")
        with store.begin() as tx:
            cursors.put(tx, "harvest", "time_entries", "2026-01-31")

    def test_a_contradiction_is_one_error_with_a_text(self, store):
        row = {"one": 1, "seq": 1, "hash": "x"}
        with pytest.raises(StoreError, match="record that contradicts"), store.begin() as tx:
            tx.execute(audit_head.insert(), [row, row])


class TestSqlite(Migrations):
    engine = "sqlite"

    def test_every_table_is_strict(self, store):
        with store.read() as tx:
            tables = tx.execute(sa.text("PRAGMA table_list")).all()
        loose = {
            row.name for row in tables if not row.strict and not row.name.startswith("sqlite_")
        }
        assert loose == {"alembic_version"}

    def test_settings_of_the_file(self, store):
        with store.begin() as tx:
            found = {
                name: tx.sql.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 5000,
        }

    def test_a_full_disk_stops_the_step_whole(self, store):
        with store.begin() as tx:
            cursors.put(tx, "harvest", "time_entries", "2026-01-30")

        def pull() -> None:
            with store.begin() as tx:
                pages = tx.sql.exec_driver_sql("PRAGMA page_count").scalar()
                tx.sql.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
                cursors.put(tx, "harvest", "time_entries", "2026-01-31")
                cursors.put(tx, "harvest", "clients", "x" * 100_000)

        with pytest.raises(StoreError) as caught:
            pull()
        assert str(caught.value) == (
            f"The disk that holds the database {store.where} is full. Nothing of this step was "
            "saved. Free some space, then do the same again."
        )
        with store.read() as tx:
            assert cursors.get(tx, "harvest", "time_entries").watermark == "2026-01-30"

    def test_another_writer_is_told_about(self, store):
        second = Store.open(f"sqlite:///{store.where}", store.clock, busy_s=0.05)
        with store.begin():
            with pytest.raises(StoreError, match="is busy with another"), second.begin():
                pass
            with second.read() as tx:
                assert cursors.every(tx) == []
        second.close()

    def test_a_file_that_is_no_database(self, tmp_path, clock):
        (tmp_path / "notes.db").write_text("not a database, only some notes " * 50)
        store = Store.open(f"sqlite:///{tmp_path}/notes.db", clock)
        with pytest.raises(StoreError, match="is damaged or is not a Tieout database"):
            store.check_version()
        store.close()

    def test_a_folder_that_does_not_exist(self, tmp_path, clock):
        store = Store.open(f"sqlite:///{tmp_path}/nowhere/tieout.db", clock)
        with pytest.raises(StoreError, match="cannot be opened"):
            store.migrate()
        store.close()


class TestPostgres(Migrations):
    engine = "postgres"

    def test_a_server_that_does_not_answer(self, tmp_path, clock):
        store = Store.open(f"postgresql://me:geheim@/tieout?host={tmp_path}", clock)
        with pytest.raises(StoreError, match="cannot be opened") as caught:
            store.check_version()
        assert "geheim" not in str(caught.value)
        store.close()


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://", "sqlite:///:memory:", "tieout.db"])
def test_addresses_that_cannot_be_used(url):
    with pytest.raises(Misconfigured):
        Store.open(url, VirtualClock(datetime(2026, 1, 1).astimezone()))


def test_the_newest_migration_is_the_one_the_code_names():
    folder = Path(migrate.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [migrate.HEAD]


def _discrepancy(seen: datetime, amount: object) -> dict[str, object]:
    texts = ("cls", "subject", "currency", "body", "state", "owner", "first_run", "last_run")
    return {
        **dict.fromkeys(texts, ""),
        "id": f"r04_{date(2026, 1, 1)}",
        "amount": amount,
        "first_seen": seen,
        "last_seen": seen,
        "closed_at": None,
    }
