"""Sign-in: OAuth 2.0 with a certificate (M2M), and OAuth 1.0a (TBA).

An assertion is signed with PS* or ES* and names a certificate that was uploaded for one
integration, role and entity; there is no refresh token. RSA PKCS#1 v1.5 is rejected
(Oracle: OAuth 2.0 client credentials flow, token-based authentication).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.types import Options
from werkzeug.wrappers import Request, Response

from tieout.clock import Clock
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.wire import encode

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
SCOPES = ("restlets", "rest_webservices", "suite_analytics")
_SKEW_S = 60
_LONGEST_ASSERTION_S = 3600
_CERTIFICATE_LIFE = timedelta(days=730)
_NO_TIMES: Options = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


class Refused(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass
class Mapping:
    """A certificate uploaded for the integration, its role and its user."""

    public_key: Any
    expires_at: datetime


@dataclass
class Token:
    expires_at: datetime
    scopes: frozenset[str]


@lru_cache(maxsize=4)
def _ec_key(seed: int) -> ec.EllipticCurvePrivateKey:
    """A key of a seed's own: making one costs next to nothing."""
    mark = hashlib.sha256(f"netsuite certificate {seed}".encode()).digest()
    return ec.derive_private_key(int.from_bytes(mark[:31], "big"), ec.SECP256R1())


