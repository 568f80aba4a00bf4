"""Where a cent can go missing, and does not."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.billing.rounding import (
    convert,
    line_amount,
    mark_up,
    percent_of,
    round_money,
    round_quantity,
    round_seconds,
    spread,
)
from tieout.model.money import Money
from tieout.model.project import Rounding, TimeRounding


@pytest.mark.parametrize(
    ("quantity", "rate", "currency", "amount"),
    [
        ("0.5", "0.45", "USD", "0.23"),  # 0.225: a tie goes away from zero
        ("-0.5", "0.45", "USD", "-0.23"),  # a credit is the exact opposite
        ("1.5", "12345", "JPY", "18518"),  # 18517.5, and no smaller coin than a yen
        ("1.25", "10.125", "KWD", "12.656"),  # 12.65625, in fils
        ("0.3333", "100.00", "USD", "33.33"),
        ("-0.001", "1.00", "USD", "0.00"),  # never printed as -0.00
    ],
)
def test_a_line_is_rounded_once_to_the_currencys_smallest_coin(quantity, rate, currency, amount):
    found = line_amount(Decimal(quantity), Decimal(rate), currency)
    assert str(found.amount) == amount


def test_a_workspace_may_round_ties_to_the_even_cent():
    assert round_money(Decimal("0.225"), "USD", Rounding.HALF_EVEN) == Money.of("0.22", "USD")
    assert round_money(Decimal("0.235"), "USD", Rounding.HALF_EVEN) == Money.of("0.24", "USD")


def test_an_amount_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        round_money(Decimal("NaN"), "USD")


def test_the_callers_decimal_precision_changes_nothing():
    with localcontext() as context:
        context.prec = 3
        found = line_amount(Decimal("123.4567"), Decimal("9876.54"), "USD")
    assert found == Money.of("1219325.04", "USD")


@pytest.mark.parametrize(
    ("seconds", "hours"),
    [(7200, "2.00"), (1200, "0.3333"), (2700, "0.75"), (4050, "1.125"), (1, "0.0003"), (0, "0.00")],
)
def test_hours_are_shown_with_two_to_four_decimals(seconds, hours):
    assert str(round_quantity(seconds)) == hours
    assert round_quantity(-seconds) == -Decimal(hours)


@pytest.mark.parametrize(
    ("seconds", "mode", "counted"),
    [
        (6720, TimeRounding.UP, 7200),
        (900, TimeRounding.UP, 900),
        (1349, TimeRounding.NEAREST, 900),
        (1350, TimeRounding.NEAREST, 1800),
        (1799, TimeRounding.DOWN, 900),
    ],
)
def test_an_entry_counts_in_quarter_hours(seconds, mode, counted):
    assert round_seconds(seconds, 15, mode) == counted
    assert round_seconds(-seconds, 15, mode) == -counted


def test_without_time_rounding_an_entry_counts_as_it_is():
    assert round_seconds(1234, 0, TimeRounding.UP) == 1234
    with pytest.raises(ValueError, match="0 minutes or more"):
        round_seconds(1234, -6, TimeRounding.UP)


def test_a_hundred_in_three_is_a_hundred():
    parts = spread(Money.of("100.00", "USD"), (1, 1, 1))
    assert [part.plain for part in parts] == ["33.34", "33.33", "33.33"]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.decimals(0, 1000, places=3), min_size=1, max_size=9).filter(any),
    st.sampled_from(("USD", "JPY", "KWD")),
)
def test_the_parts_always_add_up(minor, weights, currency):
    whole = Money(Decimal(minor).scaleb({"USD": -2, "JPY": 0, "KWD": -3}[currency]), currency)
    parts = spread(whole, weights)
    assert sum((part.amount for part in parts), Decimal(0)) == whole.amount
    assert all(part.is_whole for part in parts)
    assert all(not part for part, weight in zip(parts, weights, strict=True) if not weight)


@pytest.mark.parametrize("weights", [(), (0, 0), (1, -1)])
def test_an_amount_is_not_split_by_nothing(weights):
    with pytest.raises(ValueError, match="split"):
        spread(Money.of("1.00", "USD"), weights)


def test_an_expense_abroad_is_converted_first_and_then_marked_up():
    converted = convert(Money.of("120.00", "EUR"), Decimal("1.0850"), "USD")
    assert converted == Money.of("130.20", "USD")
    assert mark_up(converted, Decimal(10)) == Money.of("143.22", "USD")
    with pytest.raises(ValueError, match="above zero"):
        convert(converted, Decimal(0), "EUR")


def test_a_percentage_is_rounded():
    assert percent_of(Money.of("100000.01", "USD"), Decimal(30)) == Money.of("30000.00", "USD")
