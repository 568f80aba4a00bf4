"""What the global options said, and the engine they open."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer
from requests.adapters import BaseAdapter

from tieout.bootstrap import open_engine
from tieout.cli import show
from tieout.cli.exits import ExitCode
from tieout.clock import Clock
from tieout.config import Settings, settings_from
from tieout.sync.engine import Engine


@dataclass(kw_only=True)
class Session:
    """One run of the command line. `clock`, `mounts` and `browse` are for tests and rehearsals."""

    workspace: Path | None = None  # None: TIEOUT_WORKSPACE, else the current folder
    actor: str = ""  # "": whoever is signed in to the machine
    clock: Clock | None = None
    mounts: Mapping[str, BaseAdapter] | None = None
    browse: Callable[[str], bool] | None = None  # opens a page; false when there is no browser

    def settings(self) -> Settings:
        """The process settings, the workspace option first. Raises Misconfigured."""
        said = {"TIEOUT_WORKSPACE": str(self.workspace)} if self.workspace else {}
        return settings_from({**os.environ, **said})


def session_of(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.obj
    assert isinstance(found, Session)  # the app's callback put it there
    return found


@contextmanager
def engine_of(context: typer.Context) -> Iterator[Engine]:
    """The opened workspace of a command, with its progress on standard error."""
    session = session_of(context)
    with (
        show.progress() as told,
        open_engine(
            session.settings(),
            clock=session.clock,
            mounts=session.mounts,
            progress=told,
            actor=session.actor,
        ) as engine,
    ):
        yield engine


def finish(code: ExitCode) -> None:
    """End the command with a code."""
    raise typer.Exit(int(code))


@contextmanager
def until_stopped() -> Iterator[None]:
    """Work until Ctrl-C or a polite request to end (SIGTERM); both end it cleanly."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        show.say("Stopped.", err=True)
    finally:
        signal.signal(signal.SIGTERM, before)
