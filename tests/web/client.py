"""Speaks to the application in process, as a server would, and as vendors do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def ask(
    app: ASGIApp,
    path: str,
    body: bytes | Iterable[bytes | None] = b"",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    *,
    stalls: bool = False,
) -> Answer:
    """One request. A body of several parts comes in parts; None = the sender hangs up there.

    One who stalls promises more than these, and sends no more.
    """
    parts = [body] if isinstance(body, bytes) else list(body)
    inbound: list[dict[str, Any]] = [
        {"type": "http.disconnect"}
        if part is None
        else {"type": "http.request", "body": part, "more_body": stalls or number < len(parts)}
        for number, part in enumerate(parts, 1)
    ]
    sent = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in (headers or {}).items()
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": b"",
        "root_path": "",
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    answer = Answer()

    async def receive() -> dict[str, Any]:
        if inbound:
            return inbound.pop(0)
        await asyncio.sleep(3600)  # the sender waits, too
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {key.decode(): value.decode() for key, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    asyncio.run(_within(app(scope, receive, send)))  # type: ignore[arg-type]
    return answer


async def _within(work: Any) -> None:
    async with asyncio.timeout(30):
        await work
