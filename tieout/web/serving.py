"""Serves the application on an address until it is told to stop."""

from __future__ import annotations

import socket

import uvicorn

from tieout.web.app import application
from tieout.web.webhooks import Reception

#: Requests at a time; more are told to come again (503).
MOST_REQUESTS = 40
#: Seconds that requests which have begun may take once it is to stop.
STOP_WITHIN_S = 10


def serve(reception: Reception, listening: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C; what has begun is answered first.

    The signal is given on to whoever handled it before.
    """
    config = uvicorn.Config(
        application(reception),
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=MOST_REQUESTS,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    uvicorn.Server(config).run(sockets=[listening])
