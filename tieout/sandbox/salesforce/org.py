"""The records of an org, with methods for the people who work in it.

Times are stamped at whole seconds. A person's change can be late-visible: it is
stamped when it is made but readers see it some seconds later, as a transaction
that commits after its stamp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.salesforce import rules
from tieout.sandbox.salesforce.errors import ApiError, no_such_column
from tieout.sandbox.salesforce.ids import make_id
from tieout.sandbox.salesforce.schema import ObjectDef, Schema
from tieout.sandbox.salesforce.values import Record, coerce

_DETAILS = {  # deleted with their parent
    "Opportunity": (
        ("OpportunityLineItem", "OpportunityId"),
        ("OpportunityContactRole", "OpportunityId"),
    ),
    "OpportunityLineItem": (("OpportunityLineItemSchedule", "OpportunityLineItemId"),),
}


@dataclass(frozen=True)
class Version:
    """A state of a record and the instant from which readers see it."""

    visible_at: datetime
    values: Record


@dataclass
class Trouble:
    """A planned refusal of the API's writes: plays `times` times on those it matches."""

    error: ApiError
    times: int = 1
    object_name: str = ""  # "" matches any
    record_id: str = ""  # "" matches any
    operations: tuple[str, ...] = ("insert", "update", "delete")


@dataclass
class Org:
    """All records. Public methods are for people and tests; the API uses the same ones."""

    clock: Clock
    schema: Schema
    late_visible_s: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._books: dict[str, dict[str, tuple[Version, ...]]] = {}
        self._index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._counters: dict[str, int] = {}
        self._journal: list[tuple[str, str, tuple[Version, ...] | None]] | None = None
        self.organization_id = make_id("00D", 1)
        self.time_zone = "America/New_York"
        self.person_id = make_id("005", 1)
        self.api_user_id = make_id("005", 2)
        self.delete_log_from = self.clock.now() - timedelta(days=15)
        self._add_users()

    # -- for people ---------------------------------------------------------
    def insert(
        self, object_name: str, values: Mapping[str, Any], *, late_s: int | None = None
    ) -> str:
        """Add a record as a person would; the id is returned. Raises ApiError when refused."""
        return self.create(object_name, values, self.person_id, self._late(late_s))

    def update(
        self,
        object_name: str,
        record_id: str,
        values: Mapping[str, Any],
        *,
        late_s: int | None = None,
    ) -> None:
        """Change some fields of a record. `late_s`: seconds until readers see it."""
        self.change(object_name, record_id, values, self.person_id, self._late(late_s))

    def delete(self, object_name: str, record_id: str, *, late_s: int | None = None) -> None:
        """Put a record, and what belongs to it, into the recycle bin."""
        self.remove(object_name, record_id, self.person_id, self._late(late_s))

    def undelete(self, object_name: str, record_id: str) -> None:
        """Take a record back out of the recycle bin."""
        record = self.latest(object_name, record_id)
        self.store(object_name, {**record, "IsDeleted": False}, self.person_id, 0)

    def win(
        self, opportunity_id: str, *, close_date: date | None = None, late_s: int | None = None
    ) -> None:
        """Move a deal to the first won stage, closed today unless another date is given."""
        stage = next(each for each in self.records("OpportunityStage") if each["IsWon"])
        day = close_date or self.clock.today(self.time_zone)
        self.update(
            "Opportunity",
            opportunity_id,
            {"StageName": stage["MasterLabel"], "CloseDate": day},
            late_s=late_s,
        )

    def add_line(
        self,
        opportunity_id: str,
        pricebook_entry_id: str,
        quantity: Any,
        unit_price: Any = None,
        **more: Any,
    ) -> str:
        """Add a product line to a deal; the deal's amount follows."""
        values = {
            "OpportunityId": opportunity_id,
            "PricebookEntryId": pricebook_entry_id,
            "Quantity": quantity,
            **more,
        }
        if unit_price is not None:
            values["UnitPrice"] = unit_price
        return self.insert("OpportunityLineItem", values)

    def get(self, object_name: str, record_id: str) -> Record:
        """A copy of the record as last written, even in the recycle bin. Raises ApiError."""
        return dict(self.latest(object_name, record_id))

    def records(self, object_name: str, **equal: Any) -> list[Record]:
        """Copies of the live records whose fields equal the given values."""
        return [
            dict(each)
            for each in self.every_latest(object_name)
            if not each["IsDeleted"] and all(each.get(key) == want for key, want in equal.items())
        ]

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
        for versions in self._table(object_name).values():
            seen = self._seen(versions)
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

    # -- writers shared with the API ------------------------------------------
    def create(self, object_name: str, values: Mapping[str, Any], by: str, late_s: int = 0) -> str:
        target = self.schema.find(object_name)
        given = self._accepted(target, values, "insert")
        self._meet_trouble("insert", target.name, "", by)
        new: Record = {
            each.name: False if each.type == "boolean" else None for each in target.fields.values()
        }
        now = self._now()
        new |= {
            "Id": self._next_id(target),
            "IsDeleted": False,
            "CreatedDate": now,
            "CreatedById": by,
        }
        if "OwnerId" in new:
            new["OwnerId"] = by
        if "currencyisocode" in target.fields:
            new["CurrencyIsoCode"] = "USD"
        new |= given
        rules.apply(self, target, new, None, set(given))
        rules.check(self, target, new, set(given))
        self.store(target.name, new, by, late_s)
        self._after(target, new, by, late_s)
        return str(new["Id"])

    def change(
        self, object_name: str, record_id: str, values: Mapping[str, Any], by: str, late_s: int = 0
    ) -> None:
        target = self.schema.find(object_name)
        old = self._alive(target.name, record_id)
        given = self._accepted(target, values, "update")
        self._meet_trouble("update", target.name, str(old["Id"]), by)
        new = {**old, **given}
        rules.apply(self, target, new, old, set(given))
        rules.check(self, target, new, set(given))
        self.store(target.name, new, by, late_s)
        self._after(target, new, by, late_s)

    def remove(self, object_name: str, record_id: str, by: str, late_s: int = 0) -> None:
        target = self.schema.find(object_name)
        old = self._alive(target.name, record_id)
        self._meet_trouble("delete", target.name, str(old["Id"]), by)
        self._bin(target.name, old, by, late_s)
        self._after(target, old, by, late_s)

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
            if (each.reference_to or each.external_id or each.unique) and values.get(each.name):
                place = (object_name, each.name, str(values[each.name]).casefold())
                self._index.setdefault(place, {})[key] = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are undone when the block raises."""
        outer = self._journal
        journal: list[tuple[str, str, tuple[Version, ...] | None]] = []
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

    # -- inside ---------------------------------------------------------------
    def _accepted(self, target: ObjectDef, values: Mapping[str, Any], operation: str) -> Record:
        given: Record = {}
        refused = []
        for name, value in values.items():
            if name.lower() == "attributes":
                continue
            definition = target.fields.get(name.lower())
            if definition is None:
                raise no_such_column(name, target.name)
            allowed = definition.createable if operation == "insert" else definition.updateable
            if not allowed:
                refused.append(definition.name)
                continue
            given[definition.name] = coerce(definition, value, target.label)
        if refused:
            raise ApiError(
                400,
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(refused)}. Please check the security "
                "settings of this field and verify that it is read/write for your profile or "
                "permission set.",
                refused,
            )
        return given

    def _meet_trouble(self, operation: str, object_name: str, record_id: str, by: str) -> None:
        if by != self.api_user_id:
            return
        for trouble in self.troubles:
            if operation not in trouble.operations:
                continue
            if trouble.object_name not in ("", object_name):
                continue
            if trouble.record_id and trouble.record_id[:15] != record_id[:15]:
                continue
            trouble.times -= 1
            if trouble.times <= 0:
                self.troubles.remove(trouble)
            raise trouble.error

    def _after(self, target: ObjectDef, record: Record, by: str, late_s: int) -> None:
        if target.name == "OpportunityLineItem":
            rules.roll_up(self, record["OpportunityId"], by, late_s)
        elif target.name == "OpportunityLineItemSchedule":
            rules.set_schedule_flags(self, record["OpportunityLineItemId"], by, late_s)

    def _bin(self, object_name: str, record: Record, by: str, late_s: int) -> None:
        self.store(object_name, {**record, "IsDeleted": True}, by, late_s)
        for child, field_name in _DETAILS.get(object_name, ()):
            for each in list(self.lookup(child, field_name, str(record["Id"]))):
                self._bin(child, each, by, late_s)

    def _alive(self, object_name: str, record_id: str) -> Record:
        record = self.latest(object_name, record_id)
        if record["IsDeleted"]:
            raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
        return record

    def _next_id(self, target: ObjectDef) -> str:
        self._counters[target.prefix] = self._counters.get(target.prefix, 0) + 1
        return make_id(target.prefix, self._counters[target.prefix])

    def _table(self, object_name: str) -> dict[str, tuple[Version, ...]]:
        return self._books.setdefault(object_name, {})

    def _seen(self, versions: tuple[Version, ...]) -> Record | None:
        now = self.clock.now()
        return next((each.values for each in reversed(versions) if each.visible_at <= now), None)

    def _kept(self, versions: tuple[Version, ...]) -> tuple[Version, ...]:
        now = self.clock.now()
        settled = [each for each in versions if each.visible_at <= now][-1:]
        return (*settled, *(each for each in versions if each.visible_at > now))

    def _late(self, late_s: int | None) -> int:
        return self.late_visible_s if late_s is None else late_s

    def _now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)

    def _add_users(self) -> None:
        for name, username in (
            ("Sam Seller", "sam@acme.example"),
            ("Tieout Integration", "tieout@acme.example"),
        ):
            values = {
                "Name": name,
                "Username": username,
                "Email": username,
                "IsActive": True,
                "TimeZoneSidKey": self.time_zone,
            }
            self.create("User", values, self.person_id)
