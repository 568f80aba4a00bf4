"""The stand-in of Xero under clients as they are: XML, text for numbers, odd booleans, sockets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.sandbox.xero_desk import NOW, D, acme, again, desk, invoice, line, put
from tests.sandbox.xero_spec import CheckedCaller
from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.serving import Served
from tieout.sandbox.xero import Xero
from tieout.sandbox.xero.wire import decode


# -- what the official library sends -----------------------------------------------------------
def test_dates_in_milliseconds_and_booleans_with_a_capital() -> None:
    caller = desk()
    body = invoice(caller, Date="/Date(1774915200000)/", DueDate="/Date(1777507200000+0000)/")
    row = caller.write("PUT", "Invoices", body, summarizeErrors="False", unitdp="4")[0]
    assert (row["DateString"], row["DueDateString"]) == (
        "2026-03-31T00:00:00", "2026-04-30T00:00:00",
    )  # fmt: skip
    status, _ = caller.call("PUT", "Invoices", {"Invoices": [{}]}, summarizeErrors="True")
    assert status == 400
    iso = caller.write("PUT", "Invoices", {**body, "Date": "2026-03-31T00:00:00Z"})[0]
    assert iso["Date"] == row["Date"]


def test_numbers_as_text_and_floats_with_noise() -> None:
    caller = desk()
    text = {**line(), "Quantity": "7.50", "UnitAmount": "180.2550", "DiscountRate": "10"}
    body = {"Invoices": [invoice(caller, text, SentToContact="False")]}
    query = {"summarizeErrors": "false", "unitdp": "4"}
    status, answer = caller.call("PUT", "Invoices", body, loose=True, **query)
    assert (status, answer["Invoices"][0]["Total"]) == (200, D("1399.23"))
    raw = json.dumps({"Invoices": [invoice(caller, {**line(), "UnitAmount": 0.1 + 0.2})]})
    assert caller.call("PUT", "Invoices", raw, **query)[1]["Invoices"][0]["SubTotal"] == D("0.30")


@pytest.mark.parametrize("shape", ["envelope", "array", "alone"])
def test_an_object_comes_in_an_envelope_in_an_array_or_alone(shape: str) -> None:
    caller = desk()
    one = invoice(caller)
    body: Any = {"envelope": {"Invoices": [one]}, "array": [one], "alone": one}[shape]
    status, answer = caller.call("PUT", "Invoices", body, loose=True)
    assert (status, len(answer["Invoices"])) == (200, 1)


def test_a_body_that_is_none_of_it() -> None:
    caller = desk()
    good = invoice(caller)
    wrong: list[Any] = [
        {"Contact": "Acme"},
        {"Date": "31/03/2026"},
        {"LineItems": [{"Quantity": "many"}]},
        {"LineItems": [{"Quantity": "1e40"}]},
        {"BrandingThemeID": "Standard"},
        {"SentToContact": "perhaps"},
    ]
    bodies: list[Any] = ['"text"', "[1]", '{"Invoices": 5}']
    bodies += [{"Invoices": [good, {**good, **each}]} for each in wrong]
    for body in bodies:
        status, answer = caller.call("PUT", "Invoices", body)
        assert (status, answer["ErrorNumber"]) == (400, 14)
    assert caller.rows("Invoices") == [], "nothing of a body that cannot be read is done"


# -- XML ---------------------------------------------------------------------------------------
def test_without_accept_json_the_answer_is_xml() -> None:
    caller = desk()
    row = put(caller, InvoiceNumber="NW-1")
    for accept in ("", "*/*", "application/xml"):
        path = f"Invoices/{row['InvoiceID']}"
        response = caller.send("GET", path, headers={"Accept": accept})
        assert response.content_type.startswith("text/xml")
        root = ET.fromstring(response.get_data())
        assert root.findtext("Invoices/Invoice/InvoiceNumber") == "NW-1"
        assert root.findtext("Invoices/Invoice/Total") == "115.00"
        assert root.findtext("Invoices/Invoice/Date") == "2026-03-31T00:00:00"
        assert root.findtext("Invoices/Invoice/LineItems/LineItem/Quantity") == "1.0000"
    failed = caller.send("GET", "Invoices", where="x", headers={"Accept": ""})
    assert ET.fromstring(failed.get_data()).findtext("ErrorNumber") == "16"


XML = """<Invoices><Invoice><Type>ACCREC</Type><Contact><Name>Acme Ltd</Name></Contact>
<Date>2026-03-31</Date><DueDate>2026-04-30</DueDate><Status>AUTHORISED</Status>
<LineItems><LineItem><Description>x</Description><Quantity>2</Quantity>
<UnitAmount>50.00</UnitAmount><AccountCode>210</AccountCode></LineItem></LineItems>
</Invoice></Invoices>"""


@pytest.mark.parametrize("kind", ["application/xml", "application/x-www-form-urlencoded"])
def test_a_body_in_xml_plain_or_in_a_form(kind: str) -> None:
    caller = desk()
    client, headers = caller.client, {
        "Authorization": f"Bearer {caller.token}",
        "xero-tenant-id": caller.tenant_id,
        "Accept": "application/json",
    }  # fmt: skip
    data: Any = {"xml": XML} if "form" in kind else XML
    response = client.put("/api.xro/2.0/Invoices", data=data, headers=headers, content_type=kind)
    assert response.status_code == 200
    assert decode(response.get_data())["Invoices"][0]["Total"] == D("115.00")
    bad = client.put("/api.xro/2.0/Invoices", data="<a", headers=headers,
                     content_type="application/xml")  # fmt: skip
    assert bad.status_code == 400
    entity = '<!DOCTYPE a [<!ENTITY b "c">]><Invoices/>'
    bad = client.put("/api.xro/2.0/Invoices", data=entity, headers=headers,
                     content_type="application/xml")  # fmt: skip
    assert bad.status_code == 400


# -- over a socket -------------------------------------------------------------------------------
@pytest.fixture
def served() -> Iterator[tuple[Xero, http.client.HTTPConnection]]:
    vendor = Xero(SystemClock(), preset="empty")
    with Served(vendor) as server:
        port = int(server.base_url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        yield vendor, connection
        connection.close()


def test_a_chunked_body_over_a_socket(served: tuple[Xero, http.client.HTTPConnection]) -> None:
    vendor, connection = served
    headers = {
        "Authorization": f"Bearer {vendor.credentials['access_token']}",
        "Xero-Tenant-Id": vendor.tenant_id,
        "Accept": "application/json",
        "Content-Type": "application/json; charset=utf-8",
        "Transfer-Encoding": "chunked",
    }
    body = json.dumps({"Contacts": [{"Name": "Chunky Ltd"}]}).encode()
    pieces = iter([body[:10], body[10:]])
    connection.request("PUT", "/api.xro/2.0/Contacts?summarizeErrors=false", pieces, headers,
                       encode_chunked=True)  # fmt: skip
    answer = connection.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["Contacts"][0]["Name"] == "Chunky Ltd"


def test_a_connection_that_is_cut_over_a_socket(
    served: tuple[Xero, http.client.HTTPConnection],
) -> None:
    vendor, connection = served
    vendor.plan("timeout_after_commit", method="PUT")
    headers = {
        "Authorization": f"Bearer {vendor.credentials['access_token']}",
        "xero-tenant-id": vendor.tenant_id,
        "Content-Type": "application/json",
    }
    connection.request("PUT", "/api.xro/2.0/Contacts", b'{"Name": "Lost Ltd"}', headers)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    assert [row["Name"] for row in vendor.books.live("Contacts")] == ["Lost Ltd"]


# -- the shell -----------------------------------------------------------------------------------
def test_a_call_takes_the_time_that_was_set_and_each_item_more() -> None:
    vendor = Xero(VirtualClock(NOW), preset="empty", service_s=0.5, item_s=0.1, limits=False)
    caller = CheckedCaller(vendor)
    vendor.books.add_contact("Acme Ltd")
    caller.write("PUT", "Invoices", *(invoice(caller) for _ in range(5)))
    assert (vendor.clock.now() - NOW).total_seconds() == pytest.approx(1.0)
    assert [call.writes for call in vendor.calls] == [True]
    assert len(vendor.write_calls) == 1


def test_what_an_operator_needs_to_connect() -> None:
    vendor = Xero(VirtualClock(NOW), preset="empty")
    assert vendor.slug == "xero"
    assert set(vendor.credentials) == {
        "client_id", "client_secret", "tenant_id", "webhook_key", "access_token", "refresh_token",
    }  # fmt: skip
    again_ = Xero(VirtualClock(NOW), preset="empty")
    assert again_.credentials == vendor.credentials, "a run can be repeated"
    assert Xero(VirtualClock(NOW), preset="empty", seed=2).tenant_id != vendor.tenant_id


def test_the_layout_is_a_setting_and_the_digits_stay() -> None:
    caller = desk(layout="compact")
    row = put(caller, line("123456789012.45"))
    text = caller.send("GET", f"Invoices/{row['InvoiceID']}").get_data(as_text=True)
    assert '"SubTotal":123456789012.45' in text
    assert "\r\n" not in text
    assert "\r\n" in desk().send("GET", "Currencies").get_data(as_text=True)
    assert isinstance(again(caller, row)["Total"], Decimal)


def test_names_in_any_writing() -> None:
    caller = desk()
    row = put(caller, Contact={"Name": 'Zoë "Zed" 株式会社 / Söhne'})
    assert again(caller, row)["Contact"]["Name"] == 'Zoë "Zed" 株式会社 / Söhne'
    assert acme(caller) != row["Contact"]["ContactID"]
