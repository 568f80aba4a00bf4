"""From approved work to drafts: what goes on an invoice, what waits and why."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tieout.billing.draft import draft_invoices
from tieout.billing.holds import HOLD_WORDS
from tieout.billing.inputs import BillableEntry, BillingInput, Period, Policies
from tieout.billing.rates import RateBook
from tieout.errors import BadInput
from tieout.model.document import DocumentStatus, HoldReason
from tieout.model.ids import SourceRef
from tieout.model.party import Client
from tieout.model.project import (
    BillingModel,
    Budget,
    GroupKey,
    Instalment,
    InvoiceBy,
    Project,
    Rate,
)
from tieout.model.work import Approval, TimeEntry

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
NORTHWIND = Client(id="c1", source=None, name="Northwind")
BY_TIME = BillingModel.TIME_AND_MATERIALS
BUILD = Budget(id="b1", name="Build", model=BY_TIME)
ATLAS = Project(
    id="p1", source=None, name="Atlas", client_id="c1", currency="USD", budgets=(BUILD,)
)
SENIOR = Rate(amount=Decimal(200), currency="USD", origin="rates.yaml:1", role="Senior")


def hours(work_id, day=2, hours=1, project="p1", budget="", role="Senior", **fields):
    told = {
        "person": "Ana",
        "task": "Design",
        "billable": True,
        "approval": Approval.APPROVED,
        "work_date": date(2026, 3, day),
        "seconds": hours * 3600,
        **fields,
    }
    entry = TimeEntry(id=work_id, source=SourceRef("harvest", "time_entries", work_id), **told)
    return BillableEntry(entry, project, budget_id=budget, role=role)


def bill(*entries, projects=(ATLAS,), clients=(NORTHWIND,), rates=(SENIOR,), **fields):
    return draft_invoices(
        BillingInput(
            projects=projects,
            clients=clients,
            entries=entries,
            rates=RateBook(rates),
            period=fields.pop("period", MARCH),
            **fields,
        )
    )


def reasons(result):
    return {held.work_id: held.reason for held in result.held}


def test_a_draft_carries_all_a_bookkeeper_looks_for():
    atlas = replace(ATLAS, po_number="PO-7", terms="Net 30")
    result = bill(hours("t1"), hours("t2", day=5, hours=2), projects=(atlas,))
    [draft] = result.documents
    assert (draft.status, draft.number, draft.client_id) == (DocumentStatus.DRAFT, "", "c1")
    assert (draft.period_from, draft.period_to, draft.issue_date) == (
        MARCH.start,
        MARCH.end,
        MARCH.end,
    )
    assert (draft.po_number, draft.terms) == ("PO-7", "Net 30")
    [section] = draft.sections
    assert section.title == "Build"
    [line] = section.lines
    assert (line.id, line.description) == ("L001", "Design – Ana, 3.00 h")
    assert (str(line.quantity), str(line.rate), line.amount.plain) == ("3.00", "200", "600.00")
    assert line.service_date == date(2026, 3, 5)
    assert line.rate_origin == "role Senior on the firm's card (rates.yaml:1)"
    assert [(share.work_id, share.seconds) for share in line.work] == [("t1", 3600), ("t2", 7200)]


@pytest.mark.parametrize(
    ("entry", "reason", "words"),
    [
        (hours("t", approval=Approval.PENDING), "not_approved", "waits for approval"),
        (hours("t", running=True), "running", "still runs"),
        (hours("t", billed_upstream=True), "billed_upstream", "invoiced already"),
        (hours("t", project=None), "no_project", "none of ours matches"),
        (hours("t", project="gone"), "no_project", "does not exist"),
        (hours("t", budget="gone"), "unmapped", "budget gone"),
        (hours("t", role="Intern"), "no_rate", "No rate in USD for Ana (role Intern) for Design"),
        (hours("t", hours=-1), "bad_hours", "-1.00 h, below zero"),
        (hours("t", hours=25), "bad_hours", "Ana has 25.00 h on 2026-03-02; at most 24 h"),
        (
            hours("t", work_date=date(2026, 2, 28)),
            "outside_period",
            "before the period 2026-03-01 to 2026-03-31",
        ),
        (hours("t", work_date=date(2026, 4, 1)), "outside_period", "after the period"),
    ],
)
def test_work_that_may_not_be_billed_waits_with_its_reason(entry, reason, words):
    result = bill(entry, hours("ok", day=9))
    [held] = result.held
    assert (held.work_id, held.reason) == ("t", HoldReason(reason))
    assert words in held.text
    assert list(result.billed()) == ["ok"]


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (replace(ATLAS, currency=""), "currency_missing"),
        (replace(ATLAS, currency="DOLLAR"), "currency_missing"),
        (replace(ATLAS, active=False), "budget_closed"),
        (replace(ATLAS, client_id="gone"), "unmapped"),
        (replace(ATLAS, budgets=()), "unmapped"),
    ],
)
def test_a_project_that_cannot_be_billed_holds_its_work(project, reason):
    result = bill(hours("t"), projects=(project,))
    assert (result.documents, reasons(result)) == ((), {"t": HoldReason(reason)})


def test_disputed_work_waits():
    assert reasons(bill(hours("t"), disputed={"t"})) == {"t": HoldReason.DISPUTED}


def test_a_day_of_too_many_hours_is_noticed_however_it_is_cut():
    result = bill(hours("t1", hours=15), hours("t2", hours=15), hours("t3", day=3))
    assert reasons(result) == {"t1": HoldReason.BAD_HOURS, "t2": HoldReason.BAD_HOURS}
    lenient = Policies(max_hours_per_day=30)
    assert reasons(bill(hours("t1", hours=15), hours("t2", hours=15), policies=lenient)) == {}


def test_a_rate_in_another_currency_is_named_but_not_used():
    euros = replace(SENIOR, currency="EUR")
    [held] = bill(hours("t"), rates=(euros,)).held
    assert held.text.endswith("There is one in EUR: role Senior on the firm's card (rates.yaml:1).")


def test_work_that_is_not_billable_is_never_billed_and_never_held():
    result = bill(hours("t", billable=False, approval=Approval.PENDING))
    assert [never.work_id for never in result.never_billed] == ["t"]
    assert (result.documents, result.held) == ((), ())


def test_hours_under_a_fixed_fee_are_covered_by_it():
    fee = Budget(
        id="b2",
        name="Launch",
        model=BillingModel.FIXED_FEE,
        amount=Decimal(500),
        instalments=(Instalment(on=date(2026, 3, 10), percent=Decimal(100)),),
    )
    result = bill(hours("t"), projects=(replace(ATLAS, budgets=(fee,)),))
    assert result.documents[0].total.plain == "500.00"
    assert list(result.billed()) == ["b2/instalment/1"]
    assert result.never_billed[0].text == "Covered by the fixed fee Launch."


def test_a_task_goes_to_the_budget_that_names_it_and_the_rest_to_the_open_one():
    workshop = Budget(id="b2", name="Training", model=BY_TIME, tasks=("Workshop",))
    atlas = replace(ATLAS, budgets=(workshop, BUILD))
    result = bill(
        hours("t1"), hours("t2", task="Workshop"), hours("t3", budget="b2"), projects=(atlas,)
    )
    sections = {
        section.title: [share.work_id for line in section.lines for share in line.work]
        for section in result.documents[0].sections
    }
    assert sections == {"Training": ["t3", "t2"], "Build": ["t1"]}  # Design, then Workshop
    assert list(sections) == ["Training", "Build"]  # as the project lists its budgets


def test_an_invoice_of_zero_is_not_issued_and_its_work_waits():
    free = replace(SENIOR, amount=Decimal(0))
    result = bill(hours("t"), rates=(free,))
    assert (result.documents, reasons(result)) == ((), {"t": HoldReason.ZERO_TOTAL})


def test_a_client_may_get_one_invoice_and_each_currency_its_own():
    iris = replace(ATLAS, id="p2", name="Iris", budgets=(replace(BUILD, id="b2"),))
    juno = replace(ATLAS, id="p3", name="Juno", currency="EUR", budgets=(replace(BUILD, id="b3"),))
    work = (hours("t1"), hours("t2", project="p2", day=3), hours("t3", project="p3", day=4))
    rates = (SENIOR, replace(SENIOR, currency="EUR", amount=Decimal(180)))
    by_client = Policies(invoice_by=InvoiceBy.CLIENT)
    together = bill(*work, projects=(juno, iris, ATLAS), rates=rates, policies=by_client)
    assert [(one.currency, one.total.plain) for one in together.documents] == [
        ("USD", "400.00"),
        ("EUR", "180.00"),
    ]
    titles = [section.title for section in together.documents[0].sections]
    assert titles == ["Atlas – Build", "Iris – Build"]
    apart = bill(*work, projects=(juno, iris, ATLAS), rates=rates)
    assert len(apart.documents) == 3
    assert len({one.id for one in (*together.documents, *apart.documents)}) == 5


def test_purchase_orders_are_never_mixed_on_one_invoice():
    one = replace(ATLAS, po_number="PO-1")
    two = replace(ATLAS, id="p2", name="Iris", po_number="PO-2", budgets=(replace(BUILD, id="b2"),))
    result = bill(
        hours("t1"),
        hours("t2", project="p2"),
        projects=(one, two),
        policies=Policies(invoice_by=InvoiceBy.CLIENT),
    )
    assert [draft.po_number for draft in result.documents] == ["PO-1", "PO-2"]


def test_a_late_approval_makes_a_second_invoice_with_an_id_of_its_own():
    first = bill(hours("t1"))
    again = bill(hours("t1"))
    assert first == again
    late = bill(hours("t1"), hours("t2"), already_billed={"t1"}, taken={first.documents[0].id})
    assert list(late.billed()) == ["t2"]
    assert late.already_billed == ("t1",)
    assert late.documents[0].id != first.documents[0].id


def test_the_same_entry_given_twice_is_refused_whole():
    with pytest.raises(BadInput, match="Two of the same time entry were given: t1"):
        bill(hours("t1"), hours("t1"))


@pytest.mark.parametrize(
    ("group_by", "descriptions"),
    [
        (("task",), ["Design, 2.00 h", "No task, 1.00 h"]),
        (("role",), ["Senior, 3.00 h"]),
        (("budget",), ["Build, 3.00 h"]),
        (("project",), ["Atlas, 3.00 h"]),
        (("day",), ["2026-03-02, 1.00 h", "2026-03-03, 2.00 h"]),
        (
            ("entry",),
            [
                "2026-03-02 – Design – Ana – Sketches, second round, 1.00 h",
                "2026-03-03 – Design – Ana, 1.00 h",
                "2026-03-03 – Ben, 1.00 h",
            ],
        ),
    ],
)
def test_lines_are_grouped_as_the_budget_asks(group_by, descriptions):
    budget = replace(BUILD, group_by=tuple(GroupKey(key) for key in group_by))
    result = bill(
        hours("t1", notes="Sketches,\nsecond round"),
        hours("t2", day=3),
        hours("t3", day=3, task="", person="Ben"),
        projects=(replace(ATLAS, budgets=(budget,)),),
    )
    assert [line.description for line in result.documents[0].lines] == descriptions


def test_two_prices_never_share_a_line_and_one_price_may():
    budget = replace(BUILD, group_by=(GroupKey.TASK,))
    rates = (
        SENIOR,
        replace(SENIOR, role="", project="Atlas", person="Cho", origin="rates.yaml:2"),
        replace(SENIOR, role="Consultant", amount=Decimal(150), origin="rates.yaml:3"),
    )
    result = bill(
        hours("t1"),
        hours("t2", person="Cho"),
        hours("t3", person="Ben", role="Consultant"),
        projects=(replace(ATLAS, budgets=(budget,)),),
        rates=rates,
    )
    lines = result.documents[0].lines
    assert [(str(line.quantity), str(line.rate)) for line in lines] == [
        ("1.00", "150"),
        ("2.00", "200"),
    ]
    assert lines[1].rate_origin == (
        "role Senior on the firm's card (rates.yaml:1); person Cho on project Atlas (rates.yaml:2)"
    )
    assert (lines[1].person, lines[1].task) == ("", "Design")


def test_every_hold_has_words_for_a_bookkeeper():
    assert set(HOLD_WORDS) == set(HoldReason)
    for words in HOLD_WORDS.values():
        assert words.meaning.endswith(".")
        assert words.what_to_do.endswith(".")


def test_a_period_ends_after_it_starts():
    with pytest.raises(ValueError, match="before it starts"):
        Period(date(2026, 3, 2), date(2026, 3, 1))
