"""An office with real servers: PostgreSQL, Redis, a ledger on loopback and Celery's workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from tests.scenarios.firm import hosts
from tests.servers import Postgres, Redis
from tieout.billing.inputs import Period
from tieout.bootstrap import open_engine
from tieout.clock import OffsetClock, VirtualClock
from tieout.config import settings_from
from tieout.connectors.base import INVOICE
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.core import Vendor
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.ledgers import LedgerSide, side_of
from tieout.sandbox.serving import Served
from tieout.sandbox.world import World
from tieout.store import batches
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.push import push
from tieout.sync.translate import translate

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
#: The push is due all day long; nothing else is.
SCHEDULES = """
schedules:
  pull: off
  push: "00:00"
  pullback: off
  reconcile: off
"""
#: Invoices that go in one call.
IN_A_CALL = 6
#: Seconds within which everything must be settled again after a mishap is over.
RECOVERY_S = 60.0

Invoices = list[tuple[str, int]]


@dataclass(frozen=True)
class Template:
    """A firm whose January is approved and waits for its push; copied for each scenario."""

    folder: Path
    database: str
    side: LedgerSide
    secrets: dict[str, str]
    invoices: Invoices  # number and cents: what must stand in the ledger at the end
    waiting: int  # of these, how many are not there yet


def make_template(
    folder: Path, server: Postgres, ledger: str, *, people: int, projects: int
) -> Template:
    """Pull, bill, approve; the first invoice of each client is pushed already."""
    clock = VirtualClock(START)
    world = World(clock, preset="empty", vendors=("salesforce", "harvest", ledger))
    world.ledger.lift_limits()
    facts = demo_firm(world, people=people, projects=projects)
    described = hosts(world)
    write_workspace(folder, described, facts.rates, facts.instalment_days)
    with (folder / "tieout.yaml").open("a") as said:
        said.write(SCHEDULES)
    secrets = {**secrets_for(described), "TIEOUT_KEY": Fernet.generate_key().decode()}
    database = create_database(server, f"template_{ledger}")
    environment = {
        **secrets,
        "TIEOUT_WORKSPACE": str(folder),
        "TIEOUT_DATABASE": server.url(database),
    }
    mounts = {
        described[slug]["base_url"]: WsgiAdapter(vendor) for slug, vendor in world.vendors.items()
    }
    with open_engine(
        settings_from(environment), clock=clock, mounts=mounts, environment=environment
    ) as engine:
        assert [one.error for one in pull(engine) if one.error] == []
        translate(engine)
        project(engine)
        assert [one.error for one in pullback(engine).pulled if one.error] == []
        drafts = bill(engine, JANUARY).drafts
        of_clients = {document.client_id: document for document in reversed(drafts)}
        first = approve(engine, [document.id for document in of_clients.values()]).documents
        while len(world.ledger.invoices()) < len(first):
            done = push(engine)
            assert not done.held, done
            clock.advance(61)
        rest = approve(engine, everything=True).documents
        with engine.store.begin() as tx:
            # As after time-outs: small calls, so that the night has several.
            company = engine.ledger().pace_key
            batches.shrink(tx, company, INVOICE, 2 * IN_A_CALL, 2 * IN_A_CALL, IN_A_CALL)
    made = sorted((d.number, cents(d.total.amount)) for d in (*first, *rest))
    return Template(folder, database, world.ledger, secrets, made, len(rest))


def create_database(server: Postgres, name: str, template: str = "template1") -> str:
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def cents(amount: Decimal) -> int:
    return int(amount * 100)


@dataclass
class Worker:
    """A `celery worker`, in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    def send(self, number: signal.Signals) -> None:
        """A signal for its main process."""
        self.process.send_signal(number)

    def end(self) -> None:
        """End all of it, whatever state it is in."""
        for number in (signal.SIGKILL, signal.SIGCONT):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
        self.process.wait(20)

    def ended(self, within_s: float) -> int:
        """Its exit code, when it ends in time."""
        return self.process.wait(within_s)


