"""R09: do both sides say the same about void and paid?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.document import Document, DocumentStatus
from tieout.model.settlement import RemoteInvoice
from tieout.reconcile.books import Books, named


def check(books: Books) -> Iterator[Discrepancy]:
    """One for a document voided on one side only, or whose balance no payment explains."""
    for document in books.documents:
        sent = books.sent.get(document.id)
        if sent is not None and not books.read_since(sent):
            continue  # something was done about it after the ledger was last read: R20 says so
        for match in books.matches[document.id][:1]:
            yield from _void(books, document, match.invoice)
            yield from _balance(books, document, match.invoice)


def _void(books: Books, document: Document, invoice: RemoteInvoice) -> Iterator[Discrepancy]:
    if invoice.voided == (document.status is DocumentStatus.VOID):
        return
    here, there = ("live", "void") if invoice.voided else ("void", "live")
    yield Discrepancy(
        cls=DiscrepancyClass.R09,
        subject=f"document:{document.id}",
        title=f"{document.number} for {books.client_of(document)} is {there} in the ledger",
        ours=here,
        theirs=there,
        amount=document.total.amount if invoice.voided else -document.total.amount,
        currency=document.currency,
        explanation=f"Our side holds the document as {here}, the ledger as {there}.",
        what_to_do="Ask who voided it; void it here too, or have it issued again.",
        evidence=(document.number, books.said_of(invoice)),
    )


def _balance(books: Books, document: Document, invoice: RemoteInvoice) -> Iterator[Discrepancy]:
    if invoice.voided:
        return
    paid = books.settled(invoice)
    settled = invoice.total.amount - invoice.balance.amount
    if abs(settled - paid) <= books.tolerance:
        return
    yield Discrepancy(
        cls=DiscrepancyClass.R09,
        subject=f"balance:{document.id}",
        title=f"{document.number} for {books.client_of(document)}: its balance is not explained",
        ours=f"payments {paid:f} {document.currency}",
        theirs=f"settled {settled:f} {document.currency}",
        amount=paid - settled,
        currency=document.currency,
        explanation=(
            f"The ledger says {invoice.balance} of {invoice.total} is open; the payments we "
            f"copied settle {paid:f}. Deposits or journal entries settle the rest."
        ),
        what_to_do=f"Look at the {named(document.kind)}'s linked transactions in the ledger.",
        evidence=(document.number, books.said_of(invoice)),
    )
