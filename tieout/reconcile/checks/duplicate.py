"""R03: does any document of ours stand in the ledger more than once?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each live copy beyond the first."""
    for document in books.documents:
        live = [match for match in books.matches[document.id] if not match.invoice.voided]
        for copy in live[1:]:
            yield Discrepancy(
                cls=DiscrepancyClass.R03,
                subject=f"{document.kind}:{books.ledger}/{copy.invoice.remote_id}",
                title=f"{document.number} stands in the ledger {len(live)} times",
                ours=str(document.total),
                theirs=str(copy.invoice.total),
                amount=-copy.invoice.total.amount,
                currency=document.currency,
                explanation=(
                    f"Record {copy.invoice.remote_id} agrees by {copy.by} with a document that "
                    f"record {live[0].invoice.remote_id} already is."
                ),
                what_to_do=f"Void {copy.invoice.remote_id} over there if nothing was paid on it.",
                evidence=tuple(books.said_of(match.invoice) for match in live),
            )
