"""Takes out one guard of the product at a time and runs the tests that must notice.

    python -m tests.sabotage.run [--only NAME] [--list]

Every guard is removed in a copy of the tree, so nothing here is ever changed. The last line
is one line of JSON: how many guards were planted out, caught and missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.sabotage.guards import GUARDS, Guard

ROOT = Path(__file__).parents[2]
#: What a copy needs.
PARTS = ("tieout", "tests", "cassettes", "config", "docs", "benches", "tools", "pyproject.toml",
         "README.md", "Makefile", "CHANGELOG.md", "LICENSE", "requirements.lock", "compose.yaml",
         "Dockerfile")  # fmt: skip
#: Seconds one guard's tests may take.
LIMIT_S = 900
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Caught:
    """What became of one guard's removal."""

    guard: Guard
    by: str  # the first test that failed, "" when none did
    seconds: float
    why: str = "no test failed"  # it was missed


def plant(guard: Guard, tree: Path) -> None:
    """Take the guard out of a tree. Raises ValueError when it is not there exactly once."""
    path = tree / guard.file
    text = path.read_text(encoding="utf-8")
    if text.count(guard.guard) != 1:
        raise ValueError(
            f"{guard.name}: the guard stands {text.count(guard.guard)} times in {guard.file}, "
            "not once; tests/sabotage/guards.py must follow the code"
        )
    path.write_text(text.replace(guard.guard, guard.instead), encoding="utf-8")


def copied(folder: Path) -> Path:
    """A copy of the tree without what tests and tools leave in it."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(
                source, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        else:
            shutil.copy(source, folder / part)
    return folder


def sabotage(guard: Guard) -> Caught:
    """Remove one guard and run its tests until one fails."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        tree = copied(Path(name))
        plant(guard, tree)
        try:
            by, why = first_failure(tree, guard.tests, LIMIT_S), "no test failed"
        except RuntimeError as problem:
            by, why = "", str(problem)
        except subprocess.TimeoutExpired:
            by, why = "", f"its tests took longer than {LIMIT_S} s"
    return Caught(guard, by, time.monotonic() - begun, why)


def first_failure(tree: Path, tests: Iterable[str], limit_s: float, *options: str) -> str:
    """The first of some tests that fails in a tree, "" when none does.

    Raises RuntimeError when they cannot be run.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, *tests],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    failed = _FAILED.search(done.stdout)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not failed):
        raise RuntimeError(f"the tests could not run: {done.stdout[-2000:]}")
    return failed.group(1) if failed else ""


def whole(guards: Iterable[Guard], processes: int) -> str:
    """The first of all these guards' tests that fails while no guard is missing.

    Such a test would seem to notice everything.
    """
    tests = sorted({test for guard in guards for test in guard.tests})
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        return first_failure(copied(Path(name)), tests, 4 * LIMIT_S, "-n", str(processes))


def main() -> int:
    """Remove each guard in turn; 0 when every removal was noticed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.sabotage.run")
    parser.add_argument("--only", help="the guards whose name has this in it")
    parser.add_argument("--list", action="store_true", help="only tell what would be removed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    guards = [guard for guard in GUARDS if not arguments.only or arguments.only in guard.name]
    if arguments.list:
        print("\n".join(f"{guard.name:36} {guard.file}" for guard in guards))
        return 0
    print("first with every guard in its place ...", flush=True)
    if fails := whole(guards, arguments.processes):
        print(f"{fails} fails with every guard in its place: nothing can be told from it")
        return 2
    with ThreadPoolExecutor(arguments.processes) as pool:
        caught = []
        for one in pool.map(sabotage, guards):
            caught.append(one)
            says = one.by or f"MISSED: {one.why}"
            print(f"{len(caught):2}/{len(guards)}  {one.guard.name:36} {says}", flush=True)
    missed = [one.guard.name for one in caught if not one.by]
    told = {"planted": len(caught), "caught": len(caught) - len(missed), "missed": len(missed)}
    print(json.dumps({**told, "missed_names": missed}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
