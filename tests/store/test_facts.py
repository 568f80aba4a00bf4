"""What other systems told us: landed as it came, read as facts, held with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tieout.errors import StoreError
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.settlement import Payment
from tieout.store import cursors, facts, held, landed
from tieout.store.held import Held
from tieout.store.landed import LandedRecord, LandResult

HARVEST = ("harvest", "time_entries")


def entry(remote_id, revision="2026-01-31T10:00:00Z", **payload):
    return LandedRecord(remote_id=remote_id, revision=revision, payload=payload or {"hours": 1})


class Landing:
    def land(self, store, *records, run="run_1"):
        with store.begin() as tx:
            return landed.land(tx, *HARVEST, records, run)

    def current(self, store):
        with store.read() as tx:
            return {row.remote_id: row for row in landed.current(tx, *HARVEST)}

    def sweep(self, store, run, *seen, covers=None):
        with store.begin() as tx:
            return landed.mark_absent(tx, *HARVEST, set(seen), run, covers)

    def test_landing_the_same_twice_changes_nothing(self, store):
        hours = Decimal("1.10")
        assert self.land(store, entry("1", hours=hours), entry("2")) == LandResult(new=2)
        assert self.land(store, entry("1", hours=hours), entry("2")) == LandResult(unchanged=2)
        assert str(self.current(store)["1"].payload["hours"]) == "1.10"

    def test_every_version_is_kept_and_the_newest_is_current(self, store):
        self.land(store, entry("1", "2026-01-31T10:00:00Z", hours=1))
        changed = entry("1", "2026-01-31T12:00:00+01:00", hours=2)
        assert self.land(store, changed, run="run_2") == LandResult(changed=1)
        with store.read() as tx:
            found = landed.versions(tx, *HARVEST, "1")
            assert landed.by_id(tx, found[0].id) == found[0]
            assert landed.by_remote_id(tx, *HARVEST, "1") == found[1]
        assert [(v.version, v.payload["hours"], v.is_current, v.run_id) for v in found] == [
            (1, 1, False, "run_1"),
            (2, 2, True, "run_2"),
        ]

    @pytest.mark.parametrize(
        ("newer", "older"),
        [("2026-01-31T10:00:00Z", "2026-01-31T10:30:00+01:00"), ("10", "9")],
    )
    def test_older_data_never_replaces_newer(self, store, newer, older):
        self.land(store, entry("1", newer, hours=2))
        assert self.land(store, entry("1", older, hours=1)) == LandResult(older=1)
        assert self.current(store)["1"].payload["hours"] == 2

    def test_revisions_without_an_order_go_by_arrival(self, store):
        self.land(store, entry("1", "b4f", hours=1))
        assert self.land(store, entry("1", "a01", hours=2)) == LandResult(changed=1)
        assert self.current(store)["1"].payload["hours"] == 2

    def test_two_versions_in_one_page(self, store):
        first, second = entry("1", "1", hours=1), entry("1", "2", hours=2)
        assert self.land(store, first, second, first) == LandResult(new=1, changed=1, older=1)
        with store.read() as tx:
            found = landed.versions(tx, *HARVEST, "1")
        assert [(v.version, v.is_current) for v in found] == [(1, False), (2, True)]

    def test_a_deletion_keeps_the_last_payload_and_can_be_undone(self, store):
        self.land(store, entry("1", hours=3))
        gone = LandedRecord(remote_id="1", payload=None, deleted=True)
        assert self.land(store, gone) == LandResult(deleted=1)
        assert self.land(store, gone) == LandResult(unchanged=1)
        assert self.current(store)["1"].deleted
        assert self.current(store)["1"].payload == {"hours": 3}
        with store.read() as tx:
            assert list(landed.current(tx, *HARVEST, with_deleted=False)) == []
        assert self.land(store, entry("1", hours=3)) == LandResult(changed=1)

    def test_many_records(self, store):
        records = [entry(str(n), hours=n) for n in range(1000)]
        assert self.land(store, *records) == LandResult(new=1000)
        assert self.land(store, *records) == LandResult(unchanged=1000)
        assert len(self.current(store)) == 1000

    def test_missing_from_two_sweeps_in_a_row_is_deleted(self, store):
        self.land(store, entry("1"), entry("2"))
        assert self.sweep(store, "run_2", "1") == []
        assert self.sweep(store, "run_2", "1") == []
        assert self.sweep(store, "run_3", "1") == ["2"]
        assert self.sweep(store, "run_4", "1") == []
        assert {name: row.deleted for name, row in self.current(store).items()} == {
            "1": False,
            "2": True,
        }

    def test_seen_in_between_starts_the_count_again(self, store):
        self.land(store, entry("1"), entry("2"))
        self.sweep(store, "run_2")
        self.sweep(store, "run_3", "1")
        self.land(store, entry("2"), run="run_4")
        assert self.sweep(store, "run_5") == []

    def test_a_sweep_of_a_part_says_nothing_about_the_rest(self, store):
        self.land(store, entry("1", year=2025), entry("2", year=2026))
        for run in ("run_2", "run_3"):
            gone = self.sweep(store, run, covers=lambda row: row.payload["year"] == 2026)
        assert gone == ["2"]

    def test_the_cursor_moves_with_the_records_or_not_at_all(self, store, clock):
        def breaks():
            with store.begin() as tx:
                landed.land(tx, *HARVEST, [entry("1")], "run_1")
                cursors.put(tx, *HARVEST, "2026-01-31")
                tx.execute(sa.text("INSERT INTO facts (kind, id) VALUES ('broken', '1')"))

        with pytest.raises(StoreError):
            breaks()
        assert self.current(store) == {}
        with store.begin() as tx:
            assert cursors.get(tx, *HARVEST).watermark == ""
            cursors.succeeded(tx, *HARVEST, "2026-01-31")
        clock.advance(60)
        with store.begin() as tx:
            cursors.swept(tx, *HARVEST)
        with store.read() as tx:
            (cursor,) = cursors.every(tx)
        assert (cursor.watermark, cursor.last_sweep_at) == ("2026-01-31", clock.now())
        assert cursor.last_success_at == clock.now() - timedelta(seconds=60)


class Facts:
    def client(self, name="Brightwater", remote_id="77"):
        return Client(
            id=f"client_{remote_id}", source=SourceRef("sf", "accounts", remote_id), name=name
        )

    def put(self, store, *clients, **details):
        with store.begin() as tx:
            return facts.put_many(tx, facts.CLIENT, [facts.Fact.of(c, **details) for c in clients])

    def test_the_same_facts_again_change_nothing(self, store, clock):
        assert self.put(store, self.client()) == facts.PutResult(new=1)
        clock.advance(60)
        assert self.put(store, self.client()) == facts.PutResult(unchanged=1)
        assert self.put(store, self.client(), landed_id=5) == facts.PutResult(unchanged=1)
        assert self.put(store, self.client("Brightwater Inc")) == facts.PutResult(changed=1)
        with store.read() as tx:
            assert facts.get(tx, facts.CLIENT, "client_77") == self.client("Brightwater Inc")
            assert facts.record(tx, facts.CLIENT, "client_77").changed_at == clock.now()
            assert facts.get(tx, facts.PERSON, "client_77") is None

    def test_found_by_kind_connection_and_source(self, store):
        self.put(store, self.client(), self.client("Acme", "78"))
        with store.read() as tx:
            assert [c.name for c in facts.bodies(tx, facts.CLIENT)] == ["Brightwater", "Acme"]
            assert list(facts.bodies(tx, facts.CLIENT, connection="harvest")) == []
            assert list(facts.every(tx, facts.CLIENT, stream="contacts")) == []
            (found,) = facts.by_source(tx, facts.CLIENT, SourceRef("sf", "accounts", "78"))
        assert found.body == self.client("Acme", "78")

    def test_deleted_facts_leave_and_come_back(self, store):
        self.put(store, self.client())
        with store.begin() as tx:
            assert facts.mark_deleted(tx, facts.CLIENT, ["client_77", "client_0"]) == 1
            assert facts.mark_deleted(tx, facts.CLIENT, ["client_77"]) == 0
            assert facts.get(tx, facts.CLIENT, "client_77") is None
            assert facts.record(tx, facts.CLIENT, "client_77").deleted
            assert len(list(facts.every(tx, facts.CLIENT, with_deleted=True))) == 1
        assert self.put(store, self.client()) == facts.PutResult(changed=1)
        with store.read() as tx:
            assert facts.get(tx, facts.CLIENT, "client_77") == self.client()

    def test_facts_without_an_id_are_named_by_their_source(self, store):
        payment = Payment(
            source=SourceRef("qbo", "payments", "9"),
            remote_id="9",
            revision="0",
            customer_id="4",
            paid_on=store.clock.today("UTC"),
            total=Money.of("1.005", "KWD"),
            unapplied=Money.of("0.001", "KWD"),
            allocations=(),
        )
        with store.begin() as tx:
            facts.put_many(tx, facts.PAYMENT, [facts.Fact.of(payment)])
            later = replace(payment, revision="1")
            facts.put_many(tx, facts.PAYMENT, [facts.Fact.of(later)])
            assert list(facts.bodies(tx, facts.PAYMENT)) == [later]


class Holding:
    NO_RATE = Held(scope="bill", subject="te_1", reason="no_rate", text="No rate for Ana on Audit.")
    UNMAPPED = Held(scope="bill", subject="te_2", reason="unmapped", text="Unknown project.")

    def test_held_once_with_its_age_until_it_is_resolved(self, store, clock):
        with store.begin() as tx:
            assert held.put(tx, self.NO_RATE)
        clock.advance(86_400)
        with store.begin() as tx:
            assert not held.put(tx, self.NO_RATE)
            (row,) = held.open_held(tx)
            assert (row.held, row.age, row.last_seen) == (
                self.NO_RATE,
                timedelta(days=1),
                clock.now(),
            )
            assert held.resolve(tx, "bill", "te_1") == 1
            assert held.open_held(tx) == []
            assert held.open_held(tx, with_resolved=True)[0].resolved_at == clock.now()
        clock.advance(3600)
        with store.begin() as tx:
            assert held.put(tx, self.NO_RATE)
            assert held.open_held(tx)[0].age == timedelta()

    def test_a_scope_is_settled_whole(self, store):
        with store.begin() as tx:
            assert held.settle(tx, "bill", [self.NO_RATE, self.UNMAPPED]) == (2, 0)
            assert held.put(tx, replace(self.NO_RATE, scope="map", connection="harvest"))
            assert held.settle(tx, "bill", [self.UNMAPPED]) == (0, 1)
            assert [row.held for row in held.open_held(tx, scope="bill")] == [self.UNMAPPED]
            assert len(held.open_held(tx, connection="harvest")) == 1
            assert len(held.open_held(tx, subject="te_1")) == 1


class Suite(Landing, Facts, Holding):
    pass


class TestSqlite(Suite):
    engine = "sqlite"


class TestPostgres(Suite):
    engine = "postgres"
