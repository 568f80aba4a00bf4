"""The worker's app with what only these tests may have: short waits, and deaths on order.

Started as `celery -A tests.processes.app worker`. Where the environment says so, the process
ends or stops itself when a push first passes a named point; a file says that it has.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tieout import steps, worker
from tieout.sync import doubts, pusher, schedule
from tieout.sync import push as pushing

app = worker.app

worker.SWEEP_S = float(os.environ.get("TEST_SWEEP_S", "1"))
worker.STINT_S = float(os.environ.get("TEST_STINT_S", "20"))
worker.VISIBILITY_S = int(os.environ.get("TEST_VISIBILITY_S", "3600"))
# Redis's messages that nobody acknowledged are looked for every second, and not every hundred.
worker.BROKER_OPTIONS |= {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}
worker.HELP_EVERY_S = 0.2
worker.SOFT_STOP_S = 3.0
schedule.LEASE_S = pusher.LEASE_S = float(os.environ.get("TEST_LEASE_S", "60"))
doubts.LOOK_AGAIN_S = float(os.environ.get("TEST_LOOK_AGAIN_S", "0.5"))
steps.GO_ON_S = steps.DATABASE_BACK_S = 1.0


def _once(name: str) -> bool:
    """Whether this process is the first to come to a point; leaves word of who was."""
    told = Path(os.environ["TEST_TOLD"]) / name.replace(" ", "_")
    try:
        with told.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _boundary(name: str) -> None:
    if name not in os.environ.get("TEST_POINTS", "").split(",") or not _once(name):
        return
    action = os.environ["TEST_ACTION"]
    if action == "kill child":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "kill parent":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()  # a child may live for a moment longer; it does nothing more
    elif action == "kill group":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)


def _push(*arguments: Any, **options: Any) -> pushing.Pushed:
    return pushing.push(*arguments, boundary=_boundary, **options)


steps.push = _push  # type: ignore[assignment]
