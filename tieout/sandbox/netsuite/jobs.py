"""Asynchronous work: jobs, their tasks, idempotency keys and batches.

Any record call with `Prefer: respond-async` becomes a job that is polled; up to a hundred
records of one type make a batch, a task for each (Oracle: asynchronous REST requests,
executing batch operations).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from werkzeug.test import create_environ
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.netsuite import errors
from tieout.sandbox.netsuite.errors import ApiError
from tieout.sandbox.netsuite.fields import RecordType
from tieout.sandbox.netsuite.service import Service, json_of
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.wire import Row, stamp

_MOST_IN_BATCH = 100
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PREFIX = "/services/rest/record/v1/"


@dataclass(frozen=True)
class Stored:
    """A request that outlives its call."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of(cls, request: Request) -> Stored:
        return cls(
            request.method,
            request.path,
            request.query_string.decode("latin-1"),
            tuple(request.headers.items()),
            request.get_data(),
        )

    def request(self) -> Request:
        """The same call once more."""
        named = {name: value for name, value in self.headers if name != "Content-Length"}
        environ = create_environ(
            self.path, query_string=self.query, method=self.method, headers=named, data=self.body
        )
        return Request(environ)


@dataclass
class Task:
    id: str
    work: Callable[[Service], Response] | None  # None once it is done
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def progress(self) -> str:
        if self.ended is None:
            return "pending"
        return "succeeded" if self.status < 400 else "failed"


@dataclass
class Job:
    id: str
    tasks: list[Task]
    due_at: datetime
    polls: int = 0
    completed: bool = False

    @property
    def progress(self) -> str:
        if not self.completed:
            return "pending"
        return "failed" if any(task.progress == "failed" for task in self.tasks) else "succeeded"


