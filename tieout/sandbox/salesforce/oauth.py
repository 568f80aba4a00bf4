"""Sign-in: the token endpoint, token life, and who the token belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.wrappers import Request

from tieout.clock import Clock
from tieout.sandbox.salesforce.org import Org

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: An assertion may run for three minutes; the rest allows for clocks that differ a little.
_ASSERTION_LIFE = timedelta(minutes=3, seconds=30)
_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


class Refused(Exception):
    """An OAuth refusal: HTTP 400 with `error` and `error_description`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.body = {"error": error, "error_description": description}


@lru_cache(maxsize=1)
def _private_key() -> rsa.RSAPrivateKey:
    # One key for every sandbox of the process: making one takes a noticeable time.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class OAuth:
    """Tokens of one org. Attributes named in the first block are switches for people and tests."""

    def __init__(self, clock: Clock, org: Org) -> None:
        self.approved = True  # the user is pre-authorised for JWT
        self.run_as_user = True  # client credentials have a user to run as
        self.rotate_refresh = False  # a refresh answers a new refresh token
        self.user_active = True
        self.refuse_with: tuple[str, str] | None = None  # (error, description) for every call
        self.session_s = 7200  # seconds without a call until a token ends

        self._clock = clock
        self._org = org
        self._count = 0
        self._tokens: dict[str, datetime] = {}  # token to its last use
        self.client_id = "3MVG9tieoutsandboxconsumerkey"
        self.client_secret = self._derived("client secret")
        self.username = "tieout@acme.example"
        self.refresh_token = self._new("5Aep861")

    @cached_property
    def private_pem(self) -> str:
        """The private key whose assertions the sandbox accepts, made on first use."""
        return (
            _private_key()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        )

    def token(self, request: Request) -> dict[str, Any]:
        """Answer the token endpoint. Raises `Refused`."""
        form = _form(request)
        if self.refuse_with is not None:
            raise Refused(*self.refuse_with)
        grant = form.get("grant_type", "")
        if not self.user_active:
            raise Refused("invalid_grant", "inactive user")
        checks = {
            JWT_BEARER: self._check_assertion,
            "client_credentials": self._check_run_as,
            "refresh_token": self._check_refresh,
        }
        if grant not in checks:
            raise Refused("unsupported_grant_type", "grant type not supported")
        checks[grant](form, request)
        answer = self._issued(request)
        if grant == "refresh_token" and self.rotate_refresh:
            self.refresh_token = self._new("5Aep861")
            answer["refresh_token"] = self.refresh_token
        return answer

    def issue(self) -> str:
        """A valid token without the sign-in, for tests that are not about it."""
        token = self._new(self._org.organization_id[:15] + "!AQ")
        self._tokens[token] = self._clock.now()
        return token

    def accepts(self, request: Request) -> bool:
        """Whether the call carries a live token; using it keeps it alive."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        used = self._tokens.get(token)
        if kind not in ("Bearer", "OAuth") or used is None:
            return False
        now = self._clock.now()
        if now - used > timedelta(seconds=self.session_s):
            del self._tokens[token]
            return False
        self._tokens[token] = now
        return True

    def revoke(self, request: Request) -> None:
        token = _form(request).get("token") or request.args.get("token", "")
        if self._tokens.pop(token, None) is not None:
            return
        if token != self.refresh_token:
            raise Refused("invalid_token", "invalid token: " + token[:8])
        self.revoke_refresh()
        self._tokens.clear()

    def revoke_refresh(self) -> None:
        """Make the refresh token handed out so far useless."""
        self.refresh_token = self._new("5Aep861")

    def expire_tokens(self) -> None:
        """End every session: the next call with an old token answers 401."""
        self._tokens.clear()

    def userinfo(self) -> dict[str, Any]:
        return {
            "sub": self._identity(),
            "user_id": self._org.api_user_id,
            "organization_id": self._org.organization_id,
            "preferred_username": self.username,
            "email": self.username,
            "active": self.user_active,
        }

    # -- inside -----------------------------------------------------------------
    def _issued(self, request: Request) -> dict[str, Any]:
        issued_at = str(int(self._clock.now().timestamp() * 1000))
        return {
            "access_token": self.issue(),
            "instance_url": request.host_url.rstrip("/"),
            "id": self._identity(),
            "token_type": "Bearer",
            "issued_at": issued_at,
            "signature": base64.b64encode(
                hashlib.sha256(f"signature {issued_at}".encode()).digest()
            ).decode(),
            "scope": "api",
        }

    def _check_client(self, form: dict[str, str], request: Request) -> None:
        client_id, client_secret = form.get("client_id"), form.get("client_secret")
        kind, _, packed = request.headers.get("Authorization", "").partition(" ")
        if client_id is None and kind == "Basic":
            try:
                client_id, _, client_secret = base64.b64decode(packed).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as problem:
                raise Refused("invalid_client", "invalid client credentials") from problem
        if client_id != self.client_id:
            raise Refused("invalid_client_id", "client identifier invalid")
        if client_secret != self.client_secret:
            raise Refused("invalid_client", "invalid client credentials")

    def _check_run_as(self, form: dict[str, str], request: Request) -> None:
        self._check_client(form, request)
        if request.host.split(":")[0] in _LOGIN_HOSTS:
            raise Refused("invalid_grant", "request not supported on this domain")
        if not self.run_as_user:
            raise Refused("invalid_grant", "no client credentials user enabled")

    def _check_refresh(self, form: dict[str, str], request: Request) -> None:
        self._check_client(form, request)
        if form.get("refresh_token") != self.refresh_token:
            raise Refused("invalid_grant", "expired access/refresh token")

    def _check_assertion(self, form: dict[str, str], request: Request) -> None:
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                _private_key().public_key(),
                algorithms=["RS256"],
                # Times are checked below, on the sandbox's own clock.
                options={
                    "verify_exp": False,
                    "verify_aud": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as problem:
            raise Refused("invalid_grant", "invalid assertion") from problem
        if claims.get("iss") != self.client_id:
            raise Refused("invalid_client_id", "client identifier invalid")
        if claims.get("sub") != self.username:
            raise Refused("invalid_grant", "invalid assertion")
        audience = str(claims.get("aud", "")).rstrip("/")
        hosts = {f"https://{host}" for host in _LOGIN_HOSTS}
        if audience not in hosts | {request.host_url.rstrip("/")}:
            raise Refused("invalid_grant", "audience is invalid")
        # Some clients write the seconds as text.
        expires = str(claims.get("exp", ""))
        now = self._clock.now()
        if not expires.isdigit() or int(expires) <= int(now.timestamp()):
            raise Refused("invalid_grant", "expired assertion")
        if int(expires) > int((now + _ASSERTION_LIFE).timestamp()):
            raise Refused("invalid_grant", "invalid assertion")
        if not self.approved:
            raise Refused("invalid_grant", "user hasn't approved this consumer")

    def _identity(self) -> str:
        return (
            f"https://login.salesforce.com/id/{self._org.organization_id}/{self._org.api_user_id}"
        )

    def _new(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}.{self._derived(f'token {self._count}')}"

    def _derived(self, seed: str) -> str:
        digest = hashlib.sha512(f"salesforce sandbox {seed}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _form(request: Request) -> dict[str, str]:
    pairs = parse_qs(request.get_data(as_text=True), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}
