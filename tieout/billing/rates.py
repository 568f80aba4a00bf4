"""Which rate applies: the ladder, most specific rung first, and every rate dated.

    1. a task done by a person      task + person
    2. a task                       task
    3. a person on a project        project + person
    4. a role on a project          project + role
    5. a person anywhere            person
    6. the budget's card            card
    7. the client's card            client, with or without a name for the card
    8. the firm's card              the card named as the firm's, or no scope but a role

A rate applies when every scope it names matches. On one rung, a rate that names more
beats one that names less: task, then person, then project, client and role. A card row
usually names a role; one that names none applies to everybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from tieout.errors import Misconfigured, Problem
from tieout.model.money import Money, is_currency
from tieout.model.project import Budget, Project, Rate

FIRM_CARD = "firm"

# Stands for "the card of whichever client is named": a card nobody can write down.
_CLIENTS_OWN = "\0"


class Rung(StrEnum):
    """The step of the ladder a rate was found on."""

    TASK_AND_PERSON = "task and person"
    TASK = "task"
    PERSON_ON_PROJECT = "person on project"
    ROLE_ON_PROJECT = "role on project"
    PERSON = "person"
    BUDGET_CARD = "budget's card"
    CLIENT_CARD = "client's card"
    FIRM_CARD = "firm's card"
    SOURCE = "the time tool"


class FoundRate(NamedTuple):
    """A rate that applies to a scope while its dates last, and why it was chosen."""

    rate: Rate
    rung: Rung
    why: str  # `role Senior on card standard`

    @property
    def starts(self) -> date:
        return self.rate.from_date or date.min

    @property
    def origin(self) -> str:
        """The reason and the place it is written: for the document's line."""
        return f"{self.why} ({self.rate.origin})" if self.rate.origin else self.why


class _Scope(NamedTuple):
    """What a rate names; the key of the index. Names, "" where it names nothing."""

    currency: str
    card: str
    client: str
    project: str
    task: str
    person: str
    role: str


_Shape = tuple[bool, bool, bool, bool, bool]  # names client, project, task, person, role?
_OVERRIDE_RUNGS = (
    Rung.TASK_AND_PERSON,
    Rung.TASK,
    Rung.PERSON_ON_PROJECT,
    Rung.ROLE_ON_PROJECT,
    Rung.PERSON,
)


class RateBook:
    """Every rate of a workspace, indexed by what it names.

    A lookup probes one key for each combination of scopes in use, a handful in
    practice, whatever the number of rates.
    """

    def __init__(
        self,
        rates: Iterable[Rate],
        *,
        firm_card: str = FIRM_CARD,
        use_source_rates: bool = False,
    ) -> None:
        """`use_source_rates` lets the rate an entry came with price it when no rung has one.

        Raises Misconfigured, with every problem, when `rate_problems` finds one.
        """
        rates = tuple(rates)
        problems = rate_problems(rates, firm_card=firm_card)
        if problems:
            raise Misconfigured("The rates cannot be used as they are written.", problems)
        self.firm_card = firm_card
        self.use_source_rates = use_source_rates
        self._shown: dict[Money, FoundRate] = {}
        self._by_scope = _by_scope(rates, firm_card)
        self._explained: dict[tuple[_Scope, Rung], tuple[FoundRate, ...]] = {}
        shapes: dict[str, set[_Shape]] = {"override": set(), "card": set(), "client": set()}
        for scope in self._by_scope:
            shapes[_place_of(scope)].add(_shape_of(scope))
        self._overrides = sorted(shapes["override"], key=_narrowest_first)
        self._cards = sorted(shapes["card"], key=_narrowest_first)
        self._clients = sorted(shapes["client"], key=_narrowest_first)
        self.currencies = frozenset(scope.currency for scope in self._by_scope)

    def shown(self, rate: Money | None, currency: str) -> FoundRate | None:
        """The rate an entry came with, in the project's currency, where the firm uses those."""
        if rate is None or not self.use_source_rates or rate.currency != currency:
            return None
        if rate not in self._shown:
            made = Rate(amount=rate.amount, currency=rate.currency, origin="")
            self._shown[rate] = FoundRate(made, Rung.SOURCE, "the rate the time tool shows")
        return self._shown[rate]

    def ladder(
        self,
        project: Project,
        client_name: str,
        budget: Budget,
        *,
        person: str,
        role: str,
        task: str,
        currency: str = "",
    ) -> tuple[FoundRate, ...]:
        """Every rate for this scope whatever its dates, the one that wins first.

        In the project's currency unless another is asked for.
        """
        names = (client_name, project.name, task, person, role)
        money = currency or project.currency
        found = self._matches(self._overrides, money, "", names, None)
        if budget.rate_card:
            found += self._matches(self._cards, money, budget.rate_card, names, Rung.BUDGET_CARD)
        found += self._matches(self._clients, money, _CLIENTS_OWN, names, Rung.CLIENT_CARD)
        if budget.rate_card != self.firm_card:
            found += self._matches(self._cards, money, self.firm_card, names, Rung.FIRM_CARD)
        return tuple(found)

    def _matches(
        self,
        shapes: Sequence[_Shape],
        currency: str,
        card: str,
        names: tuple[str, str, str, str, str],
        rung: Rung | None,
    ) -> list[FoundRate]:
        found: list[FoundRate] = []
        for shape in shapes:
            client, project, task, person, role = (
                name if wanted else "" for wanted, name in zip(shape, names, strict=True)
            )
            key = (currency, card, client, project, task, person, role)
            if key not in self._by_scope:
                continue
            scope = _Scope(*key)
            # Work without a role must not match a rate for everybody a second time.
            if _shape_of(scope) == shape:
                found += self._found(scope, rung or _OVERRIDE_RUNGS[_rank(shape)])
        return found

    def _found(self, scope: _Scope, rung: Rung) -> tuple[FoundRate, ...]:
        """The rates of one scope with the words for it, worked out once."""
        known = self._explained.get((scope, rung))
        if known is None:
            why = _why(scope, rung)
            known = tuple(FoundRate(rate, rung, why) for rate in self._by_scope[scope])
            self._explained[scope, rung] = known
        return known


