"""Asynchronous calls and batches in the NetSuite sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode

Row = dict[str, Any]
LATER = {"Prefer": "respond-async"}
KEY = {"X-NetSuite-Idempotency-Key": "5b9e3b4e-7d61-4a6e-9f25-7a5a3b0f2c11"}
MANY = {"Content-Type": "application/vnd.oracle.resource+json; type=collection"}
JOB = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/async/v1/job/1"


class Desk(Caller):
    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.acme = self.acts.add_customer("Acme")["id"]

    def body(self, amount: int, **more: Any) -> Row:
        return {"entity": self.acme, "item": {"items": [self.acts.one_line(str(amount))]}, **more}

    def job(self, path: str = "") -> Row:
        return dict(decode(self.send("GET", f"async/v1/job/1{path}").get_data()))

    def done(self) -> str:
        """Poll until the job is completed; returns how it went."""
        while not (job := self.job())["completed"]:
            pass
        return str(job["progress"])

    def invoices(self) -> int:
        return len(list(self.acts.rows("invoice")))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_call_may_be_done_later(desk: Desk) -> None:
    answer = desk.send("POST", "record/v1/invoice", desk.body(100), headers=LATER)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    assert answer.headers["Location"] == JOB
    assert desk.job() == {
        "links": [{"rel": "self", "href": JOB}], "completed": False, "id": "1",
        "progress": "pending", "task": {"links": [{"rel": "self", "href": f"{JOB}/task"}]},
    }  # fmt: skip
    assert (desk.invoices(), desk.job("/task/1")["progress"]) == (0, "pending")
    assert desk.send("GET", "async/v1/job/1/task/1/result").status_code == 404
    assert (desk.done(), desk.invoices()) == ("succeeded", 1)
    task = desk.job("/task/1")
    assert (task["completed"], task["endTime"]) == (True, "2026-03-02T17:00:00Z")
    assert task["links"][-1] == {"rel": "related", "href": f"{JOB}/task/1/result"}
    result = desk.send("GET", "async/v1/job/1/task/1/result")
    assert result.status_code == 204
    assert result.headers["Location"].endswith("/record/v1/invoice/1201")


def test_a_job_that_nobody_polls_is_done_all_the_same(desk: Desk) -> None:
    desk.send("PUT", "record/v1/invoice/eid:k", desk.body(100), headers=LATER)
    desk.clock.advance(30)
    assert desk.call("GET", "invoice/eid:k")[0] == 200


def test_a_failed_job_replays_the_refusal(desk: Desk) -> None:
    desk.send("POST", "record/v1/invoice", {"entity": desk.acme}, headers=LATER)
    assert desk.done() == "failed"
    result = desk.send("GET", "async/v1/job/1/task/1/result")
    assert result.status_code == 400
    assert "at least one line item" in result.get_data(as_text=True)


def test_the_same_key_again_names_the_first_job(desk: Desk) -> None:
    desk.send("POST", "record/v1/invoice", desk.body(100), headers=LATER | KEY)
    again = desk.send("POST", "record/v1/invoice", desk.body(100), headers=LATER | KEY)
    body = decode(again.get_data())
    assert (again.status_code, body["title"]) == (400, "Conflict")
    assert body["o:errorDetails"][0]["o:errorCode"] == "IDEMPOTENCY_ERROR"
    assert again.headers["Location"] == JOB
    assert (desk.done(), desk.invoices()) == ("succeeded", 1)


def test_keys_are_uuids_and_may_be_forgotten() -> None:
    desk = Desk(idempotency_s=3600)
    wrong = LATER | {"X-NetSuite-Idempotency-Key": "invoice-1"}
    assert desk.send("POST", "record/v1/invoice", desk.body(1), headers=wrong).status_code == 400
    for expected in (202, 400):
        answer = desk.send("POST", "record/v1/invoice", desk.body(1), headers=LATER | KEY)
        assert answer.status_code == expected
    desk.clock.advance(3601)
    desk.sign_in()
    answer = desk.send("POST", "record/v1/invoice", desk.body(1), headers=LATER | KEY)
    assert answer.status_code == 202


# -- batches ---------------------------------------------------------------------------
def test_each_record_of_a_batch_fails_or_succeeds_alone(desk: Desk) -> None:
    items = [desk.body(1), {"entity": desk.acme}, desk.body(3)]
    answer = desk.send("POST", "record/v1/invoice", {"items": items}, headers=LATER | MANY)
    assert answer.status_code == 202
    assert (desk.done(), desk.invoices()) == ("failed", 2)
    assert [task["id"] for task in desk.job("/task")["items"]] == ["1", "2", "3"]
    results = [
        desk.send("GET", f"async/v1/job/1/task/{number}/result").status_code for number in (1, 2, 3)
    ]
    assert results == [204, 400, 204]


def test_a_batch_changes_by_id_or_external_id(desk: Desk) -> None:
    first = desk.make("POST", "invoice", desk.body(1))
    desk.make("POST", "invoice", desk.body(2, externalId="b"))
    items = [{"id": first, "externalId": "a", "memo": "one"}, {"externalId": "b", "memo": "two"}]
    desk.send("PATCH", "record/v1/invoice", {"items": items}, headers=LATER | MANY)
    assert desk.done() == "succeeded"
    assert [desk.get(f"invoice/eid:{key}")["memo"] for key in "ab"] == ["one", "two"]


def test_a_batch_upserts_by_external_id_only(desk: Desk) -> None:
    items = [desk.body(1, externalId="a"), desk.body(2)]
    desk.send("PUT", "record/v1/invoice", {"items": items}, headers=LATER | MANY, replace="item")
    assert desk.done() == "failed"
    assert (desk.invoices(), desk.get("invoice/eid:a")["total"]) == (1, 1)


def test_a_batch_reads_and_deletes_by_ids(desk: Desk) -> None:
    first = desk.make("POST", "invoice", desk.body(1))
    desk.make("POST", "invoice", desk.body(2, externalId="b"))
    ids = f"{first},eid:b"
    desk.send("GET", "record/v1/invoice", headers=LATER, expandRecords="true", ids=ids)
    desk.done()
    read = [
        decode(desk.send("GET", f"async/v1/job/1/task/{number}/result").get_data())["total"]
        for number in (1, 2)
    ]
    assert read == [1, 2]
    desk.send("DELETE", "record/v1/invoice", headers=LATER, ids=ids)
    desk.clock.advance(30)
    desk.call("GET", "invoice")
    assert desk.invoices() == 0


def test_a_batch_holds_a_hundred_and_is_never_synchronous(desk: Desk) -> None:
    items = {"items": [desk.body(1)] * 101}
    answer = desk.send("POST", "record/v1/invoice", items, headers=LATER | MANY)
    assert answer.status_code == 400
    answer = desk.send("POST", "record/v1/invoice", {"items": [desk.body(1)]}, headers=MANY)
    assert (answer.status_code, desk.invoices()) == (400, 0)


def test_a_batch_takes_time_for_each_record() -> None:
    desk = Desk()
    desk.vendor.service_s, desk.vendor.item_s = 1.0, 0.5
    desk.sign_in()
    before = desk.clock.now()
    desk.send("POST", "record/v1/invoice", {"items": [desk.body(1)] * 10}, headers=LATER | MANY)
    assert (desk.clock.now() - before).total_seconds() == 6
