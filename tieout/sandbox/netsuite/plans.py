"""Mishaps that can be planned for an account: expiry, crowding, lost and late work, races."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from tieout.sandbox.core import Fault
from tieout.sandbox.netsuite import errors
from tieout.sandbox.netsuite.errors import ApiError

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.vendor import NetSuite

_API = {"path": "/services/rest/"}
_RECORDS = {"path": "/services/rest/record/v1/"}


class Plans:
    """What may go wrong, each planned for the nth matching call from now.

    `match` takes `method`, `path` and `body`, as `FaultPlan.add` does.
    """

    @property
    def _vendor(self) -> NetSuite:
        return cast("NetSuite", self)

    def plan_expiry(self, nth: int = 1, **match: Any) -> Fault:
        """A 401 in the middle of a run: access tokens expire just before the call."""
        action = self._vendor.sign_in.expire_tokens
        return self._vendor.faults.add("call", nth=nth, action=action, **_API | match)

    def plan_crowd(self, nth: int = 1, times: int = 1, **match: Any) -> Fault:
        """A burst of CONCURRENCY_LIMIT_EXCEEDED, without a Retry-After."""
        problem = errors.too_many(self._vendor.settings)
        return self._refusal(problem, "reply", nth, times, match)

    def plan_unexpected(
        self, *, committed: bool = False, nth: int = 1, times: int = 1, **match: Any
    ) -> Fault:
        """500 UNEXPECTED_ERROR with an Error ID, before or after the work is done."""
        problem = errors.unexpected("hq7zkd2m4x9wbt5rvnpc")
        kind: Literal["error_after", "reply"] = "error_after" if committed else "reply"
        return self._refusal(problem, kind, nth, times, match)

    def plan_refusal(
        self, status: int, code: str, detail: str, *, nth: int = 1, times: int = 1, **match: Any
    ) -> Fault:
        """Any refusal in words; nothing is done."""
        return self._refusal(ApiError(status, code, detail), "reply", nth, times, match)

    def plan_changed(self, nth: int = 1, times: int = 1, **match: Any) -> Fault:
        """RCRD_HAS_BEEN_CHANGED: somebody saved the record meanwhile."""
        problem = errors.changed(self._vendor.settings)
        return self._refusal(problem, "reply", nth, times, match)

    def plan_race(self, nth: int = 1, **match: Any) -> Fault:
        """A racing writer makes the same record first: the call is answered as a duplicate.

        For a PUT that would make a record, or a POST with an external id.
        """
        action = self._vendor.race_next
        return self._vendor.faults.add("call", nth=nth, action=action, **_RECORDS | match)

    def plan_late_commit(self, seconds: float, nth: int = 1, **match: Any) -> Fault:
        """The client hangs up at once; a write is carried out this many seconds later.

        A request runs for `Settings.server_timeout_s` at most. Raises ValueError for a
        longer wait.
        """
        longest = self._vendor.settings.server_timeout_s
        if seconds > longest:
            raise ValueError(f"a request is given up after {longest} seconds")

        def park() -> None:
            self._vendor.park_next(seconds)

        return self._vendor.faults.add("call", nth=nth, action=park, **_RECORDS | match)

    def _refusal(
        self,
        problem: ApiError,
        kind: Literal["error_after", "reply"],
        nth: int,
        times: int,
        match: dict[str, Any],
    ) -> Fault:
        answer = problem.response()
        return self._vendor.faults.add(
            kind,
            nth=nth,
            times=times,
            status=problem.status,
            content=answer.get_data(),
            content_type=errors.ERROR_TYPE,
            **_API | match,
        )
