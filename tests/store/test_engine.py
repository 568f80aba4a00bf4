"""The engine's own business: the audit chain, leases, secrets, runs, discrepancies."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tieout.errors import Misconfigured, NotAllowed, StoreError
from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.store import (
    LostLease,
    Store,
    audit,
    discrepancies,
    locks,
    runs,
    schedules,
    secrets,
)
from tieout.store.discrepancies import DiscrepancyState, Settled
from tieout.store.runs import RunState


class Audit:
    def tell(self, store, count=3):
        for number in range(1, count + 1):
            with store.begin() as tx:
                audit.record(tx, "Finn", "document.approved", f"doc_{number}", {"n": number})

    def verify(self, store, change=None):
        with store.begin() as tx:
            if change:
                tx.execute(sa.text(change))
            return audit.verify(tx)

    def test_a_chain_holds(self, store, clock):
        assert self.verify(store) is None
        self.tell(store)
        assert self.verify(store) is None
        with store.read() as tx:
            told = audit.entries(tx, after=1)
        assert [(e.seq, e.subject, e.detail) for e in told] == [
            (2, "doc_2", {"n": 2}),
            (3, "doc_3", {"n": 3}),
        ]
        assert told[1].prev_hash == told[0].hash
        assert told[0].at == clock.now()

    @pytest.mark.parametrize(
        ("change", "seq", "text"),
        [
            ("UPDATE audit SET actor = 'Eve' WHERE seq = 2", 2, "was changed"),
            ("UPDATE audit SET detail = '{}' WHERE seq = 1", 1, "was changed"),
            ("DELETE FROM audit WHERE seq = 2", 2, "is missing"),
            ("DELETE FROM audit WHERE seq = 1", 1, "is missing"),
            ("DELETE FROM audit WHERE seq = 3", 3, "are missing"),
            ("DELETE FROM audit", 1, "are missing"),
            ("UPDATE audit SET prev_hash = hash WHERE seq = 3", 3, "does not follow from entry 2"),
        ],
    )
    def test_tampering_is_found_and_named(self, store, change, seq, text):
        self.tell(store)
        broken = self.verify(store, change)
        assert broken.seq == seq
        assert text in broken.text

    def test_what_nobody_reads_to_its_end_is_closed(self, store):
        self.tell(store)
        with store.read() as tx:
            left = tx.stream(sa.select(audit.t))
            assert next(left).seq == 1
        with store.begin() as tx:
            tx.execute(sa.text("DELETE FROM audit"))

    def test_an_entry_goes_with_its_effect(self, store):
        def fails():
            with store.begin() as tx:
                audit.record(tx, "Finn", "document.approved", "doc_1")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fails()
        self.tell(store, 1)
        with store.read() as tx:
            assert [entry.seq for entry in audit.entries(tx)] == [1]

    def test_two_writers_make_one_chain(self, store):
        threads = [threading.Thread(target=self.tell, args=(store, 10)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.verify(store) is None
        with store.read() as tx:
            assert len(audit.entries(tx)) == 20


class Leases:
    def act(self, store, action, *arguments):
        with store.begin() as tx:
            return action(tx, *arguments)

    def test_one_holder_and_a_rising_fence(self, store, clock):
        first = self.act(store, locks.acquire, "token/qbo", "worker-1", 30)
        assert self.act(store, locks.acquire, "token/qbo", "worker-2", 30) is None
        assert self.act(store, locks.acquire, "token/qbo", "worker-1", 30) is None
        assert self.act(store, locks.holder, "token/qbo") == "worker-1"
        clock.advance(29)
        self.act(store, locks.renew, "token/qbo", first, 30)
        clock.advance(30)
        assert self.act(store, locks.holder, "token/qbo") is None
        second = self.act(store, locks.acquire, "token/qbo", "worker-2", 30)
        assert second > first
        for late in (lambda: locks.renew, lambda: locks.check):
            with pytest.raises(LostLease, match="another process took it"):
                self.act(
                    store, late(), "token/qbo", first, *([30] if late() is locks.renew else [])
                )
        self.act(store, locks.check, "token/qbo", second)

    def test_given_back_it_is_free_at_once(self, store):
        first = self.act(store, locks.acquire, "run/pull", "worker-1", 30)
        assert self.act(store, locks.release, "run/pull", first)
        assert not self.act(store, locks.release, "run/pull", first)
        with pytest.raises(LostLease):
            self.act(store, locks.check, "run/pull", first)
        second = self.act(store, locks.acquire, "run/pull", "worker-2", 30)
        assert second > first
        assert not self.act(store, locks.release, "run/pull", first)


class Secrets:
    KEY = Fernet.generate_key().decode()

    def test_stored_unreadable_and_read_with_the_key(self, store):
        url = store.engine.url.render_as_string(hide_password=False)
        keyed = Store.open(url, store.clock, key=self.KEY)
        with keyed.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "AB11-first")
            secrets.put(tx, "qbo", "refresh_token", "AB11-second")
            secrets.put(tx, "qbo", "access_token", "eyJ")
            assert secrets.get(tx, "qbo", "refresh_token") == "AB11-second"
            assert secrets.get(tx, "xero", "refresh_token") is None
            assert secrets.names(tx, "qbo") == ["access_token", "refresh_token"]
            stored = tx.execute(sa.text("SELECT token FROM secrets")).scalars().all()
        assert not any("AB11" in token for token in stored)
        newer = Fernet.generate_key().decode()
        for keys, works in ((f"{newer},{self.KEY}", True), (newer, False)):
            other = Store.open(url, store.clock, key=keys)
            with other.read() as tx:
                if works:
                    assert secrets.get(tx, "qbo", "access_token") == "eyJ"
                else:
                    with pytest.raises(StoreError, match="cannot be read with this key"):
                        secrets.get(tx, "qbo", "access_token")
            other.close()
        with keyed.begin() as tx:
            assert secrets.forget(tx, "qbo", "access_token") == 1
            assert secrets.forget(tx, "qbo") == 1
        keyed.close()

    def moved(self, store, change):
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "AB11-qbo")
            secrets.put(tx, "xero", "refresh_token", "AB11-xero")
            tx.execute(sa.text(change))

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE secrets SET token = (SELECT token FROM secrets WHERE connection = 'xero') "
            "WHERE connection = 'qbo'",
            "UPDATE secrets SET name = 'access_token' WHERE connection = 'qbo'",
            "UPDATE notes SET value = 'db_of_another_firm' WHERE name = 'database'",
        ],
    )
    def test_what_is_moved_to_another_place_is_not_used(self, store, monkeypatch, change):
        monkeypatch.setenv("TIEOUT_KEY", self.KEY)
        self.moved(store, change)
        with store.read() as tx:
            (name,) = secrets.names(tx, "qbo")
            assert len(list(secrets.outdated(tx))) >= 1
            with pytest.raises(StoreError, match="stored for another connection") as refused:
                secrets.get(tx, "qbo", name)
        assert "AB11" not in str(refused.value)

    def test_a_new_key_replaces_an_old_one(self, store, monkeypatch):
        older, newer = self.KEY, Fernet.generate_key().decode()
        monkeypatch.setenv("TIEOUT_KEY", older)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "AB11")
            secrets.put(tx, "qbo", "access_token", "eyJ")
        url = store.engine.url.render_as_string(hide_password=False)
        both, only_new = (Store.open(url, store.clock, key=k) for k in (f"{newer},{older}", newer))
        with both.begin() as tx:
            assert len(list(secrets.outdated(tx))) == 2
            assert secrets.rotate(tx) == 2
            assert list(secrets.outdated(tx)) == []
        with only_new.read() as tx:
            assert secrets.get(tx, "qbo", "refresh_token") == "AB11"
            assert secrets.get(tx, "qbo", "access_token") == "eyJ"
        with pytest.raises(StoreError, match="cannot be read"), store.read() as tx:
            secrets.get(tx, "qbo", "refresh_token")
        both.close()
        only_new.close()

    def test_a_rotation_that_cannot_read_one_changes_none(self, store, monkeypatch):
        monkeypatch.setenv("TIEOUT_KEY", self.KEY)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "access_token", "eyJ")
            secrets.put(tx, "xero", "access_token", "eyJ")
            tx.execute(sa.text("UPDATE secrets SET token = 'x' WHERE connection = 'xero'"))
        url = store.engine.url.render_as_string(hide_password=False)
        newer = Store.open(url, store.clock, key=f"{Fernet.generate_key().decode()},{self.KEY}")
        with pytest.raises(StoreError, match="cannot be read"), newer.begin() as tx:
            secrets.rotate(tx)
        with store.read() as tx:
            assert secrets.get(tx, "qbo", "access_token") == "eyJ"
        newer.close()

    def test_what_the_first_release_stored_is_read_and_bound(self, store, monkeypatch):
        monkeypatch.setenv("TIEOUT_KEY", self.KEY)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
            old = store.cipher.encrypt("AB11", tx.now())
            tx.execute(sa.text("UPDATE secrets SET token = :token"), {"token": old})
            assert secrets.get(tx, "qbo", "refresh_token") == "AB11"
            (found,) = secrets.outdated(tx)
            assert (found.name, found.text) == ("refresh_token", "not bound to its connection")
            secrets.rotate(tx)
            assert list(secrets.outdated(tx)) == []
            assert secrets.get(tx, "qbo", "refresh_token") == "AB11"

    def test_a_key_that_is_none(self, store):
        url = store.engine.url.render_as_string(hide_password=False)
        keyed = Store.open(url, store.clock, key="hunter2")
        with pytest.raises(Misconfigured, match="TIEOUT_KEY is not a key"), keyed.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
        keyed.close()

    def test_the_environments_key(self, store, monkeypatch):
        monkeypatch.setenv("TIEOUT_KEY", self.KEY)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
            token = tx.execute(sa.text("SELECT token FROM secrets")).scalar_one()
        assert Fernet(self.KEY).decrypt(token.encode()).endswith(b":x")
        assert Fernet(self.KEY).extract_timestamp(token.encode()) == store.clock.now().timestamp()


class Runs:
    def test_a_run_from_start_to_end(self, store, clock):
        with store.begin() as tx:
            run_id = runs.start(tx, "pull", "harvest")
            assert runs.get(tx, run_id).state is RunState.RUNNING
        clock.advance(90)
        with store.begin() as tx:
            runs.end(tx, run_id, RunState.PARTIAL, {"new": 3}, "Harvest asked us to wait.")
            run = runs.get(tx, run_id)
            assert (run.counts, run.state) == ({"new": 3}, RunState.PARTIAL)
            assert run.ended_at - run.started_at == timedelta(seconds=90)
            later = runs.start(tx, "bill")
            assert [one.id for one in runs.latest(tx)] == [later, run_id]
            assert runs.latest(tx, verb="pull", connection="harvest") == [run]
            for state in (RunState.DONE, RunState.RUNNING):
                with pytest.raises(NotAllowed, match="is not running"):
                    runs.end(tx, run_id, state)

    def test_two_schedulers_take_a_period_once(self, store):
        taken, start = [], threading.Barrier(2)

        def schedule():
            start.wait()
            for hour in range(10):
                with store.begin() as tx:
                    turn = schedules.take(tx, "pull", f"2026-01-31T{hour:02}", "me", 60)
                    taken.append(turn is not None)

        threads = [threading.Thread(target=schedule) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [False] * 10 + [True] * 10
        with store.read() as tx:
            assert schedules.last(tx, "pull").period == "2026-01-31T09"
            assert schedules.last(tx, "bill") is None


class Discrepancies:
    TOTAL = Discrepancy(
        cls=DiscrepancyClass.R04,
        subject="invoice:doc_1",
        title="INV-2026-0001 differs by 0.01",
        ours="150.00",
        theirs="149.99",
        amount=Decimal("0.01"),
        currency="USD",
    )
    CASH = Discrepancy(
        cls=DiscrepancyClass.R10,
        subject="payment:qbo/77",
        title="A payment is not applied",
        ours="",
        theirs="20.00",
        amount=None,
    )

    def settle(self, store, run, *found, **details):
        with store.begin() as tx:
            return discrepancies.settle(tx, run, found, **details)

    def test_opened_carried_closed_and_opened_again(self, store, clock):
        assert self.settle(store, "run_1", self.TOTAL, self.CASH) == Settled(2, 0, 0)
        with store.begin() as tx:
            discrepancies.assign(tx, self.TOTAL.id, "Finn")
        clock.advance(86_400)
        later = replace(self.TOTAL, theirs="149.98", amount=Decimal("0.02"))
        assert self.settle(store, "run_2", later) == Settled(0, 1, 1)
        with store.read() as tx:
            (row,) = discrepancies.list_rows(tx)
            assert (row.discrepancy, row.owner, row.first_run) == (later, "Finn", "run_1")
            assert row.last_seen - row.first_seen == timedelta(days=1)
            closed = discrepancies.get(tx, self.CASH.id)
            assert (closed.state, closed.closed_at) == (DiscrepancyState.CLOSED, clock.now())
            assert len(discrepancies.list_rows(tx, state=None)) == 2
            assert discrepancies.list_rows(tx, cls=DiscrepancyClass.R10) == []
        assert self.settle(store, "run_3", later, self.CASH) == Settled(1, 1, 0)
        with store.read() as tx:
            assert discrepancies.get(tx, self.CASH.id).first_run == "run_3"
        assert self.settle(store, "run_4") == Settled(0, 0, 2)

    def test_what_was_not_checked_stays_open(self, store):
        self.settle(store, "run_1", self.TOTAL, self.CASH)
        checked = [DiscrepancyClass.R04]
        assert self.settle(store, "run_2", classes=checked) == Settled(0, 0, 1)
        with store.begin() as tx:
            assert [row.discrepancy for row in discrepancies.list_rows(tx)] == [self.CASH]
            with pytest.raises(NotAllowed, match="no discrepancy r99"):
                discrepancies.assign(tx, "r99", "Finn")


class Suite(Audit, Leases, Secrets, Runs, Discrepancies):
    pass


class TestSqlite(Suite):
    engine = "sqlite"

    def test_the_key_file_is_made_once_for_its_owner_only(self, store, monkeypatch):
        monkeypatch.delenv("TIEOUT_KEY", raising=False)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
        file = Path(store.where + ".key")
        assert file.stat().st_mode & 0o777 == 0o600
        again = Store.open(str(store.engine.url), store.clock)
        with again.read() as tx:
            assert secrets.get(tx, "qbo", "refresh_token") == "x"
        file.chmod(0o644)
        third = Store.open(str(store.engine.url), store.clock)
        with pytest.raises(StoreError, match="can be read by others"), third.read() as tx:
            secrets.get(tx, "qbo", "refresh_token")
        file.write_text("")
        file.chmod(0o600)
        with pytest.raises(StoreError, match="is empty"), third.read() as tx:
            secrets.get(tx, "qbo", "refresh_token")
        again.close()
        third.close()

    def test_the_key_files_key_is_replaced_under_a_running_process(self, store, monkeypatch):
        monkeypatch.delenv("TIEOUT_KEY", raising=False)
        with store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
        file = Path(store.where + ".key")
        first = file.read_text()
        worker = Store.open(str(store.engine.url), store.clock)
        with worker.read() as tx:
            assert secrets.get(tx, "qbo", "refresh_token") == "x"
        store.cipher.add_to_file()
        with store.begin() as tx:
            secrets.rotate(tx)
        assert file.read_text().split(",")[1] == first
        assert file.stat().st_mode & 0o777 == 0o600
        with worker.begin() as tx:  # it read the old key before
            assert secrets.get(tx, "qbo", "refresh_token") == "x"
            secrets.put(tx, "qbo", "refresh_token", "y")
        store.cipher.keep_first_in_file()
        assert first not in file.read_text()
        with store.read() as tx:
            assert secrets.get(tx, "qbo", "refresh_token") == "y"
        worker.close()

    def test_a_named_key_file_must_be_there(self, store, tmp_path, monkeypatch):
        monkeypatch.delenv("TIEOUT_KEY", raising=False)
        url, file = str(store.engine.url), tmp_path / "key"
        named = Store.open(url, store.clock, key_file=file)
        with pytest.raises(StoreError, match="cannot be read"), named.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
        file.touch(0o600)
        file.write_text(self.KEY)
        with named.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
            assert secrets.get(tx, "qbo", "refresh_token") == "x"
        named.close()


class TestPostgres(Suite):
    engine = "postgres"

    def test_a_server_needs_a_key_from_the_environment(self, store, monkeypatch):
        monkeypatch.delenv("TIEOUT_KEY", raising=False)
        with pytest.raises(Misconfigured, match="put one into TIEOUT_KEY"), store.begin() as tx:
            secrets.put(tx, "qbo", "refresh_token", "x")
