"""A client library that was not written here works against the sandbox over loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from quickbooks import QuickBooks as LibraryClient
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import QuickbooksException, ValidationException
from quickbooks.objects import (
    Attachable,
    AttachableRef,
    Customer,
    Invoice,
    Item,
    Payment,
    PaymentLine,
    Preferences,
    SalesItemLine,
    SalesItemLineDetail,
    Term,
)

from tieout.clock import VirtualClock
from tieout.sandbox.quickbooks import QuickBooks
from tieout.sandbox.serving import Served


class Session:
    """What the library wants of a session: a token and `request`."""

    def __init__(self, token: str) -> None:
        self.access_token = token
        self._session = requests.Session()

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        return self._session.request(method, url, timeout=10, **options)

    def close(self) -> None:
        self._session.close()


@pytest.fixture
def vendor() -> QuickBooks:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    return QuickBooks(clock, preset="empty", limits=False)


@pytest.fixture
def library(vendor: QuickBooks) -> Iterator[LibraryClient]:
    with Served(vendor) as served:
        client = LibraryClient(company_id=vendor.realm_id, minorversion=75, use_decimal=True)
        client.session = Session(vendor.credentials["access_token"])
        client.api_url_v3 = served.base_url + "/v3"
        yield client
        client.session.close()


def new_invoice(library: LibraryClient, customer: Customer, amount: str) -> Invoice:
    line = SalesItemLine()
    line.Amount = Decimal(amount)
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Item.all(qb=library)[0].to_ref()
    made = Invoice()
    made.CustomerRef = customer.to_ref()
    made.Line = [line]
    return made


def new_customer(library: LibraryClient, name: str) -> Customer:
    customer = Customer()
    customer.DisplayName = name
    return customer.save(qb=library)


def test_create_read_query_and_pay(library: LibraryClient, vendor: QuickBooks) -> None:
    customer = new_customer(library, "O'Neil")
    assert Customer.filter(DisplayName="O'Neil", qb=library)[0].Id == customer.Id
    invoice = new_invoice(library, customer, "1861.08").save(qb=library, request_id="r1")
    again = new_invoice(library, customer, "1861.08").save(qb=library, request_id="r1")
    assert invoice.Id == again.Id
    assert invoice.TotalAmt == Decimal("1861.08")
    assert Invoice.count(qb=library) == 1
    payment = Payment()
    payment.CustomerRef = customer.to_ref()
    payment.TotalAmt = Decimal("1861.08")
    line = PaymentLine()
    line.Amount = payment.TotalAmt
    line.LinkedTxn = [invoice.to_linked_txn()]
    payment.Line = [line]
    payment = payment.save(qb=library)
    paid = Invoice.get(invoice.Id, qb=library)
    assert paid.Balance == 0
    payment.void(qb=library)
    reopened = Invoice.get(invoice.Id, qb=library)
    assert reopened.Balance == Decimal("1861.08")
    reopened.send(qb=library, send_to="ap@oneil.example")
    assert vendor.books.outbox == [("Invoice", invoice.Id, "ap@oneil.example")]
    assert reopened.download_pdf(qb=library).startswith(b"%PDF")
    assert Preferences.get(qb=library).SalesFormsPrefs.CustomTxnNumbers is True


def test_read_modify_save_void_and_delete(library: LibraryClient) -> None:
    customer = new_customer(library, "Acme")
    invoice = new_invoice(library, customer, "10").save(qb=library)
    invoice.PrivateNote = "changed"
    invoice = invoice.save(qb=library)
    assert (invoice.PrivateNote, invoice.SyncToken) == ("changed", "1")
    invoice.void(qb=library)
    void = Invoice.get(invoice.Id, qb=library)
    assert void.TotalAmt == 0
    assert void.delete(qb=library)["Invoice"]["status"] == "Deleted"


def test_batches_and_changes(library: LibraryClient) -> None:
    customer = new_customer(library, "Acme")
    good = [new_invoice(library, customer, str(amount)) for amount in (1, 2, 3)]
    bad = Invoice()
    answer = batch_create([*good, bad], qb=library)
    assert [made.TotalAmt for made in answer.successes] == [1, 2, 3]
    assert answer.faults[0].Error[0].code == "2020"
    changes = change_data_capture([Invoice, Payment], "2026-03-02T00:00:00-08:00", qb=library)
    assert [row.TotalAmt for row in changes.Invoice] == [1, 2, 3]
    assert not hasattr(changes, "Payment")


def test_errors_come_as_the_library_expects(library: LibraryClient, vendor: QuickBooks) -> None:
    new_customer(library, "Acme")
    with pytest.raises(QuickbooksException) as taken:
        new_customer(library, "Acme")
    assert taken.value.error_code == 6240
    with pytest.raises(ValidationException):
        Term.query("SELECT * FROM Trem", qb=library)


def test_uploads(library: LibraryClient, vendor: QuickBooks) -> None:
    customer = new_customer(library, "Acme")
    attachment = Attachable()
    link = AttachableRef()
    link.EntityRef = customer.to_ref()
    attachment.AttachableRef = [link]
    attachment.FileName = "note.txt"
    attachment.ContentType = "text/plain"
    attachment._FileBytes = b"hello"
    attachment.save(qb=library)
    assert list(vendor.books.files.values()) == [b"hello"]
