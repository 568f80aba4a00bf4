"""Won deals become projects, or say why not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from tieout.config import Workspace, load_workspace
from tieout.mapping import (
    Held,
    Ignored,
    MappedProject,
    explain,
    preview,
    project_of,
)
from tieout.model.document import HoldReason
from tieout.model.ids import SourceRef
from tieout.model.party import Address, Contact
from tieout.model.project import BillingModel, Deal, DealLine, GroupKey

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


def edited(tmp_path: Path, file: str, *changes: tuple[str, str]) -> Workspace:
    folder = tmp_path / f"edited-{len(list(tmp_path.iterdir()))}"
    shutil.copytree(EXAMPLE, folder)
    path = folder / "mappings" / file
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return load(folder)


def won(**changes: object) -> Deal:
    deal = Deal(
        id="deal_1",
        source=SourceRef("crm", "deals", "006A"),
        name="Acme website",
        client="Acme Corp",
        client_ref="001A",
        amount=Decimal("10000.00"),
        currency=None,
        is_won=True,
        is_closed=True,
        close_date=date(2026, 3, 1),
        client_address=Address(country="US"),
        contacts=(Contact(name="Ann", email="ann@acme.example", is_primary=True),),
        fields={"PO_Number__c": "PO-77", "Project_Code__c": "AC-1"},
    )
    return replace(deal, **changes)  # type: ignore[arg-type]


def sold(number: int, code: str, total: str | None) -> DealLine:
    amount = None if total is None else Decimal(total)
    return DealLine(id=f"00k{number}", name=f"Part {number}", product_code=code, total=amount)


def mapped(deal: Deal, workspace: Workspace) -> MappedProject:
    result = project_of(deal, workspace)
    assert isinstance(result, MappedProject), result
    return result


def held(deal: Deal, workspace: Workspace) -> tuple[str, ...]:
    result = project_of(deal, workspace)
    assert isinstance(result, Held), result
    assert result.subject == deal.id
    assert result.reason is HoldReason.UNMAPPED
    return result.problems


class TestDeals:
    def test_a_plain_deal_is_billed_by_the_hour(self, workspace: Workspace) -> None:
        result = mapped(won(), workspace)
        assert result.rule == "Time and materials"
        assert result.client.name == "Acme Corp"
        assert result.client.email == "ann@acme.example"
        assert result.project.currency == "USD"  # the CRM has one currency: the firm's
        assert result.project.starts_on == date(2026, 3, 1)
        (budget,) = result.project.budgets
        assert (budget.name, budget.model, budget.rate_card, budget.amount) == (
            "Hours",
            BillingModel.TIME_AND_MATERIALS,
            "Standard",
            None,
        )

    def test_each_fixed_line_is_a_budget_with_its_instalments(self, workspace: Workspace) -> None:
        deal = won(lines=(sold(1, "FIX-A", "6000.00"), sold(2, "TM-1", "4000.00")))
        project = mapped(deal, workspace).project
        fixed, hours = project.budgets
        assert (fixed.name, fixed.amount, fixed.item) == ("Part 1", Decimal("6000.00"), "Fixed fee")
        assert [(part.on, part.percent) for part in fixed.instalments] == [
            (date(2026, 3, 1), 50),
            (date(2026, 4, 30), 50),
        ]
        assert (hours.time_rounding_minutes, hours.group_by) == (
            15,
            (GroupKey.TASK, GroupKey.PERSON),
        )
        assert (project.code, project.po_number) == ("AC-1", "PO-77")

    def test_the_contract_value_must_be_the_sum_of_the_lines(
        self, workspace: Workspace, tmp_path: Path
    ) -> None:
        deal = won(lines=(sold(1, "FIX-A", "6000.00"), sold(2, "TM-1", "3000.00")))
        assert held(deal, workspace) == (
            "contract value: the deal says 10000.00, its lines add up to 9000.00 (difference"
            " 1000.00); correct the deal, or set `contract_value: may_differ`",
        )
        tolerant = edited(tmp_path, "deals.yaml", (": must_agree\n", ": may_differ\n"))
        assert any(step.field == "contract value" for step in mapped(deal, tolerant).trail)

    def test_internal_and_open_deals_make_nothing(self, workspace: Workspace) -> None:
        internal = project_of(won(client="Northwind Consulting"), workspace)
        assert isinstance(internal, Ignored)
        assert internal.because == "rule 'Internal'"
        assert internal.origin.startswith("mappings/deals.yaml:")
        assert project_of(won(is_won=False), workspace) == Ignored(
            subject="deal_1", because="the deal is not won"
        )

    def test_deals_of_another_crm_are_left_alone(self, workspace: Workspace) -> None:
        other = project_of(won(source=SourceRef("crm2", "deals", "006A")), workspace)
        assert isinstance(other, Ignored)
        assert other.because == "the rules read only 'crm'"

    def test_a_deal_no_rule_takes_is_held(self, tmp_path: Path) -> None:
        strict = edited(
            tmp_path,
            "deals.yaml",
            ("  - name: Time and materials\n    when: deal.is_won\n",
             '  - name: Time and materials\n    when: deal.owner == "Lee"\n'),
        )  # fmt: skip
        assert held(won(), strict) == (
            "no rule of mappings/deals.yaml takes this deal; add one, or one with `ignore: true`",
        )

    def test_every_problem_of_a_deal_at_once(self, workspace: Workspace) -> None:
        deal = won(client="", currency="EURO", lines=(sold(1, "FIX-A", None),), close_date=None)
        found = held(deal, workspace)
        assert found[:3] == (
            "the deal has no client",
            "client.currency: unknown currency 'EURO'",
            "project.currency: unknown currency 'EURO'",
        )
        assert any("line.total is empty" in text for text in found)
        assert any("no start date to count from" in text for text in found)

    def test_a_fee_in_fractions_of_a_cent_is_held(self, workspace: Workspace) -> None:
        deal = won(amount=None, lines=(sold(1, "FIX-A", "100.005"),))
        (problem,) = held(deal, workspace)
        assert "100.005 USD has more decimals than the currency" in problem

    def test_a_line_without_a_home_is_held(self, tmp_path: Path) -> None:
        only_fixed = edited(
            tmp_path,
            "deals.yaml",
            ("      - name: Hours\n", '      - name: "H {line.name}"\n        for_each: line\n'
             '        when: line.product_code == "HOURS"\n'),
        )  # fmt: skip
        deal = won(amount=None, lines=(sold(1, "FIX-A", "5.00"), sold(2, "TRAINING", "5.00")))
        assert held(deal, only_fixed) == ("the line 'Part 2' falls into no budget",)

    def test_a_line_with_two_homes_is_held(self, tmp_path: Path) -> None:
        twice = edited(
            tmp_path,
            "deals.yaml",
            ("      - name: Hours\n", '      - name: "H {line.name}"\n        for_each: line\n'),
        )
        deal = won(amount=None, lines=(sold(1, "FIX-A", "5.00"),))
        (problem,) = held(deal, twice)
        assert problem.startswith("the line 'Part 1' falls into two budgets: mappings/deals.yaml:")

    def test_a_missing_field_names_the_nearest(self, tmp_path: Path) -> None:
        rules = edited(
            tmp_path, "deals.yaml", ("    when: deal.is_won\n    budgets", "    when: deal.is_won"
            "\n    project: {po_number: '{deal.fields.PO_Numbr__c}'}\n    budgets")
        )  # fmt: skip
        (problem,) = held(won(), rules)
        assert problem.startswith(
            "project.po_number: the deal has no field 'PO_Numbr__c'; did you mean 'PO_Number__c'?"
        )

    def test_a_rule_that_breaks_does_not_pass_the_deal_on(self, tmp_path: Path) -> None:
        rules = edited(
            tmp_path,
            "deals.yaml",
            ('deal.client == "Northwind Consulting"', "deal.fields.Internal"),
        )
        (problem,) = held(won(), rules)
        assert problem.startswith("the condition at mappings/deals.yaml:")
        assert "there is no field 'Internal'" in problem

    def test_a_rate_card_named_by_the_deal_must_exist(self, tmp_path: Path) -> None:
        rules = edited(
            tmp_path, "deals.yaml", ("rate_card: Standard", 'rate_card: "{deal.fields.Card?}"')
        )
        deal = won(lines=(sold(1, "FIX-A", "10000.00"),), fields={"Card": "Nearshor"})
        (problem,) = held(deal, rules)
        assert "unknown rate card 'Nearshor'; did you mean 'Nearshore'?" in problem

    def test_the_trail_says_which_line_gave_each_value(self, workspace: Workspace) -> None:
        result = mapped(won(), workspace)
        steps = {step.field: step for step in result.trail}
        card = steps["budgets[Hours].rate_card"]
        file, line = card.origin.split(":")
        text = (EXAMPLE / file).read_text().splitlines()[int(line) - 1]
        assert text.strip() == "rate_card: Standard"
        assert "client.email = ann@acme.example  <- the deal's primary contact" in explain(
            result.trail
        )

    @given(
        amount=st.none() | st.decimals(0, 10**9, places=2),
        codes=st.lists(st.sampled_from(["FIX-A", "FIX-B", "TM"]), max_size=4),
        name=st.text(max_size=20),
        currency=st.sampled_from([None, "USD", "EUR", "???"]),
    )
    def test_mapping_is_deterministic(
        self, amount: Decimal | None, codes: list[str], name: str, currency: str | None
    ) -> None:
        lines = tuple(sold(index, code, "10.00") for index, code in enumerate(codes))
        deal = won(amount=amount, lines=lines, name=name, currency=currency)
        first = project_of(deal, EXAMPLE_WORKSPACE)
        assert first == project_of(replace(deal, fields=dict(deal.fields)), EXAMPLE_WORKSPACE)
        if isinstance(first, MappedProject):
            ids = [budget.id for budget in first.project.budgets]
            assert len(set(ids)) == len(ids)
            renamed = project_of(replace(deal, name="Another name"), EXAMPLE_WORKSPACE)
            assert isinstance(renamed, MappedProject)
            assert renamed.project.id == first.project.id
            assert [budget.id for budget in renamed.project.budgets] == ids


def test_preview_shows_what_edited_rules_would_change(workspace: Workspace, tmp_path: Path) -> None:
    new = edited(
        tmp_path,
        "deals.yaml",
        (
            "    when: deal.is_won\n    budgets",
            "    when: deal.is_won\n    project: {terms: Net 45}\n    budgets",
        ),
    )
    same = won(id="deal_2", client="Northwind Consulting")
    (change,) = preview([won(), same], workspace, new)
    assert (change.deal_id, change.field, change.before, change.after) == (
        "deal_1",
        "project.terms",
        "",
        "Net 45",
    )
    assert change.origin.startswith("mappings/deals.yaml:")
    assert preview([won(), same], workspace, workspace) == ()
