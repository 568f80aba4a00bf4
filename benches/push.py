"""Run by `make bench-push`: 10,000 invoices at the ledger's own limits, on a virtual clock.

The QuickBooks stand-in keeps its limits: 10 calls a second, 500 a minute, 40 batches a
minute. Four pushers work in one thread, switched wherever one waits, so that the same run
comes out every time. Beside ours stand the floor, computed from the limits alone, and what
one call for each invoice would take. Nothing is judged here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.sim.kernel import Kernel, Process
from tieout.bootstrap import open_engine
from tieout.config import settings_from
from tieout.connectors.base import INVOICE
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import Ask
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import idempotency_key, seeded
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Project
from tieout.sandbox.core import Call
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.wire import Row
from tieout.sandbox.world import World
from tieout.store import batches, documents, outbox, projects
from tieout.store.outbox import Intent
from tieout.sync.engine import Engine
from tieout.sync.plan import prepare
from tieout.sync.pullback import pullback
from tieout.sync.pusher import Pusher
from tieout.sync.resolve import Resolver
from tieout.sync.settle import Pushed

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
DAY = date(2026, 2, 28)
#: Invoices of each client.
EACH = 40
#: Calls that may be on their way: the connector's own bound, and the vendor's advice.
AT_ONCE = 4


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
    refused: int  # 429 answers
    confirmed: int
    smallest_batch: int
    last_size: int  # of a batch, as learned
    real_s: float


def floor(invoices: int, size: int, *, item_s: float = 0.0) -> Floor:
    """By the vendor's buckets: as many as a bucket holds at once, then at its rate.

    With vendor time, AT_ONCE calls work at a time and the last one must end.
    """
    calls = -(-invoices // size)
    rates = [(500, 60.0), (10, 1.0)] + ([(40, 60.0)] if size > 1 else [])
    rate_s = max((calls - count) * per_s / count for count, per_s in rates)
    work_s = invoices * item_s
    return Floor(calls=calls, seconds=max(rate_s + size * item_s, work_s / AT_ONCE))


# -- the office ---------------------------------------------------------------------------
@dataclass
class Office:
    """An engine with approved invoices, its ledger, and the time they share."""

    engine: Engine
    ledger: QuickBooks
    kernel: Kernel


@contextmanager
def office(
    folder: Path, invoices: int, *, each: int = EACH, item_s: float = 0.0
) -> Iterator[Office]:
    """A firm with so many approved invoices, `each` for a client; its customers are in the
    ledger already. A folder that was an office before has its invoices already."""
    kernel = Kernel(START, seed=1, yields=0.0)
    world = World(kernel.clock, preset="empty", item_s={"quickbooks": item_s})
    ledger = world.quickbooks
    income = next(row for row in ledger.books.rows("Account") if row["AccountType"] == "Income")
    item = {"Name": "Consulting services", "Type": "Service"}
    ledger.books.create("Item", {**item, "IncomeAccountRef": {"value": income["Id"]}}, ())
    clients = -(-invoices // each)
    for number in range(clients):
        ledger.books.create("Customer", {"DisplayName": f"Client {number:04}"}, ())
    described = {
        one.slug: {"base_url": f"http://{one.slug}.local", "credentials": one.credentials}
        for one in world.vendors.values()
    }
    is_new = not (folder / "tieout.yaml").exists()
    if is_new:
        write_workspace(folder, described, {"Partner": "320"}, (DAY, DAY))
    adapter = WsgiAdapter(ledger, kernel.clock)
    with open_engine(
        settings_from({"TIEOUT_WORKSPACE": str(folder)}),
        clock=kernel.clock,
        mounts={"http://quickbooks.local": adapter},
        environment=secrets_for(described),
        actor="bench",
    ) as engine:
        if is_new:
            _fill(engine, clients, invoices)
        failed = [one.error for one in pullback(engine).pulled if one.error]
        if failed:
            raise RuntimeError(f"the ledger could not be read: {failed[0]}")
        kernel.sleep(120.0)  # the limits are fresh again
        yield Office(engine, ledger, kernel)


def _fill(engine: Engine, clients: int, invoices: int) -> None:
    """Clients, their projects, and approved invoices, straight into the store."""
    ledger = engine.ledger().name
    with engine.store.begin() as tx:
        for number in range(clients):
            client = Client(id=f"c{number}", source=None, name=f"Client {number:04}")
            projects.put_client(tx, client)
            budget = Budget(id=f"b{number}", name="Build", model=BillingModel.TIME_AND_MATERIALS)
            projects.put_project(
                tx,
                Project(
                    id=f"p{number}",
                    source=None,
                    name=f"Project {number}",
                    client_id=client.id,
                    currency="USD",
                    budgets=(budget,),
                ),
            )
        for number in range(invoices):
            draft = _draft(number, number % clients)
            documents.save_draft(tx, draft)
            document = documents.approve(tx, draft.id, engine.actor)
            key = idempotency_key(engine.name, ledger, document.id, document.revision, 1)
            outbox.add(
                tx,
                Intent(
                    connection=ledger,
                    writer=INVOICE,
                    subject_kind="document",
                    subject_id=document.id,
                    revision=document.revision,
                    key=key,
                ),
            )


def _draft(number: int, client: int) -> Document:
    hours, rate = Decimal(number % 37 + 1) / 4, Decimal(180)
    line = Line(
        id="L001",
        kind=LineKind.TIME,
        budget_id=f"b{client}",
        description="Build",
        quantity=hours,
        rate=rate,
        amount=Money(hours * rate, "USD"),
        project_id=f"p{client}",
    )
    section = Section(project_id=f"p{client}", budget_id=f"b{client}", title="Build", lines=(line,))
    return Document(
        id=f"d{number}",
        kind=DocumentKind.INVOICE,
        number="",
        client_id=f"c{client}",
        currency="USD",
        issue_date=DAY,
        due_date=None,
        period_from=DAY.replace(day=1),
        period_to=DAY,
        sections=(section,),
    )


# -- runs ---------------------------------------------------------------------------------
def pushed(place: Office, invoices: int) -> Run:
    """Push everything with AT_ONCE pushers, again and again until nothing is left."""
    engine, ledger, kernel = place.engine, place.ledger, place.kernel
    connection = engine.ledger()
    ahead, refused = len(ledger.calls), ledger.limits.refused
    began, real = kernel.instant, time.perf_counter()
    done = Pushed()
    while True:
        prepare(engine)
        with engine.store.read() as tx:
            resolver = Resolver(engine, tx, connection.name)
        pushers = [Pusher(engine, connection, resolver=resolver) for _ in range(AT_ONCE)]
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
    sizes = [size for call in calls if (size := _items(call))]
    with engine.store.read() as tx:
        last = batches.learned(tx, connection.pace_key, INVOICE, 30).size
    return Run(
        invoices=invoices,
        calls=sum(call.writes for call in calls),
        all_calls=len(calls),
        seconds=(kernel.instant - began).total_seconds(),
        refused=ledger.limits.refused - refused,
        confirmed=len(done.confirmed),
        smallest_batch=min(sizes[:-AT_ONCE] or sizes),
        last_size=last,
        real_s=time.perf_counter() - real,
    )


def _items(call: Call) -> int:
    return call.body.count('"bId":') if call.path.endswith("/batch") else 0


def paid_and_pulled_back(place: Office, invoices: int) -> int:
    """Every invoice is paid over there by a payment of its own; calls until we know."""
    books = place.ledger.books
    for row in list(books.rows("Invoice")):
        books.create("Payment", _payment(row), ())
    place.kernel.sleep(600.0)
    before = len(place.ledger.calls)
    told = pullback(place.engine)
    failed = [one.error for one in told.pulled if one.error]
    if failed or told.payments != invoices or len(told.changed) != invoices:
        raise RuntimeError(f"{told.payments} payments came back: {failed}")
    return len(place.ledger.calls) - before


def _payment(row: Row) -> Row:
    linked = [{"TxnId": row["Id"], "TxnType": "Invoice"}]
    line = {"Amount": row["TotalAmt"], "LinkedTxn": linked}
    return {"CustomerRef": row["CustomerRef"], "TotalAmt": row["TotalAmt"], "Line": [line]}


def governor_cost(place: Office, rounds: int = 300) -> float:
    """Real milliseconds that the governor takes for a call, before and after it together."""
    connection = place.engine.ledger()
    started = time.perf_counter()
    for number in range(rounds):
        ask = Ask(company=f"bench:{number % 3}", limits=connection.connector.pace, at_once=AT_ONCE)
        now = place.engine.now()
        turn = connection.governor.turn(ask, now)
        connection.governor.ended(ask, turn, None, now)
        place.kernel.sleep(0.5)
    return 1000 * (time.perf_counter() - started) / rounds


def main() -> None:
    """Measure, print the table, then the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benches.push", description=__doc__)
    parser.add_argument("--invoices", type=int, default=10_000, help="how many; 10,000 if not said")
    invoices = parser.parse_args().invoices
    with seeded(1), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with office(folder / "fast", invoices):
            shutil.copytree(folder / "fast", folder / "slow")  # filled once, for both
        with office(folder / "fast", invoices) as place:
            fast = pushed(place, invoices)
            pullback_calls = paid_and_pulled_back(place, invoices)
            governor_ms = governor_cost(place)
        with office(folder / "slow", invoices, item_s=0.3) as place:
            slow = pushed(place, invoices)
        some = min(invoices, 1_500)
        with office(folder / "doubt", some) as place:
            # It does the work of the first four, and takes longer than anybody waits for it.
            place.ledger.faults.add("slow", path="/batch", times=AT_ONCE, seconds=140.0)
            doubt = pushed(place, some)
    least, slow_least = floor(invoices, 30), floor(invoices, 30, item_s=0.3)
    alone, slow_alone = floor(invoices, 1), floor(invoices, 1, item_s=0.3)
    rows = (
        ("vendor answers at once", least, fast, alone),
        ("0.3 s for each item", slow_least, slow, slow_alone),
    )
    show(rows, doubt, pullback_calls, governor_ms)
    figures = {
        "quickbooks": {
            "calls_ratio": round(fast.calls / least.calls, 4),
            "time_ratio": round(fast.seconds / least.seconds, 4) if least.seconds else None,
            "slow_time_ratio": round(slow.seconds / slow_least.seconds, 4),
            "pullback_calls": pullback_calls,
            "own_429": fast.refused + slow.refused,
            "governor_ms": round(governor_ms, 3),
            "timed_out_batch": asdict(doubt),
        },
        "invoices": invoices,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(figures))


