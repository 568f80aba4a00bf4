"""What people get wrong, and what they are told: nothing is guessed, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.scenarios.books import (
    assert_each_once,
    billed_and_approved,
    in_the_ledger,
    issued,
    push_until_settled,
    ready_to_push,
    rows,
)
from tests.scenarios.firm import JANUARY, Firm, opened, small_firm
from tieout.bootstrap import COMPANY
from tieout.errors import StoreError
from tieout.model.document import HoldReason
from tieout.store import held, secrets
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.plan import plan
from tieout.sync.project import project
from tieout.sync.push import push


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path, people=4, projects=4) as made:
        yield made


def changed(firm: Firm, file: str, old: str, new: str) -> Firm:
    """The same firm after somebody edited its workspace."""
    path = firm.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return firm


def reopened(firm: Firm) -> Iterator[Firm]:
    with opened(firm.folder, firm.world) as engine:
        yield Firm(
            engine=engine,
            world=firm.world,
            facts=firm.facts,
            clock=firm.clock,
            folder=firm.folder,
        )


# -- mappings -----------------------------------------------------------------------------
def test_an_unknown_item_is_held_with_the_nearest_name(firm: Firm) -> None:
    changed(firm, "mappings/deals.yaml", "item: Consulting services", "item: Consultng services")
    for slip in reopened(firm):
        made = ready_to_push(slip)
        text = (
            "unknown item 'Consultng services'; nearest in the ledger: "
            "'Consulting services', 'Services'"
        )
        with slip.engine.store.read() as tx:
            problems = plan(slip.engine, tx).problems
        assert problems, "the plan says so before anything is sent"
        assert {problem.split(": ", 1)[1] for problem in problems} == {text}
        done = push(slip.engine)
        waiting = [row for row in rows(slip) if row.state is OutboxState.HELD]
        assert {row.error_text for row in waiting} == {text}
        assert len(done.held) == len(problems)
        assert len(in_the_ledger(slip)) == len(made) - len(problems)


def test_a_client_who_is_no_customer_is_held_when_none_may_be_made(firm: Firm) -> None:
    changed(
        firm,
        "tieout.yaml",
        "  invoice_by: project",
        "  invoice_by: project\n  create_clients: false",
    )
    for strict in reopened(firm):
        made = ready_to_push(strict)
        push(strict.engine)
        texts = {row.error_text for row in rows(strict) if row.state is OutboxState.HELD}
        new = set(strict.facts.clients) - set(strict.facts.known_customers)
        assert texts == {
            f"Customer {client} is not in the ledger. Create it there and pull, give its name "
            "there under customers.names in mappings/ledger.yaml, or set policies.create_clients."
            for client in new
        }
        there = {row["DisplayName"] for row in strict.world.quickbooks.books.rows("Customer")}
        assert there == set(strict.facts.known_customers)
        assert 0 < len(in_the_ledger(strict)) < len(made)


# -- time ---------------------------------------------------------------------------------
def test_time_on_a_project_nobody_sold_is_held(firm: Firm) -> None:
    account = firm.world.harvest.account
    user = next(iter(account.users))
    task = next(iter(account.tasks))
    client = next(iter(account.clients))
    stray = account.add_project(client, "Garden shed")
    entry = account.add_entry(user, stray, task, JANUARY.start, Decimal(3))
    account.approve([entry])
    firm.pull()
    assert project(firm.engine).unplaced == 1
    with firm.engine.store.read() as tx:
        (row,) = held.open_held(tx, scope="time")
    assert row.held.reason == HoldReason.NO_PROJECT.value
    assert "Garden shed" in row.held.text
    assert row.held.what_to_do == (
        "Name the project in the time tool, or add an alias in mappings/time.yaml."
    )
    total = sum(draft.total.amount for draft in bill(firm.engine, JANUARY).drafts)
    assert total == firm.facts.month_total(JANUARY.start), "the rest is billed as ever"


def test_a_day_of_25_hours_is_held_with_all_its_entries(firm: Firm) -> None:
    account = firm.world.harvest.account
    sold = next(one for one in firm.facts.projects if one.kind == "time")
    user = next(iter(account.users))
    task = next(key for key, row in account.tasks.items() if row["name"] == "Build")
    sunday = JANUARY.start.replace(day=4)
    long_day = [
        account.add_entry(user, sold.harvest_id, task, sunday, Decimal(hours))
        for hours in ("13", "12")
    ]
    account.approve(long_day)
    firm.pull()
    result = bill(firm.engine, JANUARY).result
    found = [one for one in result.held if one.reason is HoldReason.BAD_HOURS]
    assert len(found) == 2
    assert all("25" in one.text for one in found)
    total = sum(draft.total.amount for draft in result.documents)
    assert total == firm.facts.month_total(JANUARY.start)


# -- sign-in ------------------------------------------------------------------------------
def test_a_revoked_token_stops_the_push_and_nothing_is_lost(firm: Firm) -> None:
    made = ready_to_push(firm)
    ledger = firm.world.quickbooks
    ledger.revoke_tokens()
    done = push(firm.engine)
    assert done.stopped.startswith("ledger: ")
    assert done.stopped.endswith("Sign in again: tieout connect ledger")
    assert done.stopped.count("Sign in again") == 1
    assert "Incorrect or invalid refresh token" in done.stopped
    assert in_the_ledger(firm) == []
    assert {row.state for row in rows(firm)} == {OutboxState.PENDING}
    # Connected again, the same invoices go.
    connection = firm.engine.ledger()
    given = ledger.sign_in.issue()
    token = dict(connection.keeper.load() or {})
    connection.keeper.save(
        token | {"access": given["access_token"], "refresh": given["refresh_token"]}
    )
    push_until_settled(firm)
    assert_each_once(firm)
    assert len(in_the_ledger(firm)) == len(made)


def test_a_token_of_another_company_is_never_used(firm: Firm) -> None:
    ready_to_push(firm)
    calls = len(firm.world.quickbooks.calls)
    connection = firm.engine.ledger()
    with firm.engine.store.begin() as tx:
        secrets.put(tx, "ledger", COMPANY, firm.world.quickbooks.realm_id)
    connection.keeper.save({**(connection.keeper.load() or {}), "company": "999"})
    for other in reopened(firm):
        done = push(other.engine)
        assert done.stopped == (
            f"ledger was connected to company {firm.world.quickbooks.realm_id}, and its token "
            "belongs to company 999: nothing was called. To go back to the first, sign in there: "
            "tieout connect ledger"
        )
        assert len(firm.world.quickbooks.calls) == calls
        assert {row.state for row in rows(other)} <= {OutboxState.PENDING, OutboxState.SENT}


def test_a_company_id_that_is_not_ours_is_refused_by_the_ledger(firm: Firm) -> None:
    ready_to_push(firm)
    realm = firm.world.quickbooks.realm_id
    changed(firm, "tieout.yaml", f'realm_id: "{realm}"', 'realm_id: "123"')
    for wrong in reopened(firm):
        done = push(wrong.engine)
        assert "The application is not authorized for this company" in done.stopped
        assert done.stopped.endswith("Sign in again: tieout connect ledger")
        assert in_the_ledger(wrong) == []


# -- the disk -------------------------------------------------------------------------------
def test_a_full_disk_says_so_and_nothing_is_half_done(firm: Firm) -> None:
    firm.pull()
    firm.look_at_the_ledger()
    store = firm.engine.store

    @sa.event.listens_for(store.engine, "begin")
    def no_room(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError) as told:
        billed_and_approved(firm, JANUARY)
    assert str(told.value) == (
        f"The disk that holds the database {store.where} is full. Nothing of this step was "
        "saved. Free some space, then do the same again."
    )
    sa.event.remove(store.engine, "begin", no_room)
    with store.begin() as tx:
        tx.sql.exec_driver_sql("PRAGMA max_page_count = 1073741823")
    numbers = [document.number for document in issued(firm)]
    assert numbers == [f"INV-2026-{number:04}" for number in range(1, len(numbers) + 1)]
    assert len(rows(firm)) == len(numbers), "a number never without its push"
    # With room again the same steps go through.
    bill(firm.engine, JANUARY)
    approve(firm.engine, everything=True)
    push_until_settled(firm)
    assert_each_once(firm)
    assert sum(document.total.amount for document in issued(firm)) == firm.facts.month_total(
        JANUARY.start
    )
