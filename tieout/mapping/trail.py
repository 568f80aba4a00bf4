"""Why a value came out: each step names the value, the rule's line and the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One decided value."""

    field: str  # `project.name`, `budgets[Hours].amount`, `role`
    value: str  # as text; "" for nothing
    origin: str  # where the rule is written, `mappings/deals.yaml:31`; "" = not by a rule
    because: str = ""  # what the rule looked at


Trail = tuple[Step, ...]


def explain(trail: Trail) -> list[str]:
    """The trail for people, a line for each value."""
    return [_line(step) for step in trail]


def _line(step: Step) -> str:
    why = ", ".join(part for part in (step.because, step.origin) if part)
    return f"{step.field} = {step.value or '(empty)'}" + (f"  <- {why}" if why else "")
