"""The kinds of table a file connection reads: which columns, and what record a row is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

from tieout.connectors.base import Row
from tieout.connectors.files.cells import plain
from tieout.connectors.tables import Table, folded, refused
from tieout.errors import Problem
from tieout.model.work import Approval

#: A row's cells by `Column.to`: texts, "" when there is none; None for any other kind.
Values = dict[str, Any]

#: Columns whose value goes by another name than their own.
_ALIASES = {
    "user": "person",
    "start date": "date",
    "duration": "hours",
    "description": "notes",
    "billable rate": "rate",
}
_KINDS = {
    **dict.fromkeys(("date", "close_date", "line_date", "from", "to"), "date"),
    **dict.fromkeys(("billable", "invoiced", "approved", "won", "closed", "active"), "yes"),
    **dict.fromkeys(("rate", "amount", "line_quantity", "line_price", "line_total"), "number"),
    "hours": "hours",
    "currency": "currency",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a layout, and where a file has it."""

    to: str  # the name of its value
    kind: str  # text, number, hours, date, yes or currency
    filled: bool  # whether each of its cells must be filled
    found: str  # its name in the file, "" when the file does not have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One layout, columns by name, separated by commas.

    `record` raises ValueError in words for people.
    """

    name: str
    stream: str
    filled: str  # columns it needs, every cell filled
    blank: str = ""  # columns it needs, whose cells may be empty
    may: str = ""  # columns it reads when they are there
    record: Callable[[Values], Row]
    identity: tuple[str, ...]  # the record's fields that say which row it is
    keeps: bool = True  # whether it keeps columns it does not know; else they are problems

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return _names(f"{self.filled}, {self.blank}")

    @property
    def optional(self) -> tuple[str, ...]:
        """The columns it reads when they are there."""
        return _names(self.may)

    def columns(self, header: tuple[str, ...]) -> list[Column]:
        """Its columns in a file with this header. An id that is there must be filled."""
        found = {folded(name): name for name in header}
        columns = []
        for name in (*self.needed, *self.optional):
            to = _ALIASES.get(folded(name), folded(name).replace(" ", "_"))
            filled = name in (*_names(self.filled), "Id")
            columns.append(Column(to, _KINDS.get(to, "text"), filled, found.get(folded(name), "")))
        return columns

    def missing(self, header: tuple[str, ...]) -> list[str]:
        """The needed columns that the header does not have."""
        found = {folded(column) for column in header}
        return [name for name in self.needed if folded(name) not in found]

    def others(self, header: tuple[str, ...]) -> list[str]:
        """The header's columns that the layout does not read."""
        known = {column.found for column in self.columns(header)}
        return [name for name in header if name not in known]

    def fits(self, header: tuple[str, ...]) -> bool:
        """Whether a table with these columns is in this layout."""
        return not self.missing(header) and (self.keeps or not self.others(header))


def _names(columns: str) -> tuple[str, ...]:
    return tuple(name for name in columns.split(", ") if name)


def recognise(table: Table) -> Spec:
    """The layout of a table, the one that needs most when several fit.

    Raises BadInput naming the layout that is nearest and what it lacks.
    """
    fitting = [spec for spec in SPECS if spec.fits(table.header)]
    if fitting:
        return max(fitting, key=lambda spec: len(spec.needed))
    nearest = max(SPECS, key=lambda spec: _likeness(spec, table.header))
    missing = nearest.missing(table.header)
    if 2 * len(missing) > len(nearest.needed):
        known = "".join(f"; {spec.name}: {', '.join(spec.needed)}" for spec in SPECS)
        found = ", ".join(table.header)
        texts = [f"no layout has the columns {found}; what each needs{known}"]
    else:
        texts = [_missing_text(nearest, name, table.header) for name in missing]
        texts += [
            f"looks like '{nearest.name}', which has no column '{name}'; rename it or remove it"
            for name in ([] if nearest.keeps or missing else nearest.others(table.header))
        ]
    raise refused(table.name, [Problem(table.name, table.header_line, text) for text in texts])


def _likeness(spec: Spec, header: tuple[str, ...]) -> tuple[int, int]:
    return -len(spec.others(header)), -len(spec.missing(header))


def _missing_text(spec: Spec, name: str, header: tuple[str, ...]) -> str:
    others = {folded(column): column for column in spec.others(header)}
    near = get_close_matches(folded(name), list(others), n=1, cutoff=0.5)
    hint = f"the nearest column is '{others[near[0]]}': rename it" if near else "add it"
    return f"looks like '{spec.name}', but the column '{name}' is missing; {hint}"


