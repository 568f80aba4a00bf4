"""An invoice in another currency than the books' waits: nothing is sent at a rate of one."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.books import ready_to_push, rows
from tests.scenarios.firm import small_firm
from tieout.sync.push import push


def test_dollars_for_books_in_euro_are_held_and_nothing_is_sent(tmp_path: Path) -> None:
    with small_firm(tmp_path, people=3, projects=1) as firm:
        firm.world.quickbooks.settings.home_currency = "EUR"
        (document,) = ready_to_push(firm)
        assert str(document.currency) == "USD"
        assert len(push(firm.engine).held) == 1
        invoices = [row for row in rows(firm) if row.writer == "invoice"]
        assert [(row.state.value, row.error_text) for row in invoices] == [
            (
                "held",
                f"{document.number} is in USD and the books in EUR: an exchange rate is needed "
                "and none is known. Nothing is ever sent at a rate of 1.",
            )
        ]
        assert list(firm.world.quickbooks.books.rows("Invoice")) == []
