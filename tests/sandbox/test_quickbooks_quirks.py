"""Merges, locked payments and the oddities that people met in QuickBooks Online."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.quickbooks.caller import Caller

Row = dict[str, Any]


def desk(**settings: Any) -> Caller:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    options = {"preset": "empty", "limits": False} | settings
    return Caller(QuickBooks(clock, **options))


def code_of(answer: Row) -> str:
    return str(answer["Fault"]["Error"][0]["code"])


# -- merged customers -----------------------------------------------------------------
def test_a_merged_customer_disappears_and_its_papers_move_over() -> None:
    caller = desk()
    books = caller.vendor.books
    kept, gone = (books.add_customer(name)["Id"] for name in ("Acme", "Acme Inc"))
    job = books.add_customer("Rollout", Job=True, ParentRef={"value": gone})["Id"]
    below = books.add_customer("Phase 1", Job=True, ParentRef={"value": job})["Id"]
    invoice = books.add_invoice(gone, "100")["Id"]
    books.add_invoice(below, "5")
    books.pay({invoice: "40"})
    books.merge_customers(gone, kept)
    assert code_of(caller.call("GET", f"customer/{gone}")[1]) == "610"
    moved = caller.call("GET", f"invoice/{invoice}")[1]["Invoice"]
    assert moved["CustomerRef"] == {"value": kept, "name": "Acme"}
    # Created, paid in part, moved: two revisions after the first.
    assert (moved["SyncToken"], moved["Balance"]) == ("2", 60)
    mine = caller.query(f"select * from Payment where CustomerRef = '{kept}'")["Payment"]
    assert [row["TotalAmt"] for row in mine] == [40]
    found = caller.call("GET", f"customer/{below}")[1]["Customer"]
    assert found["FullyQualifiedName"] == "Acme:Rollout:Phase 1"
    owner = caller.call("GET", f"customer/{kept}")[1]["Customer"]
    assert (owner["Balance"], owner["BalanceWithJobs"]) == (60, 65)
    assert caller.post("Customer", {"DisplayName": "Acme Inc"})["Id"], "the name is free again"


def test_a_merge_keeps_money_and_families_apart() -> None:
    books = desk(multicurrency=True).vendor.books
    home = books.add_customer("Home")["Id"]
    euro = books.add_customer("Lyon", CurrencyRef={"value": "EUR"})["Id"]
    job = books.add_customer("Job", Job=True, ParentRef={"value": home})["Id"]
    for gone, kept in ((euro, home), (home, home), (home, job)):
        with pytest.raises(Exception, match="6000"):
            books.merge_customers(gone, kept)
    assert len(books.live("Customer")) == 3


# -- locked and closed ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("act", "code"),
    [("deposit_payment", "6540"), ("settle_payment", "6450"), ("match_payment", "6480")],
)
def test_payments_are_locked_once_the_bank_has_them(act: str, code: str) -> None:
    caller = desk()
    books = caller.vendor.books
    payment = books.add_payment(books.add_customer("Acme")["Id"], "10")["Id"]
    token = getattr(books, act)(payment)["SyncToken"]
    void = {"Id": payment, "SyncToken": token, "sparse": True}
    answer = caller.post("Payment", void, operation="update", include="void")
    assert code_of(answer) == code


def test_a_change_in_a_closed_period_may_be_answered_and_not_done() -> None:
    caller = desk(closed_payment_update="ignore")
    books = caller.vendor.books
    customer = books.add_customer("Acme")["Id"]
    invoice = books.add_invoice(customer, "10", TxnDate="2026-02-10")["Id"]
    payment = books.add_payment(customer, "10", TxnDate="2026-02-20")
    books.close_until(date(2026, 2, 28))
    line = {"Amount": 10, "LinkedTxn": [{"TxnId": invoice, "TxnType": "Invoice"}]}
    header = {name: payment[name] for name in ("Id", "SyncToken", "CustomerRef", "TotalAmt")}
    answer = caller.post("Payment", {**header, "sparse": True, "Line": [line]})
    assert (answer["Id"], answer["UnappliedAmt"]) == (payment["Id"], 10)
    assert caller.call("GET", f"invoice/{invoice}")[1]["Invoice"]["Balance"] == 10


# -- what comes back differently ---------------------------------------------------------
def test_one_tax_code_asked_for_is_four_in_an_american_company() -> None:
    caller = desk()
    first = caller.query("select * from TaxCode maxresults 1")
    assert [row["Id"] for row in first["TaxCode"]] == ["CustomSalesTax", "NON", "TAX", "1"]
    assert first["maxResults"] == 4
    second = caller.query("select * from TaxCode startposition 2 maxresults 1")
    assert [row["Name"] for row in second["TaxCode"]] == ["Tucson"]
    abroad = desk(country="GB").query("select * from TaxCode maxresults 1")["TaxCode"]
    assert [row["Name"] for row in abroad] == ["20.0% S"]


def test_the_temporary_address_of_a_file_lives_a_quarter_of_an_hour() -> None:
    caller = desk(access_token_s=10**6)
    metadata = json.dumps({"FileName": "a.txt"})
    body = (
        f'--x\r\nContent-Disposition: form-data; name="file_metadata_01"\r\n\r\n{metadata}\r\n'
        '--x\r\nContent-Disposition: form-data; name="file_content_01"\r\n\r\nhello\r\n--x--'
    )
    sent = caller.client.post(
        f"/v3/company/{caller.vendor.realm_id}/upload",
        data=body.encode(),
        headers={"Authorization": f"Bearer {caller.token}"},
        content_type="multipart/form-data; boundary=x",
    )
    stored = sent.get_json()["AttachableResponse"][0]["Attachable"]
    address = stored["TempDownloadUri"]
    caller.vendor.clock.sleep(14 * 60)
    assert caller.client.get(address).get_data() == b"hello"
    caller.vendor.clock.sleep(60)
    assert caller.client.get(address).status_code == 403
    again = caller.call("GET", f"attachable/{stored['Id']}")[1]["Attachable"]["TempDownloadUri"]
    assert caller.client.get(again).get_data() == b"hello"
    assert caller.client.get(again.replace("/1?", "/2?")).status_code == 403


def test_the_sku_of_an_item_may_have_to_be_asked_for() -> None:
    caller = desk()
    caller.vendor.books.edit("Item", "1", Sku="HR-1")
    statement = "select {} from Item where Id = '1'"
    assert caller.query(statement.format("*"))["Item"][0]["Sku"] == "HR-1"
    caller.vendor.settings.sku_on_request = True
    assert "Sku" not in caller.query(statement.format("*"))["Item"][0]
    assert caller.query(statement.format("*, Sku"))["Item"][0]["Sku"] == "HR-1"


def test_the_company_tells_its_country_in_two_ways() -> None:
    caller = desk(country="GB")
    info = caller.query("select * from CompanyInfo")["CompanyInfo"][0]
    assert (info["Country"], info["CompanyAddr"]["Country"]) == ("GB", "GBR")


def test_preferences_tell_terms_tax_and_custom_fields() -> None:
    caller = desk(custom_fields=("Crew #",))
    preferences = caller.call("GET", "preferences")[1]["Preferences"]
    forms = preferences["SalesFormsPrefs"]
    term = caller.query("select * from Term where Name = 'Net 30'")["Term"][0]["Id"]
    assert forms["DefaultTerms"] == {"value": term}
    assert preferences["TaxPrefs"]["TaxGroupCodeRef"] == {"value": "1"}
    assert forms["CustomField"][1]["CustomField"][0]["StringValue"] == "Crew #"
    caller.vendor.books.prefer(default_terms="", custom_fields=())
    forms = caller.call("GET", "preferences")[1]["Preferences"]["SalesFormsPrefs"]
    assert "DefaultTerms" not in forms
    with pytest.raises(AttributeError, match="colour"):
        caller.vendor.books.prefer(colour="red")


def test_custom_fields_are_short_and_delivery_is_one_of_three() -> None:
    caller = desk()
    books = caller.vendor.books
    customer = books.add_customer("Acme")["Id"]
    body = {"CustomerRef": {"value": customer}, "Line": [books.one_line(Decimal(1), "")]}
    field = {"DefinitionId": "1", "Name": "Crew #", "Type": "StringType"}
    made = caller.post("Invoice", {**body, "CustomField": [{**field, "StringValue": "x" * 31}]})
    assert made["CustomField"][0]["StringValue"] == "x" * 31
    long = caller.post("Invoice", {**body, "CustomField": [{**field, "StringValue": "x" * 32}]})
    assert code_of(long) == "2050"
    wrong = {"DisplayName": "B", "PreferredDeliveryMethod": "Pigeon"}
    assert code_of(caller.post("Customer", wrong)) == "2170"


def test_the_system_sets_the_tax_code_of_a_customer_under_automatic_tax() -> None:
    caller = desk(automated_sales_tax=True)
    sent = {"DisplayName": "Acme", "DefaultTaxCodeRef": {"value": "2"}}
    assert caller.post("Customer", sent)["DefaultTaxCodeRef"] == {"value": "1"}


# -- the sample company elsewhere -----------------------------------------------------------
@pytest.mark.parametrize(
    ("country", "home", "total", "tax"),
    [
        ("GB", "GBP", "480.00", "80.00"),
        ("CA", "CAD", "452.00", "52.00"),
        ("AU", "AUD", "440.00", "40.00"),
        ("DE", "EUR", "480.00", "80.00"),
    ],
)
def test_the_sample_company_trades_abroad(country: str, home: str, total: str, tax: str) -> None:
    """Five printed style guides at 80.00, and the country's standard tax on each line."""
    books = desk(preset="sample", country=country).vendor.books
    last = books.live("Invoice")[-1]
    assert last["CurrencyRef"]["value"] == home
    assert (last["TotalAmt"], last["TxnTaxDetail"]["TotalTax"]) == (Decimal(total), Decimal(tax))
    assert last["GlobalTaxCalculation"] == "TaxExcluded"
    code = last["Line"][0]["SalesItemLineDetail"]["TaxCodeRef"]["value"]
    assert books.get("TaxCode", code)["Taxable"]
    assert all(row["SourceCurrencyCode"] != home for row in books.rates.values())
    assert len(books.live("Invoice")) == 16


