"""Run by `make bench-push`: 10,000 invoices at each ledger's own limits, on a virtual clock.

The stand-ins keep the limits. As many pushers as may call at once work in one thread, switched
wherever one waits, so that the same run comes out every time. Beside ours stand the floor,
computed from the limits alone, and what one call for each invoice would take. Nothing is judged
here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benches.office import EACH, Office, founded, office
from tests.sim.kernel import Process
from tieout.connectors.base import INVOICE
from tieout.connectors.pace import Ask
from tieout.model.ids import seeded
from tieout.store import batches
from tieout.sync.plan import prepare
from tieout.sync.pullback import pullback
from tieout.sync.pusher import Pusher
from tieout.sync.resolve import Resolver
from tieout.sync.settle import Pushed


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a ledger lets through, as its sandbox has it."""

    title: str
    batch: int  # invoices in a call, at most
    at_once: int  # calls on their way: the connector's own bound
    rates: tuple[tuple[int, float], ...] = ()  # (calls, in so many seconds)
    batch_rates: tuple[tuple[int, float], ...] = ()  # for calls with several invoices, besides
    reads_back: int = 0  # calls more for each invoice, where a write is answered by an address
    item_s: tuple[float, ...] = (0.0,)  # seconds the ledger takes for an invoice: a run for each


LEDGERS = {
    "quickbooks": Limits(
        title="QuickBooks Online",
        batch=30,
        at_once=4,
        rates=((500, 60.0), (10, 1.0)),
        batch_rates=((40, 60.0),),
        item_s=(0.0, 0.3),
    ),
    "xero": Limits(title="Xero", batch=50, at_once=5, rates=((60, 60.0),)),
    "netsuite": Limits(title="NetSuite", batch=1, at_once=5, reads_back=1, item_s=(2.0,)),
}


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The least that the limits allow, for calls that a bucket of the vendor's size lets go."""

    calls: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """One push on the virtual clock."""

    invoices: int
    calls: int  # that write
    all_calls: int
    seconds: float  # virtual
    refused: int  # calls that the ledger's limits turned away
    confirmed: int
    smallest_batch: int
    last_size: int  # of a batch, as learned
    real_s: float


