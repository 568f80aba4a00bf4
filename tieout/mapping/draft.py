"""Values on their way: filled in one by one, with their trail, collecting every problem."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from tieout.config.conditions import ConditionFailed, Value, answer
from tieout.config.located import Section, nearest
from tieout.config.templates import FieldMissing, fill, read_field
from tieout.mapping.trail import Step
from tieout.model.money import Money, is_currency


class Draft:
    """Applies rules to the records of one deal, entry or document."""

    def __init__(self, records: Mapping[str, Value]) -> None:
        self.records = records
        self.problems: list[str] = []
        self.steps: list[Step] = []

    def note(self, field: str, value: str, origin: str, because: str = "") -> None:
        self.steps.append(Step(field, value, origin, because))

    def holds(self, condition: str, origin: str, line: Mapping[str, Value] | None = None) -> bool:
        """Whether a condition holds; one without an answer is a problem and does not."""
        records = self.records if line is None else {**self.records, "line": line}
        try:
            return answer(condition, records)
        except ConditionFailed as error:
            self.problems.append(f"the condition at {origin} has no answer here: {error}")
            return False

    def text(
        self,
        field: str,
        template: str,
        rule: Section,
        key: str,
        line: Mapping[str, Value] | None = None,
    ) -> str:
        """A filled template."""
        records = self.records if line is None else {**self.records, "line": line}
        origin = rule.origin_of(key)
        try:
            value = fill(template, records)
        except FieldMissing as error:
            self.problems.append(f"{field}: {error} ({origin})")
            return ""
        if value or template:
            self.note(field, value, origin, template if "{" in template else "")
        return value

    def amount(
        self,
        field: str,
        source: str,
        currency: str,
        origin: str,
        line: Mapping[str, Value] | None = None,
    ) -> Decimal | None:
        """An amount in whole minor units; None when the source is empty or a problem."""
        if not source:
            return None
        value = self._value(field, source, origin, line)
        if value is None:
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.problems.append(f"{field}: {str(value)[:40]!r} is not an amount ({origin})")
            return None
        if is_currency(currency) and not Money(amount, currency).is_whole:
            self.problems.append(
                f"{field}: {amount} {currency} has more decimals than the currency ({origin})"
            )
            return None
        self.note(field, f"{amount:f}", origin, source)
        return amount

    def day(
        self, field: str, source: str, origin: str, line: Mapping[str, Value] | None = None
    ) -> date | None:
        """A date; None when the source or what it leads to is empty."""
        if not source:
            return None
        value: Value
        if source[0].isdigit():
            value = source
        else:
            value = self._field(field, source, origin, line)
        if value is None or value == "":
            return None
        try:
            found = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
        except ValueError:
            self.problems.append(f"{field}: {str(value)[:40]!r} is not a date ({origin})")
            return None
        self.note(field, found.isoformat(), origin, source)
        return found

    def known(self, field: str, name: str, valid: tuple[str, ...], what: str, origin: str) -> None:
        """Add a problem unless the name is empty or one of the valid ones."""
        if name and name not in valid:
            hint = nearest(name, valid) or f"; known: {', '.join(valid) or 'none'}"
            self.problems.append(f"{field}: unknown {what} '{name}'{hint} ({origin})")

    def _value(
        self, field: str, source: str, origin: str, line: Mapping[str, Value] | None
    ) -> Value:
        if source[0].isdigit():
            return source
        missing = len(self.problems)
        value = self._field(field, source, origin, line)
        if (value is None or value == "") and len(self.problems) == missing:
            if not source.endswith("?"):
                self.problems.append(f"{field}: {source} is empty ({origin})")
            return None
        return value

    def _field(
        self, field: str, source: str, origin: str, line: Mapping[str, Value] | None
    ) -> Value:
        records = self.records if line is None else {**self.records, "line": line}
        try:
            return read_field(source, records)
        except FieldMissing as error:
            self.problems.append(f"{field}: {error} ({origin})")
            return None
