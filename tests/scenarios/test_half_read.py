"""What was read of the ledger only by half is not taken for what the ledger has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.books import assert_each_once, billed_and_approved, push_until_settled, rows
from tests.scenarios.firm import JANUARY, small_firm
from tieout.errors import Transient
from tieout.sync.pullback import pullback
from tieout.sync.push import push


def test_a_list_that_was_not_read_holds_no_invoice_and_makes_no_customer(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        firm.pull()
        busy = {"kind": "reply", "status": 503, "times": 3}
        firm.world.quickbooks.faults.add(**busy, path="/query", body="")  # the first list asked for
        failed = [one.stream for one in pullback(firm.engine).pulled if one.error]
        assert failed == ["customers"]
        billed_and_approved(firm, JANUARY)
        with pytest.raises(Transient) as told:
            push(firm.engine)
        assert told.value.text == (
            "ledger: customers were not read to their end yet. Run `tieout pullback`, then push."
        )
        assert firm.world.quickbooks.write_calls == []
        assert {row.state.value for row in rows(firm)} == {"pending"}
        firm.look_at_the_ledger()
        push_until_settled(firm)
        assert_each_once(firm)
