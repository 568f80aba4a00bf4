"""JSON bytes with exact decimals: what is stored in the outbox is what goes over the wire."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def encode(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, Decimals as JSON numbers digit for digit.

    Raises TypeError for anything but None, bool, int, str, Decimal, dict, list and tuple:
    a float never gets out.
    """
    return _text(value).encode()


def decode(body: bytes) -> Any:
    """What `encode` wrote: whole numbers as int, every other number as an exact Decimal."""
    return json.loads(body, parse_float=Decimal)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(str(k))}:{_text(v)}" for k, v in sorted(value.items()))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_text(item) for item in value) + "]"
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"cannot send a {type(value).__name__}")
