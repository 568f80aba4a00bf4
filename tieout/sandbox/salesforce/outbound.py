"""Outbound messages: the SOAP notifications an org posts when a record changes.

The sender keeps a notification until it is acknowledged and tries again at
growing intervals, up to two hours apart, for a day. It may repeat and reorder:
receivers must take a message as a hint and read the record again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from tieout.clock import Clock
from tieout.sandbox.salesforce.ids import make_id
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.values import render_instant

NAMESPACE = "http://soap.sforce.com/2005/09/outbound"
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=2)
KEPT_FOR = timedelta(hours=24)
MOST_IN_A_MESSAGE = 100

#: Posts a message body (bytes, `text/xml`) and gives the HTTP status and the answer's text.
Post = Callable[[bytes], tuple[int, str]]


@dataclass
class Notification:
    """One change waiting to be acknowledged."""

    id: str  # 04l..., the receiver's key against repeats
    record_id: str
    queued_at: datetime
    due_at: datetime
    tries: int = 0


class OutboundMessages:
    """The outbound message action of one object. `instance_url` is shown to the receiver."""

    def __init__(
        self,
        clock: Clock,
        org: Org,
        object_name: str = "Opportunity",
        fields: tuple[str, ...] = ("Name", "StageName"),
        instance_url: str = "https://acme.my.salesforce.com",
    ) -> None:
        self.waiting: list[Notification] = []
        self.dropped: list[Notification] = []
        self.repeat = False  # send each acknowledged message once more
        self.reverse = False  # send the newest first
        self._clock = clock
        self._org = org
        self._object = object_name
        self._fields = fields
        self._url = instance_url
        self._count = 0

    def notify(self, record_id: str) -> Notification:
        """Queue a notification for a record."""
        self._count += 1
        now = self._clock.now()
        made = Notification(make_id("04l", self._count), record_id, now, now)
        self.waiting.append(made)
        return made

    def deliver(self, post: Post) -> int:
        """Send what is due, in messages of at most 100; returns how many were acknowledged."""
        now = self._clock.now()
        for late in [each for each in self.waiting if now - each.queued_at > KEPT_FOR]:
            self.waiting.remove(late)
            self.dropped.append(late)
        due = [each for each in self.waiting if each.due_at <= now]
        if self.reverse:
            due.reverse()
        done = 0
        for start in range(0, len(due), MOST_IN_A_MESSAGE):
            batch = due[start : start + MOST_IN_A_MESSAGE]
            done += self._send(batch, post)
        return done

    def envelope(self, batch: list[Notification]) -> bytes:
        """The SOAP body with the records as they are now; a deleted record arrives empty."""
        inner = "".join(self._notification(each) for each in batch)
        org_id = self._org.organization_id
        action = make_id("04k", 1)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
            f'<notifications xmlns="{NAMESPACE}"><OrganizationId>{org_id}</OrganizationId>'
            f'<ActionId>{action}</ActionId><SessionId xsi:nil="true"/>'
            f"<EnterpriseUrl>{self._url}/services/Soap/c/66.0/{org_id[:15]}</EnterpriseUrl>"
            f"<PartnerUrl>{self._url}/services/Soap/u/66.0/{org_id[:15]}</PartnerUrl>"
            f"{inner}</notifications></soapenv:Body></soapenv:Envelope>"
        )
        return text.encode()

    def _notification(self, each: Notification) -> str:
        record = self._org.find_latest(self._object, each.record_id)
        content = ""
        if record is not None and not record["IsDeleted"]:
            content = f"<sf:Id>{record['Id']}</sf:Id>" + "".join(
                f"<sf:{name}>{escape(_text(record[name]))}</sf:{name}>"
                for name in self._fields
                if record.get(name) is not None
            )
        return (
            f'<Notification><Id>{each.id}</Id><sObject xsi:type="sf:{self._object}"'
            f' xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{content}</sObject></Notification>'
        )

    def _send(self, batch: list[Notification], post: Post) -> int:
        status, answer = post(self.envelope(batch))
        if status == 200 and re.search(r"<(?:\w+:)?Ack>\s*(true|1)\s*<", answer):
            if self.repeat:
                post(self.envelope(batch))
            for each in batch:
                self.waiting.remove(each)
            return len(batch)
        for each in batch:
            wait = min(FIRST_WAIT * 2**each.tries, LONGEST_WAIT)
            each.tries += 1
            each.due_at = self._clock.now() + wait
        return 0


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return render_instant(value).replace("+0000", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
