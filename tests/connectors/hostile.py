"""A connector and a vendor that do everything wrong that a vendor may do."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from tieout import errors
from tieout.clock import VirtualClock
from tieout.connectors.base import (
    Auth,
    Connector,
    CursorToken,
    Family,
    Fault,
    FullScan,
    Limit,
    NextLink,
    Offset,
    OnePage,
    Request,
    Response,
    Settings,
    Since,
    Stream,
    Token,
    VendorError,
)
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import Governor, MemoryGovernor
from tieout.connectors.transport import CallEvent, Transport
from tieout.sandbox.core import Vendor

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BASE = "https://api.hostile.example/v1"
#: Values that must never be seen outside a request.
CANARIES = {"client_id": "hostile-app", "client_secret": "canary-s3cret-0123456789"}


# -- the connector ----------------------------------------------------------------------
class HostileSettings(Settings):
    """Settings of the sample."""

    company: str = "C-1"


class HostileRow(BaseModel):
    """One record of the sample."""

    id: str


def _headers(settings: Any, secrets: Mapping[str, str], token: Token | None) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token.access if token else secrets['client_secret']}"}


def _grant(settings: Any, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    pair = f"{secrets['client_id']}:{secrets['client_secret']}".encode()
    return Request(
        method="POST",
        path="https://login.hostile.example/token",
        headers=(("Authorization", "Basic " + base64.b64encode(pair).decode()),),
        body=f"grant_type=refresh_token&refresh_token={refresh}".encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="refresh token",
    )


def _token(answer: Any, now: datetime) -> Token:
    return Token(
        access=answer["access_token"],
        refresh=answer.get("refresh_token", ""),
        expires_at=now + timedelta(seconds=int(answer["expires_in"])),
        company=answer.get("company", ""),
    )


def _errors(answer: Response) -> list[VendorError]:
    body = answer.json()
    return [
        VendorError(code=e.get("code", ""), text=e["text"], remote_id=e.get("id", ""))
        for e in body.get("errors", ())
    ]


def _list(name: str, pages: Any) -> Stream:
    return Stream(
        name=name,
        kind="client",
        yields=object,
        wire=HostileRow,
        request=lambda since, settings: read(f"/{name}"),
        pages=pages,
        cursor=FullScan(),
        key=lambda row: row["id"],
        read=lambda wire, source, settings: wire,
    )


def _rows(answer: Any) -> list[dict[str, Any]]:
    return list(answer["rows"])


CONNECTOR = Connector(
    slug="hostile",
    title="Hostile",
    family=Family.LEDGER,
    settings=HostileSettings,
    base_url=lambda settings: settings.base_url or BASE,
    company=lambda settings: settings.company,
    auth=Auth(headers=_headers, grant=_grant, read=_token, secrets=("client_id", "client_secret")),
    errors=_errors,
    pace=(Limit(name="minute", count=100, per_s=60),),
    faults=(
        Fault(then=errors.Conflict, code="6140"),
        Fault(then=errors.Transient, code="FROZEN", text="back soon", writes=False),
        Fault(then=errors.RateLimited, status=403, text="over quota", wait_s=30),
        Fault(then=errors.Unknown, status=500, code="LATER", writes=True),
    ),
    streams=(
        _list("whole", OnePage(rows=_rows)),
        _list("linked", NextLink(rows=_rows, link=lambda answer: answer["next"])),
        _list(
            "offset",
            Offset(rows=_rows, size=2, at=lambda r, at: r.with_params(start=str(at))),
        ),
        _list(
            "tokens",
            CursorToken(
                rows=_rows,
                token=lambda answer: answer["next"],
                at=lambda r, token: r.with_params(cursor=token),
            ),
        ),
    ),
    trace_header="x-trace",
)


def read(path: str = "/things", **params: str) -> Request:
    """A call that reads."""
    return Request(method="GET", path=path, purpose=f"read {path}").with_params(**params)


def write(body: bytes = b'{"amount":10.10}', path: str = "/things") -> Request:
    """A call that writes."""
    return Request(
        method="POST",
        path=path,
        body=body,
        content_type="application/json",
        purpose="write thing",
        writes=True,
    )


# -- the vendor -------------------------------------------------------------------------
class Hostile(Vendor):
    """Answers as it is told by `respond`; otherwise `{"ok": true}` to a good token."""

    slug = "hostile"

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.generation = 0  # of the tokens; a refresh ends the ones before
        self.life_s = 3600
        self.company = ""
        self.made: list[bytes] = []  # bodies of the writes that were done
        self.respond: Callable[[HttpRequest], HttpResponse | None] = lambda request: None
        self.refuse_tokens = False
        self.refuse_refresh = False

    @property
    def token_calls(self) -> int:
        """How often a token was asked for."""
        return sum(call.path == "/token" for call in self.calls)

    def writes(self, request: HttpRequest) -> bool:
        return request.method != "GET" and request.path != "/token"

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/token":
            return self._token(request)
        good = f"Bearer canary-access-{self.generation}"
        if self.refuse_tokens or request.headers.get("Authorization") != good:
            return answer('{"errors":[{"code":"401","text":"token is dead"}]}', 401)
        told = self.respond(request)
        if told is not None:
            return told
        if request.method == "POST":
            self.made.append(request.get_data())
        return answer('{"ok":true}')

    def _token(self, request: HttpRequest) -> HttpResponse:
        told = request.form.get("refresh_token")
        if self.refuse_refresh or told != f"canary-refresh-{self.generation}":
            return answer('{"error":"invalid_grant"}', 400)
        self.generation += 1
        return answer(
            f'{{"access_token":"canary-access-{self.generation}",'
            f'"refresh_token":"canary-refresh-{self.generation}",'
            f'"expires_in":{self.life_s},"company":"{self.company}"}}'
        )


def answer(
    body: str | bytes, status: int = 200, kind: str = "application/json", **headers: str
) -> HttpResponse:
    """An answer; header names are written with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(body, status=status, headers=named, content_type=kind)


class Bench:
    """A vendor, a clock, a transport and a connection, ready to be called."""

    def __init__(
        self,
        *,
        company: str = "",
        keeper: MemoryKeeper | None = None,
        governor: Governor | None = None,
        connector: Connector = CONNECTOR,
        settings: HostileSettings | None = None,
    ) -> None:
        self.clock = VirtualClock(NOON)
        self.vendor = Hostile(self.clock)
        adapter = WsgiAdapter(self.vendor, self.clock)
        self.transport = Transport(self.clock, mounts={"https://": adapter})
        self.events: list[CallEvent] = []
        self.transport.listeners.append(self.events.append)
        self.keeper = keeper or MemoryKeeper({"refresh": "canary-refresh-0"})
        self.connection = Connection(
            name="books",
            connector=connector,
            settings=settings or HostileSettings(),
            secrets=dict(CANARIES),
            keeper=self.keeper,
            governor=governor or MemoryGovernor(),
            company=company,
        )

    def call(self, request: Request) -> Response:
        """Call the vendor through the transport."""
        return self.transport.call(self.connection, request)

    @property
    def data_calls(self) -> list[Any]:
        """The calls the vendor saw, without those for a token."""
        return [call for call in self.vendor.calls if call.path != "/token"]


SINCE = Since(start=None, end=NOON)
