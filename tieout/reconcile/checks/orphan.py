"""R02: does the ledger hold documents for our clients that we did not issue?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.document import DocumentKind
from tieout.reconcile.books import Books, named

_A = {DocumentKind.INVOICE: "an", DocumentKind.CREDIT_NOTE: "a"}
_DO = {
    DocumentKind.INVOICE: "If it was typed in by hand, bill its work there only or void it there.",
    DocumentKind.CREDIT_NOTE: (
        "Ask who gave the credit. If it is for an invoice of ours, delete it there and use "
        "`tieout credit`."
    ),
}


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each document of a mapped customer, dated since our first one, that is not ours.

    Older ones belong to the time before Tieout and are left alone.
    """
    if not books.documents:
        return
    first = min(document.issue_date for document in books.documents)
    for invoice in books.remote:
        ours = invoice.remote_id in books.claimed
        client = books.customers.get(invoice.customer_id)
        in_scope = bool(invoice.key) or (client is not None and invoice.issue_date >= first)
        if ours or invoice.voided or not in_scope:
            continue
        what = named(invoice.kind)
        owed = 1 if invoice.kind is DocumentKind.CREDIT_NOTE else -1
        name = books.clients.get(client or "", "a client we do not know")
        yield Discrepancy(
            cls=DiscrepancyClass.R02,
            subject=f"{invoice.kind}:{books.ledger}/{invoice.remote_id}",
            title=f"{invoice.number or invoice.remote_id} for {name} was not issued by us",
            ours="",
            theirs=str(invoice.total),
            amount=owed * invoice.total.amount,
            currency=invoice.total.currency,
            explanation=(
                f"The ledger holds {_A[invoice.kind]} {what} of this client that no document of "
                "ours is."
            ),
            what_to_do=_DO[invoice.kind],
            evidence=(books.said_of(invoice),),
        )
