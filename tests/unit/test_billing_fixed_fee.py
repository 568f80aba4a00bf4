"""A fee in instalments is billed whole, each part once."""

from datetime import date
from decimal import Decimal

import pytest

from tieout.billing.fixed_fee import bill, fee_problems, instalment_amounts, instalment_id
from tieout.billing.inputs import Period
from tieout.model.document import HoldReason
from tieout.model.project import BillingModel, Budget, Instalment, Project

DELTA = Project(id="p1", source=None, name="Delta", client_id="c1", currency="USD")
JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def budget(*parts, amount="100000.01", name="Implementation"):
    instalments = tuple(
        Instalment(
            on=date.fromisoformat(on),
            percent=Decimal(share[:-1]) if share.endswith("%") else None,
            amount=None if share.endswith("%") else Decimal(share),
        )
        for share, on in parts
    )
    return Budget(
        id="b1",
        name=name,
        model=BillingModel.FIXED_FEE,
        amount=None if amount is None else Decimal(amount),
        instalments=instalments,
    )


DEAL = budget(("30%", "2026-01-15"), ("40%", "2026-03-01"), ("30%", "2026-06-30"))


def amounts(of):
    return [part.amount.plain for part in instalment_amounts(of, "USD")]


def test_the_last_instalment_takes_the_cent_that_is_left():
    assert amounts(DEAL) == ["30000.00", "40000.00", "30000.01"]


def test_the_one_due_last_takes_it_wherever_it_is_written():
    thirds = budget(
        ("33.33%", "2026-06-30"), ("33.33%", "2026-01-01"), ("33.33%", "2026-02-01"), amount="100"
    )
    assert amounts(thirds) == ["33.34", "33.33", "33.33"]


def test_amounts_need_no_fee_beside_them():
    assert amounts(budget(("600", "2026-01-01"), ("400.5", "2026-02-01"), amount=None)) == [
        "600.00",
        "400.50",
    ]


def test_a_line_says_which_instalment_it_is_and_where_its_amount_comes_from():
    [line] = bill(DELTA, DEAL, JANUARY).lines
    assert line.description == "Implementation – instalment 1 of 3"
    assert (line.quantity, line.rate, line.amount.plain) == (1, Decimal("30000.00"), "30000.00")
    assert line.rate_origin == "30 % of 100000.01 USD"
    assert line.service_date == date(2026, 1, 15)
    assert [share.work_id for share in line.work] == ["b1/instalment/1"]


def test_an_instalment_is_billed_once():
    result = bill(DELTA, DEAL, JANUARY, {instalment_id("b1", 1)})
    assert (result.lines, result.held) == ((), ())


def test_an_instalment_that_was_forgotten_is_held_and_named():
    result = bill(DELTA, DEAL, MARCH)
    assert [line.amount.plain for line in result.lines] == ["40000.00"]
    [held] = result.held
    assert (held.work_id, held.reason) == ("b1/instalment/1", HoldReason.OUTSIDE_PERIOD)
    assert "fell due on 2026-01-15, before this period" in held.text


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (budget(), "has no instalments"),
        (budget(("50%", "2026-01-01"), ("40%", "2026-02-01"), amount="100"), "come to 90.00 USD"),
        (budget(("50", "2026-01-01"), amount="100"), "come to 50.00 USD, but the fee is 100.00"),
        (budget(("100%", "2026-01-01"), amount=None), "no amount to take them from"),
        (budget(("-5", "2026-01-01"), ("105", "2026-01-02"), amount="100"), "not above zero"),
        (budget(("100%", "2026-01-01"), amount="0.001"), "more decimals than USD"),
    ],
)
def test_terms_that_contradict_themselves_are_held_with_the_words_to_correct_them(terms, words):
    result = bill(DELTA, terms, JANUARY)
    assert result.lines == ()
    assert result.held[0].reason is HoldReason.BAD_TERMS
    assert words in result.held[0].text
    assert [problem.file for problem in fee_problems(terms, "USD", where="deal 7")] == ["deal 7"]


def test_an_instalment_is_either_a_percentage_or_an_amount():
    both = Instalment(on=date(2026, 1, 1), percent=Decimal(100), amount=Decimal(100))
    odd = Budget(
        id="b1", name="Fee", model=BillingModel.FIXED_FEE, amount=Decimal(100), instalments=(both,)
    )
    assert "either a percentage or an amount" in fee_problems(odd, "USD")[0].text
