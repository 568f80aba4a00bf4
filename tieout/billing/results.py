"""What billing answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tieout.model.document import Document, HoldReason, Line


class Held(NamedTuple):
    """A work item that is on no document yet, and why."""

    work_id: str
    reason: HoldReason
    text: str  # about this very item, for a bookkeeper


class NeverBilled(NamedTuple):
    """A work item that no invoice will ever carry as a line of its own, and why."""

    work_id: str
    text: str


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """One budget in one period. Its lines have no id yet: the document numbers them."""

    lines: tuple[Line, ...]
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingResult:
    """Drafts, and an answer for everything that is on none of them.

    Documents come in order of client, project and currency; the rest in order of
    work id.
    """

    documents: tuple[Document, ...]
    held: tuple[Held, ...]
    never_billed: tuple[NeverBilled, ...]
    already_billed: tuple[str, ...]  # entries given that an earlier document carries

    def billed(self) -> Iterator[str]:
        """The ids of the work items on the drafts: entries and instalments."""
        for document in self.documents:
            for line in document.lines:
                for share in line.work:
                    yield share.work_id
