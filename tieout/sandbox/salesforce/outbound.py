"""Outbound messages: the SOAP notifications an org posts when a record changes.

A workflow rule or flow decides which changes are told; the envelope shows the
records as they are when it is sent; the receiver's answer counts when it holds
an `Ack`. Receivers must take a message as a hint and read the record again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tieout.sandbox.salesforce import soql
from tieout.sandbox.salesforce.books import Change
from tieout.sandbox.salesforce.errors import malformed_query
from tieout.sandbox.salesforce.filters import Filters
from tieout.sandbox.salesforce.org import Org
from tieout.sandbox.salesforce.values import Record, render_instant

NAMESPACE = "http://soap.sforce.com/2005/09/outbound"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_VERSION = "66.0"

#: When a rule looks at a record: only when it is made; then and at every edit; then and
#: when an edit brings it to meet the condition.
Evaluate = Literal["created", "every_edit", "newly_met"]


@dataclass(frozen=True)
class Action:
    """An outbound message and the rule that sends it."""

    id: str  # 04k...
    url: str
    object_name: str
    fields: tuple[str, ...]  # beside Id
    where: str = ""  # a condition as in a query; "" for every record
    evaluate: Evaluate = "every_edit"
    session: bool = False  # send a session id along

    def check(self, org: Org) -> None:
        """Raises ApiError for an object, a field or a condition that cannot be."""
        target = org.schema.find(self.object_name)
        for name in self.fields:
            target.find(name)
        self._meets(org, None)

    def tells(self, org: Org, change: Change) -> bool:
        """Whether the rule sends a message about a change; deletions are never told."""
        if change.object_name != self.object_name or change.new["IsDeleted"]:
            return False
        if not self._meets(org, change.new):
            return False
        if change.old is None or change.old["IsDeleted"]:
            return True
        if self.evaluate == "newly_met":
            return not self._meets(org, change.old)
        return self.evaluate == "every_edit"

    def _meets(self, org: Org, record: Record | None) -> bool:
        if not self.where:
            return True
        target = org.schema.find(self.object_name)
        query = soql.parse(f"SELECT Id FROM {target.name} WHERE {self.where}")
        test = Filters(org, target, _no_inner_query).compile(query.where)
        return record is not None and test(record)


@dataclass(eq=False)
class Notification:
    """One change waiting to be acknowledged."""

    id: str  # 04l..., the receiver's key against repeats
    action: Action
    record_id: str
    queued_at: datetime
    due_at: datetime
    tries: int = 0


def _no_inner_query(query: soql.Select) -> set[Any]:
    raise malformed_query(f"a rule cannot look into {query.source}")


def envelope(
    org: Org, action: Action, batch: Iterable[Notification], instance_url: str, session_id: str
) -> bytes:
    """The body of one message, `text/xml`, with the records as readers see them now."""
    inner = "".join(_notification(org, each) for each in batch)
    session = '<SessionId xsi:nil="true"/>'
    if session_id:
        session = f"<SessionId>{escape(session_id)}</SessionId>"
    org_id = org.organization_id
    soap_url = f"{escape(instance_url)}/services/Soap"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<notifications xmlns="{NAMESPACE}"><OrganizationId>{org_id}</OrganizationId>'
        f"<ActionId>{action.id}</ActionId>{session}"
        f"<EnterpriseUrl>{soap_url}/c/{_VERSION}/{org_id[:15]}</EnterpriseUrl>"
        f"<PartnerUrl>{soap_url}/u/{_VERSION}/{org_id[:15]}</PartnerUrl>"
        f"{inner}</notifications></soapenv:Body></soapenv:Envelope>"
    )
    return text.encode()


def acknowledged(status: int, answer: str) -> bool:
    """Whether an answer is a good one: 200 with `Ack` true in a `notificationsResponse`."""
    # An answer has no business with a document type: entities could blow it up.
    if status != 200 or "<!DOCTYPE" in answer:
        return False
    try:
        root = ET.fromstring(answer)
    except ET.ParseError:
        return False
    if root.tag != f"{{{_SOAP}}}Envelope":
        return False
    path = f"{{{_SOAP}}}Body/{{{NAMESPACE}}}notificationsResponse/{{{NAMESPACE}}}Ack"
    return (root.findtext(path) or "").strip() in ("true", "1")


def _notification(org: Org, each: Notification) -> str:
    name = each.action.object_name
    record = org.visible(name, each.record_id)
    content = ""
    # A record deleted meanwhile arrives empty.
    if record is not None and not record["IsDeleted"]:
        content = f"<sf:Id>{record['Id']}</sf:Id>" + "".join(
            f"<sf:{field}>{escape(_text(record[field]))}</sf:{field}>"
            for field in each.action.fields
            if record.get(field) is not None
        )
    return (
        f'<Notification><Id>{each.id}</Id><sObject xsi:type="sf:{name}"'
        f' xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{content}</sObject></Notification>'
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return render_instant(value).replace("+0000", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
