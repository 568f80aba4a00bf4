"""Harvest: what is asked, what answers become, and what refusals mean."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from tieout.clock import VirtualClock
from tieout.connectors import faults as table
from tieout.connectors.base import FullScan, Held, Request, Response, Since
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.harvest import CONNECTOR, Settings, warnings, zones
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.transport import Transport
from tieout.errors import AuthExpired, Misconfigured, RateLimited, Rejected, Transient, Unknown
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.party import Address
from tieout.model.work import Approval
from tieout.sandbox.harvest import Harvest

NOW = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
ALL = Since(start=None, end=NOW)
READ = Request(method="GET", path="/v2/time_entries")
WRITE = Request(method="PATCH", path="/v2/time_entries/1", writes=True)


def settings(**more):
    return Settings(**{"account_id": "1000001", "contact": "ops@example.com", **more})


def read(stream, text, **changes):
    """What one record of a listing becomes; `text` is JSON as Harvest writes it."""
    stream = CONNECTOR.stream(stream)
    row = {**Response(status=200, headers={}, body=text.encode()).json(), **changes}
    source = SourceRef("time", stream.name, stream.key(row))
    return stream.read(stream.wire.model_validate(row), source, settings())


def refusal(status, body, request=READ, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Response(status=status, headers=headers, body=body)
    return table.classify(CONNECTOR, request, answer, now=NOW)


# -- signing ----------------------------------------------------------------------------
def test_a_call_is_signed_by_token_account_and_contact():
    secrets = {"access_token": "7001.pt.abc"}
    assert CONNECTOR.auth.headers(settings(), secrets, None) == {
        "Authorization": "Bearer 7001.pt.abc",
        "Harvest-Account-Id": "1000001",
        "User-Agent": "Tieout (ops@example.com)",
    }
    assert CONNECTOR.auth.grant is None
    assert CONNECTOR.auth.secrets == ("access_token",)
    with pytest.raises(Misconfigured, match="access_token"):
        CONNECTOR.auth.headers(settings(), {}, None)


def test_an_account_id_may_be_written_as_a_number():
    assert settings(account_id=1000001).account_id == "1000001"
    assert CONNECTOR.company(settings()) == "1000001"
    for wrong in ({"account_id": "acme"}, {"account_id": True}, {"contact": " "},
                  {"contact": "a\r\nX: b"}, {"contact": "Zoë"}):  # fmt: skip
        with pytest.raises(ValidationError):
            settings(**wrong)


def test_the_production_host_unless_told_otherwise():
    assert CONNECTOR.base_url(settings()) == "https://api.harvestapp.com"
    assert CONNECTOR.base_url(settings(base_url="http://127.0.0.1:9")) == "http://127.0.0.1:9"


# -- what is asked ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["users", "clients", "projects", "tasks", "time_entries", "expenses"]
)
def test_lists_are_asked_for_what_changed(name):
    stream = CONNECTOR.stream(name)
    start = datetime(2026, 4, 1, 8, 30, 0, 999, tzinfo=ZoneInfo("Europe/Berlin"))
    request = stream.request(Since(start=start, end=NOW), settings())
    assert (request.method, request.path, request.writes) == ("GET", f"/v2/{name}", False)
    assert request.params == (("per_page", "2000"), ("updated_since", "2026-04-01T06:30:00Z"))
    assert stream.request(ALL, settings()).params == (("per_page", "2000"),)
    assert stream.cursor.overlap_s == 300
    assert stream.cursor.of({"updated_at": "2026-04-02T08:00:00Z"}) == datetime(
        2026, 4, 2, 8, tzinfo=UTC
    )
    assert stream.cursor.of({}) is None


def test_roles_are_read_whole():
    stream = CONNECTOR.stream("roles")
    assert isinstance(stream.cursor, FullScan)
    assert stream.request(Since(start=NOW, end=NOW), settings()).params == (("per_page", "2000"),)


@pytest.mark.parametrize("name", ["time_entries", "expenses"])
def test_deletions_are_found_by_listing_a_period(name):
    sweep = CONNECTOR.stream(name).sweep
    march = Since(start=NOW, end=NOW, from_date=date(2026, 3, 1), to_date=date(2026, 3, 31))
    request = sweep.request(march, settings())
    assert request.path == f"/v2/{name}"
    assert dict(request.params) == {"per_page": "2000", "from": "2026-03-01", "to": "2026-03-31"}
    assert sweep.day({"spent_date": "2026-03-31"}) == date(2026, 3, 31)


def test_pages_follow_the_next_link_only():
    pages = CONNECTOR.stream("users").pages
    link = "https://api.harvestapp.com/v2/users?cursor=abc&ref=next_cursor"
    middle = {"users": [{"id": 1}], "page": None, "next_page": None, "links": {"next": link}}
    assert (pages.rows(middle), pages.link(middle)) == ([{"id": 1}], link)
    assert pages.link({"users": [], "next_page": 9, "links": {"next": None}}) is None


def test_calls_and_reports_are_counted_apart():
    calls, reports = CONNECTOR.pace
    report = Request(method="GET", path="/v2/reports/uninvoiced")
    assert ((calls.count, calls.per_s), (reports.count, reports.per_s)) == ((100, 15), (100, 900))
    assert (calls.applies(READ), reports.applies(READ)) == (True, False)
    assert (calls.applies(report), reports.applies(report)) == (False, True)


# -- time -------------------------------------------------------------------------------
ENTRY = """{"id":7001,"spent_date":"2026-03-31","user":{"id":1,"name":"Ada"},
"client":{"id":2,"name":"Contoso","currency":"EUR"},"project":{"id":3,"name":"P","code":"P-1"},
"task":{"id":4,"name":"Design"},"hours":0.33,"hours_without_timer":0.33,"rounded_hours":0.5,
"notes":null,"is_locked":true,
"locked_reason":"Item Approved and Locked for this Time Period","is_closed":true,
"is_billed":false,"timer_started_at":null,"started_time":null,"ended_time":null,
"is_running":false,"invoice":null,"external_reference":null,"billable":true,"budgeted":true,
"billable_rate":150.10,"cost_rate":60.0,"created_at":"2026-03-31T21:50:15Z",
"updated_at":"2026-04-02T08:00:00Z"}"""


def test_an_approved_entry():
    entry = read("time_entries", ENTRY)
    assert (entry.person, entry.person_ref) == ("Ada", "1")
    assert (entry.client, entry.client_ref) == ("Contoso", "2")
    assert (entry.project, entry.project_ref, entry.task) == ("P", "3", "Design")
    assert entry.work_date == date(2026, 3, 31)
    assert entry.seconds == 1188  # 0.33 h as worked, not the 0.5 h Harvest rounds to
    assert entry.approval is Approval.APPROVED
    assert (entry.locked, entry.running, entry.billed_upstream) == (True, False, False)
    assert entry.rate == Money(Decimal("150.10"), "EUR")
    assert entry.notes == ""
    assert entry.updated_at == datetime(2026, 4, 2, 8, tzinfo=UTC)
    assert entry.source == SourceRef("time", "time_entries", "7001")
    assert entry.id == read("time_entries", ENTRY, hours=Decimal(9)).id


@pytest.mark.parametrize(
    ("hours", "seconds"),
    [("0.00", 0), ("0.01", 36), ("0.33", 1188), ("8", 28_800), ("7.99", 28_764), ("25", 90_000)],
)
def test_hours_become_whole_seconds_exactly(hours, seconds):
    text = ENTRY.replace('"hours":0.33', f'"hours":{hours}')
    assert read("time_entries", text).seconds == seconds


def test_negative_hours_are_held_in_words():
    held = read("time_entries", ENTRY, hours=Decimal("-1.5"))
    assert isinstance(held, Held)
    assert (held.reason, held.text) == ("bad_hours", "the entry says -1.5 hours")


@pytest.mark.parametrize(
    ("closed", "status", "approval"),
    [
        (True, None, Approval.APPROVED),
        (True, "unsubmitted", Approval.APPROVED),
        (False, None, Approval.NONE),
        (False, "unsubmitted", Approval.NONE),
        (False, "submitted", Approval.PENDING),
        (False, "approved", Approval.APPROVED),
        (False, "something new", Approval.NONE),
    ],
)
def test_closed_is_approved_and_locked_is_not(closed, status, approval):
    entry = read("time_entries", ENTRY, is_closed=closed, is_locked=True, approval_status=status)
    assert entry.approval is approval


@pytest.mark.parametrize(
    ("marked", "invoice", "billed"),
    [(False, None, False), (True, None, True), (True, {"id": 5, "number": "I-5"}, True)],
)
def test_marked_by_hand_is_billed_too(marked, invoice, billed):
    assert read("time_entries", ENTRY, is_billed=marked, invoice=invoice).billed_upstream is billed


def test_a_rate_without_a_currency_or_a_right_to_see_it_is_none():
    assert read("time_entries", ENTRY, client={"id": 2, "name": "Contoso"}).rate is None
    assert read("time_entries", ENTRY, client={"id": 2, "currency": "???"}).rate is None
    assert read("time_entries", ENTRY, billable_rate=None).rate is None
    assert read("time_entries", ENTRY, billable_rate=0).rate == Money.zero("EUR")


def test_a_sparse_entry():
    text = '{"id":1,"spent_date":"2026-03-31","user":{"id":1},"hours":1,"billable":false}'
    entry = read("time_entries", text, is_running=True)
    assert (entry.client, entry.client_ref, entry.project, entry.task) == ("", "", "", "")
    assert (entry.seconds, entry.billable, entry.running) == (3600, False, True)
    assert entry.updated_at is None


def test_notes_come_as_they_are():
    notes = 'He said "ok"\n' + "🚀" * 3000
    assert read("time_entries", ENTRY, notes=notes).notes == notes


@pytest.mark.parametrize("missing", ["id", "spent_date", "hours", "user", "billable"])
def test_an_entry_without_what_matters_is_not_an_entry(missing):
    row = json.loads(ENTRY)
    del row[missing]
    with pytest.raises(ValidationError, match=missing):
        CONNECTOR.stream("time_entries").wire.model_validate(row)


# -- expenses and lists -----------------------------------------------------------------
EXPENSE = """{"id":15296442,"notes":"Lunch","total_cost":33.35,"units":1.0,"is_closed":false,
"is_locked":true,"is_billed":true,"locked_reason":"Expense is invoiced.",
"spent_date":"2026-03-03","billable":true,
"receipt":{"url":"https://example.com/receipt.pdf","file_name":"r.pdf","file_size":17,
"content_type":"application/pdf"},"user":{"id":1,"name":"Ada"},"project":{"id":3,"name":"P",
"code":"P-1"},"expense_category":{"id":9,"name":"Meals","unit_price":null,"unit_name":null},
"client":{"id":2,"name":"Contoso","currency":"EUR"},"invoice":{"id":5,"number":"1001"},
"updated_at":"2026-03-04T08:00:00Z"}"""


def test_an_expense_in_the_clients_currency():
    expense = read("expenses", EXPENSE)
    assert expense.cost == Money(Decimal("33.35"), "EUR")
    assert (expense.category, expense.spent_on) == ("Meals", date(2026, 3, 3))
    assert expense.receipt_url == "https://example.com/receipt.pdf"
    assert (expense.billed_upstream, expense.locked) == (True, True)
    assert expense.approval is Approval.NONE


def test_an_expense_without_a_receipt_or_category():
    nothing = {"url": None, "file_name": None}
    expense = read("expenses", EXPENSE, receipt=nothing, expense_category=None)
    assert (expense.receipt_url, expense.category) == ("", "")


@pytest.mark.parametrize("currency", [None, "???"])
def test_an_expense_in_no_known_currency_is_held(currency):
    held = read("expenses", EXPENSE, client={"id": 2, "name": "C", "currency": currency})
    assert isinstance(held, Held)
    assert held.reason == "currency_missing"
    assert "33.35" in held.text


def test_a_person_their_roles_and_their_clock():
    text = """{"id":1,"first_name":"Ada","last_name":null,"email":null,"is_active":false,
    "timezone":"Eastern Time (US & Canada)","weekly_capacity":126000,"default_hourly_rate":100.0,
    "roles":["Developer","Lead"],"access_roles":["member"]}"""
    person = read("users", text)
    assert (person.name, person.email, person.active) == ("Ada", "", False)
    assert person.roles == ("Developer", "Lead")
    assert person.time_zone == "America/New_York"


def test_every_zone_is_one_there_is():
    for name, iana in zones.IANA.items():
        assert ZoneInfo(iana), name
    assert zones.iana("Berlin") == "Europe/Berlin"
    assert zones.iana("Asia/Tokyo") == "Asia/Tokyo"
    assert zones.iana("Atlantis") == zones.iana("") == ""


def test_the_small_lists():
    role = read("roles", '{"id":1,"name":"Developer","user_ids":[2,3]}')
    assert (role.name, role.person_refs) == ("Developer", ("2", "3"))
    client = read(
        "clients", '{"id":2,"name":"C","is_active":true,"address":"1 High St","currency":"GBP"}'
    )
    assert (client.currency, client.address) == ("GBP", Address(street="1 High St"))
    assert read("clients", '{"id":2,"name":"C","address":null}').address is None
    project = read(
        "projects",
        '{"id":3,"name":"P","code":null,"is_active":false,"is_billable":true,'
        '"is_fixed_fee":true,"client":{"id":2,"name":"C","currency":"GBP"}}',
    )
    assert (project.name, project.code, project.client, project.client_ref) == ("P", "", "C", "2")
    assert (project.currency, project.active, project.fixed_fee) == ("GBP", False, True)
    task = read("tasks", '{"id":4,"name":"T","billable_by_default":false,"is_active":true}')
    assert (task.name, task.billable, task.active) == ("T", False, True)


# -- refusals ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "body", "reading", "writing"),
    [
        (401, {"error": "invalid_token", "error_description": "Bad"}, AuthExpired, AuthExpired),
        (403, {"message": "Bad"}, AuthExpired, AuthExpired),
        (404, {"status": 404, "error": "Bad"}, Rejected, Rejected),
        (422, {"message": "Bad"}, Rejected, Rejected),
        (429, {"message": "Bad", "retry_after": 15}, RateLimited, RateLimited),
        (500, b"<h1>Bad</h1>", Transient, Unknown),
        (502, b"Bad", Transient, Unknown),
        (503, b"Bad", Transient, Unknown),
        (504, b"Bad", Transient, Unknown),
        (400, b"Bad", Rejected, Rejected),
    ],
)
def test_each_line_of_the_fault_table(status, body, reading, writing):
    for request, expected in ((READ, reading), (WRITE, writing)):
        found = refusal(status, body, request)
        assert type(found) is expected
        assert "Bad" in found.text


def test_the_vendors_wait_is_obeyed():
    assert refusal(429, {"message": "Slow"}, retry_after="7").wait_s == 7
    assert refusal(429, b"Throttled").wait_s == 15


def test_odd_bodies_never_break_the_reading_of_errors():
    for body in (b"", b"\xff", b"[]", b"null", b"{}", b'"x"', b'{"message":null}'):
        assert len(CONNECTOR.errors(Response(status=500, headers={}, body=body))) == 1
    assert CONNECTOR.errors(Response(status=200, headers={}, body=b"x")) == []


# -- through the door, against the stand-in ---------------------------------------------
HOST = "http://harvest.local"


@pytest.fixture
def clock():
    return VirtualClock(NOW)


@pytest.fixture
def vendor(clock):
    return Harvest(clock, page_size=3)


def connect(vendor, clock, token="access_token", **more):
    mine = settings(base_url=HOST, account_id=vendor.credentials["account_id"], **more)
    connection = Connection(
        name="time", connector=CONNECTOR, settings=mine,
        secrets={"access_token": vendor.credentials[token]},
        keeper=MemoryKeeper(), governor=MemoryGovernor(), attended=True,
    )  # fmt: skip
    return connection, Transport(clock, mounts={HOST: WsgiAdapter(vendor, clock)})


def rows_of(connection, transport, request, pages):
    fetch = lambda call: transport.call(connection, call)  # noqa: E731
    return [row for page in walk(fetch, request, pages) for row in page.rows]


def pull(connection, transport, name, since=ALL):
    stream = CONNECTOR.stream(name)
    rows = rows_of(connection, transport, stream.request(since, connection.settings), stream.pages)
    return [
        stream.read(
            stream.wire.model_validate(row), SourceRef("time", name, stream.key(row)),
            connection.settings,
        )
        for row in rows
    ]  # fmt: skip


def test_every_stream_is_read_page_by_page(vendor, clock):
    connection, transport = connect(vendor, clock)
    for stream in CONNECTOR.streams:
        facts = pull(connection, transport, stream.name)
        assert len(facts) == len({fact.id for fact in facts}) > 0, stream.name
        assert all(isinstance(fact, stream.yields) for fact in facts)


def test_entries_point_to_what_the_lists_tell(vendor, clock):
    connection, transport = connect(vendor, clock)
    entries = pull(connection, transport, "time_entries")
    people = {fact.source.remote_id: fact.name for fact in pull(connection, transport, "users")}
    projects = {f.source.remote_id: f.name for f in pull(connection, transport, "projects")}
    for entry in entries:
        assert people[entry.person_ref] == entry.person
        assert projects[entry.project_ref] == entry.project
    assert any(entry.running for entry in entries)
    assert any(entry.approval is Approval.APPROVED for entry in entries)


def test_a_sweep_lists_the_period_and_nothing_else(vendor, clock):
    connection, transport = connect(vendor, clock)
    stream = CONNECTOR.stream("time_entries")
    days = [entry.work_date for entry in pull(connection, transport, "time_entries")]
    some = sorted(set(days))[len(set(days)) // 2]
    since = Since(start=None, end=NOW, from_date=some, to_date=some)
    found = rows_of(
        connection, transport, stream.sweep.request(since, connection.settings), stream.pages
    )
    assert [stream.sweep.day(row) for row in found] == [some] * days.count(some)


def test_nothing_changed_since_is_an_empty_list(vendor, clock):
    connection, transport = connect(vendor, clock)
    clock.advance(60)
    later = Since(start=clock.now(), end=clock.now())
    assert pull(connection, transport, "clients", later) == []


def test_who_is_asked_and_what_they_may_see(vendor, clock):
    connection, transport = connect(vendor, clock)
    identity = CONNECTOR.identity
    answer = transport.call(connection, identity.request(connection.settings)).json()
    assert identity.read(answer) == ("", "Acme Consulting")
    me = transport.call(connection, identity.rights(connection.settings)).json()
    assert identity.warnings(me) == []


@pytest.mark.parametrize("token", ["manager_token", "member_token"])
def test_a_token_that_sees_a_part_is_told_of(vendor, clock, token):
    connection, transport = connect(vendor, clock, token)
    me = transport.call(connection, CONNECTOR.identity.rights(connection.settings)).json()
    [text] = warnings(me)
    assert me["first_name"] in text
    assert "administrator" in text


def test_a_token_of_another_account_stops_the_connection(vendor, clock):
    connection, transport = connect(vendor, clock)
    wrong = Connection(
        name="time", connector=CONNECTOR, settings=settings(base_url=HOST, account_id="5"),
        secrets=connection.secrets, keeper=MemoryKeeper(), governor=MemoryGovernor(),
    )  # fmt: skip
    for bad in (wrong, Connection(
        name="time", connector=CONNECTOR, settings=connection.settings,
        secrets={"access_token": "nobody"}, keeper=MemoryKeeper(), governor=MemoryGovernor(),
    )):  # fmt: skip
        with pytest.raises(AuthExpired):
            transport.call(bad, CONNECTOR.identity.request(bad.settings))
