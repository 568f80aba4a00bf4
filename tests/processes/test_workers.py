"""Real workers, killed, stopped and cut off: each approved invoice is there once, at last.

Every scenario runs real `celery worker` processes against a real PostgreSQL, a real Redis and
a ledger on loopback, with both pools that people run, and ends with the books: each approved
invoice stands in them once, to the cent, and every row of the outbox is settled.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.processes.office import IN_A_CALL, Office, until

pytestmark = pytest.mark.timeout(120)
both_pools = pytest.mark.parametrize("pool", ["prefork", "threads"])

OpenOffice = Callable[..., Office]

#: Before anything left, with the bytes saved, with the answer in hand, before it is saved.
POINTS = ("claimed", "sent: after commit", "call: answer in hand", "settled: before commit")
#: Seconds a call takes where something must happen during it.
SLOW_S = 0.5


@both_pools
def test_two_schedulers(open_office: OpenOffice, pool: str) -> None:
    """Two workers look every tenth of a second and say the same again and again: the turn runs
    once. Told to stop, they end well."""
    office = open_office()
    workers = [office.worker(pool, TEST_SWEEP_S="0.1") for _ in range(2)]
    office.settled(f"two schedulers, {pool}")
    for worker in workers:
        worker.send(signal.SIGTERM)
    assert [worker.ended(20) for worker in workers] == [0, 0]
    assert office.turns() == [("push", "done")]


# -- killed -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("ledger", "pool", "whom", "points"),
    [
        ("quickbooks", "prefork", "child", POINTS),
        ("quickbooks", "prefork", "parent", POINTS[:2]),
        ("quickbooks", "prefork", "group", POINTS[2:]),
        # A worker with threads has neither child nor parent.
        ("quickbooks", "threads", "group", POINTS),
        ("xero", "prefork", "child", POINTS),
        ("xero", "threads", "group", POINTS),
        ("netsuite", "prefork", "child", POINTS),
        ("netsuite", "threads", "group", POINTS),
    ],
)
def test_killed_at_named_points(
    open_office: OpenOffice, ledger: str, pool: str, whom: str, points: tuple[str, ...]
) -> None:
    """SIGKILL at each point once; a worker that died is started again, as a supervisor would."""
    office = open_office(ledger)
    told = {"TEST_ACTION": f"kill {whom}", "TEST_POINTS": ",".join(points)}
    worker = office.worker(pool, **told)
    for point in points:
        office.who(point)
        if whom != "child":
            assert worker.ended(20) == -signal.SIGKILL
            worker.end()
            worker = office.worker(pool, **told)
    office.settled(f"{ledger}: {whom} killed at {len(points)} points, {pool}")


@both_pools
def test_told_to_quit_at_once(open_office: OpenOffice, pool: str) -> None:
    """SIGQUIT in the middle of the work: what runs is cut off, wherever it is, also inside a
    COMMIT; the next worker finds what it left."""
    office = open_office(service_s=SLOW_S)
    for round_ in range(2):
        worker = office.worker(pool)
        until(
            lambda least=round_: office.arrived() > IN_A_CALL * least,
            "nothing is pushed",
            office.logs,
        )
        worker.send(signal.SIGQUIT)
        worker.ended(20)
        worker.end()
    office.worker(pool)
    office.settled(f"quit at once, {pool}")


@both_pools
def test_told_to_stop_it_ends_what_it_began(open_office: OpenOffice, pool: str) -> None:
    """SIGTERM during a call: its answer is settled, nothing is in doubt, the rest is left."""
    office = open_office(service_s=SLOW_S)
    worker = office.worker(pool, at_once=1)
    until(lambda: "sent" in office.states(), "no call was made", office.logs)
    worker.send(signal.SIGTERM)
    assert worker.ended(20) == 0
    left = office.states()
    assert set(left) == {"confirmed", "pending"}, left
    assert office.arrived() == IN_A_CALL, "the call in hand, and no other"
    office.worker(pool)
    office.settled(f"stopped and started, {pool}")


@pytest.mark.parametrize("ledger", ["quickbooks", "xero", "netsuite"])
@both_pools
def test_paused_beyond_its_lease(open_office: OpenOffice, pool: str, ledger: str) -> None:
    """SIGSTOP with the bytes saved and not sent; another worker takes over; SIGCONT. What
    wakes up finds its lease gone and sends nothing."""
    office = open_office(ledger)
    point = "call: before the first byte"
    paused = office.worker(pool, at_once=1, TEST_ACTION="stop", TEST_POINTS=point, TEST_LEASE_S="2")
    asleep = office.who(point)
    office.worker(pool, TEST_LEASE_S="2")
    until(office.is_settled, "", lambda: f"{office.states()} {office.turns()}\n{office.logs()}")
    calls = len(office.ledger.write_calls)
    os.kill(asleep, signal.SIGCONT)
    until(lambda: "took over" in paused.log.read_text(), "it said nothing", office.logs)
    office.settled(f"{ledger}: paused beyond its lease, {pool}")
    assert len(office.ledger.write_calls) == calls, "it sent nothing when it woke"


# -- cut off ------------------------------------------------------------------------------
@both_pools
def test_all_that_redis_holds_is_flushed(open_office: OpenOffice, pool: str) -> None:
    office = open_office(service_s=SLOW_S)
    office.worker(pool)
    for least in (0, IN_A_CALL):
        until(lambda n=least: office.arrived() > n, "nothing is pushed", office.logs)
        office.redis.say("FLUSHALL")
    office.settled(f"Redis flushed twice, {pool}")


@both_pools
def test_redis_is_away_for_a_while(open_office: OpenOffice, pool: str) -> None:
    office = open_office(service_s=SLOW_S)
    office.worker(pool, at_once=1, TEST_STINT_S="0.1")
    until(lambda: office.arrived() > 0, "nothing is pushed", office.logs)
    office.redis.stop()
    time.sleep(2)
    office.redis.start()
    office.settled(f"Redis away for 2 s, {pool}")


@both_pools
def test_the_database_stops_at_once_and_comes_back(open_office: OpenOffice, pool: str) -> None:
    office = open_office(service_s=SLOW_S)
    office.worker(pool)
    until(lambda: office.arrived() > 0, "nothing is pushed", office.logs)
    office.server.stop_at_once()
    time.sleep(1)
    office.server.start_again()
    office.settled(f"PostgreSQL stopped at once, {pool}")


# -- doubled ------------------------------------------------------------------------------
@both_pools
def test_the_broker_hands_a_task_out_again_while_it_runs(
    open_office: OpenOffice, pool: str
) -> None:
    """The visibility time-out is shorter than a task: both run, and the rows decide."""
    office = open_office(service_s=SLOW_S)
    office.worker(pool, at_once=3, TEST_VISIBILITY_S="1")
    office.settled(f"visibility time-out of 1 s, {pool}")
    received = [
        line.split("[")[-1].split("]")[0]
        for worker in office.workers
        for line in worker.log.read_text().splitlines()
        if " received" in line
    ]
    assert len(received) > len(set(received)), "no task was handed out twice"
