"""Whether whoever holds a lease still lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tieout.sync.owners import at_work, is_dead, this_process

SAY_WHO = "import time; from tieout.sync.owners import this_process; print(this_process(), flush=1)"


def test_a_piece_of_work_is_dead_when_it_has_ended_however_it_ended() -> None:
    with at_work() as one:
        with suppress(ZeroDivisionError), at_work() as other:
            assert not is_dead(one)
            assert not is_dead(other)
            _ = 1 // 0
        assert is_dead(other)
        assert not is_dead(one), "another push of this process is still at work"
    assert is_dead(one)
    assert not is_dead(this_process())


def test_another_process_is_dead_when_it_is_gone() -> None:
    command = [sys.executable, "-c", f"{SAY_WHO}; time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip() + ":work_1"
        assert not is_dead(owner)
        process.send_signal(signal.SIGSTOP)
        assert not is_dead(owner), "one that sleeps may wake"
        process.kill()
        for _ in range(200):  # killed, and not even fetched by its parent
            if is_dead(owner):
                break
            time.sleep(0.02)
        assert is_dead(owner)
    assert is_dead(owner)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
def test_a_later_process_with_the_same_number_is_another() -> None:
    host, pid, start = this_process().split(":")
    assert pid == str(os.getpid())
    assert is_dead(f"{host}:{pid}:{int(start) - 1}:work_1")
    assert is_dead(f"{host}:{os.getppid()}:1:work_1")


def test_nothing_is_said_of_other_machines() -> None:
    assert not is_dead("another-machine:1:1:work_1")
    assert not is_dead("")
