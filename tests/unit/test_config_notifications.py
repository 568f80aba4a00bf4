"""Who is told: what may stand in `notifications`, and what is refused with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tieout.config.notifications import Event, Notifications

MAIL = {"host": "smtp.example.com", "sender": "a@example.com", "to": ["b@example.com"]}


def test_nobody_is_told_unless_somebody_is_named() -> None:
    said = Notifications()
    assert (said.webhooks, said.email, said.unknown_after_minutes) == ((), None, 30)
    assert said.events == tuple(Event)


def test_a_chat_whose_address_is_a_secret_and_a_mail_server() -> None:
    said = Notifications.model_validate(
        {
            "webhooks": [
                {"name": "chat", "url_from": "CHAT_URL"},
                {"name": "here", "url": "http://127.0.0.1:8080/x", "token_from": "T"},
            ],
            "email": MAIL | {"username_from": "U", "password_from": "P"},
            "events": ["held"],
        }
    )
    assert [one.name for one in said.webhooks] == ["chat", "here"]
    assert said.email is not None
    assert (said.email.port, said.email.security) == (587, "starttls")
    assert said.events == (Event.HELD,)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"webhooks": [{"name": "chat"}]}, "needs either url or url_from"),
        (
            {"webhooks": [{"name": "c", "url": "https://x.example", "url_from": "X"}]},
            "needs either url or url_from",
        ),
        ({"webhooks": [{"name": "c", "url": "http://x.example"}]}, "must begin with https://"),
        (
            {"webhooks": [{"name": "c", "url": "https://me:pw@x.example"}]},
            "a password must not stand in a URL",
        ),
        (
            {"webhooks": [{"name": "c", "url_from": "https://hooks.example/T0/secret"}]},
            "not the name of an environment variable",
        ),
        (
            {"webhooks": [{"name": "c", "url_from": "A"}, {"name": "c", "url_from": "B"}]},
            "two webhooks are called 'c'",
        ),
        ({"email": MAIL | {"to": []}}, "at least 1 item"),
        ({"email": MAIL | {"to": ["nobody"]}}, "'nobody' is not an e-mail address"),
        ({"email": MAIL | {"sender": "a@b\nBcc: x@y"}}, "is not an e-mail address"),
        ({"email": MAIL | {"security": "none"}}, "only for a server on this machine"),
        ({"email": MAIL | {"password_from": "P"}}, "belong together"),
        ({"events": ["late"]}, "Input should be 'held', 'unknown', 'stopped' or 'failed'"),
        ({"unknown_after_minutes": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused(said: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Notifications.model_validate(said)
    assert words in "; ".join(one["msg"] for one in refused.value.errors())
