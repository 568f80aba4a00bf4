"""The record API of the NetSuite sandbox: verbs, external ids, lines, lists and filters."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode

Row = dict[str, Any]
HOST = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest/record/v1"
STRICT = {"X-NetSuite-PropertyNameValidation": "error"}


class Desk(Caller):
    """A bookkeeper's program with a customer and a service."""

    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.item = next(row["id"] for row in self.acts.rows("serviceSaleItem"))
        self.acme = self.make("POST", "customer", {"companyName": "Acme", "subsidiary": "1"})

    def line(self, amount: str, **more: Any) -> Row:
        return {"item": {"id": self.item}, "quantity": 1, "rate": Decimal(amount),
                "amount": Decimal(amount), **more}  # fmt: skip

    def body(self, *amounts: str, **more: Any) -> Row:
        lines = [self.line(amount) for amount in amounts]
        return {"entity": {"id": self.acme}, "item": {"items": lines}, **more}

    def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Row:
        """The first error detail of a call, with its status."""
        status, answer = self.call(method, path, body, **options)
        assert status >= 400, answer
        return {"status": status, **answer["o:errorDetails"][0]}

    def lines(self, invoice: str) -> list[Row]:
        whole = self.get(f"invoice/{invoice}", expandSubResources="true")
        return list(whole["item"]["items"])


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- verbs -----------------------------------------------------------------------------
def test_a_new_record_is_answered_by_its_address_alone(desk: Desk) -> None:
    answer = desk.send("POST", "record/v1/invoice", desk.body("100"))
    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert answer.headers["Location"] == f"{HOST}/invoice/1201"
    assert "Content-Type" not in answer.headers
    assert len(answer.headers["X-N-OperationId"]) == len(answer.headers["X-NetSuite-JobId"]) == 36
    assert answer.headers["Cache-Control"] == "No-Cache"


def test_types_are_matched_in_any_case_and_answered_in_lower_case(desk: Desk) -> None:
    answer = desk.send("POST", "record/v1/CUSTOMERPAYMENT", {"customer": desk.acme, "payment": 10})
    assert answer.headers["Location"] == f"{HOST}/customerpayment/1201"
    assert desk.get("customerPayment/1201")["links"] == [
        {"rel": "self", "href": f"{HOST}/customerpayment/1201"}
    ]


def test_a_record_is_read_whole_in_part_or_expanded(desk: Desk) -> None:
    invoice = desk.make("POST", "invoice", desk.body("100.50", memo="March"))
    plain = desk.get(f"invoice/{invoice}")
    assert plain["item"] == {"links": [{"rel": "self", "href": f"{HOST}/invoice/1201/item"}]}
    assert plain["entity"]["refName"] == "Acme"
    assert plain["status"] == {"id": "A", "refName": "Open"}
    assert plain["createdDate"] == plain["lastModifiedDate"] == "2026-03-02T17:00:00Z"
    assert plain["tranDate"] == "2026-03-02"
    assert "otherRefNum" not in plain, "a null field is absent"
    part = desk.get(f"invoice/{invoice}", fields="tranId,total")
    assert {key: part[key] for key in part if key != "links"} == {
        "id": invoice, "total": Decimal("100.5"), "tranId": "INV0001",
    }  # fmt: skip
    whole = desk.get(f"invoice/{invoice}", expandSubResources="true", simpleEnumFormat="true")
    assert whole["status"] == "A"
    assert {"count", "hasMore", "items", "offset", "totalResults"} < set(whole["item"])
    listed = desk.get(f"invoice/{invoice}/item")
    assert [line["amount"] for line in listed["items"]] == [Decimal("100.5")]
    assert desk.get(f"invoice/{invoice}/item/1")["quantity"] == 1
    assert desk.call("GET", f"invoice/{invoice}/item/7")[0] == 404


def test_what_is_left_out_stays_and_null_clears(desk: Desk) -> None:
    invoice = desk.make("POST", "invoice", desk.body("100", memo="March", otherRefNum="PO-1"))
    desk.make("PATCH", f"invoice/{invoice}", {"memo": None})
    row = desk.get(f"invoice/{invoice}")
    assert ("memo" in row, row["otherRefNum"]) == (False, "PO-1")
    selected = {"replace": "memo", "replaceSelectedFields": "true"}
    desk.make("PATCH", f"invoice/{invoice}", {"otherRefNum": None}, **selected)
    assert desk.get(f"invoice/{invoice}")["otherRefNum"] == "PO-1"


