"""Tokens: personal ones that never end, and OAuth pairs of fourteen days."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tieout.clock import Clock

#: Life of an OAuth access token in seconds, from memory of the vendor's documents.
ACCESS_S = 1_209_600


@dataclass
class Token:
    """Whose token it is and when it ends; None for never."""

    user_id: int
    ends_at: datetime | None = None


class Tokens:
    """All tokens of the account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, Token] = {}
        self._grants: dict[str, int] = {}  # one-time codes and refresh tokens to their user
        self._count = 0
        self.client_id = "tieout-sandbox"
        self.client_secret = self._new("secret")

    def personal(self, user_id: int) -> str:
        """A personal access token."""
        token = f"{user_id}.pt.{self._new('personal')}"
        self._live[token] = Token(user_id)
        return token

    def code(self, user_id: int) -> str:
        """The code a person's consent gives the application, good once."""
        code = self._new("code")
        self._grants[code] = user_id
        return code

    def owner(self, token: str) -> int | None:
        """The user behind a live token."""
        found = self._live.get(token)
        if found is None or (found.ends_at and found.ends_at <= self._clock.now()):
            return None
        return found.user_id

    def revoke(self, token: str) -> None:
        """End a token now."""
        self._live.pop(token, None)

    def exchange(self, form: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer the token endpoint; None when the grant is not good."""
        kind = form.get("grant_type")
        names = {"authorization_code": "code", "refresh_token": "refresh_token"}
        pair = (form.get("client_id"), form.get("client_secret"))
        if kind not in names or pair != (self.client_id, self.client_secret):
            return None
        user_id = self._grants.pop(str(form.get(names[kind], "")), None)
        if user_id is None:
            return None
        access, refresh = f"{user_id}.at.{self._new('at')}", f"{user_id}.rt.{self._new('rt')}"
        ends_at = self._clock.now() + timedelta(seconds=ACCESS_S)
        self._live[access] = Token(user_id, ends_at)
        self._grants[refresh] = user_id
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": ACCESS_S,
        }

    def _new(self, kind: str) -> str:
        self._count += 1
        return hashlib.sha256(f"harvest sandbox {kind} {self._count}".encode()).hexdigest()
