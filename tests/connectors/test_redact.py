"""Secrets and personal data leave no trace in logs and cassettes."""

from __future__ import annotations

import json

import pytest

from tieout.connectors.redact import (
    HIDDEN,
    body_out,
    headers_out,
    personal_out,
    processor,
    pseudonym,
    secrets_out,
    url_out,
)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer CANARY.abc-123_x",
        "authorization='Basic CANARY123=='",
        "token CANARYvalue given by value",
        '{"access_token":"CANARY-1","refresh_token": "CANARY-2"}',
        "grant_type=x&client_secret=CANARY&assertion=CANARY.CANARY",
        "{'password': 'CANARY'}",
        "signed eyJhbGciOiJSUzI1NiJ9.CANARYeyJpc3MiOiJ4.CANARY_sig",
    ],
)
def test_what_looks_like_a_credential_is_hidden(text: str) -> None:
    hidden = secrets_out(text, ["CANARYvalue"])
    assert "CANARY" not in hidden
    assert HIDDEN in hidden


def test_the_vendors_words_stay_readable() -> None:
    words = 'Duplicate Document Number Error: DocNumber=INV-7 is taken, code: "6140", token kind'
    assert secrets_out(words, ["", "it"]) == words


def test_urls_lose_query_and_user() -> None:
    assert url_out("https://me:pw@x.example:8/a?key=CANARY#CANARY") == "https://x.example:8/a"


def test_headers_keep_their_names() -> None:
    seen = headers_out({"Authorization": "Bearer x", "Set-Cookie": "s=1", "Accept": "text/html"})
    assert seen == {"Authorization": HIDDEN, "Set-Cookie": HIDDEN, "Accept": "text/html"}


def test_people_become_made_up_people_who_still_match() -> None:
    one, two = pseudonym("Jo@Client-Firm.com"), pseudonym("jo@client-firm.com")
    assert one == two
    assert one.endswith("@example.com")
    assert personal_out("to jo@client-firm.com.") == f"to {one}."
    assert personal_out("to jo@books.example, mo@example.com") == (
        "to jo@books.example, mo@example.com"
    )


def test_bodies() -> None:
    body = json.dumps(
        {
            "access_token": "CANARY",
            "code": "6140",
            "people": [{"Email": "jo@client-firm.com", "Phone": "CANARY-555", "rate": 1}],
        }
    ).encode()
    clean = json.loads(body_out(body, personal=["phone"]))
    assert clean["access_token"] == HIDDEN
    assert clean["code"] == "6140"
    assert clean["people"][0]["Phone"] == HIDDEN
    assert "client-firm" not in clean["people"][0]["Email"]
    form = b"code=CANARY&client_secret=CANARY&redirect=x"
    assert body_out(form) == f"code={HIDDEN}&client_secret={HIDDEN}&redirect=x".encode()
    assert body_out(b"") == b""


def test_a_body_with_nothing_to_hide_keeps_its_bytes() -> None:
    body = b'{ "b": 10.10,\n "a": [1.0] }'
    assert body_out(body) == body


def test_log_events_are_cleaned() -> None:
    event = {"event": "x", "client_secret": "CANARY", "text": "Bearer CANARY12", "n": 1}
    seen = processor(None, "info", event)
    assert "CANARY" not in repr(seen)
    assert seen["n"] == 1
