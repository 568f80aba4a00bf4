"""One count for all processes: pace and batch sizes on both engines."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise

from tieout.connectors.base import Limit
from tieout.connectors.pace import Ask
from tieout.store import Store, batches, pace
from tieout.sync.owners import this_process
from tieout.sync.pace import StoredGovernor

COMPANY = "books:1"
LIMITS = (
    Limit(name="calls a minute", count=20, per_s=60, kept=0),
    Limit(name="calls a second", count=5, per_s=1, kept=0),
)


def ask(**details) -> Ask:
    return Ask(company=COMPANY, limits=LIMITS, **details)


class PaceSuite:
    def test_two_processes_share_one_count(self, store, clock):
        other = Store.open(store.engine.url.render_as_string(hide_password=False), clock)
        one, two = StoredGovernor(store), StoredGovernor(other)
        gone = []
        while len(gone) < 70:
            turn = (one, two)[len(gone) % 2].turn(ask(), clock.now())
            if turn.wait_s:
                clock.advance(turn.wait_s)
            else:
                gone.append(clock.monotonic())
        other.close()
        for per_s, count in ((60.0, 20), (1.0, 5)):
            assert all(sum(at <= o < at + per_s for o in gone) <= count for at in gone)
        assert gone[-1] <= 3 * 61.2 + 4

    def test_callers_at_the_same_time_never_take_one_place_twice(self, store, clock):
        governor, turns = StoredGovernor(store), []
        many = Limit(name="calls", count=1000, per_s=60)

        def call() -> None:
            for _ in range(5):
                wanted = Ask(company=COMPANY, limits=(many,), at_once=7)
                turns.append(governor.turn(wanted, clock.now()))

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        went = [turn.ticket for turn in turns if turn.wait_s == 0]
        assert (len(went), len(set(went))) == (7, 7)

    def test_a_place_is_free_when_the_call_is_over(self, store, clock):
        governor, wanted = StoredGovernor(store), ask(at_once=1)
        turn = governor.turn(wanted, clock.now())
        assert governor.turn(wanted, clock.now()).wait_s > 0
        governor.ended(wanted, turn, None, clock.now())
        assert governor.turn(wanted, clock.now()).wait_s == 0

    def test_the_place_of_a_process_that_died_is_free_at_once(self, store, clock):
        host, _, _ = this_process().partition(":")
        gone, wanted = StoredGovernor(store), ask(at_once=1)
        gone._owner = f"{host}:4194399:1"  # beyond the numbers a system gives to processes
        assert gone.turn(wanted, clock.now()).wait_s == 0
        assert StoredGovernor(store).turn(wanted, clock.now()).wait_s == 0
        assert StoredGovernor(store).turn(wanted, clock.now()).wait_s > 0, "the owner lives"

    def test_a_parked_company_is_there_to_be_seen(self, store, clock):
        governor = StoredGovernor(store)
        governor.refused(ask(), 45, True, "The request limit was reached", clock.now())
        until = clock.now() + timedelta(seconds=45)
        with store.read() as tx:
            (found,) = pace.parked(tx)
        assert found == pace.Parked(
            company=COMPANY, until=until, why="The request limit was reached"
        )
        assert StoredGovernor(store).turn(ask(), clock.now()).wait_s == 45
        clock.advance(45)
        assert StoredGovernor(store).turn(ask(), clock.now()).wait_s == 0
        with store.read() as tx:
            assert pace.parked(tx) == []

    def test_no_transaction_is_open_while_a_call_is_on_its_way(self, store, clock):
        governor = StoredGovernor(store)
        turn = governor.turn(ask(at_once=1), clock.now())
        assert store.engine.pool.checkedout() == 0
        governor.ended(ask(at_once=1), turn, None, clock.now())
        assert store.engine.pool.checkedout() == 0

    # -- batch sizes --------------------------------------------------------------------
    def size(self, store) -> int:
        with store.read() as tx:
            return batches.learned(tx, COMPANY, "invoice", 30).size

    def shrink(self, store, items: int) -> int:
        with store.begin() as tx:
            batches.shrink(tx, COMPANY, "invoice", 30, items, 10)
        return self.size(store)

    def went_well(self, store, items: int) -> int:
        with store.begin() as tx:
            batches.went_well(tx, COMPANY, "invoice", 30, items, items * 1000)
        return self.size(store)

    def test_a_batch_that_timed_out_halves_the_next_down_to_the_smallest(self, store):
        assert self.size(store) == 30
        assert [self.shrink(store, n) for n in (30, 15, 10, 10)] == [15, 10, 10, 10]

    def test_batches_on_their_way_together_halve_it_once(self, store):
        assert [self.shrink(store, 30) for _ in range(4)] == [15, 15, 15, 15]

    def test_a_small_batch_that_times_out_says_nothing_of_large_ones(self, store):
        assert self.shrink(store, 4) == 30

    def test_the_size_grows_back_slowly(self, store):
        self.shrink(store, 30)
        self.shrink(store, 15)
        sizes = [10]
        while sizes[-1] < 30:
            sizes.append(self.went_well(store, sizes[-1]))
        steps = [after for before, after in pairwise(sizes) if after > before]
        assert steps == [12, 15, 18, 22, 27, 30]
        assert len(sizes) - 1 == len(steps) * batches.GROW_AFTER
        assert self.went_well(store, 30) == 30

    def test_batches_that_were_not_full_do_not_make_it_grow(self, store):
        self.shrink(store, 30)
        assert {self.went_well(store, 14) for _ in range(30)} == {15}

    def test_each_writer_of_each_company_has_its_own(self, store):
        self.shrink(store, 30)
        with store.read() as tx:
            assert batches.learned(tx, COMPANY, "customer", 30).size == 30
            assert batches.learned(tx, "books:2", "invoice", 30).size == 30
            assert batches.learned(tx, COMPANY, "invoice", 12).size == 12

    def test_the_time_of_an_item_is_learned(self, store):
        for _ in range(20):
            with store.begin() as tx:
                batches.went_well(tx, COMPANY, "invoice", 30, 30, 9_000_000)
        with store.read() as tx:
            assert batches.learned(tx, COMPANY, "invoice", 30).item_micros == 300_000


class TestSqlite(PaceSuite):
    engine = "sqlite"

    def test_a_count_does_not_wait_for_the_disk_and_everything_else_does(self, store):
        def synchronous(**how) -> int:
            with store.begin(**how) as tx:
                return tx.sql.exec_driver_sql("PRAGMA synchronous").scalar()

        full, normal = 2, 1
        assert [synchronous(), synchronous(durable=False), synchronous()] == [full, normal, full]


class TestPostgres(PaceSuite):
    engine = "postgres"

    def test_a_count_does_not_wait_for_the_disk_and_everything_else_does(self, store):
        def synchronous(**how) -> str:
            with store.begin(**how) as tx:
                return tx.sql.exec_driver_sql("SHOW synchronous_commit").scalar()

        assert [synchronous(), synchronous(durable=False), synchronous()] == ["on", "off", "on"]
