"""What holds for every firm, and the oracle's agreement on every one of them."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle import billing_oracle, story
from tests.oracle.random_firms import PERIOD, firms
from tieout.billing.draft import draft_invoices
from tieout.billing.rounding import line_amount
from tieout.model.document import LineKind

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def drafted(firm, already_billed=frozenset()):
    return draft_invoices(story.given(firm, PERIOD, already_billed))


@settings(quick, max_examples=250)
@given(firms)
def test_the_oracle_bills_the_same_to_the_cent(firm):
    assert story.bill(firm, PERIOD) == billing_oracle.bill(firm, PERIOD)


@quick
@given(firms)
def test_every_line_is_quantity_times_rate_and_the_lines_make_the_total(firm):
    for document in drafted(firm).documents:
        for line in document.lines:
            assert line.amount == line_amount(line.quantity, line.rate, document.currency)
            assert line.amount.is_whole
            if line.kind is LineKind.TIME:
                hours = Decimal(sum(share.seconds for share in line.work)) / 3600
                assert abs(line.quantity - hours) <= Decimal("0.00005")
        assert document.total.amount == sum(line.amount.amount for line in document.lines)
        assert document.total
        assert [line.id for line in document.lines] == [
            f"L{number:03d}" for number in range(1, len(document.lines) + 1)
        ]


@quick
@given(firms, st.data())
def test_every_entry_comes_back_once_and_only_once(firm, data):
    ids = [entry["id"] for entry in firm["time_entries"]]
    before = frozenset(data.draw(st.lists(st.sampled_from(ids)))) if ids else frozenset()
    result = drafted(firm, before)
    answered = [
        *result.billed(),
        *(held.work_id for held in result.held),
        *(never.work_id for never in result.never_billed),
        *result.already_billed,
    ]
    assert len(answered) == len(set(answered))
    assert sorted(one for one in answered if "/instalment/" not in one) == ids
    assert set(result.already_billed) == before
    assert all(held.text for held in result.held)


@quick
@given(firms, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(firm, chance):
    first = drafted(firm)
    mixed = {**firm}
    for key in ("time_entries", "rates", "projects"):
        mixed[key] = list(firm[key])
        chance.shuffle(mixed[key])
    assert drafted(mixed) == first
    assert drafted(firm) == first


@quick
@given(firms)
def test_what_was_billed_is_not_billed_again(firm):
    first = drafted(firm)
    second = drafted(firm, frozenset(first.billed()))
    assert second.documents == ()
    assert not set(second.billed())


@quick
@given(firms, st.integers(1, 28799))
def test_cutting_an_entry_in_two_changes_no_amount(firm, cut):
    """Where hours are rounded on the line, not on the entry."""
    firm = {**firm, "projects": [_by_line(project) for project in firm["projects"]]}
    pieces = []
    for entry in firm["time_entries"]:
        if entry["seconds"] > cut:
            pieces.append({**entry, "seconds": cut})
            pieces.append({**entry, "id": f"{entry['id']}b", "seconds": entry["seconds"] - cut})
        else:
            pieces.append(entry)
    whole, cut_up = drafted(firm), drafted({**firm, "time_entries": pieces})
    assert [_printed(document) for document in whole.documents] == [
        _printed(document) for document in cut_up.documents
    ]


def _by_line(project):
    grouped = {"group_by": ["task", "person"], "time_rounding": {}}
    return {**project, "budgets": [{**budget, **grouped} for budget in project["budgets"]]}


def _printed(document):
    return [(line.description, line.quantity, line.rate, line.amount) for line in document.lines]
