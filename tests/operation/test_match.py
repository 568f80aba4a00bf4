"""Which customers of the ledger the clients are: found, suggested, confirmed, taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk, new_desk
from tieout.store import audit
from tieout.sync.match import client_named

ALDER, BIRCH, CALLOWAY = "Alder Health", "Birch & Bay Foods", "Calloway Insurance"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A firm that has won its deals; its ledger knows none of the clients yet."""
    desk = new_desk(tmp_path / "firm")
    desk.all_of("connect crm", "connect time", "connect ledger", "pull")
    return desk


def customer(desk: Desk, name: str, email: str = "", **more: Any) -> str:
    """A customer that the bookkeeper made; its id."""
    address = {"PrimaryEmailAddr": {"Address": email}} if email else {}
    made = desk.world.quickbooks.books.add_customer(name, **address, **more)
    return str(made if isinstance(made, str) else made["Id"])


def clients(desk: Desk, command: str = "match --all", code: int = 0) -> dict[str, dict[str, Any]]:
    return {one["client"]: one for one in desk.json(command, code)["clients"]}


def id_of(desk: Desk, client: str) -> str:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        (found,) = client_named(tx, client)
    return found.id


def entries(desk: Desk, action: str) -> list[Any]:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        return [one.detail for one in audit.entries(tx, action=action)]


# -- what is found -----------------------------------------------------------------------------
def test_the_same_name_needs_nobody_and_a_like_one_needs_a_person(desk: Desk) -> None:
    (alder,) = (
        row["Id"]
        for row in desk.world.quickbooks.books.rows("Customer")
        if row["DisplayName"] == ALDER
    )
    near = customer(desk, "Birch and Bay Foods, Inc.")
    customer(desk, "Northern Timber")
    desk.all_of("pullback")
    found = clients(desk, code=4)
    assert (found[ALDER]["state"], found[ALDER]["remote_id"]) == ("by name", alder)
    assert found[BIRCH]["state"] == "open"
    (first, *_) = found[BIRCH]["candidates"]
    assert (first["remote_id"], first["score"]) == (near, 100)
    assert "REMOTE_ID" in found[BIRCH]["what_to_do"]
    assert (found[CALLOWAY]["state"], found[CALLOWAY]["candidates"]) == ("new", [])
    assert found[CALLOWAY]["what_to_do"] == "Nothing: the next push makes it."


def test_clients_that_nobody_there_is_like_need_nobody(desk: Desk) -> None:
    desk.all_of("pullback")
    assert {one["state"] for one in clients(desk).values()} == {"by name", "new"}
    with (desk.folder / "tieout.yaml").open("r+", encoding="utf-8") as file:
        text = file.read().replace("policies:", "policies:\n  create_clients: false")
        file.seek(0)
        file.write(text)
    assert {one["state"] for one in clients(desk, code=4).values()} == {"by name", "open"}


def test_an_address_says_more_than_a_name(desk: Desk) -> None:
    same = customer(desk, "BBF Holding", "payables@birch-bay-foods.example")
    domain = customer(desk, "Cafeteria 4", "kitchen@birch-bay-foods.example")
    customer(desk, "Somebody", "someone@gmail.com")
    desk.all_of("pullback")
    found = clients(desk, code=4)[BIRCH]["candidates"]
    assert [(one["remote_id"], one["score"], one["why"]) for one in found] == [
        (same, 95, ["same e-mail"]),
        (domain, 60, ["same domain (birch-bay-foods.example)"]),
    ]


def test_who_cannot_be_linked_is_shown_and_never_first(desk: Desk) -> None:
    books = desk.world.quickbooks.books
    closed = customer(desk, "Birch & Bay Foods Ltd")
    books.deactivate("Customer", closed)
    weak = customer(desk, "Birch Bakery")
    desk.all_of("pullback")
    found = clients(desk, code=4)[BIRCH]["candidates"]
    assert found[0]["remote_id"] == weak
    (inactive,) = (one for one in found if one["remote_id"] == closed)
    assert inactive["against"] == ["inactive over there"]
    assert inactive["score"] > found[0]["score"]


