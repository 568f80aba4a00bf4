"""The WSGI face of the sandbox: routes, tokens, versions, limits and planned trouble."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox import exactjson
from tieout.sandbox.core import Vendor
from tieout.sandbox.salesforce.composite import Composites
from tieout.sandbox.salesforce.errors import ApiError, not_found
from tieout.sandbox.salesforce.oauth import OAuth, Refused
from tieout.sandbox.salesforce.org import Org, Trouble
from tieout.sandbox.salesforce.query import Queries
from tieout.sandbox.salesforce.rest import Ask, Reply, Resources
from tieout.sandbox.salesforce.sample import add_sample, add_stages
from tieout.sandbox.salesforce.schema import Schema

OLDEST, NEWEST = 31, 68
#: Longest request target, and longest target plus headers, in bytes.
_MAX_URI = 16_384
_RELEASES = ("Spring", "Summer", "Winter")


class Salesforce(Vendor):
    """One org behind the REST data API, versions 31 to 68.

    `preset`: "sample" fills a small consultancy, "empty" has only stages and users.
    `schema`: custom objects and fields, see `Schema.load`. `page_size`: most rows on a
    page of a query. `daily_limit`: calls allowed in a rolling 24 hours.
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
        late_visible_s: int = 0,
        service_s: float = 0.0,
        item_s: float = 0.0,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        self.org = Org(
            clock, Schema(schema, tieout_fields=preset == "sample"), late_visible_s=late_visible_s
        )
        self.daily_limit = daily_limit
        self.oauth = OAuth(clock, self.org)
        self.queries = Queries(self.org, page_size)
        self._resources = Resources(self.org, self.queries)
        self._composites = Composites(self._resources, self._inner)
        self._used: deque[datetime] = deque()
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

    # -- planned trouble ----------------------------------------------------------
    def lock_rows(self, times: int = 1, *, object_name: str = "", record_id: str = "") -> None:
        """The next `times` matching record writes answer UNABLE_TO_LOCK_ROW."""
        self.refuse_writes(
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records: "
            + (record_id or "0065g000000001"),
            times=times,
            object_name=object_name,
            record_id=record_id,
        )

    def refuse_writes(
        self,
        code: str = "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message: str = "Close Date must be in an open period",
        *,
        times: int = 1,
        object_name: str = "",
        record_id: str = "",
        status: int = 400,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """The next `times` matching record writes are refused with this code, also in batches."""
        error = ApiError(status, code, message, [], extra)
        self.org.troubles.append(Trouble(error, times, object_name, record_id))

    def find_duplicates(self, matches: list[tuple[str, str]], times: int = 1) -> None:
        """A duplicate rule stops the next writes; `matches` are (object, id) pairs."""
        records = [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": 100,
                "record": {"attributes": {"type": kind}, "Id": record_id},
            }
            for kind, record_id in matches
        ]
        entity = matches[0][0] if matches else "Account"
        result = {
            "allowSave": True,
            "duplicateRule": f"Standard_{entity}_Duplicate_Rule",
            "duplicateRuleEntityType": entity,
            "errorMessage": "Use one of these records?",
            "matchResults": [
                {
                    "entityType": entity,
                    "matchEngine": "FuzzyMatchEngine",
                    "success": True,
                    "matchRecords": records,
                }
            ],
        }
        # The key is misspelt by the vendor.
        self.refuse_writes(
            "DUPLICATES_DETECTED",
            "Use one of these records?",
            times=times,
            extra={"duplicateResut": result},
        )

    def time_out_queries(self, times: int = 1) -> None:
        """The next `times` queries answer QUERY_TIMEOUT."""
        self.queries.timeouts += times

    def go_down(self, times: int = 1) -> None:
        """The next `times` calls answer 503 with an HTML page."""
        self.faults.add(
            "reply",
            status=503,
            times=times,
            content=b"<html><body>We are down for maintenance.</body></html>",
        )

    def lose_answer(self, method: str = "", path: str = "", nth: int = 1) -> None:
        """Commit the matching call, then cut the connection."""
        self.faults.add("lost_answer", method=method, path=path, nth=nth)

    def expire_tokens(self) -> None:
        """End every session: calls with an old token answer 401."""
        self.oauth.expire_tokens()

    def leave_calls(self, remaining: int) -> None:
        """Use up the daily allowance but for `remaining` calls."""
        self._used = deque([self.clock.now()] * (self.daily_limit - remaining))

    # -- the vendor's face ----------------------------------------------------------
    def writes(self, request: Request) -> bool:
        if request.method in ("GET", "HEAD") or not request.path.startswith("/services/data/"):
            return False
        parts = [part for part in request.path.split("/") if part][3:]
        if parts[:2] == ["composite", "sobjects"] and len(parts) == 3:
            return request.method != "POST"
        if parts in (["composite"], ["composite", "batch"]):
            methods = [str(each.get("method", "GET")).upper() for each in _subrequests(request)]
            return any(method != "GET" for method in methods)
        return True

    def items_of(self, request: Request) -> int:
        return max(1, len(_subrequests(request))) if "/composite" in request.path else 1

    def answer(self, request: Request) -> Response:
        try:
            response = self._routed(request)
        except Refused as refusal:
            response = _json(400, refusal.body)
        # Clients take the server's time from here; it must be the sandbox's clock.
        response.headers["Date"] = http_date(self.clock.now())
        return response

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
        else:
            self._used.append(self.clock.now())
            response = self._answered_data(request, target)
        response.headers["Sforce-Limit-Info"] = f"api-usage={len(self._used)}/{self.daily_limit}"
        return response

    def _answered_data(self, request: Request, target: str) -> Response:
        try:
            ask = _ask(request, target)
            _check_version(ask)
            reply = self._dispatch(ask)
        except ApiError as error:
            return _json(error.status, error.body())
        response = (
            Response(status=reply.status) if reply.body is None else _json(reply.status, reply.body)
        )
        response.headers.update(reply.headers)
        return response

    def _dispatch(self, ask: Ask) -> Reply:
        if ask.parts[:1] == ["composite"]:
            return self._composites.handle(ask)
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
            "DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": 10_000},
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


def _version(number: int) -> dict[str, str]:
    # Three releases a year: version 66 is Spring '26.
    label = f"{_RELEASES[number % 3]} '{26 + (number - 66 + (number % 3 == 2)) // 3:02d}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def _json(status: int, body: Any) -> Response:
    return Response(
        exactjson.dumps(body), status=status, content_type="application/json;charset=UTF-8"
    )
