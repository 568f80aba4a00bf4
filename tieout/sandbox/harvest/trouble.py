"""Trouble that is planned, under the names people use for it."""

from __future__ import annotations

from tieout.sandbox import exactjson
from tieout.sandbox.core import FaultKind, Vendor
from tieout.sandbox.harvest.tokens import Tokens


class PlannedTrouble(Vendor):
    """The switches of people and tests; the stand-in itself is `app.Harvest`."""

    tokens: Tokens
    credentials: dict[str, str]

    def throttle(self, times: int = 1, wait_s: int = 15, path: str = "") -> None:
        """The next `times` matching calls answer 429 and ask to wait."""
        body = {"message": "This request has been throttled.", "retry_after": wait_s}
        self.faults.add(
            "reply",
            path=path,
            times=times,
            status=429,
            headers={"Retry-After": str(wait_s)},
            content=exactjson.dumps(body).encode(),
            content_type="application/json; charset=utf-8",
        )

    def break_down(
        self, times: int = 1, *, status: int = 500, after_commit: bool = False, path: str = ""
    ) -> None:
        """The next `times` matching calls answer a 5xx page, before or after the work is done."""
        kind: FaultKind = "error_after" if after_commit else "error_before"
        self.faults.add(kind, path=path, times=times, status=status)

    def lose_answer(self, method: str = "", path: str = "", nth: int = 1) -> None:
        """Commit the matching call, then cut the connection."""
        self.faults.add("lost_answer", method=method, path=path, nth=nth)

    def revoke(self, name: str = "access_token") -> None:
        """End one of the tokens of `credentials`."""
        self.tokens.revoke(self.credentials[name])
