"""What the writers of the conformance suite write, and what their vendors must refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tieout.connectors.base import CUSTOMER, INVOICE, PROJECT, LineCodes, WriteContext, Writer
from tieout.model.document import Document, DocumentKind, DocumentStatus, Line, LineKind, Section
from tieout.model.ids import idempotency_key
from tieout.model.money import Money
from tieout.model.party import Address, Client
from tieout.model.project import Project

CLIENT = Client(
    id="client_1",
    source=None,
    name="Gable & Sons: West",
    email="ap@gable.example",
    address=Address(street="1 Long Road\nSuite 4", city="Reno", region="NV", postal_code="89501"),
)
ENGAGEMENT = Project(
    id="project_1", source=None, name="Rollout 2026", client_id="client_1", currency="USD"
)


def _key(document: str) -> str:
    return idempotency_key("acme", "ledger", document, 1, 0)


def _line(number: int, description: str, quantity: str, rate: str, amount: str) -> Line:
    return Line(
        id=f"L{number:03}",
        kind=LineKind.TIME,
        budget_id="budget_1",
        description=description,
        quantity=Decimal(quantity),
        rate=Decimal(rate),
        amount=Money(Decimal(amount), "USD"),
        project_id="project_1",
        service_date=date(2026, 2, 27),
    )


#: 128.35 h x 14.50 is 1861.075: a line QuickBooks takes only rounded half up.
DOCUMENT = Document(
    id="doc_1",
    kind=DocumentKind.INVOICE,
    number="INV-2026-0007",
    client_id="client_1",
    currency="USD",
    issue_date=date(2026, 3, 2),
    due_date=date(2026, 4, 1),
    period_from=date(2026, 2, 1),
    period_to=date(2026, 2, 28),
    status=DocumentStatus.APPROVED,
    po_number="4711",
    memo="February services — thank you",
    sections=(
        Section(
            project_id="project_1",
            budget_id="budget_1",
            title="Rollout",
            lines=(
                _line(1, "Design, Ada Reyes", "12.5", "150", "1875.00"),
                _line(2, "Data entry “phase 2”", "128.35", "14.50", "1861.08"),
            ),
        ),
        Section(
            project_id="project_2",
            budget_id="budget_2",
            title="Support",
            lines=(_line(3, "On call", "0.3333", "90", "30.00"),),
        ),
    ),
)

_CUSTOMER = WriteContext(key=_key("client_1"), home_currency="USD", display_name=CLIENT.name)
_PROJECT = WriteContext(
    key=_key("project_1"),
    home_currency="USD",
    parent_id="5",
    display_name="Cobalt Robotics - Rollout 2026",
)
_INVOICE = WriteContext(
    key=_key("doc_1"),
    customer_id="9",
    lines={
        "L001": LineCodes(item_id="3", tax_code_id="NON", class_id="1"),
        "L002": LineCodes(item_id="2", tax_code_id="NON"),
        "L003": LineCodes(item_id="4", tax_code_id="TAX"),
    },
    term_id="3",
    department_id="1",
    home_currency="USD",
    country="US",
    email="ap@amber.example",
)

#: By writer: what is written, and all that is known about it over there. Ids are those
#: of the sandbox's sample company.
SUBJECTS: dict[str, tuple[Any, WriteContext]] = {
    CUSTOMER: (CLIENT, _CUSTOMER),
    PROJECT: (ENGAGEMENT, _PROJECT),
    INVOICE: (DOCUMENT, _INVOICE),
}


#: The ids of other sandboxes, where they are not QuickBooks'.
_NETSUITE: dict[str, dict[str, Any]] = {
    CUSTOMER: {},
    PROJECT: {"parent_id": "604"},
    INVOICE: {
        "customer_id": "602",
        "lines": {
            "L001": LineCodes(item_id="82", tax_code_id="1", class_id="1"),
            "L002": LineCodes(item_id="81", tax_code_id="1"),
            "L003": LineCodes(item_id="83", tax_code_id="1"),
        },
        "term_id": "2",
    },
}
ELSEWHERE = {"netsuite": _NETSUITE}


def of(writer: Writer, slug: str) -> tuple[Any, WriteContext]:
    """What this writer of a connector writes in the suite."""
    subject, context = SUBJECTS[writer.name]
    return subject, replace(context, **ELSEWHERE.get(slug, {}).get(writer.name, {}))


def refused(writer: Writer, slug: str) -> tuple[Any, WriteContext]:
    """The same for another document, whose customer is not there."""
    subject, context = of(writer, slug)
    context = replace(context, key=_key("doc_2"), customer_id="9999")
    return replace(subject, number="INV-2026-0008"), context
