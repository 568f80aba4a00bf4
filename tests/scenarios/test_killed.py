"""A push killed with SIGKILL at every one of its boundaries, in real processes."""

from __future__ import annotations

import multiprocessing
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Literal

import pytest

from tests.scenarios import push_process
from tests.scenarios.books import cents, expected_by_code, ready_to_push
from tests.scenarios.firm import JANUARY, START, hosts, small_firm
from tieout.clock import VirtualClock
from tieout.sandbox.core import FaultKind
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import secrets_for
from tieout.sandbox.serving import Served
from tieout.sandbox.world import World

#: Starts processes from one that has imported everything and opened nothing.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.scenarios.push_process"])
PEOPLE, PROJECTS = 3, 2
#: What happens to a call, "" for nothing.
Mishap = FaultKind | Literal[""]
_LOST: tuple[Mishap, ...] = ("lost_answer", "cut_before")
#: Pushes after a kill until all must be settled.
PUSHES = 3


@dataclass(frozen=True)
class Office:
    """A firm ready to push: its folder, and what must stand in the ledger afterwards."""

    folder: Path
    invoices: list[tuple[str, int]]
    customers: int


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder = tmp_path_factory.mktemp("office")
    with small_firm(folder, people=PEOPLE, projects=PROJECTS) as firm:
        made = ready_to_push(firm)
        total = sum(cents(document.total.amount) for document in made)
        assert total == sum(expected_by_code(firm, JANUARY).values())
        invoices = sorted((d.number, cents(d.total.amount)) for d in made)
        return Office(folder, invoices, len(firm.facts.clients))


@dataclass(frozen=True)
class Copy:
    """A copy of the office with a ledger of its own, listening on loopback."""

    folder: Path
    world: World
    environment: dict[str, str]

    def push(self, round_: int = 0, kill_at: int = 0) -> tuple[int, list[str]]:
        """Push in a process; its exit code, and the boundaries it told of."""
        now = START + timedelta(seconds=60 + 10 * round_)
        told = self.folder / "told"
        told.write_text("")
        process = PROCESSES.Process(
            target=push_process.main, args=(self.environment, now, 0.0, kill_at, told)
        )
        process.start()
        process.join(60)
        assert process.exitcode is not None, "the push hangs"
        return process.exitcode, told.read_text().splitlines()

    def is_settled(self) -> bool:
        with closing(sqlite3.connect(self.folder / ".tieout" / "tieout.db")) as database:
            (states,) = zip(*database.execute("SELECT state FROM outbox"), strict=True)
        return set(states) == {"confirmed"}

    def invoices(self) -> list[tuple[str, int]]:
        rows = self.world.quickbooks.books.rows("Invoice")
        return sorted((row["DocNumber"], cents(row["TotalAmt"])) for row in rows)

    def customers(self) -> int:
        return len(list(self.world.quickbooks.books.rows("Customer")))


def copied(office: Office, folder: Path, mishap: Mishap, path: str = "/batch") -> Iterator[Copy]:
    shutil.copytree(office.folder, folder)
    world = World(VirtualClock(START), preset="empty")
    demo_firm(world, people=PEOPLE, projects=PROJECTS)
    ledger = world.quickbooks
    ledger.settings.limits = False  # its clock stands still, so no minute would ever pass
    if mishap:
        ledger.faults.add(mishap, path=path)
    with Served(ledger) as served:
        said = folder / "tieout.yaml"
        text = said.read_text().replace("http://quickbooks.local", served.base_url)
        said.write_text(text)
        secrets = secrets_for(hosts(world))
        kept = {"TIEOUT_WORKSPACE": str(folder)}
        yield Copy(folder, world, {**kept, **secrets})


def clean_run(office: Office, mishap: Mishap, folder: Path) -> list[list[str]]:
    """The boundaries of each push until nothing is left to do, when nobody kills any."""
    for copy in copied(office, folder, mishap):
        found = pushed_until_quiet(copy, 0)
        assert copy.invoices() == office.invoices
        return found
    raise AssertionError


def pushed_until_quiet(copy: Copy, first: int) -> list[list[str]]:
    """Push until every row is confirmed; the boundaries of each push."""
    found = []
    for round_ in range(first, first + PUSHES):
        code, passed = copy.push(round_)
        assert code == 0
        found.append(passed)
        if copy.is_settled():
            return found
    raise AssertionError(f"not settled after {PUSHES} pushes")


def killed_at(office: Office, folder: Path, case: tuple[Mishap, int, int]) -> str:
    """Kill the n-th push at a boundary, push on; "" when all is well, else what is wrong."""
    mishap, nth, boundary = case
    for copy in copied(office, folder, mishap):
        for round_ in range(nth):
            copy.push(round_)
        code, told = copy.push(nth, kill_at=boundary)
        if code != -9 or len(told) != 1:
            return f"{case}: was not killed (exit code {code}, told {told})"
        pushed_until_quiet(copy, nth + 1)
        if copy.invoices() != office.invoices:
            return f"{case} {told[0]}: {copy.invoices()}, not {office.invoices}"
        if copy.customers() != office.customers:
            return f"{case} {told[0]}: {copy.customers()} customers, not {office.customers}"
    return ""


@pytest.mark.timeout(400)
def test_killed_at_any_boundary_each_invoice_is_there_once(
    office: Office, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (quiet,) = clean_run(office, "", tmp_path / "quiet")
    cases: list[tuple[Mishap, int, int]] = [("", 0, n) for n in range(1, len(quiet) + 1)]
    for mishap in _LOST:
        pushes = clean_run(office, mishap, tmp_path / mishap)
        for nth, passed in enumerate(pushes):
            same = list(
                takewhile(lambda pair: pair[0] == pair[1], zip(passed, quiet, strict=False))
            )
            start = len(same) + 1 if nth == 0 else 1
            cases += [(mishap, nth, number) for number in range(start, len(passed) + 1)]
    request.node.user_properties.append(("boundaries", len(cases)))
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(killed_at, office, tmp_path / "-".join(map(str, case)), case)
            for case in cases
        ]
        wrong = [text for one in work if (text := one.result())]
    assert wrong == [], f"of {len(cases)} boundaries"
    # Before and after each commit and each call, for customers, the batch, looks and repeats.
    assert len(cases) >= 20, f"only {len(cases)} boundaries"
    assert {"claimed", "sent: before commit", "sent: after commit"} <= set(quiet)
