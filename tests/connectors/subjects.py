"""What the writers of the conformance suite write, and what their vendors must refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tieout.connectors.base import (
    ALLOCATION,
    CORRECTION,
    CREDIT_NOTE,
    CUSTOMER,
    INVOICE,
    PROJECT,
    TIMESHEET,
    VOID,
    File,
    LineCodes,
    WriteContext,
    Writer,
)
from tieout.model.document import (
    Document,
    DocumentKind,
    DocumentStatus,
    Line,
    LineKind,
    Order,
    Section,
)
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


def external(document: str) -> str:
    """The external id under which NetSuite has one of our documents."""
    return f"tieout-{_key(document)}".replace(":", "-")


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

#: A credit note over two lines of the invoice above.
CREDIT = replace(
    DOCUMENT,
    id="doc_3",
    kind=DocumentKind.CREDIT_NOTE,
    number="CN-2026-0001",
    due_date=None,
    memo="Credit for INV-2026-0007: wrong rate",
    credits="doc_1",
    sections=DOCUMENT.sections[:1],
)
#: An open invoice that the sample company has, and what is open and unused there besides.
OPEN = replace(
    DOCUMENT,
    id="doc_4",
    number="1014",
    issue_date=date(2026, 2, 10),
    sections=(replace(DOCUMENT.sections[0], lines=(_line(1, "Design", "18", "150", "2700.00"),)),),
)
_CHANGE = WriteContext(
    key=_key("doc_4"),
    customer_id="9",
    home_currency="USD",
    country="US",
    invoice_id="24",
    invoice_revision="0",
)
_ALLOCATION = WriteContext(
    key=_key("doc_3/allocation"),
    customer_id="5",
    home_currency="USD",
    country="US",
    invoice_id="27",
    credit_id="30",
    amount=Decimal("250.00"),
)
_ORDER = Order(
    document_id="doc_4",
    writer=CORRECTION,
    revision=1,
    memo="PO 4711, as agreed",
    due_date=date(2026, 3, 31),
)

#: The words below its lines, a link back, and the file with its hours.
_WORDS = {"budget_1": ("Ada Reyes, Design, 12.50 h", "Ben Ito, Data entry, 128.35 h")}
_LINK = "https://crm.example/opportunity/4711"
SHEET = File(
    name="1014-timesheet.csv",
    content_type="text/csv",
    content="Date,Person,Hours\r\n2026-02-10,Ada Reyes,18.00\r\n".encode("utf-8-sig"),
)
_TIMESHEET = replace(_CHANGE, key=_key("doc_4/timesheet"), file=SHEET)
_INVOICE = replace(_INVOICE, memo_lines=_WORDS)

_XERO_INVOICE = replace(
    _INVOICE,
    link=_LINK,
    customer_id="e5488ab7-4fe5-425e-a708-facfc1f31429",
    lines={
        "L001": LineCodes(
            item_id="DESIGN",
            tax_code_id="NONE",
            class_id="88bf2836-415e-4dd1-ae99-3cd3f768f380/080d5565-da96-414a-af31-6d6e933be5a5",
        ),
        "L002": LineCodes(item_id="DEV", tax_code_id="NONE"),
        "L003": LineCodes(item_id="PM", tax_code_id="NONE"),
    },
    term_id="",
    department_id="e39832e9-3204-46b6-a89d-a682d5c1ed6c/e7c73bdd-4576-45c6-a71f-e0598d4c7d8a",
)

#: An open invoice of its sample organisation; its line as somebody just read it.
_XERO_OPEN = replace(
    OPEN,
    number="INV-0020",
    issue_date=date(2026, 3, 2),
    sections=(replace(OPEN.sections[0], lines=(_line(1, "Work done", "1", "2700", "2700.00"),)),),
)
_XERO_CHANGE = replace(
    _CHANGE,
    customer_id="e5488ab7-4fe5-425e-a708-facfc1f31429",
    invoice_id="a2957a3f-0f3c-48b7-a461-6a703f53d171",
    stands={
        "LineItems": [
            {
                "LineItemID": "00000000-0000-4000-8000-000000000020",
                "Description": "Work done",
                "Quantity": Decimal("1.0000"),
                "UnitAmount": Decimal("2700.0000"),
                "LineAmount": Decimal("2700.00"),
                "TaxAmount": Decimal("0.00"),
                "TaxType": "NONE",
                "AccountCode": "200",
            }
        ]
    },
)
_XERO_ALLOCATION = replace(
    _ALLOCATION,
    customer_id="e5488ab7-4fe5-425e-a708-facfc1f31429",
    invoice_id="eb5ee5ba-2cbe-485a-a9f7-602580106d5b",
    credit_id="7aa2fd1a-4676-4bda-ae52-9c606b067d99",
    amount=Decimal("50.00"),
)

_NETSUITE_INVOICE = replace(
    _INVOICE,
    memo_lines={},
    customer_id="602",
    lines={
        "L001": LineCodes(item_id="82", tax_code_id="1", class_id="1"),
        "L002": LineCodes(item_id="81", tax_code_id="1"),
        "L003": LineCodes(item_id="83", tax_code_id="1"),
    },
    term_id="2",
)

#: Its queries leave the zeros at the end of an amount away.
_NETSUITE_OPEN = replace(
    OPEN,
    sections=(replace(OPEN.sections[0], lines=(_line(1, "Design", "18.1", "150.1", "2716.81"),)),),
)
_NETSUITE_ALLOCATION = replace(
    _ALLOCATION,
    customer_id="604",
    invoice_id="1221",
    credit_id="1222",
    amount=Decimal("249.99"),
    record_key=_key("doc_3"),
)

#: By vendor and writer: what is written, and all that is known about it over there. Ids are
#: those of the sandbox's sample company.
SUBJECTS: dict[str, dict[str, tuple[Any, WriteContext]]] = {
    "quickbooks": {
        CUSTOMER: (CLIENT, _CUSTOMER),
        PROJECT: (ENGAGEMENT, _PROJECT),
        INVOICE: (DOCUMENT, _INVOICE),
        CREDIT_NOTE: (
            CREDIT,
            replace(_INVOICE, key=_key("doc_3"), term_id="", invoice_id="24", memo_lines={}),
        ),
        ALLOCATION: (CREDIT, _ALLOCATION),
        VOID: (OPEN, replace(_CHANGE, order=replace(_ORDER, writer=VOID))),
        CORRECTION: (OPEN, replace(_CHANGE, order=_ORDER)),
        TIMESHEET: (OPEN, _TIMESHEET),
    },
    "netsuite": {
        CUSTOMER: (CLIENT, _CUSTOMER),
        PROJECT: (ENGAGEMENT, replace(_PROJECT, parent_id="604")),
        INVOICE: (DOCUMENT, _NETSUITE_INVOICE),
        CREDIT_NOTE: (CREDIT, replace(_NETSUITE_INVOICE, key=_key("doc_5"), term_id="")),
        ALLOCATION: (CREDIT, _NETSUITE_ALLOCATION),
        CORRECTION: (
            _NETSUITE_OPEN,
            replace(
                _NETSUITE_ALLOCATION,
                key=_key("doc_4/correction"),
                credit_id="",
                record_key=_key("doc_4"),
                order=_ORDER,
            ),
        ),
    },
    "xero": {
        CUSTOMER: (CLIENT, _CUSTOMER),
        INVOICE: (DOCUMENT, _XERO_INVOICE),
        CREDIT_NOTE: (CREDIT, replace(_XERO_INVOICE, key=_key("doc_3"), memo_lines={}, link="")),
        ALLOCATION: (CREDIT, _XERO_ALLOCATION),
        VOID: (_XERO_OPEN, replace(_XERO_CHANGE, order=replace(_ORDER, writer=VOID))),
        CORRECTION: (_XERO_OPEN, replace(_XERO_CHANGE, order=_ORDER)),
        TIMESHEET: (_XERO_OPEN, replace(_TIMESHEET, invoice_id=_XERO_CHANGE.invoice_id)),
    },
}
#: By vendor: a customer that nobody has, and the code of lines without tax.
NOBODY = {
    "quickbooks": "999999999",
    "netsuite": "999999999",
    "xero": "00000000-0000-4000-8000-000000000009",
}
UNTAXED = {"quickbooks": "NON", "netsuite": "1", "xero": "NONE"}


def of(slug: str, writer: Writer) -> tuple[Any, WriteContext]:
    """What this writer writes in the suite."""
    return SUBJECTS[slug][writer.name]


def refused(slug: str, writer: Writer) -> tuple[Any, WriteContext]:
    """The same for another document, whose customer is not there."""
    subject, context = of(slug, writer)
    nobody = NOBODY["xero"] if slug == "xero" else "9999"
    context = replace(context, key=_key("doc_2"), customer_id=nobody)
    return replace(subject, number="INV-2026-0008"), context
