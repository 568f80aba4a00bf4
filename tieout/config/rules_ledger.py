"""The settings of `mappings/ledger.yaml`: our names and the ledger's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tieout.config.kinds import (
    Amount,
    Currency,
    DocumentTemplate,
    LedgerDocumentCondition,
    LedgerLineCondition,
    Name,
    Text,
)
from tieout.config.located import Section


class ChoiceRule(Section):
    """One rule of a choice; the first whose condition holds decides."""

    when: LedgerLineCondition
    """A CEL condition over `line`, `project`, `client`, `document` and `firm`."""
    use: Text
    """The name in the ledger; empty = none."""


class Choice(Section):
    """A name in the ledger, chosen for each line."""

    default: Text = ""
    """When no rule holds; empty = none."""
    rules: tuple[ChoiceRule, ...] = ()


class DocumentChoiceRule(Section):
    """One rule of a choice for the whole document."""

    when: LedgerDocumentCondition
    """A CEL condition over `project`, `client`, `document` and `firm`."""
    use: Text
    """The name in the ledger; empty = none."""


class DocumentChoice(Section):
    """A name in the ledger, chosen once for each document."""

    default: Text = ""
    """When no rule holds; empty = none."""
    rules: tuple[DocumentChoiceRule, ...] = ()


class CustomerRules(Section):
    """How a client is recognised in the ledger. A link that was stored once always comes first."""

    match: tuple[Literal["name", "email"], ...] = ("name",)
    """Tried in this order."""
    names: dict[str, Name] = Field(default_factory=dict)
    """A client's name here: the customer's name in the ledger."""
    sub_customers: bool = False
    """true = invoices go to a sub-customer for each project."""


class TimesheetRules(Section):
    """How an invoice carries the time entries behind its lines."""

    lines: bool = False
    """true = below each budget's lines, lines without money: person, task, hours."""
    attached: bool = Field(default=False, alias="file")
    """true = a CSV file with every time entry is attached to the invoice, if this is set when the
    invoice is approved."""


class ExchangeRate(Section):
    """What one unit of a currency is worth in the currency of the books, from a day on."""

    from_date: date = Field(alias="from")
    """The first day it holds; until the next one's."""
    rate: Amount
    """Units of the books' currency for one unit of this one."""

    @model_validator(mode="after")
    def _worth_something(self) -> Self:
        if self.rate <= 0:
            raise ValueError("an exchange rate is above zero")
        return self


class TaxRate(Section):
    """What a tax code charges, from a day on."""

    from_date: date = Field(alias="from")
    """The first day it holds; until the next one's."""
    percent: Amount
    """Percent of the amount before tax: 20 or 8.25; 0 for a code without tax."""
    parts: tuple[Amount, ...] = ()
    """Where the ledger's code is made of several rates: their percents, in the ledger's order, for
    each is rounded by itself. They add up to `percent`."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.parts and sum(self.parts) != self.percent:
            told = " + ".join(map(str, self.parts))
            raise ValueError(f"{told} is not {self.percent}: the parts add up to the percent")
        return self


class TaxRules(Section):
    """Who computes taxes, and at which rates."""

    mode: Literal["ledger", "ours"] = "ledger"
    """ledger = the ledger computes and theirs is copied back, ours is an estimate to compare it
    with; ours = Tieout computes and sends, and the ledger must answer the same."""
    rounding: Literal["line", "document"] = "line"
    """line = each line's tax is rounded, then added up; document = each tax code's tax is rounded
    once, on the sum of its lines."""
    rates: dict[Name, tuple[TaxRate, ...]] = Field(default_factory=dict)
    """By the tax code's name in the ledger: its rates. The one that holds on an invoice's issue
    date counts; for a credit note, on the issue date of its invoice."""

    @model_validator(mode="after")
    def _one_rate_a_day(self) -> Self:
        seen: set[tuple[str, date]] = set()
        for name, rates in self.rates.items():
            for one in rates:
                if (_plain(name), one.from_date) in seen:
                    raise ValueError(f"'{name}' has two rates from {one.from_date} on")
                seen.add((_plain(name), one.from_date))
        return self

    def rate(self, code: str, day: date) -> TaxRate | None:
        """What a code charges on a day, None = not known. Case and blanks of its name do not
        count, as in the ledger's lists."""
        same = [rates for name, rates in self.rates.items() if _plain(name) == _plain(code)]
        held = [one for rates in same for one in rates if one.from_date <= day]
        return max(held, key=lambda one: one.from_date) if held else None


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _web_address(template: str) -> str:
    if template and not template.startswith(("https://", "http://")):
        raise ValueError(f"'{template}' is no address of a page; it begins with https://")
    return template


class LedgerRules(Section):
    """Canonical to ledger: `mappings/ledger.yaml`."""

    connection: Text = ""
    """The ledger's connection; empty = the only one."""
    customers: CustomerRules = Field(default_factory=CustomerRules)
    items: Choice = Field(default_factory=Choice)
    """The product or service a line is sold as."""
    tax_codes: Choice = Field(default_factory=Choice)
    """The tax code of a line; empty = the ledger decides."""
    taxes: TaxRules = Field(default_factory=TaxRules)
    """Who computes taxes, and at which rates."""
    classes: Choice = Field(default_factory=Choice)
    departments: DocumentChoice = Field(default_factory=DocumentChoice)
    """The department or location of a document."""
    terms: dict[str, Name] = Field(default_factory=dict)
    """Payment terms here: their name in the ledger; what is not listed keeps its name."""
    memo: DocumentTemplate = ""
    """The note on the invoice."""
    timesheet: TimesheetRules = Field(default_factory=TimesheetRules)
    """Where the hours of an invoice go with it. Clients see them."""
    link: Annotated[DocumentTemplate, AfterValidator(_web_address)] = ""
    """An address that leads from the invoice back to where its work is known, in ledgers that have
    a place for one."""
    exchange_rates: dict[Currency, tuple[ExchangeRate, ...]] = Field(default_factory=dict)
    """By currency of the documents: its rates. The one that holds on an invoice's issue date is
    sent with it; without one the invoice is held."""

    def exchange_rate(self, currency: str, day: date) -> Decimal | None:
        """What one unit of a currency was worth in the books' on a day, None = not known."""
        held = [one for one in self.exchange_rates.get(currency, ()) if one.from_date <= day]
        return max(held, key=lambda one: one.from_date).rate if held else None
