"""Xero as a WSGI application: gateway, sign-in, limits, idempotency, Accounting and Projects."""

from __future__ import annotations

import copy
import hashlib
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.core import ConnectionCut, StartResponse, Vendor
from tieout.sandbox.xero import connections, errors, keys, oauth, portal, presets, projects, service
from tieout.sandbox.xero.books import Books
from tieout.sandbox.xero.call import Call
from tieout.sandbox.xero.connections import Connection
from tieout.sandbox.xero.hooks import Hooks, Post
from tieout.sandbox.xero.limits import Limits, Window
from tieout.sandbox.xero.plans import Plans, TenantFaults
from tieout.sandbox.xero.settings import Settings
from tieout.sandbox.xero.store import Change
from tieout.sandbox.xero.traffic import LateWrite, Traffic
from tieout.sandbox.xero.webhooks import webhook_event, webhook_headers, webhook_payload

_API = re.compile(r"/(api|projects)\.xro/2\.0/(.+?)/?")
_CONNECTIONS = re.compile(r"/connections(?:/([^/]+))?/?", re.IGNORECASE)
#: Where a call keeps how many were ahead of it, and how late it is to be done.
_AHEAD, _LATE_S = "tieout.ahead", "tieout.late_s"


@dataclass
class Tenant:
    """One organisation the app may be connected to."""

    name: str
    books: Books
    limits: Limits
    egress_bytes: int = 0  # what its answers weighed; Xero charges for it


