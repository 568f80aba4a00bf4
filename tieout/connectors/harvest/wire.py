"""Harvest's records as API v2 answers carry them, and what an operator sets.

Field names are Harvest's own. Numbers arrive exact; `hours` is what was worked, before
Harvest's own rounding. Source: Harvest's API v2 documentation of each list.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, field_validator

from tieout.connectors import base


class Settings(base.Settings):
    """One Harvest account. `contact` is an email or page Harvest can reach the operator at."""

    account_id: str
    contact: str

    @field_validator("account_id", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """A bare number in a settings file is the same account."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("account_id")
    @classmethod
    def _digits(cls, value: str) -> str:
        if not (value.isascii() and value.isdigit()):
            raise ValueError(f"{value!r} is not a Harvest account id; it is a number")
        return value

    @field_validator("contact")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isascii() or not value.isprintable():
            raise ValueError("Harvest wants to know whom to write to: an email address or a page")
        return value.strip()


class Wire(BaseModel):
    """What all records share: fields that are not read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Ref(Wire):
    """Another record, by id and name; some answers add a code or a currency."""

    id: int
    name: str | None = None
    code: str | None = None
    currency: str | None = None


class User(Wire):
    """Someone with a place in the account."""

    id: int
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    timezone: str | None = None  # a name such as `Eastern Time (US & Canada)`
    is_active: bool = True
    roles: tuple[str, ...] = ()  # names of the firm's roles
    access_roles: tuple[str, ...] = ()  # what they may do in Harvest


class Role(Wire):
    """A role of the firm, and who holds it."""

    id: int
    name: str
    user_ids: tuple[int, ...] = ()


class Client(Wire):
    """A client; money in the account is in its currency."""

    id: int
    name: str
    is_active: bool = True
    address: str | None = None  # all of it in one text
    currency: str | None = None


class Project(Wire):
    """A project of a client."""

    id: int
    name: str
    code: str | None = None
    is_active: bool = True
    is_billable: bool = True
    is_fixed_fee: bool = False
    client: Ref | None = None


class Task(Wire):
    """A kind of work, shared by projects."""

    id: int
    name: str
    is_active: bool = True
    billable_by_default: bool = True


class Work(Wire):
    """What time entries and expenses share."""

    id: int
    spent_date: date  # the person's own day
    user: Ref
    client: Ref | None = None
    project: Ref | None = None
    invoice: Ref | None = None
    notes: str | None = None
    is_closed: bool = False  # approved; the only approval every account tells
    is_locked: bool = False  # approved, invoiced or archived: not the same as approved
    is_billed: bool = False  # by a Harvest invoice, or by hand: then `invoice` is null
    approval_status: str | None = None  # newer accounts only
    billable: bool
    updated_at: datetime | None = None

    @field_validator("invoice", mode="before")
    @classmethod
    def _by_id(cls, value: object) -> object:
        """An invoice is named by a number, not a name: the id is all that is read."""
        return {"id": value.get("id")} if isinstance(value, dict) else value


class TimeEntry(Work):
    """Hours by one person on one day."""

    task: Ref | None = None
    hours: Decimal  # a running timer's hours grow
    is_running: bool = False
    billable_rate: Decimal | None = None  # null without the right to see rates


class Category(Wire):
    """What kind of expense it is."""

    id: int
    name: str | None = None


class Receipt(Wire):
    """A scan or photograph, where there is one."""

    url: str | None = None


class Expense(Work):
    """Money spent by one person on one day, in the client's currency."""

    expense_category: Category | None = None
    total_cost: Decimal
    receipt: Receipt | None = None
