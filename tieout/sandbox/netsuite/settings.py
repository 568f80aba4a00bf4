"""The switches of a simulated NetSuite account.

Where Oracle documents one behaviour it is the default; where sources differ or
nothing was verified, both readings are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Settings:
    """How this account and the service around it behave. May be changed while running."""

    account_id: str = "1234567_SB1"  # as in the UI; hosts use lower case and a hyphen
    country: str = "US"
    company_name: str = "Northwind Studio"
    one_world: bool = True  # subsidiaries exist
    multi_currency: bool = True
    projects: bool = True  # the Projects feature: records of type job

    # Preferences of the account
    time_zone: str = "America/Los_Angeles"  # the company's, for the default of tranDate
    #: The zone of date-times in SuiteQL: which one it is was never verified by anybody.
    query_zone: str = "America/Los_Angeles"
    #: How dates are shown by SuiteQL and read in `q`: the integration user's preference.
    date_format: Literal["M/D/YYYY", "D/M/YYYY", "D.M.YYYY", "YYYY-MM-DD"] = "M/D/YYYY"
    override_numbers: bool = False  # "allow override" of the automatic tranId
    refuse_numbers: bool = False  # a tranId that may not be sent is refused, not ignored
    approval_routing: bool = False  # a new invoice waits for approval and is not posted
    allow_other_period: bool = False  # tranDate may lie outside the posting period
    #: Fields a form makes mandatory: by form id, then by type; "item.department" for lines.
    forms: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    default_form: str = "91"
    custom_fields: tuple[str, ...] = (
        "custbody_tieout_key",
        "custcol_tieout_line_id",
        "custentity_tieout_id",
        "custitem_tieout_id",
    )

    # Tax
    tax: Literal["none", "legacy", "suitetax"] = "suitetax"
    legacy_over_rest: bool = True  # Oracle says REST does not support legacy tax: False refuses it
    tax_rounding: Literal["per_line", "per_document"] = "per_line"
    accounting_books: int = 1  # Multi-Book: SuiteQL shows each posting once for each book
    default_tax_code: str = ""  # id of the code SuiteTax uses without an override, "" for none

    # Where sources differ, or nothing is verified
    duplicate_answer: Literal["USER_ERROR", "DUP_RCRD", "409"] = "USER_ERROR"
    changed_status: Literal[400, 409] = 400  # of RCRD_HAS_BEEN_CHANGED
    permission_answer: Literal["403", "400"] = "403"
    status_ids: Literal["letter", "word"] = "letter"
    concurrency_status: Literal[429, 400] = 429
    query_error_code: Literal["INVALID_PARAMETER", "USER_ERROR"] = "INVALID_PARAMETER"
    touch_on_apply: bool = True  # applying money changes the invoice's lastModifiedDate
    external_id_reusable: bool = True  # deleting a record frees its external id
    suiteql_with: bool = False  # WITH before SELECT: Oracle's help says no, its samples use it
    deleted_records: bool = True  # the table deletedrecord may be read
    expires_in_text: bool = False  # expires_in of a token as a string, as some clients saw

    header_subsidiary: bool = True  # transaction.subsidiary is filled, not only the line's
    negative_credit_totals: bool = False  # foreigntotal of a credit memo in SuiteQL
    negative_credit_lines: bool = False  # quantity and foreignamount of its lines, as an invoice's
    negative_links: bool = False  # foreignamount of a link between documents

    # The integration's role
    administrator: bool = False  # may read governanceLimits
    denied: frozenset[str] = frozenset()  # record types the role may not see
    view_only: frozenset[str] = frozenset()  # record types the role may only view
    hidden_fields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    # Limits (Oracle: web services concurrency governance)
    concurrency: int = 5  # calls worked on at the same time, all integrations together
    others_busy: int = 0  # of those, how many other integrations use just now
    integration_limit: int | None = None  # what is reserved for this integration
    per_minute: int | None = None  # calls in 60 s; Oracle documents no number, so off
    server_timeout_s: float = 900.0  # a request may run for fifteen minutes
    most_rows: int = 100_000  # rows a query or a collection gives in all

    # Asynchronous work
    async_polls: int = 2  # a job is done by this poll at the latest
    async_s: float = 30.0  # or after so many seconds
    idempotency_s: int | None = None  # how long a key is kept; None for ever (not documented)

    # Tokens and TBA
    token_s: int = 3600
    tba: bool = True  # OAuth 1.0a is still allowed

    @property
    def host(self) -> str:
        """The account's own host name; it never changes."""
        name = self.account_id.lower().replace("_", "-")
        return f"{name}.suitetalk.api.netsuite.com"

    @property
    def rest(self) -> str:
        """Where the REST services live, without a slash at the end."""
        return f"https://{self.host}/services/rest"
