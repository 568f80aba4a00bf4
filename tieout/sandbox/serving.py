"""Serve vendor stand-ins over loopback HTTP, one port each."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tieout.sandbox.core import Vendor

#: Seconds in which a server notices that it is to stop; its own default is half a second.
_NOTICE_STOP_S = 0.05


class _Handler(WSGIRequestHandler):
    """Keeps connections open, says nothing on the console, and cuts the line when told to."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        # Without this, small answers wait 40 ms for the peer's acknowledgement.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_dropped(
        self, error: BaseException, environ: dict[str, object] | None = None
    ) -> None:
        """Called by werkzeug when the application raises `ConnectionCut`."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        return


class Served:
    """One vendor on a loopback port; a context manager that stops it."""

    def __init__(self, vendor: Vendor, port: int = 0) -> None:
        self.vendor = vendor
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, vendor, threaded=True, request_handler=_Handler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_NOTICE_STOP_S,), daemon=True
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
