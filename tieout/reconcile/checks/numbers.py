"""R16: are our numbers without gap and used once?"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from tieout.model.discrepancy import Discrepancy, DiscrepancyClass
from tieout.reconcile.books import Books

_TAIL = re.compile(r"^(?P<head>.*?)(?P<digits>\d+)$")


def check(books: Books) -> Iterator[Discrepancy]:
    """One for each number left out of a series that starts at its lowest, or used twice."""
    for number, uses in Counter(document.number for document in books.documents).items():
        if uses > 1:
            yield _found(number, f"used {uses} times", "Two documents carry the same number.")
    series: dict[str, dict[int, str]] = defaultdict(dict)
    for document in books.documents:
        if tail := _TAIL.match(document.number):
            series[tail["head"]][int(tail["digits"])] = tail["digits"]
    for head, used in sorted(series.items()):
        width = len(used[min(used)])
        for missing in sorted(set(range(min(used), max(used))) - set(used)):
            text = "No document carries this number, though later ones exist."
            yield _found(f"{head}{missing:0{width}}", "left out", text)


def _found(number: str, what: str, explanation: str) -> Discrepancy:
    return Discrepancy(
        cls=DiscrepancyClass.R16,
        subject=f"number:{number}",
        title=f"Number {number} is {what}",
        ours=what,
        theirs="",
        amount=None,
        explanation=explanation,
        what_to_do="Numbers are taken by the approval alone: run `tieout audit verify`.",
        evidence=(number,),
    )
