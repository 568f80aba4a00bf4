"""Recording from a vendor's own account. A served sandbox plays the vendor: nobody has one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.live import (
    WRITERS,
    account_of,
    live_cases,
    live_replayed,
    load_notes,
    record_account,
    replaced_secret,
    variable,
    variables,
)
from tests.connectors.rigs import CASSETTES, GOLDEN, RIGS, ROOT, cases
from tests.connectors.tapes import golden_text
from tieout.clock import VirtualClock
from tieout.connectors.connection import MemoryKeeper
from tieout.connectors.registry import connectors
from tieout.errors import AuthExpired, Misconfigured
from tieout.sandbox.core import Vendor
from tieout.sandbox.serving import Served

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def credentials(slug: str, vendor: Vendor, base_url: str) -> dict[str, str]:
    """The environment of somebody who has an account there."""
    given = RIGS[slug].settings(vendor) | RIGS[slug].secrets(vendor) | {"base_url": base_url}
    return {variable(slug, name): value for name, value in given.items()}


def recorded(slug: str, home: Path, clock: VirtualClock | None = None) -> tuple[Vendor, str]:
    """Record an account into a folder; the vendor, and all that was written, in one text."""
    clock = clock or VirtualClock(NOW)
    vendor = RIGS[slug].make(clock)
    with Served(vendor) as served:
        environment = credentials(slug, vendor, served.base_url)
        assert list(record_account(slug, environment, clock, home, MemoryKeeper()))
    files = [path for path in home.rglob("*") if path.is_file()]
    return vendor, "\n".join(path.read_text(encoding="utf-8") for path in files)


def fingerprint(*folders: Path) -> dict[str, str]:
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.parametrize("slug", RIGS)
def test_an_account_is_recorded_and_replays(slug: str, tmp_path: Path) -> None:
    before = fingerprint(CASSETTES, GOLDEN)
    vendor, text = recorded(slug, tmp_path)
    assert fingerprint(CASSETTES, GOLDEN) == before, "the repository's own are not touched"
    made = live_cases(slug, tmp_path)
    planned = {"too_many_calls", "web_page"}
    others = {w.name for w in connectors()[slug].writers} - set(WRITERS)
    wanted = {
        (case.folder, case.name)
        for case in cases()
        if case.slug == slug and case.name not in planned and case.folder not in others
    }
    assert {(case.folder, case.name) for case in made} == wanted
    title = connectors()[slug].title
    head = (
        f"# Recorded from: vendor's sandbox account, {title} through another address (BASE_URL), "
        "2026-11-20"
    )
    for case in made:
        assert case.cassette.name.endswith(".live.yaml")
        assert case.cassette.read_text(encoding="utf-8").splitlines()[0] == head
        assert golden_text(case, live_replayed(case)) == case.golden.read_text(encoding="utf-8")
    secret = [*RIGS[slug].secrets(vendor).values(), *RIGS[slug].settings(vendor).values()]
    plain = ("1", "ES256", "legacy_code")  # choices of an account, which tell nobody whose it is
    told = [value for value in secret if isinstance(value, str) and value not in plain]
    assert [value for value in told if value in text] == []
    assert "127.0.0.1" not in text
    assert "-----BEGIN" not in text


def test_what_was_written_is_found_and_made_once(tmp_path: Path) -> None:
    vendor, _ = recorded("quickbooks", tmp_path)
    golden = {
        (case.folder, case.name): json.loads(case.golden.read_text(encoding="utf-8"))
        for case in live_cases("quickbooks", tmp_path)
    }
    for writer in ("customer", "project", "invoice"):
        made = golden[writer, "create"]
        untold = {"tax": made["digest"]["tax"]} if made["expected"]["tax"] is None else {}
        assert made["digest"] == made["expected"] | untold
        assert all(refs == [made["ref"]] for refs in made["found"].values())
        assert golden[writer, "repeat"]["refs"] == [made["ref"]] * 2
    assert set(golden["invoice", "batch"]) == {"request", "1", "2"}
    books: Any = vendor.books  # type: ignore[attr-defined]
    numbers = [row["DocNumber"] for row in books.live("Invoice")]
    assert [n for n in numbers if n.startswith("R2026")] == [
        "R20261120-093000",
        "R20261120-093000b",
    ]
    rows = {row["DisplayName"]: row for row in books.rows("Customer")}
    parent = rows["Tieout recording 20261120-093000"]
    below = rows["Tieout recording 20261120-093000 - Rollout"]
    assert below["ParentRef"]["value"] == parent["Id"]


def test_what_is_about_people_is_taken_out(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    vendor: Any = RIGS["quickbooks"].make(clock)
    row = next(iter(vendor.books.rows("Customer")))
    vendor.books.edit(
        "Customer",
        row["Id"],
        GivenName="Wilhelmina",
        PrimaryPhone={"FreeFormNumber": "555-0199"},
        Notes="call mina@private-mail.com",
    )
    with Served(vendor) as served:
        environment = credentials("quickbooks", vendor, served.base_url)
        list(record_account("quickbooks", environment, clock, tmp_path, MemoryKeeper()))
    text = "\n".join(p.read_text(encoding="utf-8") for p in tmp_path.rglob("*") if p.is_file())
    assert "GivenName" in text
    for hidden in ("Wilhelmina", "555-0199", "private-mail", "1 Main Street"):
        assert hidden not in text


def test_a_new_recording_takes_the_place_of_the_old_one_only(tmp_path: Path) -> None:
    keep = tmp_path / "cassettes" / "harvest" / "clients" / "all.yaml"
    keep.parent.mkdir(parents=True)
    keep.write_text("# the sandbox's\n")
    recorded("harvest", tmp_path)
    later = datetime(2026, 12, 1, 9, tzinfo=UTC)
    recorded("harvest", tmp_path, VirtualClock(later))
    assert keep.read_text() == "# the sandbox's\n"
    notes = load_notes("harvest", tmp_path)
    assert notes is not None
    assert notes.now == later
    heads = {path.read_text().splitlines()[0] for path in tmp_path.rglob("*.live.yaml")}
    assert len(heads) == 1
    assert heads.pop().endswith("2026-12-01")


def test_a_recording_that_stops_half_way_leaves_nothing(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    vendor: Any = RIGS["quickbooks"].make(clock)
    vendor.faults.add("call", path="/customer", action=vendor.revoke_tokens)
    vendor.plan_expiry(path="/invoice")
    with Served(vendor) as served:
        environment = credentials("quickbooks", vendor, served.base_url)
        recording = record_account("quickbooks", environment, clock, tmp_path, MemoryKeeper())
        with pytest.raises(AuthExpired):
            list(recording)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        (
            "quickbooks",
            "To record from a sandbox account at QuickBooks Online, set QUICKBOOKS_REALM_ID, "
            "QUICKBOOKS_CLIENT_ID, QUICKBOOKS_CLIENT_SECRET, QUICKBOOKS_REFRESH_TOKEN: "
            "cassettes/README.md says where to find them.",
        ),
        (
            "harvest",
            "To record from a sandbox account at Harvest, set HARVEST_ACCOUNT_ID, "
            "HARVEST_CONTACT, HARVEST_ACCESS_TOKEN: cassettes/README.md says where to find them.",
        ),
        (
            "salesforce",
            "To record from a sandbox account at Salesforce, set SALESFORCE_CONSUMER_KEY, "
            "SALESFORCE_PRIVATE_KEY or SALESFORCE_CLIENT_SECRET: cassettes/README.md says where "
            "to find them.",
        ),
    ],
)
def test_without_credentials_one_sentence_names_the_variables(
    slug: str, said: str, tmp_path: Path
) -> None:
    ours = {n: v for n, v in os.environ.items() if not n.startswith(slug.upper())}
    done = subprocess.run(
        [sys.executable, "-m", "tests.connectors.record", slug, "--live"],
        cwd=ROOT, env=ours, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{said}\n")


def test_a_real_company_is_never_written_to() -> None:
    """Whatever the environment says, records go to Intuit's host for sandbox companies."""
    vendor = RIGS["quickbooks"].make(VirtualClock(NOW))
    environment = credentials("quickbooks", vendor, "")
    environment["QUICKBOOKS_ENVIRONMENT"] = "production"
    connector = connectors()["quickbooks"]
    settings, _ = account_of(connector, environment)
    host = "https://sandbox-quickbooks.api.intuit.com/"
    assert connector.base_url(settings).startswith(host)


