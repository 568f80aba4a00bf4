"""Sign-in: authorisation, tokens, rotation, revocation (Intuit: OAuth 2.0).

Everybody who asks is let in: the authorize page consents by itself. Tokens
are derived from a counter and the seed, so a run can be repeated.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.quickbooks.settings import Settings
from tieout.sandbox.quickbooks.wire import Row, decode, encode

_DISCOVERY = ("/.well-known/openid_configuration", "/.well-known/openid_sandbox_configuration")
AUTHORIZE, TOKEN = "/connect/oauth2", "/oauth2/v1/tokens/bearer"
REVOKE, USERINFO = "/v2/oauth2/tokens/revoke", "/v1/openid_connect/userinfo"
PATHS = (*_DISCOVERY, AUTHORIZE, TOKEN, REVOKE, USERINFO)
_HARD_EXPIRY = "x-include-refresh-token-hard-expires-in"


@dataclass
class _Grant:
    """One consent: everything issued under it dies together."""

    hard_end: datetime
    refresh_token: str
    refresh_made: datetime
    refresh_end: datetime
    revoked: bool = False
    replaced: set[str] = field(default_factory=set)  # refresh tokens it had before


class SignIn:
    """Issues, rotates and checks tokens of one app for one company."""

    def __init__(self, clock: Clock, settings: Settings, realm_id: str, seed: int) -> None:
        self._clock = clock
        self._settings = settings
        self._seed = seed
        self._count = 0
        self.realm_id = realm_id
        self.client_id = "AB" + self._derive("client_id")[:48]
        self.client_secret = self._derive("client_secret")[:40]
        self._codes: dict[str, tuple[str, _Grant | None]] = {}
        self._grants: list[_Grant] = []
        self._access: dict[str, tuple[_Grant, datetime]] = {}

    # -- for people and tests ----------------------------------------------------
    def issue(self) -> dict[str, str]:
        """A fresh consent without the browser: access and refresh token."""
        grant = self._new_grant()
        return {"access_token": self._new_access(grant), "refresh_token": grant.refresh_token}

    def expire_access(self) -> None:
        """Every access token issued so far is expired from now on; refreshing still works."""
        self._access.clear()

    def revoke_all(self) -> None:
        """The user disconnects the app: access and refresh tokens die."""
        for grant in self._grants:
            grant.revoked = True

    def accepts(self, authorization: str) -> bool:
        """Whether a bearer header carries a living access token."""
        kind, _, token = authorization.partition(" ")
        found = self._access.get(token.strip()) if kind.lower() == "bearer" else None
        return found is not None and not found[0].revoked and self._clock.now() < found[1]

    # -- the endpoints -------------------------------------------------------------
    def answer(self, request: Request) -> Response:
        if request.path in _DISCOVERY:
            return _json(self._discovery(request.host_url.rstrip("/")))
        if request.path == AUTHORIZE:
            return self._authorize(request)
        if request.path == USERINFO:
            return _json({"sub": self.client_id, "email": "owner@example.com"})
        if not self._knows_app(request):
            return _json({"error": "invalid_client"}, 401)
        if request.path == REVOKE:
            return self._revoke(request)
        return self._token(request)

    @staticmethod
    def _discovery(base: str) -> Row:
        return {
            "issuer": "https://oauth.platform.intuit.com/op/v1",
            "authorization_endpoint": base + AUTHORIZE,
            "token_endpoint": base + TOKEN,
            "userinfo_endpoint": base + USERINFO,
            "revocation_endpoint": base + REVOKE,
            "jwks_uri": base + "/op/v1/jwks",
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "com.intuit.quickbooks.accounting"],
        }

    def _authorize(self, request: Request) -> Response:
        target = request.args.get("redirect_uri", "")
        if request.args.get("client_id") != self.client_id or not target or "?" in target:
            return Response("The redirect_uri or client_id is invalid.", status=400)
        state = request.args.get("state", "")
        if not self._settings.consents:
            return redirect(f"{target}?{urlencode({'error': 'access_denied', 'state': state})}")
        code = self._derive("code")[:40]
        self._codes[code] = (target, None)
        answer = {"code": code, "state": state, "realmId": self.realm_id}
        return redirect(f"{target}?{urlencode(answer)}")

    def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return _json({"error": "invalid_request"}, 400)
        kind = request.form.get("grant_type")
        if kind == "authorization_code":
            grant = self._exchange(request.form.get("code", ""), request.form.get("redirect_uri"))
        elif kind == "refresh_token":
            grant = self._refresh(request.form.get("refresh_token", ""))
        else:
            return _json({"error": "unsupported_grant_type"}, 400)
        if grant is None:
            described = "Incorrect or invalid refresh token"
            if kind == "authorization_code":
                described = "Incorrect or invalid authorization code"
            return _json({"error": "invalid_grant", "error_description": described}, 400)
        now = self._clock.now()
        body: Row = {
            "token_type": "bearer",
            "access_token": self._new_access(grant),
            "expires_in": self._settings.access_token_s,
            "refresh_token": grant.refresh_token,
            "x_refresh_token_expires_in": int((grant.refresh_end - now).total_seconds()),
        }
        if request.headers.get(_HARD_EXPIRY, "").lower() == "true":
            left = int((grant.hard_end - now).total_seconds())
            body["x_refresh_token_hard_expires_in"] = left
        return _json(body)

    def _exchange(self, code: str, target: str | None) -> _Grant | None:
        known = self._codes.get(code)
        if known is None or known[0] != target:
            return None
        if known[1] is not None:
            # A code used twice is a sign of theft: what it gave is taken back.
            known[1].revoked = True
            return None
        grant = self._new_grant()
        self._codes[code] = (known[0], grant)
        return grant

    def _refresh(self, token: str) -> _Grant | None:
        now = self._clock.now()
        for grant in self._grants:
            if token in grant.replaced and self._settings.reuse_revokes:
                grant.revoked = True
            alive = not grant.revoked and now < min(grant.refresh_end, grant.hard_end)
            if grant.refresh_token != token or not alive:
                continue
            age = (now - grant.refresh_made).total_seconds()
            if self._settings.strict_rotation or age >= self._settings.rotate_after_s:
                grant.replaced.add(grant.refresh_token)
                grant.refresh_token = self._new_refresh()
                grant.refresh_made = now
            grant.refresh_end = now + timedelta(seconds=self._settings.refresh_token_s)
            return grant
        return None

    def _revoke(self, request: Request) -> Response:
        try:
            sent = decode(request.get_data())
            token = str(sent["token"])
        except (ValueError, KeyError, TypeError):
            token = request.form.get("token", "")
        found = [grant for grant in self._grants if grant.refresh_token == token]
        if token in self._access:
            found.append(self._access[token][0])
        for grant in found:
            grant.revoked = True
        return Response(status=200 if found else 400)

    # -- inside ---------------------------------------------------------------------
    def _knows_app(self, request: Request) -> bool:
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        try:
            text = base64.b64decode(coded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return kind.lower() == "basic" and text == f"{self.client_id}:{self.client_secret}"

    def _new_grant(self) -> _Grant:
        now = self._clock.now()
        grant = _Grant(
            hard_end=now + timedelta(seconds=self._settings.grant_s),
            refresh_token=self._new_refresh(),
            refresh_made=now,
            refresh_end=now + timedelta(seconds=self._settings.refresh_token_s),
        )
        self._grants.append(grant)
        return grant

    def _new_access(self, grant: _Grant) -> str:
        token = "eyJ" + self._derive("access")
        end = self._clock.now() + timedelta(seconds=self._settings.access_token_s)
        self._access[token] = (grant, end)
        return token

    def _new_refresh(self) -> str:
        return "RT1-" + self._derive("refresh")[:46]

    def _derive(self, use: str) -> str:
        self._count += 1
        text = f"quickbooks {self._seed} {use} {self._count}"
        return hashlib.sha256(text.encode()).hexdigest()


def _json(body: Row, status: int = 200) -> Response:
    return Response(encode(body), status=status, content_type="application/json;charset=UTF-8")
