"""Taxes in both modes, on each ledger: the ledger computes, or Tieout does and sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.scenarios.books import push_until_settled, ready_to_push, reconciled, rows
from tests.scenarios.credited import approved_credit, notes, there
from tests.scenarios.desk import Desk
from tests.scenarios.firm import Firm, opened
from tests.scenarios.taxed import (
    CHARGED,
    EXEMPT,
    REDUCED,
    VAT,
    estimated,
    ours,
    taxed_firm,
    with_lines,
)
from tieout.connectors.base import Family
from tieout.connectors.registry import connectors
from tieout.model.discrepancy import Discrepancy
from tieout.model.document import Document
from tieout.sandbox.quickbooks.taxservice import add_code
from tieout.store.outbox import OutboxState
from tieout.sync.correct import correct
from tieout.sync.explain import explain
from tieout.sync.plan import Plan, plan
from tieout.sync.push import push
from tieout.sync.retry import retry_row
from tieout.sync.void import void

LEDGERS = sorted(slug for slug, one in connectors().items() if one.family is Family.LEDGER)
#: 15 % of them: 3.76 + 3.84 + 3.84 where each line is rounded, 11.45 on their sum.
THREE = [(Decimal(1), Decimal(each)) for each in ("25.06", "25.61", "25.63")]
TAX = {"line": Decimal("11.44"), "document": Decimal("11.45")}
#: How each ledger rounds by itself.
THEIRS = {"netsuite": "line", "quickbooks": "document", "xero": "line"}
OTHER = {"line": "document", "document": "line"}


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def differences(firm: Firm) -> list[Discrepancy]:
    """What a reconciliation finds, but for the month's own hours: they are on no invoice here."""
    found = reconciled(firm).comparison
    assert [control.unexplained for control in found.control] == [0] * len(found.control)
    return [one for one in found.discrepancies if one.cls.value != "R18"]


def planned(firm: Firm) -> Plan:
    with firm.engine.store.read() as tx:
        return plan(firm.engine, tx)


def held(firm: Firm) -> list[str]:
    """Why what is held is held."""
    return [row.error_text for row in rows(firm) if row.state is OutboxState.HELD]


# -- Tieout computes --------------------------------------------------------------------
@pytest.mark.parametrize("rounding", ["line", "document"])
def test_the_tax_that_is_sent_is_the_tax_that_stands_there(
    ledger: str, rounding: str, tmp_path: Path
) -> None:
    """Whatever the ledger would have made of it, both sides have ours, and nothing differs."""
    with taxed_firm(tmp_path, ledger, VAT, "15", ours(rounding)) as firm:
        document = with_lines(firm, THREE)
        ahead = planned(firm)
        assert ahead.taxes == "Taxes: Tieout computes them and sends them (taxes.mode is ours)."
        (write,) = [write for write in ahead.writes if write.writer == "invoice"]
        assert str(write.tax) == f"{TAX[rounding]} USD"
        push_until_settled(firm)
        (there,) = firm.world.ledger.invoices()
        assert (there.tax, there.total) == (TAX[rounding], Decimal("76.30") + TAX[rounding])
        firm.world.ledger.pay({there.id: there.total})
        assert differences(firm) == []
        said = {
            "line": "rounded on each line",
            "document": "rounded once for each code",
        }
        assert explain(firm.engine, document.number).taxes == (
            "Taxes: Tieout computes them and sends them (taxes.mode is ours).",
            f"Goods and services, 15 % of 76.30 USD: {TAX[rounding]} USD.",
            f"Ours: {TAX[rounding]} USD, {said[rounding]}.",
            f"In the ledger: {TAX[rounding]} USD.",
        )


RULES = (
    f'\n  rules:\n    - {{ when: line.task == "Travel", use: "{REDUCED}" }}'
    f'\n    - {{ when: line.task == "Postage", use: "{EXEMPT}" }}'
)


def test_several_codes_on_one_document_each_at_its_rate(ledger: str, tmp_path: Path) -> None:
    """76.30 at 15 %, 25.20 at 5 % (1.26), 8.00 at nothing: rounded as the ledger would not."""
    rounding = OTHER[THEIRS[ledger]]
    whole = TAX[rounding] + Decimal("1.26")
    lines = [*THREE, (Decimal(2), Decimal("12.60")), (Decimal(1), Decimal("8.00"))]
    tasks = ("Design", "Design", "Design", "Travel", "Postage")
    with taxed_firm(tmp_path, ledger, VAT, "15", ours(rounding), rules=RULES) as firm:
        document = with_lines(firm, lines, tasks)
        push_until_settled(firm)
        (there,) = firm.world.ledger.invoices()
        assert (there.tax, there.total) == (whole, Decimal("109.50") + whole)
        assert differences(firm) == []
        told = explain(firm.engine, document.number).taxes
        assert told[1:4] == (
            f"Goods and services, 15 % of 76.30 USD: {TAX[rounding]} USD.",
            "Reduced rate, 5 % of 25.20 USD: 1.26 USD.",
            "Zero rated, 0 % of 8.00 USD: 0.00 USD.",
        )


