"""`tieout run`: the schedules of a workspace in one process, without a broker."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout import steps
from tieout.cli import show
from tieout.cli.exits import ExitCode, code_of, exit_code_of, words_of, worst
from tieout.cli.session import engine_of, finish, until_stopped
from tieout.errors import StoreError
from tieout.steps import Ended, Stint
from tieout.sync.engine import Engine
from tieout.sync.heed import heed
from tieout.sync.notify import tell
from tieout.sync.push import AT_ONCE
from tieout.sync.sweep import sweep

#: Seconds between two looks at what is due.
LOOK_EVERY_S = 15.0
#: This process works alone, so a push of it uses all that the vendor allows.
ALONE = Stint(pushers=AT_ONCE)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(run)


def run(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Every step once, now, whatever the schedules say.")
    ] = False,
) -> None:
    """Do the scheduled work until it is stopped with Ctrl-C."""
    with engine_of(context) as engine:
        if once:
            finish(
                worst(
                    *(_told(engine, name, steps.run(engine, name, ALONE)) for name in steps.STEPS)
                )
            )
        show.say(f"{engine.name}: working by the schedules of tieout.yaml. Ctrl-C stops.", err=True)
        with until_stopped():
            _loop(engine)


def _loop(engine: Engine) -> None:
    while True:
        try:
            _look(engine)
        except StoreError as error:  # it may come back; what was due stays due
            show.say(str(error), err=True)
        engine.store.clock.sleep(LOOK_EVERY_S)


def _look(engine: Engine) -> None:
    """Do everything that is due now; an error of a step is told and ends nothing else."""
    heed(engine)
    work = sweep(engine)
    for turn in work.turns:
        ended = steps.run_turn(engine, turn, ALONE)
        if ended is not None:
            _told(engine, turn.name, ended)
    if work.pushes and all(turn.name != "push" for turn in work.turns):
        _told(engine, "push", steps.run_push(engine, ALONE))


def _told(engine: Engine, name: str, ended: Ended) -> ExitCode:
    """Say how a step ended; the code for it."""
    text = words_of(ended.error) if ended.error else ended.text
    show.say(f"{engine.now():%Y-%m-%d %H:%M:%S} UTC  {name}: {text}")
    for one in tell(engine):
        if one.error:
            show.say(f"{one.channel} does not work: {one.error}", err=True)
    return exit_code_of(ended.error) if ended.error else code_of(ended.outcome)
