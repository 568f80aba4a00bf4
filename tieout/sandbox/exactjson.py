"""JSON with exact numbers: decimals go in and out digit for digit, never through a float."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def loads(text: str | bytes) -> Any:
    """Read JSON; numbers with a point or exponent become `Decimal`. Raises ValueError."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> str:
    """Write JSON; a `Decimal` keeps its digits (`1200.50`, never `1.2005E+3`).

    Raises TypeError for a float or any other type JSON has no exact form for.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(str(key))}:{dumps(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if value is None or isinstance(value, str | bool | int):
        return json.dumps(value)
    raise TypeError(f"no exact JSON form for {type(value).__name__}")
