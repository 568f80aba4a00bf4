"""Customers, projects, items, time, tax and metadata of the NetSuite sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode

Row = dict[str, Any]


class Desk(Caller):
    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        options: dict[str, Any] = {"preset": "empty"} | settings
        super().__init__(NetSuite(self.clock, **options))
        self.acts = self.vendor.acts
        self.acme = self.acts.add_customer("Acme")["id"]

    def refused(self, method: str, path: str, body: Any = None) -> str:
        status, answer = self.call(method, path, body)
        assert status == 400, answer
        return str(answer["o:errorDetails"][0]["detail"])

    def tax_code(self, name: str) -> str:
        return next(row["id"] for row in self.acts.rows("salesTaxItem") if row["itemId"] == name)

    def taxed(self, *lines: Row, **more: Any) -> Row:
        items = [{**self.acts.one_line("1"), **line} for line in lines]
        body = {"entity": self.acme, "item": {"items": items}, **more}
        invoice = self.make("POST", "invoice", body)
        return self.get(f"invoice/{invoice}", expandSubResources="true")


@pytest.fixture
def desk() -> Desk:
    return Desk()


# -- lists -----------------------------------------------------------------------------
def test_a_customer_needs_a_name_and_a_subsidiary(desk: Desk) -> None:
    assert "Company Name" in desk.refused("POST", "customer", {"subsidiary": "1"})
    assert "Primary Subsidiary" in desk.refused("POST", "customer", {"companyName": "Birch"})
    person = {"isPerson": True, "firstName": "Ada", "lastName": "Byron", "subsidiary": "1"}
    row = desk.get("customer/" + desk.make("POST", "customer", person))
    assert (row["entityId"], row["entityStatus"]["refName"]) == ("Ada Byron", "Closed Won")
    same = {"companyName": "ACME", "subsidiary": "1"}
    assert "This entity already exists." in desk.refused("POST", "customer", same)


def test_a_customer_may_be_numbered(desk: Desk) -> None:
    sent = {"companyName": "Birch", "subsidiary": "1", "autoName": True}
    assert desk.get("customer/" + desk.make("POST", "customer", sent))["entityId"] == "CUST1"


def test_a_customer_has_addresses(desk: Desk) -> None:
    address = {"addr1": "1 Main St", "city": "Reno", "country": {"id": "US"}}
    entry = {"label": "Office", "defaultBilling": True, "addressBookAddress": address}
    desk.make("PATCH", f"customer/{desk.acme}", {"addressBook": {"items": [entry]}})
    row = desk.get(f"customer/{desk.acme}", expandSubResources="true")
    shown = row["addressBook"]["items"][0]["addressBookAddress"]
    assert (shown["addr1"], shown["country"]["id"]) == ("1 Main St", "US")


def test_overdue_money(desk: Desk) -> None:
    desk.acts.add_invoice(desk.acme, "100", tranDate="2026-01-05")
    desk.acts.add_invoice(desk.acme, "50")
    row = desk.get(f"customer/{desk.acme}")
    assert (row["balance"], row["overdueBalance"]) == (150, 100)


def test_a_project_belongs_to_a_customer_by_its_parent(desk: Desk) -> None:
    sent = {"companyName": "Orion", "parent": {"id": desk.acme}, "jobBillingType": "1"}
    row = desk.get("job/" + desk.make("POST", "job", sent))
    assert (row["parent"]["id"], row["subsidiary"]["id"]) == (desk.acme, "1")
    assert row["refName"] == "Acme : Orion"
    assert row["entityStatus"] == {"id": "2", "refName": "In Progress"}
    assert "customer" not in row
    elsewhere = {"companyName": "Lyra", "parent": desk.acme, "subsidiary": {"id": "2"}}
    assert "field: subsidiary" in desk.refused("POST", "job", elsewhere)
    found = "SELECT customer FROM job WHERE companyname = 'Orion'"
    assert desk.rows(found) == [{"customer": desk.acme}]


def test_projects_are_a_feature() -> None:
    desk = Desk(projects=False)
    assert desk.call("POST", "job", {"companyName": "Orion"})[0] == 404


def test_an_item_needs_only_a_name(desk: Desk) -> None:
    item = desk.make("POST", "serviceSaleItem", {"itemId": "CONS"})
    query = "SELECT itemid, itemtype, subtype, isinactive FROM item WHERE id = ?"
    assert desk.rows(query, item) == [
        {"itemid": "CONS", "itemtype": "Service", "subtype": "Sale", "isinactive": "F"}
    ]
    assert "already exists" in desk.refused("POST", "serviceSaleItem", {"itemId": "cons"})
    assert desk.send("DELETE", f"record/v1/serviceSaleItem/{item}").status_code == 204


def test_contacts_and_files_are_attached(desk: Desk) -> None:
    ada = {"entityId": "Ada", "company": {"id": desk.acme}}
    contact = desk.make("POST", "contact", ada)
    path = f"record/v1/customer/{desk.acme}/!attach/contact/{contact}"
    assert desk.send("POST", path).status_code == 204
    assert desk.acts.attached == {("customer", desk.acme): [("contact", contact)]}
    detach = path.replace("!attach", "!detach")
    assert desk.send("POST", detach).status_code == 204
    assert desk.send("POST", detach).status_code == 404
    wrong = f"record/v1/customer/{desk.acme}/!attach/customer/{desk.acme}"
    assert desk.send("POST", wrong).status_code == 400


# -- time ------------------------------------------------------------------------------
def test_time_is_billed_once(desk: Desk) -> None:
    robin = next(row["id"] for row in desk.acts.rows("employee"))
    sent = {
        "employee": {"id": robin}, "customer": {"id": desk.acme}, "hours": "4:30",
        "isBillable": True, "tranDate": "2026-03-01", "rate": 100, "supervisorApproval": True,
    }  # fmt: skip
    entry = desk.make("POST", "timeBill", sent)
    row = desk.get(f"timeBill/{entry}")
    assert (row["hours"], row["approvalStatus"]["refName"]) == ("4:30", "Approved")
    assert desk.rows("SELECT hours, rate FROM timebill") == [{"hours": "4.5", "rate": "100"}]
    line = {"apply": True, "doc": {"id": entry}, "rate": 10}
    body = {"entity": desk.acme, "time": {"items": [line]}}
    invoice = desk.make("POST", "invoice", body)
    assert desk.get(f"invoice/{invoice}")["total"] == 45
    assert "field: doc" in desk.refused("POST", "invoice", body)
    assert "billed" in desk.refused("PATCH", f"timeBill/{entry}", {"memo": "x"})
    desk.acts.delete_invoice(invoice)
    assert desk.make("POST", "invoice", body)


def test_a_duration_is_hours_and_minutes(desk: Desk) -> None:
    robin = next(row["id"] for row in desk.acts.rows("employee"))
    assert "hours" in desk.refused("POST", "timeBill", {"employee": robin, "hours": "4.5"})


# -- tax -------------------------------------------------------------------------------
def test_suitetax_takes_our_details_with_the_override(desk: Desk) -> None:
    code = desk.tax_code("CA_STATE")
    detail = {
        "taxDetailsReference": {"id": "NEW_ITEM_0"}, "taxType": "2", "taxCode": {"id": code},
        "taxRate": 22, "taxBasis": 100, "taxAmount": 22,
    }  # fmt: skip
    body = {"taxDetailsOverride": True, "taxDetails": {"items": [detail]}}
    row = desk.taxed({"amount": 100, "taxDetailsReference": "NEW_ITEM_0"}, **body)
    assert (row["subtotal"], row["taxTotal"], row["total"]) == (100, 22, 122)
    assert row["taxDetails"]["items"][0]["taxAmount"] == 22
    items = [{**desk.acts.one_line("1"), "taxDetailsReference": "OTHER"}]
    sent = {"entity": desk.acme, "item": {"items": items}, **body}
    assert "tax details reference" in desk.refused("POST", "invoice", sent)


def test_suitetax_calculates_by_itself() -> None:
    desk = Desk(country="GB")
    desk.acts.prefer(default_tax_code=desk.tax_code("S-GB"))
    row = desk.taxed({"amount": Decimal("33.33"), "rate": None}, {"amount": Decimal("66.67")})
    assert (row["subtotal"], row["taxTotal"], row["total"]) == (100, 20, 120)
    assert [line["taxAmount"] for line in row["taxDetails"]["items"]] == [
        Decimal("6.67"), Decimal("13.33"),
    ]  # fmt: skip
    details = {"items": [{"taxDetailsReference": "x"}]}
    sent = {"entity": desk.acme, "item": {"items": [desk.acts.one_line("1")]}}
    assert "override" in desk.refused("POST", "invoice", sent | {"taxDetails": details})


@pytest.mark.parametrize(("how", "tax"), [("per_line", "0.21"), ("per_document", "0.22")])
def test_legacy_tax_rounds_by_line_or_by_document(how: str, tax: str) -> None:
    desk = Desk(tax="legacy", tax_rounding=how)
    code = {"id": desk.tax_code("CA_STATE")}
    line = {"amount": Decimal("1.00"), "taxCode": code}
    row = desk.taxed(line, line, line)
    assert row["taxTotal"] == Decimal(tax)
    assert row["item"]["items"][0]["taxRate1"] == Decimal("7.25")


def test_legacy_tax_by_document_for_taxable_lines() -> None:
    desk = Desk(tax="legacy")
    code = {"id": desk.tax_code("CA_STATE")}
    row = desk.taxed({"amount": 100, "isTaxable": True}, {"amount": 50}, taxItem=code)
    assert (row["taxTotal"], row["total"]) == (Decimal("7.25"), Decimal("157.25"))
    desk.acts.prefer(legacy_over_rest=False)
    sent = {"entity": desk.acme, "item": {"items": [desk.acts.one_line("1")]}, "taxItem": code}
    assert "not supported" in desk.refused("POST", "invoice", sent)


def test_a_gross_amount_decides_about_a_taxable_line() -> None:
    desk = Desk(tax="legacy")
    code = {"id": desk.tax_code("CA_STATE")}
    row = desk.taxed({"amount": 1, "grossAmt": Decimal("107.25"), "taxCode": code})
    assert (row["subtotal"], row["taxTotal"]) == (100, Decimal("7.25"))
    assert desk.taxed({"amount": 1, "grossAmt": 5})["total"] == 1, "ignored where nothing is taxed"


def test_an_account_without_tax_refuses_tax() -> None:
    desk = Desk(tax="none")
    assert desk.taxed({"amount": 5})["taxTotal"] == 0
    sent = {"entity": desk.acme, "item": {"items": [desk.acts.one_line("1")]}}
    code = {"id": desk.tax_code("CA_STATE")}
    assert "Tax is not enabled" in desk.refused("POST", "invoice", sent | {"taxItem": code})


# -- metadata --------------------------------------------------------------------------
def test_the_catalogue_in_its_three_forms(desk: Desk) -> None:
    names = [each["name"] for each in desk.get("metadata-catalog")["items"]]
    assert {"invoice", "customerPayment", "job", "currency"} < set(names)
    asked = {"Accept": "application/swagger+json"}
    path = "record/v1/metadata-catalog"
    answer = desk.send("GET", path, headers=asked, select="invoice,customer")
    assert answer.mimetype == "application/swagger+json"
    schemas = decode(answer.get_data())["components"]["schemas"]
    assert set(schemas) == {"invoice", "customer"}
    invoice = schemas["invoice"]["properties"]
    assert invoice["custbody_tieout_key"]["x-ns-custom-field"] is True
    assert invoice["total"]["readOnly"] is True
    asked = {"Accept": "application/schema+json"}
    answer = desk.send("GET", f"{path}/invoice", headers=asked)
    assert answer.mimetype == "application/schema+json"
    line = decode(answer.get_data())["properties"]["item"]["properties"]["items"]["items"]
    assert "custcol_tieout_line_id" in line["properties"]
    desk.acts.prefer(denied=frozenset({"invoice"}))
    assert desk.send("GET", f"{path}/invoice", headers=asked).status_code == 404


def test_forms_and_options(desk: Desk) -> None:
    kind = "application/vnd.oracle.resource+json; type="
    answer = desk.send(
        "POST", "record/v1/invoice", {"entity": desk.acme}, headers={"Accept": kind + "create-form"}
    )
    form = decode(answer.get_data())
    assert (form["tranDate"], form["currency"]["refName"]) == ("2026-03-02", "US Dollar")
    assert not list(desk.acts.rows("invoice"))
    answer = desk.send("POST", "record/v1/invoice", {}, headers={"Accept": kind + "select-options"})
    terms = [each["refName"] for each in decode(answer.get_data())["terms"]["items"]]
    assert terms == ["Due on receipt", "Net 30", "Net 15", "Net 60"]


# -- presets ---------------------------------------------------------------------------
def test_the_sample_has_traded_for_a_year() -> None:
    desk = Desk(preset="sample")
    counts = "SELECT type, COUNT(*) n FROM transaction GROUP BY type ORDER BY type"
    assert desk.rows(counts) == [
        {"type": "CustCred", "n": "1"},
        {"type": "CustDep", "n": "1"},
        {"type": "CustInvc", "n": "10"},
        {"type": "CustPymt", "n": "7"},
    ]
    half_paid = "SELECT COUNT(*) n FROM transaction WHERE status = 'A' AND foreignamountpaid > 0"
    assert desk.rows(half_paid) == [{"n": "2"}]
