"""The token call of OAuth 2.0 (RFC 6749: 2.3.1, 4.1.3, 4.4, 6), as values."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from tieout.connectors.base import Code, Request, Token


def token_call(url: str, secrets: Mapping[str, str], form: Mapping[str, str]) -> Request:
    """The call that asks for a token. An app without a `client_secret` only names itself."""
    client_id, client_secret = secrets["client_id"], secrets.get("client_secret", "")
    pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    named = {} if client_secret else {"client_id": client_id}
    return Request(
        method="POST",
        path=url,
        headers=(("Authorization", f"Basic {pair}"),) if client_secret else (),
        body=urlencode({**form, **named}).encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="sign in",
    )


def code_form(code: Code) -> dict[str, str]:
    """What is said to have a token for the code that a person's browser brought back."""
    verified = {"code_verifier": code.verifier} if code.verifier else {}
    given = {"code": code.code, "redirect_uri": code.redirect}
    return {"grant_type": "authorization_code", **given, **verified}


def exchange(url: Callable[[Any], str]) -> Callable[[Any, Mapping[str, str], Code], Request]:
    """The call that has a token for a code; `url` tells from the settings where."""
    return lambda settings, secrets, code: token_call(url(settings), secrets, code_form(code))


def token_in(answer: Any, now: datetime, refresh_life: timedelta | None = None) -> Token:
    """The token in an answer, its life counted in seconds; `refresh_life` is how long its
    refresh token lives without being used. Raises KeyError without a token."""
    refresh = answer.get("refresh_token") or ""
    return Token(
        access=answer["access_token"],
        refresh=refresh,
        expires_at=now + timedelta(seconds=int(answer["expires_in"])),
        refresh_expires_at=now + refresh_life if refresh and refresh_life else None,
    )