def test_settings_that_do_not_fit_are_told_in_the_connectors_words(tmp_path: Path) -> None:
    environment = {
        "SALESFORCE_CONSUMER_KEY": "3MVG9",
        "SALESFORCE_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----",
    }
    with pytest.raises(Misconfigured) as caught:
        list(record_account("salesforce", environment, VirtualClock(NOW), tmp_path, MemoryKeeper()))
    assert str(caught.value) == (
        "The sandbox account at Salesforce cannot be used: flow jwt needs `username`, the "
        "Salesforce user to sign in as."
    )


def test_a_refresh_token_that_the_vendor_replaced_is_told() -> None:
    connector, environment = connectors()["quickbooks"], {"QUICKBOOKS_REFRESH_TOKEN": "RT1-old"}
    same, other = MemoryKeeper({"refresh": "RT1-old"}), MemoryKeeper({"refresh": "RT1-new"})
    assert replaced_secret(connector, environment, same) == ""
    assert replaced_secret(connector, environment, MemoryKeeper()) == ""
    assert replaced_secret(connector, environment, other) == (
        "QuickBooks Online replaced the secret in QUICKBOOKS_REFRESH_TOKEN: put this one there.\n"
        "RT1-new"
    )


def test_the_page_names_every_variable() -> None:
    page = (CASSETTES / "README.md").read_text(encoding="utf-8")
    for slug in RIGS:
        for said in variables(connectors()[slug]):
            for name in said.split(" or "):
                assert f"`{name}`" in page
