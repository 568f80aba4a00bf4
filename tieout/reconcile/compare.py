"""Compare both sides: a pure function from books to discrepancies and control figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from tieout.model.discrepancy import Discrepancy
from tieout.model.document import DocumentKind, DocumentStatus
from tieout.model.settlement import RemoteInvoice
from tieout.reconcile.books import Books
from tieout.reconcile.checks import CHECKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side's roll-forward in one currency: invoiced - credited - paid = open."""

    invoices: int
    invoiced: Decimal  # with the ledger's tax
    credited: Decimal  # set against these invoices
    paid: Decimal
    open: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Both sides' figures in one currency, over the documents we issued."""

    currency: str
    ours: Side
    theirs: Side

    @property
    def unexplained(self) -> Decimal:
        """Open here less open there: 0.00 on books that agree."""
        return self.ours.open - self.theirs.open


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """What is open in the ledger on our documents, by days past the due date."""

    currency: str
    buckets: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The whole outcome of one reconciliation."""

    books: Books
    discrepancies: tuple[Discrepancy, ...]
    control: tuple[Control, ...]
    ageing: tuple[Ageing, ...]


def compare(books: Books) -> Comparison:
    """Run every check. The same books always give the same comparison."""
    found = [discrepancy for check in CHECKS for discrepancy in check(books)]
    return Comparison(
        books=books,
        discrepancies=tuple(found),
        control=tuple(_control(books)),
        ageing=tuple(_ageing(books)),
    )


def _live_matches(books: Books) -> list[RemoteInvoice]:
    """Our invoices that stand in the ledger."""
    return [
        match.invoice
        for found in books.matches.values()
        for match in found
        if not match.invoice.voided and match.invoice.kind is DocumentKind.INVOICE
    ]


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _control(books: Books) -> Iterable[Control]:
    live = _live_matches(books)
    pushed = [
        document
        for document in books.documents
        if document.status is not DocumentStatus.VOID
        and document.kind is DocumentKind.INVOICE
        and (sent := books.sent.get(document.id)) is not None
        and sent.state == "confirmed"
    ]
    for currency in sorted({document.currency for document in pushed}):
        mine = [document for document in pushed if document.currency == currency]
        theirs = [invoice for invoice in live if invoice.total.currency == currency]
        invoiced = _sum(d.total.amount + (books.sent[d.id].tax or Decimal(0)) for d in mine)
        credited, paid = _settled(books, theirs)
        their_total = _sum(invoice.total.amount for invoice in theirs)
        their_open = _sum(invoice.balance.amount for invoice in theirs)
        yield Control(
            currency=currency,
            ours=Side(
                invoices=len(mine),
                invoiced=invoiced,
                credited=credited,
                paid=paid,
                open=invoiced - credited - paid,
            ),
            theirs=Side(
                invoices=len(theirs),
                invoiced=their_total,
                credited=credited,
                paid=their_total - credited - their_open,
                open=their_open,
            ),
        )


def _settled(books: Books, invoices: list[RemoteInvoice]) -> tuple[Decimal, Decimal]:
    """What credit notes and what payments settle of these invoices, as we copied both."""
    known = {invoice.remote_id: invoice for invoice in invoices}
    sums = {True: Decimal(0), False: Decimal(0)}
    for payment in books.payments:
        for remote_id in {each.remote_document_id for each in payment.allocations} & known.keys():
            sums[payment.is_credit] += payment.settles(known[remote_id])
    return sums[True], sums[False]


_BUCKETS: tuple[tuple[str, Callable[[int], bool]], ...] = (
    ("not due", lambda days: days <= 0),
    ("1-30 days", lambda days: 1 <= days <= 30),
    ("31-60 days", lambda days: 31 <= days <= 60),
    ("61-90 days", lambda days: 61 <= days <= 90),
    ("over 90 days", lambda days: days > 90),
)


def _ageing(books: Books) -> Iterable[Ageing]:
    open_by_currency: dict[str, list[tuple[int, Decimal]]] = defaultdict(list)
    for invoice in _live_matches(books):
        late = (books.today - (invoice.due_date or invoice.issue_date)).days
        open_by_currency[invoice.balance.currency].append((late, invoice.balance.amount))
    for currency, balances in sorted(open_by_currency.items()):
        buckets = tuple(
            (name, _sum(amount for days, amount in balances if inside(days)))
            for name, inside in _BUCKETS
        )
        yield Ageing(currency=currency, buckets=buckets)
