"""The Salesforce stand-in: queries, records, composites and the trouble people have with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from werkzeug.test import Client

from tieout.clock import VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.salesforce import ApiError, Salesforce
from tieout.sandbox.salesforce.ids import checksum

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
BASE = "/services/data/v66.0"
CUSTOM = {
    "objects": {
        "Opportunity": {"fields": ["Legacy__c string(20) ext"]},
        "Site__c": {"prefix": "a07", "fields": [
            {"name": "Opportunity__c", "type": "reference", "referenceTo": "Opportunity",
             "childRelationshipName": "Sites__r"}]},
    }
}  # fmt: skip


class Api:
    def __init__(self, vendor):
        self.vendor = vendor
        self._client = Client(vendor)
        self._token = vendor.oauth.issue()

    def __call__(self, method, path, body=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        headers["Authorization"] = f"Bearer {self._token}"
        path = path if path.startswith("/services") else f"{BASE}/{path}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._client.open(
            path, method=method, headers=headers, data=None if body is None else json.dumps(body)
        )

    def query(self, text, resource="query", **headers):
        path = f"{BASE}/{resource}/"
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        headers["Authorization"] = f"Bearer {self._token}"
        return self._client.get(path, query_string={"q": text}, headers=headers)

    def rows(self, text, resource="query"):
        answer = self.query(text, resource)
        assert answer.status_code == 200, answer.json
        return json.loads(answer.get_data(as_text=True), parse_float=Decimal)["records"]


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def vendor(clock):
    return Salesforce(clock, schema=CUSTOM)


@pytest.fixture
def api(vendor):
    return Api(vendor)


@pytest.fixture
def deal(vendor):
    account = vendor.org.records("Account")[0]["Id"]
    return vendor.org.insert(
        "Opportunity",
        {"Name": "It's a deal", "AccountId": account, "StageName": "Prospecting",
         "CloseDate": "2026-02-01", "Amount": Decimal("1200.50")},
    )  # fmt: skip


def code(answer):
    return answer.status_code, answer.json[0]["errorCode"]


def names(rows):
    return [row["Name"] for row in rows]


# -- queries -----------------------------------------------------------------------
def test_the_sample_has_deals_in_every_stage(vendor):
    deals = vendor.org.records("Opportunity")
    assert len(deals) == 20
    assert len({each["StageName"] for each in deals}) == 7
    assert all(len(each["Id"]) == 18 and checksum(each["Id"][:15]) == each["Id"][15:]
               for each in deals)  # fmt: skip
    assert len(vendor.org.records("Account")) == 12


def test_the_checksum_of_a_known_id():
    assert checksum("0015000000Gv7qJ") == "AAR"


def test_parents_and_children_are_nested(api, vendor, deal):
    row = api.rows(
        "SELECT Id, Name, Account.Name, Account.Owner.Name, Amount, CloseDate, SystemModstamp, "
        "(SELECT Id FROM OpportunityLineItems) FROM Opportunity WHERE Name = 'It\\'s a deal'"
    )[0]
    assert row["attributes"] == {"type": "Opportunity",
                                 "url": f"{BASE}/sobjects/Opportunity/{deal}"}  # fmt: skip
    assert row["Account"]["Name"] == "Northwind Traders"
    assert row["Account"]["Owner"]["Name"] == "Sam Seller"
    assert row["Amount"] == Decimal("1200.5")
    assert row["CloseDate"] == "2026-02-01"
    assert row["SystemModstamp"] == "2026-01-15T09:30:00.000+0000"
    assert row["OpportunityLineItems"] is None
    with_lines = api.rows(
        "SELECT Id, (SELECT Id, TotalPrice, Product2.ProductCode FROM OpportunityLineItems "
        "ORDER BY SortOrder) FROM Opportunity WHERE HasOpportunityLineItem = true LIMIT 1"
    )[0]["OpportunityLineItems"]
    assert with_lines["done"] is True
    assert with_lines["totalSize"] == len(with_lines["records"])
    assert with_lines["records"][0]["Product2"]["ProductCode"]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("IsWon = true", 6),
        ("IsWon = true AND IsClosed = true", 6),
        ("NOT (IsWon = true OR IsClosed = false)", 2),
        ("Amount >= 27500 AND (Amount < 28000 OR Amount = null)", None),
        ("StageName IN ('Signed', 'closed won')", 6),
        ("StageName NOT IN ('Signed', 'Closed Won')", 14),
        ("Name LIKE '%warehouse%'", 2),
        ("Name LIKE 'Contoso Health - ERP_rollout'", 1),
        ("Tieout_Project_Id__c = null", 20),
        ("CloseDate = LAST_N_DAYS:3", 4),
        ("CloseDate > 2026-01-15", 9),
        ("SystemModstamp >= 2026-01-15T09:30:00Z", 20),
        ("SystemModstamp > 2026-01-15T09:30:00.000+0000", 0),
        ("Account.Name = 'Contoso Health'", 2),
        ("Id IN (SELECT OpportunityId FROM OpportunityLineItem)", 14),
        ("Opportunity.Type <> 'New Customer'", 8),
    ],
)
def test_conditions(api, where, count):
    answer = api.query(f"SELECT COUNT() FROM Opportunity WHERE {where}").json
    assert answer["records"] == []
    if count is not None:
        assert answer["totalSize"] == count


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT Id FROM Opportunity WHERE", "MALFORMED_QUERY"),
        ("SELECT Id Name FROM Opportunity", "MALFORMED_QUERY"),
        ("SELECT Id FROM Opportunity WHERE Name = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Id != null AND Name = 'a' OR Name = 'b'",
         "MALFORMED_QUERY"),
        ("SELECT Nope FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Nope.Name FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id, Id FROM Opportunity", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
         "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Opportunity WHERE AccountId = 'abc'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Deal", "INVALID_TYPE"),
        ("SELECT Id, (SELECT Id FROM Lines) FROM Opportunity", "INVALID_TYPE"),
        ("SELECT Id FROM Opportunity OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)  # fmt: skip
def test_bad_queries(api, text, error):
    assert code(api.query(text)) == (400, error)


def test_order_limit_and_offset(api):
    rows = api.rows("SELECT o.Name FROM Account o ORDER BY o.Name DESC LIMIT 2 OFFSET 1")
    assert names(rows) == ["Wingtip Legal, LLP", "Tailspin Toys"]
    keyset = api.rows("SELECT Id FROM Opportunity ORDER BY SystemModstamp, Id")
    assert [row["Id"] for row in keyset] == sorted(row["Id"] for row in keyset)


def test_pages_are_followed_by_locator(api, vendor, clock):
    vendor.queries.page_size = 7
    first = api.query("SELECT Id FROM Opportunity", Sforce_Query_Options="batchSize=2000").json
    assert (first["totalSize"], first["done"], len(first["records"])) == (20, False, 7)
    second = api("GET", first["nextRecordsUrl"]).json
    third = api("GET", second["nextRecordsUrl"]).json
    assert third["done"] is True
    assert "nextRecordsUrl" not in third
    ids = {row["Id"] for page in (first, second, third) for row in page["records"]}
    assert len(ids) == 20
    clock.advance(49 * 3600)
    api = Api(vendor)
    assert code(api("GET", first["nextRecordsUrl"])) == (400, "INVALID_QUERY_LOCATOR")


def test_nested_sets_have_pages_of_their_own(api, vendor):
    vendor.queries.child_page_size = 1
    row = api.rows(
        "SELECT Id, (SELECT Id FROM OpportunityLineItems) FROM Opportunity "
        f"WHERE Id = '{_two_lines(vendor)}'"
    )[0]["OpportunityLineItems"]
    assert row["done"] is False
    assert api("GET", row["nextRecordsUrl"]).json["done"] is True


def _two_lines(vendor):
    lines = vendor.org.records("OpportunityLineItem")
    owners = [line["OpportunityId"] for line in lines]
    return next(each for each in owners if owners.count(each) == 2)


def test_deleted_rows_show_only_in_query_all(api, vendor, deal):
    vendor.org.delete("Opportunity", deal)
    where = f"FROM Opportunity WHERE Id = '{deal}'"
    assert api.rows(f"SELECT Id {where}") == []
    assert api.rows(f"SELECT Id, IsDeleted {where}", "queryAll")[0]["IsDeleted"] is True
    assert code(api("GET", f"sobjects/Opportunity/{deal}")) == (404, "ENTITY_IS_DELETED")


def test_a_late_commit_appears_after_its_stamp(api, vendor, clock, deal):
    vendor.org.update("Opportunity", deal, {"Name": "New name"}, late_s=30)
    text = f"SELECT Name, SystemModstamp FROM Opportunity WHERE Id = '{deal}'"
    assert names(api.rows(text)) == ["It's a deal"]
    clock.advance(31)
    row = api.rows(text)[0]
    assert (row["Name"], row["SystemModstamp"]) == ("New name", "2026-01-15T09:30:00.000+0000")


# -- records ---------------------------------------------------------------------------
def test_create_read_change_delete(api, vendor, clock, deal):
    made = api("POST", "sobjects/Account/", {"Name": "Zed"})
    assert made.status_code == 201
    assert made.json == {"id": made.json["id"], "success": True, "errors": []}
    path = f"sobjects/Opportunity/{deal}"
    clock.advance(5)
    changed = api("PATCH", path, {"Tieout_Billed_To_Date__c": 1200, "StageName": "Signed"})
    assert (changed.status_code, changed.get_data()) == (204, b"")
    answer = api("GET", f"{path}?fields=IsWon,Tieout_Billed_To_Date__c,SystemModstamp").json
    assert answer["IsWon"] is True
    assert answer["SystemModstamp"] == "2026-01-15T09:30:05.000+0000"
    assert vendor.org.get("Opportunity", deal)["LastModifiedById"] == vendor.org.api_user_id
    assert vendor.org.get("Opportunity", deal)["Tieout_Billed_To_Date__c"] == Decimal("1200.00")
    assert api("DELETE", path).status_code == 204
    assert api("DELETE", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"Name": "x" * 121}, "STRING_TOO_LONG"),
        ({"Nope__c": 1}, "INVALID_FIELD"),
        ({"Id": "006"}, "INVALID_FIELD"),
        ({"IsWon": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": None}, "REQUIRED_FIELD_MISSING"),
        ({"AccountId": "001zzz"}, "MALFORMED_ID"),
        ({"AccountId": "0015g00000zzzzz"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"Amount": "a lot"}, "JSON_PARSER_ERROR"),
        ({"CloseDate": "15/01/2026"}, "JSON_PARSER_ERROR"),
    ],
)
def test_bad_values_are_refused(api, deal, body, error):
    assert code(api("PATCH", f"sobjects/Opportunity/{deal}", body)) == (400, error)


def test_conditions_on_keys_find_the_same_rows_in_the_order_they_were_made(api, vendor):
    deals = vendor.org.records("Opportunity")[:3]
    one, two, three = (each["Id"] for each in deals)
    vendor.org.update("Opportunity", two, {"Tieout_Project_Id__c": "P-2"})
    vendor.org.update("Opportunity", one, {"Tieout_Project_Id__c": "Old"})
    vendor.org.update("Opportunity", one, {"Tieout_Project_Id__c": "P-1"})

    def found(where):
        return [row["Id"] for row in api.rows(f"SELECT Id FROM Opportunity WHERE {where}")]

    assert found(f"Id IN ('{three}', '{one[:15]}')") == [one, three]
    assert found(f"Id = '{two}' AND Name != 'x'") == [two]
    assert found(f"Id = '{two}' AND Name = 'x'") == []
    assert found(f"Id = '{two}' OR Id = '{one}'") == [one, two]
    assert found("Tieout_Project_Id__c IN ('p-1', 'P-2', 'P-3')") == [one, two]
    assert found("Tieout_Project_Id__c = 'Old'") == []
    assert found(f"Tieout_Project_Id__c = null AND Id IN ('{one}', '{three}')") == [three]
    account = deals[0]["AccountId"]
    same = [each["Id"] for each in vendor.org.records("Opportunity", AccountId=account)]
    assert found(f"AccountId = '{account[:15]}'") == same
    assert found("Id IN ('00100000000zzzz')") == []


def test_methods_and_bodies(api, deal):
    assert code(api("PUT", f"sobjects/Opportunity/{deal}", {})) == (405, "METHOD_NOT_ALLOWED")
    assert code(api("GET", "sobjects/Nope/x")) == (404, "NOT_FOUND")
    plain = api._client.post(
        f"{BASE}/sobjects/Account", data="Name=x",
        headers={"Authorization": f"Bearer {api._token}", "Content-Type": "text/plain"},
    )  # fmt: skip
    assert code(plain) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_amount_follows_the_lines(api, vendor, clock, deal):
    entry = vendor.org.records("PricebookEntry", ProductCode="IMPL")[0]["Id"]
    clock.advance(10)
    line = vendor.org.add_line(deal, entry, Decimal("7.5"), Decimal("199.99"))
    opportunity = vendor.org.get("Opportunity", deal)
    assert opportunity["Amount"] == Decimal("1499.93")
    assert opportunity["HasOpportunityLineItem"] is True
    stamp = opportunity["SystemModstamp"]
    clock.advance(10)
    vendor.org.update("OpportunityLineItem", line, {"Description": "Only words"})
    assert vendor.org.get("Opportunity", deal)["SystemModstamp"] == stamp
    assert api("PATCH", f"sobjects/Opportunity/{deal}", {"Amount": 5}).status_code == 204
    assert vendor.org.get("Opportunity", deal)["Amount"] == Decimal("1499.93")
    vendor.org.update("OpportunityLineItem", line, {"Discount": 10})
    assert vendor.org.get("Opportunity", deal)["Amount"] == Decimal("1349.93")
    vendor.org.insert("OpportunityLineItemSchedule", {
        "OpportunityLineItemId": line, "Type": "Revenue", "Revenue": 100,
        "ScheduleDate": "2026-03-01"})  # fmt: skip
    assert vendor.org.get("OpportunityLineItem", line)["HasRevenueSchedule"] is True


def test_upsert(api, vendor, deal):
    path = "sobjects/Opportunity/Tieout_Project_Id__c/P%2F1%20a"
    body = {"Name": "New", "StageName": "Signed", "CloseDate": "2026-01-01"}
    made = api("PATCH", path, body)
    assert (made.status_code, made.json["created"]) == (201, True)
    assert vendor.org.get("Opportunity", made.json["id"])["Tieout_Project_Id__c"] == "P/1 a"
    again = api("PATCH", path.replace("P%2F", "p%2F"), {"Name": "Newer"})
    assert (again.status_code, again.json["created"]) == (200, False)
    assert api("PATCH", f"/services/data/v45.0/{path}", {"Name": "Old"}).status_code == 204
    assert api("GET", path).json["Name"] == "Old"
    missing = api("PATCH", path.replace("a", "b", 1) + "z?updateOnly=true", body)
    assert missing.status_code == 404
    assert code(api("PATCH", "sobjects/Opportunity/Name/x", body)) == (404, "NOT_FOUND")
    inside = api("PATCH", path, {"Tieout_Project_Id__c": "P/1 a"})
    assert code(inside) == (400, "INVALID_FIELD")
    taken = api("PATCH", f"sobjects/Opportunity/{deal}", {"Tieout_Project_Id__c": "p/1 A"})
    assert code(taken) == (400, "DUPLICATE_VALUE")
    assert made.json["id"] in taken.json[0]["message"]


def test_a_value_that_matches_twice_writes_nothing(api, vendor):
    first, second = (each["Id"] for each in vendor.org.records("Opportunity")[:2])
    for each in (first, second):
        vendor.org.update("Opportunity", each, {"Legacy__c": "L1"})
    answer = api("PATCH", "sobjects/Opportunity/Legacy__c/L1", {"Name": "Both"})
    assert answer.status_code == 300
    assert answer.json == [f"{BASE}/sobjects/Opportunity/{each}" for each in (first, second)]
    assert not vendor.org.records("Opportunity", Name="Both")


def test_if_unmodified_since(api, vendor, clock, deal):
    clock.advance(60)
    vendor.org.update("Opportunity", deal, {"Name": "Edited"})
    path = f"sobjects/Opportunity/{deal}"
    early = "Thu, 15 Jan 2026 09:30:30 GMT"
    assert api("PATCH", path, {"Name": "Late"}, If_Unmodified_Since=early).status_code == 412
    assert api("GET", path, If_Modified_Since="Thu, 15 Jan 2026 09:31:00 GMT").status_code == 304
    now = "Thu, 15 Jan 2026 09:31:00 GMT"
    assert api("PATCH", path, {"Name": "Fine"}, If_Unmodified_Since=now).status_code == 204


def test_updated_and_deleted(api, vendor, clock, deal):
    clock.advance(3600)
    vendor.org.win(deal)
    gone = vendor.org.records("Account")[5]["Id"]
    vendor.org.delete("Account", gone)
    clock.advance(90)
    window = "?start=2026-01-15T10%3A00%3A00%2B00%3A00&end=2026-01-15T11:00:00Z"
    vendor._resources.most_updated = 0
    assert code(api("GET", f"sobjects/Opportunity/updated/{window}")) == (400, "EXCEEDED_ID_LIMIT")
    vendor._resources.most_updated = 600_000
    answer = api("GET", f"sobjects/Opportunity/updated/{window}").json
    assert answer == {"ids": [deal], "latestDateCovered": "2026-01-15T10:31:00.000+0000"}
    answer = api("GET", f"sobjects/Account/deleted/{window}").json
    assert answer["deletedRecords"] == [{"deletedDate": "2026-01-15T10:30:00.000+0000", "id": gone}]
    for path in (
        "sobjects/Account/deleted/?start=2025-12-25T00:00:00Z&end=2026-01-15T00:00:00Z",
        "sobjects/Account/updated/?start=2026-01-15T00:00:00Z&end=2026-01-14T00:00:00Z",
    ):
        assert code(api("GET", path)) == (400, "INVALID_REPLICATION_DATE")


def test_describe(api, vendor):
    shown = api("GET", "sobjects/Opportunity/describe").json
    fields = {each["name"]: each for each in shown["fields"]}
    assert fields["Tieout_Project_Id__c"]["externalId"] is True
    assert fields["Amount"]["precision"] == 18
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    children = {each["relationshipName"] for each in shown["childRelationships"]}
    assert {"OpportunityLineItems", "OpportunityContactRoles", "Sites__r"} <= children
    now = "Thu, 15 Jan 2026 09:30:00 GMT"
    path = "sobjects/Opportunity/describe"
    assert api("GET", path, If_Modified_Since=now).status_code == 304
    vendor.clock.advance(60)
    vendor.org.schema.change("Opportunity", "Tieout_Last_Sync__c", updateable=False)
    vendor.org.schema.remove("Opportunity", "Tieout_Payment_Terms__c")
    assert api("GET", path, If_Modified_Since=now).status_code == 200
    fields = {each["name"]: each for each in api("GET", "sobjects/Opportunity/describe").json[
        "fields"]}  # fmt: skip
    assert fields["Tieout_Last_Sync__c"]["updateable"] is False
    assert "Tieout_Payment_Terms__c" not in fields
    listed = {each["name"]: each for each in api("GET", "sobjects").json["sobjects"]}
    assert listed["Site__c"]["keyPrefix"] == "a07"


def test_an_org_with_several_currencies(clock):
    vendor = Salesforce(clock, schema={"multi_currency": True})
    row = Api(vendor).rows("SELECT CurrencyIsoCode FROM Account LIMIT 1")[0]
    assert row["CurrencyIsoCode"] == "USD"
    plain = Salesforce(clock, preset="empty")
    assert code(Api(plain).query("SELECT CurrencyIsoCode FROM Account"))[1] == "INVALID_FIELD"
    assert code(Api(plain).query("SELECT Tieout_Project_Id__c FROM Opportunity"))[0] == 400


# -- several at once ----------------------------------------------------------------
def sub(method, path, name, **body):
    return {"method": method, "url": f"{BASE}/{path}", "referenceId": name, "body": body}


def test_composite_uses_earlier_answers(api, vendor):
    answer = api("POST", "composite", {"allOrNone": True, "compositeRequest": [
        sub("POST", "sobjects/Account", "a", Name="Zed"),
        sub("POST", "sobjects/Opportunity", "o", Name="Deal", AccountId="@{a.id}",
            StageName="Signed", CloseDate="2026-01-01"),
        sub("GET", "query?q=SELECT+Account.Name+FROM+Opportunity+WHERE+Id='@{o.id}'", "q"),
    ]})  # fmt: skip
    assert answer.status_code == 200
    made = answer.json["compositeResponse"]
    assert [each["httpStatusCode"] for each in made] == [201, 201, 200]
    assert made[2]["body"]["records"][0]["Account"]["Name"] == "Zed"
    assert vendor.write_calls


def test_composite_all_or_none_undoes_everything(api, vendor):
    requests = [
        sub("POST", "sobjects/Account", "a", Name="Zed"),
        sub("POST", "sobjects/Account", "b"),
        sub("POST", "sobjects/Account", "c", Name="Zoe"),
    ]
    body = {"allOrNone": True, "compositeRequest": requests}
    answer = api("POST", "composite", body).json["compositeResponse"]
    codes = [each["body"][0]["errorCode"] for each in answer]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert len(vendor.org.records("Account")) == 12
    body["allOrNone"] = False
    answer = api("POST", "composite", body).json["compositeResponse"]
    assert [each["httpStatusCode"] for each in answer] == [201, 400, 201]
    many = {"compositeRequest": [sub("GET", "limits", f"r{n}") for n in range(26)]}
    assert api("POST", "composite", many).status_code == 400
    queries = {"compositeRequest": [sub("GET", "query?q=x", f"r{n}") for n in range(6)]}
    assert api("POST", "composite", queries).status_code == 400


def test_reads_in_a_composite_are_no_writes(api, vendor, deal):
    api("POST", "composite", {"compositeRequest": [sub("GET", f"sobjects/Opportunity/{deal}",
                                                       "r")]})  # fmt: skip
    batch = {"batchRequests": [{"method": "GET", "url": f"v66.0/sobjects/Opportunity/{deal}"}]}
    assert api("POST", "composite/batch", batch).json["results"][0]["statusCode"] == 200
    wanted = {"ids": [deal, "0065g00000zzzzzAAA"], "fields": ["Name"]}
    found = api("POST", "composite/sobjects/Opportunity", wanted).json
    assert (found[0]["Name"], found[1]) == ("It's a deal", None)
    api.query("SELECT Id FROM Account")
    assert vendor.write_calls == []


def record(record_id, **values):
    return {"attributes": {"type": "Opportunity"}, "id": record_id, **values}


def test_collections_fail_one_by_one(api, vendor):
    one, two, three = (each["Id"] for each in vendor.org.records("Opportunity")[:3])
    vendor.lock_rows(1, record_id=two)
    body = {"allOrNone": False, "records": [
        record(one, Tieout_Project_Id__c="P1"), record(two, Tieout_Project_Id__c="P2"),
        record(three, Tieout_Project_Id__c="P1")]}  # fmt: skip
    answer = api("PATCH", "composite/sobjects", body).json
    assert answer[0] == {"id": one, "success": True, "errors": []}
    assert answer[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert answer[2]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    body["allOrNone"] = True
    body["records"][0]["Name"] = "Undone"
    answer = api("PATCH", "composite/sobjects", body).json
    assert answer[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert not vendor.org.records("Opportunity", Name="Undone")
    keyed = {"records": [{"attributes": {"type": "Opportunity"}, "Tieout_Project_Id__c": "p1",
                          "Name": "By key"}]}  # fmt: skip
    answer = api("PATCH", "composite/sobjects/Opportunity/Tieout_Project_Id__c", keyed).json
    assert answer == [{"id": one, "success": True, "errors": [], "created": False}]
    made = {"records": [{"attributes": {"type": "Account"}, "Name": "N"}] * 2}
    ids = [each["id"] for each in api("POST", "composite/sobjects", made).json]
    gone = api("DELETE", f"composite/sobjects?ids={','.join(ids)}&allOrNone=false").json
    assert all(each["success"] for each in gone)
    assert api("POST", "composite/sobjects", {"records": made["records"] * 101}).status_code == 400


# -- trouble ------------------------------------------------------------------------
def test_planned_trouble(api, vendor, deal):
    path = f"sobjects/Opportunity/{deal}"
    vendor.lock_rows(2)
    assert code(api("PATCH", path, {"Name": "a"})) == (400, "UNABLE_TO_LOCK_ROW")
    assert code(api("PATCH", path, {"Name": "a"})) == (400, "UNABLE_TO_LOCK_ROW")
    assert api("PATCH", path, {"Name": "a"}).status_code == 204
    vendor.refuse_writes()
    assert code(api("PATCH", path, {"Name": "b"})) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    vendor.time_out_queries()
    assert code(api.query("SELECT Id FROM Account")) == (400, "QUERY_TIMEOUT")
    vendor.go_down()
    down = api("GET", path)
    assert (down.status_code, down.mimetype) == (503, "text/html")
    account = vendor.org.records("Account")[0]["Id"]
    vendor.find_duplicates([("Account", account)])
    found = api("POST", "sobjects/Account", {"Name": "Northwind Traders"})
    assert code(found) == (400, "DUPLICATES_DETECTED")
    match = found.json[0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]
    assert match["record"]["Id"] == account


def test_a_lost_answer_was_still_written(api, vendor, deal):
    vendor.lose_answer("PATCH", deal)
    with pytest.raises(ConnectionCut):
        api("PATCH", f"sobjects/Opportunity/{deal}", {"Name": "Written"})
    assert vendor.org.get("Opportunity", deal)["Name"] == "Written"
    assert vendor.calls[-1].status == 0


def test_people_are_refused_too(vendor):
    with pytest.raises(ApiError):
        vendor.org.insert("Opportunity", {"Name": "No stage"})


def test_planned_trouble_meets_the_api_and_not_people(api, vendor, deal):
    vendor.lock_rows(1)
    vendor.org.update("Opportunity", deal, {"Name": "By hand"})
    refused = api("PATCH", f"sobjects/Opportunity/{deal}", {"Name": "x"})
    assert code(refused) == (400, "UNABLE_TO_LOCK_ROW")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("composite", {"compositeRequest": [1]}),
        ("composite", {}),
        ("composite/batch", {"batchRequests": None}),
        ("composite/sobjects", {"records": None}),
        ("sobjects/Account", [1]),
    ],
)
def test_bodies_of_the_wrong_shape(api, path, body):
    assert code(api("POST", path, body)) == (400, "JSON_PARSER_ERROR")
