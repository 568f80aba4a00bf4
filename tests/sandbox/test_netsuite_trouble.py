"""What goes wrong between a client and the NetSuite sandbox: lost, late, crowded, racing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode

Row = dict[str, Any]


class Desk(Caller):
    def __init__(self, clock: Any = None, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(clock or self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.acme = self.acts.add_customer("Acme")["id"]
        self.sign_in()

    def body(self, amount: int = 100) -> Row:
        return {"entity": self.acme, "item": {"items": [self.acts.one_line(str(amount))]}}

    def put(self, key: str = "inv-1") -> tuple[int, Row]:
        return self.call("PUT", f"invoice/eid:{key}", self.body(), replace="item")

    def invoices(self) -> int:
        return len(list(self.acts.rows("invoice")))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def code(answer: tuple[int, Row]) -> tuple[int, str]:
    return answer[0], str(answer[1]["o:errorDetails"][0]["o:errorCode"])


# -- the create-invoice protocol -------------------------------------------------------
def test_a_lost_answer_leaves_an_invoice_that_the_next_look_finds(desk: Desk) -> None:
    desk.vendor.faults.add("lost_answer", method="PUT")
    with pytest.raises(ConnectionCut):
        desk.put()
    found = desk.get("invoice/eid:inv-1", fields="id,tranId,total,externalId,lastModifiedDate")
    assert (found["total"], found["externalId"]) == (100, "inv-1")
    assert desk.put()[0] == 204
    assert desk.invoices() == 1


def test_the_work_may_be_done_long_after_the_client_hung_up(desk: Desk) -> None:
    desk.vendor.plan_late_commit(300)
    with pytest.raises(ConnectionCut):
        desk.put()
    desk.clock.advance(299)
    assert code(desk.call("GET", "invoice/eid:inv-1")) == (404, "NONEXISTENT_ID")
    desk.clock.advance(1)
    assert desk.get("invoice/eid:inv-1")["createdDate"] == "2026-03-02T17:05:00Z"
    with pytest.raises(ValueError, match="900"):
        desk.vendor.plan_late_commit(901)


def test_a_late_write_that_comes_after_a_repeat_changes_the_same_invoice(desk: Desk) -> None:
    desk.vendor.plan_late_commit(60)
    with pytest.raises(ConnectionCut):
        desk.put()
    assert desk.put()[0] == 204
    desk.clock.advance(60)
    assert desk.get("invoice/eid:inv-1")["total"] == 100
    assert desk.invoices() == 1


@pytest.mark.parametrize(("committed", "there"), [(True, 200), (False, 404)])
def test_an_unexpected_error_before_or_after_the_work(
    desk: Desk, committed: bool, there: int
) -> None:
    desk.vendor.plan_unexpected(committed=committed, method="PUT")
    status, body = desk.put()
    detail = body["o:errorDetails"][0]
    assert (status, detail["o:errorCode"]) == (500, "UNEXPECTED_ERROR")
    assert detail["detail"].startswith("An unexpected error occurred. Error ID: ")
    assert len(detail["detail"].rpartition(" ")[2]) == 20
    assert desk.call("GET", "invoice/eid:inv-1")[0] == there


def test_the_common_faults(desk: Desk) -> None:
    faults = desk.vendor.faults
    faults.add("error_before", method="PUT", status=502)
    answer = desk.send("PUT", "record/v1/invoice/eid:a", desk.body())
    assert (answer.status_code, answer.mimetype, desk.invoices()) == (502, "text/html", 0)
    faults.add("error_after", method="PUT", status=503)
    assert desk.send("PUT", "record/v1/invoice/eid:a", desk.body()).status_code == 503
    assert desk.invoices() == 1
    faults.add("truncated", method="GET", path="/invoice")
    with pytest.raises(ValueError):
        desk.call("GET", "invoice")
    faults.add("slow", method="PUT", seconds=34)
    before = desk.clock.now()
    desk.put()
    assert (desk.clock.now() - before).total_seconds() == 34
    assert [call.fault for call in desk.vendor.write_calls] == [
        "error_before", "error_after", "slow",
    ]  # fmt: skip


def test_a_request_runs_for_fifteen_minutes_at_most(desk: Desk) -> None:
    desk.vendor.faults.add("slow", method="PUT", seconds=900)
    answer = desk.send("PUT", "record/v1/invoice/eid:inv-1", desk.body())
    assert (answer.status_code, answer.mimetype) == (504, "text/html")
    assert desk.call("GET", "invoice/eid:inv-1")[0] == 200, "its work was done"


# -- races -----------------------------------------------------------------------------
def test_of_two_racing_writers_one_is_a_duplicate(desk: Desk) -> None:
    desk.vendor.plan_race(method="PUT")
    status, body = desk.put()
    assert (status, "already exists" in body["o:errorDetails"][0]["detail"]) == (400, True)
    assert desk.get("invoice/eid:inv-1")["total"] == 100


@pytest.mark.parametrize("status", [400, 409])
def test_a_record_that_somebody_saved_meanwhile(status: int) -> None:
    desk = Desk(changed_status=status)
    desk.vendor.plan_changed(method="PUT")
    assert code(desk.put()) == (status, "RCRD_HAS_BEEN_CHANGED")
    assert desk.put()[0] == 204


def test_any_refusal_in_words(desk: Desk) -> None:
    desk.vendor.plan_refusal(400, "USER_ERROR", "This field is mandatory: Region.", method="PUT")
    assert desk.put()[1]["o:errorDetails"][0]["detail"] == "This field is mandatory: Region."
    assert desk.invoices() == 0


# -- limits ----------------------------------------------------------------------------
def test_too_many_calls_at_once_are_blocked() -> None:
    desk = Desk(SystemClock(), concurrency=2)
    desk.vendor.service_s = 0.2
    found: list[tuple[int, str]] = []

    def call() -> None:
        status, body = Caller.call(one, "GET", "currency")
        found.append((status, body.get("o:errorCode", "")))

    one = Caller(desk.vendor)
    one.token = desk.token
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    blocked = (429, "CONCURRENCY_LIMIT_EXCEEDED")
    assert sorted(found) == [(200, ""), (200, ""), blocked, blocked]
    assert desk.vendor.busiest == 4
    assert desk.call("GET", "currency")[0] == 200


def test_the_limit_is_shared_with_other_integrations(desk: Desk) -> None:
    desk.acts.prefer(others_busy=5)
    answer = desk.send("GET", "record/v1/currency")
    body = decode(answer.get_data())
    assert answer.status_code == 429
    assert body["o:errorCode"] == body["o:errorDetails"][0]["o:errorCode"]
    assert body["o:errorDetails"][0]["detail"] == (
        "Concurrent request limit exceeded. Request blocked."
    )
    assert "Retry-After" not in answer.headers
    desk.acts.prefer(others_busy=4)
    assert desk.call("GET", "currency")[0] == 200


def test_the_same_code_may_come_with_status_400() -> None:
    desk = Desk(concurrency_status=400)
    desk.vendor.plan_crowd(times=2)
    for _ in range(2):
        assert code(desk.put()) == (400, "CONCURRENCY_LIMIT_EXCEEDED")
    assert desk.put()[0] == 204


def test_a_limit_by_the_minute_is_off_until_switched_on(desk: Desk) -> None:
    desk.acts.prefer(per_minute=3)
    statuses = [desk.call("GET", "currency")[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    desk.clock.advance(60)
    assert desk.call("GET", "currency")[0] == 200


def test_an_administrator_reads_the_limits(desk: Desk) -> None:
    assert desk.send("GET", "system/v1/governanceLimits").status_code == 403
    desk.acts.prefer(administrator=True, integration_limit=3)
    answer = desk.send("GET", "system/v1/governanceLimits")
    assert decode(answer.get_data()) == {
        "accountConcurrencyLimit": 5,
        "accountUnallocatedConcurrencyLimit": 2,
        "integrationLimitType": "integrationSpecific",
        "integrationConcurrencyLimit": 3,
    }


# -- sign-in and permissions in the middle of a run ------------------------------------
def test_a_token_may_expire_in_the_middle(desk: Desk) -> None:
    desk.vendor.plan_expiry(nth=2)
    assert desk.put("a")[0] == 204
    assert code(desk.put("b")) == (401, "INVALID_LOGIN")
    desk.sign_in()
    assert desk.put("b")[0] == 204


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [("403", 403, "INSUFFICIENT_PERMISSION"), ("400", 400, "USER_ERROR")],
)
def test_a_role_without_permission(answer: str, status: int, said: str) -> None:
    desk = Desk(permission_answer=answer, denied=frozenset({"invoice"}))
    assert code(desk.put()) == (status, said)
    detail = desk.put()[1]["o:errorDetails"][0]["detail"]
    assert "Your current role does not have permission to perform this action." in detail


def test_a_role_that_may_only_view_is_refused_by_a_get(desk: Desk) -> None:
    desk.put()
    desk.acts.prefer(view_only=frozenset({"invoice"}))
    assert desk.call("GET", "invoice/eid:inv-1")[0] == 403, "a GET loads it in edit mode"
    assert desk.rows("SELECT externalid FROM transaction") == [{"externalid": "inv-1"}]


def test_a_field_the_role_may_not_see_is_absent(desk: Desk) -> None:
    desk.put()
    desk.acts.prefer(hidden_fields={"invoice": frozenset({"total"})})
    assert "total" not in desk.get("invoice/eid:inv-1")


# -- the sandbox itself ----------------------------------------------------------------
def test_server_time_needs_no_permission(desk: Desk) -> None:
    answer = desk.send("GET", "system/v1/serverTime")
    assert decode(answer.get_data()) == {"serverTime": "2026-03-02T17:00:00.000Z"}


def test_a_copy_goes_its_own_way(desk: Desk) -> None:
    desk.put()
    twin = desk.vendor.copy(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)))
    other = Caller(twin)
    other.token = desk.token
    assert other.get("invoice/eid:inv-1")["total"] == 100
    twin.acts.pay("1201")
    assert other.get("invoice/eid:inv-1")["status"]["id"] == "B"
    assert desk.get("invoice/eid:inv-1")["status"]["id"] == "A"
    assert other.rows("SELECT status FROM transaction WHERE type = 'CustInvc'") == [{"status": "B"}]
    assert desk.rows("SELECT status FROM transaction") == [{"status": "A"}]
    assert desk.vendor.calls
    assert not any(call.method == "PUT" for call in twin.calls)


def test_a_script_in_the_account_may_tell_of_changes(desk: Desk) -> None:
    desk.put()
    told = [desk.vendor.notice(change) for change in desk.vendor.books.changes[-1:]]
    assert told == [{"recordType": "invoice", "id": "1201", "event": "create"}]


def test_unknown_addresses(desk: Desk) -> None:
    assert desk.send("GET", "record/v2/invoice").status_code == 404
    assert desk.client.get("/elsewhere").status_code == 404
