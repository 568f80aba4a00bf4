"""Mishaps that can be planned for a company: tokens that die, throttling, lost and late work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from werkzeug.wrappers import Request

from tieout.sandbox.core import Fault, FaultPlan
from tieout.sandbox.quickbooks.faults import ApiFault, gateway
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.wire import encode, stamp

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.vendor import QuickBooks

_API = {"path": "/v3/company/"}


class TimedFaults(FaultPlan):
    """A fault plan in which no API call is slower than the server's own time-out."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def take(self, request: Request) -> Fault | None:
        fault = super().take(request)
        longest = self._settings.server_timeout_s
        slow = fault is not None and fault.kind == "slow" and request.path.startswith("/v3/")
        if fault is not None and slow and fault.seconds > longest:
            return replace(fault, seconds=longest)
        return fault


class Plans:
    """What may go wrong, each planned for the nth matching API call from now.

    `match` takes `method`, `path` and `body`, as `FaultPlan.add` does.
    """

    @property
    def _vendor(self) -> QuickBooks:
        return cast("QuickBooks", self)

    def plan_expiry(self, nth: int = 1, **match: Any) -> Fault:
        """A 401 in the middle of a run: access tokens expire just before the call."""
        action = self._vendor.expire_access_tokens
        return self._vendor.faults.add("call", nth=nth, action=action, **_API | match)

    def plan_throttle(self, nth: int = 1, times: int = 1, **match: Any) -> Fault:
        """429 answers in the body style of the settings."""
        answer = self._vendor.throttled()
        wait = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
        return self._vendor.faults.add(
            "reply",
            nth=nth,
            times=times,
            status=429,
            headers=wait,
            content=answer.get_data(),
            content_type=str(answer.content_type),
            **_API | match,
        )

    def plan_late_commit(self, seconds: float, nth: int = 1, **match: Any) -> Fault:
        """The connection is cut at once; a write is carried out this many seconds later.

        The vendor gives up on a call after `Settings.server_timeout_s`, so that is the
        latest. Meanwhile a repeat with the same request id meets `Settings.in_flight`.
        Raises ValueError for a longer wait.
        """
        longest = self._vendor.settings.server_timeout_s
        if seconds > longest:
            raise ValueError(f"the vendor gives up after {longest} seconds")

        def park() -> None:
            self._vendor.park_next(seconds)

        where = {"method": "POST"} | _API | match
        return self._vendor.faults.add("call", nth=nth, action=park, **where)

    def plan_refusal(
        self,
        code: int,
        message: str,
        detail: str = "",
        *,
        status: int = 500,
        kind: str = "SystemFault",
        dialect: Literal["service", "gateway", "xml"] = "service",
        committed: bool = False,
        nth: int = 1,
        times: int = 1,
        **match: Any,
    ) -> Fault:
        """Any refusal in words, before or after the work is done.

        `dialect`: `Fault` of the accounting service (with status 200, too), the lower-case
        `fault` of the gateway, or its XML.
        """
        now = self._vendor.clock.now()
        if dialect == "service":
            refusal = ApiFault(code, message, detail or message, kind=kind)
            content = encode({"Fault": refusal.body(), "time": stamp(now)}).encode()
            content_type = "application/json;charset=UTF-8"
        else:
            xml = dialect == "xml"
            answer = gateway(status, code, message, detail, kind, now, xml=xml)
            content, content_type = answer.get_data(), str(answer.content_type)
        return self._vendor.faults.add(
            "error_after" if committed else "reply",
            nth=nth,
            times=times,
            status=status,
            content=content,
            content_type=content_type,
            **_API | match,
        )

    def plan_empty(
        self, *, status: int = 200, committed: bool = True, nth: int = 1, **match: Any
    ) -> Fault:
        """An answer without a body, after the work is done or without doing it."""
        kind: Literal["error_after", "reply"] = "error_after" if committed else "reply"
        return self._vendor.faults.add(kind, nth=nth, status=status, content=b"", **_API | match)
