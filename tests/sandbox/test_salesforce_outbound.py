"""The Salesforce stand-in: outbound messages, from a change of a deal to the receiver's answer."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.etree import ElementTree as ET

import pytest
import requests
from werkzeug.test import Client

from tieout.clock import SystemClock, VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.salesforce import ApiError, Salesforce
from tieout.sandbox.salesforce.ids import is_id
from tieout.sandbox.serving import Served

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
HOOK = "http://127.0.0.1:9/hooks/salesforce"
OUT = "{http://soap.sforce.com/2005/09/outbound}"
SF = "{urn:sobject.enterprise.soap.sforce.com}"
ANSWER = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack>'
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
TAKEN, REFUSED = (200, ANSWER.format("true")), (200, ANSWER.format("false"))


class Receiver:
    """Keeps what it is sent; answers what it is told to, then takes everything."""

    def __init__(self, *answers):
        self.bodies = []
        self.urls = []
        self._answers = list(answers)

    def __call__(self, url, body):
        self.urls.append(url)
        self.bodies.append(body)
        answer = self._answers.pop(0) if self._answers else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def told(self):
        """Per message, the pairs of notification id and record id (None: arrived empty)."""
        return [
            [(each.findtext(f"{OUT}Id"), each.findtext(f"{OUT}sObject/{SF}Id"))
             for each in ET.fromstring(body).iter(f"{OUT}Notification")]
            for body in self.bodies
        ]  # fmt: skip

    @property
    def records(self):
        return [record for message in self.told for _, record in message]


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def vendor(clock):
    return Salesforce(clock)


@pytest.fixture
def deals(vendor):
    """Three open deals without products."""
    account = vendor.org.records("Account")[0]["Id"]
    values = {"AccountId": account, "StageName": "Prospecting", "CloseDate": "2026-02-01"}
    return [
        vendor.org.insert("Opportunity", {**values, "Name": f"Deal {number}"})
        for number in range(3)
    ]


def test_a_won_deal_is_told_in_the_vendors_envelope(vendor, deals):
    action = vendor.outbound.add(
        HOOK, fields=("Name", "IsWon", "Amount", "CloseDate"), where="IsWon = true",
        evaluate="newly_met",
    )  # fmt: skip
    receiver = Receiver()
    vendor.org.update("Opportunity", deals[0], {"Name": "R&D <1>", "Amount": Decimal("1200.50")})
    assert vendor.outbound.deliver(receiver) == 0
    vendor.org.win(deals[0])
    assert vendor.outbound.deliver(receiver) == 1
    assert receiver.urls == [HOOK]
    sent = ET.fromstring(receiver.bodies[0]).find(f".//{OUT}notifications")
    assert sent.findtext(f"{OUT}OrganizationId") == vendor.credentials["organization_id"]
    assert sent.findtext(f"{OUT}ActionId") == action.id
    assert sent.find(f"{OUT}SessionId").attrib == {
        "{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}  # fmt: skip
    assert "/services/Soap/c/66.0/" in sent.findtext(f"{OUT}EnterpriseUrl")
    assert "/services/Soap/u/66.0/" in sent.findtext(f"{OUT}PartnerUrl")
    told = sent.find(f"{OUT}Notification")
    assert told.findtext(f"{OUT}Id").startswith("04l")
    assert is_id(told.findtext(f"{OUT}Id"))
    record = told.find(f"{OUT}sObject")
    assert record.attrib == {
        "{http://www.w3.org/2001/XMLSchema-instance}type": "sf:Opportunity"}  # fmt: skip
    assert {each.tag.removeprefix(SF): each.text for each in record} == {
        "Id": deals[0], "Name": "R&D <1>", "IsWon": "true", "Amount": "1200.50",
        "CloseDate": "2026-01-15",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("evaluate", "messages"), [("created", 0), ("every_edit", 2), ("newly_met", 1)]
)
def test_the_rule_says_which_edits_are_told(vendor, deals, evaluate, messages):
    vendor.outbound.add(HOOK, where="IsWon = true", evaluate=evaluate)
    vendor.org.win(deals[0])
    vendor.org.update("Opportunity", deals[0], {"Description": "Countersigned"})
    vendor.org.update("Opportunity", deals[1], {"Description": "Still open"})
    assert [each.record_id for each in vendor.outbound.waiting] == [deals[0]] * messages


def test_new_deals_are_told_and_deleted_ones_are_not(vendor, deals):
    vendor.outbound.add(HOOK, evaluate="created")
    made = vendor.org.insert(
        "Opportunity", {"Name": "New", "StageName": "Signed", "CloseDate": "2026-02-01"}
    )
    vendor.org.delete("Opportunity", deals[0])
    vendor.org.insert("Account", {"Name": "Another object"})
    assert [each.record_id for each in vendor.outbound.waiting] == [made]


def test_changes_through_the_api_are_told_once_each_and_only_when_they_stand(vendor, deals):
    vendor.outbound.add(HOOK)

    def call(method, path, body):
        headers = {"Authorization": f"Bearer {vendor.oauth.issue()}"}
        path = f"/services/data/v66.0/{path}"
        return Client(vendor).open(path, method=method, headers=headers, json=body).json

    call("PATCH", f"sobjects/Opportunity/{deals[0]}", {"Tieout_Project_Id__c": "P-1"})
    assert [each.record_id for each in vendor.outbound.waiting] == [deals[0]]
    attributes = {"type": "Opportunity"}
    answer = call("PATCH", "composite/sobjects", {"allOrNone": True, "records": [
        {"attributes": attributes, "id": deals[1], "Name": "Undone"},
        {"attributes": attributes, "id": deals[2], "Name": "x" * 200}]})  # fmt: skip
    assert not any(each["success"] for each in answer)
    assert len(vendor.outbound.waiting) == 1
    answer = call("PATCH", "composite/sobjects", {"allOrNone": False, "records": [
        {"attributes": attributes, "id": deals[1], "Name": "Kept"},
        {"attributes": attributes, "id": deals[2], "Name": "x" * 200}]})  # fmt: skip
    assert [each["success"] for each in answer] == [True, False]
    assert [each.record_id for each in vendor.outbound.waiting] == deals[:2]


def test_a_new_line_tells_of_its_deal_once(vendor, deals):
    vendor.outbound.add(HOOK)
    entry = vendor.org.records("PricebookEntry")[0]["Id"]
    vendor.org.add_line(deals[0], entry, 2, Decimal("100.00"))
    assert [each.record_id for each in vendor.outbound.waiting] == [deals[0]]


def test_a_late_commit_is_told_when_it_can_be_read(vendor, clock, deals):
    vendor.outbound.add(HOOK, fields=("Name",))
    vendor.org.update("Opportunity", deals[0], {"Name": "Late"}, late_s=30)
    receiver = Receiver()
    assert vendor.outbound.deliver(receiver) == 0
    assert vendor.outbound.next_due() == START + timedelta(seconds=30)
    clock.advance(30)
    assert vendor.outbound.deliver(receiver) == 1
    assert b"<sf:Name>Late</sf:Name>" in receiver.bodies[0]


def test_a_message_shows_the_record_of_the_moment_it_is_sent(vendor, deals):
    vendor.outbound.add(HOOK, fields=("Name",))
    vendor.org.update("Opportunity", deals[0], {"Name": "First"})
    vendor.org.update("Opportunity", deals[0], {"Name": "Second"})
    vendor.org.update("Opportunity", deals[1], {"Name": "Gone soon"})
    vendor.org.delete("Opportunity", deals[1])
    receiver = Receiver()
    vendor.outbound.deliver(receiver)
    assert receiver.records == [deals[0], deals[0], None]
    assert b"First" not in receiver.bodies[0]


# -- answers -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "answer",
    [
        REFUSED,
        (500, ANSWER.format("true")),
        (302, ANSWER.format("true")),
        (200, ""),
        (200, "<Ack>true</Ack>"),
        (200, ANSWER.format("true").replace("2005/09", "2006/01")),
        (200, "<!DOCTYPE a>" + ANSWER.format("true")),
        ConnectionCut(),
        TimeoutError(),
    ],
)
def test_without_a_good_answer_a_message_is_sent_again(vendor, clock, deals, answer):
    vendor.outbound.add(HOOK)
    vendor.org.win(deals[0])
    receiver = Receiver(answer)
    assert vendor.outbound.deliver(receiver) == 0
    assert vendor.outbound.deliver(receiver) == 0
    assert len(receiver.bodies) == 1
    clock.set(vendor.outbound.next_due())
    assert vendor.outbound.deliver(receiver) == 1
    assert receiver.told[0] == receiver.told[1]
    assert vendor.outbound.next_due() is None
    assert [each.acknowledged for each in vendor.outbound.log] == [False, True]


def test_an_answer_after_a_minute_does_not_count(vendor, clock, deals):
    vendor.outbound.add(HOOK)
    vendor.org.win(deals[0])

    def slow(url, body):
        clock.advance(61)
        return TAKEN

    assert vendor.outbound.deliver(slow) == 0
    assert len(vendor.outbound.waiting) == 1


def test_waits_grow_to_two_hours_and_end_after_a_day(vendor, clock, deals):
    vendor.outbound.add(HOOK)
    vendor.org.win(deals[0])
    receiver = Receiver(*[REFUSED] * 100)
    tries = []
    while vendor.outbound.waiting:
        clock.set(vendor.outbound.next_due())
        tries.append(clock.now())
        vendor.outbound.deliver(receiver)
    waits = [(after - before).total_seconds() / 60
             for before, after in itertools.pairwise(tries)]  # fmt: skip
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 64, 120]
    assert set(waits[8:]) == {120}
    assert len(vendor.outbound.dropped) == 1
    assert vendor.outbound.log[-1].at - START <= timedelta(hours=24)


# -- batches, repeats, order -----------------------------------------------------------------
def test_a_message_holds_a_hundred_changes_and_one_answer_counts_for_all(vendor, clock, deals):
    vendor.outbound.add(HOOK)
    for number in range(101):
        vendor.org.update("Opportunity", deals[0], {"Description": str(number)})
    receiver = Receiver(REFUSED)
    assert vendor.outbound.deliver(receiver) == 1
    assert [len(message) for message in receiver.told] == [100, 1]
    clock.advance(60)
    assert vendor.outbound.deliver(receiver) == 100
    assert receiver.told[2] == receiver.told[0]


def test_messages_may_repeat_and_overtake_each_other(vendor, deals):
    vendor.outbound.add(HOOK)
    vendor.outbound.repeat = vendor.outbound.reverse = True
    vendor.outbound.batch_size = 1
    for deal in deals[:2]:
        vendor.org.win(deal)
    receiver = Receiver()
    assert vendor.outbound.deliver(receiver) == 2
    assert receiver.records == [deals[1], deals[1], deals[0], deals[0]]
    assert receiver.told[0] == receiver.told[1]


def test_each_action_has_its_own_address_and_messages(vendor, deals):
    one = vendor.outbound.add(HOOK)
    two = vendor.outbound.add(HOOK + "/accounts", "Account", ("Name",), session=True)
    account = vendor.org.get("Opportunity", deals[0])["AccountId"]
    vendor.org.update("Account", account, {"Phone": "1"})
    vendor.org.win(deals[0])
    receiver = Receiver()
    assert vendor.outbound.deliver(receiver) == 2
    assert receiver.urls == [HOOK, HOOK + "/accounts"]
    assert receiver.records == [deals[0], account]
    assert one.id != two.id
    session = ET.fromstring(receiver.bodies[1]).findtext(f".//{OUT}SessionId")
    answer = Client(vendor).get(
        "/services/data/v66.0/limits", headers={"Authorization": f"Bearer {session}"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("details", "error"),
    [
        ({"object_name": "Deal"}, "INVALID_TYPE"),
        ({"fields": ("Nope",)}, "INVALID_FIELD"),
        ({"where": "IsWon ="}, "MALFORMED_QUERY"),
        ({"where": "Id IN (SELECT OpportunityId FROM OpportunityLineItem)"}, "MALFORMED_QUERY"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(vendor, details, error):
    with pytest.raises(ApiError) as refused:
        vendor.outbound.add(HOOK, **details)
    assert refused.value.code == error
    assert vendor.outbound.actions == []


# -- over HTTP --------------------------------------------------------------------------------
class Hook(BaseHTTPRequestHandler):
    """A receiver over HTTP; its server answers the statuses of `statuses`, then 200."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(ANSWER.format("true").encode())

    def log_message(self, *args):
        return


