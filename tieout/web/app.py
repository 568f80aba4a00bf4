"""The application: one address for each connection, and one that says whether it is well.

    POST /webhooks/<connection>   200 stored; 401 not signed as it should be; 404 unknown
                                  408 too slow, 413 too large, 503 the database is away
    GET  /health                  200, or 503 while the database is away

Every answer has an empty body and no cookie: some vendors take nothing else.
"""

from __future__ import annotations

import asyncio

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tieout.errors import StoreError
from tieout.web.webhooks import Door, Reception

#: Bytes of a message; vendors' are some kilobytes.
LARGEST = 1 << 20
#: Seconds a sender may take to send one.
SENT_WITHIN_S = 10.0

_log = structlog.get_logger("tieout.web")


def application(reception: Reception) -> Starlette:
    """The application that receives for these connections."""

    async def webhook(request: Request) -> Response:
        door = reception.door(request.path_params["connection"])
        if door is None:
            return Response(status_code=404)
        body = await _body(request)
        if isinstance(body, int):
            return Response(status_code=body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        status = await run_in_threadpool(_received, reception, door, headers, body)
        return Response(status_code=status)

    async def health(request: Request) -> Response:
        return Response(status_code=await run_in_threadpool(_well, reception))

    app = Starlette(
        routes=[
            Route("/webhooks/{connection}", webhook, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _empty, Exception: _failed},
    )
    app.router.redirect_slashes = False  # another address is another address
    return app


async def _body(request: Request) -> bytes | int:
    """The raw body, or the status that refuses it: nothing larger is ever kept in memory."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > LARGEST:
        return 413
    body = bytearray()
    try:
        async with asyncio.timeout(SENT_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    return 413
    except TimeoutError:
        return 408
    except ClientDisconnect:  # half of it came, and nobody is there to be answered
        return 400
    return bytes(body)


def _received(reception: Reception, door: Door, headers: dict[str, str], body: bytes) -> int:
    try:
        return reception.receive(door, headers, body)
    except StoreError as problem:  # the vendor sends it again
        _log.error("message not stored", connection=door.connection, error=str(problem))
        return 503


def _well(reception: Reception) -> int:
    try:
        reception.answers()
    except StoreError:
        return 503
    return 200


async def _empty(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return Response(status_code=problem.status_code, headers=problem.headers)


async def _failed(request: Request, problem: Exception) -> Response:
    return Response(status_code=500)
