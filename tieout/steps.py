"""The steps that schedules run, and how each ended: one way for the embedded loop and workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tieout.errors import StoreError, TieoutError, Transient
from tieout.reconcile.run import Reconciled
from tieout.reconcile.run import reconcile as compare_books
from tieout.sync import schedule
from tieout.sync.engine import Engine
from tieout.sync.project import Made, project
from tieout.sync.pull import Pulled, pull
from tieout.sync.pullback import PulledBack, pullback
from tieout.sync.push import Pushed, push
from tieout.sync.pusher import PATIENCE_S
from tieout.sync.schedule import Due
from tieout.sync.translate import Translated, translate


@dataclass(frozen=True, kw_only=True)
class Stint:
    """How long a step may take of whoever runs it. The default: until there is nothing to do."""

    enough: Callable[[], bool] = lambda: False  # asked between calls: True ends it there
    patience_s: float = PATIENCE_S  # the longest wait for a company's pace
    pushers: int = 1  # how many push at once; AT_ONCE = as many as the vendor takes


WHOLE = Stint()


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    PROBLEMS = "problems"  # it ran, and found some
    REFUSED = "refused"  # a remote system refused, or did not answer
    HELD = "held"  # done, and work waits for a person


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a step ended, and what it did."""

    text: str
    outcome: Outcome = Outcome.DONE
    go_on_s: float | None = None  # seconds until it should go on; None = it did all there was
    error: Exception | None = None  # what stopped it, when something did


#: A step: does its work on an engine, ends early when told that it is enough.
Step = Callable[[Engine, Stint], Ended]

#: Seconds until a push that stopped early goes on.
GO_ON_S = 60.0
#: Seconds until a pull goes on whose streams did not all come through.
PULL_AGAIN_S = 300.0
#: Seconds until a step goes on that the database failed.
DATABASE_BACK_S = 10.0


def run(engine: Engine, name: str, stint: Stint = WHOLE) -> Ended:
    """Run one step by its name. What stops it is told in the answer and not raised."""
    try:
        return STEPS[name](engine, stint)
    except (TieoutError, OSError) as error:
        return Ended(text=str(error), outcome=Outcome.PROBLEMS, error=error)


def run_turn(engine: Engine, turn: Due, stint: Stint = WHOLE) -> Ended | None:
    """Run the step of a turn; None when another process has it, or it has ended.

    The turn is over afterwards, unless there is more to do in it, or what stopped it may be
    over soon: then it goes on later. Raises StoreError when not even that can be written down; the
    turn is due again all the same.
    """
    with schedule.taken(engine, turn) as held:
        if held is None:
            return None
        try:
            ended = run(held.engine, turn.name, stint)
        except Exception as error:
            schedule.finish(held, type(error).__name__, failed=True)
            raise
        if isinstance(ended.error, StoreError):
            schedule.go_on(held, DATABASE_BACK_S, ended.text)
        elif isinstance(ended.error, Transient):
            schedule.go_on(held, GO_ON_S, ended.text)
        elif ended.go_on_s is not None:
            schedule.go_on(held, ended.go_on_s, ended.text)
        else:
            schedule.finish(held, ended.text, failed=ended.error is not None)
        return ended


def run_push(engine: Engine, stint: Stint = WHOLE) -> Ended:
    """Push what has come due outside the schedule: writes tried before, and all of them
    while the push's own turn lasts."""
    try:
        with engine.store.read() as tx:
            first = schedule.is_open(engine, tx, "push")
        return _pushed(engine, _push_with(engine, stint, first=first))
    except (TieoutError, OSError) as error:
        return Ended(text=str(error), outcome=Outcome.PROBLEMS, error=error)


def _pull(engine: Engine, stint: Stint) -> Ended:
    pulled = pull(engine)
    text = mapped_words(translate(engine), project(engine))
    outcome = Outcome.REFUSED if any(one.error for one in pulled) else Outcome.DONE
    return _pulled(pulled, text, outcome)


