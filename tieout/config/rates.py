"""Rate cards and overrides as dated rates, each with the line it is written on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from tieout.config.rules_rates import CardRate, Override, RateCard, RateRules
from tieout.errors import Problem
from tieout.model.project import Rate


def rates_of(rules: RateRules) -> tuple[tuple[Rate, ...], list[Problem]]:
    """All rates of the file in the order they are written, and what is wrong with them.

    A rate without a currency is left out and is a problem; so are two rates for the
    same thing that hold on the same day, because nobody could say which one wins.
    """
    rates: list[Rate] = []
    problems: list[Problem] = []
    for rate, origin in _written(rules):
        if rate.currency:
            rates.append(rate)
            continue
        file, _, line = origin.partition(":")
        text = (
            f"a rate without a currency ({_scope_text(rate)}): write `currency:` on the rate,"
            " on its card or at the top of the file"
        )
        problems.append(Problem(file, int(line or 0), text))
    return tuple(rates), problems + list(_overlaps(rates))


def _written(rules: RateRules) -> Iterator[tuple[Rate, str]]:
    for name, card in rules.cards.items():
        currency = card.currency or rules.currency or ""
        for role, amount in card.roles.items():
            origin = card.origin_of("roles", role)
            yield (
                Rate(
                    amount=amount,
                    currency=currency,
                    origin=origin,
                    card=name,
                    client=card.client,
                    role=role,
                ),
                origin,
            )
        for dated in card.rates:
            yield _dated(dated, name, card, currency), dated.origin
    for override in rules.overrides:
        yield _override(override, override.currency or rules.currency or ""), override.origin


def _dated(rate: CardRate, name: str, card: RateCard, currency: str) -> Rate:
    return Rate(
        amount=rate.rate,
        currency=rate.currency or currency,
        origin=rate.origin,
        card=name,
        client=card.client,
        task=rate.task,
        person=rate.person,
        role=rate.role,
        from_date=rate.from_date,
        to_date=rate.to_date,
    )


def _override(rate: Override, currency: str) -> Rate:
    return Rate(
        amount=rate.rate,
        currency=currency,
        origin=rate.origin,
        client=rate.client,
        project=rate.project,
        task=rate.task,
        person=rate.person,
        role=rate.role,
        from_date=rate.from_date,
        to_date=rate.to_date,
    )


def _scope(rate: Rate) -> tuple[str, ...]:
    return (
        rate.card,
        rate.client,
        rate.project,
        rate.task,
        rate.person,
        rate.role,
        rate.currency,
    )


def _scope_text(rate: Rate) -> str:
    named = {
        "card": rate.card,
        "client": rate.client,
        "project": rate.project,
        "task": rate.task,
        "person": rate.person,
        "role": rate.role,
    }
    return ", ".join(f"{what} {name}" for what, name in named.items() if name)


def _start(rate: Rate) -> date:
    return rate.from_date or date.min


def _overlaps(rates: list[Rate]) -> Iterator[Problem]:
    for _, group in groupby(sorted(rates, key=_scope), key=_scope):
        ordered = sorted(group, key=_start)
        for i, later in enumerate(ordered[1:], start=1):
            earlier = max(ordered[:i], key=lambda rate: rate.to_date or date.max)
            if (earlier.to_date or date.max) < _start(later):
                continue
            file, _, line = later.origin.partition(":")
            day = f"on {_start(later)}" if later.from_date else "from the first day"
            yield Problem(
                file,
                int(line or 0),
                f"two rates for {_scope_text(later)} hold {day}: this one and {earlier.origin};"
                " end the older one with `to:`",
            )
