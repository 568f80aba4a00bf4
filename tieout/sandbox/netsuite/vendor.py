"""NetSuite served: the gateway in front of the record API, SuiteQL and asynchronous jobs.

The gateway checks the sign-in and how many calls are worked on at once. Calls are counted
for the whole account: the limit covers all integrations together.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.core import ConnectionCut, Fault, FaultPlan, StartResponse, Vendor
from tieout.sandbox.netsuite import errors, presets
from tieout.sandbox.netsuite.books import Books
from tieout.sandbox.netsuite.errors import ApiError
from tieout.sandbox.netsuite.jobs import Jobs, Stored, batch_size, is_async, is_batch
from tieout.sandbox.netsuite.plans import Plans
from tieout.sandbox.netsuite.service import COLLECTION, Service, json_of, page_of, paged
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.sign_in import TOKEN_PATH, SignIn
from tieout.sandbox.netsuite.store import Change
from tieout.sandbox.netsuite.suiteql import Engine
from tieout.sandbox.netsuite.wire import Row, millis

_REST = "/services/rest/"
_RECORDS = _REST + "record/v1/"
#: Where a call keeps that too many others were worked on when it came, and how late it is done.
_CROWDED, _LATE_S, _RACED = "tieout.crowded", "tieout.late_s", "tieout.raced"


@dataclass
class LateWrite:
    """A write whose caller is gone."""

    due_at: datetime
    stored: Stored


class NetSuite(Plans, Vendor):
    """One NetSuite account with its sign-in.

    `preset` is "sample" (a firm that has traded for a year) or "empty" (set up, no
    customers). Further keyword arguments are fields of `Settings`.
    """

    slug = "netsuite"

    def __init__(
        self,
        clock: Clock,
        *,
        preset: Literal["sample", "empty"] = "sample",
        country: str = "US",
        seed: int = 1,
        service_s: float = 0.0,
        item_s: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(clock, service_s=service_s, item_s=item_s)
        self.settings = Settings(country=country, **settings)
        self.books = Books(clock, self.settings)
        self.sign_in = SignIn(clock, self.settings, seed)
        self.service = Service(self.books)
        self.jobs = Jobs(clock, self.settings, self.service)
        self.queries = Engine(self.books)
        self.datasets: dict[str, str] = {}  # saved queries by id
        self.late_writes: list[LateWrite] = []
        self.busiest = 0  # the most calls that were ever worked on at once
        self._busy = 0
        self._seen: list[datetime] = []  # when the calls of the last minute came
        self._park_s: float | None = None
        self._race = False
        presets.fill(self.books, preset)

    # -- for people and tests ---------------------------------------------------------
    @property
    def acts(self) -> Books:
        """What people do behind our back: the acts of a bookkeeper."""
        return self.books

    @property
    def credentials(self) -> dict[str, str]:
        """What an operator types in: M2M key and certificate id, and TBA tokens."""
        return self.sign_in.credentials

    def notice(self, change: Change) -> Row:
        """What a User Event script would post to a listener about a change: a hint, no more."""
        return {"recordType": change.kind.lower(), "id": change.id, "event": change.operation}

    def catch_up(self) -> None:
        """Carry out late writes and asynchronous jobs that are due; every call does so first."""
        with self._lock:
            now = self.clock.now()
            due = [each for each in self.late_writes if each.due_at <= now]
            for each in sorted(due, key=lambda late: late.due_at):
                self.late_writes.remove(each)
                self._commit(each)
            self.jobs.catch_up()

    def park_next(self, seconds: float) -> None:
        """The call being answered is cut off, and its work is done later, if it is a write."""
        self._park_s = seconds

    def race_next(self) -> None:
        """The call being answered finds that somebody else has just made its record."""
        self._race = True

    def copy(self, clock: Clock | None = None) -> NetSuite:
        """The same account once more, on its own clock when one is given.

        Rows are shared, since a stored row never changes. The copy has the same sign-in and
        jobs; its log of calls and its fault plan are empty.
        """
        memo: dict[int, Any] = {id(self.clock): clock or self.clock}
        self.books.share(memo)
        for mapping in self.sign_in.mappings.values():
            memo[id(mapping.public_key)] = mapping.public_key
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        with self._lock:
            for name, value in vars(self).items():
                if name not in ("_lock", "calls", "faults"):
                    setattr(twin, name, copy.deepcopy(value, memo))
        twin._lock = threading.RLock()
        twin.calls = []
        twin.faults = FaultPlan()
        twin._busy = 0
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> NetSuite:
        return self.copy()

    # -- the shell's questions --------------------------------------------------------
    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path == TOKEN_PATH:
            return super().__call__(environ, start_response)
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            others = self.settings.others_busy
            own = self.settings.integration_limit
            crowded = self._busy + others > self.settings.concurrency
            environ[_CROWDED] = crowded or (own is not None and self._busy > own)
        try:
            return super().__call__(environ, start_response)
        finally:
            with self._lock:
                self._busy -= 1

    def writes(self, request: Request) -> bool:
        return request.path.startswith(_RECORDS) and request.method not in ("GET", "HEAD")

    def items_of(self, request: Request) -> int:
        """How many records a write carries; a read carries none."""
        return batch_size(request) if self.writes(request) else 0

    def _played(self, request: Request, fault: Fault | None) -> Response:
        takes = self.service_s + self.item_s * self.items_of(request)
        takes += fault.seconds if fault is not None and fault.kind == "slow" else 0.0
        if takes < self.settings.server_timeout_s or request.path == TOKEN_PATH:
            return super()._played(request, fault)
        # The work of a request that ran into the server's own limit may well be done.
        self._answered(request)
        page = b"<html><body><h1>504 Gateway Time-out</h1></body></html>"
        timed_out = Response(page, status=504, content_type="text/html")
        return self._logged(request, timed_out, fault.kind if fault else "")

    def answer(self, request: Request) -> Response:
        if request.path == TOKEN_PATH:
            return self.sign_in.answer(request)
        if not request.path.startswith(_REST):
            raise NotFound
        self.catch_up()
        request.environ[_LATE_S], self._park_s = self._park_s, None
        request.environ[_RACED], self._race = self._race, False
        try:
            self._admit(request)
            return self._routed(request)
        except ApiError as problem:
            answer = problem.response()
            if problem.status == 401 or problem.header == "Authorization":
                answer.headers["WWW-Authenticate"] = self.sign_in.challenge(problem.status)
            answer.headers["X-N-OperationId"] = self.service.mark()
            return answer

    # -- the gateway ------------------------------------------------------------------
    def _admit(self, request: Request) -> None:
        """Raises when the call is not signed in, or is one too many."""
        header = request.headers.get("Authorization", "")
        if header and header.partition(" ")[0] not in ("Bearer", "OAuth"):
            raise errors.bad_header("Authorization", "The Authorization header is malformed.")
        if not self.sign_in.accepts(request):
            raise errors.invalid_login()
        if request.environ.get(_CROWDED) or not self._within_minute():
            raise errors.too_many(self.settings)

    def _within_minute(self) -> bool:
        most, now = self.settings.per_minute, self.clock.now()
        if most is None:
            return True
        self._seen = [at for at in self._seen if now - at < timedelta(seconds=60)]
        if len(self._seen) >= most:
            return False
        self._seen.append(now)
        return True

    def _routed(self, request: Request) -> Response:
        parts = request.path.removeprefix(_REST).strip("/").split("/")
        match parts:
            case ["record", "v1", *rest]:
                return self._record(request, [each for each in rest if each])
            case ["query", "v1", "suiteql"]:
                return self._suiteql(request)
            case ["query", "v1", "dataset", name, "result"]:
                return self._dataset(request, name)
            case ["async", "v1", "job", *rest]:
                return self.jobs.answer(request, rest)
            case ["system", "v1", name]:
                return self._system(request, name)
        raise errors.ApiError(404, "NOT_FOUND", "The requested resource does not exist.")

    def _record(self, request: Request, parts: list[str]) -> Response:
        if request.environ[_LATE_S] is not None:
            self._parked(request)
        if request.environ[_RACED]:
            self._lost_race(request, parts)
        if is_async(request) and parts[:1] != ["metadata-catalog"]:
            return self.jobs.submit(request)
        if is_batch(request):
            raise errors.bad_request("A batch needs the header Prefer: respond-async.")
        return self.service.record(request, parts)

    # -- queries ----------------------------------------------------------------------
    def _suiteql(self, request: Request) -> Response:
        if request.method != "POST":
            raise errors.wrong_method(request.method)
        if "transient" not in request.headers.get("Prefer", "").lower():
            raise errors.bad_header("Prefer", "The header Prefer: transient is required.")
        limit, offset = page_of(request)
        payload = json_of(request)
        asked = payload if isinstance(payload, dict) else {}
        rows = self.queries.run(asked.get("q"), asked.get("params"))
        base = f"{self.settings.rest}/query/v1/suiteql"
        answer = self._page(base, rows, limit, offset)
        answer.headers["Preference-Applied"] = "transient"
        return answer

    def _dataset(self, request: Request, name: str) -> Response:
        if request.method != "GET":
            raise errors.wrong_method(request.method)
        if name not in self.datasets:
            raise errors.nonexistent()
        limit, offset = page_of(request)
        rows = self.queries.run(self.datasets[name])
        return self._page(
            f"{self.settings.rest}/query/v1/dataset/{name}/result", rows, limit, offset
        )

    def _page(self, base: str, rows: list[Row], limit: int, offset: int) -> Response:
        body = paged(base, rows[offset : offset + limit], len(rows), limit, offset)
        return self.service.shown(body, COLLECTION)

    # -- the system -------------------------------------------------------------------
    def _system(self, request: Request, name: str) -> Response:
        if request.method != "GET":
            raise errors.wrong_method(request.method)
        if name.lower() == "servertime":
            return self.service.shown({"serverTime": millis(self.clock.now())})
        if name.lower() != "governancelimits":
            raise errors.ApiError(404, "NOT_FOUND", "The requested resource does not exist.")
        if not self.settings.administrator:
            raise errors.forbidden(self.settings)
        own = self.settings.integration_limit
        whole = self.settings.concurrency
        body: Row = {
            "accountConcurrencyLimit": whole,
            "accountUnallocatedConcurrencyLimit": max(1, whole - (own or 0)),
            "integrationLimitType": "accountLimit" if own is None else "integrationSpecific",
        }
        if own is not None:
            body["integrationConcurrencyLimit"] = own
        return self.service.shown(body)

    # -- work whose caller is gone, and races -----------------------------------------
    def _parked(self, request: Request) -> None:
        if self.writes(request):
            wait = timedelta(seconds=request.environ[_LATE_S])
            self.late_writes.append(LateWrite(self.clock.now() + wait, Stored.of(request)))
        self._log(request, 0, "late")
        raise ConnectionCut

    def _commit(self, late: LateWrite) -> None:
        request = late.stored.request()
        parts = request.path.removeprefix(_RECORDS).strip("/").split("/")
        before, self.books.backdated = self.books.backdated, late.due_at
        try:
            self.service.record(request, parts)
        except ApiError:
            return  # nobody is left to be told
        finally:
            self.books.backdated = before

    def _lost_race(self, request: Request, parts: list[str]) -> None:
        """Let the other writer make the record, then refuse this one as a duplicate."""
        self.service.record(request, parts)
        raise errors.duplicate(self.settings)
