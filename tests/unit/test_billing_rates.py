"""Which rate wins, on which day, and which rates cannot stand together."""

from datetime import date
from decimal import Decimal

import pytest

from tieout.billing.rates import RateBook, Rung, find_rate, rate_problems
from tieout.errors import Misconfigured
from tieout.model.money import Money
from tieout.model.project import BillingModel, Budget, Project, Rate

ATLAS = Project(id="p1", source=None, name="Atlas", client_id="c1", currency="USD")
BUILD = Budget(id="b1", name="Build", model=BillingModel.TIME_AND_MATERIALS, rate_card="standard")
DAY = date(2026, 3, 16)

# From the least specific to the most: each beats every one above it.
LADDER = [
    ("100", {"card": "firm", "role": "Senior"}, Rung.FIRM_CARD, "role Senior on the firm's card"),
    (
        "110",
        {"client": "Northwind", "role": "Senior"},
        Rung.CLIENT_CARD,
        "role Senior on the card of client Northwind",
    ),
    (
        "120",
        {"card": "standard", "role": "Senior"},
        Rung.BUDGET_CARD,
        "role Senior on card standard",
    ),
    ("125", {"person": "Ana"}, Rung.PERSON, "person Ana"),
    (
        "130",
        {"project": "Atlas", "role": "Senior"},
        Rung.ROLE_ON_PROJECT,
        "role Senior on project Atlas",
    ),
    (
        "140",
        {"project": "Atlas", "person": "Ana"},
        Rung.PERSON_ON_PROJECT,
        "person Ana on project Atlas",
    ),
    ("150", {"task": "Workshop"}, Rung.TASK, "task Workshop"),
    (
        "160",
        {"task": "Workshop", "person": "Ana"},
        Rung.TASK_AND_PERSON,
        "task Workshop and person Ana",
    ),
]


def rate(amount, **scopes):
    fields = {"currency": "USD", "origin": f"rates.yaml:{amount}", **scopes}
    return Rate(amount=Decimal(amount), **fields)


def found(rates, *, on=DAY, role="Senior", task="Workshop", person="Ana", budget=BUILD):
    book = RateBook(rates)
    return find_rate(book, ATLAS, "Northwind", budget, person=person, role=role, task=task, on=on)


@pytest.mark.parametrize("rungs", range(1, len(LADDER) + 1))
def test_the_most_specific_rate_wins_and_says_why(rungs):
    rates = [rate(amount, **scopes) for amount, scopes, _, _ in LADDER[:rungs]]
    amount, _, rung, why = LADDER[rungs - 1]
    for given in (rates, rates[::-1]):
        won = found(given)
        assert (won.rate.amount, won.rung, won.why) == (Decimal(amount), rung, why)
        assert won.origin == f"{why} (rates.yaml:{amount})"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"card": "premium", "role": "Senior"},
        {"client": "Contoso", "role": "Senior"},
        {"project": "Iris", "person": "Ana"},
        {"project": "Atlas", "person": "Ben"},
        {"project": "Iris", "task": "Workshop"},
        {"card": "standard", "role": "Consultant"},
        {"card": "standard", "role": "Senior", "currency": "EUR"},
    ],
)
def test_a_rate_for_something_else_never_applies(elsewhere):
    assert found([rate("90", **elsewhere)]) is None


def test_work_without_a_role_gets_no_roles_rate_but_everybodys():
    rates = [rate("120", card="standard", role="Senior"), rate("80", card="standard")]
    assert found(rates, role="").rate.amount == 80
    assert found(rates, role="").why == "everybody on card standard"
    assert found(rates[:1], role="") is None


def test_a_named_card_of_a_clients_is_the_clients_card_unless_the_budget_names_another():
    own = rate("115", card="northwind 2026", client="Northwind", role="Senior")
    assert found([own]).rung is Rung.CLIENT_CARD
    assert found([own]).why == "role Senior on the card of client Northwind"
    assert found([own, rate("120", card="standard", role="Senior")]).rate.amount == 120
    named = Budget(
        id="b2", name="Run", model=BillingModel.TIME_AND_MATERIALS, rate_card="northwind 2026"
    )
    assert found([own], budget=named).rung is Rung.BUDGET_CARD
    assert found([rate("1", card="contoso", client="Contoso", role="Senior")]) is None


