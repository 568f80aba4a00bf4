"""The only place that rounds money, and the durations that money is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

from tieout.model.money import Money, minor_units, total
from tieout.model.project import Rounding, TimeRounding

# Our own context: the caller's precision must not decide what a product of two numbers is.
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
_MODES = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.HALF_EVEN: ROUND_HALF_EVEN}
_HUNDRED = Decimal(100)


def round_money(amount: Decimal, currency: str, mode: Rounding = Rounding.HALF_UP) -> Money:
    """The amount to the currency's minor unit; `HALF_UP` takes a tie away from zero.

    Raises ValueError for an unknown currency or an amount that is not finite.
    """
    if not amount.is_finite():
        raise ValueError(f"only a finite amount can be rounded, got {amount}")
    unit = Decimal(1).scaleb(-minor_units(currency))
    rounded = amount.quantize(unit, rounding=_MODES[mode], context=_EXACT)
    # A minus sign in front of zero would be printed on an invoice.
    return Money(rounded if rounded else abs(rounded), currency)


def round_quantity(seconds: int) -> Decimal:
    """Whole seconds as hours: at most 4 decimals, at least 2 ("2.00", "0.3333").

    Seconds x 10000 / 3600 is a number of ninths, so a tie cannot happen and no
    rounding mode is needed.
    """
    parts = (abs(seconds) * 20000 + 3600) // 7200
    if seconds < 0:
        parts = -parts
    if parts % 100 == 0:
        return Decimal(parts // 100).scaleb(-2)
    if parts % 10 == 0:
        return Decimal(parts // 10).scaleb(-3)
    return Decimal(parts).scaleb(-4)


def line_amount(
    quantity: Decimal, rate: Decimal, currency: str, mode: Rounding = Rounding.HALF_UP
) -> Money:
    """Quantity as shown x rate, rounded once: what a ledger that recomputes will get."""
    return round_money(_EXACT.multiply(quantity, rate), currency, mode)


def round_seconds(seconds: int, minutes: int, mode: TimeRounding) -> int:
    """The duration of one entry in whole steps of `minutes`; 0 minutes leaves it alone.

    `UP` is away from zero, `DOWN` towards it, and half a step counts as a whole one
    under `NEAREST`, so that a credit of an entry is its exact opposite.
    Raises ValueError when `minutes` is negative.
    """
    if minutes < 0:
        raise ValueError(f"time is rounded to 0 minutes or more, got {minutes}")
    if minutes == 0:
        return seconds
    step = minutes * 60
    size = abs(seconds)
    if mode is TimeRounding.UP:
        size += step - 1
    elif mode is TimeRounding.NEAREST:
        size = (2 * size + step) // 2
    whole = size // step * step
    return -whole if seconds < 0 else whole


def spread(amount: Money, weights: Sequence[int | Decimal]) -> tuple[Money, ...]:
    """Split an amount by weights; the parts always add up to it.

    Each part is cut to the minor unit, and the minor units left over go one each to
    the parts that lost most, the earlier one first on a tie.
    Raises ValueError when the amount is not a whole number of minor units, a weight
    is negative, or the weights add up to nothing.
    """
    exact = [Decimal(weight) for weight in weights]
    places = max((0, *(-int(weight.as_tuple().exponent) for weight in exact)))
    scaled = [int(weight.scaleb(places, context=_EXACT)) for weight in exact]
    unit = -minor_units(amount.currency)
    return tuple(
        Money(Decimal(part).scaleb(unit), amount.currency) for part in _split(amount.minor, scaled)
    )


def spread_hours(quantity: Decimal, seconds: Sequence[int]) -> tuple[Decimal, ...]:
    """Split a line's hours, of at most 4 decimals, by the seconds of its entries, in the same
    way; the parts have 4 decimals. Raises ValueError as `spread` does."""
    parts = _split(int(quantity.scaleb(4, context=_EXACT)), seconds)
    return tuple(Decimal(part).scaleb(-4) for part in parts)


def _split(whole: int, weights: Sequence[int]) -> list[int]:
    """A whole number by weights, the largest remainders first; the parts add up to it."""
    if any(weight < 0 for weight in weights) or not any(weights):
        raise ValueError("an amount is split by weights of 0 or more that are not all 0")
    size, together = abs(whole), sum(weights)
    parts = [size * weight // together for weight in weights]
    lost = [size * weight % together for weight in weights]
    neediest = sorted(range(len(parts)), key=lambda index: -lost[index])
    for index in neediest[: size - sum(parts)]:
        parts[index] += 1
    return [-part for part in parts] if whole < 0 else parts


def percent_of(amount: Money, percent: Decimal, mode: Rounding = Rounding.HALF_UP) -> Money:
    """That many percent of the amount, rounded."""
    exact = _EXACT.divide(_EXACT.multiply(amount.amount, percent), _HUNDRED)
    return round_money(exact, amount.currency, mode)


def percent_parts(
    amounts: Sequence[Money], percent: Decimal, mode: Rounding = Rounding.HALF_UP
) -> tuple[Money, ...]:
    """That many percent of a sum, rounded once, as a part for each of the amounts in it.

    Each part is the percentage of its amount, rounded; the minor units by which they miss the
    whole go one each to those that rounding moved furthest the other way, the earlier one
    first. Amounts of opposite sign give parts of opposite sign. Raises ValueError for amounts
    of several currencies.
    """
    if not amounts:
        return ()
    currency = amounts[0].currency
    unit = Decimal(1).scaleb(-minor_units(currency))
    parts = [percent_of(amount, percent, mode).amount for amount in amounts]
    whole = percent_of(total(amounts, currency), percent, mode).amount
    missing = whole - sum(parts)
    sign = -1 if missing < 0 else 1
    lost = [
        sign * (_EXACT.multiply(amount.amount, percent) - _HUNDRED * part)
        for amount, part in zip(amounts, parts, strict=True)
    ]
    neediest = sorted(range(len(parts)), key=lambda index: -lost[index])
    for index in neediest[: int(abs(missing) / unit)]:
        parts[index] += sign * unit
    return tuple(Money(part if part else abs(part), currency) for part in parts)


def convert(
    cost: Money, fx_rate: Decimal, currency: str, mode: Rounding = Rounding.HALF_UP
) -> Money:
    """The cost in another currency, rounded; `fx_rate` units of it buy one of the cost's.

    Raises ValueError when the rate is not above zero.
    """
    if not fx_rate > 0:
        raise ValueError(f"an exchange rate is above zero, got {fx_rate}")
    return round_money(_EXACT.multiply(cost.amount, fx_rate), currency, mode)


def mark_up(amount: Money, percent: Decimal, mode: Rounding = Rounding.HALF_UP) -> Money:
    """The amount raised by a percentage, rounded. Convert first, then mark up."""
    return percent_of(amount, _EXACT.add(_HUNDRED, percent), mode)
