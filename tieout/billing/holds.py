"""What each hold means, and what a bookkeeper does about it. The documentation is made from it."""

from __future__ import annotations

from typing import NamedTuple

from tieout.model.document import HoldReason


class HoldWords(NamedTuple):
    """One sentence each, for a person who keeps books."""

    meaning: str
    what_to_do: str


HOLD_WORDS: dict[HoldReason, HoldWords] = {
    HoldReason.NOT_APPROVED: HoldWords(
        "The work is billable, but nobody has approved it in the time tool.",
        "Have it approved there; the next billing run of this period takes it.",
    ),
    HoldReason.NO_RATE: HoldWords(
        "No rate applies to this person, role and task on that day in the project's currency.",
        "Add a rate, or extend the dates of one, and bill the period again. "
        "Work is never billed at zero for want of a rate.",
    ),
    HoldReason.NO_PROJECT: HoldWords(
        "The work belongs to no project that Tieout knows.",
        "Map the time tool's project to one of ours, or correct the entry in the time tool.",
    ),
    HoldReason.UNMAPPED: HoldWords(
        "The project is known, but its client or the budget this work falls under is not.",
        "Map the client, or name the task on one of the project's budgets.",
    ),
    HoldReason.BUDGET_CLOSED: HoldWords(
        "The project is closed, so nothing more is billed on it.",
        "Reopen the project to bill this, or mark the work as not billable.",
    ),
    HoldReason.CURRENCY_MISSING: HoldWords(
        "The project has no currency that Tieout knows.",
        "Set the project's currency and bill the period again.",
    ),
    HoldReason.RUNNING: HoldWords(
        "The timer of this entry has not been stopped, so its hours are not known yet.",
        "Stop the timer in the time tool and have the entry approved.",
    ),
    HoldReason.BILLED_UPSTREAM: HoldWords(
        "The time tool says that this work is on an invoice already.",
        "Check that invoice. If there is none, clear the mark in the time tool.",
    ),
    HoldReason.BAD_HOURS: HoldWords(
        "The hours cannot be right: below zero, or more in one day than the workspace allows.",
        "Correct the entry in the time tool, or raise the limit of hours a day.",
    ),
    HoldReason.ZERO_TOTAL: HoldWords(
        "The invoice it would stand on comes to zero, and such an invoice is not issued.",
        "Mark the work as not billable, correct its rate, or let it wait for the next invoice.",
    ),
    HoldReason.DISPUTED: HoldWords(
        "The client disputes this work.",
        "Settle it with the client, then lift the dispute.",
    ),
    HoldReason.OUTSIDE_PERIOD: HoldWords(
        "The day of the work, or the due date of the instalment, is not in the period billed.",
        "Bill the period it belongs to. An earlier period can be billed again: "
        "only what is on no invoice yet is taken.",
    ),
    HoldReason.BAD_TERMS: HoldWords(
        "The terms of the budget contradict themselves, so no amount can be worked out.",
        "Correct the budget as the text says and bill the period again.",
    ),
}
