"""The Celery app: `celery -A tieout.worker worker`. A message is an id; the rows decide.

A task takes one id and runs one step; a message that comes twice, late or never costs
nothing but time, because every worker sweeps the rows for what is due and says so again.
Each remote company that is written to has a queue of its own, so that a slow ledger holds
up nobody else's; everything else goes to the queue `tieout`.
"""

from __future__ import annotations

import mmap
import os
import re
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar

import structlog
from celery import Celery, bootsteps
from celery.signals import worker_process_init, worker_shutting_down
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tieout import steps
from tieout.bootstrap import open_engine, read_workspace, set_up_logs
from tieout.clock import SystemClock
from tieout.config import settings_from
from tieout.connectors.base import Family
from tieout.errors import TieoutError
from tieout.steps import Stint
from tieout.sync import schedule
from tieout.sync.engine import Engine
from tieout.sync.heed import heed
from tieout.sync.notify import tell
from tieout.sync.sweep import let_go, sweep

#: Seconds between two looks of a worker at everything that is due.
SWEEP_S = 30.0
#: Seconds after which a task ends where it stands and its rest becomes another message: so
#: that a worker can stop, and that one company's thousand invoices let others in between.
STINT_S = 20.0
#: Seconds after which the broker gives an unacknowledged message to another worker.
VISIBILITY_S = 3600
#: Seconds after which a task's process is killed (prefork); below the time the broker waits.
HARD_LIMIT_S = 1800
#: Seconds for tasks to end by themselves when a worker is told to quit at once.
SOFT_STOP_S = 30.0
#: Seconds between two calls for help of a push that has much to do.
HELP_EVERY_S = 2.0
#: Seconds between two looks for a database that is away.
LOOK_FOR_DATABASE_S = 2.0
#: How Redis is talked to.
BROKER_OPTIONS = {
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
#: The queue for everything that is not one ledger's.
REST = "tieout"
#: Messages about turns that may wait in one queue; more would only repeat them.
TURNS_WAITING = 8

_log = structlog.get_logger("tieout.worker")
# A page shared with the processes forked from this one: it says that the worker stops.
_stopping = mmap.mmap(-1, 1)


# -- settings ---------------------------------------------------------------------------
def _settings() -> dict[str, Any]:
    """Celery's settings for this process's workspace. Raises Misconfigured."""
    settings = settings_from()
    workspace = read_workspace(settings.workspace)
    firm = re.sub(r"\W+", "-", workspace.firm.name.casefold())
    return {
        "broker_url": settings.broker,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_S,
            "global_keyprefix": f"tieout:{firm}:",  # firms may share one Redis
            **BROKER_OPTIONS,
        },
        "task_queues": [
            Queue(name, routing_key=name) for name in dict.fromkeys((REST, *workspace.connections))
        ],
        "task_default_queue": REST,
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_time_limit": HARD_LIMIT_S,
        "worker_prefetch_multiplier": 1,
        "worker_soft_shutdown_timeout": SOFT_STOP_S,
        # The rows say what goes on; a task in hand ends what it began without the broker.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_redirect_stdouts": False,
    }


app = Celery("tieout", set_as_current=False)
app.add_defaults(_settings)  # read when a worker starts, not when this module is imported


# -- this process's engine --------------------------------------------------------------
class _Here:
    """The engine of this process, opened when it is first needed and never shared over a fork."""

    def __init__(self) -> None:
        self.is_forked = False
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._engine: Engine | None = None

    def engine(self) -> Engine:
        """The engine. Raises Misconfigured, StoreError; then the next call tries again."""
        with self._lock:
            if self._engine is None:
                settings = settings_from()
                set_up_logs(settings.log_level, as_json=settings.log_format == "json")
                self._engine = self._stack.enter_context(open_engine(settings))
            return self._engine

    def rest(self) -> None:
        """Leave no connection to the database open: what is forked now inherits none."""
        with self._lock:
            if self._engine is not None:
                self._engine.store.close()


_here = _Here()
_inherited: list[_Here] = []  # kept, so that nothing of the parent's is closed in a child


@worker_process_init.connect(weak=False)
def _forked(**_: Any) -> None:
    global _here
    _inherited.append(_here)
    _here = _Here()
    _here.is_forked = True


@worker_shutting_down.connect(weak=False)
def _stop(**_: Any) -> None:
    _stopping[0] = 1


def _stint() -> Stint:
    """Until this task has had its time, or the worker is told to stop."""
    clock = _here.engine().store.clock
    until = clock.monotonic() + STINT_S
    return Stint(enough=lambda: _stopping[0] == 1 or clock.monotonic() > until, patience_s=STINT_S)


def _end_at_once_when_told() -> None:
    """Let SIGTERM and SIGQUIT end a pool's process like a crash, at once.

    Celery's own handlers raise SystemExit wherever the program happens to be. In the middle
    of psycopg's COMMIT that looks like a commit that failed, and the clean-up that follows
    runs on a wrong belief. A crash is what every step is made for. Celery puts its handlers
    back when a process starts, so this is said at the beginning of each task.
    """
    if _here.is_forked:
        signal.signal(signal.SIGTERM, _crash)
        signal.signal(signal.SIGQUIT, _crash)


