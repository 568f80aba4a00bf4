"""The WSGI face of the sandbox: sign-in, rate windows and routes."""

from __future__ import annotations

import copy
import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Any, Literal

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.core import FaultPlan
from tieout.sandbox.harvest import lists
from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.paging import MAX_PER_PAGE, Invalid
from tieout.sandbox.harvest.records import Row, Settings
from tieout.sandbox.harvest.routes import Routes
from tieout.sandbox.harvest.sample import add_people, add_sample
from tieout.sandbox.harvest.show import Viewer
from tieout.sandbox.harvest.tokens import Tokens
from tieout.sandbox.harvest.trouble import PlannedTrouble
from tieout.sandbox.harvest.wire import body_of, json_answer

#: Calls allowed in a window of so many seconds.
GENERAL = (100, 15)
REPORTS = (100, 900)


class Harvest(PlannedTrouble):
    """One account behind the v2 API, at `/v2/` of its own host.

    `preset`: "sample" fills three months of a small consultancy, "empty" has only the
    three people the tokens belong to. `page_size`: most rows on a page, 1 to 2000,
    whatever is asked for. `settings`: the account's preferences, such as rounding.
    `rate_limits`: answer 429 above 100 calls in 15 seconds (reports: 15 minutes).
    """

    slug = "harvest"

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        page_size: int = MAX_PER_PAGE,
        settings: Settings | None = None,
        rate_limits: bool = True,
        service_s: float = 0.0,
        item_s: float = 0.0,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        self.account = Account(clock, settings or Settings())
        self.routes = Routes(self.account, min(page_size, MAX_PER_PAGE))
        self.rate_limits = rate_limits
        self.tokens = Tokens(clock)
        self._seen: dict[str, deque[datetime]] = {"general": deque(), "reports": deque()}
        people = add_people(self.account)
        self.people = people  # "administrator", "manager", "member" to user id
        if preset == "sample":
            add_sample(self.account, people)
        self.credentials: dict[str, str] = {
            "account_id": str(self.account.id),
            "access_token": self.tokens.personal(people["administrator"]),
            "manager_token": self.tokens.personal(people["manager"]),
            "member_token": self.tokens.personal(people["member"]),
            "client_id": self.tokens.client_id,
            "client_secret": self.tokens.client_secret,
            "code": self.tokens.code(people["administrator"]),
        }

    def copy(self, clock: Clock | None = None) -> Harvest:
        """The same account once more, on its own clock when one is given.

        The copy has the same tokens and the same calls in its rate windows; its log of calls
        and its fault plan are empty.
        """
        memo: dict[int, Any] = {id(self.clock): clock or self.clock}
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "calls", "faults"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin.calls, twin.faults = [], FaultPlan()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Harvest:
        return self.copy()

    # -- the vendor's face ----------------------------------------------------------
    def writes(self, request: Request) -> bool:
        return request.method not in ("GET", "HEAD") and request.path.startswith("/v2/")

    def answer(self, request: Request) -> Response:
        try:
            return self._routed(request)
        except Invalid as problem:
            body: Row = {"message": problem.message}
            if problem.status == 404:
                body = {"status": 404, "error": "Not Found"}
            return json_answer(problem.status, body)

    def _logged(self, request: Request, response: Response, fault: str) -> Response:
        response.headers["Date"] = http_date(self.clock.now())
        return super()._logged(request, response, fault)

    def _routed(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        if parts == ["api", "v2", "oauth2", "token"] and request.method == "POST":
            return self._token(request)
        if parts == ["api", "v2", "accounts"]:
            return self._accounts(request)
        if len(parts) == 3 and (parts[0], parts[2]) == ("expenses", "receipt"):
            return self._receipt(parts[1])
        if parts[:1] != ["v2"]:
            raise Invalid("Not Found", 404)
        viewer = self._viewer(request)
        if isinstance(viewer, Response):
            return viewer
        throttled = self._throttled(parts[1:])
        if throttled is not None:
            return throttled
        return self.routes.answer(request, viewer, parts[1:])

    # -- sign-in --------------------------------------------------------------------
    def _viewer(self, request: Request) -> Viewer | Response:
        owner = self.tokens.owner(_bearer(request))
        account_id = request.headers.get("Harvest-Account-Id") or request.args.get("account_id")
        # A missing account id answers like a bad token.
        if owner is None or not account_id:
            return _unauthorised()
        if not request.headers.get("User-Agent"):
            return json_answer(
                400,
                {
                    "error": "invalid_request",
                    "error_description": "The User-Agent header is missing.",
                },
            )
        active = self.account.users[owner]["is_active"]
        if account_id != str(self.account.id) or not active:
            raise Invalid(lists.FORBIDDEN, 403)
        return Viewer(self.account, owner)

    def _token(self, request: Request) -> Response:
        answer = self.tokens.exchange(body_of(request))
        if answer is None:
            return json_answer(
                400,
                {
                    "error": "invalid_grant",
                    "error_description": "The provided authorization grant is invalid, expired or "
                    "revoked.",
                },
            )
        return json_answer(200, answer)

    def _accounts(self, request: Request) -> Response:
        owner = self.tokens.owner(_bearer(request))
        if owner is None:
            return _unauthorised()
        user = self.account.users[owner]
        name = self.account.settings.name
        return json_answer(
            200,
            {
                "user": {key: user[key] for key in ("id", "first_name", "last_name", "email")},
                "accounts": [
                    {"id": self.account.id, "name": name, "product": "harvest"},
                    {"id": self.account.id + 1, "name": name, "product": "forecast"},
                ],
            },
        )

    def _throttled(self, parts: list[str]) -> Response | None:
        kind = "reports" if parts[:1] == ["reports"] else "general"
        most, window_s = REPORTS if kind == "reports" else GENERAL
        window = timedelta(seconds=window_s)
        now = self.clock.now()
        seen = self._seen[kind]
        while seen and seen[0] <= now - window:
            seen.popleft()
        if self.rate_limits and len(seen) >= most:
            wait = max(1, -((now - seen[0] - window) // timedelta(seconds=1)))
            body = {"message": "This request has been throttled.", "retry_after": wait}
            response = json_answer(429, body)
            response.headers["Retry-After"] = str(wait)
            return response
        seen.append(now)
        return None

    def _receipt(self, text: str) -> Response:
        expense = self.account.expenses.get(lists.number("id", text))
        if expense is None or expense.receipt is None:
            raise Invalid("Not Found", 404)
        _, content, kind = expense.receipt
        return Response(content, content_type=kind)


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else request.args.get("access_token", "")


def _unauthorised() -> Response:
    return json_answer(
        401,
        {
            "error": "invalid_token",
            "error_description": "The access token provided is expired, revoked, malformed or "
            "invalid for other reasons.",
        },
    )