def test_what_is_not_there(desk: Desk) -> None:
    missing = desk.refused("GET", "invoice/999")
    assert (missing["status"], missing["o:errorCode"]) == (404, "NONEXISTENT_ID")
    assert "Record does not exist." in missing["detail"]
    assert desk.refused("GET", "invoice/eid:none")["o:errorCode"] == "NONEXISTENT_ID"
    assert desk.refused("GET", "parrot")["status"] == 404
    assert desk.refused("POST", "currency", {})["status"] == 405
    assert desk.refused("PUT", f"customer/{desk.acme}", {})["status"] == 400


def test_the_error_envelope(desk: Desk) -> None:
    answer = desk.send("POST", "record/v1/invoice", {"entity": {"id": desk.acme}})
    kind = "application/vnd.oracle.resource+json; type=error; charset=UTF-8"
    assert answer.headers["Content-Type"] == kind
    assert decode(answer.get_data()) == {
        "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1",
        "title": "Bad Request",
        "status": 400,
        "o:errorDetails": [
            {
                "detail": "Error while accessing a resource. You must enter at least one line item"
                " for this transaction.",
                "o:errorCode": "USER_ERROR",
            }
        ],
    }


# -- external ids ----------------------------------------------------------------------
def test_put_makes_a_record_once_and_changes_it_after(desk: Desk) -> None:
    first = desk.make("PUT", "invoice/eid:inv-1", desk.body("100"), replace="item")
    again = desk.make("PUT", "invoice/eid:inv-1", desk.body("120"), replace="item")
    assert first == again
    assert desk.get("invoice/eid:inv-1")["total"] == 120
    assert len(list(desk.acts.rows("invoice"))) == 1


def test_a_repeated_put_without_replace_doubles_the_lines(desk: Desk) -> None:
    for _ in range(2):
        answer = desk.send("PUT", "record/v1/invoice/eid:inv-1", desk.body("100"))
        assert answer.status_code == 204, "no error tells of it"
    assert desk.get("invoice/eid:inv-1")["total"] == 200


def test_a_repeated_post_makes_a_second_invoice(desk: Desk) -> None:
    for _ in range(2):
        key = {"X-NetSuite-Idempotency-Key": "5b9e3b4e-7d61-4a6e-9f25-7a5a3b0f2c11"}
        desk.make("POST", "invoice", desk.body("100"), headers=key)
    assert len(list(desk.acts.rows("invoice"))) == 2, "a synchronous call ignores the key"


def test_external_ids_are_unique_in_the_whole_group(desk: Desk) -> None:
    desk.make("PUT", "customer/eid:ACME", {"companyName": "Acme 2", "subsidiary": {"id": "1"}})
    project = {"companyName": "Orion", "parent": {"id": desk.acme}, "externalId": "ACME"}
    problem = desk.refused("POST", "job", project)
    assert problem == {
        "status": 400,
        "detail": "Error while accessing a resource. This record already exists.",
        "o:errorCode": "USER_ERROR",
    }
    assert desk.call("GET", "job/eid:ACME")[0] == 404, "the id belongs to the customer"
    desk.make("PUT", "invoice/eid:ACME", desk.body("100"))  # another group


@pytest.mark.parametrize(
    ("switch", "status", "code"),
    [("DUP_RCRD", 400, "DUP_RCRD"), ("409", 409, "USER_ERROR")],
)
def test_how_a_duplicate_is_worded_is_a_switch(switch: str, status: int, code: str) -> None:
    desk = Desk(duplicate_answer=switch)
    desk.make("POST", "invoice", desk.body("1", externalId="k"))
    problem = desk.refused("POST", "creditMemo", desk.body("1", externalId="k"))
    assert (problem["status"], problem["o:errorCode"]) == (status, code)


def test_an_external_id_is_free_again_after_deletion_or_change(desk: Desk) -> None:
    invoice = desk.make("PUT", "invoice/eid:k", desk.body("100"))
    assert desk.send("DELETE", f"record/v1/invoice/{invoice}").status_code == 204
    second = desk.make("PUT", "invoice/eid:k", desk.body("100"))
    assert second != invoice
    desk.make("PATCH", f"invoice/{second}", {"externalId": "other"})
    assert desk.get("invoice/eid:other")["id"] == second
    assert desk.call("GET", "invoice/eid:k")[0] == 404


def test_a_bar_in_an_external_id_breaks_the_address_but_not_the_filter(desk: Desk) -> None:
    invoice = desk.make("POST", "invoice", desk.body("1", externalId="a|b"))
    assert desk.call("GET", "invoice/eid:a|b")[0] == 400
    found = desk.get("invoice", q='externalId IS "a|b"')
    assert [each["id"] for each in found["items"]] == [invoice]