class Jobs:
    """The asynchronous work of one account."""

    def __init__(self, clock: Clock, settings: Settings, service: Service) -> None:
        self._clock = clock
        self._settings = settings
        self._service = service
        self._keys: dict[str, tuple[str, datetime]] = {}
        self.jobs: dict[str, Job] = {}

    # -- submitting -------------------------------------------------------------------
    def submit(self, request: Request) -> Response:
        """Take a record call on: 202 and where to poll. Raises ApiError."""
        key = request.headers.get("X-NetSuite-Idempotency-Key", "")
        if key:
            self._check_key(key)
        tasks = self._batch(request) if is_batch(request) else [self._single(request)]
        job_id = str(len(self.jobs) + 1)
        due_at = self._clock.now() + timedelta(seconds=self._settings.async_s)
        self.jobs[job_id] = Job(job_id, tasks, due_at)
        if key:
            self._keys[key] = (job_id, self._clock.now())
        answer = self._service.empty(202)
        answer.headers["Preference-Applied"] = "respond-async"
        answer.headers["Location"] = self._address(job_id)
        return answer

    def catch_up(self) -> None:
        """Do the work that is due by now."""
        now = self._clock.now()
        for job in self.jobs.values():
            if not job.completed and job.due_at <= now:
                self._run(job)

    def _check_key(self, key: str) -> None:
        if not _UUID.fullmatch(key):
            name = "X-NetSuite-Idempotency-Key"
            raise errors.bad_header(name, "The idempotency key must be a UUID.")
        job_id, since = self._keys.get(key, ("", self._clock.now()))
        kept = self._settings.idempotency_s
        expired = kept is not None and self._clock.now() - since > timedelta(seconds=kept)
        if job_id and not expired:
            raise ApiError(
                400,
                "IDEMPOTENCY_ERROR",
                f"A request with the idempotency key {key} was submitted already.",
                title="Conflict",
                location=self._address(job_id),
            )

    def _single(self, request: Request) -> Task:
        return Task("1", partial(_whole, Stored.of(request)))

    def _batch(self, request: Request) -> list[Task]:
        parts = request.path.removeprefix(_PREFIX).strip("/").split("/")
        record = self._service.type_of(parts[0])
        stored = Stored.of(request)
        if request.method in ("GET", "DELETE"):
            ids = [each for each in request.args.get("ids", "").split(",") if each]
            self._check_size(len(ids))
            return [
                Task(str(n), partial(_by_id, record, each, stored)) for n, each in enumerate(ids, 1)
            ]
        payload = json_of(request)
        items = payload.get("items") if isinstance(payload, dict) else None
        if not isinstance(items, list):
            raise errors.bad_request("The body of a batch has a list 'items'.")
        self._check_size(len(items))
        return [
            Task(str(n), partial(_item, record, each, stored)) for n, each in enumerate(items, 1)
        ]

    @staticmethod
    def _check_size(count: int) -> None:
        if not 0 < count <= _MOST_IN_BATCH:
            raise errors.bad_request(f"A batch has from 1 to {_MOST_IN_BATCH} records.")

    # -- polling ----------------------------------------------------------------------
    def answer(self, request: Request, parts: list[str]) -> Response:
        """Answer a call below `/async/v1/job`."""
        if request.method != "GET":
            raise errors.wrong_method(request.method)
        job = self.jobs.get(parts[0]) if parts else None
        if job is None:
            raise errors.nonexistent()
        match parts[1:]:
            case []:
                return self._service.shown(self._polled(job))
            case ["task"]:
                items = [{"links": self._links(job.id, task.id), "id": task.id}
                         for task in job.tasks]  # fmt: skip
                body = {"links": self._links(job.id, ""), "items": items, "count": len(items),
                        "hasMore": False, "offset": 0, "totalResults": len(items)}  # fmt: skip
                return self._service.shown(body)
            case [("task"), number]:
                return self._service.shown(self._told(job, self._task(job, number)))
            case ["task", number, "result"]:
                return self._replayed(self._task(job, number))
        raise errors.nonexistent()

    @staticmethod
    def _task(job: Job, number: str) -> Task:
        found = next((task for task in job.tasks if task.id == number), None)
        if found is None:
            raise errors.nonexistent()
        return found

    def _polled(self, job: Job) -> Row:
        job.polls += 1
        if not job.completed and job.polls >= self._settings.async_polls:
            self._run(job)
        return {
            "links": [{"rel": "self", "href": self._address(job.id)}],
            "completed": job.completed,
            "id": job.id,
            "progress": job.progress,
            "task": {"links": self._links(job.id, "")},
        }

    def _told(self, job: Job, task: Task) -> Row:
        result = f"{self._address(job.id)}/task/{task.id}/result"
        body: Row = {
            "links": [*self._links(job.id, task.id), {"rel": "related", "href": result}],
            "id": task.id,
            "completed": task.ended is not None,
            "progress": task.progress,
        }
        for name, at in (("startTime", task.started), ("endTime", task.ended)):
            if at is not None:
                body[name] = stamp(at)
        return body

    @staticmethod
    def _replayed(task: Task) -> Response:
        """The answer that a synchronous call would have had."""
        if task.ended is None:
            raise errors.nonexistent()
        answer = Response(task.body, status=task.status)
        answer.headers.clear()
        for name, value in task.headers:
            answer.headers.add(name, value)
        return answer

    # -- inside -----------------------------------------------------------------------
    def _run(self, job: Job) -> None:
        for task in job.tasks:
            work, task.work = task.work, None
            if work is None:
                continue
            task.started = self._clock.now()
            try:
                answer = work(self._service)
            except ApiError as problem:
                answer = problem.response()
            task.status, task.body = answer.status_code, answer.get_data()
            task.headers = [each for each in answer.headers if each[0] != "Content-Length"]
            task.ended = self._clock.now()
        job.completed = True

    def _address(self, job_id: str) -> str:
        return f"{self._settings.rest}/async/v1/job/{job_id}"

    def _links(self, job_id: str, task_id: str) -> list[Row]:
        href = f"{self._address(job_id)}/task" + (f"/{task_id}" if task_id else "")
        return [{"rel": "self", "href": href}]


def _whole(stored: Stored, service: Service) -> Response:
    parts = stored.path.removeprefix(_PREFIX).strip("/").split("/")
    return service.record(stored.request(), parts)


def _by_id(record: RecordType, name: str, stored: Stored, service: Service) -> Response:
    return service.by_id(record, name, stored.request())


def _item(record: RecordType, payload: Any, stored: Stored, service: Service) -> Response:
    return service.item(record, payload, stored.request())


def is_async(request: Request) -> bool:
    """Whether a record call asks to be done later."""
    return "respond-async" in request.headers.get("Prefer", "").lower()


def is_batch(request: Request) -> bool:
    """Whether a call carries several records."""
    path = request.path.removeprefix(_PREFIX).strip("/")
    if not request.path.startswith(_PREFIX) or "/" in path:
        return False
    if request.method in ("GET", "DELETE"):
        return "ids" in request.args
    return "type=collection" in request.headers.get("Content-Type", "").replace(" ", "")


def batch_size(request: Request) -> int:
    """How many records a call carries."""
    if not is_batch(request):
        return 1
    if request.method in ("GET", "DELETE"):
        return request.args["ids"].count(",") + 1
    try:
        items: Any = json_of(request)
    except ApiError:
        return 1
    found = items.get("items") if isinstance(items, dict) else None
    return max(1, len(found)) if isinstance(found, list) else 1