def test_names_in_the_mappings_that_the_ledger_does_not_have(desk: Desk) -> None:
    desk.all_of("pullback")
    file = desk.folder / "mappings" / "ledger.yaml"
    text = file.read_text("utf-8")
    assert "Consulting" in text
    file.write_text(text.replace("Consulting", "Consultng"), encoding="utf-8")
    names = desk.json("match", 4)["names"]
    (item,) = (one for one in names if one["kind"] == "item")
    assert item["name"].startswith("Consultng")
    assert item["where"].startswith("mappings/ledger.yaml:")
    assert item["near"][0]["name"].startswith("Consulting")
    assert "Names that the ledger does not have" in desk("match").stdout


# -- a person confirms ---------------------------------------------------------------------------
def test_a_person_says_which_and_the_push_goes_by_it(desk: Desk) -> None:
    theirs = customer(desk, "BBF Holding")
    desk.all_of("pullback")
    result = desk(f"match {id_of(desk, BIRCH)} {theirs}")
    assert result.stdout == f"{BIRCH} is BBF Holding ({theirs}) in the ledger.\n"
    (detail,) = entries(desk, "customer.linked")
    assert detail == {"client": BIRCH, "remote_id": theirs, "name": "BBF Holding", "by": "hand"}
    assert desk("bill --month 2026-01").exit_code in (0, 4)
    desk.all_of("approve --all", "push")
    names = [row["DisplayName"] for row in desk.world.quickbooks.books.rows("Customer")]
    assert BIRCH not in names  # nothing was made beside it
    billed = {row["CustomerRef"]["value"] for row in desk.world.quickbooks.books.rows("Invoice")}
    assert theirs in billed


def test_a_customer_that_was_to_be_made_is_not(desk: Desk) -> None:
    """The first push could not make it; the bookkeeper has it under another name."""
    desk.all_of("pullback")
    assert desk("bill --month 2026-01").exit_code in (0, 4)
    desk.all_of("approve --all")
    desk.world.quickbooks.faults.add(
        "reply",
        method="POST",
        path="/customer",
        status=400,
        content=b'{"Fault":{"Error":[{"Message":"Refused","Detail":"x","code":"2050"}]}}',
        content_type="application/json",
        times=9,
    )
    assert desk("push").exit_code == 4
    desk.world.quickbooks.faults.clear()
    theirs = customer(desk, "BBF Holding")
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    assert desk(f"match {client} {theirs}").exit_code == 0
    assert desk("push").exit_code in (0, 4)
    names = [row["DisplayName"] for row in desk.world.quickbooks.books.rows("Customer")]
    assert BIRCH not in names


def test_it_can_be_taken_back(desk: Desk) -> None:
    theirs = customer(desk, "BBF Holding")
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    desk.all_of(f"match {client} {theirs}", f"match {client} --undo")
    assert clients(desk)[BIRCH]["state"] == "new"
    assert entries(desk, "customer.unlinked") == [{"client": BIRCH, "remote_id": theirs}]
    again = desk(f"match {client} --undo")
    assert (again.exit_code, again.stderr) == (
        2, f"Error: {BIRCH} is not linked. Nothing was changed.\n",
    )  # fmt: skip


def test_what_a_write_of_ours_settled_cannot_be_left_without(desk: Desk) -> None:
    desk.all_of("pullback")
    assert desk("bill --month 2026-01").exit_code in (0, 4)
    desk.all_of("approve --all", "push")
    theirs = customer(desk, "BBF Holding")
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    refused = desk(f"match {client} --undo")
    assert refused.exit_code == 1
    assert "which was settled by a write of ours" in refused.stderr
    refused = desk(f"match {client} {theirs}")
    assert refused.exit_code == 1
    assert "which is there. Nothing was changed." in refused.stderr
    desk.all_of(f"match {client} {theirs} --instead")
    assert linked_to_all(desk)[BIRCH] == theirs


def linked_to_all(desk: Desk) -> dict[str, str]:
    return {name: one["remote_id"] for name, one in clients(desk).items()}


class Terminal:
    """Somebody sits at a terminal and types a number."""

    def __init__(self, types: str) -> None:
        self.types = types

    def prompt(self, text: str, **_: object) -> str:
        assert text == "Which number is it (0 = none of them)"
        return self.types


