"""What is taken back in NetSuite: credit memos, what they are set against, words put right."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.netsuite_desk import CURRENCIES, Desk, desk, document, key, line
from tests.docs.pages import ROOT
from tests.scenarios.books import (
    classes,
    push_until_settled,
    ready_to_push,
    reconciled,
    statuses,
)
from tests.scenarios.firm import small_firm
from tests.scenarios.test_ledgers import two_days_later
from tests.scenarios.test_taken_back import FIRST, approved_credit, notes, there
from tieout.connectors.base import (
    ALLOCATION,
    CORRECTION,
    CREDIT_NOTE,
    INVOICE,
    VOID,
    LineCodes,
    Since,
    WriteContext,
)
from tieout.connectors.exact import decode, encode
from tieout.connectors.netsuite import CONNECTOR, queries
from tieout.connectors.netsuite.translate import external_id
from tieout.connectors.pages import walk
from tieout.connectors.webhook import Hint
from tieout.errors import Misconfigured, Rejected
from tieout.model.document import Document, DocumentKind, Order
from tieout.model.money import Money
from tieout.model.settlement import RemoteInvoice
from tieout.store import refs
from tieout.sync.echo import agrees
from tieout.sync.live import live
from tieout.sync.measure import measure
from tieout.sync.retry import retry_row

DAY = date(2026, 3, 2)


def note(*lines: Any, **more: Any) -> Document:
    known: dict[str, Any] = {
        "id": "doc_2", "kind": DocumentKind.CREDIT_NOTE, "number": "CN-2026-0001",
        "issue_date": DAY, "due_date": None, "memo": "Credit for INV-2026-0007: agreed",
        "credits": "doc_1",
    }  # fmt: skip
    return document(*lines, **known | more)


def usd(amount: str) -> Money:
    return Money.of(amount, "USD")


def billed(at: Desk, **more: Any) -> tuple[str, WriteContext]:
    """An invoice of 1,875 that was pushed: its id, and what is known about it."""
    around = at.context(1, customer_id=at.customer(), **more)
    made = at.write(INVOICE, document(), around)
    return made.remote_id, around


def credited(at: Desk, around: WriteContext, **more: Any) -> str:
    """The credit memo over all of it, its id."""
    return at.write(
        CREDIT_NOTE, note(), at.context(2, customer_id=around.customer_id, **more)
    ).remote_id


def against(at: Desk, invoice: str, memo: str, customer: str, amount: str) -> WriteContext:
    return at.context(
        3, customer_id=customer, invoice_id=invoice, credit_id=memo, record_key=key(2),
        amount=Decimal(amount),
    )  # fmt: skip


def allocated(at: Desk, around: WriteContext) -> None:
    """Set the credit memo against its invoice, read it back, and see that it is so."""
    writer = CONNECTOR.writer(ALLOCATION)
    body = encode(writer.build(note(), around))
    answer = at.call(writer.send(body, around.key, around.settings))
    assert (answer.status, answer.body) == (204, b"")
    assert writer.read_back is not None
    record = writer.record(at.call(writer.read_back(answer, around.settings)).json())
    expected = writer.expect(note(), _sent(around, body))
    assert writer.digest(record) == expected
    assert writer.read(record).remote_id == around.credit_id


def _sent(around: WriteContext, body: bytes) -> WriteContext:
    return replace(around, sent=decode(body))


# -- credit memos --------------------------------------------------------------------------
def test_a_credit_memo_with_everything() -> None:
    ours = {
        "own_numbers": True, "location_id": "1", "form_id": "91", "credit_form_id": "92",
        "tax": "legacy_code",
    }  # fmt: skip
    at = desk(tax="legacy", override_numbers=True, ours=ours)
    codes = {"L001": LineCodes(item_id=at.item, tax_code_id="2", class_id="2")}
    around = at.context(
        2, customer_id=at.customer(), lines=codes, term_id="2", department_id="1",
        email="ap@acme.example",
    )  # fmt: skip
    body = CONNECTOR.writer(CREDIT_NOTE).build(note(po_number="PO-7781"), around)
    assert set(body) == {
        "externalId", "tranId", "entity", "subsidiary", "currency", "tranDate", "otherRefNum",
        "memo", "email", "customForm", "department", "location", "autoApply", "item",
    }  # fmt: skip
    assert (body["customForm"], body["autoApply"]) == ({"id": "92"}, False)
    made = at.write(CREDIT_NOTE, note(po_number="PO-7781"), around)
    assert made.number == "CN-2026-0001"
    row = at.books.get("creditMemo", made.remote_id)
    kept = {name: row[name] for name in ("otherRefNum", "department", "location", "email")}
    assert kept == {
        "otherRefNum": "PO-7781", "department": "1", "location": "1", "email": "ap@acme.example",
    }  # fmt: skip
    assert (row["memo"], row["tranDate"]) == ("Credit for INV-2026-0007: agreed", "2026-03-02")
    assert (row["item"][0]["class"], row["item"][0]["taxCode"]) == ("2", "2")
    assert row["total"] == row["unapplied"] == Decimal("1875.00") + row["taxTotal"]
    assert row["taxTotal"] > 0
    for by in ("key", "number"):
        assert at.find(CREDIT_NOTE, by, note(), around) == [made.remote_id]
    assert at.find(INVOICE, "key", note(), around) == [], "a credit memo is no invoice"


def test_netsuite_numbers_credit_memos_by_itself_and_our_number_opens_the_memo() -> None:
    at = desk()
    around = at.context(2, customer_id=at.customer())
    made = at.write(CREDIT_NOTE, note(), around)
    assert made.number == "CM0001"
    said = at.books.get("creditMemo", made.remote_id)["memo"]
    assert said == "CN-2026-0001 Credit for INV-2026-0007: agreed"
    find = CONNECTOR.writer(CREDIT_NOTE).finds[1]
    assert find.request(note(), around, around.settings) is None


def test_the_same_bytes_twice_are_one_credit_memo_that_keeps_what_it_settles() -> None:
    at = desk()
    invoice, around = billed(at)
    memo = credited(at, around)
    allocated(at, against(at, invoice, memo, around.customer_id, "1875.00"))
    assert credited(at, around) == memo
    (row,) = at.books.rows("creditMemo")
    assert (len(row["item"]), row["total"], row["unapplied"]) == (1, Decimal("1875.00"), 0)


def test_a_foreign_credit_memo_goes_out_at_the_rate_of_its_own_day() -> None:
    at = desk()
    at.books.set_rate(CURRENCIES["EUR"], "1.1200")
    buyer = at.customer("Acme GmbH", currency=CURRENCIES["EUR"])
    around = at.context(2, customer_id=buyer, exchange_rate=Decimal("1.0825"))
    made = at.write(CREDIT_NOTE, note(line(1, currency="EUR"), currency="EUR"), around)
    assert at.books.get("creditMemo", made.remote_id)["exchangeRate"] == Decimal("1.0825")
    found = at.pull("credit_memos")[made.remote_id]
    assert (found.total, found.balance) == (Money.of("1875.00", "EUR"),) * 2


def _refused_here(at: Desk, subject: Any, writer: str = CREDIT_NOTE, **more: Any) -> str:
    with pytest.raises(Misconfigured) as told:
        CONNECTOR.writer(writer).build(subject, at.context(2, **{"customer_id": "601"} | more))
    return str(told.value)


def test_what_netsuite_could_not_hold_is_refused_before_it_is_sent() -> None:
    at = desk()
    assert _refused_here(at, note(line(1, "1", "-5", "-5.00"))) == (
        "credit note CN-2026-0001 is over -5.00 USD: NetSuite takes none below zero"
    )
    many = [line(number, "1", "1", "1.00") for number in range(1, 902)]
    assert _refused_here(at, note(*many)) == (
        "credit note CN-2026-0001 has 901 lines, at most 900 are sent"
    )
    assert _refused_here(at, note(line(1, currency="CHF"), currency="CHF")) == (
        "credit note CN-2026-0001 is in CHF: give that currency's internal id in currency_ids of "
        "the connection (in NetSuite: Lists > Accounting > Currencies)"
    )
    unknown = "is not known; see the ledger mapping, then pull the lists"
    assert _refused_here(at, note(), customer_id="") == (
        f"the customer of credit note CN-2026-0001 {unknown}"
    )
    assert _refused_here(at, note(), lines={}) == f"the item of line L001 (Design) {unknown}"
    assert _refused_here(at, note(), ALLOCATION, record_key=key(2)) == (
        f"the amount of credit note CN-2026-0001 {unknown}"
    )
    assert _refused_here(at, note(), ALLOCATION, amount=Decimal(1)) == (
        f"the external id of credit note CN-2026-0001 {unknown}"
    )
    order = Order(document_id="doc_1", writer=CORRECTION, revision=1, memo="x")
    assert _refused_here(at, document(), CORRECTION, order=order) == (
        f"the external id of invoice INV-2026-0007 {unknown}"
    )
    assert at.vendor.calls == []


def test_no_writer_voids() -> None:
    """The REST services have no call for it: the engine says so before anything is ordered."""
    assert not CONNECTOR.writes(VOID)


# -- what a credit memo is set against -----------------------------------------------------
def test_a_credit_memo_settles_its_invoice_and_a_repeat_changes_nothing() -> None:
    at = desk()
    invoice, around = billed(at)
    memo = credited(at, around)
    part = against(at, invoice, memo, around.customer_id, "1000.00")
    assert at.find(ALLOCATION, "record", note(), part) == []
    for _ in range(2):
        allocated(at, part)
        assert at.pull("invoices")[invoice].balance == usd("875.00")
        assert at.pull("credit_memos")[memo].balance == usd("875.00")
    assert at.find(ALLOCATION, "record", note(), part) == [memo]
    assert at.vendor.write_calls[-1].path.endswith(f"/creditMemo/eid:{external_id(key(2))}")


def test_what_it_does_for_another_invoice_stays() -> None:
    at = desk()
    invoice, around = billed(at)
    other = at.books.add_invoice(around.customer_id, "300.00")["id"]
    memo = credited(at, around)
    at.books.apply_credit(memo, {other: "300.00"})
    part = against(at, invoice, memo, around.customer_id, "1575.00")
    assert at.find(ALLOCATION, "record", note(), part) == [], "it does nothing for ours yet"
    writer = CONNECTOR.writer(ALLOCATION)
    body = encode(writer.build(note(), part))
    at.call(writer.send(body, part.key, part.settings))
    balances = {each: at.pull("invoices")[each].balance for each in (invoice, other)}
    assert balances == {invoice: usd("300.00"), other: usd("0")}
    # Found again, only what it does for ours is compared.
    (find,) = writer.finds
    request = find.request(note(), part, part.settings)
    assert request is not None
    (row,) = find.pick(at.call(request).json(), note(), part)
    assert writer.digest(row) == writer.expect(note(), _sent(part, body))


def test_more_than_is_open_is_refused_over_there_and_nothing_is_set() -> None:
    at = desk()
    invoice, around = billed(at)
    memo = credited(at, around)
    at.books.pay({invoice: "1000.00"})
    part = against(at, invoice, memo, around.customer_id, "1875.00")
    with pytest.raises(Rejected, match="more than the amount due"):
        at.send(ALLOCATION, note(), part)
    assert at.pull("credit_memos")[memo].balance == usd("1875.00")


def test_the_look_says_how_the_invoice_stands_now() -> None:
    at = desk()
    invoice, _ = billed(at)
    at.books.pay({invoice: "75.00"})
    for name in (ALLOCATION, CORRECTION):
        look = CONNECTOR.writer(name).look
        assert look is not None
        about = at.context(3, invoice_id=invoice)
        row = look.pick(at.call(look.request(note(), about, about.settings)).json())
        assert row is not None
        stands = look.read(row, at.connection.settings)
        assert (stands.total, stands.balance) == (usd("1875.00"), usd("1800.00"))
        gone = at.context(3, invoice_id="999999")
        assert look.pick(at.call(look.request(note(), gone, gone.settings)).json()) is None


def test_with_the_tax_netsuite_works_out_the_whole_invoice_is_settled() -> None:
    """Nobody here knows the tax before the credit memo is there: it is read from it."""
    at = desk(default_tax_code="2")
    invoice, around = billed(at)
    total = at.pull("invoices")[invoice].total
    assert total.amount > Decimal("1875.00")
    memo = credited(at, around)
    found = at.pull("credit_memos")[memo]
    assert (found.total, found.tax) == (total, at.pull("invoices")[invoice].tax)
    allocated(at, against(at, invoice, memo, around.customer_id, str(found.total.amount)))
    assert at.pull("invoices")[invoice].balance == usd("0")


# -- corrections ---------------------------------------------------------------------------
def corrected(at: Desk, invoice: str, customer: str, **order: Any) -> None:
    around = at.context(
        4, customer_id=customer, invoice_id=invoice, record_key=key(1),
        order=Order(document_id="doc_1", writer=CORRECTION, revision=1, **order),
    )  # fmt: skip
    assert at.find(CORRECTION, "record", document(), around) == []
    writer = CONNECTOR.writer(CORRECTION)
    assert writer.read_back is not None
    for _ in range(2):
        answer = at.send(CORRECTION, document(), around)
        back = at.call(writer.read_back(answer, around.settings))
        theirs = writer.digest(writer.record(back.json()))
        assert agrees(writer.expect(document(), around), theirs)
    assert at.find(CORRECTION, "record", document(), around) == [invoice]


def test_memo_and_due_date_are_corrected_and_nothing_else() -> None:
    at = desk(override_numbers=True, ours={"own_numbers": True})
    invoice, around = billed(at, term_id="2")
    before = at.books.get("invoice", invoice)
    corrected(at, invoice, around.customer_id, memo="As\nagreed", due_date=date(2026, 4, 15))
    after = at.books.get("invoice", invoice)
    assert (after["memo"], after["dueDate"]) == ("As agreed", "2026-04-15")
    moves = {"memo", "dueDate", "lastModifiedDate"}
    assert {n: v for n, v in after.items() if n not in moves} == {
        n: v for n, v in before.items() if n not in moves
    }


def test_a_corrected_memo_keeps_our_number_where_netsuite_numbers() -> None:
    at = desk()
    invoice, around = billed(at)
    corrected(at, invoice, around.customer_id, memo="As agreed")
    assert at.books.get("invoice", invoice)["memo"] == "INV-2026-0007 As agreed"


def test_a_memo_of_nothing_clears_it() -> None:
    at = desk(override_numbers=True, ours={"own_numbers": True})
    around = at.context(1, customer_id=at.customer())
    invoice = at.write(INVOICE, document(memo="Thank you"), around).remote_id
    corrected(at, invoice, around.customer_id, memo="")
    assert json.loads(at.vendor.write_calls[-1].body)["memo"] is None
    assert not at.books.get("invoice", invoice).get("memo")


# -- read back -----------------------------------------------------------------------------
@pytest.mark.parametrize("lines", [True, False])
@pytest.mark.parametrize("total", [True, False])
def test_the_signs_of_a_credit_memo_differ_between_accounts(lines: bool, total: bool) -> None:
    at = desk(tax="legacy", negative_credit_lines=lines, negative_credit_totals=total,
              ours={"tax": "legacy_code"})  # fmt: skip
    sold = [
        {"item": at.item, "quantity": Decimal("12.5"), "rate": 160, "amount": Decimal(2000),
         "taxCode": "2", "description": "Consulting"},
        {"item": at.item, "quantity": 1, "rate": -200, "amount": -200, "description": "Drawdown"},
    ]  # fmt: skip
    made = at.books.add("creditMemo", entity=at.customer(), item={"items": sold})
    found = at.pull("credit_memos")[made["id"]]
    assert (found.kind, found.number) == (DocumentKind.CREDIT_NOTE, "CM0001")
    assert (found.total, found.tax, found.balance) == (usd("1945.00"), usd("145.00"), found.total)
    assert [(each.quantity, each.rate, each.amount) for each in found.lines] == [
        (Decimal("12.5"), Decimal(160), Decimal(2000)),
        (Decimal(1), Decimal(-200), Decimal(-200)),
    ]


@pytest.mark.parametrize("ids", ["letter", "word"])
def test_used_voided_edited_and_deleted_credit_memos(ids: str) -> None:
    at = desk(status_ids=ids)
    buyer = at.customer()
    invoice = at.books.add_invoice(buyer, "500.00")["id"]
    used, void, edited, gone = (at.books.add_credit(buyer, "100.00")["id"] for _ in range(4))
    seen = [queries.moment(row) for row in at.rows("credit_memos")]
    since = max(each for each in seen if each is not None)
    at.clock.advance(6 * 3600)
    at.books.apply_credit(used, {invoice: "60.00"})
    at.books.void("creditMemo", void)
    at.books.edit("creditMemo", edited, item={"items": [at.books.one_line("90.00")]},
                  replace=("item",))  # fmt: skip
    at.books.delete_credit(gone)
    found: dict[str, RemoteInvoice] = at.pull("credit_memos", since)
    assert {each: found[each].balance for each in (used, edited)} == {
        used: usd("40.00"), edited: usd("90.00"),
    }  # fmt: skip
    assert (found[void].voided, found[void].total) == (True, usd("0"))
    assert not found[used].voided
    assert gone not in found
    stream = CONNECTOR.stream("credit_memos")
    assert stream.sweep is not None
    days = Since(start=None, end=at.clock.now(), from_date=date(2026, 3, 1),
                 to_date=date(2026, 3, 31))  # fmt: skip
    request = stream.sweep.request(days, at.connection.settings)
    rows = [row for page in walk(at.call, request, stream.pages) for row in page.rows]
    assert {stream.key(row) for row in rows} == {used, void, edited}


def test_a_credit_memo_of_another_subsidiary_is_not_ours() -> None:
    at = desk()
    at.books.add_credit(at.customer("Beta", subsidiary="2"), "5.00")
    mine = at.books.add_credit(at.customer(), "7.00")["id"]
    assert set(at.pull("credit_memos")) == {mine}


def test_a_hint_about_a_credit_memo_is_about_what_it_settles_too() -> None:
    assert CONNECTOR.webhook is not None
    body = json.dumps({"recordType": "creditmemo", "id": "7", "event": "edit"}).encode()
    assert CONNECTOR.webhook.refs(body) == [Hint("", "credit_memos"), Hint("", "payments")]
    other = json.dumps({"recordType": "invoice", "id": "7", "event": "edit"}).encode()
    assert CONNECTOR.webhook.refs(other) == [Hint("", "invoices")]


# -- a firm --------------------------------------------------------------------------------
def test_a_credit_memo_deleted_over_there_is_missing_and_can_be_made_again(
    tmp_path: Path,
) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        made = approved_credit(firm, FIRST)
        push_until_settled(firm)
        firm.look_at_the_ledger()
        before = notes(firm)[0].key
        firm.world.ledger.vendor.books.delete_credit(notes(firm)[0].id)
        assert two_days_later(firm) == ["R01"]
        assert statuses(firm)[FIRST] == "pushed"
        retry_row(firm.engine, made.number, again=True)
        push_until_settled(firm)
        (again,) = notes(firm)
        assert again.key != before
        assert (again.balance, there(firm, FIRST).balance) == (0, 0)
        assert classes(reconciled(firm)) == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_netsuite_still_works_on_a_call_that_was_given_up(tmp_path: Path, method: str) -> None:
    """Not there at two looks, it is sent again; then the first one comes through as well."""
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        approved_credit(firm, FIRST)
        vendor = firm.world.ledger.vendor
        vendor.plan_late_commit(800, method=method, path="/record/v1/creditMemo/")
        push_until_settled(firm)
        firm.clock.advance(900)
        vendor.catch_up()
        assert vendor.late_writes == []
        (found,) = notes(firm)
        assert (found.balance, there(firm, FIRST).balance) == (0, 0)
        assert classes(reconciled(firm)) == []


def test_a_role_that_may_not_write_credit_memos_is_told_so() -> None:
    at = desk(denied=frozenset({"creditMemo"}))
    with pytest.raises(Rejected, match="permission"):
        at.send(CREDIT_NOTE, note(), at.context(2, customer_id=at.customer()))


@pytest.mark.parametrize("by_project", [True, False])
def test_a_taxed_invoice_of_a_customer_or_of_a_project_is_credited_with_its_tax(
    tmp_path: Path, by_project: bool
) -> None:
    """NetSuite works out both taxes; the whole credit memo settles the whole invoice."""
    with small_firm(
        tmp_path, people=3, projects=2, ledger="netsuite", sub_customers=by_project
    ) as firm:
        books = firm.world.ledger.vendor.books
        books.prefer(default_tax_code="2")
        (billed, _) = ready_to_push(firm)
        push_until_settled(firm)
        invoice = there(firm, FIRST)
        assert invoice.total == billed.total.amount + invoice.tax > billed.total.amount
        approved_credit(firm, FIRST)
        push_until_settled(firm)
        (memo,) = notes(firm)
        assert (memo.total, memo.tax, memo.balance) == (invoice.total, invoice.tax, 0)
        assert memo.customer_id == invoice.customer_id
        assert (books.find("job", memo.customer_id) is not None) == by_project
        assert there(firm, FIRST).balance == 0
        assert classes(reconciled(firm)) == []


def test_what_is_told_of_an_allocation_is_told_of_the_credit_memo(tmp_path: Path) -> None:
    """It makes no record of its own, and what was agreed about the credit memo stays."""
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        made = approved_credit(firm, FIRST)
        push_until_settled(firm)
        with firm.engine.store.read() as tx:
            known = refs.get(tx, "ledger", CREDIT_NOTE, made.id)
            others = [refs.get(tx, "ledger", kind, made.id) for kind in (INVOICE, ALLOCATION)]
        assert known is not None
        assert known.digest is not None
        assert (known.remote.remote_id, known.digest.net) == (
            notes(firm)[0].id, made.total.amount,
        )  # fmt: skip
        assert others == [None, None]


def test_a_credit_memo_edited_and_one_made_twice_over_there_are_told(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        approved_credit(firm, FIRST)
        push_until_settled(firm)
        books = firm.world.ledger.vendor.books
        more = books.one_line("5.00")
        books.edit("creditMemo", notes(firm)[0].id, item={"items": [more]})
        assert classes(reconciled(firm)) == ["R04", "R05", "R12"]
        books.add_credit(there(firm, FIRST).customer_id, "50.00", tranId="HAND-9")
        assert classes(reconciled(firm)) == ["R02", "R04", "R05", "R12"]


def test_taken_off_its_invoice_over_there_its_rest_is_named(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        made = approved_credit(firm, FIRST)
        push_until_settled(firm)
        memo = notes(firm)[0].id
        firm.world.ledger.vendor.books.unapply("creditMemo", memo, there(firm, FIRST).id)
        found = reconciled(firm).comparison.discrepancies
        assert [(one.cls.value, one.amount) for one in found] == [("R12", made.total.amount)]
        assert statuses(firm)[FIRST] == "pushed"


# -- before the first push -----------------------------------------------------------------
def test_a_live_look_reads_every_stream_and_writes_nothing(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        read = [one for one in live(firm.engine, "ledger") if one.check == "read"]
        ours = firm.engine.connection("ledger").settings
        there = [one.name for one in CONNECTOR.streams if one.applies(ours)]
        assert [one.where for one in read] == [f"ledger/{name}" for name in there]
        assert {one.verdict.value for one in read} == {"fine"}
        assert firm.world.ledger.vendor.write_calls == []


def test_what_is_measured_when_it_is_connected(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger="netsuite") as firm:
        found = {one.what: one.value for one in measure(firm.engine, firm.engine.ledger())}
        assert found["home currency"] == "USD"
        assert (found["classes on lines"], found["departments"]) == ("on", "on")
        assert found["our own invoice numbers"] == "not told"


def test_what_a_person_must_see_is_the_same_on_the_page() -> None:
    page = (ROOT / "docs" / "how-to" / "connect-netsuite.md").read_text("utf-8")
    listed = page.split("## Not yet verified against a live account")[1].split("\n- [ ] ")[1:]
    told = [f"{one.what}: {one.how}" for one in CONNECTOR.unverified]
    assert [" ".join(each.split("\n\n")[0].split()) for each in listed] == told
