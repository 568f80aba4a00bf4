"""Invoices in the stand-in of Xero: creating, changing, approving, voiding, in batches."""

from __future__ import annotations

from datetime import date

import pytest

from tests.sandbox.xero_desk import D, acme, again, desk, invoice, line, messages, note, pay, put
from tieout.sandbox.xero.errors import Invalid


def test_an_invoice_is_answered_as_xero_answers_it() -> None:
    caller = desk()
    response = caller.send(
        "PUT", "Invoices", {"Invoices": [invoice(caller, InvoiceNumber="NW-1")]},
        summarizeErrors="false", unitdp="4",
    )  # fmt: skip
    text = response.get_data(as_text=True)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert '"Total": 115.00' in text
    assert '"CurrencyRate": 1.000000' in text
    assert '"Quantity": 1.0000' in text
    assert '"UnitAmount": 100.0000' in text
    assert '"Date": "\\/Date(1774915200000+0000)\\/"' in text
    assert '"DueDateString": "2026-04-30T00:00:00"' in text
    assert '"UpdatedDateUTCString": "2026-03-31T09:00:00Z"' in text
    assert response.headers["Xero-Correlation-Id"] in text
    row = again(caller, response.get_json()["Invoices"][0])
    assert (row["SubTotal"], row["TotalTax"], row["AmountDue"]) == (D(100), D(15), D(115))


def test_what_is_left_out_gets_xeros_defaults() -> None:
    caller = desk(access_token_s=86400)
    body = {
        "Type": "ACCREC",
        "Contact": {"ContactID": acme(caller)},
        "LineItems": [{"Description": "Idea"}],
    }
    row = caller.write("PUT", "Invoices", body)[0]
    assert row["Status"] == "DRAFT"
    assert row["InvoiceNumber"] == "INV-0001"
    assert row["LineAmountTypes"] == "Exclusive"
    assert row["CurrencyCode"] == "NZD"
    # Nine in the morning in London is the same evening in Auckland.
    assert row["DateString"] == "2026-03-31T00:00:00"
    caller.vendor.clock.sleep(3 * 3600)
    assert caller.write("PUT", "Invoices", body)[0]["DateString"] == "2026-04-01T00:00:00"


@pytest.mark.parametrize("status", ["PAID", "VOIDED", "DELETED"])
def test_no_invoice_begins_at_its_end(status: str) -> None:
    caller = desk()
    assert messages(put(caller, Status=status)) == ["Invoice not of valid status for creation"]


def test_a_draft_needs_lines_and_a_contact() -> None:
    caller = desk()
    failed = caller.write("PUT", "Invoices", {"Type": "ACCREC"})[0]
    assert messages(failed) == [
        "One or more line items must be specified",
        "A Contact must be specified for this type of transaction",
    ]
    assert failed["InvoiceID"] == "00000000-0000-0000-0000-000000000000"
    assert failed["HasErrors"] is True
    nobody = put(caller, Contact={})
    assert messages(nobody) == [
        "The Contact must contain at least 1 of the following elements to identify the contact: "
        "Name, ContactID, ContactNumber"
    ]
    assert nobody["Contact"]["ValidationErrors"] == nobody["ValidationErrors"]


def test_approving_needs_more_than_a_draft_does() -> None:
    caller = desk()
    bare = [{"Description": "Later", "Quantity": 1, "UnitAmount": 5}]
    assert put(caller, *bare, Status="DRAFT", DueDate=None)["Status"] == "DRAFT"
    assert messages(put(caller, *bare, DueDate=None)) == [
        "Account code or ID must be specified",
        "DueDate must be specified",
    ]
    memo = put(caller, line(), {"Description": "Memo line without amounts"})
    assert memo["Total"] == D(115)
    assert len(memo["LineItems"]) == 2


