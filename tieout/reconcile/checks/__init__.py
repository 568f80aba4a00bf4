"""One module, one question, one or two kinds of difference; pure functions of the books."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tieout.model.discrepancy import Discrepancy
from tieout.reconcile.books import Books
from tieout.reconcile.checks import (
    cash,
    content,
    credit,
    duplicate,
    fresh,
    missing,
    numbers,
    orphan,
    status,
    unbilled,
)

Check = Callable[[Books], Iterable[Discrepancy]]

#: In the order of the report.
CHECKS: tuple[Check, ...] = (
    missing.check,
    orphan.check,
    duplicate.check,
    content.check,
    status.check,
    cash.check,
    credit.check,
    numbers.check,
    unbilled.check,
    fresh.check,
)