def find_rate(
    rates: RateBook,
    project: Project,
    client_name: str,
    budget: Budget,
    *,
    person: str,
    role: str,
    task: str,
    on: date,
) -> FoundRate | None:
    """The rate for one person, role and task on one day, or None when there is none."""
    ladder = rates.ladder(project, client_name, budget, person=person, role=role, task=task)
    return on_day(ladder, on)


def on_day(ladder: Iterable[FoundRate], day: date) -> FoundRate | None:
    """The first rate of a ladder in force on the day."""
    for found in ladder:
        rate = found.rate
        if (rate.from_date is None or rate.from_date <= day) and (
            rate.to_date is None or day <= rate.to_date
        ):
            return found
    return None


def rate_problems(rates: Iterable[Rate], *, firm_card: str = FIRM_CARD) -> tuple[Problem, ...]:
    """Everything wrong in the rates: two that apply on one day, dates, amounts, currencies."""
    rates = tuple(rates)
    problems = [_problem(rate, text) for rate in rates for text in _own_faults(rate)]
    clashes: dict[tuple[int, int], Problem] = {}  # a pair that clashes on two rungs is told once
    for scope, dated in _by_scope(rates, firm_card).items():
        for earlier, rate in _overlapping(dated):
            both = f"{_who(scope)} has two rates on {rate.from_date or 'every early day'}"
            text = f"{both}: {rate.amount} here and {earlier.amount} at {earlier.origin}"
            problem = _problem(rate, f"{text}. End one before the other starts.")
            clashes.setdefault((id(earlier), id(rate)), problem)
    return (*problems, *clashes.values())


def _overlapping(dated: Sequence[Rate]) -> Iterable[tuple[Rate, Rate]]:
    """Of rates in order of their start: each that starts before an earlier one has ended."""
    lasting = dated[0]
    for rate in dated[1:]:
        if lasting.to_date is None or (rate.from_date or date.min) <= lasting.to_date:
            yield lasting, rate
        ends = rate.to_date or date.max
        if lasting.to_date is not None and ends > lasting.to_date:
            lasting = rate


def _own_faults(rate: Rate) -> Iterable[str]:
    if not is_currency(rate.currency):
        yield f"{rate.currency!r} is not a currency. Use a code such as USD."
    if not rate.amount.is_finite() or rate.amount < 0:
        yield f"A rate is 0 or more, found {rate.amount}."
    if rate.from_date and rate.to_date and rate.to_date < rate.from_date:
        yield f"The rate ends on {rate.to_date}, before it starts on {rate.from_date}."


def _problem(rate: Rate, text: str) -> Problem:
    file, _, line = rate.origin.rpartition(":")
    if file and line.isdigit():
        return Problem(file, int(line), text)
    return Problem(rate.origin or "rates", 0, text)


def _by_scope(rates: Iterable[Rate], firm_card: str) -> dict[_Scope, tuple[Rate, ...]]:
    index: dict[_Scope, list[Rate]] = defaultdict(list)
    for rate in rates:
        for scope in _scopes_of(rate, firm_card):
            index[scope].append(rate)
    return {
        scope: tuple(sorted(dated, key=lambda rate: rate.from_date or date.min))
        for scope, dated in index.items()
    }


def _scopes_of(rate: Rate, firm_card: str) -> Iterable[_Scope]:
    """Where on the ladder a rate stands; a named card of one client's stands on two rungs."""
    written = _Scope(
        rate.currency, rate.card, rate.client, rate.project, rate.task, rate.person, rate.role
    )
    if rate.card:
        yield written
        if rate.client:
            yield written._replace(card=_CLIENTS_OWN)
    elif rate.task or rate.project or rate.person:
        yield written
    else:
        yield written._replace(card=_CLIENTS_OWN if rate.client else firm_card)


def _place_of(scope: _Scope) -> str:
    if scope.card == _CLIENTS_OWN:
        return "client"
    return "card" if scope.card else "override"


def _shape_of(scope: _Scope) -> _Shape:
    return (
        bool(scope.client),
        bool(scope.project),
        bool(scope.task),
        bool(scope.person),
        bool(scope.role),
    )


def _rank(shape: _Shape) -> int:
    _client, project, task, person, _role = shape
    if task:
        return 0 if person else 1
    if project:
        return 2 if person else 3
    return 4 if person else 5


def _narrowest_first(shape: _Shape) -> tuple[int, bool, bool, bool]:
    client, project, _task, _person, role = shape
    return (_rank(shape), not project, not client, not role)


def _who(scope: _Scope) -> str:
    named = (("task", scope.task), ("person", scope.person), ("role", scope.role))
    who = " and ".join(f"{word} {name}" for word, name in named if name) or "everybody"
    if scope.project:
        who += f" on project {scope.project}"
    if scope.card == _CLIENTS_OWN:
        return f"{who} on the card of client {scope.client}"
    if scope.card:
        who += f" on card {scope.card}"
    return f"{who} for client {scope.client}" if scope.client else who


def _why(scope: _Scope, rung: Rung) -> str:
    if rung is Rung.FIRM_CARD:
        return f"{_who(scope._replace(card=''))} on the firm's card"
    return _who(scope)
