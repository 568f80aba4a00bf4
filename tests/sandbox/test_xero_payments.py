"""Payments, batches, credit notes, over- and prepayments in the stand-in of Xero."""

from __future__ import annotations

import pytest

from tests.sandbox.xero_desk import D, Row, acme, again, desk, invoice, messages, note, pay, put
from tests.sandbox.xero_spec import CheckedCaller
from tieout.sandbox.xero.errors import Invalid

OVERPAID = "Payment amount exceeds the amount outstanding on this document"


def test_a_payment_settles_an_invoice_and_its_deletion_opens_it_again() -> None:
    caller = desk()
    row = put(caller)
    first = pay(caller, row, "15.00")
    assert (first["PaymentType"], first["Status"]) == ("ACCRECPAYMENT", "AUTHORISED")
    assert first["Invoice"]["AmountDue"] == D(100)
    second = pay(caller, row, "100.00", Date="2026-04-20")
    paid = again(caller, row)
    assert (paid["Status"], paid["AmountDue"], paid["AmountPaid"]) == ("PAID", D(0), D(115))
    assert paid["FullyPaidOnDate"] == "/Date(1776643200000+0000)/"
    assert [each["PaymentID"] for each in paid["Payments"]] == [
        first["PaymentID"], second["PaymentID"],
    ]  # fmt: skip
    caller.call("POST", f"Payments/{second['PaymentID']}", {"Status": "DELETED"})
    open_again = again(caller, row)
    assert (open_again["Status"], open_again["AmountDue"]) == ("AUTHORISED", D(100))
    assert "FullyPaidOnDate" not in open_again
    statuses = {each["PaymentID"]: each["Status"] for each in caller.rows("Payments")}
    assert statuses[second["PaymentID"]] == "DELETED"


def test_a_payment_is_deleted_with_or_without_its_envelope() -> None:
    caller = desk()
    row = put(caller)
    for wrap in (False, True):
        payment_id = pay(caller, row, 5)["PaymentID"]
        body: Row = {"Status": "DELETED"}
        body = {"Payments": [body]} if wrap else body
        status, answer = caller.call("POST", f"Payments/{payment_id}", body)
        assert (status, answer["Payments"][0]["Status"]) == (200, "DELETED")
    assert caller.call("POST", f"Payments/{payment_id}", {"Status": "DELETED"})[0] == 400


def test_what_a_payment_may_not_do() -> None:
    caller = desk()
    row, draft = put(caller), put(caller, Status="DRAFT")
    assert messages(pay(caller, row, "115.01")) == [OVERPAID]
    assert messages(pay(caller, draft, 5)) == [
        "Payments can only be made against Authorised documents"
    ]
    assert messages(pay(caller, row, 0)) == ["Payment amount must be greater than zero"]
    wrong = "Account code '200' is not a valid code for this document."
    assert messages(pay(caller, row, 5, Account={"Code": "200"})) == [wrong]
    assert pay(caller, row, 5, Account={"Code": "855"})["HasValidationErrors"] is False


def test_one_payment_alone_goes_without_an_envelope() -> None:
    caller = desk()
    row = put(caller)
    body = {"Invoice": {"InvoiceNumber": row["InvoiceNumber"]}, "Amount": 15,
            "Account": {"Code": "090"}, "Date": "2026-03-31"}  # fmt: skip
    assert caller.call("POST", "Payments", body)[0] == 200
    assert again(caller, row)["AmountDue"] == D(100)


@pytest.mark.parametrize("ids", ["empty_ids", "each"])
def test_one_bad_payment_hides_the_ids_of_the_good_ones(ids: str) -> None:
    caller = desk(failed_payment_batch=ids)
    row = put(caller)
    good = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": 5, "Account": {"Code": "090"}}
    answered = caller.write("PUT", "Payments", good, {**good, "Amount": 999})
    real = [each["PaymentID"] for each in caller.rows("Payments")]
    assert len(real) == 1, "the good one was made all the same"
    assert (answered[0]["PaymentID"] in real) is (ids == "each")


def test_foreign_money_arrives_in_the_bank_at_the_days_rate() -> None:
    caller = desk()
    caller.vendor.books.add_currency("EUR", "0.50")
    row = put(caller, CurrencyCode="EUR")
    paid = pay(caller, row, "50.00", CurrencyRate=D("0.40"))
    assert (paid["Amount"], paid["BankAmount"], paid["CurrencyRate"]) == (D(50), D(125), D("0.4"))


# -- batches ---------------------------------------------------------------------------------
def batch(caller: CheckedCaller, amounts: dict[str, str], **query: str) -> tuple[int, Row]:
    members = [{"Invoice": {"InvoiceID": key}, "Amount": D(a)} for key, a in amounts.items()]
    body = {"Account": {"Code": "090"}, "Date": "2026-03-31", "Payments": members}
    return caller.call("PUT", "BatchPayments", {"BatchPayments": [body]}, **query)


