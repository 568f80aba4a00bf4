"""What was heard makes the next look come at once; nothing else depends on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.scenarios.books import issued, statuses
from tests.web.client import ask
from tests.web.office import ADDRESS, PATH, Listening
from tieout import worker
from tieout.cli import loop
from tieout.config import Schedule
from tieout.sandbox.quickbooks import webhook_signature
from tieout.store import inbox, schedules
from tieout.store.schedules import TurnState
from tieout.sync import heed as heeding
from tieout.sync.heed import KEPT_DAYS, heed
from tieout.sync.metrics import as_text
from tieout.sync.schedule import REST_S, finish, taken, turn_now
from tieout.sync.status import status
from tieout.sync.sweep import sweep

CARD = "qbo.payment.created.v1"


def turns(office: Listening) -> list[str]:
    """The steps that are due now."""
    heed(office.firm.engine)
    return [turn.name for turn in sweep(office.firm.engine).turns]


def send(office: Listening, body: bytes) -> int:
    """A body of our own, signed as the ledger signs."""
    token = office.firm.world.quickbooks.verifier_token
    headers = {"intuit-signature": webhook_signature(body, token)}
    return ask(office.app, PATH, body, headers).status


def event(office: Listening, number: int, kind: str = CARD, realm: str = "") -> bytes:
    realm = realm or office.firm.world.quickbooks.realm_id
    return (
        f'[{{"id":"{number}","type":"{kind}","intuitentityid":"{number}",'
        f'"intuitaccountid":"{realm}","data":{{}}}}]'
    ).encode()


@pytest.fixture
def quiet(office: Listening) -> Listening:
    """Every step that is due has run, a while ago; the next look at the ledger is far off."""
    loop._look(office.firm.engine)
    office.firm.clock.advance(REST_S)
    assert turns(office) == []
    return office


def test_a_payment_is_known_at_once_and_not_an_hour_later(billed: Listening) -> None:
    firm, ledger = billed.firm, billed.firm.world.quickbooks
    loop._look(firm.engine)
    ledger.hooks.subscribe(ADDRESS)
    firm.clock.advance(REST_S)
    number = issued(firm)[0].number
    (invoice_id,) = ledger.books.numbered("Invoice", number)
    ledger.books.pay(invoice_id)

    loop._look(firm.engine)
    assert statuses(firm)[number] == "pushed", "nobody said anything yet"
    assert ledger.deliver(billed.post) == 1
    assert billed.answers[-1].status == 200
    loop._look(firm.engine)
    assert statuses(firm)[number] == "paid"
    assert billed.states() == ["done"]


def test_without_any_message_the_schedule_sees_it_all_the_same(billed: Listening) -> None:
    firm, ledger = billed.firm, billed.firm.world.quickbooks
    loop._look(firm.engine)
    ledger.hooks.subscribe(ADDRESS)
    ledger.hooks.plan("lost", times=10)
    number = issued(firm)[0].number
    (invoice_id,) = ledger.books.numbered("Invoice", number)
    ledger.books.pay(invoice_id)
    assert ledger.deliver(billed.post) == 0
    firm.clock.advance(3600)
    loop._look(firm.engine)
    assert statuses(firm)[number] == "paid"
    assert billed.messages() == []


def test_many_messages_ask_for_one_look(quiet: Listening) -> None:
    for number in range(50):
        assert send(quiet, event(quiet, number)) == 200
    assert turns(quiet) == ["pullback"]
    assert set(quiet.states()) == {"done"}
    loop._look(quiet.firm.engine)
    assert turns(quiet) == []


def test_doubled_late_and_disordered_messages_are_harmless(billed: Listening) -> None:
    firm, ledger = billed.firm, billed.firm.world.quickbooks
    loop._look(firm.engine)
    firm.clock.advance(REST_S)
    ledger.hooks.subscribe(ADDRESS)
    ledger.hooks.plan("duplicate", seconds=30)
    ledger.hooks.plan("late", nth=2, seconds=7200)
    ledger.hooks.plan("swap", nth=2)
    for row in ledger.books.rows("Invoice"):
        ledger.books.pay(row["Id"])
    for _ in range(4):
        ledger.deliver(billed.post)
        loop._look(firm.engine)
        firm.clock.advance(3000)
    loop._look(firm.engine)
    assert set(statuses(firm).values()) == {"paid"}
    assert set(billed.states()) == {"done"}


def test_a_message_that_comes_during_a_look_asks_for_another(quiet: Listening) -> None:
    engine = quiet.firm.engine
    send(quiet, event(quiet, 1))
    assert turns(quiet) == ["pullback"]
    turn = turn_now(engine, "pullback")
    assert turn is not None
    with taken(engine, turn) as held:
        assert held is not None
        send(quiet, event(quiet, 2))
        assert heed(engine) == 0
        assert quiet.states() == ["done", "waiting"]
        finish(held, "done")
    assert turns(quiet) == [], "the ledger is left alone for a moment"
    assert quiet.states() == ["done", "waiting"]
    quiet.firm.clock.advance(REST_S)
    assert turns(quiet) == ["pullback"]
    assert quiet.states() == ["done", "done"]


def test_a_look_that_was_cut_off_begins_anew_and_sees_it(quiet: Listening) -> None:
    engine = quiet.firm.engine
    send(quiet, event(quiet, 1))
    assert turns(quiet) == ["pullback"]
    turn = turn_now(engine, "pullback")
    assert turn is not None
    with taken(engine, turn):
        send(quiet, event(quiet, 2))
    assert turns(quiet) == ["pullback"]
    assert quiet.states() == ["done", "done"]


def test_looks_are_a_minute_apart_however_much_is_heard(quiet: Listening) -> None:
    looks = 0
    for number in range(30):  # five minutes, a message every ten seconds
        send(quiet, event(quiet, number))
        due = turns(quiet)
        looks += "pullback" in due
        loop._look(quiet.firm.engine)
        quiet.firm.clock.advance(10)
    assert looks == 5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[1, 2]",
        b'{"eventNotifications": 7}',
        b'[{"type": "qbo"}]',
        b"[" * 100_000,
        b"\xff\xfe",
        b'[{"type":"qbo.invoice.updated.v1","intuitaccountid":["no"]}, null]',
    ],
)
def test_what_is_signed_and_not_understood_is_kept_and_looked_into(
    quiet: Listening, body: bytes
) -> None:
    assert send(quiet, body) == 200, "a refusal would block what comes after it"
    assert turns(quiet) == ["pullback"]
    with quiet.firm.engine.store.read() as tx:
        (pile,) = status(quiet.firm.engine, tx).inbox
    assert (pile.connection, pile.state.value, pile.messages) == ("ledger", "odd", 1)
    assert pile.text.startswith("The message has not the shape this version knows")


def test_another_companys_news_and_what_is_not_read_ask_for_nothing(quiet: Listening) -> None:
    send(quiet, event(quiet, 1, realm="9341450000000099"))
    send(quiet, event(quiet, 2, kind="qbo.estimate.updated.v1"))
    send(quiet, b"[]")
    assert turns(quiet) == []
    assert quiet.states() == ["done", "done", "done"]


def test_a_step_that_runs_only_by_hand_is_left_to_people(quiet: Listening) -> None:
    engine = quiet.firm.engine
    said = engine.workspace.schedules.model_copy(update={"pullback": Schedule()})
    by_hand = replace(engine, workspace=replace(engine.workspace, schedules=said))
    send(quiet, event(quiet, 1))
    assert heed(by_hand) == 1
    assert [turn.name for turn in sweep(by_hand).turns] == []
    with engine.store.read() as tx:
        (text,) = tx.execute(sa.select(inbox.t.c.text)).scalars()
    assert text == "Left to a person: schedules.pullback is off."


def test_a_message_of_a_connection_that_is_gone_waits_for_nobody(quiet: Listening) -> None:
    send(quiet, event(quiet, 1))
    others = {k: v for k, v in quiet.firm.engine.connections.items() if k != "ledger"}
    assert heed(replace(quiet.firm.engine, connections=others)) == 1
    assert quiet.states() == ["done"]


def test_done_with_and_due_are_one_transaction(
    quiet: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = quiet.firm.engine
    send(quiet, event(quiet, 1))

    def torn(*_: object) -> int:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(heeding.inbox, "settle", torn)
        with pytest.raises(ConnectionResetError):
            heed(engine)
    assert [turn.name for turn in sweep(engine).turns] == []
    assert quiet.states() == ["waiting"]
    assert turns(quiet) == ["pullback"]
    assert quiet.states() == ["done"]


def test_old_messages_are_deleted_and_those_that_wait_are_not(quiet: Listening) -> None:
    engine = quiet.firm.engine
    send(quiet, event(quiet, 1))
    heed(engine)
    quiet.firm.clock.advance(timedelta(days=KEPT_DAYS).total_seconds())
    send(quiet, event(quiet, 2))
    heed(engine)
    assert len(quiet.messages()) == 2
    quiet.firm.clock.advance(1)
    heed(engine)
    assert [body for _, _, body in quiet.messages()] == [event(quiet, 2)]


def test_a_repeat_counts_for_a_vendor_whose_events_look_alike(quiet: Listening) -> None:
    """Intuit's events have ids of their own; a script in an account may send bare names."""
    body, engine = event(quiet, 1), quiet.firm.engine
    for unique, expected in ((True, "done"), (False, "waiting")):
        with engine.store.begin() as tx:
            inbox.receive(tx, "ledger", {}, body, unique=unique)
        heed(engine)
        with engine.store.begin() as tx:
            waits = inbox.receive(tx, "ledger", {}, body, unique=unique)
        assert (quiet.states(), waits) == ([expected], expected == "waiting")


