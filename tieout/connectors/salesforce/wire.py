"""Salesforce's records as its query answers carry them, and what an operator sets.

Field names are Salesforce's own. Every field may be null, and an organisation may
add any number of its own fields (they end in `__c`): what is not named here is kept.
Source: Salesforce's object reference for Opportunity, OpportunityLineItem,
OpportunityContactRole and Account.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tieout.connectors import base

PRODUCTION = "https://login.salesforce.com"
SANDBOX = "https://test.salesforce.com"

_FIELD = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)
_VERSION = re.compile(r"\d{2,3}\.0")


class Settings(base.Settings):
    """One Salesforce organisation.

    `flow` is `jwt` (an app with a certificate signs for a user) or
    `client_credentials` (an app with a secret and a run-as user; only on the
    organisation's own `https://<name>.my.salesforce.com`).
    """

    login_url: str = ""  # where to sign in; "" = `base_url`, or else the production login
    audience: str = ""  # whom the signed assertion is for; "" = the sign-in address
    api_version: str = "66.0"
    flow: Literal["jwt", "client_credentials"] = "jwt"
    consumer_key: str
    username: str = ""  # the user the app signs for; for `jwt`
    extra_fields: tuple[str, ...] = ()  # more Opportunity fields: `Terms__c`, `Account.Industry`
    line_fields: tuple[str, ...] = ()  # more fields of the product lines
    multi_currency: bool = False  # True when records carry CurrencyIsoCode

    @property
    def login(self) -> str:
        """The address sign-in happens at, without a slash at its end."""
        return (self.login_url or self.base_url or PRODUCTION).rstrip("/")

    @field_validator("api_version")
    @classmethod
    def _a_version(cls, value: str) -> str:
        if not _VERSION.fullmatch(value):
            raise ValueError(f"{value!r} is not an API version; write it like 66.0")
        return value

    @field_validator("extra_fields", "line_fields")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if not _FIELD.fullmatch(name)]
        if wrong:
            raise ValueError(f"not Salesforce field names: {', '.join(map(repr, wrong))}")
        return value

    @model_validator(mode="after")
    def _fits_the_flow(self) -> Self:
        if self.flow == "jwt" and not self.username:
            raise ValueError("flow jwt needs `username`, the Salesforce user to sign in as")
        if self.flow == "client_credentials" and self.login in (PRODUCTION, SANDBOX):
            raise ValueError(
                "flow client_credentials works only at the organisation's own address: "
                "set `login_url` to https://<name>.my.salesforce.com"
            )
        return self


class Record(BaseModel):
    """One record of any object; fields that are not declared stay reachable."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    id: str = Field(alias="Id")

    def fields(self) -> dict[str, Any]:
        """Every field it came with, by Salesforce's name; a parent record is a dict."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Named(BaseModel):
    """A parent record of which a name, or an address, was asked for."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str | None = Field(default=None, alias="Name")
    email: str | None = Field(default=None, alias="Email")


class Opportunity(Record):
    """A deal. `Amount` is the sum of its lines as soon as it has any."""

    name: str | None = Field(default=None, alias="Name")
    account_id: str | None = Field(default=None, alias="AccountId")
    account: Named | None = Field(default=None, alias="Account")
    owner: Named | None = Field(default=None, alias="Owner")
    amount: Decimal | None = Field(default=None, alias="Amount")
    currency: str | None = Field(default=None, alias="CurrencyIsoCode")
    is_closed: bool = Field(alias="IsClosed")
    is_won: bool = Field(alias="IsWon")
    close_date: date | None = Field(default=None, alias="CloseDate")


class LineItem(Record):
    """A product line of a deal."""

    opportunity_id: str = Field(alias="OpportunityId")
    name: str | None = Field(default=None, alias="Name")
    product_code: str | None = Field(default=None, alias="ProductCode")
    quantity: Decimal | None = Field(default=None, alias="Quantity")
    unit_price: Decimal | None = Field(default=None, alias="UnitPrice")
    total_price: Decimal | None = Field(default=None, alias="TotalPrice")
    service_date: date | None = Field(default=None, alias="ServiceDate")
    description: str | None = Field(default=None, alias="Description")


class ContactRole(Record):
    """A person's part in a deal."""

    opportunity_id: str = Field(alias="OpportunityId")
    role: str | None = Field(default=None, alias="Role")
    is_primary: bool = Field(default=False, alias="IsPrimary")
    contact: Named | None = Field(default=None, alias="Contact")


class Account(Record):
    """A customer of the firm."""

    name: str | None = Field(default=None, alias="Name")
    currency: str | None = Field(default=None, alias="CurrencyIsoCode")
    street: str | None = Field(default=None, alias="BillingStreet")
    city: str | None = Field(default=None, alias="BillingCity")
    state: str | None = Field(default=None, alias="BillingState")
    postal_code: str | None = Field(default=None, alias="BillingPostalCode")
    country: str | None = Field(default=None, alias="BillingCountry")
