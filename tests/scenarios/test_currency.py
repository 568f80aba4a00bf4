"""An invoice in another currency than the books': at a rate somebody wrote down, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.scenarios.books import push_until_settled, ready_to_push, reconciled, rows, statuses
from tests.scenarios.firm import START, Firm, hosts, opened, small_firm
from tieout.clock import VirtualClock
from tieout.connectors.base import Family
from tieout.connectors.registry import connectors
from tieout.model.document import Document
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import write_workspace
from tieout.sandbox.ledgers import Invoice
from tieout.sandbox.world import World
from tieout.store import projects
from tieout.sync.approve import approve
from tieout.sync.credit import credit
from tieout.sync.plan import plan
from tieout.sync.push import push

RATES = """
exchange_rates:
  USD:
    - { from: 2025-07-01, rate: "0.95" }
    - { from: 2026-01-15, rate: "0.92" }
    - { from: 2026-02-20, rate: "0.90" }
"""
#: Of the two clients, the one that is a customer already; the books keep it in euro.
KNOWN, NEW = "Alder Health", "Birch & Bay Foods"


LEDGERS = sorted(slug for slug, one in connectors().items() if one.family is Family.LEDGER)


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def euro_books(folder: Path, rules: str = "", ledger: str = "quickbooks") -> Iterator[Firm]:
    """A firm that bills dollars and keeps its books in euro."""
    clock = VirtualClock(START)
    world = World(clock, preset="empty", vendors=("salesforce", "harvest", ledger))
    world.ledger.keep_in("EUR", {"USD": Decimal("0.91")})
    facts = demo_firm(world, people=3, projects=2)
    assert facts.clients == (KNOWN, NEW)
    write_workspace(folder, hosts(world), facts.rates, facts.instalment_days)
    with (folder / "mappings" / "ledger.yaml").open("a", encoding="utf-8") as text:
        text.write(rules)
    with opened(folder, world) as engine:
        yield Firm(engine=engine, world=world, facts=facts, clock=clock, folder=folder)


def held(firm: Firm) -> list[str]:
    return sorted(
        row.error_text for row in rows(firm) if (row.writer, row.state.value) == ("invoice", "held")
    )


def invoices(firm: Firm) -> list[tuple[str, str, Decimal]]:
    """(customer, currency, rate) of each invoice over there."""
    return of_customers(firm, firm.world.ledger.invoices())


def of_customers(firm: Firm, found: list[Invoice]) -> list[tuple[str, str, Decimal]]:
    names = firm.world.ledger.customers()
    return [(names[each.customer_id], each.currency, each.rate) for each in found]


def test_without_a_rate_nothing_is_sent(ledger: str, tmp_path: Path) -> None:
    with euro_books(tmp_path, ledger=ledger) as firm:
        documents = ready_to_push(firm)
        assert {document.currency for document in documents} == {"USD"}
        push(firm.engine)
        assert held(firm) == [
            f"{document.number} is in USD and the books in EUR: an exchange rate is needed and "
            f"none is known for {document.issue_date}. Write it under exchange_rates.USD in "
            "mappings/ledger.yaml. Nothing is ever sent at a rate of 1."
            for document in documents
        ]
        assert invoices(firm) == []


#: The rates, and which of the customers there is kept in dollars.
RULES = f"{RATES}\ncustomers:\n  names: {{ {KNOWN}: {KNOWN} USD }}\n"


def test_the_rate_of_the_issue_date_is_sent_and_both_sides_agree(
    ledger: str, tmp_path: Path
) -> None:
    with euro_books(tmp_path, RULES, ledger) as firm:
        side = firm.world.ledger
        side.add_customer(f"{KNOWN} USD", "", "USD")
        documents = ready_to_push(firm)
        assert {str(document.issue_date) for document in documents} == {"2026-01-31"}
        push_until_settled(firm)
        assert sorted(invoices(firm)) == [
            (f"{KNOWN} USD", "USD", Decimal("0.92")),
            (NEW, "USD", Decimal("0.92")),
        ]
        assert reconciled(firm).comparison.discrepancies == ()
        side.pay({each.id: each.total for each in side.invoices()[:1]})
        firm.look_at_the_ledger()
        assert sorted(statuses(firm).values()) == ["paid", "pushed"], "dollars pay for dollars"
        assert reconciled(firm).comparison.discrepancies == ()


def test_quickbooks_books_the_rates_worth(tmp_path: Path) -> None:
    with euro_books(tmp_path, RULES) as firm:
        books = firm.world.quickbooks.books
        firm.world.ledger.add_customer(f"{KNOWN} USD", "", "USD")
        documents = ready_to_push(firm)
        push_until_settled(firm)
        home = {row["DocNumber"]: row["HomeTotalAmt"] for row in books.rows("Invoice")}
        assert home == {
            document.number: (document.total.amount * Decimal("0.92")).quantize(Decimal("0.01"))
            for document in documents
        }


def test_a_credit_note_goes_out_at_the_rate_of_its_own_day(ledger: str, tmp_path: Path) -> None:
    with euro_books(tmp_path, RULES, ledger) as firm:
        firm.world.ledger.add_customer(f"{KNOWN} USD", "", "USD")
        invoice, _ = ready_to_push(firm)
        push_until_settled(firm)
        note = credit(firm.engine, invoice.number, reason="wrong project")
        approve(firm.engine, [note.id])
        push_until_settled(firm)
        (memo,) = firm.world.ledger.credits()
        assert (str(note.issue_date), memo.currency) == ("2026-03-02", "USD")
        assert (memo.rate, memo.total) == (Decimal("0.90"), invoice.total.amount)
        assert reconciled(firm).comparison.discrepancies == ()


def test_a_customer_kept_in_another_currency_gets_no_invoice(tmp_path: Path) -> None:
    with euro_books(tmp_path, RATES) as firm:
        documents = {client_of(firm, one): one for one in ready_to_push(firm)}
        number = documents[KNOWN].number
        why = (
            f"{number} is in USD, and the customer {KNOWN} is kept in EUR in the ledger, which "
            f"cannot be changed. Make a customer in USD there, pull, and give its name under "
            "customers.names in mappings/ledger.yaml."
        )
        with firm.engine.store.read() as tx:
            planned = plan(firm.engine, tx)
        assert planned.problems == (f"{number}: {why}",)
        push(firm.engine)
        assert held(firm) == [why]
        assert invoices(firm) == [(NEW, "USD", Decimal("0.92"))]


def test_where_a_currency_is_only_a_customers_habit_another_one_is_no_obstacle(
    tmp_path: Path,
) -> None:
    with small_firm(tmp_path, people=3, projects=1, ledger="xero") as firm:
        books, (known,) = firm.world.xero.books, firm.world.ledger.customers()
        books.add_currency("EUR", "0.92")
        books.edit_contact(known, DefaultCurrency="EUR")
        (document,) = ready_to_push(firm)
        push_until_settled(firm)
        (there,) = books.rows("Invoices")
        assert (document.currency, there["CurrencyCode"]) == ("USD", "USD")
        assert there["_contact"] == known


def client_of(firm: Firm, document: Document) -> str:
    with firm.engine.store.read() as tx:
        client = projects.get_client(tx, document.client_id)
    assert client is not None
    return client.name