def test_a_credit_note_takes_back_the_very_tax(ledger: str, tmp_path: Path) -> None:
    """Also when the rate has changed in between: the day of the invoice counts."""
    rounding = OTHER[THEIRS[ledger]]
    with taxed_firm(tmp_path, ledger, VAT, "15", ours(rounding)) as firm:
        invoice = with_lines(firm, THREE)
        push_until_settled(firm)
        rules = tmp_path / "mappings" / "ledger.yaml"
        later = "{ from: 2026-03-10, percent: 17 }"
        rules.write_text(rules.read_text().replace("percent: 15 }]", f"percent: 15 }}, {later}]"))
        firm.clock.advance(10 * 86400)
        with opened(tmp_path, firm.world) as engine:
            later_on = replace(firm, engine=engine)
            note = approved_credit(later_on, invoice)
            assert note.issue_date > date(2026, 3, 10)
            push_until_settled(later_on)
            (credit,) = notes(later_on)
            assert (credit.total, credit.tax) == (Decimal("76.30") + TAX[rounding], TAX[rounding])
            assert (credit.balance, there(later_on, invoice).balance) == (0, 0)
            later_on.pull()
            assert differences(later_on) == []


def test_a_part_is_credited_with_its_part_of_the_tax(ledger: str, tmp_path: Path) -> None:
    with taxed_firm(tmp_path, ledger, VAT, "15", ours()) as firm:
        invoice = with_lines(firm, THREE)
        push_until_settled(firm)
        approved_credit(firm, invoice, lines=["L0002"])
        push_until_settled(firm)
        (credit,) = notes(firm)
        assert (credit.tax, credit.total) == (Decimal("3.84"), Decimal("29.45"))
        assert there(firm, invoice).balance == Decimal("58.29")
        assert differences(firm) == []


def test_lines_credited_one_by_one_leave_nothing_open(ledger: str, tmp_path: Path) -> None:
    """The third line bears 3.85 where the tax is rounded once: so much is taken back with it."""
    with taxed_firm(tmp_path, ledger, VAT, "15", ours("document")) as firm:
        invoice = with_lines(firm, THREE)
        push_until_settled(firm)
        numbers = [approved_credit(firm, invoice, lines=[line.id]).number for line in invoice.lines]
        push_until_settled(firm)
        taxes = {credit.number: credit.tax for credit in notes(firm)}
        assert [taxes[number] for number in numbers] == [
            Decimal("3.76"),
            Decimal("3.84"),
            Decimal("3.85"),
        ]
        assert there(firm, invoice).balance == 0
        assert explain(firm.engine, numbers[2]).taxes[1:] == (
            "Goods and services, 15 % of 25.63 USD: 3.85 USD.",
            "Ours: 3.85 USD, rounded once for each code.",
            "In the ledger: 3.85 USD.",
        )
        assert differences(firm) == []


def test_a_corrected_memo_leaves_our_tax_alone(ledger: str, tmp_path: Path) -> None:
    with taxed_firm(tmp_path, ledger, VAT, "15", ours(OTHER[THEIRS[ledger]])) as firm:
        invoice = with_lines(firm, THREE)
        push_until_settled(firm)
        before = there(firm, invoice)
        correct(firm.engine, invoice.number, memo="PO 4711")
        push_until_settled(firm)
        after = there(firm, invoice)
        assert (after.memo, after.tax, after.total) == ("PO 4711", before.tax, before.total)
        assert differences(firm) == []


def test_an_answer_that_is_lost_is_found_with_our_tax(ledger: str, tmp_path: Path) -> None:
    with taxed_firm(tmp_path, ledger, VAT, "15", ours("document")) as firm:
        with_lines(firm, THREE)
        side = firm.world.ledger
        path = side.invoice_calls["invoice"].removeprefix(side.root)
        side.vendor.faults.add("lost_answer", method=side.invoice_method, path=f"/{path}", times=2)
        push_until_settled(firm)
        (found,) = side.invoices()
        assert found.tax == TAX["document"]
        assert differences(firm) == []


