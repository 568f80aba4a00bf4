"""Files on their way to an invoice: kept as JSON, sent as they are."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from werkzeug.formparser import parse_form_data

from tests.connectors import subjects
from tests.connectors.test_quickbooks import settings as quickbooks_settings
from tests.connectors.xero_desk import settings as xero_settings
from tieout.connectors import faults
from tieout.connectors.attached import File, multipart, stored, unstored
from tieout.connectors.base import TIMESHEET, Response
from tieout.connectors.exact import decode, encode
from tieout.connectors.registry import connectors
from tieout.errors import Misconfigured, Rejected, Unknown

QUICKBOOKS, XERO = connectors()["quickbooks"], connectors()["xero"]
FILE = File(name="A-7-timesheet.csv", content_type="text/csv", content="é;\r\n--x\r\n".encode())


def test_a_file_comes_out_of_the_outbox_as_it_went_in() -> None:
    body = encode(stored("75", FILE))
    assert unstored(body) == unstored(decode(body)) == ("75", FILE)
    assert unstored(b"{}") == ("", File(name="", content_type="", content=b""))


def test_parts_are_read_by_a_library_that_knows_nothing_of_ours() -> None:
    about = File(name="about.json", content_type="application/json", content=b'{"a":1}')
    body, kind = multipart((("one", about), ("two", FILE)))
    assert (body, kind) == multipart((("one", about), ("two", FILE)))
    environ = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": kind,
        "REQUEST_METHOD": "POST",
    }
    _, _, files = parse_form_data(environ)
    told = {name: (one.filename, one.mimetype, one.read()) for name, one in files.items()}
    for one in files.values():
        one.close()
    assert told == {
        "one": ("about.json", "application/json", b'{"a":1}'),
        "two": (FILE.name, "text/csv", FILE.content),
    }


@pytest.mark.parametrize("slug", ["quickbooks", "xero"])
def test_without_its_invoice_or_its_file_nothing_is_built(slug: str) -> None:
    writer = connectors()[slug].writer(TIMESHEET)
    invoice, context = subjects.of(slug, writer)
    with pytest.raises(Misconfigured, match=r"record of invoice .* is not known"):
        writer.build(invoice, replace(context, invoice_id=""))
    with pytest.raises(Misconfigured, match=r"file of invoice .* is not known"):
        writer.build(invoice, replace(context, file=None))


# -- QuickBooks -------------------------------------------------------------------------------
def test_a_part_that_quickbooks_refused_is_a_refusal_of_the_file() -> None:
    fault = {"Error": [{"Message": "File too large", "Detail": "100 MB", "code": "6030"}]}
    body = encode({"AttachableResponse": [{"Fault": {**fault, "type": "ValidationFault"}}]})
    answer = Response(status=200, headers={"content-type": "application/json"}, body=body)
    call = QUICKBOOKS.writer(TIMESHEET).send(b"{}", "v1:1", quickbooks_settings())
    error = faults.classify(QUICKBOOKS, call, answer)
    assert isinstance(error, Rejected)
    assert error.text == "File too large: 100 MB"


@pytest.mark.parametrize("answer", [None, {}, {"AttachableResponse": [{}]}])
def test_a_success_without_the_file_is_looked_for(answer: object) -> None:
    with pytest.raises(Unknown, match="without the file"):
        QUICKBOOKS.writer(TIMESHEET).record(answer)


def test_quickbooks_keeps_a_file_under_the_calls_key() -> None:
    call = QUICKBOOKS.writer(TIMESHEET).send(
        encode(stored("75", FILE)), "v1:1", quickbooks_settings()
    )
    assert (call.method, call.path, call.writes) == ("POST", "/upload", True)
    assert dict(call.params)["requestid"] == "v1:1"


# -- Xero --------------------------------------------------------------------------------------
def test_xero_gets_the_bytes_alone_and_never_by_post() -> None:
    call = XERO.writer(TIMESHEET).send(encode(stored("guid-7", FILE)), "v1:1", xero_settings())
    assert (call.method, call.path) == ("PUT", f"/Invoices/guid-7/Attachments/{FILE.name}")
    assert (call.body, call.content_type, call.writes) == (FILE.content, "text/csv", True)
    assert dict(call.headers) == {"Idempotency-Key": "v1:1"}


def test_xero_is_asked_for_no_more_than_the_rights_it_needs() -> None:
    browser = XERO.auth.at_a_page(xero_settings())
    assert browser is not None
    assert "accounting.attachments" in browser.scopes(xero_settings())
