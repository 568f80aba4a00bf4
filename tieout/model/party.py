"""Who is billed, and who does the work."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.model.ids import SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; every part may be empty."""

    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who the firm bills."""

    id: str
    source: SourceRef | None  # None for one a person created
    name: str
    currency: str | None = None  # None: the firm's own
    email: str = ""
    address: Address | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at a client."""

    name: str
    email: str = ""
    role: str = ""
    is_primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone of the firm whose time is billed."""

    id: str
    source: SourceRef | None
    name: str
    email: str = ""
    roles: tuple[str, ...] = ()  # the first one is the one rates are looked up by
    time_zone: str = ""  # IANA name; "" when the source does not say
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the firm as a time tool lists it, with the people who hold it."""

    id: str
    source: SourceRef
    name: str
    person_refs: tuple[str, ...] = ()  # the people's ids there
