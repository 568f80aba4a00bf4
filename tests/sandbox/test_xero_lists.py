"""Contacts, items, accounts, tax rates, tracking and settings in the stand-in of Xero."""

from __future__ import annotations

from datetime import date

import pytest

from tests.sandbox.xero_desk import D, acme, desk, line, messages, note, pay, put


# -- contacts ------------------------------------------------------------------------------
def test_a_name_belongs_to_one_active_contact() -> None:
    caller = desk()
    text = (
        "The contact name acme ltd is already assigned to another contact. The contact name must "
        "be unique across all active contacts."
    )
    assert messages(caller.write("PUT", "Contacts", {"Name": " acme ltd "})[0]) == [text]
    caller.vendor.books.archive_contact(acme(caller))
    assert caller.write("PUT", "Contacts", {"Name": "Acme Ltd"})[0]["ContactStatus"] == "ACTIVE"


def test_a_put_with_a_known_name_may_update_by_setting() -> None:
    caller = desk(put_contact_by_name="update")
    row = caller.write("PUT", "Contacts", {"Name": "Acme Ltd", "EmailAddress": "new@acme.test"})[0]
    assert (row["ContactID"], row["EmailAddress"]) == (acme(caller), "new@acme.test")


def test_contact_numbers_are_unique_too() -> None:
    caller = desk()
    failed = caller.write("PUT", "Contacts", {"Name": "Other", "ContactNumber": "crm-001"})[0]
    assert failed["HasValidationErrors"] is True
    assert messages(failed) == [
        "Another contact has this contact number. Please enter a different contact number."
    ]
    caller.write("PUT", "Contacts", {"Name": "B", "AccountNumber": "77"})
    twin = caller.write("PUT", "Contacts", {"Name": "C", "AccountNumber": "77"})[0]
    assert "account number" in messages(twin)[0]
    long = caller.write("PUT", "Contacts", {"Name": "x" * 256}, loose=True)[0]
    assert messages(long) == ["The field Name must be 255 characters or fewer"]


def test_a_post_finds_its_contact_by_id_number_or_name() -> None:
    caller = desk()
    for named in (
        {"ContactID": acme(caller)},
        {"ContactNumber": "crm-001"},
        {"Name": "ACME LTD"},
    ):
        row = caller.write("POST", "Contacts", {**named, "FirstName": str(len(named))})[0]
        assert row["ContactID"] == acme(caller)
    assert caller.rows("Contacts/crm-001")[0]["ContactID"] == acme(caller)
    assert len(caller.rows("Contacts")) == 1


def test_archived_contacts_are_left_out_unless_asked_for() -> None:
    caller = desk()
    caller.write("POST", f"Contacts/{acme(caller)}", {"ContactStatus": "ARCHIVED"})
    assert caller.rows("Contacts") == []
    assert len(caller.rows("Contacts", includeArchived="true")) == 1
    caller.vendor.books.restore_contact(acme(caller))
    assert len(caller.rows("Contacts")) == 1


def test_a_merged_contact_says_where_it_went_and_its_invoices_go_along() -> None:
    caller = desk()
    row = put(caller)
    kept = caller.write("PUT", "Contacts", {"Name": "Acme Group"})[0]
    caller.vendor.books.merge_contacts(acme(caller), kept["ContactID"])
    gone = caller.rows("Contacts", includeArchived="true", order="Name DESC")[0]
    assert gone["Name"] == "Acme Ltd"
    assert gone["MergedToContactID"] == kept["ContactID"]
    shown = caller.rows(f"Invoices/{row['InvoiceID']}")[0]
    assert shown["Contact"]["ContactID"] == kept["ContactID"]


def test_what_a_contact_owes_is_computed_and_leaves_no_trace() -> None:
    caller = desk(access_token_s=10**7)
    before = caller.rows(f"Contacts/{acme(caller)}")[0]
    assert (before["IsCustomer"], before["Balances"]["AccountsReceivable"]["Outstanding"]) == (
        False, 0,
    )  # fmt: skip
    row = put(caller)
    pay(caller, row, "15.00")
    note(caller, "20.00")
    caller.vendor.clock.sleep(40 * 86400)
    after = caller.rows(f"Contacts/{acme(caller)}")[0]
    assert after["Balances"]["AccountsReceivable"] == {"Outstanding": D(80), "Overdue": D(100)}
    assert after["IsCustomer"] is True
    assert after["UpdatedDateUTC"] == before["UpdatedDateUTC"]