def test_an_unknown_name_makes_a_new_contact_and_an_archived_one_is_refused() -> None:
    caller = desk()
    row = put(caller, Contact={"Name": "Newcomer Ltd"})
    assert caller.rows(f"Contacts/{row['Contact']['ContactID']}")[0]["IsCustomer"] is True
    assert put(caller, Contact={"Name": " newcomer ltd "})["Contact"] == row["Contact"]
    caller.vendor.books.archive_contact(acme(caller))
    assert messages(put(caller)) == [
        "The contact with the specified contact details has been archived. The contact must be "
        "un-archived before creating new invoices or credit notes."
    ]


def test_a_number_is_used_once() -> None:
    caller = desk()
    first = put(caller, InvoiceNumber="NW-1")
    assert messages(put(caller, InvoiceNumber="NW-1")) == ["Invoice # must be unique."]
    caller.vendor.books.void_invoice(first["InvoiceID"])
    assert messages(put(caller, InvoiceNumber="NW-1")) == ["Invoice # must be unique."]
    caller.vendor.books.prefer(reuse_numbers=True)
    assert put(caller, InvoiceNumber="NW-1")["HasErrors"] is False


def test_posting_a_number_that_exists_changes_that_other_invoice() -> None:
    caller = desk()
    first = put(caller, InvoiceNumber="NW-1")
    body = invoice(caller, line("70.00"), InvoiceNumber="NW-1")
    other = caller.write("POST", "Invoices", body)[0]
    assert other["InvoiceID"] == first["InvoiceID"]
    assert again(caller, first)["Total"] == D("80.50")


def test_lines_that_are_sent_replace_the_lines_there_are() -> None:
    caller = desk()
    row = put(caller, line("10.00"), line("20.00"))
    one, two = row["LineItems"]
    kept = {**line("25.00"), "LineItemID": two["LineItemID"]}
    changed = caller.write(
        "POST", f"Invoices/{row['InvoiceID']}", {"LineItems": [line("5.00"), kept]}
    )[0]
    ids = [each["LineItemID"] for each in changed["LineItems"]]
    assert ids[1] == two["LineItemID"]
    assert one["LineItemID"] not in ids
    assert changed["SubTotal"] == D(30)
    alone = caller.write("POST", f"Invoices/{row['InvoiceID']}", {"Reference": "PO 7781"})[0]
    assert [each["LineItemID"] for each in alone["LineItems"]] == ids


def test_lines_that_are_added_may_come_before_those_there_are() -> None:
    caller = desk()
    caller.vendor.books.prefer(new_lines="first")
    row = put(caller, line("10.00"), line("20.00"))
    kept = [{**line("1.00"), "LineItemID": each["LineItemID"]} for each in row["LineItems"]]
    body = {"LineItems": [*kept, line("5.00")]}
    changed = caller.write("POST", f"Invoices/{row['InvoiceID']}", body)[0]
    assert [each["LineAmount"] for each in changed["LineItems"]] == [D(5), D(1), D(1)]
    # With none that it knows they stay as they were sent.
    body = {"LineItems": [line("3.00"), line("4.00")]}
    changed = caller.write("POST", f"Invoices/{row['InvoiceID']}", body)[0]
    assert [each["LineAmount"] for each in changed["LineItems"]] == [D(3), D(4)]


def test_the_status_machine() -> None:
    caller = desk()
    row = put(caller, Status="DRAFT")
    for status in ("SUBMITTED", "DRAFT", "AUTHORISED", "VOIDED"):
        row = caller.write("POST", f"Invoices/{row['InvoiceID']}", {"Status": status})[0]
        assert row["Status"] == status
    assert row["AmountDue"] == 0
    refused = caller.write("POST", f"Invoices/{row['InvoiceID']}", {"Status": "AUTHORISED"})[0]
    assert messages(refused) == ["Invoice not of valid status for modification"]
    approved = put(caller)
    for status in ("DRAFT", "DELETED", "PAID"):
        path = f"Invoices/{approved['InvoiceID']}"
        assert messages(caller.write("POST", path, {"Status": status})[0]) == [
            "Invoice not of valid status for modification"
        ]
    assert put(caller, line(0))["Status"] == "PAID"


