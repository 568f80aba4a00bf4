"""The Salesforce stand-in: refusals of whole calls, crowded hours, duplicate rules, and copies."""

from __future__ import annotations

import copy
import json
import threading
from datetime import UTC, datetime

import pytest
from werkzeug.test import Client

from tieout.clock import VirtualClock
from tieout.sandbox.salesforce import Salesforce

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
BASE = "/services/data/v66.0"


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def vendor(clock):
    return Salesforce(clock)


@pytest.fixture
def deal(vendor):
    return vendor.org.records("Opportunity")[0]["Id"]


def call(vendor, method, path, body=None, token=None, **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    headers["Authorization"] = f"Bearer {token or vendor.oauth.issue()}"
    data = None if body is None else json.dumps(body)
    kind = {} if body is None else {"Content-Type": "application/json"}
    return Client(vendor).open(
        f"{BASE}/{path}", method=method, headers={**headers, **kind}, data=data
    )


# -- refusals of whole calls ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("QUERY_TIMEOUT", 400),
        ("REQUEST_RUNNING_TOO_LONG", 400),
        ("API_CURRENTLY_DISABLED", 403),
        ("API_DISABLED_FOR_ORG", 403),
        ("FORBIDDEN", 403),
        ("INSUFFICIENT_ACCESS", 403),
        ("REQUEST_LIMIT_EXCEEDED", 403),
        ("CONFLICT", 409),
        ("PRECONDITION_FAILED", 412),
        ("PRECONDITION_REQUIRED", 428),
        ("APEX_ERROR", 500),
        ("UNKNOWN_EXCEPTION", 500),
        ("SERVER_UNAVAILABLE", 503),
    ],
)
def test_a_refused_call_answers_an_array_and_does_nothing(vendor, deal, code, status):
    vendor.refuse_calls(code, method="PATCH", path="Opportunity")
    assert call(vendor, "GET", "limits").status_code == 200
    before = vendor.org.get("Opportunity", deal)
    refused = call(vendor, "PATCH", f"sobjects/Opportunity/{deal}", {"Name": "Refused"})
    assert refused.status_code == status
    assert refused.json[0]["errorCode"] == code
    assert refused.json[0]["message"]
    assert refused.headers["Date"] == "Thu, 15 Jan 2026 09:30:00 GMT"
    assert vendor.org.get("Opportunity", deal) == before
    assert call(vendor, "PATCH", f"sobjects/Opportunity/{deal}", {"Name": "Ok"}).status_code == 204


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        (lambda vendor: vendor.go_down(), 503),
        (lambda vendor: vendor.go_down(status=502), 502),
        (lambda vendor: vendor.lose_route(), 420),
    ],
)
def test_gateways_answer_a_page(vendor, plan, status):
    plan(vendor)
    answer = call(vendor, "GET", "limits")
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert call(vendor, "GET", "limits").status_code == 200


