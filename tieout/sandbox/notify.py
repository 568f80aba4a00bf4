"""Sends notifications over HTTP, and now and then from a thread, for the vendors that have them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener


@dataclass(frozen=True)
class Reply:
    """What a subscriber answers; a body or a cookie is one too many."""

    status: int
    body: bytes = b""
    cookies: bool = False


class Runner:
    """Calls something every few seconds of real time from a thread of its own.

    A copy of a subscription has no thread.
    """

    def __init__(self, work: Callable[[], object], every_s: float) -> None:
        self._work = work
        self._every_s = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, wait: bool) -> None:
        self._end.set()
        if wait:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            self._work()


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an answer other than 200."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post_http(url: str, body: bytes, headers: dict[str, str], *, within_s: float) -> Reply:
    """Post over HTTP and wait so many seconds; status 0 for an answer that is no HTTP.

    Raises OSError when nobody answers.
    """
    request = Request(url, data=body, headers=headers, method="POST")
    try:
        with build_opener(_NoRedirects).open(request, timeout=within_s) as answer:
            cookies = "Set-Cookie" in answer.headers
            return Reply(int(answer.status), answer.read(1), cookies)
    except HTTPError as refusal:
        refusal.close()
        return Reply(refusal.code)
    except (HTTPException, ValueError):
        return Reply(0)