def test_two_cards_of_one_client_with_a_price_for_one_role_clash_once():
    first = rate("115", card="on site", client="Northwind", role="Senior")
    second = rate("95", card="remote", client="Northwind", role="Senior")
    [problem] = rate_problems([first, second])
    assert "role Senior on the card of client Northwind has two rates" in problem.text
    twice = rate("116", card="on site", client="Northwind", role="Senior")
    assert len(rate_problems([first, twice])) == 1


def test_a_role_without_a_card_stands_on_the_firms_card():
    won = found([rate("75", role="Senior")])
    assert (won.rate.amount, won.rung) == (75, Rung.FIRM_CARD)


def test_a_workspace_may_call_the_firms_card_what_it_likes():
    book = RateBook([rate("75", card="List 2026", role="Senior")], firm_card="List 2026")
    won = find_rate(book, ATLAS, "", BUILD, person="Ana", role="Senior", task="", on=DAY)
    assert won.why == "role Senior on the firm's card"


def test_a_task_on_this_project_beats_the_task_anywhere():
    rates = [rate("150", task="Workshop"), rate("155", task="Workshop", project="Atlas")]
    assert found(rates).rate.amount == 155


@pytest.mark.parametrize(
    ("on", "amount"),
    [("2025-12-31", None), ("2026-01-01", 200), ("2026-03-31", 200), ("2026-04-01", 220)],
)
def test_dates_are_closed_on_both_ends(on, amount):
    rates = [
        rate("200", card="standard", role="Senior", from_date=date(2026, 1, 1),
             to_date=date(2026, 3, 31)),
        rate("220", card="standard", role="Senior", from_date=date(2026, 4, 1)),
    ]  # fmt: skip
    won = found(rates, on=date.fromisoformat(on))
    assert (won.rate.amount if won else None) == amount


def test_when_a_special_rate_ends_the_next_rung_takes_over():
    rates = [
        rate("140", project="Atlas", person="Ana", to_date=date(2026, 3, 15)),
        rate("120", card="standard", role="Senior"),
    ]
    assert found(rates, on=date(2026, 3, 15)).rate.amount == 140
    assert found(rates, on=date(2026, 3, 16)).rate.amount == 120


def test_two_rates_for_the_same_thing_on_the_same_day_are_a_problem():
    rates = [
        rate("200", card="standard", role="Senior", to_date=date(2026, 4, 1)),
        rate("220", card="standard", role="Senior", from_date=date(2026, 4, 1)),
    ]
    [problem] = rate_problems(rates)
    assert str(problem) == (
        "rates.yaml:220: role Senior on card standard has two rates on 2026-04-01: 220 here and "
        "200 at rates.yaml:200. End one before the other starts."
    )
    with pytest.raises(Misconfigured) as raised:
        RateBook(rates)
    assert raised.value.problems == (problem,)


def test_a_long_rate_clashes_with_every_rate_inside_it():
    rates = [
        rate("1", role="Senior"),
        rate("2", role="Senior", from_date=date(2026, 1, 1), to_date=date(2026, 1, 31)),
        rate("3", role="Senior", from_date=date(2026, 3, 1), to_date=date(2026, 3, 31)),
    ]
    assert [problem.line for problem in rate_problems(rates)] == [2, 3]


def test_the_same_scope_in_two_currencies_is_no_problem():
    rates = [rate("200", role="Senior"), rate("180", role="Senior", currency="EUR")]
    assert rate_problems(rates) == ()


def test_rates_that_make_no_sense_are_listed_all_at_once():
    rates = [
        rate("1", role="A", currency="DOLLAR"),
        rate("-2", role="B"),
        rate("3", role="C", from_date=date(2026, 2, 1), to_date=date(2026, 1, 1), origin=""),
    ]
    assert [problem.text for problem in rate_problems(rates)] == [
        "'DOLLAR' is not a currency. Use a code such as USD.",
        "A rate is 0 or more, found -2.",
        "The rate ends on 2026-01-01, before it starts on 2026-02-01.",
    ]


def test_the_rate_the_time_tool_shows_is_used_only_where_the_firm_says_so() -> None:
    shown = Money.of("95.00", "GBP")
    assert RateBook([]).shown(shown, "GBP") is None
    found = RateBook([], use_source_rates=True).shown(shown, "GBP")
    assert found is not None
    assert (found.rate.amount, found.why) == (shown.amount, "the rate the time tool shows")


def test_a_shown_rate_in_another_currency_prices_nothing() -> None:
    book = RateBook([], use_source_rates=True)
    assert book.shown(Money.of("95.00", "EUR"), "GBP") is None
