"""The ledgers as a bookkeeper sees them: what stands in the books, and what people do there.

`side_of(vendor)` is the same for every ledger there is a stand-in for, so the demo, the
scenarios and the simulation name no ledger. It looks past the API, at the books themselves.
"""

from __future__ import annotations

from typing import cast

from tieout.sandbox.core import Vendor
from tieout.sandbox.ledgers.side import CannotBeDone, Invoice, LedgerSide, Line, Receipt

__all__ = ["CannotBeDone", "Invoice", "LedgerSide", "Line", "Receipt", "side_of"]


def side_of(vendor: Vendor) -> LedgerSide:
    """A ledger's books. Raises ValueError for a vendor that is no ledger."""
    # A world without a ledger need not load it.
    if vendor.slug == "quickbooks":
        from tieout.sandbox.ledgers.quickbooks import QuickBooksSide

        return cast(LedgerSide, QuickBooksSide(vendor))
    if vendor.slug == "xero":
        from tieout.sandbox.ledgers.xero import XeroSide

        return cast(LedgerSide, XeroSide(vendor))
    if vendor.slug == "netsuite":
        from tieout.sandbox.ledgers.netsuite import NetSuiteSide

        return cast(LedgerSide, NetSuiteSide(vendor))
    raise ValueError(f"{vendor.slug} is no ledger")