# -- journal entries on receivables -----------------------------------------------------------
def receivable(caller: Caller) -> Decimal:
    rows = caller.query("select * from Account where AccountType = 'Accounts Receivable'")
    return Decimal(rows["Account"][0]["CurrentBalance"])


def test_an_invoice_may_be_settled_by_a_journal_entry_without_money() -> None:
    """A bad debt of 40 is written off: no money came, and yet the invoice is open with 60 only."""
    caller = desk()
    books = caller.vendor.books
    customer = books.add_customer("Acme")["Id"]
    invoice = books.add_invoice(customer, "100")["Id"]
    bad_debts = next(row["Id"] for row in books.live("Account") if row["Name"] == "Bad debts")
    payment = books.settle_by_journal(invoice, bad_debts, "40")
    shown = caller.call("GET", f"invoice/{invoice}")[1]["Invoice"]
    assert (shown["Balance"], shown["LinkedTxn"]) == (
        60,
        [{"TxnId": payment["Id"], "TxnType": "Payment"}],
    )
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (0, 0)
    assert caller.call("GET", f"customer/{customer}")[1]["Customer"]["Balance"] == 60
    assert receivable(caller) == 60
    total = caller.call("GET", "reports/CustomerBalance")[1]["Rows"]["Row"][-1]["Summary"]
    assert total["ColData"][-1]["value"] == "60.00"
    entry = books.live("JournalEntry")[0]
    delete = {"Id": entry["Id"], "SyncToken": entry["SyncToken"]}
    assert code_of(caller.post("JournalEntry", delete, operation="delete")) == "6000"
    books.delete_payment(payment["Id"])
    assert caller.call("GET", f"invoice/{invoice}")[1]["Invoice"]["Balance"] == 100
    # The entry stands: the customer has a credit that is not applied.
    assert receivable(caller) == 60


