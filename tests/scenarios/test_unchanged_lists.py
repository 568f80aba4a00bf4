"""A list of the ledger that did not change is not read again, and one that did always is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.scenarios.books import classes, push_until_settled, ready_to_push, reconciled
from tests.scenarios.firm import Firm, small_firm
from tieout.model.settlement import ListKind
from tieout.sync.ledger_lists import LedgerLists
from tieout.sync.pull import Pulled
from tieout.sync.pullback import pullback

HOUR = 3600
LISTS = {"Customer", "Item", "Account", "Term", "Class", "Department"}
#: What no feed tells of.
ALWAYS = ["companyinfo", "preferences", "TaxCode"]
#: The documents, of which a feed of their own brings the records.
DOCUMENTS = ["changes of Invoice", "CreditMemo", "Payment"]
#: The one call for six lists.
FEED = "changes of Customer,Item,Account,Term,Class,Department"


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    with small_firm(tmp_path) as made:
        ledger = made.world.quickbooks
        customer = ledger.books.create("Customer", {"DisplayName": "Brightwater"}, ())
        item = next(iter(ledger.books.rows("Item")))
        line = {"Amount": 100, "DetailType": "SalesItemLineDetail"}
        line["SalesItemLineDetail"] = {"ItemRef": {"value": item["Id"]}}
        invoice = {"CustomerRef": {"value": customer["Id"]}, "Line": [line]}
        ledger.books.create("Invoice", invoice, ())
        made.clock.advance(HOUR)
        made.look_at_the_ledger()
        made.clock.advance(HOUR)
        yield made


def looked(firm: Firm) -> tuple[list[str], tuple[Pulled, ...]]:
    """What one pullback reads, and what it tells of each stream."""
    calls = firm.world.quickbooks.calls
    ahead = len(calls)
    told = pullback(firm.engine).pulled
    return [
        _read(call.path, call.query) for call in calls[ahead:] if "token" not in call.path
    ], told


def _read(path: str, query: str) -> str:
    asked = parse_qs(query)
    if "entities" in asked:
        return f"changes of {asked['entities'][0]}"
    entity = re.search(r"FROM (\w+)", asked.get("query", [""])[0])
    return entity.group(1) if entity else next(one for one in ALWAYS if one in path)


def names(firm: Firm, kind: ListKind) -> set[str]:
    with firm.engine.store.read() as tx:
        return {entry.name for entry in LedgerLists(tx, firm.engine.ledger()).of(kind)}


def test_one_call_stands_for_six_lists_that_did_not_change(firm: Firm) -> None:
    read, told = looked(firm)
    assert read == [FEED, *ALWAYS, *DOCUMENTS]
    assert [one for one in told if one.error] == []
    assert {one.stream for one in told} >= {"customers", "items", "classes"}


def test_a_list_that_changed_is_read_and_no_other(firm: Firm) -> None:
    firm.world.quickbooks.books.create("Class", {"Name": "Advisory"}, ())
    read, _ = looked(firm)
    assert LISTS & set(read) == {"Class"}
    assert "Advisory" in names(firm, ListKind.CLASS)


def test_what_changed_while_the_feed_was_asked_is_in_the_next(firm: Firm) -> None:
    """Two readings overlap by five minutes: a change in the second of a reading is not lost."""
    looked(firm)
    firm.world.quickbooks.books.create("Class", {"Name": "Advisory"}, ())
    firm.clock.advance(60)
    assert "Class" in looked(firm)[0]


def test_each_list_is_read_whole_once_a_day(firm: Firm) -> None:
    firm.clock.advance(24 * HOUR)
    assert set(looked(firm)[0]) >= LISTS
    firm.clock.advance(HOUR)
    assert LISTS & set(looked(firm)[0]) == set()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error_before", "status": 500, "times": 3},
        {"kind": "reply", "status": 200, "content": b'{"CDCResponse": 7}'},
    ],
    ids=["the feed fails", "the feed cannot be understood"],
)
def test_without_the_feed_everything_is_read(fault: dict[str, object], firm: Firm) -> None:
    firm.world.quickbooks.faults.add(path="/cdc", **fault)  # asked before anything else
    read, told = looked(firm)
    assert set(read) >= LISTS
    assert [one.error for one in told if one.error] == []


def test_a_thousand_changes_may_be_cut_and_everything_is_read(firm: Firm) -> None:
    for number in range(1000):
        row = {"DisplayName": f"Imported {number}"}
        firm.world.quickbooks.books.create("Customer", row, ())
    assert set(looked(firm)[0]) >= LISTS
    assert len(names(firm, ListKind.CUSTOMER)) > 1000


def test_a_list_that_failed_is_asked_for_again_from_where_it_was(firm: Firm) -> None:
    books, faults = firm.world.quickbooks.books, firm.world.quickbooks.faults
    books.create("Class", {"Name": "Advisory"}, ())
    # The first query is for tax codes, as always; then comes the list that changed, three times.
    faults.add("error_before", status=500, path="/query", nth=2, times=3)
    _, told = looked(firm)
    assert [one.stream for one in told if one.error] == ["classes"]
    firm.clock.advance(HOUR)
    assert LISTS & set(looked(firm)[0]) == {"Class"}
    assert "Advisory" in names(firm, ListKind.CLASS)


@pytest.mark.parametrize("ledger", ["quickbooks", "xero", "netsuite"])
def test_nothing_is_asked_twice_in_one_look(ledger: str, tmp_path: Path) -> None:
    """What two streams read in different ways, such as credit notes and what they settle, comes
    with one call; and an account is not asked for the lists that it does not have."""
    with small_firm(tmp_path, people=3, projects=2, ledger=ledger) as firm:
        ready_to_push(firm)
        push_until_settled(firm)
        credit_by_hand(firm)
        for _ in range(2):
            firm.clock.advance(HOUR)
            ahead = len(firm.world.ledger.vendor.calls)
            firm.look_at_the_ledger()
            asked = [
                (call.method, call.path, call.query, call.body)
                for call in firm.world.ledger.vendor.calls[ahead:]
                if "token" not in call.path
            ]
            assert len(set(asked)) == len(asked)
            assert len(asked) <= 11
        assert classes(reconciled(firm)) == ["R02"], "somebody's own credit note"


def credit_by_hand(firm: Firm) -> None:
    first = firm.world.ledger.invoices()[0]
    firm.world.ledger.credit(first.id, first.balance)
