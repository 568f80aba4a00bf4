"""Limits, calls at the same time, work that outlives its caller, and copies of a company."""

from __future__ import annotations

import copy
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest

from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


def company(**settings: Any) -> QuickBooks:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    return QuickBooks(clock, **{"preset": "empty", "limits": False} | settings)


def invoice_body(caller: Caller, amount: str = "10.00", **values: Any) -> Row:
    books = caller.vendor.books
    known = [row["Id"] for row in books.live("Customer")]
    customer = known[0] if known else books.add_customer("Acme")["Id"]
    line = books.one_line(Decimal(amount), "")
    return {"CustomerRef": {"value": customer}, "Line": [line], **values}


def code_of(answer: Row) -> str:
    return str(answer["Fault"]["Error"][0]["code"])


# -- limits ------------------------------------------------------------------------
def statuses(caller: Caller, count: int, pause_s: float = 0.1) -> list[int]:
    """The statuses of reads at a steady pace."""
    found = []
    for _ in range(count):
        found.append(caller.send("GET", "preferences").status_code)
        caller.vendor.clock.sleep(pause_s)
    return found


def test_other_apps_use_up_the_calls_of_the_company() -> None:
    caller = Caller(company(limits=True))
    caller.vendor.limits.use(calls=490)
    # 10 calls are left, and 500 a minute come back: a bit more than 8 a second.
    got = statuses(caller, 20, pause_s=0)
    assert got == [200] * 10 + [429] * 10
    caller.vendor.clock.sleep(60)
    assert statuses(caller, 10, pause_s=0) == [200] * 10


def test_calls_to_other_apis_count_towards_eight_hundred() -> None:
    caller = Caller(company(limits=True))
    caller.vendor.limits.use(other_calls=800)
    assert statuses(caller, 1) == [429]
    caller.vendor.clock.sleep(1)
    assert statuses(caller, 1) == [200]


def test_batches_of_all_apps_are_a_hundred_and_twenty_a_minute() -> None:
    caller = Caller(company(limits=True, per_second=100))
    caller.vendor.limits.use(batches=119)
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert [caller.call("POST", "batch", body)[0] for _ in range(2)] == [200, 429]
    assert caller.send("GET", "preferences").status_code == 200, "only batches are used up"


def test_a_practice_company_sends_forty_mails_a_day() -> None:
    caller = Caller(company(limits=True, emails_per_day=2, access_token_s=10**6))
    made = caller.post("Invoice", invoice_body(caller))
    path = f"invoice/{made['Id']}/send"
    answers = [caller.call("POST", path, sendTo="a@b.example")[0] for _ in range(3)]
    assert answers == [200, 200, 429]
    assert len(caller.vendor.books.outbox) == 2
    caller.vendor.clock.sleep(86400)
    assert caller.call("POST", path, sendTo="a@b.example")[0] == 200


def test_ten_calls_at_the_same_time_and_no_more() -> None:
    vendor = QuickBooks(SystemClock(), preset="empty", per_second=1000, service_s=0.5)
    got: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: got.append(Caller(vendor).send("GET", "preferences").status_code)
        )
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [200] * 10 + [429] * 2


# -- request ids in flight ----------------------------------------------------------------
def test_a_repeat_while_the_first_is_worked_on_is_refused_with_600() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    meanwhile: list[Row] = []
    vendor.faults.add(
        "call", action=lambda: meanwhile.append(caller.post("Invoice", body, requestid="r1"))
    )
    first = caller.post("Invoice", body, requestid="r1")
    assert code_of(meanwhile[0]) == "600"
    assert first["TotalAmt"] == 10
    assert caller.post("Invoice", body, requestid="r1") == first, "600 is not what is remembered"
    assert len(vendor.books.live("Invoice")) == 1


def test_another_request_id_is_not_in_the_way() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    vendor.faults.add("call", action=lambda: caller.post("Invoice", body, requestid="r2"))
    caller.post("Invoice", body, requestid="r1")
    assert len(vendor.books.live("Invoice")) == 2


