"""Money: an exact decimal and its currency. Nothing here rounds; `billing/rounding.py` does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.numbers import list_currencies

# ISO 4217 minor units, where they are not 2. CLDR's figures differ for cash, so they
# are not used for accounts.
_NO_MINOR_UNITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_MINOR_UNITS = {
    **{code: 0 for code in _NO_MINOR_UNITS.split()},
    **{code: 3 for code in ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")},
    **{code: 4 for code in ("CLF", "UYW")},
}


@cache
def _known_currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def is_currency(code: str) -> bool:
    """Whether the code is a currency we know, such as `USD`."""
    return code in _known_currencies()


def minor_units(currency: str) -> int:
    """How many decimals the currency's accounts carry: USD 2, JPY 0, KWD 3."""
    return _MINOR_UNITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency. A unit rate may carry more decimals than the currency."""

    amount: Decimal
    currency: str  # ISO 4217, upper case

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"money needs a Decimal, got {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise ValueError(f"money needs a finite amount, got {self.amount}")
        if not is_currency(self.currency):
            raise ValueError(f"unknown currency {self.currency!r}")

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Money:
        """Money from text, a whole number or a Decimal; a float is refused."""
        if isinstance(amount, float):
            raise TypeError("money is never made from a float")
        return cls(Decimal(amount), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(Decimal(0), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.plain} {self.currency}"

    @property
    def plain(self) -> str:
        """The amount with at least the currency's decimals: `12.50`, `0.4525`."""
        least = minor_units(self.currency)
        exponent = self.amount.normalize().as_tuple().exponent
        decimals = max(least, -exponent if isinstance(exponent, int) else 0)
        return f"{self.amount:.{decimals}f}"

    @property
    def is_whole(self) -> bool:
        """Whether the amount is a whole number of minor units (cents)."""
        scaled = self.amount.scaleb(minor_units(self.currency))
        return scaled == scaled.to_integral_value()

    @property
    def minor(self) -> int:
        """The amount in minor units (cents). Raises ValueError when it is not whole."""
        if not self.is_whole:
            raise ValueError(f"{self} is not a whole number of minor units")
        return int(self.amount.scaleb(minor_units(self.currency)))

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.amount


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum, zero of the currency when there is nothing to add."""
    return sum(amounts, start=Money.zero(currency))
