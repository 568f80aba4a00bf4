"""Trouble that is planned: what the next calls meet, and what every call meets until it ends."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any

from tieout.sandbox import exactjson
from tieout.sandbox.core import Vendor
from tieout.sandbox.salesforce.errors import ApiError
from tieout.sandbox.salesforce.oauth import OAuth
from tieout.sandbox.salesforce.org import Org, Trouble
from tieout.sandbox.salesforce.query import Queries

#: Refusals of a whole call: code to HTTP status and message. Codes and statuses are the
#: vendor's, but for those of 409, 412 and 428; messages are ours.
REFUSALS: dict[str, tuple[int, str]] = {
    "QUERY_TIMEOUT": (400, "Your query request was running for too long."),
    "REQUEST_RUNNING_TOO_LONG": (400, "Your request was running for too long, and was stopped."),
    "API_CURRENTLY_DISABLED": (403, "API is currently disabled"),
    "API_DISABLED_FOR_ORG": (403, "API is not enabled for this Organization or Partner"),
    "FORBIDDEN": (403, "You are not allowed to do this"),
    "INSUFFICIENT_ACCESS": (403, "insufficient access rights on object"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "CONFLICT": (409, "The request conflicts with the current state of the resource"),
    "PRECONDITION_FAILED": (412, "A precondition of the request was not met"),
    "PRECONDITION_REQUIRED": (428, "The request needs a conditional header"),
    "APEX_ERROR": (500, "System.NullPointerException: Attempt to de-reference a null object"),
    "UNKNOWN_EXCEPTION": (500, "An unexpected error occurred. ErrorId: 1234567890-1234"),
    "SERVER_UNAVAILABLE": (503, "The server is unavailable; try again later"),
}


class PlannedTrouble(Vendor):
    """The switches of people and tests; the stand-in itself is `app.Salesforce`."""

    org: Org
    oauth: OAuth
    queries: Queries
    daily_limit: int
    _used: deque[datetime]

    # -- single records, also inside batches ------------------------------------------
    def lock_rows(self, times: int = 1, *, object_name: str = "", record_id: str = "") -> None:
        """The next `times` matching record writes answer UNABLE_TO_LOCK_ROW."""
        self.refuse_writes(
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 1 records: "
            + (record_id or "0065g000000001"),
            times=times,
            object_name=object_name,
            record_id=record_id,
        )

    def refuse_writes(
        self,
        code: str = "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message: str = "Close Date must be in an open period",
        *,
        times: int = 1,
        object_name: str = "",
        record_id: str = "",
        status: int = 400,
        extra: dict[str, Any] | None = None,
        may_save: bool = False,
    ) -> None:
        """The next `times` matching record writes are refused with this code, also in batches.

        `may_save`: a caller who sends the header to save duplicates is not refused.
        """
        error = ApiError(status, code, message, [], extra)
        self.org.troubles.append(Trouble(error, times, object_name, record_id, may_save=may_save))

    def find_duplicates(
        self,
        matches: list[tuple[str, str]],
        times: int = 1,
        *,
        allow_save: bool = True,
        key: str = "duplicateResut",
    ) -> None:
        """A duplicate rule stops the next writes; `matches` are (object, id) pairs.

        `allow_save`: the rule only warns, `Sforce-Duplicate-Rule-Header: allowSave=true` gets
        past it. `key`: where the answer has the matches; the vendor's own spelling misses a
        letter, some versions write `duplicateResult`.
        """
        records = [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": 100,
                "record": {"attributes": {"type": kind}, "Id": record_id},
            }
            for kind, record_id in matches
        ]
        entity = matches[0][0] if matches else "Account"
        result = {
            "allowSave": allow_save,
            "duplicateRule": f"Standard_{entity}_Duplicate_Rule",
            "duplicateRuleEntityType": entity,
            "errorMessage": "Use one of these records?",
            "matchResults": [
                {
                    "entityType": entity,
                    "matchEngine": "FuzzyMatchEngine",
                    "success": True,
                    "matchRecords": records,
                }
            ],
        }
        self.refuse_writes(
            "DUPLICATES_DETECTED",
            "Use one of these records?",
            times=times,
            extra={key: result},
            may_save=allow_save,
        )

    # -- whole calls ------------------------------------------------------------------
    def time_out_queries(self, times: int = 1) -> None:
        """The next `times` queries answer QUERY_TIMEOUT."""
        self.queries.timeouts += times

    def refuse_calls(
        self, code: str, times: int = 1, *, method: str = "", path: str = "", message: str = ""
    ) -> None:
        """The next `times` matching calls are refused as a whole, with a code of `REFUSALS`.

        `path`: a part of it. Nothing is done and the call does not count. Raises KeyError.
        """
        status, usual = REFUSALS[code]
        self.faults.add(
            "reply",
            method=method,
            path=path,
            times=times,
            status=status,
            content=exactjson.dumps(ApiError(status, code, message or usual).body()).encode(),
            content_type="application/json;charset=UTF-8",
        )

    def go_down(self, times: int = 1, status: int = 503) -> None:
        """The next `times` calls answer 503 (or 502) with an HTML page."""
        self._answer_page(times, status, "We are down for maintenance.")

    def lose_route(self, times: int = 1) -> None:
        """The next `times` calls find no route to the host at the vendor's edge: 420."""
        self._answer_page(times, 420, "No route for this host.")

    def lose_answer(self, method: str = "", path: str = "", nth: int = 1) -> None:
        """Commit the matching call, then cut the connection."""
        self.faults.add("lost_answer", method=method, path=path, nth=nth)

    # -- standing trouble ---------------------------------------------------------------
    def expire_tokens(self) -> None:
        """End every session: calls with an old token answer 401."""
        self.oauth.expire_tokens()

    def leave_calls(self, remaining: int) -> None:
        """Use up the daily allowance but for `remaining` calls."""
        self._used = deque([self.clock.now()] * (self.daily_limit - remaining))

    def _answer_page(self, times: int, status: int, text: str) -> None:
        page = f"<html><body>{text}</body></html>".encode()
        self.faults.add("reply", status=status, times=times, content=page)
