"""What an operator types in, and the rows of NetSuite as SuiteQL gives them.

SuiteQL (Oracle: SuiteQL, executing queries through REST web services) answers texts for
numbers, `T` and `F`, and leaves null columns out of a row. Names are those our queries give.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tieout.connectors import base

#: How a line's tax gets onto it: not at all, by a legacy code, by SuiteTax itself, by us.
Tax = Literal["none", "legacy_code", "suitetax_auto", "suitetax_override"]
#: Of these, those whose lines name a tax code.
CODED = ("legacy_code", "suitetax_override")
#: Lists that some accounts do not have, because a feature is off.
Feature = Literal["projects", "classes", "departments"]


class Settings(base.Settings):
    """One account. `base_url` replaces its host, for a stand-in or a proxy."""

    account_id: str = Field(pattern=r"^[A-Za-z0-9]+([_-][A-Za-z0-9]+)?$")  # as shown there
    sign_in: Literal["m2m", "tba"] = "m2m"  # OAuth 2.0 with a certificate, or tokens
    client_id: str  # of the integration record; with tokens it is called consumer key
    certificate_id: str = ""  # m2m
    algorithm: Literal["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] = "PS256"  # m2m
    token_id: str = ""  # tba
    subsidiary_id: str = ""  # the company's books, "" where the account is not OneWorld
    location_id: str = ""  # put on invoices and their lines where a form asks for it
    form_id: str = ""  # the form of invoices, "" = the role's preferred one
    credit_form_id: str = ""  # the same of credit memos
    currency_ids: dict[str, str] = Field(
        default={}
    )  # code -> internal id; {} = Multiple Currencies is off
    own_numbers: bool = False  # True: they may be given a number (Allow Override)
    tax: Tax = "suitetax_auto"
    tax_type_id: str = ""  # suitetax_override: the internal id of the tax type of our tax codes
    without: tuple[Feature, ...] = ()  # features that are off in the account
    concurrency: int = Field(default=5, ge=1)  # calls on their way at a time


def _number(value: Any) -> Any:
    """A number; None for one that is no plain number, such as a discount of `-10.0%`."""
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


Amount = Annotated[Decimal | None, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(lambda value: value in (True, "T"))]


class Row(BaseModel):
    """A row; a column that is not there is null."""

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    id: str
    externalid: str = ""


class ListRow(Row):
    """A row of any list; further columns are its details."""

    name: str = ""
    above: str = ""  # the full name of its parent
    parent: str = ""
    inactive: Flag = False
    currency: str = ""


class Line(BaseModel):
    """A line of an invoice or credit memo; or the part of a payment that settles an invoice."""

    tax: Flag = False
    item: str = ""
    memo: str = ""
    quantity: Amount = None  # negative on an invoice
    rate: Amount = None
    amount: Amount = None  # negative on an invoice: income is a credit
    invoice: str = ""  # of a payment


class Transaction(Row):
    """What invoices, payments and credits share; amounts are in its own currency."""

    type: str = "CustInvc"
    tranid: str = ""
    entity: str = ""
    status: str = ""
    voided: Flag = False
    trandate: date
    duedate: date | None = None
    memo: str = ""
    currency: str = ""
    total: Amount = None
    unpaid: Amount = None  # of an invoice
    unused: Amount = None  # of a payment or credit
    changed: str = ""  # a wall clock without a zone
    lines: tuple[Line, ...] = ()
