"""Where an account lives, and how calls to it are signed.

Sources: Oracle's help on account-specific domains, on the OAuth 2.0 client credentials flow
(an assertion signed with PS* or ES*; RS256 is refused; no refresh token) and on token-based
authentication, which is OAuth 1.0a (RFC 5849) with HMAC-SHA256.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import jwt

from tieout.connectors.base import Auth, Request, Token, ToSign
from tieout.connectors.netsuite.wire import Settings
from tieout.errors import Misconfigured
from tieout.model.ids import new_token

_TOKENS = "/auth/oauth2/v1/token"
_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_S = 300  # Oracle takes less than an hour


def base_url(settings: Settings) -> str:
    """The REST services of the account: `1234567_SB1` lives at `1234567-sb1`."""
    name = settings.account_id.lower().replace("_", "-")
    host = settings.base_url.rstrip("/") or f"https://{name}.suitetalk.api.netsuite.com"
    return f"{host}/services/rest"


def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.access}"} if token else {}


def _grant(settings: Settings, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    """The token call. Raises Misconfigured when the key is missing or does not fit."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": _BEARER,
        "client_assertion": _assertion(settings, secrets, now),
    }
    return Request(
        method="POST",
        path=_TOKENS,
        body=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="sign in",
    )


def _assertion(settings: Settings, secrets: Mapping[str, str], now: datetime) -> str:
    # A key kept in an environment variable often has its line breaks written out.
    key = _secret(secrets, "private_key").replace("\\n", "\n")
    issued = int(now.timestamp())
    claims = {
        "iss": settings.client_id,
        "scope": ["rest_webservices"],
        "aud": base_url(settings) + _TOKENS,
        "iat": issued,
        "exp": issued + _ASSERTION_S,
        "jti": new_token(128),
    }
    headers = {"kid": settings.certificate_id}
    try:
        return jwt.encode(claims, key, algorithm=settings.algorithm, headers=headers)
    except (ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise Misconfigured(
            f"the secret private_key is not a key in PEM form for {settings.algorithm}: give the"
            " text with its BEGIN and END lines, and set algorithm to what the certificate has"
        ) from error


def _token(answer: Any, now: datetime) -> Token:
    """The token in an answer; its life is a number, or the same as a text."""
    return Token(
        access=answer["access_token"], expires_at=now + timedelta(seconds=int(answer["expires_in"]))
    )


def _secret(secrets: Mapping[str, str], name: str) -> str:
    if not secrets.get(name):
        raise Misconfigured(f"signing in to NetSuite this way needs the secret {name}")
    return secrets[name]


def _signed(settings: Settings, secrets: Mapping[str, str], call: ToSign) -> dict[str, str]:
    """The header of one call under token-based authentication; nothing for m2m."""
    if settings.sign_in == "m2m":
        return {}
    key = "&".join(_quoted(_secret(secrets, name)) for name in ("consumer_secret", "token_secret"))
    said = {
        "oauth_consumer_key": settings.client_id,
        "oauth_nonce": call.nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(call.at.timestamp())),
        "oauth_token": settings.token_id,
        "oauth_version": "1.0",
    }
    parts = urlsplit(call.url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    host = parts.netloc.lower().removesuffix(f":{default}")
    query = [*parse_qsl(parts.query, keep_blank_values=True), *said.items()]
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in query)
    whole = (
        call.method,
        _quoted(f"{parts.scheme}://{host}{parts.path}"),
        _quoted("&".join("=".join(pair) for pair in pairs)),
    )
    mark = hmac.new(key.encode(), "&".join(whole).encode(), hashlib.sha256).digest()
    # The realm is the account as NetSuite shows it, and no part of what is signed.
    told = {"realm": settings.account_id.upper().replace("-", "_"), **said}
    told["oauth_signature"] = base64.b64encode(mark).decode()
    text = ", ".join(f'{name}="{_quoted(value)}"' for name, value in told.items())
    return {"Authorization": f"OAuth {text}"}


def _quoted(text: str) -> str:
    return quote(text, safe="~")


AUTH = Auth(
    headers=_headers,
    grant=_grant,
    read=_token,
    takes_token=lambda settings: settings.sign_in == "m2m",
    sign=_signed,
    one_of=("private_key", "token_secret", "consumer_secret"),
)
