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
from tieout.cli.proof import prove
from tieout.errors import BadInput, Misconfigured, StoreError
from tieout.model.document import HoldReason
from tieout.store import held, secrets, work
from tieout.store.outbox import OutboxState
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.imports import Imported, import_file
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
    person = f"{account.users[user]['first_name']} {account.users[user]['last_name']}"
    sold_to = account.clients[client]["name"]
    assert row.held.text == (
        f"{person}, 2026-01-01: no project 'Garden shed' of client '{sold_to}'"
    )
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
    person = f"{account.users[user]['first_name']} {account.users[user]['last_name']}"
    text = f"{person} has 25.00 h on 2026-01-04; at most 24 h a day are accepted."
    assert [one.text for one in found] == [text, text]
    total = sum(draft.total.amount for draft in result.documents)
    assert total == firm.facts.month_total(JANUARY.start)


# -- sign-in ------------------------------------------------------------------------------
def test_a_revoked_token_stops_the_push_and_nothing_is_lost(firm: Firm) -> None:
    made = ready_to_push(firm)
    ledger = firm.world.quickbooks
    ledger.revoke_tokens()
    done = push(firm.engine)
    assert done.stopped == (
        "ledger: Incorrect or invalid refresh token. Sign in again: tieout connect ledger"
    )
    assert in_the_ledger(firm) == []
    assert {row.state for row in rows(firm)} == {OutboxState.PENDING}
    # Connected again, the same invoices go.
    connection = firm.engine.ledger()
    given = ledger.sign_in.issue()
    old = dict(connection.keeper.load() or {})
    fresh = {"access": given["access_token"], "refresh": given["refresh_token"]}
    assert connection.keeper.swap(old, old | fresh)
    push_until_settled(firm)
    assert_each_once(firm)
    assert len(in_the_ledger(firm)) == len(made)


def test_a_token_of_another_company_is_never_used(firm: Firm) -> None:
    ready_to_push(firm)
    calls = len(firm.world.quickbooks.calls)
    connection = firm.engine.ledger()
    with firm.engine.store.begin() as tx:
        secrets.put(tx, "ledger", COMPANY, firm.world.quickbooks.realm_id)
    old = dict(connection.keeper.load() or {})
    assert connection.keeper.swap(old, old | {"company": "999"})
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
        assert done.stopped == (
            "ledger: message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403: "
            "The application is not authorized for this company. "
            "Sign in again: tieout connect ledger"
        )
        assert in_the_ledger(wrong) == []


def test_another_company_than_before_is_told_by_name_and_nothing_is_changed(firm: Firm) -> None:
    with firm.engine.store.begin() as tx:
        secrets.put(tx, "ledger", COMPANY, "123")
    with pytest.raises(Misconfigured) as told:
        prove(firm.engine, "ledger")
    realm = firm.world.quickbooks.realm_id
    assert str(told.value) == (
        f"wrong company: ledger belongs to 123, and Fernhill Partners ({realm}) answered. "
        "Nothing was changed. Correct the settings and secrets of this connection, or give the "
        "other company a workspace of its own."
    )
    with firm.engine.store.read() as tx:
        assert secrets.get(tx, "ledger", COMPANY) == "123"


# -- files --------------------------------------------------------------------------------
HEADS = "Id,Date,Person,Project,Hours\n"
GOOD = "1,2026-01-05,Ana Abbott,Portal,8\n"

