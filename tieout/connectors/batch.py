"""Several documents in one call, and what the vendor says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tieout.connectors.call import Request
from tieout.model.ids import digest


@dataclass(frozen=True, slots=True)
class VendorError:
    """One error as the vendor words it."""

    code: str = ""
    text: str = ""
    field: str = ""
    remote_id: str = ""  # the record the vendor names, e.g. the holder of a duplicate number


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """What a batch answered for one item: the vendor's record, or its errors."""

    answer: Any | None
    errors: tuple[VendorError, ...] = ()


def item_name(key: str) -> str:
    """What a document is called inside a batch (10 characters), from its idempotency key.

    For vendors that take no name for an item: what comes back is told by the key it carries.
    """
    return f"i{digest(key)[:9]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Several documents in one call; each settles by its own item.

    `send(items, call_key, settings)`: items are (item key, body bytes) and the
    bytes go out as they are. `split(answer)` gives the answer of each item key.
    """

    size: int  # the most the vendor takes
    smallest: int  # where halving after a time-out ends
    send: Callable[[Iterable[tuple[str, bytes]], str, Any], Request]
    split: Callable[[Any], Mapping[str, ItemAnswer]]
    too_large: tuple[str, ...] = ()  # codes that say so of a call, of which nothing was done
