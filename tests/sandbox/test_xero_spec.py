"""The check against Xero's official files is itself checked: spoiled bodies are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.sandbox.xero_desk import NOW, Row, desk, invoice, note, pay, put
from tests.sandbox.xero_spec import FILES, CheckedCaller, check, missing, spec
from tieout.clock import VirtualClock
from tieout.sandbox.xero import Xero

pytestmark = pytest.mark.skipif(
    missing(), reason="Xero's official OpenAPI files are not beside this checkout"
)
ACCOUNTING = FILES["/api.xro/2.0/"]

LISTS = ("Invoices", "Contacts", "CreditNotes", "Payments", "Overpayments", "Prepayments",
         "BatchPayments", "Items", "Accounts", "TaxRates", "Currencies", "TrackingCategories",
         "BrandingThemes", "Users", "Organisation")  # fmt: skip
PAGED = LISTS[:6]


@pytest.mark.parametrize("country", ["NZ", "US", "GB", "AU", "DE"])
def test_the_sample_of_any_country_is_as_the_file_says(country: str) -> None:
    vendor = Xero(VirtualClock(NOW), country=country, limits=False)
    caller = CheckedCaller(vendor)
    for resource in LISTS:
        rows = caller.rows(resource)
        assert rows, resource
        if resource in PAGED:
            caller.rows(resource, page="1")
        row_id = next((rows[0][key] for key in rows[0] if key == f"{resource[:-1]}ID"), None)
        if row_id:
            caller.rows(f"{resource}/{row_id}")
    assert len(caller.checked) > 20


Spoil = Callable[[Row], Any]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.update(InvoiceNummer="x"),
        lambda row: row.update(Total="115.00"),
        lambda row: row.update(InvoiceID="INV-1"),
        lambda row: row.update(Status="OPEN"),
        lambda row: row.update(HasErrors="false"),
        lambda row: row.update(CurrencyCode="XXQ"),
        lambda row: row["LineItems"][0].update(Quantity="1"),
        lambda row: row["LineItems"][0].update(Qty=1),
        lambda row: row["Contact"].update(ContactStatus="GONE"),
        lambda row: row["Payments"][0].update(Amount=None),
        lambda row: row["Payments"][0].update(Ammount=Decimal(1)),
        lambda row: row.update(InvoiceNumber="x" * 256),
    ],
)
def test_a_spoiled_invoice_is_refused(spoil: Spoil) -> None:
    caller = desk()
    row = put(caller)
    pay(caller, row, 5)
    answer = caller.call("GET", f"Invoices/{row['InvoiceID']}")[1]
    check(ACCOUNTING, "Invoices", answer)
    spoiled = deepcopy(answer)
    spoil(spoiled["Invoices"][0])
    with pytest.raises(AssertionError, match="Invoices/0"):
        check(ACCOUNTING, "Invoices", spoiled)


def test_spoiled_calls_are_refused() -> None:
    caller = desk()
    with pytest.raises(AssertionError, match="Referense"):
        caller.write("PUT", "Invoices", {**invoice(caller), "Referense": "x"})
    with pytest.raises(AssertionError, match="no parameter"):
        caller.rows("Invoices", pagesize_="5")


def test_a_spoiled_error_is_refused() -> None:
    caller = desk()
    status, answer = caller.call("PUT", "Invoices", {"Invoices": [{"Type": "ACCREC"}]})
    assert status == 400
    check(ACCOUNTING, "Error", answer)
    for key, value in (("ErrorNumber", "10"), ("Elements", {}), ("Mesage", "x")):
        with pytest.raises(AssertionError):
            check(ACCOUNTING, "Error", {**answer, key: value})


def test_notifications_are_as_their_file_says() -> None:
    caller = desk()
    put(caller)
    note(caller)
    body, _ = caller.vendor.webhook(caller.vendor.books.changes)
    told = json.loads(body)
    whole = {"$ref": "#/components/schemas/WebhookEvent", **spec("xero-webhooks.yaml")}
    validator = Draft202012Validator(whole)
    validator.validate(told)
    assert [each["eventCategory"] for each in told["events"]] == [
        "CONTACT",
        "INVOICE",
        "CREDITNOTE",
    ]
    told["events"][0]["eventType"] = "DELETE"
    assert not validator.is_valid(told)


def test_connections_are_as_their_file_says() -> None:
    caller = desk()
    headers = {"Authorization": f"Bearer {caller.token}"}
    row = caller.client.get("/connections", headers=headers).get_json()[0]
    check("xero-identity.yaml", "Connection", row)
    with pytest.raises(AssertionError, match="tenantId"):
        check("xero-identity.yaml", "Connection", {**row, "tenantId": "Northwind"})


def test_references_that_go_in_circles_are_followed() -> None:
    caller = desk()
    row = put(caller)
    pay(caller, row, 5)
    answer = caller.call("GET", "Payments")[1]
    check(ACCOUNTING, "Payments", answer)
    answer["Payments"][0]["Invoice"]["Payments"][0]["Invoice"] = {"Total": "text"}
    with pytest.raises(AssertionError, match="Payments/0/Invoice/Payments/0/Invoice/Total"):
        check(ACCOUNTING, "Payments", answer)
