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
    default_terms: str = "Net 30"  # the name of a term, "" for none
    custom_fields: tuple[str, ...] = ()  # names of up to three custom fields of sales forms
    using_sales_tax: bool = True
    automated_sales_tax: bool = False
    subscription_active: bool = True
    #: A state in which every call is refused: codes 120, 130, 140 and 150.
    trouble: Literal["", "no_admin", "wrong_cluster", "locked", "maintenance"] = ""

    # Where sources differ, or Intuit is silent
    tax_rounding: Literal["per_rate", "per_line"] = "per_rate"
    linked_documents: Literal["refuse", "unlink"] = "refuse"
    missing_rate: Literal["one", "daily"] = "one"
    sku_on_request: bool = False  # items show their Sku only to a query that names it
    closed_payment_update: Literal["refuse", "ignore"] = "refuse"  # ignore: 200, nothing done
    batch_answers: Literal["in_order", "reversed"] = "in_order"
    total_count: bool = False  # whether a SELECT also tells the count of all rows

    # requestid (Intuit: learn basic field definitions; the life of an id is not documented)
    replay_ttl_s: int = 86400
    replay_faults: bool = True
    #: A repeat that comes while the first call is still worked on: code 600, or it waits.
    in_flight: Literal["refuse", "wait"] = "refuse"

    # Limits (Intuit: limits and throttles)
    limits: bool = True
    per_minute: int = 500  # calls of all apps to this company
    per_second: int = 10  # calls of this app to this company
    concurrent: int = 10  # calls of this app worked on at the same time
    combined_per_minute: int = 800  # with this app's calls to Intuit's other APIs
    batches_per_minute: int = 40  # of this app
    company_batches_per_minute: int = 120  # of all apps
    batch_size: int = 30
    emails_per_day: int | None = None  # 40 in Intuit's own sandbox companies, None for no limit
    server_timeout_s: float = 120.0  # a call that takes longer is answered 504
    timed_out_writes: Literal["kept", "lost"] = "kept"  # what becomes of the work of such a call
    monthly_quota: int | None = None  # reads a calendar month, None for no quota
    retry_after_s: int | None = None  # the Retry-After header of a 429, None for none
    throttle_body: Literal["json", "xml"] = "json"
    gateway_body: Literal["json", "xml"] = "json"

    # Notifications (Intuit: webhooks best practices; how many share a body is not documented)
    webhook_delay_s: float = 0.0  # from a change until it may be told
    webhook_events: int = 100  # most events in one notification
    webhook_holds_back: bool = True  # later ones wait until the first is taken

    # Tokens (Intuit: OAuth 2.0)
    access_token_s: int = 3600
    refresh_token_s: int = 8726400
    grant_s: int = 5 * 365 * 86400
    rotate_after_s: int = 86400
    strict_rotation: bool = False  # a new refresh token at every refresh
    reuse_revokes: bool = False  # an old refresh token is taken for theft and ends the grant
    consents: bool = True  # what the user answers on the authorize page

    @property
    def us(self) -> bool:
        return self.country == "US"
