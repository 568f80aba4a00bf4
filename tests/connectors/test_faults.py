"""Answers and what they mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests
from urllib3 import exceptions as wire

from tests.connectors.hostile import CONNECTOR, read, write
from tieout.connectors.base import Response, VendorError
from tieout.connectors.faults import (
    DEFAULT_WAIT_S,
    UNBELIEVABLE_WAIT_S,
    classify,
    of_item,
    wait_of,
)
from tieout.errors import (
    AuthExpired,
    Conflict,
    RateLimited,
    Rejected,
    RemoteError,
    Transient,
    Unknown,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def got(status: int, body: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers=named, body=body.encode())


@pytest.mark.parametrize(
    ("status", "for_read", "for_write"),
    [
        (500, Transient, Unknown),
        (502, Transient, Unknown),
        (503, Transient, Unknown),
        (504, Transient, Unknown),
        (408, Transient, Unknown),
        (425, Transient, Transient),
        (401, AuthExpired, AuthExpired),
        (429, RateLimited, RateLimited),
        (400, Rejected, Rejected),
        (403, Rejected, Rejected),
        (404, Rejected, Rejected),
        (409, Rejected, Rejected),
        (302, Rejected, Rejected),
        (303, Rejected, Unknown),
    ],
)
def test_the_verb_decides_when_no_line_matches(
    status: int, for_read: type[RemoteError], for_write: type[RemoteError]
) -> None:
    assert type(classify(CONNECTOR, read(), got(status))) is for_read
    assert type(classify(CONNECTOR, write(), got(status))) is for_write


def test_the_connectors_lines_come_first() -> None:
    taken = '{"errors":[{"text":"hm"},{"code":"6140","text":"number taken","id":"75"}]}'
    conflict = classify(CONNECTOR, write(), got(400, taken))
    assert isinstance(conflict, Conflict)
    assert (conflict.remote_id, conflict.code) == ("75", "6140")
    assert conflict.text == "hm; number taken"
    frozen = '{"errors":[{"code":"FROZEN","text":"We are BACK SOON"}]}'
    assert type(classify(CONNECTOR, read(), got(400, frozen))) is Transient
    assert type(classify(CONNECTOR, write(), got(400, frozen))) is Rejected
    quota = classify(CONNECTOR, read(), got(403, "<p>You are over&nbsp;quota</p>"))
    assert isinstance(quota, RateLimited)
    assert quota.wait_s == 30


def test_a_fault_inside_a_success_is_a_fault() -> None:
    body = '{"errors":[{"code":"9","text":"closed period"}]}'
    assert type(classify(CONNECTOR, write(), got(200, body))) is Rejected
    assert classify(CONNECTOR, write(), got(200, '{"errors":[]}')) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<html><head><style>p{}</style></head><body><h1>Oh&amp;no</h1></body></html>", "Oh&no"),
        ('<?xml version="1.0"?><Fault><Error>ThrottleExceeded</Error></Fault>', "ThrottleExceeded"),
        ("", "HTTP 418 without a text"),
        ("null", "null"),
        ('["errors"]', '["errors"]'),
        ("\x00\x01", "\x00\x01"),
    ],
)
def test_bodies_of_any_shape_become_words(body: str, text: str) -> None:
    error = classify(CONNECTOR, read(), got(418, body))
    assert error is not None
    assert error.text == text


def test_words_are_bounded_and_without_secrets() -> None:
    body = "Bearer abcdefgh12345 was refused for key-123456 " + "x" * 5000
    error = classify(CONNECTOR, read(), got(400, body), secrets=["key-123456"])
    assert error is not None
    assert len(error.text) < 1100
    assert "abcdefgh12345" not in error.text
    assert "key-123456" not in error.text


def test_an_item_of_a_batch_is_judged_by_the_same_lines() -> None:
    taken = of_item(CONNECTOR, write(), [VendorError(code="6140", text="taken", remote_id="75")])
    assert isinstance(taken, Conflict)
    assert (taken.text, taken.remote_id) == ("taken", "75")
    assert type(of_item(CONNECTOR, write(), [VendorError(text="closed period")])) is Rejected
    assert of_item(CONNECTOR, write(), []).text == "refused without a reason"


# -- waits ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("0", 1),
        ("86400", 86_400),
        ("86401", UNBELIEVABLE_WAIT_S),
        ("1772000000", UNBELIEVABLE_WAIT_S),
        ("9" * 400, DEFAULT_WAIT_S),
        ("-5", DEFAULT_WAIT_S),
        ("soon", DEFAULT_WAIT_S),
        ("nan", DEFAULT_WAIT_S),
        ("", DEFAULT_WAIT_S),
        ("Mon, 02 Mar 2026 12:01:30 GMT", 90),
        ("Mon, 02 Mar 2026 11:00:00 GMT", DEFAULT_WAIT_S),
        ("Wed, 02 Mar 2126 12:00:00 GMT", UNBELIEVABLE_WAIT_S),
        ("Mon, 99 Mar 2026 12:00:00 GMT", DEFAULT_WAIT_S),
    ],
)
def test_any_wait_is_read_or_bounded(value: str, wait_s: float) -> None:
    assert wait_of({"retry-after": value}, now=NOW) == wait_s


def test_the_vendors_own_clock_measures_its_dates() -> None:
    headers = {
        "retry-after": "Mon, 02 Mar 2026 12:01:30 GMT",
        "date": "Mon, 02 Mar 2026 12:01:00 GMT",
    }
    assert wait_of(headers, now=NOW) == 30
    assert wait_of({"retry-after": headers["retry-after"]}) == DEFAULT_WAIT_S


# -- no answer --------------------------------------------------------------------------
def _refused() -> Exception:
    reason = wire.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    return requests.ConnectionError(wire.MaxRetryError(None, "/?key=x", reason))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("problem", "for_write"),
    [
        (_refused(), Transient),
        (requests.ConnectTimeout("x"), Transient),
        (requests.exceptions.ProxyError("x"), Transient),
        (requests.ReadTimeout("x"), Unknown),
        (requests.ConnectionError(wire.ProtocolError("aborted", OSError())), Unknown),
        (requests.exceptions.ChunkedEncodingError("x"), Unknown),
        (requests.exceptions.ContentDecodingError("x"), Unknown),
        (requests.exceptions.SSLError("x"), Unknown),
        (wire.IncompleteRead(3, 5), Unknown),
        (OSError("x"), Unknown),
    ],
)
def test_no_answer_is_a_doubt_only_when_something_was_sent(
    problem: Exception, for_write: type[RemoteError]
) -> None:
    error = classify(CONNECTOR, write(), problem)
    assert type(error) is for_write
    assert "key=" not in str(error)
    assert type(classify(CONNECTOR, read(), problem)) is Transient
