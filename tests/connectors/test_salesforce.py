"""Salesforce: what is asked, what answers become, and what refusals mean."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from tieout.clock import VirtualClock
from tieout.connectors import faults as table
from tieout.connectors.base import Request, Response, Since, Token
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.salesforce import CONNECTOR, Settings, translate
from tieout.connectors.transport import Transport
from tieout.errors import (
    AuthExpired,
    Conflict,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)
from tieout.model.ids import SourceRef
from tieout.model.party import Address, Contact
from tieout.sandbox.salesforce import Salesforce

NOW = datetime(2026, 1, 15, 10, 1, tzinfo=UTC)
WINDOW = Since(
    start=datetime(2026, 1, 15, 9, 25, 0, 999_000, tzinfo=UTC),
    end=datetime(2026, 1, 15, 11, 0, tzinfo=UTC).astimezone(),
)
READ = Request(method="GET", path="/services/data/v66.0/queryAll")
WRITE = Request(method="PATCH", path="/services/data/v66.0/sobjects/Opportunity/1", writes=True)


def settings(**more):
    return Settings(**{"consumer_key": "3MVG9", "username": "tieout@acme.example", **more})


def asked(stream, since=WINDOW, **more):
    request = CONNECTOR.stream(stream).request(since, settings(**more))
    assert request.method == "GET"
    assert not request.writes
    assert request.path == "/services/data/v66.0/queryAll"
    return dict(request.params)["q"]


def read(stream, row, **more):
    """What one record of a listing becomes."""
    stream = CONNECTOR.stream(stream)
    body = json.dumps(row, default=lambda number: f"<{number}>")
    for number in (value for value in row.values() if isinstance(value, Decimal)):
        body = body.replace(f'"<{number}>"', str(number))
    row = Response(status=200, headers={}, body=body.encode()).json()
    source = SourceRef("crm", stream.name, stream.key(row))
    return stream.read(stream.wire.model_validate(row), source, settings(**more))


def refusal(status, *errors, request=READ, body=None, headers=None):
    body = json.dumps(errors).encode() if body is None else body
    answer = Response(status=status, headers=headers or {}, body=body)
    return table.classify(CONNECTOR, request, answer, now=NOW)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


# -- signing in -------------------------------------------------------------------------
@pytest.mark.parametrize("written_out", [False, True])
def test_a_signed_assertion_ends_within_three_minutes(key, pem, written_out):
    secret = pem.replace("\n", "\\n") if written_out else pem
    request = CONNECTOR.auth.grant(settings(), {"private_key": secret}, "", NOW)
    assert (request.method, request.writes) == ("POST", False)
    assert request.path == "https://login.salesforce.com/services/oauth2/token"
    assert request.content_type == "application/x-www-form-urlencoded"
    form = {name: value for name, [value] in parse_qs(request.body.decode()).items()}
    assert form.pop("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form.pop("assertion"), key.public_key(), algorithms=["RS256"],
        audience="https://login.salesforce.com", options={"verify_exp": False},
    )  # fmt: skip
    assert not form
    assert (claims["iss"], claims["sub"]) == ("3MVG9", "tieout@acme.example")
    assert 0 < claims["exp"] - NOW.timestamp() <= 180


def test_the_assertion_is_for_whom_the_settings_say(key, pem):
    mine = settings(login_url="https://test.salesforce.com/")
    request = CONNECTOR.auth.grant(mine, {"private_key": pem}, "", NOW)
    assert request.path == "https://test.salesforce.com/services/oauth2/token"
    signed = parse_qs(request.body.decode())["assertion"][0]
    plain = jwt.decode(signed, options={"verify_signature": False})
    assert plain["aud"] == "https://test.salesforce.com"


def test_client_credentials_go_in_the_body():
    mine = settings(flow="client_credentials", login_url="https://acme.my.salesforce.com")
    request = CONNECTOR.auth.grant(mine, {"client_secret": "a+b c"}, "", NOW)
    assert request.path == "https://acme.my.salesforce.com/services/oauth2/token"
    assert request.body == (b"grant_type=client_credentials&client_id=3MVG9&client_secret=a%2Bb+c")


def test_a_missing_or_unreadable_secret_is_told_before_any_call():
    for secrets in ({}, {"private_key": ""}, {"private_key": "not a key"}):
        with pytest.raises(Misconfigured, match="private_key"):
            CONNECTOR.auth.grant(settings(), secrets, "", NOW)
    mine = settings(flow="client_credentials", login_url="https://acme.my.salesforce.com")
    with pytest.raises(Misconfigured, match="client_secret"):
        CONNECTOR.auth.grant(mine, {"private_key": "x"}, "", NOW)


def test_a_token_says_where_to_call_and_whose_it_is():
    answer = {
        "access_token": "00D5g0000000001!AQ",
        "instance_url": "https://acme.my.salesforce.com",
        "id": "https://login.salesforce.com/id/00D5g0000000001EAA/0055g0000000001AAA",
        "token_type": "Bearer", "issued_at": "1767225600000", "signature": "x", "scope": "api",
    }  # fmt: skip
    token = CONNECTOR.auth.read(answer, NOW)
    assert token == Token(
        access="00D5g0000000001!AQ",
        base_url="https://acme.my.salesforce.com",
        company="00D5g0000000001EAA",
    )
    assert CONNECTOR.auth.read({**answer, "refresh_token": "new"}, NOW).refresh == "new"
    headers = CONNECTOR.auth.headers(settings(), {}, token)
    assert headers["Authorization"] == "Bearer 00D5g0000000001!AQ"
    assert "Authorization" not in CONNECTOR.auth.headers(settings(), {}, None)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"username": ""}, "username"),
        ({"flow": "client_credentials"}, "my.salesforce.com"),
        ({"flow": "password"}, "jwt"),
        ({"api_version": "v66"}, "66.0"),
        ({"extra_fields": ("Name FROM User",)}, "Name FROM User"),
        ({"line_fields": ("A__c", "B'")}, "B'"),
    ],
)
def test_wrong_settings_are_refused_in_words(wrong, words):
    with pytest.raises(ValidationError, match=words):
        settings(**wrong)


# -- queries ----------------------------------------------------------------------------
def test_the_deals_that_changed_in_a_window():
    assert asked("deals") == (
        "SELECT Id,Name,AccountId,Account.Name,Amount,StageName,IsClosed,IsWon,CloseDate,Type,"
        "OwnerId,Owner.Name,HasOpportunityLineItem,Description,CreatedDate,SystemModstamp,IsDeleted"
        " FROM Opportunity WHERE SystemModstamp >= 2026-01-15T09:25:00Z AND "
        "SystemModstamp < 2026-01-15T11:00:00Z ORDER BY SystemModstamp,Id"
    )


def test_the_first_pull_has_no_start():
    assert asked("accounts", Since(start=None, end=NOW)) == (
        "SELECT Id,Name,AccountNumber,BillingStreet,BillingCity,BillingState,BillingPostalCode,"
        "BillingCountry,SystemModstamp,IsDeleted"
        " FROM Account WHERE SystemModstamp < 2026-01-15T10:01:00Z ORDER BY SystemModstamp,Id"
    )


def test_lines_and_contacts_are_asked_for_by_themselves():
    assert asked("deal_lines").startswith(
        "SELECT Id,OpportunityId,Name,Product2Id,ProductCode,Quantity,UnitPrice,TotalPrice,"
        "ServiceDate,Description,SortOrder,SystemModstamp,IsDeleted FROM OpportunityLineItem WHERE"
    )
    assert asked("deal_contacts", multi_currency=True).startswith(
        "SELECT Id,OpportunityId,ContactId,Role,IsPrimary,Contact.Name,Contact.Email,"
        "SystemModstamp,IsDeleted FROM OpportunityContactRole WHERE"
    )


def test_own_fields_are_asked_for_once_and_currencies_where_there_are_any():
    own = ("Terms__c", "terms__C", "StageName", "Account.Industry", "PO__c")
    query = asked("deals", extra_fields=own, multi_currency=True, api_version="66.0")
    columns = query.removeprefix("SELECT ").split(" FROM ")[0].split(",")
    assert columns[-4:] == ["CurrencyIsoCode", "terms__C", "Account.Industry", "PO__c"]
    assert len(columns) == len({column.lower() for column in columns})
    assert ",Family__c FROM OpportunityLineItem" in asked("deal_lines", line_fields=["Family__c"])


def test_no_query_asks_what_a_deal_is():
    for stream in CONNECTOR.streams:
        assert "IsWon" not in asked(stream.name).split(" WHERE ")[1]
        assert (stream.cursor.overlap_s, stream.cursor.lag_s) == (300, 60)


def test_pages_follow_the_link_until_done():
    pages = CONNECTOR.stream("deals").pages
    more = {"totalSize": 3, "done": False, "nextRecordsUrl": "/services/data/v66.0/query/01g-2",
            "records": [{"Id": "1"}]}  # fmt: skip
    assert pages.rows(more) == [{"Id": "1"}]
    assert pages.link(more) == "/services/data/v66.0/query/01g-2"
    assert pages.link({"totalSize": 3, "done": True, "records": []}) is None


# -- records ----------------------------------------------------------------------------
DEAL = {
    "attributes": {"type": "Opportunity", "url": "/services/data/v66.0/sobjects/Opportunity/006"},
    "Id": "0065g00000ABCDEAA1",
    "Name": "Rollout 🚀",
    "AccountId": "0015g00000ABCDEAA1",
    "Account": {"attributes": {"type": "Account", "url": "/x"}, "Name": "O'Neill & Söhne",
                "Industry": None},
    "Owner": {"attributes": {"type": "User", "url": "/x"}, "Name": "Grace"},
    "OwnerId": "005",
    "Amount": Decimal("12345678901234567.89"),
    "StageName": "Gewonnen",
    "IsClosed": True,
    "IsWon": True,
    "CloseDate": "2026-01-31",
    "Type": None,
    "Description": "x" * 32_000,
    "Terms__c": "Net 30",
    "Cap__c": 100,
    "Share__c": Decimal("0.10"),
    "Rush__c": False,
    "Regions__c": "EU;US",
    "SystemModstamp": "2026-01-15T09:30:00.000+0000",
    "IsDeleted": False,
}  # fmt: skip


def test_a_deal_with_every_field_it_came_with():
    deal = read("deals", DEAL)
    assert (deal.name, deal.client, deal.owner) == ("Rollout 🚀", "O'Neill & Söhne", "Grace")
    assert deal.client_ref == "0015g00000ABCDEAA1"
    assert deal.amount == Decimal("12345678901234567.89")
    assert (deal.is_won, deal.is_closed) == (True, True)
    assert deal.close_date == date(2026, 1, 31)
    assert deal.currency is None
    assert deal.id == read("deals", {**DEAL, "Name": "Renamed"}).id
    assert deal.fields["Terms__c"] == "Net 30"
    assert deal.fields["Cap__c"] == 100
    assert deal.fields["Share__c"] == Decimal("0.10")
    assert deal.fields["Rush__c"] is False
    assert deal.fields["Type"] is None
    assert deal.fields["Account.Name"] == "O'Neill & Söhne"
    assert deal.fields["Account.Industry"] is None
    assert deal.fields["CloseDate"] == "2026-01-31"
    assert deal.fields["StageName"] == "Gewonnen"
    assert len(deal.fields["Description"]) == 32_000
    assert not any("attributes" in name or "Email" in name for name in deal.fields)


def test_our_own_write_back_leaves_the_deal_as_it_was():
    again = {**DEAL, "SystemModstamp": "2026-01-15T09:45:00.000+0000"}
    assert read("deals", again) == read("deals", DEAL)


def test_won_is_the_flag_and_nothing_else():
    assert not read("deals", {**DEAL, "IsWon": False, "StageName": "Closed Won"}).is_won


def test_a_bare_deal_is_a_deal():
    row = {"Id": "006", "IsClosed": False, "IsWon": False, "Account": None, "Amount": None}
    deal = read("deals", row)
    assert (deal.client, deal.client_ref, deal.amount, deal.owner) == ("", "", None, "")


def test_a_deal_in_its_own_currency():
    assert read("deals", {**DEAL, "CurrencyIsoCode": "JPY"}, multi_currency=True).currency == "JPY"


def test_a_row_without_its_flags_is_not_a_deal():
    with pytest.raises(ValidationError, match="IsWon"):
        read("deals", {"Id": "006", "IsClosed": True})


def test_a_line_names_its_deal():
    fact = read(
        "deal_lines",
        {"Id": "00k1", "OpportunityId": "0061", "Name": "Design", "ProductCode": None,
         "Quantity": Decimal("2.50"), "UnitPrice": 100, "TotalPrice": Decimal("250.00"),
         "ServiceDate": None, "Description": None, "SortOrder": 3, "Tieout_Budget_Kind__c": "T&M",
         "SystemModstamp": "2026-01-15T09:30:00.000+0000", "IsDeleted": False},
    )  # fmt: skip
    assert fact.deal_ref == "0061"
    assert fact.source == SourceRef("crm", "deal_lines", "00k1")
    line = fact.line
    assert (line.name, line.product_code, line.description) == ("Design", "", "")
    assert (line.quantity, line.unit_price, line.total) == (Decimal("2.50"), 100, 250)
    assert line.fields["Tieout_Budget_Kind__c"] == "T&M"
    assert fact.id == line.id


@pytest.mark.parametrize("person", [None, {"Name": "Zoë", "Email": None}])
def test_a_contact_names_its_deal(person):
    row = {"Id": "00K1", "OpportunityId": "0061", "ContactId": "003", "Role": None,
           "IsPrimary": True, "Contact": person}  # fmt: skip
    fact = read("deal_contacts", row)
    assert fact.deal_ref == "0061"
    assert fact.contact == Contact(name="Zoë" if person else "", is_primary=True)
    assert fact.id.startswith("deal_contact_")


def test_an_account_is_a_client():
    row = {"Id": "001", "Name": "Acme", "AccountNumber": None, "BillingStreet": "1 High St\nFl 2",
           "BillingCity": "Berlin", "BillingState": None, "BillingPostalCode": "10115",
           "BillingCountry": "Germany", "CurrencyIsoCode": "EUR"}  # fmt: skip
    client = read("accounts", row)
    assert client.address == Address(
        street="1 High St\nFl 2", city="Berlin", postal_code="10115", country="Germany"
    )
    assert (client.name, client.currency, client.active) == ("Acme", "EUR", True)
    assert read("accounts", {"Id": "001", "Name": "Bare"}).address is None


def test_what_tells_a_change_and_a_deletion():
    stream = CONNECTOR.stream("deals")
    assert stream.key(DEAL) == "0065g00000ABCDEAA1"
    assert stream.revision(DEAL) == "2026-01-15T09:30:00.000+0000"
    assert stream.cursor.of(DEAL) == datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    assert stream.cursor.of({"SystemModstamp": "2026-01-15T09:30:00Z"}) == datetime(
        2026, 1, 15, 9, 30, tzinfo=UTC
    )
    assert stream.cursor.of({}) is None
    assert not stream.deleted(DEAL)
    assert stream.deleted({**DEAL, "IsDeleted": True})


def test_short_ids_get_the_suffix_the_vendor_would_add():
    assert translate.long_id("00D5g0000000001") == "00D5g0000000001EAA"
    assert translate.long_id("0065g00000ABCDE") == "0065g00000ABCDEAA5"
    assert translate.long_id("00D5g0000000001EAA") == "00D5g0000000001EAA"
    assert translate.long_id("") == ""


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("api-usage=18/5000", (18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", (25, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("", None),
    ],
)
def test_the_quota_every_answer_tells(header, used):
    usage = translate.api_usage({"sforce-limit-info": header})
    assert usage == (translate.ApiUsage(*used) if used else None)
    assert translate.api_usage({}) is None


# -- refusals ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "code", "reading", "writing"),
    [
        (401, "INVALID_SESSION_ID", AuthExpired, AuthExpired),
        (403, "REQUEST_LIMIT_EXCEEDED", RateLimited, RateLimited),
        (403, "API_DISABLED_FOR_ORG", AuthExpired, AuthExpired),
        (403, "API_CURRENTLY_DISABLED", AuthExpired, AuthExpired),
        (403, "FORBIDDEN", AuthExpired, AuthExpired),
        (403, "INSUFFICIENT_ACCESS", Rejected, Rejected),
        (400, "UNABLE_TO_LOCK_ROW", Transient, Transient),
        (400, "QUERY_TIMEOUT", Transient, Transient),
        (400, "REQUEST_RUNNING_TOO_LONG", Transient, Unknown),
        (400, "INVALID_QUERY_LOCATOR", Transient, Transient),
        (400, "DUPLICATES_DETECTED", Conflict, Conflict),
        (400, "DUPLICATE_VALUE", Conflict, Conflict),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", Rejected, Rejected),
        (400, "REQUIRED_FIELD_MISSING", Rejected, Rejected),
        (400, "FIELD_INTEGRITY_EXCEPTION", Rejected, Rejected),
        (400, "STRING_TOO_LONG", Rejected, Rejected),
        (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", Rejected, Rejected),
        (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Rejected, Rejected),
        (400, "INVALID_FIELD", Rejected, Rejected),
        (400, "INVALID_TYPE", Rejected, Rejected),
        (400, "MALFORMED_QUERY", Rejected, Rejected),
        (400, "MALFORMED_ID", Rejected, Rejected),
        (400, "JSON_PARSER_ERROR", Rejected, Rejected),
        (400, "INVALID_FIELD_FOR_INSERT_UPDATE", Rejected, Rejected),
        (404, "ENTITY_IS_DELETED", Conflict, Conflict),
        (400, "INVALID_CROSS_REFERENCE_KEY", Conflict, Conflict),
        (404, "NOT_FOUND", Conflict, Conflict),
        (405, "METHOD_NOT_ALLOWED", Rejected, Rejected),
        (415, "UNSUPPORTED_MEDIA_TYPE", Rejected, Rejected),
        (410, "", Rejected, Rejected),
        (409, "", Conflict, Conflict),
        (412, "", Conflict, Conflict),
        (428, "", Conflict, Conflict),
        (414, "", Rejected, Rejected),
        (431, "", Rejected, Rejected),
        (500, "UNKNOWN_EXCEPTION", Transient, Unknown),
        (500, "APEX_ERROR", Transient, Unknown),
        (502, "", Transient, Unknown),
        (503, "SERVER_UNAVAILABLE", Transient, Unknown),
        (420, "", Transient, Transient),
    ],
)
def test_each_line_of_the_fault_table(status, code, reading, writing):
    error = {"message": "In the vendor's words", "errorCode": code, "fields": ["Amount"]}
    for request, expected in ((READ, reading), (WRITE, writing)):
        found = refusal(status, error, request=request)
        assert type(found) is expected
        assert (found.code, found.field, found.status) == (code, "Amount", status)
        assert found.text == "In the vendor's words"


def test_a_spent_quota_waits_longer_than_a_crowd():
    day = {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    crowd = {**day, "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded."}
    assert refusal(403, day).wait_s == 900
    assert 30 <= refusal(403, crowd).wait_s <= 120


def test_a_lock_inside_a_triggers_message_is_still_a_lock():
    text = "Flow: first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
    error = {"message": text, "errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}
    assert type(refusal(400, error, request=WRITE)) is Transient


@pytest.mark.parametrize("spelled", ["duplicateResut", "duplicateResult"])
def test_a_duplicate_names_the_record_it_collides_with(spelled):
    match = {"matchConfidence": 100, "record": {"attributes": {}, "Id": "0015g00000ABCDEAA1"}}
    rule = {"allowSave": True, "matchResults": [{"matchRecords": [match]}]}
    error = {"message": "Use one?", "errorCode": "DUPLICATES_DETECTED", spelled: rule}
    assert refusal(400, error, request=WRITE).remote_id == "0015g00000ABCDEAA1"


def test_a_taken_value_names_its_holder():
    text = "duplicate value found: Tieout_Project_Id__c duplicates value on record with id: {}"
    for named in ("00D5g0000000001EAA", "00D5g0000000001"):
        error = {"message": text.format(named), "errorCode": "DUPLICATE_VALUE", "fields": []}
        assert refusal(400, error, request=WRITE).remote_id == "00D5g0000000001EAA"


def test_several_matches_are_a_conflict():
    found = refusal(300, "/services/data/v66.0/sobjects/Opportunity/00D5g0000000001EAA", "/x/2")
    assert (type(found), found.remote_id) == (Conflict, "00D5g0000000001EAA")


@pytest.mark.parametrize(
    ("error", "text", "expected"),
    [
        ("invalid_grant", "user hasn't approved this consumer", AuthExpired),
        ("invalid_grant", "expired assertion", AuthExpired),
        ("invalid_client", "invalid client credentials", AuthExpired),
        ("invalid_client_id", "client identifier invalid", AuthExpired),
        ("invalid_request", "no client credentials user enabled", AuthExpired),
        ("invalid_request", "request not supported on this domain", AuthExpired),
        ("rate_limit_exceeded", "login rate exceeded", RateLimited),
        ("unknown_error", "retry your request", Transient),
    ],
)
def test_refusals_of_the_token_call(error, text, expected):
    body = json.dumps({"error": error, "error_description": text}).encode()
    found = refusal(400, body=body)
    assert (type(found), found.code, found.text) == (expected, error, text)


@pytest.mark.parametrize("body", [b"<html><b>Down for\nmaintenance</b></html>", b"\xff\xfe", b""])
def test_an_answer_that_is_not_json_is_still_classified(body):
    assert type(refusal(503, body=body)) is Transient
    assert type(refusal(503, body=body, request=WRITE)) is Unknown
    assert len(CONNECTOR.errors(Response(status=503, headers={}, body=body * 900))[0].text) <= 300


def test_odd_bodies_never_break_the_reading_of_errors():
    for body in (b"[]", b"{}", b"null", b"[1]", b'[{"fields":null,"message":null}]'):
        CONNECTOR.errors(Response(status=400, headers={}, body=body))
    assert CONNECTOR.errors(Response(status=200, headers={}, body=b"<not json>")) == []


# -- through the door, against the stand-in ---------------------------------------------
HOST = "http://acme.my.salesforce.com"


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 1, 15, 9, 30, tzinfo=UTC))


@pytest.fixture
def vendor(clock):
    return Salesforce(clock, page_size=2)


def connect(vendor, clock, **more):
    given = vendor.credentials
    mine = Settings(
        base_url=HOST, audience="https://login.salesforce.com", consumer_key=given["client_id"],
        username=given["username"], **more,
    )  # fmt: skip
    connection = Connection(
        name="crm", connector=CONNECTOR, settings=mine,
        secrets={name: given[name] for name in ("private_key", "client_secret")},
        keeper=MemoryKeeper(), governor=MemoryGovernor(),
    )  # fmt: skip
    return connection, Transport(clock, mounts={HOST: WsgiAdapter(vendor, clock)})


def pull(connection, transport, name, start=None):
    stream = CONNECTOR.stream(name)
    since = Since(start=start, end=transport.clock.now())
    request = stream.request(since, connection.settings)
    rows = [
        row
        for page in walk(lambda call: transport.call(connection, call), request, stream.pages)
        for row in page.rows
    ]
    facts = [
        stream.read(
            stream.wire.model_validate(row), SourceRef("crm", name, stream.key(row)),
            connection.settings,
        )
        for row in rows
        if not stream.deleted(row)
    ]  # fmt: skip
    return rows, facts


@pytest.mark.parametrize("flow", ["jwt", "client_credentials"])
def test_signing_in_proves_the_organisation(vendor, clock, flow):
    connection, transport = connect(vendor, clock, flow=flow)
    answer = transport.call(connection, CONNECTOR.identity.request(connection.settings)).json()
    organisation = vendor.credentials["organization_id"]
    assert CONNECTOR.identity.read(answer) == (organisation, "")
    assert connection.keeper.load()["company"] == organisation
    assert connection.keeper.load()["base_url"] == HOST


def test_every_stream_is_read_page_by_page(vendor, clock):
    connection, transport = connect(vendor, clock)
    clock.advance(3600)
    for name in ("deals", "deal_lines", "deal_contacts", "accounts"):
        rows, facts = pull(connection, transport, name)
        assert len(facts) == len({fact.id for fact in facts}) > 0, name
        assert all(CONNECTOR.stream(name).cursor.of(row) for row in rows)
    deals = {fact.source.remote_id: fact for fact in pull(connection, transport, "deals")[1]}
    lines = pull(connection, transport, "deal_lines")[1]
    assert {fact.deal_ref for fact in lines} <= set(deals)
    assert any(deal.is_won and deal.client for deal in deals.values())


def test_a_deleted_deal_comes_as_a_tombstone(vendor, clock):
    connection, transport = connect(vendor, clock)
    clock.advance(3600)
    before = pull(connection, transport, "deals")[0]
    gone = before[0]["Id"]
    start = clock.now()
    path = f"/services/data/v66.0/sobjects/Opportunity/{gone}"
    transport.call(connection, Request(method="DELETE", path=path, writes=True))
    clock.advance(60)
    rows, facts = pull(connection, transport, "deals", start - timedelta(seconds=1))
    assert [row["Id"] for row in rows if row["IsDeleted"]] == [gone]
    assert all(fact.source.remote_id != gone for fact in facts)


def test_an_expired_session_is_renewed_once(vendor, clock):
    connection, transport = connect(vendor, clock)
    pull(connection, transport, "accounts")
    first = connection.keeper.load()["access"]
    vendor.expire_tokens()
    pull(connection, transport, "accounts")
    assert connection.keeper.load()["access"] != first


def test_a_spent_quota_asks_to_wait(clock):
    connection, transport = connect(Salesforce(clock, daily_limit=1), clock)
    pull(connection, transport, "accounts")
    with pytest.raises(RateLimited) as limited:
        pull(connection, transport, "accounts")
    assert limited.value.wait_s >= 890


def test_a_field_the_organisation_lacks_is_told_in_its_words(vendor, clock):
    connection, transport = connect(vendor, clock, extra_fields=("Nowhere__c",))
    with pytest.raises(Rejected, match="Nowhere__c") as refused:
        pull(connection, transport, "deals")
    assert refused.value.code == "INVALID_FIELD"
