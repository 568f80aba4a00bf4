"""One history of a firm, from won deals to a settled ledger, with what its seed lets go wrong."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import structlog
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.scenarios.firm import hosts
from tests.sim import acts, firm
from tests.sim.faults import Faults, Strike
from tests.sim.kernel import Kernel, KernelClock, Process, SharedClock
from tests.sim.wires import Watch, Wire, store_class
from tieout import bootstrap, steps
from tieout.billing.inputs import Period
from tieout.config import settings_from
from tieout.errors import NotAllowed, StoreError, TieoutError
from tieout.model.ids import seeded
from tieout.reconcile.run import Reconciled, reconcile
from tieout.sandbox.firm_plan import next_month
from tieout.sandbox.firm_workspace import secrets_for
from tieout.sandbox.world import World
from tieout.steps import Ended
from tieout.store import audit, landed
from tieout.store.core import Store
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.engine import Engine
from tieout.sync.retry import retry_row
from tieout.sync.sweep import sweep

#: How long everything may take to settle after things went wrong, in seconds.
SETTLE_S = 6 * 3600.0
#: Seconds between two rounds of settling: longer than a wait between two looks.
ROUND_S = 400.0
#: Seconds until a person who is told to sign in again has done so.
PERSON_S = 3 * 3600.0
_SIGN_IN = "Sign in again"


@dataclass(frozen=True)
class Script:
    """What happens in a history: everything follows from the seed and the strikes."""

    seed: int
    ledger: str = "quickbooks"
    strikes: tuple[Strike, ...] = ()
    acts: tuple[str, ...] = ()
    workers: int = 2
    skew_s: float = 0.0  # how far the second worker's clock is off, in seconds
    jumps_s: float = 0.0  # how long after the start it goes wrong
    hours: int = 10  # how long things may go wrong


@dataclass
class History:
    """A firm, its vendors, its workers and its bookkeeper, on one virtual clock."""

    script: Script
    folder: Path
    logs: list[str] = field(default_factory=list)
    restarts: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(self.script.seed)
        start = chance.choice(firm.STARTS)
        self.chance = chance
        self.kernel = Kernel(start, self.script.seed)
        vendors = ("salesforce", "harvest", self.script.ledger)
        self.world = World(self.kernel.clock, preset="empty", vendors=vendors)
        plan, sheets = firm.plan_firm(chance, start), self.script.seed % 4 == 3
        self.facts = firm.found_firm(self.folder, self.world, plan, sheets=sheets)
        self.faults = Faults(list(self.script.strikes))
        self.watch = Watch(self)
        self.vendors = Process("vendors")
        self.acts = acts.Acts(self)
        self.stopping = False
        self._called = False
        self._secrets = secrets_for(hosts(self.world))
        self.secrets_ever = {*self._secrets.values()} - {""}
        self.database.parent.mkdir(exist_ok=True)
        shutil.copyfile(_empty_database(), self.database)
        self._look = sqlite3.connect(self.database, isolation_level=None)

    # -- what everybody needs --------------------------------------------------------------
    @property
    def database(self) -> Path:
        return self.folder / ".tieout" / "tieout.db"

    @property
    def periods(self) -> list[Period]:
        return [Period(m, next_month(m) - timedelta(days=1)) for m in self.facts.months]

    def process(self) -> Any:
        """The process that runs now, None outside of all."""
        task = self.kernel.alive()
        return task.process if task else None

    def ask(self, sql: str, *values: Any) -> list[Any]:
        """A question to the database, past the product."""
        return self._look.execute(sql, values).fetchall()

    def is_approved(self, number: str) -> bool:
        rows = self.ask("SELECT status FROM documents WHERE number = ?", number)
        return bool(rows) and rows[0][0] != "draft"

    def crash(self, process: Process) -> None:
        """Kill a process; what watches over it starts another a little later."""
        self.restarts += 1
        name, work = process.name, self._work_of(process.name)
        delay_s = self.chance.choice((1.0, 20.0, 200.0, 1500.0))
        fresh = Process(name)

        def again() -> None:
            self.kernel.sleep(delay_s)
            work(fresh)

        self.kernel.note(f"{name} is killed; another starts in {delay_s:g} s")
        self.kernel.spawn(fresh, name, again)
        self.kernel.kill(process)

    def _work_of(self, name: str) -> Callable[[Process], None]:
        if name == "bookkeeper":
            return self._keep_books
        return self._settle if name == "settler" else self._work

    def call_a_person(self) -> None:
        """Somebody reads that a sign-in has ended, and signs in again some hours later."""
        if self._called:
            return
        self._called = True

        def sign_in() -> None:
            self.kernel.sleep(PERSON_S)
            for name, secret in self.world.ledger.sign_in_again().items():
                self._secrets[f"TIEOUT_LEDGER_{name.upper()}"] = secret
                self.secrets_ever.add(secret)
            self._called = False
            self.kernel.note("signed in to the ledger again")

        self.kernel.spawn(Process("person"), "person", sign_in)

    @contextmanager
    def engine(self, process: Process) -> Iterator[Engine]:
        """The workspace opened by a process: its memory, gone when it dies."""
        described = hosts(self.world)
        vendors = self.world.vendors.values()
        mounts = {described[v.slug]["base_url"]: Wire(self, process, v) for v in vendors}
        skew_s = self.script.skew_s if process.name == "worker 2" else 0.0
        with bootstrap.open_engine(
            settings_from({"TIEOUT_WORKSPACE": str(self.folder)}),
            clock=SharedClock(KernelClock(self.kernel, skew_s, self.script.jumps_s)),
            mounts=mounts,
            environment=self._secrets,
            actor=process.name,
        ) as engine:
            engine.store.engine.update_execution_options(compiled_cache=_COMPILED)
            yield engine

    # -- who does what -----------------------------------------------------------------------
    def _work(self, process: Process) -> None:
        """A worker: what the sweep finds due, then a rest; every look is `tieout run`'s."""
        with self.engine(process) as engine:
            while not self.stopping:
                soon = False
                try:
                    soon = self._look_once(engine)
                except StoreError as error:
                    self.kernel.note(f"the look failed: {error}")
                self.kernel.sleep(self.chance.uniform(*((60, 300) if soon else (2400, 9000))))

    def _look_once(self, engine: Engine) -> bool:
        """Do what is due; True when there is more to do soon."""
        work = sweep(engine)
        for turn in work.turns:
            self._tell(turn.id, steps.run_turn(engine, turn))
        if work.pushes and all(turn.name != "push" for turn in work.turns):
            self._tell("push", steps.run_push(engine))
        begun = "SELECT id FROM outbox WHERE state IN ('claimed', 'sent', 'unknown')"
        return bool(self.ask(begun))

    def _step(self, engine: Engine, name: str) -> Ended:
        ended = steps.run(engine, name)
        self._tell(name, ended)
        return ended

    def _tell(self, what: str, ended: Ended | None) -> None:
        text = ended.text if ended else "somebody else has it"
        self.kernel.note(f"{what}: {text}".replace(str(self.folder), "<workspace>"))
        if _SIGN_IN in text:
            self.call_a_person()

    def _keep_books(self, process: Process) -> None:
        """The bookkeeper: bills each month, approves, and sometimes pushes by hand."""
        self.kernel.sleep(self.chance.uniform(600, 4000))
        with self.engine(process) as engine:
            for period in self.periods:
                self._bill(engine, period)
                if self.chance.random() < 0.7:
                    self._step(engine, "push")
                self.acts.order(engine, self.script.acts)
                self.kernel.sleep(self.chance.uniform(1000, 20_000))

    def _bill(self, engine: Engine, period: Period) -> None:
        self.kernel.note(f"bill {period}")
        try:
            bill(engine, period)
            approve(engine, everything=True)
        except TieoutError as error:
            self.kernel.note(f"billing ended: {error}")

    def _settle(self, process: Process) -> None:
        """Everything works again: all is billed, pushed and looked at until nothing is left."""
        for name in ("pull", "pullback"):
            self._read(process, name)
        with self.engine(process) as engine:
            # Twice: a void that is done only now makes its work billable again.
            for _ in range(2):
                for period in self.periods:
                    self._bill(engine, period)
                self._push_until_settled(engine)
            self.kernel.sleep(3600)
            self._step(engine, "pullback")
            if "delete" in self.acts.done:
                self._until_swept(engine)
            self.proof = self.reconcile(engine)
            with engine.store.read() as tx:
                self.chain = audit.verify(tx)

    def _read(self, process: Process, name: str) -> None:
        """Read until all came through; where that needs a person, by a process that begins after
        that: what a person gives is read at its start."""
        while True:
            with self.engine(process) as engine:
                ended = self._step(engine, name)
            wait_s = PERSON_S + ROUND_S if _SIGN_IN in ended.text else ended.go_on_s
            if wait_s is None:
                return
            self.kernel.sleep(wait_s)

    def _push_until_settled(self, engine: Engine) -> None:
        ends = self.kernel.instant + timedelta(seconds=SETTLE_S)
        while self.kernel.instant < ends:
            self._step(engine, "push")
            self._retry_held(engine)
            if not self._unsettled():
                return
            self.kernel.sleep(ROUND_S)

    def _until_swept(self, engine: Engine) -> None:
        """Days in which a ledger that tells of no deletion is swept often enough to be sure."""
        for _ in range(landed.SWEEPS):
            self.kernel.sleep(86_400)
            self._step(engine, "pull")
            self._step(engine, "pullback")

    def _unsettled(self) -> list[Any]:
        return self.ask("SELECT id FROM outbox WHERE state NOT IN ('confirmed', 'held')")

    def _retry_held(self, engine: Engine) -> None:
        """The bookkeeper has put right what was held, or sees that it is right."""
        for (row_id,) in self.ask("SELECT id FROM outbox WHERE state = 'held'"):
            if row_id not in self.acts.asked:
                self.acts.asked.add(row_id)
                with _allowed():
                    retry_row(engine, row_id)

    def reconcile(self, engine: Engine) -> Reconciled:
        """Both sides compared, the report written."""
        connections = list(engine.connections.values())
        return reconcile(
            engine.workspace, engine.store, connections, engine.ledger(), self.folder / "reports"
        )

    @property
    def documents(self) -> int:
        """How many documents were approved."""
        return int(self.ask("SELECT count(*) FROM documents WHERE status != 'draft'")[0][0])

    def close(self) -> None:
        """Give the files back."""
        self._look.close()

    # -- the run ----------------------------------------------------------------------------
    def run(self) -> History:
        """Let it all happen. Raises what no history may raise."""
        with self._world_of_its_own():
            for number in range(1, self.script.workers + 1):
                worker = Process(f"worker {number}")
                self.kernel.spawn(worker, worker.name, lambda worker=worker: self._work(worker))
            clerk = Process("bookkeeper")
            self.kernel.spawn(clerk, clerk.name, lambda: self._keep_books(clerk))
            trouble = timedelta(hours=self.script.hours)
            self.acts.plan(self.script.acts, trouble)
            self.kernel.run(until=self.kernel.start + trouble)
            self.stopping = True
            self.faults.armed = False
            self.acts.heal()
            self.kernel.run()
            settler = Process("settler")
            self.kernel.spawn(settler, settler.name, lambda: self._settle(settler))
            self.kernel.run()
        return self

    @contextmanager
    def _world_of_its_own(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(seeded(self.script.seed))
            stack.enter_context(mock.patch.object(bootstrap, "Store", store_class(self)))
            stack.enter_context(mock.patch.object(bootstrap, "read_workspace", _read_workspace))
            stack.enter_context(mock.patch("socket.gethostname", self._machine))
            stack.enter_context(mock.patch("jwt.algorithms.load_pem_private_key", _key_of))
            structlog.configure(processors=[self._keep_log], logger_factory=_nobody)
            yield

    def _machine(self) -> str:
        """The name of the machine: one of its own for each process in every other history,
        so that nobody can see that another died and only the end of its lease frees its work."""
        process = self.process()
        return f"machine {id(process)}" if self.script.seed % 2 else "machine"

    def _keep_log(self, logger: Any, method: str, event: Any) -> str:
        line = repr(event)
        self.logs.append(line)
        return line


class _Compiled(dict[Any, Any]):
    """Compiled statements without the dialect in their names: every database here is SQLite."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


_COMPILED = _Compiled()
_nobody = structlog.ReturnLoggerFactory()


@contextmanager
def _allowed() -> Iterator[None]:
    try:
        yield
    except NotAllowed:
        return


#: The CRM's key is the same in every history; reading it takes as long as a tenth of one.
_key_of = cache(load_pem_private_key)


@cache
def _empty_database() -> Path:
    """A database as it is before anything happened, made once."""
    import tempfile

    path = Path(tempfile.mkdtemp()) / "empty.db"
    store = Store.open(f"sqlite:///{path}", KernelClock(Kernel(firm.STARTS[0], 0)))
    store.migrate()
    store.close()
    return path


_WORKSPACES: dict[str, Any] = {}
_read_whole = bootstrap.read_workspace


def _read_workspace(folder: Path) -> Any:
    """A workspace of the same text is read once: its values are frozen."""
    text = "".join(path.read_text() for path in sorted(folder.rglob("*.yaml")))
    if text not in _WORKSPACES:
        _WORKSPACES[text] = _read_whole(folder)
    return replace(_WORKSPACES[text], folder=folder)
