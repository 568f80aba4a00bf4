"""The states of an org's records, stamped at whole seconds, and transactions over them.

Stored states never change: a write adds a new one, and readers see those whose
time has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from tieout.clock import Clock
from tieout.sandbox.salesforce.errors import ApiError
from tieout.sandbox.salesforce.schema import FieldDef, Schema
from tieout.sandbox.salesforce.values import Record


@dataclass(frozen=True)
class Version:
    """A state of a record and the instant from which readers see it."""

    visible_at: datetime
    values: Record


@dataclass(frozen=True)
class Change:
    """One record that a committed transaction made or changed; a record never changes in place."""

    object_name: str
    old: Record | None  # None for a new record
    new: Record
    visible_at: datetime


#: What a transaction did: object name, key and the versions there were before.
_Journal = list[tuple[str, str, tuple[Version, ...] | None]]


class Books:
    """The tables of one org, without its rules."""

    def __init__(self, clock: Clock, schema: Schema) -> None:
        self.clock = clock
        self.schema = schema
        #: Told of every change when its transaction is committed.
        self.listeners: list[Callable[[Change], None]] = []
        self._books: dict[str, dict[str, tuple[Version, ...]]] = {}
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._journal: _Journal | None = None

    def share(self, twin: Self) -> None:
        """Give a copy tables of its own, with the same states in them; nobody listens to it."""
        twin.listeners = []
        twin._books = {name: dict(table) for name, table in self._books.items()}
        twin._index = {place: dict(keys) for place, keys in self._index.items()}

    # -- readers --------------------------------------------------------------
    def find_latest(self, object_name: str, record_id: str) -> Record | None:
        versions = self._table(object_name).get(record_id[:15])
        return versions[-1].values if versions else None

    def latest(self, object_name: str, record_id: str) -> Record:
        """The record as last written. Raises NOT_FOUND."""
        found = self.find_latest(object_name, record_id)
        if found is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return found

    def every_latest(self, object_name: str) -> Iterator[Record]:
        for versions in self._table(object_name).values():
            yield versions[-1].values

    def visible(self, object_name: str, record_id: str) -> Record | None:
        """The record as readers see it now, or None."""
        return self._seen(self._table(object_name).get(record_id[:15], ()))

    def every_visible(self, object_name: str) -> Iterator[Record]:
        now = self.clock.now()
        for versions in self._table(object_name).values():
            newest = versions[-1]
            seen = newest.values if newest.visible_at <= now else self._seen(versions)
            if seen is not None:
                yield seen

    def children_seen(self, object_name: str, field_name: str, parent_id: str) -> Iterator[Record]:
        """The records readers see under a parent, those in the recycle bin too."""
        for key in list(self._index.get((object_name, field_name, parent_id.casefold()), ())):
            record = self.visible(object_name, key)
            if record is not None and record[field_name] == parent_id:
                yield record

    def lookup(self, object_name: str, field_name: str, value: str) -> Iterator[Record]:
        """The live records whose reference or external-id field has this value, in any case."""
        wanted = value.casefold()
        for key in list(self._index.get((object_name, field_name, wanted), ())):
            record = self.find_latest(object_name, key)
            if record is None or record["IsDeleted"] or record[field_name] is None:
                continue
            if str(record[field_name]).casefold() == wanted:
                yield record

    def indexed(
        self, object_name: str, definition: FieldDef, values: Iterable[str]
    ) -> set[str] | None:
        """Keys of the records whose field has, or once had, one of the values in any case.

        None when the field has no index: only references, external ids and unique fields do.
        """
        if not _has_index(definition):
            return None
        places = ((object_name, definition.name, each.casefold()) for each in values)
        return {key for place in places for key in self._index.get(place, ())}

    # -- writing ------------------------------------------------------------
    def store(self, object_name: str, values: Record, by: str, late_s: int) -> None:
        """Stamp and keep a state of a record as it stands, without checks."""
        key = str(values["Id"])[:15]
        table = self._table(object_name)
        old = table.get(key)
        if self._journal is not None:
            self._journal.append((object_name, key, old))
        now = self._now()
        stamped = {**values, "LastModifiedDate": now, "LastModifiedById": by, "SystemModstamp": now}
        table[key] = (
            *self._kept(old or ()),
            Version(self.clock.now() + timedelta(seconds=late_s), stamped),
        )
        for each in self.schema.find(object_name).fields.values():
            if _has_index(each) and values.get(each.name):
                place = (object_name, each.name, str(values[each.name]).casefold())
                self._index.setdefault(place, {})[key] = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are undone when the block raises; the outermost one commits."""
        outer = self._journal
        journal: _Journal = []
        self._journal = journal
        try:
            yield
        except BaseException:
            for object_name, key, old in reversed(journal):
                if old is None:
                    del self._table(object_name)[key]
                else:
                    self._table(object_name)[key] = old
            raise
        else:
            if outer is not None:
                outer.extend(journal)
        finally:
            self._journal = outer
        if outer is None and self.listeners:
            self._tell(journal)

    # -- inside -------------------------------------------------------------
    def _tell(self, journal: _Journal) -> None:
        """Tell the listeners of each record once, however often the transaction wrote it."""
        before: dict[tuple[str, str], tuple[Version, ...] | None] = {}
        for object_name, key, old in journal:
            before.setdefault((object_name, key), old)
        for (object_name, key), old in before.items():
            latest = self._table(object_name)[key][-1]
            was = old[-1].values if old else None
            for listener in self.listeners:
                listener(Change(object_name, was, latest.values, latest.visible_at))

    def _table(self, object_name: str) -> dict[str, tuple[Version, ...]]:
        return self._books.setdefault(object_name, {})

    def _seen(self, versions: tuple[Version, ...]) -> Record | None:
        now = self.clock.now()
        return next((each.values for each in reversed(versions) if each.visible_at <= now), None)

    def _kept(self, versions: tuple[Version, ...]) -> tuple[Version, ...]:
        now = self.clock.now()
        settled = [each for each in versions if each.visible_at <= now][-1:]
        return (*settled, *(each for each in versions if each.visible_at > now))

    def _now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)


def _has_index(definition: FieldDef) -> bool:
    return bool(definition.reference_to or definition.external_id or definition.unique)
