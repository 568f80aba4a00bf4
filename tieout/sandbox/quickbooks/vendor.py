"""QuickBooks Online as a WSGI application: gateway, sign-in, limits, accounting service."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.core import Fault, Vendor
from tieout.sandbox.quickbooks import faults, files, oauth, presets, webhooks
from tieout.sandbox.quickbooks.books import Books
from tieout.sandbox.quickbooks.limits import Limits
from tieout.sandbox.quickbooks.replay import Replays
from tieout.sandbox.quickbooks.service import Service
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.store import Change
from tieout.sandbox.quickbooks.wire import Row, decode, encode, stamp

_API = re.compile(r"/v3/company/(\d+)/(.+)")
_FILE = re.compile(r"/files/(\d+)")
_HOME = {"US": "USD", "GB": "GBP", "CA": "CAD", "AU": "AUD", "IE": "EUR", "FR": "EUR"}


class QuickBooks(Vendor):
    """One company on QuickBooks Online, with its sign-in.

    `preset` is "sample" (a US company that has traded for a year) or "empty" (set up, no
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
        mark = hashlib.sha256(f"realm {seed}".encode()).hexdigest()
        self.realm_id = "93414" + str(int(mark[:12], 16)).zfill(15)[:11]
        self.verifier_token = hashlib.sha256(f"verifier {seed}".encode()).hexdigest()[:36]
        self.books = Books(clock, self.settings)
        self.replays = Replays(clock, self.settings)
        self.limits = Limits(clock, self.settings)
        self.service = Service(self.books, self.replays)
        self.sign_in = oauth.SignIn(clock, self.settings, self.realm_id, seed)
        self._answered_count = 0
        presets.fill(self.books, preset)
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

    def plan_expiry(self, nth: int = 1, **match: Any) -> Fault:
        """Plan a 401 in the middle of a run: tokens expire at the nth matching API call."""
        where = {"path": "/v3/company/"} | match
        return self.faults.add("call", nth=nth, action=self.expire_access_tokens, **where)

    def plan_throttle(self, nth: int = 1, times: int = 1, **match: Any) -> Fault:
        """Plan 429 answers in the body style of the settings, from the nth matching call."""
        where = {"path": "/v3/company/"} | match
        answer = self._throttled()
        return self.faults.add(
            "reply",
            nth=nth,
            times=times,
            status=429,
            headers={
                name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers
            },
            content=answer.get_data(),
            content_type=str(answer.content_type),
            **where,
        )

    def webhook(
        self, events: list[Change], style: Literal["cloudevents", "legacy"] = "cloudevents"
    ) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a notification about `books.changes` entries."""
        body = webhooks.webhook_payload(events, style, self.realm_id)
        kind = "application/json" if style == "legacy" else "application/cloudevents+json"
        signature = webhooks.webhook_signature(body, self.verifier_token)
        return body, {"intuit-signature": signature, "Content-Type": kind}

    # -- the shell's questions ---------------------------------------------------------
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

    def answer(self, request: Request) -> Response:
        if request.path in oauth.PATHS:
            return self.sign_in.answer(request)
        file = _FILE.fullmatch(request.path)
        if file is not None and file.group(1) in self.books.files:
            return Response(self.books.files[file.group(1)], mimetype="application/octet-stream")
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
        if self.limits.admits(batch=resource == "batch", read=read):
            return None
        return self._throttled()

    def _throttled(self) -> Response:
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
        status, body = self.service.write(request, parts)
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
    try:
        items = decode(request.get_data())["BatchItemRequest"]
    except (ValueError, KeyError, TypeError):
        return []
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
