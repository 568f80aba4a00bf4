"""R01: is every document of ours in the ledger?"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.model.document import DocumentStatus
from tieout.reconcile.books import Books, Sent

_SAYS = {
    "held": "the push was refused and waits for a person",
    "unknown": "its answer was lost and its outcome is still being looked for",
    "sent": "it was sent and no answer has been settled yet",
    "confirmed": "it was there after the push and is not there now",
}
_DO = {
    "held": "Read the refusal in `tieout held`, put it right, then `tieout retry {number}`.",
    "unknown": "Run `tieout push`: it looks before it sends again.",
    "sent": "Run `tieout push`: it looks before it sends again.",
    "confirmed": "Ask who deleted it. If it must stand, `tieout retry {number} --again`.",
}


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each document that should stand in the ledger and does not."""
    for document in books.documents:
        sent = books.sent.get(document.id)
        waiting = sent is None or sent.state in ("pending", "claimed")
        if sent is not None and sent.state == "confirmed" and not books.read_since(sent):
            continue  # pushed after the ledger was last read: R20 says so
        if books.matches[document.id] or waiting or document.status is DocumentStatus.VOID:
            continue
        state = sent.state if isinstance(sent, Sent) else ""
        said = f" The ledger said: {sent.error}" if isinstance(sent, Sent) and sent.error else ""
        yield Discrepancy(
            cls=DiscrepancyClass.R01,
            subject=f"document:{document.id}",
            title=f"{document.number} for {books.client_of(document)} is not in the ledger",
            ours=str(document.total),
            theirs="",
            amount=document.total.amount,
            currency=document.currency,
            explanation=f"The document is approved; {_SAYS.get(state, state)}.{said}",
            what_to_do=_DO.get(state, "").format(number=document.number),
            evidence=(document.number, *((sent.key,) if sent else ())),
        )
