"""Runs histories by seed, counts what struck, and says whether every promise held.

    python -m tests.sim.run --seeds 200          # what `make test` runs
    python -m tests.sim.run --seed 123 --story   # one history, told
    python -m tests.sim.run --seeds 20000 --record   # and write docs/reference/proof

The last line is one line of JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import structlog

from tests.sim import record
from tests.sim.acts import NAMES, OURS
from tests.sim.faults import COMMIT, READ, TOKEN, WRITE, Strike, every_fault, kinds_at
from tests.sim.history import History, Script
from tests.sim.invariants import broken

#: Seeds whose histories once broke a promise: always run again.
KEPT = Path(__file__).with_name("kept_seeds.json")
#: The ledgers that histories are about, in turn by seed.
LEDGERS = ("quickbooks", "xero", "netsuite")
#: Faults of its own that each history is given, so that together they meet every one.
EACH = 6
#: Histories between two savings of a long run.
BLOCK = 200
#: Faults that no history met, and that one more is given: fewer each time, for one may keep
#: another from striking.
TOGETHER = (6, 2, 1)
#: Histories in which nothing goes wrong, which together come to every point: their seeds, whose
#: firms differ (one invoice goes alone, several in a batch), and what is done in them.
QUIET = ((1, ("pay", "unapplied")), (11, ("pay", "unapplied", *OURS)))
QUIET_HOURS = 20
_CORES = os.cpu_count() or 1
_ANY = tuple(dict.fromkeys((*READ, *WRITE, *TOKEN, *COMMIT)))


@dataclass
class Told:
    """What one history came to."""

    seed: int
    broken: list[str]
    struck: list[tuple[str, str]]
    missed: list[Strike]
    passed: int = 0
    restarts: int = 0
    acts: int = 0
    documents: int = 0
    points: frozenset[str] = frozenset()
    story: list[str] = field(default_factory=list)


def points() -> tuple[str, ...]:
    """The points that quiet histories pass, each known by being passed."""
    return tuple(sorted(_met_by()))


@cache
def _met_by() -> dict[str, dict[str, int]]:
    """Each point: by ledger, which of the quiet histories is the first that passes it."""
    found: dict[str, dict[str, int]] = {}
    quiet = [(ledger, number) for ledger in LEDGERS for number in range(len(QUIET))]
    with multiprocessing.get_context("fork").Pool(_CORES) as pool:
        all_told = pool.starmap(_told_quietly, quiet)
    for (ledger, number), told in zip(quiet, all_told, strict=True):
        if told.broken:
            raise AssertionError(f"a quiet history ({ledger}, {number}) is broken: {told.broken}")
        for point in told.points:
            found.setdefault(point, {}).setdefault(ledger, number)
    return found


def _told_quietly(ledger: str, number: int, strikes: tuple[Strike, ...] = ()) -> Told:
    seed, acts = QUIET[number]
    return tell(Script(seed=seed, ledger=ledger, strikes=strikes, acts=acts, hours=QUIET_HOURS))


def ledger_of(seed: int) -> str:
    """The ledger that a seed's history is about."""
    return LEDGERS[seed % len(LEDGERS)]


@cache
def faults_of(ledger: str) -> tuple[Strike, ...]:
    """The single faults that a ledger's histories are owed; each fault belongs to one ledger."""
    return tuple(strike for strike, owner in _owners().items() if owner == ledger)


@cache
def _owners() -> dict[Strike, str]:
    """The ledger that owes each fault: where several pass its point, the one that owes least."""
    met, owed = _met_by(), Counter[str]()
    owners: dict[Strike, str] = {}
    for strike in sorted(every_fault(points()), key=lambda one: len(met[one.point])):
        owner = min(sorted(met[strike.point]), key=lambda ledger: owed[ledger])
        owners[strike] = owner
        owed[owner] += 1
    # In an order that mixes them: neighbours go into one history.
    return {strike: owners[strike] for strike in every_fault(points())}


def owed_by(seed: int) -> tuple[Strike, ...]:
    """A seed's own share of them: together, so many seeds as there are faults meet all."""
    faults, place = faults_of(ledger_of(seed)), seed // len(LEDGERS)
    return tuple(faults[(place * EACH + number) % len(faults)] for number in range(EACH))