@lru_cache(maxsize=4)
def _private_pem(seed: int) -> str:
    return (
        _ec_key(seed)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


class SignIn:
    """Who may call one account."""

    def __init__(self, clock: Clock, settings: Settings, seed: int) -> None:
        self._clock = clock
        self._settings = settings
        self._seed = seed
        self.client_id = self._derived("client id")
        self.consumer_secret = self._derived("consumer secret")
        self.tba_tokens = {self._derived("tba token"): self._derived("tba secret")}
        self.certificate_id = self._derived("certificate")[:43]
        self.mappings: dict[str, Mapping] = {
            self.certificate_id: Mapping(
                _ec_key(seed).public_key(), clock.now() + _CERTIFICATE_LIFE
            )
        }
        self.tokens: dict[str, Token] = {}
        self._nonces: set[tuple[str, str]] = set()
        self._count = 0

    @property
    def credentials(self) -> dict[str, str]:
        """What an operator types in; the private key is PEM, for ES256."""
        token, secret = next(iter(self.tba_tokens.items()), ("", ""))
        return {
            "account_id": self._settings.account_id,
            "client_id": self.client_id,
            "certificate_id": self.certificate_id,
            "private_key": _private_pem(self._seed),
            "consumer_key": self.client_id,
            "consumer_secret": self.consumer_secret,
            "token_id": token,
            "token_secret": secret,
        }

    # -- what an administrator does ---------------------------------------------------
    def upload(self, pem: str) -> str:
        """Upload a certificate or public key in PEM; returns its Certificate ID.

        Raises ValueError for a key NetSuite does not take: RSA of less than 3072 bits, or
        another curve than P-256, P-384 and P-521.
        """
        expires_at = self._clock.now() + _CERTIFICATE_LIFE
        if "BEGIN CERTIFICATE" in pem:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            expires_at = min(expires_at, certificate.not_valid_after_utc)
            key: Any = certificate.public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())
        if isinstance(key, rsa.RSAPublicKey):
            good = key.key_size in (3072, 4096)
        else:
            curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""
            good = curve in ("secp256r1", "secp384r1", "secp521r1")
        if not good:
            raise ValueError("the certificate must be RSA 3072 or 4096, or EC 256, 384 or 521")
        if any(each.public_key == key for each in self.mappings.values()):
            raise ValueError("a certificate serves one integration, role and entity")
        row_id = self._derived(f"certificate {len(self.mappings)} {pem}")[:43]
        self.mappings[row_id] = Mapping(key, expires_at)
        return row_id

    def refresh_sandbox(self) -> None:
        """A sandbox refresh clears the mapping: from then on invalid_grant and 401."""
        self.mappings.clear()
        self.tokens.clear()

    def expire_tokens(self) -> None:
        """End every access token; signing in again works."""
        self.tokens.clear()

    def revoke_tba(self) -> None:
        """Revoke the TBA tokens."""
        self.tba_tokens.clear()

    # -- the token endpoint -----------------------------------------------------------
    def answer(self, request: Request) -> Response:
        """Answer the token endpoint."""
        try:
            body = self._token(request)
        except Refused as refused:
            answer = Response(
                encode({"error": refused.error}), refused.status, content_type="application/json"
            )
            if refused.status == 401:
                answer.headers["WWW-Authenticate"] = f'Basic realm="{self._settings.account_id}"'
            return answer
        return Response(encode(body), content_type="application/json")

    def issue(self, scopes: frozenset[str] = frozenset({"rest_webservices"})) -> str:
        """A valid token without the sign-in, for tests that are not about it."""
        self._count += 1
        name = f"{self._derived('token')}.{self._derived(f'token {self._count}')}"
        life = timedelta(seconds=self._settings.token_s)
        self.tokens[name] = Token(self._clock.now() + life, scopes)
        return name

    def accepts(self, request: Request) -> bool:
        """Whether the call carries a live token or a right OAuth 1 signature."""
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer":
            token = self.tokens.get(rest.strip())
            return (
                token is not None
                and self._clock.now() < token.expires_at
                and "rest_webservices" in token.scopes
            )
        return kind == "OAuth" and self._settings.tba and self._signed(request, rest)

    def challenge(self, status: int) -> str:
        """The WWW-Authenticate header of a 401, and of a 400 for a malformed header."""
        realm = f'Bearer realm="{self._settings.account_id}"'
        if status == 400:
            return f'{realm}, error="invalid_request"'
        return f'{realm}, error="invalid_token", error_description="Invalid login attempt."'

    # -- inside: M2M ------------------------------------------------------------------
    def _token(self, request: Request) -> dict[str, Any]:
        form = {
            name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()
        }
        if request.method != "POST" or "grant_type" not in form:
            raise Refused("invalid_request")
        if form["grant_type"] != "client_credentials":
            raise Refused("unsupported_grant_type")
        if form.get("client_assertion_type") != JWT_BEARER or not form.get("client_assertion"):
            raise Refused("invalid_request")
        scopes = self._asserted(request, form["client_assertion"])
        lasts = self._settings.token_s
        return {
            "access_token": self.issue(scopes),
            "expires_in": str(lasts) if self._settings.expires_in_text else lasts,
            "token_type": "Bearer",
        }

    def _asserted(self, request: Request, assertion: str) -> frozenset[str]:
        """The scopes of a valid assertion. Raises `Refused`."""
        try:
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError:
            raise Refused("invalid_grant") from None
        mapping = self.mappings.get(str(header.get("kid", "")))
        known = header.get("alg") in ALGORITHMS and header.get("typ", "JWT") == "JWT"
        if mapping is None or not known or self._clock.now() >= mapping.expires_at:
            raise Refused("invalid_grant")
        try:
            claims = jwt.decode(
                assertion, mapping.public_key, algorithms=[header["alg"]], options=_NO_TIMES
            )
        except (jwt.PyJWTError, TypeError, ValueError):
            raise Refused("invalid_grant") from None
        if claims.get("iss") != self.client_id:
            raise Refused("invalid_client", 401)
        self._check_times(claims)
        self._check_audience(request, claims.get("aud"))
        return _scopes(claims.get("scope"))

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = int(self._clock.now().timestamp())
        try:
            issued, expires = int(claims["iat"]), int(claims["exp"])
        except (KeyError, TypeError, ValueError):
            raise Refused("invalid_grant") from None
        long = expires - issued >= _LONGEST_ASSERTION_S
        if long or issued > now + _SKEW_S or expires < now - _SKEW_S:
            raise Refused("invalid_grant")

    def _check_audience(self, request: Request, audience: Any) -> None:
        """The audience is the token's address: the account's own, or where this one is served."""
        given = audience if isinstance(audience, list) else [audience]
        good = (f"https://{self._settings.host}{TOKEN_PATH}", request.base_url)
        if not any(each in good for each in given):
            raise Refused("invalid_grant")

    # -- inside: TBA ------------------------------------------------------------------
    def _signed(self, request: Request, header: str) -> bool:
        """Whether an OAuth 1.0a signature is right (RFC 5849, HMAC-SHA256 only)."""
        given = {}
        for part in header.split(","):
            name, _, value = part.strip().partition("=")
            given[unquote(name)] = unquote(value.strip('"'))
        secret = self.tba_tokens.get(given.get("oauth_token", ""))
        right = (
            secret is not None
            and given.get("realm") == self._settings.account_id
            and given.get("oauth_consumer_key") == self.client_id
            and given.get("oauth_signature_method") == "HMAC-SHA256"
            and given.get("oauth_version", "1.0") == "1.0"
            and self._timely(given.get("oauth_timestamp", ""))
        )
        nonce = (given.get("oauth_timestamp", ""), given.get("oauth_nonce", ""))
        if not right or secret is None or not nonce[1] or nonce in self._nonces:
            return False
        public = f"https://{self._settings.host}{request.path}"
        urls = (_normal(request.base_url), public)
        wanted = given.get("oauth_signature", "")
        key = f"{_enc(self.consumer_secret)}&{_enc(secret)}"
        if not any(_signature(request, url, given, key) == wanted for url in urls):
            return False
        self._nonces.add(nonce)
        return True

    def _timely(self, stamp: str) -> bool:
        now = int(self._clock.now().timestamp())
        return stamp.isdecimal() and abs(int(stamp) - now) <= 300

    def _derived(self, name: str) -> str:
        text = f"{self._settings.account_id} {self._seed} {name}"
        return hashlib.sha256(text.encode()).hexdigest()


def _scopes(claim: Any) -> frozenset[str]:
    """Scopes as an array, or in one string with commas or spaces."""
    listed = claim if isinstance(claim, list) else str(claim or "").replace(",", " ").split()
    if not listed or any(each not in SCOPES for each in listed):
        raise Refused("invalid_scope")
    return frozenset(listed)


def _enc(text: str) -> str:
    return quote(text, safe="~")


def _normal(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port
    default = port is None or (parts.scheme, port) in (("http", 80), ("https", 443))
    host = parts.hostname or ""
    return f"{parts.scheme}://{host if default else f'{host}:{port}'}{parts.path}"


def _signature(request: Request, url: str, given: dict[str, str], key: str) -> str:
    query = parse_qsl(request.query_string.decode("utf-8"), keep_blank_values=True)
    oauth = [(k, v) for k, v in given.items() if k not in ("realm", "oauth_signature")]
    pairs = sorted((_enc(k), _enc(v)) for k, v in query + oauth)
    normal = "&".join(f"{k}={v}" for k, v in pairs)
    base = "&".join((request.method, _enc(url), _enc(normal)))
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
