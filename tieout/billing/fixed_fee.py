"""A fixed fee: instalments of a known amount, each due on a date."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

from tieout.billing.inputs import Period
from tieout.billing.results import BudgetResult, Held
from tieout.billing.rounding import percent_of, round_money
from tieout.errors import Problem
from tieout.model.document import HoldReason, Line, LineKind, WorkShare
from tieout.model.money import Money, total
from tieout.model.project import Budget, Instalment, Project, Rounding

# People write 33.33 three times and mean the whole: each percentage may be off by 0.01.
_PERCENT_SLACK = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class InstalmentAmount:
    """One instalment with the amount it comes to and how that was found."""

    work_id: str
    number: int  # from 1, in the order written
    instalment: Instalment
    amount: Money
    why: str  # `30 % of 100000.01 USD`


def instalment_id(budget_id: str, number: int) -> str:
    """The work item that an instalment is; `number` counts from 1 in the order written.

    An instalment is a work item like any other, so that what keeps an hour from being
    billed twice keeps an instalment from it too.
    """
    return f"{budget_id}/instalment/{number}"


def bill(
    project: Project,
    budget: Budget,
    period: Period,
    already_billed: AbstractSet[str] = frozenset(),
    rounding: Rounding = Rounding.HALF_UP,
) -> BudgetResult:
    """One line for each instalment due in the period that no document carries yet.

    An instalment that fell due before the period and was never billed is held; one that
    falls due later is not mentioned. Terms that contradict themselves hold what is due.
    """
    problems = fee_problems(budget, project.currency)
    if problems:
        text = " ".join(problem.text for problem in problems)
        return hold_due(budget, period, already_billed, HoldReason.BAD_TERMS, text)
    lines: list[Line] = []
    held: list[Held] = []
    for part in instalment_amounts(budget, project.currency, rounding):
        if part.work_id in already_billed or part.instalment.on > period.end:
            continue
        if part.instalment.on < period.start:
            held.append(_overdue(budget, part.number, part.instalment))
        else:
            lines.append(_line(project, budget, part))
    return BudgetResult(tuple(lines), tuple(held))


def hold_due(
    budget: Budget, period: Period, already_billed: AbstractSet[str], reason: HoldReason, text: str
) -> BudgetResult:
    """Hold, for one reason, every instalment due by the end of the period and not billed."""
    due = [
        instalment_id(budget.id, number)
        for number, instalment in enumerate(budget.instalments, start=1)
        if instalment.on <= period.end
    ]
    if not budget.instalments:
        due = [instalment_id(budget.id, 1)]
    held = tuple(Held(work_id, reason, text) for work_id in due if work_id not in already_billed)
    return BudgetResult((), held)


def instalment_amounts(
    budget: Budget, currency: str, rounding: Rounding = Rounding.HALF_UP
) -> tuple[InstalmentAmount, ...]:
    """What every instalment comes to, in the order written; together they are the fee.

    Each is rounded by itself, and the one due last takes what remains. Call it on terms
    without `fee_problems`.
    """
    fee = _fee(budget, currency)
    last = _last(budget)
    amounts = [_share(instalment, fee, rounding) for instalment in budget.instalments]
    others = total((amount for at, amount in enumerate(amounts) if at != last), currency)
    amounts[last] = round_money((fee - others).amount, currency, rounding)
    return tuple(
        InstalmentAmount(
            work_id=instalment_id(budget.id, at + 1),
            number=at + 1,
            instalment=instalment,
            amount=amount,
            why=_why(instalment, fee, rest=at == last),
        )
        for at, (instalment, amount) in enumerate(zip(budget.instalments, amounts, strict=True))
    )


def fee_problems(budget: Budget, currency: str, *, where: str = "") -> tuple[Problem, ...]:
    """What keeps a fixed fee from being billed; `where` is the file the budget is written in."""
    place = where or f"budget {budget.name}"
    return tuple(Problem(place, 0, text) for text in _faults(budget, currency))


def _faults(budget: Budget, currency: str) -> Iterator[str]:
    parts = budget.instalments
    if not parts:
        yield f"The fixed fee {budget.name} has no instalments: say when it is due."
        return
    if any((part.percent is None) == (part.amount is None) for part in parts):
        yield f"Each instalment of {budget.name} needs either a percentage or an amount."
        return
    numbers = [part.amount if part.percent is None else part.percent for part in parts]
    if any(number is None or number <= 0 for number in numbers):
        yield f"An instalment of {budget.name} is not above zero."
        return
    if budget.amount is None and any(part.amount is None for part in parts):
        yield f"The fee {budget.name} has percentages, but no amount to take them from."
        return
    fee = _fee(budget, currency)
    given = [fee, *(Money(part.amount, currency) for part in parts if part.amount is not None)]
    if not all(money.is_whole for money in given):
        yield f"An amount of {budget.name} has more decimals than {currency}."
    yield from _sum_faults(budget, fee)


def _sum_faults(budget: Budget, fee: Money) -> Iterator[str]:
    percents = [part.percent for part in budget.instalments if part.percent is not None]
    amounts = [part.amount for part in budget.instalments if part.amount is not None]
    claimed = sum(amounts, Decimal(0)) + sum(percents, Decimal(0)) * fee.amount / 100
    slack = _PERCENT_SLACK * len(percents) * fee.amount / 100
    if fee.amount < 0:
        yield f"The fee {budget.name} is below zero."
    elif abs(claimed - fee.amount) > slack:
        come_to = round_money(claimed, fee.currency)
        yield f"The instalments of {budget.name} come to {come_to}, but the fee is {fee}."


def _fee(budget: Budget, currency: str) -> Money:
    """The fee as written; without one, what the instalments add up to."""
    if budget.amount is not None:
        return Money(budget.amount, currency)
    amounts = (part.amount for part in budget.instalments if part.amount is not None)
    return Money(sum(amounts, Decimal(0)), currency)


def _last(budget: Budget) -> int:
    """Which instalment is due last; of several due that day, the one written last."""
    return max(range(len(budget.instalments)), key=lambda at: (budget.instalments[at].on, at))


def _share(instalment: Instalment, fee: Money, rounding: Rounding) -> Money:
    if instalment.amount is not None:
        return round_money(instalment.amount, fee.currency, rounding)
    return percent_of(fee, instalment.percent or Decimal(0), rounding)


def _why(instalment: Instalment, fee: Money, *, rest: bool) -> str:
    if instalment.percent is None:
        return f"agreed instalment of {fee}"
    share = f"{instalment.percent.normalize():f} % of {fee}"
    return f"{share}, with what the others leave" if rest else share


def _overdue(budget: Budget, number: int, instalment: Instalment) -> Held:
    text = (
        f"Instalment {number} of {budget.name} fell due on {instalment.on}, before this period, "
        "and is on no invoice. Bill the period of that day."
    )
    return Held(instalment_id(budget.id, number), HoldReason.OUTSIDE_PERIOD, text)


def _line(project: Project, budget: Budget, part: InstalmentAmount) -> Line:
    of = f"instalment {part.number} of {len(budget.instalments)}"
    words = f"{part.instalment.name}, {of}" if part.instalment.name else of
    return Line(
        id="",
        kind=LineKind.INSTALMENT,
        budget_id=budget.id,
        description=f"{budget.name} – {words}",
        quantity=Decimal(1),
        rate=part.amount.amount,
        amount=part.amount,
        project_id=project.id,
        service_date=part.instalment.on,
        item=budget.item,
        rate_origin=part.why,
        work=(WorkShare(work_id=part.work_id),),
    )