def script(seed: int) -> Script:
    """The script of a seed: its share of all single faults, others anywhere, some acts."""
    chance = random.Random(f"script {seed}")
    more = [
        Strike("", chance.choice(_ANY), chance.randrange(5, 500))
        for _ in range(chance.randrange(4))
    ]
    acts = tuple(chance.choice(NAMES) for _ in range(chance.randrange(3)))
    owed = owed_by(seed)
    if any(_passed_in(strike)[1] for strike in owed):  # where our bookkeeper has to do something
        acts = (*OURS, *acts)
    workers = chance.choice((1, 2, 2, 3))
    skew_s = chance.choice((0.0, 0.0, -90.0, 240.0))
    return Script(
        seed=seed,
        ledger=ledger_of(seed),
        strikes=(*owed, *more),
        acts=acts,
        workers=workers,
        skew_s=skew_s,
        jumps_s=3600.0 * chance.choice((0, 3)),
    )


def tell(script: Script) -> Told:
    """Run one history in a folder of its own, in memory where there is such a place."""
    home = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=home))
    history = History(script, folder)
    try:
        return _told(history, _wrong(history))
    finally:
        history.close()
        structlog.reset_defaults()
        shutil.rmtree(folder, ignore_errors=True)


def _wrong(history: History) -> list[str]:
    try:
        return broken(history.run())
    except Exception as error:  # noqa: BLE001 - whatever a history raises breaks a promise
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{type(error).__name__} in {where.name}: {error}"]


def _told(history: History, wrong: list[str]) -> Told:
    return Told(
        seed=history.script.seed,
        broken=wrong,
        struck=[(strike.point, strike.kind) for strike in history.faults.struck],
        missed=[strike for strike in history.faults.strikes if strike.point],
        passed=history.faults.passed[""],
        restarts=history.restarts,
        acts=len(history.acts.done),
        documents=history.documents,
        points=frozenset(history.faults.points),
        story=story(history),
    )


def story(history: History) -> list[str]:
    """The history in lines: when, who, what."""
    return [f"{at:%Y-%m-%d %H:%M:%S}  {who:12} {what}" for at, who, what in history.kernel.log]


def run_one(seed: int) -> Told:
    """A seed's history."""
    return tell(script(seed))


def struck_in_peace(strikes: tuple[Strike, ...]) -> Told:
    """Faults that no history came to, in a quiet one that passes all their points."""
    return _told_quietly(*_passed_in(strikes[0]), strikes)


def _in_peace(missing: list[Strike], together: int) -> list[tuple[Strike, ...]]:
    """Missing faults in groups whose points the same quiet history passes."""
    found = []
    for _, same in groupby(sorted(missing, key=_passed_in), key=_passed_in):
        found += _parts([*same], together)
    return found


def _parts(strikes: list[Strike], size: int) -> list[tuple[Strike, ...]]:
    # Neighbours strike at the same passing of the same point, where only one of them can.
    groups = -(-len(strikes) // size)
    return [tuple(strikes[first::groups]) for first in range(groups)]


def _passed_in(strike: Strike) -> tuple[str, int]:
    """The ledger that owes a fault, and which quiet history of it passes the point."""
    ledger = _owners()[strike]
    return ledger, _met_by()[strike.point][ledger]


# -- many ------------------------------------------------------------------------------------
@dataclass
class Sum:
    """What many histories came to."""

    histories: int = 0
    passed: int = 0
    restarts: int = 0
    acts: int = 0
    documents: int = 0
    seconds: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)  # `kind at point`
    failures: list[tuple[int, list[str]]] = field(default_factory=list)  # seed, what was broken

    def add(self, one: Told) -> None:
        self.histories += 1
        self.passed += one.passed
        self.restarts += one.restarts
        self.acts += one.acts
        self.documents += one.documents
        self.struck.update(f"{kind} at {point}" for point, kind in one.struck)
        if one.broken:
            self.failures.append((one.seed, one.broken))

    def not_struck(self, seeds: Iterable[int]) -> list[Strike]:
        """The single faults that these seeds owed and nothing met."""
        owed = {strike for seed in seeds for strike in owed_by(seed)}
        return sorted(one for one in owed if not self.struck[f"{one.kind} at {one.point}"])