def test_another_tax_there_is_never_confirmed_in_silence(tmp_path: Path) -> None:
    """The answer is lost, and somebody changes the tax before we look."""
    with taxed_firm(tmp_path, "quickbooks", VAT, "15", ours()) as firm:
        with_lines(firm, THREE)
        books = firm.world.quickbooks.books
        faults = firm.world.quickbooks.faults
        faults.add("lost_answer", method="POST", path="/invoice")
        faults.add("cut_before", method="GET", path="/query", times=20)
        push(firm.engine)
        faults.clear()
        (invoice,) = firm.world.ledger.invoices()
        told = {"TotalTax": Decimal("11.45"), "TaxLine": []}
        books.edit_invoice(invoice.id, TxnTaxDetail=told)
        firm.clock.advance(200)
        push(firm.engine)
        assert held(firm) == [
            f"Record {invoice.id} in the ledger carries our key but differs: tax 11.44 here, 11.45 "
            "there. Put it right there, then `tieout retry`: it looks again."
        ]
        books.edit_invoice(invoice.id, TxnTaxDetail={**told, "TotalTax": Decimal("11.44")})
        (row,) = [row for row in rows(firm) if row.state is OutboxState.HELD]
        retry_row(firm.engine, row.id)
        push_until_settled(firm)
        assert differences(firm) == []


def test_an_invoice_with_our_tax_is_voided(tmp_path: Path) -> None:
    for ledger in ("quickbooks", "xero"):
        with taxed_firm(tmp_path / ledger, ledger, VAT, "15", ours("document")) as firm:
            invoice = with_lines(firm, THREE)
            push_until_settled(firm)
            void(firm.engine, invoice.number)
            push_until_settled(firm)
            assert there(firm, invoice).voided
            assert differences(firm) == []


# -- what stands in the way -------------------------------------------------------------
def test_a_missing_rate_holds_the_invoice_and_says_what_to_write(tmp_path: Path) -> None:
    """Nothing is sent; once the rate is written, the invoice goes."""
    rules = tmp_path / "mappings" / "ledger.yaml"
    with taxed_firm(tmp_path, "xero", VAT, "15", ours(charged={REDUCED: "5"})) as firm:
        document = with_lines(firm, THREE)
        why = (
            f"{document.number} has the tax code 'Goods and services', and Tieout is to compute "
            f"the taxes: a rate is needed and none is known for {document.issue_date}. Write it "
            'under taxes.rates in mappings/ledger.yaml, as "Goods and services" with `from` and '
            "`percent`; 0 for a code without tax. Nothing is ever sent with a tax that is not "
            "known."
        )
        assert planned(firm).problems == (f"{document.number}: {why}",)
        push(firm.engine)
        assert held(firm) == [why]
        assert firm.world.ledger.invoices() == []
        assert explain(firm.engine, document.number).taxes[1] == (
            f"Ours is not known: taxes.rates has no rate for 'Goods and services' on "
            f"{document.issue_date}."
        )
    rules.write_text(rules.read_text().replace(f'"{REDUCED}": [', f'"{VAT}": ['))
    rules.write_text(rules.read_text().replace("percent: 5 ", "percent: 15 "))
    with opened(tmp_path, firm.world) as engine:
        again = replace(firm, engine=engine)
        (row,) = [row for row in rows(again) if row.state is OutboxState.HELD]
        retry_row(engine, row.id)
        push_until_settled(again)
        (found,) = firm.world.ledger.invoices()
        assert found.tax == TAX["line"]


def test_a_rate_before_its_first_day_is_not_known(tmp_path: Path) -> None:
    taxes = ours().replace("from: 2020-01-01", "from: 2026-03-01")
    with taxed_firm(tmp_path, "xero", VAT, "15", taxes) as firm:
        document = with_lines(firm, THREE)
        assert document.issue_date < date(2026, 3, 1)
        (problem,) = planned(firm).problems
        assert f"none is known for {document.issue_date}" in problem


def test_a_line_without_a_code_is_not_guessed(tmp_path: Path) -> None:
    with taxed_firm(tmp_path, "xero", "", "15", ours()) as firm:
        document = with_lines(firm, THREE)
        number = document.number
        assert planned(firm).problems == (
            f"{number}: {number} has a line without a tax code, and Tieout is to compute the "
            "taxes: give each line one under tax_codes in mappings/ledger.yaml, also what bears no "
            "tax.",
        )


