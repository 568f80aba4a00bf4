"""Query jobs of Bulk API 2.0: made, polled until they are done, and read as CSV by locator.

Calls, states and headers are the vendor's. How a value is written in the CSV, and which
code answers a job that is not done, is from memory.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tieout.sandbox.salesforce import soql
from tieout.sandbox.salesforce.errors import (
    ApiError,
    malformed_query,
    method_not_allowed,
    not_found,
)
from tieout.sandbox.salesforce.filters import getter
from tieout.sandbox.salesforce.ids import make_id
from tieout.sandbox.salesforce.query import Queries
from tieout.sandbox.salesforce.rest import Ask, Reply
from tieout.sandbox.salesforce.values import render, render_instant

KEPT_FOR = timedelta(days=7)
_DONE = ("JobComplete", "Failed", "Aborted")


@dataclass
class Job:
    """One query job; its rows are those of the moment it runs."""

    id: str
    operation: str
    query: str
    made_at: datetime
    state: str = "UploadComplete"
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class QueryJobs:
    """The jobs of one org. `work_s`: seconds a job takes; `daily_limit`: jobs in 24 hours."""

    def __init__(self, queries: Queries) -> None:
        self.work_s = 2
        self.daily_limit = 10_000
        self.most_records = 50_000  # most rows of one answer, whatever is asked for
        self.jobs: dict[str, Job] = {}
        self._made = 0
        self._queries = queries
        self._org = queries.org

    @property
    def remaining(self) -> int:
        """How many more jobs may be made now."""
        since = self._org.clock.now() - timedelta(hours=24)
        return self.daily_limit - sum(1 for job in self.jobs.values() if job.made_at > since)

    def handle(self, ask: Ask) -> Reply:
        """Answer one call below `jobs/query`. Raises ApiError."""
        parts = ask.parts[2:]
        if not parts:
            if ask.method != "POST":
                raise method_not_allowed(ask.method, "POST")
            return Reply(200, self._shown(self._make(ask), ask))
        job = self._found(parts[0])
        if parts[1:] == ["results"] and ask.method == "GET":
            return self._results(job, ask)
        if parts[1:]:
            raise not_found()
        if ask.method == "DELETE":
            del self.jobs[job.id]
            return Reply(204)
        if ask.method == "PATCH":
            self._abort(job, ask.body)
        elif ask.method != "GET":
            raise method_not_allowed(ask.method, "DELETE,GET,PATCH")
        return Reply(200, self._shown(job, ask))

    def _make(self, ask: Ask) -> Job:
        body = ask.body if isinstance(ask.body, dict) else {}
        operation, text = body.get("operation"), body.get("query")
        if operation not in ("query", "queryAll") or not isinstance(text, str):
            raise ApiError(400, "INVALIDJOB", "operation and query are required")
        if self.remaining <= 0:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "DailyBulkV2QueryJobs Limit exceeded.")
        self._columns(text)  # a bad query is refused at once
        self._made += 1
        job_id = make_id("750", self._made)
        self.jobs[job_id] = Job(job_id, operation, text, self._org.clock.now())
        return self.jobs[job_id]

    def _found(self, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job is None or self._org.clock.now() - job.made_at > KEPT_FOR:
            raise not_found()
        age = (self._org.clock.now() - job.made_at).total_seconds()
        if job.state not in _DONE and age > 0:
            job.state = "InProgress"
            if age >= self.work_s:
                self._run(job)
        return job

    def _columns(self, text: str) -> soql.Select:
        query = soql.parse(text)
        target = self._org.schema.find(query.source)
        if query.count or any(isinstance(each, soql.Select) for each in query.fields):
            raise malformed_query("a bulk query takes plain fields only")
        for each in query.fields:
            getter(self._org, target, str(each))
        self._queries.rows(query, target, deleted=False)
        return query

    def _run(self, job: Job) -> None:
        query = self._columns(job.query)
        target = self._org.schema.find(query.source)
        found = self._queries.rows(query, target, deleted=job.operation == "queryAll")
        columns = [getter(self._org, target, str(each))[0] for each in query.fields]
        job.header = tuple(str(each) for each in query.fields)
        job.rows = tuple(tuple(_cell(read(row)) for read in columns) for row in found)
        job.state = "JobComplete"

    def _abort(self, job: Job, body: Any) -> None:
        wanted = body.get("state") if isinstance(body, dict) else None
        if wanted != "Aborted" or job.state in _DONE:
            raise ApiError(400, "INVALIDJOBSTATE", f"the job is {job.state}")
        job.state = "Aborted"

    def _results(self, job: Job, ask: Ask) -> Reply:
        if job.state != "JobComplete":
            raise ApiError(400, "INVALIDJOBSTATE", f"the job is {job.state}, not JobComplete")
        asked = ask.query.get("maxRecords", str(self.most_records))
        start = ask.query.get("locator") or "0"
        if not asked.isdigit() or not start.isdigit() or int(start) > len(job.rows):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid locator or maxRecords")
        end = int(start) + max(1, min(int(asked), self.most_records))
        page = job.rows[int(start) : end]
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([job.header, *page])
        headers = {
            "Sforce-Locator": str(end) if end < len(job.rows) else "null",
            "Sforce-NumberOfRecords": str(len(page)),
        }
        return Reply(200, None, headers, csv=text.getvalue())

    def _shown(self, job: Job, ask: Ask) -> dict[str, Any]:
        return {
            "id": job.id,
            "operation": job.operation,
            "object": soql.parse(job.query).source,
            "createdById": self._org.api_user_id,
            "createdDate": render_instant(job.made_at),
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": Decimal(f"{ask.number}.0"),
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            "numberRecordsProcessed": len(job.rows),
        }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return render_instant(value).replace("+0000", "Z")
    shown = render(value)
    return format(shown, "f") if isinstance(shown, Decimal) else str(shown)
