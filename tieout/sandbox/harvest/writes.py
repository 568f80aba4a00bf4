"""Creating, changing and deleting time entries through the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tieout.sandbox.harvest.account import Account
from tieout.sandbox.harvest.fields import number, whole
from tieout.sandbox.harvest.lists import FORBIDDEN, day
from tieout.sandbox.harvest.paging import Invalid
from tieout.sandbox.harvest.records import ZONES, Entry, Row
from tieout.sandbox.harvest.show import Viewer, lock_reason

_TIME = re.compile(r"(\d{1,2}):(\d\d)\s*(am|pm)?", re.IGNORECASE)


def find(viewer: Viewer, entry_id: int) -> Entry:
    """The entry when the viewer may see it. Raises 404."""
    entry = viewer.account.entries.get(entry_id)
    if entry is None or not viewer.visible([entry]):
        raise Invalid("Not Found", 404)
    return entry


def create(viewer: Viewer, body: Mapping[str, Any]) -> Entry:
    """Record time by duration, by start and end, or as a running timer."""
    books = viewer.account
    user_id = whole(body.get("user_id")) or viewer.user_id
    if user_id not in books.users:
        raise Invalid("User is invalid")
    if user_id != viewer.user_id and not viewer.is_admin and user_id not in viewer.people():
        raise Invalid(FORBIDDEN, 403)
    project_id, task_id = _place(books, body, None)
    spent = body.get("spent_date")
    if not spent:
        raise Invalid("Spent date can't be blank")
    more: dict[str, Any] = {
        "notes": body.get("notes"),
        "external_reference": _reference(body),
    }
    if books.settings.wants_timestamp_timers:
        return _with_times(books, user_id, project_id, task_id, day(spent), body, more)
    if body.get("hours") is None:
        made = books.start_timer(user_id, project_id, task_id, spent_date=day(spent), **more)
    else:
        hours = _hours(body["hours"])
        made = books.add_entry(user_id, project_id, task_id, day(spent), hours, **more)
    return books.entries[made]


def change(viewer: Viewer, entry: Entry, body: Mapping[str, Any]) -> Entry:
    """Edit an unlocked entry. Marks such as `is_billed` are no parameters and are ignored."""
    books = viewer.account
    _refuse_locked(books, entry)
    values: dict[str, Any] = {}
    if "project_id" in body or "task_id" in body:
        values["project_id"], values["task_id"] = _place(books, body, entry)
    if body.get("spent_date"):
        values["spent_date"] = day(body["spent_date"])
    if "hours" in body:
        values["hours"] = _hours(body["hours"])
    for name in ("notes", "started_time", "ended_time"):
        if name in body:
            values[name] = body[name]
    if "external_reference" in body:
        values["external_reference"] = _reference(body)
    started = values.get("started_time", entry.started_time)
    ended = values.get("ended_time", entry.ended_time)
    if {"started_time", "ended_time"} & set(body) and started and ended:
        values["hours"] = _between(started, ended)
    books.edit_entry(entry.id, **values)
    return entry


def delete(viewer: Viewer, entry: Entry) -> None:
    """Remove an entry. Administrators may remove approved time; invoiced time stays."""
    books = viewer.account
    archived = not (
        books.projects[entry.project_id]["is_active"] and books.tasks[entry.task_id]["is_active"]
    )
    closed = entry.is_closed and not viewer.is_admin
    if archived or closed or entry.is_billed:
        raise Invalid(f"You can't delete this time entry: {lock_reason(books, entry)}")
    books.delete_entry(entry.id)


def restart(viewer: Viewer, entry: Entry) -> Entry:
    """Run a stopped timer again."""
    _refuse_locked(viewer.account, entry)
    if entry.timer_started_at is not None:
        raise Invalid("This time entry is already running")
    viewer.account.restart_timer(entry.id)
    return entry


def stop(viewer: Viewer, entry: Entry) -> Entry:
    """Stop a running timer."""
    if entry.timer_started_at is None:
        raise Invalid("This time entry is not running")
    viewer.account.stop_timer(entry.id)
    if viewer.account.settings.wants_timestamp_timers:
        entry.ended_time = _wall_clock(viewer.account, entry.user_id)
    return entry


def _with_times(
    books: Account,
    user_id: int,
    project_id: int,
    task_id: int,
    spent: date,
    body: Mapping[str, Any],
    more: dict[str, Any],
) -> Entry:
    started, ended = body.get("started_time"), body.get("ended_time")
    if started and ended:
        hours = _between(started, ended)
        made = books.add_entry(
            user_id,
            project_id,
            task_id,
            spent,
            hours,
            started_time=started,
            ended_time=ended,
            **more,
        )
    else:
        start = started or _wall_clock(books, user_id)
        made = books.start_timer(
            user_id, project_id, task_id, spent_date=spent, started_time=start, **more
        )
    return books.entries[made]


def _place(books: Account, body: Mapping[str, Any], entry: Entry | None) -> tuple[int, int]:
    project_id = whole(body.get("project_id")) or (entry.project_id if entry else 0)
    task_id = whole(body.get("task_id")) or (entry.task_id if entry else 0)
    project, task = books.projects.get(project_id), books.tasks.get(task_id)
    if project is None or not project["is_active"]:
        raise Invalid("Project isn't active or doesn't exist")
    if task is None or not books.may_use(project_id, task_id):
        raise Invalid("Task isn't assigned to the project")
    return project_id, task_id


def _refuse_locked(books: Account, entry: Entry) -> None:
    reason = lock_reason(books, entry)
    if reason is not None:
        raise Invalid(f"You can't edit this time entry: {reason}")


def _reference(body: Mapping[str, Any]) -> Row | None:
    given = body.get("external_reference")
    if not isinstance(given, Mapping):
        return None
    names = ("id", "group_id", "account_id", "permalink", "service", "service_icon_url")
    return {name: given.get(name) for name in names}


def _hours(value: Any) -> Decimal:
    hours = number(value)
    if hours < 0:
        raise Invalid("Hours can't be negative")
    return hours


def _between(started: str, ended: str) -> Decimal:
    minutes = _minutes(ended) - _minutes(started)
    if minutes < 0:
        raise Invalid("Ended time must be after the started time")
    return Decimal(minutes) / 60


def _minutes(text: str) -> int:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"{text} is not a time")
    hour, minute = int(found[1]), int(found[2])
    if found[3]:
        hour = hour % 12 + (12 if found[3].lower() == "pm" else 0)
    return hour * 60 + minute


def _wall_clock(books: Account, user_id: int) -> str:
    zone = ZoneInfo(ZONES.get(books.users[user_id]["timezone"], "UTC"))
    now = books.clock.now().astimezone(zone)
    if books.settings.clock == "24h":
        return now.strftime("%H:%M")
    return f"{now.hour % 12 or 12}:{now.minute:02d}{'am' if now.hour < 12 else 'pm'}"