def _crash(number: int, frame: object) -> None:
    os._exit(128 + number)


# -- tasks ------------------------------------------------------------------------------
@app.task(name="tieout.turn")
def turn(turn_id: str) -> None:
    """Run the turn of a schedule, unless another worker has it or it is over."""
    _at_work(lambda engine: _run_turn(engine, turn_id))


@app.task(name="tieout.push")
def push(connection: str) -> None:
    """Push what is due to a ledger."""
    _at_work(lambda engine: _run_push(engine, connection))


def _at_work(work: Callable[[Engine], None]) -> None:
    """Do a piece of work; an error of ours is logged, and the sweep finds what is left."""
    _end_at_once_when_told()
    try:
        engine = _here.engine()
        work(engine)
        tell(engine)
    except TieoutError as error:
        _log.error("the task ended early", error=type(error).__name__, text=str(error))
    _let_go()


def _let_go() -> None:
    """Free what the task held if something stopped it; waits for a database that is away,
    as there is nothing else to do without it."""
    while _stopping[0] == 0:
        try:
            let_go(_here.engine())
            break
        except TieoutError as error:
            _log.warning("the database is away", text=str(error))
            SystemClock().sleep(LOOK_FOR_DATABASE_S)


def _run_turn(engine: Engine, turn_id: str) -> None:
    one = schedule.by_id(engine, turn_id)
    if one is None:
        return
    if one.name == "push":
        engine = _calling_for_help(engine)
    ended = steps.run_turn(engine, one, _stint())
    if ended is None:
        return
    _log.info("turn", turn=turn_id, outcome=ended.outcome.value, text=ended.text)
    if ended.go_on_s == 0:
        _send(turn, turn_id, _queue_of(engine, one.name))


def _run_push(engine: Engine, connection: str) -> None:
    if connection != engine.ledger().name:
        return
    ended = steps.run_push(_calling_for_help(engine), _stint())
    _log.info("push", connection=connection, outcome=ended.outcome.value, text=ended.text)
    if ended.go_on_s == 0:
        _send(push, connection, connection)


def _calling_for_help(engine: Engine) -> Engine:
    """The engine, on whose progress other workers are told what else is due."""
    clock = engine.store.clock
    called = [clock.monotonic() - HELP_EVERY_S]

    def progress(what: str, done: int, total: int | None) -> None:
        if clock.monotonic() - called[0] >= HELP_EVERY_S:
            called[0] = clock.monotonic()
            _look(engine)

    return replace(engine, progress=progress)


# -- the sweep --------------------------------------------------------------------------
class Sweeper(bootsteps.StartStopStep):
    """Looks for what is due as long as its worker lives."""

    requires: ClassVar = {"celery.worker.components:Timer", "celery.worker.components:Pool"}

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timers: list[Any] = []

    def start(self, parent: Any) -> None:
        """Look at once, then every `SWEEP_S` seconds."""
        self._timers = [
            parent.timer.call_after(0.0, _sweep),
            parent.timer.call_repeatedly(SWEEP_S, _sweep),
        ]

    def stop(self, parent: Any) -> None:
        """Look no more."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []


app.steps["worker"].add(Sweeper)


def _sweep() -> None:
    """One look; a database or a broker that is away is told of, and looked for again."""
    try:
        _look(_here.engine())
        _here.rest()
    except (TieoutError, OSError) as error:
        _log.warning("the sweep could not look", text=str(error))


def _look(engine: Engine) -> None:
    """Tell the workers what is due, less what they were told already."""
    heed(engine)
    work = sweep(engine)
    for one in work.turns:
        queue = _queue_of(engine, one.name)
        if _waiting(queue) < TURNS_WAITING:
            _send(turn, one.id, queue)
    for due in work.pushes:
        for _ in range(due.pushes - _waiting(due.connection)):
            _send(push, due.connection, due.connection)


def _queue_of(engine: Engine, name: str) -> str:
    """The queue of a step: the ledger's own, where it works on nothing but the ledger."""
    ledgers = engine.of_family(Family.LEDGER)
    return ledgers[0].name if name in ("push", "pullback") and len(ledgers) == 1 else REST


def _waiting(queue: str) -> int:
    """How many messages wait in a queue; 0 when the broker does not say."""
    try:
        with app.producer_or_acquire() as producer:
            declared = producer.channel.queue_declare(queue=queue)
    except (OperationalError, RedisError, OSError) as error:
        _log.warning("the broker is away", text=str(error))
        return 0
    return int(declared.message_count)


def _send(task: Any, argument: str, queue: str) -> None:
    """Say that something is due. What cannot be said now, the next sweep says."""
    try:
        task.apply_async((argument,), queue=queue, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        _log.warning("the broker is away", text=str(error))