def at_a_terminal(patch: pytest.MonkeyPatch, types: str) -> None:
    patch.setattr("tieout.cli.match.typer.prompt", Terminal(types).prompt)
    patch.setattr("tieout.cli.match._is_at_a_terminal", lambda: True)


def test_at_a_terminal_a_number_is_enough(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = customer(desk, "Birch and Bay Foods, Inc.")
    desk.all_of("pullback")
    at_a_terminal(monkeypatch, "0")
    assert desk(f"match {id_of(desk, BIRCH)}").stdout.endswith("Nothing was linked.\n")
    at_a_terminal(monkeypatch, "1")
    said = desk(f"match {id_of(desk, BIRCH)}").stdout
    assert "1. Birch and Bay Foods, Inc. (" in said
    assert said.endswith(f"{BIRCH} is Birch and Bay Foods, Inc. ({theirs}) in the ledger.\n")


# -- what is refused -----------------------------------------------------------------------------
def test_another_clients_customer_is_refused(desk: Desk) -> None:
    theirs = customer(desk, "BBF Holding")
    desk.all_of("pullback")
    desk.all_of(f"match {id_of(desk, BIRCH)} {theirs}")
    refused = desk(f"match {id_of(desk, CALLOWAY)} {theirs}")
    assert (refused.exit_code, refused.stderr) == (
        1,
        f"Error: {CALLOWAY} cannot be linked to BBF Holding ({theirs}): it is linked to the client "
        f"{BIRCH}. Nothing was linked.\n",
    )


def test_another_currency_is_refused(desk: Desk) -> None:
    desk.world.quickbooks.settings.multicurrency = True
    theirs = customer(desk, "BBF Europe", CurrencyRef={"value": "EUR"})
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    assert desk("bill --month 2026-01").exit_code in (0, 4)
    refused = desk(f"match {client} {theirs}")
    assert refused.exit_code == 1
    assert "it is in EUR, and this client's documents are in USD" in refused.stderr


def test_an_inactive_customer_and_one_that_is_not_there_are_refused(desk: Desk) -> None:
    theirs = customer(desk, "BBF Holding")
    desk.world.quickbooks.books.deactivate("Customer", theirs)
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    refused = desk(f"match {client} {theirs}")
    assert refused.exit_code == 1
    assert "it is inactive over there" in refused.stderr
    unknown = desk(f"match {client} 999")
    assert unknown.exit_code == 2
    assert unknown.stderr == (
        "Error: There is no customer 999 in ledger as it was last read. Nothing was linked. "
        "`tieout pullback` reads the list anew.\n"
    )
    assert desk("match nobody 1").stderr.startswith("Error: There is no client 'nobody'.")


def test_before_the_first_pullback_nothing_is_guessed(desk: Desk) -> None:
    result = desk("match")
    assert result.exit_code == 2
    assert "Nothing is known of ledger yet." in result.stderr


# -- after a merge in the ledger -------------------------------------------------------------------
def test_a_merge_breaks_a_link_and_both_say_so(desk: Desk) -> None:
    old, new = customer(desk, "BBF Holding"), customer(desk, "BBF Group")
    desk.all_of("pullback")
    client = id_of(desk, BIRCH)
    desk.all_of(f"match {client} {old}")
    (healthy,) = (one for one in desk.json("doctor") if one["check"] == "link")
    assert healthy["verdict"] == "fine"
    desk.world.quickbooks.books.merge_customers(old, new)
    desk.clock.advance(86_400)
    desk.all_of("pullback --full", "pullback --full")
    broken = clients(desk, code=4)[BIRCH]
    assert broken["state"] == "broken"
    (finding,) = (one for one in desk.json("doctor", 1) if one["check"] == "link")
    assert finding["verdict"] == "problem"
    assert finding["text"].startswith(f"{BIRCH} is linked to BBF Holding")
    assert f"tieout match {client} REMOTE_ID" in finding["what_to_do"]
    # Its mending needs no --instead: there is nothing left to replace.
    desk.all_of(f"match {client} {new}")
    (mended,) = (one for one in desk.json("doctor") if one["check"] == "link")
    assert mended["verdict"] == "fine"
