"""Harvest records become canonical facts. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from tieout.connectors.base import Held, Row
from tieout.connectors.harvest import wire
from tieout.connectors.harvest.zones import iana
from tieout.model.document import HoldReason
from tieout.model.ids import SourceRef, stable_id
from tieout.model.money import Money, is_currency
from tieout.model.party import Address, Client, Person, Role
from tieout.model.work import (
    Approval,
    Expense,
    TimeEntry,
    TimeProject,
    TimeTask,
    seconds_of_hours,
)

_APPROVALS = {
    "submitted": Approval.PENDING,
    "approved": Approval.APPROVED,
    "rejected": Approval.REJECTED,
    "withdrawn": Approval.WITHDRAWN,
}


def person(record: wire.User, source: SourceRef, settings: wire.Settings) -> Person:
    """A user of the account; the time zone is "" when its name is not a known one."""
    return Person(
        id=_id("person", source),
        source=source,
        name=f"{record.first_name or ''} {record.last_name or ''}".strip(),
        email=record.email or "",
        roles=record.roles,
        time_zone=iana(record.timezone or ""),
        active=record.is_active,
    )


def role(record: wire.Role, source: SourceRef, settings: wire.Settings) -> Role:
    """A role of the firm and who holds it."""
    return Role(
        id=_id("role", source),
        source=source,
        name=record.name,
        person_refs=tuple(str(user_id) for user_id in record.user_ids),
    )


def client(record: wire.Client, source: SourceRef, settings: wire.Settings) -> Client:
    """A client; Harvest keeps the whole address in one text, which becomes the street."""
    return Client(
        id=_id("client", source),
        source=source,
        name=record.name,
        currency=record.currency,
        address=Address(street=record.address) if record.address else None,
        active=record.is_active,
    )


def project(record: wire.Project, source: SourceRef, settings: wire.Settings) -> TimeProject:
    """A project, as entries point to it."""
    return TimeProject(
        id=_id("time_project", source),
        source=source,
        name=record.name,
        code=record.code or "",
        client=_name(record.client),
        client_ref=_ref(record.client),
        currency=record.client.currency if record.client else None,
        active=record.is_active,
        billable=record.is_billable,
        fixed_fee=record.is_fixed_fee,
    )


def task(record: wire.Task, source: SourceRef, settings: wire.Settings) -> TimeTask:
    """A task, as entries point to it."""
    return TimeTask(
        id=_id("time_task", source),
        source=source,
        name=record.name,
        active=record.is_active,
        billable=record.billable_by_default,
    )


def time_entry(
    record: wire.TimeEntry, source: SourceRef, settings: wire.Settings
) -> TimeEntry | Held:
    """Time on one day, from `hours`: what was worked, before Harvest's own rounding.

    Held when the hours are negative. The rate is None when Harvest shows none, or does
    not say in which currency.
    """
    if record.hours < 0:
        return Held(
            reason=HoldReason.BAD_HOURS.value,
            text=f"the entry says {record.hours} hours",
            what_to_do="correct the hours in Harvest",
        )
    return TimeEntry(
        id=_id("time_entry", source),
        source=source,
        person=_name(record.user),
        person_ref=_ref(record.user),
        client=_name(record.client),
        client_ref=_ref(record.client),
        project=_name(record.project),
        project_ref=_ref(record.project),
        task=_name(record.task),
        work_date=record.spent_date,
        seconds=seconds_of_hours(record.hours),
        billable=record.billable,
        approval=_approval(record),
        running=record.is_running,
        billed_upstream=_billed(record),
        locked=record.is_locked,
        notes=record.notes or "",
        rate=_money(record.billable_rate, record.client),
        updated_at=_utc(record.updated_at),
    )


def expense(record: wire.Expense, source: SourceRef, settings: wire.Settings) -> Expense | Held:
    """Money spent, in the client's currency; held when that is not told or not known."""
    cost = _money(record.total_cost, record.client)
    if cost is None:
        told = record.client.currency if record.client else None
        return Held(
            reason=HoldReason.CURRENCY_MISSING.value,
            text=f"the expense of {record.total_cost} has the currency {told or '(none)'}",
            what_to_do="set the client's currency in Harvest",
        )
    return Expense(
        id=_id("expense", source),
        source=source,
        person=_name(record.user),
        person_ref=_ref(record.user),
        client=_name(record.client),
        client_ref=_ref(record.client),
        project=_name(record.project),
        project_ref=_ref(record.project),
        category=(record.expense_category and record.expense_category.name) or "",
        spent_on=record.spent_date,
        cost=cost,
        billable=record.billable,
        approval=_approval(record),
        billed_upstream=_billed(record),
        locked=record.is_locked,
        notes=record.notes or "",
        receipt_url=(record.receipt and record.receipt.url) or "",
        updated_at=_utc(record.updated_at),
    )


def stamp(row: Row) -> datetime | None:
    """When the record last changed, UTC."""
    text = row.get("updated_at")
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def work_day(row: Row) -> date | None:
    """The day an entry or an expense belongs to."""
    text = row.get("spent_date")
    return date.fromisoformat(text) if text else None


def _id(prefix: str, source: SourceRef) -> str:
    return stable_id(prefix, source.connection, source.remote_id)


def _name(ref: wire.Ref | None) -> str:
    return (ref and ref.name) or ""


def _ref(ref: wire.Ref | None) -> str:
    return str(ref.id) if ref else ""


def _approval(record: wire.Work) -> Approval:
    """Closed is approved, in every account; only some also tell the steps before it."""
    if record.is_closed:
        return Approval.APPROVED
    return _APPROVALS.get(record.approval_status or "", Approval.NONE)


def _billed(record: wire.Work) -> bool:
    """Marked by hand leaves no invoice, so the mark counts by itself."""
    return record.is_billed or record.invoice is not None


def _money(amount: Decimal | None, client: wire.Ref | None) -> Money | None:
    currency = (client and client.currency) or ""
    return Money(amount, currency) if amount is not None and is_currency(currency) else None


def _utc(instant: datetime | None) -> datetime | None:
    return instant.astimezone(UTC) if instant else None
