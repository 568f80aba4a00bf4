"""What is stored late under an earlier moment is read all the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.scenarios.books import push_until_settled, ready_to_push
from tests.scenarios.firm import small_firm
from tieout.model.document import DocumentStatus
from tieout.store import documents

#: Seconds by which a vendor may be late in showing what it stored.
LATE_S = 120


@pytest.mark.parametrize("ledger", ["quickbooks", "xero", "netsuite"])
def test_a_payment_that_shows_late_is_read_by_the_next_look(ledger: str, tmp_path: Path) -> None:
    """Two readings overlap: the second asks again for the end of the first one's time."""
    with small_firm(tmp_path, people=3, projects=1, ledger=ledger) as firm:
        (document,) = ready_to_push(firm)
        push_until_settled(firm)
        firm.clock.advance(3600)
        firm.look_at_the_ledger()
        side = firm.world.ledger
        (invoice,) = side.invoices()
        side.date_back(firm.clock.now() - timedelta(seconds=LATE_S))
        side.pay({invoice.id: invoice.balance})
        side.date_back(None)
        firm.clock.advance(3600)
        firm.look_at_the_ledger()
        with firm.engine.store.read() as tx:
            found = documents.get(tx, document.id)
        assert found is not None
        assert found.status is DocumentStatus.PAID