# -- records ----------------------------------------------------------------------------
def _time(v: Values) -> Row:
    approvals = {None: Approval.NONE, True: Approval.APPROVED, False: Approval.PENDING}
    person = v.get("person") or f"{v.get('first_name', '')} {v.get('last_name', '')}".strip()
    if not person:
        raise ValueError("the row names no person; fill in 'First Name' or 'Last Name'")
    return {
        "person": person,
        "person_ref": v.get("email", ""),
        # Of several roles the first is the one that rates go by.
        "role": (v.get("role") or v.get("roles", "")).split(",")[0].strip(),
        "work_date": v["date"].isoformat(),
        "seconds": v["hours"],
        "billable": v["billable"] is not False,
        "approval": approvals[v.get("approved")].value,
        "billed_upstream": bool(v.get("invoiced")),
        "rate": _money(v.get("rate"), v.get("currency")),
        **{name: v[name] for name in ("client", "project", "task", "notes")},
    }


def _money(rate: Decimal | None, currency: str | None) -> Row | None:
    if rate is None:
        return None
    if rate < 0:
        raise ValueError(f"the rate {rate} is negative; write the rate of one hour")
    if currency is None:
        raise ValueError(f"the rate {rate} has no currency; fill in the column 'Currency'")
    return {"amount": plain(rate), "currency": currency}


def _deal(v: Values) -> Row:
    line = {
        "id": v["line_id"],
        "name": v["line_name"],
        "product_code": v["line_code"],
        "quantity": plain(v["line_quantity"]),
        "unit_price": plain(v["line_price"]),
        "total": plain(v["line_total"]),
        "service_date": v["line_date"] and v["line_date"].isoformat(),
        "description": v["line_description"],
    }
    if any(line.values()) and not line["name"]:
        raise ValueError("the row has a deal line without a name; fill in the column 'Line Name'")
    return {
        **{name: v[name] for name in ("name", "client", "currency", "owner")},
        "client_ref": v["client_id"],
        "amount": plain(v["amount"]),
        "is_won": v["won"],
        "is_closed": v["won"] or bool(v["closed"]),
        "close_date": v["close_date"] and v["close_date"].isoformat(),
        "lines": [line] if line["name"] else [],
    }


def _person(v: Values) -> Row:
    if v["time_zone"] and v["time_zone"] not in available_timezones():
        raise ValueError(f"'{v['time_zone']}' is not a time zone; write one like Europe/Paris")
    roles = [role.strip() for role in v["roles"].replace(";", ",").split(",") if role.strip()]
    said = {name: v[name] for name in ("name", "email", "time_zone")}
    return {**said, "roles": roles, "active": v["active"] is not False}


def _rate(v: Values) -> Row:
    start, end = v["from"], v["to"]
    if start and end and end < start:
        raise ValueError(f"the rate ends on {end}, before it starts on {start}")
    scopes = {name: v[name] for name in ("card", "client", "project", "task", "person", "role")}
    dates = {"from_date": start and start.isoformat(), "to_date": end and end.isoformat()}
    return {**(_money(v["rate"], v["currency"]) or {}), **scopes, **dates}


# -- the layouts ------------------------------------------------------------------------
_WORK = ("work_date", "client", "project", "task", "person", "notes")
RATE_IDENTITY = (
    "card", "client", "project", "task", "person", "role", "currency", "from_date",
)  # fmt: skip

SPECS = (
    Spec(
        name="harvest detailed time",
        stream="time",
        filled="Date, Client, Project, Hours, Billable?, Invoiced?, Approved?",
        blank="Task, Notes, First Name, Last Name",
        may="Roles, Billable Rate, Currency",
        record=_time,
        identity=_WORK,
    ),
    Spec(
        name="toggl detailed time",
        stream="time",
        filled="User, Billable, Start date, Duration",
        blank="Client, Project, Description",
        may="Email, Task",
        record=_time,
        identity=_WORK,
    ),
    Spec(
        name="time",
        stream="time",
        filled="Date, Person, Project, Hours",
        may="Id, Client, Task, Role, Notes, Billable, Approved, Invoiced, Rate, Currency",
        record=_time,
        identity=_WORK,
    ),
    Spec(
        name="deals",
        stream="deals",
        filled="Id, Name, Client, Won",
        may="Closed, Client Id, Amount, Currency, Close Date, Owner, Line Id, Line Name, "
        "Line Code, Line Quantity, Line Price, Line Total, Line Date, Line Description",
        record=_deal,
        identity=("name", "client"),
    ),
    Spec(
        name="people",
        stream="people",
        filled="Name",
        may="Id, Email, Roles, Time Zone, Active",
        record=_person,
        identity=("name",),
        keeps=False,
    ),
    Spec(
        name="rates",
        stream="rates",
        filled="Rate",
        may="Id, Currency, Card, Client, Project, Task, Person, Role, From, To",
        record=_rate,
        identity=RATE_IDENTITY,
        keeps=False,
    ),
)
