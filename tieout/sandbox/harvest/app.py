"""The WSGI face of the sandbox: sign-in, rate windows and routes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox import exactjson
from tieout.sandbox.core import Vendor
from tieout.sandbox.harvest import invoices, lists, reports, writes
from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.paging import MAX_PER_PAGE, Invalid, by_cursor, by_number
from tieout.sandbox.harvest.records import Row, Settings
from tieout.sandbox.harvest.sample import add_people, add_sample
from tieout.sandbox.harvest.show import Viewer, plain
from tieout.sandbox.harvest.tokens import Tokens

#: Calls allowed in a window of so many seconds.
GENERAL = (100, 15)
REPORTS = (100, 900)


class Harvest(Vendor):
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
        self.page_size = min(page_size, MAX_PER_PAGE)
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

    # -- the vendor's face ----------------------------------------------------------
    def writes(self, request: Request) -> bool:
        return request.method not in ("GET", "HEAD") and request.path.startswith("/v2/")

    def answer(self, request: Request) -> Response:
        try:
            response = self._routed(request)
        except Invalid as problem:
            body: Row = {"message": problem.message}
            if problem.status == 404:
                body = {"status": 404, "error": "Not Found"}
            response = _json(problem.status, body)
        response.headers["Date"] = http_date(self.clock.now())
        return response

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
        return self._resource(request, viewer, parts[1:])

    # -- sign-in --------------------------------------------------------------------
    def _viewer(self, request: Request) -> Viewer | Response:
        owner = self.tokens.owner(_bearer(request))
        account_id = request.headers.get("Harvest-Account-Id") or request.args.get("account_id")
        # A missing account id answers like a bad token.
        if owner is None or not account_id:
            return _unauthorised()
        if not request.headers.get("User-Agent"):
            return _json(
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
        answer = self.tokens.exchange(_body(request))
        if answer is None:
            return _json(
                400,
                {
                    "error": "invalid_grant",
                    "error_description": "The provided authorization grant is invalid, expired or "
                    "revoked.",
                },
            )
        return _json(200, answer)

    def _accounts(self, request: Request) -> Response:
        owner = self.tokens.owner(_bearer(request))
        if owner is None:
            return _unauthorised()
        user = self.account.users[owner]
        name = self.account.settings.name
        return _json(
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
            response = _json(429, body)
            response.headers["Retry-After"] = str(wait)
            return response
        seen.append(now)
        return None

    # -- resources --------------------------------------------------------------------
    def _resource(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        head = parts[0] if parts else ""
        if head == "time_entries":
            return self._time_entries(request, viewer, parts[1:])
        if head == "expenses":
            return self._expenses(request, viewer, parts[1:])
        if head == "invoices" and request.method != "GET":
            return self._invoices(request, viewer, parts[1:])
        if request.method != "GET":
            raise Invalid("Not Found", 404)
        if head == "reports":
            rows = reports.report(viewer, parts[1:], request.args)
            return self._page(request, "results", rows, by_number)
        if parts == ["company"]:
            return _json(200, self._company(request))
        if head == "users" and len(parts) > 1:
            return self._user(request, viewer, parts[1:])
        if head == "projects" and len(parts) == 3:
            query = {**request.args, "project_id": parts[1]}
            if parts[2] in ("task_assignments", "user_assignments"):
                return self._page(request, parts[2], lists.listed(parts[2], viewer, query))
        if head in lists.LISTS and len(parts) == 1:
            return self._page(request, head, lists.listed(head, viewer, request.args))
        if head in lists.LISTS and len(parts) == 2:
            return _json(200, _one(lists.listed(head, viewer, {}), parts[1]))
        raise Invalid("Not Found", 404)

    def _time_entries(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        if not parts and request.method == "GET":
            # Only the rows of the page are rendered: lists can be long.
            found = lists.entries(viewer, request.args)
            return self._page(
                request,
                "time_entries",
                found,
                by_number,
                lambda each: viewer.entry(each, listed=True),
            )
        if not parts and request.method == "POST":
            return _json(201, viewer.entry(writes.create(viewer, _body(request))))
        entry = writes.find(viewer, lists.number("id", parts[0] if parts else ""))
        rest = (request.method, parts[1:])
        if rest == ("GET", []):
            return _json(200, viewer.entry(entry))
        if rest == ("DELETE", []):
            writes.delete(viewer, entry)
            return Response(status=200)
        if rest == ("DELETE", ["external_reference"]):
            self.account.edit_entry(entry.id, external_reference=None)
            return Response(status=200)
        if rest == ("PATCH", ["restart"]):
            return _json(200, viewer.entry(writes.restart(viewer, entry)))
        if rest == ("PATCH", ["stop"]):
            return _json(200, viewer.entry(writes.stop(viewer, entry)))
        if rest == ("PATCH", []):
            return _json(200, viewer.entry(writes.change(viewer, entry, _body(request))))
        raise Invalid("Not Found", 404)

    def _expenses(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        def show(each: Any) -> Row:
            return viewer.expense(each, request.host_url)

        if not parts and request.method == "POST":
            made = writes.create_expense(viewer, _body(request))
            return _json(201, show(self.account.expenses[made]))
        if request.method != "GET" or len(parts) > 1:
            raise Invalid("Not Found", 404)
        if not parts:
            found = lists.expenses(viewer, request.args)
            return self._page(request, "expenses", found, by_number, show)
        expense = self.account.expenses.get(lists.number("id", parts[0]))
        if expense is None or not viewer.visible([expense]):
            raise Invalid("Not Found", 404)
        return _json(200, show(expense))

    def _invoices(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        lists.demand(viewer, "administrator")
        if request.method == "POST" and not parts:
            return _json(201, invoices.create(self.account, _body(request)))
        if request.method == "DELETE" and len(parts) == 1:
            invoices.delete(self.account, lists.number("id", parts[0]))
            return Response(status=200)
        raise Invalid("Not Found", 404)

    def _user(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        own = parts[0] == "me"
        user_id = viewer.user_id if own else lists.number("id", parts[0])
        if not own:
            lists.demand(viewer, "manager")
        if user_id not in viewer.people():
            raise Invalid("Not Found", 404)
        if len(parts) == 1:
            return _json(200, viewer.user(self.account.users[user_id]))
        if parts[1:] == ["project_assignments"]:
            return self._page(request, "project_assignments", self._own_projects(viewer, user_id))
        rates = {
            "billable_rates": self.account.billable_rates,
            "cost_rates": self.account.cost_rates,
        }
        if len(parts) != 2 or parts[1] not in rates:
            raise Invalid("Not Found", 404)
        lists.demand(viewer, "administrator")
        return self._page(request, parts[1], rates[parts[1]].get(user_id, []))

    def _own_projects(self, viewer: Viewer, user_id: int) -> list[Row]:
        books = self.account
        rows = []
        for each in books.user_assignments.values():
            if each["user_id"] != user_id:
                continue
            shown = viewer.user_assignment(each)
            del shown["user"]
            project = books.projects[each["project_id"]]
            client = books.clients[project["client_id"]]
            tasks = [
                viewer.task_assignment(task)
                for task in books.task_assignments.values()
                if task["project_id"] == project["id"]
            ]
            shown |= {"client": {"id": client["id"], "name": client["name"]}}
            rows.append(shown | {"task_assignments": tasks})
        return rows

    def _company(self, request: Request) -> Row:
        chosen = self.account.settings
        return {
            "base_uri": request.host_url.rstrip("/"),
            "full_domain": request.host,
            "name": chosen.name,
            "is_active": True,
            "week_start_day": "Monday",
            "wants_timestamp_timers": chosen.wants_timestamp_timers,
            "time_format": "decimal",
            "date_format": "%m/%d/%Y",
            "plan_type": "simple-v4",
            "clock": chosen.clock,
            "weekly_capacity": chosen.weekly_capacity,
            "expense_feature": chosen.expense_feature,
            "invoice_feature": True,
            "estimate_feature": False,
            "approval_feature": chosen.approval_feature,
        }

    def _receipt(self, text: str) -> Response:
        expense = self.account.expenses.get(lists.number("id", text))
        if expense is None or expense.receipt is None:
            raise Invalid("Not Found", 404)
        _, content, kind = expense.receipt
        return Response(content, content_type=kind)

    def _page(
        self,
        request: Request,
        name: str,
        rows: list[Any],
        style: Callable[..., Row] = by_cursor,
        show: Callable[[Any], Row] | None = None,
    ) -> Response:
        page = style(rows, request.args, request.base_url, self.page_size)
        shown = page.pop("rows")
        return _json(200, {name: [show(each) for each in shown] if show else shown, **page})


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else request.args.get("access_token", "")


def _unauthorised() -> Response:
    return _json(
        401,
        {
            "error": "invalid_token",
            "error_description": "The access token provided is expired, revoked, malformed or "
            "invalid for other reasons.",
        },
    )


def _one(rows: list[Row], text: str) -> Row:
    wanted = lists.number("id", text)
    found = next((row for row in rows if row["id"] == wanted), None)
    if found is None:
        raise Invalid("Not Found", 404)
    return found


def _body(request: Request) -> Mapping[str, Any]:
    if request.mimetype != "application/json":
        return request.form.to_dict()
    try:
        body = exactjson.loads(request.get_data() or b"{}")
    except ValueError as problem:
        raise Invalid("The request body is not JSON", 400) from problem
    if not isinstance(body, dict):
        raise Invalid("The request body is not an object", 400)
    return body


def _json(status: int, body: Any) -> Response:
    return Response(
        exactjson.dumps(plain(body)),
        status=status,
        content_type="application/json; charset=utf-8",
    )
