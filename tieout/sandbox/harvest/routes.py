"""The resources below `/v2/`, for the person behind a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from tieout.sandbox.harvest import directory, expenses, invoices, lists, reports, writes
from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.paging import Invalid, by_cursor, by_number
from tieout.sandbox.harvest.records import Row
from tieout.sandbox.harvest.show import Viewer
from tieout.sandbox.harvest.wire import body_of, file_of, json_answer


class Routes:
    """Finds the resource of a path and the verb on it. `page_size`: most rows on a page."""

    def __init__(self, account: Account, page_size: int) -> None:
        self.account = account
        self.page_size = page_size

    def answer(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        """Answer one call; `parts` is the path after `/v2/`. Raises `Invalid`."""
        head = parts[0] if parts else ""
        if head == "time_entries":
            return self._time_entries(request, viewer, parts[1:])
        if head == "expenses":
            return self._expenses(request, viewer, parts[1:])
        if head == "invoices" and request.method != "GET":
            return self._invoices(request, viewer, parts[1:])
        if request.method != "GET":
            return self._directory(request, viewer, parts)
        if head == "reports":
            rows = reports.report(viewer, parts[1:], request.args)
            return self._page(request, "results", rows, by_number)
        if parts == ["company"]:
            return json_answer(200, self._company(request))
        if head == "users" and len(parts) > 1:
            return self._user(request, viewer, parts[1:])
        if head == "projects" and len(parts) == 3:
            query = {**request.args, "project_id": parts[1]}
            if parts[2] in ("task_assignments", "user_assignments"):
                return self._page(request, parts[2], lists.listed(parts[2], viewer, query))
        if head in lists.LISTS and len(parts) == 1:
            return self._page(request, head, lists.listed(head, viewer, request.args))
        if head in lists.LISTS and len(parts) == 2:
            return json_answer(200, _one(lists.listed(head, viewer, {}), parts[1]))
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
            return json_answer(201, viewer.entry(writes.create(viewer, body_of(request))))
        entry = writes.find(viewer, lists.number("id", parts[0] if parts else ""))
        rest = (request.method, parts[1:])
        if rest == ("GET", []):
            return json_answer(200, viewer.entry(entry))
        if rest == ("DELETE", []):
            writes.delete(viewer, entry)
            return Response(status=200)
        if rest == ("DELETE", ["external_reference"]):
            self.account.edit_entry(entry.id, external_reference=None)
            return Response(status=200)
        if rest == ("PATCH", ["restart"]):
            return json_answer(200, viewer.entry(writes.restart(viewer, entry)))
        if rest == ("PATCH", ["stop"]):
            return json_answer(200, viewer.entry(writes.stop(viewer, entry)))
        if rest == ("PATCH", []):
            return json_answer(200, viewer.entry(writes.change(viewer, entry, body_of(request))))
        raise Invalid("Not Found", 404)

    def _expenses(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        def show(each: Any) -> Row:
            return viewer.expense(each, request.host_url)

        if not parts and request.method == "POST":
            made = expenses.create(viewer, body_of(request), file_of(request, "receipt"))
            return json_answer(201, show(made))
        if not parts and request.method == "GET":
            found = lists.expenses(viewer, request.args)
            return self._page(request, "expenses", found, by_number, show)
        if len(parts) != 1:
            raise Invalid("Not Found", 404)
        expense = expenses.find(viewer, lists.number("id", parts[0]))
        if request.method == "PATCH":
            expenses.change(viewer, expense, body_of(request), file_of(request, "receipt"))
        elif request.method == "DELETE":
            expenses.delete(viewer, expense)
            return Response(status=200)
        elif request.method != "GET":
            raise Invalid("Not Found", 404)
        return json_answer(200, show(expense))

    def _directory(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        """Create, change or delete a client, project, task, category or assignment."""
        kind, row_id, more = directory.place(parts)
        lists.demand(viewer, "administrator")
        if request.method == "POST" and row_id is None:
            made = directory.create(self.account, kind, {**body_of(request), **more})
            return json_answer(201, lists.LISTS[kind].show(viewer, made))
        if request.method == "PATCH" and row_id is not None:
            changed = directory.change(self.account, kind, row_id, body_of(request), more)
            return json_answer(200, lists.LISTS[kind].show(viewer, changed))
        if request.method == "DELETE" and row_id is not None:
            directory.delete(self.account, kind, row_id, more)
            return Response(status=200)
        raise Invalid("Not Found", 404)

    def _invoices(self, request: Request, viewer: Viewer, parts: list[str]) -> Response:
        lists.demand(viewer, "administrator")
        if request.method == "POST" and not parts:
            return json_answer(201, invoices.create(self.account, body_of(request)))
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
            return json_answer(200, viewer.user(self.account.users[user_id]))
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
        return json_answer(200, {name: [show(each) for each in shown] if show else shown, **page})


def _one(rows: list[Row], text: str) -> Row:
    wanted = lists.number("id", text)
    found = next((row for row in rows if row["id"] == wanted), None)
    if found is None:
        raise Invalid("Not Found", 404)
    return found
