"""Harvest: people, clients, projects, tasks, time and expenses, read over API v2.

Read `CONNECTOR` at the end first. Harvest never reports a deletion: time and expenses
are swept by listing the ids of a period. Source: Harvest's API v2 documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tieout.connectors import base
from tieout.connectors.base import Fault, Limit, Request, Response, Since, Token, VendorError
from tieout.connectors.harvest import translate, wire
from tieout.connectors.harvest.wire import Settings
from tieout.errors import AuthExpired, Misconfigured, RateLimited, Rejected, Transient, Unknown
from tieout.model.party import Client, Person, Role
from tieout.model.work import Expense, TimeEntry, TimeProject, TimeTask

_PAGE_ROWS = "2000"  # the most a page carries; asking for more is refused


# -- sign-in and refusals ---------------------------------------------------------------
def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    """A personal access token signs by itself. All three headers are required of a caller.

    Raises Misconfigured when the token is missing.
    """
    if not secrets.get("access_token"):
        raise Misconfigured("Harvest needs the secret access_token, a personal access token")
    return {
        "Authorization": f"Bearer {secrets['access_token']}",
        "Harvest-Account-Id": settings.account_id,
        "User-Agent": f"Tieout ({settings.contact})",
    }


def errors(response: Response) -> list[VendorError]:
    """The error of an answer, [] for one that is a success.

    Harvest words refusals as `message`, or as `error` and `error_description`; what comes
    from its edge may be HTML.
    """
    if 200 <= response.status < 300:
        return []
    try:
        body = response.json()
    except ValueError:
        body = " ".join(response.body.decode(errors="replace").split())
    if not isinstance(body, dict):
        return [VendorError(text=str(body)[:300])]
    code = str(body.get("error") or "")
    text = str(body.get("message") or body.get("error_description") or code)
    return [VendorError(code=code, text=text)]


_FAULTS = (
    # The same answer for a dead token and for a missing account id: signing in again is no cure.
    Fault(then=AuthExpired, status=401),
    # The token is good and may not do this, or not in this account: a person must act.
    Fault(then=AuthExpired, status=403),
    Fault(then=Rejected, status=404),
    Fault(then=Rejected, status=422),
    Fault(then=RateLimited, status=429, wait_s=15.0),
    *(Fault(then=Transient, status=status, writes=False) for status in (500, 502, 503, 504)),
    *(Fault(then=Unknown, status=status, writes=True) for status in (500, 502, 503, 504)),
)


def _is_report(request: Request) -> bool:
    return "/v2/reports/" in request.path


_PACE = (
    Limit(name="calls", count=100, per_s=15.0, applies=lambda request: not _is_report(request)),
    Limit(name="reports", count=100, per_s=900.0, applies=_is_report),
)


# -- streams ----------------------------------------------------------------------------
def _list(name: str, *more: tuple[str, str]) -> Request:
    return Request(
        method="GET",
        path=f"/v2/{name}",
        params=(("per_page", _PAGE_ROWS), *more),
        purpose=f"list {name}",
    )


def _changed(name: str) -> Callable[[Since, Settings], Request]:
    """Everything that changed since; the first time, everything.

    An entry made today for last month comes this way too: the change counts, not the day.
    """

    def request(since: Since, settings: Settings) -> Request:
        if since.start is None:
            return _list(name)
        return _list(name, ("updated_since", _instant(since.start)))

    return request


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _all(name: str) -> Callable[[Since, Settings], Request]:
    return lambda since, settings: _list(name)


def _period(name: str) -> Callable[[Since, Settings], Request]:
    """Everything with a work day in the period, both ends closed."""

    def request(since: Since, settings: Settings) -> Request:
        asked = (("from", since.from_date), ("to", since.to_date))
        return _list(name, *((key, day.isoformat()) for key, day in asked if day))

    return request


def _pages(name: str) -> base.NextLink:
    """Some lists count pages and some use cursors; the next link is right for both."""
    return base.NextLink(
        rows=lambda answer: answer[name], link=lambda answer: answer["links"]["next"]
    )


def _key(row: base.Row) -> str:
    return str(row["id"])


def _revision(row: base.Row) -> str:
    return str(row.get("updated_at") or "")


def _stream(
    name: str,
    kind: str,
    yields: type,
    shape: type[wire.Wire],
    read: Callable[[Any, Any, Any], Any],
    *,
    sweep: bool = False,
    scan: bool = False,
) -> base.Stream:
    """One list of Harvest's: incremental, or with `scan` read whole; with `sweep`, swept."""
    mark = base.Watermark(of=translate.stamp, overlap_s=300)
    return base.Stream(
        name=name,
        kind=kind,
        yields=yields,
        wire=shape,
        request=_all(name) if scan else _changed(name),
        pages=_pages(name),
        cursor=base.FullScan() if scan else mark,
        key=_key,
        read=read,
        revision=_revision,
        sweep=base.Sweep(request=_period(name), day=translate.work_day) if sweep else None,
    )


_STREAMS = (
    _stream("users", "person", Person, wire.User, translate.person),
    # A short list, of which Harvest does not promise that it can be asked for changes.
    _stream("roles", "role", Role, wire.Role, translate.role, scan=True),
    _stream("clients", "client", Client, wire.Client, translate.client),
    _stream("projects", "time_project", TimeProject, wire.Project, translate.project),
    _stream("tasks", "time_task", TimeTask, wire.Task, translate.task),
    _stream(
        "time_entries", "time_entry", TimeEntry, wire.TimeEntry, translate.time_entry, sweep=True
    ),
    _stream("expenses", "expense", Expense, wire.Expense, translate.expense, sweep=True),
)


# -- identity ---------------------------------------------------------------------------
def _company(settings: Settings) -> Request:
    return Request(method="GET", path="/v2/company", purpose="which account")


def _who(answer: Any) -> tuple[str, str]:
    # The answer has no account id: the header names it, and a token of another is refused.
    return "", str(answer.get("name") or "")


def _me(settings: Settings) -> Request:
    return Request(method="GET", path="/v2/users/me", purpose="who am I")


def warnings(answer: Any) -> list[str]:
    """What a person should know about the token's owner, from the answer about them.

    A manager sees their own people and projects, a member only themselves, and both get
    it with a 200: nothing else tells that the account is seen in part.
    """
    me = wire.User.model_validate(answer)
    if "administrator" in me.access_roles:
        return []
    name = f"{me.first_name or ''} {me.last_name or ''}".strip() or "the token's owner"
    return [
        f"{name} is not a Harvest administrator ({', '.join(me.access_roles) or 'no role told'}): "
        "Harvest shows only a part of the time and expenses, and does not say so. "
        "Use an administrator's access token."
    ]


CONNECTOR = base.Connector(
    slug="harvest",
    title="Harvest",
    family=base.Family.TIME,
    settings=Settings,
    base_url=lambda settings: settings.base_url or "https://api.harvestapp.com",
    company=lambda settings: settings.account_id,
    auth=base.Auth(headers=_headers, secrets=("access_token",)),
    errors=errors,
    pace=_PACE,
    faults=_FAULTS,
    streams=_STREAMS,
    identity=base.Identity(request=_company, read=_who, rights=_me, warnings=warnings),
)
