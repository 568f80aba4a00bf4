"""Figures for Prometheus, read from the database whenever somebody asks.

So it does not matter which process is asked, or that the one that counted has ended. Labels
name connections, states and reasons: never a person, a client or an invoice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tieout.errors import StoreError
from tieout.store import calls, runs
from tieout.store.core import Tx
from tieout.store.inbox import MessageState
from tieout.store.outbox import OutboxState
from tieout.sync.engine import Engine
from tieout.sync.status import Status, status

_log = structlog.get_logger("tieout.metrics")


class Figures(Collector):
    """What one workspace's database says, as metrics."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[Metric]:
        """Nothing beforehand: what there is shows when it is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read everything in one view; `tieout_up` is 0 when the database does not answer."""
        up = GaugeMetricFamily("tieout_up", "Whether the database answers.")
        try:
            with self._engine.store.read() as tx:
                found = status(self._engine, tx)
                counted = [*_calls(tx), *_runs(tx)]
        except StoreError as problem:
            _log.error("no figures", error=str(problem))
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from counted
        yield from _writes(found)
        yield from _held(found)
        yield from _inbox(found)
        yield from _connections(self._engine, found)


def registry_of(engine: Engine) -> CollectorRegistry:
    """A registry of this workspace's figures alone."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(engine))
    return registry


def as_text(engine: Engine) -> str:
    """The figures once, in the text format."""
    return generate_latest(registry_of(engine)).decode()


def _calls(tx: Tx) -> Iterator[Metric]:
    labels = ("connection", "purpose", "outcome")
    made = CounterMetricFamily("tieout_calls", "Calls to vendors by outcome.", labels=labels)
    took = CounterMetricFamily("tieout_call_seconds", "Time that calls took.", labels=labels)
    for kind, count in calls.every(tx).items():
        values = [kind.connection, kind.purpose, kind.outcome]
        made.add_metric(values, count.calls)
        took.add_metric(values, count.micros / 1_000_000)
    yield made
    yield took


def _runs(tx: Tx) -> Iterator[Metric]:
    ran = GaugeMetricFamily(
        "tieout_runs", "Runs by how they stand.", labels=("verb", "connection", "state")
    )
    for (verb, connection, state), count in sorted(runs.counts_by_state(tx).items()):
        ran.add_metric([verb, connection, state.value], count)
    yield ran


def _writes(found: Status) -> Iterator[Metric]:
    labels = ("connection", "state")
    rows = GaugeMetricFamily("tieout_outbox_rows", "Writes by state.", labels=labels)
    ages = GaugeMetricFamily(
        "tieout_outbox_oldest_seconds", "Age of the oldest write in a state.", labels=labels
    )
    there = {(one.connection, one.state): one for one in found.queues}
    for connection in sorted({name for name, _ in there}):
        for state in OutboxState:  # a queue that emptied says 0, and does not fall silent
            one = there.get((connection, state))
            rows.add_metric([connection, state.value], one.rows if one else 0)
            if state is not OutboxState.CONFIRMED:
                oldest = one.oldest.total_seconds() if one and one.oldest else 0
                ages.add_metric([connection, state.value], oldest)
    yield rows
    yield ages


def _held(found: Status) -> Iterator[Metric]:
    rows: Counter[tuple[str, str]] = Counter()
    since: dict[tuple[str, str], datetime] = {}
    for one in found.held:
        # A place may name a period; what comes before it is enough to count by.
        key = one.where.partition(":")[0], one.reason
        rows[key] += one.rows
        since[key] = min(since.get(key, one.since), one.since)
    labels = ("place", "reason")
    held = GaugeMetricFamily("tieout_held", "What waits for a person.", labels=labels)
    ages = GaugeMetricFamily(
        "tieout_held_oldest_seconds", "Age of the oldest that waits.", labels=labels
    )
    for key, count in sorted(rows.items()):
        held.add_metric(key, count)
        ages.add_metric(key, (found.at - since[key]).total_seconds())
    yield held
    yield ages


def _inbox(found: Status) -> Iterator[Metric]:
    labels = ("connection", "state")
    messages = GaugeMetricFamily(
        "tieout_inbox_messages", "Notifications received, by how they stand.", labels=labels
    )
    latest = GaugeMetricFamily(
        "tieout_inbox_latest_seconds", "Time since one was received.", labels=("connection",)
    )
    waits = GaugeMetricFamily(
        "tieout_inbox_oldest_seconds", "Age of the oldest that waits.", labels=("connection",)
    )
    there = {(one.connection, one.state): one for one in found.inbox}
    for connection in sorted({name for name, _ in there}):
        mine = [there.get((connection, state)) for state in MessageState]
        for state, one in zip(MessageState, mine, strict=True):
            messages.add_metric([connection, state.value], one.messages if one else 0)
        last = max(one.latest for one in mine if one)
        latest.add_metric([connection], (found.at - last).total_seconds())
        waiting = there.get((connection, MessageState.WAITING))
        age = (found.at - waiting.since).total_seconds() if waiting else 0
        waits.add_metric([connection], age)
    yield from (messages, latest, waits)


def _connections(engine: Engine, found: Status) -> Iterator[Metric]:
    lag = GaugeMetricFamily(
        "tieout_stream_lag_seconds",
        "Time since a stream was last read to its end.",
        labels=("connection", "stream"),
    )
    for one in found.streams:
        if one.lag is not None:
            lag.add_metric([one.connection, one.stream], one.lag.total_seconds())
    left = GaugeMetricFamily(
        "tieout_quota_left", "Calls left of a budget.", labels=("connection", "budget")
    )
    for quota in found.quotas:
        left.add_metric([quota.connection, quota.name], quota.left)
    stopped = GaugeMetricFamily(
        "tieout_connection_stopped", "Whether its credentials are refused.", labels=("connection",)
    )
    parked = GaugeMetricFamily(
        "tieout_parked_seconds", "How long the vendor asked for peace.", labels=("connection",)
    )
    refused = {one.connection for one in found.stopped}
    until = {one.company: one.until for one in found.parked}
    for connection in engine.connections.values():
        stopped.add_metric([connection.name], int(connection.name in refused))
        left_alone = until.get(connection.pace_key, found.at) - found.at
        parked.add_metric([connection.name], left_alone.total_seconds())
    yield from (lag, left, stopped, parked)