def test_money_on_an_invoice_protects_it() -> None:
    caller = desk()
    row = put(caller)
    paid = pay(caller, row, "40.00")
    path = f"Invoices/{row['InvoiceID']}"
    locked = "This document cannot be edited as it has a payment or credit note allocated to it."
    for change in (
        {"LineItems": [line()]},
        {"Contact": {"Name": "Somebody else"}},
        {"Date": "2026-03-30"},
        {"Reference": "new"},
        {"CurrencyRate": 2},
    ):
        assert messages(caller.write("POST", path, change)[0]) == [locked]
    same = {"Contact": {"Name": "Acme Ltd"}, "Date": "2026-03-31", "CurrencyRate": 1}
    assert caller.write("POST", path, {**same, "Url": "https://a.test/1"})[0]["HasErrors"] is False
    assert messages(caller.write("POST", path, {"Status": "VOIDED"})[0]) == [
        "Invoice not of valid status for modification",
        locked,
    ]
    caller.vendor.books.delete_payment(paid["PaymentID"])
    assert caller.write("POST", path, {"Status": "VOIDED"})[0]["Status"] == "VOIDED"


def test_a_due_date_on_a_part_paid_invoice_moves_without_a_trace() -> None:
    caller = desk()
    row = put(caller)
    pay(caller, row, "40.00")
    before = again(caller, row)["UpdatedDateUTC"]
    caller.vendor.clock.sleep(60)
    changed = caller.write(
        "POST", f"Invoices/{row['InvoiceID']}", {"DueDate": "2026-05-31", "SentToContact": True}
    )[0]
    assert changed["DueDateString"] == "2026-05-31T00:00:00"
    assert changed["UpdatedDateUTC"] == before
    pay(caller, row, "10.00")
    assert again(caller, row)["UpdatedDateUTC"] > before


# -- several at once ------------------------------------------------------------------------
def test_a_batch_answers_every_element_when_asked_to() -> None:
    caller = desk()
    good, bad = invoice(caller, InvoiceNumber="A"), invoice(caller, InvoiceNumber="B", LineItems=[])
    status, answer = caller.call(
        "PUT", "Invoices", {"Invoices": [bad, good]}, summarizeErrors="False"
    )
    assert status == 200
    marks = {row["InvoiceNumber"]: row["StatusAttributeString"] for row in answer["Invoices"]}
    assert marks == {"A": "OK", "B": "ERROR"}


@pytest.mark.parametrize("query", [{}, {"summarizeErrors": "true"}])
def test_a_400_lists_the_failed_ones_and_the_others_exist(query: dict[str, str]) -> None:
    caller = desk()
    good, bad = invoice(caller, InvoiceNumber="A"), invoice(caller, InvoiceNumber="B", LineItems=[])
    status, answer = caller.call("PUT", "Invoices", {"Invoices": [good, bad]}, **query)
    assert status == 400
    assert answer["ErrorNumber"] == 10
    assert answer["Type"] == "ValidationException"
    assert answer["Message"] == "A validation exception occurred"
    assert [each["InvoiceNumber"] for each in answer["Elements"]] == ["B"]
    assert [row["InvoiceNumber"] for row in caller.rows("Invoices")] == ["A"]


@pytest.mark.parametrize("ids", ["zero", "fresh", "existing"])
def test_the_id_of_a_failed_element_is_of_no_use(ids: str) -> None:
    caller = desk(failed_ids=ids)
    first = put(caller, InvoiceNumber="NW-1")
    pay(caller, first, "115.00")
    failed = put(caller, InvoiceNumber="NW-1")
    assert failed["StatusAttributeString"] == "ERROR"
    if ids == "existing":
        assert (failed["InvoiceID"], failed["Status"]) == (first["InvoiceID"], "PAID")
    else:
        assert caller.call("GET", f"Invoices/{failed['InvoiceID']}")[0] == 404


def test_a_warning_is_no_failure() -> None:
    caller = desk()
    caller.vendor.books.warn_next("The due date is long past")
    row = put(caller)
    assert (row["StatusAttributeString"], row["HasErrors"]) == ("WARNING", False)
    assert row["Warnings"] == [{"Message": "The due date is long past"}]
    assert put(caller)["StatusAttributeString"] == "OK"


