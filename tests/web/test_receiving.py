"""A notification is verified, stored and answered; whatever is not signed changes nothing."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from tests.web.client import ask
from tests.web.office import ADDRESS, PATH, Listening
from tieout.errors import StoreError
from tieout.store import inbox
from tieout.web import app as web


def test_a_signed_message_is_in_the_inbox_when_it_is_answered(office: Listening) -> None:
    body, headers = office.told()
    answer = ask(office.app, PATH, body, headers)
    assert (answer.status, answer.body) == (200, b"")
    assert "set-cookie" not in answer.headers
    assert [(state.value, copies, kept) for state, copies, kept in office.messages()] == [
        ("waiting", 1, body)
    ]


def test_the_older_form_is_taken_too(office: Listening) -> None:
    ledger = office.firm.world.quickbooks
    ledger.hooks.subscribe(ADDRESS, "legacy")
    ledger.books.add_customer("Acme")
    assert ledger.deliver(office.post) == 1
    ((_, _, body),) = office.messages()
    assert json.loads(body)["eventNotifications"][0]["realmId"] == ledger.realm_id


def test_a_forged_message_changes_nothing_and_is_counted_without_its_body(
    office: Listening,
) -> None:
    body, headers = office.told()
    before = office.everything()
    with capture_logs() as said:
        for forged in (
            {**headers, "intuit-signature": headers["intuit-signature"][::-1]},
            {**headers, "intuit-signature": ""},
            {**headers, "intuit-signature": "Zürich \xff"},
            {"Content-Type": "application/json"},
        ):
            answer = ask(office.app, PATH, body, forged)
            assert (answer.status, answer.body) == (401, b"")
    assert office.everything() == before
    assert office.reception.refused == {"ledger": 4}
    assert [(one["event"], one["so_far"]) for one in said] == [("message refused", 1)]
    token = office.firm.world.quickbooks.verifier_token
    assert "Customer" not in str(said)
    assert token not in str(said)
    assert headers["intuit-signature"] not in str(said)


def test_a_flood_of_forgeries_is_told_once_a_minute(office: Listening) -> None:
    with capture_logs() as said:
        for _ in range(120):
            ask(office.app, PATH, b"[]", {"intuit-signature": "no"})
            office.firm.clock.advance(1)
    assert [one["so_far"] for one in said] == [1, 61]


def test_one_changed_byte_is_a_forgery(office: Listening) -> None:
    body, headers = office.told()
    for odd in (body + b"\n", body[:-1], body.replace(b"qbo", b"QBO"), b""):
        assert ask(office.app, PATH, odd, headers).status == 401
    assert office.messages() == []


def test_a_sender_that_hangs_up_half_way_leaves_nothing(office: Listening) -> None:
    body, headers = office.told()
    ask(office.app, PATH, [body[:20], None], headers)
    assert office.messages() == []
    assert office.reception.refused == {}
    assert ask(office.app, PATH, [body[:20], body[20:]], headers).status == 200


def test_a_message_that_comes_twice_is_one(office: Listening) -> None:
    body, headers = office.told()
    assert [ask(office.app, PATH, body, headers).status for _ in range(3)] == [200, 200, 200]
    assert [(state.value, copies) for state, copies, _ in office.messages()] == [("waiting", 3)]


def test_an_answer_that_is_lost_on_its_way_costs_nothing(office: Listening) -> None:
    """Stored, and the process dies before it answers: the vendor sends the same again."""
    body, headers = office.told()
    door = office.reception.door("ledger")
    assert door is not None
    office.reception.receive(door, {k.lower(): v for k, v in headers.items()}, body)
    assert office.states() == ["waiting"]
    assert ask(office.app, PATH, body, headers).status == 200
    assert office.states() == ["waiting"]


def test_nothing_is_answered_as_taken_that_is_not_stored(
    office: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, headers = office.told()

    def away(*_: object, **__: object) -> bool:
        raise StoreError("The database is away.")

    with monkeypatch.context() as broken:
        broken.setattr(inbox, "receive", away)
        answer = ask(office.app, PATH, body, headers)
    assert (answer.status, answer.body) == (503, b"")
    assert office.messages() == []
    assert ask(office.app, PATH, body, headers).status == 200


def test_what_is_too_large_is_refused_before_it_is_read(office: Listening) -> None:
    body, headers = office.told()
    said = {**headers, "content-length": str(web.LARGEST + 1)}
    assert ask(office.app, PATH, body, said).status == 413
    endless = [b"x" * 65536] * 17  # nobody said how long it would be
    assert ask(office.app, PATH, endless, headers).status == 413
    assert office.messages() == []
    assert office.reception.refused == {}


def test_a_sender_that_dawdles_is_not_waited_for(
    office: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "SENT_WITHIN_S", 0.05)
    body, headers = office.told()
    assert ask(office.app, PATH, body[:20], headers, stalls=True).status == 408
    assert office.messages() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/webhooks/time", 404),  # Harvest sends none
        ("POST", "/webhooks/nobody", 404),
        ("POST", "/webhooks/ledger/", 404),
        ("POST", "/webhooks/ledger/more", 404),
        ("POST", "/", 404),
        ("GET", "/webhooks/ledger", 405),
        ("PUT", "/webhooks/ledger", 405),
        ("DELETE", "/webhooks/ledger", 405),
        ("POST", "/health", 405),
        ("GET", "/health", 200),
    ],
)
def test_other_addresses_and_other_verbs(
    office: Listening, method: str, path: str, status: int
) -> None:
    body, headers = office.told()
    answer = ask(office.app, path, body, headers, method)
    assert (answer.status, answer.body) == (status, b"")
    assert office.messages() == []


def test_an_unwell_database_shows_in_its_health(
    office: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> list[inbox.Message]:
        raise StoreError("The database is away.")

    monkeypatch.setattr(inbox, "waiting", away)
    assert ask(office.app, "/health", method="GET").status == 503