@pytest.fixture
def hook():
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.got, server.statuses = [], []
        server.address = f"http://127.0.0.1:{server.server_port}/hooks/s"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def wait_for(outbound, sent):
    for _ in range(2000):
        if len(outbound.log) >= sent:
            break
        threading.Event().wait(0.01)
    assert len(outbound.log) >= sent


def test_messages_go_out_from_a_thread_over_http(hook):
    vendor = Salesforce(SystemClock())
    hook.statuses = [500]
    vendor.outbound.add(hook.address)
    vendor.outbound.start(every_s=0.01)
    deal = vendor.org.records("Opportunity", StageName="Prospecting")[0]["Id"]
    vendor.org.win(deal)
    wait_for(vendor.outbound, 1)
    # The first answer was 500; a later change is told without waiting for it.
    vendor.org.update("Opportunity", deal, {"Description": "Again"})
    wait_for(vendor.outbound, 2)
    vendor.outbound.stop()
    vendor.outbound.stop()
    assert [path for path, _, _ in hook.got] == ["/hooks/s", "/hooks/s"]
    assert hook.got[0][1] == "text/xml; charset=utf-8"
    assert [(each.status, each.acknowledged) for each in vendor.outbound.log] == [
        (500, False), (200, True)]  # fmt: skip
    assert len(vendor.outbound.waiting) == 1


