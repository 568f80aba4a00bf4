"""The one HTTP door: signs, paces, times out, classifies; repeats reads, never writes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import structlog
import tenacity
import urllib3
from requests.adapters import BaseAdapter

from tieout import __version__
from tieout.clock import Clock
from tieout.connectors import faults
from tieout.connectors.auth import sign_in_again, token_for
from tieout.connectors.base import Request, Response, Token
from tieout.connectors.connection import Connection
from tieout.connectors.pace import unattended
from tieout.connectors.redact import personal_out, url_out
from tieout.errors import AuthExpired, Misconfigured, RateLimited, RemoteError, Transient
from tieout.model.ids import jitter

__all__ = ["CallEvent", "Connection", "Transport"]

CONNECT_S = 10.0
#: Seconds without a byte before a call is given up; longer for writes, because a
#: vendor may work for two minutes on one and a write given up is a doubt to resolve.
READ_S = 60.0
WRITE_S = 130.0
#: Seconds a whole call may take, byte by byte.
WHOLE_S = 300.0
#: Bytes an answer may have.
BODY_LIMIT = 64 * 1024 * 1024
#: How often a read is tried in one call.
READ_TRIES = 3

_log = structlog.get_logger("tieout.http")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """One call that was made, without anything secret: for logs, metrics and tests."""

    connection: str
    connector: str
    purpose: str
    method: str
    url: str  # without the query
    writes: bool
    status: int | None  # None when no answer came
    seconds: float
    trace_id: str = ""
    error: str = ""  # the class of the error, "" when the call did what it should
    text: str = ""  # the vendor's words, redacted


Listener = Callable[[CallEvent], None]


class Transport:
    """Carries calls to vendors. Safe between threads.

    `mounts` sends URL prefixes through adapters of one's own, such as an
    in-process stand-in. `patience_s` is the longest wait for the pace that is
    waited here; a longer one is raised as RateLimited.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        session: requests.Session | None = None,
        mounts: Mapping[str, BaseAdapter] | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self.clock = clock
        self.patience_s = patience_s
        self.listeners: list[Listener] = []
        self._session = session or requests.Session()
        for prefix, adapter in (mounts or {}).items():
            self._session.mount(prefix, adapter)

    def call(self, connection: Connection, request: Request) -> Response:
        """Send one signed call and return its answer, which is a success.

        A read that fails for a moment is repeated for some seconds; a write is
        sent once. A refused token is refreshed once and the same call repeated.

        Raises RemoteError by class (see `faults.classify`), RateLimited also
        when our own pace says to wait, Misconfigured before anything is sent.
        """
        once = functools.partial(self._signed, connection, request)
        if request.writes:
            return once()
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(READ_TRIES),
            wait=lambda state: jitter(2.0**state.attempt_number),
            retry=tenacity.retry_if_exception_type(Transient),
            sleep=self.clock.sleep,
            reraise=True,
        )
        return tries(once)

    def unsigned(self, connection: Connection, request: Request) -> Response:
        """Send one call without a token, once, outside the pace: for signing in.

        Raises RemoteError, Misconfigured.
        """
        base = connection.connector.base_url(connection.settings)
        return self._sent(connection, request, _url(base, request), {}, None)

    # -- one call -----------------------------------------------------------------------
    def _signed(self, connection: Connection, request: Request) -> Response:
        token = token_for(connection, self)
        try:
            return self._with(connection, request, token)
        except AuthExpired as refusal:
            if token is None:
                raise sign_in_again(connection, refusal.text) from refusal
        # Refused is not done: the same bytes may be sent again under a new token.
        token = token_for(connection, self, refused=token.access)
        try:
            return self._with(connection, request, token)
        except AuthExpired as refusal:
            raise sign_in_again(connection, refusal.text) from refusal

    def _with(self, connection: Connection, request: Request, token: Token | None) -> Response:
        connector, settings = connection.connector, connection.settings
        base = (token.base_url if token else "") or connector.base_url(settings)
        url = _url(base, request)
        if _origin(url) not in {_origin(base), *map(_origin, connector.origins(settings))}:
            raise Misconfigured(
                f"{connection.name}: {url_out(url)} is not on the host of {url_out(base)};"
                " a credential is not sent there"
            )
        headers = connector.auth.headers(settings, connection.secrets, token)
        self._keep_pace(connection, request)
        return self._sent(connection, request, url, headers, token)

    def _keep_pace(self, connection: Connection, request: Request) -> None:
        limits = connection.connector.pace
        if not connection.attended:
            limits = unattended(limits)
        waited_s = 0.0
        while True:
            wait_s = connection.governor.wait_before(
                connection.pace_key, limits, request, self.clock.now()
            )
            if wait_s <= 0:
                return
            if waited_s + wait_s > self.patience_s:
                text = f"{connection.pace_key} must not be called for {wait_s:.1f} seconds"
                raise RateLimited(text, wait_s=wait_s)
            # Never less than a hundredth: a clock may not be able to wait for less.
            self.clock.sleep(max(wait_s, 0.01))
            waited_s += max(wait_s, 0.01)

    def _sent(
        self,
        connection: Connection,
        request: Request,
        url: str,
        headers: Mapping[str, str],
        token: Token | None,
    ) -> Response:
        prepared = _prepared(connection, request, url, headers)
        started = self.clock.monotonic()
        outcome: Response | Exception
        try:
            outcome = self._exchange(prepared, request.writes)
        except requests.exceptions.InvalidURL as problem:  # a proxy's, ours is prepared
            raise Misconfigured(f"{connection.name}: {type(problem).__name__}") from None
        except (OSError, urllib3.exceptions.HTTPError) as problem:
            outcome = problem
        seconds = self.clock.monotonic() - started
        known = itertools.chain(connection.secret_values(), [token.access] if token else [])
        error = faults.classify(
            connection.connector, request, outcome, now=self.clock.now(), secrets=known
        )
        self._tell(connection, request, url, outcome, error, seconds)
        if isinstance(error, RateLimited):
            until = self.clock.now() + timedelta(seconds=error.wait_s)
            connection.governor.park(connection.pace_key, until)
        if error is not None:
            # From None: what requests raises holds the URL and its query.
            raise error from None
        assert isinstance(outcome, Response)
        return outcome

    def _exchange(self, prepared: requests.PreparedRequest, writes: bool) -> Response:
        """One request over the wire: no redirect, no cookie, no repeat."""
        url = str(prepared.url)
        # The environment's proxies and certificates count; its .netrc does not.
        options: Any = self._session.merge_environment_settings(url, {}, True, None, None)
        deadline = self.clock.monotonic() + WHOLE_S
        answer = self._session.get_adapter(url).send(
            prepared, timeout=(CONNECT_S, WRITE_S if writes else READ_S), **options
        )
        try:
            body = bytearray()
            for chunk in answer.iter_content(64 * 1024):
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise requests.exceptions.ContentDecodingError("larger than the limit")
                if self.clock.monotonic() > deadline:
                    raise requests.exceptions.ReadTimeout("the answer never ends")
        finally:
            answer.close()
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Response(status=answer.status_code, headers=lower, body=bytes(body))

    def _tell(
        self,
        connection: Connection,
        request: Request,
        url: str,
        outcome: Response | Exception,
        error: RemoteError | None,
        seconds: float,
    ) -> None:
        answered = outcome if isinstance(outcome, Response) else None
        trace = connection.connector.trace_header
        event = CallEvent(
            connection=connection.name,
            connector=connection.connector.slug,
            purpose=request.purpose,
            method=request.method,
            url=url_out(url),
            writes=request.writes,
            status=answered.status if answered else None,
            seconds=seconds,
            trace_id=answered.headers.get(trace, "") if answered and trace else "",
            error=type(error).__name__ if error else "",
            text=personal_out(error.text) if error else "",
        )
        say = _log.warning if error else _log.debug
        say(
            "call",
            connection=event.connection,
            purpose=event.purpose,
            method=event.method,
            url=event.url,
            status=event.status,
            seconds=f"{seconds:.3f}",
            trace_id=event.trace_id,
            error=event.error,
            text=event.text,
        )
        for listener in self.listeners:
            listener(event)


def _url(base: str, request: Request) -> str:
    """The whole URL of a call; its path may be one already (a next link)."""
    whole = request.path.startswith(("https://", "http://"))
    url = request.path if whole else f"{base.rstrip('/')}/{request.path.lstrip('/')}"
    if not request.params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(request.params)}"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1  # no such port: equal to no origin but itself
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port or default


def _prepared(
    connection: Connection, request: Request, url: str, signature: Mapping[str, str]
) -> requests.PreparedRequest:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": f"tieout/{__version__}",
    }
    if request.content_type:
        headers["Content-Type"] = request.content_type
    headers |= dict(request.headers) | dict(signature)
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare(method=request.method, url=url, headers=headers, data=request.body or None)
    except (requests.RequestException, ValueError) as problem:
        # From None: the exception's text quotes headers and so credentials.
        raise Misconfigured(
            f"{connection.name}: the call cannot be made ({type(problem).__name__});"
            " check base_url and the secrets"
        ) from None
    return prepared