def test_line_errors_are_shown_on_their_lines() -> None:
    caller = desk()
    failed = put(caller, line(), line(AccountCode="999"))
    text = "Account code '999' is not a valid code for this document."
    assert messages(failed) == [text]
    assert [messages(each) for each in failed["LineItems"]] == [[], [text]]


def test_bills_share_the_list_with_invoices() -> None:
    caller = desk()
    bill = put(caller, line(AccountCode="400"), Type="ACCPAY", InvoiceNumber="THEIRS-1")
    twin = put(caller, line(AccountCode="400"), Type="ACCPAY", InvoiceNumber="THEIRS-1")
    assert bill["InvoiceID"] != twin["InvoiceID"], "suppliers choose their own numbers"
    assert bill["LineItems"][0]["TaxType"] == "INPUT2"
    assert {row["Type"] for row in caller.rows("Invoices")} == {"ACCPAY"}


# -- credit notes ----------------------------------------------------------------------------
def test_credit_notes_have_no_discounts_and_numbers_of_their_own() -> None:
    caller = desk()
    assert note(caller)["CreditNoteNumber"] == "CN-0001"
    body = invoice(caller, line(DiscountRate=10), Type="ACCRECCREDIT")
    failed = caller.write("PUT", "CreditNotes", body)[0]
    assert messages(failed) == ["Discounts are not allowed on this type of document"]
    one = note(caller, CreditNoteNumber="C-1")
    assert messages(note(caller, CreditNoteNumber="C-1")) == ["Credit Note # must be unique."]
    path = f"CreditNotes/{one['CreditNoteID']}"
    assert caller.write("POST", path, {"Status": "VOIDED"})[0]["RemainingCredit"] == 0


def test_people_change_on_the_screen_what_the_api_refuses() -> None:
    caller = desk()
    row = put(caller)
    pay(caller, row, "115.00")
    path = f"Invoices/{row['InvoiceID']}"
    assert messages(caller.write("POST", path, {"Reference": "x"})[0])[0] == (
        "Invoice not of valid status for modification"
    )
    caller.vendor.clock.sleep(60)
    books = caller.vendor.books
    books.edit_paid_invoice(row["InvoiceID"], reference="x", due=date(2026, 6, 1), account="200")
    shown = again(caller, row)
    assert (shown["Reference"], shown["DueDateString"]) == ("x", "2026-06-01T00:00:00")
    assert (shown["LineItems"][0]["AccountCode"], shown["Status"]) == ("200", "PAID")
    assert shown["UpdatedDateUTC"] > row["UpdatedDateUTC"]


def test_people_may_move_a_total_by_ten_cents_on_the_screen() -> None:
    caller = desk()
    row = put(caller)
    caller.vendor.books.override_total(row["InvoiceID"], "-0.04")
    assert again(caller, row)["Total"] == D("114.96")
    assert sum(each["LineAmount"] + each["TaxAmount"] for each in again(caller, row)["LineItems"]
               ) == D(115)  # fmt: skip
    path = f"Invoices/{row['InvoiceID']}"
    assert caller.write("POST", path, {"Reference": "x"})[0]["Total"] == D("114.96")
    with pytest.raises(Invalid):
        caller.vendor.books.override_total(row["InvoiceID"], "0.11")


def test_an_invoice_outlives_its_item_and_its_account() -> None:
    caller = desk()
    books = caller.vendor.books
    item = books.add_item("DEV", SalesDetails={"UnitPrice": 5, "AccountCode": "210"})
    row, draft = (put(caller, line(ItemCode="DEV"), Status=s) for s in ("AUTHORISED", "DRAFT"))
    books.delete_item(item["ItemID"])
    books.archive_account("210")
    path = f"Invoices/{row['InvoiceID']}"
    assert caller.write("POST", path, {"Reference": "x"})[0]["Total"] == D(115)
    approved = caller.write("POST", f"Invoices/{draft['InvoiceID']}", {"Status": "AUTHORISED"})[0]
    assert messages(approved) == [
        "Item code 'DEV' is not valid.",
        "Account code '210' is not a valid code for this document.",
    ]
