"""The one HTTP door: signs, paces, times out, classifies; repeats reads, never writes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import structlog
import tenacity
import urllib3
from requests.adapters import BaseAdapter

from tieout import __version__
from tieout.clock import Clock
from tieout.connectors import faults
from tieout.connectors.auth import sign_in_again, token_for
from tieout.connectors.base import Request, Response, Token, ToSign
from tieout.connectors.connection import Connection
from tieout.connectors.pace import Ask, Turn
from tieout.connectors.redact import personal_out, url_out
from tieout.errors import (
    AuthExpired,
    Misconfigured,
    RateLimited,
    RemoteError,
    StoreError,
    Transient,
)
from tieout.model.ids import jitter, new_token

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
#: Seconds more than its time-outs until a call of which nothing was heard is over.
LEASE_SPARE_S = 20.0
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
    waited here; a longer one is raised as RateLimited, so that nobody is kept waiting
    for a company that asked to be left alone.
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
        self._ways: dict[tuple[str, str, int | None], dict[str, Any]] = {}
        for prefix, adapter in (mounts or {}).items():
            self._session.mount(prefix, adapter)

    def call(self, connection: Connection, request: Request, turn: Turn | None = None) -> Response:
        """Send one signed call and return its answer, which is a success.

        A read that fails for a moment is repeated for some seconds; a write is
        sent once. A refused token is refreshed once and the same call repeated.
        `turn` is one that `wait_turn` gave for this write.

        Raises RemoteError by class (see `faults.classify`), RateLimited also
        when our own pace says to wait, Misconfigured before anything is sent.
        """
        if request.writes:
            try:
                return self._signed(connection, request, turn)
            except Exception:
                if turn is not None:  # it may have failed before it was a call
                    self.give_back(connection, request, turn)
                raise
        once = functools.partial(self._signed, connection, request, None)
        tries = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(READ_TRIES),
            wait=lambda state: jitter(2.0**state.attempt_number),
            retry=tenacity.retry_if_exception_type(Transient),
            sleep=self.clock.sleep,
            reraise=True,
        )
        return tries(once)

    def wait_turn(
        self, connection: Connection, request: Request, patience_s: float | None = None
    ) -> Turn:
        """Wait until the company may be called; the call is then counted and must follow.

        `patience_s` is the longest wait for our own pace, `self.patience_s` when None; that
        also bounds a wait the vendor asked for. Raises RateLimited when it would be longer.
        """
        ask, waited_s = _ask(connection, request), 0.0
        own_s = self.patience_s if patience_s is None else patience_s
        while True:
            turn = connection.governor.turn(ask, self.clock.now())
            if turn.wait_s <= 0:
                return turn
            if waited_s + turn.wait_s > (min(own_s, self.patience_s) if turn.asked else own_s):
                wait_s = max(turn.wait_s, 1.0)
                text = f"{ask.company} must not be called for {wait_s:.1f} seconds: {turn.why}"
                raise RateLimited(text, wait_s=wait_s)
            # Never less than a hundredth: a clock may not be able to wait for less.
            self.clock.sleep(max(turn.wait_s, 0.01))
            waited_s += max(turn.wait_s, 0.01)

    def unsigned(self, connection: Connection, request: Request) -> Response:
        """Send one call without a token, once, outside the pace: for signing in.

        Raises RemoteError, Misconfigured.
        """
        base = connection.connector.base_url(connection.settings)
        return self._sent(connection, request, _url(base, request), {}, None)

    # -- one call -----------------------------------------------------------------------
    def _signed(self, connection: Connection, request: Request, turn: Turn | None) -> Response:
        token = token_for(connection, self)
        try:
            return self._with(connection, request, token, turn)
        except AuthExpired as refusal:
            if token is None:
                raise sign_in_again(connection, refusal.text) from refusal
        # Refused is not done: the same bytes may be sent again under a new token.
        token = token_for(connection, self, refused=token.access)
        try:
            return self._with(connection, request, token)
        except AuthExpired as refusal:
            raise sign_in_again(connection, refusal.text) from refusal

    def _with(
        self,
        connection: Connection,
        request: Request,
        token: Token | None,
        turn: Turn | None = None,
    ) -> Response:
        connector, settings = connection.connector, connection.settings
        base = (token.base_url if token else "") or connector.base_url(settings)
        url = _url(base, request)
        if _origin(url) not in {_origin(base), *map(_origin, connector.origins(settings))}:
            raise Misconfigured(
                f"{connection.name}: {url_out(url)} is not on the host of {url_out(base)};"
                " a credential is not sent there"
            )
        headers = dict(connector.auth.headers(settings, connection.secrets, token))
        turn = turn or self.wait_turn(connection, request)
        answer = None
        try:
            if connector.auth.sign is not None:  # with the time at which it leaves
                call = ToSign(
                    method=request.method, url=url, at=self.clock.now(), nonce=new_token(128)
                )
                headers |= connector.auth.sign(settings, connection.secrets, call)
            answer = self._sent(connection, request, url, headers, token)
        finally:
            self.give_back(connection, request, turn, answer)
        return answer

    def give_back(
        self,
        connection: Connection,
        request: Request,
        turn: Turn,
        answer: Response | None = None,
    ) -> None:
        """Free the place of a call that is over, or was not made after all."""
        ask = _ask(connection, request)
        try:
            connection.governor.ended(ask, turn, answer, self.clock.now())
        except StoreError as problem:
            # The answer counts more, and the place comes back when its lease ends.
            _log.warning("place not freed", connection=connection.name, text=str(problem))

    def _sent(
        self,
        connection: Connection,
        request: Request,
        url: str,
        headers: Mapping[str, str],
        token: Token | None,
    ) -> Response:
        prepared = _prepared(connection, request, url, headers)
        if request.send_by is not None and self.clock.now() >= request.send_by:
            # The last thing before the first byte: whoever sends may have slept since.
            raise Transient(f"{request.purpose}: it was too late to send it; nothing left")
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
            assert isinstance(outcome, Response)  # nothing but an answer asks to wait
            now = self.clock.now()
            named = faults.wait_of(outcome.headers, -1.0, now) > 0
            error.wait_s = connection.governor.refused(
                _ask(connection, request), error.wait_s, named, error.text, now
            )
            error.asked = outcome.headers.get("retry-after", "")
        if error is not None:
            # From None: what requests raises holds the URL and its query.
            raise error from None
        assert isinstance(outcome, Response)
        return outcome

    def _exchange(self, prepared: requests.PreparedRequest, writes: bool) -> Response:
        """One request over the wire: no redirect, no cookie, no repeat."""
        url = str(prepared.url)
        options = self._way_to(url)
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

    def _way_to(self, url: str) -> dict[str, Any]:
        """The environment's proxies and certificates for a host; its .netrc does not count.

        Looked up once for each: the environment of a process does not change.
        """
        origin = _origin(url)
        if origin not in self._ways:
            found: Any = self._session.merge_environment_settings(url, {}, True, None, None)
            self._ways[origin] = found
        return self._ways[origin]

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
            url=url_out(urljoin(url, "/") if request.secret_path else url),
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


def _ask(connection: Connection, request: Request) -> Ask:
    return Ask.of(
        connection.connector,
        connection.settings,
        connection.pace_key,
        request,
        at_once=connection.at_once,
        attended=connection.attended,
        lease_s=CONNECT_S + (WRITE_S if request.writes else READ_S) + LEASE_SPARE_S,
    )


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
