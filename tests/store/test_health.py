"""What a database says of itself, on both engines."""

from __future__ import annotations

import sqlalchemy as sa

from tieout.store import health, migrate


class Health:
    def found(self, store):
        with store.begin() as tx:
            return {one.name: one for one in health.settings(tx)}

    def test_the_tables_are_of_this_version(self, store):
        one = self.found(store)["migration"]
        assert (one.value, one.right) == (migrate.HEAD, True)
        with store.begin() as tx:
            tx.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
        one = self.found(store)["migration"]
        assert (one.value, one.right, one.wanted) == ("0002", False, migrate.HEAD)
        with store.begin() as tx:
            tx.execute(sa.text(f"UPDATE alembic_version SET version_num = '{migrate.HEAD}'"))


class TestSqlite(Health):
    engine = "sqlite"

    def test_settings_of_the_file(self, store):
        found = self.found(store)
        assert (found["journal_mode"].value, found["synchronous"].value) == ("WAL", "FULL")
        assert all(one.right for one in found.values())
        with store.read() as tx:
            (whole,) = health.whole(tx)
        assert (whole.value, whole.right) == ("ok", True)

    def test_another_journal_is_a_problem(self, store):
        with store.engine.connect() as sql:
            sql.exec_driver_sql("PRAGMA journal_mode = DELETE")
            names = dict(self.of_connection(store, sql))
        assert (names["journal_mode"].value, names["journal_mode"].right) == ("delete", False)

    def of_connection(self, store, sql):
        from tieout.store.core import Tx

        sql.exec_driver_sql("BEGIN")
        for one in health.settings(Tx(store, sql, writing=False)):
            yield one.name, one


class TestPostgres(Health):
    engine = "postgres"

    def test_a_server_that_could_lose_a_key_is_a_problem(self, store):
        found = self.found(store)
        assert (found["fsync"].value, found["fsync"].right) == ("off", False)  # these tests' own
        assert found["server_version"].right
        assert found["synchronous_commit"].right
        assert (found["TimeZone"].value, found["TimeZone"].right) == ("UTC", True)
        assert found["default_transaction_isolation"].right
        with store.begin() as tx:
            tx.execute(sa.text("SET LOCAL synchronous_commit = off"))
            now = {one.name: one for one in health.settings(tx)}["synchronous_commit"]
        assert (now.value, now.right, now.wanted) == ("off", False, "on")
