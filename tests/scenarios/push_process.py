"""One push in a process of its own, which may kill itself at a boundary.

`main` is run in a process forked from a server that has imported everything and opened
nothing: as good as a fresh one, and a second quicker.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tieout.bootstrap import open_engine, set_up_logs
from tieout.clock import OffsetClock
from tieout.config import settings_from
from tieout.sync import doubts
from tieout.sync.push import push


def main(
    environment: Mapping[str, str], now: datetime, look_again_s: float, kill_at: int, told: Path
) -> None:
    """Push; the boundaries passed are written to `told`, one a line. `kill_at` 0 lets it live."""
    doubts.LOOK_AGAIN_S = look_again_s
    passed: list[str] = []

    def boundary(name: str) -> None:
        passed.append(name)
        if len(passed) == kill_at:
            told.write_text(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    set_up_logs("CRITICAL")
    clock = OffsetClock()
    clock.set(now)
    with open_engine(settings_from(environment), clock=clock, environment=environment) as engine:
        done = push(engine, boundary=boundary)
    told.write_text("".join(f"{name}\n" for name in passed))
    if done.stopped:
        raise SystemExit(done.stopped)
