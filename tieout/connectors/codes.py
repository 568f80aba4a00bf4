"""What a ledger calls the things on a line, and the tax that we tell it of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """The tax that we computed for a line, where the ledger is told it."""

    # For each rate that its code is made of: percent, and the tax in the document's currency.
    parts: tuple[tuple[Decimal, Decimal], ...]
    rate_ids: tuple[str, ...] = ()  # the ids of those rates there, where they have any

    @property
    def amount(self) -> Decimal:
        """The whole tax of the line."""
        return sum((amount for _, amount in self.parts), Decimal(0))

    @property
    def percent(self) -> Decimal:
        """Of the line's amount."""
        return sum((percent for percent, _ in self.parts), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCodes:
    """The ledger's ids for one line, and its tax where we tell it."""

    item_id: str
    tax_code_id: str = ""
    class_id: str = ""
    tax_code: str = ""  # its name, by our rules
    tax: LineTax | None = None  # None: the ledger computes it


def told_tax(lines: Mapping[str, LineCodes]) -> Decimal | None:
    """The tax that we tell of a whole document; None where the ledger computes it."""
    told = [line.tax.amount for line in lines.values() if line.tax is not None]
    return sum(told, Decimal(0)) if told else None