def floor(limits: Limits, invoices: int, size: int, *, item_s: float = 0.0) -> Floor:
    """By the vendor's buckets: as many as a bucket holds at once, then at its rate.

    With vendor time, `at_once` calls work at a time and the last one must end.
    """
    calls = -(-invoices // size)
    rates = limits.rates + (limits.batch_rates if size > 1 else ())
    asked = calls * (1 + limits.reads_back)
    rate_s = max(((asked - count) * per_s / count for count, per_s in rates), default=0.0)
    work_s = invoices * item_s
    return Floor(calls=calls, seconds=max(rate_s + size * item_s, work_s / limits.at_once))


# -- runs ---------------------------------------------------------------------------------
def pushed(place: Office, invoices: int) -> Run:
    """Push everything with as many pushers as may call at once, until nothing is left."""
    engine, ledger, kernel = place.engine, place.ledger, place.kernel
    connection = engine.ledger()
    pushers_at_once = connection.at_once or LEDGERS[ledger.slug].at_once
    ahead = len(ledger.calls)
    began, real = kernel.instant, time.perf_counter()
    done = Pushed()
    while True:
        prepare(engine)
        with engine.store.read() as tx:
            resolver = Resolver(engine, tx, connection.name)
        pushers = [Pusher(engine, connection, resolver=resolver) for _ in range(pushers_at_once)]
        process = Process("bench")
        for number, pusher in enumerate(pushers):
            kernel.spawn(process, f"pusher {number}", pusher.run)
        kernel.run()
        for pusher in pushers:
            done.add(pusher.done)
        if len(done.confirmed) >= invoices or done.held:
            break
        kernel.sleep(30.0)  # the sweep's next look
    calls = ledger.calls[ahead:]
    # An invoice here has one line.
    sizes = [size for call in calls if (size := call.body.count(place.side.invoice_body))]
    with engine.store.read() as tx:
        most = LEDGERS[ledger.slug].batch
        last = batches.learned(tx, connection.pace_key, INVOICE, most).size
    return Run(
        invoices=invoices,
        calls=len(sizes),
        all_calls=len(calls),
        seconds=(kernel.instant - began).total_seconds(),
        refused=sum(call.status == 429 for call in calls),
        confirmed=len(done.confirmed),
        smallest_batch=min(sizes[:-pushers_at_once] or sizes),
        last_size=last,
        real_s=time.perf_counter() - real,
    )


def paid_and_pulled_back(place: Office, invoices: int) -> int:
    """Every invoice is paid over there by a payment of its own; calls until we know."""
    for invoice in place.side.invoices():
        place.side.pay({invoice.id: invoice.balance})
    place.kernel.sleep(600.0)
    before = len(place.ledger.calls)
    told = pullback(place.engine)
    failed = [one.error for one in told.pulled if one.error]
    if failed or told.payments != invoices or len(told.changed) != invoices:
        raise RuntimeError(f"{told.payments} payments came back: {failed}")
    return len(place.ledger.calls) - before


def governor_cost(place: Office, rounds: int = 300) -> float:
    """Real milliseconds that the governor takes for a call, before and after it together."""
    connection = place.engine.ledger()
    started = time.perf_counter()
    for number in range(rounds):
        ask = Ask(company=f"bench:{number % 3}", limits=connection.connector.pace, at_once=4)
        now = place.engine.now()
        turn = connection.governor.turn(ask, now)
        connection.governor.ended(ask, turn, None, now)
        place.kernel.sleep(0.5)
    return 1000 * (time.perf_counter() - started) / rounds


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All runs of one ledger."""

    limits: Limits
    runs: tuple[tuple[float, Run], ...]  # seconds for an invoice, what a push of all came to
    pullback_calls: int
    governor_ms: float
    doubt: Run | None  # a push whose first batches timed out

    def figures(self) -> dict[str, Any]:
        """For the line of JSON: ratios are to the floor of the same model."""
        told: dict[str, Any] = {}
        for item_s, run in self.runs:
            least = floor(self.limits, run.invoices, self.limits.batch, item_s=item_s)
            slow = "slow_" if item_s and len(self.runs) > 1 else ""
            told[f"{slow}calls"] = run.calls
            told[f"{slow}calls_ratio"] = round(run.calls / least.calls, 4)
            told[f"{slow}seconds"] = round(run.seconds, 1)
            ratio = round(run.seconds / least.seconds, 4) if least.seconds > 0 else None
            told[f"{slow}time_ratio"] = ratio
        told["pullback_calls"] = self.pullback_calls
        told["own_429"] = sum(run.refused for _, run in self.runs)
        told["governor_ms"] = round(self.governor_ms, 3)
        if self.doubt:
            told["timed_out_batch"] = asdict(self.doubt)
        return told


def measure(slug: str, folder: Path, invoices: int) -> Measured:
    """Push, pay and pull back so many invoices with one ledger, once for each vendor time."""
    limits = LEDGERS[slug]
    with founded(folder / "filled", invoices, ledger=slug):
        pass  # once, for all runs; it has not signed in, because each run has a ledger of its own
    runs, pullback_calls, governor_ms = [], 0, 0.0
    for number, item_s in enumerate(limits.item_s):
        shutil.copytree(folder / "filled", folder / f"run {number}")
        with office(folder / f"run {number}", invoices, ledger=slug, item_s=item_s) as place:
            runs.append((item_s, pushed(place, invoices)))
            if number == 0:
                pullback_calls = paid_and_pulled_back(place, invoices)
                governor_ms = governor_cost(place)
    doubt = None
    if limits.batch > 1:
        some = min(invoices, 1_500)
        with office(folder / "doubt", some, ledger=slug) as place:
            # It does the work of the first, and takes longer than anybody waits for it.
            path, body = place.side.invoice_calls["batch"], place.side.invoice_body
            place.ledger.faults.add(
                "slow", path=path, body=body, times=limits.at_once, seconds=140.0
            )
            doubt = pushed(place, some)
    return Measured(
        limits=limits,
        runs=tuple(runs),
        pullback_calls=pullback_calls,
        governor_ms=governor_ms,
        doubt=doubt,
    )


def main() -> None:
    """Measure, print the table, then the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benches.push", description=__doc__)
    parser.add_argument("--invoices", type=int, default=10_000, help="how many; 10,000 if not said")
    parser.add_argument("--ledger", choices=LEDGERS, action="append", help="all if not said")
    asked = parser.parse_args()
    console, found = Console(), {}
    with seeded(1), tempfile.TemporaryDirectory() as name:
        for slug in asked.ledger or LEDGERS:
            text = f"{LEDGERS[slug].title}: {asked.invoices:,} invoices, some minutes"
            with Console(stderr=True).status(text):
                found[slug] = measure(slug, Path(name) / slug, asked.invoices)
    show(console, found.values())
    figures = {
        **{slug: measured.figures() for slug, measured in found.items()},
        "invoices": asked.invoices,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(figures))


def show(console: Console, found: Iterable[Measured]) -> None:
    """The table, and what the figures hold and leave out."""
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    table = Table("", "", "calls", "time, s", "time / floor", "429", "real, s")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in found:
        for item_s, run in one.runs:
            _rows(table, one.limits, item_s, run)
    console.print(table)
    console.print(
        f"Approved invoices, {EACH} for each client; the customers are in the ledger already. "
        "Calls are those that carry invoices. The floor takes the vendor's limits as buckets that "
        "are full at the start, and with vendor time as many calls at work as there may be at "
        "once; one call an invoice is computed the same way. Ours keeps a share of the limits for "
        "people."
    )
    for one in found:
        console.print(
            f"{one.limits.title}: the payments of all of them, one for each, came back in "
            f"{one.pullback_calls} calls. The governor's two short transactions take "
            f"{one.governor_ms:.2f} ms for a call, of real time."
        )
        if one.doubt:
            console.print(
                "  A batch that timed out made the next ones as small as "
                f"{one.doubt.smallest_batch}; they were {one.doubt.last_size} again at the end of "
                f"{one.doubt.invoices:,} invoices, each of which is there once."
            )


def _rows(table: Table, limits: Limits, item_s: float, run: Run) -> None:
    least = floor(limits, run.invoices, limits.batch, item_s=item_s)
    takes = f"{item_s:g} s for each" if item_s else "answers at once"
    name = f"{limits.title}, {takes}"
    table.add_row(name, "floor", f"{least.calls:,}", f"{least.seconds:,.0f}", "1", "", "")
    table.add_row(
        "", "Tieout", f"{run.calls:,}", f"{run.seconds:,.0f}", _ratio(run.seconds, least),
        str(run.refused), f"{run.real_s:.0f}",
    )  # fmt: skip
    alone = floor(limits, run.invoices, 1, item_s=item_s)
    if limits.batch > 1:
        table.add_row(
            "", "one call an invoice", f"{alone.calls:,}", f"{alone.seconds:,.0f}",
            _ratio(alone.seconds, least), "", "",
        )  # fmt: skip


def _ratio(seconds: float, least: Floor) -> str:
    return f"{seconds / least.seconds:.3f}" if least.seconds > 0 else ""


if __name__ == "__main__":
    main()
