"""Documents and lines get the ledger's names, or a question for a person."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from tieout.config import CustomerRules, Workspace, load_workspace
from tieout.config.records import DEAL, DEAL_LINE, DOCUMENT_RECORDS, ENTRY, FIRM, LINE
from tieout.mapping import (
    Held,
    LineNames,
    Unresolved,
    document_names,
    find_customer,
    find_entry,
    line_names,
)
from tieout.mapping import conditions as record_of
from tieout.model.document import Document, DocumentKind, Line, LineKind, Section
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.party import Address, Client
from tieout.model.project import BillingModel, Budget, Deal, DealLine, Project
from tieout.model.settlement import ListEntry, ListKind
from tieout.model.work import Approval, TimeEntry

EXAMPLE = Path(__file__).parents[2] / "config"


class AnySettings(BaseModel):
    model_config = ConfigDict(extra="allow")


def load(folder: Path) -> Workspace:
    known = dict.fromkeys(("salesforce", "harvest", "quickbooks"), AnySettings)
    return load_workspace(folder, connectors=known)


EXAMPLE_WORKSPACE = load(EXAMPLE)


@pytest.fixture
def workspace() -> Workspace:
    return EXAMPLE_WORKSPACE


ACME = Client(id="client_a", source=None, name="Acme Corp")
BETA = Client(id="client_b", source=None, name="Beta Ltd")


def project(project_id: str, name: str, client: Client, **changes: object) -> Project:
    made = Project(id=project_id, source=None, name=name, client_id=client.id, currency="USD")
    return replace(made, **changes)  # type: ignore[arg-type]


def hours(**changes: object) -> TimeEntry:
    entry = TimeEntry(
        id="time_1",
        source=SourceRef("time", "entries", "1"),
        person="Jane Doe",
        client="Acme Corp",
        project="Acme website",
        task="Dev",
        work_date=date(2026, 3, 2),
        seconds=3600,
        billable=True,
        approval=Approval.APPROVED,
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def row(number: str, name: str, kind: ListKind = ListKind.ITEM, **changes: object) -> ListEntry:
    entry = ListEntry(
        source=SourceRef("books", kind.value, number), kind=kind, remote_id=number, name=name
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


ITEMS = [
    row("1", "Consulting"),
    row("2", "Travel", full_name="Costs:Travel"),
    row("3", "Design", full_name="Web:Design"),
    row("4", "Design", full_name="Print:Design"),
    row("5", "Old", active=False),
    row("6", "Consulting", ListKind.CUSTOMER, details={"email": "Pay@Consulting.example"}),
]


class TestLedgerNames:
    @pytest.mark.parametrize(
        ("name", "found"),
        [("consulting ", "1"), ("Travel", "2"), ("costs:travel", "2"), ("Print:Design", "4")],
    )
    def test_exact_names_are_found(self, name: str, found: str) -> None:
        entry = find_entry(ListKind.ITEM, name, ITEMS)
        assert isinstance(entry, ListEntry)
        assert entry.remote_id == found

    @pytest.mark.parametrize(
        ("name", "stored", "text"),
        [
            ("Consultng", "", "unknown item 'Consultng'; nearest in the ledger: 'Consulting'"),
            ("Zzz", "", "unknown item 'Zzz'; the ledger has 5 of them"),
            ("Design", "", "item 'Design' is more than one in the ledger: 'Web:Design' (3),"
             " 'Print:Design' (4)"),
            ("Old", "", "item 'Old' is inactive in the ledger"),
            ("Consulting", "77", "item 'Consulting' was linked to 77, which is not in the ledger"),
            ("Old", "5", "item 'Old' was linked to 5, which is no longer active in the ledger"),
        ],
    )  # fmt: skip
    def test_anything_else_is_a_question_for_a_person(
        self, name: str, stored: str, text: str
    ) -> None:
        result = find_entry(ListKind.ITEM, name, ITEMS, stored_id=stored)
        assert isinstance(result, Unresolved)
        assert result.text == text

    def test_customers(self) -> None:
        client = Client(id="c", source=None, name="CONSULTING", email="x@y.example")
        by_name = find_customer(client, ITEMS, CustomerRules())
        assert isinstance(by_name, ListEntry)
        assert by_name.remote_id == "6"
        by_email = CustomerRules(match=("name", "email"))
        other = replace(client, name="Another", email="pay@consulting.example")
        assert isinstance(find_customer(other, ITEMS, by_email), ListEntry)
        assert isinstance(find_customer(other, ITEMS, CustomerRules()), Unresolved)
        stored = find_customer(other, ITEMS, CustomerRules(), stored_id="6")
        assert isinstance(stored, ListEntry)
        named = CustomerRules(names={"Another": "Consulting"})
        assert isinstance(find_customer(other, ITEMS, named), ListEntry)

    def test_only_a_customer_nobody_meant_to_name_may_be_made(self) -> None:
        client = Client(id="c", source=None, name="Newcomer", email="pay@consulting.example")
        new = find_customer(client, ITEMS, CustomerRules())
        assert isinstance(new, Unresolved)
        assert new.absent
        slip = find_customer(client, ITEMS, CustomerRules(names={"Newcomer": "Consultng"}))
        assert isinstance(slip, Unresolved)
        assert not slip.absent
        twin = replace(ITEMS[-1], remote_id="7", name="Consulting West")
        shared = find_customer(client, [*ITEMS, twin], CustomerRules(match=("name", "email")))
        assert isinstance(shared, Unresolved)
        assert not shared.absent
        assert shared.text == (
            "customer 'Newcomer': pay@consulting.example is the address of 'Consulting',"
            " 'Consulting West' in the ledger"
        )

    def test_a_line_and_its_document(self, workspace: Workspace) -> None:
        document, line = invoice()
        hours_budget = Budget(id="b", name="Hours", model=BillingModel.TIME_AND_MATERIALS)
        client = replace(ACME, address=Address(country="DE"))
        where = {
            "project": project("p1", "Acme website", ACME, code="AI-9", po_number="PO-77"),
            "client": client,
            "document": document,
            "workspace": workspace,
        }
        names = line_names(line, budget=hours_budget, **where)  # type: ignore[arg-type]
        assert isinstance(names, LineNames)
        assert (names.item, names.tax_code, names.class_name) == ("Travel", "", "AI practice")
        fixed = replace(hours_budget, model=BillingModel.FIXED_FEE)
        office = replace(line, task="Development")
        by_model = line_names(office, budget=fixed, **where)  # type: ignore[arg-type]
        assert isinstance(by_model, LineNames)
        assert by_model.item == "Fixed fee"
        own = replace(hours_budget, item="Workshop")
        by_budget = line_names(line, budget=own, **where)  # type: ignore[arg-type]
        assert isinstance(by_budget, LineNames)
        assert by_budget.item == "Workshop"
        top = document_names(
            document,
            projects=[where["project"]],  # type: ignore[list-item]
            client=client,
            workspace=workspace,
        )
        assert not isinstance(top, Held)
        assert (top.customer, top.terms, top.department, top.sub_customer) == (
            "Acme Corporation",
            "Due on Receipt",
            "Berlin",
            "",
        )
        assert top.memo == "Acme website, 2026-03-01 to 2026-03-31. PO-77"
        assert top.link == ""


def test_a_link_has_nothing_in_it_that_an_address_must_not_have(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "workspace"))
    rules = folder / "mappings" / "ledger.yaml"
    link = "https://crm.example/opportunity/{project.code|project.id}?from=ledger"
    rules.write_text(rules.read_text().replace('link: ""', f'link: "{link}"'))
    document, _ = invoice()
    for code, told in (("Ü 7 <A>", "%C3%9C%207%20%3CA%3E"), ("AI-7", "AI-7"), ("", "project_9")):
        where = project("project_9", "Build", ACME, code=code)
        names = document_names(document, projects=[where], client=ACME, workspace=load(folder))
        assert not isinstance(names, Held)
        assert names.link == f"https://crm.example/opportunity/{told}?from=ledger"


def invoice() -> tuple[Document, Line]:
    line = Line(
        id="L001",
        kind=LineKind.TIME,
        budget_id="b",
        description="Travel",
        quantity=Decimal(1),
        rate=Decimal("90.00"),
        amount=Money.of("90.00", "USD"),
        project_id="p1",
        task="Travel",
    )
    document = Document(
        id="doc_1",
        kind=DocumentKind.INVOICE,
        number="",
        client_id=ACME.id,
        currency="USD",
        issue_date=date(2026, 4, 1),
        due_date=None,
        period_from=date(2026, 3, 1),
        period_to=date(2026, 3, 31),
        sections=(Section(project_id="p1", budget_id="b", title="Hours", lines=(line,)),),
        terms="Due on receipt",
    )
    return document, line


DEAL_1 = Deal(
    id="deal_1",
    source=SourceRef("crm", "deals", "006A"),
    name="Acme website",
    client="Acme Corp",
    client_ref="001A",
    amount=None,
    currency=None,
    is_won=True,
    is_closed=True,
)


def test_records_have_the_fields_that_rules_may_ask_for(workspace: Workspace) -> None:
    document, line = invoice()
    budget = Budget(id="b", name="Hours", model=BillingModel.TIME_AND_MATERIALS)
    entry = record_of.entry_record(hours(), person="", role="", task="")
    assert tuple(record_of.deal_record(DEAL_1)) == (*DEAL, "lines")
    assert tuple(record_of.deal_line_record(DealLine(id="1", name=""))) == DEAL_LINE
    assert tuple(entry) == ENTRY
    assert tuple(record_of.line_record(line, budget)) == LINE
    assert tuple(record_of.document_record(document)) == DOCUMENT_RECORDS["document"]
    assert tuple(record_of.project_record([])) == DOCUMENT_RECORDS["project"]
    assert tuple(record_of.client_record(ACME, workspace.firm)) == DOCUMENT_RECORDS["client"]
    assert tuple(record_of.firm_record(workspace.firm)) == FIRM
