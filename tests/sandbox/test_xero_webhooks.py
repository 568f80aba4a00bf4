"""Notifications of the stand-in of Xero: signature, intent to receive, delivery, mishaps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.sandbox.xero_desk import acme, desk, note, pay, put
from tests.sandbox.xero_spec import CheckedCaller
from tieout.sandbox.notify import Reply
from tieout.sandbox.xero import webhook_signature

URL = "https://app.test/hooks/xero"


class App:
    """A subscriber that checks signatures as Xero asks it to."""

    def __init__(self, caller: CheckedCaller) -> None:
        self.key = caller.vendor.webhook_key
        self.status = 200
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        assert url == URL
        made = hmac.new(self.key.encode(), body, hashlib.sha256).digest()
        if base64.b64encode(made).decode() != headers["x-xero-signature"]:
            return 401
        if self.status == 200:
            self.bodies.append(json.loads(body))
        return self.status

    @property
    def events(self) -> list[tuple[str, str]]:
        return [
            (event["eventCategory"], event["eventType"])
            for body in self.bodies
            for event in body["events"]
        ]


def subscribed(**settings: Any) -> tuple[CheckedCaller, App]:
    caller = desk(**settings)
    caller.vendor.hooks.subscribe(URL)
    return caller, App(caller)


def test_the_key_is_used_as_it_is_given() -> None:
    made = hmac.new(b"a2V5", b'{"events":[]}', hashlib.sha256).digest()
    assert webhook_signature(b'{"events":[]}', "a2V5") == base64.b64encode(made).decode()


def test_an_address_is_checked_with_good_and_bad_signatures() -> None:
    caller, app = subscribed()
    assert caller.vendor.hooks.intent_to_receive(app) is True
    assert [sent.status for sent in caller.vendor.hooks.log] == [401, 200, 401, 401]
    assert app.bodies[0]["events"] == []
    assert app.bodies[0]["firstEventSequence"] == 0
    assert caller.vendor.hooks.intent_to_receive(lambda *_: 200) is False


def test_an_answer_has_no_body_no_cookie_and_no_delay() -> None:
    caller, _ = subscribed()
    put(caller)
    for reply in (Reply(200, b"OK"), Reply(200, b"", cookies=True), Reply(302)):
        assert caller.vendor.deliver(lambda *_, reply=reply: reply) == 0
        caller.vendor.clock.sleep(86000 / 20)

    def slow(*_: object) -> int:
        caller.vendor.clock.sleep(6)
        return 200

    assert caller.vendor.deliver(slow) == 0
    caller.vendor.clock.sleep(4000)
    assert caller.vendor.deliver(lambda *_: 200) == 1


def test_what_is_told_about_an_invoice_that_is_paid() -> None:
    caller, app = subscribed()
    row = put(caller)
    pay(caller, row, "115.00")
    assert caller.vendor.deliver(app) == 1
    assert app.events == [("INVOICE", "CREATE"), ("INVOICE", "UPDATE")]
    body = app.bodies[0]
    assert (body["firstEventSequence"], body["lastEventSequence"]) == (1, 2)
    assert len(body["entropy"]) == 12
    assert body["events"][0] == {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{row['InvoiceID']}",
        "resourceId": row["InvoiceID"],
        "tenantId": caller.tenant_id,
        "tenantType": "ORGANISATION",
        "eventCategory": "INVOICE",
        "eventType": "CREATE",
        "eventDateUtc": "2026-03-31T09:00:00.000",
    }


def test_contacts_credit_notes_and_the_subscription() -> None:
    caller, app = subscribed()
    caller.vendor.books.archive_contact(acme(caller))
    caller.vendor.books.restore_contact(acme(caller))
    note(caller)
    caller.vendor.note_subscription("0f3c0000-0000-4000-a000-000000000000")
    caller.vendor.deliver(app)
    assert app.events == [
        ("CONTACT", "UPDATE"), ("CONTACT", "UPDATE"), ("CREDITNOTE", "CREATE"),
        ("SUBSCRIPTION", "UPDATE"),
    ]  # fmt: skip
    assert app.bodies[0]["events"][2]["data"] == {"Type": "ACCRECCREDIT", "Status": "AUTHORISED"}
    assert app.bodies[0]["events"][3]["tenantType"] == "APPLICATION"


def test_only_what_was_subscribed_to() -> None:
    caller, app = subscribed(webhook_categories=("CONTACT",))
    put(caller, Contact={"Name": "Newcomer"})
    caller.vendor.deliver(app)
    assert app.events == [("CONTACT", "CREATE")]


def test_what_is_not_taken_is_told_again_and_given_up_after_a_day() -> None:
    caller, app = subscribed()
    app.status = 500
    put(caller)
    assert caller.vendor.deliver(app) == 0
    assert caller.vendor.deliver(app) == 0
    assert len(caller.vendor.hooks.log) == 1, "not before ten seconds have passed"
    for _ in range(40):
        caller.vendor.clock.sleep(3600)
        caller.vendor.deliver(app)
    hooks = caller.vendor.hooks
    assert hooks.enabled is False
    assert (hooks.log[-1].at - hooks.log[0].at).total_seconds() <= 86400
    app.status = 200
    caller.vendor.sign_in.issue()
    caller.token = caller.vendor.sign_in.issue()["access_token"]
    put(caller)
    assert caller.vendor.deliver(app) == 0
    hooks.enable()
    assert caller.vendor.deliver(app) == 1


def test_a_notification_can_be_had_without_a_subscription() -> None:
    caller = desk()
    row = put(caller)
    body, headers = caller.vendor.webhook(caller.vendor.books.changes[-1:])
    assert json.loads(body)["events"][0]["resourceId"] == row["InvoiceID"]
    assert headers["x-xero-signature"] == webhook_signature(body, caller.vendor.webhook_key)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("lost", [2, 3]), ("duplicate", [1, 2, 3, 1]), ("late", [2, 3, 1]), ("swap", [2, 1, 3])],
)
def test_events_get_lost_doubled_delayed_and_out_of_order(kind: Any, numbers: list[int]) -> None:
    caller, app = subscribed(webhook_events=1)
    caller.vendor.hooks.plan(kind, category="INVOICE", seconds=30)
    for _ in range(3):
        put(caller)
        caller.vendor.clock.sleep(1)
    caller.vendor.deliver(app)
    caller.vendor.clock.sleep(30)
    caller.vendor.deliver(app)
    told = [body["firstEventSequence"] for body in app.bodies]
    assert sorted(told) == sorted(numbers)
    if kind != "duplicate":
        assert told == numbers


def test_all_organisations_of_an_app_share_one_address() -> None:
    caller, app = subscribed()
    second = caller.vendor.add_organisation("Second")
    caller.vendor.tenants[second].books.add_contact("Theirs")
    put(caller)
    caller.vendor.deliver(app)
    assert {event["tenantId"] for body in app.bodies for event in body["events"]} == {
        caller.tenant_id, second,
    }  # fmt: skip


def test_people_register_an_address_on_a_page() -> None:
    caller = desk()
    page = caller.client.post("/portal/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert page.get_json()["webhook_key"] == caller.vendor.webhook_key
    assert caller.client.post("/portal/webhooks", json={"url": "x"}).status_code == 400
    assert caller.client.post("/portal/webhooks/intent").get_json() == {"passed": False}
    assert caller.client.delete("/portal/webhooks").get_json()["url"] is None


def test_what_changes_nothing_a_reader_sees_is_not_told() -> None:
    caller, app = subscribed()
    row = put(caller)
    pay(caller, row, "40.00")
    caller.vendor.deliver(app)
    before = len(app.events)
    caller.write("POST", f"Invoices/{row['InvoiceID']}", {"DueDate": "2026-05-31"})
    caller.vendor.deliver(app)
    assert len(app.events) == before
