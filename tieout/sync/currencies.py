"""Whether a document can go to the ledger in its currency, and at what rate."""

from __future__ import annotations

from decimal import Decimal

from tieout.config import LedgerRules
from tieout.mapping import Unresolved as NotThere
from tieout.model.document import Document
from tieout.model.settlement import ListEntry


def rate_of(document: Document, home: str, rules: LedgerRules) -> Decimal | None:
    """What the document's currency is worth in that of the books on its day; None where they are
    the same, and where the rules know none."""
    currency = document.currency
    return None if currency == home else rules.exchange_rate(currency, document.issue_date)


def needs_a_rate(document: Document, home: str, rate: Decimal | None) -> str:
    """Why the document cannot go without a rate, "" when it has one or needs none."""
    currency = document.currency
    if currency == home or rate is not None:
        return ""
    return (
        f"{document.number or document.id} is in {currency} and the books in {home}: an "
        f"exchange rate is needed and none is known for {document.issue_date}. Write it under "
        f"exchange_rates.{currency} in mappings/ledger.yaml. Nothing is ever sent at a "
        "rate of 1."
    )


def kept_in_another(document: Document, kept: ListEntry | NotThere) -> str:
    """Why a customer that is kept in one currency cannot have the document, "" when it can."""
    if isinstance(kept, NotThere) or kept.currency in ("", document.currency):
        return ""
    return (
        f"{document.number or document.id} is in {document.currency}, and the customer "
        f"{kept.name} is kept in {kept.currency} in the ledger, which cannot be changed. Make "
        f"a customer in {document.currency} there, pull, and give its name under "
        "customers.names in mappings/ledger.yaml."
    )
