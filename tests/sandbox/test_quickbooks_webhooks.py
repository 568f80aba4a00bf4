"""Notifications of the QuickBooks Online sandbox: queued, signed, tried again, out of order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Literal

import pytest
import requests

from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.quickbooks import QuickBooks, webhook_signature
from tieout.sandbox.quickbooks.hooks import LADDER_S
from tieout.sandbox.serving import Served

URL = "https://tieout.example/webhooks/quickbooks"


class Subscriber:
    """An app that writes down what it is told and answers as it was set to."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.status = 200
        self.takes_s = 0.0
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.raw: list[bytes] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        assert url == URL
        self.clock.sleep(self.takes_s)
        self.raw.append(body)
        self.headers.append(headers)
        self.bodies.append(json.loads(body))
        return self.status

    @property
    def told(self) -> list[str]:
        """Type and id of every event, in the order of arrival."""
        return [f"{each['type']} {each['intuitentityid']}" for body in self.bodies for each in body]


def company(**settings: Any) -> tuple[QuickBooks, Subscriber]:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    vendor = QuickBooks(clock, **{"preset": "empty", "limits": False} | settings)
    vendor.hooks.subscribe(URL)
    return vendor, Subscriber(clock)


def test_nothing_is_told_before_there_is_an_address() -> None:
    vendor = QuickBooks(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)), preset="empty")
    subscriber = Subscriber(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)))
    vendor.books.add_customer("Before")
    assert vendor.deliver(subscriber) == 0
    vendor.hooks.subscribe(URL)
    assert vendor.deliver(subscriber) == 0
    after = vendor.books.add_customer("After")["Id"]
    assert vendor.deliver(subscriber) == 1
    assert subscriber.told == [f"qbo.customer.created.v1 {after}"]


def test_every_change_is_told_once_with_its_signature() -> None:
    vendor, subscriber = company()
    books = vendor.books
    customer = books.add_customer("Acme")["Id"]
    invoice = books.add_invoice(customer, "100")["Id"]
    books.send_invoice(invoice, "ap@acme.example")
    payment = books.pay(invoice)["Id"]
    books.void_payment(payment)
    books.delete_invoice(invoice)
    assert vendor.deliver(subscriber) == 1
    assert vendor.deliver(subscriber) == 0
    assert subscriber.told == [
        f"qbo.customer.created.v1 {customer}",
        f"qbo.invoice.created.v1 {invoice}",
        f"qbo.invoice.emailed.v1 {invoice}",
        f"qbo.payment.created.v1 {payment}",
        # QuickBooks Online changes the invoice itself when money is applied or taken off.
        f"qbo.invoice.updated.v1 {invoice}",
        f"qbo.invoice.updated.v1 {invoice}",
        f"qbo.payment.voided.v1 {payment}",
        f"qbo.invoice.deleted.v1 {invoice}",
    ]
    expected = webhook_signature(subscriber.raw[0], vendor.verifier_token)
    assert subscriber.headers[0]["intuit-signature"] == expected
    assert subscriber.headers[0]["Content-Type"] == "application/cloudevents+json"
    ids = [event["id"] for event in subscriber.bodies[0]]
    assert len(set(ids)) == len(ids), "two changes in one second are two events"


def test_the_older_form_is_grouped_by_company() -> None:
    vendor, subscriber = company()
    other = QuickBooks(vendor.clock, preset="empty", seed=2)
    vendor.hooks.subscribe(URL, "legacy")
    vendor.hooks.follow(other.realm_id, other.books)
    vendor.books.add_customer("Acme")
    other.books.add_customer("Birch")
    vendor.books.close_until(date(2026, 1, 31))
    vendor.deliver(subscriber)
    notices = subscriber.bodies[0]["eventNotifications"]
    assert [each["realmId"] for each in notices] == [vendor.realm_id, other.realm_id]
    names = [[each["name"] for each in one["dataChangeEvent"]["entities"]] for one in notices]
    assert names == [["Customer", "Preferences"], ["Customer"]]
    assert subscriber.headers[0]["Content-Type"] == "application/json"


def test_tax_codes_are_not_told_and_currencies_have_their_own_name() -> None:
    vendor, subscriber = company(multicurrency=True)
    vendor.books.create("TaxRate", {"Name": "Ten", "RateValue": 10})
    vendor.books.create("CompanyCurrency", {"Code": "EUR"})
    vendor.deliver(subscriber)
    assert subscriber.told == ["qbo.currency.created.v1 1"]


def test_a_merge_names_the_customer_that_disappeared() -> None:
    vendor, subscriber = company()
    vendor.hooks.subscribe(URL, "legacy")
    kept, gone = (vendor.books.add_customer(name)["Id"] for name in ("Acme", "Acme Inc"))
    vendor.books.merge_customers(gone, kept)
    vendor.deliver(subscriber)
    entities = subscriber.bodies[0]["eventNotifications"][0]["dataChangeEvent"]["entities"]
    assert entities[-1] | {"lastUpdated": ""} == {
        "name": "Customer", "id": kept, "operation": "Merge", "deletedId": gone, "lastUpdated": "",
    }  # fmt: skip


def test_what_is_not_taken_is_tried_again_at_growing_intervals() -> None:
    vendor, subscriber = company()
    subscriber.status = 500
    vendor.books.add_customer("Acme")
    waits = []
    for _ in range(10):
        assert vendor.deliver(subscriber) == 0
        due = vendor.hooks.next_due()
        assert due is not None
        wait = (due - vendor.clock.now()).total_seconds()
        vendor.clock.sleep(wait - 1)
        assert vendor.deliver(subscriber) == 0
        waits.append(wait)
        vendor.clock.sleep(1)
    assert waits == [10, 20, 30, 300, 1200, 7200, 14400, 21600, 21600, 21600]
    assert [sent.tries for sent in vendor.hooks.log] == list(range(10)), "one try at a time"
    assert len(set(subscriber.raw)) == 1, "the same body, byte for byte"
    subscriber.status = 200
    assert vendor.deliver(subscriber) == 1
    assert vendor.hooks.next_due() is None


