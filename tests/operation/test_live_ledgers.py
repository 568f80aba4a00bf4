"""A look at a live account of each ledger that is looked at so: all is read, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.books import push_until_settled, ready_to_push
from tests.scenarios.firm import small_firm
from tieout.connectors.registry import connectors
from tieout.sync.approve import approve
from tieout.sync.credit import credit
from tieout.sync.findings import Verdict
from tieout.sync.live import live
from tieout.sync.measure import measure

LEDGERS = sorted(slug for slug, one in connectors().items() if one.about)


@pytest.mark.parametrize("ledger", LEDGERS)
def test_every_stream_is_read_and_nothing_is_written(ledger: str, tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger=ledger) as firm:
        first, _ = ready_to_push(firm)
        approve(firm.engine, [credit(firm.engine, first.number).id])
        push_until_settled(firm)
        firm.clock.advance(3600)
        before = len(firm.world.ledger.vendor.write_calls)
        found = list(live(firm.engine, "ledger"))
        wrong = [one for one in found if one.verdict is not Verdict.FINE]
        assert [one for one in wrong if one.check != "connection"] == []
        ours = firm.engine.connection("ledger")
        streams = [one for one in ours.connector.streams if one.applies(ours.settings)]
        read = [one.where for one in found if one.check == "read"]
        assert read == [f"ledger/{stream.name}" for stream in streams]
        assert len(firm.world.ledger.vendor.write_calls) == before


@pytest.mark.parametrize("ledger", LEDGERS)
def test_what_is_measured_stands_in_no_way(ledger: str, tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2, ledger=ledger) as firm:
        facts = measure(firm.engine, firm.engine.connection("ledger"))
        told = {one.what: one.value for one in facts}
        # NetSuite's is not told: its tax codes are records, never words as in QuickBooks.
        country = "not told" if ledger == "netsuite" else "US"
        assert (told["country"], told["home currency"]) == (country, "USD")
        assert [one.what for one in facts if one.problem] == []