def run_all(seeds: list[int], processes: int, kept_at: Path | None = None) -> Sum:
    """Run seeds on so many processes, then a few more for the faults that none met.

    With `kept_at`, a file, what was run is kept there, and a run of the same seeds goes on
    where an earlier one was stopped.
    """
    points()  # found once, before the processes are forked
    total = Sum(**json.loads(kept_at.read_text())) if kept_at and kept_at.exists() else Sum()
    total.struck = Counter(total.struck)
    with multiprocessing.get_context("fork").Pool(processes, _collect_seldom) as pool:
        while (done := total.histories) < len(seeds):
            begun = time.monotonic()
            for one in pool.imap_unordered(run_one, seeds[done : done + BLOCK]):
                total.add(one)
                _tell_progress(one, total, len(seeds), begun)
            total.seconds += time.monotonic() - begun
            if kept_at:
                kept_at.write_text(json.dumps(vars(total)))
        begun = time.monotonic()
        for together in TOGETHER:
            missing = _in_peace(total.not_struck(seeds), together)
            for one in pool.imap_unordered(struck_in_peace, missing):
                total.add(one)
        total.seconds += time.monotonic() - begun
    return total


def _collect_seldom() -> None:
    """Look for garbage less often: a history makes much and keeps little, which is an eighth
    of its time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _tell_progress(one: Told, total: Sum, seeds: int, begun: float) -> None:
    if one.broken:
        print(f"\nseed {one.seed}: {'; '.join(one.broken[:5])}", flush=True)
    if sys.stderr.isatty() or total.histories % BLOCK == 0:
        rate = total.histories / (total.seconds + time.monotonic() - begun)
        left = (seeds - total.histories) / rate / 60
        line = f"\r{total.histories}/{seeds} seeds, {rate:.1f}/s, {left:.0f} min left "
        print(line, end="", file=sys.stderr, flush=True)


def kept() -> list[int]:
    """The seeds that are always run."""
    return list(json.loads(KEPT.read_text())["seeds"])


def main() -> int:
    """Run what was asked for; 0 when every promise held and every fault was met."""
    arguments = _arguments()
    if arguments.seed is not None:
        return _one(arguments.seed, story=arguments.story)
    first = arguments.first
    seeds = [*kept(), *range(first, first + arguments.seeds)]
    kept_at = record.unfinished(seeds) if arguments.record else None
    total = run_all(seeds, arguments.processes, kept_at)
    print(file=sys.stderr)
    told = _summed(total, seeds, arguments.processes)
    if arguments.record:
        record.write(told, [text for _, broken in total.failures for text in broken])
    print(json.dumps(told))
    return int(bool(told["broken"] or told["single_faults_owed_and_not_met"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.sim.run")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--processes", type=int, default=_CORES)
    parser.add_argument("--seed", type=int, help="replay this one alone")
    parser.add_argument("--story", action="store_true", help="tell its history")
    parser.add_argument("--record", action="store_true", help="write docs/reference/proof")
    return parser.parse_args()


def _one(seed: int, *, story: bool) -> int:
    told = run_one(seed)
    if story:
        print("\n".join(told.story))
    print(f"seed {told.seed}: struck {told.struck}")
    print("\n".join(told.broken) or "every promise held")
    return int(bool(told.broken))


def _summed(total: Sum, seeds: list[int], processes: int) -> dict[str, Any]:
    """Print what struck; the facts of the run."""
    missing = total.not_struck(seeds)
    by_kind, at_points = Counter[str](), Counter[str]()
    for struck, times in total.struck.items():
        kind = struck.partition(" at ")[0]
        by_kind[kind] += times
        at_points[kind] += 1
    print(f"{'kind of fault':18} {'points':>6} {'struck':>7}")
    for kind, times in sorted(by_kind.items()):
        print(f"{kind:18} {at_points[kind]:6} {times:7}")
    for strike in missing:
        print(f"never met: {strike}")
    known = points()
    return {
        "ledgers": list(LEDGERS),
        "seeds": len(seeds),
        "histories": total.histories,
        "documents": total.documents,
        "broken": len(total.failures),
        "broken_seeds": sorted({seed for seed, _ in total.failures}),
        "points": len(known),
        "kinds": len(by_kind),
        "single_faults": sum(len(kinds_at(point)) for point in known),
        "single_faults_owed_and_not_met": len(missing),
        "faults_struck": sum(by_kind.values()),
        "processes_killed": total.restarts,
        "acts_behind_our_back": total.acts,
        "passings": total.passed,
        "seconds": round(total.seconds, 1),
        "seeds_per_second": round(len(seeds) / total.seconds, 2),
        "cores": processes,
    }


if __name__ == "__main__":
    sys.exit(main())
