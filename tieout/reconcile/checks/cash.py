"""R10: is money received set against invoices?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each payment of a mapped customer with a part that no invoice took."""
    for payment in books.payments:
        client = books.customers.get(payment.customer_id)
        if client is None or payment.voided or not payment.unapplied:
            continue
        name = books.clients.get(client, client)
        yield Discrepancy(
            cls=DiscrepancyClass.R10,
            subject=f"payment:{books.ledger}/{payment.remote_id}",
            title=f"{payment.unapplied} from {name} is not applied to any invoice",
            ours="",
            theirs=str(payment.unapplied),
            amount=payment.unapplied.amount,
            currency=payment.unapplied.currency,
            explanation=(
                f"Payment {payment.reference or payment.remote_id} of {payment.paid_on} over "
                f"{payment.total} leaves {payment.unapplied} open."
            ),
            what_to_do="Apply it in the ledger to the invoice that the client meant.",
            evidence=(f"{books.ledger}/payments/{payment.remote_id}",),
        )