def test_batch_items_in_flight_are_refused_one_by_one() -> None:
    vendor = company()
    caller = Caller(vendor)
    items: list[Row] = [
        {"bId": "1", "operation": "create", "Invoice": invoice_body(caller)},
        {"bId": "2", "Query": "select count(*) from Term"},
    ]
    body = {"BatchItemRequest": items}
    inner: list[Row] = []
    vendor.faults.add(
        "call",
        action=lambda: inner.append(caller.call("POST", "batch", body, requestid="b")[1]),
    )
    outer = caller.call("POST", "batch", body, requestid="b")[1]["BatchItemResponse"]
    early = inner[0]["BatchItemResponse"]
    assert code_of(early[0]) == "600"
    assert early[1]["QueryResponse"] == {"totalCount": 4}
    assert outer[0]["Invoice"]["TotalAmt"] == 10
    assert len(vendor.books.live("Invoice")) == 1


def test_a_repeat_may_wait_for_the_first_instead() -> None:
    vendor = QuickBooks(
        SystemClock(), preset="empty", limits=False, in_flight="wait", service_s=0.2
    )
    body = invoice_body(Caller(vendor))
    answers: list[Row] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(Caller(vendor).post("Invoice", body, requestid="r1"))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["Id"] for answer in answers] == ["1"] * 3
    assert len(vendor.books.live("Invoice")) == 1


# -- work that outlives its caller ----------------------------------------------------------
@pytest.mark.parametrize("mode", ["refuse", "wait"])
def test_a_write_may_be_done_after_its_caller_is_gone(mode: Literal["refuse", "wait"]) -> None:
    vendor = company(in_flight=mode)
    caller = Caller(vendor)
    body = invoice_body(caller, DocNumber="A-1")
    vendor.plan_late_commit(90)
    with pytest.raises(ConnectionCut):
        caller.post("Invoice", body, requestid="r1")
    assert caller.query("select * from Invoice where DocNumber = 'A-1'") == {}, "not yet"
    vendor.clock.sleep(60)
    repeat = caller.post("Invoice", body, requestid="r1")
    if mode == "refuse":
        assert code_of(repeat) == "600"
        vendor.clock.sleep(30)
        repeat = caller.post("Invoice", body, requestid="r1")
    found = caller.query("select * from Invoice where DocNumber = 'A-1'")["Invoice"]
    assert [row["Id"] for row in found] == [repeat["Id"]]
    # It carries the time it was done, not the time somebody looked: 17:01:30 UTC.
    assert found[0]["MetaData"]["CreateTime"] == "2026-03-02T09:01:30-08:00"


def test_a_late_write_meets_the_number_somebody_took_meanwhile() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller, DocNumber="A-1")
    vendor.plan_late_commit(120)
    with pytest.raises(ConnectionCut):
        caller.post("Invoice", body, requestid="r1")
    second = caller.post("Invoice", body, requestid="r2")
    vendor.clock.sleep(120)
    assert code_of(caller.post("Invoice", body, requestid="r1")) == "6140"
    assert [row["Id"] for row in vendor.books.live("Invoice")] == [second["Id"]]


def test_late_writes_happen_without_another_call() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    vendor.plan_late_commit(5)
    with pytest.raises(ConnectionCut):
        caller.post("Invoice", body)
    vendor.clock.sleep(5)
    vendor.catch_up()
    assert len(vendor.books.live("Invoice")) == 1
    assert [call.status for call in vendor.write_calls] == [0]
    with pytest.raises(ValueError, match="120"):
        vendor.plan_late_commit(121)


def test_a_call_that_is_refused_is_not_done_later() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    vendor.plan_late_commit(5)
    vendor.expire_access_tokens()
    assert caller.send("POST", "invoice", body).status_code == 401
    caller.token = vendor.sign_in.issue()["access_token"]
    assert caller.post("Invoice", body)["Id"] == "1"
    vendor.clock.sleep(5)
    vendor.catch_up()
    assert len(vendor.books.live("Invoice")) == 1


@pytest.mark.parametrize(("fate", "count"), [("kept", 1), ("lost", 0)])
def test_a_call_of_more_than_two_minutes_is_cut_off_by_the_gateway(fate: str, count: int) -> None:
    vendor = company(timed_out_writes=fate)
    caller = Caller(vendor)
    body = invoice_body(caller)
    began = vendor.clock.now()
    vendor.faults.add("slow", method="POST", seconds=300)
    response = caller.send("POST", "invoice", body, requestid="r1")
    assert response.status_code == 504
    assert (vendor.clock.now() - began).total_seconds() == 120
    assert len(vendor.books.live("Invoice")) == count
    assert caller.post("Invoice", body, requestid="r1")["Id"] == "1"
    assert len(vendor.books.live("Invoice")) == 1