#: By what a workspace says: why its ledger takes no taxes of ours.
REFUSED = {
    "quickbooks": (
        "QuickBooks works out the sales tax of a company in the United States by itself, from the "
        "address. Write `mode: ledger` under taxes in mappings/ledger.yaml."
    ),
    "legacy_code": (
        "NetSuite takes our taxes only with SuiteTax, where tax of the connection is "
        "suitetax_override: it is legacy_code. Change that in tieout.yaml, or write `mode: "
        "ledger` under taxes in mappings/ledger.yaml."
    ),
    "suitetax_override": (
        "NetSuite asks for the type of our taxes: give its internal id in tax_type_id of the "
        "connection (in NetSuite: Setup > Tax > Tax Types)."
    ),
}


@pytest.mark.parametrize("refuses", REFUSED)
def test_a_ledger_that_takes_no_taxes_of_ours_is_told_none(refuses: str, tmp_path: Path) -> None:
    ledger = "quickbooks" if refuses == "quickbooks" else "netsuite"
    code = "TAX" if ledger == "quickbooks" else VAT
    charged = {**CHARGED, "TAX": "15"}
    with taxed_firm(tmp_path, ledger, code, "15", ours(charged=charged), country="US") as firm:
        root = tmp_path / "tieout.yaml"
        root.write_text(
            root.read_text()
            .replace("tax: suitetax_override", f"tax: {refuses}")
            .replace('      tax_type_id: "2"\n', "")
        )
        with opened(tmp_path, firm.world) as engine:
            there = replace(firm, engine=engine)
            document = with_lines(there, THREE)
            push(engine)
            assert held(there) == [f"{document.number}: {REFUSED[refuses]}"]
            assert firm.world.ledger.invoices() == []


def test_a_code_of_two_rates_is_told_to_quickbooks_part_by_part(tmp_path: Path) -> None:
    """Canada's federal and provincial tax: held until the parts are written, in that order."""
    charged = {**CHARGED, "Both": "15"}
    rules = tmp_path / "mappings" / "ledger.yaml"
    with taxed_firm(tmp_path, "quickbooks", VAT, "5", ours(charged=charged)) as firm:
        books = firm.world.quickbooks.books
        agency = {"value": next(books.rows("TaxAgency"))["Id"]}
        values = {"Name": "Province", "RateValue": Decimal(10), "AgencyRef": agency}
        federal = next(row for row in books.rows("TaxRate") if row["Name"] == VAT)
        add_code(books, "Both", [federal, books.create("TaxRate", values)])
        rules.write_text(rules.read_text().replace(f'default: "{VAT}"', 'default: "Both"'))
        with opened(tmp_path, firm.world) as engine:
            there = replace(firm, engine=engine)
            with_lines(there, THREE)
            push(engine)
            assert held(there) == [
                "the tax code 'Both' is made of 2 rates on sales in QuickBooks, and of 1 in "
                "mappings/ledger.yaml: give their percents there, in QuickBooks' order, as its "
                "`parts`. If its rates changed, `tieout pullback --full` reads them"
            ]
        last = '"Both": [{ from: 2020-01-01, percent: 15'
        rules.write_text(rules.read_text().replace(last, f"{last}, parts: [5, 10]"))
        with opened(tmp_path, firm.world) as engine:
            there = replace(firm, engine=engine)
            (row,) = [row for row in rows(there) if row.state is OutboxState.HELD]
            retry_row(engine, row.id)
            push_until_settled(there)
            (invoice,) = books.rows("Invoice")
            # 1.25 + 1.28 + 1.28, and 2.51 + 2.56 + 2.56.
            told = [line["Amount"] for line in invoice["TxnTaxDetail"]["TaxLine"]]
            assert told == [Decimal("3.81"), Decimal("7.63")]
            assert invoice["TxnTaxDetail"]["TotalTax"] == Decimal("11.44")
            assert differences(there) == []


# -- the ledger computes ----------------------------------------------------------------
def invoiced(firm: Firm) -> Document:
    document = with_lines(firm, THREE)
    assert planned(firm).taxes == "Taxes: the ledger computes them (taxes.mode is ledger)."
    push_until_settled(firm)
    return document


def test_an_estimate_that_agrees_says_nothing(ledger: str, tmp_path: Path) -> None:
    with taxed_firm(tmp_path, ledger, VAT, "15", estimated(THEIRS[ledger])) as firm:
        document = invoiced(firm)
        assert differences(firm) == []
        theirs = TAX[THEIRS[ledger]]
        told = explain(firm.engine, document.number).taxes
        assert (told[0], told[1], told[3]) == (
            "Taxes: the ledger computes them (taxes.mode is ledger).",
            f"Goods and services, 15 % of 76.30 USD: {theirs} USD.",
            f"In the ledger: {theirs} USD.",
        )
        assert told[2].startswith(f"Our estimate: {theirs} USD, rounded ")


