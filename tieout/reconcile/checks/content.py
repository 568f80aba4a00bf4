"""R04, R05, R06: do totals, lines and tax agree to the cent?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.document import Document, DocumentKind, DocumentStatus
from tieout.model.money import Money
from tieout.model.settlement import LineFigures, RemoteInvoice, our_lines, their_lines
from tieout.reconcile.books import Books, named

_DO = {
    DocumentKind.INVOICE: (
        "Put the ledger's invoice back, or issue a credit note and a new invoice."
    ),
    DocumentKind.CREDIT_NOTE: "Put the ledger's credit note back.",
}


def check(books: Books) -> Iterator[Discrepancy]:
    """At most one for total, lines and tax of each document; voided ones belong to R09."""
    for document in books.documents:
        if document.status is DocumentStatus.VOID:
            continue
        for match in books.matches[document.id][:1]:
            if not match.invoice.voided:
                yield from _total(books, document, match.invoice)
                yield from _lines(books, document, match.invoice)
                yield from _tax(books, document, match.invoice)


def _total(books: Books, document: Document, invoice: RemoteInvoice) -> Iterator[Discrepancy]:
    theirs = invoice.total - invoice.tax
    difference = document.total.amount - theirs.amount
    if abs(difference) <= books.tolerance:
        return
    yield Discrepancy(
        cls=DiscrepancyClass.R04,
        subject=f"document:{document.id}",
        title=f"{document.number} for {books.client_of(document)}: the total differs",
        ours=str(document.total),
        theirs=str(theirs),
        amount=difference,
        currency=document.currency,
        explanation=(
            f"The document was approved over {document.total}; the ledger now says {theirs} "
            f"before tax (record {invoice.remote_id}, revision {invoice.revision}). It agreed "
            "when it was pushed, so it was edited there afterwards."
        ),
        what_to_do=_DO[document.kind],
        evidence=(document.number, books.said_of(invoice)),
    )


def _lines(books: Books, document: Document, invoice: RemoteInvoice) -> Iterator[Discrepancy]:
    ours, theirs = our_lines(document), their_lines(invoice)
    if ours == theirs:
        return
    only_ours = sorted((ours - theirs).elements())
    only_theirs = sorted((theirs - ours).elements())
    yield Discrepancy(
        cls=DiscrepancyClass.R05,
        subject=f"document:{document.id}",
        title=f"{document.number} for {books.client_of(document)}: the lines differ",
        ours="; ".join(map(_say, only_ours)) or "no other line",
        theirs="; ".join(map(_say, only_theirs)) or "no other line",
        amount=sum((r[2] for r in only_ours), Decimal(0))
        - sum((r[2] for r in only_theirs), Decimal(0)),
        currency=document.currency,
        explanation="Quantity, rate and amount of each line are compared; the order is not.",
        what_to_do=(
            "Compare the lines with `tieout explain`, then put the ledger's "
            f"{named(document.kind)} back."
        ),
        evidence=(document.number, books.said_of(invoice)),
    )


def _say(row: LineFigures) -> str:
    quantity, rate, amount = row
    return f"{quantity:f} x {rate:f} = {amount:f}"


def _tax(books: Books, document: Document, invoice: RemoteInvoice) -> Iterator[Discrepancy]:
    sent, estimate = books.sent.get(document.id), books.taxes.get(document.id)
    if sent is not None and sent.tax is not None and sent.tax != invoice.tax.amount:
        yield _tax_differs(
            books,
            document,
            invoice,
            Money(sent.tax, document.currency),
            "At the push the ledger answered another figure.",
            "Ask who changed the tax code or the rate in the ledger.",
        )
    elif estimate is not None and estimate.total != invoice.tax:
        codes = "; ".join(map(str, estimate.codes))
        yield _tax_differs(
            books,
            document,
            invoice,
            estimate.total,
            f"The ledger computes the tax; ours is an estimate, {estimate.rounded}. {codes}.",
            "Compare the rates in the ledger with taxes.rates in mappings/ledger.yaml. If only the "
            "rounding differs, set taxes.rounding as the ledger does it, or policies.tolerance.",
        )


def _tax_differs(
    books: Books,
    document: Document,
    invoice: RemoteInvoice,
    ours: Money,
    explanation: str,
    what_to_do: str,
) -> Discrepancy:
    difference = ours.amount - invoice.tax.amount
    tolerated = abs(difference) <= books.tolerance
    within = f"Nothing: it is within the tolerance of {books.tolerance:f} {document.currency}."
    return Discrepancy(
        cls=DiscrepancyClass.R06,
        subject=f"document:{document.id}",
        title=f"{document.number} for {books.client_of(document)}: the tax differs",
        ours=str(ours),
        theirs=str(invoice.tax),
        amount=difference,
        currency=document.currency,
        explanation=explanation,
        what_to_do=within if tolerated else what_to_do,
        evidence=(document.number, books.said_of(invoice)),
        needs_action=not tolerated,
    )
