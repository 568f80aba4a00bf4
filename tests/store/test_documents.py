"""Work and documents: billed once, numbered without gaps, frozen by approval."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from tieout.errors import NotAllowed, StoreError
from tieout.model.document import (
    Document,
    DocumentKind,
    DocumentStatus,
    Line,
    LineKind,
    Section,
    WorkShare,
)
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.project import Instalment
from tieout.model.work import Approval, Expense, TimeEntry
from tieout.store import audit, documents, work
from tieout.store.tables import documents as table

JANUARY = (date(2026, 1, 1), date(2026, 1, 31))


def entry(number, day=15, project_id="p1", **details):
    time = TimeEntry(
        id=f"te_{number}",
        source=SourceRef("harvest", "time_entries", str(number)),
        person="Ana Ruiz",
        task="Fieldwork",
        work_date=date(2026, 1, day),
        seconds=5400,
        billable=True,
        approval=Approval.APPROVED,
    )
    return work.WorkItem.of_time(replace(time, **details), project_id)


def invoice(name, *work_ids, kind=DocumentKind.INVOICE, issued=date(2026, 1, 31), amount="150.00"):
    line = Line(
        id="L001",
        kind=LineKind.TIME,
        budget_id="b1",
        description="Fieldwork",
        quantity=Decimal(1),
        rate=Decimal(amount),
        amount=Money.of(amount, "USD"),
        project_id="p1",
        work=tuple(WorkShare(work_id=work_id, seconds=5400) for work_id in work_ids),
    )
    return Document(
        id=name,
        kind=kind,
        number="",
        client_id="c1",
        currency="USD",
        issue_date=issued,
        due_date=None,
        period_from=JANUARY[0],
        period_to=JANUARY[1],
        sections=(Section(project_id="p1", budget_id="b1", title="Audit", lines=(line,)),),
    )


class Work:
    def open(self, store, *arguments, **options):
        with store.read() as tx:
            return [item.id for item in work.open_work(tx, *JANUARY, *arguments, **options)]

    def test_items_come_back_as_they_were(self, store):
        spent = Expense(
            id="ex_1",
            source=SourceRef("harvest", "expenses", "1"),
            person="Ana Ruiz",
            category="Travel",
            spent_on=date(2026, 1, 9),
            cost=Money.of("12.345", "KWD"),
            billable=True,
            approval=Approval.APPROVED,
        )
        part = Instalment(on=date(2026, 1, 31), percent=Decimal("33.3"))
        items = [
            replace(entry(1), role="Senior"),
            work.WorkItem.of_expense(spent, None, landed_id=3),
            work.WorkItem.of_instalment("in_1", part, "p1", "USD"),
        ]
        with store.begin() as tx:
            assert work.put_many(tx, items).new == 3
            assert work.put_many(tx, items).unchanged == 3
            assert work.put_many(tx, [replace(items[0], seconds=1)]).changed == 1
            work.put_many(tx, items)
            found = work.get_many(tx, ["te_1", "ex_1", "in_1", "nothing"])
            assert found == {item.id: item for item in items}
            assert work.get(tx, "ex_1").amount == Decimal("12.345")
            assert work.by_source(tx, spent.source) == items[1]
            assert [item.id for item in work.every(tx, *JANUARY)] == ["ex_1", "te_1", "in_1"]

    def test_open_work_is_what_no_live_document_bills(self, store):
        with store.begin() as tx:
            items = [entry(1), entry(2), entry(3, project_id=None), entry(4), entry(5, day=1)]
            late = entry(6, work_date=date(2026, 2, 1))
            work.put_many(tx, [*items, late])
            work.mark_deleted(tx, ["te_4"])
            documents.save_draft(tx, invoice("doc_1", "te_1"))
        assert self.open(store) == ["te_5", "te_2", "te_3"]
        assert self.open(store, ["p1"]) == ["te_5", "te_2"]
        assert self.open(store, or_on=["doc_1"]) == ["te_5", "te_1", "te_2", "te_3"]
        with store.begin() as tx:
            assert work.assign(tx, ["te_3", "te_2"], "p1") == 1
        assert self.open(store, ["p1"]) == ["te_5", "te_2", "te_3"]

    def test_deleted_work_that_returns_is_changed(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1)])
            assert work.mark_deleted(tx, ["te_1"]) == 1
            assert work.mark_deleted(tx, ["te_1"]) == 0
            assert work.put_many(tx, [entry(1)]).changed == 1
        assert self.open(store) == ["te_1"]

    def test_what_the_mapping_says_replaces_an_earlier_assignment(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1, project_id=None)])
            work.assign(tx, ["te_1"], "p1")
            assert work.put_many(tx, [entry(1, project_id="p1")]).unchanged == 1
            assert work.put_many(tx, [entry(1, project_id="p2")]).changed == 1
            assert work.get(tx, "te_1").project_id == "p2"

    def test_billing_twice_is_refused_and_says_where_it_stands(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1), entry(2), entry(3)])
            documents.save_draft(tx, invoice("doc_1", "te_1", "te_2"))
            documents.approve(tx, "doc_1", "Finn")
        with pytest.raises(NotAllowed) as caught, store.begin() as tx:
            documents.save_draft(tx, invoice("doc_2", "te_3", "te_2"))
        assert str(caught.value) == (
            "Work item te_2 is billed on INV-2026-0001 already, so doc_2 cannot bill it again. "
            "Void or credit that document first, or leave the item out."
        )
        assert self.open(store) == ["te_3"]
        with pytest.raises(NotAllowed, match="twice on one document"), store.begin() as tx:
            documents.save_draft(tx, invoice("doc_3", "te_3", "te_3"))

    def test_released_work_can_be_billed_again_and_keeps_its_history(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1)])
            documents.save_draft(tx, invoice("doc_1", "te_1"))
            documents.approve(tx, "doc_1", "Finn")
            assert work.release(tx, "doc_1") == 1
            documents.save_draft(tx, invoice("doc_2", "te_1"))
            found = work.documents_of_work(tx, "te_1")
            assert [(b.document_id, b.live) for b in found] == [("doc_2", True), ("doc_1", False)]
            (link,) = work.links_of_document(tx, "doc_2")
        assert link == work.Billed(
            work_id="te_1", document_id="doc_2", line_id="L001", seconds=5400, live=True
        )

    def test_work_nobody_knows_cannot_be_billed(self, store):
        with pytest.raises(StoreError, match="contradicts what it holds"), store.begin() as tx:
            documents.save_draft(tx, invoice("doc_1", "te_9"))


class Documents:
    def approved(self, store, name, **details):
        with store.begin() as tx:
            documents.save_draft(tx, invoice(name, **details))
            return documents.approve(tx, name, "Finn").number

    def test_a_draft_is_replaced_whole(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1), entry(2)])
            documents.save_draft(tx, invoice("doc_1", "te_1"))
            documents.save_draft(tx, invoice("doc_1", "te_2", amount="99.90"))
            assert documents.get(tx, "doc_1").total == Money.of("99.90", "USD")
            assert [b.work_id for b in work.links_of_document(tx, "doc_1")] == ["te_2"]
            documents.delete_draft(tx, "doc_1")
            assert documents.get(tx, "doc_1") is None
            assert len(list(work.open_work(tx, *JANUARY))) == 2

    def test_ids_on_live_documents_by_kind(self, store):
        with store.begin() as tx:
            work.put_many(tx, [entry(1), entry(2)])
            documents.save_draft(tx, invoice("doc_1", "te_1"))
            time = work.WorkKind.TIME
            assert work.live_ids(tx, time) == {"te_1"}
            assert work.live_ids(tx, time, except_on=["doc_1"]) == frozenset()
            assert work.live_ids(tx, work.WorkKind.EXPENSE) == frozenset()
            assert [item.id for item in work.all_of(tx, time)] == ["te_1", "te_2"]

    def test_approval_freezes_number_and_content(self, store, clock):
        assert self.approved(store, "doc_1") == "INV-2026-0001"
        with store.begin() as tx:
            frozen = documents.by_number(tx, "INV-2026-0001")
            assert frozen.status is DocumentStatus.APPROVED
            approval = documents.approval_of(tx, "doc_1")
            assert (approval.by, approval.at) == ("Finn", clock.now())
            (told,) = audit.entries(tx, subject="doc_1")
            assert told.detail == {
                "number": "INV-2026-0001",
                "total": "150.00 USD",
                "hash": approval.body_hash,
            }
            assert documents.entity_of(tx, "doc_1") == "main"
            for change in (
                lambda: documents.save_draft(tx, invoice("doc_1", amount="1.00")),
                lambda: documents.delete_draft(tx, "doc_1"),
                lambda: documents.approve(tx, "doc_1", "Finn"),
                lambda: documents.set_status(tx, "doc_1", DocumentStatus.DRAFT),
            ):
                with pytest.raises(NotAllowed, match=r"INV-2026-0001 is approved .* credit note"):
                    change()
            paid = documents.set_status(tx, "doc_1", DocumentStatus.PART_PAID)
            assert replace(paid, status=frozen.status) == frozen
            assert documents.get(tx, "doc_1") == paid
            documents.set_status(tx, "doc_1", DocumentStatus.VOID)
            with pytest.raises(NotAllowed, match="is void"):
                documents.set_status(tx, "doc_1", DocumentStatus.PAID)

    @pytest.mark.parametrize(
        "change",
        [
            table.update().values(body="{}"),
            table.update().values(total=Decimal(1)),
            table.update().values(number="INV-2026-0002"),
            table.update().values(status="draft"),
            table.delete(),
        ],
    )
    def test_the_database_itself_guards_approved_documents(self, store, change):
        self.approved(store, "doc_1")
        with store.begin() as tx:
            tx.execute(sa.delete(documents.document_projects))
        with (
            pytest.raises(StoreError, match="approved document cannot change"),
            store.begin() as tx,
        ):
            tx.execute(change)

    def test_a_draft_takes_no_number_and_no_status(self, store):
        with store.begin() as tx:
            with pytest.raises(NotAllowed, match="is not a draft"):
                documents.save_draft(tx, replace(invoice("doc_1"), number="INV-1"))
            documents.save_draft(tx, invoice("doc_1"))
            with pytest.raises(NotAllowed, match="must be approved before it can be paid"):
                documents.set_status(tx, "doc_1", DocumentStatus.PAID)
            with pytest.raises(NotAllowed, match="no document doc_9"):
                documents.approve(tx, "doc_9", "Finn")
            assert documents.approval_of(tx, "doc_1") is None

    def test_numbers_have_no_gap_when_an_approval_fails(self, store):
        assert self.approved(store, "doc_1") == "INV-2026-0001"

        def fails():
            with store.begin() as tx:
                documents.save_draft(tx, invoice("doc_2"))
                assert documents.approve(tx, "doc_2", "Finn").number == "INV-2026-0002"
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fails()
        assert self.approved(store, "doc_3") == "INV-2026-0002"
        with store.read() as tx:
            assert documents.last_number(tx, DocumentKind.INVOICE, 2026) == 2
            assert audit.verify(tx) is None

    def test_each_kind_year_and_entity_counts_for_itself(self, store):
        assert self.approved(store, "doc_1") == "INV-2026-0001"
        assert self.approved(store, "doc_2", issued=date(2027, 1, 1)) == "INV-2027-0001"
        assert self.approved(store, "doc_3", kind=DocumentKind.CREDIT_NOTE) == "CN-2026-0001"
        with store.begin() as tx:
            documents.save_draft(tx, invoice("doc_4"), entity="uk")
            assert documents.approve(tx, "doc_4", "Finn").number == "INV-2026-0001"
            documents.save_draft(tx, invoice("doc_5"), entity="uk")
            taken = documents.approve(tx, "doc_5", "Finn", pattern="UK{year}/{seq:06}")
            assert taken.number == "UK2026/000002"

    def test_a_pattern_that_repeats_itself_is_refused(self, store):
        with store.begin() as tx:
            documents.save_draft(tx, invoice("doc_1"))
            documents.save_draft(tx, invoice("doc_2"))
            documents.approve(tx, "doc_1", "Finn", pattern="INV-{year}")
        with pytest.raises(NotAllowed, match="repeats itself"), store.begin() as tx:
            documents.approve(tx, "doc_2", "Finn", pattern="INV-{year}")

    def test_two_people_approve_at_once(self, store):
        names = [f"doc_{n}" for n in range(20)]
        with store.begin() as tx:
            for name in names:
                documents.save_draft(tx, invoice(name))
        start = threading.Barrier(2)
        taken, refused = [], []

        def approve(mine):
            start.wait()
            for name in mine:
                try:
                    with store.begin() as tx:
                        taken.append(documents.approve(tx, name, "Finn").number)
                except NotAllowed as error:
                    refused.append(str(error))

        # The last four documents are approved by both.
        threads = [
            threading.Thread(target=approve, args=(mine,)) for mine in (names[:12], names[8:])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [f"INV-2026-{n:04}" for n in range(1, 21)]
        assert len(refused) == 4
        assert all("cannot change" in text for text in refused)
        with store.read() as tx:
            assert audit.verify(tx) is None

    def test_lists(self, store):
        self.approved(store, "doc_2", issued=date(2026, 1, 30))
        with store.begin() as tx:
            documents.save_draft(tx, invoice("doc_1"))

        def listed(**by):
            with store.read() as tx:
                return [document.id for document in documents.list_documents(tx, **by)]

        assert listed() == ["doc_2", "doc_1"]
        assert listed(statuses=[DocumentStatus.DRAFT]) == ["doc_1"]
        assert listed(client_id="c1", project_id="p1", entity="main") == ["doc_2", "doc_1"]
        assert listed(client_id="c2") == listed(project_id="p2") == listed(entity="uk") == []


class Suite(Work, Documents):
    pass


class TestSqlite(Suite):
    engine = "sqlite"


class TestPostgres(Suite):
    engine = "postgres"
