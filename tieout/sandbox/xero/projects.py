"""The Projects API 2.0: projects, tasks and time, in camelCase and JSON only.

Amounts are `{"currency", "value"}` on read; on write a plain number is taken as
well. Nothing here raises an invoice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tieout.sandbox.xero import errors
from tieout.sandbox.xero.errors import Missing, Refusal
from tieout.sandbox.xero.projectcalls import (
    Answer,
    ProjectCall,
    bad,
    bound,
    inner_row,
    listed,
    moment,
    money,
    of_project,
    paged,
    to_amount,
    to_id,
    to_instant,
)  # fmt: skip
from tieout.sandbox.xero.wire import ZERO, Row, cents, encode, to_flag

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_PROJECT = re.compile(r"Projects(?:/(?P<project>[^/]+))?", re.IGNORECASE)
_INNER = re.compile(
    r"Projects/(?P<project>[^/]+)/(?P<table>Tasks|Time)(?:/(?P<row>[^/]+))?", re.IGNORECASE
)
_CHARGES = ("TIME", "FIXED", "NON_CHARGEABLE")
_HOUR = 60


def serve(books: Books, request: Request, path: str, mark: str) -> Response:
    """Answer a call that the gateway let through."""
    try:
        status, body = _handled(books, request, path, mark)
    except Refusal as refusal:
        status, body = refusal.status, refusal.body
    except Missing:
        missing = "The resource you're looking for cannot be found"
        status, body = 404, errors.problem(404, "Not Found", missing, mark).body
    if body is None:
        return Response(status=status)
    text = encode(body, books.settings.layout)
    return Response(text, status=status, content_type="application/json; charset=utf-8")


def _handled(books: Books, request: Request, path: str, mark: str) -> Answer:
    if not books.settings.projects:
        raise errors.problem(403, "Forbidden", "AuthorizationUnsuccessful", mark)
    call = ProjectCall(books, request)
    table = ""
    if path.lower() == "projectsusers":
        return _users(call)
    inner, outer = _INNER.fullmatch(path), _PROJECT.fullmatch(path)
    if inner is not None:
        call.project, call.row = to_id(inner.group("project")), to_id(inner.group("row") or "")
        table = "Tasks" if inner.group("table").lower() == "tasks" else "Time"
    elif outer is not None:
        call.project, table = to_id(outer.group("project") or ""), "Projects"
    handler = _HANDLERS.get((table, bool(call.project if table == "Projects" else call.row)), {})
    chosen = handler.get(request.method)
    if not table:
        raise Missing(path)
    if chosen is None:
        raise Refusal(405, None)
    if table != "Projects":
        books.get("Projects", call.project)
    return chosen(call)


# -- projects ----------------------------------------------------------------------------
def _list_projects(call: ProjectCall) -> Answer:
    args = call.request.args
    ids, states = listed(call, "projectIds"), listed(call, "states")
    contact = args.get("contactID") or args.get("contactId")
    rows = [
        row
        for row in call.books.rows("Projects")
        if (not ids or row["projectId"] in ids)
        and (not states or row["status"] in states)
        and (not contact or row["contactId"] == to_id(contact))
    ]
    return paged(call, rows, lambda row: show_project(call.books, row))


def _one_project(call: ProjectCall) -> Answer:
    return 200, show_project(call.books, call.books.get("Projects", call.project))


def _create_project(call: ProjectCall) -> Answer:
    sent = call.body()
    row: Row = {"status": "INPROGRESS", "currencyCode": call.books.settings.base_currency}
    contact = to_id(str(sent.get("contactId") or ""))
    if call.books.find("Contacts", contact) is None:
        raise bad("The contact could not be found", "contactId")
    stored = call.books.put("Projects", {**row, "contactId": contact, **_project_fields(sent)})
    return 201, show_project(call.books, stored)


def _change_project(call: ProjectCall) -> Answer:
    old = call.books.get("Projects", call.project)
    call.books.put("Projects", {**old, **_project_fields(call.body())})
    return 204, None


def _patch_project(call: ProjectCall) -> Answer:
    old = call.books.get("Projects", call.project)
    status = call.body().get("status")
    if status not in ("INPROGRESS", "CLOSED"):
        raise bad("The status is not valid", "status")
    call.books.put("Projects", {**old, "status": status})
    return 204, None


def _project_fields(sent: Row) -> Row:
    name = sent.get("name")
    if not isinstance(name, str) or not name:
        raise bad("A project must have a name", "name")
    row: Row = {"name": name}
    if sent.get("estimateAmount") is not None:
        row["_estimate"] = to_amount(sent["estimateAmount"], "estimateAmount")
    if sent.get("deadlineUtc") is not None:
        row["deadlineUtc"] = moment(to_instant(sent["deadlineUtc"], "deadlineUtc"))
    return row


def show_project(books: Books, row: Row) -> Row:
    """A project with what its tasks and time add up to."""
    tasks = [_sums(books, task) for task in of_project(books, "Tasks", row["projectId"])]
    total = sum((each["amount"] for each in tasks), ZERO)
    minutes = sum(each["minutes"] for each in tasks)
    nothing = money(row, ZERO)
    zero = dict.fromkeys(
        ("totalExpenseAmount", "taskAmountInvoiced", "expenseAmountToBeInvoiced",
         "expenseAmountInvoiced", "projectAmountInvoiced", "deposit", "depositApplied",
         "creditNoteAmount", "totalInvoiced"), nothing,
    )  # fmt: skip
    shown = {key: value for key, value in row.items() if key[0] != "_" and key[0].islower()}
    shown |= {**zero, "minutesLogged": minutes, "minutesToBeInvoiced": minutes}
    shown |= dict.fromkeys(
        ("totalTaskAmount", "taskAmountToBeInvoiced", "totalToBeInvoiced"), money(row, total)
    )
    estimate = money(row, row.get("_estimate", ZERO))
    return {**shown, "estimateAmount": estimate, "estimate": estimate}


# -- tasks -------------------------------------------------------------------------------
def _list_tasks(call: ProjectCall) -> Answer:
    ids, charge = listed(call, "taskIds"), call.request.args.get("chargeType")
    rows = [
        row
        for row in of_project(call.books, "Tasks", call.project)
        if (not ids or row["taskId"] in ids) and charge in (None, "", row["chargeType"])
    ]
    return paged(call, rows, lambda row: show_task(call.books, row))


def _one_task(call: ProjectCall) -> Answer:
    return 200, show_task(call.books, inner_row(call, "Tasks"))


def _create_task(call: ProjectCall) -> Answer:
    row = {"projectId": call.project, "status": "ACTIVE", **_task_fields(call.body())}
    return 201, show_task(call.books, call.books.put("Tasks", row))


def _change_task(call: ProjectCall) -> Answer:
    old = inner_row(call, "Tasks")
    call.books.put("Tasks", {**old, **_task_fields(call.body())})
    return 204, None


def _delete_task(call: ProjectCall) -> Answer:
    task = inner_row(call, "Tasks")
    if any(row["taskId"] == task["taskId"] for row in of_project(call.books, "Time", call.project)):
        raise bad("A task with time entries cannot be deleted")
    call.books.discard("Tasks", task["taskId"])
    return 204, None


def _task_fields(sent: Row) -> Row:
    name, charge = sent.get("name"), sent.get("chargeType")
    if not isinstance(name, str) or not 0 < len(name) <= 100:
        raise bad("The name of a task must have 1 to 100 characters", "name")
    if charge not in _CHARGES:
        raise bad("The charge type is not valid", "chargeType")
    if sent.get("rate") is None:
        raise bad("A task must have a rate", "rate")
    return {
        "name": name,
        "chargeType": charge,
        "_rate": to_amount(sent["rate"], "rate"),
        "estimateMinutes": int(to_amount(sent.get("estimateMinutes") or 0, "estimateMinutes")),
    }


def show_task(books: Books, row: Row) -> Row:
    """A task with its minutes and what they are worth."""
    project = books.get("Projects", row["projectId"])
    sums = _sums(books, row)
    nothing = money(project, ZERO)
    charged = sums["minutes"] if row["chargeType"] != "NON_CHARGEABLE" else 0
    return {
        "taskId": row["taskId"],
        "name": row["name"],
        "rate": money(project, row["_rate"]),
        "chargeType": row["chargeType"],
        "estimateMinutes": row["estimateMinutes"],
        "projectId": row["projectId"],
        "totalMinutes": sums["minutes"],
        "totalAmount": money(project, sums["amount"]),
        "minutesInvoiced": 0,
        "minutesToBeInvoiced": charged,
        "fixedMinutes": sums["minutes"] if row["chargeType"] == "FIXED" else 0,
        "nonChargeableMinutes": sums["minutes"] - charged,
        "amountToBeInvoiced": money(project, sums["amount"]),
        "amountInvoiced": nothing,
        "status": row["status"],
    }


def _sums(books: Books, task: Row) -> Row:
    entries = [each for each in of_project(books, "Time", task["projectId"])
               if each["taskId"] == task["taskId"]]  # fmt: skip
    minutes = sum(each["duration"] for each in entries)
    worth = {
        "TIME": task["_rate"] * minutes / _HOUR,
        "FIXED": task["_rate"],
        "NON_CHARGEABLE": ZERO,
    }
    return {"minutes": minutes, "amount": cents(worth[task["chargeType"]])}


# -- time --------------------------------------------------------------------------------
def _list_time(call: ProjectCall) -> Answer:
    args, books = call.request.args, call.books
    states = listed(call, "states")
    after, before = bound(call, "dateAfterUtc"), bound(call, "dateBeforeUtc")
    chargeable = _chargeable(args.get("isChargeable"))
    contact = args.get("contactId")
    rows = []
    for row in of_project(books, "Time", call.project):
        task = books.get("Tasks", row["taskId"])
        project = books.get("Projects", row["projectId"])
        tests = (
            not args.get("userId") or row["userId"] == to_id(args["userId"]),
            not args.get("taskId") or row["taskId"] == to_id(args["taskId"]),
            not args.get("invoiceId"),  # nothing here was invoiced
            not contact or project["contactId"] == to_id(contact),
            not states or row["status"] in states,
            chargeable is None or chargeable == (task["chargeType"] != "NON_CHARGEABLE"),
            after is None or row["_at"] >= after,
            before is None or row["_at"] <= before,
        )
        if all(tests):
            rows.append(row)
    return paged(call, rows, show_time)


def _chargeable(value: str | None) -> bool | None:
    try:
        return to_flag(value) if value else None
    except ValueError as problem:
        raise bad("isChargeable must be true or false") from problem


def _one_time(call: ProjectCall) -> Answer:
    return 200, show_time(inner_row(call, "Time"))


def _create_time(call: ProjectCall) -> Answer:
    now = call.books.now()
    row = {"projectId": call.project, "status": "ACTIVE", "dateEnteredUtc": moment(now)}
    return 200, show_time(call.books.put("Time", {**row, **_time_fields(call)}))


def _change_time(call: ProjectCall) -> Answer:
    old = inner_row(call, "Time")
    if old["status"] != "ACTIVE":
        raise bad("Only active time entries can be changed")
    call.books.put("Time", {**old, **_time_fields(call)})
    return 204, None


def _delete_time(call: ProjectCall) -> Answer:
    call.books.discard("Time", inner_row(call, "Time")["timeEntryId"])
    return 204, None


def _time_fields(call: ProjectCall) -> Row:
    sent = call.body()
    user, task = to_id(str(sent.get("userId") or "")), to_id(str(sent.get("taskId") or ""))
    if call.books.find("Users", user) is None:
        raise bad("The user could not be found", "userId")
    known = call.books.find("Tasks", task)
    if known is None or known["projectId"] != call.project:
        raise bad("The task could not be found", "taskId")
    duration = sent.get("duration")
    if not isinstance(duration, int) or not 1 <= duration <= 59940:
        raise bad("The duration must be 1 to 59940 minutes", "duration")
    at = to_instant(sent.get("dateUtc"), "dateUtc")
    words = str(sent.get("description") or "")
    return {"userId": user, "taskId": task, "dateUtc": moment(at), "_at": at,
            "duration": duration, "description": words}  # fmt: skip


def show_time(row: Row) -> Row:
    names = ("timeEntryId", "userId", "projectId", "taskId", "dateUtc", "dateEnteredUtc",
             "duration", "description", "status")  # fmt: skip
    return {name: row[name] for name in names}


# -- users
def _users(call: ProjectCall) -> Answer:
    if call.request.method != "GET":
        raise Refusal(405, None)
    return paged(
        call,
        list(call.books.rows("Users")),
        lambda row: {
            "userId": row["UserID"],
            "name": f"{row['FirstName']} {row['LastName']}",
            "email": row["EmailAddress"],
        },
    )


_HANDLERS: dict[tuple[str, bool], dict[str, Callable[[ProjectCall], Answer]]] = {
    ("Projects", False): {"GET": _list_projects, "POST": _create_project},
    ("Projects", True): {"GET": _one_project, "PUT": _change_project, "PATCH": _patch_project},
    ("Tasks", False): {"GET": _list_tasks, "POST": _create_task},
    ("Tasks", True): {"GET": _one_task, "PUT": _change_task, "DELETE": _delete_task},
    ("Time", False): {"GET": _list_time, "POST": _create_time},
    ("Time", True): {"GET": _one_time, "PUT": _change_time, "DELETE": _delete_time},
}
