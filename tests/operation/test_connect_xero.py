"""Somebody signs in to Xero at its own page, with the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.operation.test_connect import GIVEN, Office
from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk
from tieout.clock import VirtualClock
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import write_workspace
from tieout.sandbox.serving import Served
from tieout.sandbox.world import World
from tieout.sandbox.xero import Xero


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A firm whose ledger is Xero; nobody has its refresh token."""
    clock = VirtualClock(firms.START)
    world = World(clock, preset="empty", vendors=("salesforce", "harvest", "xero"))
    facts = demo_firm(world, people=3, projects=2)
    write_workspace(tmp_path, firms.hosts(world), facts.rates, facts.instalment_days)
    with Served(world.vendors["xero"]) as served:
        file = tmp_path / "tieout.yaml"
        text = file.read_text("utf-8").replace("http://xero.local", served.base_url)
        assert GIVEN in text
        file.write_text(text.replace(GIVEN, ""), encoding="utf-8")
        yield Office(Desk(tmp_path, world, clock))


def vendor(office: Office) -> Xero:
    found = office.desk.world.vendors["xero"]
    assert isinstance(found, Xero)
    return found


def test_a_browser_brings_the_token_and_the_books_answer(office: Office) -> None:
    said = office.connects(0)
    tenant = vendor(office).tenant_id
    assert said == f"ledger is connected to Fernhill Partners ({tenant})."
    asked = parse_qs(urlsplit(office.browser.seen[0]).query)
    assert asked["scope"][0].startswith("offline_access accounting.invoices ")
    assert asked["redirect_uri"] == [office.back]
    stored = office.stored()
    assert (stored["company"], stored["origin"]) == (tenant, "browser")
    # The next command needs no refresh token from anybody.
    assert office.types("pullback").exit_code == 0


def test_signing_in_anew_is_for_the_same_organisation(office: Office) -> None:
    office.connects(0)
    before = office.stored()
    office.connects(0, "--sign-in")
    after = office.stored()
    assert after["refresh"] != before["refresh"]
    assert after["company"] == before["company"]


def test_an_organisation_that_the_consent_does_not_open_is_named(office: Office) -> None:
    mine = vendor(office).tenant_id
    other = vendor(office).add_organisation("Second Ltd")
    vendor(office).disconnect(mine)
    assert office.connects(2) == (
        f"Error: wrong company: ledger belongs to {mine}, and the sign-in reaches: Second Ltd "
        f"({other}). Nothing was changed. Sign in there, or correct settings.tenant_id of this "
        "connection in tieout.yaml."
    )
    assert office.stored() == {}


def test_a_revoked_sign_in_is_walked_again(office: Office) -> None:
    office.connects(0)
    vendor(office).sign_in.revoke_all()
    result = office.types(f"connect ledger --redirect {office.back}")
    assert result.exit_code == 0, result.output
    assert len(office.browser.seen) == 2