def test_one_transfer_pays_several_invoices() -> None:
    caller = desk()
    one, two = put(caller), put(caller)
    answer = batch(caller, {one["InvoiceID"]: "115.00", two["InvoiceID"]: "15.00"})[1]
    row = answer["BatchPayments"][0]
    assert (row["Type"], row["TotalAmount"]) == ("RECBATCH", D(130))
    assert [again(caller, each)["AmountDue"] for each in (one, two)] == [D(0), D(100)]
    member = caller.rows("Payments")[0]
    assert member["BatchPaymentID"] == row["BatchPaymentID"]
    assert member["BatchPayment"]["TotalAmount"] == "130.00", "text, as in Xero's own examples"
    assert caller.call("POST", f"Payments/{member['PaymentID']}", {"Status": "DELETED"})[0] == 400
    gone = {"BatchPaymentID": row["BatchPaymentID"], "Status": "DELETED"}
    assert caller.call("POST", "BatchPayments", gone)[0] == 200
    assert [again(caller, each)["AmountDue"] for each in (one, two)] == [D(115), D(115)]


def test_a_batch_is_made_as_a_whole_or_not_at_all() -> None:
    caller = desk()
    one, two = put(caller), put(caller)
    status, answer = batch(caller, {one["InvoiceID"]: "5.00", two["InvoiceID"]: "999.00"})
    assert (status, messages(answer["Elements"][0])) == (400, [OVERPAID])
    assert caller.rows("Payments") == []


def test_a_batch_that_pays_an_invoice_twice_does_not_pay_too_much() -> None:
    caller = desk()
    member = {"Invoice": {"InvoiceID": put(caller)["InvoiceID"]}, "Amount": D("60.00")}
    body = {"Account": {"Code": "090"}, "Payments": [member, member]}
    status, answer = caller.call("PUT", "BatchPayments", {"BatchPayments": [body]})
    assert (status, messages(answer["Elements"][0])) == (400, [OVERPAID])
    assert caller.rows("Payments") == []


def test_a_failed_batch_may_say_nothing_about_it() -> None:
    caller = desk(silent_batch_errors=True)
    row = put(caller)
    status, answer = batch(caller, {row["InvoiceID"]: "999.00"})
    assert status == 200
    assert answer["BatchPayments"][0]["HasValidationErrors"] is False
    assert "BatchPaymentID" not in answer["BatchPayments"][0]


def test_a_reconciled_payment_stays() -> None:
    caller = desk()
    paid = pay(caller, put(caller), 5)
    caller.vendor.books.reconcile_payment(paid["PaymentID"])
    status, answer = caller.call("POST", f"Payments/{paid['PaymentID']}", {"Status": "DELETED"})
    assert status == 400
    assert messages(answer["Elements"][0]) == ["A reconciled payment cannot be deleted"]


# -- credits ---------------------------------------------------------------------------------
def allocate(caller: CheckedCaller, path: str, row: Row, amount: str) -> Row:
    body = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": D(amount), "Date": "2026-04-01"}
    status, answer = caller.call(
        "PUT", f"{path}/Allocations", {"Allocations": [body]}, summarizeErrors="false"
    )
    assert status == 200
    return dict(answer["Allocations"][0])


def test_a_credit_note_is_used_on_an_invoice_and_taken_back() -> None:
    caller = desk()
    row, credit = put(caller), note(caller, "50.00")
    path = f"CreditNotes/{credit['CreditNoteID']}"
    used = allocate(caller, path, row, "30.00")
    shown = again(caller, row)
    assert (shown["AmountCredited"], shown["AmountPaid"], shown["AmountDue"]) == (D(30), 0, D(85))
    assert shown["CreditNotes"][0]["AppliedAmount"] == D(30)
    assert caller.rows(path)[0]["RemainingCredit"] == D(20)
    allocate(caller, path, row, "20.00")
    assert caller.rows(path)[0]["Status"] == "PAID"
    status, gone = caller.call("DELETE", f"{path}/Allocations/{used['AllocationID']}")
    assert (status, gone["IsDeleted"]) == (200, True)
    assert again(caller, row)["AmountDue"] == D(95)
    assert caller.call("DELETE", f"{path}/Allocations/{used['AllocationID']}")[0] == 404


def test_an_allocation_may_be_answered_with_its_credit_note_and_no_id() -> None:
    caller = desk()
    caller.vendor.books.prefer(allocation_answer="example")
    row, credit = put(caller), note(caller, "50.00")
    path = f"CreditNotes/{credit['CreditNoteID']}"
    made = allocate(caller, path, row, "30.00")
    assert made["CreditNote"]["CreditNoteID"] == credit["CreditNoteID"]
    assert "AllocationID" not in made
    assert caller.rows(path)[0]["Allocations"][0]["AllocationID"]


