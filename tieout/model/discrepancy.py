"""What reconciliation finds: classes, and one explained difference."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tieout.model.ids import stable_id


class DiscrepancyClass(StrEnum):
    """The kinds of difference; R07 and the like that need a later model are not here yet."""

    R01 = "R01"
    R02 = "R02"
    R03 = "R03"
    R04 = "R04"
    R05 = "R05"
    R06 = "R06"
    R09 = "R09"
    R10 = "R10"
    R12 = "R12"
    R16 = "R16"
    R18 = "R18"
    R20 = "R20"

    @property
    def words(self) -> str:
        return _TITLES[self]


_TITLES = {
    DiscrepancyClass.R01: "Missing in the ledger",
    DiscrepancyClass.R02: "In the ledger, not ours",
    DiscrepancyClass.R03: "Twice in the ledger",
    DiscrepancyClass.R04: "Total differs",
    DiscrepancyClass.R05: "Line differs",
    DiscrepancyClass.R06: "Tax differs",
    DiscrepancyClass.R09: "Status differs",
    DiscrepancyClass.R10: "Cash not applied",
    DiscrepancyClass.R12: "Credit not applied",
    DiscrepancyClass.R16: "Number gap or reuse",
    DiscrepancyClass.R18: "Approved work not billed",
    DiscrepancyClass.R20: "Stale or partial data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One difference, named so that the next run knows it again."""

    cls: DiscrepancyClass
    subject: str  # what it is about, stable between runs: `invoice:doc_12ab`, `payment:ledger/77`
    title: str  # one line for a bookkeeper
    ours: str  # what our side says, "" for nothing
    theirs: str
    amount: Decimal | None  # the difference ours - theirs, None when money is not the point
    currency: str = ""
    explanation: str = ""
    what_to_do: str = ""
    evidence: tuple[str, ...] = ()  # references a person can look up
    needs_action: bool = True  # False: within the firm's tolerance, listed and no more

    @property
    def id(self) -> str:
        """The same in every run while the difference lasts."""
        return stable_id(self.cls.value.lower(), self.subject)