def _hear_signals() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Office:
    """One scenario's own firm: a copy of the template, and its workers."""

    folder: Path
    side: LedgerSide
    environment: dict[str, str]
    server: Postgres
    database: str
    redis: Redis
    template: Template
    workers: list[Worker] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def worker(self, pool: str, *, at_once: int = 2, **told: str) -> Worker:
        """Start a worker of the tests' own app; `told` is what only that app reads."""
        name = f"worker{next(self.numbers)}@%h"
        options = ["--pool", pool, "--concurrency", str(at_once), "-n", name, "-l", "INFO"]
        quick = ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        command = ["celery", "-A", "tests.processes.app", "worker", *options, *quick]
        return self.started(command, TEST_TOLD=str(self.told), **told)

    def started(self, command: list[str], **told: str) -> Worker:
        """Start a worker by a command line that begins with `celery`."""
        log = self.folder / f"{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, **self.environment, **told},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell in the background has these ignored, and children inherit that.
                preexec_fn=_hear_signals,
            )
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    @property
    def told(self) -> Path:
        """Where the workers leave word of the points they passed."""
        place = self.folder / "told"
        place.mkdir(exist_ok=True)
        return place

    def who(self, point: str) -> int:
        """The process that passed a point; waits for it."""
        file = self.told / point.replace(" ", "_")
        until(lambda: file.exists() and bool(file.read_text()), f"nobody came to {point!r}")
        return int(file.read_text())

    @property
    def ledger(self) -> Vendor:
        """The ledger that is being served."""
        return self.side.vendor

    # -- what became of it ----------------------------------------------------------------
    def sql(self, statement: str) -> None:
        """Change something in the database behind everybody's back."""
        with psycopg.connect(self.server.url(self.database), autocommit=True) as sql:
            sql.execute(statement)

    def states(self) -> dict[str, int]:
        """How many rows of the outbox stand how."""
        with psycopg.connect(self.server.url(self.database), autocommit=True) as sql:
            rows = sql.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall()
        return dict(rows)

    def turns(self) -> list[tuple[str, str]]:
        """The turns that were taken, and how they stand."""
        with psycopg.connect(self.server.url(self.database), autocommit=True) as sql:
            return sql.execute("SELECT name, state FROM schedules ORDER BY name, period").fetchall()

    def invoices(self) -> Invoices:
        """What stands in the ledger's books."""
        return sorted((each.number, cents(each.total)) for each in self.side.invoices())

    def arrived(self) -> int:
        """How many of the waiting invoices are in the ledger by now."""
        return len(self.invoices()) - (len(self.template.invoices) - self.template.waiting)

    def is_settled(self) -> bool:
        """Every row confirmed, and the push's turn over."""
        return set(self.states()) == {"confirmed"} and self.turns() == [("push", "done")]

    def settled(self, name: str) -> float:
        """Wait until everything is settled, then check the books; seconds that it took."""
        started = time.monotonic()
        until(self.is_settled, "", lambda: f"{self.states()} {self.turns()}\n{self.logs()}")
        took = time.monotonic() - started
        assert self.invoices() == self.template.invoices, f"{name}: each invoice once, to the cent"
        print(f"{name}: settled in {took:.1f} s")
        return took

    def logs(self) -> str:
        """The ends of the workers' logs, for a failure."""
        return "\n".join(f"== {w.log.name}\n{w.log.read_text()[-6000:]}" for w in self.workers)


def until(
    holds: Callable[[], bool],
    otherwise: str,
    details: Callable[[], str] = str,
    within_s: float = RECOVERY_S,
) -> None:
    """Wait until something holds; fails with `otherwise` and details when it does not."""
    give_up = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up, f"{otherwise}\n{details()}"
        time.sleep(0.05)


_numbers = count(1)


@contextmanager
def opened(
    template: Template, folder: Path, server: Postgres, redis: Redis, *, service_s: float = 0.0
) -> Iterator[Office]:
    """A copy of the template with a ledger of its own, until its workers are ended."""
    place = folder / "office"
    shutil.copytree(template.folder, place)
    redis.say("FLUSHALL")
    database = create_database(server, f"office_{next(_numbers)}", template.database)
    clock = OffsetClock()
    # The ledger lives on in the firm's own days, where its sign-in has not ended; but workers go
    # by the machine's clock, and NetSuite looks at the moment they signed.
    if template.side.vendor.slug != "netsuite":
        clock.set(template.side.vendor.clock.now())
    ledger = template.side.vendor.copy(clock)
    ledger.service_s = service_s
    with Served(ledger) as served:
        said = place / "tieout.yaml"
        said.write_text(said.read_text().replace(f"http://{ledger.slug}.local", served.base_url))
        environment = {
            **template.secrets,
            "TIEOUT_WORKSPACE": str(place),
            "TIEOUT_DATABASE": server.url(database),
            "TIEOUT_BROKER": redis.url,
        }
        office = Office(place, side_of(ledger), environment, server, database, redis, template)
        try:
            yield office
        finally:
            for worker in office.workers:
                worker.end()
