"""Several processes in one thread, on a virtual clock, in an order that a seed decides.

A task is a greenlet of a process. It runs until it sleeps or comes to a point; then
another task may go first. Time stands still while anybody can run and jumps to the
next waking when nobody can. A killed process runs no further: whatever it tries next
raises Killed, so nothing it would still have tidied up gets done.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from greenlet import getcurrent, greenlet

from tieout.clock import AgreedClock


class Killed(BaseException):
    """This task's process was killed."""


class Stuck(AssertionError):
    """Tasks are left that nothing will ever wake."""


@dataclass(eq=False)
class Process:
    """What dies and sleeps together."""

    name: str
    dead: bool = False
    paused_until: datetime | None = None


@dataclass(eq=False)
class Task:
    """One line of work of a process."""

    name: str
    process: Process
    run: greenlet = field(repr=False)
    wake_at: datetime
    error: BaseException | None = None
    done: bool = False


class Kernel:
    """Runs tasks one at a time. `log` keeps what was noted, with its instant."""

    def __init__(self, start: datetime, seed: int, *, yields: float = 0.25) -> None:
        self.instant = start.astimezone(UTC)
        self.start = self.instant
        self.random = random.Random(seed)
        self.log: list[tuple[datetime, str, str]] = []
        self.clock = KernelClock(self)
        self._yields = yields  # how often a point lets another task go first
        self._tasks: list[Task] = []
        self._hub = getcurrent()

    # -- tasks ------------------------------------------------------------------------
    def spawn(self, process: Process, name: str, work: Callable[[], object]) -> Task:
        """Start a task of a process; it begins when the kernel runs."""
        task = Task(name=name, process=process, run=greenlet(None), wake_at=self.instant)

        def main() -> None:
            try:
                work()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001 - the kernel raises it again
                task.error = error
            task.done = True

        task.run = greenlet(main, parent=self._hub)
        self._tasks.append(task)
        return task

    def run(self, until: datetime | None = None) -> None:
        """Run tasks until none is left, or none has anything to do before an instant.

        Raises the error a task ended with.
        """
        while self._tasks:
            ready = [task for task in self._tasks if self._wakes(task) <= self.instant]
            if not ready:
                soonest = min(self._wakes(task) for task in self._tasks)
                if until is not None and soonest > until:
                    self.instant = max(self.instant, until)
                    return
                self.instant = soonest
                continue
            self._step(self.random.choice(ready))

    def _wakes(self, task: Task) -> datetime:
        paused = task.process.paused_until
        return task.wake_at if paused is None else max(paused, task.wake_at)

    def _step(self, task: Task) -> None:
        if task.process.dead:
            task.run.throw(Killed) if task.run else None
            task.done = True
        else:
            task.run.switch()
        if task.done:
            self._tasks.remove(task)
            if task.error is not None:
                raise task.error

    # -- inside a task ------------------------------------------------------------------
    def current(self) -> Task | None:
        """The task that is running; None outside of all tasks."""
        here = getcurrent()
        return next((task for task in self._tasks if task.run is here), None)

    def alive(self) -> Task | None:
        """The running task. Raises Killed when its process is dead."""
        task = self.current()
        if task is not None and task.process.dead:
            raise Killed
        return task

    def point(self) -> None:
        """A place where another task may go first."""
        task = self.alive()
        if task is not None and self.random.random() < self._yields:
            self._park(task, self.instant)

    def sleep(self, seconds: float) -> None:
        """Wait; outside of all tasks, time just moves on."""
        task = self.alive()
        if task is None:
            self.instant += timedelta(seconds=max(seconds, 0.0))
        elif seconds > 0:
            self._park(task, self.instant + timedelta(seconds=seconds))

    def kill(self, process: Process) -> None:
        """End a process here and now; called by one of its own tasks it does not return."""
        process.dead = True
        for task in self._tasks:
            task.wake_at = self.instant if task.process is process else task.wake_at
        process.paused_until = None
        self.alive()

    def pause(self, process: Process, seconds: float) -> None:
        """Stop a process for some time, as SIGSTOP and SIGCONT do."""
        process.paused_until = self.instant + timedelta(seconds=seconds)
        task = self.alive()
        if task is not None and task.process is process:
            self._park(task, self.instant)

    def note(self, text: str) -> None:
        """Write a line into the log, with who and when."""
        task = self.current()
        self.log.append((self.instant, task.name if task else "", text))

    def _park(self, task: Task, until: datetime) -> None:
        task.wake_at = until
        self._hub.switch()
        if task.process.dead:
            raise Killed


class SharedClock(AgreedClock):
    """A machine's clock beside a database server that has the kernel's own time.

    The histories run on a file, where no server is asked: here one answers.
    """

    def __init__(self, machine: KernelClock) -> None:
        super().__init__(machine)
        self._kernel = machine.kernel

    def agree(self, ask: Callable[[], datetime | None]) -> None:
        super().agree(lambda: self._kernel.instant)


class KernelClock:
    """The kernel's time as a clock.

    `skew_s` is how far a machine's clock is off, `jumps_s` how long after the start it
    goes wrong; both in seconds.
    """

    def __init__(self, kernel: Kernel, skew_s: float = 0.0, jumps_s: float = 0.0) -> None:
        self.kernel = kernel
        self.skew_s = skew_s
        self.jumps_s = jumps_s

    def now(self) -> datetime:
        is_off = self.skew_s and self.monotonic() >= self.jumps_s
        return self.kernel.instant + timedelta(seconds=self.skew_s if is_off else 0.0)

    def today(self, time_zone: str) -> date:
        return self.now().astimezone(ZoneInfo(time_zone)).date()

    def sleep(self, seconds: float) -> None:
        self.kernel.sleep(seconds)

    def monotonic(self) -> float:
        return (self.kernel.instant - self.kernel.start).total_seconds()
