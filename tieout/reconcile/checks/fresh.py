"""R20: is what we compared fresh and complete?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each stream that did not come through completely within the allowed age, and
    one for pushes that the ledger's side has not been read since."""
    unread = [s for s in books.sent.values() if s.state == "confirmed" and not books.read_since(s)]
    if unread:
        yield Discrepancy(
            cls=DiscrepancyClass.R20,
            subject=f"unread:{books.ledger}",
            title=f"{len(unread)} documents were pushed after {books.ledger} was last read",
            ours=str(len(unread)),
            theirs="",
            amount=None,
            explanation="What is there of them is not known to this report.",
            what_to_do="Run `tieout pullback`, then reconcile again.",
            evidence=(books.ledger,),
        )
    oldest = books.as_of - timedelta(seconds=books.stale_after_s)
    for stream in books.freshness:
        if stream.last_success is not None and stream.last_success >= oldest:
            continue
        last = f"{stream.last_success:%Y-%m-%d %H:%M} UTC" if stream.last_success else "never"
        failed = f" The last try failed: {stream.last_failure}" if stream.last_failure else ""
        yield Discrepancy(
            cls=DiscrepancyClass.R20,
            subject=f"stream:{stream.connection}/{stream.stream}",
            title=f"{stream.connection}: {stream.stream} is stale",
            ours=last,
            theirs="",
            amount=None,
            explanation=f"This report compares figures last read {last}.{failed}",
            what_to_do=f"Run `tieout pull {stream.connection}`, then reconcile again.",
            evidence=(f"{stream.connection}/{stream.stream}",),
        )