def test_payment_terms_are_of_four_kinds() -> None:
    caller = desk()
    terms = {"Sales": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}}
    row = caller.write("POST", f"Contacts/{acme(caller)}", {"PaymentTerms": terms})[0]
    assert row["PaymentTerms"] == terms
    wrong = {"PaymentTerms": {"Sales": {"Day": 30, "Type": "WHENEVER"}}}
    failed = caller.write("POST", f"Contacts/{acme(caller)}", wrong, loose=True)[0]
    assert messages(failed) == ["The payment terms type is not valid"]
    odd = {"PaymentTerms": {"Other": "x"}, "Addresses": [{"AddressType": {}}]}
    path = f"Contacts/{acme(caller)}"
    assert caller.call("POST", path, {"Contacts": [odd]}, loose=True)[0] == 400


# -- items -----------------------------------------------------------------------------------
def test_items_have_codes_of_their_own_and_can_be_deleted() -> None:
    caller = desk()
    item = {"Code": "abc", "SalesDetails": {"UnitPrice": D("10.1234"), "AccountCode": "200"}}
    row = caller.write("PUT", "Items", item, unitdp="4")[0]
    assert row["SalesDetails"]["UnitPrice"] == D("10.1234")
    assert caller.rows("Items/abc")[0]["SalesDetails"]["UnitPrice"] == D("10.12")
    failed = caller.write("PUT", "Items", item)[0]
    assert messages(failed) == ["Price List Item with Code 'abc' already exists"]
    renamed = caller.write("POST", "Items", {"Code": "abc", "Name": "Hour"})[0]
    assert (renamed["ItemID"], renamed["Name"]) == (row["ItemID"], "Hour")
    assert caller.vendor.books.stop_selling(row["ItemID"])["IsSold"] is False
    assert caller.call("DELETE", f"Items/{row['ItemID']}") == (204, {})
    assert caller.rows("Items") == []


# -- accounts and tax rates --------------------------------------------------------------------
def test_one_account_is_made_for_each_call() -> None:
    caller = desk()
    two = [{"Code": c, "Name": f"Income {c}", "Type": "REVENUE"} for c in ("270", "271")]
    rows = caller.write("PUT", "Accounts", *two)
    assert [row["Code"] for row in rows] == ["270"]
    assert (rows[0]["Class"], rows[0]["TaxType"]) == ("REVENUE", "OUTPUT2")
    assert not caller.rows("Accounts", where='Code=="271"')
    twin = caller.write("PUT", "Accounts", two[0])[0]
    assert messages(twin) == ["Please enter a unique Code."]


def test_accounts_are_archived_or_deleted_but_not_xeros_own() -> None:
    caller = desk()
    row = caller.write("PUT", "Accounts", {"Code": "270", "Name": "Extra", "Type": "SALES"})[0]
    path = f"Accounts/{row['AccountID']}"
    assert caller.write("POST", path, {"Status": "ARCHIVED"})[0]["Status"] == "ARCHIVED"
    assert caller.call("DELETE", path)[1]["Accounts"][0]["Status"] == "DELETED"
    debtors = caller.rows("Accounts", where='SystemAccount=="DEBTORS"')[0]["AccountID"]
    assert caller.call("DELETE", f"Accounts/{debtors}")[0] == 400
    failed = caller.write("POST", f"Accounts/{debtors}", {"Status": "ARCHIVED"})[0]
    assert messages(failed) == ["A system account cannot be archived"]


def test_a_tax_rate_of_ones_own() -> None:
    caller = desk()
    parts = [{"Name": "State", "Rate": D("7.25")}, {"Name": "County", "Rate": 1}]
    row = caller.write("PUT", "TaxRates", {"Name": "California", "TaxComponents": parts})[0]
    assert (row["TaxType"], row["EffectiveRate"]) == ("TAX002", D("8.2500"))
    assert put(caller, line(TaxType="TAX002"))["TotalTax"] == D("8.25")
    gone = {"TaxType": "TAX002", "Status": "DELETED"}
    assert caller.write("POST", "TaxRates", gone)[0]["Status"] == "DELETED"
    assert put(caller, line(TaxType="TAX002"))["HasErrors"] is True
    assert messages(caller.write("POST", "TaxRates", {"TaxType": "OUTPUT2"})[0])


