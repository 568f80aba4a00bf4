"""What time it is: the server's, for all machines that share one; a file has one machine."""

from __future__ import annotations

from datetime import timedelta

from tieout.clock import AgreedClock, SystemClock
from tieout.store import Store, locks


class LateClock(SystemClock):
    """The clock of a machine that is ninety seconds behind."""

    def now(self):
        return super().now() - timedelta(seconds=90)


def opened(databases, clock):
    return Store.open(databases.filled(), clock, busy_s=5)


class TestSqlite:
    engine = "sqlite"

    def test_a_file_is_of_this_machine_and_keeps_its_time(self, databases):
        store = opened(databases, AgreedClock(LateClock()))
        with store.begin() as tx:
            behind = SystemClock().now() - tx.now()
        assert timedelta(seconds=80) < behind < timedelta(seconds=100)
        store.close()


class TestPostgres:
    engine = "postgres"

    def test_a_late_machine_goes_by_the_servers_time(self, databases):
        store = opened(databases, AgreedClock(LateClock()))
        with store.read() as tx:
            off = abs(SystemClock().now() - tx.now())
        assert off < timedelta(seconds=10)
        store.close()

    def test_a_lease_that_a_late_machine_took_holds_against_the_others(self, databases):
        # By its own clock it would have run out for the others thirty seconds after.
        late = opened(databases, AgreedClock(LateClock()))
        with late.begin() as tx:
            assert locks.acquire(tx, "refresh:ledger", "late", 60) == 1
        on_time = Store.open(late.engine.url.render_as_string(hide_password=False), SystemClock())
        with on_time.begin() as tx:
            assert locks.acquire(tx, "refresh:ledger", "on time", 60) is None
        late.close()
        on_time.close()
