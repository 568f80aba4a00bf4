"""Lists in the stand-in of Xero: pages, filters, deltas, order."""

from __future__ import annotations

import pytest

from tests.sandbox.xero_desk import D, acme, desk, invoice, line, note, pay, put
from tests.sandbox.xero_spec import CheckedCaller


def numbers(caller: CheckedCaller, **query: str) -> list[str]:
    return [row["InvoiceNumber"] for row in caller.rows("Invoices", **query)]


def three() -> CheckedCaller:
    """N-1 is paid, N-2 part paid, N-3 a draft; a day lies between them."""
    caller = desk(access_token_s=10**7)
    one = put(caller, InvoiceNumber="N-1", Reference="Alpha", Date="2026-01-15")
    pay(caller, one, "115.00")
    caller.vendor.clock.sleep(86400)
    two = put(caller, line("200.00"), InvoiceNumber="N-2", Reference="Beta", Date="2026-02-15")
    pay(caller, two, "30.00")
    caller.vendor.clock.sleep(86400)
    other = {"Name": "Birch Ltd", "ContactNumber": "crm-002"}
    put(caller, InvoiceNumber="N-3", Contact=other, Status="DRAFT", Date="2026-03-15")
    return caller


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Status=="AUTHORISED"', ["N-2"]),
        ('Type=="ACCREC" AND AmountDue>0', ["N-2", "N-3"]),
        ("AmountDue>0&&AmountPaid>0", ["N-2"]),
        ("Date>=DateTime(2026,02,01)", ["N-2", "N-3"]),
        ("Date>=DateTime(2026, 02, 01) AND Date<DateTime(2026, 03, 01)", ["N-2"]),
        ('Reference=="alpha"', ["N-1"]),
        ('Reference=="Alpha" OR Reference=="Beta" AND Status=="PAID"', ["N-1"]),
        ('Contact.Name.StartsWith("Acm")', ["N-1", "N-2"]),
        ('Contact.ContactNumber=="crm-002"', ["N-3"]),
        ('InvoiceNumber=="N-3" || InvoiceNumber=="N-1"', ["N-1", "N-3"]),
        ('Status!="DRAFT"', ["N-1", "N-2"]),
        ("SentToContact==false", ["N-1", "N-2", "N-3"]),
    ],
)
def test_filters(where: str, found: list[str]) -> None:
    assert numbers(three(), where=where) == found


@pytest.mark.parametrize("how", ["guid", "Guid"])
def test_a_filter_by_contact(how: str) -> None:
    caller = three()
    assert numbers(caller, where=f'Contact.ContactID=={how}("{acme(caller)}")') == ["N-1", "N-2"]


@pytest.mark.parametrize(
    "where",
    ['Status="', "Status", "Status==", "== 5", '(Status=="PAID")', 'LineItems.Count()>0',
     'Status.Contains("A")', 'Status=="PAID" Status=="PAID"', 'Status=="PAID" AND', "x" * 5],
)  # fmt: skip
def test_any_other_filter_is_refused(where: str) -> None:
    status, answer = desk().call("GET", "Invoices", where=where)
    assert (status, answer["ErrorNumber"], answer["Type"]) == (400, 16, "QueryParseException")
    assert "Elements" not in answer


def test_a_filter_on_what_cannot_be_searched_fast() -> None:
    caller = desk(efficient_only=True)
    assert caller.call("GET", "Invoices", where='Status=="PAID"')[0] == 200
    status, answer = caller.call("GET", "Invoices", where='Url=="x"')
    assert (status, answer["Message"]) == (400, "You are not filtering Invoices efficiently")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"Statuses": "AUTHORISED,PAID"}, ["N-1", "N-2"]),
        ({"InvoiceNumbers": "N-3,N-1"}, ["N-3", "N-1"]),
        ({"searchTerm": "bet"}, ["N-2"]),
        ({"order": "Date DESC"}, ["N-3", "N-2", "N-1"]),
        ({"order": "UpdatedDateUTC ASC, InvoiceId"}, ["N-1", "N-2", "N-3"]),
        ({"order": "AmountDue DESC", "page": "1", "pageSize": "2"}, ["N-2", "N-3"]),
        ({"page": "2", "pageSize": "2"}, ["N-3"]),
        ({"page": "9"}, []),
    ],
)
def test_lists_and_orders(query: dict[str, str], found: list[str]) -> None:
    assert numbers(three(), **query) == found


def test_what_my_app_made() -> None:
    caller = three()
    caller.vendor.books.add_invoice(acme(caller), "5.00", InvoiceNumber="HAND-1")
    assert "HAND-1" not in numbers(caller, createdByMyApp="True")
    assert len(numbers(caller)) == 4
    ids = ",".join(row["InvoiceID"] for row in caller.rows("Invoices", searchTerm="N-"))
    assert sorted(numbers(caller, IDs=ids)) == ["N-1", "N-2", "N-3"]
    assert numbers(caller, ContactIDs=acme(caller), Statuses="PAID") == ["N-1"]


