"""How alike names are: for sorting what a person is shown, never for deciding."""

from __future__ import annotations

from pathlib import Path

import pytest

from tieout.mapping.similar import Names, core, own_domain

PRODUCT = Path(__file__).parents[2] / "tieout"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Birch & Bay Foods", "birch and bay  foods, Inc."),
        ("ACME GmbH & Co. KG", "Acme"),
        ("Philips N.V.", "Philips"),
        ("Köhler AG", "köhler"),
    ],
)
def test_the_same_but_for_how_it_is_written(one: str, other: str) -> None:
    assert [score for _, score in Names([other]).like(one)] == [100]


def test_a_name_that_is_only_a_form_stays_a_name() -> None:
    assert (core("Co"), core("SA"), core("A B")) == ("co", "sa", "a b")


def test_the_most_alike_comes_first_and_the_unlike_not_at_all() -> None:
    names = ["Northern Timber", "Foods, Birch and Bay", "Birch Bakery", "Birch & Bay Fods"]
    found = Names(names).like("Birch & Bay Foods")
    assert [names[place] for place, _ in found][:2] == ["Birch & Bay Fods", "Foods, Birch and Bay"]
    assert "Northern Timber" not in [names[place] for place, _ in found]
    assert all(isinstance(score, int) and 60 <= score < 100 for _, score in found)


def test_a_part_of_a_name_is_not_the_name() -> None:
    assert all(score < 100 for _, score in Names(["Acme Widgets International"]).like("Acme"))


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Pay@Birch.example", "birch.example"),
        ("someone@gmail.com", ""),
        ("", ""),
        ("nobody", ""),
    ],
)
def test_a_domain_that_anybody_can_have_says_nothing(email: str, domain: str) -> None:
    assert own_domain(email) == domain


def test_one_module_knows_the_library() -> None:
    knows = [path.name for path in PRODUCT.rglob("*.py") if "rapidfuzz import" in path.read_text()]
    assert knows == ["similar.py"]
