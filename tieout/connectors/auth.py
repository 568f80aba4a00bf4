"""The life of a token: had once, refreshed in one place, stored before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tieout.clock import Clock
from tieout.connectors.base import Request, Response, Token
from tieout.connectors.connection import Connection, MemoryKeeper, TokenKeeper
from tieout.errors import AuthExpired, Misconfigured, Rejected, Transient
from tieout.model.ids import digest

__all__ = ["MemoryKeeper", "TokenKeeper", "Unsigned", "from_stored", "to_stored", "token_for"]

#: A token is refreshed this many seconds before it ends, so that none ends on the way.
EARLY_S = 60.0
#: A refresh leaves within this many seconds of taking the lock, or not at all: a process that
#: slept through its lock must not send one. Half of the lock's own time.
LEAVES_WITHIN_S = 60.0
#: The origin of a token that a browser brought.
FROM_BROWSER = "browser"


class Unsigned(Protocol):
    """Sends a call that needs no token, such as the one that asks for a token."""

    clock: Clock

    def unsigned(self, connection: Connection, request: Request) -> Response:
        """Send it once. Raises RemoteError."""
        ...


def token_for(
    connection: Connection, transport: Unsigned, *, force: bool = False, refused: str = ""
) -> Token | None:
    """A token that is good now; None when the connector signs with its secret alone.

    `refused` is the access token a vendor just refused: it is replaced, unless
    somebody else did that meanwhile. `force` asks for a new one in any case.
    One caller at a time asks the vendor; the others take what it stored.

    Raises AuthExpired when a person must sign in again, Misconfigured when a
    secret is missing or the token belongs to another company, Transient or
    RateLimited when the sign-in service cannot answer now.
    """
    _need_secrets(connection)
    auth = connection.connector.auth
    if auth.grant is None or not auth.takes_token(connection.settings):
        return None
    stored = _usable(connection, connection.keeper.load())
    _need_a_sign_in(connection, stored)
    if not force and _good(stored, refused, transport.clock.now()):
        return _of_our_company(connection, stored)
    with connection.keeper.lock(connection.name):
        # Whoever held the lock before us may have refreshed it.
        loaded = connection.keeper.load()
        stored = _usable(connection, loaded)
        if force or not _good(stored, refused, transport.clock.now()):
            stored = _asked(connection, transport, stored)
            if not connection.keeper.swap(loaded, to_stored(stored)):
                # We slept for longer than the lock holds, and another refreshed it since: what
                # that one stored is the younger.
                stored = _usable(connection, connection.keeper.load())
    return _of_our_company(connection, stored)


def sign_in_again(connection: Connection, why: str) -> AuthExpired:
    """The error that stops a connection: it tells the person what to do."""
    return AuthExpired(
        f"{connection.name}: {why.rstrip('.')}. Sign in again: tieout connect {connection.name}"
    )


def to_stored(token: Token) -> dict[str, str]:
    """The token as a keeper stores it."""
    return {
        "access": token.access,
        "refresh": token.refresh,
        "expires_at": _text_of(token.expires_at),
        "refresh_expires_at": _text_of(token.refresh_expires_at),
        "base_url": token.base_url,
        "company": token.company,
        "origin": token.origin,
    }


def from_stored(stored: Mapping[str, str] | None) -> Token:
    """The token a keeper stored; an empty one when there is none."""
    kept = stored or {}
    return Token(
        access=kept.get("access", ""),
        refresh=kept.get("refresh", ""),
        expires_at=_instant_of(kept.get("expires_at", "")),
        refresh_expires_at=_instant_of(kept.get("refresh_expires_at", "")),
        base_url=kept.get("base_url", ""),
        company=kept.get("company", ""),
        origin=kept.get("origin", ""),
    )


def _usable(connection: Connection, stored: Mapping[str, str] | None) -> Token:
    """The stored token; an empty one when a person has given another refresh token since.

    One that was revoked stays in the store: without this, the new one in the environment
    would never be tried and signing in again would change nothing.
    """
    token, given = from_stored(stored), _given(connection)
    is_ours = not given or token.origin in ("", digest(given))
    return token if is_ours else from_stored(None)


def origin_of(connection: Connection, before: str = "") -> str:
    """From which sign-in a token had now descends: a digest of the refresh token that a
    person gives; without one it stays what it was `before`, and begins at the browser."""
    given = _given(connection)
    if given:
        return digest(given)
    page = connection.connector.auth.at_a_page(connection.settings)
    return before or (FROM_BROWSER if page else "")


def _given(connection: Connection) -> str:
    """The refresh token that a person gives; "" when there is none."""
    name = connection.connector.auth.starts_with
    return connection.secrets.get(name, "") if name else ""


def is_given(connection: Connection) -> bool:
    """Whether a person gives the first refresh token by hand."""
    return bool(_given(connection))


def is_signed_in(connection: Connection) -> bool:
    """Whether there is anything to sign in with, good or not: a stored token, or one given."""
    stored = _usable(connection, connection.keeper.load())
    return bool(stored.refresh or stored.access or _given(connection))


def _text_of(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat() if instant else ""


def _instant_of(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _good(token: Token, refused: str, now: datetime) -> bool:
    if not token.access or token.access == refused:
        return False
    return token.expires_at is None or token.expires_at - now > timedelta(seconds=EARLY_S)


def _asked(connection: Connection, transport: Unsigned, old: Token) -> Token:
    """A new token from the vendor. What its answer leaves out stays as it was."""
    auth = connection.connector.auth
    if auth.grant is None or auth.read is None:
        raise Misconfigured(f"{connection.connector.slug}: a connector with a grant needs a read")
    asked_at = transport.clock.now()  # before the call: a token never looks younger than it is
    try:
        request = auth.grant(connection.settings, connection.secrets, old.refresh, asked_at)
        # Behind that another may refresh: two refreshes of one token can end a sign-in.
        request = replace(request, send_by=asked_at + timedelta(seconds=LEAVES_WITHIN_S))
        token = auth.read(transport.unsigned(connection, request).json(), asked_at)
    except (Rejected, AuthExpired) as refusal:
        raise sign_in_again(connection, refusal.text or "the credential is refused") from refusal
    except (KeyError, TypeError, ValueError, AttributeError):
        # From None: the answer may hold a token, and tracebacks are read by people.
        raise Transient(
            f"{connection.name}: the sign-in service answered without a token"
        ) from None
    return replace(
        token,
        refresh=token.refresh or old.refresh,
        base_url=token.base_url or old.base_url,
        company=token.company or old.company,
        refresh_expires_at=token.refresh_expires_at or old.refresh_expires_at,
        origin=origin_of(connection, old.origin),
    )


def _of_our_company(connection: Connection, token: Token) -> Token:
    if connection.company and token.company and token.company != connection.company:
        raise Misconfigured(
            f"{connection.name} was connected to company {connection.company}, and its token"
            f" belongs to company {token.company}: nothing was called. To go back to the first,"
            f" sign in there: tieout connect {connection.name}"
        )
    return token


def _need_secrets(connection: Connection) -> None:
    auth = connection.connector.auth
    spared = auth.starts_with if auth.at_a_page(connection.settings) else ""
    needed = [name for name in auth.secrets if name != spared]
    missing = ", ".join(name for name in needed if not connection.secrets.get(name))
    # Where a person signs in at a page, what that brings need not be given at all.
    wanted = () if spared in auth.one_of else auth.one_of
    if not missing and wanted and not any(map(connection.secrets.get, wanted)):
        missing = " or ".join(auth.one_of)
    if missing:
        raise Misconfigured(
            f"{connection.name} has no {missing}: give it with tieout connect {connection.name}"
        )


def _need_a_sign_in(connection: Connection, stored: Token) -> None:
    if connection.connector.auth.at_a_page(connection.settings) is None:
        return
    if not (stored.refresh or stored.access or _given(connection)):
        raise Misconfigured(
            f"{connection.name} is not signed in: tieout connect {connection.name} opens"
            f" {connection.connector.title}'s page for it"
        )