def test_a_large_batch_takes_too_long_and_a_small_one_does_not() -> None:
    vendor = company(item_s=5)
    caller = Caller(vendor)
    item: Row = {"operation": "create", "Invoice": invoice_body(caller)}
    for size, status in ((30, 504), (10, 200)):
        items = [{**item, "bId": str(index)} for index in range(size)]
        response = caller.send("POST", "batch", {"BatchItemRequest": items})
        assert response.status_code == status


# -- refusals in words -------------------------------------------------------------------
def test_refusals_come_in_every_dialect_before_or_after_the_work() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    vendor.plan_refusal(10000, "An application error has occurred", committed=True)
    vendor.plan_refusal(3001, "ThrottleExceeded", status=429, kind="SERVICE", dialect="xml")
    vendor.plan_refusal(3100, "Forbidden", status=403, kind="AUTH", dialect="gateway")
    vendor.plan_refusal(5010, "Stale Object Error", status=200, kind="ValidationFault")
    vendor.plan_empty()
    answers = [caller.send("POST", "invoice", body) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [500, 429, 403, 200, 200]
    assert answers[0].get_json()["Fault"]["type"] == "SystemFault"
    assert answers[1].get_data().startswith(b"<?xml")
    assert answers[2].get_json()["fault"]["error"][0]["code"] == "3100"
    assert answers[3].get_json()["Fault"]["Error"][0]["code"] == "5010"
    assert answers[4].get_data() == b""
    assert len(vendor.books.live("Invoice")) == 2, "the first and the empty answer did the work"


@pytest.mark.parametrize(
    ("trouble", "code"),
    [("no_admin", "120"), ("wrong_cluster", "130"), ("locked", "140"), ("maintenance", "150")],
)
def test_a_company_can_be_out_of_reach(trouble: str, code: str) -> None:
    caller = Caller(company(trouble=trouble))
    assert code_of(caller.call("GET", "preferences")[1]) == code


def test_a_request_id_is_plain_text() -> None:
    caller = Caller(company())
    assert code_of(caller.post("Invoice", invoice_body(caller), requestid="a\nb")) == "2130"


def test_batch_answers_may_come_in_another_order() -> None:
    caller = Caller(company(batch_answers="reversed"))
    items = [{"bId": str(index), "Query": "select * from Term"} for index in range(3)]
    answer = caller.call("POST", "batch", {"BatchItemRequest": items})[1]
    assert [item["bId"] for item in answer["BatchItemResponse"]] == ["2", "1", "0"]


# -- copies ------------------------------------------------------------------------------
def busy(vendor: QuickBooks) -> None:
    """A day's work that touches every kind of index."""
    caller, books = Caller(vendor), vendor.books
    customer = books.add_customer("Copy test")["Id"]
    child = books.add_customer("Copy job", Job=True, ParentRef={"value": customer})["Id"]
    made = caller.post("Invoice", invoice_body(caller, "70", DocNumber="C-1"), requestid="c1")
    books.edit_invoice(made["Id"], amount="80")
    books.pay({made["Id"]: "30"})
    memo = books.add_credit(made["CustomerRef"]["value"], "20")["Id"]
    books.apply_credit(memo, made["Id"], "20")
    books.delete_invoice(books.add_invoice(child, "5")["Id"])
    books.edit("Customer", customer, DisplayName="Copied")
    upload = '{"FileName":"a.txt"}'
    parts = f'--x\r\nContent-Disposition: form-data; name="file_metadata_01"\r\n\r\n{upload}\r\n'
    parts += '--x\r\nContent-Disposition: form-data; name="file_content_01"\r\n\r\nhi\r\n--x--'
    caller.client.post(
        f"/v3/company/{vendor.realm_id}/upload",
        data=parts.encode(),
        headers={"Authorization": f"Bearer {caller.token}"},
        content_type="multipart/form-data; boundary=x",
    )
    vendor.sign_in.revoke_all()


def seen(vendor: QuickBooks) -> Row:
    """Everything a reader of the company could see."""
    shown = {entity: vendor.books.live(entity) for entity in vendor.books.tables}
    token = vendor.credentials["access_token"]
    return {
        **shown,
        "changes": list(vendor.books.changes),
        "files": dict(vendor.books.files),
        "signed in": vendor.sign_in.accepts(f"Bearer {token}"),
        "named": [sorted(vendor.books.indexes.named("Customer", "Amber Analytics"))],
        "calls": len(vendor.calls),
    }


@pytest.fixture
def prepared() -> QuickBooks:
    return company(preset="sample", multicurrency=False, access_token_s=10**6)


def test_a_copy_and_its_original_go_their_own_ways(prepared: QuickBooks) -> None:
    before = copy.deepcopy(seen(prepared))
    clock = VirtualClock(datetime(2026, 3, 2, 18, tzinfo=UTC))
    one, two = prepared.copy(clock), prepared.copy()
    assert seen(one) == seen(two) == before
    busy(one)
    one.settings.per_minute = 1
    assert seen(prepared) == before
    assert seen(two) == before
    assert prepared.settings.per_minute == 500
    assert one.clock is clock
    assert two.clock is prepared.clock
    made = one.books.live("Invoice")[-1]
    assert made["MetaData"]["CreateTime"] == "2026-03-02T10:00:00-08:00"
    # The same work gives the same company again, from the same start.
    again = copy.deepcopy(prepared)
    prepared.clock.sleep(3600)
    busy(again)
    assert again.books.live("Invoice") == one.books.live("Invoice")


def test_a_copy_remembers_request_ids_and_subscriptions() -> None:
    vendor = company()
    caller = Caller(vendor)
    body = invoice_body(caller)
    first = caller.post("Invoice", body, requestid="r1")
    vendor.hooks.subscribe("https://app.example/hook")
    vendor.books.add_customer("Told by both")
    twin = vendor.copy()
    assert Caller(twin).post("Invoice", body, requestid="r1") == first
    told: list[bytes] = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        told.append(body)
        return 200

    twin.books.add_customer("Told by the copy")
    assert (twin.deliver(post), vendor.deliver(post)) == (1, 1)
    assert told[0].count(b"qbo.customer.created") == 2
    assert told[1].count(b"qbo.customer.created") == 1


def test_faults_of_a_copy_are_its_own() -> None:
    vendor = company()
    vendor.plan_late_commit(5)
    twin = vendor.copy()
    twin.plan_late_commit(5)
    caller = Caller(twin)
    with pytest.raises(ConnectionCut):
        caller.post("Invoice", invoice_body(caller))
    twin.clock.sleep(5)
    twin.catch_up()
    vendor.catch_up()
    assert (len(twin.books.live("Invoice")), len(vendor.books.live("Invoice"))) == (1, 0)


# -- large companies -----------------------------------------------------------------------
class Unwalked(dict[str, Row]):
    """A table in which rows may be looked up by id, and not gone through one by one."""

    def values(self) -> Any:
        raise AssertionError("the whole table was walked through")

    items = values


def test_daily_work_never_walks_through_all_transactions() -> None:
    vendor = company(auto_apply_payments=True, auto_apply_credit=True)
    caller, books = Caller(vendor), vendor.books
    body = invoice_body(caller)
    customer = body["CustomerRef"]["value"]
    for entity in ("Customer", "Invoice", "Payment", "CreditMemo", "TimeActivity"):
        books.tables[entity] = Unwalked(books.tables[entity])
    made = caller.post("Invoice", {**body, "DocNumber": "A-1"}, requestid="r1")
    for statement in (
        f"select * from Invoice where Id = '{made['Id']}'",
        "select * from Invoice where DocNumber in ('A-1', 'A-2')",
        f"select * from Invoice where CustomerRef = '{customer}' orderby TxnDate",
        "select * from Invoice where MetaData.LastUpdatedTime >= '2026-03-02T08:00:00-08:00'",
    ):
        assert [row["Id"] for row in caller.query(statement)["Invoice"]] == [made["Id"]]
    found = caller.query("select * from Customer where DisplayName = 'acme'")["Customer"]
    assert [row["Id"] for row in found] == [customer]
    since = "2026-03-02T08:00:00-08:00"
    status, _ = caller.call("GET", "cdc", entities="Invoice,Payment", changedSince=since)
    assert status == 200
    caller.call("GET", f"invoice/{made['Id']}")
    books.pay({made["Id"]: "4"}, total="5")
    books.edit("Customer", customer, DisplayName="Acme & Sons")
    books.add_credit(customer, "1")
    second = caller.post("Invoice", body)
    assert second["Balance"] == 8, "10.00 less the spare 1.00 and the credit of 1.00"
    assert caller.query("select * from Account where Name LIKE 'Accounts Rec%'")["Account"]
    with pytest.raises(AssertionError, match="walked"):
        caller.query("select * from Invoice where TotalAmt > '1'")
