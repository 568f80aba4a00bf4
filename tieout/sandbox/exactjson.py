"""JSON with exact numbers: decimals go in and out digit for digit, never through a float."""

from __future__ import annotations

import json
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

_WORDS = {None: "null", True: "true", False: "false"}


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point or exponent become `Decimal`. Raises ValueError."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> str:
    """Write JSON; a `Decimal` keeps its digits (`1200.50`, never `1.2005E+3`).

    Raises TypeError for a float or any other type JSON has no exact form for.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        pairs = [f"{quoted(str(key))}:{dumps(item)}" for key, item in value.items()]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([dumps(item) for item in value]) + "]"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"no exact JSON form for {type(value).__name__}")
