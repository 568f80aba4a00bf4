"""Ways to tell people something: a webhook, through the one HTTP door, and e-mail.

A channel sends one message or raises; it never repeats, and never takes longer than its
time-outs.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from tieout.config.notifications import MailTarget, Notifications, WebhookTarget
from tieout.connectors import base
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.exact import encode
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.redact import secrets_out
from tieout.connectors.transport import Transport
from tieout.errors import Misconfigured, Transient

#: Seconds without an answer before a mail server is given up.
MAIL_WAIT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is to be told."""

    title: str  # one line
    text: str  # for people
    data: Mapping[str, Any]  # the same for programs


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One way to tell people. `send` raises RemoteError or Misconfigured."""

    name: str
    send: Callable[[Message], None]


def channels(
    said: Notifications, transport: Transport, environment: Mapping[str, str]
) -> tuple[Channel, ...]:
    """The channels of a workspace. Secrets are read when something is sent."""
    found = [
        Channel(name=f"webhook {one.name}", send=_Webhook(one, transport, environment))
        for one in said.webhooks
    ]
    if said.email is not None:
        found.append(Channel(name="e-mail", send=_Mail(said.email, environment)))
    return tuple(found)


def _needed(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable, "")
    if not value:
        raise Misconfigured(f"the environment variable {variable} is not set")
    return value


# -- webhooks ---------------------------------------------------------------------------
_WEBHOOK = base.Connector(
    slug="webhook",
    title="Webhook",
    family=base.Family.FILES,
    settings=base.Settings,
    base_url=lambda settings: settings.base_url,
    company=lambda settings: "",
    auth=base.Auth(headers=lambda settings, secrets, token: {}),
    errors=lambda response: [],
)


@dataclass(frozen=True)
class _Webhook:
    target: WebhookTarget
    transport: Transport
    environment: Mapping[str, str]

    def __call__(self, message: Message) -> None:
        target = self.target
        url = target.url or _needed(self.environment, target.url_from)
        token = _needed(self.environment, target.token_from) if target.token_from else ""
        parts = urlsplit(url)
        connection = Connection(
            name=f"webhook {target.name}",
            connector=_WEBHOOK,
            settings=base.Settings(base_url=f"{parts.scheme}://{parts.netloc}"),
            secrets={"path": parts.path, "url": url, "token": token},
            keeper=MemoryKeeper(),
            governor=MemoryGovernor(),
        )
        request = base.Request(
            method="POST",
            path=url,
            # Whatever it answers will do: many only say `ok`.
            headers=(
                ("Accept", "*/*"),
                *((("Authorization", f"Bearer {token}"),) if token else ()),
            ),
            body=encode({"title": message.title, "text": message.text, **message.data}),
            content_type="application/json",
            purpose="notify",
            secret_path=bool(target.url_from),
        )
        self.transport.unsigned(connection, request)


# -- e-mail -----------------------------------------------------------------------------
@dataclass(frozen=True)
class _Mail:
    target: MailTarget
    environment: Mapping[str, str]

    def __call__(self, message: Message) -> None:
        target = self.target
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = target.sender
        mail["To"] = ", ".join(target.to)
        mail.set_content(message.text)
        password = _needed(self.environment, target.password_from) if target.password_from else ""
        try:
            with self._server() as server:
                if password:
                    server.login(_needed(self.environment, target.username_from), password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as problem:
            # From None: what was said to the server may hold the password.
            text = secrets_out(str(problem), [password])
            raise Transient(f"the mail server {target.host} did not take it: {text}") from None

    def _server(self) -> smtplib.SMTP:
        target = self.target
        if target.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(target.host, target.port, timeout=MAIL_WAIT_S, context=context)
        server = smtplib.SMTP(target.host, target.port, timeout=MAIL_WAIT_S)
        if target.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server
