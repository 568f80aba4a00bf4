"""What is known of how fast a remote company may be called, one row a company.

The governor's own state is a text that only it reads; how long a company is parked stands
beside it for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tieout.store.core import Tx
from tieout.store.rows import by, by_locked
from tieout.store.tables import paced_companies as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A company that asked to be left alone for a while."""

    company: str  # `<connector slug>:<company id>`
    until: datetime
    why: str  # its own words


_KEEP = t.update().where(t.c.company == sa.bindparam("of"))


def hold(tx: Tx, company: str) -> str:
    """A company's state, "" at first; until the transaction ends nobody else has it."""
    found = tx.first(by_locked(t, "company"), company=company)
    if found is not None:
        return str(found.state)
    row = {"company": company, "parked_until": None, "parked_why": "", "state": ""}
    tx.execute(tx.insert(t).values(row).on_conflict_do_nothing())
    # Another may have been quicker: then its row is waited for.
    made = tx.first(by_locked(t, "company"), company=company)
    assert made is not None  # nobody deletes one
    return str(made.state)


def keep(tx: Tx, company: str, state: str, until: datetime | None, why: str) -> None:
    """Store the state of a company that `hold` gave, and until when it is parked."""
    now_is = {"of": company, "state": state, "parked_until": until, "parked_why": why}
    tx.execute(_KEEP, now_is)


def state_of(tx: Tx, company: str) -> str:
    """A company's state for a look at it, "" when there is none."""
    found = tx.first(by(t, "company"), company=company)
    return str(found.state) if found else ""


def parked(tx: Tx) -> list[Parked]:
    """The companies that are parked now."""
    query = sa.select(t).where(t.c.parked_until > tx.now()).order_by(t.c.company)
    return [
        Parked(company=row.company, until=row.parked_until, why=row.parked_why)
        for row in tx.execute(query)
    ]