def test_pages_are_counted_and_no_larger_than_a_thousand() -> None:
    caller = three()
    assert "pagination" not in caller.call("GET", "Invoices")[1]
    pages = caller.call("GET", "Invoices", page="1", pageSize="2")[1]["pagination"]
    assert pages == {"page": 1, "pageSize": 2, "pageCount": 2, "itemCount": 3}
    assert caller.call("GET", "Invoices", page="1")[1]["pagination"]["pageSize"] == 100
    clamped = caller.call("GET", "Invoices", page="1", pageSize="5000")[1]["pagination"]
    assert clamped["pageSize"] == 1000
    for wrong in ({"page": "0"}, {"pageSize": "0"}, {"page": "x"}):
        assert caller.call("GET", "Invoices", **wrong)[0] == 400


def test_lines_come_only_with_a_page_an_id_or_one_invoice() -> None:
    caller = three()
    assert {len(row["LineItems"]) for row in caller.rows("Invoices")} == {0}
    assert {len(row["LineItems"]) for row in caller.rows("Invoices", page="1")} == {1}
    one = caller.rows("Invoices")[0]["InvoiceID"]
    assert len(caller.rows("Invoices", IDs=one)[0]["LineItems"]) == 1
    assert len(caller.rows("Invoices/N-1")[0]["LineItems"]) == 1
    short = caller.rows("Invoices", page="1", summaryOnly="true")[0]
    assert not {"LineItems", "Payments", "CreditNotes"} & set(short)
    assert short["Total"] == D(115)


@pytest.mark.parametrize(
    "since",
    [
        "2026-04-01T09:00:00",
        "2026-04-01T09:00:00Z",
        "2026-04-01T11:00:00+02:00",
        "Wed, 01 Apr 2026 09:00:00 GMT",
    ],
)
def test_a_delta_counts_from_a_second_on(since: str) -> None:
    caller = three()
    changed = caller.rows("Invoices", headers={"If-Modified-Since": since})
    assert [row["InvoiceNumber"] for row in changed] == ["N-2", "N-3"]


@pytest.mark.parametrize("since", ["2026-04-01", "yesterday", "2026-04-01T09:00:00.000"])
def test_a_delta_in_a_wrong_form_is_everything(since: str) -> None:
    assert len(three().rows("Invoices", headers={"If-Modified-Since": since})) == 3


def test_a_delta_tells_payments_voids_and_deletions() -> None:
    caller = three()
    books, clock = caller.vendor.books, caller.vendor.clock
    ids = {row["InvoiceNumber"]: row["InvoiceID"] for row in caller.rows("Invoices")}
    clock.sleep(60)
    since = {"If-Modified-Since": clock.now().strftime("%Y-%m-%dT%H:%M:%S")}
    books.delete_invoice(ids["N-3"])
    books.pay(ids["N-2"], "1.00")
    changed = {r["InvoiceNumber"]: r["Status"] for r in caller.rows("Invoices", headers=since)}
    assert changed == {"N-2": "AUTHORISED", "N-3": "DELETED"}
    books.prefer(payments_bump=False)
    clock.sleep(60)
    since = {"If-Modified-Since": clock.now().strftime("%Y-%m-%dT%H:%M:%S")}
    paid = books.pay(ids["N-2"], "1.00")
    assert caller.rows("Invoices", headers=since) == []
    assert [r["PaymentID"] for r in caller.rows("Payments", headers=since)] == [paid["PaymentID"]]


def test_a_guid_that_is_none_is_refused_in_plain_text() -> None:
    response = desk().send("GET", "Invoices", IDs="not-a-guid")
    assert response.status_code == 400
    assert response.content_type.startswith("text/html")
    assert response.get_data(as_text=True) == (
        "Supplied parameter 'Ids' cannot be parsed - must be of type UUID."
    )


def test_addresses_that_are_too_long() -> None:
    caller = desk()
    guid = acme(caller)

    def status(count: int) -> int:
        # Most programs write a comma in an address as %2C.
        query = "IDs=" + "%2C".join([guid] * count)
        headers = {"Authorization": f"Bearer {caller.token}", "xero-tenant-id": caller.tenant_id}
        address = f"/api.xro/2.0/Invoices?{query}"
        return caller.client.get(address, headers=headers).status_code

    assert [status(count) for count in (40, 200, 210, 220)] == [200, 200, 414, 400]


def test_what_is_not_there() -> None:
    caller = desk()
    status, answer = caller.call("GET", "Invoices/00000000-0000-4000-a000-000000000000")
    assert status == 404
    assert answer["Title"] == "Not Found"
    assert caller.call("GET", "Journeys")[0] == 404
    status, answer = caller.call("DELETE", "Invoices/x")
    assert (status, answer["ErrorNumber"]) == (405, 20)


