"""What a look at an installation or an account found, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding means."""

    FINE = "fine"
    WORTH_A_LOOK = "worth a look"  # works now
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    check: str  # `connection`, `disk`
    where: str
    verdict: Verdict
    text: str
    what_to_do: str = ""


def fine(check: str, where: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, where=where, verdict=Verdict.FINE, text=text)


def worth_a_look(check: str, where: str, text: str, what_to_do: str) -> Finding:
    """It works now."""
    verdict = Verdict.WORTH_A_LOOK
    return Finding(check=check, where=where, verdict=verdict, text=text, what_to_do=what_to_do)


def wrong(check: str, where: str, text: str, what_to_do: str) -> Finding:
    """It stops the work, or breaks a promise."""
    verdict = Verdict.PROBLEM
    return Finding(check=check, where=where, verdict=verdict, text=text, what_to_do=what_to_do)
