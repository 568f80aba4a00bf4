"""What is on a document, and what each ledger makes of it: names, numbers, many lines, taxes."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.scenarios.books import (
    assert_each_once,
    cents,
    classes,
    customers,
    in_the_ledger,
    push_until_settled,
    ready_to_push,
    reconciled,
)
from tests.scenarios.firm import FEBRUARY, opened, small_firm
from tests.scenarios.taxed import taxed_firm, with_lines
from tieout.connectors.base import Family
from tieout.connectors.registry import connectors
from tieout.store import documents

LEDGERS = sorted(slug for slug, one in connectors().items() if one.family is Family.LEDGER)
#: Where its customers are made.
CUSTOMERS = {"quickbooks": "/customer", "xero": "/Contacts", "netsuite": "/customer"}


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# -- names ----------------------------------------------------------------------------------
NAME = "O'Hara & Söhne: West 🚀"
#: A colon separates levels in QuickBooks, so there it is written as a dash.
WRITTEN = {"quickbooks": "O'Hara & Söhne - West 🚀"}


def test_a_name_with_an_apostrophe_a_colon_and_a_rocket_is_one_customer(
    ledger: str, tmp_path: Path
) -> None:
    """Made, its answer lost, found again by that name, and used again next month."""
    with small_firm(tmp_path, people=3, projects=2, ledger=ledger) as firm:
        new = next(one for one in firm.facts.clients if one not in firm.facts.known_customers)
        org, time, side = (
            firm.world.salesforce.org, firm.world.harvest.account, firm.world.ledger,
        )  # fmt: skip
        account = next(row for row in org.records("Account") if row["Name"] == new)
        org.update("Account", account["Id"], {"Name": NAME})
        (client_id,) = (number for number, row in time.clients.items() if row["name"] == new)
        time.change("clients", client_id, name=NAME)
        ready_to_push(firm)
        for method in ("POST", "PUT"):
            side.vendor.faults.add("lost_answer", method=method, path=CUSTOMERS[ledger])
        push_until_settled(firm)
        ready_to_push(firm, FEBRUARY)
        push_until_settled(firm)
        assert customers(firm).count(WRITTEN.get(ledger, NAME)) == 1
        assert len(customers(firm)) == 2
        assert_each_once(firm)
        assert reconciled(firm).comparison.discrepancies == ()


# -- numbers --------------------------------------------------------------------------------
def test_a_number_of_21_characters_arrives_whole(ledger: str, tmp_path: Path) -> None:
    """The longest that a workspace takes, because one of the ledgers cuts or refuses more."""
    with small_firm(tmp_path, people=3, projects=1, ledger=ledger) as firm:
        root = tmp_path / "tieout.yaml"
        root.write_text(
            f'{root.read_text()}\ninvoices:\n  number: "FERNHILL-{{year}}-{{seq:07}}"\n'
        )
        with opened(tmp_path, firm.world) as engine:
            named = replace(firm, engine=engine)
            ready_to_push(named)
            push_until_settled(named)
            ((number, _),) = in_the_ledger(named)
            assert (number, len(number)) == ("FERNHILL-2026-0000001", 21)
            assert reconciled(named).comparison.discrepancies == ()


def test_the_same_number_in_two_companies_is_two_invoices(ledger: str, tmp_path: Path) -> None:
    """A group whose companies number alike: each has its own, and money in one pays the one."""
    with (
        small_firm(tmp_path / "east", people=3, projects=1, ledger=ledger) as east,
        small_firm(tmp_path / "west", people=4, projects=1, ledger=ledger) as west,
    ):
        for company in (east, west):
            ready_to_push(company)
            push_until_settled(company)
        ((number, east_cents),) = in_the_ledger(east)
        ((same, west_cents),) = in_the_ledger(west)
        assert (number, same) == ("INV-2026-0001", "INV-2026-0001")
        assert east_cents != west_cents
        (paid,) = east.world.ledger.invoices()
        east.world.ledger.pay({paid.id: paid.total})
        for company, status in ((east, "paid"), (west, "pushed")):
            company.look_at_the_ledger()
            with company.engine.store.read() as tx:
                document = documents.by_number(tx, number)
            assert document is not None
            assert document.status.value == status
            assert reconciled(company).comparison.discrepancies == ()


# -- money ----------------------------------------------------------------------------------
def test_four_hundred_lines_come_to_the_same_cent(ledger: str, tmp_path: Path) -> None:
    """Hours with four decimals at rates with two, which every ledger multiplies by itself."""
    chance = random.Random(20260302)
    worked = [
        (Decimal(chance.randrange(1, 400_000)).scaleb(-4),
         Decimal(chance.randrange(1, 40_000)).scaleb(-2))
        for _ in range(400)
    ]  # fmt: skip
    with small_firm(tmp_path, people=3, projects=1, ledger=ledger) as firm:
        document = with_lines(firm, worked)
        push_until_settled(firm)
        (there,) = firm.world.ledger.invoices()
        assert [line.amount for line in there.lines] == [
            line.amount.amount for line in document.lines
        ]
        assert there.total == sum(line.amount for line in there.lines) == document.total.amount
        # Both sides have the same invoice; the month's own hours are not on it.
        assert set(classes(reconciled(firm))) == {"R18"}


def test_a_tax_is_the_ledgers_and_both_sides_agree(ledger: str, tmp_path: Path) -> None:
    """25.06, 25.61 and 25.63 at 15 %: 11.44 where each line is rounded, 11.45 on the sum."""
    amounts = [(Decimal(1), Decimal(each)) for each in ("25.06", "25.61", "25.63")]
    with taxed_firm(tmp_path, ledger, "Goods and services", "15") as firm:
        document = with_lines(firm, amounts)
        push_until_settled(firm)
        (there,) = firm.world.ledger.invoices()
        tax = Decimal("11.45") if ledger == "quickbooks" else Decimal("11.44")
        assert document.total.amount == Decimal("76.30")
        assert (there.tax, there.total) == (tax, Decimal("76.30") + tax)
        firm.world.ledger.pay({there.id: there.total})
        firm.look_at_the_ledger()
        assert set(classes(reconciled(firm))) == {"R18"}
        with firm.engine.store.read() as tx:
            settled = documents.get(tx, document.id)
        assert settled is not None
        assert settled.status.value == "paid"
        assert cents(there.total) == 7630 + cents(tax)
