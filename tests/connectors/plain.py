"""Facts and requests as golden files show them: text a person can review, never a float."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from tieout.connectors.base import Request, Response
from tieout.model.ids import SourceRef
from tieout.model.money import Money


def said(request: Request) -> dict[str, Any]:
    """A request as a golden file shows it; the body digit for digit."""
    return {
        "call": f"{request.method} {request.path}",
        "params": dict(request.params),
        "content_type": request.content_type,
        "body": _body(request),
    }


def _body(request: Request) -> Any:
    """JSON as it is; a file, or parts that hold one, as text, without the mark of its letters."""
    if request.content_type == "application/json":
        return _exact(Response(status=0, headers={}, body=request.body).json())
    return request.body.decode().replace("\ufeff", "")


def _exact(value: Any) -> Any:
    """JSON whose numbers with decimals are shown as they were written."""
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return f"{value:f}" if isinstance(value, Decimal) else value


def plain(value: Any) -> Any:
    """A fact as JSON. Raises TypeError for a float: no fact may hold one."""
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Money):
        return f"{value.currency} {value.amount:f}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, SourceRef):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        named = {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        return {"": type(value).__name__} | named
    if hasattr(value, "items"):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"{value!r} is a {type(value).__name__}")