def test_what_an_allocation_may_not_do() -> None:
    caller = desk()
    caller.vendor.books.add_currency("EUR", "0.5")
    other = caller.write("PUT", "Contacts", {"Name": "Other"})[0]["ContactID"]
    credit = note(caller, "50.00")
    path = f"CreditNotes/{credit['CreditNoteID']}"
    for wrong, text in (
        (put(caller, CurrencyCode="EUR"), "must be in the same currency"),
        (put(caller, Contact={"ContactID": other}), "must be for the same contact"),
        (put(caller, Status="DRAFT"), "Only authorised documents"),
    ):
        assert text in messages(allocate(caller, path, wrong, "10.00"))[0]
    row = put(caller)
    assert "remaining credit" in messages(allocate(caller, path, row, "50.01"))[0]
    pay(caller, row, "100.00")
    assert "outstanding" in messages(allocate(caller, path, row, "16.00"))[0]


def test_too_much_money_becomes_an_overpayment_which_is_no_payment() -> None:
    caller = desk()
    first, second = put(caller), put(caller)
    caller.vendor.books.overpay(first["InvoiceID"], "145.00")
    over = caller.rows("Overpayments")[0]
    assert (over["Type"], over["RemainingCredit"]) == ("RECEIVE-OVERPAYMENT", D(30))
    allocate(caller, f"Overpayments/{over['OverpaymentID']}", second, "30.00")
    shown = again(caller, second)
    assert (shown["AmountPaid"], shown["AmountCredited"], shown["AmountDue"]) == (0, D(30), D(85))
    assert shown["Overpayments"][0]["OverpaymentID"] == over["OverpaymentID"]


def test_money_before_the_invoice_is_a_prepayment() -> None:
    caller = desk()
    caller.vendor.books.prepay(acme(caller), "40.00", Reference="ADVANCE")
    pre = caller.rows("Prepayments", page="1")[0]
    assert pre["LineItems"][0]["LineAmount"] == D(40)
    row = put(caller)
    allocate(caller, f"Prepayments/{pre['PrepaymentID']}", row, "40.00")
    assert caller.rows(f"Prepayments/{pre['PrepaymentID']}")[0]["Status"] == "PAID"
    assert again(caller, row)["Prepayments"][0]["AppliedAmount"] == D(40)


def test_a_refund_is_a_payment_of_the_credit_note() -> None:
    caller = desk()
    credit = note(caller, "50.00")
    body = {"CreditNote": {"CreditNoteID": credit["CreditNoteID"]}, "Amount": D("50.00"),
            "Account": {"Code": "090"}, "Date": "2026-03-31"}  # fmt: skip
    paid = caller.write("PUT", "Payments", body)[0]
    assert paid["PaymentType"] == "ARCREDITPAYMENT"
    # As in Xero's own example, the credit note is shown under Invoice, by its type.
    assert paid["Invoice"]["Type"] == "ACCRECCREDIT"
    assert paid["Invoice"]["InvoiceID"] == credit["CreditNoteID"]
    assert caller.rows(f"CreditNotes/{credit['CreditNoteID']}")[0]["Status"] == "PAID"


def test_a_write_off_is_a_credit_note() -> None:
    caller = desk()
    row = put(caller)
    caller.vendor.books.write_off(row["InvoiceID"], "15.00")
    assert again(caller, row)["AmountCredited"] == D(15)
    with pytest.raises(Invalid):
        caller.vendor.books.void_invoice(row["InvoiceID"])


# -- the report ------------------------------------------------------------------------------
def test_aged_receivables_of_one_contact() -> None:
    caller = desk(access_token_s=10**7)
    row = put(caller, InvoiceNumber="NW-1")
    pay(caller, row, "40.00")
    caller.write("PUT", "Invoices", invoice(caller, InvoiceNumber="NW-2", Status="DRAFT"))
    caller.vendor.clock.sleep(40 * 86400)
    status, answer = caller.call("GET", "Reports/AgedReceivablesByContact", contactId=acme(caller))
    assert status == 200
    header, opening, section = answer["Reports"][0]["Rows"]
    assert [cell["Value"] for cell in header["Cells"]] == [
        "Date", "Number", "Due Date", "", "Total", "Paid", "Credited", "Due",
    ]  # fmt: skip
    cells = [cell["Value"] for cell in section["Rows"][0]["Cells"]]
    assert cells[1:2] + cells[3:] == ["NW-1", "10 days overdue", "115.00", "40.00", "0.00", "75.00"]
    assert section["Rows"][0]["Cells"][0]["Attributes"][0]["Value"] == row["InvoiceID"]
    assert section["Rows"][-1]["RowType"] == "SummaryRow"
    assert section["Rows"][-1]["Cells"][-1]["Value"] == "75.00"
    assert opening["Rows"][0]["Cells"][1]["Value"] == "Opening Balance"
    assert caller.call("GET", "Reports/AgedReceivablesByContact")[0] == 400