class Xero(Plans, Vendor):
    """One app at Xero with one organisation, and more when they are added.

    `preset` is "sample" (an organisation that has traded for a year) or "empty" (set up,
    no contacts). Further keyword arguments are fields of `Settings`.
    """

    slug = "xero"

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        country: str = "NZ",
        base_currency: str = "",
        seed: int = 1,
        service_s: float = 0.0,
        item_s: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        currency = base_currency or presets.BASE_CURRENCY.get(country, "USD")
        self.settings = Settings(country=country, base_currency=currency, **settings)
        self.seed = seed
        self.faults = TenantFaults()
        self.tenants: dict[str, Tenant] = {}
        self.connections: list[Connection] = []
        self.keys = keys.Keys(clock, self.settings)
        self.sign_in = oauth.SignIn(clock, self.settings, seed)
        self.traffic = Traffic()
        self.late_writes: list[LateWrite] = []
        self.webhook_key = hashlib.sha256(f"webhook {seed}".encode()).hexdigest()[:64] + "=="
        self.hooks = Hooks(clock, self.settings, self.webhook_key, self.catch_up)
        self._app_window = Window(60, 0)
        self._park_s: float | None = None
        self._crash = False
        self._marks = 0
        self.tenant_id = self.add_organisation(self.settings.company_name, preset=preset)
        self.credentials: dict[str, str] = {
            "client_id": self.sign_in.client_id,
            "client_secret": self.sign_in.client_secret,
            "tenant_id": self.tenant_id,
            "webhook_key": self.webhook_key,
            **self.sign_in.issue(),
        }

    # -- for people and tests ---------------------------------------------------------------
    @property
    def books(self) -> Books:
        """The books of the first organisation."""
        return self.tenants[self.tenant_id].books

    @property
    def limits(self) -> Limits:
        """The limits of the first organisation."""
        return self.tenants[self.tenant_id].limits

    def add_organisation(self, name: str, *, preset: Literal["sample", "empty"] = "empty") -> str:
        """One more organisation under every consent from now on; returns its tenant id."""
        number = len(self.tenants) + 1
        mark = hashlib.sha256(f"tenant {self.seed} {number}".encode()).hexdigest()
        ids = [f"{m[:8]}-{m[8:12]}-4{m[13:16]}-a{m[17:20]}-{m[20:32]}" for m in (mark, mark[::-1])]
        tenant_id, connection_id = ids
        seed = self.seed * 1000 + number
        books = Books(self.clock, self.settings, seed, tenant_id)
        presets.fill(books, preset)
        limits = Limits(self.clock, self.settings, tenant_id, self._app_window)
        self.tenants[tenant_id] = Tenant(name, books, limits)
        self.connections.append(Connection(connection_id, tenant_id, self.clock.now()))
        self.sign_in.tenants.append(tenant_id)
        for grant in self.sign_in.grants:
            grant.tenants.append(tenant_id)
        self.hooks.follow(tenant_id, books)
        return tenant_id

    def reset_organisation(self) -> str:
        """What resetting a demo company does: fresh books under a new tenant id."""
        name = self.tenants[self.tenant_id].name
        self.disconnect(self.tenant_id)
        self.tenant_id = self.add_organisation(name)
        self.credentials["tenant_id"] = self.tenant_id
        return self.tenant_id

    def disconnect(self, tenant_id: str) -> None:
        """Somebody disconnects an organisation in Xero: calls for it are answered 403."""
        self.sign_in.disconnect(tenant_id)
        self.connections = [each for each in self.connections if each.tenant_id != tenant_id]

    def expire_access_tokens(self) -> None:
        """From now on every access token is answered 401; refreshing works."""
        self.sign_in.expire_access()

    def revoke_tokens(self) -> None:
        """The user disconnects the app: refreshing answers `invalid_grant`."""
        self.sign_in.revoke_all()

    def note_subscription(self, subscription_id: str, operation: str = "UPDATE") -> None:
        """Something happens to the app's own subscription: a SUBSCRIPTION event."""
        change = Change("SUBSCRIPTION", subscription_id, operation, self.clock.now(),
                        "Subscriptions")  # fmt: skip
        self.books.changes.append(change)

    def webhook(self, events: list[Change]) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a notification about `books.changes` entries."""
        told = [webhook_event(each, self.tenant_id, self.hooks.api_base) for each in events]
        body = webhook_payload(told, 1, len(told), "FXNGWLCCGVAN")
        return body, webhook_headers(body, self.webhook_key)

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

    def crash_next(self) -> None:
        """The call being answered fails inside with a 500, which its key remembers."""
        self._crash = True

    def copy(self, clock: Clock | None = None) -> Xero:
        """The same organisation once more, on its own clock when one is given.

        Rows are shared, since a stored row never changes: a prepared organisation is copied
        in about a millisecond. The copy has the same sign-in, keys and subscription; its log
        of calls and its fault plan are empty.
        """
        memo: dict[int, Any] = {id(self.clock): clock or self.clock}
        for tenant in self.tenants.values():
            tenant.books.share(memo)
        self.keys.share(memo)
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "calls", "faults"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin.calls = []
        twin.faults = TenantFaults()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Xero:
        return self.copy()

    # -- the shell's questions --------------------------------------------------------------
    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if ".xro/" not in str(environ.get("PATH_INFO", "")):
            return super().__call__(environ, start_response)
        tenant_id = str(environ.get("HTTP_XERO_TENANT_ID", ""))
        environ[_AHEAD] = self.traffic.enter(tenant_id)
        try:
            return super().__call__(environ, start_response)
        finally:
            self.traffic.leave(tenant_id)

    def writes(self, request: Request) -> bool:
        return _API.fullmatch(request.path) is not None and super().writes(request)

    def items_of(self, request: Request) -> int:
        """How many objects a write carries; a read counts as one."""
        found = _API.fullmatch(request.path)
        single = found is None or request.method not in ("PUT", "POST") or "/" in found.group(2)
        if found is None or single or not self.item_s:
            return 1  # reading the body twice is worth it only when it costs time
        try:
            return max(1, len(Call(self.books, request).elements(found.group(2))))
        except (errors.Refusal, ValueError):
            return 1

    def answer(self, request: Request) -> Response:
        if request.path in oauth.PATHS:
            return self.sign_in.answer(request)
        if request.path in portal.PATHS:
            return portal.answer(self, request)
        self.catch_up()
        request.environ[_LATE_S], self._park_s = self._park_s, None
        mark = self.new_mark()
        try:
            response = self._passed(request, mark)
        except errors.Refusal as refusal:
            if refusal.body is not None and self.settings.problem_keys == "lower":
                refusal.body = errors.lower_keys(refusal.body)
            # The gateway answers JSON, whatever the caller accepts.
            response = service.refused_in_json(self.settings.layout, refusal)
        response.headers["Xero-Correlation-Id"] = mark
        return response

    # -- the gateway ------------------------------------------------------------------------
    def _passed(self, request: Request, mark: str) -> Response:
        """Answer a call as far as it may go. Raises `Refusal`."""
        grant, trouble = self.sign_in.check(request.headers.get("Authorization", ""))
        if grant is None:
            raise errors.problem(401, "Unauthorized", trouble, mark)
        inner = _CONNECTIONS.fullmatch(request.path)
        if inner is not None:
            return connections.answer(self, request, grant, inner.group(1) or "")
        found = _API.fullmatch(request.path)
        if found is None:
            raise NotFound
        long = service.too_long(request)
        if long is not None:
            return long
        tenant_id = request.headers.get("xero-tenant-id", "").lower()
        if not tenant_id and grant.custom and grant.tenants:
            tenant_id = grant.tenants[0]  # a custom connection has only one
        if tenant_id not in grant.tenants:
            raise errors.problem(403, "Forbidden", "AuthenticationUnsuccessful", mark)
        tenant = self.tenants[tenant_id]
        self._check_limits(request, tenant)
        scopes = service.scopes_of(found.group(2))
        if found.group(1) == "projects":
            scopes = ("projects",)
        if scopes and not grant.allows(scopes, write=request.method != "GET"):
            raise errors.problem(401, "Unauthorized", "AuthorizationUnsuccessful", mark)
        response = self._keyed(request, tenant_id, mark)
        response.headers.update(tenant.limits.headers())
        tenant.egress_bytes += len(response.get_data())
        return response

    def _check_limits(self, request: Request, tenant: Tenant) -> None:
        settings = self.settings
        if settings.limits and request.environ.get(_AHEAD, 0) >= settings.concurrent:
            tenant.limits.refused += 1
            raise errors.Refusal(429, None, self.limit_headers("concurrent", None))
        broken = tenant.limits.admit()
        if broken is not None:
            name, wait = broken
            headers = self.limit_headers(name, wait if name in ("minute", "day") else None)
            raise errors.Refusal(429, None, {**headers, **tenant.limits.headers()})

    def limit_headers(self, limit: str, wait: int | None) -> dict[str, str]:
        """What a 429 says about itself."""
        word = limit
        if self.settings.limit_words == "old":
            word = {"minute": "Minute", "day": "Daily"}.get(limit, limit.title())
        headers = {"X-Rate-Limit-Problem": word}
        if wait is not None:
            headers["Retry-After"] = str(wait)
        return headers

    # -- idempotency ------------------------------------------------------------------------
    def _keyed(self, request: Request, tenant_id: str, mark: str) -> Response:
        """Answer a call, or replay what its Idempotency-Key was answered before."""
        key = request.headers.get("Idempotency-Key", "")
        if not key or request.method not in keys.KEYED:
            self._parked(request)
            return self._served(request, tenant_id, mark)
        if len(key) > self.settings.key_longest:
            detail = f"Idempotency key must be {self.settings.key_longest} characters or fewer"
            raise errors.problem(400, "Bad Request", detail, mark)
        owner, print_ = (self.sign_in.client_id, tenant_id), keys.mark_of(request)
        self._wait_for(key)
        kept = self.keys.recall(owner, key)
        if kept is not None and kept.mark != print_:
            detail = "Idempotency key was used with a different request"
            raise errors.problem(400, "Bad Request", detail, mark)
        if kept is not None:
            return Response(kept.content, kept.status, list(kept.headers))
        self._parked(request)
        response = self._served(request, tenant_id, mark)
        content, headers = response.get_data(), list(response.headers.items())
        self.keys.keep(owner, key, print_, response.status_code, content, headers)
        return response

    def _served(self, request: Request, tenant_id: str, mark: str) -> Response:
        books = self.tenants[tenant_id].books
        found = _API.fullmatch(request.path)
        path = found.group(2) if found else ""
        crash, self._crash = self._crash, False
        if crash:
            detail = errors.CRASHED
            refusal = errors.problem(500, "An error occurred", detail, mark)
            return service.refused_in_json(self.settings.layout, refusal)
        if found and found.group(1) == "projects":
            return projects.serve(books, request, path, mark)
        return service.serve(books, request, path, mark, self.clock.now())

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
        """Do a late write; when its answer would have been refused, nobody learns of it."""
        request = late.request()
        tenant_id = request.headers.get("xero-tenant-id", "").lower() or self.tenant_id
        if tenant_id not in self.tenants:
            return
        books = self.tenants[tenant_id].books
        before, books.backdated = books.backdated, late.due_at
        try:
            self._keyed(request, tenant_id, self.new_mark())
        except errors.Refusal:
            return
        finally:
            books.backdated = before

    def _wait_for(self, key: str) -> None:
        """A second call with a key waits for the first one, if that is still worked on."""
        late = [each for each in self.late_writes if each.key == key]
        if late:
            self.clock.sleep((late[0].due_at - self.clock.now()).total_seconds())
            self.catch_up()

    def new_mark(self) -> str:
        """A guid for a call: its correlation id and the `Id` of its envelope."""
        self._marks += 1
        mark = hashlib.md5(f"mark {self.seed} {self._marks}".encode()).hexdigest()
        return f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-a{mark[17:20]}-{mark[20:]}"
