"""QuickBooks Online as a WSGI application: gateway, sign-in, limits, accounting service."""

from __future__ import annotations

import copy
import hashlib
import re
import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.core import ConnectionCut, Fault, StartResponse, Vendor
from tieout.sandbox.quickbooks import faults, files, oauth, portal, presets
from tieout.sandbox.quickbooks.books import Books
from tieout.sandbox.quickbooks.hooks import Hooks, Post
from tieout.sandbox.quickbooks.limits import Limits
from tieout.sandbox.quickbooks.plans import Plans, TimedFaults
from tieout.sandbox.quickbooks.replay import Replays
from tieout.sandbox.quickbooks.service import Service
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.store import Change
from tieout.sandbox.quickbooks.traffic import Arrival, LateWrite, Traffic
from tieout.sandbox.quickbooks.webhooks import Style, webhook_headers, webhook_payload
from tieout.sandbox.quickbooks.wire import Row, decode, encode, stamp

_API = re.compile(r"/v3/company/(\d+)/(.+)")
_HOME = {
    "US": "USD", "GB": "GBP", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "IE": "EUR", "FR": "EUR",
    "DE": "EUR", "ES": "EUR", "IT": "EUR", "NL": "EUR",
}  # fmt: skip
#: Where a call keeps its `Arrival`, the items of its batch, and how late it is to be done.
_ARRIVAL, _ITEMS, _LATE_S = "tieout.arrival", "tieout.items", "tieout.late_s"


