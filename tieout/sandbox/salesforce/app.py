"""The WSGI face of the sandbox: routes, tokens, versions, limits and planned trouble."""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox import exactjson
from tieout.sandbox.core import FaultPlan, StartResponse
from tieout.sandbox.salesforce import setup
from tieout.sandbox.salesforce.bulk import QueryJobs
from tieout.sandbox.salesforce.composite import Composites
from tieout.sandbox.salesforce.delivery import OutboundMessages
from tieout.sandbox.salesforce.errors import ApiError, not_found
from tieout.sandbox.salesforce.oauth import OAuth, Refused
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.query import Queries
from tieout.sandbox.salesforce.rest import Ask, Reply, Resources
from tieout.sandbox.salesforce.sample import add_sample, add_stages
from tieout.sandbox.salesforce.schema import Schema
from tieout.sandbox.salesforce.trouble import PlannedTrouble

OLDEST, NEWEST = 31, 68
#: Longest request target, and longest target plus headers, in bytes.
_MAX_URI = 16_384
#: A call that takes this long counts against the limit of concurrent ones.
_LONG = timedelta(seconds=20)
_CROWDED = "tieout.salesforce.crowded"
_RELEASES = ("Spring", "Summer", "Winter")


class Salesforce(PlannedTrouble):
    """One org behind the REST data API, versions 31 to 68.

    `preset`: "sample" fills a small consultancy, "empty" has only stages and users.
    `schema`: custom objects and fields, see `Schema.load`. `page_size`: most rows on a
    page of a query. `daily_limit`: calls allowed in a rolling 24 hours. `concurrent_limit`:
    calls that may run for 20 seconds or more at the same time, 5 in trial orgs.
    `late_visible_s`: seconds until readers see what people change in `org`.
    """

    slug = "salesforce"

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        schema: dict[str, Any] | None = None,
        page_size: int = 2000,
        daily_limit: int = 15_000,
        concurrent_limit: int = 25,
        late_visible_s: int = 0,
        service_s: float = 0.0,
        item_s: float = 0.0,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        self.org = Org(
            clock, Schema(schema, tieout_fields=preset == "sample"), late_visible_s=late_visible_s
        )
        self.daily_limit = daily_limit
        self.concurrent_limit = concurrent_limit
        self.app_limit: tuple[str, int] | None = None  # an app's name and its share of the calls
        self.oauth = OAuth(clock, self.org)
        self.queries = Queries(self.org, page_size)
        self.jobs = QueryJobs(self.queries)
        self._resources = Resources(self.org, self.queries)
        self._composites = Composites(self._resources, self._inner)
        self._used: deque[datetime] = deque()
        self._running: dict[int, datetime] = {}  # calls being worked on, by a number of theirs
        self._call_count = 0
        self.outbound = OutboundMessages(clock, self.org, self.oauth.issue)
        add_stages(self.org)
        if preset == "sample":
            add_sample(self.org)

    @property
    def credentials(self) -> dict[str, str]:
        """What an administrator hands over; the key pair is made when first asked for."""
        return {
            "client_id": self.oauth.client_id,
            "client_secret": self.oauth.client_secret,
            "username": self.oauth.username,
            "private_key": self.oauth.private_pem,
            "refresh_token": self.oauth.refresh_token,
            "organization_id": self.org.organization_id,
        }

    def copy(self, clock: Clock | None = None) -> Salesforce:
        """The same org once more, on its own clock when one is given.

        States of records are shared, since a stored one never changes: a prepared org is
        copied in about a millisecond. The copy has the same tokens, open queries, planned
        refusals of writes and outbound messages; its log of calls and its fault plan are empty.
        """
        memo: dict[int, Any] = {id(self.clock): clock or self.clock}
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "calls", "faults", "_running"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin.calls, twin.faults, twin._running = [], FaultPlan(), {}
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Salesforce:
        return self.copy()

    # -- the vendor's face ----------------------------------------------------------
    def writes(self, request: Request) -> bool:
        if request.method in ("GET", "HEAD") or not request.path.startswith("/services/data/"):
            return False
        parts = [part for part in request.path.split("/") if part][3:]
        if parts[:2] == ["jobs", "query"]:
            return False
        if parts[:2] == ["composite", "sobjects"] and len(parts) == 3:
            return request.method != "POST"
        if parts in (["composite"], ["composite", "batch"]):
            methods = [str(each.get("method", "GET")).upper() for each in _subrequests(request)]
            return any(method != "GET" for method in methods)
        return True

    def items_of(self, request: Request) -> int:
        return max(1, len(_subrequests(request))) if "/composite" in request.path else 1

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        # A long call is one that has been running for a while when another one comes.
        now = self.clock.now()
        with self._lock:
            self._call_count += 1
            number = self._call_count
            long_ones = sum(1 for began in self._running.values() if now - began >= _LONG)
            self._running[number] = now
        environ[_CROWDED] = long_ones >= self.concurrent_limit
        try:
            return super().__call__(environ, start_response)
        finally:
            with self._lock:
                del self._running[number]

    def answer(self, request: Request) -> Response:
        try:
            return self._routed(request)
        except Refused as refusal:
            return _json(400, refusal.body)

    def _logged(self, request: Request, response: Response, fault: str) -> Response:
        # Clients take the server's time from here; it must be the sandbox's clock.
        response.headers["Date"] = http_date(self.clock.now())
        return super()._logged(request, response, fault)

    def _routed(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == "/services/oauth2/token" and request.method == "POST":
            return _json(200, self.oauth.token(request))
        if path == "/services/oauth2/revoke" and request.method == "POST":
            self.oauth.revoke(request)
            return Response(status=200)
        if path == "/services/oauth2/userinfo":
            if not self.oauth.accepts(request):
                return Response("Bad_OAuth_Token", status=403, mimetype="text/plain")
            return _json(200, self.oauth.userinfo())
        if path == setup.PATH:
            return setup.answer(request, self.outbound)
        if path == "/services/data":
            return _json(200, [_version(number) for number in range(OLDEST, NEWEST + 1)])
        return self._data(request)

    def _data(self, request: Request) -> Response:
        target = str(request.environ.get("REQUEST_URI", request.full_path))
        if len(target) > _MAX_URI:
            return _json(414, ApiError(414, "URI_TOO_LONG", "URI too long").body())
        if len(target) + sum(len(key) + len(text) for key, text in request.headers) > _MAX_URI:
            return _json(431, ApiError(431, "HEADERS_TOO_LONG", "headers too long").body())
        if not self.oauth.accepts(request):
            expired = ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
            return _json(401, expired.body())
        self._forget_old_calls()
        if len(self._used) >= self.daily_limit:
            error = ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            response = _json(403, error.body())
        elif request.environ.get(_CROWDED):
            error = ApiError(
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            )
            response = _json(403, error.body())
        else:
            self._used.append(self.clock.now())
            response = self._answered_data(request, target)
        response.headers["Sforce-Limit-Info"] = self._usage()
        return response

    def _usage(self) -> str:
        usage = f"api-usage={len(self._used)}/{self.daily_limit}"
        if self.app_limit is not None:
            name, most = self.app_limit
            usage += f"; per-app-api-usage={len(self._used)}/{most}(appName={name})"
        return usage

    def _answered_data(self, request: Request, target: str) -> Response:
        try:
            ask = _ask(request, target)
            _check_version(ask)
            reply = self._dispatch(ask)
        except ApiError as error:
            return _json(error.status, error.body())
        if reply.csv is not None:
            response = Response(reply.csv, status=reply.status, content_type="text/csv")
        elif reply.body is None:
            response = Response(status=reply.status)
        else:
            response = _json(reply.status, reply.body)
        response.headers.update(reply.headers)
        return response

    def _dispatch(self, ask: Ask) -> Reply:
        options = ask.headers.get("sforce-duplicate-rule-header", "")
        before = self.org.save_duplicates
        if options:
            # A header of an inner call counts for that call alone.
            self.org.save_duplicates = _says(options, "allowSave")
        try:
            return self._handled(ask)
        finally:
            self.org.save_duplicates = before

    def _handled(self, ask: Ask) -> Reply:
        if ask.parts[:1] == ["composite"]:
            return self._composites.handle(ask)
        if ask.parts[:2] == ["jobs", "query"]:
            return self.jobs.handle(ask)
        if ask.parts == ["limits"]:
            return Reply(200, self._limits())
        return self._resources.handle(ask)

    def _inner(self, ask: Ask) -> Reply:
        """One call from inside a composite; it fails alone."""
        try:
            _check_version(ask)
            with self.org.transaction():
                return self._dispatch(ask)
        except ApiError as error:
            return Reply(error.status, error.body())

    def _limits(self) -> dict[str, Any]:
        left = self.daily_limit - len(self._used)
        return {
            "DailyApiRequests": {"Max": self.daily_limit, "Remaining": left},
            "DailyBulkV2QueryJobs": {
                "Max": self.jobs.daily_limit,
                "Remaining": self.jobs.remaining,
            },
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
        }

    def _forget_old_calls(self) -> None:
        oldest = self.clock.now() - timedelta(hours=24)
        while self._used and self._used[0] <= oldest:
            self._used.popleft()


def _ask(request: Request, target: str) -> Ask:
    # The path is split before it is decoded: an external id may hold an encoded slash.
    path = urlsplit(target).path if target.startswith("http") else target.partition("?")[0]
    parts = [unquote(part) for part in path.split("/") if part]
    if parts[:2] != ["services", "data"] or len(parts) < 3:
        raise not_found()
    return Ask(
        method="GET" if request.method == "HEAD" else request.method,
        parts=parts[3:],
        query=request.args.to_dict(),
        headers={key.lower(): value for key, value in request.headers},
        body=_body(request),
        version=parts[2],
    )


def _body(request: Request) -> Any:
    raw = request.get_data()
    if not raw:
        return None
    if request.mimetype not in ("application/json", ""):
        raise ApiError(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f"Content type not supported: {request.mimetype}",
        )
    try:
        return exactjson.loads(raw)
    except ValueError as problem:
        raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {problem}") from problem


def _subrequests(request: Request) -> list[Any]:
    try:
        body = exactjson.loads(request.get_data() or b"{}")
    except ValueError:
        return []
    if not isinstance(body, dict):
        return []
    items: Any = next(
        (body[key] for key in ("compositeRequest", "batchRequests", "records") if key in body), []
    )
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def _check_version(ask: Ask) -> None:
    text = ask.version[1:].removesuffix(".0")
    if ask.version[:1] != "v" or not text.isdigit() or not ask.version.endswith(".0"):
        raise not_found()
    if ask.number < OLDEST:
        raise ApiError(410, "UNSUPPORTED_API_VERSION", f"API version {text}.0 has been retired")
    if ask.number > NEWEST:
        raise not_found()


def _says(options: str, name: str) -> bool:
    """Whether a header such as `allowSave=true; includeRecordDetails=true` says so."""
    pairs = (each.partition("=") for each in options.replace(",", ";").split(";"))
    found = {key.strip().lower(): value.strip().lower() for key, _, value in pairs}
    return found.get(name.lower()) == "true"


def _version(number: int) -> dict[str, str]:
    # Three releases a year: version 66 is Spring '26.
    label = f"{_RELEASES[number % 3]} '{26 + (number - 66 + (number % 3 == 2)) // 3:02d}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def _json(status: int, body: Any) -> Response:
    return Response(
        exactjson.dumps(body), status=status, content_type="application/json;charset=UTF-8"
    )
