"""Asks a vendor's feed of changes which lists need not be read again.

A list that did not change costs no call of its own then, as people pay for those. It is
read whole once a day all the same, and whenever the feed cannot be asked or understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tieout.connectors.base import Since
from tieout.connectors.pages import understood
from tieout.connectors.transport import Connection
from tieout.errors import RemoteError
from tieout.store import cursors
from tieout.store.cursors import Cursor
from tieout.sync.engine import Engine

#: How long a list may go without being read whole, in seconds.
WHOLE_S = 86_400.0


def unchanged(engine: Engine, connection: Connection, known: Mapping[str, Cursor]) -> set[str]:
    """The streams of a connection that did not change since they were read, noted as such.

    `known` are its cursors by stream; a fed stream's watermark is the vendor's clock.
    """
    feed, now = connection.connector.feed, engine.now()
    if feed is None:
        return set()
    asked = {name: known[name] for name in feed.streams if _is_fresh(known.get(name), now)}
    if not asked:
        return set()
    earliest = min(datetime.fromisoformat(cursor.watermark) for cursor in asked.values())
    since = Since(start=earliest - timedelta(seconds=feed.overlap_s), end=now)

    def read(answer: Any) -> tuple[set[str], datetime | None]:
        return feed.changed(answer), feed.answered(answer)

    try:
        request = feed.request(asked, since, connection.settings)
        changed, at = understood(engine.transport.call(connection, request), request, read)
    except RemoteError:
        return set()  # each stream is read, and tells what is wrong
    same = set() if at is None else asked.keys() - changed
    if same and at is not None:
        with engine.store.begin() as tx:
            for name in sorted(same):
                cursors.succeeded(tx, connection.name, name, at.isoformat())
    return set(same)


def _is_fresh(cursor: Cursor | None, now: datetime) -> bool:
    if cursor is None or not cursor.watermark or cursor.last_sweep_at is None:
        return False
    return (now - cursor.last_sweep_at).total_seconds() < WHOLE_S
