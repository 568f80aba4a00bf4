"""Mishaps that can be planned: tokens that die, limits, lost and late work, cached errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from werkzeug.wrappers import Request

from tieout.sandbox.core import Fault, FaultKind, FaultPlan
from tieout.sandbox.xero.errors import CRASHED, lower_keys
from tieout.sandbox.xero.wire import encode

if TYPE_CHECKING:
    from tieout.sandbox.xero.vendor import Xero

_API = {"path": ".xro/2.0/"}
#: The longest a call can be worked on before the gateway gives it up.
LATEST_S = 300.0

_OUTAGE = "The organisation is offline for maintenance"
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body></body></html>"

#: What people can arm by name at the portal.
TROUBLES = (
    "timeout_after_commit", "timeout_before_commit", "reset", "412", "500", "502", "503", "504",
    "429_minute", "429_day", "429_concurrent", "429_appminute", "token_expired", "revoked", "slow",
)  # fmt: skip


@dataclass
class TenantFault(Fault):
    """A planned fault for the calls of one organisation, or of any."""

    tenant: str = ""  # its tenant id; "" matches any

    def matches(self, request: Request) -> bool:
        named = request.headers.get("xero-tenant-id", "").lower()
        return self.tenant in ("", named) and super().matches(request)


class TenantFaults(FaultPlan):
    """A fault plan that can name an organisation."""

    def add(self, kind: FaultKind, **details: Any) -> Fault:
        """Plan one fault; details are the fields of `TenantFault`."""
        fault = TenantFault(kind, **details)
        self._faults.append(fault)
        return fault


class Plans:
    """What may go wrong, each planned for the nth matching API call from now.

    `match` takes `method`, `path` and `body`, as `FaultPlan.add` does, and `tenant`.
    """

    @property
    def _vendor(self) -> Xero:
        return cast("Xero", self)

    def plan(self, trouble: str, nth: int = 1, times: int = 1, **match: Any) -> Fault:
        """Plan one of `TROUBLES` by its name. Raises ValueError for an unknown one."""
        if trouble not in TROUBLES:
            raise ValueError(f"there is no trouble {trouble!r}; there are {', '.join(TROUBLES)}")
        where = {"nth": nth, "times": times, **_API, **match}
        add = self._vendor.faults.add
        if trouble.startswith("429_"):
            return self.plan_throttle(trouble[4:], nth=nth, times=times, **match)
        makers: dict[str, Callable[[], Fault]] = {
            "timeout_after_commit": lambda: add("lost_answer", **where),
            "timeout_before_commit": lambda: add("cut_before", **where),
            "reset": lambda: add("cut_before", **where),
            "500": lambda: self.plan_crash(nth=nth, times=times, **match),
            "412": lambda: add("reply", status=412, content=b"", **where),
            "504": lambda: add("error_after", status=504, **where),
            "502": lambda: add("reply", status=502, content=_BAD_GATEWAY, **where),
            "503": lambda: add(
                "reply", status=503, content=_OUTAGE.encode(), content_type="text/plain", **where
            ),
            "token_expired": lambda: self.plan_expiry(nth=nth, **match),
            "revoked": lambda: add("call", action=self._vendor.revoke_tokens, **where),
            "slow": lambda: add("slow", seconds=30.0, **where),
        }
        return makers[trouble]()

    def plan_expiry(self, nth: int = 1, **match: Any) -> Fault:
        """A 401 in the middle of a run: access tokens expire just before the call."""
        action = self._vendor.expire_access_tokens
        return self._vendor.faults.add("call", nth=nth, action=action, **_API | match)

    def plan_throttle(
        self,
        limit: str = "minute",
        *,
        retry_after_s: int | None = None,
        nth: int = 1,
        times: int = 1,
        **match: Any,
    ) -> Fault:
        """429 answers of one limit: minute, day, concurrent or appminute."""
        if limit not in ("minute", "day", "concurrent", "appminute"):
            raise ValueError(f"there is no limit {limit!r}")
        waits = {"minute": 30, "day": 67_000}
        wait = waits.get(limit) if retry_after_s is None else retry_after_s
        headers = self._vendor.limit_headers(limit, wait)
        return self._vendor.faults.add(
            "reply", nth=nth, times=times, status=429, headers=headers, content=b"",
            **_API | match,
        )  # fmt: skip

    def plan_crash(
        self, *, committed: bool = False, nth: int = 1, times: int = 1, **match: Any
    ) -> Fault:
        """A 500 in the vendor's own words, before or after the work is done."""
        body = {
            "Title": "An error occurred",
            "Detail": CRASHED,
            "Status": 500,
            "Instance": self._vendor.new_mark(),
        }
        if self._vendor.settings.problem_keys == "lower":
            body = lower_keys(body)
        return self._vendor.faults.add(
            "error_after" if committed else "reply",
            nth=nth,
            times=times,
            status=500,
            content=encode(body).encode(),
            content_type="application/json",
            **_API | match,
        )

    def plan_cached_crash(self, nth: int = 1, **match: Any) -> Fault:
        """A 500 before the work, and the same 500 for every repeat with the same key."""
        action = self._vendor.crash_next
        return self._vendor.faults.add("call", nth=nth, action=action, **_API | match)

    def plan_late_commit(self, seconds: float, nth: int = 1, **match: Any) -> Fault:
        """The connection is cut at once; a write is carried out this many seconds later.

        A repeat with the same key that comes before waits for it and gets its answer.
        Raises ValueError for a wait longer than the vendor works on a call.
        """
        if seconds > LATEST_S:
            raise ValueError(f"the vendor gives up after {LATEST_S} seconds")

        def park() -> None:
            self._vendor.park_next(seconds)

        return self._vendor.faults.add("call", nth=nth, action=park, **_API | match)
