"""Queries, batches, change data capture, request ids, limits and errors of the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


def desk(**settings: Any) -> Caller:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    options = {"preset": "sample", "multicurrency": False, "limits": False} | settings
    return Caller(QuickBooks(clock, **options))


def invoice_body(caller: Caller, amount: str = "10.00", **values: Any) -> Row:
    books = caller.vendor.books
    customer = next(row["Id"] for row in books.live("Customer") if row["Active"])
    return {
        "CustomerRef": {"value": customer},
        "Line": [books.one_line(Decimal(amount), "")],
        **values,
    }


def code_of(answer: Row) -> str:
    return str(answer["Fault"]["Error"][0]["code"])


# -- queries -------------------------------------------------------------------------
def test_lists_hide_inactive_rows_unless_asked() -> None:
    caller = desk()
    caller.vendor.books.deactivate("Class", "1")
    assert len(caller.query("select * from Class")["Class"]) == 1
    both = caller.query("select * from Class where Active in (true, false)")["Class"]
    assert {row["Name"] for row in both} == {"Studio (deleted)", "Engineering"}


@pytest.mark.parametrize(
    ("statement", "numbers"),
    [
        ("SELECT * FROM Invoice WHERE DocNumber = '1003'", ["1003"]),
        ("select * from Invoice where DocNumber in ('1002','1001') orderby DocNumber desc",
         ["1002", "1001"]),
        ("SELECT * FROM Invoice WHERE DocNumber LIKE '%15'", ["1015"]),
        ("SELECT * FROM Invoice WHERE Balance > '4000.00' ORDER BY Id", ["1011", "1015"]),
        ("SELECT *, Sku FROM Invoice WHERE TxnDate >= '2026-02-20' and TotalAmt < 500", ["1016"]),
        ("SELECT * FROM Invoice ORDERBY Id MAXRESULTS 2 STARTPOSITION 3", ["1003", "1004"]),
        ("SELECT * FROM Invoice ORDERBY TxnDate DESC, Id STARTPOSITION 1 MAXRESULTS 1", ["1016"]),
        ("SELECT * FROM Invoice WHERE MetaData.LastUpdatedTime >= '2026-02-25T00:00:00-08:00'",
         ["1016"]),
    ],
)  # fmt: skip
def test_statements_find_invoices(statement: str, numbers: list[str]) -> None:
    found = desk().query(statement)["Invoice"]
    assert [row["DocNumber"] for row in found] == numbers


def test_apostrophes_are_escaped_with_a_backslash() -> None:
    caller = desk()
    caller.vendor.books.add_customer("O'Neil & Co")
    rows = caller.query(r"SELECT * FROM Customer WHERE DisplayName = 'O\'Neil & Co'")["Customer"]
    assert [row["DisplayName"] for row in rows] == ["O'Neil & Co"]


def test_no_match_has_no_entity_key_and_count_counts() -> None:
    caller = desk()
    assert caller.query("SELECT * FROM Invoice WHERE Id = '999'") == {}
    assert caller.query("select count(*) from Invoice") == {"totalCount": 16}


def test_a_statement_may_be_posted_as_text() -> None:
    caller = desk()
    response = caller.send("POST", "query", "select * from Term", kind="text")
    assert b"Net 30" in response.get_data()
    assert caller.vendor.write_calls == []


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT * FROM Custmoer", "4001"),
        ("SELECT * FROM Invoice STARTPOSITION 0", "4001"),
        ("SELECT * FROM Invoice WHERE PrivateNote = 'x'", "4001"),
        ("SELECT * FROM Invoice WHERE DocNumber = '1' OR DocNumber = '2'", "4000"),
        ("SELECT FROM", "4000"),
        ("DELETE * FROM Invoice", "4000"),
    ],
)
def test_bad_statements(statement: str, code: str) -> None:
    assert code_of(desk().query(statement)) == code


# -- request ids ------------------------------------------------------------------------
def test_a_repeated_request_id_gets_the_first_answer() -> None:
    caller = desk()
    first = caller.call("POST", "invoice", invoice_body(caller, "10"), requestid="r1")
    again = caller.call("POST", "invoice", invoice_body(caller, "99"), requestid="r1")
    assert again == first
    assert caller.query("select count(*) from Invoice") == {"totalCount": 17}


def test_a_lost_answer_is_found_again_by_its_request_id() -> None:
    caller = desk()
    caller.vendor.faults.add("lost_answer", method="POST")
    body = invoice_body(caller)
    with pytest.raises(ConnectionCut):
        caller.call("POST", "invoice", body, requestid="r2")
    status, answer = caller.call("POST", "invoice", body, requestid="r2")
    assert status == 200
    assert answer["Invoice"]["SyncToken"] == "0"
    assert caller.query("select count(*) from Invoice") == {"totalCount": 17}


def test_request_ids_are_forgotten_after_a_day() -> None:
    caller = desk(access_token_s=10**6)
    body = invoice_body(caller)
    one = caller.post("Invoice", body, requestid="r3")
    caller.vendor.clock.sleep(86401)
    assert caller.post("Invoice", body, requestid="r3")["Id"] != one["Id"]


def test_refusals_are_replayed_or_not_by_setting() -> None:
    for replayed in (True, False):
        caller = desk(replay_faults=replayed)
        body = invoice_body(caller)
        broken = {**body, "CustomerRef": {"value": "999"}}
        assert code_of(caller.post("Invoice", broken, requestid="r")) == "2500"
        assert ("Fault" in caller.post("Invoice", body, requestid="r")) is replayed


def test_long_request_ids_are_refused() -> None:
    caller = desk()
    answer = caller.post("Invoice", invoice_body(caller), requestid="x" * 51)
    assert code_of(answer) == "6000"
    assert "more than 50 characters" in answer["Fault"]["Error"][0]["Detail"]


# -- batch ---------------------------------------------------------------------------------
def test_batch_items_succeed_and_fail_for_themselves() -> None:
    caller = desk()
    items: list[Row] = [
        {"bId": "a", "operation": "create", "Invoice": invoice_body(caller)},
        {"bId": "b", "operation": "create", "Invoice": {"Line": []}},
        {"bId": "q", "Query": "select count(*) from Term"},
        {"bId": "c", "operation": "create", "Term": {"Name": "Net 7", "DueDays": 7}},
    ]
    status, answer = caller.call("POST", "batch", {"BatchItemRequest": items}, requestid="b1")
    assert status == 200
    by_id = {item["bId"]: item for item in answer["BatchItemResponse"]}
    assert by_id["a"]["Invoice"]["TotalAmt"] == 10
    assert code_of(by_id["b"]) == "2020"
    assert by_id["q"]["QueryResponse"] == {"totalCount": 4}
    assert by_id["c"]["Term"]["Type"] == "STANDARD"
    again = caller.call("POST", "batch", {"BatchItemRequest": items[:1]}, requestid="b1")[1]
    assert again["BatchItemResponse"][0]["Invoice"] == by_id["a"]["Invoice"]
    items[0]["bId"] = "z"
    other = caller.call("POST", "batch", {"BatchItemRequest": items[:1]}, requestid="b1")[1]
    assert other["BatchItemResponse"][0]["Invoice"]["Id"] != by_id["a"]["Invoice"]["Id"]


def test_batches_void_and_allow_duplicates_by_options() -> None:
    caller = desk()
    payment = caller.vendor.books.live("Payment")[0]
    void = {key: payment[key] for key in ("Id", "SyncToken")} | {"sparse": True}
    twin = invoice_body(caller, DocNumber="1001")
    items = [
        {"bId": "1", "operation": "update", "optionsData": "void", "Payment": void},
        {
            "bId": "2",
            "operation": "create",
            "optionsData": "allowduplicatedocnum",
            "Invoice": twin,
        },
        {"bId": "3", "operation": "create", "Invoice": twin},
    ]
    answer = caller.call("POST", "batch", {"BatchItemRequest": items})[1]["BatchItemResponse"]
    assert answer[0]["Payment"]["TotalAmt"] == 0
    assert answer[1]["Invoice"]["DocNumber"] == "1001"
    assert code_of(answer[2]) == "6140"


def test_batches_have_limits() -> None:
    caller = desk()
    item = {"bId": "1", "Query": "select * from Term"}
    status, answer = caller.call("POST", "batch", {"BatchItemRequest": [item] * 31})
    assert (status, code_of(answer)) == (400, "1040")
    long = {"BatchItemRequest": [{**item, "bId": "12345678901"}]}
    assert code_of(caller.call("POST", "batch", long, requestid="r")[1]) == "6000"


def test_batches_of_queries_are_not_writes() -> None:
    caller = desk()
    query: Row = {"bId": "1", "Query": "select * from Term"}
    caller.call("POST", "batch", {"BatchItemRequest": [query]})
    assert caller.vendor.write_calls == []
    term = {"bId": "2", "operation": "create", "Term": {"Name": "T"}}
    caller.call("POST", "batch", {"BatchItemRequest": [query, term]})
    assert len(caller.vendor.write_calls) == 1


# -- change data capture --------------------------------------------------------------------
def test_changes_are_whole_rows_and_stubs() -> None:
    caller = desk(preset="empty")
    books = caller.vendor.books
    customer = books.add_customer("Acme")["Id"]
    kept, gone = books.add_invoice(customer, "5"), books.add_invoice(customer, "6")
    books.delete_invoice(gone["Id"])
    since = "2026-03-02T08:00:00-08:00"
    query = {"entities": "Invoice,Payment,Customer", "changedSince": since}
    answer = caller.call("GET", "cdc", **query)[1]["CDCResponse"][0]["QueryResponse"]
    invoices = {row["Id"]: row for row in answer[0]["Invoice"]}
    assert invoices[kept["Id"]]["TotalAmt"] == 5
    assert invoices[gone["Id"]]["status"] == "Deleted"
    assert answer[1] == {}
    assert answer[2]["Customer"][0]["Balance"] == 5
    old = {"entities": "Invoice", "changedSince": "2026-01-01T00:00:00Z"}
    assert caller.call("GET", "cdc", **old)[0] == 400
    assert caller.call("GET", "cdc", **query | {"entities": "TimeActivity"})[0] == 400


def test_changes_end_at_a_thousand() -> None:
    caller = desk(preset="empty")
    customer = caller.vendor.books.add_customer("Acme")["Id"]
    for _ in range(1010):
        caller.vendor.books.add_invoice(customer, "1")
    query = {"entities": "Invoice,Customer", "changedSince": "2026-03-01"}
    answer = caller.call("GET", "cdc", **query)[1]["CDCResponse"][0]["QueryResponse"]
    assert len(answer[0]["Invoice"]) == 1000
    assert answer[1] == {}


# -- the gateway -----------------------------------------------------------------------------
def test_ten_calls_a_second_and_then_429() -> None:
    caller = desk(limits=True)
    statuses = [caller.send("GET", "preferences").status_code for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    caller.vendor.clock.sleep(0.25)
    statuses = [caller.send("GET", "preferences").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_five_hundred_calls_a_minute() -> None:
    caller = desk(limits=True)
    refused = 0
    for _ in range(600):
        refused += caller.send("GET", "preferences").status_code == 429
        caller.vendor.clock.sleep(0.1)
    # 60 seconds bring back 500 tokens; all 600 calls pass at ten a second.
    assert refused == 0
    caller.vendor.settings.per_minute = 60
    statuses = set()
    for _ in range(80):
        statuses.add(caller.send("GET", "preferences").status_code)
        caller.vendor.clock.sleep(0.1)
    assert statuses == {200, 429}


def test_the_429_comes_in_both_dialects() -> None:
    caller = desk(limits=True, per_second=0, throttle_body="xml", retry_after_s=60)
    response = caller.send("GET", "preferences")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert b'<Error code="3001">' in response.get_data()
    caller.vendor.settings.throttle_body = "json"
    caller.vendor.settings.retry_after_s = None
    response = caller.send("GET", "preferences")
    assert response.get_json()["fault"]["error"][0]["code"] == "3001"
    assert "Retry-After" not in response.headers


def test_the_monthly_quota_counts_reads_only() -> None:
    caller = desk(limits=True, monthly_quota=2)
    for _ in range(2):
        assert "Term" in caller.query("select * from Term")
    assert caller.send("GET", "preferences").status_code == 429
    assert caller.post("Term", {"Name": "Net 9", "DueDays": 9})["Name"] == "Net 9"
    caller.vendor.settings.access_token_s = 10**8
    caller.vendor.clock.sleep(31 * 86400)
    caller.token = caller.vendor.sign_in.issue()["access_token"]
    assert caller.send("GET", "preferences").status_code == 200


def test_batches_are_limited_by_the_minute() -> None:
    caller = desk(limits=True, per_second=100)
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    statuses = [caller.call("POST", "batch", body)[0] for _ in range(41)]
    assert statuses == [200] * 40 + [429]


def test_the_gateway_speaks_lower_case_or_xml() -> None:
    caller = desk()
    caller.vendor.expire_access_tokens()
    response = caller.send("GET", "preferences")
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    body = response.get_json()
    assert body["fault"]["error"][0]["code"] == "3200"
    assert body["fault"]["type"] == "AUTHENTICATION"
    caller.vendor.settings.gateway_body = "xml"
    assert b"<IntuitResponse" in caller.send("GET", "preferences").get_data()


def test_throttling_can_be_planned() -> None:
    caller = desk(retry_after_s=60)
    caller.vendor.plan_throttle(nth=2)
    statuses = [caller.send("GET", "preferences").status_code for _ in range(3)]
    assert statuses == [200, 429, 200]


def test_another_company_is_forbidden() -> None:
    one, two = desk(), desk(seed=2)
    assert one.vendor.realm_id != two.vendor.realm_id
    path = f"/v3/company/{two.vendor.realm_id}/preferences"
    response = one.client.get(path, headers={"Authorization": f"Bearer {one.token}"})
    assert response.status_code == 403
    assert response.get_json()["fault"]["error"][0]["code"] == "3100"
    response = two.client.get(path, headers={"Authorization": f"Bearer {one.token}"})
    assert response.status_code == 401


def test_unknown_paths_and_bad_bytes_are_unsupported() -> None:
    caller = desk()
    for answer in (caller.call("GET", "bogus/1"), caller.call("POST", "invoice", b"\xff{}")):
        assert (answer[0], code_of(answer[1])) == (400, "500")
    assert code_of(caller.call("POST", "invoice", "{")[1]) == "2010"
    assert code_of(caller.call("GET", "invoice/abc")[1]) == "2030"


def test_company_and_preferences() -> None:
    caller = desk()
    info = caller.call("GET", f"companyinfo/{caller.vendor.realm_id}")[1]["CompanyInfo"]
    assert info["Country"] == "US"
    preferences = caller.call("GET", "preferences")[1]["Preferences"]
    assert preferences["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    assert preferences["CurrencyPrefs"]["MultiCurrencyEnabled"] is False
    assert caller.query("select * from CompanyInfo")["CompanyInfo"][0]["Id"] == "1"