@pytest.mark.parametrize(
    ("resource", "where", "count"),
    [
        ("Contacts", 'Name.StartsWith("Ac")', 1),
        ("Contacts", 'ContactStatus=="ACTIVE"', 2),
        ("Contacts", "IsCustomer==true", 2),
        ("Payments", 'Status=="AUTHORISED" AND PaymentType=="ACCRECPAYMENT"', 2),
        ("CreditNotes", "RemainingCredit>0", 1),
        ("Accounts", 'Type=="BANK"', 2),
        ("TaxRates", 'Status=="ACTIVE" AND TaxType=="OUTPUT2"', 1),
    ],
)
def test_the_other_lists_are_filtered_too(resource: str, where: str, count: int) -> None:
    caller = three()
    note(caller)
    assert len(caller.rows(resource, where=where)) == count


def test_contacts_without_a_page_are_all_of_them() -> None:
    caller = desk()
    for number in range(120):
        caller.vendor.books.add_contact(f"Client {number}")
    assert len(caller.rows("Contacts")) == 121
    assert len(caller.rows("Contacts", page="1")) == 100
    assert len(caller.rows("Contacts", page="2", order="Name")) == 21


# -- what hangs on an invoice ------------------------------------------------------------------
def test_history_notes_are_short_and_stay() -> None:
    caller = desk()
    row = put(caller)
    path = f"Invoices/{row['InvoiceID']}/History"
    notes = {"HistoryRecords": [{"Details": "pushed by sync run 812"}]}
    assert caller.call("PUT", path, notes)[0] == 200
    assert caller.rows(path)[0]["Details"] == "pushed by sync run 812"
    assert caller.rows(path)[0]["User"] == "System Generated"
    assert caller.call("PUT", path, {"HistoryRecords": [{"Details": "x" * 251}]})[0] == 400


def test_attachments_by_name_and_by_id() -> None:
    caller = desk(attachments_each=2, attachment_bytes=10)
    row = put(caller)
    path = f"Invoices/{row['InvoiceID']}/Attachments"

    def attach(method: str, name: str, content: bytes, **query: str) -> int:
        return caller.send(
            method, f"{path}/{name}", content, kind="text/plain", **query
        ).status_code

    assert attach("PUT", "hours.txt", b"one", IncludeOnline="true") == 200
    assert attach("POST", "hours.txt", b"two") == 200
    shown = caller.rows(path)[0]
    assert (shown["FileName"], shown["MimeType"], shown["ContentLength"]) == (
        "hours.txt", "text/plain", 3,
    )  # fmt: skip
    for last in ("hours.txt", shown["AttachmentID"]):
        assert caller.send("GET", f"{path}/{last}", loose=True).get_data() == b"two"
    assert attach("PUT", "big.txt", b"x" * 11) == 413
    assert attach("PUT", "b.txt", b"x") == 200
    assert attach("PUT", "c.txt", b"x") == 400
    assert caller.rows(f"Invoices/{row['InvoiceID']}")[0]["HasAttachments"] is True


def test_printing_showing_and_sending() -> None:
    caller = desk(emails_per_day=1)
    row, draft = put(caller), put(caller, Status="DRAFT")
    path = f"Invoices/{row['InvoiceID']}"
    for response in (
        caller.send("GET", f"{path}/pdf"),
        caller.send("GET", path, headers={"Accept": "application/pdf"}),
    ):
        assert response.content_type == "application/pdf"
        assert response.get_data().startswith(b"%PDF-1.4")
    address = caller.rows(f"{path}/OnlineInvoice")[0]["OnlineInvoiceUrl"]
    assert address.startswith("https://in.xero.com/")
    assert caller.call("GET", f"Invoices/{draft['InvoiceID']}/OnlineInvoice")[0] == 404
    response = caller.send("POST", f"{path}/Email", {})
    assert (response.status_code, response.get_data()) == (204, b"")
    assert caller.rows(path)[0]["SentToContact"] is True
    assert caller.call("POST", f"{path}/Email", {})[0] == 400
    assert caller.call("POST", f"Invoices/{draft['InvoiceID']}/Email", {})[0] == 400


def test_a_body_that_is_too_large_or_of_another_kind() -> None:
    caller = desk(body_bytes=2000)
    body = invoice(caller, *(line() for _ in range(50)))
    assert caller.call("PUT", "Invoices", {"Invoices": [body]})[0] == 413
    assert caller.send("PUT", "Invoices", "hello", kind="text/plain").status_code == 415
    status, answer = caller.call("PUT", "Invoices", '{"Invoices": [')
    assert (status, answer["ErrorNumber"], answer["Type"]) == (400, 14, "PostDataInvalidException")
