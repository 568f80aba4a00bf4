"""What people were told of: each occurrence once on each channel."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.operations import told as t


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """Something to be told of; it is another one when any of this differs."""

    event: str  # `held`
    subject: str  # which, and since when: `out_12ab 2026-03-02T14:00:00+00:00`


def untold(tx: Tx, channel: str, there: Collection[Occurrence]) -> set[Occurrence]:
    """Of what there is now, what a channel was not told. What is over is forgotten: when it
    comes back it is told anew."""
    query = sa.select(t.c.event, t.c.subject).where(t.c.channel == channel)
    known = {Occurrence(row.event, row.subject) for row in tx.execute(query)}
    for one in sorted(known - set(there)):
        tx.execute(
            t.delete().where(
                t.c.channel == channel, t.c.event == one.event, t.c.subject == one.subject
            )
        )
    return set(there) - known


def note(tx: Tx, channel: str, told: Iterable[Occurrence]) -> None:
    """Note that a channel was told."""
    rows = [
        {"channel": channel, "event": one.event, "subject": one.subject, "told_at": tx.now()}
        for one in sorted(told)
    ]
    if rows:
        tx.execute(tx.insert(t).on_conflict_do_nothing(), rows)
