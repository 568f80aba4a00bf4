"""Waits on this machine for the one address that a browser is sent back to after sign-in."""

from __future__ import annotations

import errno
import ipaddress
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from tieout.errors import BadInput

#: Seconds in which a person signs in; the vendors' codes live for about as long.
LONGEST_WAIT_S = 600
#: Seconds between two looks at whether that is over.
_LOOK_S = 1
#: Seconds a browser may hold a connection open without asking for anything.
_IDLE_S = 5

_PAGE = (
    "<!doctype html><meta charset=utf-8><title>Tieout</title>"
    "<p>Tieout has the answer. Close this page and go back to the terminal."
)


def is_here(address: str) -> bool:
    """Whether an address leads to this machine, by http: only there can be waited."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        loops_back = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loops_back = host == "localhost"
    return parts.scheme == "http" and loops_back


class _Listener(HTTPServer):
    """Takes the way back, once; any other path is not found."""

    # So that a port can be had again at once; on Windows two could listen beside each other.
    allow_reuse_address = os.name != "nt"
    timeout = _LOOK_S

    def __init__(self, port: int, path: str) -> None:
        self.path = path
        self.came_back = ""  # what the browser asked for
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no problem, and the console is not for it."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = _IDLE_S

    def do_GET(self) -> None:  # the name that the library calls
        parts = urlsplit(self.path)
        is_ours = parts.path == self.server.path and bool(parts.query)
        body = (_PAGE if is_ours else "Nothing is here.").encode()
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        # The code is in this page's address: it must not travel on.
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)
        if is_ours:
            self.server.came_back = self.path

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing is logged: the address holds the code."""


def wait_for(redirect: str, ready: Callable[[], None], longest_s: int = LONGEST_WAIT_S) -> str:
    """Listen at an address of this machine; the address a browser then asked for.

    `ready` is called once it listens. Raises BadInput when its port is in use, or when
    nobody came back in `longest_s` seconds.
    """
    parts = urlsplit(redirect)
    port = parts.port or 80
    try:
        listener = _Listener(port, parts.path or "/")
    except OSError as problem:
        why = "is in use" if problem.errno == errno.EADDRINUSE else f"cannot be had ({problem})"
        raise BadInput(
            f"port {port} of this machine {why}, so the browser could not come back. End what"
            " uses it, or register another address at the vendor and give it with --redirect,"
            " or use --paste."
        ) from None
    with listener:
        ready()
        for _ in range(longest_s // _LOOK_S):
            listener.handle_request()
            if listener.came_back:
                return f"{parts.scheme}://{parts.netloc}{listener.came_back}"
    raise BadInput(
        f"nobody came back from the vendor's page in {longest_s} seconds. Nothing was stored."
        " Start again, or use --paste where the browser is on another machine."
    )