def _pulled(pulled: Iterable[Pulled], text: str, outcome: Outcome) -> Ended:
    """How a pull ended: what did not come through goes on soon, unless a person must act."""
    failed = [f"{one.connection}/{one.stream}: {one.error}" for one in pulled if one.error]
    soon = any(one.transient for one in pulled)
    return Ended(
        text="\n  ".join([text, *failed]),
        outcome=outcome,
        go_on_s=PULL_AGAIN_S if soon else None,
    )


def _push(engine: Engine, stint: Stint) -> Ended:
    return _pushed(engine, _push_with(engine, stint))


def _push_with(engine: Engine, stint: Stint, *, first: bool = True) -> Pushed:
    return push(
        engine,
        first=first,
        enough=stint.enough,
        pushers=stint.pushers,
        patience_s=stint.patience_s,
    )


def _pushed(engine: Engine, pushed: Pushed) -> Ended:
    go_on_s = 0.0 if pushed.unfinished else None
    if pushed.stopped:
        told = pushed.goes_on_at
        go_on_s = max((told - engine.now()).total_seconds(), 0.0) if told else GO_ON_S
    return Ended(text=push_words(pushed), outcome=push_outcome(pushed), go_on_s=go_on_s)


def _pullback(engine: Engine, stint: Stint) -> Ended:
    told = pullback(engine)
    text = (
        f"{count(told.payments, 'payment')} known, {count(len(told.changed), 'invoice')} changed."
    )
    return _pulled(told.pulled, text, pullback_outcome(told))


def _reconcile(engine: Engine, stint: Stint) -> Ended:
    done = reconciled(engine)
    found = len(done.comparison.discrepancies)
    open_ = any(one.needs_action for one in done.comparison.discrepancies)
    return Ended(
        text=f"{count(found, 'difference')}. Report: {done.html}",
        outcome=Outcome.PROBLEMS if open_ else Outcome.DONE,
    )


#: The steps in the order of the day's work, under the names of the schedules.
STEPS: Mapping[str, Step] = {
    "pull": _pull,
    "push": _push,
    "pullback": _pullback,
    "reconcile": _reconcile,
}


def reconciled(engine: Engine, out: Path | None = None) -> Reconciled:
    """Reconcile into a folder, the workspace's own reports by default."""
    return compare_books(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        out or engine.workspace.folder / "reports",
    )


# -- in words -----------------------------------------------------------------------------
def count(number: int, one: str, many: str = "") -> str:
    """`1 invoice`, `2 invoices`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def mapped_words(translated: Translated, made: Made) -> str:
    """What the rules made, in a sentence or two."""
    waits = translated.held + made.held + made.unplaced
    text = (
        f"{count(translated.facts, 'fact')} new or changed, "
        f"{count(len(made.new), 'project')} made, "
        f"{count(made.placed, 'time entry', 'time entries')} placed."
    )
    return f"{text} {waits} held: see `tieout held`." if waits else text


def push_words(pushed: Pushed) -> str:
    """What a push did, in a sentence."""
    parts = [
        f"{len(pushed.confirmed)} confirmed",
        f"{len(pushed.recovered)} of them recovered from a lost answer",
        f"{len(pushed.held)} held",
        f"{len(pushed.waiting)} waiting",
        count(pushed.calls, "writing call"),
    ]
    text = ", ".join(part for part in parts if part[:2] != "0 " or "confirmed" in part) + "."
    return f"{text}\nStopped early: {pushed.stopped}" if pushed.stopped else text


def push_outcome(pushed: Pushed) -> Outcome:
    """How a push ended."""
    if pushed.stopped:
        return Outcome.REFUSED
    return Outcome.HELD if pushed.held else Outcome.DONE


def pullback_outcome(told: PulledBack) -> Outcome:
    """How a pullback ended."""
    return Outcome.REFUSED if any(one.error for one in told.pulled) else Outcome.DONE