@pytest.mark.parametrize(("seconds", "taken"), [(2.9, True), (3.1, False)])
def test_the_answer_must_come_within_three_seconds(seconds: float, taken: bool) -> None:
    vendor, subscriber = company()
    subscriber.takes_s = seconds
    vendor.books.add_customer("Acme")
    assert vendor.deliver(subscriber) == int(taken)
    assert vendor.hooks.log[0].status == (200 if taken else 0)


def test_a_subscriber_that_is_away_is_tried_again() -> None:
    vendor, subscriber = company()

    def away(url: str, body: bytes, headers: dict[str, str]) -> int:
        raise ConnectionRefusedError

    vendor.books.add_customer("Acme")
    assert vendor.deliver(away) == 0
    vendor.clock.sleep(LADDER_S[0])
    assert vendor.deliver(subscriber) == 1


@pytest.mark.parametrize("holds_back", [True, False])
def test_later_events_wait_for_the_first_or_not(holds_back: bool) -> None:
    vendor, subscriber = company(webhook_holds_back=holds_back)
    first = vendor.books.add_customer("First")["Id"]
    subscriber.status = 503
    vendor.deliver(subscriber)
    subscriber.status = 200
    second = vendor.books.add_customer("Second")["Id"]
    assert vendor.deliver(subscriber) == (0 if holds_back else 1)
    vendor.clock.sleep(10)
    vendor.deliver(subscriber)
    told = [event.split()[1] for event in subscriber.told][1:]
    assert told == ([first, second] if holds_back else [second, first])


def test_events_are_gathered_and_may_be_late() -> None:
    vendor, subscriber = company(webhook_delay_s=120, webhook_events=2)
    for name in ("A", "B", "C"):
        vendor.books.add_customer(name)
    assert vendor.deliver(subscriber) == 0
    vendor.clock.sleep(120)
    assert vendor.deliver(subscriber) == 2
    assert [len(body) for body in subscriber.bodies] == [2, 1]


def test_an_event_may_come_twice_under_one_id() -> None:
    vendor, subscriber = company()
    vendor.hooks.plan("duplicate", entity="Invoice", seconds=60)
    invoice = vendor.books.add_invoice(vendor.books.add_customer("Acme")["Id"], "5")["Id"]
    vendor.deliver(subscriber)
    vendor.clock.sleep(60)
    assert vendor.deliver(subscriber) == 1
    assert subscriber.told[-1] == f"qbo.invoice.created.v1 {invoice}"
    assert subscriber.bodies[1][0]["id"] == subscriber.bodies[0][1]["id"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("swap", ["2", "1", "3"]), ("late", ["2", "3", "1"]), ("lost", ["2", "3"])],
)
def test_events_may_come_out_of_order_late_or_never(
    kind: Literal["swap", "late", "lost"], told: list[str]
) -> None:
    vendor, subscriber = company()
    vendor.hooks.plan(kind, entity="Customer", seconds=600)
    for name in ("One", "Two", "Three"):
        vendor.books.add_customer(name)
        vendor.deliver(subscriber)
    vendor.clock.sleep(600)
    vendor.deliver(subscriber)
    assert [event.split()[1] for event in subscriber.told] == told


class _Receiver(BaseHTTPRequestHandler):
    """The first call is refused, the others are taken."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["intuit-signature"], body))  # type: ignore[attr-defined]
        self.send_response(503 if len(self.server.got) == 1 else 200)  # type: ignore[attr-defined]
        self.end_headers()
        self.server.arrived.release()  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        return


@contextmanager
def receiver() -> Iterator[tuple[str, HTTPServer]]:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    server.got = []  # type: ignore[attr-defined]
    server.arrived = threading.Semaphore(0)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks", server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_people_register_on_the_portal_page_and_are_told_over_http() -> None:
    vendor = QuickBooks(SystemClock(), preset="empty")
    with receiver() as (url, server), Served(vendor) as served:
        page = served.base_url + "/portal/webhooks"
        assert requests.post(page, json={"url": "ftp://x"}, timeout=5).status_code == 400
        assert requests.post(page, data="no", timeout=5).status_code == 400
        shown = requests.post(page, json={"url": url, "style": "legacy"}, timeout=5).json()
        assert shown["url"] == url
        vendor.books.add_customer("Acme")
        assert server.arrived.acquire(timeout=10)  # type: ignore[attr-defined]
        signature, body = server.got[0]  # type: ignore[attr-defined]
        assert signature == webhook_signature(body, shown["verifier_token"])
        assert b'"name":"Customer"' in body
        assert requests.delete(page, timeout=5).json()["url"] is None
        assert vendor.hooks.next_due() is None


def test_a_refused_call_over_http_is_repeated() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    vendor = QuickBooks(clock, preset="empty")
    with receiver() as (url, server):
        vendor.hooks.subscribe(url)
        vendor.books.add_customer("Acme")
        assert vendor.deliver() == 0
        clock.sleep(10)
        assert vendor.deliver() == 1
        bodies = [body for _, body in server.got]  # type: ignore[attr-defined]
        assert bodies[0] == bodies[1]
    clock.sleep(10)
    vendor.books.add_customer("Birch")
    assert vendor.deliver() == 0, "nobody listens there any more"
    assert [sent.status for sent in vendor.hooks.log] == [503, 200, 0]