def test_a_worker_is_told_of_the_turn(quiet: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(worker, "_waiting", lambda queue: 0)
    monkeypatch.setattr(worker, "_send", lambda task, argument, queue: sent.append(argument))
    worker._look(quiet.firm.engine)
    assert sent == []
    send(quiet, event(quiet, 1))
    worker._look(quiet.firm.engine)
    assert [name.partition("@")[0] for name in sent] == ["pullback"]


def test_a_turn_that_failed_is_tried_again(quiet: Listening) -> None:
    engine = quiet.firm.engine
    turn = turn_now(engine, "pullback")
    assert turn is not None
    with engine.store.begin() as tx:
        schedules.again(tx, turn.name, turn.period, 0)
        held = schedules.take(tx, turn.name, turn.period, "somebody", 60)
        assert held is not None
        schedules.end(tx, held, TurnState.FAILED, "refused")
    quiet.firm.clock.advance(REST_S)
    assert turns(quiet) == []
    send(quiet, event(quiet, 1))
    assert turns(quiet) == ["pullback"]


def test_status_and_figures_tell_what_waits(quiet: Listening) -> None:
    send(quiet, event(quiet, 1))
    quiet.firm.clock.advance(90)
    figures = as_text(quiet.firm.engine)
    assert 'tieout_inbox_messages{connection="ledger",state="waiting"} 1.0' in figures
    assert 'tieout_inbox_messages{connection="ledger",state="done"} 0.0' in figures
    assert 'tieout_inbox_oldest_seconds{connection="ledger"} 90.0' in figures
    assert 'tieout_inbox_latest_seconds{connection="ledger"} 90.0' in figures
