"""Each project is a sub-customer below its client, and its invoices go to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.books import (
    assert_each_once,
    cents,
    classes,
    code_of,
    issued,
    push_until_settled,
    ready_to_push,
    reconciled,
    written,
)
from tests.scenarios.firm import FEBRUARY, JANUARY, Firm, small_firm
from tieout.connectors.base import CUSTOMER, INVOICE, PROJECT
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.plan import Plan, plan
from tieout.sync.push import push

#: A sub-customer is being made: no other call carries both words.
SUB_CUSTOMER = {"path": "/customer", "body": "ParentRef"}


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, sub_customers=True) as made:
        yield made


def planned(firm: Firm) -> Plan:
    with firm.engine.store.read() as tx:
        return plan(firm.engine, tx)


def names(found: Plan, writer: str) -> list[str]:
    return [write.name for write in found.writes if write.writer == writer]


def sub_customer(client: str, project: str) -> str:
    """What a project is called there: names are unique over all customers of a company."""
    return f"{client} - {project}"


def billed_projects(firm: Firm) -> dict[str, str]:
    """The sub-customer's name by the number of the invoice that must go to it."""
    known = {project.code: project for project in firm.facts.projects}
    found = {}
    for document in issued(firm):
        project = known[code_of(firm, document)]
        found[document.number] = sub_customer(project.client, project.name)
    return found


def parents(firm: Firm) -> dict[str, str]:
    """Over there: a customer's name by the name of each sub-customer below it."""
    rows = {row["Id"]: row for row in firm.world.quickbooks.books.rows("Customer")}
    return {
        row["DisplayName"]: rows[row["ParentRef"]["value"]]["DisplayName"]
        for row in rows.values()
        if "ParentRef" in row
    }


def payers(firm: Firm) -> dict[str, str]:
    """Over there: the name of the customer that each invoice is made out to."""
    books = firm.world.quickbooks.books
    rows: list[dict[str, Any]] = books.live("Invoice")
    called = {row["Id"]: row["DisplayName"] for row in books.rows("Customer")}
    return {row["DocNumber"]: called[row["CustomerRef"]["value"]] for row in rows}


def test_the_plan_lists_customers_then_sub_customers_then_invoices(firm: Firm) -> None:
    ready_to_push(firm)
    found = planned(firm)
    assert found.problems == ()
    order = [CUSTOMER, PROJECT, INVOICE]
    writers = [write.writer for write in found.writes]
    assert writers == sorted(writers, key=order.index)
    assert set(writers) == set(order)
    clients = {project.client for project in firm.facts.projects}
    new = clients - set(firm.facts.known_customers)
    assert sorted(names(found, CUSTOMER)) == sorted(new)
    assert {link.client for link in found.links} == clients & set(firm.facts.known_customers)
    assert sorted(names(found, PROJECT)) == sorted(billed_projects(firm).values())
    assert sorted(names(found, INVOICE)) == [document.number for document in issued(firm)]


def test_a_push_makes_exactly_the_plan_each_below_its_own(firm: Firm) -> None:
    ready_to_push(firm)
    found = planned(firm)
    before = len(firm.world.quickbooks.write_calls)
    push_until_settled(firm)
    calls = firm.world.quickbooks.write_calls[before:]
    assert len(calls) == found.calls
    sent = [name for _, name in written(firm, calls)]
    for writer in (CUSTOMER, PROJECT, INVOICE):
        wanted = names(found, writer)
        now, sent = sent[: len(wanted)], sent[len(wanted) :]
        assert sorted(now) == sorted(wanted), f"each {writer}, before what needs it"
    assert sent == []
    known = {sub_customer(p.client, p.name): p.client for p in firm.facts.projects}
    assert parents(firm) == {name: known[name] for name in names(found, PROJECT)}
    assert payers(firm) == billed_projects(firm)
    assert_each_once(firm)
    assert sum(cents(document.total.amount) for document in issued(firm)) == cents(
        firm.facts.month_total(JANUARY.start)
    )


def test_a_second_push_writes_nothing_and_the_books_agree(firm: Firm) -> None:
    ready_to_push(firm)
    push_until_settled(firm)
    calls = len(firm.world.quickbooks.write_calls)
    firm.clock.advance(86_400)
    assert planned(firm).writes == ()
    assert push(firm.engine).calls == 0
    assert len(firm.world.quickbooks.write_calls) == calls
    assert classes(reconciled(firm)) == []


def test_the_next_month_uses_the_sub_customers_that_are_there(firm: Firm) -> None:
    ready_to_push(firm)
    push_until_settled(firm)
    there = parents(firm)
    firm.look_at_the_ledger()
    bill(firm.engine, FEBRUARY)
    approve(firm.engine, everything=True)
    assert set(names(planned(firm), PROJECT)) & set(there) == set()
    push_until_settled(firm)
    assert there.items() <= parents(firm).items()
    assert payers(firm) == billed_projects(firm)
    assert_each_once(firm)


@pytest.mark.parametrize("mishap", ["lost_answer", "error_after", "truncated", "cut_before"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_mishap_while_a_sub_customer_is_made_still_gives_one(
    firm: Firm, mishap: str, times: int
) -> None:
    ready_to_push(firm)
    wanted = names(planned(firm), PROJECT)
    firm.world.quickbooks.faults.add(mishap, method="POST", times=times, **SUB_CUSTOMER)
    pushes = push_until_settled(firm)
    assert [fault.kind for fault in firm.world.quickbooks.faults.played] == [mishap] * times
    assert Counter(parents(firm).keys()) == Counter(wanted)
    assert payers(firm) == billed_projects(firm)
    assert_each_once(firm)
    assert [one.held for one in pushes if one.held] == []
    firm.clock.advance(86_400)
    assert push(firm.engine).calls == 0