def test_a_lock_may_come_wrapped_in_a_trigger_error(vendor, deal):
    vendor.refuse_writes(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: UNABLE_TO_LOCK_ROW, unable to obtain"
    )
    body = {"records": [{"attributes": {"type": "Opportunity"}, "id": deal, "Name": "x"}]}
    answer = call(vendor, "PATCH", "composite/sobjects", body).json
    assert answer[0]["errors"][0]["statusCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    assert "UNABLE_TO_LOCK_ROW" in answer[0]["errors"][0]["message"]


def test_token_trouble(vendor):
    form = {"grant_type": "client_credentials", **{
        key: vendor.credentials[key] for key in ("client_id", "client_secret")}}  # fmt: skip
    for error in ("rate_limit_exceeded", "unknown_error"):
        vendor.oauth.refuse_with = error, "try again"
        answer = Client(vendor).post("/services/oauth2/token", data=form)
        assert (answer.status_code, answer.json["error"]) == (400, error)
    vendor.oauth.refuse_with = None
    assert Client(vendor).post("/services/oauth2/token", data=form).status_code == 200


def test_an_app_may_have_its_own_share_of_the_calls(vendor):
    vendor.app_limit = "Tieout", 250
    answer = call(vendor, "GET", "limits")
    assert answer.headers["Sforce-Limit-Info"] == (
        "api-usage=1/15000; per-app-api-usage=1/250(appName=Tieout)"
    )


# -- long calls at the same time -------------------------------------------------------------
class Held(VirtualClock):
    """A clock on which a call that waits is held until the test lets it go."""

    def __init__(self, start):
        super().__init__(start)
        self.waiting = threading.Semaphore(0)
        self.go = threading.Event()

    def sleep(self, seconds):
        if seconds > 0:
            self.waiting.release()
            assert self.go.wait(10)


@pytest.mark.parametrize(("running_s", "status"), [(19, 200), (20, 403)])
def test_only_so_many_calls_run_for_twenty_seconds_at_once(running_s, status):
    clock = Held(START)
    vendor = Salesforce(clock, preset="empty", concurrent_limit=2)
    vendor.faults.add("slow", path="sobjects", seconds=60, times=2)
    token = vendor.oauth.issue()
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(call(vendor, "GET", "sobjects", token=token))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
        assert clock.waiting.acquire(timeout=10)
    clock.advance(running_s)
    third = call(vendor, "GET", "limits", token=token)
    assert third.status_code == status
    if status == 403:
        assert third.json[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
        assert "Concurrent" in third.json[0]["message"]
    clock.go.set()
    for thread in threads:
        thread.join(10)
    assert [each.status_code for each in answers] == [200, 200]
    assert call(vendor, "GET", "limits", token=token).status_code == 200


# -- duplicate rules ---------------------------------------------------------------------------
def test_a_duplicate_is_saved_for_a_caller_who_asks(vendor):
    account = vendor.org.records("Account")[0]["Id"]
    vendor.find_duplicates([("Account", account)])
    refused = call(vendor, "POST", "sobjects/Account", {"Name": "Twin"},
                   Sforce_Duplicate_Rule_Header="allowSave=false")  # fmt: skip
    assert refused.json[0]["errorCode"] == "DUPLICATES_DETECTED"
    assert refused.json[0]["duplicateResut"]["allowSave"] is True
    vendor.find_duplicates([("Account", account)])
    saved = call(vendor, "POST", "sobjects/Account", {"Name": "Twin"},
                 Sforce_Duplicate_Rule_Header="allowSave=true")  # fmt: skip
    assert saved.status_code == 201
    # The header was for that call alone: the rule still stops the next one.
    assert call(vendor, "POST", "sobjects/Account", {"Name": "Twin"}).status_code == 400


def test_a_strict_duplicate_rule_stops_everybody(vendor):
    account = vendor.org.records("Account")[0]["Id"]
    vendor.find_duplicates([("Account", account)], allow_save=False, key="duplicateResult")
    refused = call(vendor, "POST", "sobjects/Account", {"Name": "Twin"},
                   Sforce_Duplicate_Rule_Header="allowSave=true")  # fmt: skip
    assert refused.json[0]["duplicateResult"]["allowSave"] is False


def test_a_part_of_a_composite_may_ask_for_itself(vendor):
    account = vendor.org.records("Account")[0]["Id"]
    vendor.find_duplicates([("Account", account)])
    part = {"method": "POST", "url": f"{BASE}/sobjects/Account", "body": {"Name": "Twin"}}
    asking = {"httpHeaders": {"Sforce-Duplicate-Rule-Header": "allowSave=true"}}
    body = {"compositeRequest": [{**part, "referenceId": "a", **asking},
                                 {**part, "referenceId": "b"}]}  # fmt: skip
    answer = call(vendor, "POST", "composite", body).json["compositeResponse"]
    assert [each["httpStatusCode"] for each in answer] == [201, 400]


# -- copies --------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [Salesforce.copy, copy.deepcopy])
def test_a_prepared_org_is_copied_and_both_go_their_own_way(vendor, deal, copied):
    token = vendor.oauth.issue()
    vendor.outbound.add("http://127.0.0.1:9/", where="IsWon = true", evaluate="newly_met")
    vendor.lock_rows(1)
    call(vendor, "GET", "limits", token=token)
    twin = copied(vendor)
    assert twin.calls == []
    assert twin.org.records("Opportunity") == vendor.org.records("Opportunity")
    twin.org.update("Opportunity", deal, {"Name": "Theirs"})
    twin.org.win(deal)
    vendor.org.update("Opportunity", deal, {"Name": "Ours"})
    twin.org.schema.remove("Opportunity", "Description")
    assert twin.org.get("Opportunity", deal)["Name"] == "Theirs"
    assert vendor.org.get("Opportunity", deal)["Name"] == "Ours"
    assert [each.record_id for each in twin.outbound.waiting] == [deal]
    assert vendor.outbound.waiting == []
    path = f"sobjects/Opportunity/{deal}"
    for each, wants in ((vendor, "Ours"), (twin, "Theirs")):
        refused = call(each, "PATCH", path, {"Type": "x"}, token=token)
        assert refused.json[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
        assert call(each, "PATCH", path, {"Type": "x"}, token=token).status_code == 204
        assert call(each, "GET", path, token=token).json["Name"] == wants
    assert "Description" not in call(twin, "GET", path, token=token).json
    assert "Description" in call(vendor, "GET", path, token=token).json
    same = {"Name": "Made", "StageName": "Signed", "CloseDate": "2026-02-01"}
    assert vendor.org.insert("Opportunity", same) == twin.org.insert("Opportunity", same)


def test_a_copy_can_live_on_another_clock(vendor, deal, clock):
    later = VirtualClock(datetime(2027, 3, 1, 8, 0, tzinfo=UTC))
    twin = vendor.copy(later)
    twin.org.update("Opportunity", deal, {"Name": "Next year"})
    answer = call(twin, "GET", f"sobjects/Opportunity/{deal}")
    assert answer.json["SystemModstamp"] == "2027-03-01T08:00:00.000+0000"
    assert answer.headers["Date"] == "Mon, 01 Mar 2027 08:00:00 GMT"
    clock.advance(60)
    assert later.now() == datetime(2027, 3, 1, 8, 0, tzinfo=UTC)


def test_the_books_alone_can_be_copied(vendor, deal):
    books = copy.deepcopy(vendor.org)
    books.update("Opportunity", deal, {"Name": "Theirs"})
    assert vendor.org.get("Opportunity", deal)["Name"] != "Theirs"
    assert books.clock is vendor.org.clock
