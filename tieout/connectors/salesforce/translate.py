"""Salesforce records become canonical facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tieout.connectors.base import Row
from tieout.connectors.salesforce import wire
from tieout.model.ids import SourceRef, stable_id
from tieout.model.party import Address, Client, Contact
from tieout.model.project import Deal, DealContactFact, DealLine, DealLineFact, Scalar

#: Stamps that move when anything does, our own write-back included: they say nothing
#: about the deal, and keeping them would make every unchanged deal look changed.
_STAMPS = frozenset({"SystemModstamp", "LastModifiedDate", "LastModifiedById"})


def deal(record: wire.Opportunity, source: SourceRef, settings: wire.Settings) -> Deal:
    """A deal without its lines and contacts, which come by streams of their own.

    Won is Salesforce's own flag; stage names are worded differently in every organisation.
    """
    return Deal(
        id=stable_id("deal", source.connection, source.remote_id),
        source=source,
        name=record.name or "",
        client=(record.account and record.account.name) or "",
        client_ref=record.account_id or "",
        amount=record.amount,
        currency=record.currency,
        is_won=record.is_won,
        is_closed=record.is_closed,
        close_date=record.close_date,
        owner=(record.owner and record.owner.name) or "",
        fields=_scalars(record),
    )


def deal_line(record: wire.LineItem, source: SourceRef, settings: wire.Settings) -> DealLineFact:
    """A product line and the deal it is on."""
    line = DealLine(
        id=stable_id("deal_line", source.connection, source.remote_id),
        name=record.name or "",
        product_code=record.product_code or "",
        quantity=record.quantity,
        unit_price=record.unit_price,
        total=record.total_price,
        service_date=record.service_date,
        description=record.description or "",
        fields=_scalars(record),
    )
    return DealLineFact(deal_ref=record.opportunity_id, line=line, source=source)


def deal_contact(
    record: wire.ContactRole, source: SourceRef, settings: wire.Settings
) -> DealContactFact:
    """A contact and the deal they have a part in."""
    person = record.contact or wire.Named()
    contact = Contact(
        name=person.name or "",
        email=person.email or "",
        role=record.role or "",
        is_primary=record.is_primary,
    )
    return DealContactFact(deal_ref=record.opportunity_id, contact=contact, source=source)


def client(record: wire.Account, source: SourceRef, settings: wire.Settings) -> Client:
    """An account: who the firm bills. Its address is None when no part of it is filled."""
    address = Address(
        street=record.street or "",
        city=record.city or "",
        region=record.state or "",
        postal_code=record.postal_code or "",
        country=record.country or "",
    )
    return Client(
        id=stable_id("client", source.connection, source.remote_id),
        source=source,
        name=record.name or "",
        currency=record.currency,
        address=None if address == Address() else address,
    )


def stamp(row: Row) -> datetime | None:
    """When the record last changed, UTC, to the second.

    Salesforce writes the offset without a colon: `2026-01-15T09:30:00.000+0000`.
    """
    text = row.get("SystemModstamp")
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def long_id(remote_id: str) -> str:
    """The 18-character form of a record id.

    Salesforce also uses a 15-character form in which case matters; the three more
    characters tell which letters are capitals: one character for five of them,
    the first being the lowest bit.
    """
    if len(remote_id) != 15:
        return remote_id
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = (remote_id[start : start + 5] for start in (0, 5, 10))
    bits = ([char.isascii() and char.isupper() for char in part] for part in parts)
    return remote_id + "".join(
        alphabet[sum(bit << place for place, bit in enumerate(part))] for part in bits
    )


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """Calls the organisation made in the last 24 hours, and how many it may."""

    used: int
    allowed: int


def api_usage(headers: Mapping[str, str]) -> ApiUsage | None:
    """The daily quota as every answer tells it; None when this one does not.

    The header reads `api-usage=25/5000; per-app-api-usage=17/250(appName=x)`: the
    organisation's own figure is the first. `headers` have lower-case names.
    """
    for part in headers.get("sforce-limit-info", "").split(";"):
        name, _, figures = part.strip().partition("=")
        used, _, allowed = figures.partition("/")
        if name == "api-usage" and used.isdigit() and allowed.isdigit():
            return ApiUsage(int(used), int(allowed))
    return None


def _scalars(record: wire.Record) -> dict[str, Scalar]:
    """Every plain field by Salesforce's name, a parent's as `Account.Name`."""
    return {name: value for name, value in _flat(record.fields(), "") if name not in _STAMPS}


def _flat(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Scalar]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from () if name == "attributes" else _flat(value, f"{prefix}{name}.")
        elif isinstance(value, date):
            yield prefix + name, value.isoformat()
        elif value is None or isinstance(value, str | bool | int | Decimal):
            yield prefix + name, value
