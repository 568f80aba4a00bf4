"""The settings of `mappings/deals.yaml`: what a won deal becomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from tieout.config.kinds import (
    Amount,
    AmountOf,
    DateOf,
    DealCondition,
    DealTemplate,
    LineCondition,
    LineTemplate,
    Name,
    Text,
)
from tieout.config.located import Section
from tieout.model.project import BillingModel, GroupKey, TimeRounding

_HUNDRED = Decimal(100)


class InstalmentRule(Section):
    """One part of a fixed fee and when it is due."""

    name: LineTemplate = ""
    """What the invoice line says; empty = the budget's name."""
    percent: Amount | None = None
    """Percent of the budget's amount; the last instalment takes the rest."""
    amount: AmountOf = ""
    """An amount instead of a percent: `5000.00` or a field such as `line.total`."""
    after_days: int | None = Field(default=None, ge=0, le=3650)
    """Days after the project starts."""
    on: DateOf = ""
    """A date instead: 2026-03-31 or a field such as `line.service_date`."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.percent is None) == (not self.amount):
            raise ValueError("an instalment needs 'percent' or 'amount', one of them")
        if (self.after_days is None) == (not self.on):
            raise ValueError("an instalment needs 'after_days' or 'on', one of them")
        return self


class TimeRoundingRule(Section):
    """Rounding of the hours themselves, by contract."""

    minutes: int = Field(ge=1, le=480)
    """To whole steps of so many minutes."""
    direction: TimeRounding = TimeRounding.NEAREST
    """up, nearest or down."""


class BudgetRule(Section):
    """One budget of the project, or with `for_each: line` one for each matching deal line."""

    name: LineTemplate = Field(min_length=1)
    """The budget's name; with for_each it may use the line: `{line.name}`."""
    for_each: Literal["line"] | None = None
    """`line` = one budget for each line of the deal that meets `when`."""
    when: LineCondition = "true"
    """Which deals or lines have this budget."""
    model: BillingModel = BillingModel.TIME_AND_MATERIALS
    """time_and_materials or fixed_fee."""
    amount: AmountOf = ""
    """The fee: `line.total`, `deal.amount` or a number. Empty for open time and materials."""
    rate_card: LineTemplate = ""
    """A card of rates.yaml, or a template that gives its name; empty = client's, then firm's."""
    group_by: tuple[GroupKey, ...] = (GroupKey.TASK, GroupKey.PERSON)
    """What makes one invoice line of many entries."""
    time_rounding: TimeRoundingRule | None = None
    instalments: tuple[InstalmentRule, ...] = ()
    """When a fixed fee is billed."""
    tasks: tuple[Name, ...] = ()
    """The tasks whose time falls in this budget; empty = every other task."""
    item: LineTemplate = ""
    """The ledger item; empty = by ledger.yaml."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.model is BillingModel.FIXED_FEE:
            self._check_fee()
        elif self.instalments:
            raise ValueError("'instalments' belong to a budget of model fixed_fee")
        if self.for_each is None and any("line." in text for text in self._line_texts()):
            raise ValueError("a budget that uses `line` needs `for_each: line`")
        return self

    def _check_fee(self) -> None:
        if not self.amount:
            raise ValueError("a fixed_fee budget needs 'amount', such as line.total")
        if not self.instalments:
            raise ValueError(
                "a fixed_fee budget needs 'instalments'; for one invoice at the start write"
                " [{percent: 100, after_days: 0}]"
            )
        percents = [part.percent for part in self.instalments if part.percent is not None]
        if percents and len(percents) != len(self.instalments):
            raise ValueError("instalments are all percents or all amounts, not both")
        if percents and sum(percents) != _HUNDRED:
            raise ValueError(f"the instalments add up to {sum(percents)} percent, not 100")

    def _line_texts(self) -> tuple[str, ...]:
        parts = [(part.name, part.amount, part.on) for part in self.instalments]
        own = (self.name, self.amount, self.rate_card, self.item, self.when)
        return (*own, *(text for part in parts for text in part))


class ClientRule(Section):
    """How the deal's client is named."""

    name: DealTemplate = "{deal.client}"
    currency: DealTemplate = ""
    """Empty = the firm's."""
    email: DealTemplate = ""
    """Where invoices go; empty = the deal's primary contact."""


class ProjectRule(Section):
    """How the project is described."""

    name: DealTemplate = Field(default="{deal.name}", min_length=1)
    code: DealTemplate = ""
    """A short code that time tools may use."""
    currency: DealTemplate = "{deal.currency|firm.currency}"
    terms: DealTemplate = ""
    """Payment terms by name; empty = the firm's."""
    po_number: DealTemplate = ""
    starts_on: DateOf = "deal.close_date"
    ends_on: DateOf = ""
    time_names: tuple[DealTemplate, ...] = ()
    """Other names or ids the project has in the time tools."""


class DealRule(Section):
    """One rule. Rules are tried in order; the first whose condition holds decides."""

    name: Name
    """What people call the rule; it is part of the budgets' identity, so keep it."""
    when: DealCondition = "true"
    """A CEL condition over `deal`."""
    ignore: bool = False
    """true = these deals make no project."""
    client: ClientRule = Field(default_factory=ClientRule)
    project: ProjectRule = Field(default_factory=ProjectRule)
    contract_value: Literal["must_agree", "may_differ"] = "must_agree"
    """must_agree = hold a deal whose amount is not the sum of its lines, until someone looks."""
    budgets: tuple[BudgetRule, ...] = ()

    @model_validator(mode="after")
    def _has_budgets(self) -> Self:
        if not self.ignore and not self.budgets:
            raise ValueError(f"rule '{self.name}' has no budgets; give it one or `ignore: true`")
        names = [budget.name for budget in self.budgets]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"rule '{self.name}' has two budgets named '{twice}'")
        return self


class DealRules(Section):
    """CRM deal to client, project and budgets: `mappings/deals.yaml`."""

    connection: Text = ""
    """The connection whose deals these rules read; empty = every CRM."""
    rules: tuple[DealRule, ...] = ()
