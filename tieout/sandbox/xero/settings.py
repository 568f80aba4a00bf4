"""The switches of a simulated Xero organisation and of the service around it.

Where Xero documents one behaviour it is the default; where sources differ, or
where nobody knows, both are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Scopes an app of today may ask for (Xero: granular scopes, March 2026).
GRANULAR = (
    "openid profile email offline_access accounting.invoices accounting.payments "
    "accounting.contacts accounting.settings accounting.attachments "
    "accounting.reports.aged.read projects"
)


@dataclass
class Settings:
    """How this organisation and the service around it behave. May be changed while running."""

    country: str = "NZ"
    base_currency: str = "NZD"
    company_name: str = "Northwind Studio"
    multicurrency: bool = True  # the plan includes other currencies
    edition: Literal["BUSINESS", "PARTNER"] = "BUSINESS"  # PARTNER has no invoicing
    projects: bool = True  # the organisation has the Projects add-on
    adviser: bool = False  # the connecting user may pass the period lock date
    demo_company: bool = False
    online_invoice_base: str = "https://in.xero.com"

    # Money (the mode at exact half cents is unsettled)
    rounding_mode: Literal["half_up", "half_even"] = "half_up"
    zero_discount: Literal["refuse", "accept"] = "refuse"
    #: A line amount of 0.00 beside a discount.
    zero_line_amount: Literal["accept", "refuse"] = "accept"
    long_amounts: Literal["round", "refuse"] = "round"  # more digits than unitdp allows
    due_date_required: bool = True  # to approve a document

    # Documents and lists, where sources differ or Xero is silent
    reuse_numbers: bool = False  # of voided and deleted documents
    lock_equality: bool = True  # a document dated on the lock date is refused
    lock_drafts: bool = True  # the lock dates hold for drafts, too
    failed_ids: Literal["zero", "fresh", "existing"] = "zero"
    summarize_default: bool = True  # what a call without summarizeErrors gets
    answer_order: Literal["in_order", "reversed"] = "in_order"
    put_contact_by_name: Literal["refuse", "update"] = "refuse"
    payments_bump: bool = True  # a payment moves the UpdatedDateUTC of its invoice
    #: Lines that an update adds: where they were sent, or before those there are (reports differ).
    new_lines: Literal["in_order", "first"] = "in_order"
    #: An allocation that was made: as it is listed, or as in the example of Xero's own file,
    #: which shows its credit note and no id.
    allocation_answer: Literal["listed", "example"] = "listed"
    failed_payment_batch: Literal["empty_ids", "each"] = "empty_ids"
    silent_batch_errors: bool = False  # a failed batch payment shows no error at all
    efficient_only: bool = False  # as above 500,000 invoices: only optimised filters pass
    emails_per_day: int | None = None
    attachment_bytes: int = 10_000_000
    attachments_each: int = 10
    body_bytes: int = 3_670_016
    layout: Literal["pretty", "compact"] = "pretty"
    problem_keys: Literal["capital", "lower"] = "capital"

    # Idempotency-Key
    key_life_s: int = 360
    key_longest: int = 128

    # Limits: of one app for one organisation, and of the app over all of them
    limits: bool = True
    concurrent: int = 5
    per_minute: int = 60
    per_day: int = 5000  # 1000 on the Starter tier
    app_per_minute: int = 10_000
    window: Literal["fixed", "rolling"] = "fixed"
    refused_calls_count: bool = False  # calls made while limited extend the block
    #: What a 429 says in X-Rate-Limit-Problem: `minute`, or the `Minute` and `Daily` of old.
    limit_words: Literal["new", "old"] = "new"
    app_limit_header: bool = True

    # Sign-in
    access_token_s: int = 1800
    refresh_token_s: int = 60 * 86400
    refresh_grace_s: int = 1800  # in which the refresh token before may be used once more
    code_s: int = 300
    scope: str = GRANULAR  # of the credentials that are handed out
    broad_scopes: bool = False  # an app made before 2 March 2026
    redirect_uris: tuple[str, ...] = ()  # () lets any https or localhost address in
    consents: bool = True  # what the user answers on the consent page
    custom_connection: bool = True  # client_credentials is allowed

    # Notifications
    webhook_delay_s: float = 0.0
    webhook_events: int = 100  # most events in one notification
    webhook_categories: tuple[str, ...] = ("CONTACT", "INVOICE", "CREDITNOTE", "SUBSCRIPTION")
    webhook_strict: bool = True  # an answer with a body or a cookie is not accepted
