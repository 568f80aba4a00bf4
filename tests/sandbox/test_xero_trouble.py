"""Idempotency keys, limits and mishaps in the stand-in of Xero."""

from __future__ import annotations

import pytest

from tests.sandbox.xero_desk import D, Row, again, desk, invoice, put
from tests.sandbox.xero_spec import CheckedCaller
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.xero.plans import TROUBLES


def send(caller: CheckedCaller, key: str, body: Row, **query: str) -> tuple[int, Row]:
    query = {"summarizeErrors": "false", **query}
    whole = {"Invoices": [body]}
    headers = {"Idempotency-Key": key}
    return caller.call("PUT", "Invoices", whole, headers=headers, **query)


def count(caller: CheckedCaller) -> int:
    return len(caller.rows("Invoices"))


# -- keys ------------------------------------------------------------------------------------
def test_the_same_request_with_the_same_key_is_done_once() -> None:
    caller = desk()
    body = invoice(caller)
    first = send(caller, "k", body)
    assert send(caller, "k", body) == first
    assert count(caller) == 1
    assert send(caller, "other", body)[1]["Invoices"][0]["InvoiceID"]
    assert count(caller) == 2


def test_another_request_with_the_same_key_is_refused() -> None:
    caller = desk()
    body = invoice(caller)
    send(caller, "k", body)
    for again_ in (
        send(caller, "k", {**body, "Reference": "x"}),
        send(caller, "k", body, unitdp="4"),
        caller.call("POST", "Invoices", {"Invoices": [body]}, headers={"Idempotency-Key": "k"}),
    ):
        assert again_[0] == 400
        assert again_[1]["Detail"] == "Idempotency key was used with a different request"
    assert count(caller) == 1


def test_a_key_lives_six_minutes_and_has_128_characters() -> None:
    caller = desk()
    body = invoice(caller)
    send(caller, "k" * 128, body)
    caller.vendor.clock.sleep(359)
    send(caller, "k" * 128, body)
    assert count(caller) == 1
    caller.vendor.clock.sleep(1)
    send(caller, "k" * 128, body)
    assert count(caller) == 2
    assert send(caller, "k" * 129, body)[0] == 400


def test_errors_are_remembered_but_not_refusals_at_the_door() -> None:
    caller = desk()
    body = invoice(caller, InvoiceNumber="NW-1")
    blocker = put(caller, InvoiceNumber="NW-1")
    refused = send(caller, "k", body)
    caller.vendor.books.prefer(reuse_numbers=True)
    caller.vendor.books.void_invoice(blocker["InvoiceID"])
    assert send(caller, "k", body) == refused
    caller.vendor.books.prefer(limits=True, per_minute=0)
    assert send(caller, "new", body)[0] == 429
    caller.vendor.books.prefer(limits=False)
    assert send(caller, "new", body)[1]["Invoices"][0]["HasErrors"] is False


def test_a_crash_inside_is_remembered_by_its_key() -> None:
    caller = desk()
    body = invoice(caller)
    caller.vendor.plan_cached_crash()
    first = send(caller, "k", body)
    assert (first[0], first[1]["Title"]) == (500, "An error occurred")
    assert send(caller, "k", body) == first
    assert count(caller) == 0
    caller.vendor.clock.sleep(360)
    assert send(caller, "k", body)[0] == 200


