"""The keys of calls: a repeat in doubt has the old one, a new try after a refusal another.

A vendor answers a key it knows as it did the first time and does nothing. That is the
point while the outcome is in doubt; once the vendor has refused, it would refuse for ever.
"""

from __future__ import annotations

from tieout.connectors.base import item_name
from tieout.errors import Conflict
from tieout.model.ids import digest
from tieout.store.outbox import OutboxRow


def item_key(row: OutboxRow) -> str:
    """The row's name inside a batch: its own, so that it may travel in another one later."""
    return item_name(row.key)


def key_alone(row: OutboxRow) -> str:
    """The key of a call for one row that is not in doubt: its own at first, then others."""
    return row.key if row.fence == 1 else f"{row.key}:{row.fence}"


def key_of_batch(rows: list[OutboxRow]) -> str:
    """The key of a call for several rows; another one when any of them comes again."""
    return f"v1:{digest(*sorted(key_alone(row) for row in rows))[:32]}"


def key_of_repeat(row: OutboxRow) -> str:
    """The key of a call for a row in doubt that looks did not find: the one it had, so that
    a vendor still at work on it does it once. After a conflict that answer is known, and
    what stood in the way is gone: then the row goes alone, under another key."""
    return key_alone(row) if row.error_class == Conflict.__name__ else row.call_key
