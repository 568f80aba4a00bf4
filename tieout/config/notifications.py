"""The `notifications` of `tieout.yaml`: who is told when something waits or stops."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from tieout.config.kinds import Name, Text
from tieout.config.located import Section


class Event(StrEnum):
    """What people can be told of."""

    HELD = "held"  # something waits for a person
    UNKNOWN = "unknown"  # a write is in doubt for too long
    STOPPED = "stopped"  # a connection's credentials are refused
    FAILED = "failed"  # a run failed, in part or whole, or was cut off


_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_HERE = ("localhost", "127.0.0.1", "::1")


def _variable(name: str) -> str:
    if not name or _VARIABLE.fullmatch(name):
        return name
    # The value is not repeated: it may be the secret itself.
    raise ValueError(
        "this is not the name of an environment variable; write a name such as ALERTS_TOKEN, and"
        " if a secret stands here, replace it where it came from"
    )


def _url(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    if parts.username or parts.password:
        raise ValueError("a password must not stand in a URL; use url_from or token_from")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE):
        return text
    raise ValueError("must begin with https:// (http:// only on this machine)")


def _address(text: str) -> str:
    if re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", text):
        return text
    raise ValueError(f"'{text}' is not an e-mail address")


Variable = Annotated[str, AfterValidator(_variable)]
Address = Annotated[str, AfterValidator(_address)]


class WebhookTarget(Section):
    """An address that is sent a JSON message."""

    name: Name
    """As status and logs call it."""
    url: Annotated[Text, AfterValidator(_url)] = ""
    """Where the message goes, unless the address itself is a secret."""
    url_from: Variable = ""
    """The environment variable that holds the address, where whoever knows it may post."""
    token_from: Variable = ""
    """The environment variable that holds a bearer token, when one is asked for."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if bool(self.url) == bool(self.url_from):
            raise ValueError(f"webhook '{self.name}' needs either url or url_from")
        return self


class MailTarget(Section):
    """A mail server, and whom it brings the message."""

    host: Name
    """The server's name."""
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way there is protected; `none` only for a server on this machine."""
    sender: Address
    """Whose name the messages bear."""
    to: tuple[Address, ...] = Field(min_length=1)
    """Who gets them."""
    username_from: Variable = ""
    """The environment variable that holds the user's name, when the server asks for one."""
    password_from: Variable = ""
    """The environment variable that holds the password."""

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.security == "none" and (self.host not in _HERE or self.password_from):
            raise ValueError("`security: none` is only for a server on this machine")
        if bool(self.username_from) != bool(self.password_from):
            raise ValueError("username_from and password_from belong together")
        return self


class Notifications(Section):
    """Who is told, and of what. Each occurrence is told once, many in one message."""

    webhooks: tuple[WebhookTarget, ...] = ()
    email: MailTarget | None = None
    events: tuple[Event, ...] = tuple(Event)
    """What is told of; all of it when not given."""
    unknown_after_minutes: int = Field(default=30, ge=1, le=10_080)
    """Minutes until a write in doubt is told of; most doubts clear up by themselves."""

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [one.name for one in self.webhooks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two webhooks are called '{twice[0]}'")
        return self
