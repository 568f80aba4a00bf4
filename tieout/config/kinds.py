"""The small kinds of value that settings are made of, each with its own words for a mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from tieout.config import records
from tieout.config.conditions import check_condition
from tieout.config.located import nearest
from tieout.config.records import Records
from tieout.config.templates import check_field, check_template
from tieout.model.money import is_currency

#: A unit rate may be finer than a cent; more digits than this are a slip of the keyboard.
MAX_DECIMALS = 6
_TOO_LARGE = Decimal(10) ** 12

_EVERY = re.compile(r"every (\d{1,4}) (minute|hour)s?")
_AT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a step runs: every so many minutes, at a local time of day, or never (both None)."""

    every_minutes: int | None = None
    at: time | None = None  # in the firm's time zone

    def __str__(self) -> str:
        if self.every_minutes is not None:
            return f"every {self.every_minutes} minutes"
        return f"{self.at:%H:%M}" if self.at else "off"


def parse_schedule(text: object) -> Schedule:
    """`every 5 minutes`, `every 2 hours`, `22:00` or `off`. Raises ValueError."""
    if isinstance(text, Schedule):
        return text
    if text == "off":
        return Schedule()
    if isinstance(text, str):
        every = _EVERY.fullmatch(text)
        if every and int(every[1]) > 0:
            return Schedule(every_minutes=int(every[1]) * (60 if every[2] == "hour" else 1))
        at = _AT.fullmatch(text)
        if at:
            return Schedule(at=time(int(at[1]), int(at[2])))
    raise ValueError(
        f"'{text}' is not a schedule; write `every 5 minutes`, `every 1 hour`,"
        ' "22:00" (the firm\'s time) or `off`'
    )


def _currency(code: str) -> str:
    if is_currency(code):
        return code
    hint = f"; did you mean '{code.upper()}'?" if is_currency(code.upper()) else ""
    raise ValueError(f"unknown currency '{code}'{hint or '; write an ISO 4217 code such as USD'}")


@cache
def _time_zones() -> list[str]:
    return sorted(available_timezones())


def _time_zone(name: str) -> str:
    if name in _time_zones():
        return name
    hint = nearest(name, _time_zones()) or "; write one such as Europe/Paris"
    raise ValueError(f"unknown time zone '{name}'{hint}")


def _country(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise ValueError(f"'{code}' is not a country; write its two capital letters such as US")
    return code


def _sensible(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError(f"{amount} is negative")
    if amount.is_finite() and amount >= _TOO_LARGE:
        raise ValueError(f"{amount} is larger than any amount here can be")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS:
        raise ValueError(f"{amount} has more than {MAX_DECIMALS} decimals")
    return amount


def _exact(value: object) -> object:
    # A bool is an int to Python; `rate: true` must not become 1.
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("must be a number such as 200 or 200.00")
    return value


def _no_text(value: object) -> object:
    # `terms:` with nothing behind it means the same as leaving it out.
    return "" if value is None else value


def _field_or_amount(value: object) -> object:
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _date_text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


Currency = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Country = Annotated[str, AfterValidator(_country)]
#: Exact, zero or more. YAML numbers arrive as Decimal, so 200.10 stays 200.10.
Amount = Annotated[Decimal, BeforeValidator(_exact), AfterValidator(_sensible)]
Text = Annotated[str, BeforeValidator(_no_text)]
Name = Annotated[str, Field(min_length=1)]
ScheduleText = Annotated[
    Schedule,
    PlainValidator(parse_schedule),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(every \d{1,4} (minute|hour)s?|\d\d:\d\d|off)$"}
    ),
]


def _condition(known: Records) -> AfterValidator:
    def checked(text: str) -> str:
        check_condition(text, known)
        return text

    return AfterValidator(checked)


def _template(known: Records) -> AfterValidator:
    def checked(text: str) -> str:
        check_template(text, known)
        return text

    return AfterValidator(checked)


def _amount_of(known: Records) -> AfterValidator:
    def checked(text: str) -> str:
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            _sensible(Decimal(text))
        elif text:
            check_field(text, known)
        return text

    return AfterValidator(checked)


def _date_of(known: Records) -> AfterValidator:
    def checked(text: str) -> str:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            date.fromisoformat(text)
        elif text:
            check_field(text, known)
        return text

    return AfterValidator(checked)


DealCondition = Annotated[str, _condition(records.DEAL_CONDITION)]
LineCondition = Annotated[str, _condition(records.DEAL_LINE_CONDITION)]
EntryCondition = Annotated[str, _condition(records.ENTRY_CONDITION)]
LedgerLineCondition = Annotated[str, _condition(records.LINE_CONDITION)]
LedgerDocumentCondition = Annotated[str, _condition(records.DOCUMENT_RECORDS)]
DealTemplate = Annotated[str, BeforeValidator(_no_text), _template(records.DEAL_TEMPLATE)]
LineTemplate = Annotated[str, BeforeValidator(_no_text), _template(records.DEAL_LINE_TEMPLATE)]
DocumentTemplate = Annotated[str, BeforeValidator(_no_text), _template(records.DOCUMENT_RECORDS)]
#: A fixed amount, or a field that holds one: `line.total`, `deal.fields.Cap__c`. "" = none.
AmountOf = Annotated[str, BeforeValidator(_field_or_amount), _amount_of(records.DEAL_VALUE)]
#: A fixed date, or a field that holds one: `line.service_date`. "" = none.
DateOf = Annotated[str, BeforeValidator(_date_text), _date_of(records.DEAL_VALUE)]
