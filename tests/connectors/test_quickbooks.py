"""QuickBooks Online: what is sent, what answers become, and what refusals mean."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from tieout.clock import VirtualClock
from tieout.connectors import faults as table
from tieout.connectors.base import FullScan, Held, LineCodes, Request, Response, Since, WriteContext
from tieout.connectors.connection import Connection, MemoryKeeper
from tieout.connectors.exact import encode
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.pace import MemoryGovernor
from tieout.connectors.pages import walk
from tieout.connectors.quickbooks import CONNECTOR, Settings, queries
from tieout.connectors.quickbooks.faults import FAULTS
from tieout.connectors.transport import Transport
from tieout.errors import (
    AuthExpired,
    Conflict,
    FeedFull,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import SourceRef, idempotency_key
from tieout.model.money import Money
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import Allocation, Digest
from tieout.sandbox.quickbooks import QuickBooks

BODIES = Path(__file__).parent / "bodies" / "quickbooks"
NOW = datetime(2026, 2, 2, 17, 0, tzinfo=UTC)
KEY = idempotency_key("Northwind", "ledger", "doc_1", 1, 1)
READ = Request(method="GET", path="/query")
WRITE = Request(method="POST", path="/invoice", writes=True)


def settings(**more):
    return Settings(**{"realm_id": "9341450000000001", "firm_currency": "USD", **more})


def line(number, text="Design", hours="12.5", rate="150", amount="1875.00", **more):
    return Line(
        **{
            "id": f"L{number:03}",
            "kind": LineKind.TIME,
            "budget_id": "b1",
            "description": text,
            "quantity": Decimal(hours),
            "rate": Decimal(rate),
            "amount": Money.of(amount, "USD"),
            "project_id": "p1",
            "service_date": date(2026, 1, 15),
            **more,
        }
    )


def section(*lines, title="Website"):
    return Section(project_id="p1", budget_id="b1", title=title, lines=lines)


def document(*sections, **more):
    return Document(
        **{
            "id": "doc_1",
            "kind": DocumentKind.INVOICE,
            "number": "INV-2026-0007",
            "client_id": "c1",
            "currency": "USD",
            "issue_date": date(2026, 1, 31),
            "due_date": date(2026, 3, 2),
            "period_from": date(2026, 1, 1),
            "period_to": date(2026, 1, 31),
            "sections": sections or (section(line(1)),),
            **more,
        }
    )


def context(**more):
    codes = {f"L{number:03}": LineCodes(item_id="4") for number in range(1, 4)}
    return WriteContext(
        **{
            "key": KEY,
            "customer_id": "61",
            "lines": codes,
            "home_currency": "USD",
            "country": "US",
            **more,
        }
    )


CLIENT = Client(id="c1", source=None, name="Acme", email="ap@acme.example")
PROJECT = Project(id="p1", source=None, name="Website", client_id="c1", currency="USD")


def built(writer, subject, around):
    return json.loads(encode(CONNECTOR.writer(writer).build(subject, around)), parse_float=Decimal)


def agrees_with_file(name, body):
    """Digit for digit: 1875.00 in the file is not 1875.0 on the wire."""
    told = json.loads((BODIES / f"{name}.json").read_text(), parse_float=Decimal)
    assert encode(body) == encode(told)


def answer(body, status=200):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, headers={"intuit_tid": "1-abc"}, body=body)


def refusal(status, body, request=READ):
    return table.classify(CONNECTOR, request, answer(body, status), now=NOW)


def fault(code, detail="No.", message="", kind="ValidationFault", element=""):
    error = {"Message": message, "Detail": detail, "code": code, "element": element}
    return {"Fault": {"Error": [error], "type": kind}, "time": "2026-01-05T08:00:00.000-08:00"}


def read(name, row, **more):
    """What one record becomes; `row` is JSON as QuickBooks writes it."""
    row = Response(status=200, headers={}, body=row.encode()).json()
    stream = CONNECTOR.stream(name)
    source = SourceRef("ledger", name, stream.key(row))
    return stream.read(stream.wire.model_validate(row), source, settings(**more))


def asked(name, start=None, **more):
    return CONNECTOR.stream(name).request(Since(start=start, end=NOW), settings(**more))


# -- signing in -------------------------------------------------------------------------
SECRETS = {"client_id": "ABid", "client_secret": "s3", "refresh_token": "RT1-first"}


def test_the_first_refresh_uses_the_operators_token_and_the_next_the_stored_one():
    first = CONNECTOR.auth.grant(settings(), SECRETS, "", NOW)
    assert first.path == "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
    assert dict(first.headers) == {
        "Authorization": "Basic " + base64.b64encode(b"ABid:s3").decode(),
        "x-include-refresh-token-hard-expires-in": "true",
    }
    assert parse_qs(first.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["RT1-first"],
    }
    later = CONNECTOR.auth.grant(settings(), SECRETS, "RT1-second", NOW)
    assert b"RT1-second" in later.body


def test_the_token_call_goes_where_the_settings_say():
    local = settings(base_url="http://127.0.0.1:8080/")
    call = CONNECTOR.auth.grant(local, SECRETS, "", NOW)
    assert call.path == "http://127.0.0.1:8080/oauth2/v1/tokens/bearer"
    own = settings(token_url="https://id.example/token")
    assert CONNECTOR.auth.grant(own, SECRETS, "", NOW).path == "https://id.example/token"
    assert CONNECTOR.base_url(local) == "http://127.0.0.1:8080/v3/company/9341450000000001"
    rehearsal = CONNECTOR.base_url(settings(environment="sandbox"))
    assert rehearsal.startswith("https://sandbox-quickbooks.api.intuit.com/v3/company/")


def test_a_token_tells_its_life_and_when_the_grant_ends():
    told = {
        "access_token": "eyJ",
        "refresh_token": "RT1-next",
        "expires_in": 3600,
        "x_refresh_token_expires_in": 8726400,
        "x_refresh_token_hard_expires_in": 86400,
    }
    token = CONNECTOR.auth.read(told, NOW)
    assert (token.access, token.refresh) == ("eyJ", "RT1-next")
    assert token.expires_at == NOW + timedelta(hours=1)
    assert token.refresh_expires_at == NOW + timedelta(days=1)
    assert CONNECTOR.auth.headers(settings(), SECRETS, token) == {"Authorization": "Bearer eyJ"}


def test_a_realm_id_is_digits():
    with pytest.raises(ValidationError):
        settings(realm_id="93/../1")


# -- asking -----------------------------------------------------------------------------
def test_a_list_is_asked_for_with_its_inactive_rows():
    assert dict(asked("customers").params) == {
        "query": "SELECT * FROM Customer WHERE Active IN (true, false) ORDERBY Id ASC "
        "STARTPOSITION 1 MAXRESULTS 1000",
        "minorversion": "75",
    }
    assert dict(asked("items").params)["query"].startswith("SELECT *, Sku FROM Item WHERE")
    assert isinstance(CONNECTOR.stream("customers").cursor, FullScan)


def test_pages_are_counted_from_one():
    pages = CONNECTOR.stream("invoices").pages
    second = pages.at(asked("invoices"), 1000)
    assert dict(second.params)["query"].endswith(" STARTPOSITION 1001 MAXRESULTS 1000")
    third = pages.at(second, 2000)
    assert dict(third.params)["query"].count("STARTPOSITION") == 1


def test_changes_come_from_the_feed_and_all_comes_from_a_query():
    call = asked("invoices", NOW - timedelta(hours=1))
    assert call.path == "/cdc"
    assert dict(call.params) == {
        "entities": "Invoice",
        "changedSince": "2026-02-02T16:00:00+00:00",
        "minorversion": "75",
    }
    assert CONNECTOR.stream("invoices").pages.at(call, 0) == call
    assert asked("payments").path == "/query"


def test_a_start_behind_the_feeds_reach_asks_for_all():
    assert asked("invoices", NOW - timedelta(days=29)).path == "/cdc"
    with pytest.raises(FeedFull):
        asked("invoices", NOW - timedelta(days=30))


def test_a_full_feed_may_have_been_cut():
    rows = CONNECTOR.stream("payments").pages.rows

    def feed(count):
        found = [{"Id": str(number)} for number in range(count)]
        return {"CDCResponse": [{"QueryResponse": [{}, {"Payment": found}]}], "time": "x"}

    assert len(rows(feed(999))) == 999
    assert rows({"CDCResponse": [{"QueryResponse": [{}]}]}) == []
    with pytest.raises(FeedFull):
        rows(feed(1000))


def test_one_call_asks_which_lists_changed():
    feed = CONNECTOR.feed
    since = Since(start=NOW - timedelta(hours=1), end=NOW)
    call = feed.request(["customers", "terms"], since, settings())
    assert dict(call.params)["entities"] == "Customer,Term"
    told = [{"Term": [{"Id": "3"}], "startPosition": 1, "maxResults": 1}, {}]
    assert feed.changed({"CDCResponse": [{"QueryResponse": told}]}) == {"terms"}
    assert {"tax_codes", "preferences", "company_info"}.isdisjoint(feed.streams)


def test_a_feed_is_full_by_all_it_tells_together():
    parts = [{"Customer": [{}] * 600}, {"Item": [{}] * 400}]
    with pytest.raises(FeedFull):
        CONNECTOR.feed.changed({"CDCResponse": [{"QueryResponse": parts}]})


def test_no_match_has_no_key():
    assert CONNECTOR.stream("invoices").pages.rows({"QueryResponse": {}, "time": "x"}) == []


def test_the_mark_is_the_vendors_clock_on_the_first_page_only():
    mark = CONNECTOR.stream("invoices").cursor
    time = "2026-01-05T08:00:00.000-08:00"
    first = {"QueryResponse": {"Invoice": [{}], "startPosition": 1}, "time": time}
    later = {"QueryResponse": {"Invoice": [{}], "startPosition": 1001}, "time": time}
    feed = {"CDCResponse": [{"QueryResponse": [{}]}], "time": time}
    assert mark.answered(first) == mark.answered(feed) == datetime(2026, 1, 5, 16, tzinfo=UTC)
    assert mark.answered(later) is None
    assert mark.answered({"QueryResponse": {}, "time": "2026-01-05T08:00:00"}) is None
    assert mark.overlap_s == 300


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("Acme", "DisplayName in ('Acme', 'Acme (deleted)')"),
        ("O'Hara", r"DisplayName in ('O\'Hara', 'O\'Hara (deleted)')"),
        ("Café – 日本", "DisplayName in ('Café – 日本', 'Café – 日本 (deleted)')"),
        ("A\\' OR 1=1", r"DisplayName LIKE 'A%\' OR 1=1%'"),
        ("end\\", "DisplayName LIKE 'end%%'"),
        ("two\nlines", "DisplayName LIKE 'two%lines%'"),
    ],
)
def test_nasty_names_stay_inside_their_quotes(name, condition):
    assert queries.among("DisplayName", name, f"{name} (deleted)") == condition


# -- facts ------------------------------------------------------------------------------
INVOICE = """{"Id":"130","SyncToken":"2","DocNumber":"INV-2026-0007","TxnDate":"2026-01-31",
 "DueDate":"2026-03-02","CustomerRef":{"value":"61","name":"Acme"},
 "CurrencyRef":{"value":"USD","name":"United States Dollar"},
 "TotalAmt":2023.05,"Balance":523.05,"TxnTaxDetail":{"TotalTax":148.05},
 "PrivateNote":"[tieout:KEY] January","LinkedTxn":[{"TxnId":"77","TxnType":"Payment"},
 {"TxnId":"5","TxnType":"Estimate"}],"MetaData":{"LastUpdatedTime":"2026-02-01T08:00:00-08:00"},
 "Line":[{"Id":"1","Amount":1975.00,"Description":"Design","DetailType":"SalesItemLineDetail",
  "SalesItemLineDetail":{"ItemRef":{"value":"4"},"Qty":12.5,"UnitPrice":158,"Odd":1}},
 {"Id":"2","DetailType":"DescriptionOnly","Description":"Phase 2","DescriptionLineDetail":{}},
 {"Id":"3","DetailType":"GroupLineDetail","GroupLineDetail":{"Line":[
  {"Amount":0.1,"DetailType":"SalesItemLineDetail","SalesItemLineDetail":{"Qty":1}},
  {"Amount":0.2,"DetailType":"SalesItemLineDetail","SalesItemLineDetail":{"Qty":1}}]}},
 {"Amount":100.30,"DetailType":"DiscountLineDetail","DiscountLineDetail":{}},
 {"Amount":1975.30,"DetailType":"SubTotalLineDetail","SubTotalLineDetail":{}}]}""".replace(
    "KEY", KEY
)


def test_an_invoice_is_copied_to_the_cent():
    fact = read("invoices", INVOICE)
    assert (fact.remote_id, fact.revision, fact.number) == ("130", "2", "INV-2026-0007")
    assert (fact.total.plain, fact.tax.plain, fact.balance.plain) == ("2023.05", "148.05", "523.05")
    assert fact.customer_id == "61"
    assert fact.key == KEY
    assert fact.linked_payments == ("77",)
    assert not fact.voided
    amounts = [line.amount for line in fact.lines]
    assert amounts == [Decimal("1975.00"), Decimal("0.1"), Decimal("0.2"), Decimal("-100.30")]
    assert sum(amounts) == fact.total.amount - fact.tax.amount
    assert (fact.lines[0].quantity, fact.lines[0].item_id) == (Decimal("12.5"), "4")


def test_a_void_shows_only_in_zeros_and_a_word():
    row = INVOICE.replace("2023.05", "0").replace('"[tieout', '"Voided\\n[tieout')
    assert read("invoices", row).voided
    assert read("invoices", row).key == KEY
    assert not read("invoices", INVOICE.replace('"[tieout', '"Voided? no [tieout')).voided


def test_a_deleted_record_is_a_stub():
    stream = CONNECTOR.stream("invoices")
    stub = {"domain": "QBO", "status": "Deleted", "Id": "129"}
    assert stream.deleted(stub)
    assert (stream.key(stub), stream.revision(stub)) == ("129", "")
    assert not stream.deleted({"Id": "130"})


def test_an_invoice_without_a_currency_is_the_firms_or_is_held():
    row = INVOICE.replace('"CurrencyRef"', '"Other"')
    assert read("invoices", row).total.currency == "USD"
    held = read("invoices", row, firm_currency="")
    assert isinstance(held, Held)
    assert (held.reason, held.text) == (
        "currency_missing",
        "invoice INV-2026-0007 names no currency",
    )


def test_a_payment_over_two_invoices_and_a_rest():
    fact = read(
        "payments",
        """{"Id":"77","SyncToken":"0","TxnDate":"2026-02-10","CustomerRef":{"value":"61"},
        "CurrencyRef":{"value":"EUR"},"TotalAmt":500,"UnappliedAmt":0.01,"PaymentRefNum":"WIRE-881",
        "Line":[{"Amount":300.00,"LinkedTxn":[{"TxnId":"130","TxnType":"Invoice"}]},
        {"Amount":199.99,"LinkedTxn":[{"TxnId":"131","TxnType":"Invoice"}]}]}""",
    )
    assert (fact.total, fact.unapplied) == (Money.of(500, "EUR"), Money.of("0.01", "EUR"))
    assert fact.allocations == (
        Allocation(remote_document_id="130", document_type="Invoice", amount=Decimal("300.00")),
        Allocation(remote_document_id="131", document_type="Invoice", amount=Decimal("199.99")),
    )
    assert (fact.reference, fact.paid_on, fact.voided) == ("WIRE-881", date(2026, 2, 10), False)


def test_a_voided_payment():
    fact = read(
        "payments",
        """{"Id":"77","TxnDate":"2026-02-10","CustomerRef":{"value":"61"},"TotalAmt":0,
        "PrivateNote":"Voided - wrong bank","Line":[]}""",
    )
    assert fact.voided
    assert fact.allocations == ()


def test_a_sub_customer_and_what_it_says():
    fact = read(
        "customers",
        """{"Id":"62","DisplayName":"Acme - Website","FullyQualifiedName":"Acme:Acme - Website",
        "Job":true,"BillWithParent":false,"ParentRef":{"value":"61"},"Active":false,
        "PrimaryEmailAddr":{"Address":"ap@acme.example"},"CurrencyRef":{"value":"USD"},
        "Notes":"hello [tieout:k1]","SalesTermRef":null}""",
    )
    assert (fact.name, fact.full_name) == ("Acme - Website", "Acme:Acme - Website")
    assert (fact.parent_id, fact.active, fact.currency) == ("61", False, "USD")
    assert dict(fact.details) == {
        "email": "ap@acme.example",
        "job": True,
        "bill_with_parent": False,
        "is_project": None,
        "key": "k1",
    }


def test_an_item_keeps_its_price_exact():
    fact = read("items", '{"Id":4,"Name":"Design","UnitPrice":0.1,"Type":"Service"}')
    assert (fact.remote_id, fact.details["unit_price"]) == ("4", Decimal("0.1"))


def test_the_company_and_how_its_books_are_set_up():
    company = read(
        "company_info",
        """{"Id":"1","CompanyName":"Northwind","Country":"US","NameValue":[
        {"Name":"OfferingSku","Value":"QuickBooks Online Plus"}]}""",
    )
    assert (company.name, company.details["country"]) == ("Northwind", "US")
    assert company.details["offering"] == "QuickBooks Online Plus"
    books = read(
        "preferences",
        """{"Id":"1","SalesFormsPrefs":{"CustomTxnNumbers":true},
        "AccountingInfoPrefs":{"ClassTrackingPerTxnLine":true,"TrackDepartments":false},
        "CurrencyPrefs":{"MultiCurrencyEnabled":true,"HomeCurrency":{"value":"CAD"}}}""",
    )
    assert books.currency == "CAD"
    assert books.details["own_numbers"] is True
    assert books.details["departments"] is False
    assert books.details["book_close_date"] is None
    assert read("preferences", "{}").currency == "USD"


# -- writing ----------------------------------------------------------------------------
def test_the_smallest_invoice():
    agrees_with_file("invoice_smallest", built("invoice", document(due_date=None), context()))


def test_an_invoice_with_everything():
    subject = document(
        section(line(1), line(2, "Support 'quoted'", "0.25", "90.5", "22.63"), title="Build"),
        section(line(3, "Discount", "1", "-10", "-10.00", service_date=None), title="Run"),
        memo="January services",
        po_number="4711",
    )
    around = context(
        lines={
            "L001": LineCodes(item_id="4", tax_code_id="TAX", class_id="200000000001"),
            "L002": LineCodes(item_id="4", tax_code_id="NON"),
            "L003": LineCodes(item_id="9"),
        },
        term_id="3",
        department_id="2",
        email="ap@acme.example",
    )
    agrees_with_file("invoice_everything", built("invoice", subject, around))


def test_a_foreign_invoice_outside_the_us():
    subject = document(
        section(line(1, amount="1875.00")),
        currency="USD",
    )
    codes = {"L001": LineCodes(item_id="4", tax_code_id="11")}
    around = context(
        country="CA", home_currency="CAD", exchange_rate=Decimal("1.3625"), lines=codes
    )
    agrees_with_file("invoice_foreign", built("invoice", subject, around))


def test_a_customer_and_a_sub_customer():
    around = context(display_name="Acme: North \t(UK)", email="")
    agrees_with_file("customer", built("customer", replace(CLIENT, currency="GBP"), around))
    around = context(display_name="Acme - Website", parent_id="61")
    agrees_with_file("sub_customer", built("project", PROJECT, around))
    assert "CurrencyRef" not in built("customer", CLIENT, context(display_name="Acme"))


def test_a_long_text_is_cut_where_it_shows_and_the_key_stays():
    subject = document(section(line(1, "d" * 5000)), memo="m" * 5000)
    body = built("invoice", subject, context())
    text = body["Line"][0]["Description"]
    assert (len(text), text[-6:]) == (4000, "dd ...")
    assert len(body["CustomerMemo"]["value"]) == 1000
    assert len(body["PrivateNote"]) == 4000
    assert body["PrivateNote"].startswith(f"[tieout:{KEY}] mmm")


@pytest.mark.parametrize(
    ("subject", "around", "words"),
    [
        (document(number="N" * 22), context(), "number 'NNN.*22 characters, 21 fit there"),
        (document(), context(customer_id=""), "customer of invoice INV-2026-0007 is not known"),
        (document(), context(lines={}), r"item of line L001 \(Design\) is not known"),
        (document(), context(home_currency="CAD"), "exchange rate of invoice INV.* not known"),
        (document(), context(country="GB"), "tax code of line L001 .* not known"),
        (
            document(),
            context(lines={"L001": LineCodes(item_id="4", tax_code_id="11")}),
            "must be TAX or NON in the US, not 11",
        ),
        (document(), context(email="a" * 101), "e-mail address .* 101 characters"),
        (
            document(section(line(1, amount="1875.001"))),
            context(),
            "amount of line L001 .* more than the 2 decimals",
        ),
        (document(section(line(1, rate="0.123456"))), context(), "more than the 5 decimals"),
        (
            document(section(*[line(1)] * 751)),
            context(),
            "751 lines, QuickBooks takes 750$",
        ),
        (
            document(section(*[line(1)] * 700)),
            context(memo_lines={"b1": tuple(f"Ada, task {n}, 1.00 h" for n in range(51))}),
            "751 lines, QuickBooks takes 750; 51 are its timesheet's, which timesheet.lines takes",
        ),
    ],
)
def test_what_quickbooks_cannot_hold_is_told_before_any_call(subject, around, words):
    with pytest.raises(Misconfigured, match=words):
        built("invoice", subject, around)


def test_a_customer_needs_a_name_and_a_sub_customer_a_customer():
    with pytest.raises(Misconfigured, match="name of a customer"):
        built("customer", CLIENT, context(display_name=" "))
    with pytest.raises(Misconfigured, match="customer of project Website"):
        built("project", PROJECT, context(display_name="Acme - Website"))


def test_a_write_carries_its_key_and_its_bytes():
    call = CONNECTOR.writer("invoice").send(b'{"a":1}', KEY, settings())
    assert (call.method, call.path, call.body, call.writes) == (
        "POST",
        "/invoice",
        b'{"a":1}',
        True,
    )
    assert dict(call.params) == {"minorversion": "75", "requestid": KEY}
    assert CONNECTOR.writer("project").send(b"{}", KEY, settings()).path == "/customer"


def test_a_batch_carries_the_bytes_as_they_are():
    batch = CONNECTOR.writer("invoice").batch
    call = batch.send([("i1", b'{"a":1.50}'), ("i2", b'{"b":2}')], KEY, settings())
    assert call.body == (
        b'{"BatchItemRequest":[{"bId":"i1","operation":"create","Invoice":{"a":1.50}},'
        b'{"bId":"i2","operation":"create","Invoice":{"b":2}}]}'
    )
    assert (call.path, dict(call.params)["requestid"], call.writes) == ("/batch", KEY, True)
    assert [limit.name for limit in CONNECTOR.pace if limit.applies(call)][-1] == "batches a minute"
    with pytest.raises(Misconfigured, match="item key"):
        batch.send([("i1234567890", b"{}")], KEY, settings())
    with pytest.raises(Misconfigured, match="batch key"):
        batch.send([("i1", b"{}")], "k" * 37, settings())


def test_each_item_of_a_batch_has_its_own_answer():
    writer = CONNECTOR.writer("invoice")
    found = writer.batch.split(
        {
            "BatchItemResponse": [
                {"bId": "i2", **fault("6140", "TxnType=Invoice with TxnId=6575")},
                {"bId": "i1", "Invoice": {"Id": "130"}},
            ]
        }
    )
    assert found["i1"].answer == {"Id": "130"} == writer.record(found["i1"].answer)
    assert (found["i2"].answer, found["i2"].errors[0].remote_id) == (None, "6575")
    with pytest.raises(Unknown):
        writer.record({"time": "2026-01-05T08:00:00.000-08:00"})


def test_the_echo_of_a_perfect_write_is_what_we_expect():
    row = Response(status=200, headers={}, body=INVOICE.encode()).json()
    writer = CONNECTOR.writer("invoice")
    ref = writer.read(writer.record({"Invoice": row}))
    assert (ref.remote_id, ref.number, ref.revision) == ("130", "INV-2026-0007", "2")
    assert writer.digest(row) == Digest(
        number="INV-2026-0007",
        currency="USD",
        net=Decimal("1875.00"),
        tax=Decimal("148.05"),
        lines=4,
        customer_id="61",
        issue_date=date(2026, 1, 31),
        key=KEY,
    )
    ours = writer.expect(document(), context())
    assert replace(ours, tax=Decimal("148.05"), lines=4) == writer.digest(row)


# -- looking ----------------------------------------------------------------------------
def test_an_invoice_is_looked_for_by_key_then_by_number():
    by_key, by_number = CONNECTOR.writer("invoice").finds
    call = by_key.request(document(), context(), settings())
    assert "WHERE CustomerRef = '61' AND TxnDate = '2026-01-31'" in dict(call.params)["query"]
    rows = [
        {"Id": "1", "PrivateNote": "[tieout:v1:other]"},
        {"Id": "2"},
        {"Id": "3", "PrivateNote": f"Voided [tieout:{KEY}] January", "DocNumber": "INV-2026-0007"},
        {"Id": "4", "DocNumber": "INV-2026-0007"},
    ]
    found = {"QueryResponse": {"Invoice": rows}}
    assert [row["Id"] for row in by_key.pick(found, document(), context())] == ["3"]
    call = by_number.request(document(), context(), settings())
    assert "WHERE DocNumber = 'INV-2026-0007'" in dict(call.params)["query"]
    assert [row["Id"] for row in by_number.pick(found, document(), context())] == ["3", "4"]
    assert by_number.request(document(number=""), context(), settings()) is None


def test_a_customer_is_looked_for_by_name_also_among_the_inactive():
    (find,) = CONNECTOR.writer("customer").finds
    around = context(display_name="O'Hara")
    query = dict(find.request(CLIENT, around, settings()).params)["query"]
    assert r"('O\'Hara', 'O\'Hara (deleted)') AND Active IN (true, false)" in query
    rows = [
        {"Id": "1", "DisplayName": "o'hara"},
        {"Id": "2", "DisplayName": "O'Hara (deleted)", "Notes": f"[tieout:{KEY}]"},
        {"Id": "3", "DisplayName": "O'Hara (deleted)"},
    ]
    picked = find.pick({"QueryResponse": {"Customer": rows}}, CLIENT, around)
    assert [row["Id"] for row in picked] == ["1", "2"]


# -- refusals ---------------------------------------------------------------------------
@pytest.mark.parametrize("line", FAULTS, ids=lambda line: f"{line.code}-{line.then.__name__}")
def test_each_line_of_the_fault_table(line):
    request = WRITE if line.writes or line.writes is None else READ
    body = b"Forbidden" if line.code is None else fault(line.code, line.text or "Something.")
    error = refusal(line.status or 400, body, request)
    assert type(error) is line.then


@pytest.mark.parametrize(
    ("code", "detail", "reading", "writing"),
    [
        ("3200", "Token expired", AuthExpired, AuthExpired),
        ("003001", "The request limit was reached", RateLimited, RateLimited),
        ("5010", "You and X were working on this", Conflict, Conflict),
        ("600", "Duplicate Request ID", Rejected, Unknown),
        ("6000", "An unexpected error occurred. Please wait a few minutes", Transient, Unknown),
        ("6000", "You must set a transaction amount", Rejected, Rejected),
        ("10000", "An application error has occurred", Transient, Unknown),
        ("500", "Unsupported Operation", Rejected, Rejected),
        ("6210", "Account period closed", Rejected, Rejected),
        ("6190", "Subscription ended", AuthExpired, AuthExpired),
        ("99999", "Something new", Rejected, Rejected),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_what_a_code_means_also_in_an_answer_of_success(status, code, detail, reading, writing):
    assert type(refusal(status, fault(code, detail), READ)) is reading
    assert type(refusal(status, fault(code, detail), WRITE)) is writing


def test_a_duplicate_number_names_the_invoice_that_has_it():
    text = (
        "Duplicate Document Number Error : You must specify a different number. This number has "
        "already been used. DocNumber=PRJ-000123 is assigned to TxnType={} with TxnId=6575"
    )
    error = refusal(400, fault("6140", text.format("Invoice"), "Duplicate Document Number"), WRITE)
    assert isinstance(error, Conflict)
    assert (error.remote_id, error.code, error.trace_id) == ("6575", "6140", "1-abc")
    assert error.text == text.format("Invoice")
    other = refusal(400, fault("6140", text.format("Sales Receipt")), WRITE)
    assert other.remote_id == ""
    taken = refusal(400, fault("6240", "The name supplied already exists. : Id=61"), WRITE)
    assert taken.remote_id == "61"
    assert refusal(400, fault("6240", "... already exists. : null"), WRITE).remote_id == ""


def test_the_gateways_lower_case_refusal():
    body = {
        "warnings": None,
        "fault": {
            "error": [
                {
                    "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
                    "detail": "Token expired: AB",
                    "code": "3200",
                    "element": None,
                }
            ],
            "type": "AUTHENTICATION",
        },
        "queryResponse": None,
        "time": 1767600000000,
    }
    error = refusal(401, body)
    assert isinstance(error, AuthExpired)
    assert error.code == "3200"
    assert "Token expired" in error.text


XML = (
    b'<?xml version="1.0" encoding="UTF-8"?><IntuitResponse time="x" xmlns="http://schema">'
    b'<Fault type="SERVICE"><Error code="%s"><Message>message=ThrottleExceeded; errorCode=003001;'
    b" statusCode=429</Message><Detail>The request limit was reached &amp; more</Detail></Error>"
    b"</Fault></IntuitResponse>"
)


@pytest.mark.parametrize("status", [200, 429])
def test_the_gateways_xml_refusal(status):
    error = refusal(status, XML % b"3001", WRITE)
    assert isinstance(error, RateLimited)
    assert error.wait_s == 60
    assert error.text.endswith("The request limit was reached & more")
    assert type(refusal(401, XML % b"3200")) is AuthExpired
    assert type(refusal(403, XML % b"3100")) is AuthExpired


def test_entities_in_xml_are_not_expanded():
    bomb = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    body = bomb + b'<F><Error code="3001"><Detail>&b;&b;</Detail></Error></F>'
    assert refusal(429, body).text == "&b;&b;"


@pytest.mark.parametrize(
    ("status", "body", "reading", "writing"),
    [
        (200, b"", Transient, Unknown),
        (200, b"<html><body>Sign in</body></html>", Transient, Unknown),
        (200, b'{"Invoice":{"Id":', Transient, Unknown),
        (200, b'{"Fault":{"Error":[{"Detail"', Transient, Unknown),
        (500, b"", Transient, Unknown),
        (503, b"<html>Service unavailable</html>", Transient, Unknown),
        (504, b'{"message":"Endpoint request timed out"}', Transient, Unknown),
        (401, b"", AuthExpired, AuthExpired),
        (403, b"<html>Forbidden</html>", AuthExpired, AuthExpired),
        (429, b"", RateLimited, RateLimited),
        (404, b"<html>Not here</html>", Rejected, Rejected),
        (500, b'{"Fault":{"Error":[],"type":"SystemFault"}}', Transient, Unknown),
        (400, b'{"Fault":{"Error":[{"Message":"x","code":""}],"type":"ValidationFault"}}',
         Rejected, Rejected),
    ],
)  # fmt: skip
def test_odd_bodies(status, body, reading, writing):
    assert type(refusal(status, body, READ)) is reading
    assert type(refusal(status, body, WRITE)) is writing


def test_a_fault_inside_the_feed_is_seen():
    body = {"CDCResponse": [fault("4001", "QueryValidationError")], "time": "x"}
    assert type(refusal(200, body)) is Rejected


def test_one_bad_item_does_not_fail_its_batch():
    body = {"BatchItemResponse": [{"bId": "i1", **fault("6000")}], "time": "x"}
    assert refusal(200, body, WRITE) is None


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client"])
def test_a_dead_refresh_token_needs_a_person(error):
    body = {"error": error, "error_description": "Incorrect or invalid refresh token"}
    found = refusal(400, body)
    assert isinstance(found, AuthExpired)
    assert found.text == "Incorrect or invalid refresh token"


# -- through the door, against the stand-in ---------------------------------------------
HOST = "http://quickbooks.test"


@pytest.fixture
def clock():
    return VirtualClock(NOW)


def connect(vendor, clock):
    given = vendor.credentials
    connection = Connection(
        name="ledger",
        connector=CONNECTOR,
        settings=settings(base_url=HOST, realm_id=given["realm_id"]),
        secrets={name: given[name] for name in ("client_id", "client_secret", "refresh_token")},
        keeper=MemoryKeeper(),
        governor=MemoryGovernor(),
    )
    return Desk(connection, Transport(clock, mounts={HOST: WsgiAdapter(vendor, clock)}))


class Desk:
    """A bookkeeper with this connection, who can also work in QuickBooks by hand."""

    def __init__(self, connection, transport):
        self.connection = connection
        self.transport = transport

    def call(self, request):
        return self.transport.call(self.connection, request)

    def by_hand(self, path, body, **params):
        call = Request(
            method="POST", path=path, params=tuple(params.items()), body=encode(body),
            content_type="application/json", writes=True,
        )  # fmt: skip
        return self.call(call).json()

    def pull(self, name, start=None):
        stream = CONNECTOR.stream(name)
        since = Since(start=start, end=self.transport.clock.now())
        request = stream.request(since, self.connection.settings)
        rows = [row for page in walk(self.call, request, stream.pages) for row in page.rows]
        live = [row for row in rows if not stream.deleted(row)]
        facts = [
            stream.read(
                stream.wire.model_validate(row),
                SourceRef("ledger", name, stream.key(row)),
                self.connection.settings,
            )
            for row in live
        ]
        return facts, [stream.key(row) for row in rows if stream.deleted(row)]

    def names(self, name):
        return {fact.name: fact.remote_id for fact in self.pull(name)[0]}

    def write(self, name, subject, around):
        writer = CONNECTOR.writer(name)
        body = encode(writer.build(subject, around))
        answer = self.call(writer.send(body, around.key, self.connection.settings)).json()
        record = writer.record(answer)
        assert same(writer.digest(record), writer.expect(subject, around))
        return writer.read(record)

    def find(self, name, by, subject, around):
        writer = CONNECTOR.writer(name)
        find = next(find for find in writer.finds if find.by == by)
        request = find.request(subject, around, self.connection.settings)
        rows = find.pick(self.call(request).json(), subject, around)
        return [(writer.read(row).remote_id, writer.digest(row).key) for row in rows]


def same(theirs, ours):
    return replace(theirs, tax=ours.tax) == ours


def key(number):
    return idempotency_key("Northwind", "ledger", f"doc_{number}", 1, 1)


def test_a_client_a_project_and_an_invoice_reach_the_ledger_once(clock):
    desk = connect(QuickBooks(clock, preset="empty"), clock)
    identity = CONNECTOR.identity
    who = identity.read(desk.call(identity.request(desk.connection.settings)).json())
    assert who == ("", "Northwind Studio")
    item = next(iter(desk.names("items").values()))
    client = context(key=key(1), display_name="O'Hara & Söhne")
    parent = desk.write("customer", CLIENT, client)
    assert desk.find("customer", "name", CLIENT, client) == [(parent.remote_id, key(1))]
    job = context(key=key(2), display_name="O'Hara & Söhne - Web", parent_id=parent.remote_id)
    project = desk.write("project", PROJECT, job)
    codes = {"L001": LineCodes(item_id=item, tax_code_id="NON"), "L002": LineCodes(item_id=item)}
    around = context(key=key(3), customer_id=project.remote_id, lines=codes, email="a@b.example")
    subject = document(
        section(line(1, hours="128.35", rate="14.5", amount="1861.08")),
        section(line(2), title="More"),
    )
    made = desk.write("invoice", subject, around)
    assert desk.write("invoice", subject, around) == made
    assert desk.find("invoice", "key", subject, around) == [(made.remote_id, key(3))]
    assert desk.find("invoice", "number", subject, around) == [(made.remote_id, key(3))]
    with pytest.raises(Conflict) as taken:
        desk.write("invoice", subject, replace(around, key=key(4)))
    assert taken.value.remote_id == made.remote_id
    with pytest.raises(Conflict):
        desk.write("customer", CLIENT, replace(client, key=key(5)))
    (fact,), _ = desk.pull("invoices")
    assert (fact.key, fact.total, len(fact.lines)) == (key(3), Money.of("3736.08", "USD"), 2)


def sold(desk, count):
    """A customer and as many invoices over 1875.00, made in one batch."""
    item = next(iter(desk.names("items").values()))
    buyer = desk.write("customer", CLIENT, context(key=key(0), display_name="Acme"))
    writer = CONNECTOR.writer("invoice")
    codes = {"L001": LineCodes(item_id=item)}
    items = []
    for number in range(1, count + 1):
        around = context(key=key(number), customer_id=buyer.remote_id, lines=codes)
        body = writer.build(document(number=f"INV-{number}"), around)
        items.append((f"i{number}", encode(body)))
    call = writer.batch.send(items, key(99), desk.connection.settings)
    first = writer.batch.split(desk.call(call).json())
    again = writer.batch.split(desk.call(call).json())
    assert first == again
    return buyer.remote_id, {
        name: writer.read(writer.record(found.answer)) for name, found in first.items()
    }


def test_a_batch_is_replayed_and_its_items_are_separate(clock):
    desk = connect(QuickBooks(clock, preset="empty"), clock)
    _, made = sold(desk, 3)
    assert {ref.number for ref in made.values()} == {"INV-1", "INV-2", "INV-3"}
    assert len(desk.pull("invoices")[0]) == 3


def test_what_happens_in_quickbooks_is_told_by_the_feed(clock):
    desk = connect(QuickBooks(clock, preset="empty", linked_documents="unlink"), clock)
    buyer, made = sold(desk, 3)
    clock.advance(3600)
    start = clock.now()
    clock.advance(60)
    paid, voided, deleted = (made[f"i{number}"] for number in (1, 2, 3))
    lines = [
        {
            "Amount": Decimal("875.01"),
            "LinkedTxn": [{"TxnId": paid.remote_id, "TxnType": "Invoice"}],
        }
    ]
    body = {"CustomerRef": {"value": buyer}, "TotalAmt": Decimal("1000.01"), "Line": lines}
    desk.by_hand("/payment", body)
    which = {"Id": voided.remote_id, "SyncToken": voided.revision}
    desk.by_hand("/invoice", which, operation="void")
    which = {"Id": deleted.remote_id, "SyncToken": deleted.revision}
    desk.by_hand("/invoice", which, operation="delete")
    facts, gone = desk.pull("invoices", start)
    assert gone == [deleted.remote_id]
    by_id = {fact.remote_id: fact for fact in facts}
    assert by_id[paid.remote_id].balance == Money.of("999.99", "USD")
    assert by_id[voided.remote_id].voided
    assert by_id[voided.remote_id].key == key(2)
    (payment,), _ = desk.pull("payments", start)
    assert by_id[paid.remote_id].linked_payments == (payment.remote_id,)
    assert payment.unapplied == Money.of("125.00", "USD")
    assert [part.amount for part in payment.allocations] == [Decimal("875.01")]
    everything, gone = desk.pull("invoices")
    assert ({fact.remote_id for fact in everything}, gone) == (set(by_id), [])


@pytest.mark.parametrize("company", [{}, {"multicurrency": True, "gateway_body": "xml"}])
def test_every_stream_of_a_sample_company_is_read(clock, company):
    desk = connect(QuickBooks(clock, preset="sample", **company), clock)
    counts = {stream.name: len(desk.pull(stream.name)[0]) for stream in CONNECTOR.streams}
    assert all(counts.values()), counts
    (books,), _ = desk.pull("preferences")
    assert books.currency == "USD"
    assert not any(isinstance(fact, Held) for fact in desk.pull("invoices")[0])


def test_a_foreign_invoice_in_a_company_outside_the_us(clock):
    vendor = QuickBooks(
        clock, preset="empty", country="CA", home_currency="CAD", multicurrency=True
    )
    desk = connect(vendor, clock)
    item = next(iter(desk.names("items").values()))
    code = next(iter(desk.names("tax_codes").values()))
    home = {"home_currency": "CAD", "country": "CA"}
    around = context(key=key(1), display_name="Acme US", **home)
    buyer = desk.write("customer", replace(CLIENT, currency="USD"), around)
    around = context(
        key=key(2),
        customer_id=buyer.remote_id,
        lines={"L001": LineCodes(item_id=item, tax_code_id=code)},
        exchange_rate=Decimal("1.3625"),
        **home,
    )
    desk.write("invoice", document(), around)
    (fact,), _ = desk.pull("invoices")
    assert fact.total.amount - fact.tax.amount == Decimal("1875.00")


def test_an_expired_token_is_refreshed_once_and_a_revoked_one_stops(clock):
    desk = connect(QuickBooks(clock, preset="empty", strict_rotation=True), clock)
    desk.pull("terms")
    first = desk.connection.keeper.load()["refresh"]
    clock.advance(3601)
    desk.pull("terms")
    assert desk.connection.keeper.load()["refresh"] != first
    desk.connection.keeper.save({"refresh": "RT1-dead"})
    with pytest.raises(AuthExpired, match="tieout connect ledger"):
        desk.pull("terms")