def test_a_lost_answer_is_found_again_by_its_key() -> None:
    caller = desk()
    body = invoice(caller, InvoiceNumber="NW-1")
    caller.vendor.plan("timeout_after_commit", method="PUT")
    with pytest.raises(ConnectionCut):
        send(caller, "k", body)
    assert send(caller, "k", body)[1]["Invoices"][0]["HasErrors"] is False
    assert count(caller) == 1
    caller.vendor.clock.sleep(400)
    late = send(caller, "k", body)[1]["Invoices"][0]
    assert late["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]


def test_a_repeat_waits_for_the_call_that_is_still_worked_on() -> None:
    caller = desk()
    body = invoice(caller)
    caller.vendor.plan_late_commit(20.0, method="PUT")
    with pytest.raises(ConnectionCut):
        send(caller, "k", body)
    assert count(caller) == 0
    before = caller.vendor.clock.now()
    assert send(caller, "k", body)[0] == 200
    assert (caller.vendor.clock.now() - before).total_seconds() == 20
    assert count(caller) == 1


def test_a_late_write_appears_when_its_time_has_come() -> None:
    caller = desk()
    caller.vendor.plan_late_commit(60.0, method="PUT")
    with pytest.raises(ConnectionCut):
        send(caller, "k", invoice(caller))
    assert count(caller) == 0
    caller.vendor.clock.sleep(61)
    assert count(caller) == 1
    with pytest.raises(ValueError, match="gives up"):
        caller.vendor.plan_late_commit(301.0)


# -- limits ------------------------------------------------------------------------------------
def test_sixty_calls_pass_in_a_minute() -> None:
    caller = desk(limits=True)
    answers = [caller.send("GET", "Currencies") for _ in range(61)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 60 + [429]
    assert answers[0].headers["X-MinLimit-Remaining"] == "59"
    assert answers[0].headers["X-DayLimit-Remaining"] == "4999"
    assert answers[0].headers["X-AppMinLimit-Remaining"] == "9999"
    refused = answers[-1]
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert refused.get_data() == b""
    caller.vendor.clock.sleep(int(refused.headers["Retry-After"]))
    assert caller.send("GET", "Currencies").status_code == 200


@pytest.mark.parametrize("window", ["fixed", "rolling"])
def test_a_day_has_its_own_limit_and_a_long_wait(window: str) -> None:
    caller = desk(limits=True, per_day=3, window=window, access_token_s=10**6)
    for _ in range(3):
        assert caller.send("GET", "Currencies").status_code == 200
    refused = caller.send("GET", "Currencies")
    wait = int(refused.headers["Retry-After"])
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "day")
    assert 60 < wait <= 86400
    caller.vendor.clock.sleep(wait)
    assert caller.send("GET", "Currencies").status_code == 200


def test_calls_made_while_limited_may_prolong_it() -> None:
    caller = desk(limits=True, per_minute=1, window="rolling", refused_calls_count=True)
    assert caller.send("GET", "Currencies").status_code == 200
    for _ in range(3):
        caller.vendor.clock.sleep(40)
        assert caller.send("GET", "Currencies").status_code == 429
    caller.vendor.clock.sleep(60)
    assert caller.send("GET", "Currencies").status_code == 200


def test_five_calls_at_once_pass_and_a_sixth_has_no_wait_to_go_by() -> None:
    caller = desk(limits=True)
    vendor = caller.vendor
    others = [vendor.traffic.enter(caller.tenant_id) for _ in range(4)]
    assert caller.send("GET", "Currencies").status_code == 200
    vendor.traffic.enter(caller.tenant_id)
    refused = caller.send("GET", "Currencies")
    assert (len(others), refused.status_code) == (4, 429)
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers


def test_the_app_has_a_limit_over_all_its_organisations() -> None:
    caller = desk(limits=True, app_per_minute=2, limit_words="old")
    second = caller.vendor.add_organisation("Second")
    assert caller.send("GET", "Currencies").status_code == 200
    assert caller.send("GET", "Currencies", headers={"xero-tenant-id": second}).status_code == 200
    refused = caller.send("GET", "Currencies")
    assert refused.headers["X-Rate-Limit-Problem"] == "Appminute"


# -- mishaps -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("trouble", "status"),
    [("412", 412), ("504", 504), ("500", 500), ("502", 502), ("503", 503),
     ("429_minute", 429), ("429_day", 429), ("429_concurrent", 429), ("429_appminute", 429),
     ("token_expired", 401), ("revoked", 401), ("slow", 200)],
)  # fmt: skip
def test_every_mishap_has_a_name(trouble: str, status: int) -> None:
    caller = desk()
    assert trouble in TROUBLES
    caller.vendor.plan(trouble, nth=2)
    before = caller.vendor.clock.now()
    assert caller.send("GET", "Currencies").status_code == 200
    response = caller.send("GET", "Currencies", loose=True)
    assert response.status_code == status
    if trouble == "slow":
        assert (caller.vendor.clock.now() - before).total_seconds() == 30
    if status == 429:
        waits = "Retry-After" in response.headers
        assert waits is (trouble in ("429_minute", "429_day"))
        assert response.headers["X-Rate-Limit-Problem"] == trouble[4:]


def test_a_mishap_before_the_work_leaves_nothing_and_one_after_it_something() -> None:
    for trouble, made in (("timeout_before_commit", 0), ("reset", 0), ("timeout_after_commit", 1)):
        caller = desk()
        caller.vendor.plan(trouble, method="PUT")
        with pytest.raises(ConnectionCut):
            send(caller, "k", invoice(caller))
        assert count(caller) == made
    for committed in (False, True):
        caller = desk()
        caller.vendor.plan_crash(committed=committed, method="PUT")
        assert send(caller, "k", invoice(caller))[0] == 500
        assert count(caller) == int(committed)
    with pytest.raises(ValueError, match="there is no trouble"):
        desk().vendor.plan("earthquake")


def test_a_mishap_of_one_organisation_spares_the_others() -> None:
    caller = desk()
    second = caller.vendor.add_organisation("Second")
    caller.vendor.plan("503", tenant=second)
    assert caller.send("GET", "Currencies").status_code == 200
    theirs = {"xero-tenant-id": second}
    assert caller.send("GET", "Currencies", headers=theirs, loose=True).status_code == 503


def test_half_an_answer() -> None:
    caller = desk()
    caller.vendor.faults.add("truncated", method="PUT")
    with pytest.raises(ValueError, match="line"):
        send(caller, "k", invoice(caller))
    assert count(caller) == 1


def test_people_plan_mishaps_on_a_page() -> None:
    caller = desk()
    page = caller.client.post("/portal/faults", json={"trouble": "503"}).get_json()
    assert "timeout_after_commit" in page["troubles"]
    assert caller.send("GET", "Currencies", loose=True).status_code == 503
    assert caller.client.get("/portal/faults").get_json()["played"] == ["reply"]
    assert caller.client.post("/portal/faults", json={"trouble": "x"}).status_code == 400


# -- copies ------------------------------------------------------------------------------------
def test_a_copy_goes_its_own_way() -> None:
    caller = desk()
    row = put(caller)
    twin = CheckedCaller(caller.vendor.copy())
    twin.vendor.books.pay(row["InvoiceID"])
    put(twin)
    assert again(twin, row)["Status"] == "PAID"
    assert again(caller, row)["AmountDue"] == D(115)
    assert (count(caller), count(twin)) == (1, 2)
    assert caller.vendor.copy().calls == []


def test_a_copy_replays_keys_and_counts_limits_for_itself() -> None:
    caller = desk(limits=True)
    body = invoice(caller)
    first = send(caller, "k", body)
    twin = CheckedCaller(caller.vendor.copy())
    assert send(twin, "k", body) == first
    assert twin.vendor.limits.calls == caller.vendor.limits.calls + 1


def test_the_bytes_of_all_answers_are_counted() -> None:
    caller = desk()
    size = len(caller.send("GET", "Accounts").get_data())
    assert caller.vendor.tenants[caller.tenant_id].egress_bytes == size
