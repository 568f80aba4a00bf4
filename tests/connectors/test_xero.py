"""Xero: what is sent, and what refusals mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.connectors import subjects
from tests.connectors.xero_desk import (
    CLIENT,
    built,
    context,
    document,
    key,
    line,
    settings,
)
from tests.sandbox.xero_spec import FILES, check, missing, spec
from tieout.connectors import faults as table
from tieout.connectors.base import TIMESHEET, LineCodes, Request, Response, Since, item_name
from tieout.connectors.exact import encode
from tieout.connectors.xero import CONNECTOR, translate
from tieout.errors import (
    AuthExpired,
    Conflict,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)
from tieout.model.document import DocumentKind, Section
from tieout.sync.keys import item_key

ACCOUNTING = FILES["/api.xro/2.0/"]
READ = Request(method="GET", path="/Invoices")
WRITE = Request(method="PUT", path="/Invoices", writes=True)


# -- invoices ---------------------------------------------------------------------------
def test_an_invoice_as_xero_is_sent_it():
    row = built()
    assert row == {
        "Type": "ACCREC",
        "InvoiceNumber": "INV-2026-0007",
        "Reference": f"[tieout:{key(1)}]",
        "Contact": {"ContactID": context().customer_id},
        "Date": "2026-01-31",
        "DueDate": "2026-03-02",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "NZD",
        "Status": "AUTHORISED",
        "SentToContact": False,
        "LineItems": [
            {
                "Description": "Design",
                "Quantity": Decimal("12.5"),
                "UnitAmount": Decimal("150"),
                "LineAmount": Decimal("1875.00"),
                "ItemCode": "DESIGN",
            }
        ],
    }


def test_it_is_created_and_never_updated():
    writer = CONNECTOR.writer("invoice")
    body = encode(writer.build(document(), context()))
    call = writer.send(body, "k" * 128, settings())
    assert (call.method, call.path, call.writes) == ("PUT", "/Invoices", True)
    assert dict(call.params) == {"summarizeErrors": "false", "unitdp": "4"}
    assert dict(call.headers) == {"Idempotency-Key": "k" * 128}
    assert call.body == body
    assert writer.key_length == 128


@pytest.mark.skipif(missing(), reason="Xero's official OpenAPI files are not beside this checkout")
def test_what_is_sent_and_asked_is_in_xeros_own_specification():
    file = spec(ACCOUNTING)
    for writer in CONNECTOR.writers:
        body = json.loads(encode(writer.build(*subjects.of("xero", writer))))
        if writer.name == TIMESHEET:  # its bytes are the whole body
            put = file["paths"]["/Invoices/{InvoiceID}/Attachments/{FileName}"]["put"]
            assert "application/octet-stream" in put["requestBody"]["content"]
            continue
        (name,) = body
        check(ACCOUNTING, name, body)
        body[name][0]["Nonsense"] = 1
        with pytest.raises(AssertionError, match="Nonsense"):
            check(ACCOUNTING, name, body)
    shared = file["components"]["parameters"]
    since = Since(start=None, end=datetime(2026, 3, 2, tzinfo=UTC))
    for stream in CONNECTOR.streams:
        call = stream.request(since, settings())
        told = file["paths"][call.path]["get"].get("parameters", [])
        known = {shared.get(one.get("$ref", "").split("/")[-1], one)["name"] for one in told}
        assert {name for name, _ in call.params} <= known, call.path


def test_a_batch_is_the_stored_bytes_in_one_list():
    writer = CONNECTOR.writer("invoice")
    bodies = [encode(writer.build(document(number=f"N-{n}"), context(n))) for n in (1, 2)]
    call = writer.batch.send([("i1", bodies[0]), ("i2", bodies[1])], "call", settings())
    rows = [json.loads(body)["Invoices"][0] for body in bodies]
    assert json.loads(call.body) == {"Invoices": rows}
    inside = [body[len(b'{"Invoices":[') : -2] for body in bodies]
    assert all(body in call.body for body in inside)


def test_an_item_is_called_as_the_engine_calls_it():
    assert item_name(key(7)) == item_key(SimpleNamespace(key=key(7)))


def test_sections_and_the_memo_are_lines_of_words():
    sections = tuple(
        Section(project_id="p", budget_id="b", title=title, lines=(line(n),))
        for n, title in ((1, "Build"), (2, "Care"))
    )
    row = built(document(sections=sections, memo="Thank you"), context(lines=2))
    assert [each["Description"] for each in row["LineItems"]] == [
        "Build",
        "Design",
        "Care",
        "Design",
        "Thank you",
    ]
    assert [set(row["LineItems"][n]) for n in (0, 2, 4)] == [{"Description"}] * 3


def test_a_timesheets_words_stand_below_their_sections_lines_and_are_never_the_memo():
    sections = tuple(
        Section(project_id="p", budget_id=title, title=title, lines=(line(n),))
        for n, title in ((1, "Build"), (2, "Care"))
    )
    words = {"Build": ("Ada, Design, 12.50 h",), "Care": ("Ben, Care, 12.50 h",)}
    for memo in ("Thank you", ""):
        row = built(document(sections=sections, memo=memo), context(lines=2, memo_lines=words))
        told = [each["Description"] for each in row["LineItems"]]
        assert told == [
            *("Build", "Design", "· Ada, Design, 12.50 h"),
            *("Care", "Design", "· Ben, Care, 12.50 h"),
            *((memo,) if memo else ()),
        ]
        says = translate.worded(
            {**row, "InvoiceID": "1", "Total": 1, "Contact": {"ContactID": "2"}}
        )
        assert says.memo == memo
    with pytest.raises(Misconfigured, match="begins like a line of a timesheet"):
        built(document(memo="· Ada"))


def test_a_link_back_stands_on_invoices_alone():
    around = context(link="https://crm.example/deal/7")
    assert built(around=around)["Url"] == "https://crm.example/deal/7"
    assert "Url" not in built()
    note = document(kind=DocumentKind.CREDIT_NOTE, number="CN-2026-0001", due_date=None)
    (row,) = CONNECTOR.writer("credit_note").build(note, around)["CreditNotes"]
    assert "Url" not in row


def test_a_purchase_order_stands_before_the_key_and_never_cuts_it():
    assert built(document(po_number="4711"))["Reference"] == f"PO 4711 [tieout:{key(1)}]"
    long = built(document(po_number="9" * 400))["Reference"]
    assert len(long) == 255
    assert long.endswith(f" ... [tieout:{key(1)}]")


def test_a_credit_on_an_invoice_has_a_price_below_zero():
    (row,) = built(document(line(1, "-2", "150", "-300.00")))["LineItems"]
    assert (row["Quantity"], row["UnitAmount"], row["LineAmount"]) == (2, -150, -300)


def test_a_rate_is_told_in_foreign_units_for_one_of_ours():
    foreign = document(line(1, currency="EUR"), currency="EUR")
    row = built(foreign, context(exchange_rate=Decimal("1.0961")))
    assert row["CurrencyRate"] == Decimal("0.912326")
    assert "CurrencyRate" not in built(foreign)
    assert "CurrencyRate" not in built(around=context(exchange_rate=Decimal("1.0961")))


REFUSED = [
    (document(number=""), context(), "number of the invoice is not known"),
    (document(number="N" * 256), context(), "has 256 characters"),
    (document(due_date=None), context(), "due date of invoice INV-2026-0007 is not known"),
    (document(), context(customer_id=""), "customer of invoice INV-2026-0007 is not known"),
    (document(), context(item=""), "item of line L001"),
    (document(line(2)), context(), "item of line L002"),
    (document(line(1, text="")), context(), "description of line L001"),
    (document(line(1, amount="1874.99")), context(), "12.5 x 150 is not 1874.99"),
    (document(line(1, "0.00001", "100000", "1.00")), context(), "more than the 4 decimals"),
    (document(line(1, "100000", "0.00001", "1.00")), context(), "more than the 4 decimals"),
    (
        document(line(1, currency="JPY", amount="1875"), currency="JPY"),
        context(exchange_rate=Decimal("9999999")),
        "exchange rate",
    ),
    (document(), context(department_id="7"), "no tracking option"),
    (
        document(*(line(n, text="words " * 660) for n in range(1, 1000))),
        context(lines=999),
        "larger than the 3500000 bytes",
    ),
]


@pytest.mark.parametrize(("subject", "around", "why"), REFUSED)
def test_what_xero_could_not_hold_is_refused_before_the_call(subject, around, why):
    with pytest.raises(Misconfigured, match=why):
        built(subject, around)


def test_class_and_department_must_be_of_two_categories():
    codes = {"L001": LineCodes(item_id="DEV", class_id="region/north")}
    with pytest.raises(Misconfigured, match="one tracking category"):
        built(around=replace(context(department_id="region/south"), lines=codes))


# -- contacts ---------------------------------------------------------------------------
def test_a_client_as_xero_is_sent_it():
    build = CONNECTOR.writer("customer").build
    around = context(display_name="  O'Hara:\tWest 🚀 ")
    (row,) = build(CLIENT, around)["Contacts"]
    assert row == {
        "Name": "O'Hara: West 🚀",
        "ContactNumber": key(1),
        "EmailAddress": "ap@acme.example",
    }
    (row,) = build(replace(CLIENT, currency="EUR"), around)["Contacts"]
    assert row["DefaultCurrency"] == "EUR"
    assert len(key(1)) <= 50, "what a contact number holds"
    for name in ("", "N" * 256):
        with pytest.raises(Misconfigured, match="name"):
            build(CLIENT, context(display_name=name))


def test_there_is_no_writer_for_projects():
    """Xero has no customer below another: a project is a tracking option, which people make."""
    assert not CONNECTOR.writes("project")


# -- refusals ---------------------------------------------------------------------------
def refusal(status, body, request=WRITE, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Response(status=status, headers=named, body=content)
    return table.classify(CONNECTOR, request, answer)


def element(*messages, **more):
    said = [{"Message": message} for message in messages]
    return {
        "StatusAttributeString": "ERROR", "HasErrors": True, "ValidationErrors": said, **more
    }  # fmt: skip


def problem(status, title, detail):
    return {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": "x"}


@pytest.mark.parametrize(
    ("status", "body", "reading", "writing"),
    [
        (400, {"error": "invalid_grant"}, AuthExpired, AuthExpired),
        (400, {"error": "invalid_scope"}, AuthExpired, AuthExpired),
        (401, problem(401, "Unauthorized", "TokenExpired: at 1"), AuthExpired, AuthExpired),
        (401, problem(401, "Unauthorized", "AuthorizationUnsuccessful"), AuthExpired, AuthExpired),
        (403, problem(403, "Forbidden", "AuthenticationUnsuccessful"), AuthExpired, AuthExpired),
        (403, b"<html>no</html>", AuthExpired, AuthExpired),
        (404, problem(404, "Not Found", "gone"), Rejected, Rejected),
        (400, {"ErrorNumber": 16, "Type": "QueryParseException", "Message": "Expression expected"},
         Rejected, Rejected),
        (400, b"Supplied parameter 'Ids' cannot be parsed", Rejected, Rejected),
        (412, b"", Rejected, Rejected),
        (415, b"", Rejected, Rejected),
        (413, b"", Rejected, Rejected),
        (501, {"ErrorNumber": 20, "Message": "not implemented"}, Rejected, Rejected),
        (500, {"title": "An error occurred", "detail": "in Xero", "status": 500},
         Transient, Unknown),
        (502, b"<html>Bad gateway</html>", Transient, Unknown),
        (503, b"The organisation is offline", Transient, Unknown),
        (504, b"", Transient, Unknown),
        (200, b"", Transient, Unknown),
        (200, b"<html>Sign in</html>", Transient, Unknown),
        (200, b'{"Invoices":[{"StatusAttributeString"', Transient, Unknown),
        (429, b"", RateLimited, RateLimited),
    ],
)  # fmt: skip
def test_what_an_answer_means(status, body, reading, writing):
    assert type(refusal(status, body, READ)) is reading
    assert type(refusal(status, body, WRITE)) is writing


def test_a_refusal_inside_an_answer_of_success():
    error = refusal(200, {"Invoices": [element("Invoice # must be unique.")]})
    assert isinstance(error, Conflict)
    nested = element(
        LineItems=[{"ValidationErrors": [{"Message": "Account must be valid."}]}],
        Contact={"ValidationErrors": [{"Message": "It is archived."}]},
    )
    error = refusal(200, {"Invoices": [nested]})
    assert isinstance(error, Rejected)
    assert error.text == "It is archived.; Account must be valid."
    quiet = {"HasValidationErrors": True, "ValidationErrors": []}
    assert refusal(200, {"Contacts": [quiet]}).text == "refused without a reason"


def test_an_allocation_that_says_what_is_wrong_and_nothing_else_is_refused():
    """As in the example of Xero's own specification: without a word about its status."""
    wrong = {"Amount": 5, "ValidationErrors": [{"Message": "More than is left"}]}
    error = refusal(200, {"Allocations": [wrong]})
    assert isinstance(error, Rejected)
    assert error.text == "More than is left"
    assert refusal(200, {"Allocations": [wrong | {"ValidationErrors": []}]}) is None