def test_people_set_messages_up_on_a_page_of_the_served_org(hook):
    vendor = Salesforce(SystemClock())
    with Served(vendor) as served, requests.Session() as session:
        session.trust_env = False
        page = f"{served.base_url}/setup/outbound-messages"
        wanted = {"url": hook.address, "where": "IsWon = true", "evaluate": "newly_met",
                  "fields": ["Name", "Amount"]}  # fmt: skip
        made = session.post(page, json=wanted).json()
        assert [each["where"] for each in made["messages"]] == ["IsWon = true"]
        deal = vendor.org.records("Opportunity", StageName="Prospecting")[0]["Id"]
        session.patch(
            f"{served.base_url}/services/data/v66.0/sobjects/Opportunity/{deal}",
            json={"StageName": "Signed"},
            headers={"Authorization": f"Bearer {vendor.oauth.issue()}"},
        )
        wait_for(vendor.outbound, 1)
        shown = session.get(page).json()
        assert (shown["waiting"], shown["sent"], shown["acknowledged"]) == (0, 1, 1)
        assert deal.encode() in hook.got[0][2]
        for wrong in ({"url": "mailto:x"}, {"url": None}, {"fields": "Name"},
                      {"where": "Nope = 1"}, {"evaluate": "never"}):  # fmt: skip
            refused = session.post(page, json={**wanted, **wrong})
            assert (refused.status_code, list(refused.json())) == (400, ["error"])
        assert session.delete(page).json()["messages"] == []
    vendor.org.win(vendor.org.records("Opportunity", StageName="Qualification")[0]["Id"])
    assert vendor.outbound.waiting == []
    assert not any(call.writes for call in vendor.calls if call.path.startswith("/setup"))


def test_nobody_at_the_address_is_no_answer():
    vendor = Salesforce(SystemClock())
    vendor.outbound.add(HOOK)
    vendor.org.win(vendor.org.records("Opportunity", StageName="Prospecting")[0]["Id"])
    assert vendor.outbound.deliver() == 0
    assert [each.status for each in vendor.outbound.log] == [0]
    assert len(vendor.outbound.waiting) == 1
