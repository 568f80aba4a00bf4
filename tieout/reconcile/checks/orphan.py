"""R02: does the ledger hold invoices for our clients that we did not issue?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each invoice of a mapped customer, dated since our first document, that is not ours.

    Older invoices belong to the time before Tieout and are left alone.
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
        name = books.clients.get(client or "", "a client we do not know")
        yield Discrepancy(
            cls=DiscrepancyClass.R02,
            subject=f"invoice:{books.ledger}/{invoice.remote_id}",
            title=f"{invoice.number or invoice.remote_id} for {name} was not issued by us",
            ours="",
            theirs=str(invoice.total),
            amount=-invoice.total.amount,
            currency=invoice.total.currency,
            explanation="The ledger holds an invoice of this client that no document of ours is.",
            what_to_do="If it was typed in by hand, bill its work there only or void it there.",
            evidence=(f"{books.ledger}/invoices/{invoice.remote_id}",),
        )
