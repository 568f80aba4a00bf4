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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.sabotage.guards import GUARDS, Guard

ROOT = Path(__file__).parents[2]
#: What a copy needs.
PARTS = ("tieout", "tests", "cassettes", "config", "docs", "benches", "tools", "pyproject.toml",
         "README.md", "Makefile", "CHANGELOG.md", "LICENSE", "requirements.lock")  # fmt: skip
#: Seconds one guard's tests may take.
LIMIT_S = 900
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Caught:
    """What became of one guard's removal."""

    guard: Guard
    by: str  # the first test that failed, "" when none did
    seconds: float


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
        environment = {**os.environ, "PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *guard.tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    failed = _FAILED.search(done.stdout)
    by = failed.group(1) if done.returncode == 1 and failed else ""
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{guard.name}: the tests could not run: {done.stdout[-2000:]}")
    return Caught(guard, by, time.monotonic() - begun)


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
    with ThreadPoolExecutor(arguments.processes) as pool:
        caught = []
        for one in pool.map(sabotage, guards):
            caught.append(one)
            says = one.by or "MISSED: no test failed"
            print(f"{len(caught):2}/{len(guards)}  {one.guard.name:36} {says}", flush=True)
    missed = [one.guard.name for one in caught if not one.by]
    told = {"planted": len(caught), "caught": len(caught) - len(missed), "missed": len(missed)}
    print(json.dumps({**told, "missed_names": missed}))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