#: What somebody hands in, and the whole of what they are told.
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "a missing column": (
        (HEADS + GOOD).replace("Hours", "Time spent").encode(),
        "hours.csv:1: looks like 'time', but the column 'Hours' is missing; add it",
    ),
    "a negative day": (
        (HEADS + GOOD + "2,2026-01-06,Ana Abbott,Portal,-8\n").encode(),
        "hours.csv:3: Hours: '-8' is negative; correct the entry it belongs to",
    ),
    "two rows that disagree": (
        (HEADS + GOOD + GOOD.replace("Portal", "Garden")).encode(),
        "hours.csv:3: the id '1' is in line 2 too, with another project; keep one, or give each "
        "its own id",
    ),
    "a picture": (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        "hours.csv:2: the character U+001A is no text: the file is not a table; give a CSV file or "
        "an Excel workbook (.xlsx)",
    ),
    "nothing": (
        b"",
        "hours.csv: the file is empty; give a CSV file or an Excel workbook (.xlsx)",
    ),
    "a text that is cut off": (
        (HEADS + '1,2026-01-05,"Ana Abbo').encode(),
        "hours.csv:2: a quote that opens here is never closed; close it, or the file is cut off",
    ),
    "a workbook that is cut off": (
        b"PK\x03\x04\x14\x00\x06\x00",
        "hours.csv: the file is not an Excel workbook, or it is cut off; save it again as .xlsx",
    ),
}


def hand_in(firm: Firm, name: str, content: bytes) -> Imported:
    path = firm.folder / name
    path.write_bytes(content)
    return import_file(firm.engine, path)


def with_files(firm: Firm) -> Iterator[Firm]:
    changed(firm, "tieout.yaml", "connections:", "connections:\n  sheets: { connector: files }")
    yield from reopened(firm)


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_refused_whole_with_every_problem(firm: Firm, what: str) -> None:
    content, said = BAD_FILES[what]
    for desk in with_files(firm):
        with pytest.raises(BadInput) as told:
            hand_in(desk, "hours.csv", content)
        assert str(told.value) == (
            f"hours.csv cannot be used: nothing of it was imported\n  {said}"
        )
        with desk.engine.store.read() as tx:
            assert list(work.all_of(tx, work.WorkKind.TIME)) == []


def test_of_two_files_that_disagree_the_later_one_counts_and_it_is_told(firm: Firm) -> None:
    for desk in with_files(firm):
        first = hand_in(desk, "hours.csv", (HEADS + GOOD).encode())
        second = hand_in(desk, "again.csv", (HEADS + GOOD.replace(",8", ",7")).encode())
        assert (first.landed.new, first.landed.changed) == (1, 0)
        assert (second.landed.new, second.landed.changed) == (0, 1)
        with desk.engine.store.read() as tx:
            (item,) = work.all_of(tx, work.WorkKind.TIME)
        assert item.body.seconds == 7 * 3600


# -- the workspace ------------------------------------------------------------------------
def test_a_broken_workspace_tells_every_problem_at_once(firm: Firm) -> None:
    changed(firm, "tieout.yaml", "  currency: USD", "  currency: USB")
    changed(firm, "tieout.yaml", "invoice_by: project", "invoice_by: projects")
    changed(firm, "mappings/deals.yaml", "model: fixed_fee", "model: fixed_fees")
    with pytest.raises(Misconfigured) as told:
        next(reopened(firm))
    assert str(told.value) == (
        f"the workspace {firm.folder} has 3 problems; nothing was done\n"
        "  tieout.yaml:6: firm.currency: unknown currency 'USB'; write an ISO 4217 code such as "
        "USD\n"
        "  tieout.yaml:36: policies.invoice_by: 'projects' is not known; did you mean 'project'?\n"
        "  mappings/deals.yaml:12: rules[1].budgets[1].model: 'fixed_fees' is not known; did you "
        "mean 'fixed_fee'?"
    )


def test_a_rate_without_a_currency_is_told_by_its_card_and_role(firm: Firm) -> None:
    changed(firm, "mappings/rates.yaml", "currency: USD\n", "")
    with pytest.raises(Misconfigured) as told:
        next(reopened(firm))
    assert str(told.value) == "\n  ".join(
        [
            f"the workspace {firm.folder} has 4 problems; nothing was done",
            *(
                f"mappings/rates.yaml:{line}: a rate without a currency (card Standard, role "
                f"{role}): write `currency:` on the rate, on its card or at the top of the file"
                for line, role in enumerate(firm.facts.rates, start=6)
            ),
        ]
    )


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
