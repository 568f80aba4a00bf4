"""The outbox: one worker at a time, nothing sent twice without a look, nothing lost."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tieout.errors import NotAllowed
from tieout.model.settlement import Digest, RemoteRef
from tieout.store import LostLease, outbox, refs
from tieout.store.outbox import Intent, OutboxState

BODY = b'{"DocNumber":"INV-2026-0001"}'
REMOTE = RemoteRef(remote_id="145", number="INV-2026-0001", revision="0")
S = OutboxState


class Outbox:
    def add(self, store, key="v1:1", **details):
        intent = Intent(
            connection="qbo",
            writer="invoice",
            subject_kind="document",
            subject_id=key.replace("v1:", "doc_"),
            revision=1,
            key=key,
        )
        with store.begin() as tx:
            return outbox.add(tx, replace(intent, **details))

    def claim(self, store, owner="worker-1", limit=10, **details):
        with store.begin() as tx:
            return outbox.claim(tx, "qbo", owner, 30, limit, **details)

    def do(self, store, action, row, *arguments, **details):
        with store.begin() as tx:
            return action(tx, row, row.fence, *arguments, **details)

    def sent(self, store, **details):
        self.add(store, **details)
        (row,) = self.claim(store)
        return self.do(store, outbox.mark_sent, row, body=BODY, call_key="call-1", item_key="i1")

    def unknown(self, store):
        row = self.sent(store)
        return self.do(store, outbox.to_unknown, row, not_before=store.clock.now())

    def state(self, store, row):
        with store.read() as tx:
            return outbox.get(tx, row.id).state

    def test_the_straight_way(self, store, clock):
        self.add(store)
        (row,) = self.claim(store)
        assert (row.state, row.fence, row.lease_owner) == (S.CLAIMED, 1, "worker-1")
        sent = self.do(
            store,
            outbox.mark_sent,
            row,
            body=BODY,
            call_key="call-1",
            item_key="bId1",
            path="/v3/company/1/invoice",
        )
        assert (sent.state, sent.body, sent.attempts, sent.in_doubt) == (S.SENT, BODY, 1, True)
        assert len(sent.body_hash) == 64
        done = self.do(store, outbox.confirm, sent, REMOTE, trace_id="t-1")
        assert (done.state, done.remote_id, done.remote_number) == (
            S.CONFIRMED,
            "145",
            REMOTE.number,
        )
        assert (done.in_doubt, done.settled_at, done.lease_owner) == (False, clock.now(), "")
        assert self.claim(store) == []
        with store.read() as tx:
            assert outbox.get(tx, row.id) == outbox.by_key(tx, "v1:1") == done
            assert outbox.counts(tx) == {"qbo": {S.CONFIRMED: 1}}

    def test_the_same_key_is_one_row(self, store):
        first = self.add(store)
        assert self.add(store, subject_id="another") == first
        with store.read() as tx:
            assert outbox.list_rows(tx, subject=("document", "doc_1")) == [first]
            assert outbox.list_rows(tx, connection="xero") == []
            assert outbox.list_rows(tx, states=[S.HELD]) == []

    def test_two_workers_get_different_rows(self, store):
        for number in range(5):
            self.add(store, f"v1:{number}")
        first, second = self.claim(store, limit=3), self.claim(store, "worker-2")
        assert (len(first), len(second)) == (3, 2)
        assert {row.id for row in first} & {row.id for row in second} == set()

    def test_two_workers_at_once_get_different_rows(self, store):
        for number in range(40):
            self.add(store, f"v1:{number}")
        start, found = threading.Barrier(2), []

        def work(owner):
            start.wait()
            for _ in range(10):
                found.extend(row.id for row in self.claim(store, owner, limit=4))

        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == len(set(found)) == 40

    def test_rows_wait_for_their_time_and_for_what_they_depend_on(self, store, clock):
        customer = self.add(store, "v1:c", writer="customer")
        self.add(store, "v1:i", depends_on=customer.id)
        self.add(store, "v1:later", not_before=clock.now() + timedelta(seconds=60))
        (row,) = self.claim(store)
        assert row.id == customer.id
        self.do(store, outbox.confirm, row, REMOTE)
        assert [row.key for row in self.claim(store)] == ["v1:i"]
        clock.advance(60)
        assert {row.key for row in self.claim(store)} == {"v1:i", "v1:later"}

    def test_a_claim_can_ask_for_one_writer_or_state(self, store):
        self.add(store, writer="customer")
        assert self.claim(store, writer="invoice") == []
        assert self.claim(store, states=[S.UNKNOWN]) == []
        assert len(self.claim(store, writer="customer", states=[S.PENDING])) == 1

    def test_a_worker_that_died_before_sending_loses_the_row(self, store, clock):
        self.add(store)
        (row,) = self.claim(store)
        clock.advance(29)
        assert self.claim(store, "worker-2") == []
        clock.advance(1)
        (taken,) = self.claim(store, "worker-2")
        assert (taken.state, taken.fence > row.fence) == (S.CLAIMED, True)
        with pytest.raises(LostLease, match="Another worker took over document doc_1 for qbo"):
            self.do(store, outbox.mark_sent, row, body=BODY, call_key="c")
        assert self.state(store, row) is S.CLAIMED
        self.do(store, outbox.mark_sent, taken, body=BODY, call_key="c")

    def test_a_worker_that_died_after_sending_leaves_a_doubt(self, store, clock):
        row = self.sent(store)
        clock.advance(30)
        (taken,) = self.claim(store, "worker-2")
        assert (taken.state, taken.in_doubt, taken.body) == (S.UNKNOWN, True, BODY)
        with pytest.raises(LostLease):
            self.do(store, outbox.confirm, row, REMOTE)
        # It dies as well: the doubt stays.
        clock.advance(30)
        (again,) = self.claim(store, "worker-3")
        assert again.state is S.UNKNOWN

    def test_the_sweep_ends_leases_by_itself(self, store, clock):
        row = self.sent(store)
        clock.advance(30)
        with store.begin() as tx:
            assert outbox.expire(tx, "qbo") == 1
            assert outbox.expire(tx, "qbo") == 0
        assert self.state(store, row) is S.UNKNOWN

    def test_doubt_is_found(self, store):
        self.unknown(store)
        (row,) = self.claim(store)
        done = self.do(store, outbox.confirm, row, REMOTE)
        assert (done.state, done.in_doubt, done.error_class) == (S.CONFIRMED, False, "")

    def test_only_two_looks_that_find_nothing_allow_the_same_bytes_again(self, store, clock):
        self.unknown(store)
        (row,) = self.claim(store)
        with pytest.raises(NotAllowed, match="look 2 times before it is sent again"):
            self.do(store, outbox.mark_sent, row, body=BODY, call_key="c", item_key="i1")
        later = clock.now() + timedelta(minutes=5)
        row = self.do(store, outbox.postpone, row, not_before=later, found_nothing=True)
        assert (row.state, row.finds, row.attempts) == (S.UNKNOWN, 1, 1)
        assert self.claim(store) == []
        clock.advance(300)
        (row,) = self.claim(store)
        repeat = {"body": BODY, "call_key": "call-2", "item_key": "i1"}
        with pytest.raises(NotAllowed, match="look 2 times before it is sent again"):
            self.do(store, outbox.mark_sent, row, **repeat)
        # The second look was made under this lease, and what it told is still fresh.
        for other in ({"body": BODY + b" "}, {"item_key": "i2"}, {"path": "/elsewhere"}):
            with pytest.raises(NotAllowed, match="a repeat must be the same request"):
                self.do(store, outbox.mark_sent, row, **{**repeat, **other}, looked=True)
        sent = self.do(store, outbox.mark_sent, row, **repeat, looked=True)
        assert (sent.state, sent.attempts, sent.finds, sent.call_key) == (S.SENT, 2, 0, "call-2")

    def test_where_nothing_came_of_it_the_same_bytes_may_go_in_another_call(self, store):
        row = self.sent(store)
        row = self.do(store, outbox.postpone, row, not_before=store.clock.now())
        (row,) = self.claim(store)
        with pytest.raises(NotAllowed, match="a repeat must be the same request"):
            self.do(store, outbox.mark_sent, row, body=b"other", call_key="call-2")
        self.do(store, outbox.mark_sent, row, body=BODY, call_key="call-2", item_key="i7")

    def test_the_leases_of_a_worker_known_to_be_dead_end_at_once(self, store):
        row = self.sent(store)
        with store.begin() as tx:
            assert outbox.expire(tx, "qbo", lambda owner: owner == "worker-9") == 0
            assert outbox.expire(tx, "qbo", lambda owner: owner == "worker-1") == 1
        assert self.state(store, row) is S.UNKNOWN

    def test_told_to_wait_costs_no_attempt(self, store, clock):
        row = self.sent(store)
        soon = clock.now() + timedelta(seconds=60)
        row = self.do(store, outbox.postpone, row, not_before=soon, counts=False)
        assert (row.state, row.attempts, row.in_doubt) == (S.PENDING, 0, False)
        clock.advance(60)
        (row,) = self.claim(store)
        row = self.do(store, outbox.postpone, row, not_before=clock.now(), error_text="503")
        assert (row.attempts, row.error_text) == (1, "503")

    def test_refused_rows_are_held_with_the_vendors_words_and_can_be_built_anew(self, store):
        row = self.sent(store)
        words = "Invalid Reference Id: Line.TaxCodeRef"
        row = self.do(store, outbox.hold, row, error_class="Rejected", error_text=words)
        assert (row.state, row.error_text, row.in_doubt) == (S.HELD, words, False)
        assert self.claim(store) == []
        with store.begin() as tx:
            row = outbox.release_held(tx, row.id, rebuild=True)
            assert (row.state, row.body, row.body_hash) == (S.PENDING, None, "")
            with pytest.raises(NotAllowed, match="Only held rows can be retried"):
                outbox.release_held(tx, row.id)
        (row,) = self.claim(store)
        self.do(store, outbox.mark_sent, row, body=b"corrected", call_key="c")

    @pytest.mark.parametrize("start", ["unknown", "sent"])
    def test_what_is_held_in_doubt_is_looked_for_first(self, store, start):
        row = self.unknown(store) if start == "unknown" else self.sent(store)
        if start == "unknown":
            (row,) = self.claim(store)
        details = {"error_class": "Conflict", "error_text": "total differs"}
        row = self.do(store, outbox.hold, row, in_doubt=start == "sent", **details)
        with store.begin() as tx:
            with pytest.raises(NotAllowed, match="so it cannot be built anew"):
                outbox.release_held(tx, row.id, rebuild=True)
            assert outbox.release_held(tx, row.id).state is S.UNKNOWN

    def test_what_a_person_found_there_is_not_sent_any_more(self, store):
        row = self.add(store)
        ref = RemoteRef(remote_id="77", number="BBF Holding")
        with store.begin() as tx:
            row = outbox.settle_by_hand(tx, row.id, ref)
        assert (row.state, row.remote_id, row.remote_number) == (S.CONFIRMED, "77", "BBF Holding")
        assert self.claim(store) == []
        with store.begin() as tx, pytest.raises(NotAllowed, match="this one is confirmed"):
            outbox.settle_by_hand(tx, row.id, ref)

    @pytest.mark.parametrize("start", ["claimed", "sent", "unknown"])
    def test_what_may_be_on_its_way_cannot_be_settled_by_hand(self, store, start):
        if start == "claimed":
            self.add(store)
            (row,) = self.claim(store)
        else:
            row = self.unknown(store) if start == "unknown" else self.sent(store)
        with store.begin() as tx, pytest.raises(NotAllowed, match=f"this one is {start}"):
            outbox.settle_by_hand(tx, row.id, RemoteRef(remote_id="77"))

    def test_steps_out_of_order_are_refused(self, store):
        self.add(store)
        (row,) = self.claim(store)
        with pytest.raises(NotAllowed, match="is claimed; this step needs sent"):
            self.do(store, outbox.to_unknown, row, not_before=store.clock.now())
        done = self.do(store, outbox.confirm, row, REMOTE)
        with pytest.raises(LostLease):
            self.do(store, outbox.hold, done, error_class="Rejected", error_text="")
        with pytest.raises(NotAllowed, match="no outbox row"):
            self.do(store, outbox.confirm, replace(row, id="out_0"), REMOTE)

    def test_made_again_is_a_new_generation_of_a_confirmed_write(self, store):
        row = self.sent(store)
        with store.begin() as tx, pytest.raises(NotAllowed, match="this one is sent"):
            outbox.again(tx, row.id, "v1:new")
        self.do(store, outbox.confirm, row, REMOTE)
        with store.begin() as tx:
            with pytest.raises(NotAllowed, match="needs the key of its new generation"):
                outbox.again(tx, row.id, row.key)
            made = outbox.again(tx, row.id, "v1:new")
            assert outbox.again(tx, row.id, "v1:new") == made
        assert (made.state, made.generation, made.subject_id) == (S.PENDING, 2, row.subject_id)


class Refs:
    AGREED = Digest(
        number="INV-2026-0001",
        currency="USD",
        net=Decimal("150.00"),
        tax=Decimal("12.375"),
        lines=1,
        issue_date=date(2026, 1, 31),
    )

    def test_one_record_there_for_one_of_ours(self, store):
        with store.begin() as tx:
            refs.put(tx, "qbo", "document", "doc_1", REMOTE, self.AGREED)
            refs.put(tx, "qbo", "document", "doc_1", replace(REMOTE, revision="1"))
            refs.put(tx, "xero", "document", "doc_1", REMOTE)
            found = refs.get(tx, "qbo", "document", "doc_1")
            assert (found.remote.revision, found.digest) == ("1", self.AGREED)
            assert refs.by_remote(tx, "qbo", "document", "145") == found
            assert [ref.connection for ref in refs.of_local(tx, "document", "doc_1")] == [
                "qbo",
                "xero",
            ]
            assert refs.every(tx, "qbo", "document") == [found]
            with pytest.raises(NotAllowed, match="document doc_1 is 145 in qbo already"):
                refs.put(tx, "qbo", "document", "doc_1", RemoteRef(remote_id="146"))
            with pytest.raises(NotAllowed, match="145 in qbo belongs to document doc_1 already"):
                refs.put(tx, "qbo", "document", "doc_2", REMOTE)
            assert refs.forget(tx, "qbo", "document", "doc_1")
            assert not refs.forget(tx, "qbo", "document", "doc_1")
            refs.put(tx, "qbo", "document", "doc_2", REMOTE)


class Suite(Outbox, Refs):
    pass


class TestSqlite(Suite):
    engine = "sqlite"


class TestPostgres(Suite):
    engine = "postgres"
