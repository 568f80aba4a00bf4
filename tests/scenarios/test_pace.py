"""Pushing as fast as the ledger takes it, and no faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benches.office import Office, office
from benches.push import pushed
from tieout.store import batches, outbox, pace
from tieout.store.outbox import OutboxState
from tieout.sync.pull import pull_connection
from tieout.sync.push import AT_ONCE, push


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    """An office with as many invoices as the test says, each for a client of its own."""
    with office(tmp_path, request.param, each=1) as made:
        yield made


def invoices(count: int) -> Any:
    return pytest.mark.parametrize("place", [count], indirect=True)


def batch_sizes(place: Office) -> list[int]:
    calls = place.ledger.write_calls
    return [call.body.count('"bId":') for call in calls if call.path.endswith("/batch")]


def there(place: Office) -> Counter[str]:
    return Counter(row["DocNumber"] for row in place.ledger.books.rows("Invoice"))


def deactivate(place: Office, name: str) -> None:
    books = place.ledger.books
    (row,) = (row for row in books.rows("Customer") if row["DisplayName"] == name)
    change = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, "Active": False}
    books.update("Customer", change, ())


@invoices(25)
def test_one_bad_document_leaves_the_other_24_confirmed(place: Office) -> None:
    """Somebody made one customer inactive in QuickBooks since we looked."""
    deactivate(place, "Client 0007")
    done = push(place.engine)
    assert batch_sizes(place) == [25]
    assert (len(done.confirmed), len(done.held), done.waiting) == (24, 1, [])
    with place.engine.store.read() as tx:
        row = outbox.get(tx, done.held[0])
    assert row is not None
    assert (row.state, row.subject_id, row.error_class) == (OutboxState.HELD, "d7", "Rejected")
    assert row.error_text == (
        "Invalid Customer: Sales transactions must have a customer that exists and is active."
    )
    assert set(there(place).values()) == {1}
    assert len(there(place)) == 24


@invoices(8)
def test_a_batch_refused_whole_is_cut_in_two_until_the_bad_one_is_alone(place: Office) -> None:
    """Some vendors refuse a whole batch for one item; the others still go, once each."""
    refusal = b'{"Fault":{"Error":[{"Message":"Bad line","code":"2050"}],"type":"ValidationFault"}}'
    place.ledger.faults.add(
        "reply",
        body='"INV-2026-0006"',
        times=9,
        status=400,
        content=refusal,
        content_type="application/json",
    )
    done = push(place.engine)
    assert (len(done.confirmed), len(done.held)) == (7, 1)
    with place.engine.store.read() as tx:
        row = outbox.get(tx, done.held[0])
    assert row is not None
    assert (row.subject_id, row.error_text, row.attempts) == ("d5", "Bad line", 1)
    assert set(there(place).values()) == {1}
    assert done.calls <= 7


@invoices(60)
def test_a_batch_that_is_too_large_goes_at_once_in_smaller_ones(place: Office) -> None:
    place.ledger.settings.batch_size = 12
    done = push(place.engine)
    assert len(done.confirmed) == 60
    assert batch_sizes(place)[:3] == [30, 15, 8]
    assert set(there(place).values()) == {1}
    # What was learned is kept for the next push, in whichever process.
    assert max(batch_sizes(place)[6:]) <= 15


@invoices(400)
def test_a_batch_that_timed_out_makes_the_next_ones_smaller_for_a_while(place: Office) -> None:
    place.ledger.faults.add("slow", path="/batch", nth=2, seconds=140.0)
    done = push(place.engine)
    sizes = batch_sizes(place)
    assert sizes[:10] == [30, 30, *[15] * 8]
    assert sizes[10:18] == [18] * 8, "and then larger again, slowly"
    # Those of the batch that timed out are there: they were found and not sent again.
    assert (len(done.confirmed), len(done.recovered)) == (400, 30)
    assert set(there(place).values()) == {1}
    assert len(there(place)) == 400


@invoices(400)
def test_several_pushers_never_exceed_the_limits_together(
    place: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 invoices in tens are 40 batches, more than a minute takes from unattended work."""
    monkeypatch.setattr(batches, "GROW_AFTER", 1000)
    company = place.engine.ledger().pace_key
    with place.engine.store.begin() as tx:
        batches.shrink(tx, company, "invoice", 30, 20, 10)
    run = pushed(place, 400)
    assert (run.confirmed, run.calls, run.refused) == (400, 40, 0)
    assert 60 <= run.seconds <= 65
    assert set(there(place).values()) == {1}
    assert len(there(place)) == 400


@invoices(150)
def test_pushers_in_threads_share_the_work(place: Office) -> None:
    done = push(place.engine, pushers=AT_ONCE)
    assert (len(done.confirmed), len(set(done.confirmed)), done.calls) == (150, 150, 5)
    assert done.estimate is not None
    assert (done.estimate.records, done.estimate.calls) == (150, 5)
    assert set(there(place).values()) == {1}
    assert place.ledger.limits.refused == 0


@invoices(3)
@pytest.mark.parametrize(
    ("asked_s", "waits_s"),
    [(45, 45.0), (None, 60.0), (31_536_000, 3_600.0)],
    ids=["with a number", "without", "of a year"],
)
def test_a_wait_that_the_ledger_asks_for_ends_the_push_and_is_told(
    place: Office, asked_s: int | None, waits_s: float
) -> None:
    """A year is not believed: it is asked again after an hour, and a person is told."""
    place.ledger.settings.retry_after_s = asked_s
    place.ledger.plan_throttle(path="/batch")
    done = push(place.engine)
    until = place.kernel.instant + timedelta(seconds=waits_s)
    assert done.goes_on_at == until
    assert f"It goes on at {until:%Y-%m-%d %H:%M:%S} UTC." in done.stopped
    assert (f"it asked for a wait of {asked_s}" in done.stopped) is (asked_s is not None)
    with place.engine.store.read() as tx:
        (parked,) = pace.parked(tx)
        held = outbox.list_rows(tx, states=[OutboxState.HELD])
    assert (parked.until, held) == (until, [])
    # Until then nobody is kept busy: no call, and no row is touched.
    calls = len(place.ledger.calls)
    place.kernel.sleep(waits_s - 21)
    again = push(place.engine)
    assert (again.calls, again.goes_on_at, len(place.ledger.calls)) == (0, until, calls)
    place.kernel.sleep(21)
    assert len(push(place.engine).confirmed) == 3


@invoices(3)
def test_a_spent_month_of_reads_lets_the_invoices_go(place: Office) -> None:
    """Reads are metered and writes are not: the same 429 stands for both."""
    place.ledger.settings.monthly_quota = 0
    connection, transport = place.engine.ledger(), place.engine.transport
    for _ in range(3):
        pulled = pull_connection(place.engine, connection)
        assert all(one.error for one in pulled)
        place.kernel.sleep(61.0)
    assert transport.patience_s < 61
    assert len(push(place.engine).confirmed) == 3