def test_one_bad_item_does_not_fail_its_call():
    good = {"StatusAttributeString": "OK", "HasErrors": False, "ValidationErrors": []}
    assert refusal(200, {"Invoices": [good, element("x")]}) is None
    assert refusal(200, {"Invoices": [good]}) is None


def test_a_refusal_of_the_whole_call_tells_of_every_element():
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [element("One or more line items must be specified"), element("Second")],
    }
    error = refusal(400, body)
    assert isinstance(error, Rejected)
    assert error.text == "One or more line items must be specified; Second"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"x_rate_limit_problem": "concurrent"}, 5),
        ({"x_rate_limit_problem": "Minute", "retry_after": "31"}, 31),
        ({"x_rate_limit_problem": "Daily", "retry_after": "67000"}, 67_000),
        ({"x_rate_limit_problem": "AppMinute"}, 30),
        ({"x_rate_limit_problem": "minute"}, 60),
        ({}, 60),
    ],
)
def test_how_long_to_wait(headers, wait_s):
    error = refusal(429, b"<html>busy</html>", **headers)
    assert isinstance(error, RateLimited)
    assert error.wait_s == wait_s


def test_a_record_without_a_usable_id_is_in_doubt():
    read = CONNECTOR.writer("invoice").record
    nil = [{"InvoiceID": "00000000-0000-0000-0000-000000000000"}]
    several = [{"InvoiceID": "a"}, {"InvoiceID": "b"}]
    for answer in (None, {}, {"Invoices": []}, {"Invoices": nil}, {"Invoices": several}):
        with pytest.raises(Unknown):
            read(answer)
