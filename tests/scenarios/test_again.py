"""An invoice that somebody deleted in the ledger is made again, on a person's order only."""

from pathlib import Path

import pytest

from tests.scenarios.firm import JANUARY, Firm, small_firm
from tieout.errors import NotAllowed
from tieout.model.discrepancy import Discrepancy
from tieout.reconcile.run import reconcile
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.push import push
from tieout.sync.retry import retry_row


def differences(firm: Firm) -> tuple[Discrepancy, ...]:
    engine = firm.engine
    done = reconcile(
        engine.workspace,
        engine.store,
        list(engine.connections.values()),
        engine.ledger(),
        firm.folder / "reports",
    )
    return done.comparison.discrepancies


def test_a_deleted_invoice_is_made_again_once_and_never_while_it_stands(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=2) as firm:
        firm.pull()
        firm.look_at_the_ledger()
        bill(firm.engine, JANUARY)
        numbers = [d.number for d in approve(firm.engine, everything=True).documents]
        push(firm.engine)
        firm.clock.advance(60)
        firm.look_at_the_ledger()
        first = numbers[0]

        with pytest.raises(NotAllowed, match="still has it as record"):
            retry_row(firm.engine, first, again=True)

        books = firm.world.quickbooks.books
        (there,) = [row for row in books.live("Invoice") if row["DocNumber"] == first]
        books.delete_invoice(there["Id"])
        firm.clock.advance(60)
        firm.look_at_the_ledger()
        assert [one.cls.value for one in differences(firm)] == ["R01"]

        retry_row(firm.engine, first, again=True)
        push(firm.engine)
        push(firm.engine)
        firm.clock.advance(60)
        firm.look_at_the_ledger()
        assert sorted(row["DocNumber"] for row in books.live("Invoice")) == sorted(numbers)
        assert differences(firm) == ()
