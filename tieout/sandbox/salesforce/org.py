"""The records of an org, with methods for the people who work in it.

A person's change can be late-visible: it is stamped when it is made but readers
see it some seconds later, as a transaction that commits after its stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from tieout.clock import Clock
from tieout.sandbox.salesforce import rules
from tieout.sandbox.salesforce.books import Books
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


@dataclass
class Trouble:
    """A planned refusal of the API's writes: plays `times` times on those it matches."""

    error: ApiError
    times: int = 1
    object_name: str = ""  # "" matches any
    record_id: str = ""  # "" matches any
    operations: tuple[str, ...] = ("insert", "update", "delete")
    may_save: bool = False  # a caller who asks to save duplicates gets past it


@dataclass
class Org(Books):
    """All records. Public methods are for people and tests; the API uses the same ones."""

    clock: Clock
    schema: Schema
    late_visible_s: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    save_duplicates: bool = False  # the API call being answered asks to save duplicates

    def __post_init__(self) -> None:
        super().__init__(self.clock, self.schema)
        self._counters: dict[str, int] = {}
        self.organization_id = make_id("00D", 1)
        self.time_zone = "America/New_York"
        self.person_id = make_id("005", 1)
        self.api_user_id = make_id("005", 2)
        self.delete_log_from = self.clock.now() - timedelta(days=15)
        self._add_users()

    def copy(self, clock: Clock | None = None) -> Org:
        """The same org once more, on its own clock when one is given; nobody listens to it.

        States of records are shared, since a stored one never changes: a prepared org is
        copied in a fraction of a millisecond.
        """
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.clock = clock or self.clock
        twin.schema = self.schema.copy()
        twin.troubles = [replace(each) for each in self.troubles]
        self.share(twin)
        twin._counters = dict(self._counters)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Org:
        return self.copy(memo.get(id(self.clock)))

    # -- for people ---------------------------------------------------------
    def insert(
        self, object_name: str, values: Mapping[str, Any], *, late_s: int | None = None
    ) -> str:
        """Add a record as a person would; the id is returned. Raises ApiError when refused."""
        with self.transaction():
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
        with self.transaction():
            self.change(object_name, record_id, values, self.person_id, self._late(late_s))

    def delete(self, object_name: str, record_id: str, *, late_s: int | None = None) -> None:
        """Put a record, and what belongs to it, into the recycle bin."""
        with self.transaction():
            self.remove(object_name, record_id, self.person_id, self._late(late_s))

    def undelete(self, object_name: str, record_id: str) -> None:
        """Take a record back out of the recycle bin."""
        record = self.latest(object_name, record_id)
        with self.transaction():
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
            if trouble.may_save and self.save_duplicates:
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

    def _late(self, late_s: int | None) -> int:
        return self.late_visible_s if late_s is None else late_s

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