def show(
    rows: tuple[tuple[str, Floor, Run, Floor], ...],
    doubt: Run,
    pullback_calls: int,
    governor_ms: float,
) -> None:
    """The table, and what the figures hold and leave out."""
    table = Table("", "", "calls", "time, s", "time / floor", "429", "real, s")
    for column in table.columns[2:]:
        column.justify = "right"
    for name, least, ours, alone in rows:
        table.add_row(name, "floor", f"{least.calls:,}", f"{least.seconds:,.0f}", "1", "", "")
        ratio = f"{ours.seconds / least.seconds:.3f}" if least.seconds else ""
        table.add_row(
            "", "Tieout", f"{ours.calls:,}", f"{ours.seconds:,.0f}", ratio, str(ours.refused),
            f"{ours.real_s:.0f}",
        )  # fmt: skip
        ratio = f"{alone.seconds / least.seconds:.3f}" if least.seconds else ""
        table.add_row(
            "", "one call an invoice", f"{alone.calls:,}", f"{alone.seconds:,.0f}", ratio, "", ""
        )
    console = Console()
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}")
    console.print(table)
    console.print(
        f"{rows[0][2].invoices:,} approved invoices, {EACH} for each client; the customers are "
        "in the ledger already. The floor takes the vendor's limits as buckets that are full at "
        f"the start, and with vendor time {AT_ONCE} calls at work; one call an invoice is computed "
        "the same way. Ours keeps a share of the limits for people."
    )
    console.print(
        f"The payments of all of them, one for each, came back in {pullback_calls} calls. "
        f"A batch that timed out "
        f"made the next ones as small as {doubt.smallest_batch}; they were {doubt.last_size} again "
        f"at the end of {doubt.invoices:,} invoices, each of which is there once."
    )
    console.print(
        f"The governor's two short transactions take {governor_ms:.2f} ms for a call, of real time."
    )


if __name__ == "__main__":
    main()