def test_without_rates_there_is_no_estimate(tmp_path: Path) -> None:
    with taxed_firm(tmp_path, "xero", VAT, "15") as firm:
        document = invoiced(firm)
        assert differences(firm) == []
        assert explain(firm.engine, document.number).taxes == (
            "Taxes: the ledger computes them (taxes.mode is ledger).",
            "In the ledger: 11.44 USD.",
        )


def test_an_estimate_that_differs_by_a_cent_is_named_once(ledger: str, tmp_path: Path) -> None:
    """11.44 against 11.45, with the code and the rounding; carried on, not listed anew."""
    rounding = OTHER[THEIRS[ledger]]
    mine, theirs = TAX[rounding], TAX[THEIRS[ledger]]
    said = "on each line" if rounding == "line" else "once for each code"
    with taxed_firm(tmp_path, ledger, VAT, "15", estimated(rounding)) as firm:
        document = invoiced(firm)
        (named,) = differences(firm)
        assert (named.cls.value, named.ours, named.theirs) == (
            "R06",
            f"{mine} USD",
            f"{theirs} USD",
        )
        assert named.amount == mine - theirs
        assert named.title.startswith(f"{document.number} for ")
        assert named.explanation == (
            f"The ledger computes the tax; ours is an estimate, rounded {said}. Goods and "
            f"services, 15 % of 76.30 USD: {mine} USD."
        )
        assert named.what_to_do == (
            "Compare the rates in the ledger with taxes.rates in mappings/ledger.yaml. If only "
            "the rounding differs, set taxes.rounding as the ledger does it, or "
            "policies.tolerance."
        )
        assert named.needs_action
        again = reconciled(firm).report
        assert not again.aged[named.id].is_new


def test_within_the_tolerance_it_is_listed_and_needs_no_action(tmp_path: Path) -> None:
    with taxed_firm(tmp_path, "quickbooks", VAT, "15", estimated("line")) as firm:
        invoiced(firm)
        root = tmp_path / "tieout.yaml"
        text = root.read_text()
        root.write_text(text.replace("policies:\n", 'policies:\n  tolerance: "0.01"\n'))
        with opened(tmp_path, firm.world) as engine:
            (named,) = differences(replace(firm, engine=engine))
            assert not named.needs_action
            assert named.what_to_do == "Nothing: it is within the tolerance of 0.01 USD."


# -- at the terminal --------------------------------------------------------------------
def test_the_plan_and_the_explanation_show_the_tax(tmp_path: Path) -> None:
    with taxed_firm(tmp_path, "xero", VAT, "15", ours()) as firm:
        number = with_lines(firm, THREE).number
    desk = Desk(tmp_path, firm.world, firm.clock)
    said = desk("plan").stdout
    assert "Total before tax" in said
    row = next(line for line in said.splitlines() if number in line)
    assert row.split()[-4:] == ["76.30", "USD", "11.44", "USD"]
    assert "Taxes: Tieout computes them and sends them (taxes.mode is ours).\n" in said
    told = desk.json("plan")
    assert told["writes"][-1]["tax"] == {"amount": "11.44", "currency": "USD"}
    assert (
        "Tax\n"
        "  Taxes: Tieout computes them and sends them (taxes.mode is ours).\n"
        "  Goods and services, 15 % of 76.30 USD: 11.44 USD.\n"
        "  Ours: 11.44 USD, rounded on each line.\n"
        "Line 1: "
    ) in desk(f"explain {number}").stdout


def test_what_is_within_the_tolerance_ends_a_reconciliation_well(tmp_path: Path) -> None:
    """Listed it is; a step that ends with problems wakes somebody, and this does not."""
    rates = estimated(charged={VAT: "14"})
    with taxed_firm(tmp_path, "xero", VAT, "15", rates) as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        firm.look_at_the_ledger()
    desk = Desk(tmp_path, firm.world, firm.clock)
    (listed,) = desk.json("reconcile", code=1)["discrepancies"]
    assert listed["class"] == "R06"
    root = tmp_path / "tieout.yaml"
    root.write_text(root.read_text().replace("policies:\n", "policies:\n  tolerance: 100000\n"))
    (listed,) = desk.json("reconcile")["discrepancies"]
    assert listed["what_to_do"].startswith("Nothing: it is within the tolerance of 100000")
