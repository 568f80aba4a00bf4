"""R18: was approved work left off the invoices of its period?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each approved, billable work item of a billed period that no document carries."""
    for work in books.unbilled:
        hours = f"{Decimal(work.seconds) / 3600:.4g} h"
        yield Discrepancy(
            cls=DiscrepancyClass.R18,
            subject=f"work:{work.work_id}",
            title=f"{hours} by {work.person} for {work.client} on {work.work_date} not billed",
            ours=str(work.value) if work.value else hours,
            theirs="",
            amount=work.value.amount if work.value else None,
            currency=work.value.currency if work.value else "",
            explanation=f"{work.project}, {work.task}: {work.reason}",
            what_to_do="Bill the period again: what is already on an invoice stays where it is.",
            evidence=(work.work_id,),
        )
