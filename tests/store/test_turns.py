"""Turns of schedules: taken once, not lost with whoever took them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tieout.store import LostLease, locks, outbox, schedules
from tieout.store.outbox import Intent
from tieout.store.schedules import TurnState

NIGHT = ("push", "2026-02-02T22:00")


class Turns:
    def take(self, store, owner="worker-1", lease_s=300, is_dead=lambda owner: False):
        with store.begin() as tx:
            return schedules.take(tx, *NIGHT, owner, lease_s, is_dead)

    def state(self, store):
        with store.read() as tx:
            return schedules.get(tx, *NIGHT).state

    def test_a_turn_that_ended_is_over_for_everybody(self, store):
        turn = self.take(store)
        with store.begin() as tx:
            schedules.end(tx, turn, TurnState.DONE, "3 confirmed.")
        assert self.take(store, "worker-2") is None
        assert self.state(store) is TurnState.DONE

    def test_who_dies_loses_the_turn_when_the_lease_runs_out(self, store, clock):
        first = self.take(store)
        assert self.take(store, "worker-2") is None
        clock.advance(300)
        second = self.take(store, "worker-2")
        assert (second.owner, second.fence) == ("worker-2", first.fence + 1)

    def test_who_is_known_to_be_dead_loses_it_at_once(self, store):
        self.take(store)
        assert self.take(store, "worker-2", is_dead=lambda owner: owner == "worker-9") is None
        assert self.take(store, "worker-2", is_dead=lambda owner: owner == "worker-1") is not None

    def test_who_overslept_has_nothing_more_to_say_about_it(self, store, clock):
        first = self.take(store)
        clock.advance(300)
        self.take(store, "worker-2")
        for say in (
            lambda tx: schedules.end(tx, first, TurnState.DONE, ""),
            lambda tx: schedules.give_back(tx, first, tx.now(), ""),
            lambda tx: schedules.renew(tx, first, 300),
        ):
            with pytest.raises(LostLease, match="taken over"), store.begin() as tx:
                say(tx)
        assert self.state(store) is TurnState.TAKEN

    def again(self, store, rest_s=60, is_dead=lambda owner: False):
        with store.begin() as tx:
            return schedules.again(tx, *NIGHT, rest_s, is_dead)

    def test_a_turn_that_ended_is_made_due_once_more(self, store, clock):
        first = self.take(store)
        for state in (TurnState.DONE, TurnState.FAILED):
            with store.begin() as tx:
                schedules.end(tx, first, state, "")
            assert not self.again(store), "it has just ended"
            assert self.state(store) is state
            clock.advance(60)
            assert self.again(store)
            assert self.again(store), "it is due already"
            assert self.state(store) is TurnState.DUE
            first, before = self.take(store), first
            assert first.fence == before.fence + 1

    def test_a_turn_that_runs_is_not_made_due(self, store):
        self.take(store)
        assert not self.again(store)
        assert self.state(store) is TurnState.TAKEN
        assert self.again(store, is_dead=lambda owner: owner == "worker-1"), "nobody runs it"

    def test_a_turn_that_nobody_took_is_due_as_it_is(self, store):
        assert self.again(store)
        with store.read() as tx:
            assert schedules.get(tx, *NIGHT) is None

    def test_a_sign_of_life_keeps_it(self, store, clock):
        turn = self.take(store)
        clock.advance(200)
        with store.begin() as tx:
            schedules.renew(tx, turn, 300)
        clock.advance(200)
        assert self.take(store, "worker-2") is None

    def test_a_turn_given_back_goes_on_when_it_was_said(self, store, clock):
        turn = self.take(store)
        with store.begin() as tx:
            schedules.give_back(tx, turn, tx.now() + timedelta(seconds=60), "20 of 50")
        assert self.take(store, "worker-2") is None
        clock.advance(60)
        again = self.take(store, "worker-2")
        assert (again.fence, again.text) == (turn.fence + 1, "20 of 50")

    def test_a_named_lease_is_lost_at_once_by_who_is_known_to_be_dead(self, store):
        def acquire(owner, is_dead):
            with store.begin() as tx:
                return locks.acquire(tx, "refresh:ledger", owner, 120, is_dead)

        assert acquire("worker-1", lambda owner: False) == 1
        assert acquire("worker-2", lambda owner: owner == "worker-9") is None
        assert acquire("worker-2", lambda owner: owner == "worker-1") == 2

    def test_the_leases_of_one_owner_are_renewed_and_no_other(self, store, clock):
        for number in (1, 2):
            with store.begin() as tx:
                outbox.add(tx, intent(number))
                (row,) = outbox.claim(tx, "qbo", f"worker-{number}", 30, 1)
        clock.advance(20)
        with store.begin() as tx:
            assert outbox.renew(tx, "qbo", "worker-2", 30) == 1
        clock.advance(20)
        with store.begin() as tx:
            (free,) = outbox.claim(tx, "qbo", "worker-3", 30, 9)
            with pytest.raises(LostLease, match="took over"):
                outbox.hold(tx, free, free.fence - 2, error_class="x", error_text="x")
        clock.advance(20)
        with store.begin() as tx, pytest.raises(LostLease, match="ran out"):
            outbox.mark_sent(tx, row, row.fence, body=b"{}", call_key="v1:2")

    def test_what_was_tried_before_is_due_without_its_schedule(self, store, clock):
        with store.begin() as tx:
            for number in (1, 2):
                outbox.add(tx, intent(number))
            (row,) = outbox.claim(tx, "qbo", "worker-1", 30, 1)
            assert self.due(tx, first=False) == ({}, 1)
            assert self.due(tx, first=True) == ({"invoice": 1}, 1)
            outbox.postpone(tx, row, row.fence, not_before=tx.now() + timedelta(seconds=60))
            assert self.due(tx, first=False) == ({}, 0)
        clock.advance(60)
        with store.begin() as tx:
            assert self.due(tx, first=False) == ({"invoice": 1}, 0)
            assert [one.id for one in outbox.claim(tx, "qbo", "w", 30, 9, first=False)] == [row.id]
            dead = outbox.due_rows(tx, "qbo", first=False, is_dead=lambda owner: owner == "w")
            assert (dead.rows, dead.at_work) == ({"invoice": 1}, 0)

    def due(self, tx, first):
        found = outbox.due_rows(tx, "qbo", first=first)
        return found.rows, found.at_work


def intent(number):
    return Intent(
        connection="qbo",
        writer="invoice",
        subject_kind="document",
        subject_id=f"doc_{number}",
        revision=1,
        key=f"v1:{number}",
    )


class TestSqlite(Turns):
    engine = "sqlite"


class TestPostgres(Turns):
    engine = "postgres"
