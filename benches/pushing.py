"""Invoices pushed per second over loopback HTTP, beside a loop that only sends the same calls.

The stand-in runs in this process, so its own work is in both figures. Its limits are off;
the pace the connector keeps is on, and what was waited for it is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import requests

from tieout.billing.inputs import Period
from tieout.bootstrap import open_engine
from tieout.clock import SystemClock
from tieout.config import settings_from
from tieout.model.document import Document
from tieout.sandbox.core import Call
from tieout.sandbox.firm import FirmFacts, demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.world import Serving, World, describe, serve
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.engine import Engine
from tieout.sync.project import project
from tieout.sync.pull import pull
from tieout.sync.pullback import pullback
from tieout.sync.push import push
from tieout.sync.translate import translate


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One push and its bare twin."""

    invoices: int
    lines: int
    calls: int  # every call to the ledger during the push
    writing_calls: int  # of these, those that the bare loop sent too
    seconds: float
    paced_seconds: float  # of these, waited for the connector's own pace
    bare_seconds: float

    @property
    def per_s(self) -> float:
        return self.invoices / self.seconds

    @property
    def bare_per_s(self) -> float:
        return self.invoices / self.bare_seconds

    @property
    def calls_per_100(self) -> float:
        return 100 * self.calls / self.invoices


class CountingClock(SystemClock):
    """The machine's clock; remembers how long it was asked to wait."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += max(seconds, 0.0)
        super().sleep(seconds)


def measure(folder: Path, *, people: int, projects: int, invoices: int) -> Sent:
    """Push approved invoices of a firm whose customers are in the ledger already.

    `folder` is empty and takes the workspace and its SQLite database. Raises RuntimeError
    when not everything arrived: the figure would be false.
    """
    clock = CountingClock()
    with _served(people, projects) as (serving, facts):
        ledger = serving.world.quickbooks
        described = describe(serving)
        write_workspace(folder, described, facts.rates, facts.instalment_days)
        with open_engine(
            settings_from({"TIEOUT_WORKSPACE": str(folder)}),
            clock=clock,
            environment=secrets_for(described),
            actor="bench",
        ) as engine:
            drafts = _drafts(engine, facts)
            before = _one_of_each_client(drafts)
            _pushed(engine, before)
            chosen = [document for document in drafts if document not in before][:invoices]
            approve(engine, [document.id for document in chosen])
            made, ahead, slept = len(ledger.calls), len(ledger.write_calls), clock.slept
            started = time.perf_counter()
            done = push(engine)
            seconds = time.perf_counter() - started
        if len(done.confirmed) != len(chosen):
            raise RuntimeError(f"{len(done.confirmed)} of {len(chosen)} arrived. {done.stopped}")
        writes = ledger.write_calls
        there = sum(1 for _ in ledger.books.rows("Invoice"))
    return Sent(
        invoices=len(chosen),
        lines=sum(len(document.lines) for document in chosen),
        calls=len(ledger.calls) - made,
        writing_calls=len(writes) - ahead,
        seconds=seconds,
        paced_seconds=clock.slept - slept,
        bare_seconds=_sent_bare(people, projects, writes, ahead, there),
    )


@contextmanager
def _served(people: int, projects: int) -> Iterator[tuple[Serving, FirmFacts]]:
    world = World(SystemClock(), preset="empty")
    world.quickbooks.settings.limits = False
    facts = demo_firm(world, people=people, projects=projects)
    with serve(world) as serving:
        yield serving, facts


def _drafts(engine: Engine, facts: FirmFacts) -> list[Document]:
    """Everything until approval: two months of drafts."""
    failed = [one.error for one in pull(engine) if one.error]
    translate(engine)
    project(engine)
    failed += [one.error for one in pullback(engine).pulled if one.error]
    if failed:
        raise RuntimeError(f"the firm could not be pulled: {failed[0]}")
    return [draft for month in facts.months for draft in bill(engine, _month(month)).drafts]


def _month(first: date) -> Period:
    after = (first + timedelta(days=31)).replace(day=1)
    return Period(first, after - timedelta(days=1))


def _one_of_each_client(drafts: Sequence[Document]) -> list[Document]:
    return list({document.client_id: document for document in reversed(drafts)}.values())


def _pushed(engine: Engine, some: Sequence[Document]) -> None:
    """Not measured: makes the customers that the ledger lacks, signs in, opens connections."""
    approve(engine, [document.id for document in some])
    done = push(engine)
    if done.stopped or done.held:
        raise RuntimeError(f"the first invoices did not arrive. {done.stopped}")


def _sent_bare(
    people: int, projects: int, writes: Sequence[Call], ahead: int, expected: int
) -> float:
    """Send the same bytes to a fresh stand-in; seconds for those after the first `ahead`."""
    with _served(people, projects) as (serving, _), requests.Session() as session:
        ledger = serving.world.quickbooks
        session.headers["Authorization"] = f"Bearer {ledger.credentials['access_token']}"
        session.headers["Content-Type"] = "application/json"
        session.headers["Accept"] = "application/json"
        base = serving.base_url("quickbooks")
        calls = [(f"{base}{call.path}?{call.query}", call.body.encode()) for call in writes]
        for url, body in calls[:ahead]:
            session.post(url, data=body, timeout=60).raise_for_status()
        started = time.perf_counter()
        for url, body in calls[ahead:]:
            session.post(url, data=body, timeout=60).raise_for_status()
        seconds = time.perf_counter() - started
        there = sum(1 for _ in ledger.books.rows("Invoice"))
    if there != expected:
        raise RuntimeError(f"the bare loop left {there} invoices, not {expected}")
    return seconds