# -- what is sent ----------------------------------------------------------------------
def test_references_come_in_many_forms(desk: Desk) -> None:
    desk.make("PATCH", f"customer/{desk.acme}", {"externalId": "cust-1"})
    for entity in ({"id": desk.acme}, {"externalId": "cust-1"}, desk.acme, int(desk.acme)):
        invoice = desk.make("POST", "invoice", desk.body("1") | {"entity": entity})
        assert desk.get(f"invoice/{invoice}")["entity"]["id"] == desk.acme
    problem = desk.refused("POST", "invoice", desk.body("1") | {"entity": {"refName": "Acme"}})
    assert problem["o:errorCode"] == "INVALID_CONTENT"


def test_a_reference_to_nothing_names_its_path(desk: Desk) -> None:
    body = desk.body("1")
    body["item"]["items"][0]["item"] = {"id": "9999"}
    problem = desk.refused("POST", "invoice", body)
    assert problem["detail"] == (
        "Error while accessing resource: You have entered an Invalid Field Value 9999"
        " for the following field: item"
    )
    assert problem["o:errorPath"] == "item.items[0].item"


def test_an_unknown_field_is_dropped_refused_or_ignored(desk: Desk) -> None:
    body = desk.body("100", mmemo="typo")
    dropped = desk.send("POST", "record/v1/invoice", body)
    assert dropped.status_code == 204
    assert "mmemo" in dropped.headers["X-NetSuite-Warning"]
    problem = desk.refused("POST", "invoice", body, headers=STRICT)
    assert (problem["o:errorCode"], problem["o:errorPath"]) == ("INVALID_CONTENT", "mmemo")
    quiet = {"X-NetSuite-PropertyNameValidation": "ignore"}
    silent = desk.send("POST", "record/v1/invoice", body, headers=quiet)
    assert "X-NetSuite-Warning" not in silent.headers


def test_an_impossible_value_is_refused_or_dropped(desk: Desk) -> None:
    problem = desk.refused("POST", "invoice", desk.body("1", tranDate="3/2/2026"))
    assert problem["o:errorPath"] == "tranDate"
    lenient = {"X-NetSuite-PropertyValueValidation": "warning"}
    answer = desk.send(
        "POST", "record/v1/invoice", desk.body("1", tranDate="3/2/2026"), headers=lenient
    )
    assert (answer.status_code, "tranDate" in answer.headers["X-NetSuite-Warning"]) == (204, True)
    wrong = desk.body("1") | {"entity": {"id": "9999"}}
    assert desk.refused("POST", "invoice", wrong, headers=lenient)["status"] == 400


def test_names_in_lower_case_numbers_as_text_and_dates_with_a_time(desk: Desk) -> None:
    line = {"ITEM": desk.item, "Quantity": "12.5", "rate": "160.00"}
    sent = {"Entity": desk.acme, "trandate": "2026-03-01T00:00:00+00:00", "item": {"items": [line]}}
    row = desk.get("invoice/" + desk.make("POST", "invoice", sent))
    assert (row["total"], row["tranDate"]) == (2000, "2026-03-01")


@pytest.mark.parametrize("number", ["1E999", "-1E40", "NaN", "Infinity", "1,5", True])
def test_numbers_beyond_reason(desk: Desk, number: Any) -> None:
    body = desk.body("1")
    body["item"]["items"][0]["amount"] = number
    assert desk.refused("POST", "invoice", body)["o:errorPath"] == "item.items[0].amount"


def test_custom_fields_appear_where_they_belong(desk: Desk) -> None:
    line = desk.line("1", custcol_tieout_line_id="L-9f2")
    body = {"entity": desk.acme, "item": {"items": [line]}, "custbody_tieout_key": "v1:abc"}
    invoice = desk.make("POST", "invoice", body, headers=STRICT)
    assert desk.get(f"invoice/{invoice}")["custbody_tieout_key"] == "v1:abc"
    assert desk.lines(invoice)[0]["custcol_tieout_line_id"] == "L-9f2"
    wrong = desk.body("1", custentity_tieout_id="x")
    assert desk.refused("POST", "invoice", wrong, headers=STRICT)["status"] == 400


def test_bodies_that_are_not_json(desk: Desk) -> None:
    assert desk.refused("POST", "invoice", "{oops")["o:errorCode"] == "INVALID_CONTENT"
    assert desk.refused("POST", "invoice", "[1]")["status"] == 400
    untyped = {"Content-Type": "", "Prefer": "transient"}
    assert desk.make("POST", "invoice", desk.body("1"), headers=untyped)


