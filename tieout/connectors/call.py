"""One HTTP call and its answer, as connectors see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP call, before authentication."""

    method: str
    path: str  # below the connection's base URL, or a whole URL (a next link)
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = ""
    purpose: str = ""  # a few words for logs and progress: `query Invoice`
    writes: bool = False  # True when the call can change the remote books
    secret_path: bool = False  # True when whoever knows the path may call it: it is not logged
    send_by: datetime | None = None  # after this instant it must not leave; None = no limit

    def with_params(self, **params: str) -> Request:
        """The same call with these query parameters set, replacing any of the same name."""
        kept = tuple((name, value) for name, value in self.params if name not in params)
        return replace(self, params=kept + tuple(params.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON with exact decimals. Raises ValueError when it is not JSON."""
        return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    # Python reads NaN and Infinity as floats; JSON knows neither.
    raise ValueError(f"{name} is not JSON")
