"""Calls a WSGI application in process instead of over a network: for stand-ins and tests."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError

from tieout.clock import Clock

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiAdapter(BaseAdapter):
    """Mount it on a URL prefix and the application answers what is sent there.

    A ConnectionError raised by the application is a connection cut after the
    request was sent. With a `clock`, an answer that took longer on it than the
    read time-out is lost the way a real one is.
    """

    def __init__(self, app: WsgiApp, clock: Clock | None = None) -> None:
        super().__init__()
        self._app = app
        self._clock = clock

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        started = self._clock.monotonic() if self._clock else 0.0
        try:
            status, headers, body = self._called(request)
        except ConnectionError as cut:
            raise requests.exceptions.ConnectionError(
                ProtocolError("Connection aborted.", cut), request=request
            ) from cut
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if self._clock and patience and self._clock.monotonic() - started > patience:
            raise requests.exceptions.ReadTimeout(request=request)
        return _answer(request, status, headers, body)

    def close(self) -> None:
        return

    def _called(
        self, request: requests.PreparedRequest
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            started[:] = [status, headers]
            return lambda data: None

        chunks = self._app(_environ(request), start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        return started[0], started[1], body


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    parts = urlsplit(str(request.url))
    raw: Any = request.body or b""
    body: bytes = raw.encode() if isinstance(raw, str) else bytes(raw)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": f"{parts.path}?{parts.query}" if parts.query else parts.path,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _answer(
    request: requests.PreparedRequest, status: str, headers: list[tuple[str, str]], body: bytes
) -> requests.Response:
    answer = requests.Response()
    number, _, reason = status.partition(" ")
    answer.status_code = int(number)
    answer.reason = reason
    answer.headers = CaseInsensitiveDict(headers)
    answer.url = str(request.url)
    answer.request = request
    answer.raw = HTTPResponse(
        body=io.BytesIO(body),
        headers=HTTPHeaderDict(headers),
        status=int(number),
        preload_content=False,
    )
    return answer
