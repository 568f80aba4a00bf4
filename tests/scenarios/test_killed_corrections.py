"""A push of credit notes, corrections and voids killed with SIGKILL at each of its boundaries."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.scenarios.books import cents, ready_to_push
from tests.scenarios.firm import START, small_firm
from tests.scenarios.test_killed import (
    PEOPLE,
    PROJECTS,
    Copy,
    Mishap,
    Office,
    copied,
    pushed_until_quiet,
)
from tieout.bootstrap import open_engine
from tieout.clock import OffsetClock
from tieout.config import settings_from
from tieout.sync.approve import approve
from tieout.sync.correct import correct
from tieout.sync.credit import credit
from tieout.sync.void import void

DUE = date(2026, 4, 15)
#: What loses its answer in a history: the mishap, the call.
MISHAPS: tuple[tuple[Mishap, str], ...] = (
    ("", ""),
    ("lost_answer", "/creditmemo"),
    ("lost_answer", "/payment"),
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Two invoices wait: one with its credit note, the other with another due date."""
    folder = tmp_path_factory.mktemp("office")
    with small_firm(folder, people=PEOPLE, projects=PROJECTS) as firm:
        first, second = ready_to_push(firm)
        approve(firm.engine, [credit(firm.engine, first.number).id])
        correct(firm.engine, second.number, due=DUE)
        invoices = sorted((d.number, cents(d.total.amount)) for d in (first, second))
        return Office(folder, invoices, len(firm.facts.clients))


def wrong_with(copy: Copy, office: Office) -> str:
    """What is not as it must be over there, "" for nothing."""
    books = copy.world.quickbooks.books
    first, second = (books.get("Invoice", each["Id"]) for each in books.rows("Invoice"))
    memos, used = list(books.rows("CreditMemo")), list(books.rows("Payment"))
    told = []
    if copy.invoices() != office.invoices:
        told.append(f"invoices {copy.invoices()}")
    if [cents(memo["TotalAmt"]) for memo in memos] != [office.invoices[0][1]]:
        told.append(f"{len(memos)} credit memos")
    if [row["TotalAmt"] for row in used] != [0]:
        told.append(f"{len(used)} allocations")
    open_ = sorted(cents(row["Balance"]) for row in (first, second))
    if open_ != [0, office.invoices[1][1]]:
        told.append(f"open {open_}")
    if str(DUE) not in (first["DueDate"], second["DueDate"]):
        told.append("no due date was corrected")
    return "; ".join(told)


def killed_at(office: Office, folder: Path, mishap: tuple[Mishap, str], boundary: int) -> str:
    for copy in copied(office, folder, *mishap):
        code, told = copy.push(0, kill_at=boundary)
        if code != -9:
            return f"{mishap} {boundary}: was not killed (exit code {code}, told {told})"
        pushed_until_quiet(copy, 1)
        if wrong := wrong_with(copy, office):
            return f"{mishap} {boundary} {told[0]}: {wrong}"
    return ""


@pytest.mark.timeout(900)
def test_killed_at_any_boundary_there_is_one_of_each(office: Office, tmp_path: Path) -> None:
    cases = []
    for mishap in MISHAPS:
        for copy in copied(office, tmp_path / "quiet".join(mishap).replace("/", "-"), *mishap):
            first = pushed_until_quiet(copy, 0)[0]
            assert wrong_with(copy, office) == ""
        claims = [n for n, name in enumerate(first, start=1) if name == "claimed"]
        # Up to the batch of invoices is what `test_killed` kills.
        cases += [(mishap, n) for n in range(claims[office.customers + 1], len(first) + 1)]
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(killed_at, office, tmp_path / f"{number}", *case)
            for number, case in enumerate(cases)
        ]
        wrong = [text for one in work if (text := one.result())]
    assert wrong == [], f"of {len(cases)} boundaries"
    assert len(cases) >= 40, f"only {len(cases)} boundaries"


# -- voids: the invoice must be there first ----------------------------------------------------
@contextmanager
def ready_to_void(office: Office, folder: Path, mishap: Mishap) -> Iterator[Copy]:
    """Everything pushed, and the invoice that is not credited ordered to be void."""
    for copy in copied(office, folder, ""):
        pushed_until_quiet(copy, 0)
        clock = OffsetClock()
        clock.set(START + timedelta(seconds=100))
        environment = copy.environment
        with open_engine(
            settings_from(environment), clock=clock, environment=environment
        ) as engine:
            void(engine, office.invoices[1][0], release=True)
        if mishap:
            copy.world.quickbooks.faults.add(mishap, path="/invoice")
        yield copy


def void_killed_at(office: Office, folder: Path, mishap: Mishap, boundary: int) -> str:
    with ready_to_void(office, folder, mishap) as copy:
        code, told = copy.push(8, kill_at=boundary)
        if code != -9:
            return f"{mishap} {boundary}: was not killed (exit code {code}, told {told})"
        pushed_until_quiet(copy, 9)
        void_there = [cents(row["TotalAmt"]) for row in _invoices(copy)]
        return "" if sorted(void_there) == [0, office.invoices[0][1]] else f"{told}: {void_there}"


def _invoices(copy: Copy) -> Iterator[dict[str, object]]:
    return iter(copy.world.quickbooks.books.rows("Invoice"))


@pytest.mark.timeout(900)
def test_a_void_killed_at_any_boundary_is_made(office: Office, tmp_path: Path) -> None:
    cases: list[tuple[Mishap, int]] = []
    mishaps: tuple[Mishap, ...] = ("", "lost_answer")
    for mishap in mishaps:
        with ready_to_void(office, tmp_path / f"quiet{mishap}", mishap) as copy:
            (passed, *_) = pushed_until_quiet(copy, 8)
        cases += [(mishap, number) for number in range(1, len(passed) + 1)]
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(void_killed_at, office, tmp_path / f"{number}", *case)
            for number, case in enumerate(cases)
        ]
        wrong = [text for one in work if (text := one.result())]
    assert wrong == [], f"of {len(cases)} boundaries"
    assert len(cases) >= 14, f"only {len(cases)} boundaries"
