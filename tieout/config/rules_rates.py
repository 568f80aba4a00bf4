"""The settings of `mappings/rates.yaml`: rate cards and exceptions to them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from tieout.config.kinds import Amount, Currency, Text
from tieout.config.located import Section


class CardRate(Section):
    """A rate of a card, for the dates it holds."""

    role: Text = ""
    task: Text = ""
    person: Text = ""
    rate: Amount
    """Per hour."""
    currency: Currency | None = None
    """Empty = the card's."""
    from_date: date | None = Field(default=None, alias="from")
    """First day it holds; empty = always did."""
    to_date: date | None = Field(default=None, alias="to")
    """Last day it holds; empty = still does."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        _check_dates(self.from_date, self.to_date)
        if not (self.role or self.task or self.person):
            raise ValueError("a rate on a card needs 'role', 'task' or 'person'")
        return self


class Override(Section):
    """An exception to the cards; what it names narrows it."""

    rate: Amount
    """Per hour."""
    currency: Currency | None = None
    """Empty = the file's."""
    client: Text = ""
    project: Text = ""
    task: Text = ""
    person: Text = ""
    role: Text = ""
    from_date: date | None = Field(default=None, alias="from")
    to_date: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _narrowed(self) -> Self:
        _check_dates(self.from_date, self.to_date)
        if not (self.client or self.project or self.task or self.person or self.role):
            raise ValueError("an override needs a client, project, task, person or role")
        return self


def _check_dates(first: date | None, last: date | None) -> None:
    if first and last and last < first:
        raise ValueError(f"the rate ends on {last}, before it starts on {first}")


_LONG_FORM = {"currency", "client", "roles", "rates"}


class RateCard(Section):
    """Rates by role. Short forms: `{Consultant: 200.00}`, or a list of dated rates."""

    currency: Currency | None = None
    """Empty = the file's."""
    client: Text = ""
    """The client whose card this is; empty = for whoever names the card."""
    roles: dict[str, Amount] = Field(default_factory=dict)
    """Role: rate per hour, on any date."""
    rates: tuple[CardRate, ...] = ()
    """Dated rates."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        full = handler(core_schema)
        own = handler.resolve_ref_schema(full)
        rate, dated = own["properties"]["roles"]["additionalProperties"], own["properties"]["rates"]
        short = {
            "type": "object",
            "additionalProperties": rate,
            "propertyNames": {"not": {"enum": sorted(_LONG_FORM)}},
        }
        listed = {"type": "array", "items": dated["items"]}
        return {"anyOf": [own, short, listed]}


def _long_form(value: Any) -> Any:
    if isinstance(value, list):
        return {"rates": value}
    if isinstance(value, dict) and not _LONG_FORM & value.keys():
        return {"roles": value}
    return value


class RateRules(Section):
    """Rate cards and overrides: `mappings/rates.yaml`."""

    currency: Currency | None = None
    """The currency of every rate that does not say its own."""
    use_source_rates: bool = False
    """true = when no rate is found here, the rate the time tool shows prices the entry."""
    default_card: Text = ""
    """The firm's card: for budgets and clients that name none."""
    cards: dict[str, Annotated[RateCard, BeforeValidator(_long_form)]] = Field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
