"""R12: is every credit of ours set against an invoice?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.document import DocumentKind
from tieout.reconcile.books import Books

#: States of an allocation that is still on its way.
_COMING = ("pending", "claimed", "sent", "unknown")


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each credit note of ours with a rest that no invoice used."""
    numbers = {document.id: document.number for document in books.documents}
    for document in books.documents:
        sent = books.sent.get(document.id)
        if document.kind is not DocumentKind.CREDIT_NOTE or sent is None:
            continue
        if not books.read_since(sent) or sent.allocation in _COMING:
            continue
        live = [m.invoice for m in books.matches[document.id][:1] if not m.invoice.voided]
        for remote in (each for each in live if each.balance):
            invoice = numbers.get(document.credits, "its invoice")
            why = f" It was not set against {invoice}: {sent.unapplied}" if sent.unapplied else ""
            yield Discrepancy(
                cls=DiscrepancyClass.R12,
                subject=f"document:{document.id}",
                title=(
                    f"{remote.balance} of {document.number} for {books.client_of(document)} is "
                    "not applied"
                ),
                ours=str(document.total),
                theirs=str(remote.balance),
                amount=remote.balance.amount,
                currency=document.currency,
                explanation=(
                    f"The credit note over {remote.total} credits {invoice}; {remote.balance} of "
                    f"it is set against no invoice.{why}"
                ),
                what_to_do="Set it against an open invoice of the client there, or refund it.",
                evidence=(document.number, books.said_of(remote)),
            )
