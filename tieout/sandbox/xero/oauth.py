"""Sign-in: consent with PKCE, tokens, rotation with its grace, client credentials.

Everybody who asks is let in: the consent page consents by itself. Tokens are
derived from a counter and the seed, so a run can be repeated.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.xero.settings import Settings
from tieout.sandbox.xero.wire import Row, encode

AUTHORIZE, TOKEN = "/identity/connect/authorize", "/connect/token"
REVOKE = "/connect/revocation"
PATHS = (AUTHORIZE, TOKEN, REVOKE)
#: Scopes that apps made since 2 March 2026 cannot ask for any more.
_BROAD = ("accounting.transactions", "accounting.transactions.read", "accounting.reports.read")


@dataclass
class Grant:
    """One consent: everything issued under it dies together."""

    scope: str
    event_id: str
    tenants: list[str]
    refresh_token: str = ""
    refresh_end: datetime | None = None
    #: Refresh tokens it had before, and when each was replaced.
    replaced: dict[str, datetime] = field(default_factory=dict)
    revoked: bool = False
    custom: bool = False  # a custom connection: one organisation, which need not be named

    def allows(self, scopes: tuple[str, ...], *, write: bool) -> bool:
        """Whether one of some scopes was granted, or only to read."""
        granted = set(self.scope.split())
        wanted = set(scopes) if write else {*scopes, *(f"{each}.read" for each in scopes)}
        return bool(granted & wanted)


@dataclass
class _Code:
    """An authorisation code that was not used yet."""

    redirect_uri: str
    grant: Grant
    challenge: str
    end: datetime


class SignIn:
    """Issues, rotates and checks the tokens of one app."""

    def __init__(self, clock: Clock, settings: Settings, seed: int) -> None:
        self._clock = clock
        self._settings = settings
        self._seed = seed
        self._count = 0
        self.client_id = self._derive("client_id")[:32].upper()
        self.client_secret = self._derive("client_secret")[:48]
        self.tenants: list[str] = []  # organisations a consent is given for
        self._codes: dict[str, _Code] = {}
        self.grants: list[Grant] = []
        self._access: dict[str, tuple[Grant, datetime]] = {}

    # -- for people and tests ------------------------------------------------------------
    def issue(self, scope: str = "") -> dict[str, str]:
        """A fresh consent without the browser: access and refresh token."""
        grant = self._new_grant(scope or self._settings.scope)
        tokens = {"access_token": self._new_access(grant)}
        if "offline_access" in grant.scope.split():
            tokens["refresh_token"] = self._new_refresh(grant)
        return tokens

    def expire_access(self) -> None:
        """Every access token issued so far is expired from now on; refreshing still works."""
        now = self._clock.now()
        self._access = {
            token: (grant, min(end, now)) for token, (grant, end) in self._access.items()
        }

    def revoke_all(self) -> None:
        """The user disconnects the app: access and refresh tokens die."""
        for grant in self.grants:
            grant.revoked = True

    def disconnect(self, tenant_id: str) -> None:
        """An organisation leaves every consent; the others of the consent stay."""
        for grant in self.grants:
            grant.tenants = [each for each in grant.tenants if each != tenant_id]
        self.tenants = [each for each in self.tenants if each != tenant_id]

    def check(self, authorization: str) -> tuple[Grant | None, str]:
        """The consent behind a bearer header, or None and what is wrong with it."""
        kind, _, token = authorization.partition(" ")
        found = self._access.get(token.strip()) if kind.lower() == "bearer" else None
        if found is None or found[0].revoked:
            return None, "AuthenticationUnsuccessful"
        grant, end = found
        if self._clock.now() >= end:
            return None, f"TokenExpired: token expired at {end:%m/%d/%Y %H:%M:%S}"
        return grant, ""

    # -- the endpoints -------------------------------------------------------------------
    def answer(self, request: Request) -> Response:
        if request.path == AUTHORIZE:
            return self._authorize(request)
        if request.method != "POST":
            return _json({"error": "invalid_request"}, 400)
        if not self._knows_app(request):
            return _json({"error": "invalid_client"}, 400)
        if request.path == REVOKE:
            return self._revoke(request.form.get("token", ""))
        kind = request.form.get("grant_type", "")
        if kind == "authorization_code":
            return self._exchange(request)
        if kind == "refresh_token":
            return self._refresh(request.form.get("refresh_token", ""))
        if kind == "client_credentials":
            return self._client_credentials(request)
        return _json({"error": "unsupported_grant_type"}, 400)

    def _authorize(self, request: Request) -> Response:
        args = request.args
        target, state = args.get("redirect_uri", ""), args.get("state", "")
        if args.get("client_id") != self.client_id:
            return Response("Error: unauthorized_client", status=400, mimetype="text/html")
        if not self._known_target(target):
            return Response("Error: Invalid redirect_uri", status=400, mimetype="text/html")
        scope = args.get("scope", "")
        error = self._scope_error(scope)
        if args.get("response_type") != "code":
            error = "unsupported_response_type"
        elif args.get("code_challenge") and args.get("code_challenge_method") != "S256":
            error = "invalid_request"
        elif not self._settings.consents:
            error = "access_denied"
        if error:
            return redirect(f"{target}?{urlencode({'error': error, 'state': state})}")
        code = self._derive("code")[:43]
        end = self._clock.now() + timedelta(seconds=self._settings.code_s)
        grant = Grant(scope, self._event_id(), list(self.tenants))
        self._codes[code] = _Code(target, grant, args.get("code_challenge", ""), end)
        answer = {"code": code, "scope": scope, "state": state}
        return redirect(f"{target}?{urlencode(answer)}")

    def _known_target(self, target: str) -> bool:
        """Registered addresses match exactly; without any, https and this machine are let in."""
        if self._settings.redirect_uris:
            return target in self._settings.redirect_uris
        parts = urlsplit(target)
        local = parts.hostname in ("localhost", "127.0.0.1")
        return parts.scheme == "https" or (parts.scheme == "http" and local)

    def _scope_error(self, scope: str) -> str:
        asked = scope.split()
        old = any(each in _BROAD for each in asked)
        return "invalid_scope" if not asked or (old and not self._settings.broad_scopes) else ""

    def _exchange(self, request: Request) -> Response:
        form = request.form
        code = self._codes.pop(form.get("code", ""), None)
        fits = code is not None and code.redirect_uri == form.get("redirect_uri")
        if code is None or not fits or self._clock.now() >= code.end:
            return _json({"error": "invalid_grant"}, 400)
        secret = request.headers.get("Authorization") or form.get("client_secret")
        if not code.challenge and not secret:
            return _json({"error": "invalid_grant"}, 400)
        if code.challenge and code.challenge != _challenge(form.get("code_verifier", "")):
            return _json({"error": "invalid_grant"}, 400)
        self.grants.append(code.grant)
        return self._tokens(code.grant)

    def _refresh(self, token: str) -> Response:
        now = self._clock.now()
        for grant in self.grants:
            if grant.revoked or grant.refresh_end is None or now >= grant.refresh_end:
                continue
            replaced = grant.replaced.get(token)
            grace = timedelta(seconds=self._settings.refresh_grace_s)
            if grant.refresh_token == token or (replaced and now - replaced < grace):
                return self._tokens(grant)
        return _json({"error": "invalid_grant"}, 400)

    def _client_credentials(self, request: Request) -> Response:
        if not self._settings.custom_connection:
            return _json({"error": "unauthorized_client"}, 400)
        scope = request.form.get("scope") or self._settings.scope
        if self._scope_error(scope):
            return _json({"error": "invalid_scope"}, 400)
        # A custom connection has one organisation and no refresh token.
        kept = [each for each in scope.split() if each != "offline_access"]
        grant = self._new_grant(" ".join(kept))
        grant.tenants, grant.custom = grant.tenants[:1], True
        return self._tokens(grant)

    def _revoke(self, token: str) -> Response:
        for grant in self.grants:
            if token and (token == grant.refresh_token or token in grant.replaced):
                grant.revoked = True
        return Response(status=200)

    # -- inside --------------------------------------------------------------------------
    def _tokens(self, grant: Grant) -> Response:
        body: Row = {
            "access_token": self._new_access(grant),
            "expires_in": self._settings.access_token_s,
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        scopes = grant.scope.split()
        if "openid" in scopes:
            body["id_token"] = self._jwt({"sub": self._seed, "aud": self.client_id})
        if "offline_access" in scopes:
            body["refresh_token"] = self._new_refresh(grant)
        return _json(body)

    def _knows_app(self, request: Request) -> bool:
        """Basic with id and secret, both in the form, or a PKCE app with its id alone."""
        kind, _, coded = request.headers.get("Authorization", "").partition(" ")
        if not kind:
            secret = request.form.get("client_secret", self.client_secret)
            if request.form.get("grant_type") == "client_credentials":
                secret = request.form.get("client_secret", "")
            return (request.form.get("client_id"), secret) == (self.client_id, self.client_secret)
        try:
            text = base64.b64decode(coded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return kind.lower() == "basic" and text == f"{self.client_id}:{self.client_secret}"

    def _new_grant(self, scope: str) -> Grant:
        grant = Grant(scope, self._event_id(), list(self.tenants))
        self.grants.append(grant)
        return grant

    def _event_id(self) -> str:
        mark = self._derive("event")
        return f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-a{mark[17:20]}-{mark[20:32]}"

    def _new_access(self, grant: Grant) -> str:
        now = self._clock.now()
        end = now + timedelta(seconds=self._settings.access_token_s)
        claims: Row = {
            "nbf": int(now.timestamp()),
            "exp": int(end.timestamp()),
            "iss": "https://identity.xero.com",
            "aud": "https://identity.xero.com/resources",
            "client_id": self.client_id,
            "jti": self._derive("jti")[:32],
            "authentication_event_id": grant.event_id,
            "scope": grant.scope.split(),
        }
        token = self._jwt(claims)
        self._access[token] = (grant, end)
        return token

    def _new_refresh(self, grant: Grant) -> str:
        now = self._clock.now()
        if grant.refresh_token:
            grant.replaced[grant.refresh_token] = now
        grant.refresh_token = self._derive("refresh")[:43]
        grant.refresh_end = now + timedelta(seconds=self._settings.refresh_token_s)
        return grant.refresh_token

    def _jwt(self, claims: Row) -> str:
        """A token in the form of a JWT; its signature is nobody's."""
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        coded = [_base64(encode(part, "compact").encode()) for part in parts]
        return ".".join((*coded, _base64(self._derive("signature").encode())))

    def _derive(self, use: str) -> str:
        self._count += 1
        return hashlib.sha256(f"xero {self._seed} {use} {self._count}".encode()).hexdigest()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _challenge(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _json(body: Row, status: int = 200) -> Response:
    return Response(encode(body, "compact"), status=status, content_type="application/json")