# -- tracking and currencies ---------------------------------------------------------------------
def test_two_tracking_categories_are_active_at_most() -> None:
    caller = desk()

    def add(name: str) -> int:
        return caller.call("PUT", "TrackingCategories", {"Name": name})[0]

    assert [add("Region"), add("Project"), add("Team")] == [200, 200, 400]
    region = caller.rows("TrackingCategories")[0]["TrackingCategoryID"]
    status, answer = caller.call("PUT", f"TrackingCategories/{region}/Options", {"Name": "North"})
    assert (status, answer["Options"][0]["Name"]) == (200, "North")
    option = answer["Options"][0]["TrackingOptionID"]
    path = f"TrackingCategories/{region}/Options/{option}"
    assert caller.call("POST", path, {"Name": "Far North"})[1]["Options"][0]["IsActive"] is True
    assert caller.call("DELETE", path)[1]["Options"][0]["IsDeleted"] is True
    assert caller.call("DELETE", f"TrackingCategories/{region}")[0] == 200
    assert [row["Name"] for row in caller.rows("TrackingCategories")] == ["Project"]
    assert add("Team") == 200


def test_other_currencies_are_a_matter_of_the_plan() -> None:
    assert desk().call("PUT", "Currencies", {"Code": "USD"})[0] == 200
    caller = desk(multicurrency=False)
    assert caller.call("PUT", "Currencies", {"Code": "USD"})[0] == 400
    assert [row["Code"] for row in caller.rows("Currencies")] == ["NZD"]
    assert caller.rows("Organisation")[0]["Class"] == "STANDARD"


# -- the organisation ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("country", "currency", "zone"),
    [
        ("NZ", "NZD", "NEWZEALANDSTANDARDTIME"),
        ("US", "USD", "EASTERNSTANDARDTIME"),
        ("GB", "GBP", "GMTSTANDARDTIME"),
        ("DE", "EUR", "UTC"),
    ],
)
def test_an_organisation_of_any_country(country: str, currency: str, zone: str) -> None:
    caller = desk(country=country)
    row = caller.rows("Organisation")[0]
    assert (row["BaseCurrency"], row["Timezone"]) == (currency, zone)
    assert "PeriodLockDate" not in row
    assert put(caller)["CurrencyCode"] == currency


def test_lock_dates_stop_everything_dated_on_them_or_before() -> None:
    caller = desk()
    books = caller.vendor.books
    row, open_row = put(caller, Date="2026-03-01"), put(caller, Date="2026-03-20")
    books.lock_until(date(2026, 3, 15))
    text = "The document date cannot be before the period lock date, currently set at 15-Mar-2026"
    assert messages(put(caller, Date="2026-03-15")) == [text]
    assert put(caller, Date="2026-03-16")["HasErrors"] is False
    path = f"Invoices/{row['InvoiceID']}"
    assert messages(caller.write("POST", path, {"Reference": "x"})[0]) == [text]
    assert messages(caller.write("POST", path, {"Status": "VOIDED"})[0]) == [text]
    assert messages(pay(caller, open_row, 5, Date="2026-03-14")) == [text]
    assert caller.rows("Organisation")[0]["PeriodLockDate"] == "/Date(1773532800000+0000)/"
    books.prefer(lock_equality=False)
    assert put(caller, Date="2026-03-15")["HasErrors"] is False
    books.prefer(adviser=True)
    assert put(caller, Date="2026-03-02")["HasErrors"] is False
    books.lock_until(date(2025, 11, 30), end_of_year=True)
    assert messages(put(caller, Date="2025-11-29")) == [
        "The document date cannot be before the end of year lock date, currently set at 30-Nov-2025"
    ]


def test_a_partner_edition_has_no_invoicing() -> None:
    caller = desk(edition="PARTNER")
    status, answer = caller.call("PUT", "Invoices", {"Invoices": []}, loose=True)
    assert (status, answer["Type"]) == (501, "ApiMethodNotImplementedException")
