"""`tieout run`: the schedules of a workspace in one process, without a broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from tieout.cli import show
from tieout.cli.exits import ExitCode, exit_code_of, words_of, worst
from tieout.cli.ledger import pullback_code, push_code, push_words, reconciled
from tieout.cli.session import engine_of, finish, until_stopped
from tieout.cli.work import mapped_words
from tieout.errors import TieoutError
from tieout.sync.engine import Engine
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.push import push
from tieout.sync.schedule import due
from tieout.sync.translate import translate

#: Seconds between two looks at the schedules.
LOOK_EVERY_S = 15.0
#: Seconds until a push that left writes waiting goes on.
GO_ON_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a step ended."""

    text: str  # what it did
    code: ExitCode = ExitCode.DONE
    waits: bool = False  # True when it left something to go on with soon


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
            finish(worst(*(_step(engine, name).code for name in STEPS)))
        show.say(f"{engine.name}: working by the schedules of tieout.yaml. Ctrl-C stops.", err=True)
        with until_stopped():
            _loop(engine)


def _loop(engine: Engine) -> None:
    go_on: datetime | None = None
    while True:
        names = [one.name for one in due(engine)]
        if go_on is not None and engine.now() >= go_on and "push" not in names:
            names.append("push")
        for name in names:
            ended = _step(engine, name)
            if name == "push":
                go_on = engine.now() + timedelta(seconds=GO_ON_S) if ended.waits else None
        engine.store.clock.sleep(LOOK_EVERY_S)


def _step(engine: Engine, name: str) -> Ended:
    """One step; an error of it is told and does not end the loop."""
    try:
        ended = STEPS[name](engine)
    except (TieoutError, OSError) as error:
        ended = Ended(text=words_of(error), code=exit_code_of(error))
    show.say(f"{engine.now():%Y-%m-%d %H:%M:%S} UTC  {name}: {ended.text}")
    return ended


def _pull(engine: Engine) -> Ended:
    pulled = pull(engine)
    failed = [f"{one.connection}/{one.stream}: {one.error}" for one in pulled if one.error]
    text = mapped_words(translate(engine), project(engine))
    code = ExitCode.REFUSED if failed else ExitCode.DONE
    return Ended(text="\n  ".join([text, *failed]), code=code)


def _push(engine: Engine) -> Ended:
    pushed = push(engine)
    return Ended(text=push_words(pushed), code=push_code(pushed), waits=bool(pushed.waiting))


def _pullback(engine: Engine) -> Ended:
    told = pullback(engine)
    failed = [f"{one.stream}: {one.error}" for one in told.pulled if one.error]
    text = (
        f"{show.count(told.payments, 'payment')} known, "
        f"{show.count(len(told.changed), 'invoice')} changed."
    )
    return Ended(text="\n  ".join([text, *failed]), code=pullback_code(told))


def _reconcile(engine: Engine) -> Ended:
    done = reconciled(engine)
    found = len(done.comparison.discrepancies)
    return Ended(
        text=f"{show.count(found, 'difference')}. Report: {done.html}",
        code=ExitCode.PROBLEMS if found else ExitCode.DONE,
    )


#: The steps in the order of the day's work, under the names of the schedules.
STEPS: Mapping[str, Callable[[Engine], Ended]] = {
    "pull": _pull,
    "push": _push,
    "pullback": _pullback,
    "reconcile": _reconcile,
}