class QuickBooks(Plans, Vendor):
    """One company on QuickBooks Online, with its sign-in.

    `preset` is "sample" (a company that has traded for a year) or "empty" (set up, no
    customers). Further keyword arguments are fields of `Settings`.
    """

    slug = "quickbooks"

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        country: str = "US",
        home_currency: str = "",
        seed: int = 1,
        multicurrency: bool | None = None,
        service_s: float = 0.0,
        item_s: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        self.settings = Settings(
            country=country,
            home_currency=home_currency or _HOME.get(country, "USD"),
            multicurrency=preset == "sample" if multicurrency is None else multicurrency,
            **settings,
        )
        self.faults = TimedFaults(self.settings)
        mark = hashlib.sha256(f"realm {seed}".encode()).hexdigest()
        self.realm_id = "93414" + str(int(mark[:12], 16)).zfill(15)[:11]
        self.verifier_token = hashlib.sha256(f"verifier {seed}".encode()).hexdigest()[:36]
        self.books = Books(clock, self.settings)
        self.replays = Replays(clock, self.settings)
        self.limits = Limits(clock, self.settings)
        self.service = Service(self.books, self.replays)
        self.sign_in = oauth.SignIn(clock, self.settings, self.realm_id, seed)
        self.traffic = Traffic()
        self.late_writes: list[LateWrite] = []
        self._park_s: float | None = None
        self._answered_count = 0
        presets.fill(self.books, preset)
        self.hooks = Hooks(clock, self.settings, self.verifier_token, self.catch_up)
        self.hooks.follow(self.realm_id, self.books)
        self.credentials: dict[str, str] = {
            "client_id": self.sign_in.client_id,
            "client_secret": self.sign_in.client_secret,
            "realm_id": self.realm_id,
            "verifier_token": self.verifier_token,
            **self.sign_in.issue(),
        }

    # -- for people and tests -------------------------------------------------------
    def expire_access_tokens(self) -> None:
        """From now on every access token is answered 401; refreshing works."""
        self.sign_in.expire_access()

    def revoke_tokens(self) -> None:
        """The user disconnects the app: refreshing answers `invalid_grant`."""
        self.sign_in.revoke_all()

    def webhook(
        self, events: list[Change], style: Style = "cloudevents"
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a notification about `books.changes` entries."""
        body = webhook_payload(events, style, self.realm_id)
        return body, webhook_headers(body, style, self.verifier_token)

    def deliver(self, post: Post | None = None) -> int:
        """Send the notifications that are due, see `Hooks.deliver`; returns how many were taken."""
        return self.hooks.deliver(post)

    def catch_up(self) -> None:
        """Carry out the late writes that are due by now; every call does so first."""
        with self._lock:
            now = self.clock.now()
            due = [each for each in self.late_writes if each.due_at <= now]
            for each in sorted(due, key=lambda late: late.due_at):
                self.late_writes.remove(each)
                self._commit(each)

    def park_next(self, seconds: float) -> None:
        """The call being answered is cut off, and its work is done later, if it is a write."""
        self._park_s = seconds

    def copy(self, clock: Clock | None = None) -> QuickBooks:
        """The same company once more, on its own clock when one is given.

        Rows are shared, since a stored row never changes: a prepared company is copied in
        about a millisecond. The copy has the same sign-in, request ids and subscription; its
        log of calls and its fault plan are empty.
        """
        memo: dict[int, Any] = {id(self.clock): clock or self.clock}
        self.books.share(memo)
        self.replays.share(memo)
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "calls", "faults"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin.calls = []
        twin.faults = TimedFaults(twin.settings)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> QuickBooks:
        return self.copy()

    # -- the shell's questions ---------------------------------------------------------
    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not str(environ.get("PATH_INFO", "")).startswith("/v3/"):
            return super().__call__(environ, start_response)
        arrival = self.traffic.enter(environ.get("QUERY_STRING", ""))
        environ[_ARRIVAL] = arrival
        try:
            if self.settings.in_flight == "wait":
                arrival.wait()
            return super().__call__(environ, start_response)
        finally:
            self.traffic.leave(arrival)

    def writes(self, request: Request) -> bool:
        found = _API.fullmatch(request.path)
        if request.method != "POST" or found is None or found.group(2) == "query":
            return False
        if found.group(2) != "batch":
            return True
        return any("Query" not in item for item in _batch_items(request))

    def items_of(self, request: Request) -> int:
        found = _API.fullmatch(request.path)
        if found is not None and found.group(2) == "batch":
            return max(1, len(_batch_items(request)))
        return 1

    def _played(self, request: Request, fault: Fault | None) -> Response:
        takes = self.service_s + self.item_s * self.items_of(request)
        if fault is not None and fault.kind == "slow":
            takes += fault.seconds
        other = not request.path.startswith("/v3/") or (fault is not None and fault.kind != "slow")
        if other or takes < self.settings.server_timeout_s:
            return super()._played(request, fault)
        if self.settings.timed_out_writes == "kept":
            self._answered(request)
        page = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
        timed_out = Response(page, status=504, content_type="text/html")
        return self._logged(request, timed_out, fault.kind if fault else "")

    def answer(self, request: Request) -> Response:
        if request.path in oauth.PATHS:
            return self.sign_in.answer(request)
        if request.path == portal.PATH:
            return portal.answer(request, self.hooks)
        self.catch_up()
        request.environ[_LATE_S], self._park_s = self._park_s, None
        if request.path.startswith(files.DOWNLOADS):
            return files.download(self.books, request)
        found = _API.fullmatch(request.path)
        if found is None:
            raise NotFound
        resource = found.group(2).strip("/")
        refusal = self._refused(request, found.group(1), resource)
        response = refusal or self._served(request, resource.split("/"))
        self._answered_count += 1
        mark = hashlib.sha256(f"{self.realm_id} {self._answered_count}".encode()).hexdigest()
        response.headers["intuit_tid"] = f"1-{mark[:8]}-{mark[8:32]}"
        return response

    # -- work that is done after its caller is gone -----------------------------------------
    def _parked(self, request: Request) -> None:
        """Put a write off when that was planned. Raises ConnectionCut then."""
        wait: float | None = request.environ.get(_LATE_S)
        if wait is None:
            return
        if self.writes(request):
            due_at = self.clock.now() + timedelta(seconds=wait)
            self.late_writes.append(LateWrite.of(request, due_at))
        self._log(request, 0, "late")
        raise ConnectionCut

    def _commit(self, late: LateWrite) -> None:
        request = late.request()
        found = _API.fullmatch(request.path)
        before, self.books.backdated = self.books.backdated, late.due_at
        try:
            if found is not None:
                self.service.write(request, found.group(2).strip("/").split("/"))
        finally:
            self.books.backdated = before

    def _in_flight(self, request: Request) -> bool:
        """Whether the call repeats one that is still worked on; waits for it when set so."""
        arrival: Arrival | None = request.environ.get(_ARRIVAL)
        if arrival is None or not arrival.request_id:
            return False
        late = [each for each in self.late_writes if each.request_id == arrival.request_id]
        if late and self.settings.in_flight == "wait":
            self.clock.sleep((late[0].due_at - self.clock.now()).total_seconds())
            self.catch_up()
            late = []
        return bool(late) or arrival.repeats

    # -- the gateway ----------------------------------------------------------------------
    def _refused(self, request: Request, realm_id: str, resource: str) -> Response | None:
        """The gateway's refusal of a call, None when it may pass."""
        xml = self.settings.gateway_body == "xml"
        now = self.clock.now()
        if not self.sign_in.accepts(request.headers.get("Authorization", "")):
            challenge = 'Bearer realm="Intuit", error="invalid_token"'
            detail = "Token expired: the access token is not valid or has expired"
            return faults.gateway(
                401, 3200, "AuthenticationFailed", detail, "AUTHENTICATION", now,
                xml=xml, headers={"WWW-Authenticate": challenge},
            )  # fmt: skip
        if realm_id != self.realm_id:
            detail = "The application is not authorized for this company"
            return faults.gateway(
                403, 3100, "ApplicationAuthorizationFailed", detail, "AUTHORIZATION", now, xml=xml
            )
        read = request.method == "GET" or resource == "query"
        email = request.method == "POST" and resource.endswith("/send")
        arrival: Arrival | None = request.environ.get(_ARRIVAL)
        crowded = arrival is not None and arrival.ahead >= self.settings.concurrent
        if crowded and self.settings.limits:
            return self.throttled()
        if not self.limits.admits(batch=resource == "batch", read=read, email=email):
            return self.throttled()
        trouble = faults.TROUBLES.get(self.settings.trouble)
        if trouble is None:
            return None
        return self._body(trouble.status, {"Fault": trouble.body()})

    def throttled(self) -> Response:
        """The answer to a call that is too many."""
        headers = {}
        if self.settings.retry_after_s is not None:
            headers["Retry-After"] = str(self.settings.retry_after_s)
        detail = "The request limit was reached.  Try again later"
        return faults.gateway(
            429, 3001, "ThrottleExceeded", detail, "SERVICE", self.clock.now(),
            xml=self.settings.throttle_body == "xml", headers=headers,
        )  # fmt: skip

    def _served(self, request: Request, parts: list[str]) -> Response:
        if request.method == "GET":
            return self._read(request, parts)
        if request.method != "POST":
            return self._body(400, {"Fault": faults.unsupported(request.method).body()})
        if parts == ["query"]:
            text = request.get_data(as_text=True)
            return self._counted(lambda: self.service.queried(text))
        self._parked(request)
        status, body = self.service.write(request, parts, in_flight=self._in_flight(request))
        if parts == ["batch"]:
            self.limits.meter(sum("Query" in item for item in _batch_items(request)))
        return self._body(status, body)

    def _read(self, request: Request, parts: list[str]) -> Response:
        printable = len(parts) == 3 and parts[2] == "pdf"
        if not printable or parts[0] not in ("invoice", "creditmemo"):
            return self._counted(lambda: self.service.read(request, parts))
        try:
            row = self.books.get({"invoice": "Invoice"}.get(parts[0], "CreditMemo"), parts[1])
        except faults.ApiFault as fault:
            return self._body(fault.status, {"Fault": fault.body()})
        self.limits.meter(1)
        return Response(files.pdf(row), mimetype="application/pdf")

    def _counted(self, work: Any) -> Response:
        """Answer a read; only a successful one is metered."""
        try:
            body = work()
        except faults.ApiFault as fault:
            return self._body(fault.status, {"Fault": fault.body()})
        self.limits.meter(1)
        return self._body(200, body)

    def _body(self, status: int, body: Row) -> Response:
        whole = {"time": stamp(self.clock.now())} | body
        whole["time"] = whole.pop("time")
        return Response(encode(whole), status=status, content_type="application/json;charset=UTF-8")


def _batch_items(request: Request) -> list[Row]:
    """The items of a batch; they are read once for each call."""
    items: list[Row] | None = request.environ.get(_ITEMS)
    if items is None:
        items = request.environ[_ITEMS] = _read_items(request)
    return items


def _read_items(request: Request) -> list[Row]:
    try:
        items = decode(request.get_data())["BatchItemRequest"]
    except (ValueError, KeyError, TypeError):
        return []
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
