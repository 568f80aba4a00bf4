"""The rows of one account: ids, external ids, indexes, and what was deleted.

A row is a dict with the record API's field names: references are ids, sublists are lists
of dicts, date-times are instants. Rows are replaced, never changed in place, so a refused
operation leaves nothing half done and a copy of the account may share them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tieout.clock import Clock
from tieout.sandbox.netsuite import errors
from tieout.sandbox.netsuite.fields import MEMBERS, SETTLERS, TYPES
from tieout.sandbox.netsuite.settings import Settings
from tieout.sandbox.netsuite.wire import ZERO, Row

#: Fields in which a row says whose it is.
_OWNER = ("entity", "customer")


@dataclass(frozen=True)
class Change:
    """One change of one record, oldest first in `Store.changes`."""

    kind: str  # a record type
    id: str
    operation: str  # create, edit, delete
    at: datetime


@dataclass(frozen=True)
class Deleted:
    """What the table `deletedrecord` shows."""

    kind: str
    id: str
    name: str
    at: datetime


class Store:
    """Tables of one account."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self.clock = clock
        self.settings = settings
        #: While set, rows are dated here: how an account gets a past.
        self.backdated: datetime | None = None
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in TYPES}
        self.kinds: dict[str, dict[str, str]] = {}  # by space: id -> record type
        self.externals: dict[str, dict[str, str]] = {}  # by space: external id -> id
        self.of_owner: dict[str, dict[str, None]] = {}  # entity id -> ids of its transactions
        #: What each settling document applies to an invoice: invoice -> document -> amount.
        self.applied: dict[str, dict[str, Decimal]] = {}
        self.attached: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.workflow_locks: set[tuple[str, str]] = set()
        self.changes: list[Change] = []
        self.deleted: list[Deleted] = []
        self.dirty: dict[tuple[str, str], None] = {}  # what SuiteQL has not seen yet
        self._last: dict[str, int] = {}
        self._line_key = 1000

    def share(self, memo: dict[int, Any]) -> None:
        """Prepare the memo of a deep copy: tables are copied, their rows are shared."""
        for name in ("tables", "kinds", "externals", "of_owner", "applied"):
            whole = getattr(self, name)
            memo[id(whole)] = {key: dict(value) for key, value in whole.items()}
        for name in ("changes", "deleted"):
            memo[id(getattr(self, name))] = list(getattr(self, name))

    # -- time -------------------------------------------------------------------------
    def now(self) -> datetime:
        """The clock at whole seconds, which is what the record API shows."""
        return (self.backdated or self.clock.now()).replace(microsecond=0)

    def today(self) -> str:
        """The date in the company's time zone, the default of tranDate."""
        zone = ZoneInfo(self.settings.time_zone)
        return (self.backdated or self.clock.now()).astimezone(zone).date().isoformat()

    # -- reading ----------------------------------------------------------------------
    def find(self, kind: str, row_id: str) -> Row | None:
        """A record of a type or of a group, None when there is none."""
        if kind in MEMBERS:
            kind = self.kinds.get(kind, {}).get(row_id, "")
        return self.tables.get(kind, {}).get(row_id)

    def get(self, kind: str, row_id: str) -> Row:
        """A record. Raises 404 NONEXISTENT_ID."""
        row = self.find(kind, row_id)
        if row is None:
            raise errors.nonexistent()
        return row

    def rows(self, kind: str) -> Iterator[Row]:
        # A copy: whoever looks on while the vendor is served must not trip over a new row.
        yield from list(self.tables[kind].values())

    def kind_of(self, group: str, row_id: str) -> str:
        """The record type of an id of a group, "" when there is none."""
        return self.kinds.get(group, {}).get(row_id, "")

    def by_external(self, kind: str, external_id: str) -> str:
        """The id of the record of this very type with an external id, "" for none."""
        space = kind if kind in MEMBERS else TYPES[kind].space
        row_id = self.externals.get(space, {}).get(external_id, "")
        if row_id and kind not in MEMBERS and row_id not in self.tables[kind]:
            return ""
        return row_id

    def customer_of(self, entity_id: str) -> Row | None:
        """The customer that an entity is or belongs to: a project's is its parent."""
        row = self.find("entity", entity_id)
        if row is not None and self.kind_of("entity", entity_id) == "job":
            return self.customer_of(str(row.get("parent", "")))
        return row if self.kind_of("entity", entity_id) == "customer" else None

    def owned(self, entity_id: str, kind: str) -> list[Row]:
        """The transactions of one type that name an entity, oldest first."""
        ids = sorted(self.of_owner.get(entity_id, ()), key=int)
        return [row for each in ids if (row := self.tables[kind].get(each))]

    def applied_to(self, invoice_id: str) -> Decimal:
        """What payments, credits and deposits have settled of an invoice."""
        return sum(self.applied.get(invoice_id, {}).values(), ZERO)

    def due(self, invoice: Row) -> Decimal:
        """What is left to pay of an invoice."""
        return Decimal(invoice["total"]) - self.applied_to(invoice["id"])

    # -- writing ----------------------------------------------------------------------
    def next_id(self, space: str) -> str:
        self._last[space] = self._last.get(space, 0) + 1
        return str(self._last[space])

    def start_ids(self, space: str, last: int) -> None:
        """Let the ids of a space go on from here."""
        self._last[space] = max(self._last.get(space, 0), last)

    def next_line_key(self) -> str:
        self._line_key += 1
        return str(self._line_key)

    def put(self, kind: str, row: Row, *, quiet: bool = False) -> Row:
        """Store a new row or the next state of one; `quiet` leaves its time of change alone."""
        record = TYPES[kind]
        old = self.tables[kind].get(row.get("id", ""))
        if old is None:
            row["id"] = row.get("id") or self.next_id(record.space)
        self._index(kind, row, old)
        now = self.now()
        made, changed = record.modified
        if made:
            row[made] = old[made] if old else now
        if changed and not (quiet and old):
            row[changed] = now
        self.tables[kind][row["id"]] = row
        self.dirty[(kind, row["id"])] = None
        self.changes.append(Change(kind, row["id"], "edit" if old else "create", now))
        return row

    def remove(self, kind: str, row_id: str) -> None:
        """Take a row out and remember that it was deleted."""
        row = self.tables[kind].pop(row_id)
        record = TYPES[kind]
        self.kinds.get(record.space, {}).pop(row_id, None)
        if self.settings.external_id_reusable and row.get("externalId"):
            self.externals[record.space].pop(row["externalId"], None)
        for owner in self._owners(kind, row):
            self.of_owner.get(owner, {}).pop(row_id, None)
        if kind in SETTLERS:
            self._unapply(row)
        now = self.now()
        self.deleted.append(Deleted(kind, row_id, str(row.get(record.title, "")), now))
        self.dirty[(kind, row_id)] = None
        self.changes.append(Change(kind, row_id, "delete", now))

    def check_external(self, kind: str, external_id: str, row_id: str) -> None:
        """Raises the duplicate error when another record of the group has an external id."""
        owner = self.externals.get(TYPES[kind].space, {}).get(external_id)
        if owner is not None and owner != row_id:
            raise errors.duplicate(self.settings)

    # -- inside -----------------------------------------------------------------------
    def _index(self, kind: str, row: Row, old: Row | None) -> None:
        space = TYPES[kind].space
        self.kinds.setdefault(space, {})[row["id"]] = kind
        names = self.externals.setdefault(space, {})
        before = old.get("externalId") if old else None
        if before and before != row.get("externalId"):
            names.pop(before, None)
        if row.get("externalId"):
            names[row["externalId"]] = row["id"]
        for owner in self._owners(kind, old or {}):
            self.of_owner.get(owner, {}).pop(row["id"], None)
        for owner in self._owners(kind, row):
            self.of_owner.setdefault(owner, {})[row["id"]] = None
        if kind in SETTLERS:
            if old is not None:
                self._unapply(old)
            for line in row.get("apply", ()):
                self.applied.setdefault(line["doc"], {})[row["id"]] = line["amount"]

    def _unapply(self, row: Row) -> None:
        for line in row.get("apply", ()):
            found = self.applied.get(line["doc"], {})
            found.pop(row["id"], None)
            if not found:
                self.applied.pop(line["doc"], None)

    def _owners(self, kind: str, row: Row) -> list[str]:
        if not TYPES[kind].transaction:
            return []
        return [str(row[name]) for name in _OWNER if row.get(name)]