# -- lines -----------------------------------------------------------------------------
def test_patch_changes_the_line_named_and_adds_the_others(desk: Desk) -> None:
    invoice = desk.make("POST", "invoice", desk.body("100", "50"))
    keys = [line["lineUniqueKey"] for line in desk.lines(invoice)]
    changes = {"item": {"items": [{"line": 1, "amount": 70}, desk.line("5")]}}
    desk.make("PATCH", f"invoice/{invoice}", changes)
    lines = desk.lines(invoice)
    assert [(line["line"], line["amount"]) for line in lines] == [(1, 70), (2, 50), (3, 5)]
    assert [line["lineUniqueKey"] for line in lines[:2]] == keys, "the identity of a line stays"


def test_replace_removes_what_is_not_named_and_leaves_gaps(desk: Desk) -> None:
    invoice = desk.make("POST", "invoice", desk.body("100", "50", "25"))
    sent = {"item": {"items": [{"line": 2, "amount": 60}, desk.line("5")]}}
    desk.make("PATCH", f"invoice/{invoice}", sent, replace="item")
    lines = [(line["line"], line["amount"]) for line in desk.lines(invoice)]
    assert lines == [(2, 60), (4, 5)]
    assert desk.get(f"invoice/{invoice}")["total"] == 65


@pytest.mark.parametrize("empty", [None, {"items": None}])
def test_replacing_all_lines_by_nothing_is_refused(desk: Desk, empty: Any) -> None:
    invoice = desk.make("POST", "invoice", desk.body("100"))
    problem = desk.refused("PATCH", f"invoice/{invoice}", {"item": empty}, replace="item")
    assert "at least one line item" in problem["detail"]
    desk.make("PATCH", f"invoice/{invoice}", {"item": empty})  # nothing is added either
    assert desk.get(f"invoice/{invoice}")["total"] == 100


# -- collections -----------------------------------------------------------------------
def test_a_collection_holds_ids_and_links_page_by_page(desk: Desk) -> None:
    made = [desk.make("POST", "invoice", desk.body("1")) for _ in range(5)]
    page = desk.get("invoice", limit="2", offset="2")
    assert [each["id"] for each in page["items"]] == made[2:4]
    assert set(page["items"][0]) == {"id", "links"}
    assert (page["count"], page["hasMore"], page["totalResults"]) == (2, True, 5)
    assert [each["rel"] for each in page["links"]] == ["prev", "first", "next", "last", "self"]
    last = desk.get("invoice", limit="2", offset="4")
    assert (last["hasMore"], last["count"]) == (False, 1)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": "3", "offset": "4"}, "offset"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1", "offset": "1000"}, "offset"),
        ({"offset": "x"}, "offset"),
    ],
)
def test_pages_that_are_refused(desk: Desk, query: dict[str, str], named: str) -> None:
    problem = desk.refused("GET", "invoice", **query)
    assert (problem["o:errorCode"], problem["o:errorQueryParam"]) == ("INVALID_PARAMETER", named)


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("total GREATER 150", [2, 3]),
        ("total BETWEEN [100, 200]", [1, 2]),
        ("memo CONTAIN orion OR total EQUAL 300 AND memo EMPTY", [1, 2, 3]),
        ("(memo CONTAIN orion OR total EQUAL 300) AND memo EMPTY_NOT", [1, 2]),
        ('memo START_WITH "Project O"', [1, 2]),
        ('memo IS_NOT "Project Orion"', [2, 3]),
        ('tranDate ON_OR_AFTER "3/2/2026"', [2, 3]),
        ('tranDate BEFORE "3/2/2026"', [1]),
        ("id ANY_OF [1201, 1203]", [1, 3]),
        ("amountRemaining EQUAL 300", [3]),
    ],
)
def test_conditions_of_q(desk: Desk, condition: str, numbers: list[int]) -> None:
    desk.make("POST", "invoice", desk.body("100", memo="Project Orion", tranDate="2026-03-01"))
    desk.make("POST", "invoice", desk.body("200", memo="Project Orion 2"))
    desk.make("POST", "invoice", desk.body("300"))
    found = desk.get("invoice", q=condition)["items"]
    assert [int(each["id"]) - 1200 for each in found] == numbers


def test_dates_in_q_are_in_the_users_format(desk: Desk) -> None:
    problem = desk.refused("GET", "invoice", q='tranDate AFTER "2026-03-01"')
    assert (problem["o:errorCode"], problem["detail"]) == (
        "INVALID_PARAMETER", "Unparseable date: 2026-03-01",
    )  # fmt: skip
    desk.acts.prefer(date_format="YYYY-MM-DD")
    assert desk.call("GET", "invoice", q='tranDate AFTER "2026-03-01"')[0] == 200


@pytest.mark.parametrize("condition", ["nothing IS 1", "memo", "memo GREATER 1", "(memo EMPTY"])
def test_conditions_that_cannot_be_read(desk: Desk, condition: str) -> None:
    assert desk.refused("GET", "invoice", q=condition)["o:errorQueryParam"] == "q"
