"""The inbox: every verified message once, with its bytes, until somebody has looked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tieout.store import inbox
from tieout.store.inbox import MessageState

BODY = b'{"odd":"bytes \x00\xff"}'


class Inbox:
    def receive(self, store, body=BODY, connection="ledger", *, unique=True):
        with store.begin() as tx:
            return inbox.receive(tx, connection, {"content-type": "x"}, body, unique=unique)

    def waiting(self, store, limit=10):
        with store.read() as tx:
            return inbox.waiting(tx, limit)

    def settle(self, store, state=MessageState.DONE, text="looked"):
        ids = [one.id for one in self.waiting(store)]
        with store.begin() as tx:
            return inbox.settle(tx, ids, state, text)

    def test_its_bytes_come_back_as_they_came(self, store):
        assert self.receive(store)
        (message,) = self.waiting(store)
        assert (message.body, message.connection, message.copies) == (BODY, "ledger", 1)
        assert message.headers == {"content-type": "x"}
        assert message.received_at == store.clock.now()

    def test_they_wait_in_the_order_of_arrival(self, store):
        for number in range(5):
            self.receive(store, str(number).encode())
        assert [one.body for one in self.waiting(store, limit=3)] == [b"0", b"1", b"2"]

    def test_the_same_bytes_are_one_message_for_each_connection(self, store):
        assert self.receive(store)
        assert not self.receive(store)
        assert self.receive(store, connection="crm")
        assert [(one.connection, one.copies) for one in self.waiting(store)] == [
            ("ledger", 2),
            ("crm", 1),
        ]

    def test_a_repeat_of_what_is_done_stays_done(self, store):
        self.receive(store)
        assert self.settle(store) == 1
        assert not self.receive(store)
        assert self.waiting(store) == []

    def test_a_repeat_waits_anew_where_events_look_alike(self, store, clock):
        self.receive(store, unique=False)
        assert not self.receive(store, unique=False), "it waits already"
        self.settle(store)
        clock.advance(60)
        assert self.receive(store, unique=False)
        (message,) = self.waiting(store)
        assert (message.copies, message.text, message.received_at) == (3, "", clock.now())

    def test_it_is_settled_once(self, store):
        self.receive(store)
        (message,) = self.waiting(store)
        assert self.settle(store) == 1
        with store.begin() as tx:
            assert inbox.settle(tx, [message.id], MessageState.ODD, "late") == 0
            (pile,) = inbox.piles(tx)
        assert (pile.state, pile.messages, pile.text) == (MessageState.DONE, 1, "looked")

    def test_many_are_settled_at_once(self, store):
        for number in range(900):
            self.receive(store, str(number).encode())
        ids = [one.id for one in self.waiting(store, 900)]
        with store.begin() as tx:
            assert inbox.settle(tx, ids, MessageState.DONE, "") == 900

    def test_old_ones_are_forgotten_and_waiting_ones_are_not(self, store, clock):
        self.receive(store, b"old")
        self.settle(store, MessageState.ODD)
        self.receive(store, b"waits")
        before = clock.now() + timedelta(seconds=1)
        with store.begin() as tx:
            assert not inbox.has_settled_before(tx, clock.now())
            assert inbox.forget(tx, clock.now()) == 0
            assert inbox.has_settled_before(tx, before)
            assert inbox.forget(tx, before) == 1
        assert [one.body for one in self.waiting(store)] == [b"waits"]

    def test_piles_tell_since_when(self, store, clock):
        first = clock.now()
        self.receive(store, b"1")
        clock.advance(60)
        self.receive(store, b"2")
        with store.read() as tx:
            (pile,) = inbox.piles(tx)
        assert (pile.messages, pile.since, pile.latest) == (2, first, clock.now())

    def test_what_fails_is_not_there(self, store):
        def fails() -> None:
            with store.begin() as tx:
                inbox.receive(tx, "ledger", {}, BODY, unique=True)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fails()
        assert self.waiting(store) == []


class TestSqlite(Inbox):
    engine = "sqlite"


class TestPostgres(Inbox):
    engine = "postgres"
