"""Time and materials: hours x rate, grouped into lines as the budget asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from tieout.billing.inputs import BillableEntry
from tieout.billing.rates import FoundRate, RateBook, on_day
from tieout.billing.results import BudgetResult, Held
from tieout.billing.rounding import line_amount, round_quantity, round_seconds
from tieout.model.document import HoldReason, Line, LineKind, WorkShare
from tieout.model.project import Budget, GroupKey, Project, Rounding

_Scope = tuple[str, str, str]  # person, role, task
_KeyPart = str | date
_Key = tuple[_KeyPart, ...]


class _Group:
    """The entries of one line while it grows: same grouping keys, same rate."""

    __slots__ = ("first_day", "found", "key", "last_day", "notes", "scopes", "seconds", "shares")

    def __init__(self, key: _Key, day: date, notes: str) -> None:
        self.key = key
        self.notes = notes
        self.seconds = 0
        self.first_day = self.last_day = day
        self.scopes: set[_Scope] = set()
        self.found: dict[int, FoundRate] = {}  # by identity: hashing a rate is slow
        self.shares: list[WorkShare] = []


def bill(
    project: Project,
    client_name: str,
    budget: Budget,
    entries: Iterable[BillableEntry],
    rates: RateBook,
    rounding: Rounding = Rounding.HALF_UP,
) -> BudgetResult:
    """The lines of one budget, for entries that have passed every gate.

    An entry without a rate is held. A line never mixes two rates. Lines follow the
    grouping keys: what was worked on first comes first, by name on the same day, and
    an earlier rate before a later one.
    """
    groups, held = _group(project, client_name, budget, entries, rates)
    lines = tuple(_line(project, budget, group, rounding) for group in _in_order(groups))
    return BudgetResult(lines, tuple(held))


class _Lane:
    """What is worked out once for a person, role and task, however many entries they have."""

    __slots__ = ("groups", "ladder", "scope")

    def __init__(self, scope: _Scope, ladder: tuple[FoundRate, ...]) -> None:
        self.scope = scope
        self.ladder = ladder
        self.groups: dict[int, _Group] = {}  # by the identity of the rate


def _group(
    project: Project,
    client_name: str,
    budget: Budget,
    entries: Iterable[BillableEntry],
    rates: RateBook,
) -> tuple[list[_Group], list[Held]]:
    """One pass over the entries; the only money looked at here is which rate applies."""
    minutes, mode = budget.time_rounding_minutes, budget.time_rounding
    alike = not {GroupKey.DAY, GroupKey.ENTRY} & set(budget.group_by)
    lanes: dict[_Scope, _Lane] = {}
    groups: dict[tuple[_Key, Decimal], _Group] = {}
    held: list[Held] = []
    for work in sorted(entries, key=_by_day):
        entry = work.entry
        scope = (work.person or entry.person, work.role or entry.role, work.task or entry.task)
        lane = lanes.get(scope)
        if lane is None:
            person, role, task = scope
            ladder = rates.ladder(project, client_name, budget, person=person, role=role, task=task)
            lane = lanes[scope] = _Lane(scope, ladder)
        found = on_day(lane.ladder, entry.work_date)
        found = found or rates.shown(entry.rate, project.currency)
        if found is None:
            text = _no_rate(project, client_name, budget, scope, entry.work_date, rates)
            held.append(Held(entry.id, HoldReason.NO_RATE, text))
            continue
        group = lane.groups.get(id(found)) if alike else None
        if group is None:
            group = _join(groups, lane, found, _key_of(project, budget, work, scope), work)
        seconds = round_seconds(entry.seconds, minutes, mode) if minutes else entry.seconds
        group.seconds += seconds
        group.last_day = entry.work_date
        group.shares.append(WorkShare(work_id=entry.id, seconds=seconds))
    return list(groups.values()), held


def _join(
    groups: dict[tuple[_Key, Decimal], _Group],
    lane: _Lane,
    found: FoundRate,
    key: _Key,
    work: BillableEntry,
) -> _Group:
    """The line this work belongs on, opened when it is the first; the lane remembers it."""
    group = groups.get((key, found.rate.amount))
    if group is None:
        group = _Group(key, work.entry.work_date, work.entry.notes)
        groups[key, found.rate.amount] = group
    group.scopes.add(lane.scope)
    group.found[id(found)] = found
    lane.groups[id(found)] = group
    return group


def _by_day(work: BillableEntry) -> tuple[date, str]:
    return (work.entry.work_date, work.entry.id)


def _key_of(project: Project, budget: Budget, work: BillableEntry, scope: _Scope) -> _Key:
    return tuple(_key_part(part, project, budget, work, scope) for part in budget.group_by)


def _key_part(
    part: GroupKey, project: Project, budget: Budget, work: BillableEntry, scope: _Scope
) -> _KeyPart:
    if part is GroupKey.PERSON:
        return scope[0]
    if part is GroupKey.TASK:
        return scope[2]
    if part is GroupKey.ROLE:
        return scope[1]
    if part is GroupKey.DAY:
        return work.entry.work_date
    if part is GroupKey.ENTRY:
        return work.entry.id
    return project.name if part is GroupKey.PROJECT else budget.name


def _in_order(groups: Sequence[_Group]) -> list[_Group]:
    """Key by key: by the first day worked on it, then by name; then by the start of the rate."""
    first_day: dict[_Key, date] = {}
    starts = {id(group): min(found.starts for found in group.found.values()) for group in groups}
    amounts = {id(group): next(iter(group.found.values())).rate.amount for group in groups}
    for group in groups:
        for length in range(1, len(group.key) + 1):
            prefix = group.key[:length]
            day = group.first_day
            first_day[prefix] = min(day, first_day.get(prefix, day))

    def place(group: _Group) -> tuple[object, ...]:
        key = group.key
        path = tuple((first_day[key[: n + 1]], part) for n, part in enumerate(key))
        return (path, starts[id(group)], amounts[id(group)])

    return sorted(groups, key=place)


def _line(project: Project, budget: Budget, group: _Group, rounding: Rounding) -> Line:
    quantity = round_quantity(group.seconds)
    rate = next(iter(group.found.values())).rate.amount
    return Line(
        id="",
        kind=LineKind.TIME,
        budget_id=budget.id,
        description=_describe(budget, group, quantity),
        quantity=quantity,
        rate=rate,
        amount=line_amount(quantity, rate, project.currency, rounding),
        project_id=project.id,
        person=_common([scope[0] for scope in group.scopes]),
        role=_common([scope[1] for scope in group.scopes]),
        task=_common([scope[2] for scope in group.scopes]),
        service_date=group.last_day,
        item=budget.item,
        rate_origin="; ".join(dict.fromkeys(found.origin for found in group.found.values())),
        work=tuple(group.shares),
    )


def _common(names: Sequence[str]) -> str:
    """The name every entry of a line shares, or ""."""
    return names[0] if len(set(names)) == 1 else ""


def _describe(budget: Budget, group: _Group, quantity: Decimal) -> str:
    """`Design – Ana, 2.00 h`; a line of one entry shows its day, work and notes."""
    blank = {GroupKey.TASK: "No task", GroupKey.ROLE: "No role", GroupKey.PERSON: "Nobody named"}
    parts: list[str] = []
    for asked, part in zip(budget.group_by, group.key, strict=True):
        if asked is GroupKey.ENTRY:
            person, _role, task = next(iter(group.scopes))
            parts += [str(group.last_day), task, person, " ".join(group.notes.split())]
        else:
            parts.append(str(part) or blank.get(asked, ""))
    words = " – ".join(dict.fromkeys(part for part in parts if part)) or budget.name
    return f"{words}, {quantity} h"


def _no_rate(
    project: Project,
    client_name: str,
    budget: Budget,
    scope: _Scope,
    day: date,
    rates: RateBook,
) -> str:
    person, role, task = scope
    who = f"{person} (role {role})" if role else f"{person} (no role)"
    what = f"for {task} on {project.name}" if task else f"on {project.name}"
    text = f"No rate in {project.currency} for {who} {what} on {day}."
    for currency in sorted(rates.currencies - {project.currency}):
        ladder = rates.ladder(
            project, client_name, budget, person=person, role=role, task=task, currency=currency
        )
        found = on_day(ladder, day)
        if found:
            return f"{text} There is one in {currency}: {found.origin}."
    return text