def test_an_entry_is_applied_once_and_only_to_its_customer() -> None:
    caller = desk()
    books = caller.vendor.books
    one, two = (books.add_customer(name)["Id"] for name in ("One", "Two"))
    invoices = {each: books.add_invoice(each, "100")["Id"] for each in (one, two)}
    accounts = {row["Name"]: row["Id"] for row in books.live("Account")}
    owed = accounts["Accounts Receivable (A/R)"]
    mine = books.add_journal(accounts["Bad debts"], owed, "40", customer_id=one)["Id"]
    nobody = books.add_journal(accounts["Bad debts"], owed, "40")["Id"]

    def applied(customer: str, entry: str, amount: int) -> Row:
        lines = [
            {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
            for entity, row_id in (("Invoice", invoices[customer]), ("JournalEntry", entry))
        ]
        sent = {"CustomerRef": {"value": customer}, "TotalAmt": 0, "Line": lines}
        return caller.post("Payment", sent)

    assert code_of(applied(two, mine, 40)) == "620"
    assert code_of(applied(one, nobody, 40)) == "620"
    assert code_of(applied(one, mine, 41)) == "6000"
    assert applied(one, mine, 30)["UnappliedAmt"] == 0
    assert code_of(applied(one, mine, 11)) == "6000"
    assert applied(one, mine, 10)["UnappliedAmt"] == 0
    assert caller.call("GET", f"invoice/{invoices[one]}")[1]["Invoice"]["Balance"] == 60
    assert receivable(caller) == 200 - 40 - 40


def test_a_debit_of_a_customer_is_paid_like_an_invoice() -> None:
    caller = desk()
    books = caller.vendor.books
    customer = books.add_customer("Acme")["Id"]
    accounts = {row["Name"]: row["Id"] for row in books.live("Account")}
    owed, equity = accounts["Accounts Receivable (A/R)"], accounts["Opening Balance Equity"]
    entry = books.add_journal(owed, equity, "75", customer_id=customer)["Id"]
    assert caller.call("GET", f"customer/{customer}")[1]["Customer"]["Balance"] == 75
    line = {"Amount": 75, "LinkedTxn": [{"TxnId": entry, "TxnType": "JournalEntry"}]}
    sent = {"CustomerRef": {"value": customer}, "TotalAmt": 80, "Line": [line]}
    assert caller.post("Payment", sent)["UnappliedAmt"] == 5
    assert caller.call("GET", f"customer/{customer}")[1]["Customer"]["Balance"] == -5
    assert receivable(caller) == -5
