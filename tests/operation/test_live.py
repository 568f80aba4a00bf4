"""A look at a live account, and what is measured when it is connected; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.scenarios.desk import Desk
from tieout.connectors.registry import connectors


def looked(desk: Desk, code: int = 0) -> list[dict[str, Any]]:
    return list(desk.json("doctor --live ledger", code)["checks"])


def wrong(found: list[dict[str, Any]]) -> dict[str, Any]:
    (one,) = (row for row in found if row["verdict"] != "fine")
    assert one["what_to_do"]
    return one


@pytest.fixture
def settings(desk: Desk) -> Iterator[Any]:
    """The company's own settings, put back afterwards: others work with it too."""
    vendor = desk.world.quickbooks
    before = dict(vars(vendor.settings))
    yield vendor.settings
    for name, value in before.items():
        setattr(vendor.settings, name, value)
    vendor.faults.clear()


def measured(desk: Desk, what: str) -> dict[str, Any]:
    (one,) = (row for row in desk.json("connect ledger")["measured"] if row["what"] == what)
    return dict(one)


# -- doctor --live --------------------------------------------------------------------------
def test_every_stream_is_read_once_and_nothing_is_written(desk: Desk) -> None:
    vendor = desk.world.quickbooks
    before = len(vendor.calls)
    found = looked(desk)
    assert {one["verdict"] for one in found} == {"fine"}
    read = [one["where"] for one in found if one["check"] == "read"]
    assert read == [f"ledger/{one.name}" for one in connectors()["quickbooks"].streams]
    made = vendor.calls[before:]
    assert [call for call in made if call.writes] == []
    assert len(made) <= len(read) + 4  # and who it is, the token, two for the settings


def test_what_a_person_must_see_is_the_same_on_the_page(desk: Desk) -> None:
    said = desk.json("doctor --live ledger")["unverified"]
    page = (ROOT / "docs" / "how-to" / "connect-quickbooks.md").read_text("utf-8")
    listed = page.split("## Not yet verified against a live company")[1].split("\n- [ ] ")[1:]
    told = [f"{one['what']}: {one['how']}" for one in said]
    assert [" ".join(line.split("\n\n")[0].split()) for line in listed] == told
    assert "Not seen on a live account yet" in desk("doctor --live ledger").stdout


def test_a_list_that_may_not_be_read(desk: Desk, settings: Any) -> None:
    body = {"Fault": {"Error": [{"Message": "No right", "Detail": "to read", "code": "5020"}]}}
    desk.world.quickbooks.faults.add(
        "reply",
        path="/query",
        nth=2,
        status=403,
        content=json.dumps(body).encode(),
        content_type="application/json",
    )
    one = wrong(looked(desk, 1))
    assert (one["check"], one["where"], one["verdict"]) == ("read", "ledger/items", "problem")
    assert "No right" in one["text"]


def test_a_record_in_another_shape_names_its_field_and_not_its_value(
    desk: Desk, settings: Any
) -> None:
    row = {"Id": "7", "TxnDate": "secret-day", "CustomerRef": {"value": "1"}, "TotalAmt": 1}
    changed = {"CDCResponse": [{"QueryResponse": [{"Invoice": [row | {"Balance": 1}]}]}]}
    desk.world.quickbooks.faults.add(
        "reply",
        path="/cdc",
        status=200,
        content=json.dumps(changed).encode(),
        content_type="application/json",
    )
    one = wrong(looked(desk, 1))
    assert one["where"] == "ledger/invoices"
    assert one["text"] == "1 record on the first page, and record 7 cannot be read: TxnDate"


def test_a_refused_sign_in_ends_the_look(desk: Desk) -> None:
    desk.env["TIEOUT_LEDGER_REFRESH_TOKEN"] = "no-such-token"
    (one,) = looked(desk, 1)
    assert one["text"].startswith("signing in is refused: ")


def test_headers_that_tell_of_limits_are_shown(desk: Desk) -> None:
    found = desk.json("doctor --live crm")["checks"]
    (limits,) = (one for one in found if one["check"] == "limits")
    assert limits["text"].startswith("sforce-limit-info: api-usage=")


def test_an_unknown_connection_and_files(desk: Desk) -> None:
    assert desk("doctor --live nobody").exit_code == 2
    file = Path(desk.folder / "tieout.yaml")
    text = file.read_text("utf-8")
    file.write_text(text.replace("connections:", "connections:\n  sheets: { connector: files }"))
    result = desk("doctor --live sheets")
    assert (result.exit_code, result.stderr) == (
        2, "Error: sheets reads files: there is no live account to look at.\n",
    )  # fmt: skip


# -- measured at connect time --------------------------------------------------------------------
def test_what_the_first_push_needs_is_measured_when_a_ledger_is_connected(desk: Desk) -> None:
    said = desk.json("connect ledger")
    assert {one["what"]: one["value"] for one in said["measured"]} == {
        "country": "US",
        "home currency": "USD",
        "several currencies": "off",
        "our own invoice numbers": "on",
        "books closed until": "not told",
        "classes on lines": "on",
        "departments": "on",
        "sign-in lasts until": said["measured"][-1]["value"],
    }
    assert {one["problem"] for one in said["measured"]} == {""}
    shown = desk("connect ledger").stdout
    assert "Before the first push" in shown


def test_a_ledger_that_numbers_by_itself(desk: Desk, settings: Any) -> None:
    settings.custom_txn_numbers = False
    one = measured(desk, "our own invoice numbers")
    assert one["problem"] == "they are off: the ledger would number our invoices by itself"
    (found,) = (o for o in desk.json("doctor", 1) if o["verdict"] != "fine")
    assert (found["check"], found["where"]) == ("setting", "ledger")
    assert found["text"].startswith("our own invoice numbers: off; they are off")


def test_classes_that_the_mapping_gives_and_the_ledger_does_not_keep(
    desk: Desk, settings: Any
) -> None:
    settings.class_per_line = False
    assert measured(desk, "classes on lines")["problem"] == ""  # nobody uses them
    with (desk.folder / "mappings" / "ledger.yaml").open("a", encoding="utf-8") as file:
        file.write("\nclasses:\n  default: Consulting\n")
    assert measured(desk, "classes on lines") == {
        "what": "classes on lines",
        "value": "off",
        "problem": "they are off, and mappings/ledger.yaml gives classes",
        "what_to_do": "Switch them on over there, or take classes out.",
    }


def test_books_of_another_country(desk: Desk) -> None:
    file = desk.folder / "tieout.yaml"
    file.write_text(file.read_text("utf-8").replace("country: US", "country: CA"), "utf-8")
    one = measured(desk, "country")
    assert one["problem"] == "the books are of US, and firm.country is CA"


def test_a_sign_in_that_ends_soon(desk: Desk, settings: Any) -> None:
    settings.refresh_token_s = 20 * 86_400
    desk.env["TIEOUT_LEDGER_REFRESH_TOKEN"] = desk.world.quickbooks.sign_in.issue()["refresh_token"]
    one = measured(desk, "sign-in lasts until")
    assert one["problem"] == "soon: then nothing goes either way"
    assert one["what_to_do"] == "Sign in again: `tieout connect ledger`."
