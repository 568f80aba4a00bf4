"""The switches of a simulated QuickBooks Online company.

Where Intuit documents one behaviour it is the default; where sources differ,
both are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class Settings:
    """How this company and the service around it behave. May be changed while running."""

    country: str = "US"
    home_currency: str = "USD"
    multicurrency: bool = False
    company_name: str = "Northwind Studio"

    # Preferences of the company
    custom_txn_numbers: bool = True
    warn_duplicate_numbers: bool = True
    class_per_txn: bool = False
    class_per_line: bool = True
    track_departments: bool = True
    allow_deposit: bool = True
    allow_discount: bool = True
    auto_apply_payments: bool = False
    auto_apply_credit: bool = False
    using_sales_tax: bool = True
    automated_sales_tax: bool = False
    subscription_active: bool = True

    # Where sources differ, or Intuit is silent
    tax_rounding: Literal["per_rate", "per_line"] = "per_rate"
    linked_documents: Literal["refuse", "unlink"] = "refuse"
    missing_rate: Literal["one", "daily"] = "one"
    total_count: bool = False  # whether a SELECT also tells the count of all rows

    # requestid (Intuit: learn basic field definitions; the life of an id is not documented)
    replay_ttl_s: int = 86400
    replay_faults: bool = True

    # Limits (Intuit: limits and throttles)
    limits: bool = True
    per_minute: int = 500
    per_second: int = 10
    batches_per_minute: int = 40
    batch_size: int = 30
    monthly_quota: int | None = None  # reads a calendar month, None for no quota
    retry_after_s: int | None = None  # the Retry-After header of a 429, None for none
    throttle_body: Literal["json", "xml"] = "json"
    gateway_body: Literal["json", "xml"] = "json"

    # Tokens (Intuit: OAuth 2.0)
    access_token_s: int = 3600
    refresh_token_s: int = 8726400
    grant_s: int = 5 * 365 * 86400
    rotate_after_s: int = 86400
    strict_rotation: bool = False  # a new refresh token at every refresh

    @property
    def us(self) -> bool:
        return self.country == "US"
